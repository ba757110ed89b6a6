"""What attention_weights tells is what the layers took: with V it makes their outputs."""

import numpy as np
import pytest

import chainrule as cr

RANDOM = np.random.default_rng(0)
X = RANDOM.normal(size=(3, 5, 4))


def network(*layers, shape=(5, 4)):
    return cr.Network(list(layers), seed=0, dtype="float64", input_shape=shape)


@pytest.mark.parametrize("causal", [False, True])
@pytest.mark.parametrize("bias", [False, True])
def test_the_weights_and_V_make_the_output(causal, bias):
    net = network(cr.MultiHeadAttention(2, 6, causal=causal, bias=bias))
    net.flat[:] = RANDOM.normal(size=net.flat.size)
    (P,) = cr.attention_weights(net, X)
    zero = np.zeros(6)
    held = {"bv1": zero, "bo1": zero} | dict(net.parameters)
    V = (X @ held["Wv1"].T + held["bv1"]).reshape(3, 5, 2, 3).swapaxes(1, 2)
    heads = (P @ V).swapaxes(1, 2).reshape(3, 5, 6)
    np.testing.assert_allclose(heads @ held["Wo1"].T + held["bo1"], net.predict(X), atol=1e-12)
    np.testing.assert_allclose(P.sum(axis=-1), 1)
    assert (np.triu(P, 1) == 0).all() == causal


def test_each_attention_has_its_own_in_the_order_of_the_walk():
    net = network(cr.Residual([cr.LayerNorm(), cr.MultiHeadAttention(1)]), cr.Dense(4), cr.MultiHeadAttention(4))
    first, second = cr.attention_weights(net, X)
    assert (first.shape, second.shape) == ((3, 1, 5, 5), (3, 4, 5, 5))


def test_nobody_looks_at_padding():
    net = cr.Network([cr.Masking(), cr.Embedding(9, 4), cr.MultiHeadAttention(2)], seed=0)
    (P,) = cr.attention_weights(net, np.array([[1, 2, 3, 0], [4, 0, 0, 0]]))
    assert (P[0, ..., 3] == 0).all()
    np.testing.assert_array_equal(P[1, ..., 0], 1)


def test_a_network_without_attention_is_refused():
    with pytest.raises(cr.OptionError, match=r"MultiHeadAttention, and Network\(\[Dense\(2\)\]\) has none"):
        cr.attention_weights(network(cr.Dense(2)), X)

import functools

import numpy as np
import pytest

import chainrule as cr


@pytest.mark.parametrize("shape", [(5, 3), (5, 2, 3), (5, 2, 4, 3)])
def test_it_applies_g_to_an_input_of_any_shape(shape):
    X = np.random.default_rng(0).normal(size=shape)
    net = cr.Network([cr.Activation("tanh")], dtype="float64")
    np.testing.assert_allclose(net.predict(X), np.tanh(X), rtol=1e-15)


def test_softmax_is_over_the_last_axis():
    Z = np.random.default_rng(0).normal(size=(5, 2, 3))
    A = cr.Network([cr.Activation("softmax")], dtype="float64").predict(Z)
    np.testing.assert_allclose(A, np.exp(Z) / np.exp(Z).sum(axis=-1, keepdims=True), rtol=1e-12)


def test_it_has_no_parameters():
    net = cr.Network([cr.Activation("relu")], input_shape=3)
    assert net.parameters == {}
    assert net.flat.size == 0


def test_an_operation_takes_options_by_partial():
    net = cr.Network([cr.Activation(functools.partial(cr.ops.elu, alpha=2.0))], dtype="float64")
    np.testing.assert_allclose(net.predict([[-1.0, 3.0]]), [[2 * (np.exp(-1) - 1), 3]], rtol=1e-12)


def test_a_network_of_nothing_but_activations_predicts():
    np.testing.assert_array_equal(cr.Network([cr.Activation("relu")]).predict([[-1, 2]]), [[0, 2]])


def test_an_unknown_name_is_answered_with_the_nearest():
    with pytest.raises(cr.OptionError, match="Did you mean 'softmax'"):
        cr.Activation("Soft-Max")

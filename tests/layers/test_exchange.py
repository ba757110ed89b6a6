"""Weights in ONNX's order, and what is answered to weights that do not fit; PyTorch's are in test_pytorch.py."""

import numpy as np
import pytest
from scipy.special import expit

import chainrule as cr

RANDOM = np.random.default_rng(0)
KINDS = {"RNN": cr.RNN, "GRU": cr.GRU, "LSTM": cr.LSTM}


def of_onnx(kind, X, W, R, B):
    """All states, by the equations of the ONNX standard: of an LSTM the gates i, o, f, c; of a GRU z, r, h."""
    n = R.shape[1]
    h = c = np.zeros((len(X), n))
    Wb, Rb = np.split(B, 2)
    found = []
    for t in range(X.shape[1]):
        x, r = np.split(X[:, t] @ W.T + Wb, len(W) // n, axis=1), np.split(h @ R.T + Rb, len(W) // n, axis=1)
        if kind == "RNN":
            h = np.tanh(x[0] + r[0])
        elif kind == "GRU":
            z, reset = expit(x[0] + r[0]), expit(x[1] + r[1])
            h = (1 - z) * np.tanh(x[2] + reset * r[2]) + z * h
        else:
            i, o, f = (expit(x[k] + r[k]) for k in range(3))
            c = f * c + i * np.tanh(x[3] + r[3])
            h = o * np.tanh(c)
        found.append(h)
    return np.stack(found, axis=1)


def built(layer):
    net = cr.Network([layer], seed=0, dtype="float64", input_shape=(5, 2))
    net.flat[...] = RANDOM.normal(size=net.flat.size)
    return net


@pytest.mark.parametrize("kind", KINDS)
def test_the_equations_of_onnx_give_the_same_states(kind):
    layer = KINDS[kind](3, bidirectional=True)
    net, X = built(layer), RANDOM.normal(size=(4, 5, 2))
    arrays = cr.to_onnx(layer)
    there = of_onnx(kind, X, *(arrays[name][0] for name in "WRB"))
    back = of_onnx(kind, X[:, ::-1], *(arrays[name][1] for name in "WRB"))[:, ::-1]
    np.testing.assert_allclose(net.predict(X), np.concatenate([there, back], axis=-1), rtol=1e-12)


@pytest.mark.parametrize("kind", KINDS)
def test_random_weights_of_onnx_are_taken_over(kind):
    layer = KINDS[kind](3)
    net, X = built(layer), RANDOM.normal(size=(4, 5, 2))
    arrays = {name: RANDOM.normal(size=value.shape) for name, value in cr.to_onnx(layer).items()}
    cr.from_onnx(layer, arrays)
    expected = of_onnx(kind, X, *(arrays[name][0] for name in "WRB"))
    np.testing.assert_allclose(net.predict(X), expected, rtol=1e-12, atol=1e-14)


LAYERS = [
    cr.Dense(4), cr.Conv1D(4, 3, groups=2), cr.ConvTranspose1D(4, 3, groups=2), cr.BatchNorm(), cr.LayerNorm(),
    cr.MultiHeadAttention(2), cr.RNN(3, layers=2, bidirectional=True), cr.GRU(3), cr.LSTM(3, layers=3, dropout=0.5),
    cr.LSTM(3, bias=False),
]  # fmt: skip


@pytest.mark.parametrize("layer", LAYERS, ids=repr)
def test_there_and_back_leaves_everything_as_it_was(layer):
    net = built(layer)
    before, state = net.flat.copy(), cr.to_pytorch(layer)
    net.flat[...] = 0
    cr.from_pytorch(layer, state)
    np.testing.assert_allclose(net.flat, before, rtol=1e-15)
    assert all(not np.shares_memory(value, net.flat) for value in state.values())


def test_weights_that_do_not_fit_are_refused_by_name():
    layer = cr.LSTM(3)
    with pytest.raises(cr.OptionError, match=r"has no parameters: build its network first"):
        cr.to_pytorch(layer)
    built(layer)
    state = cr.to_pytorch(layer)
    with pytest.raises(cr.OptionError, match=r"layer 1, LSTM\(3\) takes weight_ih_l0, .*there is no weight_hh_l0"):
        cr.from_pytorch(layer, {"weight_ih_l0": state["weight_ih_l0"]})
    with pytest.raises(cr.ShapeError, match=r"bias_hh_l0 is \(3,\), but must be \(12,\)"):
        cr.from_pytorch(layer, state | {"bias_hh_l0": np.zeros(3)})
    with pytest.raises(cr.OptionError, match=r"there is no R"):
        cr.from_onnx(layer, {name: cr.to_onnx(layer)[name] for name in "WB"})
    with pytest.raises(cr.OptionError, match=r"takes W, R, B, but has no place for P"):
        cr.from_onnx(layer, cr.to_onnx(layer) | {"P": np.zeros((1, 9))})
    stack = cr.LSTM(3, layers=2)
    built(stack)
    with pytest.raises(cr.OptionError, match=r"no single RNN, GRU or LSTM"):
        cr.to_onnx(stack)
    own = cr.EmbedColumns(1, 4, 2)
    cr.Network([own], input_shape=2)
    with pytest.raises(cr.OptionError, match=r"no counterpart in PyTorch"):
        cr.to_pytorch(own)


@pytest.mark.parametrize(
    ("layer", "given", "strange"),
    [
        (cr.LSTM(3), cr.LSTM(3, layers=2), "bias_hh_l1, bias_ih_l1, weight_hh_l1, weight_ih_l1"),
        (cr.GRU(3), cr.GRU(3, bidirectional=True), "bias_hh_l0_reverse, bias_ih_l0_reverse, .*"),
        (cr.Conv1D(3, 2, bias=False), cr.Conv1D(3, 2), "bias"),
    ],
    ids=repr,
)
def test_weights_that_the_layer_has_no_place_for_are_refused(layer, given, strange):
    built(layer), built(given)
    before = {name: value.copy() for name, value in layer.held.items()}
    with pytest.raises(cr.OptionError, match=f"but has no place for {strange}"):
        cr.from_pytorch(layer, cr.to_pytorch(given))
    assert all(np.array_equal(layer.held[name], value) for name, value in before.items())


def test_how_many_batches_pytorch_has_seen_does_not_matter():
    layer = cr.BatchNorm()
    built(layer)
    cr.from_pytorch(layer, cr.to_pytorch(layer) | {"num_batches_tracked": np.array(7)})


@pytest.mark.parametrize("bias", [True, False])
def test_what_onnx_leaves_out_is_zero(bias):
    layer = cr.GRU(3, bias=bias)
    built(layer)
    arrays = {name: RANDOM.normal(size=cr.to_onnx(layer)[name].shape) for name in "WR"}
    cr.from_onnx(layer, arrays)
    assert not cr.to_onnx(layer)["B"].any()
    np.testing.assert_allclose(cr.to_onnx(layer)["W"], arrays["W"])


@pytest.mark.parametrize("flattened", [(3, 4, 2), (6, 4)])
def test_a_dense_layer_behind_a_flatten_has_its_columns_in_another_order(flattened):
    layer = cr.Dense(5)
    net = cr.Network([cr.Flatten(), layer], seed=0, dtype="float64", input_shape=flattened)
    X = RANDOM.normal(size=(7, *flattened))
    weight, bias = RANDOM.normal(size=(5, 24)), RANDOM.normal(size=5)
    cr.from_pytorch(layer, {"weight": weight, "bias": bias}, flattened=flattened)
    channels_first = np.moveaxis(X, -1, 1).reshape(7, 24)
    np.testing.assert_allclose(net.predict(X), channels_first @ weight.T + bias, rtol=1e-12)
    np.testing.assert_array_equal(cr.to_pytorch(layer, flattened=flattened)["weight"], weight)


def channels_first(X):
    """Rows as PyTorch flattens them, (channels, height, width)."""
    return np.moveaxis(X, -1, 1).reshape(len(X), -1)


def test_behind_a_convolution_the_network_knows_the_order_by_itself():
    convolution, dense, X = cr.Conv2D(3, 2), cr.Dense(5), RANDOM.normal(size=(4, 6, 5, 2))
    layers = [convolution, cr.MaxPool(2), cr.Activation("relu"), cr.Flatten(), cr.Dropout(0.5), dense]
    net = cr.Network(layers, seed=0, dtype="float64", input_shape=(6, 5, 2))
    pooled = np.maximum(cr.Network([cr.MaxPool(2)], dtype="float64").predict(convolution(X)), 0)
    weight, bias = RANDOM.normal(size=(5, 12)), RANDOM.normal(size=5)
    cr.from_pytorch(dense, {"weight": weight, "bias": bias})
    np.testing.assert_allclose(net.predict(X), channels_first(pooled) @ weight.T + bias, rtol=1e-12)
    np.testing.assert_array_equal(cr.to_pytorch(dense)["weight"], weight)


def test_a_norm_behind_a_flatten_is_ordered_as_the_features_are():
    norm, dense = cr.BatchNorm(), cr.Dense(2)
    net = cr.Network([cr.Conv1D(3, 2), cr.Flatten(), norm, dense], seed=0, dtype="float64", input_shape=(5, 2))
    gamma, beta, mean = RANDOM.normal(size=(3, 12))
    state = {"weight": gamma, "bias": beta, "running_mean": mean, "running_var": mean**2}
    cr.from_pytorch(norm, state)
    order = channels_first(np.arange(12).reshape(1, 4, 3))[0]
    np.testing.assert_array_equal(norm.held["gamma"][order], gamma)
    np.testing.assert_array_equal(norm.statistics["mean"][order], mean)
    for name, value in cr.to_pytorch(norm).items():
        np.testing.assert_array_equal(value, state[name])
    assert net.predict(np.zeros((1, 5, 2))).shape == (1, 2)


@pytest.mark.parametrize("before", [cr.LSTM(3), cr.Dense(3, "relu"), cr.MultiHeadAttention(1)], ids=repr)
def test_behind_steps_that_have_their_features_last_there_too_nothing_is_reordered(before):
    dense = cr.Dense(2)
    cr.Network([before, cr.Residual([cr.Dense(3)]) if before.label != "LSTM(3)" else cr.Dropout(0.1), cr.Flatten(),
                dense], seed=0, input_shape=(5, 3))  # fmt: skip
    np.testing.assert_array_equal(cr.to_pytorch(dense)["weight"], dense.held["W"])


def test_a_single_channel_or_place_has_one_order():
    for shape in [(4, 4, 1), (1, 1, 5), (1, 7)]:
        dense = cr.Dense(2)
        cr.Network([cr.Flatten(), dense], input_shape=shape)
        cr.from_pytorch(dense, cr.to_pytorch(dense))


class Own(cr.Layer):
    """Flattens by itself."""

    def forward(self, A):
        return A.reshape(A.shape[0], -1) * self.parameter("s", ())


@pytest.mark.parametrize("flatten", [cr.Flatten(), Own()], ids=["Flatten", "own"])
def test_where_the_network_does_not_tell_the_order_it_is_asked_for(flatten):
    dense = cr.Dense(2)
    cr.Network([flatten, dense], seed=0, input_shape=(2, 3, 4))
    for_us = {"weight": RANDOM.normal(size=(2, 24)), "bias": np.zeros(2)}
    with pytest.raises(cr.OptionError, match=r"behind a Flatten of \(2, 3, 4\), and nothing .* \(4, 2, 3\)"):
        cr.from_pytorch(dense, for_us)
    cr.from_pytorch(dense, for_us, flattened=())
    np.testing.assert_allclose(dense.held["W"], for_us["weight"], rtol=1e-6)
    cr.from_pytorch(dense, for_us, flattened=(2, 3, 4))
    np.testing.assert_allclose(dense.held["W"][:, 1], for_us["weight"][:, 6], rtol=1e-6)


def test_another_shape_than_the_one_that_is_flattened_is_refused():
    dense = cr.Dense(2)
    cr.Network([cr.Conv2D(2, 1), cr.Flatten(), dense], seed=0, input_shape=(3, 4, 1))
    with pytest.raises(cr.ShapeError, match=r"stands behind a Flatten of \(3, 4, 2\), but flattened is \(4, 3, 2\)"):
        cr.to_pytorch(dense, flattened=(4, 3, 2))


def test_only_a_layer_of_that_size_stands_behind_what_was_flattened():
    layers = cr.Dense(4), cr.RNN(3)
    cr.Network(layers[:1], input_shape=12)
    cr.Network(layers[1:], input_shape=(4, 3))
    with pytest.raises(cr.ShapeError, match=r"Dense\(4\) takes 12 features, but of \(2, 3, 4\) there are 24"):
        cr.to_pytorch(layers[0], flattened=(2, 3, 4))
    with pytest.raises(cr.OptionError, match=r"RNN\(3\) takes no rows of what was flattened"):
        cr.to_pytorch(layers[1], flattened=(2, 2))


def test_a_layer_without_bias_refuses_one():
    layer = cr.GRU(3, bias=False)
    built(layer)
    arrays = cr.to_onnx(layer)
    with pytest.raises(cr.OptionError, match="has no bias, but the weights given have one"):
        cr.from_onnx(layer, arrays | {"B": np.ones_like(arrays["B"])})

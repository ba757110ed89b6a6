import copy
import re

import numpy as np
import pytest

import chainrule as cr


@pytest.fixture
def X():
    return np.random.default_rng(0).normal(size=(6, 4))


def test_the_output_is_a_plus_f_of_a(X):
    net = cr.Network([cr.Residual([cr.Dense(8, "tanh"), cr.Dense(4)])], seed=0, dtype="float64", input_shape=4)
    W1, W2 = net.parameters["W1"], net.parameters["W2"]
    np.testing.assert_allclose(net.predict(X), X + np.tanh(X @ W1.T) @ W2.T, rtol=1e-12)


def test_the_shortcut_lets_f_change_the_number_of_features(X):
    residual = cr.Residual([cr.Dense(3, "tanh")], shortcut=cr.Dense(3, bias=False))
    net = cr.Network([residual], seed=0, dtype="float64", input_shape=4)
    assert list(net.parameters) == ["W1", "b1", "W2"]
    expected = X @ net.parameters["W2"].T + np.tanh(X @ net.parameters["W1"].T)
    np.testing.assert_allclose(net.predict(X), expected, rtol=1e-12)


def test_sequences_keep_their_steps():
    X = np.random.default_rng(0).normal(size=(6, 5, 4))
    net = cr.Network([cr.Residual([cr.Dense(4)])], seed=0, dtype="float64")
    np.testing.assert_allclose(net.predict(X), X + X @ net.parameters["W1"].T, rtol=1e-12)


def test_residuals_nest_and_take_a_single_layer(X):
    inner = cr.Residual(cr.Dense(4))
    net = cr.Network([cr.Residual([inner])], seed=0, dtype="float64", input_shape=4)
    np.testing.assert_allclose(net.predict(X), 2 * X + X @ net.parameters["W1"].T, rtol=1e-12)


def test_a_sum_of_different_shapes_names_both_and_the_way_out():
    expected = (
        r"Residual\(\[Dense\(3\)\]\): A \+ F\(A\): A is \(1, 4\) and F\(A\) is \(1, 3\)\. "
        r"Give F's last layer 4 units, or .*, shortcut=Dense\(3, bias=False\)"
    )
    with pytest.raises(cr.ShapeError, match=expected):
        cr.Network([cr.Residual([cr.Dense(3)])], input_shape=4)


MISFITS = {
    "units": ([cr.Dense(3)], None, (4,), {"last", "shortcut"}),
    "a layer that has no units": ([cr.Dense(3), cr.BatchNorm()], None, (4,), {"shortcut"}),
    "sequences": ([cr.LSTM(3)], None, (5, 4), {"last", "shortcut"}),
    "the last step": ([cr.LSTM(4, last=True)], None, (5, 4), set()),
    "a stride": ([cr.Conv2D(16, 3, "relu", stride=2, padding="same")], None, (8, 8, 3), {"shortcut"}),
    "two strides": ([cr.Conv2D(16, 3, stride=(2, 1), padding="same")], None, (8, 8, 3), {"shortcut"}),
    "an odd size": ([cr.Conv1D(6, 3, stride=3, padding="same")], None, (10, 2), {"shortcut"}),
    "windows": ([cr.Conv2D(3, 3), cr.Conv2D(3, 3)], None, (8, 8, 3), {"same"}),
    "windows and units": ([cr.Conv2D(5, 3)], None, (8, 8, 3), set()),
    "pooling": ([cr.Conv2D(5, 3, padding="same"), cr.MaxPool(2)], None, (8, 8, 3), {"shortcut"}),
    "a shortcut that misses": ([cr.Dense(16)], cr.Dense(8), (4,), {"last", "shortcut"}),
    "flattened": ([cr.Flatten(), cr.Dense(3)], None, (4, 3), set()),
    "own arguments": ([cr.Dense(3, "tanh", bias=False)], None, (4,), {"last", "shortcut"}),
}


@pytest.mark.parametrize("called", MISFITS)
def test_the_advice_does_what_it_says(called):
    layers, shortcut, shape, ways = MISFITS[called]
    with pytest.raises(cr.ShapeError, match=r"A \+ F\(A\)") as refused:
        cr.Network([cr.Residual(layers, shortcut=shortcut)], input_shape=shape)
    said = str(refused.value)
    given = re.search(r"shortcut=(\w+\(.*\))\.$", said)
    units = re.search(r"F's last layer (\d+) units", said)
    assert {
        way for way, found in [("shortcut", given), ("last", units), ("same", "of F padding=" in said)] if found
    } == ways
    layers = [copy.deepcopy(layer) for layer in layers]
    if given:
        cr.Network([cr.Residual(layers, shortcut=eval(given[1], vars(cr)))], input_shape=shape)
    if units:
        last = type(layers[-1])(**layers[-1].arguments() | {"n_out": int(units[1])})
        cr.Network([cr.Residual([*layers[:-1], last], shortcut=shortcut)], input_shape=shape)
    if "of F padding=" in said:
        same = [type(layer)(**layer.arguments() | {"padding": "same"}) for layer in layers]
        cr.Network([cr.Residual(same)], input_shape=shape)


def test_an_axis_of_length_one_is_not_broadcast():
    with pytest.raises(cr.ShapeError, match=r"A \+ F\(A\)"):
        cr.Network([cr.Residual([cr.Dense(1)])], input_shape=4)


@pytest.mark.parametrize("layers", [[], [3], "Dense", None, [cr.Dense]])
def test_f_is_a_list_of_layers(layers):
    with pytest.raises(cr.OptionError, match="Residual takes a list of layers"):
        cr.Residual(layers)


@pytest.mark.parametrize("shortcut", ["Dense", cr.Dense, [cr.Dense(3)]])
def test_the_shortcut_is_a_layer(shortcut):
    with pytest.raises(cr.OptionError, match="shortcut"):
        cr.Residual([cr.Dense(3)], shortcut=shortcut)

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
        r"Give F's last layer 4 units, .*shortcut=Dense\(3, bias=False\)"
    )
    with pytest.raises(cr.ShapeError, match=expected):
        cr.Network([cr.Residual([cr.Dense(3)])], input_shape=4)


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

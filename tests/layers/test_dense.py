import math

import numpy as np
import pytest

import chainrule as cr

FORMULAS = {
    "identity": lambda Z: Z,
    "sigmoid": lambda Z: 1 / (1 + np.exp(-Z)),
    "tanh": lambda Z: np.sinh(Z) / np.cosh(Z),
    "relu": lambda Z: Z * (Z > 0),
    "leaky_relu": lambda Z: np.where(Z > 0, Z, 0.01 * Z),
    "elu": lambda Z: np.where(Z > 0, Z, np.exp(Z) - 1),
    "gelu": lambda Z: Z * (1 + np.vectorize(math.erf)(Z / math.sqrt(2))) / 2,
    "silu": lambda Z: Z / (1 + np.exp(-Z)),
    "softplus": lambda Z: np.log(1 + np.exp(Z)),
    "softmax": lambda Z: np.exp(Z) / np.exp(Z).sum(axis=-1, keepdims=True),
    "log_softmax": lambda Z: Z - np.log(np.exp(Z).sum(axis=-1, keepdims=True)),
}


@pytest.fixture
def X():
    return np.random.default_rng(0).normal(size=(6, 4))


def test_every_activation_that_is_known_by_name_has_a_formula_here():
    assert set(FORMULAS) == set(cr.ops.ACTIVATIONS)


@pytest.mark.parametrize("activation", FORMULAS)
def test_the_output_is_g_of_w_a_plus_b(X, activation):
    net = cr.Network([cr.Dense(3, activation)], seed=0, dtype="float64", input_shape=4)
    net.set_parameters({"b1": [0.5, -0.3, 0.1]})
    Z = X @ net.parameters["W1"].T + np.array([0.5, -0.3, 0.1])
    np.testing.assert_allclose(net.predict(X), FORMULAS[activation](Z), rtol=1e-12, atol=1e-14)


def test_without_an_activation_it_is_linear(X):
    net = cr.Network([cr.Dense(3)], seed=0, dtype="float64")
    np.testing.assert_allclose(net.predict(X), X @ net.parameters["W1"].T, rtol=1e-12)


def test_layers_follow_one_another(X):
    net = cr.Network([cr.Dense(5, "relu"), cr.Dense(2, "sigmoid")], seed=0, dtype="float64", input_shape=4)
    W1, W2 = net.parameters["W1"], net.parameters["W2"]
    A1 = np.maximum(X @ W1.T, 0)
    np.testing.assert_allclose(net.predict(X), 1 / (1 + np.exp(-A1 @ W2.T)), rtol=1e-12)


def test_every_step_of_a_sequence_goes_through_the_same_w(X):
    sequences = np.random.default_rng(1).normal(size=(6, 7, 4))
    net = cr.Network([cr.Dense(3, "tanh")], seed=0, dtype="float64", input_shape=(7, 4))
    Z = net.predict(sequences)
    assert Z.shape == (6, 7, 3)
    for step in range(7):
        np.testing.assert_allclose(Z[:, step], np.tanh(sequences[:, step] @ net.parameters["W1"].T), rtol=1e-12)


def test_w_is_n_out_by_n_in_and_b_is_n_out():
    net = cr.Network([cr.Dense(3)], input_shape=4)
    assert {name: value.shape for name, value in net.parameters.items()} == {"W1": (3, 4), "b1": (3,)}


def test_the_bias_starts_at_zero_and_can_be_left_out():
    net = cr.Network([cr.Dense(3), cr.Dense(2, bias=False)], input_shape=4)
    assert not net.parameters["b1"].any()
    assert list(net.parameters) == ["W1", "b1", "W2"]


def test_an_operation_or_one_with_options_can_be_the_activation(X):
    from functools import partial

    net = cr.Network([cr.Dense(3, partial(cr.ops.leaky_relu, slope=0.5))], seed=0, dtype="float64", input_shape=4)
    Z = X @ net.parameters["W1"].T
    np.testing.assert_allclose(net.predict(X), np.where(Z > 0, Z, 0.5 * Z), rtol=1e-12)
    same = cr.Network([cr.Dense(3, cr.ops.tanh)], seed=0, dtype="float64", input_shape=4)
    np.testing.assert_allclose(same.predict(X), np.tanh(X @ same.parameters["W1"].T), rtol=1e-12)


def test_an_own_function_can_be_the_activation(X):
    net = cr.Network([cr.Dense(3, lambda Z: Z * Z)], seed=0, dtype="float64", input_shape=4)
    np.testing.assert_allclose(net.predict(X), (X @ net.parameters["W1"].T) ** 2, rtol=1e-12)


@pytest.mark.parametrize(("activation", "variance"), [("relu", 2 / 300), ("silu", 2 / 300), ("tanh", 2 / 500)])
def test_w_starts_as_the_activation_needs_it(activation, variance):
    W = cr.Network([cr.Dense(200, activation)], seed=0, input_shape=300).parameters["W1"]
    assert W.var() == pytest.approx(variance, rel=0.03)


def test_the_initializer_is_a_name_or_an_object():
    ones = cr.Network([cr.Dense(2, initializer="ones")], input_shape=3)
    assert (ones.parameters["W1"] == 1).all()
    small = cr.Network([cr.Dense(200, initializer=cr.initializers.Random(0.5))], seed=0, input_shape=300)
    assert small.parameters["W1"].std() == pytest.approx(0.5, rel=0.02)


@pytest.mark.parametrize("n_out", [0, -1, 2.5, 3.0, True, "3", None])
def test_n_out_is_a_whole_number_of_one_or_more(n_out):
    with pytest.raises(cr.OptionError, match=r"n_out is .* whole number, 1 or more"):
        cr.Dense(n_out)


def test_a_numpy_integer_is_a_whole_number():
    assert cr.Dense(np.int64(3)).to_config()["n_out"] == 3


def test_an_unknown_activation_is_answered_with_the_known_ones_and_the_nearest():
    with pytest.raises(cr.OptionError, match=r"no activation 'rleu'. Did you mean 'relu'\?.* Known: elu, gelu, .*tanh"):
        cr.Dense(3, "rleu")


def test_an_unknown_initializer_is_answered_with_the_known_ones_and_the_nearest():
    with pytest.raises(cr.OptionError, match=r"no initializer 'xaver'. Did you mean 'xavier'\?.* Known: glorot, he, "):
        cr.Dense(3, initializer="xaver")


@pytest.mark.parametrize("activation", [5, ["relu"], b"relu"])
def test_an_activation_is_a_name_or_something_to_call(activation):
    with pytest.raises(cr.OptionError, match="activation is a name"):
        cr.Dense(3, activation)


def test_an_initializer_is_a_name_or_an_initializer():
    with pytest.raises(cr.OptionError, match="initializer is a name"):
        cr.Dense(3, initializer=np.zeros)

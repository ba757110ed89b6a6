"""The activations: values against SciPy's, derivatives at the kinks, and large |z|."""

import sys

import numpy as np
import pytest
from scipy import special

import chainrule as cr
from chainrule import ops
from ops.derivatives import derivative

Z = np.random.default_rng(0).normal(0, 3, (5, 4))
LARGE = np.float32([-1e4, -1e3, -104, -89, -50, -20, -1, -1e-30, 0, 1e-30, 1, 20, 50, 89, 104, 1e3, 1e4])


@pytest.mark.parametrize(
    ("activation", "expected"),
    [
        (ops.identity, Z),
        (ops.sigmoid, special.expit(Z)),
        (ops.tanh, np.tanh(Z)),
        (ops.relu, Z * (Z > 0)),
        (ops.leaky_relu, np.maximum(0.01 * Z, Z)),
        (ops.elu, np.where(Z > 0, Z, np.exp(Z) - 1)),
        (ops.gelu, Z * special.ndtr(Z)),
        (ops.silu, Z * special.expit(Z)),
        (ops.softplus, -special.log_expit(-Z)),
        (ops.softmax, special.softmax(Z, axis=-1)),
        (ops.log_softmax, special.log_softmax(Z, axis=-1)),
    ],
)
def test_values_agree_with_scipy(activation, expected):
    np.testing.assert_allclose(activation(Z), expected, rtol=1e-12, atol=1e-15)


@pytest.mark.parametrize("g", ops.ACTIVATIONS.values(), ids=ops.ACTIVATIONS)
def test_large_numbers_stay_finite_in_float32_without_a_warning(g):
    with np.errstate(over="raise", invalid="raise", divide="raise"):
        A = cr.variable(LARGE)
        J = (g(A) * np.float32(1 / 16)).sum()
        J.backward()
    assert np.isfinite(g(LARGE)).all()
    assert np.isfinite(A.grad).all()
    assert g(LARGE).dtype == A.grad.dtype == np.float32


@pytest.mark.parametrize("g", ops.ACTIVATIONS.values(), ids=ops.ACTIVATIONS)
def test_the_shape_stays(g):
    for shape in [(3,), (2, 3), (2, 3, 4)]:
        assert g(np.ones(shape)).shape == shape


@pytest.mark.parametrize(
    ("g", "at_0"),
    [(ops.relu, 0), (ops.leaky_relu, 0.01), (ops.elu, 1), (ops.sigmoid, 0.25), (ops.gelu, 0.5), (ops.silu, 0.5)],
)
def test_the_derivative_at_0(g, at_0):
    assert derivative(g, 0.0) == at_0
    assert derivative(g, -0.0) == at_0


def test_options_bend_leaky_relu_and_elu():
    np.testing.assert_allclose(ops.leaky_relu([-2.0, 2.0], slope=0.2), [-0.4, 2])
    np.testing.assert_allclose(derivative(lambda Z: ops.leaky_relu(Z, slope=0.2), [-2.0, 0.0, 2.0]), [0.2, 0.2, 1])
    np.testing.assert_allclose(ops.elu([-1.0, 2.0], alpha=2.0), [2 / np.e - 2, 2])
    np.testing.assert_allclose(derivative(lambda Z: ops.elu(Z, alpha=2.0), [-1.0, 2.0]), [2 / np.e, 1])


@pytest.mark.parametrize("axis", [0, 1, -1])
def test_softmax_sums_to_1_along_its_axis(axis):
    np.testing.assert_allclose(ops.softmax(Z, axis=axis).sum(axis=axis), 1)
    np.testing.assert_allclose(ops.log_softmax(Z, axis=axis), np.log(ops.softmax(Z, axis=axis)))


def test_softmax_does_not_see_a_number_added_to_all():
    np.testing.assert_allclose(ops.softmax(Z + 1000), ops.softmax(Z))
    np.testing.assert_allclose(derivative(ops.softmax, Z), 0, atol=1e-15)


def test_log_softmax_never_takes_the_logarithm_of_0():
    np.testing.assert_array_equal(ops.log_softmax(np.float32([0, -1e4])), [0, -1e4])


def test_the_sigmoid_is_exact_in_both_tails():
    np.testing.assert_allclose(ops.sigmoid(np.array([-700.0, -40.0, 40.0])), special.expit([-700.0, -40.0, 40.0]))


def test_whole_numbers_and_lists_are_taken_too():
    np.testing.assert_allclose(ops.sigmoid([0, 1]), special.expit([0.0, 1.0]))
    np.testing.assert_allclose(ops.softmax([0, 1]), special.softmax([0.0, 1.0]))


LIMITS = {ops.silu: (0, np.inf), ops.gelu: (0, np.inf), ops.sigmoid: (0, 1), ops.tanh: (-1, 1)}


@pytest.mark.parametrize("activation", LIMITS)
def test_limits(activation):
    below, above = LIMITS[activation]
    for dtype in (np.float32, np.float64):
        Z = np.array([-np.inf, -np.finfo(dtype).max, np.finfo(dtype).max, np.inf], dtype)
        np.testing.assert_allclose(activation(Z), [below, below, np.minimum(above, Z[2]), above])
        slope = derivative(activation, Z)
        np.testing.assert_array_equal(slope, [0, 0, *([1, 1] if above > 1 else [0, 0])])


@pytest.mark.parametrize("dtype", [np.float64, np.float32])
def test_gelu_without_scipy_is_the_same_but_for_rounding(monkeypatch, dtype):
    Z = np.linspace(-9, 9, 2001).astype(dtype)
    expected = cr.ops.gelu(Z)
    monkeypatch.setitem(sys.modules, "scipy", None)
    found = cr.ops.gelu(Z)
    assert found.dtype == dtype
    np.testing.assert_allclose(found, expected, rtol=0, atol=4 * np.finfo(dtype).eps)
    assert cr.ops.gelu(np.array(0.5, dtype)).shape == ()

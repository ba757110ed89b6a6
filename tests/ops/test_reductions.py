"""sum, mean and max, as functions and as methods of a Variable."""

import numpy as np
import pytest

import chainrule as cr
from ops.derivatives import derivative


@pytest.mark.parametrize("name", ["sum", "mean", "max"])
@pytest.mark.parametrize("options", [{}, {"axis": 1}, {"axis": (0, 2)}, {"axis": -1, "keepdims": True}])
def test_reductions_take_numpys_arguments(name, options):
    a = np.random.default_rng(0).normal(size=(2, 3, 4))
    Z = getattr(cr.variable(a), name)(**options)
    np.testing.assert_allclose(Z.value, getattr(a, name)(**options))
    assert derivative(lambda A: getattr(A, name)(**options), a).shape == a.shape


def test_derivatives_of_reductions_by_hand():
    a = [[1.0, 2.0], [4.0, 3.0]]
    np.testing.assert_array_equal(derivative(lambda A: A.sum(), a), [[1, 1], [1, 1]])
    np.testing.assert_array_equal(derivative(lambda A: A.mean(), a), [[0.25, 0.25], [0.25, 0.25]])
    np.testing.assert_array_equal(derivative(lambda A: A.max(), a), [[0, 0], [1, 0]])
    np.testing.assert_array_equal(derivative(lambda A: A.max(axis=1), a), [[0, 1], [1, 0]])


def test_the_largest_elements_share_the_derivative_equally():
    np.testing.assert_array_equal(derivative(lambda A: A.max(), [2.0, 1.0, 2.0]), [0.5, 0, 0.5])
    np.testing.assert_array_equal(derivative(lambda A: A.max(axis=0), [[3.0, 1.0], [3.0, 2.0]]), [[0.5, 0], [0.5, 1]])
    np.testing.assert_allclose(derivative(lambda A: A.max(axis=(0, 1), keepdims=True), np.ones((2, 3))), 1 / 6)


def test_a_reduction_to_nothing_less_keeps_every_element():
    np.testing.assert_array_equal(derivative(lambda A: A.sum(axis=()) * [1.0, 2.0], [3.0, 4.0]), [1, 2])


def test_the_sum_of_nothing_is_0():
    A = cr.variable(np.zeros((0, 3)))
    J = A.sum()
    J.backward()
    assert J.value == 0
    assert A.grad.shape == (0, 3)

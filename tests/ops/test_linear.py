"""Z = A Wᵀ + b."""

import numpy as np
import pytest

import chainrule as cr
from chainrule import ops

A = np.array([[1.0, 2.0], [3.0, 4.0], [5.0, 6.0]])
W = np.array([[1.0, -1.0]])


def test_values_and_derivatives_by_hand():
    variables = A_, W_, b_ = cr.variable(A), cr.variable(W), cr.variable([10.0])
    Z = ops.linear(*variables)
    np.testing.assert_array_equal(Z.value, [[9], [9], [9]])
    (Z * np.array([[1.0], [2.0], [3.0]])).sum().backward()
    np.testing.assert_array_equal(A_.grad, [[1, -1], [2, -2], [3, -3]])
    np.testing.assert_array_equal(W_.grad, [[1 + 6 + 15, 2 + 8 + 18]])
    np.testing.assert_array_equal(b_.grad, [6])


def test_the_bias_may_be_left_out():
    np.testing.assert_array_equal(ops.linear(A, W), A @ W.T)
    np.testing.assert_array_equal(ops.linear(A, W, None), A @ W.T)


def test_one_example_and_sequences_of_examples_have_no_or_more_leading_axes():
    b = np.array([10.0])
    np.testing.assert_array_equal(ops.linear(A[0], W, b), [9])
    np.testing.assert_array_equal(ops.linear(A.reshape(1, 3, 2), W, b), [[[9], [9], [9]]])


def test_no_examples_give_derivatives_of_0():
    W_, b_ = cr.variable(W), cr.variable([10.0])
    ops.linear(np.zeros((0, 2)), W_, b_).sum().backward()
    np.testing.assert_array_equal(W_.grad, np.zeros((1, 2)))
    np.testing.assert_array_equal(b_.grad, [0])


def test_another_number_of_features_is_a_shape_error_that_names_both():
    with pytest.raises(cr.ShapeError, match=r"W is \(1, 2\).*2 features.*A is \(3, 4\)"):
        ops.linear(np.ones((3, 4)), W)


@pytest.mark.parametrize("b", [np.ones(3), np.ones((3, 1)), np.ones((1, 1))])
def test_a_bias_of_another_shape_than_n_out_is_a_shape_error(b):
    with pytest.raises(cr.ShapeError):
        ops.linear(A, W, b)


@pytest.mark.parametrize("shape", [(2,), (1, 2, 3)])
def test_weights_that_are_no_matrix_are_a_shape_error(shape):
    with pytest.raises(cr.ShapeError):
        ops.linear(A, np.ones(shape))

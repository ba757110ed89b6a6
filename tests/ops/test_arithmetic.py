"""The operators + − * / ** @ of a Variable, with numbers and arrays on either side."""

import operator

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as npst

import chainrule as cr
from chainrule import ops
from ops.derivatives import derivative

ARITHMETIC = [operator.add, operator.sub, operator.mul, operator.truediv, operator.pow]


@pytest.mark.parametrize("function", ARITHMETIC)
@pytest.mark.parametrize("other", [3, 3.0, np.float64(3), np.array(3.0), np.array([3.0, 4.0]), [3.0, 4.0]])
def test_numbers_and_arrays_may_stand_on_either_side(function, other):
    a = np.array([1.5, 2.5])
    left, right = function(cr.variable(a), other), function(other, cr.variable(a))
    assert isinstance(left, cr.Variable)
    assert isinstance(right, cr.Variable)
    np.testing.assert_array_equal(left.value, function(a, np.asarray(other)))
    np.testing.assert_array_equal(right.value, function(np.asarray(other), a))


@pytest.mark.parametrize(
    ("function", "by_left", "by_right"),
    [
        (operator.add, 1, 1),
        (operator.sub, 1, -1),
        (operator.mul, 5, 2),
        (operator.truediv, 1 / 5, -2 / 25),
        (operator.pow, 5 * 2**4, 2**5 * np.log(2)),
    ],
)
def test_derivatives_by_hand_at_2_and_5(function, by_left, by_right):
    left, right = cr.variable(2.0), cr.variable(5.0)
    function(left, right).backward()
    assert left.grad == pytest.approx(by_left)
    assert right.grad == pytest.approx(by_right)
    assert derivative(lambda a: function(a, 5), 2.0) == pytest.approx(by_left)
    assert derivative(lambda b: function(2, b), 5.0) == pytest.approx(by_right)


@settings(max_examples=60, derandomize=True, deadline=None)
@given(
    function=st.sampled_from(ARITHMETIC),
    shapes=npst.mutually_broadcastable_shapes(num_shapes=2, min_side=0, max_dims=3, max_side=3),
)
def test_shapes_broadcast_as_in_numpy_and_derivatives_come_back_in_the_shape_of_each(function, shapes):
    rng = np.random.default_rng(0)
    a, b = (rng.uniform(1, 2, shape) for shape in shapes.input_shapes)
    A, B = cr.variable(a), cr.variable(b)
    both = function(A, B)
    both.sum().backward()
    np.testing.assert_array_equal(both.value, function(a, b))
    assert A.grad.shape == a.shape
    assert B.grad.shape == b.shape
    np.testing.assert_allclose(derivative(lambda A: function(A, b), a), A.grad)
    np.testing.assert_allclose(derivative(lambda B: function(a, B), b), B.grad)


@settings(max_examples=30, derandomize=True, deadline=None)
@given(shapes=npst.mutually_broadcastable_shapes(num_shapes=2, max_dims=3, max_side=3))
def test_each_element_of_a_sum_gets_1_for_every_time_it_was_stretched(shapes):
    (shape, other), result = shapes.input_shapes, np.prod(shapes.result_shape)
    stretched = derivative(lambda A: A + np.zeros(other), np.zeros(shape))
    assert (stretched == result / np.prod(shape)).all()


@pytest.mark.parametrize(
    ("left", "right"),
    [((2, 3), (3, 4)), ((3,), (3,)), ((3,), (3, 2)), ((2, 3), (3,)), ((5, 2, 3), (3, 4)), ((2, 3), (5, 3, 4))],
)
def test_the_matrix_product_takes_arrays_on_either_side(left, right):
    A, B = np.random.default_rng(0).normal(size=left), np.random.default_rng(1).normal(size=right)
    for product in (cr.variable(A) @ B, A @ cr.variable(B), cr.variable(A) @ cr.variable(B)):
        assert isinstance(product, cr.Variable)
        np.testing.assert_array_equal(product.value, A @ B)


def test_the_matrix_product_by_hand():
    A, B = cr.variable([[1.0, 2.0], [3.0, 4.0]]), cr.variable([[5.0], [6.0]])
    (A @ B).sum().backward()
    np.testing.assert_array_equal(A.grad, [[5, 6], [5, 6]])
    np.testing.assert_array_equal(B.grad, [[4], [6]])


def test_minus_and_absolute_value():
    a = np.array([-2.0, 0.0, 3.0])
    np.testing.assert_array_equal((-cr.variable(a)).value, -a)
    np.testing.assert_array_equal(derivative(lambda a: -a, a), [-1, -1, -1])
    np.testing.assert_array_equal(abs(cr.variable(a)).value, [2, 0, 3])
    np.testing.assert_array_equal(derivative(abs, a), [-1, 0, 1])


def test_whole_powers_of_negative_numbers_and_of_0_have_derivatives():
    np.testing.assert_array_equal(derivative(lambda a: a**3, [-2.0, 0.0]), [12, 0])
    np.testing.assert_array_equal(derivative(lambda a: a**1, [-2.0, 0.0]), [1, 1])
    np.testing.assert_array_equal(derivative(lambda a: a**0, [-2.0, 0.0]), [0, 0])


def test_a_power_of_a_constant_0_has_derivative_0():
    assert derivative(lambda b: 0.0**b, 0.5) == 0
    np.testing.assert_allclose(derivative(lambda b: np.array([0.0, 1.0]) ** b, [0.5, 0.5]), [0, 0])


@pytest.mark.parametrize("function", ARITHMETIC)
def test_shapes_that_do_not_fit_are_a_shape_error_that_names_both(function):
    with pytest.raises(cr.ShapeError, match=r"\(2, 3\).*\(4,\).*broadcast"):
        function(cr.variable(np.ones((2, 3))), np.ones(4))
    with pytest.raises(cr.ShapeError, match=r"\(4,\).*\(2, 3\).*broadcast"):
        function(np.ones(4), cr.variable(np.ones((2, 3))))


def test_matrices_that_do_not_fit_are_a_shape_error_that_names_both():
    with pytest.raises(cr.ShapeError, match=r"A is \(2, 3\) and B is \(4, 5\).*columns.*rows"):
        cr.variable(np.ones((2, 3))) @ np.ones((4, 5))


def test_a_matrix_product_with_a_number_is_a_shape_error():
    with pytest.raises(cr.ShapeError):
        3 @ cr.variable(np.ones((2, 3)))


@pytest.mark.parametrize(
    "function",
    [
        lambda a: 2.5 * a,
        lambda a: a / 3,
        lambda a: 3 / a,
        lambda a: a**2,
        lambda a: 2**a,
        lambda a: 2.5**a,
        lambda a: 1 - a,
        lambda a: a + 1.5,
        lambda a: ops.maximum(a, 1.5),
        lambda a: ops.where(a.value > 1, a, 0.0),
    ],
)
@pytest.mark.parametrize("value", [np.float32([1, 2]), np.float32(2)])
def test_python_numbers_never_widen_float32(function, value):
    a = cr.variable(value)
    Z = function(a)
    Z.sum().backward()
    assert Z.dtype == np.float32
    assert a.grad.dtype == np.float32

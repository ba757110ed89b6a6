"""exp, log, sqrt, abs, and the choices between elements: maximum, minimum, where, clip."""

import numpy as np
import pytest

import chainrule as cr
from chainrule import ops
from ops.derivatives import derivative

A = np.array([0.5, 1.0, 4.0])


def test_exp_log_and_sqrt_by_hand():
    np.testing.assert_allclose(derivative(ops.exp, A), np.exp(A))
    np.testing.assert_allclose(derivative(ops.log, A), [2, 1, 0.25])
    np.testing.assert_allclose(derivative(ops.sqrt, A), 0.5 / np.sqrt(A))


def test_sin_cos_and_tan_by_hand():
    angles = np.array([0.0, np.pi / 6, np.pi / 4])
    np.testing.assert_allclose(ops.sin(angles), [0, 0.5, np.sqrt(0.5)])
    np.testing.assert_allclose(derivative(ops.sin, angles), np.cos(angles))
    np.testing.assert_allclose(derivative(ops.cos, angles), -np.sin(angles))
    np.testing.assert_allclose(derivative(ops.tan, angles), [1, 4 / 3, 2])


def test_abs_has_derivative_0_at_0():
    np.testing.assert_array_equal(derivative(ops.abs, [-2.0, 0.0, 3.0]), [-1, 0, 1])


@pytest.mark.parametrize(("choice", "to_a"), [(ops.maximum, [0, 0.5, 1]), (ops.minimum, [1, 0.5, 0])])
def test_the_chosen_element_gets_the_derivative_and_equal_ones_half_each(choice, to_a):
    a, b = cr.variable([1.0, 2.0, 3.0]), cr.variable([2.0, 2.0, 2.0])
    choice(a, b).sum().backward()
    np.testing.assert_array_equal(a.grad, to_a)
    np.testing.assert_array_equal(b.grad, 1 - np.array(to_a))


@pytest.mark.parametrize("choice", [ops.maximum, ops.minimum])
def test_a_choice_between_infinities_is_free_of_warnings(choice):
    for end in (np.inf, -np.inf):
        np.testing.assert_array_equal(derivative(lambda a, end=end: choice(a, np.array([end])), [end]), 0.5)


def test_where_hands_the_derivative_to_the_element_it_took():
    C = np.array([True, False])
    a, b = cr.variable([[1.0, 2.0], [3.0, 4.0]]), cr.variable(9.0)
    Z = ops.where(C, a, b)
    np.testing.assert_array_equal(Z.value, [[1, 9], [3, 9]])
    Z.sum().backward()
    np.testing.assert_array_equal(a.grad, [[1, 0], [1, 0]])
    assert b.grad == 2


def test_where_hides_a_derivative_that_is_not_finite():
    x = np.array([0.0, 4.0])
    with np.errstate(divide="ignore"):
        d = derivative(lambda a: ops.where(x > 0, ops.log(ops.where(x > 0, a, 1.0)), 0.0), x)
    np.testing.assert_array_equal(d, [0, 0.25])


def test_clip_holds_its_bounds_and_has_derivative_1_on_them():
    a = [-2.0, -1.0, 0.0, 1.0, 2.0]
    np.testing.assert_array_equal(ops.clip(a, low=-1.0, high=1.0), [-1, -1, 0, 1, 1])
    np.testing.assert_array_equal(derivative(lambda A: ops.clip(A, low=-1.0, high=1.0), a), [0, 1, 1, 1, 0])
    np.testing.assert_array_equal(derivative(lambda A: ops.clip(A, low=0.0), a), [0, 0, 1, 1, 1])
    np.testing.assert_array_equal(derivative(lambda A: ops.clip(A, high=0.0), a), [1, 1, 1, 0, 0])
    np.testing.assert_array_equal(derivative(ops.clip, a), [1, 1, 1, 1, 1])


@pytest.mark.parametrize("choice", [ops.maximum, ops.minimum, lambda a, b: ops.where(np.True_, a, b)])
def test_shapes_that_do_not_fit_are_a_shape_error_that_names_both(choice):
    with pytest.raises(cr.ShapeError, match=r"\(2, 3\).*\(4,\)"):
        choice(cr.variable(np.ones((2, 3))), np.ones(4))


def test_the_bounds_of_clip_are_in_order():
    with pytest.raises(cr.OptionError, match="low is 2 and high is 1: nothing is between them"):
        cr.ops.clip(np.ones(3), low=2, high=1)

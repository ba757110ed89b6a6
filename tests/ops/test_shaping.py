"""The same numbers in another shape or order, as functions and as methods of a Variable."""

import numpy as np
import pytest

import chainrule as cr
from chainrule import ops
from ops.derivatives import derivative


@pytest.mark.parametrize(
    "key",
    [
        0,
        -1,
        (1, 2),
        slice(None, None, 2),
        slice(None, None, -1),
        (slice(1, 3), slice(None)),
        (..., 0),
        None,
        (slice(None), None, 1),
        [0, 2],
        ([0, 2], [1, 3]),
        np.array([[0, 1], [2, 0]]),
        np.array([True, False, True]),
        np.arange(12).reshape(3, 4) % 2 == 0,
    ],
)
def test_a_variable_is_indexed_like_an_array_and_only_the_elements_taken_get_a_derivative(key):
    a = np.arange(12.0).reshape(3, 4)
    np.testing.assert_array_equal(cr.variable(a)[key].value, a[key])
    taken = np.zeros((3, 4))
    np.add.at(taken, key, 1)
    np.testing.assert_array_equal(derivative(lambda A: A[key], a), taken)


def test_an_element_taken_twice_gets_both_derivatives():
    np.testing.assert_array_equal(derivative(lambda a: a[[0, 0, 2]], [1.0, 2.0, 3.0]), [2, 0, 1])


def test_a_vector_is_taken_apart_by_iteration():
    a = cr.variable([5.0, 3.0])
    first, second = a
    (first * second).backward()
    np.testing.assert_array_equal(a.grad, [3, 5])
    assert len(a) == 2


def test_an_index_out_of_range_is_an_index_error():
    with pytest.raises(IndexError):
        cr.variable([1.0, 2.0])[2]


@pytest.mark.parametrize("shape", [(6, 4), (-1,), (4, 3, 2)])
def test_reshape_takes_a_shape_as_one_argument_or_several(shape):
    a = np.arange(24.0).reshape(2, 3, 4)
    np.testing.assert_array_equal(cr.variable(a).reshape(shape).value, a.reshape(shape))
    np.testing.assert_array_equal(cr.variable(a).reshape(*shape).value, a.reshape(shape))


@pytest.mark.parametrize("axes", [(2, 0, 1), (-1, 0, 1), (0, 1, 2)])
def test_transpose_takes_axes_as_one_argument_or_several(axes):
    a = np.arange(24.0).reshape(2, 3, 4)
    np.testing.assert_array_equal(cr.variable(a).transpose(*axes).value, a.transpose(axes))
    np.testing.assert_array_equal(cr.variable(a).transpose(axes).value, a.transpose(axes))


@pytest.mark.parametrize("axes", [(2, 0, 1), (-1, 0, 1), (0, 1, 2), (1, 2, 0, 3)])
def test_a_derivative_is_put_back_in_the_order_of_the_axes(axes):
    a = np.random.default_rng(0).normal(size=(2, 3, 4, 5)[: len(axes)])
    np.testing.assert_array_equal(derivative(lambda A: A.transpose(*axes) * a.transpose(axes), a), a)


def test_T_reverses_the_axes():
    a = np.arange(24.0).reshape(2, 3, 4)
    np.testing.assert_array_equal(cr.variable(a).T.value, a.T)
    np.testing.assert_array_equal(cr.variable(a).transpose().value, a.T)
    np.testing.assert_array_equal(derivative(lambda A: A.T * a.T, a), a)


def test_a_shape_of_another_size_is_a_shape_error():
    with pytest.raises(cr.ShapeError, match=r"\(2, 3\).*6 numbers.*\(4, 2\)"):
        cr.variable(np.ones((2, 3))).reshape(4, 2)


def test_parts_of_any_length_are_concatenated_and_each_gets_its_own_derivative():
    A, B = cr.variable([[1.0], [2.0]]), cr.variable([[3.0, 4.0], [5.0, 6.0]])
    Z = ops.concatenate(A, B, axis=1)
    np.testing.assert_array_equal(Z.value, [[1, 3, 4], [2, 5, 6]])
    (Z * np.array([[1.0, 2.0, 3.0], [4.0, 5.0, 6.0]])).sum().backward()
    np.testing.assert_array_equal(A.grad, [[1], [4]])
    np.testing.assert_array_equal(B.grad, [[2, 3], [5, 6]])


def test_examples_are_stacked_along_a_new_axis():
    a, b = cr.variable([1.0, 2.0]), cr.variable([3.0, 4.0])
    np.testing.assert_array_equal(ops.stack(a, b).value, [[1, 2], [3, 4]])
    Z = ops.stack(a, b, axis=1)
    np.testing.assert_array_equal(Z.value, [[1, 3], [2, 4]])
    (Z * np.array([[1.0, 2.0], [3.0, 4.0]])).sum().backward()
    np.testing.assert_array_equal(a.grad, [1, 3])
    np.testing.assert_array_equal(b.grad, [2, 4])


def test_a_variable_joined_with_itself_gets_both_derivatives():
    np.testing.assert_array_equal(derivative(lambda a: ops.concatenate(a, a), [1.0, 2.0]), [2, 2])
    np.testing.assert_array_equal(derivative(lambda a: ops.stack(a, a), [1.0, 2.0]), [2, 2])


def test_plain_arrays_beside_a_variable_are_joined_too():
    np.testing.assert_array_equal(derivative(lambda a: ops.concatenate([9.0], a, [9.0]), [1.0, 2.0]), [1, 1])


@pytest.mark.parametrize("join", [ops.concatenate, ops.stack])
def test_parts_whose_shapes_do_not_fit_are_a_shape_error(join):
    with pytest.raises(cr.ShapeError, match=r"\(2, 3\).*\(3, 4\)"):
        join(cr.variable(np.ones((2, 3))), np.ones((3, 4)))


@pytest.mark.parametrize("join", [ops.concatenate, ops.stack])
def test_the_parts_may_come_in_one_list_as_numpy_has_it(join):
    a = [1.0, 2.0]
    np.testing.assert_array_equal(derivative(lambda A: join([A, A]), a), [2, 2])
    np.testing.assert_array_equal(join([np.array(a), np.array(a)]), join(np.array(a), np.array(a)))


def test_variables_in_a_list_elsewhere_are_a_graph_error_that_names_the_way_out():
    a = cr.variable(1.0)
    with pytest.raises(cr.GraphError, match=r"stack"):
        ops.relu([a, a])

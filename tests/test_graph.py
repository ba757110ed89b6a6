"""The computation graph: leaves, the record, and the chain rule that walks it backwards."""

import math
import sys
import threading

import numpy as np
import pytest

import chainrule as cr
from chainrule import ops
from chainrule.graph import OPERATIONS
from ops.derivatives import derivative


def test_the_example_of_the_notes():
    a, b, c = cr.variable(5, "a"), cr.variable(3, "b"), cr.variable(2, "c")
    u = b * c
    v = a + u
    J = 3 * v
    J.backward()
    assert J.value == 33
    assert [a.grad, b.grad, c.grad] == [3, 6, 9]
    assert [u.grad, v.grad, J.grad] == [3, 3, 1]


def test_before_backward_there_is_no_derivative():
    a = cr.variable(5.0)
    assert (2 * a).grad is None
    assert a.grad is None


def test_a_second_backward_overwrites():
    a = cr.variable(5.0)
    J = a * a
    J.backward()
    J.backward()
    assert a.grad == 10


def test_a_second_cost_overwrites_the_derivatives_of_the_first():
    a = cr.variable(5.0)
    (a * a).backward()
    (3 * a).backward()
    assert a.grad == 3


def test_a_variable_used_twice_by_one_operation_gets_both_derivatives():
    assert derivative(lambda a: a * a, 5.0) == 10
    assert derivative(lambda a: a - a, 5.0) == 0


def test_a_diamond_adds_both_of_its_paths():
    assert derivative(lambda a: (2 * a) * (a + 1), 5.0) == 4 * 5 + 2


def test_a_node_waits_for_every_node_that_uses_it():
    def three_paths_of_different_length(a):
        u = a * a
        return u + 3 * (u + u * u)

    assert derivative(three_paths_of_different_length, 2.0) == 8 * 2 + 12 * 2**3


def test_derivatives_of_shared_paths_do_not_overwrite_one_another():
    a, b = cr.variable([1.0, 2.0]), cr.variable([3.0, 4.0])
    u = a + b
    (u + a).sum().backward()
    assert (a.grad == 2).all()
    assert (b.grad == 1).all()
    assert (u.grad == 1).all()


def test_a_long_chain_of_nodes_is_walked_and_deleted():
    """On a small stack, on which 10,000 nodes are as many as 300,000 are on that of a process.

    From Python 3.12 on what is deleted may call as deep as it would on a large one, which takes some 600 KiB.
    """
    stack, nodes = (256, 10_000) if sys.version_info < (3, 12) else (1024, 40_000)

    def walked():
        a = cr.variable(0.0)
        J = a
        for _ in range(nodes):
            J = J + 1
        J.backward()
        assert J.value == nodes
        assert a.grad == 1
        del J
        done.append(True)

    done = []
    usual = threading.stack_size(stack * 1024)
    try:
        thread = threading.Thread(target=walked)
        thread.start()
    finally:
        threading.stack_size(usual)
    thread.join()
    assert done


def test_a_chain_in_which_every_node_is_used_twice_takes_no_longer():
    a = cr.variable(1.0)
    J = a
    for _ in range(1000):
        J = 0.5 * J + 0.5 * J
    J.backward()
    assert a.grad == 1


def test_a_leaf_is_its_own_cost():
    a = cr.variable(5.0)
    a.backward()
    assert a.grad == 1


def test_a_cost_may_have_axes_of_length_1():
    assert derivative(lambda a: a * a, [[5.0]]) == [[10]]


def test_only_what_the_cost_depends_on_is_touched():
    a, b = cr.variable(5.0), cr.variable(3.0)
    (a * b).backward()
    (2 * a).backward()
    assert a.grad == 2
    assert b.grad == 5


def test_a_variable_without_a_derivative_beside_one_with_it_gets_zeros():
    Z, Y = cr.variable([[1.0, 2.0, 3.0]]), cr.variable([[0.0, 0.0, 1.0]])
    ops.cross_entropy(ops.softmax(Z), Y).backward()
    assert (Y.grad == np.zeros((1, 3))).all()


def test_backward_is_a_function_too():
    a = cr.variable(5.0)
    cr.backward(a * a)
    assert a.grad == 10


def test_a_cost_that_is_no_scalar_is_a_shape_error():
    with pytest.raises(cr.ShapeError, match=r"scalar.*\(2,\).*sum"):
        (2 * cr.variable([1.0, 2.0])).backward()


@pytest.mark.parametrize("J", [3.0, 3, np.float64(3), np.array(3.0)])
def test_a_cost_that_is_a_plain_number_is_a_graph_error(J):
    with pytest.raises(cr.GraphError, match=r"depends on no variable.*cr\.variable"):
        cr.backward(J)


def test_a_cost_that_depends_only_on_labels_is_a_graph_error():
    J = ops.cross_entropy(np.array([[0.5, 0.5]]), cr.variable([1.0]))
    with pytest.raises(cr.GraphError, match="labels"):
        J.backward()


@pytest.mark.parametrize("value", [3, True, [1, 2], np.array([1, 2], np.int8), np.array([True, False])])
def test_whole_numbers_become_float64(value):
    assert cr.variable(value).dtype == np.float64


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_floats_stay_what_they_are(dtype):
    assert cr.variable(np.ones(2, dtype)).dtype == dtype


@pytest.mark.parametrize("value", ["text", ["a", "b"], 1j, [1.0, 1j], None, [1.0, None], object(), [[1, 2], [3]]])
def test_what_is_not_made_of_real_numbers_is_a_data_error(value):
    with pytest.raises(cr.DataError, match="real numbers"):
        cr.variable(value)


def test_a_variable_of_a_variable_is_a_data_error():
    with pytest.raises(cr.DataError, match="already"):
        cr.variable(cr.variable(1.0))


def test_it_tells_its_shape_and_its_name():
    A = cr.variable(np.ones((2, 3)), "A")
    assert A.shape == (2, 3)
    assert A.ndim == 2
    assert A.name == "A"
    assert "'A'" in repr(A)


def test_its_derivative_is_shown_once_it_is_known():
    a = cr.variable(5.0, "a")
    assert "grad" not in repr(a)
    (3 * a).backward()
    assert "grad=3.0" in repr(a)


def test_plain_arrays_give_plain_arrays():
    assert type(ops.add(np.ones(2), np.ones(2))) is np.ndarray
    assert type(ops.relu([1.0, -1.0])) is np.ndarray
    assert type(ops.squared_error(np.ones(2), np.zeros(2))) is np.float64


def test_a_variable_remembers_the_operation_its_inputs_and_the_options_told():
    A = cr.variable([[1.0, 2.0]])
    Z = ops.sum(A, axis=1, keepdims=False)
    assert Z.operation is OPERATIONS["sum"]
    assert Z.inputs == (A,)
    assert Z.parents == (A,)
    assert Z.options == {"axis": 1}


def test_plain_inputs_are_remembered_but_are_no_parents():
    a = cr.variable(2.0)
    assert (3 * a).inputs == (3, a)
    assert (3 * a).parents == (a,)


def test_a_leaf_was_made_by_nothing():
    a = cr.variable(2.0)
    assert a.operation is None
    assert a.inputs == ()
    assert a.options == {}


def test_a_variable_given_by_keyword_is_differentiated_or_refused():
    A, W, b = cr.variable(np.ones((2, 3))), cr.variable(np.ones((4, 3))), cr.variable(np.ones(4))
    try:
        Z = ops.linear(A, W, b=b)
    except (cr.ChainruleError, TypeError):
        return
    Z.sum().backward()
    np.testing.assert_array_equal(b.grad, np.full(4, 2.0))
    np.testing.assert_array_equal(W.grad, np.full((4, 3), 2.0))


def test_a_variable_given_as_an_option_is_refused():
    with pytest.raises((cr.ChainruleError, TypeError)):
        ops.leaky_relu(cr.variable([1.0, -1.0]), slope=cr.variable(0.1))


@pytest.mark.parametrize("name", ["sum", "mean", "max"])
@pytest.mark.parametrize("how", [{}, {"axis": 0}, {"axis": (0, 1), "keepdims": True}])
def test_numpys_reductions_of_a_variable_are_operations(name, how):
    numbers = np.arange(6.0).reshape(2, 3)
    A = cr.variable(numbers)
    found = getattr(np, name)(A, **how)
    np.testing.assert_array_equal(found.value, getattr(np, name)(numbers, **how))
    found.sum().backward()
    assert A.grad.any()


def test_a_reduction_into_another_type_is_refused():
    with pytest.raises(cr.GraphError, match="the mean of a variable takes axis and keepdims, but no dtype"):
        np.mean(cr.variable([1.0, 2.0]), dtype=np.float32)


def test_variables_are_compared_number_by_number():
    a, b = cr.variable([1.0, 3.0, 2.0]), np.array([1.0, 2.0, 2.0])
    assert (a == b).tolist() == (b == a).tolist() == [True, False, True]
    assert (a != b).tolist() == (b != a).tolist() == [False, True, False]
    assert (b < a).tolist() == (a > cr.variable(b)).tolist() == [False, True, False]
    assert len({a, a, cr.variable([1.0, 3.0, 2.0])}) == 2
    chosen = ops.where(a == a.max(), a, 0.0)
    np.testing.assert_array_equal(chosen.value, [0, 3, 0])
    chosen.sum().backward()
    np.testing.assert_array_equal(a.grad, [0, 1, 0])


@pytest.mark.parametrize(
    "leave", [math.exp, math.sqrt, float, int, complex, np.asarray, np.median, lambda x: np.clip(x, 0, 1)]
)
def test_a_variable_does_not_leave_the_graph_in_silence(leave):
    x = cr.variable(2.0, "x")
    for given in (x, x * 2):
        with pytest.raises(cr.GraphError, match=r"cr\.ops\.exp\(x\) in place of math\.exp\(x\).* or write x\.value"):
            leave(given)


def test_the_derivative_of_what_the_message_proposes():
    x = cr.variable(2.0)
    (x + cr.ops.exp(x)).backward()
    assert x.grad == pytest.approx(1 + math.exp(2))
    assert (x + math.exp(x.value)).value == pytest.approx(2 + math.exp(2))
    assert cr.ops.clip(cr.variable(-1.0), low=0).value == 0

"""Z = W[A]."""

import numpy as np
import pytest

import chainrule as cr
from chainrule import ops

W = np.array([[1.0, 2.0], [3.0, 4.0], [5.0, 6.0]])


def test_each_index_becomes_its_row_whatever_the_shape():
    np.testing.assert_array_equal(ops.embedding([2, 0], W), [[5, 6], [1, 2]])
    assert ops.embedding(np.zeros((4, 5), int), W).shape == (4, 5, 2)
    assert ops.embedding(np.zeros((0, 5), np.uint8), W).shape == (0, 5, 2)


def test_an_index_taken_twice_adds_up_its_derivatives():
    table = cr.variable(W)
    (ops.embedding([2, 0, 2], table) * np.array([[1.0], [2.0], [3.0]])).sum().backward()
    np.testing.assert_array_equal(table.grad, [[2, 2], [0, 0], [4, 4]])


@pytest.mark.parametrize("wrong", [3, -1])
def test_an_index_out_of_range_is_a_data_error_that_names_it(wrong):
    with pytest.raises(cr.DataError, match=rf"indices go from 0 to 2.* {wrong}\b"):
        ops.embedding([0, wrong], cr.variable(W))


@pytest.mark.parametrize("A", [np.array([0.0, 1.0]), np.array([True, False]), cr.variable([0, 1])])
def test_indices_that_are_no_whole_numbers_are_a_data_error(A):
    with pytest.raises(cr.DataError, match="whole numbers"):
        ops.embedding(A, W)


def test_a_single_index_is_looked_up_too():
    np.testing.assert_array_equal(ops.embedding(1, cr.variable(W)).value, [3, 4])

"""The perceptron walks in a circle on XOR, and parity needs a mask of all bits."""

import itertools

import numpy as np
import pytest
from scipy.optimize import linprog

from chainrule import notes
from chainrule.papers import minsky1969


@pytest.mark.parametrize("seed", [0, 1])
def test_on_xor_the_weights_come_back_to_where_they_were(seed):
    W = minsky1969.weights_on_the_way(True, 20, seed)
    assert len(W) - 1 >= 20  # a mistake in every pass
    assert np.linalg.norm(W, axis=1).max() <= 2
    assert len(np.unique(W, axis=0)) < len(W) / 2
    assert (np.abs(np.diff(W, axis=0)) == 1).all()  # of whole steps


def test_on_and_they_stay():
    W = minsky1969.weights_on_the_way(False, 20, 0)
    X, _ = notes.parity(2)
    assert (((W[-1, :2] @ X + W[-1, 2]) > 0) == (X > 0).all(axis=0)).all()
    assert len(W) < 10


@pytest.mark.parametrize("n", [2, 3, 4])
def test_no_weights_of_smaller_masks_exist_says_a_linear_program_too(n):
    assert minsky1969.order_of_parity(n) == n
    X, Y = notes.parity(n)
    for k in range(1, n + 1):
        of_each = (2 * Y[0] - 1) * np.vstack([np.ones(2**n), minsky1969.masks(X, range(1, k + 1))])
        bounds = [(None, None)] * len(of_each)
        found = linprog(np.zeros(len(of_each)), A_ub=-of_each.T, b_ub=-np.ones(2**n), bounds=bounds)
        assert found.success == (k == n)


def test_masks_are_products_of_bits():
    X, _ = notes.parity(3)
    pairs = minsky1969.masks(X, [2])
    assert pairs.shape == (3, 8)
    for row, (i, j) in zip(pairs, itertools.combinations(range(3), 2), strict=True):
        np.testing.assert_array_equal(row, X[i] * X[j])


def test_the_mistakes_on_parity_are_as_many_as_the_bound_allows():
    result = minsky1969.run(seeds=2, bits=5, passes=10)
    for n in (2, 3, 4, 5):
        assert result.numbers[f"mistakes on the parity of {n} bits"] == [2.0**n] * 2
    assert [row.here for row in result.rows][::2] == ["n", "2ⁿ"]
    assert len(result.figure.panels) == 3


def test_how_many_mistakes_are_enough_on_and_is_told_of_one_and_of_several():
    results = [minsky1969.run(seeds=seeds, bits=2, passes=10) for seeds in ((3,), (0, 3))]
    assert [result.numbers["wrong answers on AND"] for result in results] == [[1.0], [3.0, 1.0]]
    ends = [result.rows[1].why.split("on AND ")[1] for result in results]
    assert ends == ["they end after 1 mistake.", "they end after 1 or 3 mistakes."]

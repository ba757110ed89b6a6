"""Symmetry by two hidden units: a code that tells all patterns apart; and two networks that learn XOR."""

import itertools

import numpy as np
import pytest

from chainrule import Network
from chainrule.papers import rumelhart1986
from chainrule.papers.rumelhart1986 import patterns


def test_patterns_are_those_that_read_the_same_backwards():
    X, Y = patterns(6)
    assert X.shape == (64, 6)
    assert Y.sum() == 8
    assert Y[np.flatnonzero((X == [1, 0, 1, 1, 0, 1]).all(axis=1))[0], 0] == 1
    X, Y = patterns(2)
    assert [int(x1 != x2) for x1, x2 in X] == (1 - Y[:, 0]).tolist()


@pytest.mark.parametrize("sizes", [(1, 2, 4), (2, 3, 4)])
def test_both_kinds_of_weights_tell_all_differences_apart(sizes):
    sums = [np.dot(sizes, d) for d in itertools.product((-1, 0, 1), repeat=3) if any(d)]
    assert 0 not in sums
    assert 0 in [np.dot((1, 1, 2), d) for d in itertools.product((-1, 0, 1), repeat=3) if any(d)]


def test_one_hidden_unit_and_direct_connections_are_seven_weights():
    net = Network(rumelhart1986.one_hidden(), input_shape=2, seed=0)
    assert len(net.flat) == 2 + 1 + 1 + 1 + 2
    assert net.predict(patterns(2)[0]).shape == (4, 1)


@pytest.fixture(scope="module")
def result():
    return rumelhart1986.run(seeds=(4, 38, 5), sweeps=1000)


def test_a_start_that_learns_has_mirrored_weights_and_one_that_does_not_says_so(result):
    sweeps = result.numbers["sweeps until symmetry is learned"]
    assert np.isnan(sweeps[0])
    assert sweeps[1:] == pytest.approx([710, 550], abs=20)
    middle, largest = (result.numbers[f"{which} weight of 6-2-1, the smallest is 1"] for which in ("middle", "largest"))
    assert (middle[0], largest[0]) == (pytest.approx(2, abs=0.05), pytest.approx(4, abs=0.1))
    assert (middle[1], largest[1]) == (pytest.approx(1.5, abs=0.1), pytest.approx(2, abs=0.1))
    assert result.rows[0].here.endswith("in 1 of 2")
    assert "2 of 3 in 1,000 sweeps" in result.rows[1].here


def test_xor_is_learned_by_both_networks(result):
    for told, sweeps in result.numbers.items():
        if "XOR" in told:
            assert np.nanmedian(sweeps) < 1000


def test_the_figure_shows_the_weights_and_every_cost(result):
    ours, other, costs = result.figure.panels
    W = ours.marks[0].values
    np.testing.assert_allclose(W, -W[:, ::-1], atol=0.2)
    np.testing.assert_allclose(W[0], -W[1], atol=0.2)
    assert len(costs.marks) == 3
    assert other.title.startswith("2 : 3 : 4")

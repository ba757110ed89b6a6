"""What the trainings of the papers share."""

import warnings

import numpy as np

from chainrule import threads
from chainrule.layers import Dense, Network
from chainrule.papers.trainings import alone, courses, first_there, part_wrong, quietly


def test_a_training_is_quiet_and_by_one_thread(capfd):
    seen = []
    net = Network([Dense(3, "softmax")], seed=0)
    X, y = np.random.default_rng(0).normal(size=(20, 2)), np.arange(20) % 3
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        history = quietly(
            net, X, y, seed=1, loss="cross_entropy", epochs=2, callbacks=lambda run: seen.append(threads.threads())
        )
    assert len(history.epochs) == 2
    assert seen == [1, 1]
    assert capfd.readouterr() == ("", "")


def test_within_alone_there_is_one_thread():
    with alone():
        assert threads.threads() == 1


def test_wrong_is_where_the_largest_output_is_another():
    assert part_wrong(np.array([0, 1, 1, 0]), np.array([[0.9, 0.1], [0.2, 0.8], [0.7, 0.3], [0.6, 0.4]])) == 0.25


def test_the_first_time_counts_and_never_is_nan():
    right = np.array([0.1, 0.6, 0.4, 0.7])
    assert first_there(right >= 0.5, 13) == 26
    assert np.isnan(first_there(right >= 0.8, 13))


def test_courses_are_pale_and_their_median_is_not():
    *pale, middle = courses([1, 2], [[1, 2], [3, 4], [8, 0]], "red", "median", dots=True)
    assert [line.pale for line in pale] == [True] * 3
    assert not middle.pale
    assert middle.dots
    assert [*middle.y] == [3, 2]

"""The three parts of the examples: how large they are, what they keep, and that a seed decides them."""

import numpy as np
import pytest

import chainrule as cr
from chainrule.data.datasets import Dataset
from chainrule.experiments.splits import split


def source(m, groups=None):
    found = Dataset("examples", np.zeros((m, 1)), np.zeros(m))
    object.__setattr__(found, "groups", groups)
    return found


def parts(Y, test=0.2, validation=0.1, seed=0, groups=None):
    splits = split(source(len(Y), groups), Y, test, validation, seed)
    return splits.train, splits.validation, splits.test


@pytest.fixture
def random():
    return np.random.default_rng(0)


@pytest.mark.parametrize("classes", [0, 2, 7])
def test_every_example_is_in_one_part_and_the_parts_have_their_sizes(random, classes):
    Y = random.integers(0, classes, 1003) if classes else random.normal(size=1003)
    train, validation, test = parts(Y)
    assert (len(train), len(validation), len(test)) == (721, 81, 201)
    assert sorted(np.concatenate([train, validation, test])) == list(range(1003))
    for rows in (train, validation, test):
        assert (np.diff(rows) > 0).all()


def test_the_seed_decides_and_another_one_decides_otherwise(random):
    Y = random.integers(0, 3, 200)
    for rows, again, other in zip(parts(Y), parts(Y), parts(Y, seed=1), strict=True):
        assert np.array_equal(rows, again)
        assert not np.array_equal(rows, other)


@pytest.mark.parametrize("seed", range(5))
def test_classes_keep_their_shares_as_nearly_as_whole_examples_allow(seed):
    random = np.random.default_rng(seed)
    counts = random.integers(2, 300, 12)
    Y = random.permutation(np.repeat(np.arange(12), counts))
    train, _, test = parts(Y, validation=0, seed=seed)
    expected = counts * len(test) / len(Y)
    of_each = np.bincount(Y[test], minlength=12)
    assert (np.abs(of_each - expected) < 1).all()
    assert (np.bincount(Y[train], minlength=12) > 0).all()


def test_each_example_of_a_class_is_as_likely_to_be_held_out():
    Y = np.repeat([0, 1], [30, 20])
    held_out = np.concatenate([parts(Y, validation=0, seed=seed)[2] for seed in range(500)])
    times = np.bincount(held_out, minlength=50)
    assert abs(times - 100).max() < 45  # five standard deviations
    assert times[:30].sum() == 3000


def test_what_is_left_over_goes_to_any_of_classes_alike():
    Y = np.repeat(np.arange(10), 2)  # 4 are held out, 0.4 of each class
    chosen = {label for seed in range(50) for label in Y[parts(Y, test=0.5, validation=0, seed=seed)[2]]}
    assert chosen == set(range(10))


def test_the_only_example_of_a_class_is_trained_on():
    Y = np.repeat([0, 1, 2], [60, 39, 1])
    for seed in range(20):
        assert 99 in parts(Y, seed=seed)[0]


def test_more_classes_than_a_part_has_examples_are_divided_at_random():
    Y = np.repeat(np.arange(50), 2)
    _, _, test = parts(Y, test=0.1, validation=0)
    assert len(test) == 10


@pytest.mark.parametrize("names", [False, True])
def test_groups_stay_together_and_about_that_share_of_them_is_held_out(random, names):
    groups = random.integers(0, 40, 1000)
    groups = groups.astype(str) if names else groups
    train, validation, test = (set(groups[rows].tolist()) for rows in parts(np.zeros(1000), groups=groups))
    assert (len(train), len(validation), len(test)) == (28, 4, 8)
    assert len(train | validation | test) == 40


def test_of_few_groups_one_is_left_to_train_on():
    groups = np.repeat([0, 1, 2], 10)
    train, _, test = parts(np.zeros(30), test=0.9, validation=0, groups=groups)
    assert len(train) == 10
    assert len(test) == 20
    with pytest.raises(cr.DataError, match="in examples there are too few groups"):
        parts(np.zeros(30), groups=np.zeros(30))


def test_too_few_examples_are_refused():
    with pytest.raises(cr.DataError, match="9 examples are too few for parts to train, to validate and to test"):
        parts(np.zeros(9))
    with pytest.raises(cr.DataError, match="leave too few to train with"):
        parts(np.zeros(10), test=0.9)

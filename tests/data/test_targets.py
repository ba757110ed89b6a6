"""What there is to predict is found in columns, and each label gets its number, however many rows there are."""

import numpy as np
import pytest

import chainrule as cr
from chainrule.data.targets import Target

M = 60


def words(*labels):
    return np.array([labels[i % len(labels)] for i in range(M)], dtype=object)


@pytest.mark.parametrize(
    ("y", "labels"),
    [
        (words("b", "a", "ä"), ["a", "b", "ä"]),
        (words("b", "a").astype(str), ["a", "b"]),
        (words(True, False).astype(bool), [False, True]),
        (words(7, -3, 2**40).astype(np.int64), [-3, 7, 2**40]),
        (words(2, 1).astype(np.uint8), [1, 2]),
        (words(2.0, 0.0, -1.0).astype(np.float32), [-1, 0, 2]),
    ],
)
def test_labels_are_sorted_and_have_their_numbers(y, labels):
    target = Target.find({"y": y}, None, "table")
    assert target.labels == [labels]
    assert [type(label) for label in target.labels[0]] == [type(label) for label in labels]
    Y = target.numbers({"y": y}, "table")
    assert Y.dtype == np.int64
    assert [labels[i] for i in Y] == y.tolist()


@pytest.mark.parametrize("y", [np.arange(M), np.arange(M) / 2, words(1.5, 2.5).astype(float), np.arange(M) * 1e300])
def test_many_numbers_or_broken_ones_are_values(y):
    target = Target.find({"y": y}, None, "table")
    assert target.labels is None
    assert target.numbers({"y": y}, "table").tolist() == y.tolist()


def test_many_numbers_are_labels_where_somebody_says_so():
    y = np.arange(M) % 25
    assert Target.find({"y": y}, "classification", "table").labels == [list(range(25))]
    with pytest.raises(cr.DataError, match="y in table has 60 different labels for 60 examples, too many"):
        Target.find({"y": np.arange(M)}, "classification", "table")


def test_many_scarce_labels_are_too_many_unless_somebody_says_that_they_are_classes():
    y = np.array([f"word {i % 40}" if i < 160 else f"word {i}" for i in range(200)], dtype=object)
    with pytest.raises(cr.DataError, match="y in table has 80 different labels, and 80 of them have fewer than 5"):
        Target.find({"y": y}, None, "table")
    assert len(Target.find({"y": y}, "classification", "table").labels[0]) == 80
    assert len(Target.find({"y": y}, None, "table", 10_000).labels[0]) == 80  # of a sample
    plenty = np.array([f"word {i % 40}" for i in range(200)], dtype=object)
    assert len(Target.find({"y": plenty}, None, "table").labels[0]) == 40


def test_a_word_among_many_numbers_to_predict_is_told_before_all_become_classes():
    y = np.array([f"{50 + i % 30} kg" for i in range(300)], dtype=object)
    y[7] = "heavy"
    with pytest.raises(cr.DataError, match="y in table holds 'heavy' among numbers, 31 different ones: leave"):
        Target.find({"y": y}, None, "table")
    assert len(Target.find({"y": y}, "classification", "table").labels[0]) == 31


@pytest.mark.parametrize(("y", "label"), [(words("a"), "'a'"), (np.zeros(M), "0"), (np.full(M, 1.5), "1.5")])
def test_what_is_always_the_same_is_nothing_to_learn(y, label):
    with pytest.raises(cr.DataError, match=f"y in table is always {label}: there is nothing to tell apart"):
        Target.find({"y": y}, None, "table")


@pytest.mark.parametrize(
    ("labels", "y", "words"),
    [
        (["a", "b"], ["a", "c"], "y in table holds 'c', but the classes are 'a', 'b'"),
        ([1, 3, 5], [1, 4], "y in table holds 4, but the classes are 1, 3, 5"),
        ([1, 3, 5], [1.0, 7.5], "y in table holds 7.5, but the classes are 1, 3, 5"),
        ([1, 3], [1.0, np.nan], "y in table holds nan, but the classes are 1, 3"),
        (["1", "3"], [1, 3], "y in table holds 1, but the classes are '1', '3'"),
        ([False, True], [0, 2], "y in table holds 2, but the classes are False, True"),
    ],
)
def test_a_label_that_training_did_not_know_is_told(labels, y, words):
    y = np.array(y, dtype=object) if isinstance(y[0], str) else np.array(y)
    with pytest.raises(cr.DataError, match=words):
        Target(["y"], [labels]).numbers({"y": y}, "table")


def test_labels_keep_the_order_that_a_model_file_gives_them():
    assert Target(["y"], [[5, 1, 3]]).numbers({"y": np.array([1, 3, 5, 1])}, "table").tolist() == [1, 2, 0, 1]
    assert Target(["y"], [[True, False]]).numbers({"y": np.array([True, False])}, "table").tolist() == [0, 1]


def test_labels_that_are_written_alike_are_refused_since_predictions_could_not_tell_them():
    with pytest.raises(cr.OptionError, match="or some are alike"):
        Target(["y"], [[0, 1, "1"]])

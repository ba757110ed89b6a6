"""Notation, broadcasting, dimensions: what is said in words."""

import numpy as np
import pytest

import chainrule as cr
from chainrule import notes


def test_examples_are_stacked_as_columns():
    found = notes.stack_examples([[1, 2, 3], [4, 5, 6]], [0, 1])
    np.testing.assert_array_equal(found.X, [[1, 4], [2, 5], [3, 6]])
    np.testing.assert_array_equal(found.Y, [[0, 1]])
    assert (found.n_x, found.m) == (3, 2)
    assert "X = [x^(1) x^(2)] is (3, 2) = (n_x, m)" in str(found)
    assert "is (1, 2) = (1, m)" in str(found)


def test_dots_stand_only_for_what_is_left_out():
    one = str(notes.stack_examples([[1, 2]], [0])).splitlines()
    assert one[0] == "m = 1 example (x^(i), y^(i)), n_x = 2 features each"
    assert one[1:] == ["X = [x^(1)] is (2, 1) = (n_x, m)", "Y = [y^(1)] is (1, 1) = (1, m)"]
    assert "X = [x^(1) x^(2) … x^(4)] is" in str(notes.stack_examples(np.eye(4), [0, 1, 0, 1]))


def test_as_many_y_as_x():
    with pytest.raises(cr.ShapeError, match="there are 2 vectors x, but 1 number y: each example has one") as told:
        notes.stack_examples([[1, 2], [3, 4]], [0])
    assert "X.T" not in str(told.value)


def test_a_picture_becomes_one_column():
    assert notes.stack_examples([np.zeros((4, 4, 3))] * 5, [0] * 5).X.shape == (48, 5)


def test_examples_of_different_length_are_named():
    with pytest.raises(cr.ShapeError, match=r"x\^\(1\) has 2 features, but x\^\(3\) has 3"):
        notes.stack_examples([[1, 2], [3, 4], [5, 6, 7]], [0, 1, 0])


@pytest.mark.parametrize(
    ("a", "b", "shape"),
    [
        ((4, 1), (), (4, 1)),
        ((2, 3), (1, 3), (2, 3)),
        ((2, 3), (2, 1), (2, 3)),
        ((3,), (2, 3), (2, 3)),
        ((5, 1, 4), (3, 1), (5, 3, 4)),
    ],
)
def test_broadcasting_stretches_as_numpy_does(a, b, shape):
    found = notes.broadcast(a, b)
    assert found.shape == shape == np.broadcast_shapes(a, b)
    assert f"the result is {shape}" in str(found)


def test_broadcasting_says_which_axis_is_stretched():
    assert notes.broadcast((2, 3), (1, 3)).steps == [
        "axis 1: both have length 3",
        "axis 0: the second has length 1 and is stretched to 2: copied",
    ]


def test_broadcasting_says_where_it_fails():
    found = notes.broadcast((2, 3), 2)
    assert found.shape is None
    assert found.steps == [
        "the second has fewer axes, so (2,) counts as (1, 2): axes of length 1 are put before",
        "axis 1: lengths 3 and 2 are neither equal nor 1: this fails",
    ]


def test_dimensions_of_a_3_4_1_network():
    found = notes.dimensions((3, 4, 1), 10)
    expected = {"W1": (4, 3), "b1": (4, 1), "Z1": (4, 10), "A1": (4, 10), "W2": (1, 4), "b2": (1, 1), "A2": (1, 10)}
    for name, shape in expected.items():
        assert found[name] == found[f"d{name}"] == shape
    assert found["A0"] == (3, 10)
    assert "(4, 3)" in str(found)
    with pytest.raises(cr.ShapeError, match="there is no W3"):
        found["W3"]


def test_a_mismatch_is_explained_in_the_words_of_the_notes():
    with pytest.raises(
        cr.ShapeError, match=r"W is \(4, 3\) = \(n\^\[l\], n\^\[l-1\]\), so it takes 3 rows, but A_prev"
    ):
        notes.linear_forward(np.zeros((2, 5)), np.zeros((4, 3)), np.zeros((4, 1)))
    with pytest.raises(cr.ShapeError, match=r"b is \(4, 5\), but for W \(4, 3\) it must be .* \(4, 1\)"):
        notes.linear_forward(np.zeros((3, 5)), np.zeros((4, 3)), np.zeros((4, 5)))


def test_the_table_shows_parameters_beside_hyperparameters():
    net = cr.Network([cr.Dense(4, "tanh"), cr.Dense(1, "sigmoid")], input_shape=3)
    table = notes.table(net, alpha=0.1)
    for text in ("W1 (4, 3)", "b2 (1,)", "L = 2", "n^[1] = 4, g^[1] = tanh", "alpha = 0.1"):
        assert text in table

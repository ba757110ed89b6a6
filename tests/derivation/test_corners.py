"""Matrices that are too large for the page: the first and the last rows and columns, dots, and a sentence."""

import re

import numpy as np
import pytest

import chainrule as cr
from chainrule.derivation.sections import cells, left_out
from chainrule.derivation.terminal import matrix
from chainrule.derivation.trace import Corners, cut


@pytest.mark.parametrize("shape", [(8, 8), (1, 8), (8, 1), (2, 3)])
def test_what_fits_is_shown_as_a_whole(shape):
    array = np.arange(np.prod(shape), dtype=float).reshape(shape)
    assert cut(array) is array
    assert left_out(cut(array)) == ""
    assert cells(cut(array)) == array.tolist()


@pytest.mark.parametrize(
    ("shape", "said"),
    [
        ((64, 784), "64 × 784, first and last 3 rows and columns shown"),
        ((64, 1), "64 × 1, first and last 3 rows shown"),
        ((2, 9), "2 × 9, first and last 3 columns shown"),
        ((9, 8), "9 × 8, first and last 3 rows shown"),
        ((1, 60000), "1 × 60,000, first and last 3 columns shown"),
    ],
)
def test_of_the_others_it_is_said_what_is(shape, said):
    kept = cut(np.zeros(shape))
    assert left_out(kept) == said
    assert max(kept.shape) <= 8


def test_the_corners_are_the_numbers_themselves():
    array = np.arange(100.0).reshape(10, 10)
    rows = cells(cut(array))
    assert rows[0] == [0, 1, 2, "⋯", 7, 8, 9]
    assert rows[3] == ["⋮", "⋮", "⋮", "⋱", "⋮", "⋮", "⋮"]
    assert rows[-1] == [90, 91, 92, "⋯", 97, 98, 99]
    assert cells(cut(array[:, :2]))[3] == ["⋮", "⋮"]
    assert cells(cut(array[:2]))[1] == [10, 11, 12, "⋯", 17, 18, 19]


def test_the_whole_matrix_is_not_kept():
    array = np.zeros((1000, 1000))
    assert cut(array).base is None or cut(array).base.size == 36


def test_text_aligns_the_dots():
    lines = matrix(cut(np.arange(100.0).reshape(10, 10)))
    assert lines[0] == "⎡ 0   1   2  ⋯   7   8   9⎤"
    assert lines[3] == "⎢ ⋮   ⋮   ⋮  ⋱   ⋮   ⋮   ⋮⎥"
    assert len(set(map(len, lines))) == 1


class TestThePage:
    rng = np.random.default_rng(0)
    net = cr.Network([cr.Dense(64, "relu"), cr.Dense(10, "softmax")], seed=0, input_shape=784)
    page = cr.derive(net, rng.normal(size=(20, 784)), rng.integers(0, 10, 20))

    def line(self, start):
        lines = [line for one in self.page.sections for line in one.lines]
        return next(line for line in lines if line.numbers is not None and start in repr(line.formula[0]))

    def test_its_numbers_are_those_of_the_network(self):
        found = self.line("symbol='W'").numbers
        assert isinstance(found, Corners)
        W = self.net.parameters["W1"]
        np.testing.assert_allclose(np.asarray(found), W[np.ix_([0, 1, 2, -3, -2, -1], [0, 1, 2, -3, -2, -1])])

    def test_text_says_what_is_shown(self):
        assert self.page.text.count("64 × 784, first and last 3 rows and columns shown") == 2  # W^[1], dW^[1]

    def test_html_and_latex_say_so_too(self):
        assert self.page.html.count("64 × 784, first and last 3 rows and columns shown") == 2
        assert "⋱" in self.page.html
        assert re.search(r"\\vdots & \\vdots & \\vdots & \\ddots", self.page.latex)
        assert self.page.latex.count("784, first and last 3 rows and columns shown") == 2

"""What a start does to signals and gradients is what two lines of algebra say."""

import math

import numpy as np
import pytest

from chainrule.papers import glorot2010
from chainrule.papers.glorot2010 import STARTS, Standard
from chainrule.papers.result import spread


@pytest.fixture(scope="module")
def result():
    return glorot2010.run(seeds=2, units=120, examples=100, epochs=7)


def test_the_standard_start_has_a_third_of_the_variance():
    W = Standard()((300, 400), np.random.default_rng(0))
    assert np.abs(W).max() <= 1 / math.sqrt(400)
    assert 400 * W.var() == pytest.approx(1 / 3, rel=0.01)


def test_singular_values_are_those_of_a_quarter_of_a_circle(result):
    circle = 8 / (3 * math.pi)
    for start, deviation in (("normalized", 1), ("standard", 1 / math.sqrt(3))):
        for found in result.numbers[f"{start} singular"]:
            assert 0.8 * circle * deviation < found < circle * deviation


def test_signals_and_gradients_shrink_by_the_root_of_three_or_hardly(result):
    for what in ("signal", "gradient"):
        standard, normalized, small = (
            result.numbers[f"{start} {what}"] for start in ("standard", "normalized", "0.01 randn")
        )
        assert standard == pytest.approx([math.sqrt(3)] * 2, rel=0.1)
        assert normalized == pytest.approx([1.1] * 2, abs=0.1)
        assert min(small) > 5


def test_thirty_layers_of_relu_stand_still_with_xavier_and_learn_with_he(result):
    assert result.numbers["xavier cost"] == pytest.approx([math.log(10)] * 2, abs=0.01)
    assert max(result.numbers["he cost"]) < 2.1
    assert max(result.numbers["xavier signal"]) < 1e-3 < 1e-2 < min(result.numbers["he signal"])


def test_the_table_and_the_figure(result):
    for row, start in zip(result.rows, ("normalized", "standard"), strict=False):
        assert row.here == spread(result.numbers[f"{start} singular"])
    assert [row.source for row in result.rows if "section" in row.paper] == ["memory"]
    assert "layers of 32 units" in result.rows[5].why
    forward, _, deep = result.figure.panels
    assert [mark.label for mark in forward.marks if mark.label] == [*STARTS]
    assert [mark.label for mark in deep.marks if mark.label] == ["Xavier", "He", "ln 10"]

"""The sawtooth by layers; what trained layers get wrong, and how little may be wrong."""

import numpy as np
import pytest

from chainrule import notes
from chainrule.papers import telgarsky2016
from chainrule.papers.result import spread


@pytest.mark.parametrize("deep", [True, False])
@pytest.mark.parametrize("k", [1, 2, 3, 8])
def test_the_sawtooth_is_0_and_1_by_turns_and_straight_between(k, deep):
    x = np.linspace(0, 1, 2 ** (k + 2) + 1)
    y = telgarsky2016.height(x, k, is_deep=deep)
    np.testing.assert_array_equal(y[:-1], np.tile([0, 0.25, 0.5, 0.75, 1, 0.75, 0.5, 0.25], 2 ** (k - 1)))
    assert y[-1] == 0
    units = sum(len(b) for name, b in notes.sawtooth(k, deep=deep).items() if name[0] == "b") - 1
    assert units == (2 * k if deep else 2**k)


def test_training_finds_less_than_there_is_and_the_table_says_what_it_found():
    result = telgarsky2016.run(seeds=2, k=3, widths=(1, 8), epochs=200)
    few, enough = (result.numbers[f"shallow {n}"] for n in (1, 8))
    assert sum(enough) < sum(few)  # it learns
    assert max(result.numbers["sine 16"]) < 0.1 < 0.4 < min(result.numbers["sawtooth 64"])
    assert result.rows[0].here == "20 | 1,024"
    assert result.rows[1].paper == "at least 31.2% | 0%"
    assert result.rows[1].here == f"{spread(few, percent=True)} | {spread(enough, percent=True)}"
    assert ("are not found" in result.rows[1].why) == (min(enough) > 0)
    assert len(result.figure.panels) == 2


def test_the_bound_is_that_of_the_best_signs_of_a_line_with_so_few_bends():
    """All ways to answer 8 points with at most N + 1 changes of the answer, the best of them."""
    y, answers = np.arange(8) % 2, np.array(list(np.ndindex(*[2] * 8)))
    changes = (answers[:, 1:] != answers[:, :-1]).sum(axis=1)
    for units in range(7):
        best = (answers[changes <= units + 1] != y).mean(axis=1).min()
        assert best >= telgarsky2016.at_least_wrong(units, 3)
    assert [telgarsky2016.at_least_wrong(n, 3) for n in (1, 2, 8)] == [0.3125, 0.25, 0]

"""The perceptron's retina: what is wired, what is shown, what is learned; and Novikoff's bound holds."""

import numpy as np
import pytest

from chainrule import notes
from chainrule.papers import rosenblatt1958
from chainrule.papers.result import spread
from chainrule.papers.rosenblatt1958 import MARGINS, SEEN


def test_a_card_has_a_square_on_one_half():
    X, Y = rosenblatt1958.cards(np.random.default_rng(0), 50)
    cards = X.T.reshape(50, 20, 20)
    assert (cards.sum(axis=(1, 2)) == 16).all()
    assert ((cards[:, :, 10:].sum(axis=(1, 2)) == 16) == Y[0]).all()
    assert ((cards[:, :, :10].sum(axis=(1, 2)) == 0) == Y[0]).all()
    assert 0 < Y.mean() < 1


def test_a_unit_is_wired_to_ten_cells():
    C = rosenblatt1958.connections(np.random.default_rng(0), 30)
    assert C.shape == (30, 400)
    assert ((C == 1).sum(axis=1) == 5).all()
    assert ((C == -1).sum(axis=1) == 5).all()


def test_the_examples_have_their_margin():
    X, Y, least = rosenblatt1958.separable(np.random.default_rng(0), 0.1, m=40)
    np.testing.assert_allclose(np.linalg.norm(X, axis=0), 1)
    assert 0.1 <= least < 0.2
    assert notes.perceptron(X, Y, iterations=1000).converged


@pytest.fixture(scope="module")
def result():
    return rosenblatt1958.run(seeds=2, examined=200)


def test_it_learns_left_from_right(result):
    before, after = (np.mean(result.numbers[f"right after {seen} cards"]) for seen in (SEEN[0], SEEN[-1]))
    assert before < 0.85
    assert after > 0.95


def test_its_mistakes_are_within_the_bound(result):
    for gamma in MARGINS:
        made, bound = (np.array(result.numbers[f"{name} at γ = {gamma}"]) for name in ("mistakes", "(R/γ)²"))
        assert (made >= 1).all()
        assert (made <= bound).all()
        assert (bound <= 2 / gamma**2 + 1e-9).all()
    assert result.rows[0].paper == "learned after 50 trials"
    ends = [spread(result.numbers[f"mistakes at γ = {gamma}"]) for gamma in (0.4, 0.02)]
    assert result.rows[-1].here == " | ".join(ends)  # of all seeds, as in the figure
    assert [panel.title for panel in result.figure.panels][1] == "left or right"

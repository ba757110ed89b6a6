"""The gradient of an RNN dies out, that of an LSTM does not; and the adding problem is what the paper says."""

import numpy as np
import pytest

from chainrule.papers import hochreiter1997
from chainrule.papers.hochreiter1997 import KINDS, adding, gradient, wrong
from chainrule.papers.result import spread


@pytest.fixture(scope="module")
def result():
    return hochreiter1997.run(seeds=2, steps=20, sequences=1000, epochs=12)


def test_a_sequence_has_two_marks_and_its_answer_is_their_sum():
    X, Y = adding(np.random.default_rng(0), 500, 50)
    marked = X[..., 1] == 1
    first, second = np.sort(np.argsort(marked, axis=1)[:, -2:], axis=1).T
    assert (X[:, -1, 1] == -1).all()
    assert np.isin(X[:, 0, 1], (-1, 1)).all()
    assert (marked.sum(axis=1) == 2).all()
    assert first.max() < 10
    assert second.max() < 24
    assert (X[marked[:, 0], 0, 0] == 0).all()
    np.testing.assert_allclose(Y[:, 0], 0.5 + (X[..., 0] * marked).sum(axis=1) / 4)


def test_who_knows_nothing_is_wrong_as_often_as_the_integral_says():
    _, Y = adding(np.random.default_rng(1), 20_000, 50)
    assert wrong(Y, np.full_like(Y, 0.5)) == pytest.approx(1 - (0.16 - 0.16**2 / 4), abs=0.02)


def test_the_gradient_of_an_rnn_dies_out_and_that_of_an_lstm_does_not():
    rnn, lstm, forgetting = (np.median([gradient(kind, seed, 8)[-1] for seed in range(5)]) for kind in KINDS)
    assert rnn < -5
    assert -1.5 < lstm < 1.5
    assert rnn < forgetting < -2


def test_an_lstm_learns_what_an_rnn_does_not(result):
    assert max(result.numbers["LSTM wrong"]) < 0.3
    assert min(result.numbers["RNN wrong"]) > 0.7


def test_the_table_and_the_figure(result):
    wrong, learned, *_ = result.rows
    assert wrong.here == spread(result.numbers["LSTM wrong"], percent=True)
    assert "T = 20, and 12,000 sequences" in wrong.why
    assert "1,000 sequences again and again" in learned.why
    assert [len(panel.marks) for panel in result.figure.panels] == [9, 9]
    assert len(result.numbers) == 9

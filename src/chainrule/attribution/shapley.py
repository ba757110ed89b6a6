"""Shapley values by sampling: the parts of a background row become those of the example, one after the other."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from chainrule.randomness import stream

Answer = Callable[[NDArray[Any]], NDArray[np.float64]]
"""From examples (m, n), each laid flat, to the number that is explained, (m,)."""

BLOCK = 2**22
"""About how many numbers are made at a time."""

DRAWS = 200
"""So many permutations, each of them also read backwards, there are at least where nobody has chosen."""


class Changes(NamedTuple):
    """What was found.

    Attributes:
        output: f(x). base: the mean of f(z).
        each: (m, n), what each of the n parts did against each of m draws; a line of them adds up to f(x) − f(z).
    """

    output: float
    base: float
    each: NDArray[np.float64]

    @property
    def values(self) -> NDArray[np.float64]:
        """(n,), the mean of the draws: they add up to the output less the base."""
        return np.asarray(self.each.mean(axis=0))

    @property
    def errors(self) -> NDArray[np.float64]:
        """(n,), the standard error of each value, s / √m; NaN of a single draw."""
        m = len(self.each)
        return np.asarray(self.each.std(axis=0, ddof=1) / m**0.5 if m > 1 else np.full(self.each.shape[1], np.nan))


def shapley(
    answer: Answer,
    x: NDArray[Any],
    background: NDArray[Any],
    part: NDArray[np.intp],
    rounds: int | None,
    seed: int,
) -> Changes:
    """φ_j = E_{π, z} [f(x_S + j, z elsewhere) − f(x_S, z elsewhere)], S the parts that stand before j in π.

    z is a row of the background, each as often as every other, and π an order of the parts, which is drawn anew for
    each of them. Every order is also read backwards (antithetic; Mitchell et al., 2022), so that a part comes as often
    early as late. What the parts do along an order adds up to f(x) − f(z), so the values add up to f(x) less the mean
    of f(z) whatever was drawn. Štrumbelj & Kononenko, 2014.

    Args:
        answer: f. x: (n_x,), the example, laid flat. background: (m, n_x).
        part: (n_x,), which part each number belongs to, from 0 on without gaps.
        rounds: how many orders there are for each row, and as many backwards; None for `DRAWS` in all, or more.
        seed: of the orders.

    Returns:
        The draws are the rows of the background, each the mean over its orders; of a single row, its orders.
    """
    random, m, n = stream("attribution", seed), len(background), int(part.max()) + 1
    rounds = -(-DRAWS // m) if rounds is None else rounds
    output, starts = float(answer(x[None])[0]), answer(background)
    each = np.zeros((rounds, m, n))
    step = max(1, BLOCK // max(1, (n - 1) * x.size))
    for one in each:
        ranks = random.permuted(np.tile(np.arange(n), (m, 1)), axis=1)
        for begin in range(0, m, step):
            rows = slice(begin, begin + step)
            for rank in (ranks[rows], n - 1 - ranks[rows]):
                one[rows] += _along(answer, x, background[rows], part, rank, starts[rows], output) / 2
    return Changes(output, float(starts.mean()), each[:, 0] if m == 1 else each.mean(axis=0))


def _along(
    answer: Answer,
    x: NDArray[Any],
    z: NDArray[Any],
    part: NDArray[np.intp],
    rank: NDArray[np.intp],
    starts: NDArray[np.float64],
    output: float,
) -> NDArray[np.float64]:
    """(m, n), how the answer changes when the parts of each row z become those of x, in the order of their ranks.

    Args:
        z: (m, n_x). rank: (m, n), from 0 on. starts: f(z).
    """
    m, n = rank.shape
    path = np.empty((m, n + 1))
    path[:, 0], path[:, -1] = starts, output
    step = max(1, BLOCK // (m * x.size))
    for begin in range(1, n, step):
        stop = min(begin + step, n)
        taken = rank[:, None] < np.arange(begin, stop)[:, None]
        mixed = np.where(taken[:, :, part], x, z[:, None])
        path[:, begin:stop] = answer(mixed.reshape(-1, x.size)).reshape(m, -1)
    return np.take_along_axis(np.diff(path, axis=1), rank, axis=1)

"""Linear forecasts of each step ahead by itself, as a change from the last value, from a season ago or from a mean."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from chainrule.configuration import Configurable
from chainrule.data.series.autoregression import STRENGTHS, waves
from chainrule.errors import OptionError

Values = NDArray[np.float64]
Rows = NDArray[np.intp]

DIGITS = 9
"""How many digits of weights are kept."""


@dataclass(frozen=True, repr=False)
class Direct(Configurable):
    """y_(t+h) = reference + w₀ + Σ w_i (y_(t−i) − y_t) + w_level y_t + Σ (a sin + b cos)(2π k t / period), by ridge
    regression for each h.

    Args:
        lags, periods: as in `Autoregression`.
        weights: (k, horizon, n) w₀, then of lags 1, 2, …, of the level and of the waves.
    """

    lags: int
    periods: list[float]
    weights: list[list[list[float]]]

    def __post_init__(self) -> None:
        super().__post_init__()
        n = 1 + self.lags + waves(np.zeros(1, np.int64), self.periods).shape[1]
        if any(len(row) != n for column in self.weights for row in column):
            raise OptionError(f"a linear forecast by {self.lags} lags has {n} weights for each step.")

    @classmethod
    def fit(
        cls, u: Values, rows: Rows, places: NDArray[np.int64], lags: int, periods: list[float], changes: list[Values]
    ) -> list[Direct]:
        """Fitted to values (n, k), one for each reference.

        Args:
            rows: whose `lags` values are there. places: (n,) when each row is.
            changes: of each reference (m, horizon, k), how far what came after the rows is from it.
        """
        found: list[list[list[list[float]]]] = [[] for _ in changes]
        for j, column in enumerate(u.T):
            targets = np.hstack([change[:, :, j] for change in changes])
            weights = _ridges(_features(column, rows, places, lags, periods), targets)
            for weights_of, part in zip(found, np.split(weights, len(changes), axis=1), strict=True):
                weights_of.append([[float(f"{w:.{DIGITS}g}") for w in row] for row in part.T])
        return [cls(lags, list(periods), weights_of) for weights_of in found]

    def forecast(self, u: Values, rows: Rows, places: NDArray[np.int64], reference: Values) -> Values:
        """(m, horizon, k), what comes after these rows, beside a reference (m, horizon, k)."""
        found = reference.copy()
        for j, column in enumerate(u.T):
            weights = np.array(self.weights[j])
            found[:, :, j] += (
                weights[:, 0] + _features(column, rows, places, self.lags, self.periods) @ weights[:, 1:].T
            )
        return found


def _features(u: Values, rows: Rows, places: NDArray[np.int64], lags: int, periods: list[float]) -> Values:
    before = u[rows[:, None] - np.arange(1, lags)] - u[rows][:, None]
    return np.hstack([before, u[rows][:, None], waves(places[rows], periods)])


def _ridges(X: Values, Y: Values) -> Values:
    """(1 + n, columns of Y), intercepts and weights; each column with the strength that leaves it the least error of
    rows that are not fitted to."""
    middle, spread = X.mean(axis=0), X.std(axis=0)
    spread = np.where(spread > 1e-12, spread, np.inf)
    Z, mean = (X - middle) / spread, Y.mean(axis=0)
    values, vectors = np.linalg.eigh(Z.T @ Z)
    values, turned = values.clip(0), Z @ vectors
    along = turned.T @ (Y - mean)
    least, best = np.full(Y.shape[1], np.inf), np.full(Y.shape[1], STRENGTHS[-1])
    squares = turned**2
    for strength in STRENGTHS:
        left = Y - mean - turned @ (along / (values + strength)[:, None])
        leverage = squares @ (1 / (values + strength)) + 1 / len(Y)
        error = np.abs(left / np.maximum(1 - leverage, 1e-3)[:, None]).mean(axis=0)
        best, least = np.where(error < least, strength, best), np.minimum(error, least)
    weights = vectors @ (along / (values[:, None] + best)) / spread[:, None]
    return np.vstack([mean - middle @ weights, weights])

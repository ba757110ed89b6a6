"""A linear autoregression with harmonics: the next value from the last ones, the waves of the calendar, and what is
known ahead; later ones from what it has forecast itself."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from chainrule.configuration import Configurable
from chainrule.data.series.origins import some_of
from chainrule.errors import OptionError

Values = NDArray[np.float64]
Rows = NDArray[np.intp]

HARMONICS = 3
"""How many waves a period has at most: itself, a half and a third of it."""

MOST = 20_000
"""The most rows that it is fitted to."""

BLOCK = 4096
"""How many forecasts are made together."""

STRENGTHS = 10.0 ** np.arange(-2, 6)
"""The strengths of regularization that are tried."""


@dataclass(frozen=True, repr=False)
class Autoregression(Configurable):
    """y_t − y_(t−1) = w₀ + Σ w_i (y_(t−i) − y_(t−1)) + w_level y_(t−1) + Σ (a sin + b cos)(2π k t / period).

    With effects, all of it is of y less what is known ahead times its effects. By ridge regression, whose strength
    leaves the least absolute error of each row by all others (Allen's PRESS, 1974). One for each of k columns.

    Args:
        lags: how many values are looked at.
        periods: of the waves, in steps.
        weights: (k, n) w₀, then of lags 2, 3, …, of the level and of the waves.
        effects: (k, n_ahead) of what is known ahead.
    """

    lags: int
    periods: list[float]
    weights: list[list[float]]
    effects: list[list[float]]

    def __post_init__(self) -> None:
        super().__post_init__()
        n = 1 + self.lags + 2 * sum(map(_waves, self.periods))
        if self.lags < 1 or any(len(row) != n for row in self.weights) or len(self.effects) != len(self.weights):
            raise OptionError(f"a linear autoregression of {self.lags} lags has {n} weights for each column.")

    @classmethod
    def fit(
        cls, v: Values, rows: Rows, places: NDArray[np.int64], lags: int, periods: list[float], ahead: Values
    ) -> Autoregression:
        """Fitted to values (n, k).

        Args:
            rows: whose value is there and has `lags` values of its series before it.
            places: (n,) when each row is. ahead: (n, n_ahead) what is known ahead.
        """
        rows = some_of(rows, MOST)
        weights, effects = [], []
        for column in v.T:
            effect = _effects(column, rows, places, periods, ahead)
            for _ in range(2 if len(effect) else 1):
                u = column - ahead @ effect
                weight = _ridge(_features(u, rows, places, lags, periods), u[rows] - u[rows - 1])
                if len(effect):
                    effect = _filtered_effects(column, rows, places, lags, periods, ahead, weight)
            weights.append(weight.tolist())
            effects.append(effect.tolist())
        return cls(lags, list(periods), weights, effects)

    def forecast(
        self, v: Values, rows: Rows, places: NDArray[np.int64], horizon: int, past: Values, ahead: Values
    ) -> Values:
        """(m, horizon, k), what comes after these rows.

        Args:
            v: (n, k). rows: (m,). places: (n,).
            past: (n, n_ahead) what was known ahead, of all rows. ahead: (m, horizon, n_ahead) of the rows to come.
        """
        found = np.empty((len(rows), horizon, v.shape[1]))
        if not len(rows):
            return found
        first = int(places[rows].min()) + 1
        seen = waves(np.arange(first, int(places[rows].max()) + horizon + 1), self.periods)
        for begin in range(0, len(rows), BLOCK):
            some = slice(begin, begin + BLOCK)
            for j, column in enumerate(v.T):
                effect = np.array(self.effects[j])
                u = column - past @ effect if len(effect) else column
                weight = np.array(self.weights[j])
                wave = seen @ weight[self.lags + 1 :]
                went = self._went(u, rows[some], horizon, weight, wave, places[rows[some]] + 1 - first)
                found[some, :, j] = went + (ahead[some] @ effect if len(effect) else 0.0)
        return found

    def _went(
        self, u: Values, rows: Rows, horizon: int, weight: Values, wave: Values, begins: NDArray[np.int64]
    ) -> Values:
        """(m, horizon), step after step; `wave` holds the waves of the calendar, of the first step from `begins` on."""
        lags = self.lags
        path = np.empty((len(rows), lags + horizon))
        path[:, :lags] = u[rows[:, None] + np.arange(1 - lags, 1)]
        of_lags, of_level = weight[1:lags], weight[lags]
        backwards = of_lags[::-1]
        for h in range(horizon):
            last = path[:, lags + h - 1]
            before = path[:, h : lags + h - 1]
            change = weight[0] + before @ backwards + last * (of_level - of_lags.sum())
            change += wave[begins + h]
            path[:, lags + h] = last + change
        return path[:, lags:]


def waves(places: NDArray[np.int64], periods: list[float]) -> Values:
    """(m, …), sines and cosines of the periods and of parts of them."""
    angles = [2 * np.pi * k * places / period for period in periods for k in range(1, _waves(period) + 1)]
    return np.array([wave(angle) for angle in angles for wave in (np.sin, np.cos)]).T.reshape(len(places), -1)


def _waves(period: float) -> int:
    return max(1, min(HARMONICS, int(period / 2)))


def _features(u: Values, rows: Rows, places: NDArray[np.int64], lags: int, periods: list[float]) -> Values:
    last = u[rows - 1]
    before = [u[rows - i] - last for i in range(2, lags + 1)]
    return np.column_stack([*before, last, waves(places[rows], periods)])


def _ridge(X: Values, y: Values) -> Values:
    """The intercept and the weights of a ridge regression of standardized X, of the strength that leaves the least
    error of rows that are not fitted to."""
    middle, spread = X.mean(axis=0), X.std(axis=0)
    spread = np.where(spread > 1e-12, spread, np.inf)
    Z, mean = (X - middle) / spread, y.mean()
    values, vectors = np.linalg.eigh(Z.T @ Z)
    values = values.clip(0)
    turned = Z @ vectors
    along = turned.T @ (y - mean)
    best, least = STRENGTHS[-1], np.inf
    for strength in STRENGTHS:
        left = y - mean - turned @ (along / (values + strength))
        leverage = turned**2 @ (1 / (values + strength)) + 1 / len(y)
        error = float(np.abs(left / np.maximum(1 - leverage, 1e-3)).mean())
        if error < least:
            best, least = strength, error
    weights = vectors @ (along / (values + best)) / spread
    return np.append(mean - middle @ weights, weights)


def _effects(u: Values, rows: Rows, places: NDArray[np.int64], periods: list[float], ahead: Values) -> Values:
    """What is known ahead does to a value, by its changes from one step to the next."""
    if ahead.shape[1] == 0:
        return np.zeros(0)
    changes = np.column_stack([ahead[rows] - ahead[rows - 1], waves(places[rows], periods)])
    return _ridge(changes, u[rows] - u[rows - 1])[1 : 1 + ahead.shape[1]]


def _filtered_effects(
    u: Values, rows: Rows, places: NDArray[np.int64], lags: int, periods: list[float], ahead: Values, weight: Values
) -> Values:
    """The same, once the autoregression has taken its part out of both sides (Cochrane & Orcutt, 1949)."""

    def left(column: Values, own: Any) -> Values:
        features = _features(column, rows, places, lags, periods)[:, :lags]
        return np.asarray(column[rows] - column[rows - 1] - features @ weight[1 : lags + 1] - own)

    own = weight[0] + waves(places[rows], periods) @ weight[lags + 1 :]
    filtered = np.column_stack([left(column, 0.0) for column in ahead.T])
    return _ridge(filtered, left(u, own))[1:]

"""Each series of a table in its own scale: what a network, or a linear model, sees of values of any size."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from chainrule.configuration import Configurable
from chainrule.errors import OptionError

Values = NDArray[np.float64]

REACHES = 8
"""How many steps back, from one to a window, changes are measured over."""


VERY_LITTLE = 5.0
"""So many deviations below the mean of the logarithms is what 0 is taken for, where training had more alone."""


@dataclass(frozen=True, repr=False)
class Scaling(Configurable):
    """v = (f(y) − middle) / change, for each series and each of its k targets; f is the logarithm or leaves y alone.

    Args:
        names: of the series, "" of the only one.
        middles: of each series and target the mean of f(y).
        changes: the root mean square of how far f(y) goes within a window.
        spreads: the standard deviation of f(y), in units of `changes`.
        logs: of each target whether f is the logarithm.
    """

    names: list[str]
    middles: list[list[float]]
    changes: list[list[float]]
    spreads: list[list[float]]
    logs: list[bool]

    def __post_init__(self) -> None:
        super().__post_init__()
        tables, n, k = (self.middles, self.changes, self.spreads), len(self.names), len(self.logs)
        if n == 0 or any(len(table) != n or any(len(row) != k for row in table) for table in tables):
            raise OptionError(f"there are {n} series of {k} columns to forecast, but other numbers of scales.")
        if not all(number > 0 for table in (self.changes, self.spreads) for row in table for number in row):
            raise OptionError("what values are divided by is more than 0.")

    @classmethod
    def learn(cls, y: Values, series: NDArray[np.intp], names: list[str], logs: list[bool], window: int) -> Scaling:
        """The scales of these rows.

        Args:
            y: (n, k), sorted by series and time; NaN where nothing is known.
            series: (n,) which of `names` each row is of.
        """
        found = transformed(y, logs)
        middles = _means(found, series, len(names), np.nanmean(found, axis=0) if np.isfinite(found).any() else 0.0)
        apart = found - middles[series]
        spreads = _above_0(np.sqrt(_means(apart**2, series, len(names), 0.0)))
        reaches = np.unique(np.linspace(1, max(window, 2) - 1, REACHES).astype(int))
        changes = np.zeros_like(middles)
        for reach in reaches:
            steps = found[reach:] - found[:-reach]
            same = series[reach:] == series[:-reach]
            changes += _means(steps[same] ** 2, series[reach:][same], len(names), 0.0) / len(reaches)
        units = np.where(changes > 0, np.sqrt(changes), spreads)
        return cls(list(names), middles.tolist(), units.tolist(), _above_0(spreads / units).tolist(), list(logs))

    def of_those_met(self, y: Values, series: NDArray[np.intp]) -> Scaling:
        """The scales of those series of which something is known in these rows."""
        counts = np.bincount(series, weights=np.isfinite(y).any(axis=1), minlength=len(self.names))
        met = np.flatnonzero(counts)
        if len(met) in (0, len(self.names)):
            return self
        middles, changes, spreads = ([table[i] for i in met] for table in (self.middles, self.changes, self.spreads))
        return Scaling([self.names[i] for i in met], middles, changes, spreads, self.logs)

    def of(self, y: Values, series: NDArray[np.intp], names: list[str], window: int) -> Scale:
        """The scales of the rows of these series; one that was not there in training is scaled by its own rows."""
        tables = [np.array(table) for table in (self.middles, self.changes, self.spreads)]
        places = {name: i for i, name in enumerate(self.names)}
        if self.names == [""]:  # what a network learned of a single series goes for any
            places = dict.fromkeys(names, 0)
        if any(name not in places for name in names):
            own = Scaling.learn(y, series, names, self.logs, window)
            tables = [np.vstack(pair) for pair in zip(tables, (own.middles, own.changes, own.spreads), strict=True)]
        which = np.array([places.get(name, len(self.names) + i) for i, name in enumerate(names)])
        middle, change, spread = (table[which][series] for table in tables)
        return Scale(middle, change, spread, self.logs)

    def strangers(self, names: list[str]) -> list[str]:
        """The series that were not there in training."""
        return [] if self.names == [""] else [name for name in names if name not in set(self.names)]


@dataclass(frozen=True)
class Scale:
    """The scales of n rows, each (n, k); see `Scaling`."""

    middle: Values
    change: Values
    spread: Values
    logs: list[bool]

    def forth(self, y: Values, rows: Any = slice(None)) -> Values:
        """v of values (m, …, k) that belong to these m rows; of one that has no logarithm that of a very little one."""
        found = np.asarray(
            (transformed(y, self.logs) - self._of(self.middle, rows, y)) / self._of(self.change, rows, y)
        )
        if not any(self.logs):
            return found
        return np.where(np.isnan(found) & np.isfinite(y), -VERY_LITTLE * self._of(self.spread, rows, y), found)

    def back(self, v: Values, rows: Any = slice(None)) -> Values:
        """The values y (m, …, k) that v stands for."""
        found = v * self._of(self.change, rows, v) + self._of(self.middle, rows, v)
        if not any(self.logs):
            return found
        with np.errstate(over="ignore"):
            return np.asarray(np.where(self._where, np.exp(np.minimum(found, 700)), found))

    def back_all(self, v: Values, rows: Any) -> Values:
        """The same of values (m, …, k, n)."""
        return np.moveaxis(self.back(np.moveaxis(v, -1, 1), rows), 1, -1)

    @cached_property
    def _where(self) -> NDArray[np.bool_]:
        return np.array(self.logs)

    def _of(self, table: Values, rows: Any, values: Values) -> Values:
        return np.asarray(table[rows].reshape(-1, *[1] * (values.ndim - 2), table.shape[1]))


def transformed(y: Values, logs: list[bool]) -> Values:
    """f(y); NaN where it has no logarithm."""
    if not any(logs):
        return y
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.asarray(np.where(np.array(logs), np.log(np.where(y > 0, y, np.nan)), y))


def _means(values: Values, series: NDArray[np.intp], n: int, otherwise: Any) -> Values:
    """(n, k), the mean of what is known in each series, or `otherwise` where nothing is."""
    found = np.empty((n, values.shape[1]))
    for j, column in enumerate(values.T):
        known = np.isfinite(column)
        counts = np.bincount(series[known], minlength=n)
        sums = np.bincount(series[known], column[known], minlength=n)
        found[:, j] = np.where(counts > 0, sums / np.maximum(counts, 1), np.broadcast_to(otherwise, values.shape[1])[j])
    return found


def _above_0(numbers: Values) -> Values:
    """The numbers, with 1 in place of 0."""
    return np.asarray(np.where(numbers > 0, numbers, 1.0))

"""Forecasts that cost nothing: the last value, the value a season ago, and the mean of that season so far.

All are of rows sorted by series and time, on a calendar without holes: values (n, k), filled in where they were
missing.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Values = NDArray[np.float64]
Rows = NDArray[np.intp]


@dataclass(frozen=True)
class Past:
    """What is known of some series.

    Attributes:
        values: (n, k), filled in. known: (n, k), whether a value was there.
        begin: (n,) the first row of the series that each row is of.
        places: (n,) when each row is, as a number of its calendar.
        season: after how many rows things come again.
    """

    values: Values
    known: NDArray[np.bool_]
    begin: Rows
    places: NDArray[np.int64]
    season: int

    def last(self, rows: Rows, horizon: int) -> Values:
        """(m, horizon, k), the last value again."""
        return np.repeat(self.values[rows][:, None], horizon, axis=1)

    def season_ago(self, rows: Rows, horizon: int) -> Values:
        """(m, horizon, k), what it was at that time of the last season; the last value where there was none."""
        before = self._season_before(rows, horizon)
        there = before >= self.begin[rows][:, None]
        return np.where(there[..., None], self.values[before.clip(0)], self.values[rows][:, None])

    def mean(self, rows: Rows, horizon: int) -> Values:
        """(m, horizon, k), the mean of all that was known at that time of a season; of everything where nothing was."""
        of_season, of_all = self._means()
        before = self._season_before(rows, horizon)
        there = (before >= self.begin[rows][:, None])[..., None] & np.isfinite(of_season[before.clip(0)])
        return np.where(there, of_season[before.clip(0)], of_all[rows][:, None])

    def _season_before(self, rows: Rows, horizon: int) -> Rows:
        """(m, horizon), the last known row at the time of the season of each step ahead."""
        steps = np.arange(1, horizon + 1)
        return np.asarray(rows[:, None] + steps - self.season * -(-steps // self.season))

    def _means(self) -> tuple[Values, Values]:
        """(n, k), the mean of what was known up to each row: at its time of the season, and at all times."""
        n = len(self.begin)
        phase = (np.arange(n) - self.begin) % self.season
        order = np.lexsort((phase, self.begin)) if self.season > 1 else np.arange(n)
        group = self.begin * self.season + phase
        of_season = np.empty_like(self.values)
        of_season[order] = _so_far(self.values[order], self.known[order], group[order])
        of_all = _so_far(self.values, self.known, self.begin)
        return of_season, np.where(np.isfinite(of_all), of_all, self.values)


def _so_far(values: Values, known: NDArray[np.bool_], group: NDArray[np.int64]) -> Values:
    """The mean of the known values of each row's group up to it; NaN where there is none."""
    sums, counts = (np.cumsum(part, axis=0) for part in (np.where(known, values, 0.0), known.astype(float)))
    first = np.flatnonzero(np.append(True, np.diff(group) != 0))
    lengths = np.diff([*first, len(group)])
    before = [np.vstack([np.zeros(values.shape[1]), part])[first] for part in (sums, counts)]
    sums, counts = (
        part - np.repeat(begin, lengths, axis=0) for part, begin in zip((sums, counts), before, strict=True)
    )
    return np.where(counts > 0, sums / np.maximum(counts, 1), np.nan)


def filled(values: Values, begin: Rows, season: int) -> Values:
    """The values with each gap filled in from what came before it: by the last value, or by the last one at that time
    of the season, moved by how much the level has changed since; whichever has been nearer so far.

    A gap at the beginning gets the first value that is known.
    """
    found = values.copy()
    for j, column in enumerate(values.T):
        if np.isnan(column).any():
            found[:, j] = _filled(column, begin, season)
    return found


def _filled(column: Values, begin: Rows, season: int) -> Values:
    known = np.isfinite(column)
    best = carried = _carried(column, known, begin)
    if season > 1:
        seasonal = _seasonal(column, known, begin, season)
        before = np.append(np.nan, carried[:-1])
        both = known & np.isfinite(seasonal) & np.isfinite(before) & (np.arange(len(column)) > begin)
        better = np.where(both, abs(before - column) - abs(seasonal - column), 0.0)
        so_far = np.append(0, np.cumsum(better))
        best = np.where((so_far[:-1] > so_far[begin]) & np.isfinite(seasonal), seasonal, carried)
    found = np.where(known, column, best)
    empty = np.isnan(found)
    if empty.any():  # before the first value of a series
        later = _carried(column[::-1], known[::-1], (len(column) - 1 - _ends(begin))[::-1])[::-1]
        found = np.where(empty, later, found)
    return np.where(np.isnan(found), 0.0, found)


def _carried(column: Values, known: NDArray[np.bool_], begin: Rows) -> Values:
    """The last known value of the series at each row, NaN before the first."""
    rows = np.maximum.accumulate(np.where(known, np.arange(len(column)), -1))
    return np.where(rows >= begin, column[rows], np.nan)


def _seasonal(column: Values, known: NDArray[np.bool_], begin: Rows, season: int) -> Values:
    """What the row a season before, or two, or more, makes expect at each row, without looking at the row itself."""
    n = len(column)
    rows = np.arange(n)
    whole = -(-n // season) * season
    padded = np.full(whole, -1)
    padded[:n] = np.where(known, rows, -1)
    last = np.maximum.accumulate(padded.reshape(-1, season), axis=0).ravel()[:n]
    before = np.append(np.full(min(season, n), -1), last[: max(n - season, 0)])
    again = np.where(before >= begin, column[before], np.nan)
    sums = np.append(0, np.cumsum(np.nan_to_num(np.where(known, column, again))))
    full = rows - season >= begin
    level = np.where(full, (sums[rows] - sums[(rows - season).clip(0)]) / season, np.nan)  # of the season just before
    moved = level - level[before]
    return again + np.where(np.isfinite(moved), moved, 0.0)


def _ends(begin: Rows) -> Rows:
    """The last row of the series of each row."""
    first = np.append(np.flatnonzero(np.diff(begin)) + 1, len(begin))
    return np.asarray(first[np.searchsorted(first, np.arange(len(begin)), side="right")] - 1)

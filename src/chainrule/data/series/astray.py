"""The few times that keep a series from its calendar, such as a year that was mistyped."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import numpy as np
from numpy.typing import NDArray

from chainrule.data.series.calendar import Moments
from chainrule.data.strays import STRAYS, strays_in

Rows = NDArray[np.intp]


def astray(moments: Moments, series: Rows, fits: Callable[[Moments, Rows], bool]) -> Rows:
    """The rows, by position, without which the others fit a calendar; none where that takes more than a few.

    Args:
        moments: sorted within each series. series: which series each is of.
        fits: whether moments without some of them lie on a calendar.
    """
    for rows in _suspects(moments, series):
        keep = np.ones(len(moments), bool)
        keep[rows] = False
        if 0 < len(rows) <= STRAYS and keep.any() and fits(moments[keep], series[keep]):
            return rows
    return np.empty(0, np.intp)


def _suspects(moments: Moments, series: Rows) -> Iterator[Rows]:
    """Times far from all others, and those that lie in no usual step from the one before nor the one behind."""
    far = strays_in(moments)
    if far is not None:
        yield far.rows
    steps = np.diff(moments)
    same = np.diff(series) == 0
    if same.any():
        found, counts = np.unique(steps[same], return_counts=True)
        odd = np.where(same, steps != found[counts.argmax()], True)
        yield np.flatnonzero(np.append(True, odd) & np.append(odd, True))

"""The axes of a panel: from where to where, and the round numbers or the names that stand at it."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from typing import NamedTuple

import numpy as np

from chainrule.charts.chart import Bars, Cells, Numbers, Panel, Squares

LARGEST = 1e300
"""Numbers are drawn as if they were no larger, so that differences do not overflow."""


class Axis(NamedTuple):
    """From where to where an axis goes, and the ticks: their places and what is written there."""

    low: float
    high: float
    ticks: list[tuple[float, str]]


def axes(panel: Panel) -> tuple[Axis, Axis]:
    """The x axis and the y axis of a panel, which hold all finite numbers of its marks."""
    extents = [mark.extent() for mark in panel.marks]
    x, y = _ends(extent[0] for extent in extents), _ends(extent[1] for extent in extents)
    for mark in panel.marks:
        if isinstance(mark, Cells):
            columns = [(float(j), name) for j, name in enumerate(mark.names)]
            return Axis(*x, columns), Axis(*y, _upwards(mark.names))
        if isinstance(mark, Squares):
            return Axis(*x, [(float(j), name) for j, name in enumerate(mark.columns)]), Axis(*y, _upwards(mark.rows))
        if isinstance(mark, Bars):
            return _numbered(*_wider(*x), 5), Axis(*y, _upwards(mark.names))
    if panel.ticks:
        across = _with_own(*_wider(*x), panel.ticks)
    else:
        across = _numbered(*x, 8, whole=True) if panel.whole else _numbered(*_wider(*x), 6)
    upward = _with_own(*_wider(*y), panel.y_ticks) if panel.y_ticks else _numbered(*_wider(*y), 6)
    return across, upward


def _with_own(low: float, high: float, ticks: Sequence[tuple[float, str]]) -> Axis:
    """With those of the panel's own ticks that are on the axis."""
    return Axis(low, high, [tick for tick in ticks if low <= tick[0] <= high])


def _upwards(names: Sequence[str]) -> list[tuple[float, str]]:
    return [(-float(i), name) for i, name in enumerate(names)]


def _ends(numbers: Iterable[Numbers]) -> tuple[float, float]:
    """The least and the greatest finite number, made different; 0 and 1 where there is none."""
    found = np.concatenate([np.zeros(0), *(np.asarray(part, np.float64).ravel() for part in numbers)])
    found = np.clip(found[np.isfinite(found)], -LARGEST, LARGEST)
    if not len(found):
        return 0.0, 1.0
    low, high = float(found.min()), float(found.max())
    if high - low > max(1e-12 * max(abs(low), abs(high)), 1 / LARGEST):
        return low, high
    around = 0.05 * abs(low) if abs(low) > 1 / LARGEST else 0.5
    return low - around, high + around


def _wider(low: float, high: float) -> tuple[float, float]:
    """With some room at both ends, but none beyond an end at 0."""
    room = 0.04 * (high - low)
    return (low - room if low else low), (high + room if high else high)


def _numbered(low: float, high: float, most: int, *, whole: bool = False) -> Axis:
    """With ticks at about `most` round numbers."""
    if whole and high - low < 1:
        low, high = round((low + high) / 2) - 0.5, round((low + high) / 2) + 0.5
    rough = (high - low) / most
    power = 10.0 ** math.floor(math.log10(rough))
    step = next(times * power for times in (1, 2, 2.5, 5, 10) if times * power >= rough * (1 - 1e-9))
    if whole:
        step = max(2 * step if step == 2.5 else step, 1)
    places = [k * step for k in range(math.ceil(low / step - 1e-9), math.floor(high / step + 1e-9) + 1)]
    return Axis(low, high, [(place, _written(place, step, max(abs(low), abs(high)))) for place in places])


def _written(value: float, step: float, largest: float) -> str:
    """A number with as many digits as tell it from its neighbours."""
    told = largest / step  # so many neighbours are told apart
    if step >= 1e-4 and (largest < 1e7 or (told > 1e5 and largest < 1e12)):
        decimals = max(0, -math.floor(math.log10(step)))
        decimals += round(step, decimals) != step
        return f"{value + 0.0:,.{decimals}f}"
    return f"{value + 0.0:.{max(2, math.ceil(math.log10(told)) + 1)}g}"

"""Numbers that do not belong to their column: marks of what is missing, such as −999, and strays, such as a total.

They are looked for where they can only be, at the ends of a column, so that a column without any costs two passes.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from decimal import Decimal
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from polars import Series

MARK = re.compile(r"-?9{2,}(\.0+)?|-9|-1")
"""How numbers are written that mark a missing value in files without gaps."""

APART, FAR = 3.0, 12.0
"""So many robust deviations lie a mark from the nearest other number, and a stray from the middle and the nearest."""

FEW, MOST = 30, 0.5
"""Of fewer numbers nothing is said; a mark stands in no larger part of them."""

MANY = 50_000
"""Of more than twice as many numbers so many tell whether the ends are far from them."""

LARGEST = float(np.finfo(np.float64).max)
"""The end of what has none."""

ADDED, CLOSE = 10, 5e-4
"""Of fewer numbers none is taken for the sum of the others, nor is one that tells it no closer than this part."""

STRAYS = 3
"""More values that lie apart from the others are a group of their own, and not strays."""


@dataclass(frozen=True)
class Mark:
    """A number that may mark a missing value: how often it stands in a column of how many, and where the others lie."""

    value: float
    times: int
    of: int
    low: float
    high: float


@dataclass(frozen=True)
class Strays:
    """The rows, by position, of values far from all others, and where those lie."""

    rows: NDArray[np.intp]
    low: float
    high: float


def mark_in(series: Series) -> Mark | None:
    """The mark at an end of a column of numbers, if there is one."""
    if not series.dtype.is_numeric() or len(series) < FEW:
        return None
    ends = [float(end) for end in (series.min(), series.max()) if isinstance(end, int | float)]
    marks = [end for end in ends if MARK.fullmatch(f"{end:.10g}")]
    if not marks:
        return None
    y = series.drop_nulls().to_numpy().astype(np.float64)
    for end in marks:
        found = _mark(y, end)
        if found is not None:
            return found
    return None


def _mark(y: NDArray[np.float64], end: float) -> Mark | None:
    others = y[y != end]
    times = len(y) - len(others)
    if len(others) < FEW or times > MOST * len(y) or (times < 2 and end > 0):
        return None
    low, high = float(others.min()), float(others.max())
    gap = low - end if end < low else end - high
    different = len(np.unique(others[:1000]))
    if end == -1:  # a number like others unless they begin at 0 or later, and are many
        far = low >= 0 and different > 10 and times >= 5
    else:
        spread = _robust(others)
        far = (
            gap > APART * spread
            and (different > 5 or gap > high - low)
            and (end < 0 <= low or gap > 0.5 * (high - low))
        )
    return Mark(end, times, len(y), low, high) if far else None


def total_in(y: NDArray[np.float64]) -> int | None:
    """The place of the value that is the sum of all others, as in a line of totals, if there is one.

    Args:
        y: (m,) values, NaN where one is missing. It must be more than twice as large as any other, of which none is
            negative, and be their sum to three digits or more: but for half a unit of the last digit that it is
            written with, as it may be rounded.
    """
    there = y[(y != 0) & ~np.isnan(y)]
    if len(there) < ADDED or there.min() < 0:
        return None
    largest = float(there.max())
    others = float(there.sum()) - largest
    rounded = max(0.51 * _last_digit(largest), 1e-6 * others)
    if largest <= 2 * np.partition(there, -2)[-2] or not abs(largest - others) <= rounded <= CLOSE * others:
        return None
    return int(np.nanargmax(y))


def _last_digit(value: float) -> float:
    """What 1 is worth in the last place of a number as it is written; 1 for a whole number."""
    exponent = Decimal(repr(value)).normalize().as_tuple().exponent
    return 10.0 ** min(exponent, 0) if isinstance(exponent, int) else np.inf  # which what is not finite has


def strays_in(y: NDArray[np.float64]) -> Strays | None:
    """The values (m,) that lie far from all others, if they are few.

    What is positive must be far on the scale of logarithms, too: a long tail is none.
    """
    if len(y) < FEW or (len(y) > 2 * MANY and not _far(np.append(y[:: len(y) // MANY], [y.min(), y.max()]))[-2:].any()):
        return None
    scales = [y] if y.min() <= 0 else [y, np.log(y)]
    apart = np.ones(len(y), bool)
    for z in scales:
        apart &= _far(z)
    rows = np.flatnonzero(apart)
    if not 0 < len(rows) <= min(STRAYS, len(y) // FEW):
        return None
    others = y[~apart]
    return Strays(rows, float(others.min()), float(others.max()))


def usual_ends(y: NDArray[np.float64]) -> tuple[float, float] | None:
    """Beyond which ends values like these (m,) are marks or strays; None where none of these is.

    The ends are those by which a stray was told, so that others that lie just beyond all of these stay within.
    """
    low, high = -LARGEST, LARGEST
    kept = y
    for end in (float(y.min()), float(y.max())):
        mark = _mark(y, end) if MARK.fullmatch(f"{end:.10g}") else None
        if mark is not None:
            kept = kept[kept != end]
            if end < mark.low:
                low = float(np.nextafter(end, np.inf))
            else:
                high = float(np.nextafter(end, -np.inf))
    if strays_in(kept) is not None:
        middle, apart = _farthest(kept)
        ends = [(middle - apart, middle + apart)]
        if kept.min() > 0:
            middle, apart = _farthest(np.log(kept))
            with np.errstate(over="ignore"):
                ends.append((float(np.exp(middle - apart)), float(np.exp(middle + apart))))
        low, high = max(low, min(end[0] for end in ends)), min(high, max(end[1] for end in ends))
    return None if (low, high) == (-LARGEST, LARGEST) else (low, high)


def _far(z: NDArray[np.float64]) -> NDArray[np.bool_]:
    """Whether a value is far from the middle, and those that are so are far from the others."""
    middle, apart = _farthest(z)
    return np.asarray(abs(z - middle) > apart)


def _farthest(z: NDArray[np.float64]) -> tuple[float, float]:
    """The middle, and how far from it a value is at most that is no stray."""
    middle, spread = float(np.median(z)), _robust(z)
    if spread <= 0:
        return middle, np.inf
    usual = abs(z - middle)
    found = usual > FAR * spread
    if not found.any() or found.all():
        return middle, FAR * spread
    return middle, max(FAR * spread, float(usual[~found].max()) + FAR / 2 * spread)


def _robust(z: NDArray[np.float64]) -> float:
    """The deviation of a normal distribution with these quartiles; where they are one, what there is of it."""
    low, high = np.quantile(z, (0.25, 0.75))
    return float((high - low) / 1.349) or float(np.mean(abs(z - np.median(z))))

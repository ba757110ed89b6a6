"""The code of a column of numbers."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from chainrule.data.codes.code import LIMIT, Code, Matrix
from chainrule.data.columns import Column

if TYPE_CHECKING:
    from polars import Series

TALL = 8.0
"""A column whose numbers lie further from the median, in robust deviations, has its tails drawn in."""

ENDS = 0.005, 0.995
"""These quantiles tell where nearly all numbers lie."""


@dataclass(frozen=True, repr=False)
class Number(Code):
    """(f(v) − middle) / spread, clipped to ±10; f draws long tails in: f(v) = arsinh((v − origin) / unit).

    A missing value becomes the median, and 1 in a column of its own where there were such while training.

    Args:
        fill: the median, in the column's own unit.
        origin, unit: of f; a unit of 0 for no f.
        middle, spread: mean and standard deviation of f(v).
        gaps: whether values were missing while training.
        low, high: between which nearly all values lay while training; None where nobody has noted it.
        different: how many different numbers there were while training; 0 where nobody has noted it.
    """

    fill: float
    origin: float
    unit: float
    middle: float
    spread: float
    gaps: bool
    low: float | None = None
    high: float | None = None
    different: int = 0

    reads = "numbers"

    @classmethod
    def learn(cls, column: Column, values: Series) -> Number:
        v = np.sort(values.drop_nulls().to_numpy().astype(np.float64))
        if len(v) == 0:
            return cls(column, 0.0, 0.0, 0.0, 0.0, 1.0, True)
        low, fill, high = (_quantile(v, share) for share in (0.25, 0.5, 0.75))
        robust, farthest = (high - low) / 1.349, max(v[-1] - fill, fill - v[0])
        tall = farthest > TALL * (robust if robust > 0 else v.std())
        unit = (robust or _middle_step(v, fill)) if tall else 0.0
        f = _drawn_in(v, fill, unit)
        spread, largest = float(f.std()), max(f[-1], -f[0])
        gaps, spread = values.null_count() > 0, spread if spread > 1e-12 * largest else 1.0
        low, high = (_quantile(v, share) for share in ENDS)
        different = 1 + int(np.count_nonzero(v[1:] != v[:-1]))
        return cls(column, fill, fill, unit, float(f.mean()), spread, gaps, low, high, different)

    @property
    def steps_of_numbers(self) -> int:  # type: ignore[override]
        return self.different - 1 if self.different > 2 else 0

    @property
    def width(self) -> int:
        return 1 + self.gaps

    def apart(self, values: NDArray[np.float64]) -> NDArray[np.float64]:
        """How many deviations f of these numbers lies from the middle of training; NaN of a missing one."""
        return np.asarray(abs(_drawn_in(values, self.origin, self.unit) - self.middle) / self.spread)

    def read(self, values: Series) -> NDArray[Any]:
        return values.to_numpy()  # NaN where a value is missing

    def read_one(self, value: object) -> NDArray[Any]:
        if value is None:
            return np.array([math.nan])
        return np.array([value], np.float64) if type(value) in (int, float) else super().read_one(value)

    def write(self, found: NDArray[Any], out: Matrix) -> None:
        v = found.astype(np.float64)
        missing = np.isnan(v)
        v[missing] = self.fill
        z = (_drawn_in(v, self.origin, self.unit) - self.middle) / self.spread
        out[:, 0] = np.clip(z, -LIMIT, LIMIT)
        if self.gaps:
            out[:, 1] = missing


def _quantile(ordered: NDArray[np.float64], share: float) -> float:
    """As NumPy's, of numbers that are sorted already, which that would part anew."""
    part, below = math.modf(share * (len(ordered) - 1))
    low, high = ordered[int(below)], ordered[math.ceil(below + part)]
    return float(low + part * (high - low))


def _middle_step(v: NDArray[np.float64], middle: float) -> float:
    """The median distance of those numbers that are not in the middle."""
    apart = np.abs(v - middle)
    return float(np.median(apart[apart > 0]))


def _drawn_in(v: NDArray[np.float64], origin: float, unit: float) -> NDArray[np.float64]:
    return np.arcsinh((v - origin) / unit) if unit else v

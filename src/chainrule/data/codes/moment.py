"""The code of a column of dates."""

from __future__ import annotations

import datetime
import math
import re
from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
from numpy.typing import NDArray

from chainrule.data.codes.code import LIMIT, Code, Matrix
from chainrule.data.columns import Column
from chainrule.data.dates import ISO

if TYPE_CHECKING:
    from polars import Series

Part = Literal["elapsed", "month", "day", "weekday", "hour"]

PARTS: tuple[Part, ...] = ("elapsed", "month", "day", "weekday", "hour")
"""What a moment is made of: how far it lies on the way of the training data, and its places on four clocks."""

MANY_DAYS = 1_000
"""As many different days as a column of dates is taken to have."""

_PERIODS = {"month": 12.0, "day": 31.0, "weekday": 7.0, "hour": 24.0}


@dataclass(frozen=True, repr=False)
class Moment(Code):
    """Days since the middle of the training data, standardized; and month, day, weekday and hour, each as (sin, cos).

    Args:
        parts: those of `PARTS` that differ between the training rows.
        middle, spread: of the days since 1970. gaps: whether values were missing while training.
    """

    parts: list[Part]
    middle: float
    spread: float
    gaps: bool

    reads = "dates"

    @classmethod
    def learn(cls, column: Column, values: Series) -> Moment:
        there = values.drop_nulls()
        days = _days(there)
        parts = [part for part in PARTS if len(np.unique(_part(there, part))) > 1]
        spread = float(days.std()) if len(days) else 0.0
        middle = float(days.mean()) if len(days) else 0.0
        return cls(column, parts, middle, spread or 1.0, values.null_count() > 0)

    @property
    def width(self) -> int:
        return sum(1 if part == "elapsed" else 2 for part in self.parts) + self.gaps

    @property
    def steps_of_numbers(self) -> int:  # type: ignore[override]
        return MANY_DAYS if "elapsed" in self.parts else 0

    def apart(self, values: Series) -> NDArray[np.float64]:
        """How many deviations moments lie from the middle of training; 0 where they are missing, or no time passed."""
        if "elapsed" not in self.parts:
            return np.zeros(len(values))
        return np.where(values.is_null().to_numpy(), 0.0, abs(_days(values) - self.middle) / self.spread)

    def read(self, values: Series) -> NDArray[Any]:
        parts = [_part(values, part) for part in self.parts]
        return np.column_stack([*parts, values.is_null().to_numpy()])

    def read_one(self, value: object) -> NDArray[Any]:
        if value is None:
            return np.array([[0.0] * len(self.parts) + [1.0]])
        if type(value) is str and (self.column.form or ISO) == ISO and re.fullmatch(r"\d{4}-\d\d-\d\d", value, re.A):
            with suppress(ValueError):  # there is no such day, as the column's own reading tells better
                value = datetime.date.fromisoformat(value)
        if type(value) is datetime.date:
            value = datetime.datetime.combine(value, datetime.time())
        if type(value) is not datetime.datetime or value.tzinfo is not None:
            return super().read_one(value)
        return np.array([[_part_of_one(value, part) for part in self.parts] + [0.0]])

    def write(self, found: NDArray[Any], out: Matrix) -> None:
        missing, place = found[:, -1] > 0, 0
        for part, numbers in zip(self.parts, found.T, strict=False):
            if part == "elapsed":
                columns = [np.clip((numbers - self.middle) / self.spread, -LIMIT, LIMIT)]
            else:
                angle = 2 * math.pi * numbers / _PERIODS[part]
                columns = [np.sin(angle), np.cos(angle)]
            for column in columns:
                out[:, place] = np.where(missing, 0, column)
                place += 1
        if self.gaps:
            out[:, place] = missing


def _days(moments: Series) -> NDArray[np.float64]:
    """Days since 1970, 0 where there is none."""
    return moments.dt.epoch("s").fill_null(0).to_numpy() / 86400.0


def _part(moments: Series, part: str) -> NDArray[np.float64]:
    if part == "elapsed":
        return _days(moments)
    if part == "hour":
        return np.asarray(moments.dt.hour().fill_null(0).to_numpy() + moments.dt.minute().fill_null(0).to_numpy() / 60)
    return np.asarray(getattr(moments.dt, part)().fill_null(0).to_numpy(), np.float64)


def _part_of_one(moment: datetime.datetime, part: Part) -> float:
    if part == "elapsed":
        return (moment.replace(microsecond=0) - datetime.datetime(1970, 1, 1)).total_seconds() / 86400
    if part == "hour":
        return moment.hour + moment.minute / 60
    return float(moment.isoweekday() if part == "weekday" else getattr(moment, part))

"""The calendar of a series: the moments at which a value is due, numbered, so that a hole in time is seen as one.

Hours, days, business days, weeks, months, quarters and years, or numbers that rise by an even step.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from chainrule.configuration import Configurable
from chainrule.errors import OptionError

Moments = NDArray[np.float64]
"""Times as numbers: of dates microseconds since 1970, of other columns what they hold."""

DAY = 86400e6
"""A day in microseconds."""

YEAR = 365.2425 * DAY

Unit = Literal["months", "business days", "steps", "numbers", "rows"]
"""How a calendar counts: whole months; the days of some weekdays, as from Monday to Friday; even steps in time; even
steps of numbers; or, where the steps are not even, rows."""

LENGTHS = (
    (7 * DAY, "week"),
    (DAY, "day"),
    (3600e6, "hour"),
    (60e6, "minute"),
    (1e6, "second"),
    (1e3, "millisecond"),
    (1.0, "microsecond"),
)
"""Of steps in time: how long one is, and what it is called."""

MONTHS = ((12, "year"), (3, "quarter"), (1, "month"))

WEEKDAYS = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")

CHANCE = 0.01
"""A weekday that is never met is none of a calendar where that has no more than this chance, as many days as there
are."""

SPARSE = 4
"""With more places than so many times the rows, rows are no series with holes, but events."""

LOOSE = 0.25
"""Which part of a step times may be off, as those of sensors are, so that they still count as even."""


@dataclass(frozen=True, repr=False)
class Calendar(Configurable):
    """Numbers the moments at which a value is due: place p lies `step` units after place p − 1.

    Args:
        unit: see `Unit`. step: how many months, microseconds or numbers lie between two places.
        anchor: of months how far behind the beginning of the month, or of business days of the day, moments lie;
            otherwise the moment of place 0.
        shift: what is added to a moment before it is looked at: a day where months are dated by their last one.
        loose: whether moments are only about where they are due, and are counted from one to the next.
        first: of months the month of place 0, counted from 1970 on.
        weekdays: of business days which weekdays they are, Monday being 0.
    """

    unit: Unit
    step: float
    anchor: float = 0.0
    shift: float = 0.0
    loose: bool = False
    first: int = 0
    weekdays: list[int] = field(default_factory=lambda: [0, 1, 2, 3, 4])

    def __post_init__(self) -> None:
        super().__post_init__()
        if not self.weekdays or self.weekdays != sorted({*self.weekdays} & {*range(7)}):
            raise OptionError(f"the weekdays of a calendar are {self.weekdays}, but must be of 0 to 6, in order.")
        if not (self.step > 0 and np.isfinite([self.step, self.anchor, self.shift]).all()):
            raise OptionError(f"the step of a calendar is {self.step}, but must be more than 0.")

    @property
    def dates(self) -> bool:
        """Whether its moments are dates."""
        return self.unit in ("months", "business days", "steps")

    @property
    def even(self) -> bool:
        """Whether later moments follow from the last one."""
        return self.unit != "rows"

    @property
    def length(self) -> float:
        """About how long a step is, in microseconds; NaN where that means nothing."""
        if self.unit == "months":
            return self.step * YEAR / 12
        if self.unit == "business days":
            return 7 / len(self.weekdays) * DAY
        return self.step if self.unit == "steps" else np.nan

    def closed(self, moments: Moments) -> NDArray[np.bool_]:
        """Which moments are on a weekday that it has none of."""
        if self.unit != "business days":
            return np.zeros(len(moments), bool)
        return np.isfinite(moments) & ~np.isin((moments // DAY + 3) % 7, self.weekdays)

    def called(self, n: int) -> str:
        """n of its steps in words, such as "20 days"."""
        if self.unit == "business days":
            kind = "business" if self.weekdays == [0, 1, 2, 3, 4] else "opening"
            return f"{n:,} {kind} day{'' if n == 1 else 's'}"
        lengths = MONTHS if self.unit == "months" else LENGTHS if self.unit == "steps" and not self.loose else ()
        for length, name in lengths:
            if self.step % length == 0:
                times = int(self.step // length)
                each = "" if times == 1 else f" of {times} {name}s"
                name = name if times == 1 else "step"
                return f"{n:,} {name}{'' if n == 1 else 's'}{each}"
        if self.unit == "steps":
            days = self.step / DAY
            each = f" of about {days:.3g} days" if days >= 2 else f" of about {self.step / 60e6:.3g} minutes"
            return f"{n:,} step{'' if n == 1 else 's'}{each}"
        return f"{n:,} row{'' if n == 1 else 's'}" if self.unit == "rows" else f"{n:,} step{'' if n == 1 else 's'}"

    def places(self, moments: Moments, series: NDArray[np.intp]) -> NDArray[np.int64] | None:
        """(rows,) the place of each moment; None where one lies on none.

        Args:
            moments: sorted within each series. series: which series each is of.
        """
        if self.unit == "rows" or (self.loose and len(moments) < 2):
            return row_numbers(series)
        if self.unit == "months":
            months, rest = _months(moments + self.shift)
            fits = self.loose or np.allclose(rest, self.anchor, rtol=0, atol=1)
            counted = (months - self.first) / self.step
            return _whole(counted) if fits else None
        if self.unit == "business days":
            days, rest = np.divmod(moments - self.anchor, DAY)
            weeks, weekday = np.divmod(days.astype(np.int64) + 3, 7)  # 1970 began on a Thursday
            number = np.full(7, -1)
            number[self.weekdays] = np.arange(len(self.weekdays))
            open = (rest == 0).all() and (number[weekday] >= 0).all()
            return len(self.weekdays) * weeks + number[weekday] if open else None
        if self.loose:
            same = np.diff(series) == 0
            steps = np.where(same, np.maximum(np.rint(np.diff(moments) / self.step), 1), 0)
            begins = np.append(True, ~same)
            counted = np.append(0, np.cumsum(steps)).astype(np.int64)
            first = np.rint((moments[begins] - self.anchor) / self.step).astype(np.int64)
            return np.asarray(
                counted - np.repeat(counted[begins] - first, np.diff([*np.flatnonzero(begins), len(series)]))
            )
        return _whole((moments - self.anchor) / self.step)

    def fits(self, moments: Moments, series: NDArray[np.intp]) -> bool:
        """Whether these moments lie on it, one after the other, and not so sparsely that they are events."""
        places = self.places(moments, series)
        if places is None:
            return False
        apart = np.diff(places)[np.diff(series) == 0]
        return bool((apart > 0).all() and apart.sum() <= SPARSE * len(apart) + 10)

    def moments(self, places: NDArray[np.int64]) -> Moments:
        """The moments of these places."""
        if self.unit == "months":
            months = (places * int(self.step) + self.first).astype("datetime64[M]")
            return np.asarray(months.astype("datetime64[us]").astype(np.float64) + self.anchor - self.shift)
        if self.unit == "business days":
            weeks, number = np.divmod(places, len(self.weekdays))
            return np.asarray((7.0 * weeks + np.array(self.weekdays)[number] - 3) * DAY + self.anchor)
        return np.asarray(self.anchor + places * self.step)

    def season(self) -> int:
        """After how many places things come again: a day of hours or minutes, a week of days, a year of weeks, months
        or quarters; 1 where it cannot be told."""
        if not self.dates:
            return 1
        if self.unit == "business days":
            return len(self.weekdays)
        step = self.length
        if step < 0.9 * DAY:
            return max(1, round(DAY / step))
        if step < 1.5 * DAY:
            return 7
        if step < 6 * DAY:
            return 1
        return next((season for season in (52, 12, 4) if 0.9 < season * step / YEAR < 1.1), 1)

    def periods(self, season: int, span: int) -> list[float]:
        """After how many places waves come again that a series of `span` places shows twice or more: the season, a day,
        a week and a year."""
        if not self.even:
            return []
        found = [] if season == 1 else [float(season)]
        if self.dates:
            week, year = 7 * DAY / self.length, YEAR / self.length
            found = [year if abs(period / year - 1) < 0.01 else period for period in found]
            found += [period for period in (DAY / self.length, week, year) if all(abs(period - p) > 0.5 for p in found)]
        return [period for period in found if 2 <= period <= span / 2]


def find_calendar(moments: Moments, series: NDArray[np.intp], dates: bool) -> Calendar:
    """The calendar on which these moments lie, by their steps.

    Args:
        moments: sorted within each series, none of which holds one twice.
        series: which series each is of. dates: whether they are dates.
    """
    same = np.diff(series) == 0
    steps = np.diff(moments)[same]
    if len(steps) == 0:
        return Calendar("rows", 1.0)
    found = (_months_of(moments, same) or _business_days(moments, steps)) if dates else None
    found = found or _even(moments, steps, "steps" if dates else "numbers")
    return found if found is not None and found.fits(moments, series) else Calendar("rows", 1.0)


def _months_of(moments: Moments, same: NDArray[np.bool_]) -> Calendar | None:
    for shift in (0.0, DAY):  # months may be dated by their last day
        months, rest = _months(moments + shift)
        steps = np.diff(months)[same]
        if np.ptp(rest) <= 1 and (steps > 0).all() and (step := _commonest(steps)) and (steps % step == 0).all():
            return Calendar("months", step, float(rest[0]), shift, first=int(months[0] % step))
    steps = np.diff(_months(moments)[0])[same]
    if len(steps) >= 6 and (steps > 0).all() and (step := _commonest(steps)) and (steps == step).mean() > 0.9:
        first = int(_months(moments)[0][0] % step)
        middle = float(np.floor(np.median(_months(moments)[1]) / DAY) * DAY)
        return Calendar("months", step, middle, 0.0, loose=True, first=first) if (steps % step == 0).all() else None
    return None


def _business_days(moments: Moments, steps: Moments) -> Calendar | None:
    days, rest = np.divmod(moments, DAY)
    if np.ptp(rest) > 0 or _commonest(steps) != DAY:
        return None
    met, there = np.unique((days + 3) % 7), np.unique(days)
    span = np.arange(there[0], there[-1] + 1)
    passed = np.bincount(((span + 3) % 7).astype(int), minlength=7)
    rare = (1 - len(there) / len(span)) ** passed < CHANCE / 7
    weekend = met.max() < 5 and (steps >= 3 * DAY).any()
    closed = {day for day in range(7) if day not in met and (rare[day] or (weekend and day >= 5))}
    weekdays = [day for day in range(7) if day not in closed]
    return Calendar("business days", 1.0, float(rest[0]), weekdays=weekdays) if closed and len(weekdays) > 1 else None


def _even(moments: Moments, steps: Moments, unit: Unit) -> Calendar | None:
    step = _commonest(steps)
    if step is None:
        return None
    counted = (moments - moments[0]) / step
    if np.allclose(counted, np.rint(counted), rtol=0, atol=1e-6 * max(1.0, abs(counted).max() ** 0.5)):
        if unit == "numbers":  # whose step is seldom written in full
            span = float(np.rint(np.ptp(counted)))
            return Calendar(unit, float(np.ptp(moments)) / span, float(moments.min()))
        return Calendar(unit, step, float(moments[0] % step))
    step = float(np.median(steps))
    counted = steps / step
    if (abs(counted - np.maximum(np.rint(counted), 1)) < LOOSE).all():
        return Calendar(unit, step, float(moments[0]), loose=True)
    return None


def _commonest(steps: NDArray[np.float64]) -> float | None:
    """The step that is met most often, the shortest of several."""
    found, counts = np.unique(steps.round(9), return_counts=True)
    step = float(found[counts.argmax()])
    return step if step > 0 else None


def _months(moments: Moments) -> tuple[NDArray[np.float64], Moments]:
    """Months since 1970, and how far into the month each moment lies."""
    exact = moments.astype(np.int64).astype("datetime64[us]")
    months = exact.astype("datetime64[M]")
    return months.astype(np.float64), (exact - months.astype("datetime64[us]")).astype(np.float64)


def _whole(counted: NDArray[np.float64]) -> NDArray[np.int64] | None:
    """The numbers as whole ones, if they are."""
    near = np.rint(counted)
    if np.allclose(counted, near, rtol=0, atol=1e-6 * max(1.0, float(abs(counted).max(initial=0)) ** 0.5)):
        return near.astype(np.int64)
    return None


def row_numbers(series: NDArray[np.intp]) -> NDArray[np.int64]:
    """The number of each row in its series."""
    n = len(series)
    begins = np.flatnonzero(np.append(True, np.diff(series) != 0)) if n else np.zeros(0, int)
    return np.asarray(np.arange(n) - np.repeat(begins, np.diff([*begins, n])))

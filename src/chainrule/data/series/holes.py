"""Rows on their calendar: where each lies, which are missing, and what is told of both."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from chainrule.data.series.astray import Rows, astray
from chainrule.data.series.calendar import DAY, WEEKDAYS, Moments, find_calendar, row_numbers
from chainrule.errors import DataError, shown

if TYPE_CHECKING:
    from chainrule.data.series.source import Series

MANY = 10
"""So many days that are missing on one day of the week are no chance."""

MEND = "if that is mistyped, mend it"


def places_of(source: Series, moments: Moments) -> NDArray[np.int64]:
    """(rows,) where each is on the calendar.

    Raises:
        DataError: they are on another one than those of the training.
    """
    calendar, time = source.calendar, source.table.time
    places = calendar.places(moments, source.strand)
    apart = np.zeros(0) if places is None else np.diff(places)[np.diff(source.strand) == 0]
    if places is None or (apart <= 0).any():
        odd = _astray(source, moments, calendar.fits)
        way = f"it holds {odd}: {MEND}" if odd else "train on such rows, too"
        raise DataError(
            f"{time} in {source.name} does not lie on the calendar of the training data, which has a step of "
            f"{calendar.called(1)}: {way}."
        )
    if source.asked.calendar is not None and len(apart) and np.median(apart) > 1:
        raise DataError(
            f"the rows of {source.name} come every {calendar.called(int(np.median(apart)))}, but the network was "
            f"trained on a step of {calendar.called(1)}: train on such rows, too."
        )
    return places


def notes_on_calendar(source: Series, moments: Moments) -> list[str]:
    """How rows lie on it, and which of them are missing."""
    calendar, time, dates, notes = source.calendar, source.table.time, source.time.kind == "date", []
    apart = np.diff(source.places)[np.diff(source.strand) == 0]
    if calendar.unit == "rows" and len(apart):
        odd = _astray(source, moments, lambda some, of: find_calendar(some, of, dates).even)
        way = f"; but for {odd} they are: {MEND}, and they have their calendar" if odd else ""
        notes.append(f"the rows are not evenly apart in {time}; a window counts rows, not time{way}")
    if calendar.loose:
        notes.append(f"{time} is only about even: rows are taken for {calendar.called(1)} apart")
    if calendar.unit == "business days" and source.asked.calendar is None and calendar.weekdays != [0, 1, 2, 3, 4]:
        closed = " and no ".join(name for i, name in enumerate(WEEKDAYS) if i not in calendar.weekdays)
        such = "such days are neither counted nor forecast; where a row is dated on one, be it empty, they are"
        notes.append(f"{time} holds no {closed}: {such}")
    if missing := int((apart - 1).sum()):
        odd = "" if calendar.fits(moments, source.strand) else _astray(source, moments, calendar.fits)
        way = f", nearly all because of {odd}: {MEND}" if odd else _mostly(source, apart - 1)
        be = "is" if missing == 1 else "are"
        notes.append(f"{calendar.called(missing)} {be} missing: taken for missing values{way}")
    return notes


def _astray(source: Series, moments: Moments, fits: Callable[[Moments, Rows], bool]) -> str:
    """The rows without whose times the others fit, in words; "" where that takes more than a few."""
    times, row = source.table.frame[source.time.name], source.table.row
    rows = astray(moments, source.strand, fits)
    return " and ".join(f"{shown(str(times[int(i)]))} in row {row[i]:,}" for i in rows)


def _mostly(source: Series, gaps: NDArray[np.int64]) -> str:
    """On which day of the week most of the missing days are, and how to train on these; "" where that means nothing.

    Args:
        gaps: how many are missing before each row but the first of its series.
    """
    calendar = source.calendar
    if calendar.unit != "steps" or calendar.step != DAY or source.asked.calendar is not None:
        return ""
    before = np.repeat(source.places[:-1][np.diff(source.strand) == 0], gaps)
    moments = calendar.moments(before + 1 + row_numbers(np.repeat(np.arange(len(gaps)), gaps)))
    counts = np.bincount(((moments // DAY + 3) % 7).astype(int), minlength=7)
    day, n = WEEKDAYS[int(counts.argmax())], int(counts.max())
    if n < MANY or 2 * n < gaps.sum():
        return ""
    which = "all" if n == gaps.sum() else f"{n:,}"
    return f"; {which} of them are {day}s: where nothing happens on these, write rows with 0"

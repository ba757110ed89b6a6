"""How far clocks are from UTC, where times tell it: steps below a day are counted in UTC, in which no hour is twice."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from chainrule.data.cells import is_text
from chainrule.data.dates import ISO
from chainrule.data.series.calendar import DAY, Moments

if TYPE_CHECKING:
    from polars import Series

MINUTE, HOUR = 60e6, 3600e6
"""In microseconds."""

SUFFIX = r"\d:\d{2}(?::\d{2}(?:\.\d+)?)?(\s*(?:Z|UTC|[-+]\d{2}(?::?\d{2})?))$"
"""What stands behind a time that tells how far its clock is from UTC."""


def offsets_of(times: Series, form: str) -> Moments | None:
    """(rows,) how far the clock of each time is before UTC, in microseconds, NaN where there is none; None where a time
    does not tell.

    Args:
        times: as a table has them. form: how they are written.
    """
    from chainrule.extras import polars as pl

    if getattr(times.dtype, "time_zone", None) is not None:
        local, utc = (moments.dt.replace_time_zone(None) for moments in (times, times.dt.convert_time_zone("UTC")))
        return (local - utc).dt.total_microseconds().cast(pl.Float64).to_numpy()
    if form not in ("", ISO) or not is_text(times):
        return None
    suffixes = times.str.extract(SUFFIX, 1)
    if suffixes.null_count() > times.null_count() or suffixes.null_count() == len(suffixes):
        return None
    known = suffixes.drop_nulls().unique().to_list()
    return suffixes.replace_strict(known, [*map(_read, known)], return_dtype=pl.Float64).to_numpy()


def _read(suffix: str) -> float:
    """The offset that stands behind a time, such as +02:00 or Z."""
    digits = re.sub(r"\D", "", suffix).ljust(4, "0")
    sign = -1 if suffix.strip().startswith("-") else 1
    return sign * (60 * int(digits[:2]) + int(digits[2:])) * MINUTE


def usual_offset(moments: Moments, offsets: Moments, strand: NDArray[np.intp]) -> float | None:
    """The offset by which all rows are counted: the least, that of winter; None where steps are days or more, which
    local clocks count.

    Args:
        moments: what the clocks say. strand: which series each is of.
    """
    known = np.isfinite(moments - offsets)
    utc, of = (moments - offsets)[known], strand[known]
    order = np.lexsort((utc, of))
    steps = np.diff(utc[order])[np.diff(of[order]) == 0]
    steps = steps[steps > 0]
    return float(np.nanmin(offsets)) if len(steps) and np.median(steps) < 0.9 * DAY else None


def suffix_like(example: str, offset: float) -> str:
    """An offset behind a time as in the example; "" where none stands there."""
    found = re.search(SUFFIX, example)
    if found is None:
        return ""
    suffix = found[1]
    blank = " " * (len(suffix) - len(suffix.lstrip()))
    if suffix.strip() in ("Z", "UTC") and offset == 0:
        return suffix
    hours, minutes = divmod(int(abs(offset) // MINUTE), 60)
    digits = suffix.strip()[1:]
    behind = f"{minutes:02d}" if digits.isdigit() and len(digits) == 4 else f":{minutes:02d}"
    short = digits.isdigit() and len(digits) == 2 and not minutes
    return f"{blank}{'-' if offset < 0 else '+'}{hours:02d}{'' if short else behind}"

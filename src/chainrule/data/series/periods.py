"""Times that name a period, such as 2000Q1, 2000-W07 or 2000-01: read as the day it begins on, and written back."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from polars import Series

Period = Literal["", "2000Q1", "2000-Q1", "Q1 2000", "2000-W01", "2000W01", "2000-01", "2000M01", "2000-M01"]
"""How periods are written; "" for times that are none."""

PATTERNS: dict[Period, str] = {
    "2000Q1": r"^(?<year>\d{4})[Qq](?<part>[1-4])$",
    "2000-Q1": r"^(?<year>\d{4})[- ][Qq](?<part>[1-4])$",
    "Q1 2000": r"^[Qq](?<part>[1-4])[- ](?<year>\d{4})$",
    "2000-W01": r"^(?<year>\d{4})-[Ww](?<part>\d{2})$",
    "2000W01": r"^(?<year>\d{4})[Ww](?<part>\d{2})$",
    "2000-01": r"^(?<year>\d{4})-(?<part>\d{2})$",
    "2000M01": r"^(?<year>\d{4})[Mm](?<part>\d{2})$",
    "2000-M01": r"^(?<year>\d{4})-[Mm](?<part>\d{2})$",
}

WRITTEN: dict[Period, str] = {
    "2000Q1": "{year}Q{part}",
    "2000-Q1": "{year}-Q{part}",
    "Q1 2000": "Q{part} {year}",
    "2000-W01": "{year}-W{part:02d}",
    "2000W01": "{year}W{part:02d}",
    "2000-01": "{year}-{part:02d}",
    "2000M01": "{year}M{part:02d}",
    "2000-M01": "{year}-M{part:02d}",
}


def period_of(times: Series) -> Period:
    """How the periods in a column of text are written, if it holds nothing else."""
    from chainrule.extras import polars as pl

    there = times.drop_nulls()
    if times.dtype != pl.String or len(there) == 0:
        return ""
    for period, pattern in PATTERNS.items():
        if there.head(3).str.contains(pattern).all() and there.str.contains(pattern).all():
            return period if first_days(there, period).null_count() == 0 else ""
    return ""


def first_days(times: Series, period: Period) -> Series:
    """The day on which each period begins, written as 2000-01-31; null where it is none that there is."""
    from chainrule.extras import polars as pl

    groups = times.str.extract_groups(PATTERNS[period]).struct
    year, part = (groups.field(name).cast(pl.Int32, strict=False) for name in ("year", "part"))
    if "W" in period:
        written, form = year.cast(pl.String) + "-W" + part.cast(pl.String).str.zfill(2) + "-1", "%G-W%V-%u"
    else:
        month = 3 * part - 2 if "Q" in period else part
        written, form = year.cast(pl.String) + "-" + month.cast(pl.String) + "-1", "%Y-%m-%d"
    days = written.str.to_date(form, strict=False)
    return days.cast(pl.String).alias(times.name)


def as_periods(moments: NDArray[np.float64], period: Period) -> list[str]:
    """Moments, in microseconds since 1970, as the periods that they lie in."""
    from chainrule.extras import polars as pl

    days = pl.Series(moments.astype(np.int64)).cast(pl.Datetime("us"))
    years = (days.dt.iso_year() if "W" in period else days.dt.year()).to_list()
    parts = days.dt.week() if "W" in period else days.dt.quarter() if "Q" in period else days.dt.month()
    return [WRITTEN[period].format(year=year, part=part) for year, part in zip(years, parts.to_list(), strict=True)]

"""Moments written as the times of a table are."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

import numpy as np

from chainrule.data.cells import as_text
from chainrule.data.columns import Column
from chainrule.data.dates import ISO, as_written
from chainrule.data.series.calendar import Moments
from chainrule.data.series.offsets import suffix_like
from chainrule.data.series.periods import Period, as_periods

if TYPE_CHECKING:
    from polars import Series

DECIMALS = 6
"""How many decimals a time that is a number is written with at most."""


def written_times(
    moments: Moments, column: Column, times: Series, period: Period, offsets: Moments | None, usual: float | None
) -> list[Any]:
    """Moments as dates of the type of `times`, or in its writing; numbers as text.

    Args:
        moments: of dates in microseconds since 1970. column: of `times`. period: how they are written if they are
            periods.
        offsets: how far the clock of each is from UTC, where that is known. usual: by which offset moments are counted;
            None where they are what clocks say.
    """
    from chainrule.extras import polars as pl

    if column.kind != "date":
        return as_text(pl.Series(moments.round(DECIMALS))).to_list()
    if period:
        return as_periods(moments, period)
    zone = getattr(times.dtype, "time_zone", None)
    if zone is not None and usual is not None:
        utc = pl.Series((moments - usual).astype(np.int64)).cast(pl.Datetime("us", "UTC"))
        return utc.dt.convert_time_zone(zone).cast(times.dtype).to_list()
    if offsets is not None and usual is not None:
        moments = moments - usual + offsets
    dates = pl.Series(moments.astype(np.int64)).cast(pl.Datetime("us"))
    if times.dtype.is_temporal():
        if zone is not None:  # moments are what clocks there say
            dates = dates.dt.replace_time_zone(zone, ambiguous="earliest", non_existent="null")
        return dates.cast(times.dtype).to_list()
    some = times.head(1000).cast(pl.String).drop_nulls()
    if column.form not in ("", ISO) or not some.str.contains(":").any():
        return as_written(dates, column.form).to_list()
    seconds = some.str.contains(r":\d{2}:").any() or (dates.dt.second() != 0).any()
    between = "T" if re.search(r"\dT\d", some[0]) else " "
    found = as_written(dates, f"{ISO}{between}%H:%M{':%S' if seconds else ''}").to_list()
    if offsets is None:
        return found
    return [f"{time}{suffix_like(some[0], offset)}" for time, offset in zip(found, offsets.tolist(), strict=True)]

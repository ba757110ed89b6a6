"""Moments written as the times of a table are."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from chainrule.data.cells import as_text
from chainrule.data.columns import Column
from chainrule.data.dates import ISO, as_written
from chainrule.data.series.periods import Period, as_periods

if TYPE_CHECKING:
    from polars import Series

DECIMALS = 6
"""How many decimals a time that is a number is written with at most."""


def written_times(moments: NDArray[np.float64], column: Column, times: Series, period: Period) -> list[Any]:
    """Moments as dates of the type of `times`, or in its writing; numbers as text.

    Args:
        moments: of dates in microseconds since 1970. column: of `times`. period: how they are written if they are
        periods.
    """
    from chainrule.extras import polars as pl

    if column.kind != "date":
        return as_text(pl.Series(moments.round(DECIMALS))).to_list()
    if period:
        return as_periods(moments, period)
    dates = pl.Series(moments.astype(np.int64)).cast(pl.Datetime("us"))
    if times.dtype.is_temporal():
        zone = getattr(times.dtype, "time_zone", None)
        if zone is not None:  # moments are what clocks there say
            dates = dates.dt.replace_time_zone(zone, ambiguous="earliest", non_existent="null")
        return dates.cast(times.dtype).to_list()
    form = column.form
    with_time = form in ("", ISO) and times.head(1000).cast(pl.String).str.contains(":").any()
    return as_written(dates, f"{ISO} %H:%M:%S" if with_time else form).to_list()

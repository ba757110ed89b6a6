"""The times that a forecast is for: one, two, … steps after the end of a series whose steps are even."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from chainrule.data.cells import as_text
from chainrule.data.columns import Column
from chainrule.data.dates import ISO, as_written

if TYPE_CHECKING:
    from polars import Series

TO_THE_FIRST = ("0d", "1d")
"""Shifts to the first day of a month: monthly data are dated by the first day, or by the last."""


def forecast_times(
    column: Column, times: Series, series: NDArray[np.intp], last: NDArray[np.intp], horizon: int
) -> list[list[Any]]:
    """The times one, two, … steps after the rows `last`, written as `times` are; nothing where steps are not even.

    Args:
        column: the column of times. times: (rows,) what it holds. series: (rows,) which series each is of.
    """
    moments, same = column.values(times), np.diff(series) == 0
    if column.kind != "date":
        numbers = moments.to_numpy()
        step = _only(np.diff(numbers)[same])
        found = [] if step is None else [moments[last] + h * step for h in range(1, horizon + 1)]
        return [as_text(later).to_list() for later in found]
    return [_written(later, times, column.form) for later in _later_dates(moments, same, last, horizon)]


def _later_dates(moments: Series, same: NDArray[np.bool_], last: NDArray[np.intp], horizon: int) -> list[Series]:
    for shift in TO_THE_FIRST:
        moved = moments.dt.offset_by(shift)
        months = _only(np.diff((12 * moved.dt.year() + moved.dt.month()).to_numpy())[same])
        if months and (moved - moved.dt.truncate("1mo")).n_unique() == 1:
            ends = [moved[last].dt.offset_by(f"{h * months}mo") for h in range(1, horizon + 1)]
            return [end.dt.offset_by(f"-{shift}") for end in ends]
    step = _only(np.diff(moments.dt.epoch("us").to_numpy())[same])
    return [] if step is None else [moments[last].dt.offset_by(f"{h * step}us") for h in range(1, horizon + 1)]


def _only(steps: NDArray[Any]) -> Any:
    """The step, if all are the same, else None."""
    return steps[0] if len(steps) and np.allclose(steps, steps[0], rtol=1e-9, atol=0) else None


def _written(moments: Series, times: Series, form: str) -> list[Any]:
    """Moments as dates of the type of `times`."""
    if times.dtype.is_temporal():
        return moments.cast(times.dtype).to_list()
    with_time = form in ("", ISO) and times.cast(str).str.contains(":").any()
    return as_written(moments, f"{ISO} %H:%M:%S" if with_time else form).to_list()

"""Rows of one time in one series: what they may be, and the way out that fits."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from chainrule.data.cells import as_text
from chainrule.data.columns import option
from chainrule.data.source import left_out
from chainrule.errors import DataError

if TYPE_CHECKING:
    from polars import DataFrame

HOUR = 3600e6
"""In microseconds."""

SOME = 20_000
"""In so many rows at most a column is looked for that parts several series."""


def without_repeats(
    frame: DataFrame,
    name: str,
    time: str,
    moments: NDArray[np.float64],
    *,
    targets: list[str],
    group: str | None,
    dates: bool,
    drop: bool,
) -> tuple[NDArray[np.bool_], list[str]]:
    """Which rows stay, so that no series has two of one time; and notes on those left out.

    Args:
        frame: the rows, sorted by series and time, with the columns that are read. name: of the file, for messages.
        moments: (rows,) their times. targets, group, time: columns of the frame. dates: whether the times are dates.
        drop: whether rows that are there twice, all alike, are left out.

    Raises:
        DataError: there are such rows, and nobody has said what to do; with what fits them.
    """
    first = moments[:-1]
    again = np.append(False, (moments[1:] == first) & _same(frame, group))
    keep = np.ones(len(moments), bool)
    if not again.any():
        return keep, []
    exact = again & frame.is_duplicated().to_numpy()
    exact[exact] = _like_a_row_before(frame, exact)
    notes = []
    if exact.any():
        such = f"such as {time} {frame[time][int(np.flatnonzero(exact)[0])]}"
        n = int(exact.sum())
        if not drop:
            raise DataError(
                f"{n:,} row{' is' if n == 1 else 's are'} there twice in {name}, {such}: "
                "leave one of each out, or train with --drop-repeated, and the second is left out, where its model "
                "predicts, too."
            )
        notes.append(left_out(n, "row", "that is there twice" if n == 1 else "that are there twice"))
        keep &= ~exact
    rest = again & ~exact
    if not rest.any():
        return keep, notes
    if dates and (hours := _set_back(moments, rest)):
        notes.append(
            f"{hours:,} hour{' is' if hours == 1 else 's are'} there twice in {time}, as when clocks are set back: the "
            "first of each is taken; write times in UTC, or with their offset such as +01:00, and both are"
        )
        return keep & ~rest, notes
    where = f"{time} in {name} holds {frame[time][int(np.flatnonzero(rest)[0])]} twice"
    found = _parting(frame, time, group, targets)
    if group is None:
        way = f"tell several series apart by {option('group', found)}" if found else ""
    else:
        way = f"{group} and {found} together tell them apart: make one column of both for --group" if found else ""
        where += f" in one {group}"
    raise DataError(
        f"{where}: {way or 'no column tells several series apart; keep one row of each time, such as the sum'}."
    )


def _same(frame: DataFrame, group: str | None) -> NDArray[np.bool_]:
    """Whether each row but the first is of the series of the row before."""
    if group is None:
        return np.ones(frame.height - 1, bool)
    names = as_text(frame[group]).fill_null("")
    return (names[1:] == names[:-1]).to_numpy()


def _like_a_row_before(frame: DataFrame, rows: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """Which of these rows are all alike with an earlier one."""
    from chainrule.extras import polars as pl

    first = frame.select(pl.struct(pl.all()).is_first_distinct().alias("first"))["first"]
    return ~first.to_numpy()[rows]


def _set_back(moments: NDArray[np.float64], again: NDArray[np.bool_]) -> int:
    """How many hours come twice because clocks are set back: on one night of autumn in a year, in steps below a day."""
    steps = np.diff(moments)
    if not len(steps) or np.median(steps) > HOUR:
        return 0
    exact = moments[again].astype(np.int64).astype("datetime64[us]")
    hours = np.unique(exact.astype("datetime64[h]"))
    years = hours.astype("datetime64[Y]")
    months = hours.astype("datetime64[M]").astype(int) % 12 + 1
    one_a_year = len(np.unique(years)) == len(hours)
    return len(hours) if one_a_year and np.isin(months, (3, 4, 9, 10, 11)).all() else 0


def _parting(frame: DataFrame, time: str, group: str | None, targets: list[str]) -> str | None:
    """The column of the fewest values that, with what is known already, has no time twice."""
    known = [time, *([] if group is None else [group])]
    some = frame.head(SOME)
    found = []
    for column in frame.columns:
        if column in (*known, *targets) or frame[column].dtype.is_float():
            continue
        if not some.select([*known, column]).is_duplicated().any():
            found.append((some[column].n_unique(), column))
    found = [(n, column) for n, column in found if n < some.height / 2]
    return min(found)[1] if found else None

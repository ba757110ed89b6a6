"""Reads series from a table: what its columns are, and which of them is known ahead."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from chainrule.data.column_kinds import column_of_numbers, column_of_time, find_columns
from chainrule.data.columns import Kind, with_days_in_order
from chainrule.data.encoding import FEW
from chainrule.data.frames import is_frame, read_frame
from chainrule.data.missing import Markers
from chainrule.data.opening import require
from chainrule.data.series.periods import Period, first_days, period_of
from chainrule.data.series.source import Asked, Series
from chainrule.data.tables import Table
from chainrule.errors import OptionError
from chainrule.names import several

if TYPE_CHECKING:
    from polars import DataFrame


def read_series(
    source: Any,
    target: str | Sequence[str],
    time: str,
    *,
    horizon: int = 1,
    window: int | None = None,
    season: int | None = None,
    group: str | None = None,
    quantiles: Sequence[float] = (),
    known_ahead: str | Sequence[str] | None = None,
    negative: str | Sequence[str] = (),
    drop_repeated: bool = False,
    number: str | Sequence[str] = (),
    category: str | Sequence[str] = (),
    date: str | Sequence[str] = (),
    ignore: str | Sequence[str] = (),
    missing: str | Sequence[str] | None = None,
    day_first: bool | None = None,
) -> Series:
    """The series in a table: each example is a window of its rows, and what comes in the rows after it.

    Rows are put on their calendar, of hours, days, business days, weeks, months, quarters or years: a hole in time is a
    missing value. Windows whose future has all its targets are kept; what is missing in the past is filled in.

    Args:
        source: the path of a CSV, TSV, Parquet, JSON or Excel file (also in gzip), or a frame of polars or pandas.
        target: the column to forecast, or several, of numbers.
        time: the column of dates, periods such as 2000Q1, or numbers that orders the rows.
        horizon: how many rows ahead are forecast, all at once.
        window: how many rows of a series are looked at; None for two seasons, or 24.
        season: after how many rows things come again; None for a day, a week or a year, as the dates tell.
        group: a column that tells several series in one table apart; each is scaled by its own values.
        quantiles: of bands: which share of what comes is to lie below each further forecast, such as (0.1, 0.9).
        known_ahead: a column, or several, known for the rows to come, such as a holiday; None for those that the rows
            after the last target hold, if there are as many as the horizon.
        negative: a target, or several, that may be negative, as a temperature may, although none was: forecasts of
            others never are.
        drop_repeated: whether rows that are there twice, all alike, are left out rather than refused.
        number: a column, or several, to take for numbers.
        category: such to take for categories.
        date: such to take for dates.
        ignore: such to leave out.
        missing: the words that mark a missing value, as in `read_table`.
        day_first: whether 3/4/2025 is in April, as in `read_table`.

    Raises:
        DataError: there is no such file, it is broken, has not what was asked for, or is shorter than a window; or two
            rows of a series are of the same time.
        OptionError: a column with two roles, a length of 0, or a quantile that is not between 0 and 1.
    """
    targets, ahead = several(target), several(known_ahead)
    markers = Markers(words=None if missing is None else several(missing))
    frame, notes, name, period = frame_of(source, time, markers)
    if not targets:
        raise OptionError(f"which column of {name} is to be forecast? It has {', '.join(frame.columns)}.")
    roles = _roles(frame, name, time, targets, group, number=number, category=category, date=date, ignored=ignore)
    require(time, frame, name)
    for column in ahead:
        require(column, frame, name)
        if column in (time, group, *targets, *several(ignore)):
            raise OptionError(f"{column!r} is to be known ahead, but is the time, the group, a target or left out.")
    for column in several(negative):
        if column not in targets:
            raise OptionError(f"{column!r} is said to be negative at times, but is not forecast: leave it out.")
    columns = [
        column_of_time(frame[time], column, name) if column.name == time else column
        for column in find_columns(frame, roles)
    ]
    columns, doubts = with_days_in_order(columns, frame, time, day_first)
    notes = [*notes, *doubts]
    for i, one in enumerate(columns):
        many = one.values(frame[one.name]).n_unique() if one.kind == "category" else 0
        if many > FEW:
            columns[i] = replace(one, kind="ignored", reason=f"{many:,} values")
            notes = [*notes, f"left out is {one.name}: it has {many:,} values, and windows show no more than {FEW}"]
    table = Table(frame, name, columns, [], time=time, notes=notes, missing=markers.words)
    found = [column_of_numbers(frame[column]) for column in targets]
    asked = Asked(
        horizon, window, season, group, ahead, sorted(quantiles), drop_repeated, period, negative=several(negative)
    )
    return Series(table, found, asked)


def frame_of(source: Any, time: str, markers: Markers) -> tuple[DataFrame, list[str], str, Period]:
    """The frame, notes, its name, and how its times are written if they are periods, which become their first days."""
    frame, notes = read_frame(source, markers)
    period = period_of(frame[time]) if time in frame.columns else ""
    if period:
        frame = frame.with_columns(first_days(frame[time], period))
    return frame, notes, "the table" if is_frame(source) else str(source), period


def _roles(
    frame: DataFrame, name: str, time: str, targets: list[str], group: str | None, **asked: str | Sequence[str]
) -> dict[str, Kind]:
    """What somebody has said that columns are.

    Raises:
        OptionError: a column has two roles. DataError: there is no such column.
    """
    kinds: dict[Any, str | Sequence[str]] = {"target": targets, "group": [] if group is None else [group], **asked}
    roles: dict[str, Kind] = {}
    for kind, names in kinds.items():
        for column in several(names):
            require(column, frame, name)
            if column in roles or column == time:
                before = roles.get(column, "time")
                raise OptionError(f"{column!r} is to be a {before} and a {kind} column at once.")
            roles[column] = kind
    return roles

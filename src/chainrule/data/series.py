"""Series as sources of examples: windows over a table with a time column, and what comes after each."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from chainrule.checking import whole
from chainrule.data.cells import as_text
from chainrule.data.columns import (
    USED,
    Column,
    Kind,
    are_even,
    column_of_numbers,
    column_of_time,
    find_columns,
    with_days_in_order,
)
from chainrule.data.encoding import FEW, Code, Moment, code_for
from chainrule.data.forecast_times import forecast_times
from chainrule.data.frames import is_frame, read_frame
from chainrule.data.missing import Markers
from chainrule.data.source import Encoding, Form, Source, left_out
from chainrule.data.tables import Table, number_of, require
from chainrule.data.targets import Target
from chainrule.errors import DataError, OptionError
from chainrule.layers import Layer

if TYPE_CHECKING:
    from polars import DataFrame

MOST = 128
"""The longest window, where nobody asks for another length."""

LEVELS = 2.0
"""To how many deviations the standardized last value of a window is clipped, so that no level is new to the network."""

BLOCK = 4096
"""How many windows are made together, as many as stay in the processor's cache."""

DAY = 86400e6
"""A day in microseconds, the unit of moments."""

SEASONS = ((60 * DAY, 300 * DAY, 4), (20 * DAY, 60 * DAY, 12), (6 * DAY, 20 * DAY, 52))
"""Of quarters, months and weeks: the shortest step, the longest step, and how many make a year."""


@dataclass(frozen=True, repr=False)
class Future(Target):
    """The target of a forecast: columns over the next steps, each value as the change since the last known one."""

    scales_fixed: ClassVar[bool] = True

    @property
    def metrics(self) -> tuple[str, ...]:
        return ("mae", "rmse")

    @property
    def summary(self) -> str:
        return f"{len(self.names)} values to come" if len(self.names) > 1 else "the next value"


class Series(Source):
    """Windows of one or more series in a table. `chainrule.read_series` makes one.

    Attributes:
        name: how the user called the table.
        table: its rows, sorted by group and time.
        targets: the names of the k columns to forecast.
        values: (rows, k) what they hold, NaN where it is missing.
        window, horizon: how many rows are looked at, and how many come after them.
        season: after how many rows things come again; 1 for never.
        last: (m,) the row that each window ends with.
    """

    defaults: ClassVar[dict[str, Any]] = {"hidden": (64,)}
    more: ClassVar[str] = "; shorten them by --window, and there are more"
    baseline_note: ClassVar[str] = "the last value again; seasonal: what it was at that time of the last season"

    def __init__(
        self,
        table: Table,
        targets: Sequence[Column],
        *,
        window: int | None,
        horizon: int,
        season: int | None,
        group: str | None,
        labelled: bool = True,
    ):
        assert table.time is not None
        self.name, self.group_column, self.targets = table.name, group, list(targets)
        groups = None if group is None else as_text(table.frame[group]).fill_null("").to_numpy()
        series = np.zeros(len(table), int) if groups is None else np.unique(groups, return_inverse=True)[1]
        moments = table.moments
        assert moments is not None
        order = np.lexsort((moments, series))
        table.frame, table.row = table.frame[order], table.row[order]
        self.table, self._moments, self._series = table, moments[order], series[order]
        self._notes = [*table.notes, *_refuse_repeats(self)]
        self.values = np.column_stack(
            [column.values(table.frame[column.name], table.row).to_numpy().astype(np.float64) for column in targets]
        )
        self.horizon = whole("horizon", horizon)
        self.season = _season(self) if season is None else whole("season", season)
        self.window = self._default_window() if window is None else whole("window", window)
        self.last = self._ends(labelled)
        self.labelled = labelled
        if labelled:
            self.moments, self.ends = self._moments[self.last + 1], self._moments[self.last + self.horizon]
        self.groups = None

    def __len__(self) -> int:
        return len(self.last)

    @property
    def notes(self) -> Sequence[str]:
        return self._notes

    @cached_property
    def target(self) -> Target:
        names = [column.name for column in self.targets]
        return Future([f"{name} +{h}" for h in range(1, self.horizon + 1) for name in names])

    def numbers(self, target: Target) -> NDArray[Any]:
        if not self.labelled:
            raise DataError(f"{self.name} has no future to compare forecasts with.")
        return self._changes(self.last[:, None] + np.arange(1, self.horizon + 1))

    def checksum(self) -> int:
        frame, columns = self.table.frame, [*self.targets, self._time]
        group = [] if self.group_column is None else [as_text(frame[self.group_column])]
        return number_of([*group, *(column.values(frame[column.name], self.table.row) for column in columns)])

    def baselines(self, rows: NDArray[np.intp]) -> dict[str, NDArray[np.float64]]:
        """Nothing changes; and, where there are seasons, what happened at the same time of the last one."""
        found = {"baseline": np.zeros((len(rows), len(self.target.names)))}
        if self.season > 1:
            steps = np.arange(1, self.horizon + 1)
            before = self.last[rows, None] + steps - self.season * -(-steps // self.season)
            same = (before >= 0) & (self._series[before.clip(0)] == self._series[self.last[rows, None]])
            changes = self._changes(before.clip(0), self.last[rows])
            known = np.repeat(same, len(self.targets), axis=1) & np.isfinite(changes)
            found["seasonal"] = np.where(known, changes, 0)
        return found

    def learn(self, rows: NDArray[np.intp]) -> Windows:
        seen = np.zeros(len(self.table.frame), bool)
        for step in range(-self.window + 1, self.horizon + 1):
            seen[self.last[rows] + step] = True
        part, row = self.table.frame.filter(seen), self.table.row[seen]
        codes: list[Code] = []
        for column in self.table.columns:
            if column.kind not in USED:
                continue
            code = code_for(column, column.values(part[column.name], row))
            if isinstance(code, Moment):
                code = replace(code, parts=[part for part in code.parts if part != "elapsed"])
            codes.append(code)
        deviations = self.relative(self.last[rows]).std(axis=(0, 1))
        known = self.values[self.last[rows]]
        return Windows(
            self.targets,
            self._time,
            self.window,
            self.horizon,
            self.season,
            self.group_column,
            codes,
            [float(deviation) or 1.0 for deviation in deviations],
            known.mean(axis=0).tolist(),
            [float(spread) or 1.0 for spread in known.std(axis=0)],
            self.table.missing,
        )

    def rows(self, last: NDArray[np.intp]) -> NDArray[np.intp]:
        """(m, window), the rows of the windows that end with these."""
        return last[:, None] + np.arange(1 - self.window, 1)

    def relative(self, last: NDArray[np.intp]) -> NDArray[np.float64]:
        """(m, window, k), the values of the windows that end with these rows, as seen from their last ones."""
        return np.asarray(self.values[self.rows(last)] - self.values[last, None])

    def known(self) -> NDArray[np.float64]:
        """(m, horizon · k), the last value of each window for each output."""
        return np.tile(self.values[self.last], self.horizon)

    def identification(self) -> dict[str, list[Any]]:
        assert self.table.time is not None
        group = {} if self.group_column is None else {self.group_column: self.table.frame[self.group_column]}
        name, times = self.table.time, self.table.frame[self.table.time]
        columns = group | {f"last {name}": times}
        found = {name: column[self.last].to_list() for name, column in columns.items()}
        ahead = forecast_times(self._time, times, self._series, self.last, self.horizon)
        return found | {f"{name} +{h}": moments for h, moments in enumerate(ahead, 1)}

    @property
    def _time(self) -> Column:
        return next(column for column in self.table.columns if column.name == self.table.time)

    def _changes(self, rows: NDArray[np.intp], last: NDArray[np.intp] | None = None) -> NDArray[np.float64]:
        """(m, steps · k), the values in these rows (m, steps) less those in the last row that is known."""
        known = self.values[self.last if last is None else last, None]
        return np.reshape(self.values[rows] - known, (len(rows), -1))

    def _ends(self, labelled: bool) -> NDArray[np.intp]:
        """The rows that a window ends with: complete, of one series, and with a future where there must be one."""
        n, ahead = len(self.values), self.horizon if labelled else 0
        lengths = np.bincount(self._series)
        if lengths.max() < self.window + ahead:
            forecast = f" with the {ahead} to forecast" if ahead else ""
            raise DataError(
                f"{self.name} has {lengths.max():,} rows in its longest series, but a window of {self.window} rows"
                f"{forecast} takes {self.window + ahead:,}: give more rows, or train with a shorter --window."
            )
        last = np.arange(self.window - 1, n - ahead) if labelled else self._last_known()
        whole_windows = self._series[last - self.window + 1] == self._series[last + ahead]
        gaps = np.concatenate([[0], np.cumsum(np.isnan(self.values).any(axis=1))])
        complete = gaps[last + ahead + 1] == gaps[last - self.window + 1]
        if not (whole_windows & complete).any():
            raise DataError(
                f"{', '.join(column.name for column in self.targets)} in {self.name} has no {self.window + ahead:,} "
                "values in a row without a gap: fill the gaps in, or shorten the window."
            )
        if (whole_windows & ~complete).any():
            self._notes.append(left_out((whole_windows & ~complete).sum(), "window", "with a gap"))
        return np.asarray(last[whole_windows & complete])

    def _last_known(self) -> NDArray[np.intp]:
        """The last row of each series in which all values are known, behind which a forecast begins."""
        rows = np.flatnonzero(np.isfinite(self.values).all(axis=1))
        ends = rows[np.append(np.diff(self._series[rows]) != 0, True)] if len(rows) else rows
        return ends[ends >= self.window - 1]

    def _default_window(self) -> int:
        longest = int(np.bincount(self._series).max())
        return max(1, min(2 * self.season if self.season > 1 else 24, MOST, (longest - self.horizon) // 4))


@dataclass(frozen=True, repr=False)
class Windows(Encoding):
    """The encoding of windows. A row holds the values to forecast, less the last known ones, and the other columns.

    In the last row the difference would be 0; there the value itself stands, standardized.

    Args:
        targets: the columns to forecast. time: what orders the rows.
        window, horizon, season, group: see `read_series`.
        codes: of the other columns. deviations: what the differences are divided by.
        means, spreads: what the last value is standardized by.
    """

    targets: list[Column]
    time: Column
    window: int
    horizon: int
    season: int
    group: str | None
    codes: list[Code]
    deviations: list[float]
    means: list[float]
    spreads: list[float]
    missing: list[str] | None = None

    form: ClassVar[Form] = "windows"

    def __post_init__(self) -> None:
        super().__post_init__()
        whole("window", self.window), whole("horizon", self.horizon), whole("season", self.season)
        for numbers in (self.deviations, self.means, self.spreads):
            if len(numbers) != len(self.targets):
                raise OptionError(f"there are {len(self.targets)} columns to forecast, but {len(numbers)} numbers.")
        if not all(number > 0 for number in (*self.deviations, *self.spreads)):
            raise OptionError("what values are divided by is more than 0.")
        if not all(column.counts for column in self.targets) or not (self.time.counts or self.time.kind == "date"):
            raise OptionError("what is forecast is numbers, and the time is numbers or dates.")

    def takes(self, input_shape: tuple[int, ...], target: Target) -> bool:
        right = isinstance(target, Future) and target.labels is None
        return right and input_shape[0] == self.window and len(target.names) == self.horizon * len(self.targets)

    def read(self, data: Any, *, labelled: bool) -> Series:
        frame, notes, name = _frame_of(data, self.time.name, Markers(words=self.missing))
        columns = {column.name: column for column in (*(code.column for code in self.codes), self.time)}
        for column in [*columns, *(column.name for column in self.targets), *([self.group] if self.group else [])]:
            require(column, frame, name)
        table = Table(frame, name, list(columns.values()), [], time=self.time.name, notes=notes)
        return Series(
            table,
            self.targets,
            window=self.window,
            horizon=self.horizon,
            season=self.season,
            group=self.group,
            labelled=labelled,
        )

    def X(self, source: Source) -> NDArray[Any]:
        assert isinstance(source, Series)
        frame, row, k = source.table.frame, source.table.row, len(self.targets)
        others = [code.matrix(code.column.values(frame[code.column.name], row)) for code in self.codes]
        beside = np.hstack(others, dtype=np.float32) if others else np.empty((len(frame), 0), np.float32)
        X = np.empty((len(source), self.window, k + beside.shape[1]), np.float32)
        for i in range(0, len(source), BLOCK):
            last = source.last[i : i + BLOCK]
            X[i : i + BLOCK, :, :k] = source.relative(last) / self.deviations
            X[i : i + BLOCK, :, k:] = beside[source.rows(last)]
        level = (source.values[source.last] - self.means) / self.spreads
        X[:, -1, :k] = np.clip(level, -LEVELS, LEVELS)  # where nothing but 0 would stand
        return X

    def output(self, source: Source, output: NDArray[Any]) -> NDArray[Any]:
        assert isinstance(source, Series)
        return np.asarray(source.known() + output)

    def layers(self, input_shape: tuple[int, ...]) -> list[Layer]:
        return []


def read_series(
    source: Any,
    target: str | Sequence[str],
    time: str,
    *,
    horizon: int = 1,
    window: int | None = None,
    season: int | None = None,
    group: str | None = None,
    number: Sequence[str] = (),
    category: Sequence[str] = (),
    date: Sequence[str] = (),
    ignore: Sequence[str] = (),
    missing: str | Sequence[str] | None = None,
    day_first: bool | None = None,
) -> Series:
    """The series in a table: each example is a window of its rows, and what comes in the rows after it.

    Windows count rows. Those with a gap in the target are left out; in other columns a gap is filled in, as in a table.

    Args:
        source: the path of a CSV, TSV or Parquet file (or one of them in gzip), or a frame of polars or pandas.
        target: the column to forecast, or several, of numbers.
        time: the column of dates or numbers that orders the rows.
        horizon: how many rows ahead are forecast, all at once.
        window: how many rows are looked at; None for two seasons, or 24.
        season: after how many rows things come again; None for a day, a week or a year, as the dates tell.
        group: a column that tells several series in one table apart.
        number, category, date, ignore: columns that are to be taken for that.
        missing: the words that mark a missing value, as in `read_table`.
        day_first: whether 3/4/2025 is in April, as in `read_table`.

    Raises:
        DataError: there is no such file, it is broken, has not what was asked for, or is shorter than a window; or two
            rows of a series are of the same time.
        OptionError: a column with two roles, or a length of 0.
    """
    targets = [target] if isinstance(target, str) else list(target)
    markers = Markers(words=[missing] if isinstance(missing, str) else missing)
    frame, notes, name = _frame_of(source, time, markers)
    if not targets:
        raise OptionError(f"which column of {name} is to be forecast? It has {', '.join(frame.columns)}.")
    asked: tuple[tuple[Kind, Sequence[str]], ...] = (
        ("target", targets),
        ("group", [] if group is None else [group]),
        ("number", number),
        ("category", category),
        ("date", date),
        ("ignored", ignore),
    )
    roles: dict[str, Kind] = {}
    for kind, names in asked:
        for column in names:
            require(column, frame, name)
            if column in roles or column == time:
                before = roles.get(column, "time")
                raise OptionError(f"{column!r} is to be a {before} and a {kind} column at once.")
            roles[column] = kind
    require(time, frame, name)
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
    return Series(table, found, window=window, horizon=horizon, season=season, group=group)


def _frame_of(source: Any, time: str, markers: Markers) -> tuple[DataFrame, list[str], str]:
    """The frame, notes and its name; a month, 2025-01, becomes its first day."""
    import polars as pl

    frame, notes = read_frame(source, markers)
    text = time in frame.columns and frame[time].dtype == pl.String
    if text and frame[time].drop_nulls().str.contains(r"^\d{4}-\d{2}$").all():
        frame = frame.with_columns(pl.col(time) + "-01")
    return frame, notes, "the table" if is_frame(source) else str(source)


def _refuse_repeats(series: Series) -> list[str]:
    """A note where the rows of a series are not evenly apart.

    Raises:
        DataError: two of them are of the same time.
    """
    apart = _apart(series)
    time = series.table.time
    assert time is not None
    if (apart == 0).any():
        again = np.flatnonzero((np.diff(series._moments) == 0) & (np.diff(series._series) == 0))[0]
        way = "keep one row of each" if series.group_column else "tell several series apart by --group COLUMN"
        raise DataError(f"{time} in {series.name} holds {series.table.frame[time][int(again)]!s} twice: {way}.")
    if not are_even(apart):
        return [f"the rows are not evenly apart in {time}; a window counts rows, not time"]
    return []


def _apart(series: Series) -> NDArray[np.float64]:
    """The steps in time between the rows of each series."""
    return np.asarray(np.diff(series._moments)[np.diff(series._series) == 0])


def _season(series: Series) -> int:
    """A day of hours or minutes, a week of days, a year of weeks, months or quarters; 1 where it cannot be told."""
    kinds = {column.name: column.kind for column in series.table.columns}
    apart = _apart(series)
    if kinds[series.table.time or ""] != "date" or len(apart) == 0:
        return 1
    step = float(np.median(apart))
    if step < 0.9 * DAY:
        return max(1, round(DAY / step))
    if step < 6 * DAY:
        weekends = np.isin((series._moments // DAY).astype(int) % 7, (2, 3)).any()  # 1970 began on a Thursday
        return (7 if weekends else 5) if step < 1.5 * DAY else 1
    return next((season for low, high, season in SEASONS if low <= step < high), 1)

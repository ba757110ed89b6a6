"""Series as a source of examples: windows over a table with a time column, and what comes after each."""

from __future__ import annotations

import zlib
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cached_property, partial
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from chainrule.checking import whole
from chainrule.data.cells import as_text
from chainrule.data.checksums import checksum_of_columns
from chainrule.data.columns import USED, Column
from chainrule.data.new_rows import Doubt
from chainrule.data.series.calendar import Calendar, Moments, find_calendar
from chainrule.data.series.comparisons import Past, filled
from chainrule.data.series.endings import known_ahead, notes_on_endings
from chainrule.data.series.forecast import Forecast
from chainrule.data.series.holes import notes_on_calendar, places_of
from chainrule.data.series.offsets import offsets_of, usual_offset
from chainrule.data.series.origins import ENOUGH, cut
from chainrule.data.series.periods import Period
from chainrule.data.series.repeats import without_repeats
from chainrule.data.series.times import written_times
from chainrule.data.source import Encoding, Source, Spans, left_out
from chainrule.data.tables import Table, kept
from chainrule.data.targets import Target
from chainrule.data.units import dimension_of
from chainrule.errors import DataError, OptionError
from chainrule.names import counted

if TYPE_CHECKING:
    from polars import Series as Values

    from chainrule.data.series.windows import Windows

MOST = 128
"""The longest window, where nobody asks for another length."""

EPOCHS, UPDATES = 30, 600
"""Of few windows so many epochs at least, and about so many updates."""

CLOSED = 0.05
"""A larger part of new rows on weekdays that training had none of is another calendar."""

NAMED = 5
"""How many things a note names."""


@dataclass(frozen=True)
class Asked:
    """What somebody asks of series; see `read_series`.

    Attributes:
        calendar: of the series that a network was trained on; None for what the rows tell.
        ahead: the columns that are known ahead; None where the rows tell.
        period: how times are written that name periods.
        negative: the targets that may be negative although none was.
        offset: how far the clock by which rows are counted is from UTC; None for what clocks say.
    """

    horizon: int
    window: int | None
    season: int | None
    group: str | None
    ahead: list[str] = field(default_factory=list)
    quantiles: list[float] = field(default_factory=list)
    drop_repeated: bool = False
    period: Period = ""
    calendar: Calendar | None = None
    labelled: bool = True
    negative: list[str] = field(default_factory=list)
    offset: float | None = None


class Series(Source):
    """Windows of one or more series in a table. `chainrule.read_series` makes one.

    Attributes:
        name: how the user called the table.
        table: its rows on their calendar, sorted by series and time; null where there was no row.
        targets: the k columns to forecast.
        calendar: at which moments a value is due. offset: of the clock that counts them.
        values: (rows, k) what they hold, NaN where it is missing. filled: the same, filled in from what came before.
        names: of the series, "" of the only one. strand: (rows,) which of them each row is of. begin: its first row.
        places: (rows,) when each row is, as a number of the calendar.
        window, horizon: how many rows are looked at, and how many come after them.
        season: after how many rows things come again; 1 for never.
        ahead: the columns that are known for the steps to come.
        last: (m,) the row that each window ends with.
    """

    small: ClassVar[int] = ENOUGH
    more: ClassVar[str] = "; shorten them by --window, and there are more"
    baseline_note: ClassVar[str] = (
        "the last value again; seasonal: what it was at that time of the last season; mean: of all that came before at "
        "that time of the season; linear: an autoregression with harmonics"
    )

    def __init__(self, table: Table, targets: Sequence[Column], asked: Asked):
        assert table.time is not None
        self.name, self.group_column, self.targets, self.asked = table.name, asked.group, list(targets), asked
        self.labelled = asked.labelled
        self.horizon = whole("horizon", asked.horizon)
        self.quantiles = _checked(asked.quantiles)
        self.table, self._notes = table, list(table.notes)
        moments = self._sort()
        self.calendar = asked.calendar or find_calendar(moments, self.strand, self.time.kind == "date")
        self._put_on_calendar(moments)
        self._checksum = self._number()
        self.season = self._usual_season() if asked.season is None else whole("season", asked.season)
        self.values = np.column_stack(
            [column.values(table.frame[column.name], table.row).to_numpy().astype(np.float64) for column in targets]
        )
        self.window = self._default_window() if asked.window is None else whole("window", asked.window)
        self.filled = filled(self.values, self.begin, self.season)
        self.last = self._ends()
        self.ahead = self._known_ahead()
        self._notes += notes_on_endings(self, self._last_known())
        if self.labelled:
            self.moments = np.asarray(self.places[self.last + 1], np.float64)
        self.groups = None
        self.learned: tuple[Any, Any] | None = None

    def __len__(self) -> int:
        return len(self.last)

    @property
    def defaults(self) -> dict[str, Any]:  # type: ignore[override]
        """A small network, strongly regularized, and few updates: it is to add to a forecast that is good already."""
        epochs = max(EPOCHS, -(-UPDATES * 32 // max(len(self), 1)))
        return {"hidden": (64,), "l2": 0.1} | ({"epochs": epochs} if len(self) < ENOUGH else {})

    @property
    def notes(self) -> Sequence[str]:
        return self._notes

    @cached_property
    def target(self) -> Target:
        names = [column.name for column in self.targets]
        return Forecast(
            [f"{name} +{h}" for h in range(1, self.horizon + 1) for name in names], quantiles=self.quantiles
        )

    def numbers(self, target: Target) -> NDArray[Any]:
        """(m, horizon · k), what came, in its own units."""
        if not self.labelled:
            raise DataError(f"{self.name} has no future to compare forecasts with.")
        return self.values[self.to_come(self.last)].reshape(len(self), -1)

    def checksum(self) -> int:
        return self._checksum

    @property
    def spans(self) -> Spans | None:
        if not self.labelled:
            return None
        begin, end = self.when[self.last + 1], self.when[self.last + self.horizon]
        return Spans(self.group_of(self.last), begin, end)

    @property
    def known_by(self) -> NDArray[Any] | None:
        """What is to be forecast, of which series and when: what a network sees of it hangs on where a file begins."""
        if not self.labelled:
            return None
        came = self.numbers(self.target).astype(np.float32) + np.float32(0)  # of -0 what 0 has
        names = np.array([zlib.crc32(name.encode("utf-8", "surrogatepass")) for name in self.names], np.int64)
        which = np.column_stack([self.when[self.last + 1].astype(np.int64), names[self.strand[self.last]]])
        return np.hstack([came.view(np.uint32), which.view(np.uint32)])

    def learn(self, rows: NDArray[np.intp]) -> Windows:
        from chainrule.data.series.likeness import notes_on_gaps
        from chainrule.data.series.windows import learn

        found = learn(self, rows)
        self.tell(notes_on_gaps(found, self))
        return found

    def before_and_after(
        self, rows: NDArray[np.intp], share: float
    ) -> tuple[NDArray[np.intp], NDArray[np.intp]] | None:  # of each series what came last
        return cut(self.last, self.strand[self.last], self.horizon, rows, share, self.name)

    @property
    def rows(self) -> Table:
        """The rows that were there, as a table of numbers to forecast and other columns."""
        there, names = self.table.row > 0, {column.name for column in self.targets}
        columns = [*self.targets, *(column for column in self.table.columns if column.name not in names)]
        frame, row = self.table.frame.filter(there), self.table.row[there]
        return Table(kept(frame, columns, row), self.name, columns, [], missing=self.table.missing, row=row)

    @property
    def past(self) -> Past:
        """What is known, in its own units."""
        return Past(self.filled, np.isfinite(self.values), self.begin, self.places, self.season)

    def baselines(
        self, rows: NDArray[np.intp], train: NDArray[np.intp], encoding: Encoding
    ) -> dict[str, NDArray[np.float64]]:
        """The last value; what it was a season ago and the mean of that season so far; a linear autoregression."""
        from chainrule.data.series.windows import Windows, comparisons

        assert isinstance(encoding, Windows)
        return comparisons(encoding, self, rows, train)

    @property
    def may_be_negative(self) -> list[bool]:
        """Of each target whether it may be although it never was: somebody says so, or it is degrees."""
        return [
            column.name in self.asked.negative or dimension_of([column.unit]) == "temperature"
            for column in self.targets
        ]

    def tell(self, notes: Sequence[str]) -> None:
        """Add notes for a reader."""
        self._notes += notes

    @cached_property
    def begin(self) -> NDArray[np.intp]:
        """(rows,) the first row of the series that each row is of."""
        first = np.append(0, np.flatnonzero(np.diff(self.strand)) + 1)
        return np.repeat(first, np.diff([*first, len(self.strand)]))

    def to_come(self, last: NDArray[np.intp]) -> NDArray[np.intp]:
        """(m, horizon), the rows after these, which need not be there."""
        return last[:, None] + np.arange(1, self.horizon + 1)

    def inside(self, last: NDArray[np.intp]) -> NDArray[np.intp]:
        """(m, horizon), the rows after these, and the number of rows for one that is not there."""
        to_come, n = self.to_come(last), len(self.strand)
        there = (to_come < n) & (self.strand[to_come.clip(max=n - 1)] == self.strand[last][:, None])
        return np.where(there, to_come, n)

    def seen(self, rows: NDArray[np.intp]) -> NDArray[np.bool_]:
        """(rows of the table,) those that these windows look at or forecast."""
        change = np.zeros(len(self.strand) + 1, int)
        np.add.at(change, self.last[rows] - self.window + 1, 1)
        np.add.at(change, np.minimum(self.last[rows] + self.horizon + 1, len(self.strand)), -1)
        return np.cumsum(change)[:-1] > 0

    def column(self, column: Column) -> Values:
        """What a column holds, on the calendar; the time of a row that was not there is when it was due."""
        from chainrule.extras import polars as pl

        if column.name == self.table.time and column.kind == "date":
            return pl.Series(column.name, self.when.astype(np.int64)).cast(pl.Datetime("us"))
        return column.values(self.table.frame[column.name], self.table.row)

    @cached_property
    def when(self) -> NDArray[np.float64]:
        """(rows,) the moment of each row."""
        due = self.calendar.moments(self.places)
        return np.where(np.isfinite(self._given), self._given, due)

    def identification(self) -> dict[str, list[Any]]:
        name = self.table.time
        found = {} if self.group_column is None else {self.group_column: self.group_of(self.last)}
        found[f"last {name}"] = self._last_times()
        ahead = self.dates_ahead()
        return found | {f"{name} +{h}": times for h, times in enumerate(ahead, 1)}

    def dates_ahead(self) -> list[list[Any]]:
        """For each step ahead the times of all forecasts, written as those of the table; nothing where steps are not
        even."""
        if not self.calendar.even:
            return []
        if self.calendar.loose and self.calendar.unit != "months":
            moments = [self.when[self.last] + h * self.calendar.length for h in range(1, self.horizon + 1)]
            moments = (
                moments
                if self.calendar.dates
                else [self.when[self.last] + h * self.calendar.step for h in range(1, self.horizon + 1)]
            )
        else:
            moments = [self.calendar.moments(self.places[self.last] + h) for h in range(1, self.horizon + 1)]
        return [self._written(of_step, self.last) for of_step in moments]

    def times_of(self, rows: NDArray[np.intp]) -> list[Any]:
        """The times of rows, as the table writes them."""
        return self._written(self.when[rows], rows)

    def _written(self, moments: Moments, rows: NDArray[np.intp]) -> list[Any]:
        """Moments as the table writes them, by the clocks of these rows."""
        offsets = None if self._offsets is None else self._offsets[rows]
        return written_times(moments, self.time, self._times, self.asked.period, offsets, self.offset)

    @cached_property
    def _offsets(self) -> Moments | None:
        """(rows,) how far the clock of each row is from UTC, or of the row before where there is none."""
        found = offsets_of(self.table.frame[self.time.name], self.time.form)
        if found is None:
            return None
        return found[np.maximum.accumulate(np.where(np.isfinite(found), np.arange(len(found)), 0))]

    def _last_times(self) -> list[Any]:
        """The time that each window ends with, as the table has it, or as it would be there."""
        due = self.times_of(self.last)
        if self.asked.period:
            return due
        given = self.table.frame[self.time.name][self.last].to_list()
        return [one if time is None else time for time, one in zip(given, due, strict=True)]

    def long_form(self, target: Forecast) -> tuple[dict[str, list[Any]], Forecast]:
        """Which series and which time each step of each forecast is for, and the target of one step."""
        steps = range(1, self.horizon + 1)
        found = {}
        if self.group_column is not None:
            found[self.group_column] = np.repeat(np.array(self.group_of(self.last), object), self.horizon).tolist()
        ahead = self.dates_ahead()
        if ahead:
            found[str(self.table.time)] = [time for times in zip(*ahead, strict=True) for time in times]
        else:
            found[f"last {self.table.time}"] = [time for time in self._last_times() for _ in steps]
            found["step"] = [*steps] * len(self.last)
        return found, Forecast([column.name for column in self.targets], quantiles=target.quantiles)

    def group_of(self, rows: NDArray[np.intp]) -> list[str]:
        """The names of the series that these rows are of."""
        return [self.names[i] for i in self.strand[rows]]

    @property
    def time(self) -> Column:
        """The column that orders the rows."""
        return next(column for column in self.table.columns if column.name == self.table.time)

    def _sort(self) -> NDArray[np.float64]:
        """Put the rows in the order of series and time, without repeats; returns their moments."""
        table, asked = self.table, self.asked
        moments = table.moments
        assert moments is not None
        assert table.time is not None
        if asked.group is None:
            self.names, self.strand = [""], np.zeros(len(moments), np.intp)
        else:
            groups = as_text(table.frame[asked.group]).fill_null("").to_numpy()
            found, self.strand = np.unique(groups.astype(str), return_inverse=True)
            self.names = found.tolist()
        offsets = offsets_of(table.frame[table.time], self.time.form) if self.time.kind == "date" else None
        self.offset = asked.offset
        if offsets is not None:
            if asked.calendar is None:
                self.offset = usual_offset(moments, offsets, self.strand)
            moments = moments if self.offset is None else moments - offsets + self.offset
        order = np.lexsort((moments, self.strand))
        if (np.diff(order) != 1).any():
            table.frame, table.row, moments = table.frame[order], table.row[order], moments[order]
            self.strand = self.strand[order]
        keep, notes = without_repeats(
            table.frame,
            self.name,
            table.time,
            moments,
            targets=[column.name for column in self.targets],
            group=asked.group,
            dates=self.time.kind == "date",
            drop=asked.drop_repeated,
        )
        self._notes += notes
        closed = np.zeros(len(keep), bool) if asked.calendar is None else asked.calendar.closed(moments) & keep
        if 0 < closed.sum() <= CLOSED * len(keep):
            such = table.frame[table.time][int(np.flatnonzero(closed)[0])]
            why = "on a weekday that training had not, which its calendar has no place for"
            self._notes.append(Doubt(left_out(int(closed.sum()), "row", why, such), "closed", table.time))
            keep &= ~closed
        if not keep.all():
            table.frame, table.row, moments = table.frame.filter(keep), table.row[keep], moments[keep]
            self.strand = self.strand[keep]
        self._times = table.frame[table.time]
        return moments

    def _put_on_calendar(self, moments: Moments) -> None:
        """Make room for the rows that are missing on the calendar, and tell of them."""
        self.places, self._given = places_of(self, moments), moments
        self._notes += notes_on_calendar(self, moments)
        jump = np.append(1, np.where(np.diff(self.strand) == 0, np.diff(self.places), 1))
        if (jump > 1).any():
            self._make_room(jump)

    def _make_room(self, jump: NDArray[np.int64]) -> None:
        """Put rows that hold nothing before those that are a `jump` (rows,) of more than 1 behind the one before."""
        from chainrule.extras import polars as pl

        where = np.cumsum(jump) - 1
        n = int(where[-1]) + 1
        rows = np.full(n, -1)
        rows[where] = np.arange(len(jump))
        before = np.maximum.accumulate(rows)
        there = rows >= 0
        index = pl.Series(np.where(there, rows, 0)).zip_with(pl.Series(there), pl.Series([None] * n, dtype=pl.Int64))
        self.table.frame = self.table.frame.select(pl.all().gather(index))
        self.table.row = np.where(there, self.table.row[before], 0)
        self.places = self.places[before] + np.arange(n) - where[before]
        self.strand, self._given = self.strand[before], np.where(there, self._given[before], np.nan)

    def _number(self) -> int:
        frame, columns = self.table.frame, [*self.targets, self.time]
        group = [] if self.group_column is None else [partial(as_text, frame[self.group_column])]
        values = [partial(column.values, frame[column.name], self.table.row) for column in columns]
        return checksum_of_columns([*group, *values])

    def _ends(self) -> NDArray[np.intp]:
        """The rows that a window ends with: in one series, with all targets where there must be some."""
        lengths = np.bincount(self.strand)
        ahead = self.horizon if self.labelled else 0
        self._refuse_short(int(lengths.max()), ahead)
        first = self._known_from()
        if not self.labelled:
            last = self._last_known()
            last = last[last >= first[last] + self.window - 1]
            self._name_short(last, self.window)
            if not len(last):
                raise self._without_values("")
            return last
        n = len(self.strand)
        last = np.arange(self.window - 1, n - ahead)
        inside = (self.strand[last] == self.strand[last + ahead]) & (last - self.window + 1 >= first[last])
        gaps = np.concatenate([[0], np.cumsum(np.isnan(self.values).any(axis=1))])
        complete = gaps[last + ahead + 1] == gaps[last + 1]
        seen = np.concatenate([[0], np.cumsum(np.isfinite(self.values).all(axis=1))])
        complete &= seen[last + 1] > seen[last - self.window + 1]
        found = last[inside & complete]
        if lost := int(inside.sum()) - len(found):
            of_all = f"{lost:,} of {counted(int(inside.sum()), 'window')}"
            self._notes.append(f"left out are {of_all}: what is to be forecast is missing there, at least in part")
        counts = np.bincount(self.strand[found], minlength=len(self.names))
        if len(self.names) > 1 and (counts >= self.horizon + 2).any():
            found = found[counts[self.strand[found]] >= self.horizon + 2]
            self._name_short(found, self.window + 2 * self.horizon + 1)
        if not len(found):
            raise self._without_values(f" with the {ahead} to forecast")
        return np.asarray(found)

    def _refuse_short(self, longest: int, ahead: int) -> None:
        if longest < self.window + ahead:
            forecast = f" with the {ahead} to forecast" if ahead else ""
            raise DataError(
                f"{self.name} has {longest:,} rows in its longest series, but a window of {self.window} rows"
                f"{forecast} takes {self.window + ahead:,}: give more rows, or train with a shorter --window."
            )

    def _without_values(self, forecast: str) -> DataError:
        names = ", ".join(column.name for column in self.targets)
        told = [note for note in self._notes if " missing: taken" in note]
        return DataError(
            f"{names} in {self.name} has no window of {self.window} rows{forecast} whose targets are there: "
            f"fill gaps in, or train with a shorter --window or --horizon{''.join(f' ({note})' for note in told)}."
        )

    def _name_short(self, last: NDArray[np.intp], rows: int) -> None:
        """Tell which series have no window."""
        used = np.zeros(len(self.names), bool)
        used[self.strand[last]] = True
        if used.all():
            return
        lengths = np.bincount(self.strand, minlength=len(self.names))
        named = [f"{self.names[i]} ({lengths[i]:,} rows)" for i in np.flatnonzero(~used)[:NAMED]]
        more = ", …" if (~used).sum() > NAMED else ""
        n = int((~used).sum())
        self._notes.append(
            f"left out {'is' if n == 1 else 'are'} {n:,} series with fewer than {rows:,} rows, or too few values: "
            f"{', '.join(named)}{more}"
        )

    def _known_from(self) -> NDArray[np.intp]:
        """(rows,) the first row of each series from which on all targets have been met."""
        known = np.isfinite(self.values)
        rows = np.arange(len(known))
        firsts = []
        for column in known.T:
            there = np.flatnonzero(column)
            begins, at = np.unique(self.strand[there], return_index=True)
            first = np.full(len(self.names), len(rows))
            first[begins] = there[at]
            firsts.append(first)
        return np.asarray(np.max(firsts, axis=0)[self.strand])

    def _last_known(self) -> NDArray[np.intp]:
        """The last row of each series in which all values are known, behind which a forecast begins."""
        rows = np.flatnonzero(np.isfinite(self.values).all(axis=1))
        ends = rows[np.append(np.diff(self.strand[rows]) != 0, True)] if len(rows) else rows
        return np.asarray(ends)

    def _known_ahead(self) -> list[str]:
        """The columns that are known ahead: those asked for, or those that are there in the rows after the last
        target."""
        others = [
            column.name for column in self.table.columns if column.kind in USED and column.name != self.table.time
        ]
        if self.asked.ahead or self.asked.calendar is not None:
            return [name for name in others if name in self.asked.ahead]
        found, notes = known_ahead(self, others, self._last_known())
        self._notes += notes
        return found

    def _usual_season(self) -> int:
        """The season of the calendar, where a series is longer than it."""
        season = self.calendar.season()
        return season if self.asked.calendar or season < np.bincount(self.strand).max() else 1

    def _default_window(self) -> int:
        longest = int(np.bincount(self.strand).max())
        return max(1, min(2 * self.season if self.season > 1 else 24, MOST, (longest - self.horizon) // 4))


def _checked(quantiles: Sequence[float]) -> list[float]:
    """The quantiles, from the lowest to the highest.

    Raises:
        OptionError: one is not between 0 and 1, or is there twice.
    """
    found = sorted(map(float, quantiles))
    if any(not 0 < q < 1 for q in found) or len(set(found)) < len(found):
        raise OptionError(f"quantiles are different shares between 0 and 1, such as 0.1 and 0.9, not {found}.")
    return found

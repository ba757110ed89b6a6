"""Tables as sources of examples: rows of a CSV or Parquet file, or of a frame; the kinds of columns are inferred."""

from __future__ import annotations

import datetime
import math
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from chainrule.data.cells import as_text
from chainrule.data.checksums import checksum
from chainrule.data.chunks import can_be_chunks, open_chunks, too_large
from chainrule.data.columns import (
    USED,
    Column,
    Kind,
    as_labels,
    column_of_labels,
    column_of_numbers,
    column_of_time,
    find_columns,
    with_days_in_order,
)
from chainrule.data.decoding import is_picture
from chainrule.data.encoding import Code, Moment, WordCode, code_for, matrix_of, row_of
from chainrule.data.frames import is_frame, read_frame
from chainrule.data.missing import Markers
from chainrule.data.new_rows import doubts_on_rows, far_number, require_all
from chainrule.data.row_sample import RowSample, sample_rows
from chainrule.data.source import Chunked, Encoding, Place, Source, left_out
from chainrule.data.strays import usual_ends
from chainrule.data.targets import KINDS, Target
from chainrule.data.targets import Kind as Task
from chainrule.errors import DataError, OptionError, shortened, shown
from chainrule.layers import EmbedColumns, Layer
from chainrule.names import lookup, unknown
from chainrule.progress import stage

if TYPE_CHECKING:
    from polars import DataFrame, Series

VECTOR = 8
"""The length of the vectors that stand for categories with many values."""

PIECE = 2**18
"""How many rows are predicted at a time."""

OURS = ("row", "prediction")
"""Columns that a file of predictions has of its own."""


class Table(Source):
    """Rows of a table, and what its columns are. `chainrule.read_table` makes one.

    Attributes:
        name: how the user called it.
        frame: the rows that can be used, as a frame of polars; of a table larger than memory, a sample of them.
        row: (m,) their numbers in the file, from 1.
        columns: what each column is, the columns to predict too.
        missing: the words that stand for a missing value, where somebody has said so.
        targets: the names of the columns to predict.
        sample: how the rows were sampled from a file that is larger than memory; None where they are all.
    """

    def __init__(
        self,
        frame: DataFrame,
        name: str,
        columns: Sequence[Column],
        targets: Sequence[str],
        *,
        task: Task | None = None,
        time: str | None = None,
        group: str | None = None,
        notes: Sequence[str] = (),
        row: NDArray[np.int64] | None = None,
        sample: RowSample | None = None,
        missing: Sequence[str] | None = None,
        weight: str | None = None,
        within: Mapping[str, Sequence[float]] | None = None,
    ):
        self.name, self.columns, self.targets, self.task = name, list(columns), list(targets), task
        self.time, self.group, self.sample = time, group, sample
        self.missing = None if missing is None else list(missing)
        self.weight, self.within = weight, {name: list(ends) for name, ends in (within or {}).items()}
        self._notes = list(notes)
        self.frame, self.row = frame, np.arange(1, frame.height + 1) if row is None else row
        self._whole = self.frame, self.row
        for needed in (*targets, time, group, weight):
            if needed is not None:
                self._drop_gaps(needed)
        for name, ends in self.within.items():
            self._drop_outliers(name, *ends)

    def __repr__(self) -> str:
        goal = f", to predict {', '.join(self.targets)}" if self.targets else ""
        return f"Table({self.name}: {self.size:,} rows, {len(self.columns)} columns{goal})"

    def __len__(self) -> int:
        return self.frame.height

    @property
    def size(self) -> int:
        return len(self) if self.sample is None else self.sample.size

    @property
    def notes(self) -> Sequence[str]:
        return self._notes

    @cached_property
    def target(self) -> Target:
        return Target.find({s.name: as_labels(self._column(s.name), s) for s in self._labels()}, self.task, self.name)

    def call_labels_as_written(self) -> None:
        """Take words for what numbers would call otherwise: 007 is not 7, nor are whole numbers of 17 digits exact."""
        for labels, series in zip(self.target.labels or (), self._labels(), strict=False):
            column = self._column(series.name)
            if column.counts and {*map(str, labels)} != {*as_text(series.unique())}:
                self.columns[self.columns.index(column)] = replace(column, form="")
        del self.target  # found anew from the words
        self.frame = kept(self.frame, [self._column(name) for name in self.targets], self.row)

    def note_capitals(self) -> None:
        """Note words that differ only in capitals, which are different ones."""
        for column in self.columns:
            if column.kind in ("category", "yes_no") or (column.kind == "target" and not column.counts):
                words = as_text(self.frame[column.name]).drop_nulls().unique()
                alike = words.filter(words.str.to_lowercase().is_duplicated()).to_list()
                if alike:
                    spellings = " and ".join(map(repr, sorted(alike, key=lambda word: (word.lower(), word))[:2]))
                    self._notes.append(
                        f"{column.name} holds {spellings} as different words: write them alike if they are one"
                    )

    def _labels(self) -> list[Series]:
        """The columns to predict; of a table larger than memory, with every label that it holds."""
        more = {} if self.sample is None else self.sample.labels
        return [
            as_text(self.frame[name]).append(as_text(more[name])) if name in more else self.frame[name]
            for name in self.targets
        ]

    @cached_property
    def groups(self) -> NDArray[Any] | None:  # type: ignore[override]
        """(m,), or None."""
        return None if self.group is None else np.array(as_text(self.frame[self.group]).to_list())

    @cached_property
    def moments(self) -> NDArray[np.float64] | None:  # type: ignore[override]
        """(m,), or None."""
        return None if self.time is None else self._moments(self.frame, self.row)

    def _moments(self, frame: DataFrame, row: NDArray[np.int64]) -> NDArray[np.float64]:
        """When the rows of a frame were; NaN where nobody knows."""
        assert self.time is not None
        column = self._column(self.time)
        values = column.values(frame[self.time], row)
        values = values.dt.epoch("us") if column.kind == "date" else values
        return np.asarray(values.to_numpy(), np.float64)

    def numbers(self, target: Target) -> NDArray[Any]:
        return self._numbers(target, self.frame, self.row)

    def _numbers(self, target: Target, frame: DataFrame, row: NDArray[np.int64]) -> NDArray[Any]:
        columns = {name: as_labels(self._column(name), frame[name], row) for name in self.targets}
        return target.numbers(columns, self.name)

    def checksum(self) -> int:
        return self._checksum

    @cached_property
    def _checksum(self) -> int:
        frame, row = self._whole
        needed = (*self.targets, self.time, self.group, self.weight)
        used = [column for column in self.columns if column.kind in USED or column.name in needed]
        whole = number_of(column.values(frame[column.name], row) for column in used)
        return whole if self.size <= frame.height else whole ^ self.size

    def chunked(self, encoding: Encoding, target: Target, held_out: NDArray[np.intp]) -> Chunked | None:
        if self.sample is None:
            return None
        assert isinstance(encoding, Columns)
        stays_out = self._out(held_out)

        def read(i: int) -> tuple[NDArray[Any], NDArray[Any]]:
            frame, row = sample.chunk(i)
            keep = ~stays_out(frame, row)
            return encoding.matrix(frame, row)[keep], self._numbers(target, frame.filter(keep), row[keep])

        sample = self.sample
        return Chunked.of(len(sample.chunks), read)

    def _out(self, held_out: NDArray[np.intp]) -> Callable[[DataFrame, NDArray[np.int64]], NDArray[np.bool_]]:
        """Finds the rows of a frame that are not trained on: held out, or without a value that must be there."""
        names = (*self.targets, self.time, self.group, self.weight)
        needed = [self._column(name) for name in names if name is not None]
        rows = self.row[held_out]
        groups = [] if self.groups is None else np.unique(self.groups[held_out]).tolist()
        first = math.inf if self.moments is None or len(held_out) == 0 else self.moments[held_out].min()

        def out(frame: DataFrame, row: NDArray[np.int64]) -> NDArray[np.bool_]:
            gaps = np.any([column.values(frame[column.name], row).is_null().to_numpy() for column in needed], axis=0)
            if self.group is not None:
                held = as_text(frame[self.group]).is_in(groups).fill_null(True).to_numpy()
            elif self.time is not None:
                held = ~(self._moments(frame, row) < first)
            else:
                held = np.isin(row, rows)
            for name, (low, high) in self.within.items():
                values = self._column(name).values(frame[name], row).to_numpy()
                held = held | (values < low) | (values > high)
            return np.asarray(gaps | held)

        return out

    def pieces(self) -> Iterator[Table]:
        if self.sample is None:
            if len(self) <= PIECE:
                yield self
                return
            for begin in range(0, len(self), PIECE):
                rows = slice(begin, begin + PIECE)
                yield Table(self.frame[rows], self.name, self.columns, [], row=self.row[rows])
            return
        for i in range(len(self.sample.chunks)):
            frame, row = self.sample.chunk(i)
            yield Table(frame, self.name, self.columns, [], row=row)

    def learn(self, rows: NDArray[np.intp]) -> Columns:
        chosen = np.zeros(len(self), bool)
        chosen[rows] = True
        used = [column for column in self.columns if column.kind in USED]
        with ThreadPoolExecutor() as threads:
            codes = [*threads.map(lambda column: self._code(column, chosen), used)]
        if not codes:
            why = [f"{column.name}: {self._why(column)}" for column in self.columns if column.kind != "target"]
            reasons = f" ({'; '.join(why)})" if why else ""
            raise DataError(f"{self.name} has no column left to predict {', '.join(self.targets)} from{reasons}.")
        ids = [column.name for column in self.columns if column.kind == "id"]
        time = None if self.time is None else self._column(self.time)
        others = [column.name for column in self.columns if column.kind in ("constant", "text", "ignored")]
        targets = [self._column(name) for name in self.targets]
        stream, within = self.sample is not None, self.within or None
        return Columns(codes, targets, ids, others, time, self.group, stream, self.missing, self._weights(), within)

    def _weights(self) -> Column | None:
        return None if self.weight is None else self._column(self.weight)

    def identification(self) -> dict[str, list[Any]]:
        ids = [column.name for column in self.columns if column.kind == "id" and column.name in self.frame.columns]
        found = {name: self.frame[name] for name in ids}
        found = {name: as_text(column) if column.dtype.is_float() else column for name, column in found.items()}
        return {"row": self.row.tolist()} | {_called(name): column.to_list() for name, column in found.items()}

    def _why(self, column: Column) -> str:
        """Why a column is set aside; one of the names of pictures would not be, if they were there."""
        if column.kind == "id":
            first = as_text(self.frame[column.name]).drop_nulls()[0]
            if is_picture(Path(first)) and not (Path(self.name).parent / first).is_file():
                return f"it names pictures that are not there, such as {first}"
        return column.reason

    def _drop_gaps(self, name: str) -> None:
        """Leave out the rows in which a column that must be there is missing."""
        gaps = self._column(name).values(self.frame[name], self.row).is_null().to_numpy()
        if gaps.all():
            raise DataError(f"{shortened(name)} in {self.name} is always missing.")
        if gaps.any():
            self._notes.append(left_out(gaps.sum(), "row", f"in which {name} is missing"))
            self.frame, self.row = self.frame.filter(~gaps), self.row[~gaps]

    def _drop_outliers(self, name: str, low: float, high: float) -> None:
        """Leave out the rows in which a value to predict is beyond these ends."""
        values = self._column(name).values(self.frame[name], self.row).to_numpy()
        beyond = (values < low) | (values > high)
        if beyond.any():
            row = self.row[beyond][0]
            self._notes.append(left_out(beyond.sum(), "row", f"in which {name} lies far from all others", f"row {row}"))
            self.frame, self.row = self.frame.filter(~beyond), self.row[~beyond]

    @cached_property
    def weights(self) -> NDArray[np.float64] | None:  # type: ignore[override]
        """(m,), or None."""
        if self.weight is None:
            return None
        found = np.asarray(self._column(self.weight).values(self.frame[self.weight], self.row).to_numpy(), np.float64)
        if found.min() < 0 or not found.any():
            raise DataError(f"{self.weight} in {self.name} goes down to {found.min():g}: a row counts 0 or more.")
        return found

    def _column(self, name: str) -> Column:
        return next(column for column in self.columns if column.name == name)

    def _code(self, column: Column, chosen: NDArray[np.bool_]) -> Code:
        code = code_for(column, column.values(self.frame[column.name].filter(chosen), self.row[chosen]))
        if column.name == self.time and isinstance(code, Moment):  # what never comes again cannot be learned from
            return replace(code, parts=[part for part in code.parts if part != "elapsed"])
        return code


def _plain(value: Any, name: str) -> Any:
    """A value of a row as Python has it: of pandas, NumPy or itself; None where it is missing.

    Raises:
        DataError: it is no single value, or a number that no float holds.
    """
    if isinstance(value, np.datetime64):
        value = value.astype("datetime64[us]")
    if isinstance(value, np.generic):
        value = value.item()
    if value is None or type(value).__name__ in ("NAType", "NaTType"):  # of pandas
        return None
    if isinstance(value, str):
        return value.strip()
    if isinstance(value, datetime.datetime):
        return value.replace(tzinfo=None)  # what clocks there say, as in a frame
    if isinstance(value, datetime.date | datetime.time):
        return value
    if not isinstance(value, int | float):
        raise DataError(f"{name} is a {type(value).__name__}, but a row holds numbers, words and dates.")
    if isinstance(value, int) and abs(value) >= 2**1023:
        raise DataError(f"{name} is {shown(value)}, more than a number can be.")
    return value if math.isfinite(value) else None


def _called(name: str) -> str:
    """How a column that tells rows apart is called beside our own."""
    return f"{name} (id)" if name in OURS else name


def frame_of_row(given: Mapping[str, Any]) -> DataFrame:
    """A frame of a single row."""
    import polars as pl

    return pl.DataFrame({name: [value] for name, value in given.items()}, strict=False)


def kept(frame: DataFrame, columns: Sequence[Column], row: NDArray[np.int64] | None = None) -> DataFrame:
    """The frame with its columns as `Column.kept` has them."""
    used = [column for column in columns if column.kind in (*USED, "target", "group") or column.form]
    return frame.with_columns([column.kept(frame[column.name], row) for column in used])


def number_of(values: Iterable[Series]) -> int:
    """A number that tells these columns from others, whatever their order and wherever they were read from."""
    found = {}
    for series in values:
        name = np.frombuffer(f"{series.name} {len(series)}".encode(), np.uint8)
        found[series.name] = checksum(name, *_bytes_of(series))
    return checksum(np.array([found[name] for name in sorted(found)], np.uint64))


def _bytes_of(series: Series) -> list[NDArray[Any]]:
    """What a column holds, as arrays."""
    import polars as pl

    if series.dtype.is_numeric():
        return [series.cast(pl.Float64).to_numpy() + 0.0]  # of gaps NaN, and of -0 what 0 has
    if series.dtype.is_temporal():
        return [series.cast(pl.Datetime("us")).to_physical().fill_null(-(2**63)).to_numpy()]
    text = as_text(series)
    lengths = text.str.len_bytes().cast(pl.Int64).fill_null(-1)
    joined = text.fill_null("").str.join("").item()
    return [lengths.to_numpy(), np.frombuffer(joined.encode(), np.uint8)]


def read_table(
    source: Any,
    target: str | Sequence[str],
    *,
    task: str | None = None,
    number: Sequence[str] = (),
    category: Sequence[str] = (),
    date: Sequence[str] = (),
    ignore: Sequence[str] = (),
    time: str | None = None,
    group: str | None = None,
    missing: str | Sequence[str] | None = None,
    day_first: bool | None = None,
    stream: bool | None = None,
    weights: str | None = None,
    drop_outliers: bool = False,
) -> Table:
    """The table in a CSV, TSV or Parquet file (or one of them in gzip), or in a frame of polars or pandas.

    What each column is, is found from its values; `columns` of the table tells what and why.

    Args:
        source: the path, or the frame.
        target: the column to predict, or several.
        task: "classification" or "regression", where the target does not tell it right.
        number, category, date, ignore: columns that are to be taken for that.
        time: a column of dates or numbers; an experiment trains on the past and tests on the future.
        group: a column whose values are never divided between the parts of an experiment.
        missing: the words that mark a missing value, in capitals or not, in place of the usual ones, or, where they are
            all numbers such as -999, beside these; an empty cell always does. Of the usual ones, "none", "nil", "-",
            "--" and "." mark none among words to predict.
        day_first: whether 3/4/2025 is in April, where a column of dates does not tell by itself; None for March, or for
            April where the steps of the `time` column are even only then, with a note.
        stream: whether to read a file in chunks whenever rows are wanted, and to hold but some of them; None for files
            that are larger, as text, than 10 % of the memory.
        weights: a column of how much each row counts while training.
        drop_outliers: whether rows are left out in which a value to predict lies far from all others, as that of a sum
            does, or marks a missing one by −999 and the like; without it, a note names them.

    Raises:
        DataError: there is no such file, it is broken or no table, or it has not what was asked for.
        OptionError: an unknown task, or a column with two roles.
    """
    if time is not None and group is not None:
        raise OptionError("a table is divided by time or by group, not by both.")
    targets = [target] if isinstance(target, str) else list(target)
    texts = [*category, *([] if group is None else [group])]
    markers = Markers(targets, [missing] if isinstance(missing, str) else missing, texts)
    name = "the table" if is_frame(source) else str(source)
    frame, notes, sample = _open(source, markers, stream)
    asked: dict[Kind, Iterable[str]] = {
        "target": targets,
        "group": [] if group is None else [group],
        "number": number,
        "category": category,
        "date": date,
        "ignored": [*ignore, *([] if weights is None else [weights])],
    }
    roles: dict[str, Kind] = {}
    for kind, names in asked.items():
        for column in names:
            if column in roles:
                raise OptionError(f"{column!r} has two roles, {roles[column]} and {kind}: leave one of them out.")
            roles[column] = kind
    for column in [*roles, *([] if time is None else [time])]:
        require(column, frame, name)
    if not targets:
        raise OptionError(f"which column of {name} is to be predicted? It has {', '.join(frame.columns)}.")
    row, labels = (None, {}) if sample is None else (sample.row, sample.labels)
    with stage("looking at columns"):
        columns = find_columns(frame, roles, row)
    columns = [column_of_labels(labels[column.name]) if column.name in labels else column for column in columns]
    if time is not None:
        columns = [column_of_time(frame[time], column, name) if column.name == time else column for column in columns]
    if weights is not None:
        columns = [_of_weights(frame[weights], column) if column.name == weights else column for column in columns]
    columns, doubts = with_days_in_order(columns, frame, time, day_first)
    table = Table(
        kept(frame, [column for column in columns if column.kind != "target"], row),
        name,
        columns,
        targets,
        task=None if task is None else lookup("task", task, KINDS),
        time=time,
        group=group,
        notes=[*notes, *doubts],
        row=row,
        sample=sample,
        missing=markers.words,
        weight=weights,
    )
    table.call_labels_as_written()
    table.note_capitals()
    return without_outliers(table) if drop_outliers else table


def _of_weights(series: Series, column: Column) -> Column:
    """The column of how much each row counts."""
    found = column_of_numbers(series)
    found.check_said(series)
    return replace(column, reason="how much each row counts", form=found.form, markers=found.markers)


def without_outliers(table: Table) -> Table:
    """The table without the rows in which a value to predict is a stray or a mark; see `chainrule.data.strays`."""
    within = {}
    for name in table.targets if table.target.labels is None else ():
        series = table.frame[name]
        values = np.asarray(table._column(name).values(series, table.row).to_numpy(), np.float64)
        ends = usual_ends(values)
        if ends is not None:
            within[name] = ends
    for name, ends in within.items():
        table._drop_outliers(name, *ends)
    table.within = {name: list(ends) for name, ends in within.items()}
    table.__dict__.pop("target", None)
    return table


def _open(source: Any, markers: Markers, stream: bool | None) -> tuple[DataFrame, list[str], RowSample | None]:
    """The frame of a file, notes on it, and the sample that the frame is, if the file is read in chunks."""
    if is_frame(source):
        if stream:
            raise OptionError("a frame is in memory already: give the path of a file to read it in chunks.")
        return *read_frame(source, markers), None
    path = str(source)
    if stream is False or (stream is None and not (too_large(path) and can_be_chunks(path))):
        return *read_frame(path, markers), None
    sample = sample_rows(open_chunks(path, markers), markers.targets)
    note = f"{path} is read in {len(sample.before):,} chunks: {sample.size:,} rows"
    if sample.size > sample.frame.height:
        note += (
            f"; what the columns are, and what is held out, is found in {sample.frame.height:,} drawn from all over it"
        )
    return sample.frame, [*sample.chunks.notes, note], sample


def require(column: str, frame: DataFrame, name: str) -> None:
    """Raises DataError where there is no such column."""
    if column not in frame.columns:
        raise DataError(f"{name}: {unknown('column', column, frame.columns)}")


class Row(Table):
    """A single row to predict, for programs that ask again and again: a frame is made only where one is needed.

    Args:
        given: its values, by the names of the columns. encoding: of the table that was trained on.

    Raises:
        DataError: a column is not there.
    """

    def __init__(self, given: Mapping[str, Any], encoding: Columns):
        self.given, self.name, self.row = given, "the row", np.ones(1, np.int64)
        require_all((code.column.name for code in encoding.codes), [*given], self.name)
        self.targets, self.task, self.time, self.group, self.sample, self.missing = [], None, None, None, None, None
        self.weight, self.within = None, {}
        self.columns = [code.column for code in encoding.codes]
        self.columns += [Column(name, "id") for name in encoding.ids if name in given]
        self.values = {code.column.name: self._value(code.column.name, encoding) for code in encoding.codes}
        self._notes = encoding.notes_on(given)
        for code in encoding.codes:
            value = self.values[code.column.name]
            if isinstance(code, WordCode) and not (value is None or code.knows(value)):
                self._notes.append(f"{code.column.name} is {shown(value)}, which training has not met")
            elif far := far_number(code, value):
                self._notes.append(far)

    def __len__(self) -> int:
        return 1

    @cached_property
    def frame(self) -> DataFrame:  # type: ignore[override]
        return frame_of_row(self.given)

    def identification(self) -> dict[str, list[Any]]:
        return {"row": [1]} | {_called(c.name): [self.given[c.name]] for c in self.columns if c.kind == "id"}

    def _value(self, name: str, encoding: Columns) -> Any:
        value = _plain(self.given[name], name)
        return None if value is None or encoding.markers.mean(value) else value


@dataclass(frozen=True, repr=False)
class Columns(Encoding):
    """The encoding of a table, a code for each column; see `chainrule.data.encoding`.

    Args:
        codes: of the columns that the network sees.
        predicted: the columns to predict.
        ids: columns that tell rows apart. others: those that training had no use for.
        time, group: see `read_table`.
        stream: whether the table was read in chunks, of which others must be, too, to find the same rows held out.
        missing: see `read_table`.
        weights: the column of how much each row counts. within: between which ends values to predict lie, where others
            are left out.
    """

    codes: list[Code]
    predicted: list[Column]
    ids: list[str]
    others: list[str]
    time: Column | None = None
    group: str | None = None
    stream: bool = False
    missing: list[str] | None = None
    weights: Column | None = None
    within: dict[str, list[float]] | None = None

    def __post_init__(self) -> None:
        super().__post_init__()
        if not self.codes:
            raise OptionError("an encoding of a table has a column or more.")

    def takes(self, input_shape: tuple[int, ...], target: Target) -> bool:
        numbers = all(column.counts for column in self.predicted)
        return [column.name for column in self.predicted] == target.names and (numbers or target.labels is not None)

    def read(self, data: Any, *, labelled: bool) -> Table | Row:
        if isinstance(data, Mapping):
            if not labelled:
                return Row(data, self)
            data = frame_of_row(data)
        again = self.stream and not is_frame(data) and can_be_chunks(str(data))
        targets = [column.name for column in self.predicted]
        texts = [code.column.name for code in self.codes if code.column.kind == "category"]
        texts += [] if self.group is None else [self.group]
        frame, notes, sample = _open(data, Markers(targets if labelled else [], self.missing, texts), again or None)
        row = None if sample is None else sample.row
        name = "the table" if is_frame(data) else str(data)
        columns = {code.column.name: code.column for code in self.codes}
        columns |= {column: Column(column, "id") for column in self.ids if column in frame.columns}
        columns |= {column.name: column for column in self.predicted} if labelled else {}
        require_all(columns, frame.columns, name)
        notes += self.notes_on(frame.columns)
        frame = kept(frame, [*columns.values()], row)
        notes += doubts_on_rows(self.codes, frame, row)
        if not labelled:
            return Table(frame, name, list(columns.values()), [], notes=notes, row=row, sample=sample)
        time = self.time if self.time is not None and self.time.name in frame.columns else None
        group = self.group if self.group in frame.columns else None
        columns |= {} if time is None else {time.name: time}
        columns |= {} if group is None else {group: Column(group, "group")}
        weights = self.weights if self.weights is not None and self.weights.name in frame.columns else None
        columns |= {} if weights is None else {weights.name: weights}
        return Table(
            frame,
            name,
            list(columns.values()),
            targets,
            time=None if time is None else time.name,
            group=group,
            notes=notes,
            row=row,
            sample=sample,
            weight=None if weights is None else weights.name,
            within=self.within,
        )

    def X(self, source: Source) -> NDArray[Any]:
        if isinstance(source, Row):
            return row_of(self.codes, [source.values[code.column.name] for code in self.codes])
        assert isinstance(source, Table)
        return self.matrix(source.frame, source.row)

    @cached_property
    def markers(self) -> Markers:
        """What stands for a missing value where nothing is to be predicted."""
        return Markers(words=self.missing)

    @cached_property
    def _met(self) -> set[str]:
        """The columns that training had."""
        more = [column for column in (self.time, self.weights) if column is not None]
        named = [column.name for column in (*self.predicted, *more)]
        return {*(code.column.name for code in self.codes), *self.ids, *self.others, *named, self.group or ""}

    def notes_on(self, names: Iterable[str]) -> list[str]:
        """A note on columns that training did not have."""
        extra = [name for name in names if name not in self._met]
        return [f"not used, because training did not have it: {', '.join(extra)}"] if extra else []

    def places(self, source: Source) -> list[Place]:
        assert isinstance(source, Table)
        return self._placed(source.frame.head(1))[1]

    def matrix(self, frame: DataFrame, row: NDArray[np.int64] | None = None) -> NDArray[np.float32]:
        """The rows of a frame as numbers; `row` is their numbers in the file.

        Raises:
            DataError: a column holds something else than what it was learned from.
        """
        return self._placed(frame, row)[0]

    def _placed(
        self, frame: DataFrame, row: NDArray[np.int64] | None = None
    ) -> tuple[NDArray[np.float32], list[Place]]:
        return matrix_of(self.codes, [frame[code.column.name] for code in self.codes], row)

    def layers(self, input_shape: tuple[int, ...]) -> list[Layer]:
        embedded = [code for code in self.codes if code.tokens]
        if not embedded:
            return []
        return [EmbedColumns(input_shape[0] - len(embedded), sum(code.tokens for code in embedded), VECTOR)]

"""Tables as sources of examples: rows of a file or of a frame; the kinds of columns are inferred."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from functools import cached_property, partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from chainrule.data import phrases, usual
from chainrule.data.cells import ANY_CASE, PLAIN, as_text, words_of
from chainrule.data.checksums import checksum_of_columns
from chainrule.data.chunk_notes import ChunkNotes, without_unit
from chainrule.data.chunked import Chunked, Examples, read_ahead
from chainrule.data.chunks import can_be_chunks
from chainrule.data.codes import Code, Embedded, Moment
from chainrule.data.column_kinds import (
    column_of_numbers,
    column_of_time,
    column_of_values,
    find_columns,
    with_all_labels,
)
from chainrule.data.columns import USED, Column, Kind, as_labels, units_of, with_days_in_order
from chainrule.data.decoding import is_picture
from chainrule.data.encoding import FEW, code_for, matrix_of, places_of, row_of
from chainrule.data.frames import is_frame
from chainrule.data.missing import Markers
from chainrule.data.new_rows import doubts_on_rows, require_all
from chainrule.data.opening import open_table, require
from chainrule.data.phrases import are_long, note_on_repeats
from chainrule.data.repeats import first_of_each
from chainrule.data.row import Row, called, frame_of_row
from chainrule.data.row_sample import UNKNOWN, RowSample
from chainrule.data.source import Encoding, Place, Source, left_out
from chainrule.data.strays import usual_ends
from chainrule.data.target_statistics import TargetStatistics, standardized
from chainrule.data.targets import KINDS, Target
from chainrule.data.targets import Kind as Task
from chainrule.errors import DataError, OptionError, shortened, shown
from chainrule.layers import EmbedBags, EmbedColumns, Layer
from chainrule.names import lookup
from chainrule.progress import stage
from chainrule.randomness import stream

if TYPE_CHECKING:
    from polars import DataFrame, Series

VECTOR = 8
"""The length of the vectors that stand for categories with many values."""

TEXT_VECTOR = 16
"""The same where a table holds texts, whose words have their vectors in the same table."""

PIECE = 2**18
"""How many rows are predicted at a time."""


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
        once: whether rows that repeat an earlier one were left out.
        target_statistics: see `read_table`.
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
        once: bool = False,
        target_statistics: bool = False,
    ):
        self.target_statistics = target_statistics
        self.name, self.columns, self.targets, self.task = name, list(columns), list(targets), task
        self.time, self.group, self.sample = time, group, sample
        self.missing = None if missing is None else list(missing)
        self.weight, self.within = weight, {name: list(ends) for name, ends in (within or {}).items()}
        self._notes, self.once = list(notes), once
        self.frame, self.row = frame, np.arange(1, frame.height + 1) if row is None else row
        self._whole = self.frame, self.row
        if once:
            self._drop_repeated()
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

    @property
    def defaults(self) -> dict[str, Any]:  # type: ignore[override]
        """What fits texts, where there are some; else what fits every table."""
        kinds = {column.kind for column in self.columns if column.kind in USED}
        return phrases.settings_for(self.size, alone=kinds == {"text"}) if "text" in kinds else {}

    @property
    def several(self) -> dict[str, Any]:  # type: ignore[override]
        """What networks for tables are; of a table in chunks a single one."""
        kinds = {column.kind for column in self.columns if column.kind in USED}
        return {} if "text" in kinds else usual.settings_for(self.size, alone=self.sample is not None)

    @cached_property
    def target(self) -> Target:
        labels = {series.name: as_labels(self.column(series.name), series) for series in self._labels()}
        return Target.find(labels, self.task, self.name, self.size)

    def call_labels_as_written(self) -> None:
        """Take words for what numbers would call otherwise: 007 is not 7, nor are whole numbers of 17 digits exact."""
        for labels, series in zip(self.target.labels or (), self._labels(), strict=False):
            column = self.column(series.name)
            if column.counts and {*map(str, labels)} != {*as_text(series.unique())}:
                self.columns[self.columns.index(column)] = replace(column, form="", unit="", reason="as you said")
        del self.target  # found anew from the words
        self.frame = kept(self.frame, [self.column(name) for name in self.targets], self.row)

    def note_capitals(self) -> None:
        """Note words that differ only in capitals, which are different ones."""
        for column in self.columns:
            if column.kind in ("category", "yes_no", "target") and not column.counts and column.form != ANY_CASE:
                words = words_of(self.frame[column.name])
                alike = words.filter(words.str.to_lowercase().is_duplicated()).to_list() if len(words) > 1 else []
                if alike:
                    spellings = " and ".join(map(repr, sorted(alike, key=lambda word: (word.lower(), word))[:2]))
                    self._notes.append(
                        f"{column.name} holds {spellings} as different words: write them alike if they are one"
                    )

    def _labels(self) -> list[Series]:
        """The columns to predict; of a table larger than memory, with every label that it holds."""
        more = {} if self.sample is None else self.sample.labels
        found = []
        for name in self.targets:
            series, column = self.frame[name], self.column(name)
            if name in more:
                numbers = column.counts and series.dtype.is_numeric()
                both = (column.values(each) if numbers else as_text(each) for each in (series, more[name]))
                series = next(both).append(next(both))
            found.append(series)
        return found

    @cached_property
    def groups(self) -> NDArray[Any] | None:  # type: ignore[override]
        """(m,) numbers, in the order of their words, or None."""
        return None if self.group is None else as_text(self.frame[self.group]).rank("dense").to_numpy()

    @cached_property
    def moments(self) -> NDArray[np.float64] | None:  # type: ignore[override]
        """(m,), or None."""
        return None if self.time is None else self._moments(self.frame, self.row)

    def _moments(self, frame: DataFrame, row: NDArray[np.int64]) -> NDArray[np.float64]:
        """When the rows of a frame were; NaN where nobody knows."""
        assert self.time is not None
        column = self.column(self.time)
        values = column.values(frame[self.time], row)
        values = values.dt.epoch("us") if column.kind == "date" else values
        return np.asarray(values.to_numpy(), np.float64)

    def numbers(self, target: Target) -> NDArray[Any]:
        return self._numbers(target, self.frame, self.row)

    def _numbers(self, target: Target, frame: DataFrame, row: NDArray[np.int64]) -> NDArray[Any]:
        columns = {name: as_labels(self.column(name), frame[name], row) for name in self.targets}
        return target.numbers(columns, self.name)

    @property
    def value_ends(self) -> list[tuple[float, float]] | None:
        whole = self.sample is None or self.sample.whole
        return None if whole else [self._value_ends(name) for name in self.targets]

    def _value_ends(self, name: str) -> tuple[float, float]:
        """Between which ends a value to predict lies in all rows of the file."""
        assert self.sample is not None
        column = self.column(name)
        plain = column.form in ("", PLAIN) and not column.unit
        low, high = self.sample.ends[name] if plain else UNKNOWN
        kept = self.within.get(name, UNKNOWN)
        return max(low, kept[0]), min(high, kept[1])

    def checksum(self) -> int:
        return self._checksum

    @cached_property
    def _checksum(self) -> int:
        frame, row = self._whole
        needed = (*self.targets, self.time, self.group, self.weight)
        used = [column for column in self.columns if column.kind in USED or column.name in needed]
        whole = checksum_of_columns(partial(column.values, frame[column.name], row) for column in used)
        return whole if self.size <= frame.height else whole ^ self.size

    def chunked(self, encoding: Encoding, target: Target, held_out: NDArray[np.intp], folder: Path) -> Chunked | None:
        if self.sample is None:
            return None
        assert isinstance(encoding, Columns)
        stays_out, told = self._out(held_out), ChunkNotes(self.columns, self.targets)

        def read(i: int) -> tuple[Examples, DataFrame, NDArray[np.bool_], NDArray[np.bool_]]:
            frame, row = sample.chunk(i)
            held, gaps, beyond = stays_out(frame, row)
            keep = ~(held | gaps | beyond)
            X, Y = encoding.matrix(frame, row)[keep], self._numbers(target, frame.filter(keep), row[keep])
            return (X, Y), frame, gaps, beyond

        def all_read() -> Iterator[Examples]:
            with stage("turning all rows into numbers", len(sample.chunks)) as advance:
                for found, frame, gaps, beyond in read_ahead(read, len(sample.chunks)):
                    told.look(frame, gaps, beyond)
                    yield found
                    advance(1)

        sample = self.sample
        found = Chunked.of(all_read(), lambda i: read(i)[0], folder)
        self._notes += [] if sample.whole else told.notes(sample.size)
        self._notes += [found.note]
        return found

    def _out(
        self, held_out: NDArray[np.intp]
    ) -> Callable[[DataFrame, NDArray[np.int64]], tuple[NDArray[np.bool_], NDArray[np.bool_], NDArray[np.bool_]]]:
        """Finds the rows of a frame that are not trained on: held out, without a value that must be there, or with a
        value to predict that lies far from all others."""
        names = (*self.targets, self.time, self.group, self.weight)
        needed = [self.column(name) for name in names if name is not None]
        rows = self.row[held_out]
        groups = [] if self.group is None else as_text(self.frame[self.group]).gather(held_out).unique().to_list()
        first = math.inf if self.moments is None or len(held_out) == 0 else self.moments[held_out].min()

        def out(
            frame: DataFrame, row: NDArray[np.int64]
        ) -> tuple[NDArray[np.bool_], NDArray[np.bool_], NDArray[np.bool_]]:
            gaps = np.any([column.values(frame[column.name], row).is_null().to_numpy() for column in needed], axis=0)
            if self.group is not None:
                held = as_text(frame[self.group]).is_in(groups).fill_null(True).to_numpy()
            elif self.time is not None:
                held = ~(self._moments(frame, row) < first)
            else:
                held = np.isin(row, rows)
            beyond = np.zeros(len(row), bool)
            for name, (low, high) in self.within.items():
                values = self.column(name).values(frame[name], row).to_numpy()
                beyond |= (values < low) | (values > high)
            return np.asarray(held), np.asarray(gaps), beyond

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
        told = ChunkNotes(self.columns, [])
        told.look_for_bare(self.sample.frame)  # which has been told
        for i in range(len(self.sample.chunks)):
            frame, row = self.sample.chunk(i)
            self._notes += told.look_for_bare(frame)
            yield Table(frame, self.name, self.columns, [], row=row)

    def learn(self, rows: NDArray[np.intp]) -> Columns:
        from chainrule.extras import polars as pl

        chosen = np.zeros(len(self), bool)
        chosen[rows] = True
        used = [column for column in self.columns if column.kind in USED]
        kept, row = pl.Series(chosen), self.row[chosen]
        with ThreadPoolExecutor() as threads:
            codes = [*threads.map(lambda column: self._code(column, self.frame[column.name].filter(kept), row), used)]
        codes = self._with_statistics(codes, rows) if self.target_statistics else codes
        silent = [code.column.name for code in codes if code.bag and code.tokens == 1]
        if silent and len(silent) == len(codes):
            raise DataError(
                f"{self.name} has no column left to predict {', '.join(self.targets)} from: no word in "
                f"{' or '.join(silent)} comes in two rows of the training part."
            )
        self._notes += [f"no word in {name} comes in two rows to train: nothing is learned of it" for name in silent]
        if not codes:
            why = [f"{column.name}: {self._why(column)}" for column in self.columns if column.kind != "target"]
            reasons = f" ({'; '.join(why)})" if why else ""
            raise DataError(f"{self.name} has no column left to predict {', '.join(self.targets)} from{reasons}.")
        ids = [column.name for column in self.columns if column.kind == "id"]
        time = None if self.time is None else self.column(self.time)
        others = [column.name for column in self.columns if column.kind in ("constant", "ignored")]
        targets = [self.column(name) for name in self.targets]
        stream, within = self.sample is not None, self.within or None
        weights = None if self.weight is None else self.column(self.weight)
        learned = (codes, targets, ids, others, time, self.group, stream, self.missing)
        return Columns(*learned, weights=weights, within=within, once=self.once)

    def notes_on_parts(self, train: NDArray[np.intp], test: NDArray[np.intp]) -> list[str]:
        texts = [as_text(self.frame[column.name]) for column in self.columns if column.kind == "text"]
        long = [text for text in texts if are_long(text)]
        return [note for text in long for note in note_on_repeats(text[train], text[test], f"texts of {text.name}")]

    def identification(self) -> dict[str, list[Any]]:
        ids = [column.name for column in self.columns if column.kind == "id" and column.name in self.frame.columns]
        found = {name: self.frame[name] for name in ids}
        found = {name: as_text(column) if column.dtype.is_float() else column for name, column in found.items()}
        return {"row": self.row.tolist()} | {called(name): column.to_list() for name, column in found.items()}

    def _why(self, column: Column) -> str:
        """Why a column is set aside; one of the names of pictures would not be, if they were there."""
        if column.kind == "id":
            first = as_text(self.frame[column.name]).drop_nulls()[0]
            if is_picture(Path(first)) and not (Path(self.name).parent / first).is_file():
                return f"it names pictures that are not there, such as {first}"
        return column.reason

    def _drop_gaps(self, name: str) -> None:
        """Leave out the rows in which a column that must be there is missing."""
        gaps = self.column(name).values(self.frame[name], self.row).is_null().to_numpy()
        if gaps.all():
            raise DataError(f"{shortened(name)} in {self.name} is always missing.")
        if gaps.any():
            self._notes.append(left_out(gaps.sum(), "row", f"in which {name} is missing"))
            self.frame, self.row = self.frame.filter(~gaps), self.row[~gaps]

    def _drop_repeated(self) -> None:
        """Leave out the rows that repeat an earlier one word for word."""
        first = first_of_each(self.frame)
        if not first.all():
            again = self.row[~first]
            why = "that repeats an earlier one" if len(again) == 1 else "that repeat an earlier one"
            self._notes.append(left_out(len(again), "row", why, f"row {again[0]}"))
            self.frame, self.row = self.frame.filter(first), self.row[first]

    def _drop_outliers(self, name: str, low: float, high: float) -> None:
        """Leave out the rows in which a value to predict is beyond these ends."""
        values = self.column(name).values(self.frame[name], self.row).to_numpy()
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
        found = np.asarray(self.column(self.weight).values(self.frame[self.weight], self.row).to_numpy(), np.float64)
        if found.min() < 0 or not found.any():
            raise DataError(f"{self.weight} in {self.name} goes down to {found.min():g}: a row counts 0 or more.")
        return found

    def column(self, name: str) -> Column:
        """What the column of this name is."""
        return next(column for column in self.columns if column.name == name)

    def _with_statistics(self, codes: list[Code], rows: NDArray[np.intp]) -> list[Code]:
        """The codes, with statistics of the target where categories would be learned vectors."""
        T = standardized(self.target, self.numbers(self.target), rows)[rows]
        found = [
            TargetStatistics.learn_from(code.column, self.values(code.column)[rows], T)
            if isinstance(code, Embedded)
            else code
            for code in codes
        ]
        names = [code.column.name for code in found if isinstance(code, TargetStatistics)]
        said = f"statistics of {', '.join(self.targets)} stand for the words of {', '.join(names)}"
        self._notes.append(said if names else f"no column has more than {FEW} categories, and so none gets statistics")
        return found

    def values(self, column: Column) -> Series:
        """What a column holds, as its code reads it."""
        return column.values(self.frame[column.name], self.row)

    def _code(self, column: Column, series: Series, row: NDArray[np.int64]) -> Code:
        """What is learned of a column from those rows that train, whose numbers in the file are `row`."""
        code = code_for(column, column.values(series, row))
        if column.name == self.time and isinstance(code, Moment):  # what never comes again cannot be learned from
            return replace(code, parts=[part for part in code.parts if part != "elapsed"])
        return code


def kept(frame: DataFrame, columns: Sequence[Column], row: NDArray[np.int64] | None = None) -> DataFrame:
    """The frame with its columns as `Column.kept` has them."""
    used = [column for column in columns if column.kind in (*USED, "target", "group") or column.form]
    return frame.with_columns([column.kept(frame[column.name], row) for column in used])


def read_table(
    source: Any,
    target: str | Sequence[str],
    *,
    task: str | None = None,
    number: Sequence[str] = (),
    category: Sequence[str] = (),
    date: Sequence[str] = (),
    text: Sequence[str] = (),
    ignore: Sequence[str] = (),
    time: str | None = None,
    group: str | None = None,
    missing: str | Sequence[str] | None = None,
    day_first: bool | None = None,
    stream: bool | None = None,
    weights: str | None = None,
    drop_outliers: bool = False,
    drop_repeated: bool = False,
    target_statistics: bool = False,
) -> Table:
    """The table in a CSV, TSV, Parquet, JSON or Excel file (also in gzip), or in a frame of polars or pandas.

    What each column is, is found from its values; `columns` of the table tells what and why.

    Args:
        source: the path, or the frame.
        target: the column to predict, or several.
        task: classification or regression; None for what the target tells.
        number: columns to take for numbers.
        category: columns to take for categories.
        date: columns to take for dates.
        text: columns to take for free text.
        ignore: columns to leave out.
        time: a column of dates or numbers: an experiment trains on the past of it, and tests on the future.
        group: a column whose values are never divided between the parts of an experiment.
        missing: words that mark a missing value, in capitals or not, in place of the usual ones, or, where they are all
            numbers such as -999, beside these; an empty cell always does. Of the usual ones, "none", "nil", "-", "--"
            and "." mark none among words to predict.
        day_first: whether 3/4/2025 is in April; None for what a column of dates tells by itself, else March, or April
            where the steps of the `time` column are even only then, with a note.
        stream: whether a file is read in chunks whenever rows are wanted, and but some of them held; None for files
            that are larger, as text, than 10% of the memory.
        weights: a column of how much each row counts while training.
        drop_outliers: whether rows are left out in which a value to predict lies far from all others, as that of a sum
            does, or marks a missing one by −999 and the like; without it, a note names them.
        drop_repeated: whether rows that repeat an earlier one, alike in every column, are left out.
        target_statistics: whether categories of more than 32 values become statistics of the target, in place of
            learned vectors: of a row that is trained on, those of the rows before it in an order that is drawn.

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
    frame, notes, sample = open_table(source, markers, stream)
    if drop_repeated and sample is not None:
        raise OptionError(
            f"{name} is read in chunks, in which rows are not compared: leave --drop-repeated out, or read it whole "
            "with --no-stream."
        )
    asked: dict[Kind, Iterable[str]] = {
        "target": targets,
        "group": [] if group is None else [group],
        "number": number,
        "category": category,
        "date": date,
        "text": text,
        "ignored": [*ignore, *([] if weights is None else [weights])],
    }
    if not isinstance(target_statistics, bool):
        raise OptionError(f"target_statistics is {target_statistics!r}, but must be True or False.")
    if target_statistics and sample is not None:
        raise OptionError(
            f"{name} is read in chunks, which have no statistics of the target: leave --target-statistics out, or read "
            "it whole with --no-stream."
        )
    roles = _roles(asked)
    for column in [*roles, *([] if time is None else [time])]:
        require(column, frame, name)
    if not targets:
        raise OptionError(f"which column of {name} is to be predicted? It has {', '.join(frame.columns)}.")
    row, labels = (None, {}) if sample is None else (sample.row, sample.labels)
    with stage("looking at columns"):
        columns = find_columns(frame, roles, row)
    columns = [with_all_labels(c, frame[c.name], labels[c.name]) if c.name in labels else c for c in columns]
    if time is not None:
        columns = [column_of_time(frame[time], column, name) if column.name == time else column for column in columns]
    if weights is not None:
        columns = [_of_weights(frame[weights], column) if column.name == weights else column for column in columns]
    columns, doubts = with_days_in_order(columns, frame, time, day_first)
    what = None if task is None else lookup("task", task, KINDS)
    if what == "regression":
        columns = [column_of_values(c, frame[c.name], row, name) if c.kind == "target" else c for c in columns]
    table = Table(
        kept(frame, [column for column in columns if column.kind != "target"], row),
        name,
        columns,
        targets,
        task=what,
        time=time,
        group=group,
        notes=[*notes, *doubts],
        row=row,
        sample=sample,
        missing=markers.words,
        weight=weights,
        once=drop_repeated,
        target_statistics=target_statistics,
    )
    table.call_labels_as_written()
    table.note_capitals()
    return without_outliers(table) if drop_outliers else table


def _of_weights(series: Series, column: Column) -> Column:
    """The column of how much each row counts."""
    found = column_of_numbers(series)
    found.check_said(series)
    return replace(column, reason="how much each row counts", form=found.form, markers=found.markers, unit=found.unit)


def without_outliers(table: Table) -> Table:
    """The table without the rows in which a value to predict is a stray or a mark; see `chainrule.data.strays`.

    Raises:
        OptionError: labels are predicted.
    """
    if table.target.labels is not None:
        labels = (
            f"{', '.join(table.targets)} of {table.name} {'is' if len(table.targets) == 1 else 'are'} taken for labels"
        )
        raise OptionError(
            f"--drop-outliers is about values to predict, but {labels}: leave it out, or take "
            "numbers for values with --task regression."
        )
    within = {}
    for name in table.targets:
        series = table.frame[name]
        values = np.asarray(table.column(name).values(series, table.row).to_numpy(), np.float64)
        ends = usual_ends(values)
        if ends is not None:
            within[name] = ends
    for name, ends in within.items():
        table._drop_outliers(name, *ends)
    table.within = {name: list(ends) for name, ends in within.items()}
    table.__dict__.pop("target", None)
    return table


def _roles(asked: Mapping[Kind, Iterable[str]]) -> dict[str, Kind]:
    """What somebody has said that columns are, by their names.

    Raises:
        OptionError: a column is to be two things.
    """
    roles: dict[str, Kind] = {}
    for kind, names in asked.items():
        for column in names:
            if column in roles:
                raise OptionError(f"{column!r} has two roles, {roles[column]} and {kind}: leave one of them out.")
            roles[column] = kind
    return roles


@dataclass(frozen=True, repr=False)
class Columns(Encoding):
    """The encoding of a table, a code for each column; see `chainrule.data.encoding`.

    Args:
        codes: of the columns that the network sees.
        predicted: the columns to predict.
        ids: columns that tell rows apart. others: those that training had no use for.
        time, group: see `read_table`.
        stream: whether the table was read in chunks, of which others must be, too, to find the same rows held out.
        missing: see `read_table`. also_missing: words that stand for a missing value, too, in a table to be read.
        text: what the column of texts is called in a table to be read, where that is not as in training.
        weights: the column of how much each row counts. within: beyond which ends a value to predict is a stray, and
            left out. once: whether rows with a target that repeat an earlier one are left out, too.
    """

    codes: list[Code]
    predicted: list[Column]
    ids: list[str]
    others: list[str]
    time: Column | None = None
    group: str | None = None
    stream: bool = False
    missing: list[str] | None = None
    also_missing: list[str] | None = None
    text: str = ""
    weights: Column | None = None
    within: dict[str, list[float]] | None = None
    once: bool = False

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
                return Row(data, self.codes, self.ids, self.markers, self.notes_on(data))
            data = frame_of_row(data)
        again = self.stream and not is_frame(data) and can_be_chunks(str(data))
        targets = [column.name for column in self.predicted]
        texts = [code.column.name for code in self.codes if code.column.kind == "category"]
        texts += [] if self.group is None else [self.group]
        frame, notes, sample = open_table(
            data, Markers(targets if labelled else [], self.missing, texts, self.also_missing or ()), again or None
        )
        row = None if sample is None else sample.row
        name = "the table" if is_frame(data) else str(data)
        frame = self._with_text(frame, name, in_chunks=sample is not None)
        columns = {code.column.name: code.column for code in self.codes}
        columns |= {column: Column(column, "id") for column in self.ids if column in frame.columns}
        columns |= {column.name: column for column in self.predicted} if labelled else {}
        require_all(columns, frame.columns, name, targets if labelled else ())
        notes += self.notes_on(frame.columns)
        notes += [note for column in columns.values() if (note := without_unit(column, frame))]
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
            once=self.once and sample is None,
        )

    @property
    def units(self) -> dict[str, str]:
        return units_of([*(code.column for code in self.codes), *self.predicted])

    def _with_text(self, frame: DataFrame, name: str, *, in_chunks: bool) -> DataFrame:
        """The frame with its column of texts called as in training.

        Raises:
            DataError: it has none of that name, nor of the one that somebody has said.
        """
        texts = [code.column.name for code in self.codes if code.bag]
        if self.text and self.text not in texts:
            require(self.text, frame, name)
            if in_chunks:
                raise OptionError(
                    f"{name} is read in chunks: call its column {shown(self.text)} {shown(texts[0])} there."
                )
            return frame.drop(texts, strict=False).rename({self.text: texts[0]})
        if len(texts) == 1 and texts[0] not in frame.columns:
            there = ", ".join(frame.columns[:10])
            raise DataError(
                f"{name} has no column {shown(texts[0])}, which held the texts in training, but {there}: which of them "
                "holds texts now? --text COLUMN tells."
            )
        return frame

    def X(self, source: Source) -> NDArray[Any]:
        if isinstance(source, Row):
            return row_of(self.codes, [source.values[code.column.name] for code in self.codes])
        assert isinstance(source, Table)
        return self.matrix(source.frame, source.row)

    @cached_property
    def markers(self) -> Markers:
        """What stands for a missing value where nothing is to be predicted."""
        return Markers(words=self.missing, also=self.also_missing or ())

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

    @property
    def sees_target(self) -> bool:
        return any(isinstance(code, TargetStatistics) for code in self.codes)

    def to_learn(
        self, source: Source, X: NDArray[Any], Y: NDArray[Any], train: NDArray[np.intp], seed: int
    ) -> NDArray[Any]:
        assert isinstance(source, Table)
        X, T = X.copy(), standardized(source.target, Y, train)
        order = stream("target statistics", seed).permutation(len(source))
        order = np.argsort(order[train])  # the same order of the rows, whichever are trained on
        for code, place in zip(self.codes, _places_by_code(self.codes), strict=True):
            if not isinstance(code, TargetStatistics):
                continue
            values, own = source.values(code.column), X[:, place.start : place.stop]
            code = TargetStatistics.learn_from(code.column, values[train], T[train])
            own[...] = code.matrix(values)
            own[train] = code.ordered(values[train], T[train], order)
        return X

    def places(self, source: Source) -> list[Place]:
        assert isinstance(source, Table)
        return places_of(self.codes)

    def matrix(self, frame: DataFrame, row: NDArray[np.int64] | None = None) -> NDArray[np.float32]:
        """The rows of a frame as numbers; `row` is their numbers in the file.

        Raises:
            DataError: a column holds something else than what it was learned from.
        """
        return matrix_of(self.codes, [frame[code.column.name] for code in self.codes], row)

    @property
    def steps_of_numbers(self) -> dict[int, int]:
        """Which columns of the matrix hold numbers of more than two values; how many steps there are between these."""
        places = {place.name: place.start for place in places_of(self.codes)}
        found = {places[code.column.name]: code.steps_of_numbers for code in self.codes if code.steps_of_numbers}
        return dict(sorted(found.items()))

    @property
    def only_texts(self) -> bool:
        """Whether the network sees nothing but texts."""
        return all(code.bag for code in self.codes)

    def layers(self, input_shape: tuple[int, ...]) -> list[Layer]:
        embedded = [code for code in self.codes if code.tokens]
        if not embedded:
            return []
        if any(code.bag for code in embedded):
            sizes = [code.width for code in embedded]
            tokens = 1 + sum(code.tokens - code.bag for code in embedded)
            return [EmbedBags(input_shape[0] - sum(sizes), sizes, tokens, TEXT_VECTOR)]
        return [EmbedColumns(input_shape[0] - len(embedded), sum(code.tokens for code in embedded), VECTOR)]


def _places_by_code(codes: Sequence[Code]) -> list[Place]:
    """Where each code's column lies, in the order of the codes."""
    found = {place.name: place for place in places_of(codes)}
    return [found[code.column.name] for code in codes]

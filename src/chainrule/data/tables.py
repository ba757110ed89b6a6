"""Tables as sources of examples: the rows that can be used, and what their columns are."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from functools import cached_property, partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from chainrule.data import phrases, usual
from chainrule.data.cells import ANY_CASE, PLAIN, as_text, is_listed, is_text, words_of
from chainrule.data.checksums import checksum_of_columns
from chainrule.data.chunk_notes import ChunkNotes
from chainrule.data.chunked import Chunked
from chainrule.data.columns import USED, Column, as_labels
from chainrule.data.new_rows import Doubt
from chainrule.data.phrases import are_long, note_on_repeats
from chainrule.data.repeats import first_of_each
from chainrule.data.row import called
from chainrule.data.row_sample import UNKNOWN, RowSample
from chainrule.data.source import Encoding, Source, left_out
from chainrule.data.spelling import Spellings, alike
from chainrule.data.table_chunks import Rows, chunked
from chainrule.data.targets import Kind as Task
from chainrule.data.targets import Target
from chainrule.errors import DataError, shortened
from chainrule.names import counted

if TYPE_CHECKING:
    from polars import DataFrame, Series

    from chainrule.data.table_encoding import Columns
    from chainrule.data.unreadable import TypingErrors

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
        target_statistics: see `read_table`. errors: what is done with cells that cannot be read, where they are new
            rows in a file that is larger than memory.
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
        errors: TypingErrors | None = None,
    ):
        self.errors = errors
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

    def call_labels_as_known(self, target: Target) -> None:
        """Take labels for those that a network knows, with a note, where they are only written in other capitals."""
        for name, labels in zip(self.targets, target.labels or (), strict=False):
            series = self.frame[name]
            if self.column(name).counts or not (is_text(series) or is_listed(series)):
                continue
            text = as_text(series)
            meant = Spellings([*map(str, labels)]).meant(text.drop_nulls().unique().to_list())
            for word, label in meant.items():
                n = counted(int((text == word).sum()), "row")
                self._notes.append(Doubt(f"{name} is {word!r} in {n}: taken for {label!r}", f"label {word}", name))
            if meant:
                self.frame = self.frame.with_columns(text.replace([*meant], [*meant.values()]).alias(name))

    def note_spellings(self) -> None:
        """Note words that differ only in capitals or blanks, which are different ones."""
        for column in self.columns:
            if column.kind in ("category", "yes_no", "target") and not column.counts and column.form != ANY_CASE:
                found = sorted(map(sorted, alike(words_of(self.frame[column.name]).drop_nulls().to_list())))
                if found:
                    spellings = " and ".join(map(repr, found[0][:2]))
                    told = f"{column.name} holds {spellings} as different words: write them alike if they are one"
                    self._notes.append(Doubt(told, "capitals", column.name))

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
        return None if self.time is None else self.moments_of(self.frame, self.row)

    def moments_of(self, frame: DataFrame, row: NDArray[np.int64]) -> NDArray[np.float64]:
        """When the rows of a frame were; NaN where nobody knows."""
        assert self.time is not None
        column = self.column(self.time)
        values = column.values(frame[self.time], row)
        values = values.dt.epoch("us") if column.kind == "date" else values
        return np.asarray(values.to_numpy(), np.float64)

    def numbers(self, target: Target) -> NDArray[Any]:
        return self.numbers_of(target, self.frame, self.row)

    def numbers_of(self, target: Target, frame: DataFrame, row: NDArray[np.int64]) -> NDArray[Any]:
        """What is to be predicted of the rows of a frame, as numbers."""
        if not self.targets:
            raise DataError(
                f"{self.name} was read without {', '.join(target.names)}, which is to be predicted: it cannot tell how "
                "good predictions are."
            )
        columns = {name: as_labels(self.column(name), frame[name], row) for name in self.targets}
        return target.numbers(columns, self.name, row)

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
        assert isinstance(encoding, Rows)
        found, notes = chunked(self, self.sample, encoding, target, held_out, folder)
        self._notes += notes
        return found

    def pieces(self) -> Iterator[Table]:
        if self.sample is None:
            if len(self) <= PIECE:
                yield self
                return
            for begin in range(0, len(self), PIECE):
                rows = slice(begin, begin + PIECE)
                yield Table(self.frame[rows], self.name, self.columns, [], row=self.row[rows])
            return
        told = ChunkNotes(self.columns, [], [] if self.errors is None else self.errors.codes)
        told.know(self.sample.frame)
        for frame, row in self.sample.pieces():
            told.look_at_cells(frame)
            yield Table(
                frame if self.errors is None else self.errors.readable(frame), self.name, self.columns, [], row=row
            )
        found = [*told.doubts(), *([] if self.errors is None else self.errors.doubts())]
        self._notes += [note for note in found if note not in self._notes]  # as all pieces may be asked for again

    def learn(self, rows: NDArray[np.intp]) -> Columns:
        from chainrule.data.table_learning import learn  # whose encodings read tables themselves

        found, notes = learn(self, rows)
        self._notes += notes
        return found

    def notes_on_parts(self, train: NDArray[np.intp], test: NDArray[np.intp]) -> list[str]:
        texts = [as_text(self.frame[column.name]) for column in self.columns if column.kind == "text"]
        long = [text for text in texts if are_long(text)]
        return [note for text in long for note in note_on_repeats(text[train], text[test], f"texts of {text.name}")]

    def identification(self) -> dict[str, list[Any]]:
        ids = [column.name for column in self.columns if column.kind == "id" and column.name in self.frame.columns]
        found = {name: self.frame[name] for name in ids}
        found = {name: as_text(column) if column.dtype.is_float() else column for name, column in found.items()}
        return {"row": self.row.tolist()} | {called(name): column.to_list() for name, column in found.items()}

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

    def leave_out_beyond(self, within: Mapping[str, tuple[float, float]]) -> None:
        """Leave out the rows in which a value to predict is beyond its ends."""
        for name, ends in within.items():
            self._drop_outliers(name, *ends)
        self.within = {name: list(ends) for name, ends in within.items()}
        self.__dict__.pop("target", None)  # is found anew

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

    def values(self, column: Column) -> Series:
        """What a column holds, as its code reads it."""
        return column.values(self.frame[column.name], self.row)


def kept(frame: DataFrame, columns: Sequence[Column], row: NDArray[np.int64] | None = None) -> DataFrame:
    """The frame with its columns as `Column.kept` has them."""
    used = [column for column in columns if column.kind in (*USED, "target", "group") or column.form]
    return frame.with_columns([column.kept(frame[column.name], row) for column in used])

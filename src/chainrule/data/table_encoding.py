"""The encoding of a table: what its columns become, learned from rows to train, and how other tables are read by it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from chainrule.data.chunks import can_be_chunks
from chainrule.data.codes import Code
from chainrule.data.columns import Column, units_of
from chainrule.data.encoding import matrix_of, places_of, row_of
from chainrule.data.frames import is_frame
from chainrule.data.handed_over import handed_over
from chainrule.data.missing import Markers
from chainrule.data.new_rows import Doubt, doubts_on_row, doubts_on_rows, require_all, total_told, without_unit
from chainrule.data.opening import open_table, require
from chainrule.data.row import Row, frame_of_row, value_of
from chainrule.data.row_sample import RowSample
from chainrule.data.source import Encoding, Place, Source
from chainrule.data.strays import total_in
from chainrule.data.tables import Table, kept
from chainrule.data.target_statistics import TargetStatistics, standardized
from chainrule.data.targets import Target
from chainrule.data.unreadable import TypingErrors, Unreadable, with_points
from chainrule.errors import DataError, OptionError, shown
from chainrule.layers import EmbedBags, EmbedColumns, Layer
from chainrule.names import nearest
from chainrule.randomness import stream

if TYPE_CHECKING:
    from polars import DataFrame

VECTOR = 8
"""The length of the vectors that stand for categories with many values."""

TEXT_VECTOR = 16
"""The same where a table holds texts, whose words have their vectors in the same table."""


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
        unreadable: what is done with cells of a table to be read that are not what their column was found to be; None
            for missing values where they are few, see `chainrule.data.unreadable`.
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
    unreadable: Unreadable | None = None
    text: str = ""
    weights: Column | None = None
    within: dict[str, list[float]] | None = None
    once: bool = False

    not_in_config = frozenset({"unreadable"})  # which the reader chooses, and former versions do not know

    def __post_init__(self) -> None:
        super().__post_init__()
        if not self.codes:
            raise OptionError("an encoding of a table has a column or more.")
        for names in ([code.column.name for code in self.codes], self._targets):
            if len({*names}) < len(names):
                raise OptionError(f"a column has two codes, or is predicted twice, among {', '.join(names)}.")

    def takes(self, input_shape: tuple[int, ...], target: Target) -> bool:
        numbers = all(column.counts for column in self.predicted)
        return [column.name for column in self.predicted] == target.names and (numbers or target.labels is not None)

    def read(self, data: Any, *, labelled: bool | None) -> Table | Row:
        """See `Encoding.read`; with None for `labelled`, what is to be predicted may be there or not."""
        data = handed_over(data)
        if isinstance(data, Mapping):
            if not (self._tells(data) if labelled is None else labelled):
                return Row(data, self.codes, self.ids, self.markers, self.notes_on(data), self.unreadable)
            data = frame_of_row(data)
        name = "the table" if is_frame(data) else str(data)
        frame, notes, sample = self._opened(data, labelled is not False)
        if labelled is None:
            labelled = self._tells(frame)
            empty = [] if labelled else [target for target in self._targets if target in frame.columns]
            notes += [f"{target} is missing in all rows, which are there to be predicted" for target in empty]
        row = None if sample is None else sample.row
        frame = self._with_text(frame, name, in_chunks=sample is not None)
        columns = self._columns_in(frame, labelled)
        require_all(columns, frame.columns, name, self._targets if labelled else ())
        notes += self.notes_on(frame.columns)
        had_unit = [column for column in columns.values() if not column.tells_of_bare]
        notes += [without_unit(column) for column in had_unit if column.lacks_unit(frame[column.name])]
        if sample is None:  # of a piece of a file, nobody knows how the others are written
            frame, points = with_points(self.codes, frame)
            notes += points
        whole = [(frame, row)]
        errors = TypingErrors(self.codes, whole.__iter__ if sample is None else sample.pieces, self.unreadable)
        frame = kept(errors.readable(frame), [*columns.values()], row)
        alone = frame.height == 1  # which is told of as a row by itself is
        doubts = (
            doubts_on_row(self.codes, frame.row(0, named=True)) if alone else doubts_on_rows(self.codes, frame, row)
        )
        notes += [*errors.doubts(), *doubts]
        pieces = None if sample is None else errors
        if not labelled:
            return Table(frame, name, [*columns.values()], [], notes=notes, row=row, sample=sample, errors=pieces)
        notes += [note for column in self.predicted if (note := _total(column, frame, row))]
        roles = {role: column for role, column in self._roles.items() if column.name in frame.columns}
        columns |= {column.name: column for column in roles.values()}
        named = {role: column.name for role, column in roles.items()}
        return Table(
            frame,
            name,
            [*columns.values()],
            self._targets,
            time=named.get("time"),
            group=named.get("group"),
            notes=notes,
            row=row,
            sample=sample,
            weight=named.get("weight"),
            within=self.within,
            once=self.once and sample is None,
            errors=pieces,
        )

    def _tells(self, data: DataFrame | Mapping[str, Any]) -> bool:
        """Whether rows tell what is to be predicted, or have a column whose name may be meant for it."""
        names = [*data] if isinstance(data, Mapping) else data.columns
        there = [target for target in self._targets if target in names]
        if not there:
            others = [name for name in names if name not in self._met]
            return any(nearest(target, others) for target in self._targets)
        if isinstance(data, Mapping):
            return any(value_of(data, target, self.markers) is not None for target in there)
        return any(data[target].null_count() < data.height for target in there)

    @property
    def _targets(self) -> list[str]:
        return [column.name for column in self.predicted]

    @property
    def _roles(self) -> dict[str, Column]:
        """The columns that tell of rows when they were, what they belong to, and how much they count."""
        group = None if self.group is None else Column(self.group, "group")
        found = {"time": self.time, "group": group, "weight": self.weights}
        return {role: column for role, column in found.items() if column is not None}

    def _opened(self, data: Any, labelled: bool) -> tuple[DataFrame, list[str], RowSample | None]:
        """A file or a frame, with what marks a missing value in it; in chunks where training was."""
        again = self.stream and not is_frame(data) and can_be_chunks(str(data))
        columns = [code.column for code in self.codes]
        texts = [column.name for column in columns if column.kind == "category" or column.parts_thousands]
        texts += [] if self.group is None else [self.group]
        markers = Markers(self._targets if labelled else [], self.missing, texts, self.also_missing or ())
        return open_table(data, markers, again or None)

    def _columns_in(self, frame: DataFrame, labelled: bool) -> dict[str, Column]:
        """The columns that are read, by name: all that the network sees, and those to predict where these are there."""
        columns = {code.column.name: code.column for code in self.codes}
        columns |= {column: Column(column, "id") for column in self.ids if column in frame.columns}
        return columns | ({column.name: column for column in self.predicted} if labelled else {})

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


def _total(column: Column, frame: DataFrame, row: NDArray[np.int64] | None) -> Doubt | None:
    """A note on a row that holds the sum of all values to predict, or None."""
    if not column.counts:
        return None
    i = total_in(column.values(frame[column.name], row).to_numpy().astype(np.float64))
    if i is None:
        return None
    return Doubt(total_told([column.name], i + 1 if row is None else int(row[i])), "total", column.name)


def _places_by_code(codes: Sequence[Code]) -> list[Place]:
    """Where each code's column lies, in the order of the codes."""
    found = {place.name: place for place in places_of(codes)}
    return [found[code.column.name] for code in codes]

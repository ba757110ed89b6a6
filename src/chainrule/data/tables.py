"""Tables as sources of examples: rows of a CSV or Parquet file, or of a frame, that say what they are by themselves."""

from __future__ import annotations

import zlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from chainrule.data.columns import USED, Column, Kind, as_labels, as_text, find_columns
from chainrule.data.encoding import Code, Moment, code_for, matrix_of
from chainrule.data.frames import read_frame
from chainrule.data.source import Encoding, Place, Source
from chainrule.data.targets import KINDS, Target
from chainrule.data.targets import Kind as Task
from chainrule.errors import DataError, OptionError
from chainrule.layers import EmbedColumns, Layer
from chainrule.names import lookup, unknown

if TYPE_CHECKING:
    from polars import DataFrame

VECTOR = 8
"""The length of the vectors that stand for categories with many values."""


class Table(Source):
    """Rows of a table, and what its columns are. `chainrule.read_table` makes one.

    Attributes:
        name: how the user called it.
        frame: the rows that can be used, as a frame of polars.
        row: (m,) their numbers in the file, from 1.
        columns: what each column is, the columns to predict too.
        targets: the names of the columns to predict.
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
    ):
        self.name, self.columns, self.targets, self.task = name, list(columns), list(targets), task
        self.time, self.group = time, group
        self._notes, self._whole = list(notes), frame
        self.frame, self.row = frame, np.arange(1, frame.height + 1)
        for needed in (*targets, time, group):
            if needed is not None:
                self._drop_gaps(needed)

    def __len__(self) -> int:
        return self.frame.height

    @property
    def notes(self) -> Sequence[str]:
        return self._notes

    @cached_property
    def target(self) -> Target:
        return Target.find(self._targets(), self.task, self.name)

    @cached_property
    def groups(self) -> NDArray[Any] | None:  # type: ignore[override]
        """(m,), or None."""
        return None if self.group is None else np.array(as_text(self.frame[self.group]).to_list())

    @cached_property
    def moments(self) -> NDArray[np.float64] | None:  # type: ignore[override]
        """(m,), or None.

        Raises:
            DataError: the column holds neither dates nor numbers.
        """
        if self.time is None:
            return None
        column = self._column(self.time)
        values = column.values(self.frame[self.time])
        if column.kind == "date":
            return np.asarray(values.dt.epoch("us").to_numpy(), np.float64)
        numbers = as_labels(values)
        if numbers.dtype.kind not in "fiu":
            raise DataError(f"{self.time} in {self.name} is neither dates nor numbers: it orders nothing.")
        return numbers.astype(np.float64)

    def numbers(self, target: Target) -> NDArray[Any]:
        return target.numbers(self._targets(), self.name)

    def checksum(self) -> int:
        return zlib.crc32(self._whole.write_csv().encode())

    def learn(self, rows: NDArray[np.intp]) -> Columns:
        part = self.frame[rows]
        codes = [self._code(column, part) for column in self.columns if column.kind in USED]
        if not codes:
            raise DataError(f"{self.name} has no column left to predict {', '.join(self.targets)} from.")
        ids = [column.name for column in self.columns if column.kind == "id"]
        time = None if self.time is None else self._column(self.time)
        others = [column.name for column in self.columns if column.kind in ("constant", "text", "ignored")]
        return Columns(codes, list(self.targets), ids, others, time, self.group)

    def identification(self) -> dict[str, list[Any]]:
        ids = [column.name for column in self.columns if column.kind == "id" and column.name in self.frame.columns]
        return {"row": self.row.tolist()} | {name: self.frame[name].to_list() for name in ids}

    def _drop_gaps(self, name: str) -> None:
        """Leave out the rows in which a column that must be there is missing."""
        gaps = self.frame[name].is_null().to_numpy()
        if gaps.all():
            raise DataError(f"{name} in {self.name} is always missing.")
        if gaps.any():
            self._notes.append(f"left out are {gaps.sum():,} rows in which {name} is missing")
            self.frame, self.row = self.frame.filter(~gaps), self.row[~gaps]

    def _targets(self) -> dict[str, NDArray[Any]]:
        return {name: as_labels(self.frame[name]) for name in self.targets}

    def _column(self, name: str) -> Column:
        return next(column for column in self.columns if column.name == name)

    def _code(self, column: Column, part: DataFrame) -> Code:
        code = code_for(column, column.values(part[column.name]))
        if column.name == self.time and isinstance(code, Moment):  # what never comes again cannot be learned from
            return replace(code, parts=[part for part in code.parts if part != "elapsed"])
        return code


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

    Raises:
        DataError: there is no such file, it is broken, or it has not what was asked for.
        OptionError: an unknown task, or a column with two roles.
    """
    if time is not None and group is not None:
        raise OptionError("a table is divided by time or by group, not by both.")
    targets = [target] if isinstance(target, str) else list(target)
    name = "the table" if hasattr(source, "columns") else str(source)
    frame, notes = read_frame(source)
    asked: dict[Kind, Iterable[str]] = {
        "target": targets,
        "group": [] if group is None else [group],
        "number": number,
        "category": category,
        "date": date,
        "ignored": ignore,
    }
    roles: dict[str, Kind] = {}
    for kind, names in asked.items():
        for column in names:
            if column in roles:
                raise OptionError(f"{column!r} is to be a {roles[column]} and a {kind} column at once.")
            roles[column] = kind
    for column in [*roles, *([] if time is None else [time])]:
        require(column, frame, name)
    if not targets:
        raise OptionError(f"which column of {name} is to be predicted? It has {', '.join(frame.columns)}.")
    columns = find_columns(frame, roles)
    if time is not None:
        columns = [_ordering(column) if column.name == time else column for column in columns]
    wanted = None if task is None else lookup("task", task, KINDS)
    return Table(frame, name, columns, targets, task=wanted, time=time, group=group, notes=notes)


def _ordering(column: Column) -> Column:
    """The column that tells the time: numbers that never come again are nothing to learn from."""
    return column if column.kind == "date" else replace(column, kind="ignored", reason="tells the past from the future")


def require(column: str, frame: DataFrame, name: str) -> None:
    """Raises DataError where there is no such column."""
    if column not in frame.columns:
        raise DataError(f"{name}: {unknown('column', column, frame.columns)}")


@dataclass(frozen=True, repr=False)
class Columns(Encoding):
    """What was learned of the columns of a table; see `chainrule.data.encoding`.

    Args:
        codes: of the columns that the network sees.
        targets: the names of the columns to predict.
        ids: columns that tell rows apart. others: those that training had no use for.
        time, group: see `read_table`.
    """

    codes: list[Code]
    targets: list[str]
    ids: list[str]
    others: list[str]
    time: Column | None = None
    group: str | None = None

    def read(self, data: Any, *, labelled: bool) -> Table:
        frame, notes = read_frame(data)
        name = "the table" if hasattr(data, "columns") else str(data)
        columns = {code.column.name: code.column for code in self.codes}
        columns |= {column: Column(column, "id") for column in self.ids if column in frame.columns}
        for column in [*columns, *(self.targets if labelled else [])]:
            require(column, frame, name)
        known = {*columns, *self.targets, *self.others, self.group, self.time and self.time.name}
        extra = [column for column in frame.columns if column not in known]
        if self.time is not None:
            columns.setdefault(self.time.name, self.time)
        notes += [f"not used, because training did not have it: {', '.join(extra)}"] if extra else []
        notes += [note for code in self.codes if (note := _strangers(code, frame))]
        if not labelled:
            return Table(frame, name, list(columns.values()), [], notes=notes)
        time = self.time.name if self.time is not None and self.time.name in frame.columns else None
        group = self.group if self.group in frame.columns else None
        return Table(frame, name, list(columns.values()), self.targets, time=time, group=group, notes=notes)

    def X(self, source: Source) -> NDArray[Any]:
        assert isinstance(source, Table)
        return self._placed(source.frame)[0]

    def places(self, source: Source) -> list[Place]:
        assert isinstance(source, Table)
        return self._placed(source.frame.head(1))[1]

    def _placed(self, frame: DataFrame) -> tuple[NDArray[np.float32], list[Place]]:
        return matrix_of(self.codes, [code.column.values(frame[code.column.name]) for code in self.codes])

    def layers(self, input_shape: tuple[int, ...]) -> list[Layer]:
        embedded = [code for code in self.codes if code.tokens]
        if not embedded:
            return []
        return [EmbedColumns(input_shape[0] - len(embedded), sum(code.tokens for code in embedded), VECTOR)]


def _strangers(code: Code, frame: DataFrame) -> str:
    """What to know of values that training has not met."""
    values = code.column.values(frame[code.column.name])
    found = code.strangers(values)
    if not found:
        return ""
    told = ", ".join(map(repr, found[:3])) + (", …" if len(found) > 3 else "")
    rows = f"{values.is_in(found).sum():,} of {len(values):,} rows"
    return f"{code.column.name} holds {told} in {rows}, which training has not met: it is taken for something rare"

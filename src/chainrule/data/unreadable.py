"""Cells of new rows that are not what their column was found to be, such as 4o among ages.

A few typing errors are taken for missing values, and told. More such cells are refused, and so are numbers and dates
that are written in another way.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
from numpy.typing import NDArray

from chainrule.data.cells import PLAIN, as_numbers, forms_of, is_text
from chainrule.data.codes import Code
from chainrule.data.columns import Column
from chainrule.data.dates import DATES, as_moments
from chainrule.data.new_rows import Doubt
from chainrule.errors import DataError, shown
from chainrule.names import counted

if TYPE_CHECKING:
    from polars import DataFrame, Series

Unreadable = Literal["missing", "refuse"]

UNREADABLE: dict[str, Unreadable] = {"missing": "missing", "refuse": "refuse"}
"""What may be done with cells that cannot be read."""

ALONE, PART = 10, 0.02
"""One cell among so many is a typing error, and so is this part of them."""

WAY = "take such cells for missing by --unreadable missing"


@dataclass
class Cells:
    """Takes cells that cannot be read for missing values, and keeps what there is to be said of them.

    Args:
        columns: that are looked at. way: what is done with such cells; None for missing values where they are few.
    """

    columns: Sequence[Column]
    way: Unreadable | None = None
    _first: dict[str, str] = field(default_factory=dict, init=False)
    _times: dict[str, int] = field(default_factory=dict, init=False)

    def with_points(self, frame: DataFrame) -> tuple[DataFrame, list[Doubt]]:
        """The frame with numbers in place of text where 1234.5 stands for 1234,5 in all of a column; and notes.

        A column in which each point may part thousands is none of these, and is read as its form tells.
        """
        found, doubts = {}, []
        for column in self.columns:
            series = frame[column.name]
            if not (column.parts_thousands and is_text(series) and not column.can_read(series)):
                continue
            numbers = as_numbers(series)
            if numbers.null_count() == series.null_count():
                found[column.name] = numbers
                told = f"{column.name} is written as {PLAIN} here, and as {column.form} in training"
                doubts.append(Doubt(told, "points", column.name))
        return frame.with_columns([*found.values()]), doubts

    def readable(self, frame: DataFrame, row: NDArray[np.int64] | None) -> DataFrame:
        """The frame with nothing but what can be read, in the form that is quickest to read again.

        Args:
            row: the numbers of the rows in their file; None for 1, 2, 3, …

        Raises:
            DataError: there are more such cells than are taken for missing values.
        """
        return frame.with_columns([self._series(column, frame, row) for column in self.columns])

    def _series(self, column: Column, frame: DataFrame, row: NDArray[np.int64] | None) -> Series:
        series = frame[column.name]
        kept, odd = column.read(series)
        if not len(odd):
            return kept
        taken = self._are_taken(len(odd), len(series) - series.null_count())
        if not taken or (self.way is None and _is_another_way(column, series.gather(odd))):
            raise column.refusal(series, odd, row, WAY)
        self._first.setdefault(column.name, column.where(series, int(odd[0]), row))
        self._times[column.name] = self._times.get(column.name, 0) + len(odd)
        return kept

    def _are_taken(self, times: int, there: int) -> bool:
        few = times <= PART * there or (times == 1 and there >= ALONE)
        return self.way == "missing" or (self.way is None and few)

    def doubts(self) -> list[Doubt]:
        """What has been taken for missing values, a note on each column."""
        return [self._told(column) for column in self.columns if column.name in self._times]

    def _told(self, column: Column) -> Doubt:
        times = self._times[column.name]
        others = f" (and {counted(times - 1, 'other cell')})" if times > 1 else ""
        told = f"{self._first[column.name]}{others} among {column.what}: taken for missing"
        return Doubt(told, "unreadable", column.name)


def _is_another_way(column: Column, cells: Series) -> bool:
    """Whether one of the cells is a number or a date that is written in another way, as the others may be, too.

    So the day and the month of 3/4/2025 may be exchanged where another row holds 13/4/2025, and 1.234 may be a thousand
    where another holds 1.234,5.
    """
    if not is_text(cells):
        return True
    if column.kind == "date":
        return any(as_moments(cells, form).null_count() < len(cells) for form in DATES)
    return any(as_numbers(cells, form).null_count() < len(cells) for form in forms_of(cells))


def readable_values(
    codes: Iterable[Code], values: Mapping[str, Any], way: Unreadable | None
) -> tuple[dict[str, Any], list[Doubt]]:
    """The values of a single row, None where one cannot be read and is taken for missing; and what is said of that.

    Raises:
        DataError: one cannot be read, and nobody has said that it is missing.
    """
    found, doubts = dict(values), []
    for code in codes:
        name, column = code.column.name, code.column
        if found[name] is None or code.reads == "words" or (column.counts and type(found[name]) in (int, float)):
            continue
        try:
            code.read_one(found[name])
        except DataError:
            if way != "missing":
                raise _of_row(column, found[name]) from None
            told = f"{name} is {shown(found[name])}, and holds {column.what} otherwise: taken for missing"
            doubts.append(Doubt(told, "unreadable", name))
            found[name] = None
    return found, doubts


def _of_row(column: Column, value: Any) -> DataError:
    from chainrule.extras import polars as pl

    return column.refusal(pl.Series(column.name, [value], strict=False), np.zeros(1, np.intp), None, WAY)

"""Cells of new rows that are not what their column was found to be, such as 4o among ages.

A few typing errors are taken for missing values, and told. More such cells are refused, and so are numbers and dates
that are written in another way.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal

import numpy as np
from numpy.typing import NDArray

from chainrule.data.cells import PLAIN, as_numbers, forms_of, is_text
from chainrule.data.codes import Code
from chainrule.data.columns import Column
from chainrule.data.dates import DATES, as_moments
from chainrule.data.new_rows import Doubt
from chainrule.names import counted

if TYPE_CHECKING:
    from polars import DataFrame, Series

Unreadable = Literal["missing", "refuse"]

UNREADABLE: dict[str, Unreadable] = {"missing": "missing", "refuse": "refuse"}
"""What may be done with cells that cannot be read."""

ALONE, PART = 10, 0.02
"""One cell among so many is a typing error, and so is this part of them."""

WAY = 'take such cells for missing by --unreadable missing (in Python Trained.load(…, unreadable="missing"))'

BLANKS = r"[\s'’](\d{3})\b"
"""What parts thousands in some countries, and the thousand behind it."""


def with_points(codes: Iterable[Code], frame: DataFrame) -> tuple[DataFrame, list[Doubt]]:
    """The frame with numbers in place of text where 1234.5 stands for 1234,5 in all of a column; and notes.

    A column in which each point may part thousands is none of these, and is read as its form tells.
    """
    found, doubts = {}, []
    for column in (code.column for code in codes):
        series = frame[column.name]
        if not (column.parts_thousands and is_text(series) and not column.can_read(series)):
            continue
        numbers = as_numbers(series)
        if numbers.null_count() == series.null_count():
            found[column.name] = numbers
            told = f"{column.name} is written as {PLAIN} here, and as {column.form} in training"
            doubts.append(Doubt(told, "points", column.name))
    return frame.with_columns([*found.values()]), doubts


@dataclass
class TypingErrors:
    """Takes cells that cannot be read for missing values, where they are few among all of their column.

    Args:
        codes: of the columns that are looked at.
        pieces: goes through all rows, with their numbers in the file, None for 1, 2, 3, …; once, and only where a cell
            cannot be read, so that nothing depends on how the rows are cut into pieces.
        way: what is done with such cells; None for missing values where they are few.
    """

    codes: Sequence[Code]
    pieces: Callable[[], Iterable[tuple[DataFrame, NDArray[np.int64] | None]]]
    way: Unreadable | None = None
    _met: list[_Odd] | None = field(default=None, init=False)

    def readable(self, frame: DataFrame) -> DataFrame:
        """A piece with nothing but what can be read, in the form that is quickest to read again.

        Raises:
            DataError: there are more such cells than are taken for missing values.
        """
        read = [code.column.read(frame[code.column.name]) for code in self.codes]
        if self._met is None and any(len(odd) for _, odd in read):
            self._met = self._look_at_all()
        return frame.with_columns([series for series, _ in read])

    def _look_at_all(self) -> list[_Odd]:
        found = [_Odd(code.column) for code in self.codes]
        for frame, row in self.pieces():
            for odd in found:
                odd.look(frame[odd.column.name], row)
        found = [odd for odd in found if odd.times]
        for odd in found:
            odd.refuse_many(self.way)
        return found

    def doubts(self) -> list[Doubt]:
        """What has been taken for missing values, a note on each column."""
        return [odd.told for odd in self._met or ()]


@dataclass
class _Odd:
    """The cells of a column that cannot be read: the first, and how many among how many that are there."""

    column: Column
    first: str = ""
    times: int = 0
    there: int = 0
    cells: list[Series] = field(default_factory=list)

    def look(self, series: Series, row: NDArray[np.int64] | None) -> None:
        odd = self.column.read(series)[1]
        self.there += len(series) - series.null_count()
        self.times += len(odd)
        if len(odd):
            self.first = self.first or self.column.where(series, int(odd[0]), row)
            self.cells.append(series.gather(odd).unique())

    def refuse_many(self, way: Unreadable | None) -> None:
        """Raises DataError where they are not to be taken for missing values."""
        from chainrule.extras import polars as pl

        cells = pl.concat(self.cells)
        few = self.times <= PART * self.there or (self.times == 1 and self.there >= ALONE)
        if way == "refuse" or (way is None and (not few or _is_another_way(self.column, cells))):
            raise self.column.refusal(self.first, cells, self.times, self.there, WAY)

    @property
    def told(self) -> Doubt:
        others = f" (and {counted(self.times - 1, 'other cell')})" if self.times > 1 else ""
        told = f"{self.first}{others} among {self.column.what}: taken for missing"
        return Doubt(told, "unreadable", self.column.name)


def _is_another_way(column: Column, cells: Series) -> bool:
    """Whether one of the cells is a number or a date that is written in another way, as the others may be, too.

    So the day and the month of 3/4/2025 may be exchanged where another row holds 13/4/2025, and 1.234 may be a thousand
    where another holds 1.234,5. Numbers with blanks between thousands, or with the minus of typesetters, are such, too.
    """
    if not is_text(cells):
        return True
    if column.kind == "date":
        return any(as_moments(cells, form).null_count() < len(cells) for form in DATES)
    cells = cells.str.replace_all("\N{MINUS SIGN}", "-", literal=True).str.replace_all(BLANKS, "$1")
    return any(as_numbers(cells, form).null_count() < len(cells) for form in forms_of(cells))

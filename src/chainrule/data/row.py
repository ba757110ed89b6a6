"""A single row as a source of one example, for programs that ask again and again: no frame is made of it."""

from __future__ import annotations

import datetime
import math
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from chainrule.data.codes import Code
from chainrule.data.handed_over import as_python
from chainrule.data.missing import Markers
from chainrule.data.new_rows import Doubt, doubts_on_row, require_all, without_unit
from chainrule.data.source import Encoding, Source
from chainrule.data.targets import Target
from chainrule.data.unreadable import TypingErrors, Unreadable, with_points
from chainrule.errors import DataError, shown

if TYPE_CHECKING:
    from polars import DataFrame

OURS = ("row", "prediction")
"""Columns that a file of predictions has of its own."""


class Row(Source):
    """A single row to predict.

    Args:
        given: its values, by the names of the columns.
        codes: of the columns that the network sees. ids: columns that tell rows apart.
        markers: what stands for a missing value. notes: what is to be known of it already.
        unreadable: "missing" where a value that cannot be read is taken for such.

    Attributes:
        values: of the columns that the network sees; None where one is missing.

    Raises:
        DataError: a column is not there, or holds what no row holds.
    """

    def __init__(
        self,
        given: Mapping[str, Any],
        codes: Sequence[Code],
        ids: Sequence[str],
        markers: Markers,
        notes: Sequence[str],
        unreadable: Unreadable | None = None,
    ):
        self.name = "the row"
        require_all((code.column.name for code in codes), [*given], self.name)
        self._ids = {called(name): [given[name]] for name in ids if name in given}
        self.values = {code.column.name: value_of(given, code.column.name, markers) for code in codes}
        columns = [code.column for code in codes if not code.column.tells_of_bare]
        bare = [without_unit(column) for column in columns if column.lacks_unit_in(self.values[column.name])]
        self.values, odd = _readable(codes, self.values, unreadable)
        self._notes = [*notes, *bare, *odd, *doubts_on_row(codes, self.values)]

    def __len__(self) -> int:
        return 1

    @property
    def notes(self) -> Sequence[str]:
        return self._notes

    @property
    def target(self) -> Target:
        raise _nothing_to_learn()

    def numbers(self, target: Target) -> NDArray[Any]:
        raise _nothing_to_learn()

    def checksum(self) -> int:
        raise _nothing_to_learn()

    def learn(self, rows: NDArray[np.intp]) -> Encoding:
        raise _nothing_to_learn()

    def identification(self) -> dict[str, list[Any]]:
        return {"row": [1]} | self._ids


def _readable(
    codes: Sequence[Code], values: Mapping[str, Any], way: Unreadable | None
) -> tuple[dict[str, Any], list[Doubt]]:
    """The values with nothing but what can be read, as in a table of the one row; of most no table need be made.

    Raises:
        DataError: one cannot be read, and is not taken for missing.
    """
    odd = [code for code in codes if not _can_read(code, values[code.column.name])]
    if not odd:
        return dict(values), []
    frame = frame_of_row({code.column.name: values[code.column.name] for code in odd})
    frame, doubts = with_points(odd, frame)
    whole = [(frame, None)]
    errors = TypingErrors(odd, whole.__iter__, way)
    return {**values, **errors.readable(frame).row(0, named=True)}, [*doubts, *errors.doubts()]


def _can_read(code: Code, value: Any) -> bool:
    if value is None or code.reads == "words" or (code.reads == "numbers" and type(value) in (int, float)):
        return True
    try:
        code.read_one(value)
    except DataError:
        return False
    return True


def frame_of_row(given: Mapping[str, Any]) -> DataFrame:
    """A frame of a single row."""
    from chainrule.extras import polars as pl

    return pl.DataFrame({name: [value] for name, value in given.items()}, strict=False)


def called(name: str) -> str:
    """How a column that tells rows apart is called beside our own."""
    return f"{name} (id)" if name in OURS else name


def _nothing_to_learn() -> DataError:
    return DataError("the row is there to be predicted: to learn from rows, or to measure, give a frame of them.")


def value_of(given: Mapping[str, Any], name: str, markers: Markers) -> Any:
    """What a row holds in a column; None where it is missing."""
    value = _plain(given[name], name)
    return None if value is None or markers.mean(value) else value


def _plain(value: Any, name: str) -> Any:
    """A value of a row as Python has it: of pandas, NumPy or itself; None where it is missing.

    Raises:
        DataError: it is no single value, or a number that no float holds.
    """
    value = as_python(value)
    if isinstance(value, str):
        return value.strip()
    if value is None or isinstance(value, datetime.date | datetime.time):
        return value
    if not isinstance(value, int | float):
        raise DataError(
            f"{name} is a {type(value).__name__}, but a row holds numbers, words and dates; several rows are a frame, "
            "or a dict of nothing but columns."
        )
    if isinstance(value, int) and abs(value) >= 2**1023:
        raise DataError(f"{name} is {shown(value)}, more than a number can be.")
    return value if math.isfinite(value) else None

"""All columns of a table as one matrix, each by its code.

Numbers come first in the matrix, then the one-hot rows of categories with few values, then one number for each category
with many, and the numbers of the words of each text, which the network's first layer replaces by learned vectors.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from chainrule.data.codes import Bag, Code, Embedded, Matrix, Moment, Number, OneHot, YesNo
from chainrule.data.columns import Column
from chainrule.data.source import Place
from chainrule.threads import Pool

if TYPE_CHECKING:
    from polars import Series

FEW = 32
"""Categories of no more values are one-hot; others are embedded."""

READ, WRITTEN = 32_768, 8_192
"""How many rows of a table are read, and of a matrix written, at a time."""


def code_for(column: Column, values: Series) -> Code:
    """The code that fits the column, learned from these values."""
    if column.kind == "number":
        return Number.learn(column, values)
    if column.kind == "yes_no":
        return YesNo.learn(column, values)
    if column.kind == "date":
        return Moment.learn(column, values)
    if column.kind == "text":
        return Bag.learn(column, values)
    return (OneHot if values.n_unique() <= FEW else Embedded).learn(column, values)


def matrix_of(codes: Sequence[Code], columns: Sequence[Series], row: NDArray[np.int64] | None = None) -> Matrix:
    """All columns side by side, as `places_of` has them.

    The matrix is written some rows at a time, by several threads, so that these stay in a processor's cache until all
    columns are there.

    Args:
        codes: of the columns. columns: what they hold. row: see `Column.values`.

    Raises:
        DataError: see `Column.values`.
    """
    order, places = _order(codes), places_of(codes)
    parts = [(codes[i], columns[i]) for i in order]
    stop = places[-1].stop
    matrix = np.empty((len(columns[0]), stop), np.float32)

    def write(begin: int) -> None:
        rows = slice(begin, begin + READ)
        numbers = np.arange(begin + 1, begin + 1 + READ) if row is None else row[rows]
        found = [code.read(code.column.values(column[rows], numbers)) for code, column in parts]
        for first in range(0, len(found[0]), WRITTEN):
            part, out = slice(first, first + WRITTEN), matrix[rows][first : first + WRITTEN]
            for (code, _), place, values in zip(parts, places, found, strict=True):
                _write(code, place, values[part], out)

    if len(matrix) <= READ:
        write(0)
        return matrix
    with Pool() as threads:
        for _ in threads.map(write, range(0, len(matrix), READ)):
            pass  # the first mistake in the order of the rows is the one that is told
    return matrix


def _order(codes: Sequence[Code]) -> list[int]:
    """Which column comes when in the matrix: those that are embedded come last."""
    return sorted(range(len(codes)), key=lambda i: codes[i].tokens > 0)


def places_of(codes: Sequence[Code]) -> list[Place]:
    """Where each column lies.

    The numbers of the vectors of embedded columns go on from one to the next. Where there are bags, from 1 on: a bag
    has its 0 with the others, so it needs a vector less; without bags there is no such 0.
    """
    places: list[Place] = []
    stop, free = 0, int(any(code.bag for code in codes))
    for code in (codes[i] for i in _order(codes)):
        start, stop = stop, stop + code.width
        places.append(
            Place(code.column.name, start, stop, code.tokens, free - code.bag if code.tokens else 0, code.bag)
        )
        free += code.tokens - code.bag
    return places


def _write(code: Code, place: Place, found: NDArray[Any], out: Matrix) -> None:
    """Write what was read of a column into rows of the matrix, at its place."""
    own = out[:, place.start : place.stop]
    code.write(found, own)
    if place.first:
        np.add(own, place.first, out=own, where=own > 0) if place.bag else np.add(own, place.first, out=own)


def row_of(codes: Sequence[Code], values: Sequence[object]) -> Matrix:
    """As `matrix_of`, of a single row: the value of each column, None where it is missing."""
    places = places_of(codes)
    out = np.empty((1, places[-1].stop), np.float32)
    for i, place in zip(_order(codes), places, strict=True):
        _write(codes[i], place, codes[i].read_one(values[i]), out)
    return out

"""Training rows of a table that is larger than memory, chunk by chunk."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Protocol, runtime_checkable

import numpy as np
from numpy.typing import NDArray

from chainrule.data.cells import as_text
from chainrule.data.chunk_notes import ChunkNotes
from chainrule.data.chunked import Chunked, Examples, read_ahead
from chainrule.data.codes import Code
from chainrule.data.row_sample import RowSample
from chainrule.data.targets import Target
from chainrule.progress import stage

if TYPE_CHECKING:
    from polars import DataFrame

    from chainrule.data.tables import Table

Out = tuple[NDArray[np.bool_], NDArray[np.bool_], NDArray[np.bool_]]
"""Of rows: which are held out, which lack a value that must be there, and which have one far from all others."""


@runtime_checkable
class Rows(Protocol):
    """What turns rows of a frame into numbers; see `chainrule.data.table_encoding.Columns`."""

    codes: list[Code]

    def matrix(self, frame: DataFrame, row: NDArray[np.int64] | None = None) -> NDArray[np.float32]: ...


def chunked(
    table: Table, sample: RowSample, encoding: Rows, target: Target, held_out: NDArray[np.intp], folder: Path
) -> tuple[Chunked, list[str]]:
    """What a network learns from, chunk by chunk, and what was found while all rows were read.

    Args:
        sample: that of the table. held_out: rows of it that are not trained on, nor those like them.
    """
    stays_out, told = _out(table, held_out), ChunkNotes(table.columns, table.targets, encoding.codes)
    told.know(sample.frame)

    def read(i: int) -> tuple[Examples, DataFrame, NDArray[np.bool_], NDArray[np.bool_]]:
        frame, row = sample.chunk(i)
        held, gaps, beyond = stays_out(frame, row)
        keep = ~(held | gaps | beyond)
        X, Y = encoding.matrix(frame, row)[keep], table.numbers_of(target, frame.filter(keep), row[keep])
        return (X, Y), frame, gaps, beyond

    def all_read() -> Iterator[Examples]:
        with stage("turning all rows into numbers", len(sample.chunks)) as advance:
            for found, frame, gaps, beyond in read_ahead(read, len(sample.chunks)):
                told.look(frame, gaps, beyond)
                yield found
                advance(1)

    found = Chunked.of(all_read(), lambda i: read(i)[0], folder)
    return found, [*([] if sample.whole else told.notes(sample.size)), found.note]


def _out(table: Table, held_out: NDArray[np.intp]) -> Callable[[DataFrame, NDArray[np.int64]], Out]:
    """Finds the rows of a frame that are not trained on: held out, without a value that must be there, or with a
    value to predict that lies far from all others."""
    names = (*table.targets, table.time, table.group, table.weight)
    needed = [table.column(name) for name in names if name is not None]
    rows = table.row[held_out]
    groups = [] if table.group is None else as_text(table.frame[table.group]).gather(held_out).unique().to_list()
    first = math.inf if table.moments is None or len(held_out) == 0 else table.moments[held_out].min()

    def out(frame: DataFrame, row: NDArray[np.int64]) -> Out:
        gaps = np.any([column.values(frame[column.name], row).is_null().to_numpy() for column in needed], axis=0)
        if table.group is not None:
            held = as_text(frame[table.group]).is_in(groups).fill_null(True).to_numpy()
        elif table.time is not None:
            held = ~(table.moments_of(frame, row) < first)
        else:
            held = np.isin(row, rows)
        beyond = np.zeros(len(row), bool)
        for name, (low, high) in table.within.items():
            values = table.column(name).values(frame[name], row).to_numpy()
            beyond |= (values < low) | (values > high)
        return np.asarray(held), np.asarray(gaps), beyond

    return out

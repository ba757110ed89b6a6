"""A sample of the rows of a file that is larger than memory.

It stands for the whole table when columns are looked at and examples are held out. Row r is in it if its hash
`scattered(r)` is among the smallest, so that the same file gives the same rows however it is cut into chunks. A file
that is small enough gives all of its rows.
"""

from __future__ import annotations

import io
import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from chainrule.data.chunks import Chunks, OtherTypesError, scattered
from chainrule.progress import stage

if TYPE_CHECKING:
    from polars import DataFrame, Series

MOST, FEWEST, CELLS = 100_000, 10_000, 5_000_000
"""The most rows of a sample, the fewest of a wide table, and the cells that it should hold between these."""

LABELS = 1_000
"""Different values of a column to predict that are collected from all rows; one with more holds values."""

UNKNOWN = (-math.inf, math.inf)
"""Between these ends lie all numbers."""


@dataclass(frozen=True)
class RowSample:
    """Rows sampled from all over a file.

    Attributes:
        chunks: the file. before: how many rows come before each chunk. size: how many there are.
        frame: the sampled rows, in their order. row: their numbers, from 1.
        labels: of each column to predict, all different values, where they are few.
        ends: of each column to predict, the least and the largest number; infinite where not all are plain ones.
    """

    chunks: Chunks
    before: list[int]
    size: int
    frame: DataFrame
    row: NDArray[np.int64]
    labels: dict[str, Series]
    ends: dict[str, tuple[float, float]]

    @property
    def whole(self) -> bool:
        """Whether it holds all rows of the file."""
        return self.frame.height == self.size

    def chunk(self, i: int) -> tuple[DataFrame, NDArray[np.int64]]:
        """The rows of a chunk, and their numbers, from 1."""
        frame = self.chunks.frame(i)
        return frame, np.arange(self.before[i] + 1, self.before[i] + 1 + frame.height)

    def pieces(self) -> Iterator[tuple[DataFrame, NDArray[np.int64]]]:
        """All chunks, one after the other."""
        return map(self.chunk, range(len(self.chunks)))


def sample_rows(chunks: Chunks, targets: Sequence[str]) -> RowSample:
    """Read the file once and sample its rows.

    Args:
        chunks: the file. targets: the columns to predict, of which all different values are collected.

    A column that turns out to hold text has it read anew, once for all such columns.

    Raises:
        DataError: see `Chunks.frame`.
    """
    while True:
        try:
            return _sampled(chunks, targets)
        except OtherTypesError:
            continue


def _sampled(chunks: Chunks, targets: Sequence[str]) -> RowSample:
    from chainrule.extras import polars as pl

    before, size, limit = [], 0, np.uint64(2**64 - 1)
    frames: list[DataFrame] = []
    rows: list[NDArray[np.int64]] = []
    labels: dict[str, Series] = {}
    ends: dict[str, tuple[float, float]] = {}
    many: set[str] = set()
    other: OtherTypesError | None = None
    for i in _shown(len(chunks)):
        try:
            frame = chunks.frame(i)
        except OtherTypesError as error:
            other = error  # the chunks behind are looked at all the same: they may tell of more such columns
        if other is not None:
            continue
        numbers = np.arange(size + 1, size + 1 + frame.height)
        before.append(size)
        size += frame.height
        for name in {*targets} & {*frame.columns} - many:
            labels[name] = _joined(labels.get(name), frame[name])
            if len(labels[name]) > LABELS:
                many.add(name)
                del labels[name]
        for name in {*targets} & {*frame.columns}:
            known = ends.get(name, (math.inf, -math.inf))
            ends[name] = known if known == UNKNOWN else _wider(frame[name], known)
        chosen = scattered(numbers) <= limit
        frames.append(_alone(frame.filter(chosen)))
        rows.append(numbers[chosen])
        most = min(MOST, max(FEWEST, CELLS // frame.width))
        if sum(map(len, rows)) > (most if i == len(chunks) - 1 else 2 * most):
            numbers = np.concatenate(rows)
            places = scattered(numbers)
            limit = np.partition(places, most - 1)[most - 1]
            frames, rows = [_alone(pl.concat(frames).filter(places <= limit))], [numbers[places <= limit]]
    if other is not None:
        raise other
    return RowSample(chunks, before, size, pl.concat(frames), np.concatenate(rows), labels, ends)


def _shown(n: int) -> Iterator[int]:
    """The numbers of the chunks, each told when it has been looked through."""
    with stage("looking through the file", n) as advance:
        for i in range(n):
            yield i
            advance(1)


def _joined(known: Series | None, series: Series) -> Series:
    """The different values of both."""
    found = series.drop_nulls().unique()
    return found if known is None else known.append(found).unique()


def _wider(series: Series, known: tuple[float, float]) -> tuple[float, float]:
    """The ends of both, infinite where the series holds anything else than plain numbers."""
    from chainrule.extras import polars as pl

    there = series.drop_nulls()
    numbers = there.cast(pl.Float64, strict=False)
    if numbers.null_count():
        return UNKNOWN
    low, high = numbers.min(), numbers.max()
    if not (isinstance(low, float) and isinstance(high, float)):
        return known
    return min(low, known[0]), max(high, known[1])


def _alone(frame: DataFrame) -> DataFrame:
    """The frame in memory of its own: text that was filtered would hold on to all that it was chosen from."""
    from chainrule.extras import polars as pl

    return pl.read_ipc(io.BytesIO(frame.write_ipc(None).getvalue()))

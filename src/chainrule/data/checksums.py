"""Checksums of examples: a run that is resumed must meet the data that it began with."""

from __future__ import annotations

import math
import warnings
from collections.abc import Callable, Iterable
from concurrent.futures import Future, ThreadPoolExecutor
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np
from numpy.typing import NDArray

from chainrule.data.cells import as_text
from chainrule.errors import DataError
from chainrule.threads import Pool

if TYPE_CHECKING:
    from polars import Series

READING = 2
"""Goes up when files come to be read as other examples, whose checksum then is another."""

BLOCK = 2**22
"""About how many bytes are read at a time."""


class Rows(Protocol):
    """Examples that can be taken by their row numbers."""

    @property
    def shape(self) -> tuple[int, ...]: ...

    @property
    def dtype(self) -> np.dtype[Any]: ...

    def __len__(self) -> int: ...

    def __getitem__(self, rows: Any, /) -> NDArray[Any]: ...


def checksum(*parts: Rows | None) -> int:
    """A number of 64 bits that tells these arrays from others, by all their rows (XXH3; Collet, 2019)."""
    from xxhash import xxh3_64

    summed = xxh3_64()
    for part in parts:
        if part is None:
            summed.update(b"none")
            continue
        summed.update(f"{part.dtype} {part.shape}".encode())
        rows = max(1, BLOCK // max(1, part.dtype.itemsize * math.prod(part.shape[1:])))
        for begin in range(0, len(part), rows):
            summed.update(np.ascontiguousarray(part[begin : begin + rows]).reshape(-1).view(np.uint8).data)
    return int(summed.intdigest())


def checksum_of_columns(columns: Iterable[Callable[[], Series]]) -> int:
    """A number that tells these columns from others, whatever their order and wherever they were read from.

    Args:
        columns: each a call that reads one, which is let go of before the next; several at a time.
    """
    with Pool() as threads:
        found = dict(threads.map(_named_checksum, columns))
    return checksum(np.array([found[name] for name in sorted(found)], np.uint64))


def _named_checksum(read: Callable[[], Series]) -> tuple[str, int]:
    series = read()
    name = np.frombuffer(f"{series.name} {len(series)}".encode(), np.uint8)
    return series.name, checksum(name, *_bytes_of(series))


def _bytes_of(series: Series) -> list[NDArray[Any]]:
    """What a column holds, as arrays."""
    from chainrule.extras import polars as pl

    if series.dtype.is_numeric():
        return [series.cast(pl.Float64).to_numpy() + 0.0]  # of gaps NaN, and of -0 what 0 has
    if series.dtype.is_temporal():
        return [series.cast(pl.Datetime("us")).to_physical().fill_null(-(2**63)).to_numpy()]
    text = as_text(series)
    lengths = text.str.len_bytes().cast(pl.Int64).fill_null(-1)
    joined = text.fill_null("").str.join("").item()
    return [lengths.to_numpy(), np.frombuffer(joined.encode(), np.uint8)]


def checksum_beside(*parts: Rows | None) -> Future[int]:
    """The same number, summed by a new thread while the first epoch runs."""
    thread = ThreadPoolExecutor(1, "checksum")
    number = thread.submit(checksum, *parts)
    thread.shutdown(wait=False)
    return number


class Passed:
    """The checksums of a stream's batches as they go by, which are all that a stream can be known by.

    Attributes:
        now: of the batches of the epoch under way. before: of those of the last epoch.
        repeats: whether every epoch had the batches of the one before it; None where there were not two yet.
    """

    def __init__(self) -> None:
        self.now: list[int] = []
        self.before: list[int] = []
        self.repeats: bool | None = None
        self._resumed = False
        self._expected: list[int] = []

    def resume(self, now: list[int], before: list[int], repeats: bool | None) -> None:
        """Go on from where a run was cut."""
        self.now, self.before, self.repeats, self._resumed = now, before, repeats, True

    def begin(self, start: int) -> None:
        """An epoch begins, or goes on with batch number `start`."""
        if start == 0 and self.now:
            if self.before:
                self.repeats = self.repeats is not False and self.now == self.before
            self.before, self.now = self.now, []
        self._expected = self.before if self._resumed and self.repeats else []
        self._resumed = False

    def meet(self, k: int, *parts: NDArray[Any] | None) -> None:
        """Batch k of the epoch goes by. Where a stream has always repeated itself and does not now, a warning says so.

        Raises:
            DataError: the batch went by before the run was interrupted, and was another one.
        """
        number = checksum(*parts)
        if k < len(self.now):
            if self.now[k] != number:
                raise DataError(
                    f"batch {k} of the stream is not the one that the run was trained on before it was interrupted: "
                    "resume it with the same data, or start anew without resuming."
                )
            return
        self.now.append(number)
        if k < len(self._expected) and self._expected[k] != number:
            self._expected = []
            warnings.warn(
                f"every epoch of the stream had the same batches before the run was interrupted, but now batch {k} is "
                "another one: have the data changed?",
                RuntimeWarning,
                stacklevel=2,
            )

"""Training examples that are more than memory holds: read chunk by chunk, their numbers kept on the disk."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

from numpy.typing import NDArray

from chainrule.data.checksums import checksum
from chainrule.data.scratch import Scratch
from chainrule.errors import DataError
from chainrule.threads import Pool

T = TypeVar("T")

Examples = tuple[NDArray[Any], NDArray[Any]]
"""X and Y."""

AHEAD = 2
"""How many chunks are read at a time, if so many threads may compute."""


def read_ahead(read: Callable[[int], T], n: int) -> Iterator[T]:
    """What is read of chunks 0 to n − 1, in order, while threads read those that follow."""
    with Pool(AHEAD) as threads:
        coming = deque(threads.submit(read, i) for i in range(min(AHEAD, n)))
        for i in range(n):
            found = coming.popleft().result()
            if i + AHEAD < n:
                coming.append(threads.submit(read, i + AHEAD))
            yield found


@dataclass(frozen=True)
class Chunked:
    """Training examples in chunks.

    Attributes:
        read: X and Y of a chunk. sizes: how many examples there are in each chunk. checksums: of each chunk.
        kept: how many bytes of the disk they take; None where it has no room, so that each is read from its source.
    """

    read: Callable[[int], Examples]
    sizes: list[int]
    checksums: list[int]
    kept: int | None

    @property
    def note(self) -> str:
        """Where the numbers are read from."""
        if self.kept is None:
            return "its numbers are read anew in each epoch, as the disk has no room to keep them"
        return f"its numbers are kept in {self.kept / 1e6:,.1f} MB of the disk while it is trained on"

    @classmethod
    def of(cls, chunks: Iterable[Examples], read: Callable[[int], Examples], folder: Path) -> Chunked:
        """Chunks, looked through once.

        Args:
            chunks: all of them, in order. read: reads one of them anew.
            folder: on whose disk their numbers are kept until the process ends.

        Whoever reads one anew gets a DataError where it is not what it was.
        """
        sizes, checksums, scratch = [], [], Scratch(folder)
        for chunk in chunks:
            X, Y = chunk
            sizes.append(len(Y))
            checksums.append(checksum(X, Y))
            scratch.keep(chunk)

        def read_again(i: int) -> Examples:
            X, Y = read(i)
            if checksum(X, Y) != checksums[i]:
                n = len(checksums)
                raise DataError(f"part {i + 1} of {n} of the file has changed while it was trained on: train anew.")
            return X, Y

        def read_kept(i: int) -> Examples:
            try:
                X, Y = scratch.read(i)
            except OSError:  # the disk fails
                return read_again(i)
            return X, Y

        if scratch.full:
            return cls(read_again, sizes, checksums, None)
        return cls(read_kept, sizes, checksums, scratch.size)

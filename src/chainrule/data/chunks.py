"""Tables larger than memory: files that are read in chunks of rows, in any order."""

from __future__ import annotations

import itertools
import os
from abc import ABC, abstractmethod
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from chainrule.data.csv_files import Layout, some_rows
from chainrule.data.frames import file_kind, notes_on_names, parquet_of, readable, without_names
from chainrule.data.missing import USUAL, Markers
from chainrule.data.plain_text import ENCODINGS, about_encoding, as_lines, no_text
from chainrule.errors import DataError
from chainrule.memory import memory_in_all
from chainrule.randomness import stream

if TYPE_CHECKING:
    from polars import DataFrame

BYTES, ROWS = 2**22, 2**16
"""The length of a chunk of a CSV in bytes, and of a Parquet file in rows."""

LONGEST = 2**24
"""The most bytes of a row of a CSV; a longer one is taken for a quotation that is never closed."""

SHARE = 0.1
"""A file of more than this part of the memory is read in chunks: read whole, it takes two to three times its size."""

CELL = 8
"""About how many bytes a cell has as text, however it is packed in a Parquet file."""


WHOLE = {"json": "JSON", "workbook": "a workbook"}
"""Kinds of files that cannot be read in chunks, as they are called."""


class OtherTypesError(DataError):
    """A column that was read as numbers up to this chunk holds text in it: from now on, text is read in all chunks."""


class Chunks(ABC):
    """A file in chunks, which can be read in any order.

    Attributes:
        path: the file.
    """

    path: str

    @property
    def notes(self) -> list[str]:
        """What to know of how it was read, as far as its chunks were."""
        return []

    @abstractmethod
    def __len__(self) -> int: ...

    @abstractmethod
    def frame(self, i: int) -> DataFrame:
        """The rows of a chunk, as `chainrule.data.frames.read_frame` gives those of a whole file; all of one schema.

        Raises:
            OtherTypesError: the types are others than those of chunks that were read before; then begin anew.
            DataError: the file has changed, or is broken.
        """


class CsvChunks(Chunks):
    """A CSV, cut between rows. It is looked through once, to see where rows end and whether each is whole.

    Raises:
        DataError: it is empty, broken or cut short; or compressed, or in UTF-16, which can be read only whole.
    """

    def __init__(self, path: str, markers: Markers = USUAL):
        self.path, self._markers = path, markers
        for self._encoding in ENCODINGS:
            try:
                self._layout, self._ends, self._lines = self._look()
                break
            except UnicodeDecodeError:
                continue
        self._numbers = self._layout.numbers(self._some, markers)
        self._rows: dict[int, int] = {}  # how many each chunk has that was read
        self._names: dict[int, list[int]] = {}  # those of a chunk that repeat the names; see `without_names`

    def __len__(self) -> int:
        return len(self._ends)

    @property
    def notes(self) -> list[str]:
        starts = [0, *itertools.accumulate(self._rows.get(i, 0) for i in range(len(self)))]
        names = [starts[i] + before for i in sorted(self._names) for before in self._names[i]]
        return about_encoding(self._encoding, self.path) + self._layout.notes + notes_on_names(names, self.path)

    def frame(self, i: int) -> DataFrame:
        from chainrule.extras import polars as pl

        start = self._ends[i - 1] if i else 0
        with open(self.path, "rb") as file:
            file.seek(start)
            text = self._text(file.read(self._ends[i] - start))
        try:
            frame = self._layout.frame(text, numbers=self._numbers, first=i == 0)
        except DataError:
            self._layout.check(text.decode(), before=self._lines[i], last=i == len(self) - 1)
            raise
        wrong = [name for name in self._numbers if frame[name].dtype == pl.String]
        if wrong:
            self._numbers = {name: word for name, word in self._numbers.items() if name not in wrong}
            raise OtherTypesError(f"{', '.join(wrong)} in {self.path} turned out to hold text.")
        frame = frame.with_columns(pl.col([*self._numbers]).cast(pl.Float64)) if self._numbers else frame
        frame, names = without_names(frame)
        self._rows[i] = frame.height
        if names:
            self._names[i] = names
        return self._markers.removed(frame)

    def _text(self, data: bytes) -> bytes:
        """The lines in UTF-8, each with the usual end."""
        return as_lines(data.decode(self._encoding), self.path).strip("\n").encode()

    def _look(self) -> tuple[Layout, list[int], list[int]]:
        """The layout, where each chunk ends, and how many lines come before each."""
        layout: Layout | None = None
        self._some: list[str] = []
        ends, lines = [0], [0]
        size = os.path.getsize(self.path)
        for data in _pieces(self.path):
            ends.append(ends[-1] + len(data))
            text = self._text(data)
            if layout is None:
                layout = Layout.find(text.decode(), self.path)
            if not layout.fits(text):
                layout.check(text.decode(), before=lines[-1], last=ends[-1] == size)
            lines.append(lines[-1] + int(np.count_nonzero(np.frombuffer(data, np.uint8) == ord("\n"))))
            self._some += some_rows(text, 4, 25)
            self._some = self._some[:: 1 + len(self._some) // ROWS]
        if layout is None:
            raise DataError(f"{self.path} is empty.")
        return layout, ends[1:], lines


def _pieces(path: str) -> Iterator[bytes]:
    """The file in pieces that end where a row does."""
    rest, begun = b"", False
    with open(path, "rb") as file:
        while block := file.read(BYTES):
            data = rest + block
            end = _end_of_rows(data)
            if end == 0 and len(data) > LONGEST:
                raise DataError(f"{path} has a row of more than {LONGEST >> 20} MiB: is a quotation never closed?")
            begun = begun or (data.count(b"\n", 0, end) > 1 and bool(data[:end].strip()))
            if begun and end:  # the names of the columns do not come alone
                yield data[:end]
                data = data[end:]
            rest = data
    if rest.strip():
        yield rest


def _end_of_rows(data: bytes) -> int:
    """Where the last row ends that is there whole; an end of line within a quotation ends no row."""
    end = data.rfind(b"\n") + 1
    quotes = data.count(b'"', 0, end)
    while quotes % 2:
        before = data.rfind(b"\n", 0, end - 1) + 1
        quotes -= data.count(b'"', before, end)
        end = before
    return end


class ParquetChunks(Chunks):
    """A Parquet file. Of its row groups, those are read in which the rows of a chunk lie.

    Raises:
        DataError: it is empty or broken.
    """

    def __init__(self, path: str, markers: Markers = USUAL):
        from chainrule.extras import polars as pl

        self.path, self._markers = path, markers
        with parquet_of(path):
            scanned = pl.scan_parquet(path)
            width, self._rows = len(scanned.collect_schema()), int(scanned.select(pl.len()).collect().item())
        if self._rows == 0:
            raise DataError(f"{path} is empty: it has {width} columns and no row.")

    def __len__(self) -> int:
        return -(-self._rows // ROWS)

    def frame(self, i: int) -> DataFrame:
        from chainrule.extras import polars as pl

        with parquet_of(self.path):
            return self._markers.removed(pl.scan_parquet(self.path).slice(i * ROWS, ROWS).collect())


def open_chunks(path: str, markers: Markers = USUAL) -> Chunks:
    """The chunks of a CSV or Parquet file; `markers` is what stands for a missing value.

    Raises:
        DataError: there is no such file, it is broken, or it cannot be read in chunks.
    """
    first = _beginning(path)
    if first[:2] == b"\x1f\x8b":
        raise DataError(f"{path} is compressed, so it can be read only whole: unpack it first, with gunzip.")
    kind = file_kind(first, path)
    if kind == "parquet":
        return ParquetChunks(path, markers)
    if kind != "csv":
        raise DataError(f"{path} is {WHOLE[kind]}, which can be read only whole: save it as CSV or Parquet first.")
    if first[:2] in (b"\xff\xfe", b"\xfe\xff"):
        raise DataError(f"{path} is in UTF-16, which can be read only whole: write it as UTF-8 first, with iconv.")
    if b"\0" in first:
        raise no_text(path)
    return CsvChunks(path, markers)


def can_be_chunks(path: str) -> bool:
    """Whether `open_chunks` may open it."""
    first = _beginning(path)
    return first[:2] not in (b"\x1f\x8b", b"\xff\xfe", b"\xfe\xff") and file_kind(first, path) in ("csv", "parquet")


def too_large(path: str) -> bool:
    """Whether a file is to be read in chunks, for the memory that this machine or container has."""
    memory = memory_in_all()
    return memory is not None and Path(path).is_file() and _size(path) > SHARE * memory


def _size(path: str) -> int:
    """The bytes of a file, or of the text that a Parquet file would be."""
    if _beginning(path) != b"PAR1":
        return os.path.getsize(path)
    from chainrule.extras import polars as pl

    with parquet_of(path):
        scanned = pl.scan_parquet(path)
        return CELL * len(scanned.collect_schema()) * int(scanned.select(pl.len()).collect().item())


def _beginning(path: str) -> bytes:
    with readable(path), open(path, "rb") as file:
        return file.read(4)


def scattered(rows: NDArray[np.int64]) -> NDArray[np.uint64]:
    """A number for each row number that looks random and is always the same: SplitMix64 (Steele et al., 2014)."""
    start = stream("file", 0).integers(2**64, dtype=np.uint64)
    z = start + (rows.astype(np.uint64) + np.uint64(1)) * np.uint64(0x9E3779B97F4A7C15)
    z = (z ^ (z >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    z = (z ^ (z >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return z ^ (z >> np.uint64(31))

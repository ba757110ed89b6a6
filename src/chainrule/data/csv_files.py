"""CSV files: how they are laid out, whether every row is whole, and their columns as numbers or text.

What columns hold is guessed from some rows of all over the file. Polars then reads those of plain numbers as such and
refuses what is none; a column that was guessed wrong is read again, as text.
"""

from __future__ import annotations

import codecs
import csv
import io
import itertools
import mmap
import re
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from chainrule.data.cells import names_a_row
from chainrule.data.missing import MISSING, Markers
from chainrule.data.plain_text import decoded
from chainrule.errors import DataError

if TYPE_CHECKING:
    from polars import DataFrame, Series

SEPARATORS = (",", ";", "\t", "|")

LONGEST_CELL = 2**31 - 1
"""The most characters of a cell; the limit of Python's csv is less than a picture written in letters."""

LONGEST_NUMBER = 1_000
"""A cell of more digits is none: looking for where its fraction begins would take forever."""

HEAD, HEAD_ROWS, BLOCK = 2**20, 1_000, 2**20
"""The bytes and rows that the layout is found from, and the bytes that are looked through at a time."""

SPOTS, ROWS, CELLS = 20, 100, 200_000
"""How many places of a file are looked at, to guess what columns hold; rows of each; and cells in all."""

_PLAIN = re.compile(r"-?(?:(?:0|[1-9]\d{0,14})(?:\.\d*)?|\.\d+)(?:[eE][-+]?\d{1,3})?")
"""A number that is written as computers do, and no name of digits such as 007."""

_EXACT = 1e15
"""From here on a float does not hold all whole numbers."""

_ZLIB = (b"x\x01", b"x^", b"x\x9c", b"x\xda")
"""What files of zlib begin with."""

_NEWLINE, _QUOTE = ord("\n"), ord('"')

Data = bytes | mmap.mmap


def read_csv(path: str, data: Data, markers: Markers) -> tuple[DataFrame, list[str]]:
    """The frame of a CSV, and notes on how it was read.

    Args:
        path: the file. data: its bytes. markers: what stands for a missing value.

    Raises:
        DataError: it is no CSV, broken, cut short, or empty.
    """
    notes: list[str] = []
    if not is_plain(data):
        text, notes = decoded(data[:], path)
        data = text.strip("\n").encode()
    layout = Layout.find(head_of(data), path)
    if len(layout.names) == 1 and data[-2:] == b"\n\n":  # where a blank line is a missing value, but not at the end
        data = data[:].rstrip(b"\n")
    if not layout.fits(data):
        layout.check(_whole_text(data))
    numbers = layout.numbers(some_rows(data), markers)
    if isinstance(data, mmap.mmap) and hasattr(mmap, "MADV_DONTNEED"):
        data.madvise(mmap.MADV_DONTNEED)  # polars maps the file once more: it would count twice
    try:
        frame, blank = layout.with_blank(data, numbers)
        notes += layout.notes
        if blank is None:
            return frame, notes
        left = frame.filter(~blank)
        return left, notes + _note_on_blank(blank.to_numpy(), path)
    except DataError:
        layout.check(_whole_text(data))
        raise


def _whole_text(data: Data) -> str:
    return data[:].decode("utf-8-sig").strip("\n")


def is_plain(data: Data) -> bool:
    """Whether these bytes are text in UTF-8 with lines that end as everywhere, and begin with none that is blank."""
    if data[:4].removeprefix(codecs.BOM_UTF8)[:1] == b"\n":
        return False
    decoder = codecs.getincrementaldecoder("utf-8")()
    try:
        for begin in range(0, len(data), BLOCK):
            block = data[begin : begin + BLOCK]
            if b"\0" in block or b"\r" in block:
                return False
            if not block.isascii() or decoder.getstate()[0]:
                decoder.decode(block)
        decoder.decode(b"", final=True)
    except UnicodeDecodeError:
        return False
    return True


def head_of(data: Data) -> str:
    """The first lines of the data, a thousand or all of them."""
    length = HEAD
    while length < len(data) and data[:length].count(b"\n") < HEAD_ROWS:
        length *= 2
    end = len(data) if length >= len(data) else data.rfind(b"\n", 0, length)
    return data[:end].decode("utf-8-sig")


def some_rows(data: Data, spots: int = SPOTS, rows: int = ROWS) -> list[str]:
    """Lines from all over the data, without the first of them all: from so many spots so many rows."""
    found: list[str] = []
    place = data.find(b"\n") + 1
    for spot in range(spots):
        place = max(place, data.find(b"\n", spot * len(data) // spots) + 1)
        for _ in range(rows):
            end = data.find(b"\n", place)
            line = data[place : end if end >= 0 else len(data)]
            if line:
                found.append(line.decode("utf-8", "replace"))
            if end < 0:
                return found
            place = end + 1
    return found


@dataclass(frozen=True)
class Layout:
    """How a CSV is laid out.

    Attributes:
        path: the file. separator: what divides its fields. names: of the columns.
        header: whether the first line holds the names. notes: what to know about that.
    """

    path: str
    separator: str
    names: list[str]
    header: bool
    notes: list[str]

    @classmethod
    def find(cls, text: str, path: str) -> Layout:
        """The layout of a text, which may be the beginning of a longer one.

        Raises:
            DataError: it is empty.
        """
        if not text.strip():
            raise DataError(f"{path} is empty.")
        separator = _separator(text, path)
        lines = io.StringIO(text, newline="")
        head = [row for _, row in itertools.islice(_rows(lines, separator, path), HEAD_ROWS)]
        names, notes = [cell.strip() for cell in head[0]], []
        headless = _is_row(head)
        if headless:
            notes.append(f"{path} begins with values, not with names: its columns are called column_1, column_2, …")
        names = [f"column_{i}" if headless or not name else name for i, name in enumerate(names, 1)]
        names, more = told_apart(names, path)
        notes += more
        if not headless and len(head) == 1:
            raise DataError(f"{path} is empty: it has {len(names)} columns and no row.")
        return cls(path, separator, names, not headless, notes)

    def numbers(self, lines: Sequence[str], markers: Markers) -> dict[str, str]:
        """The columns that hold plain numbers in these lines, and of each the word in it for a missing value, or "".

        Digits of one length may be names, such as 02139, or dates, such as 20250131: they are none. Nor is a column
        whose cells are names for certain.
        """
        some = lines[:: max(1, len(lines) * len(self.names) // CELLS)]
        rows = [row for _, row in _rows(some, self.separator, self.path) if len(row) == len(self.names)]
        found = {}
        for i, name in enumerate(self.names):
            if name in markers.targets or name in markers.texts or names_a_row(name):
                continue
            cells, missing = {row[i] for row in rows}, markers.of(name)
            there = {cell for cell in cells if cell.upper() not in missing}
            words = cells - there - {""}
            digits = all(cell.isdigit() for cell in there) and len({len(cell) for cell in there}) == 1
            if not there or len(words) > 1 or not all(map(_PLAIN.fullmatch, there)):
                continue
            if not (digits and len(next(iter(there))) > 1):
                found[name] = next(iter(words), "")
        return found

    def frame(self, data: Data, *, numbers: Mapping[str, str] | None = None, first: bool = True) -> DataFrame:
        """The rows of the data without blank ones: numbers in columns of plain ones, text in all others.

        Args:
            data: text in UTF-8. numbers: see `numbers`; None for no such column.
            first: whether the file begins with it.

        Raises:
            DataError: it is no CSV.
        """
        frame, blank = self.with_blank(data, numbers, first)
        return frame if blank is None else frame.filter(~blank)

    def with_blank(
        self, data: Data, numbers: Mapping[str, str] | None = None, first: bool = True
    ) -> tuple[DataFrame, Series | None]:
        """All rows, as `frame` has them, and which of them are blank; None where none is.

        Raises:
            DataError: it is no CSV.
        """
        from chainrule.extras import polars as pl

        try:
            frame = self._typed(data, dict(numbers or {}), first)
        except pl.exceptions.PolarsError:
            try:
                frame = self._frame(self._quoted(data[:].decode("utf-8-sig")), {}, first)
            except pl.exceptions.PolarsError as error:
                raise DataError(f"{self.path} cannot be read as a CSV: {first_line(error)}") from None
        if frame.width == 1:
            return frame, None  # of one column, a blank line is a missing value
        blank = _all_missing(frame)
        if blank.any() and numbers:  # of which some may hold words for a missing value, as text tells
            blank = _all_missing(self._frame(data, {}, first))
        return frame, blank if blank.any() else None

    def _typed(self, data: Data, numbers: dict[str, str], first: bool) -> DataFrame:
        """The frame, with text in those of the columns of numbers that turn out to hold something else."""
        from chainrule.extras import polars as pl

        try:
            frame, gaps = self._frame(data, numbers, first), False
        except pl.exceptions.PolarsError:
            if not numbers:
                raise
            frame, gaps = self._frame(data, numbers, first, ignore_errors=True), True
        largest = frame.select(pl.col([*numbers]).abs().max().fill_null(0)) if numbers else frame
        wrong = [name for name in numbers if largest[name][0] >= _EXACT or (gaps and frame[name].null_count())]
        frame = frame.with_columns(self._frame(data, {}, first, only=wrong)) if wrong else frame
        return _with_whole_numbers(frame, [name for name in numbers if name not in wrong])

    def _frame(
        self,
        data: Data,
        numbers: Mapping[str, str],
        first: bool,
        *,
        only: Sequence[str] | None = None,
        ignore_errors: bool = False,
    ) -> DataFrame:
        """The columns, or only some of them, as numbers where `numbers` says so, else as text."""
        from chainrule.extras import polars as pl

        return pl.read_csv(
            _source(data, self.path),
            glob=False,
            separator=self.separator,
            has_header=self.header and first,
            infer_schema=False,
            columns=None if only is None else [self.names.index(name) for name in only],
            new_columns=self.names,
            schema_overrides=[pl.Float64 if name in numbers else pl.String for name in self.names],
            null_values={name: word for name, word in numbers.items() if word} or None,
            ignore_errors=ignore_errors,
        )

    def _quoted(self, text: str) -> bytes:
        """The text with marks of quotation where the standard has them: polars takes those of 5" pipe for such."""
        written = io.StringIO()
        rows = (row for _, row in _rows(io.StringIO(text, newline=""), self.separator, self.path))
        csv.writer(written, delimiter=self.separator, lineterminator="\n").writerows(rows)
        return written.getvalue().encode()

    def fits(self, data: Data) -> bool:
        """Whether every row has as many fields as the header, for certain; if not, `check` tells.

        Separators and ends of rows outside of quotations are counted. Polars refuses a row with more fields than the
        header has; so none has fewer, if on the whole there are as many as there should be.
        """
        whole = np.frombuffer(data, np.uint8)
        end = len(whole)
        while end and whole[end - 1] == _NEWLINE:
            end -= 1
        count = _Count(ord(self.separator))
        for begin in range(0, end, BLOCK):
            if not count.add(whole[:end], begin, min(begin + BLOCK, end)):
                return False
        return not count.inside and count.separators == (count.rows + 1) * (len(self.names) - 1)

    def check(self, text: str, *, before: int = 0, last: bool = True) -> None:
        """See to it that every line has as many fields as the header: a file that was cut has fewer in its last.

        Args:
            text: lines of the file. before: how many lines of it come before. last: whether none comes after.

        Raises:
            DataError: one has not; or a quotation is never closed.
        """
        wrong: tuple[int, int] | None = None
        width = len(self.names)
        if '"' not in text:
            fields = ((i, line.count(self.separator) + 1) for i, line in enumerate(text.split("\n"), 1) if line)
            wrong = next(((i, n) for i, n in fields if n != width), None)
        else:
            rows = _rows(io.StringIO(text, newline=""), self.separator, self.path, before=before, strict=True)
            wrong = next(((line, len(row)) for line, row in rows if row and len(row) != width), None)
        if wrong is not None:
            line, found = wrong
            at_the_end = last and line == text.count("\n") + 1 and found < width
            cut = "it seems to be cut short; if it is a note below the table, delete it"
            way = cut if at_the_end else "mend it, or delete what stands above the names"
            raise DataError(
                f"line {before + line} of {self.path} has {found} fields, but the header has {width}: {way}."
            )


class _Count:
    """Counts separators and ends of rows outside of quotations, block by block.

    Attributes:
        inside: whether the block that was added last ends within a quotation.
    """

    def __init__(self, separator: int):
        self.separator, self.inside, self.separators, self.rows = separator, False, 0, 0

    def add(self, whole: NDArray[np.uint8], begin: int, end: int) -> bool:
        """Count in a block; False where a mark of quotation is not where the standard has it."""
        block = whole[begin:end]
        separators, newlines, quotes = block == self.separator, block == _NEWLINE, block == _QUOTE
        places = np.flatnonzero(quotes)
        if len(places) or self.inside:
            inside = (np.cumsum(quotes, dtype=np.uint32) + self.inside) % 2 == 1
            separators &= ~inside
            newlines &= ~inside
            opening = inside[places]
            beside = places + begin + np.where(opening, -1, 1)
            signs = whole[np.clip(beside, 0, len(whole) - 1)]
            ends = (signs == self.separator) | (signs == _NEWLINE) | (signs == _QUOTE)
            if not (ends | (beside < 0) | (beside >= len(whole))).all():
                return False
            self.inside = bool(inside[-1])
        self.separators += int(np.count_nonzero(separators))
        self.rows += int(np.count_nonzero(newlines))
        return True


def _note_on_blank(blank: NDArray[np.bool_], path: str) -> list[str]:
    """A note on blank rows, where numbers of rows count otherwise because of them."""
    before = int(blank.argmax())
    n = int(blank[: len(blank) - int((~blank)[::-1].argmax())].sum()) if not blank.all() else 0
    if not n:
        return []
    rows = "1 empty row is" if n == 1 else f"{n:,} empty rows are"
    where = f"behind row {before:,}" if before else "at the beginning"
    return [f"{path}: {rows} left out, the first {where}; numbers of rows count without"]


def _all_missing(frame: DataFrame) -> Series:
    """Whether nothing is in a row."""
    from chainrule.extras import polars as pl

    return frame.select(pl.all_horizontal(pl.all().is_null())).to_series()


def _with_whole_numbers(frame: DataFrame, names: Sequence[str]) -> DataFrame:
    """The frame with those of the columns of floats as whole numbers that hold nothing else."""
    from chainrule.extras import polars as pl

    for some in (frame.head(ROWS), frame):
        whole = some.select((pl.col(name) == pl.col(name).floor()).all() for name in names)
        names = [name for name in names if whole[name].item()]
    return frame.with_columns(pl.col(names).cast(pl.Int64)) if names else frame


def _source(data: Data, path: str) -> bytes | str:
    """What polars is given: the file itself, or bytes with the mark of UTF-8.

    Without that it would unpack what begins with x^2, as zlib's files do.
    """
    if isinstance(data, mmap.mmap) and data[:2] not in _ZLIB:
        return path
    return data[:] if data[:3] == codecs.BOM_UTF8 else codecs.BOM_UTF8 + data[:]


def _rows(
    lines: Iterable[str], separator: str, path: str, *, before: int = 0, strict: bool = False
) -> Iterator[tuple[int, list[str]]]:
    """The rows of a CSV, each with the number of the line that it ends with.

    Raises:
        DataError: a cell is too long; or, if `strict`, a quotation is never closed, or ends within a cell.
    """
    csv.field_size_limit(LONGEST_CELL)
    reader = csv.reader(lines, delimiter=separator, strict=strict)
    try:
        for row in reader:
            yield reader.line_num, row
    except csv.Error as error:
        if "unexpected end" in str(error):
            raise DataError(f"{path} is broken or cut short: a quotation in it is never closed.") from None
        message = first_line(error)
        way = (
            ' If a quotation mark in it is written as \\", write it twice, "".' if message.startswith("',' exp") else ""
        )
        raise DataError(f"line {before + reader.line_num} of {path} cannot be read as a CSV: {message}{way}") from None


def _separator(text: str, path: str) -> str:
    """The sign that divides the first lines into as many parts each, and into most."""
    if Path(path.removesuffix(".gz")).suffix.lower() == ".tsv":
        return "\t"
    lines = text.split("\n", 50)[:50]

    def parts(separator: str) -> tuple[bool, int]:
        counts = [len(row) for _, row in _rows(lines, separator, path) if row]
        return len(set(counts)) == 1 and counts[0] > 1, counts[0]

    return max(SEPARATORS, key=parts)


def _is_row(head: list[list[str]]) -> bool:
    """Whether the first line is no header: a number, or the name of a file, is in it, and nothing that does not come
    again in its column."""
    first, rest = head[0], head[1:]
    files = [_is_file(cell, [row[i] for row in rest if i < len(row)]) for i, cell in enumerate(first)]
    if len(rest) < 2 or not (any(files) or any(map(_is_number, first))):
        return False
    return all(
        file or _is_number(cell) or _is_missing(cell) or any(row[i : i + 1] == [cell] for row in rest)
        for i, (cell, file) in enumerate(zip(first, files, strict=True))
    )


def _is_file(cell: str, others: list[str]) -> bool:
    """Whether a cell and most others of its column end as names of files do, such as a.png, and not all otherwise."""
    ending, endings = _ending(cell), [_ending(other) for other in others]
    return ending in endings and ending != "" and 2 * sum(map(bool, endings)) > len(endings)


def _ending(cell: str) -> str:
    """What the name of a file ends in, in small letters, or ""."""
    found = re.search(r"[^\s./\\]\.([A-Za-z]\w{1,4})\s*$", cell)
    return found[1].lower() if found else ""


def _is_number(cell: str) -> bool:
    number = r"\s*[-+]?(\d+[.,]?\d*|[.,]\d+)([eE][-+]?\d+)?\s*"
    return len(cell) < LONGEST_NUMBER and re.fullmatch(number, cell) is not None


def _is_missing(cell: str) -> bool:
    return cell.strip().upper() in MISSING


def told_apart(names: Sequence[str], path: str) -> tuple[list[str], list[str]]:
    """The names of columns, "a (2)" for the second a, and a note if there is such."""
    taken, times = {*names}, Counter[str]()
    found, again = [], []
    for name in names:
        times[name] += 1
        other = name
        while times[name] > 1 and other in taken:
            other = f"{name} ({times[name]})"
            times[name] += other in taken
        if other != name:
            taken.add(other)
            again.append(other)
        found.append(other)
    if not again:
        return found, []
    some = ", ".join(again[:3]) + (", …" if len(again) > 3 else "")
    return found, [f"{path} has columns of the same name: those that come again are called {some}"]


def first_line(error: Exception) -> str:
    """The first line of a message, as a sentence."""
    return str(error).strip().split("\n")[0].rstrip(".") + "."

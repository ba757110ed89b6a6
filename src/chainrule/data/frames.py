"""Files with a table in them as frames of polars: CSV and its kin, Parquet, and either of them compressed by gzip."""

from __future__ import annotations

import codecs
import contextlib
import csv
import gzip
import io
import itertools
import os
import re
import zlib
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from chainrule.errors import DataError, shown

if TYPE_CHECKING:
    from polars import DataFrame, Expr, Series
    from polars.selectors import Selector

SUFFIXES = (".csv", ".tsv", ".txt", ".parquet", ".gz")
"""What the names of files with a table end in."""

SEPARATORS = (",", ";", "\t", "|")

ENCODINGS = ("utf-8-sig", "cp1252", "latin-1")
"""What text may be written in, the likeliest first."""

NO_CSV = "it cannot be a CSV; chainrule reads CSV, TSV and Parquet"
"""How the message on a file that is no text ends."""

ALWAYS_MISSING = ("", "?", "NA", "N/A", "#N/A", "<NA>", "NAN", "NULL", "NAT")
"""Words that mark a missing value, in capitals or not."""

MISSING = (*ALWAYS_MISSING, "-", "--", ".", "NONE", "NIL")
"""Words that mark a missing value wherever they cannot be a class to be predicted."""

LONGEST_CELL = 2**31 - 1
"""The most characters of a cell; the limit of Python's csv is less than a picture written in letters."""


@dataclass(frozen=True)
class Markers:
    """The words that mark a missing value: `MISSING`, but in columns to predict `ALWAYS_MISSING`; or the user's own.

    Args:
        targets: the columns to predict. words: those that mark a missing value in place of all others, in any column.
    """

    targets: Sequence[str] = ()
    words: Sequence[str] | None = None

    def removed(self, frame: DataFrame) -> DataFrame:
        """The frame with null where a value is missing, and columns of text without spaces at the ends."""
        import polars as pl
        from polars import selectors

        words = [] if self.words is None else ["", *(word.strip().upper() for word in self.words)]
        numbers = [float(word) for word in words if _is_number(word)]
        text, size = selectors.by_dtype(pl.String, pl.Categorical, pl.Enum), selectors.numeric().cast(pl.Float64)
        return frame.with_columns(
            _without(text - selectors.by_name(*self.targets, require_all=False), words or MISSING),
            _without(text & selectors.by_name(*self.targets, require_all=False), words or ALWAYS_MISSING),
            pl.when(size.is_finite() & ~size.is_in(numbers)).then(selectors.numeric()).name.keep(),
        )


USUAL = Markers()


def _without(columns: Selector, words: Sequence[str]) -> Expr:
    """Columns of text without spaces at the ends, and null wherever one of the words stands, in capitals or not."""
    import polars as pl

    text = columns.cast(pl.String).str.strip_chars()
    return pl.when(text.str.to_uppercase().is_in(words)).then(None).otherwise(text).name.keep()


def is_frame(source: Any) -> bool:
    """Whether this is a frame of polars or pandas, or a like one, and not the path of a file.

    Raises:
        DataError: it is neither.
    """
    if hasattr(type(source), "columns"):
        return True
    if not isinstance(source, str | os.PathLike):
        raise DataError(
            f"a table is the path of a file or a frame of polars or pandas, not a {type(source).__name__}: of columns "
            "in a dict, or of an array, pandas.DataFrame(…) makes one."
        )
    return False


def read_frame(source: Any, markers: Markers = USUAL) -> tuple[DataFrame, list[str]]:
    """The frame of a file, or of a frame of polars or pandas; and notes on how it was read.

    Columns of text have no spaces at the ends, and null wherever a value is missing. A CSV gives nothing but text.

    Args:
        source: a path, or a frame. markers: what stands for a missing value.

    Raises:
        DataError: there is no such file, or no table in it, or it is broken, cut short, or empty.
    """
    notes: list[str] = []
    if is_frame(source):
        frame, name = _frame_of(source), "the table"
    else:
        name = str(source)
        frame, notes = _from_file(name)
    if frame.width == 0 or frame.height == 0:
        raise DataError(f"{name} is empty: it has {frame.width} columns and no row.")
    return markers.removed(frame), notes


def _frame_of(source: Any) -> DataFrame:
    import polars as pl

    if isinstance(source, pl.DataFrame):
        return source
    if isinstance(source, pl.LazyFrame):
        raise DataError("the table is a LazyFrame of polars, which has no rows yet: .collect() it first.")
    names = [str(name) for name in source.columns]
    _check_names(names, "the table")
    return pl.DataFrame([_column_of(n, source[c]) for n, c in zip(names, source.columns, strict=True)])


def _column_of(name: str, column: Any) -> Series:
    """A column of pandas: of a period the moment that it begins with, of a moment in a zone what clocks there say."""
    import polars as pl

    kind = str(column.dtype)
    if kind.startswith("period"):
        column = column.dt.to_timestamp()
    elif kind.startswith("datetime64") and "," in kind:
        column = column.dt.tz_localize(None)
    gaps = column.isna().tolist()
    values = [None if gap else value for gap, value in zip(gaps, column.tolist(), strict=True)]
    return pl.Series(name, values, strict=False)


def _from_file(path: str) -> tuple[DataFrame, list[str]]:
    with readable(path):
        data = Path(path).read_bytes()
    if data[:2] == b"\x1f\x8b":
        try:
            data = gzip.decompress(data)
        except (OSError, EOFError, zlib.error):
            raise DataError(f"{path} cannot be unpacked: it was cut short, or is no gzip file.") from None
    if is_parquet(data[:4], path):
        import polars as pl

        with parquet_of(path):
            return pl.read_parquet(io.BytesIO(data)), []
    text, notes = decoded(data, path)
    text = text.strip("\n")
    layout = Layout.find(text, path)
    layout.check(text)
    return layout.frame(text), notes + layout.notes


@contextlib.contextmanager
def readable(path: str) -> Iterator[None]:
    """Turns an error of the system while a file is read into a DataError of one sentence."""
    try:
        yield
    except FileNotFoundError:
        raise DataError(f"there is no file {path}.") from None
    except (OSError, ValueError) as error:
        raise DataError(f"{path} cannot be read: {getattr(error, 'strerror', None) or error}.") from None


def is_parquet(first: bytes, path: str) -> bool:
    """Whether a file of this name that begins with these bytes is Parquet.

    Raises:
        DataError: it is an archive.
    """
    if path.endswith(".npz"):
        raise DataError(f"{path} is an archive of NumPy's arrays, not a table: its columns have no names.")
    if first[:2] == b"PK" or first == b"\xd0\xcf\x11\xe0":
        raise DataError(f"{path} is an Excel workbook or another archive: save its sheet as CSV first.")
    return first == b"PAR1" or path.removesuffix(".gz").endswith(".parquet")


@contextlib.contextmanager
def parquet_of(path: str) -> Iterator[None]:
    """Turns an error while a Parquet file is read into a DataError of one sentence."""
    import polars as pl

    try:
        yield
    except (pl.exceptions.PolarsError, OSError) as error:
        raise DataError(f"{path} cannot be read as Parquet, it is broken or cut short: {_first(error)}") from None


def decoded(data: bytes, path: str, so: str = NO_CSV) -> tuple[str, list[str]]:
    """The text, whatever it is written in, with one way to end a line; and a note where that is not Unicode.

    Raises:
        DataError: it is no text; `so` says what follows from that.
    """
    of_16_bits = data[:2] in (b"\xff\xfe", b"\xfe\xff")
    for encoding in ("utf-16",) if of_16_bits else ENCODINGS:
        try:
            text = data.decode(encoding)
        except UnicodeDecodeError:
            continue
        return as_lines(text, path, so), about_encoding(encoding, path)
    raise no_text(path, so)


def about_encoding(encoding: str, path: str) -> list[str]:
    """What to know where text is not in Unicode."""
    return (
        []
        if encoding.startswith("utf")
        else [f"{path} is not UTF-8; it was read as {encoding}: save it as UTF-8 if that is wrong"]
    )


def as_lines(text: str, path: str, so: str = NO_CSV) -> str:
    """The text with one way to end a line.

    Raises:
        DataError: it is no text; `so` says what follows from that.
    """
    if "\0" in text:
        raise no_text(path, so)
    return text.replace("\r\n", "\n").replace("\r", "\n") if "\r" in text else text


def no_text(path: str, so: str = NO_CSV) -> DataError:
    """The error about a file that is something else."""
    return DataError(f"{path} is no text, so {so}.")


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
            DataError: it is empty, or two columns have one name.
        """
        if not text.strip():
            raise DataError(f"{path} is empty.")
        separator = _separator(text, path)
        lines = io.StringIO(text, newline="")
        head = [row for _, row in itertools.islice(_rows(lines, separator, path), 1000)]
        names, notes = [cell.strip() for cell in head[0]], []
        headless = _is_row(head)
        if headless:
            notes.append(f"{path} begins with values, not with names: its columns are called column_1, column_2, …")
        names = [f"column_{i}" if headless or not name else name for i, name in enumerate(names, 1)]
        _check_names(names, path)
        if not headless and len(head) == 1:
            raise DataError(f"{path} is empty: it has {len(names)} columns and no row.")
        return cls(path, separator, names, not headless, notes)

    def frame(self, text: str, *, first: bool = True) -> DataFrame:
        """The rows of the text, all of them text, without blank ones; `first` says whether the file begins with it.

        Raises:
            DataError: it is no CSV.
        """
        import polars as pl

        try:
            frame = self._frame(text, first)
        except pl.exceptions.PolarsError:
            try:
                frame = self._frame(self._quoted(text), first)
            except pl.exceptions.PolarsError as error:
                raise DataError(f"{self.path} cannot be read as a CSV: {_first(error)}") from None
        blank = pl.all_horizontal(pl.all().is_null())
        return frame.filter(~blank) if frame.width > 1 else frame  # of one column, a blank line is a missing value

    def _frame(self, text: str, first: bool) -> DataFrame:
        import polars as pl

        # Without the mark of UTF-8, polars would unpack a file that begins with the name x^2, as zlib's files do.
        return pl.read_csv(
            codecs.BOM_UTF8 + text.encode(),
            separator=self.separator,
            has_header=self.header and first,
            infer_schema=False,
            new_columns=self.names,
        )

    def _quoted(self, text: str) -> str:
        """The text with marks of quotation where the standard has them: polars takes those of 5" pipe for such."""
        written = io.StringIO()
        rows = (row for _, row in _rows(io.StringIO(text, newline=""), self.separator, self.path))
        csv.writer(written, delimiter=self.separator, lineterminator="\n").writerows(rows)
        return written.getvalue()

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
            way = "it seems to be cut short" if at_the_end else "mend it, or delete what stands above the names"
            raise DataError(
                f"line {before + line} of {self.path} has {found} fields, but the header has {width}: {way}."
            )


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
        raise DataError(f"line {before + reader.line_num} of {path} cannot be read as a CSV: {_first(error)}") from None


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
    """Whether the first line is no header: a number is in it, and nothing that does not come again in its column."""
    first, rest = head[0], head[1:]
    if len(rest) < 2 or not any(map(_is_number, first)):
        return False
    return all(
        _is_number(cell) or _is_missing(cell) or any(row[i : i + 1] == [cell] for row in rest)
        for i, cell in enumerate(first)
    )


def _is_number(cell: str) -> bool:
    return re.fullmatch(r"\s*[-+]?(\d+[.,]?\d*|[.,]\d+)([eE][-+]?\d+)?\s*", cell) is not None


def _is_missing(cell: str) -> bool:
    return cell.strip().upper() in MISSING


def _check_names(names: list[str], path: str) -> None:
    twice = next((name for name, times in Counter(names).items() if times > 1), None)
    if twice is not None:
        raise DataError(f"{path} has two columns called {shown(twice)}: rename one of them.")


def _first(error: Exception) -> str:
    """The first line of a message, as a sentence."""
    return str(error).strip().split("\n")[0].rstrip(".") + "."

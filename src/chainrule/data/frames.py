"""Files with a table in them as frames of polars: CSV and its kin, Parquet, and either of them compressed by gzip."""

from __future__ import annotations

import csv
import gzip
import io
import itertools
import re
import zlib
from pathlib import Path
from typing import TYPE_CHECKING, Any

from chainrule.errors import DataError

if TYPE_CHECKING:
    from polars import DataFrame

SUFFIXES = (".csv", ".tsv", ".txt", ".parquet", ".gz")
"""What the names of files with a table end in."""

SEPARATORS = (",", ";", "\t", "|")

MISSING = ("", "?", "-", "--", ".", "NA", "N/A", "#N/A", "<NA>", "NaN", "NAN", "NULL", "NONE", "NIL", "NAT")
"""What stands for a value that is not there, in capitals or not."""


def is_table(path: str) -> bool:
    """Whether a file of this name would be read as a table."""
    return Path(path).suffix.lower() in SUFFIXES


def read_frame(source: Any) -> tuple[DataFrame, list[str]]:
    """The frame of a file, or of a frame of polars or pandas; and notes on how it was read.

    Columns of text have no spaces at the ends, and null wherever a value is missing. A CSV gives nothing but text.

    Args:
        source: a path, or a frame.

    Raises:
        DataError: there is no such file, or no table in it, or it is broken, cut short, or empty.
    """
    notes: list[str] = []
    if hasattr(source, "columns"):
        frame, name = _frame_of(source), "the table"
    else:
        name = str(source)
        frame, notes = _from_file(name)
    if frame.width == 0 or frame.height == 0:
        raise DataError(f"{name} is empty: it has {frame.width} columns and no row.")
    return _without_markers(frame), notes


def _frame_of(source: Any) -> DataFrame:
    import polars as pl

    if isinstance(source, pl.DataFrame):
        return source
    names = [str(name) for name in source.columns]
    _check_names(names, "the table")
    columns = [source[name] for name in source.columns]
    return pl.DataFrame([pl.Series(n, c.tolist(), strict=False) for n, c in zip(names, columns, strict=True)])


def _from_file(path: str) -> tuple[DataFrame, list[str]]:
    try:
        data = Path(path).read_bytes()
    except FileNotFoundError:
        raise DataError(f"there is no file {path}.") from None
    except (OSError, ValueError) as error:
        raise DataError(f"{path} cannot be read: {getattr(error, 'strerror', None) or error}.") from None
    if data[:2] == b"\x1f\x8b":
        try:
            data = gzip.decompress(data)
        except (OSError, EOFError, zlib.error):
            raise DataError(f"{path} cannot be unpacked: it was cut short, or is no gzip file.") from None
    if data[:4] == b"PAR1" or path.removesuffix(".gz").endswith(".parquet"):
        return _from_parquet(data, path), []
    if data[:2] == b"PK" or data[:4] == b"\xd0\xcf\x11\xe0":
        raise DataError(f"{path} is an Excel workbook or another archive: save its sheet as CSV first.")
    text, notes = decoded(data, path, "it cannot be a CSV; chainrule reads CSV, TSV and Parquet")
    frame, more = _from_text(text, path)
    return frame, notes + more


def _from_parquet(data: bytes, path: str) -> DataFrame:
    import polars as pl

    try:
        return pl.read_parquet(io.BytesIO(data))
    except (pl.exceptions.PolarsError, OSError) as error:
        raise DataError(f"{path} cannot be read as Parquet, it is broken or cut short: {_first(error)}") from None


def decoded(data: bytes, path: str, so: str) -> tuple[str, list[str]]:
    """The text, whatever it is written in, and a note where that is not Unicode.

    Raises:
        DataError: it is no text; `so` says what follows from that.
    """
    of_16_bits = data[:2] in (b"\xff\xfe", b"\xfe\xff")
    for encoding in ("utf-16",) if of_16_bits else ("utf-8-sig", "cp1252", "latin-1"):
        try:
            text = data.decode(encoding)
        except UnicodeDecodeError:
            continue
        if "\0" in text:
            break
        return text, [] if encoding.startswith("utf") else [f"{path} is not UTF-8; it was read as {encoding}"]
    raise DataError(f"{path} is no text, so {so}.")


def _from_text(text: str, path: str) -> tuple[DataFrame, list[str]]:
    import polars as pl

    text = text.replace("\r\n", "\n").replace("\r", "\n").strip("\n")
    if not text.strip():
        raise DataError(f"{path} is empty.")
    separator = _separator(text, path)
    head = list(itertools.islice(csv.reader(io.StringIO(text, newline=""), delimiter=separator), 1000))
    names, notes = [cell.strip() for cell in head[0]], []
    headless = _is_row(head)
    if headless:
        notes.append(f"{path} begins with values, not with names: its columns are called column_1, column_2, …")
    names = [f"column_{i}" if headless or not name else name for i, name in enumerate(names, 1)]
    _check_names(names, path)
    _check_lengths(text, separator, path, len(names))
    if not headless and len(head) == 1:
        raise DataError(f"{path} is empty: it has {len(names)} columns and no row.")
    try:
        frame = pl.read_csv(
            text.encode(), separator=separator, has_header=not headless, infer_schema=False, new_columns=names
        )
    except pl.exceptions.PolarsError as error:
        raise DataError(f"{path} cannot be read as a CSV: {_first(error)}") from None
    return frame, notes


def _separator(text: str, path: str) -> str:
    """The sign that divides the first lines into as many parts each, and into most."""
    if Path(path.removesuffix(".gz")).suffix.lower() == ".tsv":
        return "\t"
    lines = text.split("\n", 50)[:50]

    def parts(separator: str) -> tuple[bool, int]:
        counts = [len(row) for row in csv.reader(lines, delimiter=separator) if row]
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
    twice = next((name for i, name in enumerate(names) if name in names[:i]), None)
    if twice is not None:
        raise DataError(f"{path} has two columns called {twice!r}: rename one of them.")


def _check_lengths(text: str, separator: str, path: str, width: int) -> None:
    """See to it that every line has as many fields as the header: a file that was cut has fewer in its last.

    Raises:
        DataError: one has not; or a quotation is never closed.
    """
    wrong: tuple[int, int] | None = None
    if '"' not in text:
        lines = text.split("\n")
        wrong = next(
            ((i, n + 1) for i, line in enumerate(lines, 1) if (n := line.count(separator)) != width - 1 and line), None
        )
        last = len(lines)
    else:
        if text.count('"') % 2:
            raise DataError(f"{path} is broken or cut short: a quotation in it is never closed.")
        reader = csv.reader(io.StringIO(text, newline=""), delimiter=separator)
        wrong = next(((reader.line_num, len(row)) for row in reader if row and len(row) != width), None)
        last = text.count("\n") + 1
    if wrong is not None:
        cut = ": it seems to be cut short" if wrong[0] == last and wrong[1] < width else ""
        raise DataError(f"line {wrong[0]} of {path} has {wrong[1]} fields, but the header has {width}{cut}.")


def _without_markers(frame: DataFrame) -> DataFrame:
    """The frame with null where a value is missing, and columns of text without spaces at the ends."""
    import polars as pl
    from polars import selectors

    text = selectors.by_dtype(pl.String, pl.Categorical, pl.Enum).cast(pl.String).str.strip_chars()
    numbers = selectors.float()
    return frame.with_columns(
        pl.when(text.str.to_uppercase().is_in(MISSING)).then(None).otherwise(text).name.keep(),
        pl.when(numbers.is_finite()).then(numbers).otherwise(None).name.keep(),
    )


def _first(error: Exception) -> str:
    """The first line of a message, as a sentence."""
    return str(error).strip().split("\n")[0].rstrip(".") + "."

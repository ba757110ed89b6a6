"""Files with a table in them as frames of polars: CSV and its kin, Parquet, JSON and workbooks, each also in gzip."""

from __future__ import annotations

import contextlib
import gzip
import io
import mmap
import os
import zlib
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any, Literal

from chainrule.data import json_files, workbooks
from chainrule.data.csv_files import Layout, first_line, head_of, is_plain, read_csv
from chainrule.data.handed_over import as_polars
from chainrule.data.missing import USUAL, Markers
from chainrule.data.plain_text import refuse_documents
from chainrule.errors import DataError

if TYPE_CHECKING:
    from polars import DataFrame

SUFFIXES = (".csv", ".tsv", ".txt", ".parquet", ".gz", *json_files.SUFFIXES, *workbooks.SUFFIXES)
"""What the names of files with a table end in."""

FRAME = "the table"
"""What a table in memory is called, which has no name of its own."""

FileKind = Literal["csv", "parquet", "json", "workbook"]


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

    Columns of text have no spaces at the ends, and null wherever a value is missing. The columns of a CSV are text, or
    numbers where every cell is a plain one.

    Args:
        source: a path, or a frame. markers: what stands for a missing value.

    Raises:
        DataError: there is no such file, or no table in it, or it is broken, cut short, or empty.
    """
    notes: list[str] = []
    if is_frame(source):
        (frame, notes), name = as_polars(source), FRAME
    else:
        name = str(source)
        frame, notes = _from_file(name, markers)
    if frame.width == 0 or frame.height == 0:
        raise DataError(f"{name} is empty: it has {frame.width} columns and no row.")
    return markers.removed(frame), notes


def _from_file(path: str, markers: Markers) -> tuple[DataFrame, list[str]]:
    with opened(path) as data:
        if data[:2] == b"\x1f\x8b":
            try:
                data = gzip.decompress(data)
            except (OSError, EOFError, zlib.error):
                raise DataError(f"{path} cannot be unpacked: it was cut short, or is no gzip file.") from None
        kind = file_kind(data[:4], path)
        if kind == "parquet":
            from chainrule.extras import polars as pl

            with parquet_of(path):
                return pl.read_parquet(path if isinstance(data, mmap.mmap) else io.BytesIO(data), glob=False), []
        if kind == "json":
            return json_files.read_json(path, data[:])
        if kind == "workbook":
            return workbooks.read_workbook(path, data[:])
        frame, notes = read_csv(path, data, markers)
        frame, before = without_names(frame)
        return frame, notes + notes_on_names(before, path)


def without_names(frame: DataFrame) -> tuple[DataFrame, list[int]]:
    """The frame of a CSV without rows that repeat the names of its columns, as of files one behind the other.

    Returns:
        (frame, before): of each row that is left out, how many of those that are left come before it.
    """
    from chainrule.extras import polars as pl

    if frame.width < 2 or any(dtype != pl.String for dtype in frame.dtypes):  # as a name makes text of a column
        return frame, []
    are_names = (pl.col(name).str.strip_chars() == name for name in frame.columns)
    again = frame.select(pl.all_horizontal(are_names).fill_null(False)).to_series()
    if not again.any():
        return frame, []
    return frame.filter(~again), [place - i for i, place in enumerate(again.arg_true())]


def notes_on_names(before: list[int], path: str) -> list[str]:
    """A note on rows that repeat the names, if there are any; see `without_names`."""
    if not before:
        return []
    n, first = len(before), before[0]
    rows = "1 row that repeats" if n == 1 else f"{n:,} rows that repeat"
    where = f"behind row {first:,}" if first else "at the beginning"
    told = f"{rows} the names of the columns {'is' if n == 1 else 'are'} left out, the first {where}"
    return [f"{path}: {told}; numbers of rows count without"]


def names_in(path: str, markers: Markers = USUAL) -> list[str]:
    """The names of the columns in a file, of a CSV found from its beginning.

    Raises:
        DataError: see `read_frame`.
    """
    with opened(path) as data:
        if data[:2] != b"\x1f\x8b" and file_kind(data[:4], path) == "csv" and is_plain(data):
            return Layout.find(head_of(data), path).names
    return read_frame(path, markers)[0].columns


@contextlib.contextmanager
def opened(path: str) -> Iterator[bytes | mmap.mmap]:
    """The bytes of a file, which are read only as they are needed, if it is an ordinary one.

    Raises:
        DataError: it is not there, or cannot be read.
    """
    with readable(path), open(path, "rb") as file:
        if not os.path.isfile(path) or not os.fstat(file.fileno()).st_size:
            data: bytes | mmap.mmap = file.read()
        else:
            data = mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)
    yield data


@contextlib.contextmanager
def readable(path: str) -> Iterator[None]:
    """Turns an error of the system while a file is read into a DataError of one sentence."""
    try:
        yield
    except FileNotFoundError:
        raise DataError(f"there is no file {path}.") from None
    except (OSError, ValueError) as error:
        raise DataError(f"{path} cannot be read: {getattr(error, 'strerror', None) or error}.") from None


def file_kind(first: bytes, path: str) -> FileKind:
    """What a file of this name that begins with these bytes is; what is nothing else is a CSV.

    Raises:
        DataError: it is an archive or a document.
    """
    name = path.lower().removesuffix(".gz")
    if name.endswith(".npz"):
        raise DataError(f"{path} is an archive of NumPy's arrays, not a table: its columns have no names.")
    if first == b"PAR1" or name.endswith(".parquet"):
        return "parquet"
    if first[:2] == b"PK" or first == b"\xd0\xcf\x11\xe0":
        if name.endswith(workbooks.SUFFIXES):
            return "workbook"
        raise DataError(
            f"{path} is an Excel workbook or another archive: call it .xlsx or .xls if it is one, or save its sheet as "
            "CSV first."
        )
    refuse_documents(first, path)
    return "json" if name.endswith(json_files.SUFFIXES) or first[:2] in (b"[{", b'{"') else "csv"


@contextlib.contextmanager
def parquet_of(path: str) -> Iterator[None]:
    """Turns an error while a Parquet file is read, of whatever kind, into a DataError of one sentence."""
    from chainrule.extras import polars as pl

    try:
        yield
    except (pl.exceptions.PolarsError, pl.exceptions.PanicException, OSError) as error:
        raise DataError(f"{path} cannot be read as Parquet, it is broken or cut short: {first_line(error)}") from None

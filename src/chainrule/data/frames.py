"""Files with a table in them as frames of polars: CSV and its kin, Parquet, JSON and workbooks, each also in gzip."""

from __future__ import annotations

import contextlib
import gzip
import io
import mmap
import os
import zlib
from collections.abc import Iterator, Mapping, Sequence, Set
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from chainrule.data import json_files, workbooks
from chainrule.data.csv_files import Layout, first_line, head_of, is_plain, read_csv, told_apart
from chainrule.data.missing import USUAL, Markers
from chainrule.data.plain_text import refuse_documents
from chainrule.errors import DataError

if TYPE_CHECKING:
    from polars import DataFrame, Series

SUFFIXES = (".csv", ".tsv", ".txt", ".parquet", ".gz", *json_files.SUFFIXES, *workbooks.SUFFIXES)
"""What the names of files with a table end in."""

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
        (frame, notes), name = as_polars(source), "the table"
    else:
        name = str(source)
        frame, notes = _from_file(name, markers)
    if frame.width == 0 or frame.height == 0:
        raise DataError(f"{name} is empty: it has {frame.width} columns and no row.")
    return markers.removed(frame), notes


def handed_over(data: Any) -> Any:
    """A row as a dict, or a frame, of what programs have of new rows: a dict of columns, a list of dicts, a pandas row.

    Anything else comes back as it is.

    Raises:
        DataError: the columns of a dict have different lengths.
    """
    if type(data).__name__ == "Series" and hasattr(data, "to_dict"):  # of pandas
        data = data.to_dict()
    if isinstance(data, Sequence) and data and all(isinstance(row, Mapping) for row in data):
        names = dict.fromkeys(name for row in data for name in row)
        return frame_of_columns({name: [row.get(name) for row in data] for name in names})
    if isinstance(data, Mapping) and data and all(map(_is_column, data.values())):
        return frame_of_columns(data)
    return data


def _is_column(values: Any) -> bool:
    if isinstance(values, str | bytes | Mapping | Set):
        return False
    return hasattr(values, "__len__") and getattr(values, "ndim", 1) > 0


def frame_of_columns(columns: Mapping[Any, Any], name: str = "the table") -> DataFrame:
    """A frame of the columns in a dict.

    Raises:
        DataError: they have different lengths.
    """
    from chainrule.extras import polars as pl

    lengths = {len(column) for column in columns.values()}
    if len(lengths) > 1:
        raise DataError(f"the columns of {name} have {min(lengths):,} to {max(lengths):,} rows, but must have as many.")
    return pl.DataFrame([series_of(str(name), column) for name, column in columns.items()])


def series_of(name: str, values: Any) -> Series:
    """A column of an array, a list or a series, of whatever types."""
    from chainrule.extras import polars as pl

    if isinstance(values, np.ndarray) and values.dtype.kind in "fiub":
        return pl.Series(name, np.ascontiguousarray(values), nan_to_null=values.dtype.kind == "f")
    return pl.Series(name, values if isinstance(values, pl.Series) else list(values), strict=False)


def as_polars(source: Any) -> tuple[DataFrame, list[str]]:
    """A frame of polars or pandas as one of polars, and notes on names that had to be changed."""
    from chainrule.extras import polars as pl

    if isinstance(source, pl.DataFrame):
        return source, []
    if isinstance(source, pl.LazyFrame):
        raise DataError("the table is a LazyFrame of polars, which has no rows yet: .collect() it first.")
    names, notes = told_apart([str(name) for name in source.columns], "the table")
    columns = [source.iloc[:, i] for i in range(len(names))] if notes else [source[name] for name in source.columns]
    return pl.DataFrame([_column_of(name, column) for name, column in zip(names, columns, strict=True)]), notes


def _column_of(name: str, column: Any) -> Series:
    """A column of pandas: of a period the moment that it begins with, of a moment in a zone what clocks there say."""
    from chainrule.extras import polars as pl

    kind = str(column.dtype)
    if kind.startswith("period"):
        column = column.dt.to_timestamp()
    elif kind.startswith("datetime64") and "," in kind:
        column = column.dt.tz_localize(None)
    if isinstance(column.dtype, np.dtype) and column.dtype.kind in "fiub":
        return pl.Series(name, column.to_numpy(), nan_to_null=True)
    if isinstance(column.dtype, np.dtype) and column.dtype.kind == "M":
        return pl.Series(name, column.to_numpy().astype("datetime64[us]"))
    gaps = column.isna().tolist()
    values = [None if gap else value for gap, value in zip(gaps, column.tolist(), strict=True)]
    return pl.Series(name, values, strict=False)


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
        return _without_names(*read_csv(path, data, markers), path)


def _without_names(frame: DataFrame, notes: list[str], path: str) -> tuple[DataFrame, list[str]]:
    """The frame without rows that repeat the names of its columns, as of files one behind the other; and notes."""
    from chainrule.extras import polars as pl

    if frame.width < 2 or any(dtype != pl.String for dtype in frame.dtypes):  # as a name makes text of a column
        return frame, notes
    are_names = (pl.col(name).str.strip_chars() == name for name in frame.columns)
    again = frame.select(pl.all_horizontal(are_names).fill_null(False)).to_series()
    if not again.any():
        return frame, notes
    n, first = int(again.sum()), int(again.arg_true()[0])
    rows = "1 row that repeats" if n == 1 else f"{n:,} rows that repeat"
    where = f"behind row {first:,}" if first else "at the beginning"
    told = f"{rows} the names of the columns {'is' if n == 1 else 'are'} left out, the first {where}"
    return frame.filter(~again), [*notes, f"{path}: {told}; numbers of rows count without"]


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

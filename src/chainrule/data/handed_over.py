"""What programs have in memory, of Python, NumPy, pandas or polars, as columns and rows of a table."""

from __future__ import annotations

import datetime
from collections.abc import Iterable, Mapping, Sequence, Set
from typing import TYPE_CHECKING, Any

import numpy as np

from chainrule.data.csv_files import told_apart
from chainrule.errors import DataError, shown

if TYPE_CHECKING:
    from polars import DataFrame, Series

TEXTUAL = (str, bool, int, float, datetime.date, datetime.time)
"""Types of cells that become text where a column holds dates and others beside them."""


def handed_over(data: Any) -> Any:
    """A row as a dict, or a frame, of what programs have of new rows: a dict of columns, a list of dicts, a pandas row.

    Anything else comes back as it is.

    Raises:
        DataError: there is no row, the columns of a dict have different lengths, or several have one name.
    """
    if type(data).__name__ == "Series" and hasattr(data, "to_dict"):  # of pandas
        return dict(zip(told_apart([str(name) for name in data.index], "the row")[0], data.tolist(), strict=True))
    if isinstance(data, Sequence) and not isinstance(data, str | bytes):
        if not data:
            raise DataError("the table is empty: it has no row.")
        if all(isinstance(row, Mapping) for row in data):
            names = dict.fromkeys(name for row in data for name in row)
            return frame_of_columns({name: [row.get(name) for row in data] for name in names})
    if not isinstance(data, Mapping):
        return data
    if data and all(map(_is_column, data.values())):
        return frame_of_columns(data)
    return dict(zip(_names(data, "the row"), data.values(), strict=True))


def _is_column(values: Any) -> bool:
    if isinstance(values, str | bytes | Mapping | Set):
        return False
    return hasattr(values, "__len__") and getattr(values, "ndim", 1) > 0


def _names(columns: Iterable[Any], where: str) -> list[str]:
    """The names as text.

    Raises:
        DataError: two of them are the same text, such as 1 and "1".
    """
    names = [str(name) for name in columns]
    again = [name for i, name in enumerate(names) if name in names[:i]] if len({*names}) < len(names) else []
    if again:
        raise DataError(f"{where} has several columns called {shown(again[0])}: give each a name of its own.")
    return names


def frame_of_columns(columns: Mapping[Any, Any], name: str = "the table") -> DataFrame:
    """A frame of the columns in a dict.

    Raises:
        DataError: they have different lengths, or several have one name.
    """
    from chainrule.extras import polars as pl

    lengths = {len(column) for column in columns.values()}
    if len(lengths) > 1:
        raise DataError(f"the columns of {name} have {min(lengths):,} to {max(lengths):,} rows, but must have as many.")
    names = _names(columns, name)
    return pl.DataFrame([series_of(*column) for column in zip(names, columns.values(), strict=True)])


def as_polars(source: Any) -> tuple[DataFrame, list[str]]:
    """A frame of polars or pandas as one of polars, and notes on names that had to be changed."""
    from chainrule.extras import polars as pl

    if isinstance(source, pl.DataFrame):
        return source, []
    if isinstance(source, pl.LazyFrame):
        raise DataError("the table is a LazyFrame of polars, which has no rows yet: .collect() it first.")
    names, notes = told_apart([str(name) for name in source.columns], "the table")
    columns = [source.iloc[:, i] for i in range(len(names))] if notes else [source[name] for name in source.columns]
    return pl.DataFrame([series_of(name, column) for name, column in zip(names, columns, strict=True)]), notes


def series_of(name: str, values: Any) -> Series:
    """A column of an array, a list, or a series or an array of pandas or polars, null where a value is missing.

    Raises:
        DataError: no column holds such values beside each other.
    """
    from chainrule.extras import polars as pl

    if isinstance(values, pl.Series):
        return values.rename(name)
    values = _on_clocks(values)
    dtype = getattr(values, "dtype", None)
    if isinstance(dtype, np.dtype) and dtype.kind in "fiubMm" and not np.ma.is_masked(values):
        array = np.ascontiguousarray(values)
        return pl.Series(name, array.astype(f"{dtype.kind}8[us]") if dtype.kind in "Mm" else array, nan_to_null=True)
    cells = values.tolist() if hasattr(values, "tolist") else list(values)
    try:
        return pl.Series(name, _cells(cells), strict=False, nan_to_null=True)
    except (TypeError, OverflowError, pl.exceptions.PolarsError):
        types = " and ".join(sorted({type(cell).__name__ for cell in cells}))
        raise DataError(f"{name} holds {types} beside each other: give it numbers, words or dates alone.") from None


def _on_clocks(values: Any) -> Any:
    """The column as it is, but of pandas with periods or moments in zones as `as_python` has each, all at once."""
    kind = str(getattr(values, "dtype", ""))
    if kind.startswith("period") and hasattr(values, "dt"):
        return values.dt.to_timestamp()
    if kind.startswith("datetime64") and "," in kind and hasattr(values, "dt"):
        return values.dt.tz_localize(None)
    return values


def _cells(cells: list[Any]) -> list[Any]:
    """The cells as Python has them: as text, where dates and others are among them."""
    if {*map(type, cells)} <= {str, int, bool, type(None)}:  # as most are
        return cells
    cells = [as_python(cell) for cell in cells]
    there = [cell for cell in cells if cell is not None]
    dates = sum(isinstance(cell, datetime.date | datetime.time) for cell in there)
    if 0 < dates < len(there) and all(isinstance(cell, TEXTUAL) for cell in there):
        return [None if cell is None else str(cell) for cell in cells]
    return cells


def as_python(value: Any) -> Any:
    """A single value of pandas, NumPy or Python as Python has it; None where it is missing.

    Of a period it is the moment that it begins with, of a moment in a zone what clocks there say.
    """
    if isinstance(value, np.datetime64 | np.timedelta64):
        value = value.astype(f"{value.dtype.kind}8[us]")
    if isinstance(value, np.generic):
        value = value.item()
    if value is None or value is np.ma.masked or type(value).__name__ in ("NAType", "NaTType"):  # of pandas
        return None
    if type(value).__name__ == "Period":
        value = value.to_timestamp()
    if isinstance(value, datetime.datetime):
        value = value.to_pydatetime(warn=False) if hasattr(value, "to_pydatetime") else value
        return value.replace(tzinfo=None)
    return None if isinstance(value, float) and value != value else value

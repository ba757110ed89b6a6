"""Excel workbooks, and those of LibreOffice, as frames: the first sheet that holds a table."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from typing import TYPE_CHECKING

from chainrule.data.csv_files import first_line, told_apart
from chainrule.errors import DataError

if TYPE_CHECKING:
    from polars import DataFrame

SUFFIXES = (".xlsx", ".xlsm", ".xlsb", ".xls", ".ods")
"""What the names of workbooks end in."""


def read_workbook(path: str, data: bytes) -> tuple[DataFrame, list[str]]:
    """The frame of the first sheet of a workbook that is not empty, and notes on how it was read.

    The first row holds the names. Rows with nothing in them are left out, and so are such columns without a name.

    Raises:
        DataError: it is no workbook, or empty. MissingPackageError: the package that reads it is not installed.
    """
    from chainrule.extras import fastexcel

    logging.getLogger("fastexcel").setLevel(logging.ERROR)  # it tells of every empty column
    try:
        book = fastexcel.read_excel(data)
        for sheet in book.sheet_names:
            head = book.load_sheet(sheet, header_row=None, n_rows=1).to_polars()
            if head.height:
                frame = book.load_sheet(sheet, schema_sample_rows=None).to_polars()
                break
        else:
            raise DataError(f"{path} is empty: no sheet of it holds anything.")
    except fastexcel.FastExcelError as error:
        raise DataError(f"{path} cannot be read as a workbook: {first_line(error)}") from None
    frame, notes = _named(frame, [*head.row(0)], path)
    if len(book.sheet_names) > 1:
        others = f"{len(book.sheet_names)} sheets, of which {sheet!r} is read"
        notes.append(f"{path} has {others}: save another one as a file of its own")
    return frame, notes


def _named(frame: DataFrame, head: Sequence[object], path: str) -> tuple[DataFrame, list[str]]:
    """The frame without empty rows and columns, its columns called as in the first row."""
    from chainrule.extras import polars as pl

    names = [*(str(name).strip() if name is not None else "" for name in head), *[""] * frame.width][: frame.width]
    named = [i for i in range(frame.width) if names[i] or frame.to_series(i).null_count() < frame.height]
    names, notes = told_apart([names[i] or f"column_{i + 1}" for i in named], path)
    frame = pl.DataFrame([frame.to_series(i).alias(name) for i, name in zip(named, names, strict=True)])
    return frame.filter(~pl.all_horizontal(pl.all().is_null())), notes

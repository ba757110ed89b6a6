"""What is learned of a table from the rows to train: its encoding."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from chainrule.data.cells import as_text
from chainrule.data.codes import Code, Embedded, Moment, WordCode
from chainrule.data.columns import USED, Column
from chainrule.data.decoding import is_picture
from chainrule.data.encoding import FEW, code_for
from chainrule.data.new_rows import Doubt, spelling_told
from chainrule.data.table_encoding import Columns
from chainrule.data.tables import Table
from chainrule.data.target_statistics import TargetStatistics, standardized
from chainrule.errors import DataError
from chainrule.threads import Pool


def learn(table: Table, rows: NDArray[np.intp]) -> tuple[Columns, list[str]]:
    """The encoding of a table's columns, learned from these rows alone, and what is to be said of it.

    Raises:
        DataError: no column is left to predict from.
    """
    codes = _codes(table, rows)
    codes, notes = _with_statistics(table, codes, rows) if table.target_statistics else (codes, [])
    notes += [*_silent(table, codes), *_spelled_otherwise(table, codes)]
    if not codes:
        why = [f"{column.name}: {_why(table, column)}" for column in table.columns if column.kind != "target"]
        reasons = f" ({'; '.join(why)})" if why else ""
        raise DataError(f"{table.name} has no column left to predict {', '.join(table.targets)} from{reasons}.")
    found = Columns(
        codes,
        predicted=[table.column(name) for name in table.targets],
        ids=[column.name for column in table.columns if column.kind == "id"],
        others=[column.name for column in table.columns if column.kind in ("constant", "ignored")],
        time=None if table.time is None else table.column(table.time),
        group=table.group,
        stream=table.sample is not None,
        missing=table.missing,
        weights=None if table.weight is None else table.column(table.weight),
        within=table.within or None,
        once=table.once,
    )
    return found, notes


def _codes(table: Table, rows: NDArray[np.intp]) -> list[Code]:
    """What is learned of each column that the network sees from those rows that train."""
    from chainrule.extras import polars as pl

    chosen = np.zeros(len(table), bool)
    chosen[rows] = True
    kept, row = pl.Series(chosen), table.row[chosen]

    def code(column: Column) -> Code:
        found = code_for(column, column.values(table.frame[column.name].filter(kept), row))
        if column.name == table.time and isinstance(found, Moment):  # what never comes again cannot be learned from
            return replace(found, parts=[part for part in found.parts if part != "elapsed"])
        return found

    with Pool() as threads:
        return [*threads.map(code, (column for column in table.columns if column.kind in USED))]


def _with_statistics(table: Table, codes: list[Code], rows: NDArray[np.intp]) -> tuple[list[Code], list[str]]:
    """The codes, with statistics of the target where categories would be learned vectors, and a note."""
    T = standardized(table.target, table.numbers(table.target), rows)[rows]
    found = [
        TargetStatistics.learn_from(code.column, table.values(code.column)[rows], T)
        if isinstance(code, Embedded)
        else code
        for code in codes
    ]
    names = [code.column.name for code in found if isinstance(code, TargetStatistics)]
    said = f"statistics of {', '.join(table.targets)} stand for the words of {', '.join(names)}"
    return found, [said if names else f"no column has more than {FEW} categories, and so none gets statistics"]


def _spelled_otherwise(table: Table, codes: list[Code]) -> list[Doubt]:
    """A note on words of rows that were not learned from, which are taken for those that were."""
    of_words = [code for code in codes if isinstance(code, WordCode)]
    met = {code.column.name: code.meant(code.strangers(table.values(code.column))) for code in of_words}
    return [spelling_told(name, meant, "in rows held out alone") for name, meant in met.items() if meant]


def _silent(table: Table, codes: list[Code]) -> list[str]:
    """A note on each column of texts of which nothing is learned.

    Raises:
        DataError: there are no others.
    """
    silent = [code.column.name for code in codes if code.bag and code.tokens == 1]
    if silent and len(silent) == len(codes):
        raise DataError(
            f"{table.name} has no column left to predict {', '.join(table.targets)} from: no word in "
            f"{' or '.join(silent)} comes in two rows of the training part."
        )
    return [f"no word in {name} comes in two rows to train: nothing is learned of it" for name in silent]


def _why(table: Table, column: Column) -> str:
    """Why a column is set aside; one of the names of pictures would not be, if they were there."""
    if column.kind == "id":
        first = as_text(table.frame[column.name]).drop_nulls()[0]
        if is_picture(Path(first)) and not (Path(table.name).parent / first).is_file():
            return f"it names pictures that are not there, such as {first}"
    return column.reason

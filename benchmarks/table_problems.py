"""The tables of a folder, and each as a problem: which rows a model learns from, and which it is tested on."""

from __future__ import annotations

import json
import zlib
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, Literal

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from benchmarks.collect_tables import LIST
from chainrule.errors import OptionError

PARTS = 5
"""One row in so many is tested on."""

WAY = (
    f'write {LIST} beside the CSV files, such as [{{"name": "people", "target": "income", "task": "classification"}}] '
    "for people.csv with a column income; the task is classification or regression."
)


@dataclass(frozen=True)
class Listed:
    """A table of a folder.

    Attributes:
        name: what `--only` calls it. path: the CSV. target: the column to predict.
    """

    name: str
    path: Path
    target: str
    task: Literal["classification", "regression"]


def listed(folder: Path) -> list[Listed]:
    """The tables that `tables.json` in the folder names.

    Raises:
        OptionError: there is no such file, or it names something else; with how to write one.
    """
    try:
        found = json.loads((folder / LIST).read_text())
        tables = [
            Listed(one["name"], folder / one.get("file", f"{one['name']}.csv"), one["target"], one["task"])
            for one in found
        ]
    except FileNotFoundError:
        raise OptionError(f"{folder} has no {LIST}: {WAY}") from None
    except (OSError, ValueError, TypeError, AttributeError, KeyError) as error:
        raise OptionError(f"{folder / LIST} does not name tables ({type(error).__name__}: {error}): {WAY}") from None
    for table in tables:
        if table.task not in ("classification", "regression"):
            raise OptionError(f"the task of {table.name} in {folder / LIST} is {table.task!r}: {WAY}")
        if not table.path.exists():
            raise OptionError(f"{folder / LIST} names {table.name}, but there is no {table.path}.")
    return tables


@dataclass(frozen=True)
class Problem:
    """A table as pandas reads it, and which of its rows are learned from.

    Attributes:
        table: where it comes from. split: which division of its rows this is, also the seed of all models.
        X: (m, n), numbers with NaN where they are missing, and words as categories; rows without a target are left out.
        y: (m,), the labels as words, or the values.
        row: (m,), the numbers of the rows in the file, from 0, without empty ones.
        train, test: which of the m rows, as numbers that rise.
        data: a checksum of the file, the target and the rows that are tested on.
    """

    table: Listed
    split: int
    X: pd.DataFrame
    y: NDArray[Any]
    row: NDArray[np.intp]
    train: NDArray[np.intp]
    test: NDArray[np.intp]
    data: str

    @cached_property
    def classes(self) -> NDArray[Any]:
        """The labels of the whole table, in order; none of values."""
        return np.unique(self.y) if self.table.task == "classification" else self.y[:0]


def problem(table: Listed, split: int) -> Problem:
    """The table with a fifth of its rows, drawn by the number of the split, to test on.

    Each class has its share in both parts, to a row; the only row of a class is learned from.

    Raises:
        OptionError: the table has no such target, or values that are no numbers.
    """
    classes = table.task == "classification"
    words = {table.target: "str"} if classes else None
    frame = pd.read_csv(table.path, skipinitialspace=True, low_memory=False, dtype=words)
    if table.target not in frame:
        raise OptionError(f"{table.path} has no column {table.target!r}, which {LIST} calls its target.")
    frame = frame.dropna(how="all").reset_index(drop=True)
    frame = frame[frame[table.target].notna()]
    y = frame.pop(table.target)
    if not classes and not pd.api.types.is_numeric_dtype(y):
        raise OptionError(f"{table.target!r} of {table.path} holds words, so its task is classification.")
    answers = np.array([str(label).strip() for label in y]) if classes else y.to_numpy(np.float64)
    test = drawn(np.unique(answers, return_inverse=True)[1] if classes else np.zeros(len(y), int), split)
    train = np.setdiff1d(np.arange(len(y)), test)
    told = zlib.crc32(test.astype("<i8").tobytes(), zlib.crc32(table.target.encode(), _checksum(table.path)))
    return Problem(table, split, _as_read(frame), answers, frame.index.to_numpy(), train, test, f"{told:08x}")


def drawn(classes: NDArray[Any], seed: int) -> NDArray[np.intp]:
    """One row in five, of each class to a row; none of a class that has a single row. (m,) numbers of classes."""
    random = np.random.default_rng(seed)
    in_order = np.lexsort((random.random(len(classes)), classes))  # by class, and in it in any order
    several = np.bincount(classes)[classes[in_order]] > 1
    return np.sort(in_order[several][random.integers(PARTS) :: PARTS])


def _as_read(frame: pd.DataFrame) -> pd.DataFrame:
    """Numbers as they are, all else as categories; columns by number, as some libraries refuse a < or a [ in names."""
    columns = {}
    for i, name in enumerate(frame.columns):
        column = frame[name]
        numeric = pd.api.types.is_numeric_dtype(column) and not pd.api.types.is_bool_dtype(column)
        columns[f"column {i}"] = column if numeric else column.astype("str").where(column.notna()).astype("category")
    return pd.DataFrame(columns).reset_index(drop=True)


def _checksum(path: Path) -> int:
    return zlib.crc32(path.read_bytes())

"""A learner's own data: two columns of numbers and a column of two answers, from a CSV."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from chainrule.data.csv_files import read_csv
from chainrule.data.missing import Markers
from chainrule.data.source import left_out
from chainrule.data.table_reading import read_table
from chainrule.data.tables import Table
from chainrule.errors import DataError
from chainrule.live.plane import Plane
from chainrule.randomness import stream

if TYPE_CHECKING:
    from polars import DataFrame

MOST = 1_000
"""So many rows are learned from, so that a slider answers at once; of more they are drawn."""


@dataclass(frozen=True)
class OwnData:
    """What the playground learns.

    Attributes:
        X: (m, 2), standardized. y: (m,), 0 or 1. told: which columns and rows these are, in a line.
    """

    X: NDArray[np.float64]
    y: NDArray[np.int64]
    told: str

    def plane(self, like: Plane) -> Plane:
        """The part of the plane that the examples lie in, with a margin, on the same place of the picture."""
        low, high = self.X.min(axis=0), self.X.max(axis=0)
        margin = 0.06 * (high - low)
        return replace(like, low=_pair(low - margin), high=_pair(high + margin))


@dataclass(frozen=True)
class OwnFile:
    """A file as it was opened; nothing where none was given.

    Attributes:
        name: how it is called. frame: its rows. fault: why it cannot be used, in a sentence.
    """

    name: str = ""
    frame: DataFrame | None = None
    fault: str = ""

    @property
    def columns(self) -> list[str]:
        return [] if self.frame is None else self.frame.columns

    def usual(self) -> tuple[str, str, str] | tuple[None, None, None]:
        """x₁, x₂ and the answer where nobody has chosen: two columns of numbers, and the last one of two values."""
        frame = self.frame
        if frame is None:
            return None, None, None
        two = [name for name in frame.columns if frame[name].drop_nulls().n_unique() == 2]
        answer = two[-1] if two else frame.columns[-1]
        others = [name for name in frame.columns if name != answer]
        others.sort(key=lambda name: not frame[name].dtype.is_numeric())
        return others[0], others[1], answer

    def examples(self, first: str | None, second: str | None, answer: str | None) -> tuple[OwnData | None, str]:
        """These columns as examples; or none, and why, in a sentence."""
        if self.frame is None or first is None or second is None or answer is None:
            return None, self.fault
        try:
            return self._examples(self.frame, (first, second), answer), ""
        except DataError as error:
            return None, str(error)

    def _examples(self, frame: DataFrame, features: tuple[str, str], answer: str) -> OwnData:
        if len({*features, answer}) < 3:
            raise DataError(f"{self.name}: x₁, x₂ and the answer are three different columns; choose each once.")
        numeric = [name for name in features if frame[name].dtype.is_numeric()]
        table = read_table(frame.select(*features, answer), answer, task="classification", number=numeric)
        labels = (table.target.labels or [[]])[0]
        if len(labels) != 2:
            raise DataError(
                f"{self.name}: {answer} has {len(labels)} different values, but the playground answers yes or no: "
                "choose a column of two."
            )
        X = np.column_stack([self._numbers(table, name) for name in features])
        there = np.isfinite(X).all(axis=1)
        y = np.asarray(table.numbers(table.target), np.int64)[there]
        X, notes = X[there], list(table.notes)
        if len(set(y.tolist())) < 2:
            raise DataError(f"{self.name}: of the rows with both numbers, all have the same answer in {answer}.")
        if not there.all():
            notes.append(left_out(int(np.sum(~there)), "row", "without one of the numbers"))
        if len(y) > MOST:
            notes.append(f"{MOST:,} of {len(y):,} rows are drawn")
            drawn = np.sort(stream("own data", 0).permutation(len(y))[:MOST])
            X, y = X[drawn], y[drawn]
        spread = X.std(axis=0)
        for name, width in zip(features, spread, strict=True):
            if not 0 < width < np.inf:
                raise DataError(f"{self.name}: {name} cannot be standardized: its standard deviation is {width:g}.")
        axes = f"across is {features[0]}, upwards {features[1]}, both standardized"
        told = f"{self.name}: {axes}; 1 is {labels[1]}, 0 is {labels[0]}"
        return OwnData((X - X.mean(axis=0)) / spread, y, "; ".join([told, *notes]))

    def _numbers(self, table: Table, name: str) -> NDArray[np.float64]:
        column = table.column(name)
        if column.kind != "number":
            raise DataError(f"{self.name}: {name} holds no numbers ({column.reason}): choose another column.")
        return np.asarray(column.values(table.frame[name], table.row), np.float64)


def opened(path: str | None, uploads: Sequence[Any] = ()) -> OwnFile:
    """The file that was uploaded, or else the one at the path."""
    if not uploads and not path:
        return OwnFile()
    name = uploads[0].name if uploads else str(path)
    try:
        data = uploads[0].contents if uploads else Path(name).read_bytes()
        frame, _ = read_csv(name, data, Markers())
        frame = Markers().removed(frame)
        if frame.width < 3 or frame.height < 2:
            raise DataError(
                f"{name} has {frame.width} columns and {frame.height} rows, but the playground takes two columns of "
                "numbers and one of answers."
            )
    except DataError as error:
        return OwnFile(name, fault=str(error))
    except OSError as error:
        return OwnFile(name, fault=f"{name} cannot be read: {error.strerror}.")
    return OwnFile(name, frame)


def _pair(numbers: NDArray[np.float64]) -> tuple[float, float]:
    return float(numbers[0]), float(numbers[1])

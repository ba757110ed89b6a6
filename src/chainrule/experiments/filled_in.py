"""Columns that are filled in, or empty, only where the answer is one of the labels: they may be written with it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from chainrule.data.columns import USED, option
from chainrule.names import counted

if TYPE_CHECKING:
    from chainrule.data.tables import Table
    from chainrule.data.targets import Target

FEW = 20
"""Of fewer rows on a side nothing is said."""

PURE, COVERS, COMMON = 0.99, 0.5, 0.8
"""Such a part of a side's rows has the label, that side has such a part of the label's rows, and of a label that more
rows have nothing is said."""

TOLD = 5
"""So many columns are told of."""


@dataclass(frozen=True)
class FilledIn:
    """A column with a side, filled in or empty, on which all rows have a label.

    Args:
        column: its name. side: "filled in for" or "empty in". rows: on that side, of all.
        label: with the target's name.
        pure, covers: which part of that side's rows has the label, and of the label's rows is on that side.
    """

    column: str
    side: str
    rows: int
    of: int
    label: str
    pure: float
    covers: float

    def __str__(self) -> str:
        return (
            f"{self.column} is {self.side} {self.rows:,} of {counted(self.of, 'row')}, and {self.pure:.3g}% of these "
            f"have {self.label}, {self.covers:.3g}% of all that have it: is it known when you predict? If not, train "
            f"with {option('ignore', self.column)}"
        )


def filled_in(table: Table, target: Target) -> list[FilledIn]:
    """The columns of a table that are so, of one column of labels to predict."""
    if target.classes is None or len(table) < FEW:
        return []
    Y = table.numbers(target)
    m, n = len(Y), len(target.classes)
    each = np.bincount(Y, minlength=n)
    found = []
    for column in table.columns:
        series = table.frame[column.name]
        if column.kind not in USED or not series.null_count():
            continue
        there = series.is_not_null().to_numpy()
        for side, rows in (("filled in for", there), ("empty in", ~there)):
            on_side = np.bincount(Y[rows], minlength=n)
            most, size = int(on_side.argmax()), int(rows.sum())
            pure, covers = on_side[most] / max(size, 1), on_side[most] / each[most]
            if size >= FEW and pure >= PURE and covers >= COVERS and each[most] <= COMMON * m:
                label = f"{target.names[0]} {target.classes[most]}"
                found.append(FilledIn(column.name, side, size, m, label, 100 * pure, 100 * covers))
                break
    return found


def sentences_on_gaps(table: Table, target: Target) -> list[str]:
    """A question on each such column."""
    found = filled_in(table, target)
    more = [f"{counted(len(found) - TOLD, 'other column')} do so, too"] if len(found) > TOLD else []
    return [*map(str, found[:TOLD]), *more]

"""Columns that are filled in, or empty, only where the answer is one of the labels: they may be written with it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from chainrule.data.columns import USED, as_labels, option
from chainrule.names import counted

if TYPE_CHECKING:
    from chainrule.data.tables import Table
    from chainrule.data.targets import Target

FEW = 20
"""Of fewer rows on a side nothing is said."""

PURE, COVERS, COMMON = 0.99, 0.5, 0.8
"""Such a part of a side's rows has the label, that side has such a part of the label's rows, and of a label that more
rows have nothing is said."""

SAMPLED = 50_000
"""About so many rows tell."""

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
    """The columns of a table that are so, of one column of labels to predict; of a large one by some of its rows."""
    with_gaps = [c.name for c in table.columns if c.kind in USED and table.frame[c.name].null_count()]
    if target.classes is None or len(table) < FEW or not with_gaps:
        return []
    [name], step, n = target.names, max(1, len(table) // SAMPLED), len(target.classes)
    labels = as_labels(table.column(name), table.frame[name].gather_every(step), table.row[::step])
    Y = target.numbers({name: labels}, table.name)
    each = np.bincount(Y, minlength=n)
    found = []
    for column in with_gaps:
        series = table.frame[column]
        there = series.gather_every(step).is_not_null().to_numpy()
        empty = series.null_count()
        for side, rows, size in (("filled in for", there, len(table) - empty), ("empty in", ~there, empty)):
            on_side = np.bincount(Y[rows], minlength=n)
            most, met = int(on_side.argmax()), int(on_side.sum())
            pure, covers = on_side[most] / max(met, 1), on_side[most] / each[most]
            if met >= FEW and pure >= PURE and covers >= COVERS and each[most] <= COMMON * len(Y):
                label = f"{name} {target.classes[most]}"
                found.append(FilledIn(column, side, size, len(table), label, 100 * pure, 100 * covers))
                break
    return found


def sentences_on_gaps(table: Table, target: Target) -> list[str]:
    """A question on each such column."""
    found = filled_in(table, target)
    more = [f"{counted(len(found) - TOLD, 'other column')} likewise"] if len(found) > TOLD else []
    return [*map(str, found[:TOLD]), *more]

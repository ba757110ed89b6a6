"""Parts a series into what came before and what came after: the only honest way to hold something out."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from chainrule.data.cells import places_in
from chainrule.errors import DataError

Rows = NDArray[np.intp]

FOLDS, SMALL, ENOUGH = 3, 1_000, 5_000
"""How many parts are held out one after the other; of SMALL windows or more one less, of more than ENOUGH one."""

SHARE = 6
"""Each of them is one of so many parts of the windows."""

FEWEST = 5
"""So many windows must come before those that are held out."""


def some_of(rows: Rows, most: int) -> Rows:
    """So many of the rows at most, from all over them, and in step with nothing that comes again and again."""
    return rows if len(rows) <= most else rows[places_in(len(rows), most)]


def cut(last: Rows, strand: Rows, horizon: int, rows: Rows, share: float, name: str) -> tuple[Rows, Rows]:
    """The windows that end before those begin that are held out, and these: of each series what came last.

    Args:
        last: (m,) the row that each window ends with. strand: (m,) which series it is of. rows: which windows to part.
        share: how many of each series to hold out, rounded up. name: of the data, for messages.

    Raises:
        DataError: there is not enough before.
    """
    earlier, later = [], []
    for of_one in _strands(strand, rows):
        size = int(np.ceil(len(of_one) * share))
        after = of_one[len(of_one) - size :]
        before = of_one[last[of_one] + horizon <= last[after[0]]] if size else of_one
        if len(before):
            earlier.append(before)
            later.append(after)
        else:
            earlier.append(of_one)
    before, after = (np.sort(np.concatenate(part)) if part else rows[:0] for part in (earlier, later))
    if len(before) < 2 or not len(after):
        raise DataError(f"{name} is too short: too few examples end before those begin that are held out.")
    return before, after


def rolling(last: Rows, strand: Rows, horizon: int, rows: Rows) -> list[tuple[Rows, Rows]]:
    """Pairs of windows to learn from and of the ones after them to judge by, the earliest origin first.

    The forecast origin rolls on through these windows (Tashman, 2000). Nothing where they are too few.
    """
    found: list[tuple[Rows, Rows]] = []
    left = rows
    for i in range(FOLDS if len(rows) < SMALL else FOLDS - 1 if len(rows) <= ENOUGH else 1):
        try:
            before, after = cut(last, strand, horizon, left, 1 / (SHARE - i), "")
        except DataError:
            break
        if len(before) < FEWEST:
            break
        found.append((before, after))
        left = np.setdiff1d(left, after, assume_unique=True)
    return found[::-1]


def _strands(strand: Rows, rows: Rows) -> list[Rows]:
    """The windows of each series."""
    order = rows[np.argsort(strand[rows], kind="stable")]
    ends = np.flatnonzero(np.diff(strand[order])) + 1
    return [part for part in np.split(order, ends) if len(part)]

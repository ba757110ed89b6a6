"""Labels as columns: what the cross-entropy takes, and which class each example is."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from chainrule.errors import DataError, ShapeError, shown
from chainrule.notes.shapes import Matrix

FEW = 4
"""So many labels are told one by one."""

NEAR = 1e-6
"""Shares of the classes add up to 1 within this."""


def check_targets(Y: Matrix, n: int) -> None:
    """See to it that the cross-entropy of n outputs takes Y: from 0 to 1, and of several a row for each class.

    Raises:
        ShapeError: Y has not n rows.
        DataError: Y has labels of another kind.
    """
    m = Y.shape[1]
    if len(Y) == 1 < n:
        raise ShapeError(
            f"Y is {Y.shape}, a row of labels, but {n} outputs take a row for each class, ({n}, {m}): "
            f"{_one_hot(Y, n)} makes it so; classes are counted from 0."
        )
    if len(Y) != n:
        raise ShapeError(f"Y is {Y.shape}, but of {n} output{'s' * (n > 1)} and {m} examples it is ({n}, {m}).")
    if Y.min() < 0 or Y.max() > 1:
        raise DataError(f"Y {_held(Y)}, but the cross-entropy takes labels from 0 to 1{_from_zero(Y)}.")
    if n > 1:
        _check_shares(Y)


def classes_of(Y: Matrix, n: int) -> Matrix:
    """The class of each example, (1, m) of 0, 1, … below n: of Y (1, m) itself, of one-hot Y (n, m) the row of the 1.

    Raises:
        ShapeError: Y has neither one row nor n.
        DataError: Y holds labels that are none of the classes.
    """
    if len(Y) == n > 1:
        _check_shares(Y)
        return np.asarray(Y.argmax(axis=0)[None, :], np.float64)
    if len(Y) != 1:
        raise ShapeError(f"Y is {Y.shape}, but for {n} classes it is (1, m), or one-hot ({n}, m).")
    if set(np.unique(Y).tolist()) <= set(range(n)):
        return Y
    raise DataError(f"Y {_held(Y)}, but the network knows {_counted(n)}{_from_zero(Y, n)}.")


def _check_shares(Y: Matrix) -> None:
    """See to it that each column of Y adds up to 1."""
    wrong = (Y < 0).any(axis=0) | (np.abs(Y.sum(axis=0) - 1) > NEAR)
    if wrong.any():
        i = int(wrong.argmax())
        raise DataError(
            f"column {i} of Y is {shown(Y[:, i].tolist())}, but with {len(Y)} rows it is one-hot: a single 1, in the "
            "row of its class."
        )


def _one_hot(Y: Matrix, n: int) -> str:
    """The line that makes one-hot columns of a row of labels."""
    first = " - 1" if Y.min() == 1 and Y.max() == n else ""
    return f"np.eye({n})[:, np.ravel(Y).astype(int){first}]"


def _held(Y: Matrix) -> str:
    found = np.unique(Y)
    return f"holds {_listed(found)}" if len(found) <= FEW else f"goes from {found[0]:g} to {found[-1]:g}"


def _counted(n: int) -> str:
    return _listed(np.arange(n)) if n <= FEW else f"0, 1, … {n - 1}"


def _listed(values: NDArray[Any]) -> str:
    """0, 1 and 2."""
    return " and ".join(", ".join(f"{value:g}" for value in values).rsplit(", ", 1))


def _from_zero(Y: Matrix, n: int = 2) -> str:
    """The way out, where it is known: of labels that are counted from 1, or are −1 and 1."""
    found = set(np.unique(Y).tolist())
    if n in found and found <= set(range(1, n + 1)):
        return f": Y - 1 makes them {_counted(n)}"
    if n == 2 and -1 in found and found <= {-1.0, 1.0}:
        return ": (Y + 1) / 2 makes them 0 and 1"
    return ""

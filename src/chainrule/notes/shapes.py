"""The notes' shapes: examples are columns, X is (n_x, m), Y is (1, m); and how they meet the engine's rows."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from chainrule.errors import DataError, ShapeError
from chainrule.names import counted

Matrix = NDArray[np.float64]

ALL = 3
"""So many examples are written one by one."""


def matrix(name: str, value: Any) -> Matrix:
    """`value` as a float64 matrix.

    Raises:
        ShapeError: it has not two axes.
        DataError: it is not made of numbers.
    """
    try:
        array = np.asarray(value, dtype=np.float64)
    except (TypeError, ValueError):
        raise DataError(f"{name} must be a matrix of numbers.") from None
    if array.ndim != 2:
        raise ShapeError(
            f"{name} is {array.shape}, but must be a matrix: "
            f"as a row it is {name}.reshape(1, -1), as a column {name}.reshape(-1, 1)."
        )
    return array


def examples(X: Any, Y: Any, called: str = "X") -> tuple[Matrix, Matrix]:
    """X (n_x, m) and Y (n_y, m), checked; Y may come as (m,).

    Args:
        called: what messages call X.

    Raises:
        ShapeError: X and Y have not the same number of columns, or there is none.
        DataError: they are not made of finite numbers.
    """
    X = matrix(called, X)
    Y = matrix("Y", np.reshape(Y, (1, -1)) if np.ndim(Y) == 1 else Y)
    if X.shape[1] != Y.shape[1]:
        raise ShapeError(
            f"{called} is {X.shape} and Y is {Y.shape}: both must have m columns, one for each example. "
            f"Rows of examples become columns with {called}.T."
        )
    if X.shape[1] == 0:
        raise ShapeError(f"{called} is {X.shape}: there is no example in it.")
    for name, values in ((called, X), ("Y", Y)):
        if not np.isfinite(values).all():
            raise DataError(f"{name} holds NaN or infinity.")
    return X, Y


def stretches(shape: tuple[int, ...], to: tuple[int, ...]) -> bool:
    """Whether broadcasting makes an array of the one shape that of the other."""
    try:
        return np.broadcast_shapes(shape, to) == to
    except ValueError:
        return False


def progress_of(costs: Sequence[float]) -> str:
    """The costs of a training in words."""
    return f"J from {costs[0]:.4f} to {costs[-1]:.4f} in {len(costs)} iterations" if costs else "no iterations"


@dataclass(frozen=True)
class Notation:
    """A training set in the notes' notation; printing it says the shapes.

    Attributes:
        X: (n_x, m), example i is column i.
        Y: (1, m).
    """

    X: Matrix
    Y: Matrix

    @property
    def m(self) -> int:
        """The number of examples."""
        return int(self.X.shape[1])

    @property
    def n_x(self) -> int:
        """The number of features of an example."""
        return int(self.X.shape[0])

    def __str__(self) -> str:
        examples, features = "example" + "s" * (self.m > 1), "feature" + "s" * (self.n_x > 1)
        return (
            f"m = {self.m} {examples} (x^(i), y^(i)), n_x = {self.n_x} {features} each\n"
            f"X = [{_in_a_row('x', self.m)}] is {self.X.shape} = (n_x, m)\n"
            f"Y = [{_in_a_row('y', self.m)}] is {self.Y.shape} = (1, m)"
        )


def _in_a_row(letter: str, m: int) -> str:
    """x^(1) x^(2) … x^(m), without dots where nothing is left out."""
    if m <= ALL:
        return " ".join(f"{letter}^({i})" for i in range(1, m + 1))
    return f"{letter}^(1) {letter}^(2) … {letter}^({m})"


def stack_examples(xs: Sequence[Any], ys: Sequence[Any]) -> Notation:
    """Put the examples x^(1) … x^(m) side by side as the columns of X, and y^(1) … y^(m) as Y (the notes, "notation").

    Args:
        xs: m vectors of n_x numbers; a picture counts as the vector of all its numbers.
        ys: m numbers.

    Raises:
        ShapeError: the vectors differ in length, or are not as many as the numbers.
        DataError: there is no example, or one is not made of finite numbers.
    """
    if len(xs) == 0:
        raise DataError("there is no example to stack.")
    columns = [np.ravel(x) for x in xs]
    odd = [i for i, x in enumerate(columns, 1) if len(x) != len(columns[0])]
    if odd:
        raise ShapeError(
            f"x^(1) has {len(columns[0])} features, but x^({odd[0]}) has {len(columns[odd[0] - 1])}: all need n_x."
        )
    labels = np.reshape(ys, (1, -1))
    if labels.size != len(columns):
        vectors, numbers = counted(len(columns), "vector"), counted(labels.size, "number")
        raise ShapeError(f"there are {vectors} x, but {numbers} y: each example has one.")
    return Notation(*examples(np.stack(columns, axis=1), labels))

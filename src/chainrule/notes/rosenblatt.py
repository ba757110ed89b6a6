"""The perceptron: one unit with a step, and the rule that teaches it (the notes, "the perceptron")."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np

from chainrule import ops
from chainrule.checking import whole
from chainrule.errors import DataError
from chainrule.notes.shapes import Matrix, examples, matrix


@dataclass(frozen=True)
class Perceptron:
    """What the rule found.

    Attributes:
        w: (n_x, 1).
        b: number.
        mistakes: how many examples were corrected in each pass.
        updates: the pass and the example of each mistake, both from 0, in their order.
        converged: whether the last pass made no mistake: the examples are linearly separable.
    """

    w: Matrix
    b: float
    mistakes: list[int]
    converged: bool
    updates: list[tuple[int, int]] = field(default_factory=list, repr=False)

    def predict(self, X: Any) -> Matrix:
        """1 where wᵀx + b > 0, else 0: (1, m)."""
        return (self.w.T @ matrix("X", X) + self.b > 0).astype(np.float64)

    def __str__(self) -> str:
        ended = "separated" if self.converged else "not separated"
        return f"w = {self.w[:, 0].round(4).tolist()}, b = {self.b:g}; mistakes a pass: {self.mistakes}; {ended}"


def perceptron(X: Any, Y: Any, iterations: int) -> Perceptron:
    """Rosenblatt's rule: for an example on the wrong side, w := w + y x and b := b + y, y = ±1 (Rosenblatt, 1958).

    It starts from zeros, passes over the examples in order, and ends with the first pass without a mistake. If the
    examples are linearly separable there is one (Novikoff, 1962); if not, the passes run out and `converged` is False.

    Args:
        X: (n_x, m).
        Y: (1, m) of 0 and 1, or of −1 and +1.
        iterations: passes over all examples, at most.

    Raises:
        DataError: other labels.
        ShapeError, OptionError: X and Y do not fit, or the number of passes is below 1.
    """
    X, Y = examples(X, Y)
    values = set(np.unique(Y).tolist())
    if not (values <= {0.0, 1.0} or values <= {-1.0, 1.0}):
        raise DataError(f"Y holds {sorted(values)}, but the perceptron takes labels 0 and 1, or -1 and +1.")
    signs = np.where(Y > 0, 1.0, -1.0)
    w, b = np.zeros((X.shape[0], 1)), 0.0
    mistakes: list[int] = []
    updates: list[tuple[int, int]] = []
    for _ in range(whole("iterations", iterations)):
        mistakes.append(0)
        for i in range(X.shape[1]):
            x, y = X[:, i : i + 1], signs[:, i]
            _, backward = ops.perceptron.differentiate((w.T @ x + b)[:, 0], y)
            dz = float(backward(1.0)[0][0])  # −y on the wrong side, 0 on the right one
            if dz:
                w, b = w - dz * x, b - dz
                updates.append((len(mistakes) - 1, i))
                mistakes[-1] += 1
        if mistakes[-1] == 0:
            break
    return Perceptron(w, b, mistakes, mistakes[-1] == 0, updates)

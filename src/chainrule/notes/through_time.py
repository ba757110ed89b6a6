"""A recurrent network unrolled, and its gradient through time (the notes' "RNN").

One sequence at a time, its steps as columns: X is (n_x, T), A is (n, T).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from chainrule import ops
from chainrule.charts import COLOURS, Chart, Line, Panel
from chainrule.errors import ShapeError
from chainrule.notes.shapes import Matrix, matrix

if TYPE_CHECKING:
    from matplotlib.figure import Figure


@dataclass(frozen=True)
class Unrolled:
    """A sequence on its way through a recurrent layer, a column for each step.

    Attributes:
        X: (n_x, T). W: (n, n_x). U: (n, n). b: (n, 1). A: (n, T), the states A_1 to A_T; A_0 is 0.
    """

    X: Matrix
    W: Matrix
    U: Matrix
    b: Matrix
    A: Matrix

    def __str__(self) -> str:
        lines = ["A_0 = 0"]
        for t in range(1, self.A.shape[1] + 1):
            numbers = "  ".join(f"{value + 0.0:.4g}" for value in self.A[:, t - 1].round(4))
            lines.append(f"A_{t} = tanh(W X_{t} + U A_{t - 1} + b) = [{numbers}]")
        return "\n".join(lines)

    def backward(self, dA: Any = None) -> ThroughTime:
        """From the last step to the first: dZ_t = dA_t · (1 − A_t²), then dA_{t−1} = Uᵀ dZ_t.

        Args:
            dA: (n, T), what each state is worth to the cost by itself; by default 1 for each unit of A_T alone.

        Raises:
            ShapeError: dA has not the shape of A.
        """
        n, T = self.A.shape
        own = np.zeros((n, T)) if dA is None else matrix("dA", dA)
        if own.shape != self.A.shape:
            raise ShapeError(f"dA is {own.shape}, but A is {self.A.shape}: dA has the shape of A.")
        if dA is None:
            own[:, -1] = 1.0
        all_of_it, dZ = own.copy(), np.zeros((n, T))
        for t in range(T - 1, -1, -1):
            dZ[:, t] = all_of_it[:, t] * (1 - self.A[:, t] ** 2)
            if t:
                all_of_it[:, t - 1] += self.U.T @ dZ[:, t]
        before = np.concatenate([np.zeros((n, 1)), self.A[:, :-1]], axis=1)
        return ThroughTime(all_of_it, dZ @ self.X.T, dZ @ before.T, dZ.sum(axis=1, keepdims=True))


@dataclass(frozen=True)
class ThroughTime:
    """The derivatives of one sequence; those by W, U and b are sums over the steps, since all steps share them.

    Attributes:
        dA: (n, T), by each state. dW, dU, db: of the shapes of W, U and b.
    """

    dA: Matrix
    dW: Matrix
    dU: Matrix
    db: Matrix

    @property
    def lengths(self) -> Matrix:
        """(T,), ‖dA_t‖: how much the cost still feels of each step."""
        return np.asarray(np.linalg.norm(self.dA, axis=0))

    def __str__(self) -> str:
        lengths = self.lengths
        shown = [k for k in range(len(lengths)) if k < 3 or k >= len(lengths) - 3]
        lines = [f"‖dA_{k + 1}‖ = {lengths[k]:.3g}" for k in shown]
        if len(shown) < len(lengths):
            lines.insert(3, "…")
        return "\n".join(lines)


def unroll(X: Any, W: Any, U: Any, b: Any = None) -> Unrolled:
    """A_t = tanh(W X_t + U A_{t−1} + b), step by step from A_0 = 0: the same W, U and b at every step.

    Args:
        X: (n_x, T), a step in each column. W: (n, n_x). U: (n, n). b: (n, 1), or None for zeros.

    Raises:
        ShapeError: the dimensions do not fit, or there is no step.
    """
    X, W, U = matrix("X", X), matrix("W", W), matrix("U", U)
    n = len(W)
    b = np.zeros((n, 1)) if b is None else matrix("b", b)
    if W.shape[1] != len(X) or U.shape != (n, n) or b.shape != (n, 1) or X.shape[1] == 0:
        raise ShapeError(
            f"X is {X.shape}, W {W.shape}, U {U.shape}, b {b.shape}, but must be (n_x, T), (n, n_x), (n, n), (n, 1)."
        )
    A = np.asarray(ops.rnn(X.T[None], W, U, b[:, 0]))[0].T
    return Unrolled(X, W, U, b, A)


def plot_through_time(*found: tuple[str, ThroughTime]) -> Figure:
    """‖dA_t‖ over the steps, on a logarithmic scale: a line for each name and its derivatives."""
    lines = []
    for k, (name, derivatives) in enumerate(found):
        with np.errstate(divide="ignore"):
            heights = np.log10(derivatives.lengths)
        lines.append(Line(np.arange(1.0, len(heights) + 1), heights, COLOURS[k % len(COLOURS)], name, dots=True))
    panel = Panel("How much of the cost each step still feels", "step t", "log₁₀ ‖dA_t‖", lines, whole=True)
    return Chart("The gradient through time", [panel], 620, 340).figure()

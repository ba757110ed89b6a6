"""Logistic regression as a neural network: one neuron, ŷ = σ(wᵀx + b) (the notes, "logistic regression").

w is (n_x, 1), b a number, X (n_x, m), Y (1, m).
"""

from __future__ import annotations

import itertools
import math
import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from chainrule import ops
from chainrule.checking import real, whole
from chainrule.errors import ShapeError
from chainrule.layers import Dense, Network
from chainrule.notes.labels import check_targets, classes_of
from chainrule.notes.shapes import Matrix, examples, matrix, progress_of
from chainrule.randomness import stream

if TYPE_CHECKING:
    from matplotlib.figure import Figure


def predict(w: Any, b: float, X: Any) -> Matrix:
    """Ŷ = σ(wᵀX + b), (1, m): the probability of y = 1 for each example."""
    b, X = _bias(b), matrix("X", X)
    return np.asarray(ops.sigmoid(_weights(w, X).T @ X + b))


def predict_theta(theta: Any, X: Any) -> Matrix:
    """Ŷ = σ(θᵀx) with x₀ = 1: the other convention, where θ = (b, w₁, …, w_{n_x}) holds the bias as θ₀.

    Args:
        theta: (n_x + 1, 1).
        X: (n_x, m), without the row of ones.
    """
    X = matrix("X", X)
    with_ones = np.vstack([np.ones((1, X.shape[1])), X])
    return np.asarray(ops.sigmoid(_weights(theta, with_ones, "θ").T @ with_ones))


def to_theta(w: Any, b: float) -> Matrix:
    """θ = (b, w): from the one convention to the other."""
    return np.vstack([[[float(b)]], np.reshape(w, (-1, 1))])


def squared_error(y_hat: float, y: float) -> float:
    """L(ŷ, y) = ½ (ŷ − y)², the loss of one example. Of logistic regression it makes a J that is not convex.

    The notes once write 1/3 for the 1/2, by a slip of the pen.
    """
    return float(ops.squared_error(*_of_one(y_hat, y, "np.mean((A - Y)**2) / 2")))


def cross_entropy(y_hat: float, y: float) -> float:
    """L(ŷ, y) = −(y ln ŷ + (1 − y) ln(1 − ŷ)), the loss of one example. Of logistic regression it makes J convex."""
    return float(ops.binary_cross_entropy(*_of_one(y_hat, y, "notes.cost(A, Y)")))


def propagate_loop(w: Any, b: float, X: Any, Y: Any) -> tuple[dict[str, Any], float]:
    """Cost and derivatives with the notes' two explicit loops, over the examples and over the features.

    The notes write `db := dz` inside the loop over examples; it accumulates, `db += dz`, as dw does.

    Returns:
        dw (n_x, 1) and db (a number) by name, and J.

    Raises:
        ShapeError: X, Y and w do not fit.
        DataError: Y holds labels beyond 0 and 1.
    """
    b = _bias(b)
    X, Y = examples(X, Y)
    check_targets(Y, 1)
    w = _weights(w, X)
    n_x, m = X.shape
    J, db = 0.0, 0.0
    dw = [0.0] * n_x
    for i in range(m):
        z = b
        for j in range(n_x):
            z += w[j, 0] * X[j, i]
        a = 1 / (1 + math.exp(-z)) if z >= 0 else math.exp(z) / (1 + math.exp(z))
        y = Y[0, i]
        # −(y ln a + (1 − y) ln(1 − a)), written with z so that it never meets ln 0
        J += max(z, 0.0) - y * z + math.log1p(math.exp(-abs(z)))
        dz = a - y
        for j in range(n_x):
            dw[j] += X[j, i] * dz
        db += dz
    return {"dw": np.array([[d / m] for d in dw]), "db": db / m}, J / m


def propagate(w: Any, b: float, X: Any, Y: Any) -> tuple[dict[str, Any], float]:
    """Cost and derivatives without a loop: dZ = A − Y, dw = 1/m X dZᵀ, db = 1/m Σ dZ (the notes, "vectorization").

    The notes' line for J lacks its minus sign: J = −1/m Σ (Y ln A + (1 − Y) ln(1 − A)).

    Returns:
        dw (n_x, 1) and db (a number) by name, and J.

    Raises:
        ShapeError: X, Y and w do not fit.
        DataError: Y holds labels beyond 0 and 1.
    """
    b = _bias(b)
    X, Y = examples(X, Y)
    check_targets(Y, 1)
    Z = _weights(w, X).T @ X + b
    J, backward = ops.sigmoid_binary_cross_entropy.differentiate(Z.T, Y.T)
    dZ = backward(1.0)[0].T  # (A − Y) / m: the operation differentiates the mean over the examples
    return {"dw": X @ dZ.T, "db": float(dZ.sum())}, float(J)


@dataclass(frozen=True)
class Comparison:
    """Times of the loops and of the vectorized form on growing data.

    Attributes:
        rows: one dict for each size: n_x, m, seconds of "loops" and of "vectorized", and their "ratio".
    """

    rows: list[dict[str, float]]

    def __str__(self) -> str:
        lines = [f"{'n_x':>6} {'m':>7} {'loops':>10} {'vectorized':>11} {'ratio':>8}"]
        lines += [
            f"{row['n_x']:>6.0f} {row['m']:>7.0f} {1e3 * row['loops']:>7.2f} ms {1e3 * row['vectorized']:>8.3f} ms"
            f" {row['ratio']:>8.0f}"
            for row in self.rows
        ]
        return "\n".join(lines)

    def plot(self) -> Figure:
        """Both times against m, a pair of lines for each n_x, on logarithmic axes."""
        from chainrule.extras import matplotlib

        figure = matplotlib.figure.Figure(figsize=(7.5, 4), layout="constrained")
        axes = figure.subplots()
        for n_x, dashes in zip(
            sorted({row["n_x"] for row in self.rows}), itertools.cycle(("-", "--", ":")), strict=False
        ):
            rows = [row for row in self.rows if row["n_x"] == n_x]
            for key, colour in (("loops", "#d1603d"), ("vectorized", "#1f6f8b")):
                milliseconds = [1e3 * row[key] for row in rows]
                label = f"{key}, n_x = {n_x:.0f}"
                axes.loglog([row["m"] for row in rows], milliseconds, f"o{dashes}", color=colour, label=label)
        axes.set_xlabel("m")
        axes.set_ylabel("milliseconds for J, dw, db")
        axes.grid(alpha=0.25, which="both")
        axes.spines[["top", "right"]].set_visible(False)
        figure.legend(frameon=False, loc="outside right upper")
        return figure


def compare_vectorization(
    ms: Sequence[int] = (100, 1000, 4000), n_xs: Sequence[int] = (2, 20, 100), *, repeats: int = 3, seed: int = 0
) -> Comparison:
    """Time `propagate_loop` against `propagate`, in turn, on random data of growing m and n_x; medians of `repeats`."""
    random = stream("vectorization", seed)
    rows = []
    for n_x in n_xs:
        for m in ms:
            X, Y = random.standard_normal((n_x, m)), (random.random((1, m)) < 0.5).astype(float)
            w = random.standard_normal((n_x, 1))
            times: dict[str, list[float]] = {"loops": [], "vectorized": []}
            for _ in range(whole("repeats", repeats)):
                for name, form in (("loops", propagate_loop), ("vectorized", propagate)):
                    began = time.perf_counter()
                    form(w, 0.0, X, Y)
                    times[name].append(time.perf_counter() - began)
            loops, vectorized = (float(np.median(times[name])) for name in ("loops", "vectorized"))
            row = {"n_x": float(n_x), "m": float(m), "loops": loops, "vectorized": vectorized}
            rows.append(row | {"ratio": loops / vectorized})
    return Comparison(rows)


@dataclass(frozen=True)
class LogisticRegression:
    """What gradient descent on J(w, b) found.

    Attributes:
        w: (n_x, 1).
        b: number.
        costs: J before each update.
    """

    w: Matrix
    b: float
    costs: list[float]

    def __str__(self) -> str:
        return f"w {self.w.shape}, b = {self.b:.4g}; {progress_of(self.costs)}"

    def to_network(self) -> Network:
        """The same as a `chainrule.Network` of one unit, float64: `cr.draw(found.to_network(), neurons=True)`."""
        network = Network([Dense(1, "sigmoid")], seed=0, dtype="float64", input_shape=len(self.w))
        network.set_parameters({"W1": self.w.T, "b1": [self.b]})
        return network

    def predict(self, X: Any) -> Matrix:
        """1 where ŷ > 0.5, else 0: (1, m)."""
        return (predict(self.w, self.b, X) > 0.5).astype(np.float64)

    def accuracy(self, X: Any, Y: Any) -> float:
        """The percentage of examples predicted right, of labels 0 and 1.

        Raises:
            DataError: Y holds other labels.
        """
        X, Y = examples(X, Y)
        return float(100 * np.mean(self.predict(X) == classes_of(Y, 2)))


def logistic_regression(X: Any, Y: Any, alpha: float, iterations: int) -> LogisticRegression:
    """Start from w = 0 and b = 0, and repeat w := w − α dw, b := b − α db (the notes, "gradient descent").

    Args:
        X: (n_x, m).
        Y: (1, m) of 0 and 1.
        alpha: the learning rate.

    Raises:
        ShapeError, DataError, OptionError: X and Y do not fit, or α or the iterations are out of range.
    """
    X, Y = examples(X, Y)
    real("alpha", alpha, low=0)
    w, b = np.zeros((X.shape[0], 1)), 0.0
    costs = []
    for _ in range(whole("iterations", iterations, at_least=0)):
        d, J = propagate(w, b, X, Y)
        costs.append(J)
        w, b = w - alpha * d["dw"], b - alpha * d["db"]
    return LogisticRegression(w, b, costs)


def plot_losses(X: Any = None, Y: Any = None, low: float = -10.0, high: float = 10.0) -> Figure:
    """J along a line in w for both losses: the squared error's has flat parts and is not convex, the other's is convex.

    Args:
        X: (1, m), by default a few examples that show it.
        Y: (1, m).
        low, high: the ends of the line.
    """
    from chainrule.extras import matplotlib

    w, J = losses_along_a_line(X, Y, low, high)
    figure = matplotlib.figure.Figure(figsize=(9, 3.6), layout="constrained")
    titles = {"squared_error": "squared error: not convex", "cross_entropy": "cross-entropy: convex"}
    for axes, (name, title) in zip(figure.subplots(1, 2), titles.items(), strict=True):
        axes.plot(w, J[name], color="#1f6f8b", linewidth=2)
        axes.set_title(title)
        axes.set_xlabel("w")
        axes.set_ylabel("J(w)")
        axes.grid(alpha=0.25)
        axes.spines[["top", "right"]].set_visible(False)
    return figure


def losses_along_a_line(
    X: Any = None, Y: Any = None, low: float = -10.0, high: float = 10.0, points: int = 401
) -> tuple[Matrix, dict[str, Matrix]]:
    """w from low to high, and J(w) with b = 0 for "squared_error" and "cross_entropy"."""
    X, Y = examples(_LINE_X if X is None else X, _LINE_Y if Y is None else Y)
    if X.shape[0] != 1:
        raise ShapeError(f"X is {X.shape}, but the line in w needs one feature: (1, m).")
    line = np.linspace(low, high, whole("points", points, at_least=2))
    Z = line[:, None] * X
    targets = np.broadcast_to(Y, Z.shape)
    squared = [float(ops.squared_error(ops.sigmoid(z), y)) for z, y in zip(Z, targets, strict=True)]
    cross = [float(ops.sigmoid_binary_cross_entropy(z, y)) for z, y in zip(Z, targets, strict=True)]
    return line, {"squared_error": np.array(squared), "cross_entropy": np.array(cross)}


_LINE_X = [[-4.0, -1.0, 0.5, 2.0, 6.0]]
_LINE_Y = [[0.0, 1.0, 0.0, 1.0, 1.0]]


def _of_one(y_hat: Any, y: Any, of_all: str) -> tuple[float, float]:
    """ŷ and y of one example as numbers; `of_all` is what has the mean over all."""
    values = np.asarray(y_hat), np.asarray(y)
    for name, value in zip(("ŷ", "y"), values, strict=True):
        if value.size != 1:
            raise ShapeError(
                f"{name} is {value.shape}, but this is the loss of one example, of two numbers; the mean over all is "
                f"{of_all}."
            )
    return float(values[0].item()), float(values[1].item())


def _bias(b: Any) -> float:
    """b as a number."""
    if np.size(b) != 1:
        raise ShapeError(f"b is {np.shape(b)}, but must be a number: first w (n_x, 1), then b, then X (n_x, m).")
    return real("b", np.asarray(b).item())


def _weights(w: Any, X: Matrix, name: str = "w") -> Matrix:
    column = matrix(name, np.reshape(w, (-1, 1)))
    if len(column) != len(X):
        raise ShapeError(f"{name} is {column.shape}, but X has {len(X)} rows: (n_x, 1) meets (n_x, m).")
    return column

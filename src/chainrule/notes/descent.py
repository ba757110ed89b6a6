"""Gradient descent on functions of one and two numbers, with the path kept (the notes, "gradient descent")."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from chainrule.checking import real, whole
from chainrule.errors import NotFiniteError, OptionError
from chainrule.graph import variable
from chainrule.hyperparameters import Hyperparameters
from chainrule.notes.shapes import Matrix
from chainrule.optimizers import Optimizer, find_optimizer

if TYPE_CHECKING:
    from matplotlib.figure import Figure


@dataclass(frozen=True)
class Path:
    """Where gradient descent went; printing it shows eleven of the steps at most.

    Attributes:
        J: the function.
        points: (steps + 1, 1 or 2), each w or (w, b).
        costs: J at each point.
    """

    J: Callable[..., Any]
    points: Matrix
    costs: list[float]

    def __str__(self) -> str:
        names = ("w", "b")[: self.points.shape[1]]
        last = len(self.costs) - 1
        shown = [*range(0, last, max(1, math.ceil(last / 10))), last]
        lines = ["step" + "".join(f"{name:>12}" for name in (*names, "J"))]
        lines += [f"{k:>4}" + "".join(f"{value:>12.5g}" for value in (*self.points[k], self.costs[k])) for k in shown]
        return "\n".join(lines)

    def plot(self) -> Figure:
        """The function and the path on it: a curve for J(w), level lines for J(w, b)."""
        from chainrule.extras import matplotlib

        figure = matplotlib.figure.Figure(figsize=(5.5, 4), layout="constrained")
        axes = figure.subplots()
        low, high = self.points.min(axis=0), self.points.max(axis=0)
        margin = 0.3 * np.maximum(high - low, 1e-3)
        if self.points.shape[1] == 1:
            w = np.linspace(low[0] - margin[0], high[0] + margin[0], 201)
            axes.plot(w, [float(self.J(value)) for value in w], color="#1f6f8b", linewidth=2)
            axes.plot(self.points[:, 0], self.costs, "o-", color="#d1603d", markersize=4)
            axes.set_ylabel("J(w)")
        else:
            w, b = (np.linspace(low[k] - margin[k], high[k] + margin[k], 81) for k in (0, 1))
            levels = [[float(self.J(x, y)) for x in w] for y in b]
            axes.contour(w, b, levels, levels=18, cmap="viridis", linewidths=0.8)
            axes.plot(*self.points.T, "o-", color="#d1603d", markersize=4)
            axes.set_ylabel("b")
        axes.set_xlabel("w")
        axes.spines[["top", "right"]].set_visible(False)
        return figure


def gradient_descent(
    J: Callable[..., Any],
    start: float | Sequence[float],
    alpha: float,
    iterations: int,
    *,
    optimizer: str | Optimizer = "gradient_descent",
) -> Path:
    """Repeat w := w − α dJ/dw, or for two numbers w := w − α ∂J/∂w and b := b − α ∂J/∂b.

    Args:
        J: a function of one or two numbers, made of + − * / ** and `chainrule.ops`: `lambda w: (w - 3) ** 2`.
        start: w, or (w, b).
        alpha: the learning rate.
        iterations: how many steps.
        optimizer: another rule than α dJ/dw for what is subtracted: a name or an object such as
            `cr.GradientDescent(momentum=0.9)`; its learning rate is `alpha`.

    Raises:
        OptionError: start is neither one nor two numbers, α or the steps are out of range, or the optimizer is unknown.
        NotFiniteError: J became NaN or infinite; α is too large.
    """
    here = np.atleast_1d(np.asarray(start, dtype=np.float64))
    if here.shape not in ((1,), (2,)):
        raise OptionError(f"start is {start!r}, but must be w, or (w, b).")
    real("alpha", alpha, low=0)
    rule = find_optimizer(optimizer)
    if not isinstance(rule, Optimizer):
        raise OptionError("L-BFGS searches along lines, without an α: take another optimizer.")
    slots: dict[str, Any] = {name: np.zeros(len(here)) for name in rule.slots}
    given = Hyperparameters.at(rule, 0)._replace(learning_rate=alpha)
    points, costs = [here], []
    for step in range(whole("iterations", iterations, at_least=0) + 1):
        inputs = [variable(value, name) for value, name in zip(here, ("w", "b"), strict=False)]
        with np.errstate(over="ignore", invalid="ignore"):
            value = J(*inputs)
            value.backward()
        costs.append(float(value.value))
        if not np.isfinite(costs[-1]):
            raise NotFiniteError(f"step {step}: J is {costs[-1]}. Take a smaller alpha than {alpha}.")
        if step < iterations:
            slopes = np.array([np.float64(v.grad) for v in inputs])
            change, slots = rule.step(here, slopes, np.ones(len(here)), given, step + 1, slots)
            here = here - change
            points.append(here)
    return Path(J, np.array(points), costs)

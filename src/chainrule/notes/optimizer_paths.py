"""The paths of optimizers on one valley (the notes' "optimizers")."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from chainrule.charts import COLOURS
from chainrule.errors import NotFiniteError, OptionError
from chainrule.notes.descent import Path, gradient_descent
from chainrule.optimizers import Adagrad, Adam, GradientDescent, Optimizer, RMSProp

if TYPE_CHECKING:
    from matplotlib.figure import Figure


def valley(w: Any, b: Any) -> Any:
    """J(w, b) = w²/20 + b²: twenty times as steep across as along, with its lowest point at (0, 0)."""
    return w**2 / 20 + b**2


OPTIMIZERS: dict[str, Optimizer] = {
    "gradient descent": GradientDescent(0.9),
    "momentum": GradientDescent(0.3, momentum=0.7),
    "Adagrad": Adagrad(2.0),
    "RMSProp": RMSProp(0.4),
    "Adam": Adam(0.6, beta1=0.8, beta2=0.95),
}
"""What is compared, each with an α that suits it on this valley."""


@dataclass(frozen=True)
class Paths:
    """Where optimizers went from one start.

    Attributes:
        J: the function. optimizers: each by the name that it is shown under. paths: where each went.
    """

    J: Callable[..., Any]
    optimizers: Mapping[str, Optimizer]
    paths: dict[str, Path]

    def __str__(self) -> str:
        wide = max(len(name) for name in self.paths)
        lines = [f"{'optimizer':<{wide}}  {'alpha':>6}  {'w':>9}  {'b':>9}  J after {self._iterations} steps"]
        for name, path in self.paths.items():
            w, b = path.points[-1]
            alpha = self.optimizers[name].alpha(0)
            lines.append(f"{name:<{wide}}  {alpha:>6g}  {w:>9.4f}  {b:>9.4f}  {path.costs[-1]:.2e}")
        return "\n".join(lines)

    @property
    def _iterations(self) -> int:
        return len(next(iter(self.paths.values())).costs) - 1

    def plot(self) -> Figure:
        """Each path over the level lines of J in a panel of its own, and J over the steps."""
        from chainrule.extras import matplotlib

        count = len(self.paths) + 1
        columns = min(count, 3)
        rows = -(-count // columns)
        figure = matplotlib.figure.Figure(figsize=(3.6 * columns, 2.6 * rows))
        left, bottom = 0.6 / (3.6 * columns), 0.5 / (2.6 * rows)
        figure.subplots_adjust(left, bottom, 0.99, 1 - 0.3 / (2.6 * rows), wspace=0.22, hspace=0.36)
        panels = list(figure.subplots(rows, columns, squeeze=False).flat)
        every = np.concatenate([path.points for path in self.paths.values()])
        low, high = every.min(axis=0), every.max(axis=0)
        room = 0.12 * np.maximum(high - low, 1e-3)
        w, b = (np.linspace(low[k] - room[k], high[k] + room[k], 33) for k in (0, 1))
        levels = np.array([[float(self.J(x, y)) for x in w] for y in b])
        for k, (name, path) in enumerate(self.paths.items()):
            axes, colour = panels[k], COLOURS[k % len(COLOURS)]
            axes.contour(w, b, np.sqrt(levels - levels.min()), levels=12, colors="#c3c9cf", linewidths=0.7)
            axes.plot(*path.points.T, "o-", color=colour, markersize=2.5, linewidth=1.3)
            axes.set_title(f"{name}, α = {self.optimizers[name].alpha(0):g}", fontsize=10)
            axes.set_xlabel("w", labelpad=1)
            axes.set_ylabel("b", labelpad=1)
            panels[len(self.paths)].plot(np.maximum(path.costs, 1e-300), color=colour, label=name, linewidth=1.5)
        last = panels[len(self.paths)]
        last.set_yscale("log")
        last.set_title("J over the steps", fontsize=10)
        last.legend(frameon=False, fontsize=7)
        for axes in panels[count:]:
            axes.set_visible(False)
        return figure


def compare_optimizers(
    J: Callable[..., Any] = valley,
    start: Sequence[float] = (-9.0, 2.0),
    iterations: int = 40,
    optimizers: Mapping[str, Optimizer] | None = None,
) -> Paths:
    """Let each optimizer go down the same valley from the same start.

    Args:
        J: a function of w and b, as `gradient_descent` takes it.
        start: (w, b).
        iterations: how many steps each goes.
        optimizers: by the names to show them under, with their learning rates; `OPTIMIZERS` by default.

    Raises:
        OptionError: the start is not (w, b), or there is no optimizer, or one of no such rule.
        NotFiniteError: J of one of them became NaN or infinite; it says whose.
    """
    if np.shape(start) != (2,):
        raise OptionError(f"start is {start!r}, but must be (w, b).")
    chosen = dict(OPTIMIZERS if optimizers is None else optimizers)
    if not chosen:
        raise OptionError('optimizers is empty: give some by their names, such as {"Adam": cr.Adam(0.1)}.')
    paths = {}
    for name, optimizer in chosen.items():
        if not isinstance(optimizer, Optimizer):
            raise OptionError(f"{name} is {optimizer!r}, but must be an optimizer with an α, such as cr.Adam(0.1).")
        if callable(optimizer.learning_rate):
            raise OptionError(f"{name} has a schedule of learning rates: give it one, as it is the rules that compare.")
        try:
            paths[name] = gradient_descent(J, start, optimizer.alpha(0), iterations, optimizer=optimizer)
        except NotFiniteError as error:
            raise NotFiniteError(f"{name}: {error}") from None
    return Paths(J, chosen, paths)

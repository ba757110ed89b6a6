"""Curves of the cost, several in one picture."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np

from chainrule.charts import COLOURS, Chart, Line, Panel

if TYPE_CHECKING:
    from matplotlib.figure import Figure


def plot_costs(costs: Mapping[str, Sequence[float]], step: str = "iteration") -> Figure:
    """J over the iterations, a line for each name.

    Args:
        costs: {"α = 0.1": found.costs, …}, as `train` and `logistic_regression` keep them, or `history["loss"]`.
        step: what the horizontal axis counts.
    """
    lines = [
        Line(np.arange(len(J), dtype=np.float64), np.asarray(J, np.float64), COLOURS[k % len(COLOURS)], name)
        for k, (name, J) in enumerate(costs.items())
    ]
    return Chart("cost", [Panel("the cost", step, "J", lines, whole=True)], 640, 360).figure()

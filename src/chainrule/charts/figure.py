"""A chart as a figure of matplotlib: for notebooks, and for files that are no SVG."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from chainrule.charts.axes import axes as axes_of
from chainrule.charts.chart import (
    TRAINING,
    VALIDATION,
    WHITE_FROM,
    Band,
    Bars,
    Cells,
    Chart,
    Histogram,
    Line,
    Mark,
    Panel,
    Points,
    Rule,
    Squares,
)
from chainrule.errors import shortened

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

INCH = 96
"""So many pixels are an inch."""


def figure(chart: Chart) -> Figure:
    """A figure with the axes of each panel."""
    from chainrule.extras import matplotlib

    rows, across = chart.grid
    size = (chart.width * across / INCH, chart.height * rows / INCH)
    made = matplotlib.figure.Figure(figsize=size, layout="constrained")
    places = made.subplots(rows, across, squeeze=False).ravel()
    for axes, panel in zip(places, chart.panels, strict=False):
        _draw_panel(axes, panel)
    for axes in places[len(chart.panels) or 1 :]:
        axes.set_axis_off()
    return made


def _draw_panel(axes: Axes, panel: Panel) -> None:
    from chainrule.extras import matplotlib

    axes.set_title(panel.title, fontsize=11)
    axes.set_xlabel(panel.x)
    axes.set_ylabel(panel.y)
    axes.spines[["top", "right"]].set_visible(False)
    axes.grid(alpha=0.25, linewidth=0.6)
    axes.set_axisbelow(True)
    if panel.whole:
        axes.xaxis.set_major_locator(matplotlib.ticker.MaxNLocator(integer=True))
    for mark in panel.marks:
        _draw(axes, mark)
    x, y = axes_of(panel)
    if panel.ticks:
        axes.set_xticks([place for place, _ in x.ticks], _short([told for _, told in x.ticks]))
    if panel.y_ticks:
        axes.set_yticks([place for place, _ in y.ticks], _short([told for _, told in y.ticks]))
    if any(mark.label for mark in panel.marks):
        axes.legend(frameon=False, fontsize=9)


def _draw(axes: Axes, mark: Mark) -> None:
    label = mark.label or None
    match mark:
        case Line(pale=True):
            axes.plot(mark.x, mark.y, color=mark.colour, label=label, linewidth=0.8, alpha=0.22)
        case Line(thin=True):
            axes.plot(mark.x, mark.y, color=mark.colour, label=label, linewidth=1, linestyle="--")
        case Line():
            marker = "o" if mark.dots or len(mark.x) == 1 else None
            axes.plot(mark.x, mark.y, color=mark.colour, label=label, linewidth=1.8, marker=marker)
        case Band():
            width = 6 if len(mark.x) == 1 else 0
            axes.fill_between(mark.x, mark.low, mark.high, color=mark.colour, alpha=0.2, linewidth=width, label=label)
        case Points():
            axes.scatter(mark.x, mark.y, s=8, alpha=0.5, linewidths=0, color=mark.colour, label=label)
        case Bars():
            places = -np.arange(len(mark.names))
            begins = mark.begins if len(mark.begins) else np.zeros(len(places))
            axes.barh(places, np.subtract(mark.values, begins), left=begins, color=mark.colour, label=label)
            axes.set_yticks(places, _short(mark.names))
            for value, place, told in zip(mark.values, places, mark.told, strict=False):
                if np.isfinite(value):
                    axes.annotate(told, (value, place), (3, 0), textcoords="offset points", va="center", fontsize=9)
        case Histogram():
            alpha = 0.5 if label else 1.0
            axes.stairs(mark.counts, mark.edges, fill=True, color=mark.colour, alpha=alpha, label=label)
        case Cells():
            _draw_cells(axes, mark)
        case Squares():
            _draw_squares(axes, mark)
        case Rule():
            axes.axvline(mark.x, color=mark.colour, linewidth=1, linestyle="--", label=label)


def _draw_cells(axes: Axes, cells: Cells) -> None:
    from chainrule.extras import matplotlib

    n, shares = len(cells.names), cells.shares()
    colours = matplotlib.colors.LinearSegmentedColormap.from_list("shares", ["#ffffff", TRAINING])
    around = (-0.5, n - 0.5, 0.5 - n, 0.5)
    axes.imshow(shares, cmap=colours, vmin=0, vmax=1, extent=around, aspect="auto")
    for (i, j), share in np.ndenumerate(shares):
        size = min(10, 110 / n)
        ink = "white" if share > WHITE_FROM else "black"
        axes.text(j, -i, f"{cells.counts[i, j]:,}", ha="center", va="center", color=ink, fontsize=size)
    axes.set_xticks(range(n), _short(cells.names), rotation=0 if n < 5 else 90)
    axes.set_yticks(-np.arange(n), _short(cells.names))
    axes.grid(visible=False)


def _draw_squares(axes: Axes, squares: Squares) -> None:
    from chainrule.extras import matplotlib

    for (i, j), side in np.ndenumerate(squares.sides()):
        size, colour = 0.94 * abs(side), TRAINING if side > 0 else VALIDATION
        axes.add_patch(
            matplotlib.patches.Rectangle((j - size / 2, -i - size / 2), size, size, color=colour, linewidth=0)
        )
    x, y = squares.extent()
    axes.set(xlim=x, ylim=y, aspect="equal")
    columns = _short(squares.columns)
    axes.set_xticks(range(len(columns)), columns, rotation=0 if len(columns) < 9 else 90)
    axes.set_yticks(-np.arange(len(squares.rows)), _short(squares.rows))
    axes.grid(visible=False)


def _short(names: Sequence[str]) -> list[str]:
    return [shortened(name, 24) for name in names]

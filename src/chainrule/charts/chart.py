"""What a chart says: panels side by side, each with a title, two named axes, and marks."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar

import numpy as np
from numpy.typing import NDArray

from chainrule import files

if TYPE_CHECKING:
    from matplotlib.figure import Figure

TRAINING, VALIDATION, MARK = "#1f6f8b", "#d1603d", "#8a8a8a"

COLOURS = (TRAINING, VALIDATION, "#5b8c3a", "#7b5ea7", "#c29a1d", "#4a525b")
"""Of several things in one panel, again from the first where there are more."""

WHITE_FROM = 0.8
"""From which share of `TRAINING` on white the numbers of a cell read better in white than in black."""

Numbers = Sequence[float] | NDArray[np.float64]
"""NaN and infinity are allowed; they are not drawn."""


@dataclass(frozen=True)
class Line:
    """A line through points (x, y), in pieces where a number is missing.

    Args:
        label: for the legend. dots: whether each point is marked. thin: dashed, to compare with. pale: one of many.
    """

    x: Numbers
    y: Numbers
    colour: str
    label: str = ""
    dots: bool = False
    thin: bool = False
    pale: bool = False

    def extent(self) -> tuple[Numbers, Numbers]:
        return self.x, self.y


@dataclass(frozen=True)
class Band:
    """A pale area over x from `low` to `high`, such as what a forecast leaves open."""

    x: Numbers
    low: Numbers
    high: Numbers
    colour: str
    label: str = ""

    def extent(self) -> tuple[Numbers, Numbers]:
        return self.x, [*self.low, *self.high]


@dataclass(frozen=True)
class Points:
    """A cloud of points (x, y)."""

    x: Numbers
    y: Numbers
    colour: str
    label: str = ""

    def extent(self) -> tuple[Numbers, Numbers]:
        return self.x, self.y


@dataclass(frozen=True)
class Bars:
    """A lying bar for each name, the first one at the top: bar i lies at y = −i, up to its value.

    Args:
        begins: where each begins; nothing for all at 0. told: what is written in each or beside it, if anything.
    """

    names: Sequence[str]
    values: Numbers
    colour: str
    label: str = ""
    begins: Numbers = ()
    told: Sequence[str] = ()

    def extent(self) -> tuple[Numbers, Numbers]:
        return [*(self.begins if len(self.begins) else [0.0]), *self.values], (0.5 - max(len(self.names), 1), 0.5)


@dataclass(frozen=True)
class Histogram:
    """How many examples lie between two neighbours among the n + 1 edges."""

    edges: Numbers
    counts: Numbers
    colour: str
    label: str = ""

    def extent(self) -> tuple[Numbers, Numbers]:
        return self.edges, [0.0, *self.counts]


@dataclass(frozen=True)
class Cells:
    """A square of counts, a row for each name: column j lies at x = j, row i at y = −i; the colour is a row's share."""

    names: Sequence[str]
    counts: NDArray[np.int64]
    label: str = ""

    def extent(self) -> tuple[Numbers, Numbers]:
        return (-0.5, len(self.names) - 0.5), (0.5 - len(self.names), 0.5)

    def shares(self) -> NDArray[np.float64]:
        """(n, n), which part of its row each count is."""
        return np.asarray(self.counts / np.maximum(self.counts.sum(axis=1, keepdims=True), 1))


@dataclass(frozen=True)
class Squares:
    """Numbers as squares whose area is their size: column j lies at x = j, row i at y = −i.

    What is above 0 has the colour `TRAINING`, what is below `VALIDATION` (Rumelhart, Hinton & Williams, 1986, show
    weights so, as white and black squares).

    Args:
        rows, columns: names, n and k of them. values: (n, k).
        largest: the number whose square fills its place; 0 for the largest of the values.
    """

    rows: Sequence[str]
    columns: Sequence[str]
    values: NDArray[np.float64]
    largest: float = 0.0
    label: ClassVar[str] = ""

    def extent(self) -> tuple[Numbers, Numbers]:
        return (-0.5, len(self.columns) - 0.5), (0.5 - len(self.rows), 0.5)

    def sides(self) -> NDArray[np.float64]:
        """(n, k), how long each square's side is, as a part of its place, with the number's sign; of NaN 0."""
        values = np.nan_to_num(np.asarray(self.values, np.float64), nan=0.0)
        largest = self.largest or float(np.abs(values).max(initial=0.0)) or 1.0
        return np.asarray(np.sign(values) * np.sqrt(np.minimum(np.abs(values) / largest, 1.0)))


@dataclass(frozen=True)
class Rule:
    """An upright dashed line at x."""

    x: float
    label: str = ""
    colour: str = MARK

    def extent(self) -> tuple[Numbers, Numbers]:
        return [self.x], []


Mark = Line | Band | Points | Bars | Histogram | Cells | Squares | Rule


@dataclass(frozen=True)
class Panel:
    """Marks over two axes.

    Args:
        x, y: what the axes are called. whole: whether x counts something, such as epochs.
        caption: a sentence on what is to be seen, for who shows the panel in a page.
        ticks: places on the x axis and what is written there, such as dates; nothing for round numbers.
        y_ticks: the same on the y axis, such as (2, "100") where marks are drawn at logarithms. Those beyond the marks
            are left out.
    """

    title: str
    x: str
    y: str
    marks: Sequence[Mark]
    whole: bool = False
    caption: str = ""
    ticks: Sequence[tuple[float, str]] = ()
    y_ticks: Sequence[tuple[float, str]] = ()


@dataclass(frozen=True)
class Chart:
    """Panels side by side.

    Args:
        title: for who cannot see them. width, height: of one panel, in pixels.
        across: so many panels stand in a row, the next ones below; 0 for all in one.
    """

    title: str
    panels: Sequence[Panel]
    width: float = 440
    height: float = 340
    across: int = 0

    @property
    def grid(self) -> tuple[int, int]:
        """How many rows of panels there are, and how many panels stand in one."""
        panels = max(len(self.panels), 1)
        across = min(self.across or panels, panels)
        return -(-panels // across), across

    def svg(self) -> str:
        """The chart as the text of an SVG file, the same bits each time."""
        from chainrule.charts.svg import svg

        return svg(self)

    def figure(self) -> Figure:
        """The chart as a figure of matplotlib."""
        from chainrule.charts.figure import figure

        return figure(self)

    def save(self, path: str | os.PathLike[str]) -> Chart | Figure:
        """Write the chart, atomically; matplotlib draws what is no .svg, such as .png or .pdf.

        Returns:
            What was written: the chart itself as an .svg, else a figure of matplotlib.

        Raises:
            ModelFileError: the file cannot be written.
        """
        if Path(path).suffix.lower() in ("", ".svg"):
            files.write_atomically(path, self.svg())
            return self
        figure = self.figure()
        files.write_figure(path, figure, dpi=150)
        return figure

    def _repr_svg_(self) -> str:
        """How notebooks show it."""
        return self.svg()

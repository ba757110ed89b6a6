"""Charts as plain data, written as SVG by a few lines of our own; matplotlib draws them only for who asks for it.

A run draws its charts at its end, and whoever waits for it need not wait for a library of pictures to load.
"""

from chainrule.charts.chart import (
    COLOURS,
    MARK,
    TRAINING,
    VALIDATION,
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

__all__ = [
    "COLOURS",
    "MARK",
    "TRAINING",
    "VALIDATION",
    "Band",
    "Bars",
    "Cells",
    "Chart",
    "Histogram",
    "Line",
    "Mark",
    "Panel",
    "Points",
    "Rule",
    "Squares",
]

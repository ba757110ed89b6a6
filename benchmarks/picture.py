"""The results as an SVG: how fast everybody is beside the fastest peer, and how chainrule's step grows."""

from __future__ import annotations

import io
import textwrap
from collections.abc import Sequence
from itertools import cycle
from typing import TYPE_CHECKING

import numpy as np

from benchmarks.printed import NATIVE
from benchmarks.results import Growth, Result, Results, Spread

if TYPE_CHECKING:
    from matplotlib.axes import Axes

OURS = "#d1603d"
PEERS = ("#9c9c9c", "#1f6f8b", "#2f9e8f", "#6f7fc4", "#b58b00", "#7a5195", "#5a8f29", "#c77fb0")


def picture(results: Results) -> bytes:
    """The SVG; what has no figures is not in it."""
    import matplotlib
    from matplotlib.figure import Figure

    rows = [row for row in results.rows if row.fastest() is not None]
    heights = [0.34 * len(rows) + 1.6] * bool(rows) + [2.9] * bool(results.growths)
    figure = Figure(figsize=(9.5, sum(heights) or 1), layout="constrained")
    parts = iter(figure.subfigures(len(heights), 1, squeeze=False, height_ratios=heights)[:, 0] if heights else ())
    if rows:
        _speeds(next(parts).subplots(), rows)
    if results.growths:
        panels = next(parts).subplots(1, len(results.growths), squeeze=False)[0]
        for axes, growth in zip(panels, results.growths, strict=True):
            _growth(axes, growth)
    buffer = io.BytesIO()
    with matplotlib.rc_context({"svg.hashsalt": "chainrule", "svg.fonttype": "none"}):
        figure.savefig(buffer, format="svg", metadata={"Date": None})
    return buffer.getvalue()


def _speeds(axes: Axes, rows: Sequence[Result]) -> None:
    """A line for each row, a mark for each contestant, to the right of 1 where it is faster than the fastest peer.

    Marks of bfloat16 are hollow: theirs is the fastest peer of any precision.
    """
    precisions = {timing.name: timing.precision for row in rows for timing in row.timings}
    libraries = {name: name.removesuffix(f", {precision}") for name, precision in precisions.items()}
    others = dict.fromkeys(library for library in libraries.values() if library != NATIVE)
    colours = dict(zip(others, cycle(PEERS), strict=False)) | {NATIVE: OURS}
    for name, library in sorted(libraries.items(), key=lambda item: item[1] == NATIVE):
        colour = colours[library]
        places, ratios = [], []
        for place, row in enumerate(rows):
            for timing in row.timings:
                ratio = row.ratio(timing)
                if timing.name == name and ratio is not None:
                    places.append(place)
                    ratios.append(ratio)
        middles = [ratio.middle for ratio in ratios]
        size, inside = 60 if library == NATIVE else 26, colour if precisions[name] == "float32" else "white"
        axes.scatter(middles, places, s=size, facecolors=inside, edgecolors=colour, label=name, zorder=3)
        axes.hlines(places, [r.low for r in ratios], [r.high for r in ratios], color=colour, linewidth=1.6)
    axes.axvline(1, color="#444444", linewidth=1)
    axes.set_xscale("log")
    axes.xaxis.set_major_formatter(lambda value, _: f"{value:g}")
    axes.set_yticks(range(len(rows)), [row.title for row in rows], fontsize=8)
    axes.invert_yaxis()
    axes.set_xlabel(
        "times as fast as the fastest peer (mark: medians; line: the middle half of the rounds)", fontsize=9
    )
    axes.grid(axis="x", which="both", alpha=0.25, linewidth=0.6)
    axes.spines[["top", "right"]].set_visible(False)
    axes.legend(frameon=False, fontsize=8, ncols=3, loc="lower center", bbox_to_anchor=(0.25, 1.0))


def _growth(axes: Axes, growth: Growth) -> None:
    spreads = [Spread.of(seconds) for seconds in growth.seconds]
    middles = 1e6 * np.array([spread.middle for spread in spreads])
    axes.fill_between(
        growth.values, [1e6 * s.low for s in spreads], [1e6 * s.high for s in spreads], color=OURS, alpha=0.2
    )
    axes.plot(growth.values, middles, color=OURS, marker="o", markersize=4, linewidth=1.6)
    axes.set_xscale("log", base=2)
    axes.set_yscale("log")
    axes.set_xticks(growth.values, [str(value) for value in growth.values], fontsize=7)
    title = [*textwrap.wrap(growth.title, 20), f"slope {growth.slope[0]:.2f}"]
    axes.set_title("\n".join(title), fontsize=9)
    axes.set_xlabel(growth.variable, fontsize=9)
    axes.set_ylabel("µs a step", fontsize=9)
    axes.grid(which="both", alpha=0.25, linewidth=0.6)
    axes.spines[["top", "right"]].set_visible(False)

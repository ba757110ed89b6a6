"""The plane of two features as SVG, quickly: what a network believes everywhere, and the examples."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

Places = NDArray[np.float64]

BANDS = ((0.0, 0.05, "#a9c8d3"), (0.05, 0.5, "#d5e4ea"), (0.5, 0.95, "#f7e0d9"), (0.95, 1.0, "#ecb9a8"))
"""From which probability of y = 1 to which, and the colour."""

NO, YES, INK = "#1f6f8b", "#d1603d", "#1c1c1c"


@dataclass(frozen=True)
class Plane:
    """A part of the plane, and where it lies on a picture.

    Args:
        low, high: (x₁, x₂) at the lower left and the upper right.
        left, top, width, height: in pixels.
        fine: at so many places along each feature the network is asked.
    """

    low: tuple[float, float]
    high: tuple[float, float]
    left: float = 10
    top: float = 30
    width: float = 310
    height: float = 280
    fine: int = 49

    def beliefs(self, output: Callable[[Places], NDArray[np.floating]]) -> str:
        """The probability of y = 1 in four bands, and the line where it is ½.

        Args:
            output: from examples in rows, (k, 2), to (k, 1).
        """
        from chainrule.extras import contourpy

        x, y = (np.linspace(self.low[k], self.high[k], self.fine) for k in (0, 1))
        rows = np.stack([axis.ravel() for axis in np.meshgrid(x, y)], axis=1)
        heights = np.asarray(output(rows), np.float64).reshape(self.fine, self.fine)
        contours = contourpy.contour_generator(x, y, heights, fill_type=contourpy.FillType.OuterOffset)
        marks = []
        for least, most, colour in BANDS:
            filled: Any = contours.filled(least - (least == 0), most + (most == 1))
            rings = [ring for points, cut in zip(*filled, strict=True) for ring in np.split(points, cut[1:-1])]
            d = "".join(self._path(ring, 0) + "Z" for ring in rings)
            marks.append(f'<path d="{d}" fill="{colour}" fill-rule="evenodd"/>')
        half = "".join(self._path(np.asarray(piece), 1) for piece in contours.lines(0.5))
        return f'<g>{"".join(marks)}<path d="{half}" fill="none" stroke="{INK}" stroke-width="2"/></g>'

    def examples(self, X: Places, y: Iterable[float]) -> str:
        """A dot for each example, (m, 2), in the colour of its label, 0 or 1."""
        labels = np.asarray(y)
        marks = []
        for label, colour in ((0, NO), (1, YES)):
            d = "".join(f"M{a:.0f} {b:.0f}h0" for a, b in self._at(X[labels == label]))
            marks.append(f'<path d="{d}" stroke="{colour}" stroke-width="6" stroke-linecap="round"/>')
        return f"<g>{''.join(marks)}</g>"

    def _at(self, points: Places) -> Places:
        share = (points - self.low) / np.subtract(self.high, self.low)
        across, up = self.left + self.width * share[:, 0], self.top + self.height * (1 - share[:, 1])
        return np.stack([across, up], axis=1)

    def _path(self, points: Places, decimals: int) -> str:
        return "M" + "L".join(f"{x:.{decimals}f} {y:.{decimals}f}" for x, y in self._at(points))

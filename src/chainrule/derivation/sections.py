"""What a derivation says, section by section, and what all ways to write it have in common."""

from __future__ import annotations

from dataclasses import dataclass, replace
from itertools import groupby
from typing import Any

import numpy as np
from numpy.typing import NDArray

from chainrule.derivation.formula import Formula, trim
from chainrule.derivation.lines import ROUNDING, Line
from chainrule.derivation.trace import KEPT, MOST, Corners


@dataclass(frozen=True)
class Section:
    """Lines that belong together.

    Attributes:
        part: "Forward", "Cost", "Backward" or "Update".
        title: the layer.
        lines: in order.
    """

    part: str
    title: str
    lines: tuple[Line, ...]


@dataclass(frozen=True)
class Derivation:
    """What `Page` holds, for the modules that write it: they know nothing of `Page`, which calls them."""

    title: str
    legend: tuple[str, ...]
    sections: tuple[Section, ...]

    def parts(self) -> list[tuple[str, list[Section]]]:
        """The sections by their part."""
        return [(part, list(sections)) for part, sections in groupby(self.sections, key=lambda section: section.part)]


def printed(numbers: NDArray[Any]) -> NDArray[Any]:
    """The numbers of a matrix, 0 for those that its largest one leaves nothing but rounding of."""
    array = np.asarray(numbers, float)
    return np.where(np.abs(array) < ROUNDING * np.max(np.abs(array), initial=0), 0.0, array) + 0.0


Cell = float | str
"""A number of a matrix, or the dots in the place of those that are left out."""


def cells(numbers: NDArray[Any]) -> list[list[Cell]]:
    """The rows of a matrix as they are printed, dots where rows or columns are left out."""
    rows: list[list[Cell]] = [[float(x) for x in row] for row in printed(numbers)]
    if isinstance(numbers, Corners):
        down, across = (n > MOST for n in numbers.whole)
        rows = [[*row[:KEPT], ACROSS, *row[KEPT:]] if across else row for row in rows]
        between: list[Cell] = [BOTH if cell == ACROSS else DOWN for cell in rows[0]]
        rows = [*rows[:KEPT], between, *rows[KEPT:]] if down else rows
    return rows


ACROSS, DOWN, BOTH = "⋯⋮⋱"


def left_out(numbers: NDArray[Any]) -> str:
    """What is said of a matrix of which not all is shown: how large it is, and which part that is."""
    if not isinstance(numbers, Corners):
        return ""
    axes = [axis for axis, n in zip(("rows", "columns"), numbers.whole, strict=True) if n > MOST]
    return f"{' × '.join(f'{n:,}' for n in numbers.whole)}, first and last {KEPT} {' and '.join(axes)} shown"


def around_equals(formula: Formula) -> tuple[Formula, Formula]:
    """The left side, and the sign with the right side, so that lines can be aligned; := counts as a sign."""
    at = next((i for i, atom in enumerate(formula) if atom.symbol in (":", "=")), len(formula))
    return trim(formula[:at]), formula[at:]


def in_full(line: Line) -> tuple[Line, ...]:
    """The line and, before it, those that a shortcut leaves out."""
    *_, last = (line, *line.long_way)
    same = bool(line.long_way) and around_equals(last.formula)[0] == around_equals(line.formula)[0]
    return (*line.long_way, replace(line, long_way=(), continued=same))

"""What a derivation says, section by section, and what all ways to write it have in common."""

from __future__ import annotations

from dataclasses import dataclass, replace
from itertools import groupby
from typing import Any

import numpy as np
from numpy.typing import NDArray

from chainrule.derivation.formula import Formula, trim
from chainrule.derivation.lines import ROUNDING, Line


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


def around_equals(formula: Formula) -> tuple[Formula, Formula]:
    """The left side, and the sign with the right side, so that lines can be aligned; := counts as a sign."""
    at = next((i for i, atom in enumerate(formula) if atom.symbol in (":", "=")), len(formula))
    return trim(formula[:at]), formula[at:]


def in_full(line: Line) -> tuple[Line, ...]:
    """The line and, before it, those that a shortcut leaves out."""
    *_, last = (line, *line.long_way)
    same = bool(line.long_way) and around_equals(last.formula)[0] == around_equals(line.formula)[0]
    return (*line.long_way, replace(line, long_way=(), continued=same))

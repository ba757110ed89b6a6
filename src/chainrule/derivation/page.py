"""A derivation, ready to be read: as text in a terminal, as LaTeX, as HTML with MathML."""

from __future__ import annotations

import io
import os
from dataclasses import dataclass
from itertools import groupby
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from chainrule import files
from chainrule.derivation.formula import Formula, trim
from chainrule.derivation.lines import ROUNDING, Line
from chainrule.errors import OptionError

if TYPE_CHECKING:
    from rich.console import RenderableType

FORMS = {".txt": "text", ".tex": "latex", ".html": "html"}


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
class Page:
    """A derivation. Printed it is text; a notebook shows it as HTML.

    Attributes:
        title: what is derived. legend: sentences on the notation. sections: in the order of the page.
    """

    title: str
    legend: tuple[str, ...]
    sections: tuple[Section, ...]

    def __str__(self) -> str:
        return self.text

    def __repr__(self) -> str:
        return self.text

    @property
    def text(self) -> str:
        """The page as lines of Unicode text."""
        from rich.console import Console

        console = Console(file=io.StringIO(), width=1000, color_system=None, force_jupyter=False)
        with console.capture() as captured:
            console.print(self)
        return "\n".join(line.rstrip() for line in captured.get().splitlines()) + "\n"

    def __rich__(self) -> RenderableType:
        from chainrule.derivation.terminal import page

        return page(self)

    @property
    def latex(self) -> str:
        """The page as a LaTeX document."""
        from chainrule.derivation.tex import document

        return document(self)

    @property
    def html(self) -> str:
        """The page as an HTML document with MathML, which needs nothing from the network."""
        from chainrule.derivation.web import document

        return document(self)

    def _repr_html_(self) -> str:
        from chainrule.derivation.web import fragment

        return fragment(self)

    def save(self, path: str | os.PathLike[str]) -> None:
        """Write the page, atomically, as text (.txt), LaTeX (.tex) or HTML (.html).

        Raises:
            OptionError: another suffix.
            ModelFileError: the file cannot be written.
        """
        suffix = Path(path).suffix
        if suffix not in FORMS:
            raise OptionError(f"a derivation is written as .txt, .tex or .html, but the file is called {path}.")
        files.write_atomically(Path(path), getattr(self, FORMS[suffix]))

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

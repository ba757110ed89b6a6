"""A derivation, ready to be read: as text in a terminal, as LaTeX, as HTML with MathML."""

from __future__ import annotations

import io
import os
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from chainrule import files
from chainrule.derivation.sections import Derivation
from chainrule.errors import OptionError
from chainrule.extras import installed

if TYPE_CHECKING:
    from rich.console import RenderableType

FORMS = {".txt": "text", ".tex": "latex", ".html": "html"}


@dataclass(frozen=True)
class Page(Derivation):
    """A derivation. Printed it is text; a notebook shows it as HTML.

    Attributes:
        title: what is derived. legend: sentences on the notation. sections: in the order of the page.
    """

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

    def _repr_html_(self) -> str | None:
        if not installed("latex2mathml"):  # a notebook then shows the text
            return None
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

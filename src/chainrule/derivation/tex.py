"""A derivation as a LaTeX document."""

from __future__ import annotations

import re
from typing import Any

from numpy.typing import NDArray

from chainrule.derivation.formula import latex
from chainrule.derivation.latex_letters import in_ascii
from chainrule.derivation.lines import Line
from chainrule.derivation.sections import Cell, Derivation, Section, around_equals, cells, left_out

DOTS = {"⋯": r"\cdots", "⋮": r"\vdots", "⋱": r"\ddots"}

PREAMBLE = r"""\documentclass{article}
\usepackage[a4paper,margin=2cm%s]{geometry}
\usepackage{amsmath,amssymb,textcomp}
\allowdisplaybreaks
\setcounter{MaxMatrixCols}{20}
\setlength{\parindent}{0pt}
\begin{document}
"""


def document(derivation: Derivation) -> str:
    """The whole page, ready to be compiled."""
    across = ",landscape" if any(map(_is_wide, derivation.sections)) else ""
    parts = [PREAMBLE % across + rf"\section*{{{in_ascii(derivation.title)}}}", *map(in_ascii, derivation.legend)]
    for part, sections in derivation.parts():
        parts.append(rf"\subsection*{{{part}}}")
        parts += map(_section, sections)
    return "\n\n".join([*parts, r"\end{document}"]) + "\n"


def _is_wide(section: Section) -> bool:
    """Whether a matrix of the section needs the long side of the paper."""
    return any(
        line.numbers is not None and line.numbers.ndim == 2 and line.numbers.shape[1] > 5 for line in section.lines
    )


def _section(section: Section) -> str:
    """A section; what is said of a line that goes on stands behind it, everything else at the top."""
    title = rf"\paragraph{{{in_ascii(section.title)}}}" + "\n" if section.title else ""
    last = len(section.lines) - 1
    between = {i for i, line in enumerate(section.lines) if line.remark and line.continued and i < last}
    remarks = [in_ascii(line.remark) for i, line in enumerate(section.lines) if line.remark and i not in between]
    written = ""
    for i, line in enumerate(section.lines):
        written += _line(line) + (" \\\\\n" if i < last else "")
        written += rf"\intertext{{{in_ascii(line.remark)}}}" + "\n" if i in between else ""
    return title + " ".join(remarks) + "\n\\begin{align*}\n" + written + "\n\\end{align*}"


def _line(line: Line) -> str:
    left, right = (_in_ascii(latex(side)) for side in around_equals(line.formula))
    left = "" if line.continued else left
    shapes = f" && {line.shapes}" if line.shapes else ""
    if line.numbers is None:
        return f"{left} &{right}{shapes}"
    if line.numbers.ndim == 0 or (not right and not left_out(line.numbers)):
        return f"{left} &{right} = {matrix(line.numbers)}{shapes}"
    said = left_out(line.numbers)
    below = f" \\\\\n&\\text{{{in_ascii(said)}}}" if said else ""
    return f"{left} &{right}{shapes} \\\\\n&= {matrix(line.numbers)}{below}"


def _in_ascii(formula: str) -> str:
    return re.sub(r"[^\x00-\x7f]+", lambda found: in_ascii(found[0]), formula)


def matrix(numbers: NDArray[Any]) -> str:
    """The numbers between brackets; a single one without."""
    if numbers.ndim == 0:
        return _number(float(numbers))
    rows = r" \\ ".join(" & ".join(map(_cell, row)) for row in cells(numbers))
    return rf"\begin{{bmatrix}} {rows} \end{{bmatrix}}"


def _cell(cell: Cell) -> str:
    return DOTS[cell] if isinstance(cell, str) else _number(cell)


def _number(x: float) -> str:
    digits, _, exponent = f"{x + 0.0:.4g}".partition("e")
    return rf"{digits} \cdot 10^{{{int(exponent)}}}" if exponent else digits

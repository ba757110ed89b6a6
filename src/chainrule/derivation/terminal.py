"""A derivation as text, coloured where the terminal has colours."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from numpy.typing import NDArray
from rich.console import Group
from rich.text import Text

from chainrule.derivation.formula import text
from chainrule.derivation.lines import Line
from chainrule.derivation.sections import Derivation, around_equals, cells, left_out

WIDEST = 56
"""The widest formula that the column of shapes makes room for."""


def page(derivation: Derivation) -> Group:
    """The whole page."""
    return Group(*_lines(derivation))


def _lines(derivation: Derivation) -> Iterator[Text]:
    yield Text(derivation.title, "bold")
    for sentence in derivation.legend:
        yield Text(sentence, "dim")
    formulas = [text(line.formula) for section in derivation.sections for line in section.lines]
    width = max(len(formula) for formula in formulas if len(formula) <= WIDEST) if formulas else 0
    for part, sections in derivation.parts():
        yield Text(f"\n{part}", "bold")
        for section in sections:
            if section.title:
                yield Text(f"  {section.title}", "italic cyan")
            for line in section.lines:
                yield from _line(line, width)


def _line(line: Line, width: int) -> Iterator[Text]:
    left, formula = len(text(around_equals(line.formula)[0])), text(line.formula)
    if line.continued:
        formula = " " * left + formula[left:]
    written = Text(f"    {formula:<{width}}  ").append(line.shapes, "green")
    written.rstrip()
    if line.numbers is not None and line.numbers.ndim == 0:
        written.append(f" = {line.numbers:.4g}", "yellow")
    yield written
    if line.numbers is not None and line.numbers.ndim == 2:
        for i, row in enumerate(matrix(line.numbers)):
            yield Text(f"{'' if i else '=':>{4 + left + 2}} {row}", "yellow")
        if said := left_out(line.numbers):
            yield Text(f"{'':>{4 + left + 2}} {said}", "dim")
    if line.remark:
        yield Text(f"      {line.remark}", "dim")


def matrix(numbers: NDArray[Any]) -> list[str]:
    """The rows of a matrix, its columns aligned, between brackets as high as it is."""
    written = [[cell if isinstance(cell, str) else f"{cell:.4g}" for cell in row] for row in cells(numbers)]
    widths = [max(map(len, column)) for column in zip(*written, strict=True)]
    rows = ["  ".join(cell.rjust(w) for cell, w in zip(row, widths, strict=True)) for row in written]
    if len(rows) == 1:
        return [f"[{rows[0]}]"]
    sides = ["⎡⎤", *["⎢⎥"] * (len(rows) - 2), "⎣⎦"]
    return [side[0] + row + side[1] for row, side in zip(rows, sides, strict=True)]

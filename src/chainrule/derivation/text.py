"""Labels: text with light markup for superscripts and subscripts, as in W^{[1]} and x_{1}, and its width on paper."""

from __future__ import annotations

import functools
import re
import unicodedata
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from chainrule import extras
from chainrule.derivation.letter_widths import UNITS, WIDTHS

SMALL = 0.72
"""The size of a superscript or subscript beside the text that it belongs to."""

_MARKED = re.compile(r"([\^_])\{([^{}]*)\}")
_SUBSCRIPTS = str.maketrans("0123456789+-", "₀₁₂₃₄₅₆₇₈₉₊₋")


@dataclass(frozen=True)
class Run:
    """A piece of a label: on the line (level 0), raised (1) or lowered (-1).

    Attributes:
        beneath: whether it begins where the piece before it began, as the 1 of a_{1}^{[2]} and its [2] do on paper.
    """

    text: str
    level: int = 0
    beneath: bool = False


def runs(label: str) -> list[Run]:
    """The pieces of a label in their order. Braces that mark nothing are text like any other."""
    pieces: list[Run] = []
    end = 0
    for mark in _MARKED.finditer(label):
        level = 1 if mark[1] == "^" else -1
        beneath = mark.start() == end and bool(pieces) and pieces[-1].level == -level and not pieces[-1].beneath
        pieces += [Run(label[end : mark.start()]), Run(mark[2], level, beneath)]
        pieces = [run for run in pieces if run.text]
        end = mark.end()
    return [run for run in [*pieces, Run(label[end:])] if run.text]


def unmarked(label: str) -> str:
    """The label for a terminal or a tooltip: x_{1} becomes x₁, and W^{[1]} becomes W^[1]."""
    return _MARKED.sub(lambda mark: _lowered(mark[2]) if mark[1] == "_" else f"^{mark[2]}", label)


def _lowered(text: str) -> str:
    return text.translate(_SUBSCRIPTS) if re.fullmatch(r"[0-9+-]+", text) else f"_{text}"


def width(label: str, size: float) -> float:
    """How wide the label is, in DejaVu Sans of that size; no usual sans-serif font is wider."""
    total = before = 0.0
    for run in runs(label):
        wide = run_width(run, size)
        total += max(0.0, wide - before) if run.beneath else wide
        before = wide
    return total


def lifted(run: Run, paired: bool) -> float:
    """How far above the line a piece stands, as a share of the size; two above one another stand further apart."""
    raised, lowered = (0.5, -0.32) if paired else (0.38, -0.2)
    return {0: 0.0, 1: raised, -1: lowered}[run.level]


def run_width(run: Run, size: float) -> float:
    """How wide one piece of a label is, in a label of that size."""
    return sum(map(_em, run.text)) * size * (SMALL if run.level else 1)


@functools.cache
def _em(letter: str) -> float:
    """The advance of a letter as a share of the font's size; a letter that the font lacks counts as a wide one.

    So does any unusual letter where there is no matplotlib. An accent takes no room.
    """
    plain = unicodedata.normalize("NFD", letter)[0]
    if plain in _KNOWN:
        return _KNOWN[plain]
    font = _font()
    if font is None or not font.get_char_index(ord(letter)):
        return 1.0
    return float(font.load_char(ord(letter)).linearHoriAdvance) / 65536 / _SIZE


_KNOWN = {letter: units / UNITS for units, letters in WIDTHS.items() for letter in letters}

_SIZE = 100


@functools.cache
def _font() -> Any:
    """DejaVu Sans, which comes with matplotlib; loaded on use. None where it is missing."""
    if not extras.installed("matplotlib"):
        return None
    import matplotlib
    from matplotlib.ft2font import FT2Font

    font = FT2Font(str(Path(matplotlib.get_data_path(), "fonts", "ttf", "DejaVuSans.ttf")))
    font.set_size(_SIZE, 72)
    return font

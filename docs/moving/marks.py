"""The few SVG elements that films are made of; places are pixels, from the left and from the top."""

from __future__ import annotations

import html
import re
from collections.abc import Iterable, Sequence

INK, MUTED, BLUE, ORANGE, PALE = "#1c1c1c", "#5a6570", "#1f6f8b", "#d1603d", "#e6eef8"


def picture(width: float, height: float, marks: Iterable[str]) -> str:
    """The text of an SVG file with a white ground, so that it reads on dark pages too."""
    return "\n".join(
        (
            f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width:g} {height:g}"'
            ' font-family="Helvetica, Arial, DejaVu Sans, sans-serif">',
            '<rect width="100%" height="100%" fill="#ffffff"/>',
            *marks,
            "</svg>",
        )
    )


def group(*marks: str) -> str:
    """Several marks as one element."""
    return f"<g>{''.join(marks)}</g>"


def text(
    x: float, y: float, written: str, *, size: float = 14, colour: str = INK, anchor: str = "middle", bold: bool = False
) -> str:
    """A line of text; what stands between ^[ and ] is raised, with its brackets."""
    weight = ' font-weight="bold"' if bold else ""
    style = f'font-size="{size:g}" fill="{colour}" text-anchor="{anchor}"{weight}'
    return f'<text x="{x:.1f}" y="{y:.1f}" {style}>{_raised(html.escape(written), size)}</text>'


def _raised(written: str, size: float) -> str:
    up, down = f'<tspan dy="{-0.4 * size:.1f}" font-size="{0.72 * size:.1f}">', f'</tspan><tspan dy="{0.4 * size:.1f}">'
    return re.sub(r"\^(\[[^\]]*\])([^^]*)", rf"{up}\1{down}\2</tspan>", written)


def rectangle(
    x: float, y: float, width: float, height: float, *, fill: str = "none", edge: str = "none", wide: float = 1
) -> str:
    style = f'fill="{fill}" stroke="{edge}" stroke-width="{wide:g}"'
    return f'<rect x="{x:.1f}" y="{y:.1f}" width="{width:.1f}" height="{height:.1f}" {style}/>'


def line(
    x: float, y: float, x2: float, y2: float, *, colour: str = INK, wide: float = 1.5, dashed: bool = False
) -> str:
    dashes = ' stroke-dasharray="5 3"' if dashed else ""
    return f'<path d="M{x:.1f} {y:.1f}L{x2:.1f} {y2:.1f}" stroke="{colour}" stroke-width="{wide:g}"{dashes}/>'


def circle(x: float, y: float, radius: float, *, fill: str, edge: str = "none", wide: float = 1) -> str:
    style = f'fill="{fill}" stroke="{edge}" stroke-width="{wide:g}"'
    return f'<circle cx="{x:.1f}" cy="{y:.1f}" r="{radius:g}" {style}/>'


def grid(
    x: float, y: float, numbers: Sequence[Sequence[str]], *, cell: float = 34, fill: str = "#ffffff", colour: str = INK
) -> str:
    """Cells with what is written in each, from the top left corner at (x, y)."""
    marks = []
    for i, row in enumerate(numbers):
        for j, written in enumerate(row):
            marks.append(rectangle(x + j * cell, y + i * cell, cell, cell, fill=fill, edge="#8b939c"))
            if written:
                size = min(14, 1.5 * cell / max(len(written), 2.5))
                marks.append(text(x + (j + 0.5) * cell, y + (i + 0.5) * cell + 5, written, size=size, colour=colour))
    return group(*marks)

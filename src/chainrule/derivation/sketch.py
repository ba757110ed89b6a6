"""A picture as shapes, lines and words, each in its place: what pictures of neurons and of blocks are made of.

Whoever draws puts them anywhere; `Sketch.around` moves all of them into a page with a margin.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass, replace
from xml.etree.ElementTree import Element, SubElement

import numpy as np
from numpy.typing import NDArray

from chainrule.derivation.layout import MARGIN, Point, Rectangle
from chainrule.derivation.pixels import as_link
from chainrule.derivation.svg_elements import INK, LINE, add_text, add_title, at, frame, number, written
from chainrule.derivation.text import runs, width

ASCENT, DESCENT = 0.9, 0.22
"""How far letters reach above and below their line, as shares of their size."""

PAIRED = 0.2
"""How much further where an index stands below another, as in a_{1}^{[2]}."""

SMALLEST = 7.0
"""The smallest letters, in pixels, to which words shrink that are too long for their place."""


@dataclass(frozen=True)
class Words:
    """A line of text.

    Attributes:
        text: with light markup, see `text`. at: the end of its base line that `anchor` says, or its middle.
        turned: whether it is read upwards.
    """

    text: str
    at: Point
    size: float = 12.0
    colour: str = INK
    anchor: str = "middle"
    turned: bool = False

    @property
    def room(self) -> Rectangle:
        """The room that the letters take."""
        wide, (x, y) = width(self.text, self.size), self.at
        back = {"start": 0.0, "middle": wide / 2, "end": wide}[self.anchor]
        more = PAIRED if any(run.beneath for run in runs(self.text)) else 0.0
        above, below = (ASCENT + more) * self.size, (DESCENT + more) * self.size
        if self.turned:
            return Rectangle(x - above, y + back - wide, above + below, wide)
        return Rectangle(x - back, y - above, wide, above + below)

    def moved(self, x: float, y: float) -> Words:
        return replace(self, at=(self.at[0] + x, self.at[1] + y))


@dataclass(frozen=True)
class Shape:
    """A rectangle with round corners; a circle, where the corners are half as wide as it is.

    Attributes:
        corner: the radius of the corners.
        tooltip: what a reader sees who points at it.
        beneath: whether later shapes may lie upon it, as the maps of a stack do.
        pixels: (height, width, 3), a picture that fills it; None for none.
    """

    room: Rectangle
    corner: float
    fill: str = "#ffffff"
    stroke: str = "#4a525b"
    line: float = 1.3
    dashed: bool = False
    tooltip: str = ""
    beneath: bool = False
    pixels: NDArray[np.uint8] | None = None

    def moved(self, x: float, y: float) -> Shape:
        return replace(self, room=replace(self.room, x=self.room.x + x, y=self.room.y + y))

    @property
    def middle(self) -> Point:
        return self.room.x + self.room.width / 2, self.room.y + self.room.height / 2

    @property
    def round(self) -> bool:
        """Whether it is a circle."""
        return self.corner >= self.room.width / 2 == self.room.height / 2


def circle(middle: Point, radius: float, fill: str, stroke: str, *, dashed: bool = False, tooltip: str = "") -> Shape:
    """A circle as a shape."""
    room = Rectangle(middle[0] - radius, middle[1] - radius, 2 * radius, 2 * radius)
    return Shape(room, radius, fill, stroke, dashed=dashed, tooltip=tooltip)


@dataclass(frozen=True)
class Stroke:
    """A line through its points, or the cubic curve that four of them make.

    Attributes:
        above: whether it lies upon the shapes, and not behind them.
    """

    points: tuple[Point, ...]
    colour: str = LINE
    line: float = 1.3
    opacity: float = 1.0
    curved: bool = False
    arrow: bool = False
    dashed: bool = False
    tooltip: str = ""
    above: bool = False

    @property
    def room(self) -> Rectangle:
        """A room that holds the line."""
        xs, ys = zip(*self.points, strict=True)
        thick = max(self.line / 2, HEAD / 2 if self.arrow else 0.0)
        return Rectangle(min(xs) - thick, min(ys) - thick, max(xs) - min(xs) + 2 * thick, max(ys) - min(ys) + 2 * thick)

    def moved(self, x: float, y: float) -> Stroke:
        return replace(self, points=tuple((a + x, b + y) for a, b in self.points))


HEAD = 9.0
"""How long the head of an arrow is."""


@dataclass(frozen=True)
class Sketch:
    """A picture.

    Attributes:
        title: what it shows, in a few words, for readers who cannot see it.
        counted: what is in it, such as "8 units".
    """

    title: str
    counted: str
    width: float
    height: float
    strokes: tuple[Stroke, ...]
    shapes: tuple[Shape, ...]
    words: tuple[Words, ...]

    @classmethod
    def around(
        cls, title: str, counted: str, strokes: Iterable[Stroke], shapes: Iterable[Shape], words: Iterable[Words]
    ) -> Sketch:
        """The picture of these, moved to where all of them are seen."""
        strokes, shapes, words = list(strokes), list(shapes), list(words)
        rooms = [*(one.room for one in strokes), *(one.room for one in shapes), *(one.room for one in words)]
        left, top = min(room.x for room in rooms), min(room.y for room in rooms)
        right = max(room.x + room.width for room in rooms)
        bottom = max(room.y + room.height for room in rooms)
        x, y = MARGIN - left, MARGIN - top
        return cls(
            title,
            counted,
            right - left + 2 * MARGIN,
            bottom - top + 2 * MARGIN,
            tuple(item.moved(x, y) for item in strokes),
            tuple(item.moved(x, y) for item in shapes),
            tuple(item.moved(x, y) for item in words),
        )

    def svg(self) -> str:
        """The text of an SVG file."""
        root = frame(self.width, self.height, self.title)
        behind, shapes, above = (SubElement(root, "g") for _ in range(3))
        for stroke in self.strokes:
            _draw_stroke(above if stroke.above else behind, stroke)
        for shape in self.shapes:
            _draw_shape(shapes, shape)
        for words in self.words:
            add_text(root, words.text, words.at, words.size, words.colour, words.anchor, turned=words.turned)
        return written(root)


def fitted(text: str, wide: float, size: float) -> float:
    """The size, no larger than this, at which the text is no wider."""
    return max(SMALLEST, min(size, size * wide / max(width(text, size), 1e-9)))


def _draw_shape(parent: Element, shape: Shape) -> None:
    room = {name: number(getattr(shape.room, name)) for name in ("x", "y", "width", "height")}
    if shape.pixels is not None:
        picture = {"href": as_link(shape.pixels), "preserveAspectRatio": "none", "style": "image-rendering: pixelated"}
        SubElement(parent, "image", room | picture)
    fill = "none" if shape.pixels is not None else shape.fill
    style = {"rx": number(shape.corner), "fill": fill, "stroke": shape.stroke, "stroke-width": number(shape.line)}
    element = SubElement(parent, "rect", room | style | ({"stroke-dasharray": "4 3"} if shape.dashed else {}))
    if shape.tooltip:
        add_title(element, shape.tooltip)


def _draw_stroke(parent: Element, stroke: Stroke) -> None:
    style = {"fill": "none", "stroke": stroke.colour, "stroke-width": f"{stroke.line:.2f}"}
    if stroke.opacity < 1:
        style["stroke-opacity"] = f"{stroke.opacity:.2f}"
    if stroke.dashed:
        style["stroke-dasharray"] = "4 3"
    group = SubElement(parent, "g") if stroke.arrow else parent
    element = SubElement(group, "path", {"d": path(stroke)} | style)
    if stroke.tooltip:
        add_title(element, stroke.tooltip)
    if stroke.arrow:
        SubElement(group, "path", {"d": _head(stroke), "fill": stroke.colour})


def path(stroke: Stroke) -> str:
    """The line in SVG's words."""
    first, *others = map(at, stroke.points)
    return f"M{first} C{' '.join(others)}" if stroke.curved else f"M{first} " + " ".join(f"L{p}" for p in others)


def _head(stroke: Stroke) -> str:
    (x0, y0), (x, y) = stroke.points[-2:]
    angle = math.atan2(y - y0, x - x0)
    along, across = (math.cos(angle), math.sin(angle)), (-math.sin(angle), math.cos(angle))

    def corner(back: float, aside: float) -> str:
        return at((x - back * along[0] + aside * across[0], y - back * along[1] + aside * across[1]))

    return f"M{at((x, y))} L{corner(HEAD, 4)} L{corner(HEAD - 2, 0)} L{corner(HEAD, -4)} Z"

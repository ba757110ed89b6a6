"""A layout as SVG: real text, one style for each kind of box, and a white ground, so that it reads on any page.

Kinds differ by form as well as by colour, and forward and backward by their place, so that neither a grey printer nor a
colour-blind reader loses anything.
"""

from __future__ import annotations

import re
from itertools import pairwise
from xml.etree import ElementTree
from xml.etree.ElementTree import Element, SubElement

from chainrule.derivation.diagram import Box, Diagram, Edge, Kind
from chainrule.derivation.layout import DETAIL, LABEL, NOTE, Layout, Note, Point, Rectangle
from chainrule.derivation.text import SMALL, runs, unmarked, width

FORWARD, BACKWARD, INK, LINE, MUTED = "#1a4f8b", "#b5420e", "#1c1c1c", "#8b939c", "#5a6570"

STYLES: dict[Kind, dict[str, str]] = {
    "leaf": {"fill": "#e6eef8", "stroke": "#1a4f8b", "stroke-width": "1.3"},
    "parameter": {"fill": "#fbf3df", "stroke": "#96700d", "stroke-width": "1.3"},
    "constant": {"fill": "#f1f2f4", "stroke": "none"},
    "operation": {"fill": "#ffffff", "stroke": "#4a525b", "stroke-width": "1.3"},
    "cost": {"fill": "#fdeee6", "stroke": "#b5420e", "stroke-width": "2.4"},
}
ROUND: dict[Kind, float] = {"leaf": 17, "parameter": 17, "constant": 4, "operation": 6, "cost": 6}
"""The radius of the corners of each kind of box."""

_FORBIDDEN = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
"""What XML cannot hold."""


def svg(diagram: Diagram, layout: Layout) -> str:
    """The drawing as the text of an SVG file."""
    wide, high = _number(layout.width), _number(layout.height)
    root = Element(
        "svg",
        {
            "xmlns": "http://www.w3.org/2000/svg",
            "viewBox": f"0 0 {wide} {high}",
            "width": wide,  # the height follows from the viewBox, also where a page is narrower
            "style": "max-width: 100%",
            "role": "img",
            "aria-label": _clean(unmarked(diagram.title)),
            "font-family": "DejaVu Sans, Verdana, sans-serif",
        },
    )
    SubElement(root, "rect", {"width": "100%", "height": "100%", "fill": "#ffffff"})
    lines = SubElement(root, "g", {"fill": "none", "stroke": LINE, "stroke-width": "1.4"})
    heads = SubElement(root, "g", {"fill": LINE})
    for stations in layout.lines:
        SubElement(lines, "path", {"d": _path(stations, layout.downwards)})
        SubElement(heads, "path", {"d": _head(stations[-1], layout.downwards)})
    for place, note in layout.notes.items():
        _draw_note(root, diagram, diagram.edges[place], note)
    for box, rectangle in zip(diagram.boxes, layout.boxes, strict=True):
        _draw_box(root, box, rectangle)
    _indent(root)
    return ElementTree.tostring(root, encoding="unicode") + "\n"


def _draw_box(root: Element, box: Box, room: Rectangle) -> None:
    group = SubElement(root, "g")
    _title(group, box.tooltip or box.label)
    corners = {"rx": _number(ROUND[box.kind])}
    SubElement(group, "rect", _frame(room) | corners | STYLES[box.kind])
    middle, x = room.y + room.height / 2, room.x + room.width / 2
    _text(group, box.label, (x, middle + (-3 if box.detail else 5.3)), LABEL, INK)
    if box.detail:
        _text(group, box.detail, (x, middle + 15.5), DETAIL, MUTED)


def _draw_note(root: Element, diagram: Diagram, edge: Edge, note: Note) -> None:
    group = SubElement(root, "g")
    ends = (unmarked(diagram.boxes[k].label) for k in (edge.source, edge.target))
    _title(group, " → ".join(ends))
    for text, y, colour in ((edge.above, note.above, FORWARD), (edge.below, note.below, BACKWARD)):
        if text:
            _text(group, text, (note.x, y), NOTE, colour, note.anchor)


def _text(parent: Element, label: str, at: Point, size: float, colour: str, anchor: str = "middle") -> None:
    """A line of text, its superscripts and subscripts in pieces of their own."""
    pieces = runs(label)
    x, y = at
    if len(pieces) > 1 and anchor == "middle":  # not every program that shows SVG can centre pieces
        x, anchor = x - width(label, size) / 2, "start"
    placed = {"x": _number(x), "y": _number(y), "font-size": _number(size), "fill": colour, "text-anchor": anchor}
    element = SubElement(parent, "text", placed)
    if len(pieces) == 1 and not pieces[0].level:
        element.text = _clean(label)
        return
    level = 0
    for run in pieces:
        piece = SubElement(element, "tspan", {"dy": _number(_height(level, size) - _height(run.level, size))})
        if run.level:
            piece.set("font-size", _number(SMALL * size))
        piece.text = _clean(run.text)
        level = run.level


def _height(level: int, size: float) -> float:
    """How far above the line a piece stands."""
    return {0: 0.0, 1: 0.38, -1: -0.2}[level] * size


def _path(stations: list[Point], downwards: bool) -> str:
    """Straight through the cells, bent between them."""
    commands = [f"M{_at(stations[0])}"]
    for k, (here, there) in enumerate(pairwise(stations)):
        across = 0 if downwards else 1
        if k % 2 == 0 or abs(here[across] - there[across]) < 0.05:
            commands.append(f"L{_at(there)}")
        else:
            first, second = bend(here, there, downwards)
            commands.append(f"C{_at(first)} {_at(second)} {_at(there)}")
    return " ".join(commands)


def bend(here: Point, there: Point, downwards: bool) -> tuple[Point, Point]:
    """The control points of the cubic curve that leaves and arrives along the flow."""
    if downwards:
        middle = (here[1] + there[1]) / 2
        return (here[0], middle), (there[0], middle)
    middle = (here[0] + there[0]) / 2
    return (middle, here[1]), (middle, there[1])


def _head(tip: Point, downwards: bool) -> str:
    x, y = tip
    if downwards:
        return f"M{_at(tip)} L{_at((x - 4, y - 9))} L{_at((x, y - 7))} L{_at((x + 4, y - 9))} Z"
    return f"M{_at(tip)} L{_at((x - 9, y - 4))} L{_at((x - 7, y))} L{_at((x - 9, y + 4))} Z"


def _indent(root: Element) -> None:
    """One element a line; but within a text a line break would be seen as a space."""
    ElementTree.indent(root)
    for text in root.iter("text"):
        if len(text):
            text.text = None
        for piece in text:
            piece.tail = None


def _title(parent: Element, text: str) -> None:
    SubElement(parent, "title").text = _clean(unmarked(text))


def _frame(room: Rectangle) -> dict[str, str]:
    return {name: _number(getattr(room, name)) for name in ("x", "y", "width", "height")}


def _at(point: Point) -> str:
    return f"{_number(point[0])},{_number(point[1])}"


def _number(value: float) -> str:
    return f"{value:.1f}".removesuffix(".0")


def _clean(text: str) -> str:
    return _FORBIDDEN.sub("\ufffd", text)

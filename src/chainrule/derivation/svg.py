"""A layout as SVG: real text, one style for each kind of box, and a white ground, so that it reads on any page.

Kinds differ by form as well as by colour, and forward and backward by their place, so that neither a grey printer nor a
colour-blind reader loses anything.
"""

from __future__ import annotations

from itertools import pairwise
from xml.etree.ElementTree import Element, SubElement

from chainrule.derivation.diagram import Box, Diagram, Edge, Kind
from chainrule.derivation.layout import DETAIL, LABEL, MARGIN, NOTE, Layout, Note, Point, Rectangle
from chainrule.derivation.svg_elements import (
    BACKWARD,
    FORWARD,
    INK,
    LINE,
    MUTED,
    add_text,
    add_title,
    at,
    frame,
    number,
    written,
)
from chainrule.derivation.text import unmarked, width

STYLES: dict[Kind, dict[str, str]] = {
    "leaf": {"fill": "#e6eef8", "stroke": "#1a4f8b", "stroke-width": "1.3"},
    "parameter": {"fill": "#fbf3df", "stroke": "#96700d", "stroke-width": "1.3"},
    "constant": {"fill": "#f1f2f4", "stroke": "none"},
    "operation": {"fill": "#ffffff", "stroke": "#4a525b", "stroke-width": "1.3"},
    "cost": {"fill": "#fdeee6", "stroke": "#b5420e", "stroke-width": "2.4"},
}
ROUND: dict[Kind, float] = {"leaf": 17, "parameter": 17, "constant": 4, "operation": 6, "cost": 6}
"""The radius of the corners of each kind of box."""

BELOW = 26.0
"""How much higher a drawing with a note below it is."""


def svg(diagram: Diagram, layout: Layout) -> str:
    """The drawing as the text of an SVG file."""
    wide, high = layout.width, layout.height
    if diagram.note:
        wide, high = max(wide, width(diagram.note, NOTE) + 2 * MARGIN), high + BELOW
    root = frame(wide, high, diagram.title)
    lines = SubElement(root, "g", {"fill": "none", "stroke": LINE, "stroke-width": "1.4"})
    heads = SubElement(root, "g", {"fill": LINE})
    for stations in layout.lines:
        SubElement(lines, "path", {"d": _path(stations, layout.downwards)})
        SubElement(heads, "path", {"d": _head(stations[-1], layout.downwards)})
    for place, note in layout.notes.items():
        _draw_note(root, diagram, diagram.edges[place], note)
    for box, rectangle in zip(diagram.boxes, layout.boxes, strict=True):
        _draw_box(root, box, rectangle)
    if diagram.note:
        add_text(root, diagram.note, (MARGIN, high - MARGIN), NOTE, MUTED, "start")
    return written(root)


def _draw_box(root: Element, box: Box, room: Rectangle) -> None:
    group = SubElement(root, "g")
    add_title(group, box.tooltip or box.label)
    corners = {"rx": number(ROUND[box.kind])}
    SubElement(group, "rect", _frame(room) | corners | STYLES[box.kind])
    middle, x = room.y + room.height / 2, room.x + room.width / 2
    add_text(group, box.label, (x, middle + (-3 if box.detail else 5.3)), LABEL, INK)
    if box.detail:
        add_text(group, box.detail, (x, middle + 15.5), DETAIL, MUTED)


def _draw_note(root: Element, diagram: Diagram, edge: Edge, note: Note) -> None:
    group = SubElement(root, "g")
    ends = (unmarked(diagram.boxes[k].label) for k in (edge.source, edge.target))
    add_title(group, " → ".join(ends))
    for text, y, colour in ((edge.above, note.above, FORWARD), (edge.below, note.below, BACKWARD)):
        if text:
            add_text(group, text, (note.x, y), NOTE, colour, note.anchor)


def _path(stations: list[Point], downwards: bool) -> str:
    """Straight through the cells, bent between them."""
    commands = [f"M{at(stations[0])}"]
    for k, (here, there) in enumerate(pairwise(stations)):
        across = 0 if downwards else 1
        if k % 2 == 0 or abs(here[across] - there[across]) < 0.05:
            commands.append(f"L{at(there)}")
        else:
            first, second = bend(here, there, downwards)
            commands.append(f"C{at(first)} {at(second)} {at(there)}")
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
        return f"M{at(tip)} L{at((x - 4, y - 9))} L{at((x, y - 7))} L{at((x + 4, y - 9))} Z"
    return f"M{at(tip)} L{at((x - 9, y - 4))} L{at((x - 7, y))} L{at((x - 9, y + 4))} Z"


def _frame(room: Rectangle) -> dict[str, str]:
    return {name: number(getattr(room, name)) for name in ("x", "y", "width", "height")}

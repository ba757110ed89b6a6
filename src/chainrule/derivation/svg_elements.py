"""The pieces of an SVG picture that drawings of all kinds share: its frame, its lines of text, its numbers."""

from __future__ import annotations

import re
from itertools import zip_longest
from xml.etree import ElementTree
from xml.etree.ElementTree import Element, SubElement

from chainrule.derivation.text import SMALL, lifted, run_width, runs, unmarked, width

Point = tuple[float, float]

FORWARD, BACKWARD, INK, LINE, MUTED = "#1a4f8b", "#b5420e", "#1c1c1c", "#8b939c", "#5a6570"

_FORBIDDEN = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
"""What XML cannot hold."""


def frame(wide: float, high: float, title: str) -> Element:
    """An empty picture with a white ground, so that it reads on any page, which readers who see none hear named."""
    root = Element(
        "svg",
        {
            "xmlns": "http://www.w3.org/2000/svg",
            "viewBox": f"0 0 {number(wide)} {number(high)}",
            "width": number(wide),  # the height follows from the viewBox, also where a page is narrower
            "style": "max-width: 100%",
            "role": "img",
            "aria-label": clean(unmarked(title)),
            "font-family": "DejaVu Sans, Verdana, sans-serif",
        },
    )
    SubElement(root, "rect", {"width": "100%", "height": "100%", "fill": "#ffffff"})
    return root


def written(root: Element) -> str:
    """The text of the file, one element a line; but within a text a line break would be seen as a space."""
    ElementTree.indent(root)
    for text in root.iter("text"):
        if len(text):
            text.text = None
        for piece in text:
            piece.tail = None
    return ElementTree.tostring(root, encoding="unicode") + "\n"


def add_text(
    parent: Element, label: str, at: Point, size: float, colour: str, anchor: str = "middle", *, turned: bool = False
) -> None:
    """A line of text, its superscripts and subscripts in pieces of their own; read upwards where it is turned."""
    pieces = runs(label)
    x, y = at
    turn = {"transform": f"rotate(-90 {number(x)} {number(y)})"} if turned else {}
    if len(pieces) > 1 and anchor != "start":  # not every program that shows SVG can centre pieces
        x, anchor = x - width(label, size) * (0.5 if anchor == "middle" else 1), "start"
    placed = {"x": number(x), "y": number(y), "font-size": number(size), "fill": colour, "text-anchor": anchor}
    element = SubElement(parent, "text", placed | turn)
    if len(pieces) == 1 and not pieces[0].level:
        element.text = clean(label)
        return
    here = before = missing = 0.0
    for run, following in zip_longest(pieces, pieces[1:]):
        wide = run_width(run, size)
        across = missing - (before if run.beneath else 0.0)
        missing = max(0.0, before - wide) if run.beneath else 0.0
        there = lifted(run, run.beneath or (following is not None and following.beneath)) * size
        piece = SubElement(element, "tspan", {"dy": number(here - there)})
        if across:
            piece.set("dx", number(across))
        if run.level:
            piece.set("font-size", number(SMALL * size))
        piece.text = clean(run.text)
        here, before = there, wide


def add_title(parent: Element, text: str) -> None:
    """What a reader sees who points at the element."""
    SubElement(parent, "title").text = clean(unmarked(text))


def at(point: Point) -> str:
    return f"{number(point[0])},{number(point[1])}"


def number(value: float) -> str:
    return f"{value:.1f}".removesuffix(".0")


def clean(text: str) -> str:
    return _FORBIDDEN.sub("\ufffd", text)

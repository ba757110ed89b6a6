"""The drawing of a computation graph: values forward above each edge, derivatives backward below it."""

from __future__ import annotations

import os
import re
from pathlib import Path
from typing import Any

import numpy as np

from chainrule.derivation.diagram import Box, Diagram, Edge
from chainrule.derivation.layout import lay_out
from chainrule.derivation.naming import named
from chainrule.derivation.spelling import constant, derivative, shown, spelled
from chainrule.derivation.svg import svg
from chainrule.derivation.text import unmarked
from chainrule.errors import GraphError, OptionError
from chainrule.files import write_atomically
from chainrule.graph import Variable

MOST_BOXES = 500
DIGITS = 4


class Drawing:
    """A picture of a diagram; notebooks show it by themselves.

    Attributes:
        diagram: what is drawn.
        svg: the picture, the text of an SVG file.
    """

    def __init__(self, diagram: Diagram):
        self.diagram = diagram
        self.svg = svg(diagram, lay_out(diagram))

    def save(self, path: str | os.PathLike[str]) -> None:
        """Write the picture to an .svg file, whole or not at all.

        Raises:
            OptionError: the name does not end in .svg.
            ModelFileError: the file cannot be written.
        """
        if Path(path).suffix.lower() != ".svg":
            raise OptionError(f"drawings are SVG, but the file is {os.fspath(path)!r}: give a name that ends in .svg.")
        write_atomically(path, self.svg)

    def _repr_svg_(self) -> str:
        return self.svg

    def __repr__(self) -> str:
        return f"<drawing of {unmarked(self.diagram.title)}: {len(self.diagram.boxes)} boxes>"


def draw(J: Any) -> Drawing:
    """Draw the computation graph of J: the value of each node above the edges that leave it, dJ/d(node) below them.

    This runs `J.backward()`, and so sets `grad` on every node. Numbers have 4 significant digits; an array of more than
    4 numbers is shown by its shape. See `chainrule.derivation.naming.named` for the names of nodes without one.

    Args:
        J: a `Variable` that holds one number.

    Raises:
        GraphError: J is no variable, or depends on none.
        ShapeError: J is not a scalar.
        OptionError: the graph has more than 500 boxes.
    """
    if isinstance(J, Variable):
        return Drawing(graph_diagram(J))
    raise GraphError(
        f"draw takes a Variable, but was given a {type(J).__name__}: "
        "make the inputs of J with cr.variable(value, name) before computing it."
    )


def graph_diagram(J: Variable) -> Diagram:
    """The boxes and edges of a computation graph; runs `J.backward()`. See `draw`."""
    names = named(J)
    _check_size(names)
    with np.errstate(all="ignore"):
        J.backward()
    boxes: list[Box] = []
    edges: list[Edge] = []
    places: dict[Variable, int] = {}
    for node in names:
        sources = [_source(given, names[J], names, boxes, places) for given in node.inputs if given is not None]
        edges += [Edge(source, len(boxes), *texts) for source, texts in sources]
        places[node] = len(boxes)
        boxes.append(_box(node, node is J, names))
    return Diagram(tuple(boxes), tuple(edges), f"computation graph of {names[J]} = {shown(J.value, DIGITS)}")


def _source(
    given: Any, J: str, names: dict[Variable, str], boxes: list[Box], places: dict[Variable, int]
) -> tuple[int, tuple[str, str]]:
    """The box of an input, which is made here for a constant, and the two texts of the edge that leaves it."""
    if isinstance(given, Variable):
        return places[given], (_typeset(shown(given.value, DIGITS)), _derivative(J, names[given], given.grad))
    boxes.append(Box(_typeset(constant(given, DIGITS)), "constant"))
    return len(boxes) - 1, ("", "")


def _derivative(J: str, name: str, grad: Any) -> str:
    text = shown(grad, DIGITS)
    return f"{derivative(J, name)}: {text}" if text.startswith("(") else f"{derivative(J, name)} = {_typeset(text)}"


def _box(node: Variable, is_cost: bool, names: dict[Variable, str]) -> Box:
    value = f"= {_typeset(shown(node.value, DIGITS))}" if is_cost else ""
    if node.operation is None:
        return Box(names[node], "cost" if is_cost else "leaf", value)

    def word(given: Any) -> str:
        return names[given] if isinstance(given, Variable) else constant(given, DIGITS)

    label = f"{names[node]} = {_typeset(spelled(node, word))}"
    return Box(label, "cost" if is_cost else "operation", value)


def _typeset(text: str) -> str:
    """The text with raised exponents and real minus signs."""
    return re.sub(r"(?<![^\s(\[])-", "−", re.sub(r" \*\* ([^\s{}]+)$", r"^{\1}", text))


def _check_size(names: dict[Variable, str]) -> None:
    constants = (given for node in names for given in node.inputs if not isinstance(given, Variable | None))
    boxes = len(names) + sum(1 for _ in constants)
    if boxes > MOST_BOXES:
        raise OptionError(
            f"the graph has {boxes:,} boxes, but a drawing of more than {MOST_BOXES} cannot be read: "
            "draw a smaller part of it, such as the graph of one example or of one layer."
        )

"""The drawing of a computation graph: values forward above each edge, derivatives backward below it."""

from __future__ import annotations

import os
import re
from collections import Counter
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from chainrule.derivation.diagram import Box, Diagram, Edge
from chainrule.derivation.layout import lay_out
from chainrule.derivation.naming import named
from chainrule.derivation.network_diagram import network_diagram
from chainrule.derivation.record import record
from chainrule.derivation.spelling import constant, derivative, shown, spelled
from chainrule.derivation.svg import svg
from chainrule.derivation.text import unmarked
from chainrule.errors import GraphError, OptionError
from chainrule.files import write_atomically
from chainrule.graph import Variable, parts
from chainrule.layers import Network
from chainrule.training.cost import LossLike

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


def draw(
    what: Variable | Network, X: Any = None, y: Any = None, loss: LossLike | None = None, *, seed: int = 0
) -> Drawing:
    """Draw a computation graph: what flows forward above each edge, what flows backward below it.

    Of a variable J, these are the value of each node and dJ/d(node), with the part of it that comes back along the edge
    where a node is used more than once; `J.backward()` is run, and so sets `grad` on every node. Of a network, they are
    the shapes of Z, A, W, b and the names of their derivatives. Numbers have 4 significant digits; arrays of more than
    4 numbers are shown by their shape. See `chainrule.derivation.naming.named` for the names of nodes without one.

    Args:
        what: a `Variable` that holds one number, or a `Network`.
        X, y, loss, seed: of a network only: examples, whose numbers are shown where they are few, the loss, and the
            seed of the dropout; see `derive`.

    Raises:
        GraphError: J is neither, or depends on no variable.
        ShapeError: J is not a scalar.
        OptionError: the graph has more than 500 boxes.
        DataError: the sizes of the network are not known and X is not given; see `derive`.
    """
    if isinstance(what, Network):
        diagram = network_diagram(record(what, X, y, loss, seed=seed))
        _check_size(len(diagram.boxes))
        return Drawing(diagram)
    if not isinstance(what, Variable):
        raise GraphError(
            f"draw takes a Variable or a Network, but was given a {type(what).__name__}: "
            "make the inputs of J with cr.variable(value, name) before computing it."
        )
    if not (X is None and y is None and loss is None and seed == 0):
        raise OptionError("X, y, loss and seed belong to the drawing of a network; a variable knows its numbers.")
    return Drawing(graph_diagram(what))


def graph_diagram(J: Variable) -> Diagram:
    """The boxes and edges of a computation graph; runs `J.backward()`. See `draw`."""
    names = named(J)
    constants = (given for node in names for given in node.inputs if not isinstance(given, Variable | None))
    _check_size(len(names) + sum(1 for _ in constants))
    with np.errstate(all="ignore"):
        J.backward()
    boxes: list[Box] = []
    edges: list[Edge] = []
    places: dict[Variable, int] = {}
    uses = Counter(given for node in names for given in node.parents)
    for node in names:
        shared = _shared(node, uses)
        inputs = [(given, shared.get(i)) for i, given in enumerate(node.inputs) if given is not None]
        sources = [(_source(given, boxes, places), _texts(given, names[J], names, part)) for given, part in inputs]
        edges += [Edge(source, len(boxes), *texts) for source, texts in sources]
        places[node] = len(boxes)
        boxes.append(_box(node, node is J, names))
    return Diagram(tuple(boxes), tuple(edges), f"computation graph of {names[J]} = {shown(J.value, DIGITS)}")


def _shared(node: Variable, uses: Mapping[Variable, int]) -> dict[int, Any]:
    """By its place, what the node hands back to each input that others hand something back to as well."""
    if node.operation is None:
        return {}
    with np.errstate(all="ignore"):
        return {i: part for i, part in parts(node) if uses[node.inputs[i]] > 1}


def _source(given: Any, boxes: list[Box], places: dict[Variable, int]) -> int:
    """The box of an input, which is made here for a constant."""
    if isinstance(given, Variable):
        return places[given]
    boxes.append(Box(_typeset(constant(given, DIGITS)), "constant"))
    return len(boxes) - 1


def _texts(given: Any, J: str, names: dict[Variable, str], part: Any) -> tuple[str, str]:
    """What stands above and below the edge that leaves an input; of several edges, each tells its part of the whole."""
    if not isinstance(given, Variable):
        return "", ""
    whole = _derivative(J, names[given], given.grad)
    small = part is not None and not shown(part, DIGITS).startswith("(")
    return _typeset(shown(given.value, DIGITS)), f"{_typeset(shown(part, DIGITS))} of {whole}" if small else whole


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


def _check_size(boxes: int) -> None:
    if boxes > MOST_BOXES:
        raise OptionError(
            f"the graph has {boxes:,} boxes, but a drawing of more than {MOST_BOXES} cannot be read: "
            "draw a smaller part of it, such as the graph of one example or of one layer."
        )

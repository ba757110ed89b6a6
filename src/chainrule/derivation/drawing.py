"""The drawing of a computation graph: values forward above each edge, derivatives backward below it."""

from __future__ import annotations

import os
import re
from collections import Counter
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from chainrule.checking import as_array, whole
from chainrule.derivation.algebra import algebra
from chainrule.derivation.blocks import picture as blocks_picture
from chainrule.derivation.diagram import Box, Diagram, Edge
from chainrule.derivation.layout import lay_out
from chainrule.derivation.naming import named
from chainrule.derivation.network_diagram import network_diagram
from chainrule.derivation.neuron_places import picture
from chainrule.derivation.neurons import columns
from chainrule.derivation.record import record
from chainrule.derivation.sketch import Sketch
from chainrule.derivation.spelling import constant, derivative, shown, spelled
from chainrule.derivation.svg import svg
from chainrule.derivation.text import unmarked
from chainrule.derivation.unrolled import unrolled_picture
from chainrule.errors import DataError, GraphError, OptionError
from chainrule.files import write_atomically
from chainrule.graph import Variable, parts
from chainrule.layers import Network
from chainrule.layers.ensemble import one_member
from chainrule.training.cost import LossLike

MOST_BOXES = 500
DIGITS = 4

Direction = Literal["right", "down"]


class Drawing:
    """A picture of a diagram or a sketch; notebooks show it by themselves.

    Attributes:
        diagram: what is drawn: the boxes and edges of a graph; shapes, lines and words of a picture of units or blocks.
        svg: the picture, the text of an SVG file.
    """

    def __init__(self, diagram: Diagram | Sketch, direction: Direction | None = None):
        self.diagram = diagram
        if isinstance(diagram, Sketch):
            self.svg = diagram.svg()
        else:
            self.svg = svg(diagram, lay_out(diagram, None if direction is None else direction == "down"))

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
        diagram = self.diagram
        counted = diagram.counted if isinstance(diagram, Sketch) else f"{len(diagram.boxes)} boxes"
        return f"<drawing of {unmarked(diagram.title)}: {counted}>"


def draw(
    what: Variable | Network,
    X: Any = None,
    y: Any = None,
    loss: LossLike | None = None,
    *,
    seed: int = 0,
    direction: Direction | None = None,
    neurons: bool = False,
    bias: bool = False,
    unrolled: int | None = None,
    blocks: bool = False,
) -> Drawing:
    """Draw a computation graph: what flows forward above each edge, what flows backward below it.

    Of a variable J, these are the value of each node and dJ/d(node); `J.backward()` is run, and so sets `grad` on every
    node. Of a network, they are the shapes of Z, A, W, b and the names of their derivatives. Where a value is used more
    than once, each edge tells its own part of the derivative: "2 of dJ/da = 4", or W^[2]ᵀ dZ^[2] as a part of dA^[1].
    Numbers have 4 significant digits; arrays of more than 4 numbers are shown by their shape. See
    `chainrule.derivation.naming.named` for the names of nodes without one.

    With `neurons`, a network is drawn as the notes draw it: columns of units, blue lines for weights above 0 and orange
    ones for those below, the wider the larger; of more than 8 units the first 4 and the last. Convolutions are stacks
    of maps, each with the window that one place sees; a recurrent layer has an arrow back to itself; other layers are
    bars. With `blocks`, it is the notes' block diagram: forward above, backward below, between them what is kept. Of an
    `Ensemble` it is the first network that is drawn.

    Args:
        what: a `Variable` that holds one number, or a `Network`.
        X: of a network only: examples, whose numbers are shown where they are few. With `neurons`, one example, whose
            activations are written into the units and colour the maps; of a sequence, those of its last step.
        y, loss, seed: of a network only: the targets, the loss, and the seed of the dropout; see `derive`.
        direction: of a graph: "right" or "down", where data flow to; by default to the right as long as that fits on a
            page.
        neurons: draw the units of a network in place of its graph.
        bias: with `neurons`, whether there is a unit that is always 1, with a line for each bias.
        unrolled: with `neurons`, how many steps of a recurrent network stand side by side; of more steps the first ones
            and the last.
        blocks: draw the network as blocks.

    Raises:
        GraphError: J is neither, or depends on no variable.
        ShapeError: J is not a scalar.
        OptionError: the graph has more than 500 boxes, or the options do not go together.
        DataError: the sizes of the network are not known and X is not given, see `derive`; or `neurons` with more than
            one example.
    """
    if direction not in (None, "right", "down"):
        raise OptionError(f'direction is {direction!r}, but data flow "right" or "down".')
    if isinstance(what, Network):
        what = one_member(what)
        if neurons or bias or unrolled is not None:
            _refuse_beside_neurons(y, loss, seed, direction, neurons, blocks)
            return Drawing(_units(what, X, bias, unrolled))
        trace = record(what, X, y, loss, seed=seed)
        if blocks:
            if direction is not None:
                raise OptionError("direction is of graphs; blocks go forward to the right: leave direction out.")
            return Drawing(blocks_picture(trace))
        diagram = network_diagram(trace)
        _check_size(len(diagram.boxes))
        return Drawing(diagram, direction)
    if not isinstance(what, Variable):
        raise GraphError(
            f"draw takes a Variable or a Network, but was given a {type(what).__name__}: "
            "make the inputs of J with cr.variable(value, name) before computing it."
        )
    if not (X is None and y is None and loss is None and seed == 0):
        raise OptionError("X, y, loss and seed belong to the drawing of a network; a variable knows its numbers.")
    if neurons or blocks or bias or unrolled is not None:
        raise OptionError("neurons, bias, unrolled and blocks draw a network; this is a variable: leave them out.")
    return Drawing(graph_diagram(what), direction)


def _refuse_beside_neurons(
    y: Any, loss: LossLike | None, seed: int, direction: Direction | None, neurons: bool, blocks: bool
) -> None:
    if not neurons:
        raise OptionError("bias and unrolled are of a picture of units: add neurons=True.")
    if blocks:
        raise OptionError("neurons=True and blocks=True are two pictures: ask for one at a time.")
    if not (y is None and loss is None and seed == 0 and direction is None):
        raise OptionError(
            "a picture of units has activations and no cost, from left to right: leave y, loss, seed and direction out."
        )


def _units(net: Network, X: Any, bias: bool, unrolled: int | None) -> Sketch:
    """The picture of the units; the network is built if it is not, and otherwise left as it is."""
    example = None if X is None else _one_example(net, X)
    if example is not None:
        net.build_for(example)
    if not net.built:
        raise DataError("the sizes of the network are not known: give X, or make it with Network(…, input_shape=…).")
    copy = net.copy("float64")
    if unrolled is None:
        return picture(columns(copy, example), bias=bias)
    if bias:
        raise OptionError(
            "bias draws a unit beside others, and unrolled=… draws layers as boxes: leave one of them out."
        )
    return unrolled_picture(copy, example, whole("unrolled", unrolled))


def _one_example(net: Network, X: Any) -> NDArray[Any]:
    """(1, …), the one example that X is or holds.

    Raises:
        DataError: X holds several, or none.
    """
    X = np.asarray(as_array(X, "X"))
    one: NDArray[Any] = X[None] if net.built and X.shape == net.input_shape else X
    if len(one) != 1:
        raise DataError(
            f"X is {X.shape}, {len(X)} examples, but units show the activations of one: give one of them, X[:1]."
        )
    return one


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
    shorter = [_typeset(line).replace(" - ", " − ") for line in algebra(names, J)[:1]]
    title = f"computation graph of {names[J]} = {shown(J.value, DIGITS)}"
    return Diagram(tuple(boxes), tuple(edges), title, "".join(shorter))


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
    backward = _derivative(J, names[given], given.grad)
    if part is not None:
        numbers = shown(part, DIGITS)
        backward = f"{'a part' if numbers.startswith('(') else _typeset(numbers)} of {backward}"
    return _typeset(shown(given.value, DIGITS)), backward


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

"""A network as a diagram: its computation graph with the notes' names."""

from __future__ import annotations

from typing import Any

import numpy as np

from chainrule.derivation.diagram import Box, Diagram, Edge, Kind
from chainrule.derivation.formula import markup
from chainrule.derivation.lines import as_written
from chainrule.derivation.notation import differential
from chainrule.derivation.products import written
from chainrule.derivation.spelling import MOST, constant, shown
from chainrule.derivation.trace import Trace, on_the_way
from chainrule.graph import Variable

DIGITS = 4


def network_diagram(trace: Trace) -> Diagram:
    """The boxes and edges of a network and its cost: A^[0], the parameters, a box for each operation, J.

    Above each edge stands what flows forward, its shape or a few numbers; below it what flows backward, such as dZ^[1].
    Where the notes' shortcut reads past the last activation, dZ^[L] stands at that activation's edge.
    """
    trace.J.backward()
    return _Painter(trace).diagram()


class _Painter:
    def __init__(self, trace: Trace):
        self.trace = trace
        self.boxes: list[Box] = []
        self.edges: list[Edge] = []
        self.places: dict[Variable, int] = {}
        self.differentiated = {*on_the_way(trace), *trace.parameters}

    def diagram(self) -> Diagram:
        for node in self.trace.nodes:
            operation, inputs = as_written(self.trace, node)
            sources = [(self._source(given), given) for given in map(self._drawn, inputs) if given is not None]
            self.edges += [Edge(place, len(self.boxes), *self._texts(given)) for place, given in sources]
            kind: Kind = "cost" if node is self.trace.J else "operation"
            self._add(node, kind, operation.name, self.trace.layers[node].label if node in self.trace.layers else "")
        return Diagram(tuple(self.boxes), tuple(self.edges), "computation graph of a network")

    def _drawn(self, given: Any) -> Any:
        """What is drawn for an input: a leaf for an array with a name, nothing for one that formulas do not name."""
        variable = self.trace.variable(given)
        return variable if variable is not None or np.size(given) > 1 else given

    def _source(self, given: Any) -> int:
        """The box of an input; leaves and constants get theirs when they are first used."""
        if isinstance(given, Variable):
            if given not in self.places:
                self._add(given, self._kind(given))
            return self.places[given]
        self.boxes.append(Box(constant(given, DIGITS), "constant"))
        return len(self.boxes) - 1

    def _kind(self, leaf: Variable) -> Kind:
        if leaf in self.trace.parameters:
            return "parameter"
        return "leaf" if leaf in {self.trace.A0, self.trace.Y} else "constant"

    def _add(self, node: Variable, kind: Kind, detail: str = "", tooltip: str = "") -> None:
        self.places[node] = len(self.boxes)
        self.boxes.append(Box(markup((self.trace.name(node),)), kind, detail, tooltip))

    def _texts(self, given: Any) -> tuple[str, str]:
        """What stands above and below the edge that leaves an input."""
        trace = self.trace
        if not isinstance(given, Variable):
            return "", ""
        forward = self._numbers_or_shape(given, given.value)
        if given not in self.differentiated:
            return forward, ""
        scale = trace.m if trace.of_examples(given) else 1
        backward = self._numbers_or_shape(given, scale * np.asarray(given.grad), backward=True)
        name = markup((differential(trace.name(given)),))
        return forward, name if backward.startswith("(") else f"{name} = {backward}"

    def _numbers_or_shape(self, node: Variable, value: Any, backward: bool = False) -> str:
        """The numbers, where they are real and few, else the shape in the notes' convention."""
        numbers = self.trace.shown(node, value, backward)
        if numbers is None or numbers.size > MOST:
            return written(self.trace.shape(node))
        return shown(numbers.squeeze() if 1 in numbers.shape else numbers, DIGITS)

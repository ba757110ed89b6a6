"""A network as a diagram: its computation graph with the notes' names."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from chainrule.derivation.diagram import Box, Diagram, Edge, Kind
from chainrule.derivation.formula import markup
from chainrule.derivation.lines import part
from chainrule.derivation.network import differentiated
from chainrule.derivation.notation import differential
from chainrule.derivation.products import written
from chainrule.derivation.spelling import MOST, constant, shown
from chainrule.derivation.trace import Trace, on_the_way
from chainrule.derivation.writing import as_written
from chainrule.graph import Variable, parts

DIGITS = 4

LONGEST = 60
"""The most letters, with their markup, of a part of a derivative that is written at an edge."""


def network_diagram(trace: Trace) -> Diagram:
    """The boxes and edges of a network and its cost: A^[0], the parameters, a box for each operation, J.

    Above each edge stands what flows forward, its shape or a few numbers; below it what flows backward, such as dZ^[1].
    Where a value is used more than once, each edge has its own part of the derivative, W^[2]ᵀ dZ^[2] of dA^[1]. Where
    the notes' shortcut reads past the last activation, dZ^[L] stands at that activation's edge.
    """
    trace.J.backward()
    return _Painter(trace).diagram()


@dataclass(frozen=True)
class _Part:
    """What comes back to input number `place` from one of several uses."""

    place: int
    numbers: Any


class _Painter:
    def __init__(self, trace: Trace):
        self.trace = trace
        self.boxes: list[Box] = []
        self.edges: list[Edge] = []
        self.places: dict[Variable, int] = {}
        way = on_the_way(trace)
        self.differentiated = {*way, *trace.parameters}
        self.uses = Counter(node.inputs[i] for node in way for i in differentiated(node, self.differentiated))

    def diagram(self) -> Diagram:
        for node in self.trace.nodes:
            operation, inputs = as_written(self.trace, node)
            shared = self._shared(node, inputs)
            drawn = [(i, given) for i, given in enumerate(map(self._drawn, inputs)) if given is not None]
            sources = [(self._source(given), i, given) for i, given in drawn]
            self.edges += [
                Edge(place, len(self.boxes), *self._texts(given, node, shared.get(i))) for place, i, given in sources
            ]
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

    def _shared(self, node: Variable, inputs: Sequence[Any]) -> dict[int, _Part]:
        """By its place, what the node hands back to each input that others hand something back to as well."""
        forked = [
            i
            for i, given in enumerate(inputs)
            if isinstance(given, Variable) and self.uses[given] > 1 and i < len(node.inputs) and node.inputs[i] is given
        ]
        if not forked or node not in self.differentiated:
            return {}
        return {i: _Part(i, numbers) for i, numbers in parts(node) if i in forked}

    def _texts(self, given: Any, node: Variable, shared: _Part | None) -> tuple[str, str]:
        """What stands above and below the edge that leaves an input and goes to a node."""
        trace = self.trace
        if not isinstance(given, Variable):
            return "", ""
        forward = self._numbers_or_shape(given, given.value)
        if given not in self.differentiated:
            return forward, ""
        name = markup((differential(trace.name(given)),))
        whole = self._derivative(given, given.grad)
        if whole is not None:
            name = f"{name} = {whole}"
        if shared is None:
            return forward, name
        formula = markup(part(trace, node, shared.place))
        own = self._derivative(given, shared.numbers) or (formula if len(formula) <= LONGEST else "a part")
        return forward, f"{own} of {name}"

    def _derivative(self, given: Variable, numbers: Any) -> str | None:
        """The numbers of a derivative as the notes count it, m times that of J; None where they are not shown."""
        scale = self.trace.m if self.trace.of_examples(given) else 1
        text = self._numbers_or_shape(given, scale * np.asarray(numbers), backward=True)
        return None if text.startswith("(") else text

    def _numbers_or_shape(self, node: Variable, value: Any, backward: bool = False) -> str:
        """The numbers, where they are real and few, else the shape in the notes' convention."""
        numbers = self.trace.shown(node, value, backward)
        if numbers is None or numbers.size > MOST:
            return written(self.trace.shape(node))
        return shown(numbers.squeeze() if 1 in numbers.shape else numbers, DIGITS)

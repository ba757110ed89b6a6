"""The notes' names for what a walk through a network records: Z^{[1]}, A^{[1]}, W^{[2]}, …, J."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterator
from dataclasses import replace
from typing import Any

import numpy as np

from chainrule.derivation.formula import Atom, parse, symbols
from chainrule.derivation.grammar import check_formulas
from chainrule.derivation.notation import input_symbol, output_symbol, parameter_name
from chainrule.derivation.remarks import own_symbols
from chainrule.graph import Array, Variable
from chainrule.layers import Layer


class Names:
    """Names nodes as they come into being, layer by layer.

    A name that a layer has given already is counted, like a section: Z^{[1]}, Z^{[1.2]}, Z^{[1.3]}.

    Attributes:
        of: the name of each variable, the leaves too.
        nodes: every variable that an operation made, in the order in which they were computed.
        layers: the layer that made each node; the nodes of the cost are not in it.
        arrays: the variable that stands for an array, by the array's id: a node whose plain value a layer read, the
            targets, or a constant.
    """

    def __init__(self) -> None:
        self.of: dict[Variable, Atom] = {}
        self.nodes: list[Variable] = []
        self.layers: dict[Variable, Layer] = {}
        self.arrays: dict[int, Variable] = {}
        self._kept: list[Array] = []  # so that no id is used twice
        self._given: Counter[Atom] = Counter()
        self._constants = 0

    def enter(self, variable: Variable, name: Atom, own: Collection[str] = ()) -> None:
        """Give the variable this name, with a number behind the layer's if it is taken.

        `own` are the symbols that its formulas need beside it, such as Z_t of a recurrence: they get the same number.
        """
        self.arrays.setdefault(id(variable.value), variable)  # identity hands on its input's own array
        together = [name, *(replace(name, symbol=symbol) for symbol in own)]
        count = 1 + max(self._given[one] for one in together)
        self._given |= dict.fromkeys(together, count)
        if count > 1:
            *before, last = name.above[1:-1] if name.above else (Atom("0"),)
            numbered = Atom(f"{last.symbol}.{count}")
            name = replace(name, above=(Atom("["), *before, numbered, Atom("]")))
        self.of[variable] = name

    def enter_array(self, array: Array, leaf: Variable, name: Atom) -> None:
        """Let the leaf of this name stand for the array."""
        self._kept.append(array)
        self.arrays[id(array)] = leaf
        self.enter(leaf, name)

    def of_layer(self, layer: Layer, _: Array, Z: Array) -> None:
        """Name what the layer made: Z^{[l]}, or A^{[l]} if it is an activation or the layer has no parameters.

        An activation of the user's own may be several operations: what comes out of the last is A^{[l]}.
        """
        index = max(inner.l or inner.follows for _, inner in layer.family())
        made = list(self._new(Z))
        self._enter_leaves(made)
        for node in made:
            assert node.operation is not None
            self.layers[node] = layer
            symbol = output_symbol(node.operation)
            if not layer.held and symbol == "Z":
                symbol = "A"
            elif layer.held and len(made) > 1 and callable(getattr(layer, "activation", None)):
                symbol = "A" if node is made[-1] else "Z"
            self.enter(node, Atom(symbol, above=parse(f"[{index}]")), own_symbols(node.operation))
        self.nodes += made

    def of_cost(self, J: Variable) -> None:
        """Name the cost J, and what was computed on the way to it v_1, v_2, …"""
        made = list(self._new(J))
        self._enter_leaves(made)
        for k, node in enumerate(made, 1):
            self.enter(node, Atom("J") if node is J else Atom("v", below=(Atom(str(k)),)))
        self.nodes += made

    def _enter_leaves(self, made: list[Variable]) -> None:
        """Name the parameters that these nodes read, before the nodes; and the constants that formulas mention.

        Raises:
            GraphError: the formulas of an operation cannot be read.
        """
        for node in made:
            assert node.operation is not None
            check_formulas(node.operation)
            mentioned = {atom.symbol for atom in symbols(parse(node.operation.forward))}
            for i, given in enumerate(node.inputs):
                if isinstance(given, Variable):
                    if given.operation is None and given not in self.of:
                        self.enter(given, parameter_name(given.name) if given.name else self._constant())
                elif np.size(given) > 1 and id(given) not in self.arrays:
                    symbol = input_symbol(node.operation, i)
                    if symbol in mentioned:
                        self.enter_array(given, Variable(given), Atom("w") if symbol == "w" else self._constant())

    def _constant(self) -> Atom:
        self._constants += 1
        return Atom("c", below=(Atom(str(self._constants)),))

    def _new(self, last: Any) -> Iterator[Variable]:
        """The nodes without a name that `last` was computed from, itself included, in the order of their making."""
        waiting = [last] if isinstance(last, Variable) else []
        seen: set[Variable] = set()
        while waiting:
            node = waiting[-1]
            before = [p for p in node.parents if p not in self.of and p not in seen and p.operation is not None]
            if node in seen or node in self.of or node.operation is None:
                waiting.pop()
            elif before:
                waiting += before[::-1]
            else:
                seen.add(node)
                yield waiting.pop()

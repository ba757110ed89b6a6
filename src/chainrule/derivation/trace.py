"""A network's computation graph, with the notes' name for every node: Z^{[1]}, A^{[1]}, W^{[2]}, …, J."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from chainrule.checking import as_array
from chainrule.data.examples import examples
from chainrule.derivation.formula import Atom, clauses, number, parse, sides, symbols
from chainrule.errors import DataError
from chainrule.graph import Array, Operation, Variable, from_cost_to_leaves, plain
from chainrule.layers import Layer, Network
from chainrule.metrics import beside
from chainrule.training.cost import Cost, LossLike

MOST = 8
"""Matrices with more rows or columns are told by their shape alone."""


@dataclass(frozen=True)
class Trace:
    """One pass of a batch through a network and a cost, recorded and named.

    Attributes:
        nodes: every variable that an operation made, in the order in which they were computed; J is the last.
        A0, Y, J: the input, the targets (as a leaf of their own, which is not in the graph), and the cost.
        names: the notes' name of each variable, the leaves too.
        layers: the layer that made each node; the nodes of the cost are not in it.
        parameters: the leaves that training changes, in the order of the network.
        from_examples: the variables that depend on X or y.
        m: the number of examples.
        given: how much of the numbers is real, and not made of blanks: "nothing", "X", or "X and y".
        constants: the names of arrays that are no variables, by id; and the arrays, so that no id is used twice.
    """

    nodes: tuple[Variable, ...]
    A0: Variable
    Y: Variable
    J: Variable
    names: dict[Variable, Atom]
    layers: dict[Variable, Layer]
    parameters: tuple[Variable, ...]
    from_examples: set[Variable]
    m: int
    given: Literal["nothing", "X", "X and y"]
    constants: dict[int, tuple[Atom, Array]]

    def name(self, value: Any) -> Atom:
        """What a variable, an array or a number is called."""
        if isinstance(value, Variable):
            return self.names[value]
        if id(value) in self.constants:
            return self.constants[id(value)][0]
        return number(float(np.ravel(value)[0]))

    def of_examples(self, node: Variable) -> bool:
        """Whether the node holds something for each example, along its first axis."""
        return node in self.from_examples and node.ndim > 0 and node.shape[0] == self.m

    def shape(self, value: Any, as_columns: bool = True) -> tuple[str, ...]:
        """The shape, with m for the number of examples.

        Args:
            as_columns: the notes' convention, examples and vectors are columns; else as the array itself has it.
        """
        sizes = tuple(map(str, np.shape(plain(value))))
        if isinstance(value, Variable) and self.of_examples(value):
            sizes = ("m", *sizes[1:])
            return sizes if not as_columns or len(sizes) > 2 else sizes[::-1] if len(sizes) == 2 else ("1", *sizes)
        return (*sizes, "1") if as_columns and len(sizes) == 1 else sizes

    def shown(self, variable: Variable, numbers: Array, backward: bool = False) -> NDArray[Any] | None:
        """The numbers in the shape that `shape` tells, as far as they are real and few enough to read.

        Args:
            backward: whether they are derivatives.
        """
        of_cost = variable is self.Y or (variable.operation is not None and variable not in self.layers)
        if self.given == "nothing" or (self.given == "X" and (backward or of_cost)):
            return None
        array = np.asarray(numbers)
        if array.ndim > 2 or max(array.shape, default=1) > MOST:
            return None
        if array.ndim == 1:
            return array.reshape((1, -1) if self.of_examples(variable) else (-1, 1))
        return array.T if self.of_examples(variable) else array


def record(net: Network, X: Any = None, y: Any = None, loss: LossLike | None = None, *, seed: int = 0) -> Trace:
    """Send a batch through a float64 copy of the network, as training would, and name what comes into being.

    Args:
        net: the network; it is built if it is not, and otherwise left as it is.
        X: (m, …), or None for a blank batch, which shows all shapes and no numbers.
        y: the targets, or None for blank ones.
        loss: as `train` takes it; by default the one that fits the last activation.
        seed: of the dropout.

    Raises:
        DataError: the network has not seen data, and X is None; or y is given without X.
        ShapeError, DataError, OptionError: see `train`.
    """
    batch, target = _batch(net, X, y)
    net = net.copy("float64")
    A0 = Variable(net.cast(batch), "A0")
    names = _Names()
    names.enter(A0, Atom("A", above=parse("[0]")), of_examples=True)
    with np.errstate(all="ignore" if X is None else None):
        A, variables = net.record(A0, training=True, seed=seed, watch=names.of_layer)
        for name, made in variables.items():
            names.enter(made, parameter_name(name))
        if not isinstance(A, Variable):
            raise DataError("the output does not depend on X or on any parameter, so there is nothing to derive.")
        cost = Cost(_default_loss(net, A) if loss is None else loss)
        target = beside(_blank_targets(cost, A) if target is None else target, A.shape)
        J = cost(A, target)
    Y = Variable(target, "Y")
    names.enter(Y, Atom("Y"), of_examples=True)
    names.of_cost(J)
    return Trace(
        nodes=tuple(names.nodes),
        A0=A0,
        Y=Y,
        J=J,
        names=names.of,
        layers=names.layers,
        parameters=tuple(variables[name] for name in net.parameters if name in variables),
        from_examples=names.from_examples,
        m=len(batch),
        given="nothing" if X is None else "X" if y is None else "X and y",
        constants=names.constants,
    )


def on_the_way(trace: Trace) -> list[Variable]:
    """The nodes between J and the parameters, J first."""
    order = [node for node in from_cost_to_leaves(trace.J) if node.operation is not None]
    reached = set(trace.parameters)
    for node in reversed(order):
        if any(parent in reached for parent in node.parents):
            reached.add(node)
    return [node for node in order if node in reached]


def output_symbol(operation: Operation) -> str:
    """What the operation's formulas call its value: A, Z or J."""
    lefts = [sides(clause)[0][0].symbol for clause in clauses(parse(operation.forward))]
    return next(symbol for symbol in lefts if len(symbol) == 1 and symbol.isupper())


def input_symbol(operation: Operation, i: int) -> str:
    """What the operation's formulas call its input number i."""
    return symbol_of(operation.inputs[min(i, len(operation.inputs) - 1)].removeprefix("*"))


def symbol_of(name: str) -> str:
    """The LaTeX of a name in the code: gamma becomes its Greek letter, others stay."""
    return GREEK.get(name, name)


def parameter_name(name: str) -> Atom:
    """W^{[1]} of "W1"."""
    base = name.rstrip("0123456789")
    return Atom(symbol_of(base), above=parse(f"[{name.removeprefix(base)}]"))


_GREEK_NAMES = "alpha beta gamma delta zeta eta theta kappa lambda mu nu xi rho sigma tau phi chi psi omega"
GREEK = {name: f"\\{name}" for name in _GREEK_NAMES.split()} | {"epsilon": r"\varepsilon"}
_LOSS_AFTER = {"softmax": "cross_entropy", "sigmoid": "binary_cross_entropy"}


class _Names:
    """Names nodes as they come into being, layer by layer."""

    def __init__(self) -> None:
        self.of: dict[Variable, Atom] = {}
        self.layers: dict[Variable, Layer] = {}
        self.nodes: list[Variable] = []
        self.constants: dict[int, tuple[Atom, Array]] = {}
        self.from_examples: set[Variable] = set()
        self._taken: set[Atom] = set()
        self._values_of_examples: set[int] = set()

    def enter(self, variable: Variable, name: Atom, of_examples: bool = False) -> None:
        self.of[variable] = name
        self._taken.add(name)
        self.constants[id(variable.value)] = name, variable.value  # a layer may read the plain value
        if of_examples:
            self.from_examples.add(variable)
            self._values_of_examples.add(id(variable.value))

    def of_layer(self, layer: Layer, _: Array, Z: Array) -> None:
        """Name what the layer made: Z^{[l]}, or A^{[l]} if it is an activation or the layer has no parameters."""
        index = max(inner.l or inner.follows for _, inner in layer.family())
        for node in self._new(Z):
            assert node.operation is not None
            symbol = output_symbol(node.operation) if layer.held else "A"
            self.layers[node] = layer
            self._add(node, Atom(symbol, above=parse(f"[{index}]")))

    def of_cost(self, J: Variable) -> None:
        """Name the cost J, and what was computed on the way to it v_1, v_2, …"""
        for k, node in enumerate(self._new(J), 1):
            self._add(node, Atom("J") if node is J else Atom("v", below=(Atom(str(k)),)))

    def _add(self, node: Variable, name: Atom) -> None:
        while name in self._taken:
            name = replace(name, above=(Atom(r"\prime"), *name.above))
        self._name_constants(node)
        self.nodes.append(node)
        self.enter(node, name, of_examples=any(id(plain(given)) in self._values_of_examples for given in node.inputs))

    def _name_constants(self, node: Variable) -> None:
        assert node.operation is not None
        mentioned = {atom.symbol for atom in symbols(parse(node.operation.forward))}
        for i, given in enumerate(node.inputs):
            constant = not isinstance(given, Variable) and np.size(given) > 1 and id(given) not in self.constants
            if constant and input_symbol(node.operation, i) in mentioned:
                k = sum(name.symbol == "c" for name, _ in self.constants.values()) + 1
                self.constants[id(given)] = Atom("c", below=(Atom(str(k)),)), given

    def _new(self, last: Any) -> Iterator[Variable]:
        """The nodes without a name that `last` was computed from, itself included, each after what it was made of."""
        waiting = [last] if isinstance(last, Variable) else []
        while waiting:
            node = waiting[-1]
            before = [p for p in node.parents if p not in self.of and p.operation is not None]
            if node in self.of or node.operation is None:
                waiting.pop()
            elif before:
                waiting += before
            else:
                yield waiting.pop()


def _batch(net: Network, X: Any, y: Any) -> tuple[Array, Array | None]:
    """The examples, blank ones where there are none, and the targets; the network is built for them."""
    if X is None:
        if y is not None:
            raise DataError("y is given without X: give both, or neither for the shapes alone.")
        return _blank_examples(net), None
    if y is not None:
        X, y = examples(X, y)
    X = as_array(X, "X")
    net.build_for(X)
    return X, y


def _blank_examples(net: Network) -> Array:
    """Zeros, as many examples as nothing else in the network counts, so that shapes tell m from everything else."""
    if net.input_shape is None:
        raise DataError("the sizes of the network are not known: give X, or make it with Network(…, input_shape=…).")
    sizes = {n for value in net.parameters.values() for n in value.shape} | set(net.input_shape)
    return np.zeros((next(m for m in itertools.count(2) if m not in sizes), *net.input_shape), np.uint8)


def _blank_targets(cost: Cost, A: Variable) -> Array:
    return np.zeros(A.shape[:-1], int) if cost.task == "classes" else np.ones(A.shape)


def _default_loss(net: Network, A: Variable) -> LossLike:
    """The loss that the network was trained with, as far as it tells, else the one that fits its last activation."""
    last = A.operation.name if A.operation is not None else ""
    loss: str = net.metadata.get("loss", _LOSS_AFTER.get(last, "squared_error"))
    return loss

"""Recording a trace: the network is walked with closed variables, and what operations have made becomes nodes."""

from __future__ import annotations

import functools
from collections.abc import Iterator
from contextlib import suppress

import numpy as np

from chainrule.engines.contract import CostLike, Form, LayerLike, NetworkLike, Numbers
from chainrule.engines.trace import Node, NotTraceableError, Role, Trace, first_rates
from chainrule.graph import (
    Array,
    ClosedArray,
    ClosedError,
    Operation,
    Recording,
    Refusal,
    Variable,
    is_closed_array,
    sample_of,
)


def trace(
    network: NetworkLike,
    cost: CostLike | None,
    given: Form,
    m: int,
    *,
    training: bool,
    updating: bool = False,
    seed: int = 0,
    update: int = 0,
    target: Form | None = None,
) -> Trace:
    """Record one pass of m blank examples.

    Args:
        given: the form of X, as the network's `cast` makes it.
        training, updating, seed, update: as `Network.record` takes them.
        target: the form of Y, as a loss of the user's own gets it; by default as training met it, or that of outputs.

    Raises:
        NotTraceableError: code asks for numbers, of which there are none.
        ShapeError: the network does not take examples of this shape.
    """
    closed = Recording()
    X = closed.array(np.zeros((m, *given.shape), given.dtype), "X")
    with closed.under_way(), np.errstate(all="ignore"), suppress(ClosedError):  # the recording knows more of that
        A, variables = network.record(
            X,
            training=training,
            updating=updating,
            seed=seed,
            update=update,
            closed=closed,
            drop_rates=first_rates(network),
        )
        Y, weights, J = _measured(closed, cost, A, m, target)
    if any(node.derivatives is not None or node.grad is not None for node in closed.nodes):
        closed.note("gives a variable derivatives by hand")
    if closed.refusal is not None:
        raise NotTraceableError(_in_words(closed.refusal, cost))
    nodes = _Nodes(closed, m, {variable: name for name, variable in variables.items()})
    data, label, weight = (
        None if leaf is None else nodes.enter_data(leaf.node, role)
        for leaf, role in ((X, Role.DATA), (Y, Role.LABEL), (weights, Role.WEIGHT))
    )
    nodes.enter_all([A] if cost is None else [A, J])
    output, measured = nodes.of(A), None if cost is None else nodes.of(J)
    assert data is not None
    assert output is not None
    made = nodes.parameters, nodes.in_order
    return Trace(m, data, label, weight, *made, output, measured, training, seed, update)


def _measured(
    closed: Recording, cost: CostLike | None, A: Array, m: int, target: Form | None
) -> tuple[ClosedArray | None, ClosedArray | None, Array]:
    """Y and the weights as closed arrays, and J; None where there is no cost."""
    if cost is None:
        return None, None, None
    Y = closed.array(_blank_targets(cost, A, m, target), "Y")
    weights = closed.array(np.ones(m), "weights") if cost.takes_weights and not cost.own else None
    return Y, weights, cost(A, Y, weights)


class _Nodes:
    """The nodes of a recording, made of its variables."""

    def __init__(self, closed: Recording, m: int, parameters: dict[Variable, str]):
        self.closed, self.m = closed, m
        self.names = parameters
        self.parameters: dict[str, Node] = {}
        self.in_order: list[Node] = []
        self._made: dict[Variable, Node] = {}

    def of(self, given: object) -> Node | None:
        """The node of whatever an operation was given; None for an optional input that was left out."""
        if given is None:
            return None
        if is_closed_array(given):
            given = given.node  # type: ignore[attr-defined]
        if isinstance(given, Variable):
            return self._made[given] if given in self._made else self._leaf(given)
        numbers = np.asarray(given)
        return Node(Role.CONSTANT, numbers.shape, numbers.dtype, numbers=given, plain=True)  # type: ignore[arg-type]

    def enter_data(self, leaf: Variable, role: Role) -> Node:
        """The node of X, Y or the weights."""
        made = self._made[leaf] = Node(
            role, leaf.shape, leaf.dtype, of_examples=True, from_data=True, name=leaf.name or "", plain=True
        )
        return made

    def enter_all(self, ends: list[object]) -> None:
        """Make the nodes of all that the ends depend on, in the order in which they were recorded."""
        needed = _needed(ends)
        for variable in self.closed.nodes:
            if variable in needed:
                node = self._made[variable] = self._computed(variable)
                if node.role is Role.COMPUTED:
                    self.in_order.append(node)

    def _leaf(self, leaf: Variable) -> Node:
        """A parameter, or else a statistic: X and Y have been entered, and nothing else comes in from outside."""
        shape, dtype = leaf.shape, leaf.dtype
        if leaf not in self.names and leaf not in self.closed.owners:
            raise NotTraceableError("a layer or network inside that is no part of this network")
        if leaf in self.names:
            made = self.parameters[self.names[leaf]] = Node(Role.PARAMETER, shape, dtype, name=self.names[leaf])
        else:
            layer = _as_layer(self.closed.owners.get(leaf))
            numbers = sample_of(leaf)
            made = Node(Role.STATISTIC, shape, dtype, name=leaf.name or "", numbers=numbers, layer=layer, plain=True)
        self._made[leaf] = made
        return made

    def _computed(self, variable: Variable) -> Node:
        operation = variable.operation
        assert operation is not None
        inputs = tuple(map(self.of, variable.inputs))
        parents = [node for node in inputs if node is not None]
        layer = _as_layer(self.closed.owners[variable])
        if all(node.given for node in parents):
            numbers = sample_of(variable)
            return Node(
                Role.STATISTIC, variable.shape, variable.dtype, inputs=inputs, numbers=numbers, layer=layer, plain=True
            )
        from_data = any(node.from_data for node in parents)
        return Node(
            Role.COMPUTED,
            variable.shape,
            np.dtype(variable.dtype),
            of_examples=from_data and variable.shape[:1] == (self.m,),
            from_data=from_data,
            operation=operation,
            inputs=inputs,
            options=operation.defaults | variable.options,
            layer=layer,
            plain=variable in self.closed.arrays,
        )


def own_code(network: NetworkLike) -> Iterator[tuple[str, LayerLike]]:
    """The layers, by their paths, that users wrote or gave an activation that they wrote."""
    for path, layer in network.family():
        activation = getattr(layer, "activation", None)
        if isinstance(activation, functools.partial):
            activation = activation.func
        if "forward" in vars(layer):
            yield path, layer
            continue
        of_the_library = activation is None or isinstance(activation, str | Operation)
        if not (type(layer).__module__.startswith("chainrule.") and of_the_library):
            yield path, layer


def has_own_code(network: NetworkLike, cost: CostLike | None) -> bool:
    """Whether users wrote a layer, an activation or the loss."""
    return (cost is not None and cost.own) or any(True for _ in own_code(network))


def sample_size(network: NetworkLike, shape: tuple[int, ...]) -> int:
    """A number of examples that is no size of anything else, so that shapes tell where the examples are."""
    sizes = {*shape, *(n for value in network.parameters.values() for n in value.shape)}
    primes = (2, 3, 5, 7, 11, 13, 17, 19, 23, 29, 31)
    return next((m for m in primes if m not in sizes), max(sizes) + 1)


def form_of(network: NetworkLike, shape: tuple[int, ...], dtype: np.dtype[np.generic] | None = None) -> Form:
    """The form of examples of this shape, which come in this type, once `cast` has seen them.

    Args:
        dtype: None where that is not known yet.
    """
    return Form(shape, network.cast(np.zeros((1, *shape), np.uint8 if dtype is None else dtype)).dtype)


def _blank_targets(cost: CostLike, A: object, m: int, target: Form | None) -> Numbers:
    """Targets that an output A can have; nobody sees their numbers, but shapes and types count."""
    if not cost.own:
        return cost.blank_targets(A)
    shape, dtype = target or cost.target or Form(A.shape[1:], A.dtype)  # type: ignore[attr-defined]
    return np.zeros((m, *shape), dtype)


def _in_words(refusal: Refusal, cost: CostLike | None) -> str:
    """Who asked for what, and where."""
    layer = _as_layer(refusal.layer)
    called = layer.label if layer is not None else "the network" if cost is None else f"the loss {cost.name}"
    return f"{called}, which {refusal.what}, in {refusal.place}"


def _needed(ends: list[object]) -> set[Variable]:
    """All variables that the ends depend on."""
    unseen = [end.node if is_closed_array(end) else end for end in ends]  # type: ignore[attr-defined]
    needed: set[Variable] = set()
    while unseen:
        variable = unseen.pop()
        if isinstance(variable, Variable) and variable not in needed:
            needed.add(variable)
            unseen.extend(variable.inputs)
    return needed


def _as_layer(owner: object | None) -> LayerLike | None:
    return owner  # type: ignore[return-value]

"""Recording a batch on its way through a network and a cost, for a page or a drawing."""

from __future__ import annotations

import itertools
from collections import Counter
from typing import Any

import numpy as np

from chainrule.checking import as_array
from chainrule.data.examples import example_weights, examples
from chainrule.derivation.formula import Atom, parse
from chainrule.derivation.names import Names
from chainrule.derivation.notation import parameter_name
from chainrule.derivation.trace import Trace
from chainrule.engines.trace import first_rates
from chainrule.errors import DataError, GraphError
from chainrule.graph import OPERATIONS, Array, Variable, plain
from chainrule.layers import Network
from chainrule.metrics import beside
from chainrule.training.cost import Cost, LossLike

AFTER = {g.name: loss.name for loss in OPERATIONS.values() for g in loss.after}
"""The loss that belongs to a last activation: that of the notes' shortcut."""


def record(net: Network, X: Any = None, y: Any = None, loss: LossLike | None = None, *, seed: int = 0) -> Trace:
    """Send a batch through a float64 copy of the network, as training would, and name what comes into being.

    A second batch with one example more tells which axes count examples.

    Args:
        net: the network; it is built if it is not, and otherwise left as it is.
        X: (m, …), or None for a blank batch, which shows all shapes and no numbers.
        y: the targets, or None for blank ones.
        loss: as `train` takes it; by default the one that fits the last activation.
        seed: of the dropout.

    Raises:
        DataError: the network has not seen data, and X is None; or y is given without X.
        GraphError: `net` is no network, or the formulas of an own operation cannot be read.
        ShapeError, DataError, OptionError: see `train`.
    """
    if not isinstance(net, Network):
        raise GraphError(
            f"derive takes a Network, but was given a {type(net).__name__}; cr.steps(J) is for a variable."
        )
    batch, targets = _batch(net, X, y)
    net = net.copy("float64")
    with np.errstate(all="ignore" if X is None else None):
        walk = _Walk(net, batch, targets, loss, seed)
    names, A0, Y, J, A = walk.names, walk.A0, walk.Y, walk.J, walk.A
    _as_formulas_have_them(names)
    dependent = _from({A0, Y}, names)
    axes = _axes(walk, _one_more(walk, net, loss, seed))
    if axes is None:
        constants = {leaf for leaf in names.arrays.values() if leaf.operation is None} - set(walk.parameters.values())
        axes = {one: (0,) for one in dependent | constants if one.shape[:1] == (len(batch),)}
    return Trace(
        nodes=tuple(names.nodes),
        A0=A0,
        Y=Y,
        J=J,
        names=names.of,
        layers=names.layers,
        schedules=tuple(layer.rate for layer in net.dropouts_on_schedule()),
        parameters={walk.parameters[name]: name for name in net.parameters if name in walk.parameters},
        arrays=names.arrays,
        axes=axes,
        dependent=dependent,
        losses=A.shape[:-1] or A.shape,
        activations=_activations(names.nodes),
        loss=walk.cost.name,
        assumed=loss is None and "loss" not in net.metadata,
        given="nothing" if X is None else "X" if y is None else "X and y",
    )


class _Walk:
    """A batch on its way to J, named."""

    def __init__(self, net: Network, batch: Array, targets: Array | None, loss: LossLike | None, seed: int):
        self.batch, self.names = batch, Names()
        self.A0 = Variable(net.cast(batch), "A0")
        self.names.enter(self.A0, Atom("A", above=parse("[0]")))
        A, self.parameters = net.record(
            self.A0, training=True, seed=seed, watch=self.names.of_layer, drop_rates=first_rates(net)
        )
        if not isinstance(A, Variable):
            raise DataError("the output does not depend on X or on any parameter, so there is nothing to derive.")
        for name, made in self.parameters.items():
            if made not in self.names.of:
                self.names.enter(made, parameter_name(name))
        self.A = A
        self.cost = Cost(_default_loss(net, A) if loss is None else loss)
        self.targets = beside(self.cost.blank_targets(A) if targets is None else targets, A.shape)
        self.Y = Variable(self.targets, "Y")
        self.names.enter_array(self.targets, self.Y, Atom("Y"))
        J = self.cost(A, self.targets, example_weights(self.targets, mask=self._mask(net)))
        if not isinstance(J, Variable):
            raise DataError("the cost does not depend on the output, so there is nothing to derive.")
        self.J = J
        self.names.of_cost(self.J)

    def _mask(self, net: Network) -> Array | None:
        """The steps that count, if some of them do not."""
        mask = net.steps_that_count(self.batch)
        return None if mask is None or mask.all() or not mask.any() else mask


def _one_more(walk: _Walk, net: Network, loss: LossLike | None, seed: int) -> _Walk | None:
    """The same walk with the first example once more at the end; None where another number of examples is an error."""
    rows = [*range(len(walk.batch)), 0]
    try:
        with np.errstate(all="ignore"):
            return _Walk(net, walk.batch[rows], walk.targets[rows], loss, seed)
    except (ArithmeticError, LookupError, TypeError, ValueError):
        return None


def _axes(walk: _Walk, other: _Walk | None) -> dict[Variable, tuple[int, ...]] | None:
    """Of each variable the axes that grew with the batch; None where the two walks took different ways."""
    if other is None or len(walk.names.nodes) != len(other.names.nodes):
        return None
    pairs: list[tuple[Any, Any]] = [(walk.A0, other.A0), (walk.Y, other.Y)]
    for node, twin in zip(walk.names.nodes, other.names.nodes, strict=True):
        if node.operation is not twin.operation and node.ndim != twin.ndim:
            return None
        pairs.append((node, twin))
        pairs += zip(node.inputs, twin.inputs, strict=False)
    axes = {}
    for one, two in pairs:
        variable = one if isinstance(one, Variable) else walk.names.arrays.get(id(one))
        grown = tuple(
            k for k, (n, more) in enumerate(zip(np.shape(plain(one)), np.shape(plain(two)), strict=False)) if n != more
        )
        if variable is not None and grown:
            axes[variable] = grown
    return axes


def _from(sources: set[Variable], names: Names) -> set[Variable]:
    """The variables that depend on these."""
    found = set(sources)
    for node in names.nodes:
        inputs = (given if isinstance(given, Variable) else names.arrays.get(id(given)) for given in node.inputs)
        if any(given in found for given in inputs):
            found.add(node)
    return found


def _as_formulas_have_them(names: Names) -> None:
    """Turn the targets of losses into what the formulas mean by Y: one-hot, and smoothed."""
    read = Counter(id(given) for node in names.nodes for given in node.inputs)
    for node in names.nodes:
        if node.operation is None or node.operation.targets is None or read[id(node.inputs[1])] != 1:
            continue
        leaf = names.arrays.get(id(node.inputs[1]))
        if leaf is not None and leaf.operation is None:
            leaf.value = node.operation.targets(np, plain(node.inputs[0]), leaf.value, **node.options)


def _activations(nodes: list[Variable]) -> dict[Variable, Variable]:
    """Of each node that a shortcut made, the activation that the shortcut reads past."""
    shortcuts = {shortcut: g for loss in OPERATIONS.values() for g, shortcut in loss.after.items()}
    made = {(node.operation, node.inputs[0]): node for node in nodes if node.operation in shortcuts.values()}
    taken = [node for node in nodes if node.operation in shortcuts]
    pairs = {node: made.get((shortcuts[node.operation], node.inputs[0])) for node in taken if node.operation}
    return {node: activation for node, activation in pairs.items() if activation is not None}


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


def _default_loss(net: Network, A: Variable) -> LossLike:
    """The loss that the model file tells, else the one that fits the network's last activation."""
    last = A.operation.name if A.operation is not None else ""
    loss: str = net.metadata.get("loss", AFTER.get(last, "squared_error"))
    return loss

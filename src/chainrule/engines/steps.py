"""A network and a cost as a flat list of steps, for engines that do not walk through Python.

A blank batch is recorded once; every operation in the record becomes a step that a kernel of the same name carries out.
"""

from __future__ import annotations

import functools
import itertools
import math
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any
from weakref import ref

import numpy as np

from chainrule.errors import OptionError
from chainrule.graph import Array, Operation, Variable, from_cost_to_leaves

EXAMPLE, PARAMETER = 0, 1

NARROW = 3
"""A linear step of no more outputs than this has a kernel of its own."""


class NoKernelError(OptionError):
    """A network that cannot be told as steps.

    Attributes:
        reason: the layer, activation, loss, optimizer or operation that there is no kernel for.
    """

    def __init__(self, reason: str):
        super().__init__(f'the native engine has no kernel for {reason}: engine="auto" takes numpy where it must.')
        self.reason = reason


@dataclass
class Value:
    """What a step reads or makes: of each example a matrix (rows, n), or a parameter.

    Attributes:
        wanted: whether a derivative by it leads to a parameter.
        panels: a parameter W of a linear step. turned: one whose input has a derivative. weights: whether regularized.
    """

    kind: int
    rows: int
    n: int
    wanted: bool = False
    panels: bool = False
    turned: bool = False
    weights: bool = False

    def told(self) -> tuple[Any, ...]:
        """What the kernels read."""
        return (self.kind, self.rows, self.n, self.wanted, self.panels, self.turned, self.weights)


@dataclass
class Step:
    """One operation: its kernel, which values it reads and makes, its options."""

    kernel: str
    inputs: list[int]
    output: int
    options: dict[str, Any] = field(default_factory=dict)

    def told(self) -> tuple[Any, ...]:
        """What the kernels read."""
        return (self.kernel, self.inputs, self.output, self.options)


@dataclass
class Steps:
    """A network, and a cost if there is one.

    Attributes:
        takes, shape: the shapes of one example and of its output.
        values, steps: what there is, and what is done, in order.
        output: the value that the network returns; -1 if nobody wants to see it.
        tokens: where X holds numbers of rows of an embedding's table, the first of its columns that does and how many
            rows there are; None where X holds features alone.
        labels: whether there is a cost that takes the numbers of classes, where Y holds them.
        dtype: the network's type.
        statistics: by the step that reads and moves them, the layer that keeps them, held weakly.
    """

    takes: tuple[int, ...]
    values: list[Value]
    steps: list[Step]
    output: int
    shape: tuple[int, ...]
    tokens: tuple[int, int] | None
    labels: bool
    dtype: str
    statistics: list[tuple[Step, Any]]

    @property
    def work(self) -> int:
        """About how many multiplications one example takes, forward."""
        return sum(
            self.values[step.inputs[1]].rows * self.values[step.inputs[1]].n * self.values[step.output].rows
            for step in self.steps
            if step.kernel.endswith("linear")
        )


def steps_of(
    network: Any, cost: Any, shape: tuple[int, ...], *, training: bool, seed: int = 0, outputs: bool = True
) -> Steps:
    """The steps of one pass.

    Args:
        shape: of one example.
        outputs: whether anybody wants to see the network's output.

    Raises:
        NoKernelError: a layer, an activation, a loss or an operation that no kernel is for.
        ShapeError: the network does not take examples of this shape.
    """
    if not shape:
        raise NoKernelError("examples that are single numbers")
    _refuse_own(network, cost)
    return _Writer(network, cost, training, seed).write(shape, outputs)


def _refuse_own(network: Any, cost: Any) -> None:
    """What is made by the user may do anything, also what a record of one batch does not show."""
    for _, layer in network.family():
        if not type(layer).__module__.startswith("chainrule."):
            raise NoKernelError(f"the layer {type(layer).__name__}, which is your own")
        activation = getattr(layer, "activation", None)
        if isinstance(activation, functools.partial):
            activation = activation.func
        if not (activation is None or isinstance(activation, str | Operation)):
            raise NoKernelError(f"the activation of {layer!r}, which is your own")
    if cost is not None and cost.own:
        raise NoKernelError(f"the loss {cost.name}, which is your own")


class _Writer:
    """Writes the steps of a record, operation by operation; `_step_NAME` those that need more than their name."""

    def __init__(self, network: Any, cost: Any, training: bool, seed: int):
        self.network, self.cost, self.training, self.seed = network, cost, training, seed
        self.owners: dict[Variable, Any] = {}
        self.ids: dict[Variable, int] = {}
        self.values: list[Value] = []
        self.steps: list[Step] = []
        self.statistics: list[tuple[Step, Any]] = []
        self.data: list[Variable] = []  # X, and X in other shapes
        self.tokens: tuple[int, int] | None = None

    def write(self, shape: tuple[int, ...], outputs: bool) -> Steps:
        """See `steps_of`."""
        X = Variable(_blank(self.network, shape), "X")
        self.data.append(X)
        with np.errstate(all="ignore"):
            A, variables = self.network.record(X, training=self.training, seed=self.seed, watch=self._own)
            if not isinstance(A, Variable) or A.operation is None:
                raise NoKernelError("an output that does not depend on X")
            J = None if self.cost is None else self.cost(A, self.cost.blank_targets(A))
        self._enter_parameters(variables)
        ends = ([A] if outputs or J is None else []) + ([] if J is None else [J])
        for node in dict.fromkeys(node for end in ends for node in reversed([*from_cost_to_leaves(end)])):
            if node.operation is not None:
                self._write(node)
        output = self._read(A) if outputs or J is None else -1
        return Steps(
            shape,
            self.values,
            self.steps,
            output,
            A.shape[1:],
            tokens=self.tokens,
            labels=self.cost is not None and self.cost.task == "classes",
            dtype=self.network.dtype,
            statistics=self.statistics,
        )

    def _own(self, layer: Any, _: Array, Z: Array) -> None:
        """Remember which layer made Z; the first that returns it is the innermost."""
        if isinstance(Z, Variable):
            self.owners.setdefault(Z, layer)

    def _enter_parameters(self, variables: dict[str, Variable]) -> None:
        for name, held in self.network.parameters.items():
            if held.ndim > 2:
                raise NoKernelError(f"the parameter {name} of shape {held.shape}")
            rows, n = held.shape if held.ndim == 2 else (1, held.size)
            if name in variables:
                self.ids[variables[name]] = len(self.values)
            self.values.append(Value(PARAMETER, rows, n, wanted=name in variables, weights=held.ndim > 1))

    def _write(self, node: Variable) -> None:
        assert node.operation is not None
        writer: Callable[[Variable], None] = getattr(self, f"_step_{node.operation.name}", self._step)
        writer(node)

    def _append(self, node: Variable, kernel: str, inputs: list[int], **options: Any) -> Step:
        if node.ndim < 2 and node.operation is not None and node.ndim:
            raise NoKernelError(f"{kernel} of a vector for all examples")
        if node.ndim:
            self.ids[node] = len(self.values)
            rows = math.prod(node.shape[1:-1])
            wanted = any(self.values[i].wanted for i in inputs)
            self.values.append(Value(EXAMPLE, rows, node.shape[-1], wanted))
        step = Step(kernel, inputs, self.ids.get(node, -1), options)
        self.steps.append(step)
        return step

    def _step(self, node: Variable) -> None:
        """An operation whose kernel takes its inputs and options as they are."""
        assert node.operation is not None
        name = node.operation.name
        if name not in KERNELS:
            raise NoKernelError(f"the operation {name}")
        options = node.operation.defaults | node.options
        if options.get("axis", -1) not in (-1, node.ndim - 1):
            raise NoKernelError(f"{name} along the axis {options['axis']}")
        told = {k: float(v) for k, v in options.items() if isinstance(v, int | float) and k != "axis"}
        self._append(node, name, [self._read(given) for given in node.inputs if isinstance(given, Variable)], **told)

    def _read(self, given: Variable) -> int:
        """The number of a value; X and its other shapes are gathered from the data when they are first read."""
        if given not in self.ids:
            self._append(given, "gather", [])
        return self.ids[given]

    def _of_data(self, given: Any) -> bool:
        """Whether it is X or X in another shape, as a variable or as the array that a layer took out of it."""
        return any(given is X or given is X.value for X in self.data)

    def _step_reshape(self, node: Variable) -> None:
        (given,) = node.inputs
        if node.shape[:1] != given.shape[:1]:
            raise NoKernelError("a reshape that moves numbers between examples")
        if self._of_data(given):
            self.data.append(node)
        else:
            self._append(node, "reshape", [self.ids[given]])

    def _step_linear(self, node: Variable) -> None:
        A, W, *b = node.inputs
        inputs = [self._read(A), self.ids[W], *(self.ids[v] for v in b if v is not None)]
        weights = self.values[self.ids[W]]
        if weights.rows <= NARROW:
            self._append(node, "narrow_linear", inputs)
            return
        weights.panels = True
        weights.turned = weights.turned or self.values[inputs[0]].wanted
        self._append(node, "linear", inputs)

    def _step_embedding(self, node: Variable) -> None:
        indices, W = node.inputs
        if not self._of_data(indices):
            raise NoKernelError("an embedding of something else than X")
        self._count_tokens(0, len(W.value))
        self._append(node, "embedding", [self.ids[W]])

    def _step_embed_columns(self, node: Variable) -> None:
        A, W = node.inputs
        if not self._of_data(A):
            raise NoKernelError("an embedding of something else than X")
        self._count_tokens(node.options["first"], len(W.value))
        self._append(node, "embed_columns", [self.ids[W]], first=node.options["first"])

    def _count_tokens(self, first: int, rows: int) -> None:
        """X holds numbers of rows from a column on; of two tables the smaller one sets the limit."""
        before = self.tokens or (first, rows)
        self.tokens = min(first, before[0]), min(rows, before[1])

    def _step_standardize(self, node: Variable) -> None:
        assert node.operation is not None
        A, mean, deviation = node.inputs
        numbers = {"mean": np.asarray(mean, float).tolist(), "deviation": np.asarray(deviation, float).tolist()}
        if node.operation.name == "standardize" and self._of_data(A):
            self._append(node, "gather_standardized", [], **numbers)
        else:
            self._append(node, node.operation.name, [self._read(A)], **numbers)

    _step_unstandardize = _step_standardize

    def _step_dropout(self, node: Variable) -> None:
        seed, mask = node.options["key"]
        self._append(node, "dropout", [self._read(node.inputs[0])], rate=node.options["rate"], seed=seed, mask=mask)

    def _step_batch_norm(self, node: Variable) -> None:
        assert node.operation is not None
        if node.operation.name == "batch_norm" and len(node.inputs) > 3 and node.inputs[3] is not None:
            raise NoKernelError("a batch normalization that leaves steps out")
        layer = self.owners[node]
        n = node.shape[-1]
        step = self._append(
            node,
            "batch_norm",
            [self._read(given) for given in node.inputs[:3]],
            epsilon=layer.epsilon,
            momentum=layer.momentum,
            mean=np.zeros(n),
            variance=np.ones(n),
        )
        self.statistics.append((step, ref(layer)))

    _step_normalize = _step_batch_norm


def _blank(network: Any, shape: tuple[int, ...]) -> Array:
    """Two examples of zeros, in the type that the first layer takes."""
    return network.cast(np.zeros((2, *shape), np.uint8))


KERNELS = frozenset(
    itertools.chain(
        ("identity", "sigmoid", "tanh", "relu", "leaky_relu", "elu", "gelu", "silu", "softplus", "exp"),
        ("softmax", "log_softmax"),
        ("squared_error", "absolute_error", "huber", "poisson", "exp_poisson"),
        ("binary_cross_entropy", "sigmoid_binary_cross_entropy", "cross_entropy", "softmax_cross_entropy"),
        ("hinge", "perceptron"),
        ("layer_norm", "add", "subtract"),
    )
)
"""The operations whose kernels take inputs and options as they are."""

"""The plan: a network and a cost as a flat list of steps over values, which is what the kernels read."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, NamedTuple, TypeAlias
from weakref import ref

import numpy as np
from numpy.typing import NDArray

from chainrule.engines.contract import CannotRunError, Form, LayerLike
from chainrule.graph import Operation

EXAMPLE, PARAMETER, SHARED, CONSTANT = range(4)
"""What a value is: of each example; a parameter; made of parameters alone; given once and for all."""


Option: TypeAlias = float | NDArray[np.float64] | NDArray[np.int64]
"""What a kernel reads by name beside its inputs: a number, or an array of one of these types."""


class NoKernelError(CannotRunError):
    """A network, a cost or an optimizer that the kernels cannot compute."""

    def __init__(self, reason: str):
        message = f'the native engine has no kernel for {reason}: engine="auto" takes numpy where it must.'
        super().__init__(message, reason)


@dataclass
class Value:
    """What a step reads or makes: an array.

    Attributes:
        kind: one of EXAMPLE, PARAMETER, SHARED and CONSTANT.
        shape: of one example where it is of examples.
        wanted: whether a derivative by it leads to a parameter.
        panels: whether it is a W that only linear steps read, so that it may lie transposed, in panels as wide as a
            register. turned: whether W itself is needed beside that, because the step's input has a derivative, dZ W.
        weights: whether it is regularized.
        numbers: of a constant, row by row.
    """

    kind: int
    shape: tuple[int, ...]
    wanted: bool = False
    panels: bool = False
    turned: bool = False
    weights: bool = False
    numbers: NDArray[np.float64] = field(default_factory=lambda: np.empty(0))

    @property
    def size(self) -> int:
        """How many numbers it holds, for one example."""
        return math.prod(self.shape)


@dataclass
class Step:
    """What one kernel does: which values it reads and makes.

    Attributes:
        kernel: the kernel's name.
        inputs, output: the numbers of values; -1 where it makes nothing but a part of the cost.
        derives: for each input, whether the derivative by it is wanted.
        options: numbers and arrays by the names that the kernel asks for.
    """

    kernel: str
    inputs: list[int]
    output: int
    derives: list[bool]
    options: dict[str, Option]


class Loss(NamedTuple):
    """A loss of the library in the cost: the operation, its options, and the shape of one example's output in it."""

    operation: Operation
    options: dict[str, Any]
    shape: tuple[int, ...]


@dataclass
class Plan:
    """A network, and a cost if there is one.

    Attributes:
        input: the form of X, as the network's `cast` makes it. output_shape: the shape of one example's output.
        values, steps: what there is, and what is done, in order.
        output: the number of the value that the network returns; -1 if nobody wants to see it.
        limits: by the numbers of an example of X, how many rows the table of an embedding has, where they are indices;
            infinite where they are features. None where there is no embedding.
        labels: whether there is a cost that takes the numbers of classes, where Y holds them.
        dtype: the network's type.
        moving: the steps that read and move the statistics of a layer, each with that layer, held weakly.
        constants: the statistics that became constants, by layer and name, with their bytes at that time.
        drop_rates: the rates that steps read which are on a schedule, each with its place in `Hyperparameters`.
        losses: those of the library that the cost is made of.
        target: of a loss of the user's own, the form of what it takes for one example.
        own: whether a layer, an activation or the loss is the user's own.
    """

    input: Form
    values: list[Value]
    steps: list[Step]
    output: int
    output_shape: tuple[int, ...]
    limits: NDArray[np.float64] | None
    labels: bool
    dtype: str
    moving: list[tuple[Step, ref[LayerLike]]]
    constants: list[tuple[ref[LayerLike], str, bytes]]
    drop_rates: list[tuple[NDArray[np.float64], int]] = field(default_factory=list)
    losses: list[Loss] = field(default_factory=list)
    target: Form | None = None
    own: bool = False

    @cached_property
    def work(self) -> int:
        """About how many multiplications one example takes, forward; reading it counts as some, too."""
        return READ * math.prod(self.input.shape) + sum(self._work(step) for step in self.steps)

    def products(self, training: bool) -> int:
        """How many multiplications its matrix products take for one example; in training with the way back."""
        return sum(
            self._work(step) * (1 + training * sum(step.derives[:2]))
            for step in self.steps
            if step.kernel in (*PRODUCTS, *RECURRENCES, *CONVOLUTIONS, "attention")
        )

    def _work(self, step: Step) -> int:
        if step.output < 0 or self.values[step.output].kind != EXAMPLE:
            return 0
        size = self.values[step.output].size
        if step.kernel in RECURRENCES:
            return self.values[step.inputs[0]].size * self.values[step.inputs[1]].shape[-1]
        if step.kernel == "attention":
            Q, K, V = (self.values[i] for i in step.inputs[:3])
            return Q.shape[0] * (K.size + V.size)
        if step.kernel in CONVOLUTIONS:
            W = next(self.values[i] for i in step.inputs if self.values[i].kind != EXAMPLE)
            return size * W.size // W.shape[0]
        if step.kernel == "linear_in_bins":
            columns = step.options["columns"]
            assert isinstance(columns, np.ndarray)
            return size * (self.values[step.inputs[0]].shape[-1] + 2 * len(columns))
        return size * self.values[step.inputs[0]].shape[-1] if step.kernel in PRODUCTS else size


def alive(layer: ref[LayerLike]) -> LayerLike:
    """The layer behind a weak reference of a plan, which lives as long as its network does."""
    found = layer()
    assert found is not None
    return found


READ = 32
"""Reading a number of an example that lies anywhere in the data takes as long as so many multiplications, or longer."""

PRODUCTS = ("linear", "narrow_linear", "matmul")
"""The kernels that multiply as often for each number as their first input has columns."""

RECURRENCES = ("rnn", "rnn_relu", "gru", "lstm")
"""Those that multiply as often for each number of their first input as their second has columns."""

CONVOLUTIONS = ("convolution", "convolution_of_data", "transposed_convolution")
"""Those that multiply as often as a window of W has numbers."""

"""A network and a cost as a flat list of steps, for engines that do not walk through Python: what the kernels read."""

from __future__ import annotations

import itertools
import math
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from chainrule.errors import OptionError

EXAMPLE, PARAMETER, SHARED, CONSTANT = range(4)
"""What a value is: of each example; a parameter; made of parameters alone; given once and for all."""


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
    """What a step reads or makes: an array.

    Attributes:
        kind: one of EXAMPLE, PARAMETER, SHARED and CONSTANT.
        shape: of one example where it is of examples.
        wanted: whether a derivative by it leads to a parameter.
        panels: a parameter W that only linear steps read. turned: one whose input has a derivative.
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
        origin: the layer or loss that it belongs to, in words.
    """

    kernel: str
    inputs: list[int]
    output: int
    derives: list[bool]
    options: dict[str, Any]
    origin: str


@dataclass
class Steps:
    """A network, and a cost if there is one.

    Attributes:
        takes, shape: the shapes of one example and of its output.
        values, steps: what there is, and what is done, in order.
        output: the value that the network returns; -1 if nobody wants to see it.
        limits: by the numbers of an example of X, how many rows the table of an embedding has, where they are indices;
            infinite where they are features. None where there is no embedding.
        labels: whether there is a cost that takes the numbers of classes, where Y holds them.
        dtype: the network's type.
        statistics: by the step that reads and moves them, the layer that keeps them, held weakly.
        target: of a loss of the user's own, the shape of what it takes for one example.
        own: whether a layer, an activation or the loss is the user's own.
    """

    takes: tuple[int, ...]
    values: list[Value]
    steps: list[Step]
    output: int
    shape: tuple[int, ...]
    limits: NDArray[np.float64] | None
    labels: bool
    dtype: str
    statistics: list[tuple[Step, Any]]
    target: tuple[int, ...] | None = None
    own: bool = False

    @cached_property
    def work(self) -> int:
        """About how many multiplications one example takes, forward; reading it counts as some, too."""
        return READ * math.prod(self.takes) + sum(self._work(step) for step in self.steps)

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
        return size * self.values[step.inputs[0]].shape[-1] if step.kernel in PRODUCTS else size


READ = 32
"""Reading a number of an example that lies anywhere in the data takes as long as so many multiplications, or longer."""

PRODUCTS = ("linear", "narrow_linear", "matmul")
"""The kernels that multiply as often for each number as their first input has columns."""

RECURRENCES = ("rnn", "rnn_relu", "gru", "lstm")
"""Those that multiply as often for each number of their first input as their second has columns."""

CONVOLUTIONS = ("convolution", "convolution_of_data", "transposed_convolution")
"""Those that multiply as often as a window of W has numbers."""


def difference(a: Steps, b: Steps) -> tuple[Step, str] | None:
    """The first step in which two records of one network differ, and how."""
    for one, other in itertools.zip_longest(a.steps, b.steps):
        if one is None or other is None:
            return (one or other, OPERATIONS_DIFFER)
        if any(getattr(one, name) != getattr(other, name) for name in ("kernel", "inputs", "output", "derives")):
            return one, OPERATIONS_DIFFER
        pairs = [(a.values[i], b.values[i]) for i in (*one.inputs, one.output) if i >= 0]
        if any((x.kind, x.shape) != (y.kind, y.shape) for x, y in pairs):
            return one, OPERATIONS_DIFFER
        moving = any(step is one for step, _ in a.statistics)
        options = [] if moving else [(value, other.options[name]) for name, value in one.options.items()]
        numbers = [(x.numbers, y.numbers) for x, y in pairs]
        if not all(np.array_equal(x, y, equal_nan=True) for x, y in options + numbers):
            return one, NUMBERS_DIFFER
    return None


OPERATIONS_DIFFER = "whose operations change from batch to batch, as with an if that looks at the data"
NUMBERS_DIFFER = (
    "which computes with numbers that change from batch to batch: the number of examples (by which .mean() divides "
    "without asking for it), random ones, a counter, or numbers taken out of a variable"
)

"""The trace: one pass of a network and its cost as an object that others can read.

It is recorded with closed variables (see `chainrule.engines.tracing`): the code of a network sees shapes and types, and
no numbers, so what it does cannot depend on them. The native plan is made of a trace; whatever else runs or writes down
a network can be, too.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from enum import Enum
from typing import Any, Literal, Self

import numpy as np

from chainrule.engines.contract import LayerLike, NetworkLike, Numbers
from chainrule.errors import OptionError
from chainrule.graph import Operation

M: Literal["m"] = "m"
"""In a shape, the number of examples."""


class Role(Enum):
    """What a node is."""

    DATA = "X, the examples"
    LABEL = "Y, what the outputs should be"
    WEIGHT = "how much each example counts"
    PARAMETER = "what training changes by a gradient"
    STATISTIC = "what a layer has learned from data in another way, or what is made of that alone"
    CONSTANT = "given once and for all"
    COMPUTED = "made by an operation"


class DropRate(float):
    """The first rate of a layer whose dropout is on a schedule: as an option, it is another one in later epochs.

    Attributes:
        place: which of `Hyperparameters.drop_rates` it is.
    """

    place: int

    def __new__(cls, first: float, place: int) -> Self:
        made = super().__new__(cls, first)
        made.place = place
        return made


def first_rates(network: NetworkLike) -> list[DropRate]:
    """The rates at epoch 0 of a network's layers whose dropout is on a schedule, each of which tells its place."""
    return [DropRate(rate, i) for i, rate in enumerate(network.drop_rates(0))]


@dataclass(eq=False)
class Node:
    """A value of the trace. A plain array without a trace is a node, too: X, Y, and what is made of them alone.

    Attributes:
        role: what it is.
        shape, dtype: of the recorded batch of `Trace.m` examples.
        of_examples: whether the first axis is that of the examples. from_data: whether it depends on them at all.
        operation, inputs, options: what made it, None standing for an optional input that was left out; options with
            their defaults. Of a computed node only.
        name: of a parameter or a statistic.
        numbers: of a constant, as it was given, or a statistic.
        layer: the innermost layer that made it; None outside of all, as in a loss.
        plain: whether it is an array without a derivative, as X is.
    """

    role: Role
    shape: tuple[int, ...]
    dtype: np.dtype[np.generic]
    of_examples: bool = False
    from_data: bool = False
    operation: Operation | None = None
    inputs: tuple[Node | None, ...] = ()
    options: dict[str, Any] = field(default_factory=dict)
    name: str = ""
    numbers: Numbers | float | None = None
    layer: LayerLike | None = None
    plain: bool = False

    @property
    def ndim(self) -> int:
        return len(self.shape)

    @property
    def op(self) -> str:
        """The name of the operation that made it, or nothing."""
        return "" if self.operation is None else self.operation.name

    @property
    def symbolic_shape(self) -> tuple[int | str, ...]:
        """The shape in terms of m, the number of examples: ("m", 784)."""
        return (M, *self.shape[1:]) if self.of_examples else self.shape

    @property
    def is_mask(self) -> bool:
        """Whether it tells which steps of sequences count."""
        return self.op in ("step_mask", "mask_windows")

    @property
    def given(self) -> bool:
        """Whether it has numbers that are the same for every batch."""
        return self.role in (Role.CONSTANT, Role.STATISTIC)

    def statistics(self) -> Iterator[Node]:
        """The leaves that a statistic is made of."""
        if self.role is Role.STATISTIC and not self.inputs:
            yield self
        for node in self.parents:
            yield from node.statistics()

    @property
    def first(self) -> Node:
        """The first input that is there."""
        return next(self.parents)

    @property
    def parents(self) -> Iterator[Node]:
        return (node for node in self.inputs if node is not None)


@dataclass(eq=False)
class Trace:
    """One pass.

    Attributes:
        m: the number of examples of the recorded batch, by which a shape is known to be in terms of it.
        X, Y, weights: the leaves of the data; None where the cost is none, or takes no weights.
        parameters: the leaves that training changes, by the notes' names, as far as they are used.
        nodes: everything that the output and the cost are made of, each after its inputs.
        output, cost: what the network returns, and J; None without a cost.
        training, seed, update: as `Network.record` takes them.
    """

    m: int
    X: Node
    Y: Node | None
    weights: Node | None
    parameters: dict[str, Node]
    nodes: list[Node]
    output: Node
    cost: Node | None
    training: bool
    seed: int
    update: int


class NotTraceableError(OptionError):
    """A network whose pass depends on more than shapes.

    Attributes:
        reason: which layer or loss, and what it does, in which line.
    """

    def __init__(self, reason: str):
        super().__init__(f"the network cannot be traced because of {reason}.")
        self.reason = reason

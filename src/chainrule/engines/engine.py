"""What an engine is: it turns a network, a cost and an optimizer into something that runs epochs and predictions.

Engines stand below the layers, so they say here what they need of a network, a cost and the data.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Protocol

from numpy.typing import NDArray

from chainrule.graph import Array, Variable
from chainrule.optimizers import Optimizer

CHUNK = 1024
"""How many examples are measured or predicted at a time, to bound the memory for what is between the layers."""

Batch = tuple[Array, Array, Array | None]
"""X (m, …), Y and a weight for each example, or None: all of one mini-batch."""

Cost = Callable[[Array | Variable, Array, Array | None], Any]
"""(output, Y, weights) -> J."""


class Trainable(Protocol):
    """What an engine needs of a network; see `chainrule.layers.Network`."""

    flat: NDArray[Any]

    @property
    def regularized(self) -> NDArray[Any]: ...

    def cast(self, X: Array, first: int = ...) -> NDArray[Any]: ...

    def output(self, X: Array) -> NDArray[Any]: ...

    def record(
        self, X: Array, *, training: bool = ..., updating: bool = ..., seed: int = ..., step: int = ...
    ) -> tuple[Any, dict[str, Variable]]: ...

    def gradient(self, variables: Mapping[str, Variable]) -> NDArray[Any]: ...

    def forget(self) -> None: ...


class Batches(Protocol):
    """The training data, batch by batch; see `chainrule.data.batches`.

    Where they have an attribute `l2`, it holds the λ of each batch of the epoch under way, in place of the optimizer's.
    """

    def epoch(self, epoch: int, start: int = 0) -> Iterator[Batch]: ...


@dataclass
class Done:
    """One update, or the attempt at one.

    Attributes:
        cost: J of the batch before the update, penalty included.
        m: the number of examples in the batch.
        output: the network's output for the batch.
        Y: what it should have been.
        X: the input, only where the cost is not finite; then there was no update, and nothing follows.
        batches: how many batches it was, where an engine tells of several at once; cost and penalty are their means.
        penalty: what of the cost is the penalty.
        weights: of the examples or their steps, as far as there are any.
    """

    cost: float
    m: int
    output: Array
    Y: Array
    X: Array | None = None
    batches: int = 1
    penalty: float = 0.0
    weights: Array | None = None


class Program(Protocol):
    """A network, a cost and an optimizer, ready to run; it remembers what the optimizer remembers."""

    engine: str
    """The name of the engine that runs."""

    reason: str
    """Why it is not a faster one, or nothing."""

    t: int
    """How many updates there have been."""

    slots: dict[str, Array]
    """The optimizer's vectors, by name."""

    def epoch(
        self, batches: Batches, epoch: int, learning_rate: Callable[[int], float], start: int = 0
    ) -> Iterator[Done]:
        """Run the batches of an epoch from number `start` on, yielding as often as the engine has something to tell.

        Args:
            learning_rate: α for the batch of a number.
        """
        ...


@dataclass
class Slope:
    """The cost of one batch and its derivatives, at whatever parameters the network has.

    Attributes:
        engine: the name of the engine that computes. reason: why it is not a faster one, or nothing.
        measure: returns J without a penalty, dJ/dθ in the order of the network's vector, and the output.
    """

    engine: str
    reason: str
    measure: Callable[[], tuple[float, Array, Array]]


class Engine(Protocol):
    """Who does the arithmetic."""

    name: str

    def program(self, network: Any, cost: Any, optimizer: Optimizer, seed: int, outputs: bool = True) -> Program:
        """Get ready to train.

        Args:
            outputs: whether anybody wants to see the outputs that are met while training.

        Raises:
            NoKernelError: this engine does not know the network, the cost or the optimizer.
        """
        ...

    def slope(self, network: Any, cost: Any, batch: Batch, seed: int, outputs: bool = True) -> Slope:
        """Get ready to differentiate the cost of one batch again and again; dropout drops the same units each time.

        Raises:
            NoKernelError: this engine does not know the network or the cost.
        """
        ...

    def evaluate(self, network: Any, cost: Cost, batches: Iterable[Batch]) -> tuple[float, Array]:
        """The mean cost over all batches without a penalty, and the outputs one below the other."""
        ...

    def predict(self, network: Any, X: Array) -> NDArray[Any]:
        """The outputs for all examples of X."""
        ...

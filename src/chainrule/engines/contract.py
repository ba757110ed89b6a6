"""What an engine is, and what it needs of a network, its layers, a cost and the data.

An engine turns a network, a cost and an optimizer into something that runs epochs and predictions. Engines stand below
the layers, so they say here what they need of them; nobody asks for more.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple, Protocol, TypeAlias

import numpy as np
from numpy.typing import NDArray

from chainrule.errors import OptionError
from chainrule.graph import Array, Recording, Variable
from chainrule.hyperparameters import OfBatches
from chainrule.optimizers import Optimizer
from chainrule.turns import Turn

CHUNK = 1024
"""How many examples are measured or predicted at a time, to bound the memory for what is between the layers."""

BLOCK = 8 * CHUNK
"""How many an engine is handed at a time: so many are brought to the network's type, and their targets checked."""

Numbers: TypeAlias = NDArray[Any]
"""A NumPy array of any type."""

Batch = tuple[Array, Array, Array | None]
"""X (m, …), Y and a weight for each example, or None: all of one mini-batch."""


class CannotRunError(OptionError):
    """A network, a cost or an optimizer that an engine does not know.

    Attributes:
        reason: the layer, activation, loss, optimizer, operation or line that it is about.
    """

    def __init__(self, message: str, reason: str):
        super().__init__(message)
        self.reason = reason

    def __reduce__(self) -> tuple[Any, ...]:
        return _again, (type(self), str(self), self.reason)


def _again(kind: type[CannotRunError], message: str, reason: str) -> CannotRunError:
    """The error as it was, whatever its constructor takes."""
    error = kind.__new__(kind, message)
    CannotRunError.__init__(error, message, reason)
    return error


class LayerLike(Protocol):
    """What an engine needs of a layer; see `chainrule.layers.Layer`."""

    @property
    def takes_any_type(self) -> bool: ...

    @property
    def label(self) -> str: ...

    @property
    def statistics(self) -> dict[str, Numbers]: ...

    def lend(self, m: int) -> dict[str, Numbers]: ...

    def take_back(self, moved: dict[str, Numbers]) -> None: ...

    def children(self) -> Iterable[LayerLike]: ...


class NetworkLike(Protocol):
    """What an engine needs of a network; see `chainrule.layers.Network`."""

    dtype: str
    flat: Numbers

    @property
    def turn(self) -> Turn: ...

    @property
    def input_shape(self) -> tuple[int, ...] | None: ...

    @property
    def compiled(self) -> dict[Any, Any]: ...

    @property
    def parameters(self) -> dict[str, Numbers]: ...

    @property
    def regularized(self) -> Numbers: ...

    def family(self) -> Iterator[tuple[str, LayerLike]]: ...

    def copy(self) -> NetworkLike: ...

    def cast(self, X: Array, first: int = ...) -> Numbers: ...

    def output(self, X: Array) -> Numbers: ...

    def record(
        self,
        X: Array,
        *,
        training: bool = ...,
        updating: bool = ...,
        seed: int = ...,
        update: int = ...,
        closed: Recording | None = ...,
        parameters: Mapping[str, Array] | None = ...,
        statistics: dict[int, dict[str, Array]] | None = ...,
        drop_rates: Iterable[Array] | None = ...,
    ) -> tuple[Variable | Array, dict[str, Variable]]: ...

    def drop_rates(self, epoch: float) -> tuple[float, ...]: ...

    def gradient(self, variables: Mapping[str, Variable]) -> Numbers: ...

    def forget(self) -> None: ...


class Form(NamedTuple):
    """What an array of one example looks like.

    Attributes:
        shape: of one example. dtype: its type.
    """

    shape: tuple[int, ...]
    dtype: np.dtype[np.generic]


class CostLike(Protocol):
    """What an engine needs of a cost; see `chainrule.training.cost.Cost`.

    Attributes:
        own: whether the loss is a function of the user's own.
        loss, settings: the loss, and as text with its options: two costs of the same measure the same.
        input: the form of X that training has met, if any. target: that of Y, of a loss of the user's own.
    """

    name: str
    own: bool
    takes_weights: bool
    loss: Callable[..., object]
    input: Form | None
    target: Form | None

    @property
    def settings(self) -> str: ...

    def __call__(self, A: Variable | Array, Y: Array, weights: Array | None = None) -> Array: ...

    def check(self, n_out: tuple[int, ...], Y: Numbers, weights: Numbers | None = None) -> None: ...

    def blank_targets(self, A: Variable | Array) -> Numbers: ...

    def target_of(self, Y: Numbers, n_out: tuple[int, ...]) -> Form | None: ...


class Arrays(Protocol):
    """Training data that lie in memory as a whole, so that an engine may pick examples itself.

    Attributes:
        X, Y, weights: of all m examples. cast: what makes a part of X the network's type, where that is still to do.
        shuffle: whether `order` says in which order an epoch meets them.
    """

    @property
    def X(self) -> Array: ...

    @property
    def Y(self) -> Array: ...

    @property
    def weights(self) -> Array | None: ...

    @property
    def m(self) -> int: ...

    @property
    def batch_size(self) -> int: ...

    @property
    def shuffle(self) -> bool: ...

    @property
    def cast(self) -> Callable[[Numbers], Numbers] | None: ...

    def __len__(self) -> int: ...

    def order(self, epoch: int) -> NDArray[np.intp]: ...


class Batches(Protocol):
    """The training data, batch by batch; see `chainrule.data.batches`.

    Attributes:
        arrays: the data themselves, where they lie in memory as a whole and come as they are; else None.
        sizes: how many examples a batch may have, as far as that is known.
    """

    @property
    def arrays(self) -> Arrays | None: ...

    @property
    def sizes(self) -> tuple[int, ...]: ...

    def epoch(self, epoch: int, start: int = 0) -> Iterator[Batch]: ...


@dataclass
class Done:
    """One or several updates, and the attempt at another where a cost is not finite.

    Attributes:
        costs: J of each batch before its update, penalty included.
        penalties: what of each cost is the penalty.
        sizes: how many examples each batch has.
        output: the network's outputs for the batches, one below the other.
        Y: what they should have been.
        X: the input, only where a cost is not finite; then the batch of that cost is all there is, and nothing follows.
        weights: of the examples or their steps, as far as there are any.
    """

    costs: Sequence[float]
    penalties: Sequence[float]
    sizes: Sequence[int]
    output: Array
    Y: Array
    X: Array | None = None
    weights: Array | None = None

    @property
    def m(self) -> int:
        """How many examples there are in all."""
        return sum(self.sizes)

    @property
    def cost(self) -> float:
        """The mean cost of an example."""
        return float(np.dot(self.costs, self.sizes) / self.m)


class Program(Protocol):
    """A network, a cost and an optimizer, ready to run; it remembers what the optimizer remembers.

    Attributes:
        engine: the name of the engine that runs. reason: why it is not a faster one, or nothing.
        device: where it runs, such as "cpu" or "gpu: NVIDIA H200".
        precision: what the operands of matrix products are: "float32", "float64", or "bfloat16", rounded for it.
        updates: how many updates there have been.
        slots: the optimizer's vectors, by name.
    """

    engine: str
    reason: str
    device: str
    precision: str
    updates: int
    slots: dict[str, Array]

    def epoch(self, batches: Batches, epoch: int, given: OfBatches, start: int = 0) -> Iterator[Done]:
        """Run the batches of an epoch from number `start` on, yielding as often as the engine has something to tell.

        Args:
            given: what holds for batches; asked when the epoch's order is known.
        """
        ...


@dataclass
class Slope:
    """The cost of one batch and its derivatives, at whatever parameters the network has.

    Attributes:
        engine: the name of the engine that computes. reason: why it is not a faster one, or nothing.
        measure: returns J without a penalty, dJ/dθ in the order of the network's vector, and the output.
        device: where it computes. precision: see `Program`.
    """

    engine: str
    reason: str
    measure: Callable[[], tuple[float, Array, Array]]
    precision: str
    device: str = "cpu"


class Engine(Protocol):
    """Who does the arithmetic."""

    name: str

    def program(
        self, network: NetworkLike, cost: CostLike, optimizer: Optimizer, seed: int, outputs: bool = True
    ) -> Program:
        """Get ready to train.

        Args:
            outputs: whether anybody wants to see the outputs that are met while training.

        Raises:
            CannotRunError: this engine does not know the network, the cost or the optimizer.
        """
        ...

    def slope(self, network: NetworkLike, cost: CostLike, batch: Batch, seed: int, outputs: bool = True) -> Slope:
        """Get ready to differentiate the cost of one batch again and again; dropout drops the same units each time.

        Raises:
            CannotRunError: this engine does not know the network or the cost.
        """
        ...

    def evaluate(self, network: NetworkLike, cost: CostLike, batches: Iterable[Batch]) -> tuple[float, Array]:
        """The mean cost over all batches without a penalty, and the outputs one below the other."""
        ...

    def predict(self, network: NetworkLike, X: Array) -> Numbers:
        """The outputs for all examples of X."""
        ...

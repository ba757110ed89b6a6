"""The networks that rows are about, each with made-up data that fit it.

chainrule's own network is the one description: every contestant builds the same layers with the same parameters.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, ClassVar, Protocol

import numpy as np
from numpy.typing import NDArray

import chainrule as cr
from benchmarks import reference
from benchmarks.reference import Tensors

Examples = tuple[NDArray[Any], NDArray[np.int64]]

MADE_UP = 0.25
"""The part of the labels that nothing explains: they are learned slowly, so the cost stays far from 0, where all
contestants would agree."""


class Model(Protocol):
    """A network and its data: a value, so that a process can be sent it and find it again.

    Attributes:
        n_out: 1 where the network ends in a sigmoid, else the number of classes of its softmax.
    """

    @property
    def n_out(self) -> int: ...

    def network(self) -> cr.Network:
        """The network as it starts, float32; the layers below the last have relu or nothing."""
        ...

    def data(self, m: int) -> Examples:
        """X (m, …) and y, the numbers of the classes, or 0 and 1."""
        ...

    def cost(self, parameters: Tensors, X: NDArray[Any], y: NDArray[Any]) -> float:
        """J in float64, one function for all contestants; the parameters by chainrule's names."""
        ...


@dataclass(frozen=True)
class Multilayer:
    """Dense relu layers that end in a softmax, or in a sigmoid where there is one output.

    Attributes:
        sizes: n_x, the hidden units, the outputs.
    """

    sizes: tuple[int, ...]

    @property
    def n_out(self) -> int:
        return self.sizes[-1]

    def network(self) -> cr.Network:
        layers = [cr.Dense(n, "relu") for n in self.sizes[1:-1]]
        end = cr.Dense(self.n_out, "sigmoid" if self.n_out == 1 else "softmax")
        return cr.Network([*layers, end], seed=0, input_shape=self.sizes[0])

    def data(self, m: int) -> Examples:
        """X (m, n_x) and y (m,), which a straight line parts, but for the labels that are made up."""
        return _parted((m, self.sizes[0]), max(2, self.n_out))

    def cost(self, parameters: Tensors, X: NDArray[Any], y: NDArray[Any]) -> float:
        return reference.cost(parameters, X, y)


@dataclass(frozen=True)
class Pictures:
    """A convolutional network on pictures of 28 by 28 with one channel, ten classes.

    Attributes:
        layers: makes them.
    """

    layers: Callable[[], list[cr.Layer]]

    n_out: ClassVar[int] = 10

    def network(self) -> cr.Network:
        return cr.Network(self.layers(), seed=0, input_shape=(28, 28, 1))

    def data(self, m: int) -> Examples:
        """X (m, 28, 28, 1) and y (m,), as those of `Multilayer`."""
        return _parted((m, 28, 28, 1), self.n_out)

    def cost(self, parameters: Tensors, X: NDArray[Any], y: NDArray[Any]) -> float:
        return reference.cost_of(self.network(), parameters, X, y)


@dataclass(frozen=True)
class Text:
    """A recurrent network that says of every character what stands behind it, 65 different ones.

    Attributes:
        recurrence: cr.LSTM or cr.GRU. units: the features of its state. steps: characters in an example.
    """

    recurrence: Callable[[int], cr.Layer]
    units: int = 128
    steps: int = 64

    n_out: ClassVar[int] = 65

    def network(self) -> cr.Network:
        layers = [cr.Embedding(self.n_out, 64), self.recurrence(self.units), cr.Dense(self.n_out, "softmax")]
        return cr.Network(layers, seed=0, input_shape=(self.steps,))

    def data(self, m: int) -> Examples:
        """X and y (m, steps): y_t is what X_{t−1} and X_t say together, so it takes a memory, but for the made-up."""
        random = np.random.default_rng(0)
        X = random.integers(self.n_out, size=(m, self.steps))
        y = random.permutation(self.n_out)[(X + np.roll(X, 1, axis=1)) % self.n_out]
        return X, _with_made_up(y, self.n_out, random)

    def cost(self, parameters: Tensors, X: NDArray[Any], y: NDArray[Any]) -> float:
        return reference.cost_of(self.network(), parameters, X, y)


def lenet() -> list[cr.Layer]:
    """LeNet-5 (LeCun et al., 1998) as it is built today: relu, maxima, a softmax."""
    return [
        cr.Conv2D(6, 5, "relu", padding="same"),
        cr.MaxPool(2),
        cr.Conv2D(16, 5, "relu"),
        cr.MaxPool(2),
        cr.Flatten(),
        cr.Dense(120, "relu"),
        cr.Dense(84, "relu"),
        cr.Dense(10, "softmax"),
    ]


def convolutions() -> list[cr.Layer]:
    """32-64-pool-64-pool-128-10, windows of 3 by 3."""
    return [
        cr.Conv2D(32, 3, "relu", padding="same"),
        cr.Conv2D(64, 3, "relu", padding="same"),
        cr.MaxPool(2),
        cr.Conv2D(64, 3, "relu", padding="same"),
        cr.MaxPool(2),
        cr.Flatten(),
        cr.Dense(128, "relu"),
        cr.Dense(10, "softmax"),
    ]


def _parted(shape: tuple[int, ...], classes: int) -> Examples:
    random = np.random.default_rng(0)
    X = random.standard_normal(shape, np.float32)
    flat = X.reshape(len(X), -1)
    y = (flat @ random.standard_normal((flat.shape[1], classes), np.float32)).argmax(axis=1)
    return X, _with_made_up(y, classes, random)


def _with_made_up(y: NDArray[np.int64], classes: int, random: np.random.Generator) -> NDArray[np.int64]:
    return np.where(random.random(y.shape) < MADE_UP, random.integers(classes, size=y.shape), y)

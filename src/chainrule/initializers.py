"""How parameters start. An initializer turns a shape and a random generator into numbers.

The first axis of a weight's shape counts what goes out, the others what comes in: W is (n_out, n_in).
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from chainrule.checking import real
from chainrule.configuration import Configurable
from chainrule.errors import OptionError
from chainrule.names import lookup

Distribution = Literal["normal", "uniform"]


class Initializer(Configurable):
    """The base of the initializers; subclass it and write `__call__`."""

    def __call__(self, shape: tuple[int, ...], random: np.random.Generator) -> NDArray[np.float64]:
        """The first value of a parameter of this shape."""
        raise NotImplementedError(f"{type(self).__name__} must define __call__(shape, random).")


@dataclass(frozen=True, repr=False)
class Zeros(Initializer):
    """All 0: right for biases; for weights it leaves all units of a layer equal (the notes, "why not zeros")."""

    def __call__(self, shape: tuple[int, ...], random: np.random.Generator) -> NDArray[np.float64]:
        return np.zeros(shape)


@dataclass(frozen=True, repr=False)
class Ones(Initializer):
    """All 1: for factors, such as the γ of a normalization."""

    def __call__(self, shape: tuple[int, ...], random: np.random.Generator) -> NDArray[np.float64]:
        return np.ones(shape)


@dataclass(frozen=True, repr=False)
class Random(Initializer):
    """scale · randn: small numbers of the normal distribution (the notes, "random initialization": scale 0.01)."""

    scale: float = 0.01

    def __post_init__(self) -> None:
        super().__post_init__()
        real("scale", self.scale)

    def __call__(self, shape: tuple[int, ...], random: np.random.Generator) -> NDArray[np.float64]:
        return self.scale * random.standard_normal(shape)


@dataclass(frozen=True, repr=False)
class Xavier(Initializer):
    """Variance 2 / (n_in + n_out), for tanh, sigmoid and softmax (Glorot & Bengio, 2010)."""

    distribution: Distribution = "uniform"

    def __call__(self, shape: tuple[int, ...], random: np.random.Generator) -> NDArray[np.float64]:
        n_in, n_out = fans(shape)
        return _draw(self.distribution, 2 / max(n_in + n_out, 1), shape, random)


@dataclass(frozen=True, repr=False)
class He(Initializer):
    """Variance 2 / n_in, for relu and its relatives (He et al., 2015)."""

    distribution: Distribution = "normal"

    def __call__(self, shape: tuple[int, ...], random: np.random.Generator) -> NDArray[np.float64]:
        return _draw(self.distribution, 2 / max(fans(shape)[0], 1), shape, random)


@dataclass(frozen=True, repr=False)
class LeCun(Initializer):
    """Variance 1 / n_in (LeCun et al., 1998, "Efficient BackProp")."""

    distribution: Distribution = "normal"

    def __call__(self, shape: tuple[int, ...], random: np.random.Generator) -> NDArray[np.float64]:
        return _draw(self.distribution, 1 / max(fans(shape)[0], 1), shape, random)


@dataclass(frozen=True, repr=False)
class Orthogonal(Initializer):
    """gain · Q with orthonormal rows or columns, whichever are fewer (Saxe et al., 2014)."""

    gain: float = 1.0

    def __post_init__(self) -> None:
        super().__post_init__()
        real("gain", self.gain)

    def __call__(self, shape: tuple[int, ...], random: np.random.Generator) -> NDArray[np.float64]:
        if len(shape) < 2:
            raise OptionError(f"an orthogonal start needs a matrix, but the parameter's shape is {shape}.")
        rows, columns = shape[0], math.prod(shape[1:])
        Q, R = np.linalg.qr(random.standard_normal((max(rows, columns), min(rows, columns))))
        Q = Q * np.sign(np.diag(R))  # makes Q uniform over all orthogonal matrices (Mezzadri, 2007)
        return self.gain * (Q if rows >= columns else Q.T).reshape(shape)


INITIALIZERS: dict[str, Initializer] = {
    "zeros": Zeros(),
    "ones": Ones(),
    "random": Random(),
    "xavier": Xavier(),
    "glorot": Xavier(),
    "he": He(),
    "lecun": LeCun(),
    "orthogonal": Orthogonal(),
}
"""The initializers that a layer knows by name."""

_RELATIVES_OF_RELU = ("relu", "leaky_relu", "elu", "gelu", "silu", "softplus")


def initializer_for(activation: str) -> Initializer:
    """The initializer that fits an activation of that name: He for relu and its relatives, Xavier for the others."""
    return He() if activation in _RELATIVES_OF_RELU else Xavier()


def find_initializer(given: Any) -> Initializer:
    """The initializer that `given` is or names.

    Raises:
        OptionError: an unknown name, or something that is no initializer.
    """
    if isinstance(given, str):
        return lookup("initializer", given, INITIALIZERS)
    if isinstance(given, Initializer):
        return given
    raise OptionError(f"an initializer is a name or an Initializer, not {given!r}.")


def fans(shape: tuple[int, ...]) -> tuple[int, int]:
    """(n_in, n_out): how many numbers come into one unit, and how many units one number goes out to."""
    if len(shape) < 2:
        return math.prod(shape), math.prod(shape)
    between = math.prod(shape[1:-1])
    return between * shape[-1], between * shape[0]


def _draw(
    distribution: str, variance: float, shape: tuple[int, ...], random: np.random.Generator
) -> NDArray[np.float64]:
    if distribution == "normal":
        return np.asarray(random.standard_normal(shape) * variance**0.5)
    if distribution == "uniform":
        return np.asarray(random.uniform(-1, 1, shape) * (3 * variance) ** 0.5)
    raise OptionError(f'a distribution is "normal" or "uniform", not {distribution!r}.')

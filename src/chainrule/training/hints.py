"""What a teacher would notice of a training, a line each: looks at a few hundred examples before it and after it."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from chainrule.data.batches import RowArray
from chainrule.errors import DataError
from chainrule.graph import Array
from chainrule.layers import (
    Activation,
    BatchNorm,
    Conv1D,
    Conv2D,
    Dense,
    Dropout,
    Flatten,
    Layer,
    LayerNorm,
    Network,
    Residual,
    Standardize,
)
from chainrule.layers.activation import activation_name
from chainrule.layers.walk import Walk, walking
from chainrule.metrics import Metric
from chainrule.training.cost import Cost
from chainrule.training.history import History
from chainrule.training.own_code import hints_on_own_code, hints_on_own_metrics

EXAMPLES, NUMBERS = 256, 2**19
"""How many examples are looked at, and how many numbers X may have with them."""

FEW = 32
"""Of fewer examples nothing is concluded."""

QUICK = (Network, Residual, Dense, Activation, Dropout, BatchNorm, LayerNorm, Standardize)
"""The layers that are looked at: through convolutions and recurrences a look would take its time."""

FLAT = {"tanh": (0.99, 0.01), "sigmoid": (0.49, 0.01)}
"""Where an activation is flat: |a − middle| beyond the first number, which is so near to the end as the second says."""

SATURATED, DEAD = 0.5, 0.4
"""From these shares of a layer's outputs and units on it is worth a line."""

NO_PROBABILITIES = ("relu", "leaky_relu", "elu", "gelu", "silu", "softplus", "linear", "identity")
"""What may stand at the end of a network and is no probability."""

LARGE = 300
"""Inputs beyond it are told of; pixels of 0 to 255 are within."""

LARGE_TARGETS = 1000
"""Targets beyond it are told of."""

REACH = {"sigmoid": (0.0, 1.0), "tanh": (-1.0, 1.0), "relu": (0.0, math.inf), "softplus": (0.0, math.inf)}
"""What activations give at least and at most."""

SETTLED = 8
"""A cost bounces or not where there are so many epochs."""


RISING = 3
"""So many epochs are enough, where the cost is never again as low as in the first."""


class Hints:
    """Looks at a network before training, and tells after it what a teacher would have noticed.

    Args:
        network: built, as it starts.
        cost: its cost.
        X: the training examples, or some of them. first: the first of them, X, y and weights.
        metrics: what is measured.
        begins: whether the network has not been trained in this run before.
    """

    def __init__(
        self,
        network: Network,
        cost: Cost,
        X: RowArray,
        first: tuple[NDArray[Any], NDArray[Any], NDArray[Any] | None],
        metrics: Sequence[Metric] = (),
        *,
        begins: bool = True,
    ):
        self.network, self.cost, self.X = network, cost, X
        self.layers = [layer for _, layer in network.family()]
        self.start = self._hidden((*FLAT, "relu")) if begins else []
        some, targets, weights = first
        counting = targets if weights is None else targets[weights > 0]
        self.before = [*self._unfit(), *_unlike_values(network, cost, counting)]
        self.before += [*_flat(self.start)] or [*_large(network, _few(X))]
        if begins:
            self.before += hints_on_own_code(network, cost, some, targets)
            self.before += hints_on_own_metrics(metrics, network, some, targets, cost.task)

    def after(self, history: History) -> list[str]:
        """The hints, of a network that has been trained."""
        if not history.epochs:
            return []
        return [*self.before, *_bouncing(history), *_alike(self.layers), *self._died()]

    def _unfit(self) -> Iterator[str]:
        """A last layer that the cost cannot read."""
        if self.cost.unsure and self.cost.name in ("cross_entropy", "binary_cross_entropy"):
            last = self.network.last_operation()
            if last in NO_PROBABILITIES:
                fits = "softmax" if self.cost.name == "cross_entropy" else "sigmoid"
                yield (
                    f"{self.cost.name} takes probabilities, but the network ends with {last}: "
                    f'end it with Dense({self.network.blank_output().shape[-1]}, "{fits}")'
                )

    def _died(self) -> Iterator[str]:
        """Hidden units of relu that are 0 for every example, and were not before training."""
        alive = {id(seen.layer): seen.active for seen in self.start if seen.activation == "relu"}
        for seen in self._hidden(("relu",)) if alive else []:
            n = len(seen.active)
            died = int((alive.get(id(seen.layer), False) & ~seen.active).sum())
            if died >= max(2, DEAD * n):
                yield (
                    f"{seen.layer.label}: {died} of its {n} units have died: they give 0 for every one of "
                    f'{len(seen.A)} examples, and learn no more; lower the learning rate, or take "leaky_relu"'
                )

    def _hidden(self, activations: tuple[str, ...]) -> list[Seen]:
        """The outputs of the hidden layers with these activations, as they predict."""
        names = [_activation(layer) for layer in self.layers]
        slow = "own" in names or not all(type(layer) in QUICK for layer in self.layers)
        if slow or not any(name in activations for name in names):
            return []
        found: list[Seen] = []
        try:
            examples = self.network.cast(_few(self.X))
        except DataError:  # which training itself will tell, with the number of the example
            return []
        if len(examples) < FEW:
            return []

        def look(layer: Layer, _: Array, A: Array) -> None:
            if _activation(layer) in activations:
                found.append(Seen(layer, _activation(layer), A))

        walk = Walk(dtype=self.network.dtype, watch=look)
        with np.errstate(all="ignore"), walking(walk):
            output = self.network(examples)
        return [seen for seen in found if seen.A is not output]


@dataclass(frozen=True)
class Seen:
    """What a hidden layer gave for some examples."""

    layer: Layer
    activation: str
    A: NDArray[Any]

    @property
    def active(self) -> NDArray[np.bool_]:
        """For each unit, whether it is not 0 for some example."""
        return np.asarray((self.A.reshape(-1, self.A.shape[-1]) != 0).any(axis=0))


def _large(network: Network, X: NDArray[Any]) -> Iterator[str]:
    """Inputs so large that what the first layer makes of them drowns its biases and the differences between them."""
    passing = (Network, Flatten)
    first = next((layer for _, layer in network.family() if not isinstance(layer, passing)), None)
    if not isinstance(first, Dense | Conv1D | Conv2D) or X.dtype.kind not in "fiu" or len(X) < FEW:
        return
    size = _root_mean_square(X)
    if LARGE < size < math.inf:
        yield f"the inputs are large, {size:.3g} in the root of their mean square: put Standardize() first"


def _unlike_values(network: Network, cost: Cost, Y: NDArray[Any]) -> Iterator[str]:
    """Values to be learned that a network which begins near 0 takes long to come to, or that it never gives."""
    if cost.own or cost.task != "values" or Y.dtype.kind not in "fiu" or not Y.size:
        return
    size = _root_mean_square(Y)
    if LARGE_TARGETS < size < math.inf:
        yield (
            f"the targets are large, {size:.3g} in the root of their mean square: train on (y − mean) / deviation, "
            "and bring predictions back"
        )
    last = network.last_operation()
    low, high = REACH.get(last, (-math.inf, math.inf))
    if Y.min() < low or Y.max() > high:
        ends = f"from {low:g} to {high:g}" if high < math.inf else f"of {low:g} or more"
        n_out = network.blank_output().shape[-1]
        yield (
            f"the network ends with {last}, which gives values {ends}, but targets go from {Y.min():.4g} to "
            f"{Y.max():.4g}: end it with Dense({n_out}), or bring the targets into that range"
        )


def _root_mean_square(values: NDArray[Any]) -> float:
    return float(np.sqrt(np.mean(np.square(values, dtype=np.float64))))


def _flat(start: list[Seen]) -> Iterator[str]:
    """Layers that begin where their activation is flat."""
    for seen in start:
        if seen.activation not in FLAT:
            continue
        beyond, end_at = FLAT[seen.activation]
        share = float((np.abs(seen.A - (0.5 if seen.activation == "sigmoid" else 0.0)) > beyond).mean())
        if share >= SATURATED:
            yield (
                f"{seen.layer.label}: before training {share:.0%} of its outputs were within {end_at} of the ends "
                f"of {seen.activation}, where it is flat and learns slowly: put Standardize() first, or "
                "start with smaller W"
            )


def _few(X: RowArray) -> NDArray[Any]:
    """Some examples from all over X."""
    most = min(EXAMPLES, NUMBERS // max(1, math.prod(X.shape[1:])))
    return X[np.arange(0, len(X), max(1, len(X) // max(1, most)))[:most]]


def _activation(layer: Layer) -> str:
    return activation_name(layer.activation) if isinstance(layer, Dense | Activation) else ""


def _alike(layers: list[Layer]) -> Iterator[str]:
    """Hidden layers all of whose units have stayed the same."""
    dense = [layer for layer in layers if isinstance(layer, Dense)]
    for layer in dense[:-1]:
        W = layer.held.get("W")
        if W is not None and len(W) > 1 and np.abs(W - W[0]).max() <= 1e-6 * np.abs(W).max():
            yield (
                f"{layer.label}: its {len(W)} units are all the same, as they began alike and get the same gradient: "
                'start from random numbers, such as initializer="xavier"'
            )


def _bouncing(history: History) -> Iterator[str]:
    """A cost that goes up and down, or has only gone up."""
    J = np.array(history["loss"], dtype=float)
    rises = np.diff(J)
    if len(J) < SETTLED and not (len(J) >= RISING and history.climbs()):
        return
    large = (rises > 0.1 * abs(J[0])) | ((rises > 0.3 * np.abs(J[:-1])) & (np.abs(J[:-1]) > 0.05 * abs(J[0])))
    if J[-1] > 1.5 * abs(J[0]):
        yield f"the cost went up from {J[0]:.4g} to {J[-1]:.4g}: the learning rate is too large"
    elif large.sum() >= max(3, 0.2 * len(rises)):
        yield (
            f"the cost went up again in {large.sum()} of {len(J)} epochs, by {rises.max():.3g} at most: the learning "
            "rate may be too large, unless the batches or dropout make so much noise"
        )

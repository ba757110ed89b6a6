"""Steps in buffers of their own, and the data as the kernels read them."""

from __future__ import annotations

import math
from typing import Any
from weakref import ref

import numpy as np
from numpy.typing import NDArray

from chainrule.engines.steps import Steps
from chainrule.engines.threads import threads
from chainrule.graph import Array

EXAMPLES, WORK = 4, 400_000
"""Another thread is worth its while with so many examples, and multiplications forward, in its part of a batch."""

STRIP = 0
"""Examples that a thread takes through the whole network at a time; 0 for as many as stay in its cache."""

Which = slice | NDArray[np.intp]
"""Examples side by side, or by their numbers, in the order in which they are met."""

_TYPES = {"float32": "f", "float64": "d", "uint8": "b", "int32": "i", "int64": "l"}


def members(size: int, steps: Steps) -> int:
    """How many threads batches of this size are worth."""
    return max(1, min(threads(), size // EXAMPLES, size * steps.work // WORK))


class Examples:
    """X, Y and weights as the kernels read them.

    Args:
        looked_at: whether X is known to hold numbers alone; else the way forward finds it out.

    Raises:
        DataError: X holds indices that the network's table has no rows for, or Y labels out of range.
        ShapeError: Y or the weights do not fit the outputs.
    """

    def __init__(
        self,
        network: Any,
        cost: Any,
        X: Array,
        Y: Array | None,
        weights: Array | None,
        steps: Steps,
        looked_at: bool = True,
    ):
        if Y is not None:
            cost.check(steps.shape, np.asarray(Y), weights)
        if steps.limits is not None:
            _check_indices(network, X, steps.limits)
        self.X, self.Y, self.weights = X, np.asarray(Y), weights
        X = np.ascontiguousarray(X)
        X = X.view(np.uint8) if X.dtype == bool else X if str(X.dtype) in _TYPES else X.astype(np.float64)
        dtype = steps.dtype
        flat = None if Y is None else self.Y.reshape(len(X), -1)
        labels = steps.labels and Y is not None and self.Y.size == len(X) * math.prod(steps.shape[:-1])
        self.told = {
            "X": X,
            "looked_at": looked_at,
            "type": _TYPES[str(X.dtype)],
            "features": X.size // max(len(X), 1),
            "Y": None if labels or flat is None else np.ascontiguousarray(flat, dtype=dtype),
            "labels": np.ascontiguousarray(flat, dtype=np.int64) if labels else None,
            "weights": None if weights is None else np.ascontiguousarray(weights, dtype=dtype),
            "weights_of_each": 1 if weights is None else weights.size // len(weights),
        }


class Runner:
    """Steps in buffers of their own, for batches up to a size; by default by as many threads as these are worth."""

    def __init__(
        self, native: Any, network: Any, steps: Steps, size: int, rule: dict[str, Any], team: int | None = None
    ):
        self.steps, self.size = steps, size
        self.team = members(size, steps) if team is None else team
        self._network = ref(network)
        kind = native.Program32 if network.dtype == "float32" else native.Program64
        for step, _ in steps.statistics:  # what is kept of each example has room for a batch
            step.options |= {name: np.zeros((size, n)) for name, (_, n) in _of_each(step).items()}
        self._program = kind(steps.values, steps.steps, rule, size, STRIP, self.team, steps.output)

    def load(self, slot: int, vector: NDArray[Any]) -> None:
        """What the optimizer remembers, its vector number 1 or 2, in the order of the network's."""
        self._program.load(slot, vector)

    def unload(self, slot: int, vector: NDArray[Any]) -> None:
        """The way back of `load`."""
        self._program.unload(slot, vector)

    def few(self, X: Array, theta: NDArray[Any], outputs: NDArray[Any]) -> bool:
        """The way forward at the parameters θ, on the shortest way; False where the kernels do not take X as it is."""
        self._lend(len(X))
        return bool(self._program.few(X, theta, outputs))

    def run(
        self,
        examples: Examples,
        which: Which,
        size: int,
        alphas: Any,
        t: int,
        outputs: Any,
        l2: Any = None,
    ) -> tuple[list[float], list[float], bool, bool]:
        """The cost of each batch, what of it is the penalty, whether the last one was finite, and X numbers alone.

        With alphas the network is changed; l2 is the λ of each batch, or None for the optimizer's.
        """
        network = self._network()
        assert network is not None
        m = which.stop - which.start if isinstance(which, slice) else len(which)
        self._lend(min(size, m))
        program = self._program
        program.load(0, network.flat)
        told = examples.told | {"parameters": network.flat}
        if isinstance(which, slice):
            told |= {"first": which.start, "order": None}
        else:
            told |= {"first": 0, "order": np.ascontiguousarray(which, dtype=np.int64)}
        costs, penalties, finite, numbers = program.run(told, m, size, alphas, l2, t, outputs)
        if alphas is not None:
            program.unload(0, network.flat)
            self._take_back((m - 1) % size + 1)
        return costs, penalties, finite, numbers

    def _lend(self, m: int) -> None:
        """Give the kernels what layers keep, for batches that begin with one of m examples."""
        for step, layer in self.steps.statistics:
            for name, held in layer().lend(m).items():
                step.options[name][: len(held)] = held

    def _take_back(self, m: int) -> None:
        """Give the layers what the kernels have left, after a batch of m examples."""
        for step, layer in self.steps.statistics:
            of_each = _of_each(step)
            kept = {name: step.options[name] for name in layer().lend(0)}
            layer().take_back({name: np.array(held[:m] if name in of_each else held) for name, held in kept.items()})


def _of_each(step: Any) -> dict[str, tuple[int, ...]]:
    """The shapes of the arrays in which a step keeps something of each example of a batch, by name."""
    return {name: step.options[name].shape for name in ("state", "cell") if name in step.options}


def _check_indices(network: Any, X: Array, limits: NDArray[np.float64]) -> None:
    """Let the network itself say what is wrong with indices that are no whole numbers or out of range."""
    if X.dtype.kind not in "iu":
        network.output(X[:1])
    places = np.isfinite(limits)
    indices = X.reshape(len(X), -1)[:, places]
    wrong = (indices < 0) | (limits[places] <= indices) | (indices % 1 != 0)
    if wrong.any():
        network.output(X[wrong.any(axis=1)][:1])

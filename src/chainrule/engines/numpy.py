"""The reference engine: runs the operations as they stand, with NumPy."""

from collections.abc import Callable, Iterable, Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray

from chainrule.engines.engine import Batch, Batches, Cost, Done, Trainable
from chainrule.graph import Array, plain
from chainrule.optimizers import Optimizer

CHUNK = 1024
"""How many examples are predicted at a time, to bound the memory for what is between the layers."""


class NumpyProgram:
    """See `chainrule.engines.engine.Program`."""

    def __init__(self, network: Trainable, cost: Cost, optimizer: Optimizer, seed: int):
        self.network = network
        self.cost = cost
        self.optimizer = optimizer
        self.seed = seed
        self.weights = network.weights
        self.t = 0
        self.slots: dict[str, Array] = {name: np.zeros_like(network.flat) for name in optimizer.slots}

    def epoch(
        self, batches: Batches, epoch: int, learning_rate: Callable[[int], float], start: int = 0
    ) -> Iterator[Done]:
        """See `Program.epoch`; yields after every batch."""
        for k, (X, Y, weights) in enumerate(batches.epoch(epoch, start), start):
            done = self._update(X, Y, weights, learning_rate(k))
            yield done
            if done.X is not None:
                return

    def _update(self, X: Array, Y: Array, weights: Array | None, alpha: float) -> Done:
        """Forward, cost, backward, update: one step of gradient descent on one batch."""
        network, theta = self.network, self.network.flat
        with np.errstate(over="ignore", invalid="ignore", divide="ignore"):
            A, variables = network.record(X, training=True, seed=self.seed, step=self.t)
            J = self.cost(A, Y, weights)
            cost = float(J.value) + self.optimizer.penalty(theta, self.weights)
            done = Done(cost, float(len(X) if weights is None else weights.sum()), A.value, Y)
            if not np.isfinite(cost):
                done.X = X
                return done
            J.backward()
            self.t += 1
            step, self.slots = self.optimizer.step(
                theta, network.gradient(variables), self.weights, alpha, self.t, self.slots
            )
            theta -= step
        return done


class NumpyEngine:
    """See `chainrule.engines.engine.Engine`."""

    name = "numpy"

    def program(self, network: Trainable, cost: Cost, optimizer: Optimizer, seed: int) -> NumpyProgram:
        return NumpyProgram(network, cost, optimizer, seed)

    def evaluate(self, network: Trainable, cost: Cost, batches: Iterable[Batch]) -> tuple[float, Array]:
        total, count = 0.0, 0.0
        outputs = []
        with np.errstate(over="ignore", invalid="ignore"):
            for X, Y, weights in batches:
                A, _ = network.record(X)
                J = cost(A, Y, weights)
                weight = float(len(X) if weights is None else weights.sum())
                total, count = total + float(plain(J)) * weight, count + weight
                outputs.append(plain(A))
        return total / max(count, 1e-300), np.concatenate(outputs)

    def predict(self, network: Trainable, X: Array) -> NDArray[Any]:
        with np.errstate(over="ignore", invalid="ignore"):
            chunks: list[NDArray[Any]] = [network(network.cast(X[i : i + CHUNK])) for i in range(0, len(X), CHUNK)]
        return chunks[0] if len(chunks) == 1 else np.concatenate(chunks)

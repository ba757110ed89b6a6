"""The reference engine: runs the operations as they stand, with NumPy."""

from collections.abc import Callable, Iterable, Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray

from chainrule.engines.engine import CHUNK, Batch, Batches, Cost, Done, Slope, Trainable
from chainrule.engines.threads import blas_held
from chainrule.graph import Array, backward, plain
from chainrule.optimizers import Optimizer


class NumpyProgram:
    """See `chainrule.engines.engine.Program`."""

    engine = "numpy"

    def __init__(self, network: Trainable, cost: Cost, optimizer: Optimizer, seed: int):
        self.network = network
        self.cost = cost
        self.optimizer = optimizer
        self.seed = seed
        self.reason = ""
        self.regularized = network.regularized
        self.t = 0
        self.slots: dict[str, Array] = {name: np.zeros_like(network.flat) for name in optimizer.slots}

    def epoch(
        self, batches: Batches, epoch: int, learning_rate: Callable[[int], float], start: int = 0
    ) -> Iterator[Done]:
        """See `Program.epoch`; yields after every batch."""
        if start == 0:
            self.network.forget()
        with blas_held():
            for k, (X, Y, weights) in enumerate(batches.epoch(epoch, start), start):
                l2 = None if (of_each := getattr(batches, "l2", None)) is None else float(of_each[k])
                done = self._update(X, Y, weights, learning_rate(k), l2)
                yield done
                if done.X is not None:
                    return

    def _update(self, X: Array, Y: Array, weights: Array | None, alpha: float, l2: float | None) -> Done:
        """Forward, cost, backward, update: one step of gradient descent on one batch."""
        network, theta = self.network, self.network.flat
        with np.errstate(over="ignore", invalid="ignore", divide="ignore"):
            A, variables = network.record(X, training=True, updating=True, seed=self.seed, step=self.t)
            J = self.cost(A, Y, weights)
            penalty = self.optimizer.penalty(theta, self.regularized, l2)
            cost = float(plain(J)) + penalty
            done = Done(cost, len(X), plain(A), Y, penalty=penalty, weights=weights)
            if not np.isfinite(cost):
                done.X = X
                return done
            backward(J)
            self.t += 1
            step, self.slots = self.optimizer.step(
                theta, network.gradient(variables), self.regularized, alpha, self.t, self.slots, l2
            )
            theta -= step
        return done


class NumpyEngine:
    """See `chainrule.engines.engine.Engine`."""

    name = "numpy"

    def program(
        self, network: Trainable, cost: Cost, optimizer: Optimizer, seed: int, outputs: bool = True
    ) -> NumpyProgram:
        return NumpyProgram(network, cost, optimizer, seed)

    def slope(self, network: Trainable, cost: Cost, batch: Batch, seed: int, outputs: bool = True) -> Slope:
        X, Y, weights = batch

        def measure() -> tuple[float, Array, Array]:
            with blas_held(), np.errstate(over="ignore", invalid="ignore", divide="ignore"):
                A, variables = network.record(X, training=True, seed=seed)
                J = cost(A, Y, weights)
                backward(J)
            return float(plain(J)), network.gradient(variables), plain(A)

        return Slope(self.name, "", measure)

    def evaluate(self, network: Trainable, cost: Cost, batches: Iterable[Batch]) -> tuple[float, Array]:
        total, m = 0.0, 0
        outputs: list[NDArray[Any]] = []
        with blas_held(), np.errstate(over="ignore", invalid="ignore"):
            for X, Y, weights in batches:
                A, _ = network.record(X)
                total, m = total + float(plain(cost(A, Y, weights))) * len(X), m + len(X)
                outputs.append(plain(A))
        return total / m, np.concatenate(outputs)

    def predict(self, network: Trainable, X: Array) -> NDArray[Any]:
        with blas_held(), np.errstate(over="ignore", invalid="ignore"):
            chunks = [network.output(network.cast(X[i : i + CHUNK], i)) for i in range(0, len(X), CHUNK)]
        return chunks[0] if len(chunks) == 1 else np.concatenate(chunks)

"""The reference engine: runs the operations as they stand, with NumPy."""

from collections.abc import Callable, Iterable, Iterator
from contextlib import AbstractContextManager, nullcontext

import numpy as np

from chainrule.engines.bfloat16 import refuse_wider, rounding
from chainrule.engines.blas import blas_held
from chainrule.engines.calls import while_finite
from chainrule.engines.contract import CHUNK, Batch, Batches, CostLike, Done, NetworkLike, Numbers, Slope
from chainrule.engines.tracing import own_code
from chainrule.graph import Array, backward, plain
from chainrule.hyperparameters import Hyperparameters, OfBatches
from chainrule.optimizers import Optimizer


class NumpyProgram:
    """See `chainrule.engines.contract.Program`."""

    engine, device = "numpy", "cpu"

    def __init__(self, network: NetworkLike, cost: CostLike, optimizer: Optimizer, seed: int, rounds: bool = False):
        self.network = network
        self.precision, self._rounded = _precision(network, rounds)
        self.cost = cost
        self.optimizer = optimizer
        self.seed = seed
        self.reason = ""
        self.regularized = network.regularized
        self.rates = optimizer.rates_in_order(network.parameters, network.dtype)
        self.updates = 0
        self.slots: dict[str, Array] = {name: np.zeros_like(network.flat) for name in optimizer.slots}

    def epoch(self, batches: Batches, epoch: int, given: OfBatches, start: int = 0) -> Iterator[Done]:
        """See `Program.epoch`; yields after every batch."""
        if start == 0:
            self.network.forget()
        numbered = enumerate(batches.epoch(epoch, start), start)
        with blas_held():
            yield from while_finite(self._update(batch, given(k, k + 1).of(0)) for k, batch in numbered)

    def _update(self, batch: Batch, given: Hyperparameters[float]) -> Done:
        """Forward, cost, backward, update: one step of gradient descent on one batch."""
        X, Y, weights = batch
        network, theta = self.network, self.network.flat
        ignored = np.errstate(over="ignore", invalid="ignore", divide="ignore")
        with network.turn, self._rounded(), ignored:
            A, variables = network.record(
                X, training=True, updating=True, seed=self.seed, update=self.updates, drop_rates=given.drop_rates
            )
            J = self.cost(A, Y, weights)
            penalty = self.optimizer.penalty(theta, self.regularized, given.l2)
            cost = float(plain(J)) + penalty
            done = Done([cost], [penalty], [len(X)], plain(A), Y, weights=weights)
            if not np.isfinite(cost):
                done.X = X
                return done
            backward(J)
            self.updates += 1
            gradient, regularized = network.gradient(variables), self.regularized
            change, self.slots = self.optimizer.step(
                theta, gradient, regularized, given, self.updates, self.slots, self.rates
            )
            theta -= change
        return done


class NumpyEngine:
    """See `chainrule.engines.contract.Engine`.

    Args:
        rounds: whether products round their operands to bfloat16.
    """

    name = "numpy"

    def __init__(self, rounds: bool = False):
        self._rounds = rounds

    def program(
        self, network: NetworkLike, cost: CostLike, optimizer: Optimizer, seed: int, outputs: bool = True
    ) -> NumpyProgram:
        return NumpyProgram(network, cost, optimizer, seed, self._rounds)

    def slope(self, network: NetworkLike, cost: CostLike, batch: Batch, seed: int, outputs: bool = True) -> Slope:
        X, Y, weights = batch
        precision, rounded = _precision(network, self._rounds)

        def measure() -> tuple[float, Array, Array]:
            with blas_held(), rounded(), np.errstate(over="ignore", invalid="ignore", divide="ignore"):
                A, variables = network.record(X, training=True, seed=seed)
                J = cost(A, Y, weights)
                backward(J)
            return float(plain(J)), network.gradient(variables), plain(A)

        return Slope(self.name, "", measure, precision)

    def evaluate(self, network: NetworkLike, cost: CostLike, batches: Iterable[Batch]) -> tuple[float, Array]:
        _, rounded = _precision(network, self._rounds)
        total, m = 0.0, 0
        outputs: list[Numbers] = []
        with blas_held(), np.errstate(over="ignore", invalid="ignore"):
            for X, Y, weights in _in_chunks(batches):
                with rounded():  # and not while somebody makes the next batch
                    A, _ = network.record(X)
                    J = float(plain(cost(A, Y, weights)))
                total, m = total + J * len(X), m + len(X)
                outputs.append(plain(A))
        return total / m, np.concatenate(outputs)

    def predict(self, network: NetworkLike, X: Array) -> Numbers:
        _, rounded = _precision(network, self._rounds)
        with blas_held(), rounded(), np.errstate(over="ignore", invalid="ignore"):
            chunks = [forward(network, network.cast(X[i : i + CHUNK], i)) for i in range(0, len(X), CHUNK)]
        return chunks[0] if len(chunks) == 1 else np.concatenate(chunks)


def _precision(network: NetworkLike, rounds: bool) -> tuple[str, Callable[[], AbstractContextManager[None]]]:
    """What products are computed in, and the block within which they are.

    Raises:
        OptionError: rounded, of a network of float64.
    """
    if not rounds:
        return network.dtype, nullcontext
    refuse_wider(network.dtype)
    return "bfloat16", rounding


def _in_chunks(batches: Iterable[Batch]) -> Iterator[Batch]:
    for X, Y, weights in batches:
        for i in range(0, len(X), CHUNK):
            part = slice(i, i + CHUNK)
            yield X[part], Y[part], None if weights is None else weights[part]


def forward(network: NetworkLike, X: Array) -> Numbers:
    """The outputs for a batch that `cast` has returned.

    Code that users wrote meets variables and plain arrays as it does in training, so that what it makes of their types
    comes to the same.
    """
    return recorded(network, X) if any(True for _ in own_code(network)) else network.output(X)


def recorded(network: NetworkLike, X: Array) -> Numbers:
    """The outputs for a batch, by way of variables."""
    output: Numbers = plain(network.record(X)[0])
    return output

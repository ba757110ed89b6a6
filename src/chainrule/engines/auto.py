"""The engine that takes the fastest one that knows the network."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress

import numpy as np

from chainrule.engines.contract import (
    CHUNK,
    Batch,
    Batches,
    CannotRunError,
    CostLike,
    Done,
    Engine,
    NetworkLike,
    Numbers,
    Program,
    Slope,
)
from chainrule.graph import Array, Footprint
from chainrule.hyperparameters import OfBatches
from chainrule.optimizers import Optimizer

LARGE = 50_000
"""From so many numbers on, parameters and what one example makes of them together, a network is worth an accelerator:
below, starting its programs one by one takes longer than the kernels on this machine take in all."""


def large(network: NetworkLike, m: int | None) -> bool:
    """Whether an accelerator is worth its while for the network, and for m examples where they are met only once."""
    if m is not None and m < CHUNK:
        return False
    if network.flat.size >= LARGE:
        return True
    assert network.input_shape is not None
    counted = Footprint(2**62)
    with counted.counting(), np.errstate(all="ignore"):
        network.output(network.cast(np.zeros((1, *network.input_shape), np.uint8)))
    return network.flat.size + counted.taken // np.dtype(network.dtype).itemsize >= LARGE


class AutoProgram:
    """A program, and another that goes on in its place when the network has become one that it does not know.

    See `chainrule.engines.contract.Program`.
    """

    def __init__(self, program: Program, instead: Callable[[CannotRunError], Program]):
        self._program, self._instead = program, instead
        self._tell()

    def _tell(self) -> None:
        program = self._program
        self.engine, self.reason, self.device = program.engine, program.reason, program.device
        self.precision = program.precision

    @property
    def updates(self) -> int:
        return self._program.updates

    @updates.setter
    def updates(self, updates: int) -> None:
        self._program.updates = updates

    @property
    def slots(self) -> dict[str, Array]:
        return self._program.slots

    @slots.setter
    def slots(self, slots: dict[str, Array]) -> None:
        self._program.slots = slots

    def epoch(self, batches: Batches, epoch: int, given: OfBatches, start: int = 0) -> Iterator[Done]:
        """See `Program.epoch`."""
        try:
            for done in self._program.epoch(batches, epoch, given, start):
                start += len(done.costs)
                yield done
        except CannotRunError as reason:
            before, self._program = self._program, self._instead(reason)
            self._tell()
            self._program.slots, self._program.updates = before.slots, before.updates
            yield from self._program.epoch(batches, epoch, given, start)


class AutoEngine:
    """The first engine, and the second for what the first does not know. See `chainrule.engines.contract.Engine`.

    Args:
        suits: of a network, and of how many examples are to be measured or predicted, whether the first is worth it.
    """

    name = "auto"

    def __init__(
        self, first: Engine, second: Engine, suits: Callable[[NetworkLike, int | None], bool] = lambda network, m: True
    ):
        self.first, self.second, self.suits = first, second, suits

    def program(
        self, network: NetworkLike, cost: CostLike, optimizer: Optimizer, seed: int, outputs: bool = True
    ) -> Program:
        if not self.suits(network, None):
            return self.second.program(network, cost, optimizer, seed, outputs)

        def instead(reason: CannotRunError) -> Program:
            program = self.second.program(network, cost, optimizer, seed, outputs)
            program.reason = program.reason or reason.reason
            return program

        try:
            return AutoProgram(self.first.program(network, cost, optimizer, seed, outputs), instead)
        except CannotRunError as reason:
            return instead(reason)

    def slope(self, network: NetworkLike, cost: CostLike, batch: Batch, seed: int, outputs: bool = True) -> Slope:
        if not self.suits(network, None):
            return self.second.slope(network, cost, batch, seed, outputs)

        def instead(reason: CannotRunError) -> Slope:
            slope = self.second.slope(network, cost, batch, seed, outputs)
            slope.reason = slope.reason or reason.reason
            return slope

        try:
            slope = self.first.slope(network, cost, batch, seed, outputs)
        except CannotRunError as reason:
            return instead(reason)
        first = slope.measure

        def measure() -> tuple[float, Array, Array]:
            try:
                return first()
            except CannotRunError as reason:
                other = instead(reason)
                slope.engine, slope.reason, slope.device = other.engine, other.reason, other.device
                slope.precision = other.precision
                slope.measure = other.measure
                return slope.measure()

        slope.measure = measure
        return slope

    def evaluate(self, network: NetworkLike, cost: CostLike, batches: Iterable[Batch]) -> tuple[float, Array]:
        """Batch by batch, because a layer of the user's own may know what to do with sequences of one length alone."""

        def of(batch: Batch) -> tuple[float, Array]:
            if self.suits(network, len(batch[0])):
                with suppress(CannotRunError):
                    return self.first.evaluate(network, cost, [batch])
            return self.second.evaluate(network, cost, [batch])

        costs, outputs = zip(*map(of, batches), strict=True)
        return float(np.average(costs, weights=[len(output) for output in outputs])), np.concatenate(outputs)

    def predict(self, network: NetworkLike, X: Array) -> Numbers:
        if self.suits(network, len(X)):
            with suppress(CannotRunError):
                return self.first.predict(network, X)
        return self.second.predict(network, X)


class RoundingEngine(AutoEngine):
    """The first engine, whose products round their operands, and the second for what gains nothing by that.

    A line search compares costs that lie closer together than rounded ones can tell, so that the second computes it.
    """

    def slope(self, network: NetworkLike, cost: CostLike, batch: Batch, seed: int, outputs: bool = True) -> Slope:
        return self.second.slope(network, cost, batch, seed, outputs)

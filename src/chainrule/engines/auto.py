"""The engine that takes the fastest one that knows the network."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator

import numpy as np

from chainrule.engines.contract import Batch, Batches, CostLike, Done, Engine, NetworkLike, Numbers, Program, Slope
from chainrule.engines.native.plan import NoKernelError
from chainrule.graph import Array
from chainrule.optimizers import Optimizer


class AutoProgram:
    """A program, and another that goes on in its place when the network has become one that it does not know.

    See `chainrule.engines.contract.Program`.
    """

    def __init__(self, program: Program, instead: Callable[[NoKernelError], Program]):
        self._program, self._instead = program, instead
        self.engine, self.reason = program.engine, program.reason

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

    def epoch(
        self, batches: Batches, epoch: int, learning_rate: Callable[[int], float], start: int = 0
    ) -> Iterator[Done]:
        """See `Program.epoch`."""
        try:
            for done in self._program.epoch(batches, epoch, learning_rate, start):
                start += len(done.costs)
                yield done
        except NoKernelError as reason:
            before, self._program = self._program, self._instead(reason)
            self.engine, self.reason = self._program.engine, self._program.reason
            self._program.slots, self._program.updates = before.slots, before.updates
            yield from self._program.epoch(batches, epoch, learning_rate, start)


class AutoEngine:
    """The first engine, and the second for what the first does not know. See `chainrule.engines.contract.Engine`."""

    name = "auto"

    def __init__(self, first: Engine, second: Engine):
        self.first, self.second = first, second

    def program(
        self, network: NetworkLike, cost: CostLike, optimizer: Optimizer, seed: int, outputs: bool = True
    ) -> Program:
        def instead(reason: NoKernelError) -> Program:
            program = self.second.program(network, cost, optimizer, seed, outputs)
            program.reason = reason.reason
            return program

        try:
            return AutoProgram(self.first.program(network, cost, optimizer, seed, outputs), instead)
        except NoKernelError as reason:
            return instead(reason)

    def slope(self, network: NetworkLike, cost: CostLike, batch: Batch, seed: int, outputs: bool = True) -> Slope:
        def instead(reason: NoKernelError) -> Slope:
            slope = self.second.slope(network, cost, batch, seed, outputs)
            slope.reason = reason.reason
            return slope

        try:
            slope = self.first.slope(network, cost, batch, seed, outputs)
        except NoKernelError as reason:
            return instead(reason)
        first = slope.measure

        def measure() -> tuple[float, Array, Array]:
            try:
                return first()
            except NoKernelError as reason:
                other = instead(reason)
                slope.engine, slope.reason, slope.measure = other.engine, other.reason, other.measure
                return slope.measure()

        slope.measure = measure
        return slope

    def evaluate(self, network: NetworkLike, cost: CostLike, batches: Iterable[Batch]) -> tuple[float, Array]:
        """Batch by batch, because a layer of the user's own may know what to do with sequences of one length alone."""

        def of(batch: Batch) -> tuple[float, Array]:
            try:
                return self.first.evaluate(network, cost, [batch])
            except NoKernelError:
                return self.second.evaluate(network, cost, [batch])

        costs, outputs = zip(*map(of, batches), strict=True)
        return float(np.average(costs, weights=[len(output) for output in outputs])), np.concatenate(outputs)

    def predict(self, network: NetworkLike, X: Array) -> Numbers:
        try:
            return self.first.predict(network, X)
        except NoKernelError:
            return self.second.predict(network, X)

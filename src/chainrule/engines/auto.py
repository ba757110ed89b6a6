"""The engine that takes the fastest one that knows the network."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from numpy.typing import NDArray

from chainrule.engines.engine import Batch, Engine, Program, Slope
from chainrule.engines.steps import NoKernelError
from chainrule.graph import Array
from chainrule.optimizers import Optimizer


class AutoEngine:
    """The first engine, and the second for what the first does not know. See `chainrule.engines.engine.Engine`."""

    name = "auto"

    def __init__(self, first: Engine, second: Engine):
        self.first, self.second = first, second

    def program(self, network: Any, cost: Any, optimizer: Optimizer, seed: int, outputs: bool = True) -> Program:
        try:
            return self.first.program(network, cost, optimizer, seed, outputs)
        except NoKernelError as reason:
            program = self.second.program(network, cost, optimizer, seed, outputs)
            program.reason = reason.reason
            return program

    def slope(self, network: Any, cost: Any, batch: Batch, seed: int, outputs: bool = True) -> Slope:
        try:
            return self.first.slope(network, cost, batch, seed, outputs)
        except NoKernelError as reason:
            slope = self.second.slope(network, cost, batch, seed, outputs)
            slope.reason = reason.reason
            return slope

    def check(self, network: Any, cost: Any) -> None:
        self.second.check(network, cost)

    def evaluate(self, network: Any, cost: Any, batches: Iterable[Batch]) -> tuple[float, Array]:
        try:
            self.first.check(network, cost)
        except NoKernelError:
            return self.second.evaluate(network, cost, batches)
        return self.first.evaluate(network, cost, batches)

    def predict(self, network: Any, X: Array) -> NDArray[Any]:
        try:
            return self.first.predict(network, X)
        except NoKernelError:
            return self.second.predict(network, X)

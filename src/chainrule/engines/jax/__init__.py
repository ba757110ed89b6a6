"""The operations as they stand, compiled by XLA through JAX: for accelerators, and for more than one device.

Nothing is differentiated by JAX: the way back is chainrule's own, traced with the way forward.
"""

from __future__ import annotations

import importlib.util
from collections.abc import Iterable
from types import ModuleType

from chainrule.engines.contract import Batch, CostLike, NetworkLike, Numbers, Program, Slope
from chainrule.errors import OptionError
from chainrule.graph import Array
from chainrule.optimizers import Optimizer


def installed() -> bool:
    """Whether JAX is there; it is loaded when the engine is first used."""
    return importlib.util.find_spec("jax") is not None


class JaxEngine:
    """See `chainrule.engines.contract.Engine`.

    Raises:
        OptionError: JAX is not installed, or code of the user's own asks for numbers of the data.
    """

    name = "jax"

    def program(
        self, network: NetworkLike, cost: CostLike, optimizer: Optimizer, seed: int, outputs: bool = True
    ) -> Program:
        program: Program = _part("training").JaxProgram(network, cost, optimizer, seed, outputs)
        return program

    def slope(self, network: NetworkLike, cost: CostLike, batch: Batch, seed: int, outputs: bool = True) -> Slope:
        slope: Slope = _part("passes").slope(network, cost, batch, seed)
        return slope

    def evaluate(self, network: NetworkLike, cost: CostLike, batches: Iterable[Batch]) -> tuple[float, Array]:
        found: tuple[float, Array] = _part("passes").evaluate(network, cost, batches)
        return found

    def predict(self, network: NetworkLike, X: Array) -> Numbers:
        found: Numbers = _part("passes").predict(network, X)
        return found


def _part(name: str) -> ModuleType:
    if not installed():
        raise OptionError("the jax engine takes the library JAX: pip install 'chainrule[jax]'.")
    return importlib.import_module(f"chainrule.engines.jax.{name}")


__all__ = ["JaxEngine", "installed"]

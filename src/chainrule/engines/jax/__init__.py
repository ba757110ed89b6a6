"""The operations as they stand, compiled by XLA through JAX: for accelerators, and for more than one device.

Nothing is differentiated by JAX: the way back is chainrule's own, traced with the way forward.
"""

from __future__ import annotations

import importlib
import os
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cache, cached_property
from types import ModuleType
from typing import Any

from chainrule import extras
from chainrule.engines.contract import Batch, CostLike, NetworkLike, Numbers, Program, Slope
from chainrule.graph import Array
from chainrule.optimizers import Optimizer


def installed() -> bool:
    """Whether JAX is there; it is loaded when the engine is first used."""
    return extras.installed("jax")


@cache
def accelerated() -> bool:
    """Whether JAX sees an accelerator; it is loaded for that only where there is something that drives one."""
    driven = any(extras.installed(name) for name in ("jax_plugins", "libtpu"))
    if not installed() or not driven or os.environ.get("JAX_PLATFORMS") == "cpu":
        return False
    return bool(importlib.import_module("jax").default_backend() != "cpu")


def described() -> str:
    """JAX's version and the devices that it sees, or why there is no such engine; loads it."""
    if not installed():
        return extras.missing("jax")
    try:
        jax: Any = importlib.import_module("jax")
        return f"jax {jax.__version__}, {_part('devices').seen(jax.devices())}"
    except Exception as error:  # who looks into a broken installation is told what of it is broken
        told = str(error).strip().splitlines() or [""]
        return f"cannot be used: {type(error).__name__}: {told[0]}"


@dataclass(frozen=True)
class JaxEngine:
    """See `chainrule.engines.contract.Engine`.

    Args:
        device, devices, shared: see `chainrule.engines.jax.devices.Devices`.

    Raises:
        MissingPackageError: JAX is not installed.
        OptionError: JAX sees no such devices, or code of the user's own asks for numbers of the data.
    """

    device: str | None = None
    devices: int | str | None = None
    shared: bool = False

    name = "jax"

    @cached_property
    def _devices(self) -> Any:
        return _part("devices").Devices(self.device, self.devices, self.shared)

    def program(
        self, network: NetworkLike, cost: CostLike, optimizer: Optimizer, seed: int, outputs: bool = True
    ) -> Program:
        program: Program = _part("training").JaxProgram(network, cost, optimizer, seed, outputs, self._devices)
        return program

    def slope(self, network: NetworkLike, cost: CostLike, batch: Batch, seed: int, outputs: bool = True) -> Slope:
        slope: Slope = _part("passes").slope(network, cost, batch, seed, self._devices)
        return slope

    def evaluate(self, network: NetworkLike, cost: CostLike, batches: Iterable[Batch]) -> tuple[float, Array]:
        found: tuple[float, Array] = _part("passes").evaluate(network, cost, batches, self._devices)
        return found

    def predict(self, network: NetworkLike, X: Array) -> Numbers:
        found: Numbers = _part("passes").predict(network, X, self._devices)
        return found


def _part(name: str) -> ModuleType:
    extras.require("jax")
    return importlib.import_module(f"chainrule.engines.jax.{name}")


__all__ = ["JaxEngine", "accelerated", "described", "installed"]

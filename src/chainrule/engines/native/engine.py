"""The native engine: C++ kernels, the batch split over the cores, whole epochs in one call."""

from __future__ import annotations

import os
from collections.abc import Iterable
from importlib import import_module
from weakref import WeakSet

import numpy as np

from chainrule.engines.bfloat16 import refuse_wider
from chainrule.engines.contract import Batch, CostLike, NetworkLike, Numbers, Slope
from chainrule.engines.native.executor import Arithmetic, Kernels
from chainrule.engines.native.plan import NoKernelError
from chainrule.engines.native.prediction import Prediction
from chainrule.engines.native.training import NativeProgram, slope
from chainrule.errors import OptionError
from chainrule.graph import Array
from chainrule.names import counted
from chainrule.optimizers import Optimizer
from chainrule.threads import threads

ANYWHERE = "portable"
"""The unit that every machine has, in loops: it is no faster than float32, and there for tests alone."""

SETS = ("avx512", "avx2", "baseline")
"""The instruction sets that there are kernels for, the fastest first."""


def kernels() -> Kernels | None:
    """The module of kernels for this machine, or None where there is none that can be loaded.

    CHAINRULE_INSTRUCTIONS holds it to an instruction set that is not the best one, such as "avx2".

    Raises:
        OptionError: it names no instruction set.
    """
    wanted = os.environ.get("CHAINRULE_INSTRUCTIONS", SETS[0])
    if wanted not in SETS:
        raise OptionError(f"CHAINRULE_INSTRUCTIONS is {wanted!r}, but must be {', '.join(SETS[:-1])} or {SETS[-1]}.")
    try:
        baseline: Kernels = import_module("chainrule.engines._baseline")
    except ImportError:
        return None
    for name in SETS[SETS.index(wanted) :]:
        if baseline.supported(name):
            try:
                found: Kernels = import_module(f"chainrule.engines._{name}")
                return found
            except ImportError:
                continue
    return baseline


def units(module: Kernels) -> list[str]:
    """The instructions of this machine that multiply operands rounded to bfloat16, the fastest first."""
    return [unit for unit in module.units() if unit != ANYWHERE]


def described() -> str:
    """The native engine on this machine, in words.

    Raises:
        OptionError: see `kernels`.
    """
    module = kernels()
    try:
        import_module("chainrule.engines._baseline")
    except ModuleNotFoundError:
        return "not built: there was no C++20 compiler when chainrule was installed"
    except ImportError as error:
        return f"built, but it cannot be loaded: {error}"
    assert module is not None
    rounding = f", bfloat16 by {units(module)[0]}" if units(module) else ""
    return f"{module.__name__.rpartition('._')[2]} instructions{rounding}, {counted(threads(), 'thread')}"


class NativeEngine:
    """See `chainrule.engines.contract.Engine`.

    Args:
        unit: what multiplies operands that are rounded to bfloat16, one of `native.units()`; products are of the
            network's own type where it is empty.
    """

    name = "native"

    def __init__(self, native: Kernels, unit: str = ""):
        self._by = Arithmetic(native, unit)
        self._known: WeakSet[NetworkLike] = WeakSet()
        if hasattr(os, "register_at_fork"):  # the child has no say over the locks
            os.register_at_fork(after_in_child=self._forget)

    def _forget(self) -> None:
        for network in self._known:
            network.compiled.pop(self, None)

    def program(
        self, network: NetworkLike, cost: CostLike, optimizer: Optimizer, seed: int, outputs: bool = True
    ) -> NativeProgram:
        self._refuse(network)
        return NativeProgram(self._by, network, cost, optimizer, seed, outputs)

    def slope(self, network: NetworkLike, cost: CostLike, batch: Batch, seed: int, outputs: bool = True) -> Slope:
        self._refuse(network)
        return slope(self._by, network, cost, batch, seed, outputs)

    def evaluate(self, network: NetworkLike, cost: CostLike, batches: Iterable[Batch]) -> tuple[float, Array]:
        total, m, outputs = 0.0, 0, []
        for X, Y, weights in batches:
            measured = self._compiled(network, cost, X)(X, Y, weights)
            total, m = total + float(np.sum(measured.costs)), m + len(X)
            outputs.append(measured.outputs)
        return total / m, np.concatenate(outputs)

    def predict(self, network: NetworkLike, X: Numbers) -> Numbers:
        prediction = self._compiled(network, None, X)
        found = prediction.at_few(X)
        return prediction.at_many(X) if found is None else found

    def _refuse(self, network: NetworkLike) -> None:
        if self._by.unit:
            refuse_wider(network.dtype)

    def _compiled(self, network: NetworkLike, cost: CostLike | None, X: Numbers) -> Prediction:
        """What changes nothing: compiled once for a network and a cost, and again when it is no longer true."""
        self._refuse(network)
        kept: dict[bool, Prediction] = network.compiled.setdefault(self, {})
        found = kept.get(cost is None)
        if found is None or not found.holds(cost, X):
            found = kept[cost is None] = Prediction(self._by, network, cost, X)
            self._known.add(network)
        if found.refusal:
            raise NoKernelError(found.refusal)
        return found

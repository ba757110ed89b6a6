"""Single passes: the slope of a cost, what a network costs on other data, and its predictions."""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterable
from typing import Any

import jax
import numpy as np

from chainrule.engines.contract import CHUNK, Batch, CostLike, NetworkLike, Numbers, Slope
from chainrule.engines.fingerprint import Fingerprint
from chainrule.engines.jax.devices import Devices
from chainrule.engines.jax.functions import AsCompiled, Functions, Measured, compiling, refuse_impure
from chainrule.engines.jax.statistics import Tensors, statistics_of
from chainrule.engines.tracing import has_own_code
from chainrule.graph import Array


def slope(network: NetworkLike, cost: CostLike, batch: Batch, seed: int, devices: Devices) -> Slope:
    """See `Engine.slope`."""
    m = len(batch[0])
    functions = Functions(network, cost, seed, devices.lowered)

    def of_divided(theta: Array, statistics: Tensors, *padded: Any) -> Measured:
        return functions.slope(theta, statistics, *(None if A is None else devices.divided(A[:m]) for A in padded))

    def compiled() -> tuple[Callable[..., Measured], AsCompiled]:
        refuse_impure(functions, "slope", *batch)
        function = functools.partial(of_divided)  # another one each time, or JAX would know it
        return jax.jit(function, out_shardings=devices.results), AsCompiled(network, cost)

    function, before = compiled()
    with compiling():
        data = [None if A is None else devices.parts(np.asarray(A)) for A in batch]

    def measure() -> tuple[float, Array, Array]:
        nonlocal function, before
        if not before.holds():  # a callback has changed the network
            function, before = compiled()
        with compiling():
            found = function(*devices.whole((network.flat, statistics_of(network, m))), *data)
            return float(found.J), np.array(found.gradient), np.asarray(found.output)

    return Slope("jax", "", measure, network.dtype, devices.label)


def evaluate(network: NetworkLike, cost: CostLike, batches: Iterable[Batch], devices: Devices) -> tuple[float, Array]:
    """See `Engine.evaluate`."""
    total, m, outputs = 0.0, 0, []
    for X, Y, weights in batches:
        J, A = _called(network, cost, devices, X, np.asarray(Y), weights)
        cost.check(A.shape[1:], np.asarray(Y), weights)
        total, m = total + float(J) * len(X), m + len(X)
        outputs.append(A)
    return total / m, np.concatenate(outputs)


def predict(network: NetworkLike, X: Array, devices: Devices) -> Numbers:
    """See `Engine.predict`."""
    parts = (network.cast(X[i : i + CHUNK], i) for i in range(0, len(X), CHUNK))
    return np.concatenate([_called(network, None, devices, part) for part in parts])


def _called(network: NetworkLike, cost: CostLike | None, devices: Devices, *given: Numbers | None) -> Any:
    """The output for X, or J and the output for X, Y and weights, while predicting, which one device does."""
    compiled = _compiled(network, cost, devices, *given)
    with compiling(), jax.default_device(devices.here):
        return jax.tree.map(np.asarray, compiled(network.flat, statistics_of(network), *given))


def _compiled(
    network: NetworkLike, cost: CostLike | None, devices: Devices, *given: Numbers | None
) -> Callable[..., Any]:
    """What JAX compiles once for each shape and kind of device, and again where the network is another one now."""
    kept: dict[Any, tuple[Callable[..., Any], Fingerprint]] = network.compiled.setdefault("jax", {})
    lowered = devices.lowered
    key = None if cost is None else cost.settings, bool(lowered)
    found = kept.get(key)
    if found is None or not found[1].holds() or has_own_code(network, cost):
        functions, way = Functions(network, cost, lowered=lowered), "output" if cost is None else "measure"
        refuse_impure(functions, way, *given)
        found = kept[key] = jax.jit(getattr(functions, way)), Fingerprint(network)
    return found[0]

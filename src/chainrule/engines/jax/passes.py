"""Single passes: the slope of a cost, what a network costs on other data, and its predictions."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from chainrule.engines.contract import CHUNK, Batch, CostLike, NetworkLike, Numbers, Slope
from chainrule.engines.jax.functions import Functions, compiling, refuse_impure
from chainrule.engines.jax.statistics import statistics_of
from chainrule.engines.native.fingerprint import Fingerprint
from chainrule.engines.tracing import has_own_code
from chainrule.graph import Array


def slope(network: NetworkLike, cost: CostLike, batch: Batch, seed: int) -> Slope:
    """See `Engine.slope`."""
    X, Y, weights = batch
    functions = Functions(network, cost, seed)
    refuse_impure(functions, "slope", X, Y, weights)
    compiled = jax.jit(functions.slope)
    with compiling():
        data = [None if A is None else jnp.asarray(A) for A in (X, Y, weights)]

    def measure() -> tuple[float, Array, Array]:
        with compiling():
            found = compiled(network.flat, statistics_of(network, len(X)), *data)
            return float(found.J), np.array(found.gradient), np.asarray(found.output)

    return Slope("jax", "", measure)


def evaluate(network: NetworkLike, cost: CostLike, batches: Iterable[Batch]) -> tuple[float, Array]:
    """See `Engine.evaluate`."""
    total, m, outputs = 0.0, 0, []
    for X, Y, weights in batches:
        J, A = _called(network, cost, X, np.asarray(Y), weights)
        cost.check(A.shape[1:], np.asarray(Y), weights)
        total, m = total + float(J) * len(X), m + len(X)
        outputs.append(A)
    return total / m, np.concatenate(outputs)


def predict(network: NetworkLike, X: Array) -> Numbers:
    """See `Engine.predict`."""
    found: list[Numbers] = [_called(network, None, network.cast(X[i : i + CHUNK], i)) for i in range(0, len(X), CHUNK)]
    return np.concatenate(found)


def _called(network: NetworkLike, cost: CostLike | None, *given: Numbers | None) -> Any:
    """The output for X, or J and the output for X, Y and weights, while predicting."""
    compiled = _compiled(network, cost, *given)
    with compiling():
        return jax.tree.map(np.asarray, compiled(network.flat, statistics_of(network), *given))


def _compiled(network: NetworkLike, cost: CostLike | None, *given: Numbers | None) -> Callable[..., Any]:
    """What JAX compiles once for each shape, and again where the network is another one now."""
    kept: dict[Any, tuple[Callable[..., Any], Fingerprint]] = network.compiled.setdefault("jax", {})
    key = None if cost is None else cost.settings
    found = kept.get(key)
    if found is None or not found[1].holds() or has_own_code(network, cost):
        functions, way = Functions(network, cost), "output" if cost is None else "measure"
        refuse_impure(functions, way, *given)
        found = kept[key] = jax.jit(getattr(functions, way)), Fingerprint(network, None)
    return found[0]

"""A network and a cost as pure functions of numbers, which JAX can compile."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from chainrule.engines.contract import CannotRunError, CostLike, NetworkLike
from chainrule.engines.fingerprint import Fingerprint
from chainrule.engines.jax.statistics import Tensors, lend, statistics_of, taken_back
from chainrule.engines.purity import watched_twin
from chainrule.engines.reach import Reach
from chainrule.engines.trace import NotTraceableError
from chainrule.engines.tracing import has_own_code
from chainrule.graph import Array, Lowered, Variable, backward, lowered, plain

REFUSALS = (
    jax.errors.ConcretizationTypeError,
    jax.errors.TracerArrayConversionError,
    jax.errors.TracerBoolConversionError,
    jax.errors.TracerIntegerConversionError,
    jax.errors.NonConcreteBooleanIndexError,
    jax.errors.UnexpectedTracerError,
)
"""What JAX raises where code asks for numbers, of which there are none while it is compiled."""


class CannotCompileError(CannotRunError):
    """Code that does other things with other numbers, of which a compiled program has none."""

    def __init__(self, reason: str):
        message = f'the jax engine cannot compile {reason}: engine="numpy" runs the code as it stands.'
        super().__init__(message, reason)


class Measured(NamedTuple):
    """One pass forward and back.

    Attributes:
        J: without a penalty. gradient: dJ/dθ in the order of the network's vector. output: A. statistics: as moved.
    """

    J: Array
    gradient: Array
    output: Array
    statistics: Tensors


class Functions:
    """A network as functions of θ and its statistics, in the network's float type.

    Args:
        network, cost: as they are. seed: of dropout. lowered: what computes some operations in another way.
    """

    def __init__(self, network: NetworkLike, cost: CostLike | None, seed: int = 0, lowered: Lowered | None = None):
        self.network, self.cost, self.seed = network, cost, seed
        self._lowered = lowered or {}
        self._places: dict[str, tuple[slice, tuple[int, ...]]] = {}
        end = 0
        for name, value in network.parameters.items():
            start, end = end, end + value.size
            self._places[name] = slice(start, end), value.shape

    def output(self, theta: Array, statistics: Tensors, X: Array) -> Array:
        """A for X, while predicting."""
        return plain(self._record(theta, statistics, X, training=False)[0])

    def measure(self, theta: Array, statistics: Tensors, X: Array, Y: Array, weights: Array | None) -> Any:
        """J and A for X, while predicting."""
        assert self.cost is not None
        A, _, _ = self._record(theta, statistics, X, training=False)
        return plain(self.cost(A, Y, weights)), plain(A)

    def slope(
        self,
        theta: Array,
        statistics: Tensors,
        X: Array,
        Y: Array,
        weights: Array | None,
        update: Any = 0,
        *,
        updating: bool = False,
        drop_rates: Array | None = None,
    ) -> Measured:
        """J and its derivatives, while training."""
        assert self.cost is not None
        A, variables, moved = self._record(
            theta, statistics, X, training=True, updating=updating, update=update, drop_rates=drop_rates
        )
        J = self.cost(A, Y, weights)
        if isinstance(J, Variable):
            backward(J)
        return Measured(plain(J), self._gradient(theta, variables), plain(A), moved)

    def _record(self, theta: Array, statistics: Tensors, X: Array, **how: Any) -> tuple[Any, Any, Tensors]:
        parameters = {name: theta[place].reshape(shape) for name, (place, shape) in self._places.items()}
        lent = lend(self.network, statistics)
        with lowered(self._lowered):
            A, variables = self.network.record(X, seed=self.seed, parameters=parameters, statistics=lent, **how)
        return A, variables, taken_back(self.network, lent)

    def _gradient(self, theta: Array, variables: Mapping[str, Variable]) -> Array:
        """dJ/dθ in the order of θ; of what J does not depend on, 0."""
        parts = [jnp.zeros(0, theta.dtype)]
        for name, (_, shape) in self._places.items():
            grad = variables[name].grad if name in variables else None
            parts.append(jnp.ravel(jnp.zeros(shape) if grad is None else grad).astype(theta.dtype))
        return jnp.concatenate(parts)


@contextmanager
def compiling() -> Iterator[None]:
    """Types as NumPy has them, of 64 bits too, products in full precision, and JAX's refusals in chainrule's words."""
    try:
        with jax.enable_x64(True), jax.default_matmul_precision("highest"):
            yield
    except REFUSALS as error:
        raise CannotCompileError(f"code that asks for numbers of the data ({str(error).splitlines()[0]})") from error


class AsCompiled:
    """All that JAX compiles of a network and a cost beside their operations, as it was: what layers hold, and what code
    that users wrote can reach. Statistics are no part of it, as they are given at each call."""

    def __init__(self, network: NetworkLike, cost: CostLike | None):
        self._network, self._cost = network, cost
        self._fingerprint, self._own = Fingerprint(network), self._content()

    def holds(self) -> bool:
        """Whether nothing has changed since."""
        return self._fingerprint.holds() and self._own == self._content()

    def _content(self) -> list[tuple[str, str, object]]:
        if not has_own_code(self._network, self._cost):
            return []
        given = {(path, name) for path, layer in self._network.family() for name in layer.statistics}
        return [held for held in Reach(self._network, self._cost).content() if held[:2] not in given]


def refuse_impure(functions: Functions, way: str, *given: Array | None, m: int | None = None) -> None:
    """See to it that what users wrote is a function of its input and its parameters alone.

    Args:
        way: "output", "measure" or "slope". given: X, and for the others Y and weights. m: see `statistics_of`.

    Raises:
        CannotCompileError: it is not, or asks for numbers.
    """
    network, cost, seed = functions.network, functions.cost, functions.seed
    if not has_own_code(network, cost):
        return

    def traced(network: NetworkLike) -> tuple[str, list[bytes]]:
        with compiling():
            function = getattr(Functions(network, cost, seed), way)
            found = jax.make_jaxpr(function)(network.flat, statistics_of(network, m), *given)
        return str(found), [np.asarray(const).tobytes() for const in found.consts]

    try:
        same = watched_twin(network, cost, traced, trusted="jax") == traced(network)
    except NotTraceableError as error:
        raise CannotCompileError(error.reason) from error
    if not same:
        raise CannotCompileError("your own layers or loss, which do something else at every call")

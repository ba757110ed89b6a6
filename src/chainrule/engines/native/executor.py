"""A plan in buffers of its own, and the data as the kernels read them."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import NamedTuple, Protocol
from weakref import ref

import numpy as np
from numpy.typing import NDArray

from chainrule.engines.contract import CostLike, NetworkLike, Numbers
from chainrule.engines.native.plan import Option, Plan, Step, Value, alive
from chainrule.hyperparameters import Hyperparameters
from chainrule.threads import threads

EXAMPLES, WORK = 4, 400_000
"""Another thread is worth its while with so many examples, and multiplications forward, in its part of a batch."""

STRIP = 0
"""Examples that a thread takes through the whole network at a time; 0 for as many as stay in its cache."""

Which = slice | NDArray[np.intp]
"""Examples side by side, or by their numbers, in the order in which they are met."""

Rule = Mapping[str, str | float | NDArray[np.float64]]
"""An optimizer as the kernels read it: its name there, and its numbers."""

_TYPES = {"float32": "f", "float64": "d", "uint8": "b", "int32": "i", "int64": "l"}


class NativeProgram(Protocol):
    """A plan compiled into buffers, in C++; see `native/module.cpp`."""

    def load(self, which: int, flat: Numbers) -> None: ...

    def unload(self, which: int, flat: Numbers) -> None: ...

    def few(self, X: Numbers, parameters: Numbers, outputs: Numbers) -> bool: ...

    def run(
        self,
        data: Mapping[str, object],
        m: int,
        batch: int,
        alphas: Numbers | None,
        l2: Numbers | None,
        update: int,
        outputs: Numbers | None,
        threads: int,
        weight_decays: Numbers | None,
    ) -> tuple[list[float], list[float], bool, bool]: ...


class MakeProgram(Protocol):
    """The constructor of a `NativeProgram`."""

    def __call__(
        self,
        values: list[Value],
        steps: list[Step],
        rule: Rule,
        batch: int,
        strip: int,
        threads: int,
        result: int,
        unit: str,
    ) -> NativeProgram: ...


class Kernels(Protocol):
    """A module of kernels for one instruction set."""

    __name__: str
    FEW: int
    Program32: MakeProgram
    Program64: MakeProgram

    def kernels(self) -> list[str]: ...

    def units(self) -> list[str]: ...

    def peak(self, unit: str, seconds: float) -> float: ...

    def supported(self, instructions: str) -> bool: ...


def members(size: int, plan: Plan) -> int:
    """How many threads batches of this size are worth."""
    return max(1, min(threads(), size // EXAMPLES, size * plan.work // WORK))


@dataclass(frozen=True)
class Arithmetic:
    """The kernels of an instruction set, and who multiplies.

    Attributes:
        kernels: the module. unit: what multiplies operands that are rounded to bfloat16, one of `Kernels.units`; empty
            where products are of the network's own type.
    """

    kernels: Kernels
    unit: str = ""

    @property
    def names(self) -> frozenset[str]:
        """The kernels' names."""
        return frozenset(self.kernels.kernels())

    def precision(self, network: NetworkLike) -> str:
        """What the products are computed in."""
        return "bfloat16" if self.unit else network.dtype


class Examples:
    """X, Y and weights as the kernels read them.

    Args:
        looked_at: whether X is known to hold numbers alone; else the way forward finds it out.

    Raises:
        DataError: X holds indices that the network's table has no rows for, or Y labels out of range.
        ShapeError: Y or the weights do not fit the outputs.
    """

    def __init__(
        self,
        network: NetworkLike,
        cost: CostLike | None,
        X: Numbers,
        Y: Numbers | None,
        weights: Numbers | None,
        plan: Plan,
        looked_at: bool = True,
    ):
        if Y is not None and cost is not None:
            cost.check(plan.output_shape, np.asarray(Y), weights)
            if cost.own:
                _check_targets(np.asarray(Y), plan)
        if plan.limits is not None:
            _check_indices(network, X, plan.limits)
        self.X, self.Y, self.weights = X, np.asarray(Y), weights
        X = np.ascontiguousarray(X)
        X = X.view(np.uint8) if X.dtype == bool else X if str(X.dtype) in _TYPES else X.astype(np.float64)
        flat = None if Y is None else self.Y.reshape(len(X), -1)
        labels = plan.labels and Y is not None and self.Y.size == len(X) * math.prod(plan.output_shape[:-1])
        self.fields: dict[str, object] = {
            "X": X,
            "looked_at": looked_at,
            "type": _TYPES[str(X.dtype)],
            "features": X.size // max(len(X), 1),
            "Y": None if labels or flat is None else np.ascontiguousarray(flat, dtype=plan.dtype),
            "labels": np.ascontiguousarray(flat, dtype=np.int64) if labels else None,
            "weights": None if weights is None else np.ascontiguousarray(weights, dtype=plan.dtype),
            "weights_of_each": 1 if weights is None else weights.size // len(weights),
        }

    def stand(self) -> bool:
        """Whether Y is what it was, where the kernels have a copy of another type."""
        for name in ("Y", "labels"):
            copied = self.fields[name]
            if isinstance(copied, np.ndarray) and not np.may_share_memory(copied, self.Y):
                now = self.Y.reshape(copied.shape)
                with np.errstate(all="ignore"):
                    now = now if name == "labels" else now.astype(copied.dtype)
                if not np.array_equal(copied, now, equal_nan=name == "Y"):
                    return False
        return True


class Ran(NamedTuple):
    """What a call of the kernels came to.

    Attributes:
        costs: J of each batch, penalty included. penalties: what of it is the penalty.
        finite: whether the last one was; if not, nothing followed. numbers: whether X held numbers alone.
    """

    costs: list[float]
    penalties: list[float]
    finite: bool
    numbers: bool


class Executor:
    """A plan in buffers of its own.

    Attributes:
        capacity: how many examples a batch may have. team: by how many threads, by default as many as these are worth.
    """

    def __init__(
        self, by: Arithmetic, network: NetworkLike, plan: Plan, capacity: int, rule: Rule, team: int | None = None
    ):
        self.plan, self.capacity = plan, capacity
        self.team = members(capacity, plan) if team is None else team
        self._network = ref(network)
        make = by.kernels.Program32 if network.dtype == "float32" else by.kernels.Program64
        self._moving = [(_with_own_arrays(step, capacity), layer) for step, layer in plan.moving]
        own = dict(zip((id(step) for step, _ in plan.moving), (step for step, _ in self._moving), strict=True))
        steps = [own.get(id(step), step) for step in plan.steps]
        self._program = make(plan.values, steps, rule, capacity, STRIP, self.team, plan.output, by.unit)

    def load(self, slot: int, vector: Numbers) -> None:
        """What the optimizer remembers, its vector number 1 or 2, in the order of the network's."""
        self._program.load(slot, vector)

    def unload(self, slot: int, vector: Numbers) -> None:
        """The way back of `load`."""
        self._program.unload(slot, vector)

    def few(self, X: Numbers, theta: Numbers, outputs: Numbers) -> bool:
        """The way forward at the parameters θ, on the shortest way; False where the kernels do not take X as it is."""
        self._lend(len(X))
        return bool(self._program.few(X, theta, outputs))

    def run(
        self,
        examples: Examples,
        which: Which,
        size: int,
        given: Hyperparameters[list[float]] | None,
        update: int,
        outputs: Numbers | None,
    ) -> Ran:
        """Run batches of a size, one after the other, by as many threads as these are worth.

        Args:
            given: what holds for each batch; None changes nothing and measures.
            update: how many updates there have been before.
            outputs: where the network's outputs go, or None.
        """
        network = self._network()
        assert network is not None
        m = which.stop - which.start if isinstance(which, slice) else len(which)
        self._lend(min(size, m))
        program = self._program
        program.load(0, network.flat)
        fields = examples.fields | {"parameters": network.flat}
        if isinstance(which, slice):
            fields |= {"first": which.start, "order": None}
        else:
            fields |= {"first": 0, "order": np.ascontiguousarray(which, dtype=np.int64)}
        threads = min(self.team, members(size, self.plan))
        alphas, omegas, l2, drop_rates = (None, None, None, ()) if given is None else given.as_arrays("float64")
        if drop_rates:
            for rate, place in self.plan.drop_rates:
                rate[0] = drop_rates[place]
        ran = Ran(*program.run(fields, m, size, alphas, l2, update, outputs, threads, omegas))
        if given is not None:
            with network.turn:
                program.unload(0, network.flat)
                self._take_back((m - 1) % size + 1)
        return ran

    def _lend(self, m: int) -> None:
        """Give the kernels what layers keep, for batches that begin with one of m examples."""
        for step, layer in self._moving:
            for name, held in alive(layer).lend(m).items():
                _array(step, name)[: len(held)] = held

    def _take_back(self, m: int) -> None:
        """Give the layers what the kernels have left, after a batch of m examples."""
        for step, layer in self._moving:
            of_each = _of_each(step)
            kept = {name: _array(step, name) for name in alive(layer).lend(0)}
            alive(layer).take_back(
                {name: np.array(held[:m] if name in of_each else held) for name, held in kept.items()}
            )


def _with_own_arrays(step: Step, capacity: int) -> Step:
    """A step whose statistics no other executor reads or moves; what is kept of each example has room for a batch."""
    arrays: dict[str, Option] = {name: np.array(_array(step, name)) for name in _KEPT if name in step.options}
    arrays |= {name: np.zeros((capacity, n)) for name, (_, n) in _of_each(step).items()}
    return replace(step, options=step.options | arrays)


_KEPT = ("mean", "variance", "state", "cell")
"""The arrays that steps move, by the names that layers and kernels have for them."""


def _of_each(step: Step) -> dict[str, tuple[int, ...]]:
    """The shapes of the arrays in which a step keeps something of each example of a batch, by name."""
    return {name: _array(step, name).shape for name in ("state", "cell") if name in step.options}


def _array(step: Step, name: str) -> NDArray[np.float64]:
    array = step.options[name]
    assert isinstance(array, np.ndarray)
    return array  # type: ignore[return-value]


def _check_targets(Y: Numbers, plan: Plan) -> None:
    """Let the library's losses inside an own one say what is wrong with targets, which kernels take as they are."""
    for operation, options, shape in plan.losses:
        rows = max(1, 2**18 // max(1, math.prod(shape)))
        for start in range(0, len(Y), rows):
            part = Y[start : start + rows]
            operation.differentiate(np.broadcast_to(np.float32(0.5), (len(part), *shape)), part, **options)


def _check_indices(network: NetworkLike, X: Numbers, limits: NDArray[np.float64]) -> None:
    """Let the network itself say what is wrong with indices that are no whole numbers or out of range."""
    if X.dtype.kind not in "iu":
        network.output(X[:1])
    places = np.isfinite(limits)
    indices = X.reshape(len(X), -1)[:, places]
    wrong = (indices < 0) | (limits[places] <= indices) | (indices % 1 != 0)
    if wrong.any():
        network.output(X[wrong.any(axis=1)][:1])

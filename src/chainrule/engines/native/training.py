"""Training by the kernels: whole epochs in a few calls, or batch by batch where the data are a stream."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from chainrule.engines.calls import Calls, while_finite
from chainrule.engines.contract import CHUNK, Arrays, Batch, Batches, CostLike, Done, Form, NetworkLike, Numbers, Slope
from chainrule.engines.fingerprint import Fingerprint
from chainrule.engines.native.compile import Compiled, Compiler
from chainrule.engines.native.executor import Arithmetic, Examples, Executor, Which, members
from chainrule.engines.native.plan import NoKernelError, Plan
from chainrule.engines.native.rules import rule_of
from chainrule.engines.tracing import form_of
from chainrule.graph import Array
from chainrule.hyperparameters import Hyperparameters, OfBatches
from chainrule.optimizers import Optimizer

KEPT = 4
"""So many forms of the data, such as sequences of different lengths, have a plan ready; each has buffers of its own."""


class NativeProgram:
    """See `chainrule.engines.contract.Program`."""

    engine, device = "native", "cpu"

    def __init__(
        self, by: Arithmetic, network: NetworkLike, cost: CostLike, optimizer: Optimizer, seed: int, outputs: bool
    ):
        self.network, self.optimizer, self.updates, self.reason = network, optimizer, 0, ""
        self.outputs = outputs
        self._by, self._cost, self.precision = by, cost, by.precision(network)
        self._rule = rule_of(optimizer, network.parameters)
        self._compiler = Compiler(
            cost, by.names, training=True, updating=True, seed=seed, outputs=outputs, rounds=bool(by.unit)
        )
        self._slots: dict[str, Array] = {name: np.zeros_like(network.flat) for name in optimizer.slots}
        given = cost.input or form_of(network, network.input_shape or ())
        self._ready = self._made_ready(given, cost.target, (), None)
        self._kept: dict[tuple[Form, Form | None], _Ready] = {(given, cost.target): self._ready}
        self._given: tuple[Arrays, Examples] | None = None
        self._calls = Calls()

    @property
    def _plan(self) -> Plan:
        return self._ready.compiled.plan

    @property
    def slots(self) -> dict[str, Array]:
        """The optimizer's vectors, by name, in the order of the network's."""
        if self._ready.executor is not None:
            for k, name in enumerate(self._slots, 1):
                self._ready.executor.unload(k, self._slots[name])
        return self._slots

    @slots.setter
    def slots(self, slots: dict[str, Array]) -> None:
        self._slots = {name: np.array(slots[name], self.network.dtype) for name in self.optimizer.slots}
        self._give_slots()

    def _give_slots(self) -> None:
        if self._ready.executor is not None:
            for k, vector in enumerate(self._slots.values(), 1):
                self._ready.executor.load(k, vector)

    def epoch(self, batches: Batches, epoch: int, given: OfBatches, start: int = 0) -> Iterator[Done]:
        """See `Program.epoch`; yields about ten times a second, at least once a batch."""
        if start == 0:
            self.network.forget()
        self._turn_to(self._plan.input, self._plan.target, batches.sizes)
        if batches.arrays is not None:
            yield from while_finite(self._of_arrays(batches.arrays, epoch, given, start))
        else:
            numbered = enumerate(batches.epoch(epoch, start), start)
            yield from while_finite(self._alone(batch, given(k, k + 1)) for k, batch in numbered)

    def _turn_to(self, given: Form, target: Form | None, sizes: tuple[int, ...]) -> None:
        """Go on with the plan for data of these forms, as the network and what users wrote are now."""
        known = self._kept.pop((given, target), None)
        if known is not None and not known.fingerprint.holds():
            known = None
        ready = known if known is not None and not known.compiled.plan.own else None
        ready = ready or self._made_ready(given, target, sizes, known)
        if ready is not self._ready:
            self._slots, self._ready = self.slots, ready
            self._give_slots()
        self._kept[given, target] = ready
        while len(self._kept) > KEPT:
            del self._kept[next(iter(self._kept))]

    def _made_ready(self, given: Form, target: Form | None, sizes: tuple[int, ...], known: _Ready | None) -> _Ready:
        """What is known, if it still stands, or what is compiled anew."""
        before = None if known is None else known.compiled
        compiled = self._compiler.compiled(self.network, given, target, sizes, before)
        if known is not None and compiled is before:
            return known
        return _Ready(compiled, Fingerprint(self.network, compiled.plan.constants))

    def _of_arrays(self, data: Arrays, epoch: int, given: OfBatches, start: int) -> Iterator[Done]:
        order = data.order(epoch) if data.shuffle else None
        size = data.batch_size
        if self._given is not None and not self._given[1].stand():
            self._given = None

        def run(first: int, last: int) -> Done:
            rows = slice(first * size, min(last * size, data.m))
            which: Which = rows if order is None else order[rows]
            examples = self._all_of(data) if data.cast is None else self._some_of(data, which)
            whole = which if data.cast is None else slice(0, len(examples.X))
            return self._run(examples, whole, size, given(first, last))

        return self._calls.over(start, len(data), run)

    def _alone(self, batch: Batch, given: Hyperparameters[list[float]]) -> Done:
        """A batch of a stream."""
        m = len(batch[0])
        return self._run(self._prepared(*batch, (m,)), slice(0, m), m, given)

    def _some_of(self, data: Arrays, which: Which) -> Examples:
        """Some of the data, which are still to be made the network's type."""
        assert data.cast is not None
        weights = None if data.weights is None else data.weights[which]
        return self._prepared(data.cast(data.X[which]), data.Y[which], weights)

    def _all_of(self, data: Arrays) -> Examples:
        """All data as they lie."""
        if self._given is None or self._given[0] is not data:
            self._given = data, self._prepared(data.X, data.Y, data.weights)
        return self._given[1]

    def _prepared(self, X: Numbers, Y: Numbers, weights: Numbers | None, sizes: tuple[int, ...] = ()) -> Examples:
        """The data as the kernels read them; the plan is another one for examples of another form, as of sequences.

        Args:
            sizes: how many examples there are at a time, where that has not been said before.
        """
        target = self._cost.target_of(Y, self._plan.output_shape)
        given = Form(X.shape[1:], X.dtype) if self._plan.own else Form(X.shape[1:], self._plan.input.dtype)
        new = self._plan.own and not self._ready.compiled.sizes.issuperset(sizes)
        if new or (given, target) != (self._plan.input, self._plan.target):
            self._turn_to(given, target, sizes)
        return Examples(self.network, self._cost, X, Y, weights, self._plan)

    def _run(self, examples: Examples, which: Which, size: int, given: Hyperparameters[list[float]]) -> Done:
        X, Y = examples.X, examples.Y[which]
        m = len(Y)
        executor = self._executor_for(size)
        outputs = np.empty((m, *self._plan.output_shape), self.network.dtype) if self.outputs else None
        ran = executor.run(examples, which, size, given, self.updates, outputs)
        costs = ran.costs
        sizes = [min(size, m - begin) for begin in range(0, len(costs) * size, size)]
        self.updates += len(costs) - (not ran.finite)
        weights = None if examples.weights is None else examples.weights[which]
        if not ran.finite:
            bad = slice((len(costs) - 1) * size, len(costs) * size)
            X, Y = X[which][bad], Y[bad]
            weights = None if weights is None else weights[bad]
            Examples(self.network, self._cost, X, Y, weights, self._plan)  # says so where the data have changed since
            return Done(costs, ran.penalties, sizes, None, Y, X)
        return Done(costs, ran.penalties, sizes, outputs, Y, weights=weights)

    def _executor_for(self, size: int) -> Executor:
        """What runs batches of this size; made anew only where it must have room for more."""
        # How many threads there are, and so the roundings, follows from the size: who resumes here must have the same.
        team, ready = members(size, self._plan), self._ready
        if ready.executor is None or size > ready.executor.capacity or team > ready.executor.team:
            self._slots = self.slots
            if ready.executor is not None:
                size, team = max(size, ready.executor.capacity), max(team, ready.executor.team)
            ready.executor = Executor(self._by, self.network, self._plan, size, self._rule, team)
            self._give_slots()
        return ready.executor


@dataclass
class _Ready:
    """A plan for data of one form, and what runs it once there was a batch."""

    compiled: Compiled
    fingerprint: Fingerprint
    executor: Executor | None = None


class NativeSlope:
    """The cost of one batch and its derivatives, again and again; see `chainrule.engines.contract.Slope`."""

    def __init__(self, by: Arithmetic, network: NetworkLike, cost: CostLike, batch: Batch, seed: int, outputs: bool):
        self._by, self._network, self._outputs = by, network, outputs
        X, Y, weights = batch
        self._m = len(X)
        self._compiler = Compiler(cost, by.names, training=True, seed=seed, outputs=outputs, rounds=bool(by.unit))
        self._given = Form(X.shape[1:], X.dtype)
        self._target = cost.target
        self._take(self._compiler.compiled(network, self._given, self._target, (self._m,)))
        self._examples = Examples(network, cost, X, Y, weights, self._compiled.plan)
        self._gradient = np.empty_like(network.flat)

    def measure(self) -> tuple[float, Array, Array]:
        self._compile_again()
        plan, size = self._compiled.plan, self._executor.capacity
        shares = np.diff([*range(0, self._m, size), self._m]) / self._m
        self._gradient.fill(0)
        self._executor.load(1, self._gradient)
        output = np.empty((self._m, *plan.output_shape), plan.dtype) if self._outputs else None
        given = Hyperparameters(shares.tolist(), [0.0] * len(shares))
        ran = self._executor.run(self._examples, slice(0, self._m), size, given, 0, output)
        self._executor.unload(1, self._gradient)
        return float(np.dot(shares[: len(ran.costs)], ran.costs)), self._gradient, output

    def _compile_again(self) -> None:
        """Take over what a callback has changed."""
        known = self._compiled if self._fingerprint.holds() else None
        if known is None or known.plan.own:
            compiled = self._compiler.compiled(self._network, self._given, self._target, (self._m,), known)
            if compiled is not self._compiled:
                self._take(compiled)

    def _take(self, compiled: Compiled) -> None:
        plan = compiled.plan
        if plan.moving:
            raise NoKernelError("moving averages that stand still while L-BFGS looks around")
        size = (
            self._m if plan.own else min(CHUNK, self._m)
        )  # of own losses, the cost of all need not be the mean of parts'
        self._compiled, self._fingerprint = compiled, Fingerprint(self._network, plan.constants)
        self._executor = Executor(self._by, self._network, plan, size, {"name": "gradient"})


def slope(by: Arithmetic, network: NetworkLike, cost: CostLike, batch: Batch, seed: int, outputs: bool) -> Slope:
    """See `chainrule.engines.contract.Engine.slope`."""
    return Slope("native", "", NativeSlope(by, network, cost, batch, seed, outputs).measure, by.precision(network))

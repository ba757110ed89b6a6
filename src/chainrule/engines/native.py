"""The native engine: C++ kernels, the batch split over the cores, whole epochs in one call."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import fields
from importlib import import_module
from typing import Any
from weakref import WeakSet

import numpy as np
from numpy.typing import NDArray

from chainrule.engines.engine import CHUNK, Batch, Batches, Done, Slope
from chainrule.engines.looking import Imprint, Looking
from chainrule.engines.runner import Examples, Runner, Which, members
from chainrule.engines.steps import NoKernelError, Steps
from chainrule.engines.threads import threads
from chainrule.engines.tracing import steps_of
from chainrule.errors import OptionError
from chainrule.graph import Array
from chainrule.names import counted
from chainrule.optimizers import Adagrad, Adam, AdamW, GradientDescent, Optimizer, RMSProp

SETS = ("avx512", "avx2", "baseline")
"""The instruction sets that there are kernels for, the fastest first."""

CALL = 0.1
"""About how many seconds of work are done between two looks at the keyboard and the progress bar."""

SOME = 3
"""Examples of the data by which the steps of what users wrote are checked in every epoch."""

_RULES = {GradientDescent: "gradient_descent", Adagrad: "adagrad", RMSProp: "rmsprop", Adam: "adam", AdamW: "adam"}


def kernels() -> Any:
    """The module of kernels for this machine, or None where there is none that can be loaded.

    CHAINRULE_INSTRUCTIONS holds it to an instruction set that is not the best one, such as "avx2".

    Raises:
        OptionError: it names no instruction set.
    """
    wanted = os.environ.get("CHAINRULE_INSTRUCTIONS", SETS[0])
    if wanted not in SETS:
        raise OptionError(f"CHAINRULE_INSTRUCTIONS is {wanted!r}, but must be {', '.join(SETS[:-1])} or {SETS[-1]}.")
    try:
        baseline = import_module("chainrule.engines._baseline")
    except ImportError:
        return None
    for name in SETS[SETS.index(wanted) :]:
        if baseline.supported(name):
            try:
                return import_module(f"chainrule.engines._{name}")
            except ImportError:
                continue
    return baseline


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
    return f"{module.__name__.rpartition('._')[2]} instructions, {counted(threads(), 'thread')}"


class NativeProgram:
    """See `chainrule.engines.engine.Program`."""

    engine = "native"

    def __init__(self, native: Any, network: Any, cost: Any, optimizer: Optimizer, seed: int, outputs: bool):
        self.network, self.optimizer, self.t, self.reason = network, optimizer, 0, ""
        self.outputs = outputs
        self._native = native
        self._cost = cost
        self._seed = seed
        self._slots: dict[str, Array] = {name: np.zeros_like(network.flat) for name in optimizer.slots}
        if type(optimizer) not in _RULES:
            raise NoKernelError(f"the optimizer {type(optimizer).__name__}, which is your own")
        self._steps = self._steps_for(network.input_shape)
        self._imprint = Imprint(network, own=False)
        self._runner: Runner | None = None
        self._given: tuple[Any, Examples] | None = None
        self._some = 1  # batches in the next call

    @property
    def slots(self) -> dict[str, Array]:
        """The optimizer's vectors, by name, in the order of the network's."""
        if self._runner is not None:
            for k, name in enumerate(self._slots, 1):
                self._runner.unload(k, self._slots[name])
        return self._slots

    @slots.setter
    def slots(self, slots: dict[str, Array]) -> None:
        self._slots = {name: np.array(slots[name], self.network.dtype) for name in self.optimizer.slots}
        self._runner = None

    def epoch(
        self, batches: Batches, epoch: int, learning_rate: Callable[[int], float], start: int = 0
    ) -> Iterator[Done]:
        """See `Program.epoch`; yields about ten times a second, at least once a batch."""
        if start == 0:
            self.network.forget()
        self._look_again(getattr(batches, "X", None))
        if hasattr(batches, "order"):
            yield from self._of_arrays(batches, epoch, learning_rate, start)
            return
        for k, (X, Y, weights) in enumerate(batches.epoch(epoch, start), start):
            done = self._run(self._prepared(X, Y, weights), slice(0, len(X)), len(X), [learning_rate(k)])
            yield done
            if done.X is not None:
                return

    def _look_again(self, X: Any) -> None:
        """Take over what a callback has changed in a layer, or in what users wrote, since the last epoch."""
        known = self._steps if self._imprint.holds() else None
        if known is None or known.own:
            some = None if X is None else X[:SOME]
            steps = self._steps_for(self._steps.takes, self._steps.target, known, some)
            if steps is not self._steps:
                self._follow(steps)
                self._imprint = Imprint(self.network, own=False)

    def _of_arrays(self, batches: Any, epoch: int, learning_rate: Callable[[int], float], start: int) -> Iterator[Done]:
        order = batches.order(epoch) if batches.shuffle else None
        count, size = len(batches), batches.batch_size
        k = start
        while k < count:
            some = min(count - k, self._some)
            rows = slice(k * size, min((k + some) * size, batches.m))
            alphas = [learning_rate(i) for i in range(k, k + some)]
            l2 = None if (of_each := getattr(batches, "l2", None)) is None else of_each[k : k + some]
            began = time.perf_counter()
            if batches.cast is not None:
                chosen = rows if order is None else order[rows]
                weights = None if batches.weights is None else batches.weights[chosen]
                examples = self._prepared(batches.cast(batches.X[chosen]), batches.Y[chosen], weights)
                done = self._run(examples, slice(0, len(examples.X)), size, alphas, l2)
            else:
                done = self._run(self._all_of(batches), rows if order is None else order[rows], size, alphas, l2)
            seconds = (time.perf_counter() - began) / some
            self._some = max(1, min(2 * self._some, int(CALL / seconds)))
            yield done
            if done.X is not None:
                return
            k += some

    def _all_of(self, batches: Any) -> Examples:
        """All data as they lie."""
        if self._given is None or self._given[0] is not batches:
            self._given = batches, self._prepared(batches.X, batches.Y, batches.weights)
        return self._given[1]

    def _steps_for(
        self, shape: tuple[int, ...], target: Any = None, known: Steps | None = None, some: Array | None = None
    ) -> Steps:
        how = {"training": True, "seed": self._seed, "outputs": self.outputs, "target": target}
        how |= {"known": known, "some": some}
        return steps_of(self.network, self._cost, shape, frozenset(self._native.kernels()), **how)

    def _prepared(self, X: Array, Y: Array, weights: Array | None) -> Examples:
        """The data as the kernels read them; the steps are made anew for examples of another shape, as of sequences."""
        target = self._cost.target_of(Y, self._steps.shape)
        if X.shape[1:] != self._steps.takes or target != self._steps.target:
            self._follow(self._steps_for(X.shape[1:], target))
        return Examples(self.network, self._cost, X, Y, weights, self._steps)

    def _follow(self, steps: Steps) -> None:
        """Go on with other steps, and with what the optimizer remembers."""
        slots, self._steps = self.slots, steps
        self._slots, self._runner = slots, None

    def _run(self, examples: Examples, which: Which, size: int, alphas: list[float], l2: Any = None) -> Done:
        X, Y = examples.X, examples.Y[which]
        m = len(Y)
        runner = self._ready(size)
        outputs = np.empty((m, *self._steps.shape), self.network.dtype) if self.outputs else None
        rates, lambdas = np.array(alphas, np.float64), None if l2 is None else np.array(l2, np.float64)
        costs, penalties, finite, _ = runner.run(examples, which, size, rates, self.t, outputs, lambdas)
        self.t += len(costs) - (not finite)
        if not finite:
            bad = slice((len(costs) - 1) * size, len(costs) * size)
            X, Y = X[which][bad], Y[bad]
            weights = None if examples.weights is None else examples.weights[which][bad]
            Examples(self.network, self._cost, X, Y, weights, self._steps)  # says so where the data have changed since
            return Done(costs[-1], len(Y), None, Y, X, batches=len(costs))
        sizes = np.full(len(costs), size)
        sizes[-1] = m - size * (len(costs) - 1)
        cost, penalty = (float(np.dot(numbers, sizes) / m) for numbers in (costs, penalties))
        weights = None if examples.weights is None else examples.weights[which]
        return Done(cost, m, outputs, Y, batches=len(costs), penalty=penalty, weights=weights)

    def _ready(self, size: int) -> Runner:
        # How many threads there are, and so the roundings, follows from the size: who resumes here must have the same.
        team = members(size, self._steps)
        if self._runner is None or (self._runner.size, self._runner.team) != (size, team):
            slots = self.slots
            self._runner = Runner(self._native, self.network, self._steps, size, self._rule(), team)
            for k, vector in enumerate(slots.values(), 1):
                self._runner.load(k, vector)
        return self._runner

    def _rule(self) -> dict[str, Any]:
        told = {field.name: getattr(self.optimizer, field.name) for field in fields(self.optimizer)}
        numbers = {name: float(value or 0) for name, value in told.items() if name != "learning_rate"}
        return {"name": _RULES[type(self.optimizer)]} | numbers


class NativeEngine:
    """See `chainrule.engines.engine.Engine`."""

    name = "native"

    def __init__(self, native: Any):
        self._native = native
        self._known: WeakSet[Any] = WeakSet()
        if hasattr(os, "register_at_fork"):  # the child has no say over the locks
            os.register_at_fork(after_in_child=self._forget)

    def _forget(self) -> None:
        for network in self._known:
            network.compiled.pop(self, None)

    def program(self, network: Any, cost: Any, optimizer: Optimizer, seed: int, outputs: bool = True) -> NativeProgram:
        return NativeProgram(self._native, network, cost, optimizer, seed, outputs)

    def slope(self, network: Any, cost: Any, batch: Batch, seed: int, outputs: bool = True) -> Slope:
        X, Y, weights = batch
        how = {"training": True, "seed": seed, "outputs": outputs, "target": cost.target}
        kernels = frozenset(self._native.kernels())
        steps, imprint = steps_of(network, cost, X.shape[1:], kernels, **how), Imprint(network, own=False)
        if steps.statistics:
            raise NoKernelError("moving averages that stand still while L-BFGS looks around")
        examples, m = Examples(network, cost, X, Y, weights, steps), len(X)
        size = m if steps.own else min(CHUNK, m)  # of what users wrote, the cost of all need not be the mean of parts'
        shares = np.diff([*range(0, m, size), m]) / m
        runner = Runner(self._native, network, steps, size, {"name": "gradient"})
        gradient = np.empty_like(network.flat)

        def measure() -> tuple[float, Array, Array]:
            nonlocal steps, imprint, runner
            known = steps if imprint.holds() else None
            if known is None or known.own:
                now = steps_of(network, cost, steps.takes, kernels, known=known, **how)
                if now is not steps:
                    steps, imprint = now, Imprint(network, own=False)
                    runner = Runner(self._native, network, now, size, {"name": "gradient"})
            gradient.fill(0)
            runner.load(1, gradient)
            output = np.empty((m, *steps.shape), steps.dtype) if outputs else None
            costs, *_ = runner.run(examples, slice(0, m), size, shares, 0, output)
            runner.unload(1, gradient)
            return float(np.dot(shares[: len(costs)], costs)), gradient, output

        return Slope(self.name, "", measure)

    def evaluate(self, network: Any, cost: Any, batches: Iterable[Batch]) -> tuple[float, Array]:
        total, m, outputs = 0.0, 0, []
        for X, Y, weights in batches:
            costs, output = self._look(network, cost, X.shape[1:])(X, Y, weights)
            total, m = total + float(np.sum(costs)), m + len(X)
            outputs.append(output)
        return total / m, np.concatenate(outputs)

    def predict(self, network: Any, X: Array) -> NDArray[Any]:
        look = self._look(network, None, X.shape[1:])
        found = look.at_few(X)
        return look.at_many(X) if found is None else found

    def _look(self, network: Any, cost: Any, shape: tuple[int, ...]) -> Looking:
        """The steps that change nothing: made once for a network and a cost, and again when they are no longer true."""
        kept: dict[bool, Looking] = network.compiled.setdefault(self, {})
        found = kept.get(cost is None)
        if found is None or not found.holds(cost, shape):
            found = kept[cost is None] = Looking(self._native, network, cost, shape)
            self._known.add(network)
        if found.refusal:
            raise NoKernelError(found.refusal)
        return found

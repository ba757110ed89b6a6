"""The native engine: C++ kernels, the batch split over the cores, whole epochs in one call."""

from __future__ import annotations

import math
import os
import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import fields
from importlib import import_module
from threading import Lock
from typing import Any
from weakref import WeakKeyDictionary, ref

import numpy as np
from numpy.typing import NDArray

from chainrule.engines.engine import CHUNK, Batch, Batches, Done, Slope
from chainrule.engines.steps import NoKernelError, Steps, steps_of
from chainrule.errors import OptionError
from chainrule.graph import Array
from chainrule.optimizers import Adagrad, Adam, AdamW, GradientDescent, Optimizer, RMSProp

SETS = ("avx512", "avx2", "baseline")
"""The instruction sets that there are kernels for, the fastest first."""

CALL = 0.1
"""About how many seconds of work are done between two looks at the keyboard and the progress bar."""

EXAMPLES, WORK = 4, 400_000
"""Another thread is worth its while with so many examples, and multiplications forward, in its part of a batch."""

_RULES = {GradientDescent: "gradient_descent", Adagrad: "adagrad", RMSProp: "rmsprop", Adam: "adam", AdamW: "adam"}
_TYPES = {"float32": "f", "float64": "d", "uint8": "b", "int32": "i", "int64": "l"}


def threads() -> int:
    """How many threads may compute: CHAINRULE_NUM_THREADS, OMP_NUM_THREADS, or the cores that this process may use."""
    for name in ("CHAINRULE_NUM_THREADS", "OMP_NUM_THREADS"):  # joblib sets the second in each of its processes
        asked = os.environ.get(name, "")
        if asked.isdigit() and int(asked) > 0:
            return int(asked)
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def members(size: int, steps: Steps) -> int:
    """How many threads batches of this size are worth."""
    return max(1, min(threads(), size // EXAMPLES, size * steps.work // WORK))


def kernels() -> Any:
    """The module of kernels for this machine, or None where they were not built.

    CHAINRULE_INSTRUCTIONS holds it to an instruction set that is not the best one, such as "avx2".
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
    """The native engine on this machine, in words."""
    module = kernels()
    if module is None:
        return "not built: there was no C++20 compiler when chainrule was installed"
    return f"{module.__name__.rpartition('._')[2]} instructions, {threads()} threads"


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
        self._runner: Runner | None = None
        self._given: tuple[Any, Examples] | None = None
        self._some = 1  # batches in the next call

    @property
    def slots(self) -> dict[str, Array]:
        """The optimizer's vectors, by name, in the order of the network's."""
        if self._runner is not None:
            for k, name in enumerate(self._slots, 1):
                self._runner.runner.unload(k, self._slots[name])
        return self._slots

    @slots.setter
    def slots(self, slots: dict[str, Array]) -> None:
        self._slots = {name: np.array(slots[name]) for name in self.optimizer.slots}
        self._runner = None

    def epoch(
        self, batches: Batches, epoch: int, learning_rate: Callable[[int], float], start: int = 0
    ) -> Iterator[Done]:
        """See `Program.epoch`; yields about ten times a second, at least once a batch."""
        if hasattr(batches, "order"):
            yield from self._of_arrays(batches, epoch, learning_rate, start)
            return
        for k, (X, Y, weights) in enumerate(batches.epoch(epoch, start), start):
            done = self._run(self._prepared(X, Y, weights), None, len(X), [learning_rate(k)])
            yield done
            if done.X is not None:
                return

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
            examples, chosen = self._examples(batches, order, rows)
            done = self._run(examples, chosen, size, alphas, l2)
            seconds = (time.perf_counter() - began) / some
            self._some = max(1, min(2 * self._some, int(CALL / seconds)))
            yield done
            if done.X is not None:
                return
            k += some

    def _examples(self, batches: Any, order: Any, rows: slice) -> tuple[Examples, Any]:
        """The data of these rows and the order to meet them in: all of it as it lies, unless it must be cast first."""
        if batches.cast is not None:
            chosen = rows if order is None else order[rows]
            weights = None if batches.weights is None else batches.weights[chosen]
            return self._prepared(batches.cast(batches.X[chosen]), batches.Y[chosen], weights), None
        if self._given is None or self._given[0] is not batches:
            self._given = batches, self._prepared(batches.X, batches.Y, batches.weights)
        return self._given[1], np.arange(rows.start, rows.stop) if order is None else order[rows]

    def _steps_for(self, shape: tuple[int, ...]) -> Steps:
        return steps_of(self.network, self._cost, shape, training=True, seed=self._seed, outputs=self.outputs)

    def _prepared(self, X: Array, Y: Array, weights: Array | None) -> Examples:
        """The data as the kernels read them; the steps are made anew for examples of another shape, as of sequences."""
        if X.shape[1:] != self._steps.takes:
            slots, self._steps = self.slots, self._steps_for(X.shape[1:])
            self._slots, self._runner = slots, None
        return Examples(self.network, self._cost, X, Y, weights, self._steps)

    def _run(self, examples: Examples, order: Any, size: int, alphas: list[float], l2: Any = None) -> Done:
        m = len(examples.X) if order is None else len(order)
        runner = self._ready(size)
        outputs = np.empty((m, *self._steps.shape), self.network.dtype) if self.outputs else None
        rates, lambdas = np.array(alphas, np.float64), None if l2 is None else np.array(l2, np.float64)
        costs, penalties, finite = runner.run(examples, order, m, size, rates, self.t, outputs, lambdas)
        self.t += len(costs) - (not finite)
        Y = examples.Y if order is None else examples.Y[order]
        if not finite:
            bad = slice((len(costs) - 1) * size, len(costs) * size)
            X = examples.X[bad] if order is None else examples.X[order[bad]]
            return Done(costs[-1], len(X), None, Y[bad], X, batches=len(costs))
        sizes = np.full(len(costs), size)
        sizes[-1] = m - size * (len(costs) - 1)
        cost, penalty = (float(np.dot(numbers, sizes) / m) for numbers in (costs, penalties))
        weights = examples.weights if order is None or examples.weights is None else examples.weights[order]
        return Done(cost, m, outputs, Y, batches=len(costs), penalty=penalty, weights=weights)

    def _ready(self, size: int) -> Runner:
        # Another size means other threads and so other roundings: who resumes here must have the same.
        if self._runner is None or self._runner.size != size or self._runner.pid != os.getpid():
            slots = self.slots
            self._runner = Runner(self._native, self.network, self._steps, size, self._rule())
            for k, vector in enumerate(slots.values(), 1):
                self._runner.runner.load(k, vector)
        return self._runner

    def _rule(self) -> dict[str, Any]:
        told = {field.name: getattr(self.optimizer, field.name) for field in fields(self.optimizer)}
        numbers = {name: float(value) for name, value in told.items() if type(value) in (int, float)}
        choices = {name: bool(value) for name, value in told.items() if isinstance(value, bool | np.bool_)}
        return {"name": _RULES[type(self.optimizer)]} | choices | numbers


class Examples:
    """X, Y and weights as the kernels read them.

    Raises:
        DataError: X holds indices that the network's table has no rows for, or Y labels out of range.
        ShapeError: Y or the weights do not fit the outputs.
    """

    def __init__(self, network: Any, cost: Any, X: Array, Y: Array | None, weights: Array | None, steps: Steps):
        if Y is not None:
            cost.check(steps.shape, np.asarray(Y), weights)
        if steps.tokens is not None:
            _check_indices(network, X, *steps.tokens)
        self.X, self.Y, self.weights = X, np.asarray(Y), weights
        X = np.ascontiguousarray(X)
        X = X.view(np.uint8) if X.dtype == bool else X if str(X.dtype) in _TYPES else X.astype(np.float64)
        dtype = steps.dtype
        flat = None if Y is None else self.Y.reshape(len(X), -1)
        labels = steps.labels and Y is not None and self.Y.size == len(X) * math.prod(steps.shape[:-1])
        self.told = {
            "X": X,
            "type": _TYPES[str(X.dtype)],
            "features": X.size // max(len(X), 1),
            "Y": None if labels or flat is None else np.ascontiguousarray(flat, dtype=dtype),
            "labels": np.ascontiguousarray(flat, dtype=np.int64) if labels else None,
            "weights": None if weights is None else np.ascontiguousarray(weights, dtype=dtype),
            "weights_of_each": 1 if weights is None else weights.size // len(weights),
        }


class Runner:
    """Steps in buffers of their own, for batches up to a size."""

    def __init__(self, native: Any, network: Any, steps: Steps, size: int, rule: dict[str, Any]):
        self.steps, self.size, self.pid = steps, size, os.getpid()
        self._network = ref(network)
        kind = native.Program32 if network.dtype == "float32" else native.Program64
        self.runner = kind(
            [value.told() for value in steps.values],
            [step.told() for step in steps.steps],
            rule,
            size,
            members(size, steps),
        )

    def run(
        self, examples: Examples, order: Any, m: int, size: int, alphas: Any, t: int, outputs: Any, l2: Any = None
    ) -> tuple[list[float], list[float], bool]:
        """The cost of each batch, what of it is the penalty, and whether the last one was finite.

        With alphas the network is changed; l2 is the λ of each batch, or None for the optimizer's.
        """
        network = self._network()
        assert network is not None
        for step, layer in self.steps.statistics:
            for name in ("mean", "variance"):
                step.options[name][...] = layer().statistics[name]
        self.runner.load(0, network.flat)
        order = None if order is None else np.ascontiguousarray(order, dtype=np.int64)
        told = examples.told | {"order": order}
        costs, penalties, finite = self.runner.run(told, m, size, alphas, l2, t, self.steps.output, outputs)
        if alphas is not None:
            self.runner.unload(0, network.flat)
            for step, layer in self.steps.statistics:
                for name in ("mean", "variance"):
                    layer().statistics[name][...] = step.options[name]
        return costs, penalties, finite


class NativeEngine:
    """See `chainrule.engines.engine.Engine`."""

    name = "native"

    def __init__(self, native: Any):
        self._native = native
        self._forget()
        if hasattr(os, "register_at_fork"):  # the child has neither the threads nor a say over the locks
            os.register_at_fork(after_in_child=self._forget)

    def _forget(self) -> None:
        self._looking: WeakKeyDictionary[Any, dict[Any, Looking]] = WeakKeyDictionary()

    def program(self, network: Any, cost: Any, optimizer: Optimizer, seed: int, outputs: bool = True) -> NativeProgram:
        return NativeProgram(self._native, network, cost, optimizer, seed, outputs)

    def slope(self, network: Any, cost: Any, batch: Batch, seed: int, outputs: bool = True) -> Slope:
        steps = steps_of(network, cost, network.input_shape, training=True, seed=seed, outputs=outputs)
        if steps.statistics:
            raise NoKernelError("moving averages that stand still while L-BFGS looks around")
        X, Y, weights = batch
        examples, m = Examples(network, cost, X, Y, weights, steps), len(X)
        size = min(CHUNK, m)
        shares = np.diff([*range(0, m, size), m]) / m
        runner = Runner(self._native, network, steps, size, {"name": "gradient"})
        gradient = np.empty_like(network.flat)

        def measure() -> tuple[float, Array, Array]:
            gradient.fill(0)
            runner.runner.load(1, gradient)
            output = np.empty((m, *steps.shape), steps.dtype) if outputs else None
            costs, _, _ = runner.run(examples, None, m, size, shares, 0, output)
            runner.runner.unload(1, gradient)
            return float(np.dot(shares[: len(costs)], costs)), gradient, output

        return Slope(self.name, "", measure)

    def check(self, network: Any, cost: Any) -> None:
        """Raises NoKernelError where there are no kernels for a network and a cost, or none."""
        self._look(network, cost, network.input_shape)

    def evaluate(self, network: Any, cost: Any, batches: Iterable[Batch]) -> tuple[float, Array]:
        total, m, outputs = 0.0, 0, []
        for X, Y, weights in batches:
            costs, output = self._look(network, cost, X.shape[1:])(X, Y, weights)
            total, m = total + float(np.sum(costs)), m + len(X)
            outputs.append(output)
        return total / m, np.concatenate(outputs)

    def predict(self, network: Any, X: Array) -> NDArray[Any]:
        look = self._look(network, None, X.shape[1:])
        outputs = [look(network.cast(X[i : i + CHUNK], i), None, None)[1] for i in range(0, len(X), CHUNK)]
        return outputs[0] if len(outputs) == 1 else np.concatenate(outputs)

    def _look(self, network: Any, cost: Any, shape: tuple[int, ...]) -> Looking:
        """The steps that change nothing: made once for a network, as long as its constants stay the same."""
        kept = self._looking.setdefault(network, {})
        key = (cost and cost.settings, shape, repr(network), network.flat.size, _constants(network))
        found = kept.get(key)
        if found is None:
            found = Looking(self._native, network, cost, shape)
            for other in [other for other in list(kept) if other[0] == key[0]]:
                kept.pop(other, None)
            kept[key] = found
        return found


class Looking:
    """The way forward alone, for evaluation and prediction."""

    def __init__(self, native: Any, network: Any, cost: Any, shape: tuple[int, ...]):
        self._network = ref(network)
        self._native, self._cost = native, cost
        self._lock = Lock()  # the buffers are for one at a time
        self._steps = steps_of(network, cost, shape, training=False)
        self._runners: dict[int, Runner] = {}  # by threads: nobody is woken up for a few examples

    def __call__(self, X: Array, Y: Array | None, weights: Array | None) -> tuple[NDArray[Any], NDArray[Any]]:
        """The cost of each chunk times its number of examples, and the outputs."""
        network, m = self._network(), len(X)
        size = min(CHUNK, m)
        examples = Examples(network, self._cost, X, Y, weights, self._steps)
        output = np.empty((m, *self._steps.shape), self._steps.dtype)
        with self._lock:
            team = members(size, self._steps)
            runner = self._runners.get(team)
            if runner is None or runner.size < size or runner.pid != os.getpid():
                runner = self._runners[team] = Runner(self._native, network, self._steps, size, {"name": ""})
            costs, _, _ = runner.run(examples, None, m, size, None, 0, output)
        return np.array(costs) * np.minimum(size, m - size * np.arange(len(costs))), output


def _check_indices(network: Any, X: Array, first: int, rows: int) -> None:
    """Let the network itself say what is wrong with indices that are no whole numbers or out of range."""
    if X.dtype.kind not in "iu":
        network.output(X[:1])
    keys = X.reshape(len(X), -1)[:, first:]
    wrong = (keys < 0) | (rows <= keys) | (keys % 1 != 0)
    if wrong.any():
        network.output(X[wrong.any(axis=1)][:1])


def _constants(network: Any) -> bytes:
    """The numbers that become part of the steps: means and deviations that were learned once."""
    held = [layer.statistics for _, layer in network.family() if "deviation" in layer.statistics]
    return b"".join(statistics[name].tobytes() for statistics in held for name in ("mean", "deviation"))

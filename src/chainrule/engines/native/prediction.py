"""The way forward alone, for evaluation and prediction: compiled once, as long as the network stays what it is."""

from __future__ import annotations

from contextlib import nullcontext
from threading import Lock
from typing import NamedTuple
from weakref import ref

import numpy as np
from numpy.typing import NDArray

from chainrule.engines.bfloat16 import rounding
from chainrule.engines.blas import blas_held
from chainrule.engines.contract import BLOCK, CHUNK, CostLike, Form, NetworkLike, Numbers
from chainrule.engines.fingerprint import Fingerprint
from chainrule.engines.native.compile import Compiler
from chainrule.engines.native.executor import Arithmetic, Examples, Executor, members
from chainrule.engines.native.plan import NoKernelError
from chainrule.engines.numpy import recorded
from chainrule.engines.tracing import form_of

FEW_OF_OWN = 256
"""Where users wrote layers, NumPy answers so many examples: it takes longer to see whether these are still the same."""

SHORT = 5_000_000
"""More multiplications than these, about half a millisecond, are not done while the GIL is held."""

KEPT = 4
"""So many sizes of a call are remembered; each has a copy of the parameters."""


class Measured(NamedTuple):
    """What a call came to.

    Attributes:
        costs: of each chunk, times its number of examples. outputs: of all examples.
        numbers: whether X held numbers alone, as far as the kernels looked.
    """

    costs: NDArray[np.float64]
    outputs: Numbers
    numbers: bool


class Prediction:
    """The way forward alone, and the cost where there is one.

    Attributes:
        refusal: what there is no kernel for, or nothing.
    """

    def __init__(self, by: Arithmetic, network: NetworkLike, cost: CostLike | None, X: Numbers):
        self._network = ref(network)
        self._by, self._cost, self._given = by, cost, Form(X.shape[1:], X.dtype)
        self._cast = form_of(network, *self._given)
        self._compiler = Compiler(cost, by.names, training=False, rounds=bool(by.unit))
        self._lock = Lock()  # the buffers are for one at a time
        self.refusal = ""
        self._executors: dict[tuple[int, int], Executor] = {}  # by size and threads: few examples wake nobody up
        self._of_few: Executor | None = None
        try:
            self._compiled = self._compiler.compiled(network, self._cast, sizes=_sizes_of(len(X)))
        except NoKernelError as error:
            self.refusal = error.reason
        self._fingerprint = Fingerprint(network, () if self.refusal else self._compiled.plan.constants)
        if not self.refusal:
            self._of_few = self._made_for_few()

    def holds(self, cost: CostLike | None, X: Numbers) -> bool:
        """Whether this is still the plan for examples of the form of X, and for a cost, or none."""
        typed = bool(self.refusal) or self._compiled.plan.own
        same = X.shape[1:] == self._given.shape and not (typed and X.dtype != self._given.dtype)
        return same and _alike(self._cost, cost) and self._fingerprint.holds()

    def at_few(self, X: Numbers) -> Numbers | None:
        """The outputs for a few examples, on the short way, on which no W is copied.

        None where that is not for X, or X must be refused. Those for own code come from the reference engine.
        """
        plan = self._compiled.plan
        if plan.own and len(X) <= FEW_OF_OWN:
            with blas_held(), rounding() if self._by.unit else nullcontext():
                network = self._owner()
                return recorded(network, network.cast(X))
        if self._of_few is None or len(X) > self._by.kernels.FEW or len(X) * plan.work > SHORT:
            return None
        output = np.empty((len(X), *plan.output_shape), plan.dtype)
        return output if self._of_few.few(X, self._owner().flat, output) else None

    def at_many(self, X: Numbers) -> Numbers:
        """The outputs for any number of examples, which need not have the network's type.

        Raises:
            ShapeError, DataError: X is nothing that the network takes.
        """
        outputs = [self._at_block(X[i : i + BLOCK], i) for i in range(0, len(X), BLOCK)]
        return outputs[0] if len(outputs) == 1 else np.concatenate(outputs)

    def __call__(self, X: Numbers, Y: Numbers | None, weights: Numbers | None) -> Measured:
        """The cost of each chunk times its number of examples, and the outputs."""
        return self._run(X, Y, weights)

    def _owner(self) -> NetworkLike:
        network = self._network()
        assert network is not None
        return network

    def _at_block(self, X: Numbers, first: int) -> Numbers:
        """The outputs for some of X, from example `first` on; where they can, the kernels look at its numbers."""
        if X.dtype.kind in "fiub" and self._compiled.plan.limits is None:
            found = self._run(X, None, None, looked_at=False)
            if found.numbers:
                return found.outputs
        return self._run(self._owner().cast(X, first), None, None).outputs

    def _run(self, X: Numbers, Y: Numbers | None, weights: Numbers | None, looked_at: bool = True) -> Measured:
        network, m = self._owner(), len(X)
        size = min(CHUNK, 1 << (m - 1).bit_length())  # it decides how numbers are rounded, which m alone is to tell
        with self._lock:
            self._renew(network, Y, m)
            plan = self._compiled.plan
            examples = Examples(network, self._cost, X, Y, weights, plan, looked_at)
            output = np.empty((m, *plan.output_shape), plan.dtype)
            executor = self._executor(network, size)
            ran = executor.run(examples, slice(0, m), size, None, 0, output)
        of_each = np.minimum(size, m - size * np.arange(len(ran.costs)))
        return Measured(np.array(ran.costs) * of_each, output, ran.numbers)

    def _executor(self, network: NetworkLike, size: int) -> Executor:
        plan = self._compiled.plan
        key = size, members(size, plan)
        if key not in self._executors:
            if len(self._executors) == KEPT:
                self._executors.clear()
            self._executors[key] = Executor(self._by, network, plan, size, {"name": ""})
        return self._executors[key]

    def _renew(self, network: NetworkLike, Y: Numbers | None, m: int) -> None:
        """Take over what users have changed in what they wrote since the last call."""
        known = self._compiled
        if known.plan.own:
            target = None if Y is None or self._cost is None else self._cost.target_of(Y, known.plan.output_shape)
            same = known if target in (None, known.plan.target) else None
            self._compiled = self._compiler.compiled(network, self._cast, target, _sizes_of(m), same)
            if self._compiled.plan is not known.plan:
                self._executors = {}

    def _made_for_few(self) -> Executor | None:
        plan = self._compiled.plan
        if self._cost is not None or plan.own or plan.limits is not None or self._by.unit:
            return None
        return Executor(self._by, self._owner(), plan, self._by.kernels.FEW, {"name": ""}, team=1)


def _sizes_of(m: int) -> tuple[int, ...]:
    """How many examples of m the reference engine takes at a time."""
    whole = (CHUNK,) if m >= CHUNK else ()
    return (*whole, m % CHUNK) if m % CHUNK else whole


def _alike(a: CostLike | None, b: CostLike | None) -> bool:
    """Whether two costs, or none, measure the same."""
    if a is None or b is None:
        return a is b
    return a.loss is b.loss if a.own or b.own else a.settings == b.settings

"""The way forward alone, for evaluation and prediction: compiled once, as long as the network stays what it is."""

from __future__ import annotations

from threading import Lock
from typing import Any
from weakref import ref

import numpy as np
from numpy.typing import NDArray

from chainrule.engines.engine import CHUNK
from chainrule.engines.runner import Examples, Runner, members
from chainrule.engines.steps import NoKernelError, Steps
from chainrule.engines.threads import blas_held
from chainrule.engines.tracing import steps_of
from chainrule.graph import Array

FEW_OF_OWN = 256
"""Where users wrote layers, NumPy answers so many examples: it takes longer to see whether these are still the same."""

SHORT = 5_000_000
"""More multiplications than these, about half a millisecond, are not done while the GIL is held."""

KEPT = 4
"""So many sizes of a call are remembered; each has a copy of the parameters."""

BLOCK = 8 * CHUNK
"""So many examples are brought to the network's type at a time."""


class Looking:
    """The way forward alone, for evaluation and prediction.

    Attributes:
        refusal: what there is no kernel for, or nothing.
    """

    def __init__(self, native: Any, network: Any, cost: Any, shape: tuple[int, ...]):
        self._network = ref(network)
        self._native, self._cost = native, cost
        self._lock = Lock()  # the buffers are for one at a time
        self._shape = shape
        self.refusal = ""
        try:
            self._steps = self._traced()
        except NoKernelError as error:
            self.refusal = error.reason
        self._imprint = Imprint(network, own=not self.refusal)
        self._runners: dict[tuple[int, int], Runner] = {}  # by size and threads: nobody is woken up for a few examples
        self._of_few = None if self.refusal else self._made_for_few()

    def holds(self, cost: Any, shape: tuple[int, ...]) -> bool:
        """Whether these are still the steps for examples of this shape, and for a cost, or none."""
        return self._shape == shape and _alike(self._cost, cost) and self._imprint.holds()

    def at_few(self, X: Array) -> NDArray[Any] | None:
        """The outputs for a few examples, on the short way, on which no W is copied.

        None where that is not for X, or X must be refused.
        """
        network = self._network()
        assert network is not None
        if self._steps.own and len(X) <= FEW_OF_OWN:
            with blas_held():
                return np.asarray(network.output(network.cast(X)))
        if self._of_few is None or len(X) > self._native.FEW or len(X) * self._steps.work > SHORT:
            return None
        output = np.empty((len(X), *self._steps.shape), self._steps.dtype)
        return output if self._of_few.few(X, network.flat, output) else None

    def at_many(self, X: Array) -> NDArray[Any]:
        """The outputs for any number of examples, which need not have the network's type.

        Raises:
            ShapeError, DataError: X is nothing that the network takes.
        """
        outputs = [self._at_block(X[i : i + BLOCK], i) for i in range(0, len(X), BLOCK)]
        return outputs[0] if len(outputs) == 1 else np.concatenate(outputs)

    def __call__(self, X: Array, Y: Array | None, weights: Array | None) -> tuple[NDArray[Any], NDArray[Any]]:
        """The cost of each chunk times its number of examples, and the outputs."""
        return self._run(X, Y, weights)[:2]

    def _at_block(self, X: Array, first: int) -> NDArray[Any]:
        """The outputs for some of X, from example `first` on; where they can, the kernels look at its numbers."""
        network = self._network()
        assert network is not None
        if X.dtype.kind in "fiub" and self._steps.limits is None:
            _, output, numbers = self._run(X, None, None, looked_at=False)
            if numbers:
                return output
        return self(network.cast(X, first), None, None)[1]

    def _run(
        self, X: Array, Y: Array | None, weights: Array | None, looked_at: bool = True
    ) -> tuple[NDArray[Any], NDArray[Any], bool]:
        """What `__call__` says, and whether X held numbers alone."""
        network, m = self._network(), len(X)
        size = min(CHUNK, 1 << (m - 1).bit_length())  # it decides how numbers are rounded, which m alone is to tell
        with self._lock:
            self.renew(self._steps.target if Y is None else self._cost.target_of(Y, self._steps.shape))
            examples = Examples(network, self._cost, X, Y, weights, self._steps, looked_at)
            output = np.empty((m, *self._steps.shape), self._steps.dtype)
            team = members(size, self._steps)
            runner = self._runners.get((size, team))
            if runner is None:
                if len(self._runners) == KEPT:
                    self._runners.clear()
                runner = self._runners[size, team] = Runner(self._native, network, self._steps, size, {"name": ""})
            costs, _, _, numbers = runner.run(examples, slice(0, m), size, None, 0, output)
        return np.array(costs) * np.minimum(size, m - size * np.arange(len(costs))), output, numbers

    def renew(self, target: Any = None) -> None:
        """Take over what users have changed in what they wrote since the last call."""
        if self._steps.own:
            steps = self._traced(target, self._steps if target in (None, self._steps.target) else None)
            if steps is not self._steps:
                self._steps, self._runners = steps, {}

    def _made_for_few(self) -> Runner | None:
        if self._cost is not None or self._steps.own or self._steps.limits is not None:
            return None
        return Runner(self._native, self._network(), self._steps, self._native.FEW, {"name": ""}, team=1)

    def _traced(self, target: Any = None, known: Steps | None = None) -> Steps:
        kernels = frozenset(self._native.kernels())
        how = {"training": False, "target": target, "known": known}
        return steps_of(self._network(), self._cost, self._shape, kernels, **how)


class Imprint:
    """What of a network is in its steps: its layers' attributes, and the numbers that became constants.

    Args:
        own: whether the layers that users wrote count too; whatever they remember, it makes no kernel for them.
    """

    def __init__(self, network: Any, own: bool):
        layers = [layer for _, layer in network.family() if own or type(layer).__module__.startswith("chainrule.")]
        self._held = [vars(layer) for layer in layers]
        self._as_it_was = [{name: _copied(value) for name, value in held.items()} for held in self._held]
        self._statistics = [layer.statistics for layer in layers]
        self._numbers = self._constants()

    def holds(self) -> bool:
        """Whether nothing has changed since."""
        try:
            return self._held == self._as_it_was and self._numbers == self._constants()
        except Exception:  # there is another array now, or something else that cannot be compared
            return False

    def _constants(self) -> list[bytes]:
        learned = [held for held in self._statistics if "deviation" in held]
        return [numbers.tobytes() for held in learned for numbers in held.values()]


def _copied(value: Any) -> Any:
    return list(value) if isinstance(value, list) else value


def _alike(a: Any, b: Any) -> bool:
    """Whether two costs, or none, measure the same."""
    if a is None or b is None:
        return a is b
    return a.loss is b.loss if a.own or b.own else bool(a.settings == b.settings)

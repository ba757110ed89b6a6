"""Training: many updates in one call of a compiled loop, whose bounds are numbers, so that it is compiled once."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax

from chainrule import distributed
from chainrule.engines.calls import Calls, while_finite
from chainrule.engines.contract import Arrays, Batch, Batches, CostLike, Done, NetworkLike
from chainrule.engines.jax.devices import Devices
from chainrule.engines.jax.functions import AsCompiled, Functions, compiling, refuse_impure
from chainrule.engines.jax.statistics import Tensors, keep, statistics_of
from chainrule.graph import Array
from chainrule.hyperparameters import Hyperparameters, OfBatches
from chainrule.optimizers import Optimizer
from chainrule.schedules import Schedule


class State(NamedTuple):
    """What updates change.

    Attributes:
        theta: θ. slots: of the optimizer. statistics: of the layers. updates: how many there have been.
    """

    theta: Array
    slots: dict[str, Array]
    statistics: Tensors
    updates: Array


class Data(NamedTuple):
    """Examples, and what is known of each batch of them.

    Attributes:
        X, Y, weights: of m examples. order: (m,), in which they are met; None of a single batch, which is met as it
            stands. given: what holds for each batch.
    """

    X: Array
    Y: Array
    weights: Array | None
    order: Array | None
    given: Hyperparameters[Array]

    @property
    def examples(self) -> tuple[Array, Array, Array | None]:
        """X, Y and the weights."""
        return self.X, self.Y, self.weights


class Seen(NamedTuple):
    """What is told of the batches: J, of it the penalty, and the outputs (m, …) in the order in which they were met."""

    costs: Array
    penalties: Array
    outputs: Array | None


class Epoch(NamedTuple):
    """The examples of an epoch, or of one batch of a stream: here, and where JAX computes.

    Attributes:
        here: as they lie in memory. data: where JAX computes. seen: what has been told so far.
    """

    here: Data
    data: Data
    seen: Seen


class JaxProgram:
    """See `chainrule.engines.contract.Program`."""

    engine = "jax"

    def __init__(
        self, network: NetworkLike, cost: CostLike, optimizer: Optimizer, seed: int, outputs: bool, devices: Devices
    ):
        self.network, self.cost, self.optimizer, self.reason = network, cost, optimizer, ""
        self.updates, self.outputs = 0, outputs
        self.slots: dict[str, Array] = {name: np.zeros_like(network.flat) for name in optimizer.slots}
        self._functions = Functions(network, cost, seed, devices.lowered)
        self._regularized = network.regularized
        self._rates = optimizer.rates_in_order(network.parameters, network.dtype)
        self.device, self._devices = devices.label, devices
        self.precision = network.dtype
        self._compiles()
        self._decays = isinstance(optimizer.weight_decay, Schedule) or optimizer.weight_decay > 0
        self._calls = Calls()
        self._kept: tuple[Array, Array] | None = None

    def _compiles(self) -> None:
        """Let JAX compile the network as it is now, which a callback may have changed."""
        self._compiled = AsCompiled(self.network, self.cost)
        self._output_shapes: dict[Any, tuple[int, ...]] = {}

        def loop(*given: Any, size: int, stride: int) -> Any:  # another function each time, or JAX would know it
            return self._updates(*given, size=size, stride=stride)

        self._loop = jax.jit(loop, static_argnames=("size", "stride"), out_shardings=self._devices.results)

    def epoch(self, batches: Batches, epoch: int, given: OfBatches, start: int = 0) -> Iterator[Done]:
        """See `Program.epoch`; yields about ten times a second, at least once a batch."""
        if start == 0:
            self.network.forget()
        if not self._compiled.holds():
            self._compiles()
        data = batches.arrays
        if data is not None and data.cast is None:
            yield from while_finite(self._of_arrays(data, epoch, given, start))
        else:
            stream = batches.epoch(epoch, start)
            stream = distributed.in_step(stream, start) if self._devices.shared else stream
            yield from while_finite(self._alone(batch, given(k, k + 1)) for k, batch in enumerate(stream, start))

    def _alone(self, batch: Batch, given: Hyperparameters[list[float]]) -> Done:
        """A batch of a stream."""
        X, Y, weights = batch
        alone = self._epoch(Data(X, np.asarray(Y), weights, None, given.as_arrays(self.network.dtype)))
        return self._run(alone, 0, 1, len(X), len(X))[0]

    def _of_arrays(self, data: Arrays, epoch: int, given: OfBatches, start: int) -> Iterator[Done]:
        count, size = len(data), data.batch_size
        order = data.order(epoch) if data.shuffle else np.arange(data.m)
        of_batches = given(0, count).as_arrays(self.network.dtype)
        whole = self._epoch(Data(data.X, np.asarray(data.Y), data.weights, order, of_batches))
        full = data.m // size

        def run(first: int, last: int) -> Done:
            nonlocal whole
            done, whole = self._run(whole, first, last, size if first < full else data.m % size, size)
            return done

        def until(first: int) -> int:  # those that are full and the last one are compiled apart
            some = distributed.told(lambda: self._calls.batches) if self._devices.shared else self._calls.batches
            return min(first + some, full) if first < full else count

        return self._calls.over(start, count, run, until)

    def _epoch(self, here: Data) -> Epoch:
        """The data, checked as NumPy's operations would; own code is looked at once for each form of them."""
        X, Y, weights = here.examples
        form = X.shape[1:], X.dtype, Y.shape[1:], weights is None
        if form not in self._output_shapes:
            few = (None if A is None else A[:2] for A in (X, Y, weights))
            refuse_impure(self._functions, "slope", *few, m=2)
            theta, statistics = self.network.flat, statistics_of(self.network)
            with compiling():
                found = jax.eval_shape(self._functions.output, theta, statistics, X[:1])
            self._output_shapes[form] = tuple(found.shape[1:])
        self.cost.check(self._output_shapes[form], Y, weights)
        return self._placed(here, self._output_shapes[form])

    def _placed(self, here: Data, output_shape: tuple[int, ...]) -> Epoch:
        """The data where JAX computes: all of them on every device, or of a single batch each example on its own."""
        devices, dtype, count = self._devices, self.network.dtype, len(here.given.learning_rate)
        with compiling():
            if here.order is None:
                X, Y, weights = (None if A is None else devices.parts(A) for A in here.examples)
            else:
                X, (Y, weights) = self._placed_once(here.X), devices.whole((here.Y, here.weights))
            data = Data(X, Y, weights, *devices.whole((here.order, here.given)))
            outputs = np.zeros((len(here.X), *output_shape), dtype) if self.outputs else None
            return Epoch(here, data, devices.whole(Seen(np.zeros(count), np.zeros(count), outputs)))

    def _placed_once(self, X: Array) -> Array:
        """X where JAX computes, where it stays from epoch to epoch."""
        if self._kept is None or self._kept[0] is not X:
            self._kept = None  # before others take its place
            self._kept = X, self._devices.whole(X)
        return self._kept[1]

    def _run(self, whole: Epoch, first: int, last: int, size: int, stride: int) -> tuple[Done, Epoch]:
        """Batches `first` to `last` of `size` examples each; batch k begins with example k · stride of the order."""
        network, here = self.network, whole.here
        with compiling():
            state = State(network.flat, self.slots, statistics_of(network, size), np.int64(self.updates))
            state, seen, reached = self._loop(
                self._devices.whole(state), whole.data, whole.seen, first, last, size=size, stride=stride
            )
            state = jax.tree.map(np.array, state)
            batches, rows = slice(first, int(reached)), slice(first * stride, (int(reached) - 1) * stride + size)
            costs, penalties = (np.asarray(A)[batches].tolist() for A in (seen.costs, seen.penalties))
            output = None if seen.outputs is None else np.asarray(seen.outputs[rows])
        self.slots, self.updates = state.slots, int(state.updates)
        with network.turn:
            network.flat[...] = state.theta
            keep(network, state.statistics)
        which = np.arange(size) if here.order is None else here.order[rows]
        whole, sizes = whole._replace(seen=seen), [size] * len(costs)
        if not np.isfinite(costs[-1]):
            bad = which[-size:]
            return Done(costs, penalties, sizes, None, here.Y[bad], here.X[bad]), whole
        weights = None if here.weights is None else here.weights[which]
        return Done(costs, penalties, sizes, output, here.Y[which], weights=weights), whole

    def _updates(
        self, state: State, data: Data, seen: Seen, first: Any, last: Any, *, size: int, stride: int
    ) -> tuple[State, Seen, Any]:
        """Batch after batch, until one has a cost that is not finite; returns how far it came, too."""

        def goes_on(now: Any) -> Any:
            k, _, _, finite = now
            return (k < last) & finite

        def one(now: Any) -> Any:
            k, state, seen, _ = now
            new, J, penalty, output = self._update(state, data, k, size, stride)
            cost = J.astype(jnp.float64) + penalty
            finite = jnp.isfinite(cost)
            state = jax.tree.map(lambda after, before: jnp.where(finite, after, before), new, state)
            outputs = seen.outputs
            if outputs is not None:
                start = (k * stride, *(0 for _ in output.shape[1:]))
                outputs = lax.dynamic_update_slice(outputs, output.astype(outputs.dtype), start)
            return k + 1, state, Seen(seen.costs.at[k].set(cost), seen.penalties.at[k].set(penalty), outputs), finite

        k, state, seen, _ = lax.while_loop(goes_on, one, (jnp.asarray(first), state, seen, jnp.asarray(True)))
        return state, seen, k

    def _update(self, state: State, data: Data, k: Any, size: int, stride: int) -> tuple[State, Array, Array, Array]:
        """Forward, cost, backward, update: one step of gradient descent on one batch."""
        theta, slots, statistics, updates = state
        X, Y, weights = self._batch(data, k, size, stride)
        given = data.given.of(k) if self._decays else data.given.of(k)._replace(weight_decay=0.0)
        found = self._functions.slope(
            theta, statistics, X, Y, weights, updates, updating=True, drop_rates=given.drop_rates
        )
        change, new = self.optimizer.step(
            theta, found.gradient, self._regularized, given, updates + 1, slots, self._rates
        )
        l2 = self.optimizer.l2 if given.l2 is None else given.l2
        penalty = 0.5 * l2 * (self._regularized * jnp.square(theta.astype(jnp.float64))).sum()
        moved = {name: slot.astype(theta.dtype) for name, slot in new.items()}
        state = State((theta - change).astype(theta.dtype), moved, found.statistics, updates + 1)
        return state, found.J, penalty, found.output

    def _batch(self, data: Data, k: Any, size: int, stride: int) -> list[Any]:
        """X, Y and weights of batch k, of which every device takes its own examples."""
        divided = self._devices.divided
        if data.order is None:
            return [None if A is None else divided(A[:size]) for A in data.examples]
        rows = divided(lax.dynamic_slice(data.order, (k * stride,), (size,)))
        return [None if A is None else divided(jnp.take(A, rows, axis=0)) for A in data.examples]

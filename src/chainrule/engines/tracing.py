"""The steps of any network. Where users wrote parts of it, plain Python may do anything: one record is not believed.

A copy of the network, with other parameters, is recorded with another batch of another size. Where that leads to the
same steps, and leaves the layers as they were, the network is a pure function of its input and its parameters.
"""

from __future__ import annotations

import functools
import pickle
from collections.abc import Iterator
from typing import Any

import numpy as np

from chainrule.engines.steps import NoKernelError, Steps, difference
from chainrule.engines.writer import Writer
from chainrule.graph import Array, Operation


def steps_of(
    network: Any,
    cost: Any,
    shape: tuple[int, ...],
    kernels: frozenset[str],
    *,
    training: bool,
    seed: int = 0,
    outputs: bool = True,
    target: tuple[int, ...] | None = None,
    known: Steps | None = None,
    some: Array | None = None,
) -> Steps:
    """The steps of one pass.

    Args:
        shape: of one example.
        kernels: the names of the kernels that there are.
        training, seed: as `Network.record` takes them.
        outputs: whether anybody wants to see the network's output.
        target: the shape of one example's target, where the loss is the user's own; by default as the cost has met it,
            or that of an output.
        known: the steps that were found before, to be returned if they are still the same.
        some: examples of the data, which a layer of the user's own may meet otherwise than random numbers.

    Raises:
        NoKernelError: a layer, an activation, a loss or an operation that no kernel is for.
        ShapeError: the network does not take examples of this shape.
    """

    def written(network: Any, sample: _Sample, update: int = 0, updating: bool = False) -> Steps:
        writer = Writer(network, cost, kernels, training=training, seed=seed, update=update)
        X = sample.examples(network, shape)
        return writer.write(X, lambda A: sample.targets(cost, A, target), outputs, updating)

    if not shape:
        raise NoKernelError("examples that are single numbers")
    own = dict(_own_layers(network))
    if not own and (cost is None or not cost.own):
        return written(network, _BLANK)
    if cost is not None and cost.own and cost.takes_weights:
        raise NoKernelError(f"the loss {cost.name}, which may take weights")
    first = _FIRST if some is None or len(some) < 2 else _Sample(len(some), 0.5, some)
    try:
        if known is not None:
            steps = written(network, first)
            if difference(known, steps) is None:
                return known
        twin = _twin(network)
        before = _remembered(twin)
        other = written(twin, _SECOND, update=1, updating=training)
        changed = next((path for path, told in _remembered(twin).items() if told != before[path]), None)
        if changed is not None:
            raise NoKernelError(f"{own[changed[0]].label}, which changes its {changed[1]} while it computes")
        steps = written(network, first)
    except NoKernelError:
        raise
    except Exception as error:
        raise NoKernelError(f"your own layers or loss, which fail on random numbers: {error}") from error
    found = difference(steps, other)
    if found is not None:
        raise NoKernelError(f"{found[0].origin}, {found[1]}")
    steps.own = True
    return steps


class _Sample:
    """A batch of m examples: the given ones, random numbers as large as `scale`, or all the same, but no padding."""

    def __init__(self, m: int, scale: float, given: Array | None = None):
        self.m, self.scale, self.given = m, scale, given

    def examples(self, network: Any, shape: tuple[int, ...]) -> Array:
        """X, in the type that the first layer takes: whole numbers, small ones, only if they may be indices.

        What a first layer takes in any type has fractions in float64, in which kernels standardize, so that the numbers
        of two records do not differ by their types.
        """
        paddings = [layer.padding for _, layer in network.family() if hasattr(layer, "found_in")]
        blank = network.cast(np.full((self.m, *shape), 0 in paddings and 1 not in paddings, np.uint8))
        reals = np.dtype(np.float64 if blank.dtype == np.uint8 else blank.dtype)
        if self.given is not None:
            X = np.asarray(network.cast(self.given))
            return X.astype(reals) if X.dtype.kind == "f" else X
        if not self.scale:
            return blank
        mean, deviation = 0.0, 1.0
        for _, layer in network.family():
            if "deviation" in layer.statistics:  # it brings X to the scale that the layers behind it know
                mean, deviation = layer.statistics["mean"], layer.statistics["deviation"]
                break
            if layer.takes_any_type or hasattr(layer, "n_tokens"):
                return self._drawn(blank.shape, blank.dtype, reals=False)
        X = self._drawn(blank.shape, reals, reals=True)
        return (X * deviation + mean).astype(reals) if np.shape(mean) in ((), X.shape[-1:]) else X

    def targets(self, cost: Any, A: Any, target: tuple[int, ...] | None) -> Array:
        """Y, as the loss gets it for an output A."""
        if not cost.own:
            return cost.blank_targets(A)
        target = cost.target if target is None else target
        shape = (self.m, *(A.shape[1:] if target is None else target))
        return self._drawn(shape, A.dtype, reals=cost.task == "values")

    def _drawn(self, shape: tuple[int, ...], dtype: Any, reals: bool) -> Array:
        random = np.random.default_rng(self.m)
        if not reals:
            return random.integers(0, 2, shape).astype(dtype)
        return (random.normal(0, self.scale, shape) * (random.random(shape) < 0.75)).astype(dtype)


_BLANK, _FIRST, _SECOND = _Sample(2, 0), _Sample(3, 0.5), _Sample(5, 10)


def _own_layers(network: Any) -> Iterator[tuple[str, Any]]:
    """The layers, by their paths, that users wrote or gave an activation that they wrote."""
    for path, layer in network.family():
        activation = getattr(layer, "activation", None)
        if isinstance(activation, functools.partial):
            activation = activation.func
        of_the_library = activation is None or isinstance(activation, str | Operation)
        if not (type(layer).__module__.startswith("chainrule.") and of_the_library):
            yield path, layer


def _twin(network: Any) -> Any:
    """A copy of the network with other parameters."""
    twin = network.copy()
    twin.flat += np.random.default_rng(0).normal(0, 0.1, twin.flat.shape).astype(twin.flat.dtype)
    return twin


def _remembered(network: Any) -> dict[tuple[str, str], Any]:
    """What the user's own layers hold, by path and name."""
    return {
        (path, name): _content(value, {id(child) for child in layer.children()})
        for path, layer in _own_layers(network)
        for name, value in [*vars(layer).items(), *layer.statistics.items()]
        if name not in ("root", "statistics")
    }


def _content(value: Any, children: set[int]) -> Any:
    """Bytes that change when the value does; of what has none, such as a function, and of other layers, the object."""
    if isinstance(value, list | tuple):
        return [_content(item, children) for item in value]
    try:
        return id(value) if id(value) in children else pickle.dumps(value)
    except Exception:
        return [id(value), value]  # kept, so that no other object can have its id

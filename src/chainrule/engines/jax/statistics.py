"""Statistics under a trace: arrays that layers may change in place, as they do with NumPy's."""

from __future__ import annotations

import operator
from collections.abc import Callable
from typing import Any

from chainrule.engines.contract import LayerLike, NetworkLike
from chainrule.graph import Array

Tensors = dict[str, dict[str, Array]]
"""Arrays by the path of their layer and by their names."""


class Moving:
    """An array of JAX's that can be written into: it holds what is there now, and stands for it everywhere.

    JAX's own arrays never change, and `mean += …` of one would make a new one that nobody sees.
    """

    __array_priority__ = 100

    def __init__(self, value: Array):
        self.value = value

    def __jax_array__(self) -> Array:
        return self.value

    def __getattr__(self, name: str) -> Any:
        return getattr(self.value, name)

    def __getitem__(self, key: Any) -> Array:
        return self.value[key]

    def __setitem__(self, key: Any, new: Array) -> None:
        self.value = self.value.at[key].set(_plain(new))

    def __len__(self) -> int:
        return len(self.value)

    def __neg__(self) -> Array:
        return -self.value


def _plain(given: Any) -> Any:
    return given.value if isinstance(given, Moving) else given


def _both_ways(function: Callable[[Any, Any], Any]) -> tuple[Callable[..., Array], ...]:
    """An operator of arrays: from the left, from the right, and in place."""

    def left(self: Moving, other: Any) -> Array:
        return function(self.value, _plain(other))

    def right(self: Moving, other: Any) -> Array:
        return function(_plain(other), self.value)

    def in_place(self: Moving, other: Any) -> Moving:
        self[...] = function(self.value, _plain(other))
        return self

    return left, right, in_place


for _name in ("add", "sub", "mul", "truediv", "floordiv", "mod", "pow", "matmul"):
    for _prefix, _method in zip(("", "r", "i"), _both_ways(getattr(operator, _name)), strict=True):
        setattr(Moving, f"__{_prefix}{_name}__", _method)
for _name in ("lt", "le", "eq", "ne", "gt", "ge"):
    setattr(Moving, f"__{_name}__", _both_ways(getattr(operator, _name))[0])


def statistics_of(network: NetworkLike, m: int | None = None) -> Tensors:
    """The statistics of all layers that have some.

    Args:
        m: for how many sequences states go on from batch to batch; None where nothing goes on, as while predicting.
    """
    found = {}
    for path, layer in network.family():
        held = layer.lend(m) if m is not None and getattr(layer, "stateful", False) else layer.statistics
        if held:
            found[path] = dict(held)
    return found


def lend(network: NetworkLike, statistics: Tensors) -> dict[int, dict[str, Array]]:
    """What a walk has in place of the layers' own statistics, by the layer's id."""
    return {
        id(layer): {name: Moving(value) for name, value in statistics.get(path, {}).items()}
        for path, layer in network.family()
    }


def taken_back(network: NetworkLike, lent: dict[int, dict[str, Array]]) -> Tensors:
    """The way back of `lend`, after a walk has moved them."""
    found = {path: {name: _plain(value) for name, value in lent[id(layer)].items()} for path, layer in network.family()}
    return {path: held for path, held in found.items() if held}


def keep(network: NetworkLike, statistics: Tensors) -> None:
    """Put numbers that were moved back into the layers."""
    layers: dict[str, LayerLike] = dict(network.family())
    for path, held in statistics.items():
        own = layers[path].statistics
        for name, numbers in held.items():
            if name in own and own[name].shape == numbers.shape:
                own[name][...] = numbers
            else:
                own[name] = numbers

"""What an own layer keeps beside its parameters and arguments: training and files know nothing of it, which is told."""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from typing import Any

import numpy as np

from chainrule.graph import Variable, is_closed_array
from chainrule.layers.layer import Layer

OF_THE_BASE = frozenset({"l", "root", "follows"})
"""Attributes that `Layer` itself gives a layer."""


def warn_of_untrained(network: Layer) -> None:
    """Warn of variables on layers, which look like parameters and are none."""
    for layer in _own(network):
        for name, value in _beside(layer):
            if isinstance(value, Variable) and value.operation is None:
                shape = f"({', '.join(map(str, value.shape))}{',' if value.ndim == 1 else ''})"
                warnings.warn(
                    f"{layer.label} keeps the variable {name}, which training does not change, nor a model file hold. "
                    f'A parameter is asked for in forward: {name} = self.parameter("{_named(name)}", {shape}, "ones").',
                    stacklevel=3,
                )


def warn_of_unsaved(network: Layer) -> None:
    """Warn of what layers have learned or counted in attributes of their own, which no file holds."""
    for layer in _own(network):
        before = _anew(layer)
        changed = [
            name
            for name, value in _beside(layer)
            if not isinstance(value, Variable) and before is not None and not _same(value, vars(before).get(name))
        ]
        if changed:
            warnings.warn(
                f"{layer.label} has changed its {', '.join(changed)}, which is not saved: what is learned of data "
                f'without a gradient is a statistic, self.statistic("{_named(changed[0])}", (1,)) in forward.',
                stacklevel=4,
            )


def _own(network: Layer) -> Iterator[Layer]:
    """The layers of users' own classes."""
    return (layer for _, layer in network.family() if not layer.of_library)


def _beside(layer: Layer) -> list[tuple[str, Any]]:
    """The layer's attributes that are neither arguments of its constructor nor the base's."""
    known = {*layer.arguments(), *OF_THE_BASE}
    return [(name, value) for name, value in vars(layer).items() if name not in known and not name.startswith("_own_")]


def _anew(layer: Layer) -> Layer | None:
    """A layer of the same arguments, as loading makes one; None where that fails, or would share the layers inside."""
    if layer.holds_layers:
        return None
    try:
        return type(layer)(**layer.arguments())
    except Exception:  # an own constructor can go wrong in many ways, of which saving need not know
        return None


def _same(one: Any, other: Any) -> bool:
    """Whether two values are equal; of what is neither number, text, array nor a collection of these, it is assumed."""
    if is_closed_array(one) or is_closed_array(other):
        return True
    if isinstance(one, np.ndarray) and isinstance(other, np.ndarray):
        return one.shape == other.shape and bool(np.array_equal(one, other, equal_nan=one.dtype.kind == "f"))
    if isinstance(one, list | tuple) and isinstance(other, list | tuple):
        return len(one) == len(other) and all(map(_same, one, other))
    if isinstance(one, dict) and isinstance(other, dict):
        return one.keys() == other.keys() and all(_same(value, other[name]) for name, value in one.items())
    plain = (bool, int, float, str, np.number, np.ndarray, list, dict, type(None))
    if isinstance(one, plain) and isinstance(other, plain):
        return type(one) is type(other) and bool(one == other or (one != one and other != other))
    return True


def _named(name: str) -> str:
    """The name as a parameter may have it: without digits at its end."""
    return name.strip("_").rstrip("0123456789") or "w"

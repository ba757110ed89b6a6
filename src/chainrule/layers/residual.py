"""Layers with a way around them."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from chainrule.errors import ChainruleError, ShapeError
from chainrule.graph import Array
from chainrule.layers.convolution import Conv1D, Conv2D
from chainrule.layers.dense import Dense
from chainrule.layers.layer import Layer, list_of_layers
from chainrule.layers.walk import Walk, walking


@dataclass(eq=False, repr=False)
class Residual(Layer):
    """Z = A + F(A): the layers learn what to add to their input (He et al., 2016).

    Args:
        layers: F, one after the other; the output must have the shape of the input, or of the shortcut's output.
        shortcut: a layer for the way around, such as Dense(n, bias=False) where F changes the number of features, or
            Conv2D(n, 1, stride=2, bias=False) where it halves a picture, too.

    Raises:
        OptionError: no layers, or something that is no layer.
    """

    layers: Sequence[Layer]
    shortcut: Layer | None = None

    def __post_init__(self) -> None:
        self.layers = list_of_layers(self.layers, "Residual")
        if self.shortcut is not None:
            list_of_layers([self.shortcut], "Residual's shortcut")

    def forward(self, A: Array) -> Array:
        walk = self._walk()
        F, before = A, walk.mask
        for layer in self.layers:
            F = layer(F)
        after, walk.mask = walk.mask, before
        around = A if self.shortcut is None else self.shortcut(A)
        walk.mask = after
        if F.shape != around.shape:
            what = "A" if self.shortcut is None else "its shortcut"
            advice = "" if walk.building is None else self._advice(walk.building, A.shape, F.shape, around.shape)
            raise ShapeError(f"A + F(A): {what} is {around.shape} and F(A) is {F.shape}.{advice}")
        return around + F

    def mask_after(self, mask: Array) -> Array | None:
        after: Array | None = mask
        for layer in self.layers:
            after = None if after is None else layer.mask_after(after)
        return after

    def _advice(
        self, random: np.random.Generator, A: tuple[int, ...], F: tuple[int, ...], around: tuple[int, ...]
    ) -> str:
        """What makes both ways end in one shape: of what is known to do so often, what does so here."""
        *before, last = self.layers
        ways = []
        if _ends_in([*before, _with(last, n_out=around[-1])], A, random) == around:
            ways.append(f"give F's last layer {around[-1]} units")
        shortcut = next((layer() for layer in _ways_around(A, F) if _ends_in([layer], A, random) == F), None)
        if _ends_in([_with(layer, padding="same") for layer in self.layers], A, random) == around:
            ways.append('give the layers of F padding="same"')
        elif shortcut is not None:
            ways.append(f"give the way around a layer of its own, shortcut={shortcut!r}")
        said = ", or ".join(ways)
        return f" {said[0].upper()}{said[1:]}." if said else " Give F layers that keep the shape."


def _with(layer: Layer, **changed: Any) -> Callable[[], Layer]:
    """What makes a layer of the same arguments but for those that are given, where it has these."""

    def make() -> Layer:
        arguments = layer.arguments()
        return type(layer)(**arguments | {name: value for name, value in changed.items() if name in arguments})

    return make


def _ways_around(A: tuple[int, ...], F: tuple[int, ...]) -> Iterator[Callable[[], Layer]]:
    """Layers without windows that lead from one shape to the other, if any does."""
    yield lambda: Dense(F[-1], bias=False)
    if len(A) != len(F) or len(A) not in (3, 4) or not all(F):
        return
    strides = tuple(-(-whole // part) for whole, part in zip(A[1:-1], F[1:-1], strict=True))
    stride = strides[0] if len(set(strides)) == 1 else strides
    yield lambda: (Conv1D if len(A) == 3 else Conv2D)(F[-1], 1, stride=stride, bias=False)


LARGEST = 2**24
"""Of so many numbers advice is tried; larger arrays would take the machine's memory for a sentence."""


def _ends_in(
    layers: Sequence[Layer | Callable[[], Layer]], A: tuple[int, ...], random: np.random.Generator
) -> tuple[int, ...] | None:
    """The shape in which layers end that begin with A, or None where they cannot."""
    try:
        with walking(Walk(building=random)), np.errstate(all="ignore"):
            Z: Any = np.zeros(A, np.float32)
            for layer in layers:
                made = layer() if not isinstance(layer, Layer) else _with(layer)()
                if Z.size * getattr(made, "n_out", 1) > LARGEST:
                    return None
                Z = made(Z)
    except (ChainruleError, TypeError, ValueError):
        return None
    return tuple(Z.shape)

"""A walk of no examples: whether layers fit what they hold, and what one example would take, at no cost."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from chainrule.errors import DataError, ShapeError
from chainrule.graph import Array, TooLargeError
from chainrule.layers.layer import Layer
from chainrule.layers.network import Network
from chainrule.layers.walk import Walk


class Rehearsal(Walk):
    """The walk of no examples through a network that came from a file.

    What users wrote may not know how to go on without an example, as `A.reshape(len(A), -1)` does not. Such a layer
    gets a blank one, once what comes into it has been counted and agreed to; those of the library that it calls are
    called without one before.

    Attributes:
        asked: which statistics were asked for, by the layer's id and their names.
    """

    def __init__(self, dtype: Any):
        super().__init__(recording=True, dtype=dtype)
        self.asked: set[tuple[int, str]] = set()
        self._tried: set[tuple[int, tuple[int, ...]]] = set()
        self._stuck: set[tuple[int, tuple[int, ...]]] = set()

    def through(self, layer: Layer, A: Array, forward: Callable[[Array], Array]) -> Array:
        place = id(layer), tuple(A.shape[1:])
        if A.shape[0] > 0:
            if place not in self._tried:
                self._with_mask(0, lambda: self.through(layer, A[:0], forward))
            return forward(A)
        self._tried.add(place)
        mask = self.mask
        if place not in self._stuck:
            try:
                Z = forward(A)
                if Z is None or Z.shape[:1] == (0,):
                    return Z
                if layer.of_library:
                    raise ShapeError(f"{layer.label} makes {Z.shape} of all examples together, and nothing of each.")
            except TooLargeError:
                raise
            except Exception:
                if layer.of_library:
                    raise
            self._stuck.add(place)
            self.mask = mask
        Z = self._with_mask(1, lambda: forward(np.zeros((1, *A.shape[1:]), A.dtype)))
        self.mask = None if self.mask is None else self.mask[:0]
        return Z[:0]

    def _with_mask(self, m: int, call: Callable[[], Array]) -> Array:
        """What is called with a mask of m examples. Of no examples it is only a trial, which changes no mask."""
        before = self.mask
        self.mask = None if before is None else np.ones((m, *before.shape[1:]), bool)
        try:
            return call()
        finally:
            if m == 0:
                self.mask = before

    def statistic(self, layer: Layer, name: str) -> None:
        if name not in layer.statistics:
            raise DataError(f"its statistic {name} is missing.")
        self.asked.add((id(layer), name))


def output_shape(network: Network) -> tuple[int, ...]:
    """The shape of what a built network makes of one example."""
    assert network.input_shape is not None
    return tuple(network.rehearse(network.input_shape, Rehearsal(network.dtype), 0).shape[1:])

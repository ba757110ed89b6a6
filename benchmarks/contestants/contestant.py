"""What the ways of all contestants return, and what they share."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from benchmarks.reference import Tensors

Pairs = list[tuple[NDArray[np.float32], NDArray[np.float32]]]
"""W (n_out, n_in) and b (n_out,) of each layer."""


@dataclass
class Running:
    """A contestant at work on a row, compiled and ready.

    Attributes:
        round: does all of the row's work once, and has it done when it returns.
        outcome: what it has made by then, for the row's `loss`.
        memory: bytes at the peak, where a round is a process of its own.
    """

    round: Callable[[], None]
    outcome: Callable[[], Tensors]
    memory: Callable[[], int | None] = lambda: None


Ways = dict[tuple[str, type[Any]], Callable[[Any], Running]]
"""By a contestant's key and the kind of row."""


def pairs(parameters: Tensors) -> Pairs:
    """Copies of W and b of each layer, from W1, b1, …"""
    layers = range(1, len(parameters) // 2 + 1)
    return [(np.array(parameters[f"W{l}"]), np.array(parameters[f"b{l}"])) for l in layers]


def named(layers: Pairs) -> Tensors:
    """W1, b1, … from W and b of each layer."""
    return {f"{name}{l}": value for l, layer in enumerate(layers, 1) for name, value in zip("Wb", layer, strict=True)}

"""Dropout: noise that keeps a network from leaning on single units."""

from numbers import Real
from types import ModuleType
from typing import Any

import numpy as np

from chainrule.checking import real
from chainrule.graph import Array, Backward, operation
from chainrule.ops import philox


def _mask(xp: ModuleType, A: Array, *, rate: float, key: tuple[int, int]) -> dict[str, Array]:
    """What the formulas call D."""
    return {"D": _kept(xp, A, rate, key).astype(A.dtype)}


@operation(forward=r"Z = A \odot D / (1 - rate)", backward=(r"dA = dZ \odot D / (1 - rate)",), symbols=_mask)
def dropout(xp: ModuleType, A: Array, *, rate: float, key: tuple[int, int]) -> tuple[Array, Backward]:
    """Z = A ⊙ D / (1 − `rate`), each element of D 0 with probability `rate` and 1 otherwise ("inverted" dropout).

    D depends on `key` and on nothing else, so whoever knows the key can make any part of it again.
    Srivastava et al., 2014.

    Args:
        rate: in [0, 1).
        key: two whole numbers in [0, 2^64): the key of the generator Philox4x64-10 (Salmon et al., 2011). Its first
            block has counter 1; element i of A, counted row by row, takes the i-th 32-bit draw, the low half of each
            64-bit word first.

    Raises:
        OptionError: a rate outside [0, 1).
    """
    held: Any = rate
    if isinstance(held, Real):  # that of a compiled schedule is a number only later
        held = real("the dropout rate", rate, low=0, high=1, open="high")
    kept, scale = _kept(xp, A, held, key), 1 / (1 - held)
    scale = scale if isinstance(scale, float) else scale.astype(A.dtype)
    return xp.where(kept, A * scale, 0), lambda dZ: (xp.where(kept, dZ * scale, 0),)  # infinity can be dropped, too


def _kept(xp: ModuleType, A: Array, rate: Any, key: tuple[int, int]) -> Array:
    least = np.float32(rate) if isinstance(rate, float | int) else rate.astype(np.float32)
    return _uniform(xp, key, A.size).reshape(A.shape) >= least


def _uniform(xp: ModuleType, key: tuple[int, int], count: int) -> Array:
    """(count,) of float32 in [0, 1), which the key decides."""
    if hasattr(xp, "random") and hasattr(xp.random, "Philox"):
        return xp.random.Generator(xp.random.Philox(key=np.array(key, np.uint64))).random(count, dtype=np.float32)
    return philox.uniform(xp, key, count)

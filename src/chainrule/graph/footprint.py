"""How much memory operations take for one example, counted by shapes alone before any of it is there.

A batch of no examples, of shape (0, …), costs nothing, and NumPy tells all shapes that come of it. So a file that asks
for more than memory holds is found out by a walk of no examples, as long as no operation makes something large that
does not depend on their number: where it would, it says so by `foresee`, and does not make it for no examples.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any

import numpy as np

from chainrule.errors import ShapeError


class TooLargeError(ShapeError):
    """One example would take more memory than was agreed to."""


class Footprint:
    """Counts bytes while a block lasts.

    Attributes:
        limit: how many there may be. taken: how many there are so far.
    """

    def __init__(self, limit: int):
        self.limit, self.taken = limit, 0

    def take(self, numbers: int, dtype: Any) -> None:
        """Count so many numbers.

        Raises:
            TooLargeError: they are more than may be.
        """
        self.taken += numbers * np.dtype(dtype).itemsize
        if self.taken > self.limit:
            raise TooLargeError(
                f"one example would take {self.taken / 1e9:,.1f} GB of memory or more, but {self.limit / 1e9:,.1f} GB "
                "are the limit: if you trust the file, load it with a larger memory_limit, or --memory-limit."
            )

    @contextmanager
    def counting(self) -> Iterator[None]:
        """While the block lasts, all operations are counted."""
        token = _COUNTING.set(self)
        try:
            yield
        finally:
            _COUNTING.reset(token)


_COUNTING: ContextVar[Footprint | None] = ContextVar("footprint", default=None)


def foresee(shape: tuple[int, ...], dtype: Any) -> None:
    """Count an array that an operation is about to make; of what it makes for each example, the shape of one.

    Raises:
        TooLargeError: see `Footprint.take`.
    """
    footprint = _COUNTING.get()
    if footprint is not None:
        footprint.take(math.prod(shape), dtype)


def count_value(value: Any) -> None:
    """Count what an operation has made of no examples, as if there were one."""
    if _COUNTING.get() is not None:
        shape = np.shape(value)
        foresee(shape[1:] if shape[:1] == (0,) else shape, getattr(value, "dtype", np.float64))

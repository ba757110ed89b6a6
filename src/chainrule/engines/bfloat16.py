"""Products of operands that are rounded to bfloat16, with sums in float32: which there are, and NumPy's, the reference.

A bfloat16 is the upper half of a float32: its sign, its 8 bits of exponent, and 7 of its 23 bits of mantissa. Its range
is that of float32, so that no loss needs to be scaled for its derivatives to stay above 0.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import ModuleType
from typing import Any

import numpy as np
from numpy.typing import NDArray

from chainrule.errors import OptionError
from chainrule.graph import OPERATIONS, Array, Backward, lowered

PRODUCTS = ("linear", "matmul", "convolution", "transposed_convolution", "attention", "rnn", "gru", "lstm")
"""The operations whose matrix products round their operands."""


def refuse_wider(dtype: str) -> None:
    """Raises OptionError for a network of float64, which is wanted for its exactness."""
    if dtype != "float32":
        raise OptionError(
            f'precision="bfloat16" is for networks of float32, and this one computes in {dtype}: leave it out, or give '
            'dtype="float32", too.'
        )


def rounded(A: NDArray[np.float32]) -> NDArray[np.float32]:
    """The nearest numbers of bfloat16, those between two the even one; a NaN stays one."""
    bits = np.ascontiguousarray(A, np.float32).view(np.uint32)
    nearest = (bits + np.uint32(0x7FFF) + ((bits >> np.uint32(16)) & np.uint32(1))) & np.uint32(0xFFFF0000)
    return np.where(np.isnan(A), np.float32(np.nan), nearest.view(np.float32))


class RoundedProducts(np.ndarray[Any, Any]):
    """A float32 array whose matrix products round both operands; what is made of it is one, too."""

    def __array_ufunc__(self, ufunc: np.ufunc, method: str, *inputs: Any, **options: Any) -> Any:
        plain = [_plain(given) for given in inputs]
        if ufunc is np.matmul:
            plain = [rounded(given) for given in plain]
        if "out" in options:
            options["out"] = tuple(_plain(one) for one in options["out"])
        return _rounding(getattr(ufunc, method)(*plain, **options))

    def __array_function__(self, function: Any, types: Any, args: Any, kwargs: Any) -> Any:
        return _rounding(super().__array_function__(function, types, args, kwargs))


def _rounding(value: Any) -> Any:
    if isinstance(value, tuple | list):
        return type(value)(map(_rounding, value))
    return value.view(RoundedProducts) if isinstance(value, np.ndarray) else value


def _plain(value: Any) -> Any:
    return value.view(np.ndarray) if isinstance(value, RoundedProducts) else value


@contextmanager
def rounding() -> Iterator[None]:
    """Within the block, NumPy's operations round the operands of their matrix products."""
    with lowered({OPERATIONS[name].function: _rounds(OPERATIONS[name].function) for name in PRODUCTS}):
        yield


def _rounds(function: Callable[..., tuple[Array, Backward]]) -> Callable[..., tuple[Array, Backward]]:
    """The function of an operation, with rounded products both ways."""

    def of_rounded(xp: ModuleType, *inputs: Any, **options: Any) -> tuple[Array, Backward]:
        value, backward = function(xp, *map(_rounding, inputs), **options)

        def back(d: Any) -> tuple[Any, ...]:
            return tuple(_later(one) if callable(one) else _plain(one) for one in backward(_rounding(d)))

        return _plain(value), back

    return of_rounded


def _later(derivative: Callable[[], Any]) -> Callable[[], Any]:
    return lambda: _plain(derivative())

"""Closed arrays: what a traced network gets where training has a plain array, such as X or Y."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, NoReturn

import numpy as np

from chainrule.graph.operators import COMPARISONS, OPERATIONS, Axes, Operators
from chainrule.graph.variable import Variable

if TYPE_CHECKING:
    from chainrule.graph.recording import Recording


class ClosedArray(Operators):
    """An array of a trace: like NumPy's it has a shape, a type and operations, but no numbers.

    Attributes:
        node: the closed variable that stands for it in the recording.
    """

    __slots__ = ("node",)

    def __init__(self, node: Variable):
        self.node = node

    @property
    def shape(self) -> tuple[int, ...]:
        return self.node.shape

    @property
    def dtype(self) -> Any:
        return self.node.dtype

    @property
    def size(self) -> int:
        return math.prod(self.shape)

    def astype(self, dtype: Any, **how: Any) -> ClosedArray:
        if how.keys() - {"copy"} or np.dtype(dtype).kind != "f":
            self._recording.refuse("numbers in another type")
        return self._recording.cast(self.node, dtype)

    def reshape(self, *shape: Any, **how: Any) -> Any:
        if how:
            self._recording.refuse("an order of numbers in memory")
        return Operators.reshape(self, *shape)

    def _reduced(self, name: str, axis: Axes, keepdims: bool, by_numpy: dict[str, None]) -> Any:
        if any(value is not None for value in by_numpy.values()):
            self._recording.refuse(f"the {name} of an array with {', '.join(by_numpy)}")
        return Operators._reduced(self, name, axis, keepdims, {})

    def __array_ufunc__(self, ufunc: np.ufunc, method: str, *inputs: Any, **options: Any) -> Any:
        known = ufunc.__name__ in OPERATIONS or ufunc.__name__ in COMPARISONS or ufunc.__name__ == "absolute"
        if not known or method != "__call__" or options:
            self._recording.refuse(f"np.{ufunc.__name__} of an array, which is no operation of chainrule.ops")
        return Operators.__array_ufunc__(self, ufunc, method, *inputs, **options)

    def __getattr__(self, name: str) -> NoReturn:
        if hasattr(np.ndarray, name):
            self._recording.refuse(f".{name} of an array")
        raise AttributeError(f"a NumPy array has no attribute {name!r}.")

    @property  # type: ignore[misc]
    def __class__(self) -> NoReturn:  # type: ignore[override]
        """What isinstance() asks for; the answer would be another one than without a trace."""
        self._recording.refuse("the class of an array")

    @property
    def _recording(self) -> Recording:
        assert self.node.recording is not None
        return self.node.recording


def _refusing(what: str) -> Callable[..., NoReturn]:
    def method(self: ClosedArray, *arguments: Any, **options: Any) -> NoReturn:
        self._recording.refuse(what)

    return method


_NUMBERS = {
    "the truth of an array": ["__bool__", "__contains__"],
    "a number of an array": ["__float__", "__int__", "__index__", "__complex__", "__round__"],
    "a NumPy array": ["__array__", "__buffer__", "__copy__", "__deepcopy__", "__reduce__", "__reduce_ex__"],
    "the text of an array": ["__repr__", "__str__", "__format__"],
    "an array to write into": [
        *["__setitem__", "__delitem__", "__iadd__", "__isub__", "__imul__", "__itruediv__", "__ipow__", "__imatmul__"],
        *["__ifloordiv__", "__imod__", "__iand__", "__ior__", "__ixor__", "__ilshift__", "__irshift__"],
    ],
    "an operator that is no operation of chainrule.ops": [
        *["__pos__", "__invert__", "__divmod__", "__rdivmod__"],
        *[f"__{r}{name}__" for name in ("floordiv", "mod", "and", "or", "xor", "lshift", "rshift") for r in ("", "r")],
    ],
}
"""What NumPy's arrays can do and a closed one refuses, by what it asks for."""

for _what, _names in _NUMBERS.items():
    for _name in _names:
        setattr(ClosedArray, _name, _refusing(_what))


def is_closed_array(given: object) -> bool:
    """Whether something is a `ClosedArray`; isinstance() would be refused by one."""
    return type(given) is ClosedArray

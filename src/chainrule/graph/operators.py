"""Operators of variables and closed arrays: + − * / @ ** [], comparisons, NumPy's functions."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any, Self

import numpy as np

from chainrule.errors import GraphError

if TYPE_CHECKING:
    from chainrule.graph.operation import Operation

Axes = int | tuple[int, ...] | None
"""What is reduced: one axis, several, or all."""

OPERATIONS: dict[str, Operation] = {}
"""The registry: every operation by its name. Tests, engines and derivations walk it."""

COMPARISONS: dict[str, Operation] = {}
"""equal, not_equal, less, less_equal, greater, greater_equal, which have no derivative and are not in the registry."""


class Operators:
    """The operators of whatever operations take: variables, and the closed arrays of a trace."""

    __slots__ = ()

    @property
    def shape(self) -> tuple[int, ...]:
        raise NotImplementedError

    @property
    def ndim(self) -> int:
        return len(self.shape)

    @property
    def T(self) -> Self:
        return self.transpose()

    def __array_ufunc__(self, ufunc: np.ufunc, method: str, *inputs: Any, **options: Any) -> Any:
        """NumPy's functions, such as `array * a` and `np.exp(a)`, are the operations of that name."""
        name = {"absolute": "abs"}.get(ufunc.__name__, ufunc.__name__)
        found = OPERATIONS.get(name) or COMPARISONS.get(name)
        if found is None or method != "__call__" or options:
            what = f"np.{ufunc.__name__}" if found is None else f"np.{ufunc.__name__} with options such as out="
            raise TypeError(
                f"{what} is no operation of the computation graph: those are in chainrule.ops, and the decorator "
                "`operation` of chainrule.graph makes more."
            )
        return found(*inputs)

    __hash__ = object.__hash__

    def __eq__(self, other: Any) -> Any:
        return COMPARISONS["equal"](self, other)

    def __ne__(self, other: Any) -> Any:
        return COMPARISONS["not_equal"](self, other)

    def __lt__(self, other: Any) -> Any:
        return COMPARISONS["less"](self, other)

    def __le__(self, other: Any) -> Any:
        return COMPARISONS["less_equal"](self, other)

    def __gt__(self, other: Any) -> Any:
        return COMPARISONS["greater"](self, other)

    def __ge__(self, other: Any) -> Any:
        return COMPARISONS["greater_equal"](self, other)

    def __neg__(self) -> Self:
        return OPERATIONS["negative"](self)

    def __abs__(self) -> Self:
        return OPERATIONS["abs"](self)

    def __add__(self, other: Any) -> Self:
        return OPERATIONS["add"](self, other)

    def __radd__(self, other: Any) -> Self:
        return OPERATIONS["add"](other, self)

    def __sub__(self, other: Any) -> Self:
        return OPERATIONS["subtract"](self, other)

    def __rsub__(self, other: Any) -> Self:
        return OPERATIONS["subtract"](other, self)

    def __mul__(self, other: Any) -> Self:
        return OPERATIONS["multiply"](self, other)

    def __rmul__(self, other: Any) -> Self:
        return OPERATIONS["multiply"](other, self)

    def __truediv__(self, other: Any) -> Self:
        return OPERATIONS["divide"](self, other)

    def __rtruediv__(self, other: Any) -> Self:
        return OPERATIONS["divide"](other, self)

    def __pow__(self, other: Any) -> Self:
        return OPERATIONS["power"](self, other)

    def __rpow__(self, other: Any) -> Self:
        return OPERATIONS["power"](other, self)

    def __matmul__(self, other: Any) -> Self:
        return OPERATIONS["matmul"](self, other)

    def __rmatmul__(self, other: Any) -> Self:
        return OPERATIONS["matmul"](other, self)

    def __getitem__(self, key: Any) -> Self:
        return OPERATIONS["index"](self, key=key)

    def __len__(self) -> int:
        if not self.shape:
            raise TypeError("a single number has no length.")
        return self.shape[0]

    def __iter__(self) -> Iterator[Self]:
        return (self[i] for i in range(len(self)))

    def sum(self, axis: Axes = None, keepdims: bool = False, **by_numpy: None) -> Self:
        return self._reduced("sum", axis, keepdims, by_numpy)

    def mean(self, axis: Axes = None, keepdims: bool = False, **by_numpy: None) -> Self:
        return self._reduced("mean", axis, keepdims, by_numpy)

    def max(self, axis: Axes = None, keepdims: bool = False, **by_numpy: None) -> Self:
        return self._reduced("max", axis, keepdims, by_numpy)

    def _reduced(self, name: str, axis: Axes, keepdims: bool, by_numpy: dict[str, None]) -> Self:
        """np.sum and its like call the method of that name with more than it knows, such as dtype=None and out=None."""
        for asked, value in by_numpy.items():
            if value is not None:
                raise GraphError(f"the {name} of a variable takes axis and keepdims, but no {asked}.")
        return OPERATIONS[name](self, axis=axis, keepdims=keepdims)

    def reshape(self, *shape: Any) -> Self:
        return OPERATIONS["reshape"](self, shape=shape[0] if len(shape) == 1 else shape)

    def transpose(self, *axes: Any) -> Self:
        order = axes[0] if len(axes) == 1 and isinstance(axes[0], list | tuple) else axes
        return OPERATIONS["transpose"](self, axes=tuple(order) if order else None)

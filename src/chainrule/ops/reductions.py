"""sum, mean and max over one axis, several, or all."""

from types import ModuleType

import numpy as np

from chainrule.errors import ShapeError
from chainrule.graph import Array, Backward, operation

Axis = int | tuple[int, ...] | None
"""The axis or axes that disappear; None for all of them."""


@operation(forward=r"Z = \sum_k A_k", backward=(r"dA_k = dZ",))
def sum(xp: ModuleType, A: Array, *, axis: Axis = None, keepdims: bool = False) -> tuple[Array, Backward]:
    """Z = Σ A over `axis`. Every element hands the whole derivative back."""
    _check(A, axis)

    def backward(dZ: Array) -> tuple[Array]:
        return (_restore(xp, dZ, axis, keepdims) + xp.zeros_like(A),)

    return xp.sum(A, axis=axis, keepdims=keepdims), backward


@operation(forward=r"Z = \frac{1}{n} \sum_k A_k", backward=(r"dA_k = \frac{1}{n} dZ",))
def mean(xp: ModuleType, A: Array, *, axis: Axis = None, keepdims: bool = False) -> tuple[Array, Backward]:
    """Z = (1/n) Σ A over `axis`, n elements each."""
    _check(A, axis)
    Z = xp.mean(A, axis=axis, keepdims=keepdims)
    n = xp.size(A) / (xp.size(Z) or 1)

    def backward(dZ: Array) -> tuple[Array]:
        return (_restore(xp, dZ, axis, keepdims) / n + xp.zeros_like(A),)

    return Z, backward


@operation(forward=r"Z = \max_k A_k", backward=(r"dA_k = dZ \odot [A_k = Z] / \textstyle\sum_l [A_l = Z]",))
def max(xp: ModuleType, A: Array, *, axis: Axis = None, keepdims: bool = False) -> tuple[Array, Backward]:
    """Z = max A over `axis`. Where several elements are the largest they share the derivative equally."""
    _check(A, axis)
    Z = xp.max(A, axis=axis, keepdims=keepdims)

    def backward(dZ: Array) -> tuple[Array]:
        largest = _restore(xp, Z, axis, keepdims) == A
        shared = largest / xp.maximum(largest.sum(axis=axis, keepdims=True), 1)  # none is, where one is NaN
        return (_restore(xp, dZ, axis, keepdims) * shared.astype(A.dtype),)

    return Z, backward


def _check(A: Array, axis: Axis) -> None:
    """NumPy lets a single number have the axis 0, and then cannot put it back."""
    axes = () if axis is None else axis if isinstance(axis, tuple) else (axis,)
    n = np.ndim(A)
    if not all(-n <= i < n for i in axes):
        raise ShapeError(f"A is {np.shape(A)}, so there is no axis {axis}.")


def _restore(xp: ModuleType, Z: Array, axis: Axis, keepdims: bool) -> Array:
    """Z with the reduced axes put back as axes of length 1, so that it broadcasts against A."""
    return Z if keepdims or axis is None else xp.expand_dims(Z, axis)

"""The same numbers in another shape or order: reshape, transpose, concatenate, stack, indexing."""

import math
from types import ModuleType
from typing import Any

import numpy as np

from chainrule.errors import ShapeError
from chainrule.graph import Array, Backward, operation


@operation(forward=r"Z = \operatorname{reshape}(A)", backward=(r"dA = \operatorname{reshape}(dZ)",))
def reshape(xp: ModuleType, A: Array, *, shape: int | tuple[int, ...]) -> tuple[Array, Backward]:
    """Z holds the numbers of A, row by row, in `shape`; one axis may be −1: what is left over.

    Raises:
        ShapeError: the shape holds another number of elements.
    """
    try:
        Z = xp.reshape(A, shape)
    except (ValueError, TypeError):
        raise ShapeError(
            f"an array of shape {xp.shape(A)}, {math.prod(xp.shape(A))} numbers, does not fit the shape {shape}."
        ) from None
    return Z, lambda dZ: (dZ.reshape(xp.shape(A)),)


@operation(forward=r"Z = A^T", backward=(r"dA = dZ^T",), as_arrays=True)
def transpose(xp: ModuleType, A: Array, *, axes: tuple[int, ...] | None = None) -> tuple[Array, Backward]:
    """Z = Aᵀ: the axes in the order `axes`, or reversed."""

    def backward(dZ: Array) -> tuple[Array]:
        back = None if axes is None else tuple(int(i) for i in np.argsort(np.asarray(axes) % len(axes)))
        return (xp.transpose(dZ, back),)

    return xp.transpose(A, axes), backward


@operation(forward=r"Z = [A_1, A_2, \ldots]", backward=(r"dA_i = dZ_i",))
def concatenate(xp: ModuleType, *A: Array, axis: int = 0) -> tuple[Array, Backward]:
    """Z holds the arrays one after the other along the axis `axis`: `concatenate(A1, A2, axis=1)`."""
    _check_shapes("concatenate", [part.shape[:axis] + part.shape[axis:][1:] for part in A], A)
    ends: list[int] = []
    for part in A:
        ends.append((ends[-1] if ends else 0) + part.shape[axis])

    def backward(dZ: Array) -> list[Array]:
        return list(xp.split(dZ, ends[:-1], axis=axis))

    return xp.concatenate(A, axis=axis), backward


@operation(forward=r"Z = [A_1; A_2; \ldots]", backward=(r"dA_i = dZ_i",))
def stack(xp: ModuleType, *A: Array, axis: int = 0) -> tuple[Array, Backward]:
    """Z holds arrays of one shape side by side along a new axis, as the notes stack examples: `stack(A1, A2)`."""

    _check_shapes("stack", [part.shape for part in A], A)

    def backward(dZ: Array) -> list[Array]:
        return list(xp.moveaxis(dZ, axis, 0))

    return xp.stack(A, axis=axis), backward


@operation(forward=r"Z = A_{key}", backward=(r"dA_{key} = \textstyle\sum dZ",))
def index(xp: ModuleType, A: Array, *, key: Any) -> tuple[Array, Backward]:
    """Z = A[key], with all of NumPy's ways to index. An element taken twice gets the sum of both derivatives."""
    key = _as_key(key)
    return A[key], lambda dZ: (scatter(xp, xp.shape(A), key, dZ),)


def _as_key(key: Any) -> Any:
    """Lists of indices as arrays, which every namespace takes."""
    if isinstance(key, tuple):
        return tuple(map(_as_key, key))
    return np.asarray(key) if isinstance(key, list) else key


def _check_shapes(name: str, rests: list[tuple[int, ...]], A: tuple[Array, ...]) -> None:
    if len(set(rests)) != 1:
        shapes = ", ".join(str(part.shape) for part in A) or "nothing"
        raise ShapeError(f"{name} was given {shapes}: the shapes must be the same but for the axis of concatenation.")


def scatter(xp: ModuleType, shape: tuple[int, ...], key: Any, values: Array) -> Array:
    """Zeros of `shape` with `values` added at `key`: the way back of A[key]."""
    zeros = xp.zeros(shape, dtype=values.dtype)
    if hasattr(zeros, "at"):
        return zeros.at[key].add(values)
    xp.add.at(zeros, key, values)
    return zeros

"""Broadcasting: what is stretched on the way forward is summed on the way back (the notes, "broadcasting")."""

from collections.abc import Callable
from types import ModuleType
from typing import Any

import numpy as np

from chainrule.errors import ShapeError
from chainrule.graph import Array


def broadcast(function: Callable[..., Any], *inputs: Array) -> Array:
    """function(*inputs), element by element.

    Raises:
        ShapeError: the shapes cannot be broadcast together.
    """
    try:
        return function(*inputs)
    except (ValueError, TypeError):
        shapes = [np.shape(given) for given in inputs]
        try:
            np.broadcast_shapes(*shapes)
        except ValueError:
            listed = " and ".join(map(str, shapes))
            raise ShapeError(
                f"{function.__name__}: {listed} cannot be broadcast together: "
                "counted from the last, two axes must be equal or one of them 1."
            ) from None
        raise


def unbroadcast(xp: ModuleType, dZ: Array, like: Array) -> Array:
    """dZ, summed over the axes along which `like` was stretched to take dZ's shape; the result has like's shape."""
    shape = xp.shape(like)
    if xp.shape(dZ) == shape:
        return dZ
    added = xp.ndim(dZ) - len(shape)
    stretched = tuple(added + axis for axis, n in enumerate(shape) if n == 1 and dZ.shape[added + axis] != 1)
    return dZ.sum(axis=(*range(added), *stretched), keepdims=True).reshape(shape)

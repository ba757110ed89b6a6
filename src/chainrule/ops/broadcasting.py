"""Broadcasting, backwards: an axis that was stretched on the way forward is summed on the way back (the notes)."""

from types import ModuleType

from chainrule.graph import Array


def unbroadcast(xp: ModuleType, dZ: Array, like: Array) -> Array:
    """dZ, summed over the axes along which `like` was stretched to take dZ's shape; the result has like's shape."""
    shape = xp.shape(like)
    if xp.shape(dZ) == shape:
        return dZ
    added = xp.ndim(dZ) - len(shape)
    stretched = tuple(added + axis for axis, n in enumerate(shape) if n == 1 and dZ.shape[added + axis] != 1)
    return dZ.sum(axis=(*range(added), *stretched), keepdims=True).reshape(shape)

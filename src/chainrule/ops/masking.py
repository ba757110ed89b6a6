"""Masks: which steps of sequences of different lengths are there, and which only fill up the array."""

from types import ModuleType

from chainrule.errors import ShapeError
from chainrule.graph import Array, Backward, operation


@operation(forward=r"M_t = [A_t \ne padding]", backward=("",))
def step_mask(xp: ModuleType, A: Array, *, padding: float = 0) -> tuple[Array, Backward]:
    """M_t is 1 at every step that is there, and 0 at those that hold the padding and nothing else.

    Args:
        A: (m, steps), such as the indices of words; or (m, steps, n).
        padding: what fills up the sequences that are shorter.

    Returns:
        M: (m, steps) of True and False.

    Raises:
        ShapeError: A is no sequences.
    """
    if A.ndim not in (2, 3):
        raise ShapeError(f"A is {A.shape}, but must be sequences (m, steps) or (m, steps, features).")
    there = padding != A
    return there if A.ndim == 2 else there.any(axis=-1), lambda dM: (None,)


@operation(forward=r"Z_t = mask_t \odot A_t", backward=(r"dA_t = mask_t \odot dZ_t", ""))
def mask_steps(xp: ModuleType, A: Array, mask: Array) -> tuple[Array, Backward]:
    """Z_t = A_t at the steps that count, and 0 at the others.

    Args:
        A: (m, steps, n). mask: (m, steps).

    Raises:
        ShapeError: they do not fit.
    """
    counts = steps_that_count(xp, mask, A)[..., None]
    return xp.where(counts, A, xp.zeros_like(A)), lambda dZ: (xp.where(counts, dZ, xp.zeros_like(dZ)), None)


def steps_that_count(xp: ModuleType, mask: Array, A: Array) -> Array:
    """The mask as True and False.

    Raises:
        ShapeError: A is no sequences, or the mask is not (m, steps).
    """
    if A.ndim != 3 or xp.shape(mask) != A.shape[:2]:
        raise ShapeError(f"the mask is {xp.shape(mask)}, but must be (m, steps) for sequences A of {A.shape}.")
    return xp.asarray(mask) != 0

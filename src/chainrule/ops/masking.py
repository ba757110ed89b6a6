"""Masks: which steps of sequences of different lengths are there, and which only fill up the array."""

from types import ModuleType

import numpy as np
from numpy.typing import NDArray

from chainrule.errors import OptionError, ShapeError
from chainrule.graph import Array, Backward, foresee, operation
from chainrule.ops.windows import Padding, Sizes, Windows, edges_of, windows_over


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


@operation(forward=r"M = \operatorname{windows}(mask)", backward=("",))
def mask_windows(
    xp: ModuleType,
    mask: Array,
    *,
    size: Sizes = 1,
    stride: Sizes = 1,
    padding: Padding = "valid",
    dilation: Sizes = 1,
) -> tuple[Array, Backward]:
    """M tells which windows over the steps count: those that there would be if each sequence stood alone.

    A window lies between the first and the last step of a sequence, and counts if any step in it does; what it shows of
    a gap inside the sequence is zeros. Only where sequences are filled up behind do windows with a stride lie as they
    would if they stood alone.

    Args:
        mask: (m, steps). size, stride, padding, dilation: as in `chainrule.ops.convolution`.

    Returns:
        M: (m, windows) of True and False.

    Raises:
        OptionError: padding="same" with a stride, where windows depend on how long the longest sequence is.
    """
    (count,) = _windows_under_mask(mask.shape[1], size, stride, padding, dilation).count
    foresee((4, count), np.intp)
    if len(mask) == 0:
        return xp.zeros((0, count), dtype=bool), lambda dM: (None,)
    windows, first, last = windows_over_steps(mask.shape[1], size, stride, padding, dilation)
    there = xp.asarray(mask) != 0
    begun = xp.cumsum(there, axis=1) > 0
    goes_on = xp.cumsum(there[:, ::-1], axis=1)[:, ::-1] > 0
    shown = windows.show(xp, there[..., None]).any(axis=(-2, -1))
    return shown & begun[:, first] & goes_on[:, last], lambda dM: (None,)


def windows_over_steps(
    steps: int, size: Sizes, stride: Sizes, padding: Padding, dilation: Sizes
) -> tuple[Windows, NDArray[np.intp], NDArray[np.intp]]:
    """The windows, and of each the first and the last step that a sequence must have so that the window lies on it.

    Raises:
        OptionError: see `mask_windows`.
    """
    windows = _windows_under_mask(steps, size, stride, padding, dilation)
    (count,), (step,), (before,) = windows.count, windows.stride, windows.before
    span = windows.dilation[0] * (windows.size[0] - 1) + 1
    after = span - 1 - before if padding == "same" else edges_of(padding, 1)[0][1]
    first = np.arange(count) * step
    last = first - before + span - 1 - after
    return windows, np.clip(first, 0, steps - 1), np.clip(last, 0, steps - 1)


def _windows_under_mask(steps: int, size: Sizes, stride: Sizes, padding: Padding, dilation: Sizes) -> Windows:
    windows = windows_over((steps,), size, stride, padding, dilation)
    if padding == "same" and windows.stride[0] > 1:
        raise OptionError(
            'under a mask padding="same" does not go with a stride, because then the windows of a sequence depend on '
            "the length of the longest: give the padding as numbers."
        )
    return windows


def steps_that_count(xp: ModuleType, mask: Array, A: Array) -> Array:
    """The mask as True and False.

    Raises:
        ShapeError: A is no sequences, or the mask is not (m, steps).
    """
    if A.ndim != 3 or xp.shape(mask) != A.shape[:2]:
        raise ShapeError(f"the mask is {xp.shape(mask)}, but must be (m, steps) for sequences A of {A.shape}.")
    return xp.asarray(mask) != 0

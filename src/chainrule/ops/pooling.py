"""Pooling: many places of a picture or a sequence become few, feature by feature; and upsampling, the other way."""

import math
from types import ModuleType

import numpy as np

from chainrule.checking import refuse_too_many
from chainrule.errors import OptionError
from chainrule.graph import Array, Backward, foresee, operation
from chainrule.ops.masking import steps_that_count
from chainrule.ops.windows import Padding, Sizes, Windows, axes_between, each, edges_of, windows_over


@operation(
    forward=r"Z = \max_k P_k, \quad P = \operatorname{windows}(A)",
    backward=(r"dA = \operatorname{overlay}(dZ \odot D), \quad D_k = [k = \operatorname{first}_k(P_k = Z)]",),
)
def max_pool(
    xp: ModuleType, A: Array, *, size: Sizes = 2, stride: Sizes | None = None, padding: Padding = "valid"
) -> tuple[Array, Backward]:
    """Z = max P, each column of P what one window shows of A: the largest number of every window, for each feature.

    Where several are the largest, the first of the window, row by row, gets the derivative. Beyond the edges there is
    nothing, so padding never wins. LeCun et al., 1998, pool by averages; Ranzato et al., 2007, by the maximum.

    Args:
        A: (m, steps, n), or (m, height, width, n).
        size: of the windows. stride: from one to the next; None for the size, so that they do not overlap.
        padding: how far windows reach beyond the edges; see `chainrule.ops.windows.Padding`.

    Returns:
        Z: (m, steps, n), or (m, height, width, n), with as many places as there are windows.

    Raises:
        ShapeError: A is neither pictures nor sequences, or smaller than a window.
        OptionError: an option that nothing can be done with.
    """
    windows = pooling_windows(A, size, stride, padding)
    P = windows.show(xp, A, beyond=-math.inf)
    first = P.argmax(axis=-2)

    def backward(dZ: Array) -> tuple[Array]:
        D = first[..., None, :] == xp.arange(P.shape[-2])[:, None]
        return (windows.add_up(xp, dZ[..., None, :] * D),)

    return P.max(axis=-2), backward


@operation(
    forward=r"Z = \frac{1}{N} \textstyle\sum_k P_k, \quad P = \operatorname{windows}(A)",
    backward=(r"dA = \operatorname{overlay}(\frac{1}{N} dZ)",),
)
def average_pool(
    xp: ModuleType, A: Array, *, size: Sizes = 2, stride: Sizes | None = None, padding: Padding = "valid"
) -> tuple[Array, Backward]:
    """Z is the mean of the N numbers of A in every column of P, what one window shows of A.

    Beyond the edges there is nothing, so padding counts neither in the sum nor in N. Arguments as in `max_pool`.
    """
    windows = pooling_windows(A, size, stride, padding)
    N = windows.show(np, np.ones((min(len(A), 1), *windows.axes, 1))).sum(axis=-2)
    share = xp.asarray((1 / np.maximum(N, 1)).astype(A.dtype))

    def backward(dZ: Array) -> tuple[Array]:
        of_each = (dZ * share)[..., None, :]
        return (windows.add_up(xp, xp.broadcast_to(of_each, (*dZ.shape[:-1], math.prod(windows.size), A.shape[-1]))),)

    return windows.show(xp, A).sum(axis=-2) * share, backward


@operation(
    forward=r"Z = \frac{1}{N} \textstyle\sum_k P_k, \quad P = \operatorname{parts}(A)",
    backward=(r"dA = \operatorname{overlay}(\frac{1}{N} dZ)",),
)
def adaptive_average_pool(xp: ModuleType, A: Array, *, size: Sizes = 1) -> tuple[Array, Backward]:
    """Z is the mean of the N numbers of A in every column of P: A is divided into as many parts as Z is to have places.

    Pictures of any size so end in the same shape. Along an axis of n places, part i of `size` goes from ⌊i n / size⌋ up
    to, without, ⌈(i + 1) n / size⌉, as PyTorch has it. He et al., 2014, "Spatial pyramid pooling".

    Args:
        A: (m, steps, n), or (m, height, width, n).
        size: the places of Z along each axis.

    Raises:
        ShapeError: A is neither pictures nor sequences.
        OptionError: a size that is no whole number of 1 or more.
    """
    axes = axes_between(A)
    sizes = each("size", size, len(axes))
    refuse_too_many("Z", sizes)
    for n, parts in zip(axes, sizes, strict=True):
        foresee((2, parts, n), np.float64)
    if len(A) == 0:
        return xp.zeros((0, *sizes, A.shape[-1]), dtype=A.dtype), lambda dZ: (xp.zeros_like(A),)
    means = [_means(n, parts) for n, parts in zip(axes, sizes, strict=True)]
    return _along_axes(xp, A, means), lambda dZ: (_along_axes(xp, dZ, [R.T for R in means]),)


@operation(
    forward=r"Z = \frac{1}{n} \textstyle\sum_k mask_k \odot A_k",
    backward=(r"dA_k = \frac{1}{n}\, mask_k \odot dZ", ""),
)
def global_average_pool(xp: ModuleType, A: Array, mask: Array | None = None) -> tuple[Array, Backward]:
    """Z is the mean over all places of each example (Lin et al., 2014, "Network in network").

    Args:
        A: (m, steps, n), or (m, height, width, n).
        mask: (m, steps), 1 at the steps that count, or None; n counts these. An example without any gives 0.

    Returns:
        Z: (m, n).

    Raises:
        ShapeError: A is neither pictures nor sequences, or the mask does not fit.
    """
    places = tuple(range(1, 1 + len(axes_between(A))))
    if mask is None:
        share = xp.full((1,) * A.ndim, 1 / math.prod(A.shape[1:-1]), dtype=A.dtype)
        counted = A
    else:
        counts = steps_that_count(xp, mask, A)
        M = counts.astype(A.dtype)
        share = (M / xp.maximum(M.sum(axis=1, keepdims=True), 1))[..., None]
        counted = xp.where(counts[..., None], A, xp.zeros_like(A))  # there may be NaN where nobody looks
    back = (slice(None), *(None for _ in places))
    return (counted * share).sum(axis=places), lambda dZ: (dZ[back] * share + xp.zeros_like(A), None)


@operation(
    forward=r"Z = \max_k A_k",
    backward=(r"dA_k = dZ \odot [k = \operatorname{first}_k(A_k = Z)]", ""),
)
def global_max_pool(xp: ModuleType, A: Array, mask: Array | None = None) -> tuple[Array, Backward]:
    """Z is the largest number over all places of each example, for each feature; the first of several equal ones.

    Arguments as in `global_average_pool`.
    """
    rows = A.reshape(len(A), math.prod(axes_between(A)), A.shape[-1])
    if mask is not None:
        counts = steps_that_count(xp, mask, A)
        rows = xp.where(counts[..., None], rows, -math.inf)
        any_counts = counts.any(axis=1)[:, None]
    first = rows.argmax(axis=1)
    Z = rows.max(axis=1)

    def backward(dZ: Array) -> tuple[Array, None]:
        dZ = dZ if mask is None else dZ * any_counts
        chosen = xp.arange(rows.shape[1])[:, None] == first[:, None, :]
        return (dZ[:, None, :] * chosen).reshape(A.shape), None

    return Z if mask is None else xp.where(any_counts, Z, xp.zeros_like(Z)), backward


@operation(
    forward=r"Z = \operatorname{repeat}(A)",
    backward=(r"dA = \textstyle\sum_k P_k, \quad P = \operatorname{windows}(dZ)",),
)
def upsample(xp: ModuleType, A: Array, *, size: Sizes = 2) -> tuple[Array, Backward]:
    """Z repeats each number of A in a whole window, "nearest neighbour"; each column of P is what a window shows of dZ.

    Args:
        A: (m, steps, n), or (m, height, width, n).
        size: how often each place is repeated along each axis.

    Raises:
        ShapeError: A is neither pictures nor sequences.
        OptionError: a size that is no whole number of 1 or more.
    """
    axes = axes_between(A)
    size = each("size", size, len(axes))
    windows = windows_over(tuple(n * k for n, k in zip(axes, size, strict=True)), size, size, "valid")
    foresee((*windows.axes, A.shape[-1]), A.dtype)
    Z = A
    for axis, k in enumerate(size, 1):
        Z = xp.repeat(Z, k, axis=axis)
    return Z, lambda dZ: (windows.show(xp, dZ).sum(axis=-2),)


def pooling_windows(A: Array, size: Sizes, stride: Sizes | None, padding: Padding) -> Windows:
    """The windows of a pooling of A; each of them shows at least one number of A.

    Raises:
        ShapeError, OptionError: see `max_pool`.
    """
    axes = axes_between(A)
    windows = windows_over(axes, size, size if stride is None else stride, padding)
    if padding != "same" and any(
        max(edges) >= k for edges, k in zip(edges_of(padding, len(axes)), windows.size, strict=True)
    ):
        raise OptionError(f"padding is {padding!r}: windows of {windows.size} could lie beyond the edges altogether.")
    return windows


def _means(n: int, parts: int) -> Array:
    """The matrix (parts, n) that takes the mean of each part."""
    i, j = np.arange(parts)[:, None], np.arange(n)
    inside = (i * n // parts <= j) & (j < -((-(i + 1) * n) // parts))
    return inside / inside.sum(axis=1, keepdims=True)


def _along_axes(xp: ModuleType, A: Array, matrices: list[Array]) -> Array:
    """Each axis between the first and the last, multiplied by its matrix, whose zeros are left out: 0 · ∞ is 0 here."""
    for axis, R in enumerate(matrices, 1):
        most = (R != 0).sum(axis=1).max()
        places = np.argsort(R == 0, axis=1, kind="stable")[:, :most]
        share = np.take_along_axis(R, places, axis=1)[(..., *(None for _ in A.shape[axis + 1 :]))]
        A = xp.where(share != 0, xp.take(A, places, axis=axis) * share.astype(A.dtype), 0).sum(axis=axis + 1)
    return A

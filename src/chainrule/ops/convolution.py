"""Convolution: one linear step for every window of a picture or a sequence, all with the same weights."""

import math
from types import ModuleType

import numpy as np

from chainrule.checking import refuse_too_many, whole
from chainrule.errors import OptionError, ShapeError
from chainrule.graph import Array, Backward, Later, operation
from chainrule.ops.windows import Padding, Sizes, Windows, axes_between, each, edges_of, windows_over


@operation(
    forward=r"Z = W P + b, \quad P = \operatorname{windows}(A)",
    backward=(
        r"dA = \operatorname{overlay}(W^T dZ)",
        r"dW = dZ\, P^T",
        r"db = \textstyle\sum_i dZ^{(i)}",
    ),
)
def convolution(
    xp: ModuleType,
    A: Array,
    W: Array,
    b: Array | None = None,
    *,
    stride: Sizes = 1,
    padding: Padding = "valid",
    dilation: Sizes = 1,
    groups: int = 1,
) -> tuple[Array, Backward]:
    """Z = W P + b, each column of P what one window shows of A: the linear step of a layer, taken at every place.

    The windows of all places and examples are the columns of P, so the formulas are those of `linear`; overlay puts the
    windows' derivatives back to their places and adds what overlaps. As in all libraries W is not mirrored, so this is
    what mathematics calls a cross-correlation. LeCun et al., 1998.

    Args:
        A: (m, steps, n_in), or (m, height, width, n_in).
        W: (n_out, size, n_in / groups), or (n_out, height, width, n_in / groups).
        b: (n_out,), or None for no bias.
        stride: from one window to the next. dilation: from one number of a window to the next.
        padding: zeros around A; see `chainrule.ops.windows.Padding`.
        groups: outputs and inputs fall into so many groups, in their order, and each group of outputs sees its group of
            inputs only; n_in groups are a depthwise convolution.

    Returns:
        Z: (m, steps, n_out), or (m, height, width, n_out), with as many places as there are windows.

    Raises:
        ShapeError: the shapes do not fit, or a window is larger than A.
        OptionError: an option that nothing can be done with.
    """
    windows = convolution_windows(A.shape, W.shape, stride, padding, dilation, groups)
    check_bias(W, b)
    P = _in_groups(windows.show(xp, A), groups)
    filters = W.reshape(groups, W.shape[0] // groups, -1)
    Z = _side_by_side(P @ xp.swapaxes(filters, 1, 2), (len(A), *windows.count))

    def backward(dZ: Array) -> tuple[Later, Later, Array | None]:
        D = _in_groups(dZ[..., None, :], groups)
        shown = (len(A), *windows.count, *windows.size, A.shape[-1])
        return (
            lambda: windows.add_up(xp, _out_of_groups(D @ filters, shown)),
            lambda: (xp.swapaxes(D, 1, 2) @ P).reshape(W.shape),
            None if b is None else dZ.reshape(-1, W.shape[0]).sum(axis=0),
        )

    return Z if b is None else Z + b, backward


@operation(
    forward=r"Z = \operatorname{overlay}(W A) + b",
    backward=(
        r"dA = W^T P, \quad P = \operatorname{windows}(dZ)",
        r"dW = P A^T, \quad P = \operatorname{windows}(dZ)",
        r"db = \textstyle\sum_i dZ^{(i)}",
    ),
)
def transposed_convolution(
    xp: ModuleType,
    A: Array,
    W: Array,
    b: Array | None = None,
    *,
    stride: Sizes = 1,
    padding: Padding = "valid",
    dilation: Sizes = 1,
    groups: int = 1,
    output_padding: Sizes = 0,
) -> tuple[Array, Backward]:
    """Z = overlay(W A) + b: every place of A paints a window of Z, and where windows overlap they add up.

    It goes the way of `convolution` backwards, from few places to many, so the same windows lie on Z here. Zeiler et
    al., 2010, "Deconvolutional networks".

    Args:
        A: (m, steps, n_in), or (m, height, width, n_in).
        W: (n_out, size, n_in / groups), or (n_out, height, width, n_in / groups).
        b: (n_out,), or None for no bias.
        stride, dilation: of the windows on Z.
        padding: what is cut off at the edges of Z; "same" leaves stride times the size of A.
        groups: as in `convolution`.
        output_padding: how much less is cut off at the far edges, so that Z may be as large as what a convolution with
            a stride made A of; less than the stride.

    Returns:
        Z: (m, steps, n_out), or (m, height, width, n_out); along an axis of A of size n there are
            (n − 1) stride + dilation (size − 1) + 1 − padding + output_padding places.

    Raises:
        ShapeError: the shapes do not fit, or nothing would be left.
        OptionError: an option that nothing can be done with.
    """
    windows = transposed_windows(A.shape, W.shape, stride, padding, dilation, groups, output_padding)
    check_bias(W, b)
    filters = xp.swapaxes(W.reshape(groups, W.shape[0] // groups, -1, W.shape[-1]), 1, 2)
    filters = filters.reshape(groups, -1, W.shape[-1])  # (groups, numbers of a window, n_in / groups)
    G = _in_groups(A[..., None, :], groups)
    shown = (len(A), *windows.count, *windows.size, W.shape[0])
    Z = windows.add_up(xp, _out_of_groups(G @ xp.swapaxes(filters, 1, 2), shown))

    def backward(dZ: Array) -> tuple[Later, Later, Array | None]:
        P = _in_groups(windows.show(xp, dZ), groups)

        def dW() -> Array:
            of_filters = (xp.swapaxes(P, 1, 2) @ G).reshape(groups, -1, W.shape[0] // groups, W.shape[-1])
            return xp.swapaxes(of_filters, 1, 2).reshape(W.shape)

        return (
            lambda: _side_by_side(P @ filters, A.shape[:-1]),
            dW,
            None if b is None else dZ.reshape(-1, W.shape[0]).sum(axis=0),
        )

    return Z if b is None else Z + b, backward


def convolution_windows(
    A: tuple[int, ...], W: tuple[int, ...], stride: Sizes, padding: Padding, dilation: Sizes, groups: int
) -> Windows:
    """The windows of a convolution of A and W of these shapes.

    Raises:
        ShapeError, OptionError: see `convolution`.
    """
    _check_weights(A, W, groups)
    return windows_over(A[1:-1], W[1:-1], stride, padding, dilation)


def transposed_windows(
    A: tuple[int, ...],
    W: tuple[int, ...],
    stride: Sizes,
    padding: Padding,
    dilation: Sizes,
    groups: int,
    output_padding: Sizes = 0,
) -> Windows:
    """The windows on the output of a transposed convolution of A and W of these shapes: one for each place of A.

    Raises:
        ShapeError, OptionError: see `transposed_convolution`.
    """
    _check_weights(A, W, groups)
    count, size, d = A[1:-1], W[1:-1], len(A) - 2
    stride, dilation = each("stride", stride, d), each("dilation", dilation, d)
    extra = more_at_the_far_edges(output_padding, stride)
    span = [step * (k - 1) + 1 for step, k in zip(dilation, size, strict=True)]
    painted = [s * (n - 1) + w for s, n, w in zip(stride, count, span, strict=True)]
    if padding == "same":
        before = tuple(max(w - s, 0) // 2 for w, s in zip(span, stride, strict=True))
        left = tuple(s * n + more for s, n, more in zip(stride, count, extra, strict=True))
    else:
        edges = edges_of(padding, d)
        before = tuple(first for first, _ in edges)
        left = tuple(n - sum(cut) + more for n, cut, more in zip(painted, edges, extra, strict=True))
    if min(left) < 1:
        raise ShapeError(f"the windows paint {tuple(painted)} places, and padding={padding!r} leaves none of them.")
    refuse_too_many("what the windows paint", left)
    return Windows(left, size, stride, dilation, before, count)


def more_at_the_far_edges(output_padding: Sizes, stride: tuple[int, ...]) -> tuple[int, ...]:
    """`output_padding` as a number for each axis.

    Raises:
        OptionError: one is not less than the stride there.
    """
    extra = each("output_padding", output_padding, len(stride), at_least=0)
    if any(more >= step for more, step in zip(extra, stride, strict=True)):
        raise OptionError(f"output_padding is {output_padding!r}, but must be less than the stride, {stride}.")
    return extra


def _check_weights(A: tuple[int, ...], W: tuple[int, ...], groups: int) -> None:
    axes_between(np.broadcast_to(0, A))
    whole("groups", groups)
    if len(W) != len(A):
        raise ShapeError(f"A is {A}, so W has {len(A)} axes, (n_out, …, n_in), but it is {W}.")
    if A[-1] != W[-1] * groups:
        among = f" in each of {groups} groups" if groups > 1 else ""
        raise ShapeError(f"W is {W}, so it takes {W[-1]} channels{among}, but A is {A}.")
    if W[0] % groups:
        raise ShapeError(f"W is {W}: its {W[0]} outputs do not fall into {groups} groups.")


def check_bias(W: Array, b: Array | None) -> None:
    """Raises ShapeError where b is not one number for each output of W."""
    if b is not None and np.shape(b) != W.shape[:1]:
        raise ShapeError(f"W is {W.shape}, so b is ({W.shape[0]},), one number an output, but it is {np.shape(b)}.")


def _in_groups(P: Array, groups: int) -> Array:
    """(groups, m · places, numbers) of (m, *places, k, n): for each group of channels a matrix with a window a row."""
    k, n = P.shape[-2:]
    rows = math.prod(P.shape[:-2])
    if groups == 1:
        return P.reshape(1, rows, k * n)
    return P.reshape(rows, k, groups, n // groups).transpose(2, 0, 1, 3).reshape(groups, rows, k * n // groups)


def _out_of_groups(P: Array, shown: tuple[int, ...]) -> Array:
    """The way back of `_in_groups`, to (m, *places, k, n) of the m, places, window's size and n in `shown`."""
    d = (len(shown) - 2) // 2
    shape = (*shown[: d + 1], math.prod(shown[d + 1 : -1]), shown[-1])
    if len(P) == 1:
        return P.reshape(shape)
    return P.reshape(len(P), P.shape[1], shape[-2], shown[-1] // len(P)).transpose(1, 2, 0, 3).reshape(shape)


def _side_by_side(Z: Array, before: tuple[int, ...]) -> Array:
    """(m, *places, n) of (groups, m · places, n / groups)."""
    n = len(Z) * Z.shape[-1]
    return Z.swapaxes(0, 1).reshape(*before, n) if len(Z) > 1 else Z.reshape(*before, n)

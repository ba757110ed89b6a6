"""Convolutions as XLA has them, for accelerators, whose libraries have kernels for them.

They mirror `chainrule.ops.convolution`, where what windows show is laid out in memory: on a CPU that is as fast, on an
accelerator memory that is moved for nothing. All ways come down to three: windows that look (`seen`), windows that
paint (`painted`), and what both say of the weights (`of_weights`).
"""

from __future__ import annotations

from types import ModuleType
from typing import Any

from jax import lax

from chainrule import ops
from chainrule.graph import Array, Backward, Later, Lowered
from chainrule.ops.convolution import check_bias, convolution_windows, transposed_windows
from chainrule.ops.windows import Padding, Sizes, Windows

_lax: Any = lax  # not all of its functions have types


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
    """See `chainrule.ops.convolution`."""
    windows = convolution_windows(A.shape, W.shape, stride, padding, dilation, groups)
    check_bias(W, b)
    A, W = _of_one_type(xp, A, W)
    Z = seen(windows, A, W, groups)

    def backward(dZ: Array) -> tuple[Later, Later, Array | None]:
        return (
            lambda: painted(windows, dZ, turned(xp, W, groups), groups),
            lambda: of_weights(windows, A, dZ, groups),
            None if b is None else dZ.reshape(-1, W.shape[0]).sum(axis=0),
        )

    return Z if b is None else Z + b, backward


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
    """See `chainrule.ops.transposed_convolution`."""
    windows = transposed_windows(A.shape, W.shape, stride, padding, dilation, groups, output_padding)
    check_bias(W, b)
    A, W = _of_one_type(xp, A, W)
    Z = painted(windows, A, W, groups)

    def backward(dZ: Array) -> tuple[Later, Later, Array | None]:
        return (
            lambda: seen(windows, dZ, turned(xp, W, groups), groups),
            lambda: turned(xp, of_weights(windows, dZ, A, groups), groups),
            None if b is None else dZ.reshape(-1, W.shape[0]).sum(axis=0),
        )

    return Z if b is None else Z + b, backward


LOWERED: Lowered = {
    ops.convolution.function: convolution,
    ops.transposed_convolution.function: transposed_convolution,
}
"""By the operations' names."""


def seen(windows: Windows, A: Array, W: Array, groups: int) -> Array:
    """(m, *count, n_out): each window of A (m, *axes, n_in), weighted by W (n_out, *size, n_in / groups)."""
    return _lax.conv_general_dilated(
        A,
        W,
        windows.stride,
        _edges(windows),
        rhs_dilation=windows.dilation,
        feature_group_count=groups,
        dimension_numbers=_axes(windows, "N.C", "O.I", "N.C"),
    )


def painted(windows: Windows, A: Array, W: Array, groups: int) -> Array:
    """(m, *axes, n_out): what each place of A (m, *count, n_in) paints by W (n_out, *size, n_in / groups), added up.

    It is what windows that move by 1 see of A with zeros between its places, through W mirrored.
    """
    edges = []
    for n, stride, dilation, size, before, count in _by_axis(windows):
        first = dilation * (size - 1) - before
        edges.append((first, n - 1 + before - stride * (count - 1)))
    return _lax.conv_general_dilated(
        A,
        lax.rev(W, tuple(range(1, W.ndim - 1))),
        (1,) * len(windows.size),
        edges,
        lhs_dilation=windows.stride,
        rhs_dilation=windows.dilation,
        feature_group_count=groups,
        dimension_numbers=_axes(windows, "N.C", "O.I", "N.C"),
    )


def of_weights(windows: Windows, A: Array, D: Array, groups: int) -> Array:
    """(n_out, *size, n_in / groups): for each weight the sum, over examples and windows, of what of A (m, *axes, n_in)
    meets what of D (m, *count, n_out). It is a convolution whose channels are the examples."""
    return _lax.conv_general_dilated(
        A,
        D,
        windows.dilation,
        _edges(windows),
        rhs_dilation=windows.stride,
        batch_group_count=groups,
        dimension_numbers=_axes(windows, "C.N", "I.O", "C.N"),
    )


def turned(xp: ModuleType, W: Array, groups: int) -> Array:
    """(n_in, *size, n_out / groups) of W (n_out, *size, n_in / groups): the weights from the outputs to the inputs."""
    parts = W.reshape(groups, W.shape[0] // groups, *W.shape[1:])
    parts = xp.swapaxes(parts, 1, -1)
    return parts.reshape(-1, *parts.shape[2:])


def _edges(windows: Windows) -> list[tuple[int, int]]:
    """How many zeros are before and after each axis, so that there are as many windows as there are; less than 0 where
    the last one ends before the axis does."""
    return [
        (before, stride * (count - 1) + dilation * (size - 1) + 1 - before - n)
        for n, stride, dilation, size, before, count in _by_axis(windows)
    ]


def _by_axis(windows: Windows) -> Any:
    w = windows
    return zip(w.axes, w.stride, w.dilation, w.size, w.before, w.count, strict=True)


def _axes(windows: Windows, *layouts: str) -> tuple[str, ...]:
    """Which axis is what, in XLA's letters, with those of the windows in place of the point."""
    return tuple(layout.replace(".", "HW"[: len(windows.size)]) for layout in layouts)


def _of_one_type(xp: ModuleType, *arrays: Array) -> list[Array]:
    dtype = xp.result_type(*arrays)
    return [xp.asarray(A, dtype) for A in arrays]

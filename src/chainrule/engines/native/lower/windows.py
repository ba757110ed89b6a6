"""Windows over pictures and sequences: convolutions, pooling, upsampling."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from chainrule.engines.native.lower.builder import Builder
from chainrule.engines.native.lower.registry import lowers
from chainrule.engines.native.plan import EXAMPLE, NoKernelError
from chainrule.engines.trace import Node
from chainrule.ops.convolution import convolution_windows, transposed_windows
from chainrule.ops.pooling import pooling_windows
from chainrule.ops.windows import Windows

ONE_ROW = {"axes": 1, "size": 1, "stride": 1, "dilation": 1, "before": 0, "count": 1}
"""The axis that makes a sequence a picture."""


@lowers("convolution")
def convolution(plan: Builder, node: Node) -> None:
    A = node.first
    _convolve(plan, node, convolution_windows, of_data=A in plan.views and plan.is_whole(A))


@lowers("transposed_convolution")
def transposed_convolution(plan: Builder, node: Node) -> None:
    _convolve(plan, node, transposed_windows, of_data=False)


def _convolve(plan: Builder, node: Node, windows: Callable[..., Windows], of_data: bool) -> None:
    """The pictures of examples, which may be X itself, by weights that all share."""
    A, W, *b = node.parents
    pictures = [] if of_data else [plan.read(A)]
    weights = [plan.read(W), *map(plan.read, b)]
    if not plan.of_examples(A) or any(plan.values[i].kind == EXAMPLE for i in weights):
        raise NoKernelError(f"a {node.op} that is not of examples by parameters")
    found = on_pictures(windows(A.shape, W.shape, **node.options))
    kernel = f"{node.op}_of_data" if of_data else node.op
    groups = float(node.options["groups"])
    plan.ids[node] = plan.emit(kernel, pictures + weights, node.shape[1:], EXAMPLE, windows=found, groups=groups)


@lowers("max_pool", "average_pool")
def pool(plan: Builder, node: Node) -> None:
    (A,) = node.parents
    _pool(plan, node, shown_by(pooling_windows(np.broadcast_to(0.0, A.shape), **node.options)))


@lowers("adaptive_average_pool")
def adaptive_average_pool(plan: Builder, node: Node) -> None:
    (A,) = node.parents
    _pool(plan, node, parts_of(A.shape[1:-1], node.shape[1:-1]))


@lowers("global_average_pool", "global_max_pool")
def global_pool(plan: Builder, node: Node) -> None:
    A, *mask = node.parents
    if not mask:
        _pool(plan, node, np.arange(math.prod(A.shape[1:-1]))[None, :])
        return
    if not all(map(plan.of_examples, (A, *mask))):
        raise NoKernelError(f"{node.op} with a mask that is not made of X")
    kernel = "masked_max_pool" if node.op == "global_max_pool" else "masked_average_pool"
    plan.make(node, kernel, [plan.read(A), plan.read(mask[0])])


@lowers("upsample")
def upsample(plan: Builder, node: Node) -> None:
    shape = node.first.shape[1:-1]
    places = np.arange(math.prod(shape)).reshape(shape)
    for axis, (many, few) in enumerate(zip(node.shape[1:-1], shape, strict=True)):
        places = np.repeat(places, many // few, axis)
    _pool(plan, node, places.reshape(-1, 1))


def _pool(plan: Builder, node: Node, shown: NDArray[np.int64]) -> None:
    """shown: (places of Z, k), the places of A that each place of Z is made of, −1 for none."""
    A = plan.read(node.first)
    if plan.values[A].kind != EXAMPLE:
        raise NoKernelError(f"{node.op} of what is no batch")
    plan.make(node, node.op, [A], shown=np.ascontiguousarray(shown), k=float(shown.shape[1]))


def on_pictures(windows: Windows) -> NDArray[np.int64]:
    """(6, 2): the attributes of the windows, each for the height and the width."""
    fields = dataclasses.asdict(windows)
    return np.array([[first] * (2 - len(fields[name])) + [*fields[name]] for name, first in ONE_ROW.items()], np.int64)


def shown_by(windows: Windows) -> NDArray[np.int64]:
    """(windows, k): the places that each window shows, −1 for those beyond the edges."""
    places = np.arange(np.prod(windows.axes)).reshape(1, *windows.axes, 1)
    shown: NDArray[np.int64] = windows.show(np, places, beyond=-1)
    return np.ascontiguousarray(shown.reshape(-1, shown.shape[-2]), np.int64)


def parts_of(axes: tuple[int, ...], size: tuple[int, ...]) -> NDArray[np.int64]:
    """(parts, k): the places of each of `size` parts along the axes, −1 behind them; see `adaptive_average_pool`."""
    places = np.arange(np.prod(axes)).reshape(axes)
    cuts = [[slice(i * n // k, -(-(i + 1) * n // k)) for i in range(k)] for n, k in zip(axes, size, strict=True)]
    parts = [places[tuple(axis[i] for axis, i in zip(cuts, index, strict=True))].ravel() for index in np.ndindex(*size)]
    table = np.full((len(parts), max(map(len, parts))), -1)
    for row, part in zip(table, parts, strict=True):
        row[: len(part)] = part
    return table

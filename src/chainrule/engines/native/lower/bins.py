"""A linear step on numbers that a layer has spread over bins, as one kernel, which never writes the bins out.

Of Z = W [A, e] with e_t = (A_j − low_t) / width_t between 0 and 1, each number A_j fills the bins of its column from
the left: all before one, a share of that one, none behind. So a sum of rows of Wᵀ, kept for every bin, and a share of
one row take the place of as many products as there are bins. (An infinite weight reaches only what fills its bin.)
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np
from numpy.typing import NDArray

from chainrule.engines.native.lower.builder import Builder, of_the_library
from chainrule.engines.native.plan import NoKernelError
from chainrule.engines.trace import Node, Role

FEW = 8
"""Columns that have fewer bins each, in the mean, are written out."""

ENDLESS = 1e29
"""Nothing fills a bin of such a width."""

ROUNDINGS, APART = 4, 1e-3
"""So many roundings a bin may lie apart from the one before, but no more than that part of the narrower one."""


@dataclass(frozen=True)
class Bins:
    """Columns spread over bins.

    Attributes:
        A: what they are columns of. between: the nodes that only write the bins out.
        columns, first, count: by column, which it is, its first bin, and how many bins it has, each (k,).
        low, width: (n,), where each bin begins, and how wide it is, in the network's type.
    """

    A: Node
    between: tuple[Node, ...]
    columns: NDArray[np.int64]
    first: NDArray[np.int64]
    count: NDArray[np.int64]
    low: NDArray[np.float64]
    width: NDArray[np.float64]


def find_bins(plan: Builder, needed: set[Node]) -> dict[Node, Bins]:
    """By the nodes that write bins out for a single linear step, and for nothing else, what these bins are."""
    readers: dict[Node, list[Node]] = {}
    for node in plan.trace.nodes:
        if node in needed:
            for given in node.parents:
                readers.setdefault(given, []).append(node)
    found = {}
    for node in plan.trace.nodes:
        if node.op != "linear" or node not in needed or node.first is plan.trace.output:
            continue
        bins = _bins_in(plan, node.first)
        if bins is None or any(len(readers[one]) > 1 for one in (node.first, *bins.between)):
            continue
        _, W, *_ = node.parents
        if plan.may_lie_in_panels(W):
            found[node.first] = bins
    return found


def _bins_in(plan: Builder, spread: Node) -> Bins | None:
    """What `chainrule.PiecewiseLinear` has written out there, if it has, and nothing leads back to its columns."""
    if not _is(spread, "concatenate") or spread.ndim != 2 or spread.options["axis"] not in (1, -1):
        return None
    together = [*spread.parents]
    if len(together) != 2:
        return None
    A, clipped = together
    if not _is(clipped, "clip") or clipped.options != {"low": 0.0, "high": 1.0}:
        return None
    through = clipped.first
    if not _is(through, "standardize"):
        return None
    chosen, low, width = through.parents
    if not _is(chosen, "index") or chosen.first is not A or not (low.given and width.given):
        return None
    which = _columns_of(plan, chosen)
    if which is None or not _without_derivative(plan, A, which):
        return None
    return _grouped(plan, A, (clipped, through, chosen), which, low, width)


def _is(node: Node, name: str) -> bool:
    """Whether a node was made by the library's operation of this name, and not by another one that is called so."""
    return node.op == name and of_the_library(node.operation and node.operation.function)


def _columns_of(plan: Builder, chosen: Node) -> NDArray[np.int64] | None:
    """Which columns of a matrix an indexing takes, of each example the same, and of no other one."""
    assert chosen.operation is not None
    function: partial[Any] = partial(chosen.operation, **chosen.options)
    try:
        found = plan.laid_out([np.arange(chosen.first.shape[1])], [True], [chosen.first.shape], function)
    except NoKernelError:
        return None
    return found if found.ndim == 1 else None


def _without_derivative(plan: Builder, A: Node, which: NDArray[np.int64]) -> bool:
    """Whether these columns are numbers of X itself, to which no derivative goes."""
    if _is(A, "embed_columns"):
        return int(which.max()) < int(A.options["first"]) and A.first.role is Role.DATA
    return A is plan.trace.X


def _grouped(
    plan: Builder, A: Node, between: tuple[Node, ...], which: NDArray[np.int64], low: Node, width: Node
) -> Bins | None:
    """The bins column by column; None where they do not follow each other, or are few."""
    lows, widths = (np.asarray(plan.numbers(one)).astype(plan.dtype) for one in (low, width))
    if lows.shape != which.shape or widths.shape != which.shape:
        return None
    starts = np.flatnonzero(np.diff(which, prepend=-1))
    columns, first, count = [], [], []
    for start, stop in zip(starts, [*starts[1:], len(which)], strict=True):
        there = int(np.sum(widths[start:stop] < ENDLESS))
        if not _follow(lows[start:stop], widths[start:stop], there):
            return None
        if there:
            columns.append(which[start])
            first.append(start)
            count.append(there)
    if len(which) < FEW * len(starts) or not columns:
        return None
    places = {"columns": np.array(columns), "first": np.array(first), "count": np.array(count)}
    return Bins(A, between, **places, low=lows.astype(np.float64), width=widths.astype(np.float64))


def _follow(low: NDArray[Any], width: NDArray[Any], there: int) -> bool:
    """Whether each of the bins begins where the one before ends, and behind those that are there none ever fills."""
    rounded = float(np.finfo(low.dtype).eps)
    low, width = low.astype(np.float64), width.astype(np.float64)
    if not (np.isfinite(low).all() and (width > 0).all() and (width[there:] >= ENDLESS).all()):
        return False
    low, width, end = low[:there], width[:there], low[:there] + width[:there]
    gaps, least = np.abs(end[:-1] - low[1:]), np.minimum(width[:-1], width[1:])
    return bool((gaps <= np.minimum(ROUNDINGS * rounded * (np.abs(low[1:]) + width[:-1]), APART * least)).all())


def linear_in_bins(plan: Builder, bins: Bins, weights: Node, b: list[int]) -> int:
    """The value Z = W [A, e] + b."""
    W, given = plan.read(weights), plan.read(bins.A)
    value = plan.values[W]
    value.panels = True
    value.turned = value.turned or plan.values[given].wanted
    told = {name: getattr(bins, name) for name in ("columns", "first", "count", "low", "width")}
    return plan.emit("linear_in_bins", [given, W, *b], (value.shape[0],), **told)

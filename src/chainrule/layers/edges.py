"""Where bins of a column's numbers begin and end: edges (k + 1,), rising, of k bins and no more than asked for; one
edge where all numbers are the same."""

from collections.abc import Callable, Iterable, Sequence

import numpy as np
from numpy.typing import NDArray

from chainrule.extras import require
from chainrule.graph import Array

FEWEST = 10
"""So many numbers are in a bin at least that a tree has found."""


def by_quantiles(v: NDArray[np.float64], Y: Array, bins: int) -> NDArray[np.float64]:
    """The edges of these numbers alone, whatever Y is.

    Of few different numbers each is an edge. Of many, those that by themselves are as frequent as a bin is are edges,
    and the quantiles of the others are the rest.
    """
    values, counts = np.unique(v, return_counts=True)
    if len(values) <= bins + 1:
        return values
    frequent = values[counts * bins >= len(v)]
    others = np.repeat(values, np.where(counts * bins >= len(v), 0, counts))
    quantiles = np.quantile(others, np.linspace(0, 1, max(bins + 1 - len(frequent), 2)), method="nearest")
    return np.unique(np.concatenate([frequent, quantiles]))[: bins + 1]


def by_tree(v: NDArray[np.float64], Y: Array, bins: int) -> NDArray[np.float64]:
    """The least and the greatest number, and between them where a decision tree divides them so that in each bin the
    targets Y, classes (m,) or values (m, …), are alike.

    The tree takes the best division of all first. A bin has ten numbers at least, and a quarter of what it would have
    if all had as many: fewer tell little of what their targets are like.
    """
    require("sklearn")
    from sklearn.tree import DecisionTreeClassifier, DecisionTreeRegressor

    kind = DecisionTreeClassifier if Y.dtype.kind in "iub" and Y.ndim == 1 else DecisionTreeRegressor
    fewest = max(FEWEST, len(v) // (4 * bins))
    if bins == 1 or len(v) < 2 * fewest:
        return np.unique([v.min(), v.max()])
    tree = kind(max_leaf_nodes=bins, min_samples_leaf=fewest).fit(v[:, None], Y).tree_
    return np.unique([v.min(), *tree.threshold[tree.feature >= 0], v.max()])


EDGES: dict[str, Callable[[NDArray[np.float64], Array, int], NDArray[np.float64]]] = {
    "quantiles": by_quantiles,
    "tree": by_tree,
}
"""The ways to find edges, by name."""


def evenly_drawn(pairs: Iterable[tuple[Array, Array]], most: int) -> tuple[tuple[Array, Array], int]:
    """Every k-th row of batches (m, …) of pairs, k a power of 2, so that there are at most so many; and how many there
    were."""
    kept: list[tuple[Array, Array]] = []
    size = count = 0
    step = 1
    for A, Y in pairs:
        rows = slice(-count % step, None, step)
        kept.append((np.asarray(A)[rows], np.asarray(Y)[rows]))
        count, size = count + len(A), size + len(kept[-1][0])
        while size > most:
            A, Y = _joined(kept)
            kept, size, step = [(A[::2], Y[::2])], len(A[::2]), 2 * step
    return _joined(kept), count


def _joined(kept: Sequence[tuple[Array, Array]]) -> tuple[Array, Array]:
    """The pairs as one."""
    if not kept:
        return np.empty((0, 0)), np.empty((0, 0))
    A, Y = zip(*kept, strict=True)
    return np.concatenate(A), np.concatenate(Y)

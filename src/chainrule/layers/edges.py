"""Where bins of a column's numbers begin and end: edges (k + 1,), rising, of k bins and no more than asked for; one
edge where all numbers are the same."""

from collections.abc import Callable, Iterable, Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from chainrule.extras import require
from chainrule.graph import Array
from chainrule.randomness import legacy_stream

TINY = 1e-300
"""By which a target that never changes may be divided."""

FEWEST = 10
"""So many numbers are in a bin at least that a tree has found."""


class Examples(NamedTuple):
    """What a layer finds edges by.

    Attributes:
        A: (m, n), its inputs. Y: what is to be learned, whole numbers (m, …) that are classes, or values (m, …); None
            where it does not matter.
        weights: (m,), how much each example counts; None for alike.
    """

    A: Array
    Y: Array | None = None
    weights: Array | None = None


def by_quantiles(v: NDArray[np.float64], examples: Examples, bins: int) -> NDArray[np.float64]:
    """The edges of these numbers alone, whatever is to be learned.

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


def by_tree(v: NDArray[np.float64], examples: Examples, bins: int) -> NDArray[np.float64]:
    """The least and the greatest number, and between them where a decision tree divides them so that in each bin the
    targets are alike.

    The tree takes the best division of all first. A bin has ten numbers at least, and a quarter of what it would have
    if all had as many: fewer tell little of what their targets are like. Several targets count alike, whatever their
    units.
    """
    require("sklearn")
    from sklearn.tree import DecisionTreeClassifier, DecisionTreeRegressor

    values, places = np.unique(v, return_inverse=True)
    fewest = max(FEWEST, len(v) // (4 * bins))
    if bins == 1 or len(v) < 2 * fewest or len(values) < 2:
        return values[[0, -1]] if len(values) > 1 else values
    assert examples.Y is not None
    Y = examples.Y.reshape(len(v), -1)
    classes = Y.dtype.kind in "iu"
    kind = DecisionTreeClassifier if classes else DecisionTreeRegressor
    # It sees float32, so that it is told places in the order; and without a seed it would draw from NumPy's own stream.
    tree = kind(max_leaf_nodes=bins, min_samples_leaf=fewest, random_state=legacy_stream("edges", 0))
    found = tree.fit(places[:, None], Y if classes else Y / (Y.std(axis=0) + TINY), examples.weights).tree_
    below = np.unique(found.threshold[found.feature >= 0].astype(np.intp))
    return np.concatenate([values[:1], values[below] / 2 + values[below + 1] / 2, values[-1:]])


EDGES: dict[str, Callable[[NDArray[np.float64], Examples, int], NDArray[np.float64]]] = {
    "quantiles": by_quantiles,
    "tree": by_tree,
}
"""The ways to find edges, by name."""


def evenly_drawn(batches: Iterable[Examples], most: int) -> tuple[Examples, int]:
    """Every k-th example of the batches, k a power of 2, so that there are at most so many; and how many there were."""
    kept: list[Examples] = []
    size = count = 0
    step = 1
    for batch in batches:
        kept.append(_rows(batch, slice(-count % step, None, step)))
        count, size = count + len(batch.A), size + len(kept[-1].A)
        while size > most:
            kept = [_rows(_joined(kept), slice(None, None, 2))]
            size, step = len(kept[0].A), 2 * step
    return _joined(kept), count


def _rows(batch: Examples, rows: slice) -> Examples:
    return Examples(*(None if part is None else np.asarray(part)[rows] for part in batch))


def _joined(kept: Sequence[Examples]) -> Examples:
    """All as one."""
    if not kept:
        return Examples(np.empty((0, 0)))
    parts = (None if parts[0] is None else np.concatenate(parts) for parts in zip(*kept, strict=True))
    return Examples(*parts)

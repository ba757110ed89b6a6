"""Mini-batches in the order, and with the cost, that scikit-learn's solvers have."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from chainrule.data.batches import ArrayBatches

DENSE = 2**24
"""Sparse examples of up to so many numbers are made dense once; of more, batch by batch."""


class SparseRows:
    """The rows of a sparse matrix, made dense as they are read."""

    def __init__(self, X: Any):
        self._X = X.tocsr()
        self.shape, self.dtype, self.ndim = X.shape, X.dtype, 2

    def __len__(self) -> int:
        return int(self.shape[0])

    def __getitem__(self, rows: Any) -> NDArray[Any]:
        dense: NDArray[Any] = self._X[rows].toarray()
        return dense


class SolverBatches(ArrayBatches):
    """Mini-batches, shuffled epoch after epoch by one `RandomState`, as `sklearn.utils.shuffle` does it.

    The cost of a batch is Σ w L / Σ w + α / (2 Σ w) Σ ‖W‖², its sums over the examples of the batch, w = 1 where there
    are no weights. A batch whose weights are all 0 teaches nothing.

    Args:
        X: (m, n), an array of the network's type, or `SparseRows`; Y: (m, …); weights: (m,) or None.
        random: draws the order of each epoch; None meets the examples as they stand.
        alpha: α, scikit-learn's strength of the penalty. l2: that of the optimizer itself, which comes on top.
        dtype: the network's type.

    Attributes:
        l2: (count,) of each batch of the epoch under way: α / Σ w and the optimizer's own.
    """

    l2: NDArray[np.float64]

    def __init__(
        self,
        X: NDArray[Any] | SparseRows,
        Y: NDArray[Any],
        weights: NDArray[Any] | None,
        *,
        batch_size: int,
        random: np.random.RandomState | None,
        alpha: float,
        l2: float,
        dtype: Any,
    ):
        # The engine keeps the array of the weights, so those of a new epoch are written into the same one.
        shared = None if weights is None else np.empty(len(weights), dtype)
        cast = (lambda rows: rows.astype(dtype, copy=False)) if isinstance(X, SparseRows) else None
        super().__init__(X, Y, shared, batch_size=batch_size, shuffle=random is not None, cast=cast)
        self._given, self._random = weights, random
        self._alpha, self._own_l2 = alpha, l2
        self._order = np.arange(self.m)
        self._starts = np.arange(0, self.m, self.batch_size)
        self._sizes = np.diff([*self._starts, self.m])
        self._share_out()

    def order(self, epoch: int) -> NDArray[np.intp]:
        """The examples' numbers in the order in which the next epoch meets them."""
        if self._random is not None:
            shuffled = np.arange(self.m)
            self._random.shuffle(shuffled)
            self._order = self._order[shuffled]
            self._share_out()
        return self._order

    def _share_out(self) -> None:
        """The weights and the penalty of each batch."""
        if self._given is None or self.weights is None:
            self.l2 = self._own_l2 + self._alpha / self._sizes
            return
        in_order = self._given[self._order]
        sums = np.add.reduceat(in_order, self._starts)
        share = np.divide(1, sums, out=np.zeros(len(sums)), where=sums > 0)
        self.weights[self._order] = in_order * np.repeat(self._sizes * share, self._sizes)
        self.l2 = self._own_l2 + self._alpha * share

"""Layers that bring their input to a common scale."""

import math
from collections.abc import Iterable
from dataclasses import KW_ONLY, dataclass
from typing import ClassVar

import numpy as np

from chainrule.checking import real
from chainrule.errors import DataError
from chainrule.graph import Array, Variable, namespace, plain
from chainrule.layers.layer import Layer, features
from chainrule.layers.learner import Learner
from chainrule.ops import batch_norm, layer_norm, normalize, standardize, unstandardize


@dataclass(eq=False, repr=False)
class BatchNorm(Layer):
    """Z = γ Â + β, Â with mean 0 and variance 1 over the batch while training (Ioffe & Szegedy, 2015).

    When predicting, moving averages of the batches' means and variances take the batch's place; so they do for a batch
    of a single example, which has no variance. The input is (m, …, n); statistics are over all axes but the last, of
    pictures over m, height and width; masked steps of sequences do not count.

    Args:
        momentum: how much of the moving average each batch leaves in place.
        epsilon: added to the variance.
    """

    _: KW_ONLY
    momentum: float = 0.9
    epsilon: float = 1e-5

    def __post_init__(self) -> None:
        self.momentum = real("momentum", self.momentum, low=0, high=1)
        self.epsilon = real("epsilon", self.epsilon, low=0, open="low")

    def forward(self, A: Array) -> Array:
        n = (features(A),)
        gamma, beta = self.parameter("gamma", n, "ones"), self.parameter("beta", n)
        mean, variance = self.statistic("mean", n, 0.0), self.statistic("variance", n, 1.0)
        if self.training and self._numbers(A) > 1:
            if self.updating and not self.lent:
                self._remember(plain(A), None if self.mask is None else plain(self.mask))
            return batch_norm(A, gamma, beta, self.mask, epsilon=self.epsilon)
        return normalize(A, gamma, beta, mean, variance, epsilon=self.epsilon)

    def _numbers(self, A: Array) -> int:
        """How many numbers of each feature there are to learn a mean and a variance from."""
        counted = not self.traced and isinstance(plain(self.mask), np.ndarray)
        return int(plain(self.mask).sum()) if counted else math.prod(A.shape[:-1])

    def _remember(self, A: Array, mask: Array | None) -> None:
        examples = tuple(range(A.ndim - 1))
        if mask is None:
            m, mean, variance = A.size // A.shape[-1], *(f(axis=examples, dtype=np.float64) for f in (A.mean, A.var))
        else:
            xp, counts = namespace([A]), mask[..., None]
            m = counts.sum()
            mean = xp.where(counts, A, 0).sum(axis=examples, dtype=np.float64) / m
            variance = (xp.where(counts, A - mean, 0) ** 2).sum(axis=examples) / m
        for name, batch in (("mean", mean), ("variance", variance * (m / (m - 1)))):
            self.statistics[name][...] = self.momentum * self.statistics[name] + (1 - self.momentum) * batch


@dataclass(eq=False, repr=False)
class LayerNorm(Layer):
    """Z = γ Â + β, Â with mean 0 and variance 1 over the features of each example (Ba et al., 2016).

    Args:
        epsilon: added to the variance.
    """

    _: KW_ONLY
    epsilon: float = 1e-5

    def __post_init__(self) -> None:
        self.epsilon = real("epsilon", self.epsilon, low=0, open="low")

    def forward(self, A: Array) -> Array:
        n = (features(A),)
        return layer_norm(A, self.parameter("gamma", n, "ones"), self.parameter("beta", n), epsilon=self.epsilon)


@dataclass(eq=False, repr=False)
class Standardize(Learner):
    """Z = (A − mean) / deviation, feature by feature, both learned from the training data once and kept in the file.

    `train` lets it learn before the first epoch, unless it has. A feature that never changes keeps deviation 1.
    LeCun et al., 1998, "Efficient BackProp".

    Args:
        inverse: Z = A · deviation + mean instead: from a standardized target back to its own units.
    """

    _: KW_ONLY
    inverse: bool = False

    takes_any_type: ClassVar[bool] = True

    def forward(self, A: Array) -> Array:
        n = (features(A),)
        mean, deviation = self.statistic("mean", n, 0.0), self.statistic("deviation", n, 1.0)
        self.statistic("count", (1,), 0.0)
        # Large features lose their differences in float32, so what comes in float64 is standardized there.
        exact = A.dtype if A.dtype.kind == "f" else np.dtype(np.float64)
        mean, deviation = mean.astype(exact), deviation.astype(exact)
        Z: Array = (unstandardize if self.inverse else standardize)(A, mean, deviation)
        return Z if type(Z) is Variable else Z.astype(self._walk().dtype, copy=False)

    def learn(self, batches: Iterable[Array]) -> None:
        """Learn mean and deviation from batches of (m, …, n), in one pass and float64 (Chan et al., 1979).

        Raises:
            DataError: there is no example.
        """
        count, mean, squares = 0, np.float64(0), np.float64(0)
        for A in batches:
            rows = np.asarray(A, dtype=np.float64)
            rows = rows.reshape(-1, rows.shape[-1] if rows.ndim > 1 else 1)
            if len(rows) == 0:
                continue
            total = count + len(rows)
            apart = rows.mean(axis=0) - mean
            squares = squares + rows.var(axis=0) * len(rows) + apart**2 * (count * len(rows) / total)
            mean = mean + apart * (len(rows) / total)
            count = total
        if count == 0:
            raise DataError("there is no example to learn mean and deviation from.")
        deviation = np.sqrt(squares / count)
        unchanging = deviation <= 1e-13 * np.abs(mean)
        # A dict of its own, for who copies the network at this moment.
        self.statistics = self.statistics | {
            "mean": np.array(np.broadcast_to(mean, np.shape(deviation))),
            "deviation": np.where(unchanging, 1.0, deviation),
            "count": np.array([float(count)]),
        }

"""Layers that bring their input to a common scale."""

from collections.abc import Iterable
from dataclasses import KW_ONLY, dataclass

import numpy as np

from chainrule.checking import real
from chainrule.graph import Array, plain
from chainrule.layers.layer import Layer, features
from chainrule.ops import batch_norm, layer_norm


@dataclass(eq=False, repr=False)
class BatchNorm(Layer):
    """Z = γ Â + β, Â with mean 0 and variance 1 over the batch while training (Ioffe & Szegedy, 2015).

    When predicting, moving averages of the batches' means and variances take the batch's place. The input is
    (m, …, n); statistics are over all axes but the last.

    Args:
        momentum: how much of the moving average each batch leaves in place.
        epsilon: added to the variance.
    """

    _: KW_ONLY
    momentum: float = 0.9
    epsilon: float = 1e-5

    def __post_init__(self) -> None:
        real("momentum", self.momentum, low=0, high=1)
        real("epsilon", self.epsilon, low=0, open="low")

    def forward(self, A: Array) -> Array:
        n = (features(A),)
        gamma, beta = self.parameter("gamma", n, "ones"), self.parameter("beta", n)
        mean, variance = self.statistic("mean", n, 0.0), self.statistic("variance", n, 1.0)
        if not self.training:
            return batch_norm(A, gamma, beta, mean, variance, epsilon=self.epsilon)
        self._remember(plain(A))
        return batch_norm(A, gamma, beta, epsilon=self.epsilon)

    def _remember(self, A: Array) -> None:
        examples = tuple(range(A.ndim - 1))
        m = A.size // A.shape[-1]
        unbiased = A.var(axis=examples) * (m / max(m - 1, 1))
        for name, batch in (("mean", A.mean(axis=examples)), ("variance", unbiased)):
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
        real("epsilon", self.epsilon, low=0, open="low")

    def forward(self, A: Array) -> Array:
        n = (features(A),)
        return layer_norm(A, self.parameter("gamma", n, "ones"), self.parameter("beta", n), epsilon=self.epsilon)


@dataclass(eq=False, repr=False)
class Standardize(Layer):
    """Z = (A − mean) / deviation, feature by feature, both learned from the training data once and kept in the file.

    `train` lets it learn before the first epoch, unless it has. A feature that never changes keeps deviation 1.
    LeCun et al., 1998, "Efficient BackProp".

    Args:
        inverse: Z = A · deviation + mean instead: from a standardized target back to its own units.
    """

    _: KW_ONLY
    inverse: bool = False

    def forward(self, A: Array) -> Array:
        n = (features(A),)
        mean, deviation = self.statistic("mean", n, 0.0), self.statistic("deviation", n, 1.0)
        self.statistic("count", (1,), 0.0)
        return A * deviation + mean if self.inverse else (A - mean) / deviation

    @property
    def learned(self) -> bool:
        """Whether it has seen the data that it standardizes."""
        return bool("count" in self.statistics and self.statistics["count"][0] > 0)

    def learn(self, batches: Iterable[Array]) -> None:
        """Learn mean and deviation from batches of (m, …, n), in one pass and float64 (Chan et al., 1979)."""
        count, mean, squares = 0, np.float64(0), np.float64(0)
        for A in batches:
            rows = np.asarray(A, dtype=np.float64).reshape(-1, A.shape[-1])
            total = count + len(rows)
            if total == 0:
                continue
            apart = rows.mean(axis=0) - mean
            squares = squares + rows.var(axis=0) * len(rows) + apart**2 * (count * len(rows) / total)
            mean = mean + apart * (len(rows) / total)
            count = total
        deviation = np.sqrt(squares / max(count, 1))
        unchanging = deviation <= 1e-7 * np.abs(mean)
        n = np.shape(mean)
        self.statistics["mean"] = np.broadcast_to(mean, n).astype(self._type())
        self.statistics["deviation"] = np.where(unchanging, 1.0, deviation).astype(self._type())
        self.statistics["count"] = np.array([count], self._type())

    def _type(self) -> np.dtype:
        return self.statistics["mean"].dtype if "mean" in self.statistics else np.dtype(np.float32)

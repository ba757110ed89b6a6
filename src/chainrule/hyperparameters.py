"""What holds for a batch beside its examples: the numbers that schedules may change from batch to batch."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Generic, NamedTuple, Protocol, TypeAlias, TypeVar

import numpy as np
from numpy.typing import NDArray

N = TypeVar("N")
"""A number, of one batch; or a list or an array (batches,), of several."""


class Rates(Protocol):
    """Who knows α and ω at each epoch, such as an `Optimizer`."""

    def alpha(self, epoch: float, /) -> float: ...

    def decay(self, epoch: float, /) -> float: ...


class Hyperparameters(NamedTuple, Generic[N]):
    """What holds for a batch; or for several, side by side, which share their rates of dropout.

    Attributes:
        learning_rate: α. weight_decay: ω.
        l2: λ; None for the optimizer's own.
        drop_rates: of those layers whose dropout is on a schedule, in the network's order.
    """

    learning_rate: N
    weight_decay: N
    l2: N | None = None
    drop_rates: tuple[Any, ...] = ()

    @staticmethod
    def at(rates: Rates, epoch: float) -> Hyperparameters[float]:
        """Those of one batch."""
        return Hyperparameters(rates.alpha(epoch), rates.decay(epoch))

    @staticmethod
    def of_several(
        rates: Rates, epochs: list[float], l2: list[float] | None = None, drop_rates: tuple[float, ...] = ()
    ) -> Hyperparameters[list[float]]:
        """Those of several batches, each at its epoch, 2.5 being the middle of the third."""
        return Hyperparameters([*map(rates.alpha, epochs)], [*map(rates.decay, epochs)], l2, drop_rates)

    def of(self, k: Any) -> Hyperparameters[Any]:
        """Those of number k of several."""
        several: Any = self
        l2 = None if self.l2 is None else several.l2[k]
        return Hyperparameters(several.learning_rate[k], several.weight_decay[k], l2, self.drop_rates)

    def as_arrays(self, dtype: str) -> Hyperparameters[NDArray[Any]]:
        """Those of several as arrays (batches,), and the rates of dropout as such of one number, ()."""
        alphas, omegas = np.array(self.learning_rate, dtype), np.array(self.weight_decay, dtype)
        l2 = None if self.l2 is None else np.array(self.l2, dtype)
        return Hyperparameters(alphas, omegas, l2, tuple(np.array(rate, dtype) for rate in self.drop_rates))


OfBatches: TypeAlias = Callable[[int, int], Hyperparameters[list[float]]]
"""What holds for the batches from a number up to another one."""

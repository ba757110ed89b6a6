"""Dropout as a layer."""

from dataclasses import dataclass

from chainrule.checking import real
from chainrule.graph import Array
from chainrule.layers.layer import Layer
from chainrule.layers.walk import current_walk
from chainrule.ops import dropout
from chainrule.schedules import Schedule, number_or_schedule, value_at


@dataclass(eq=False, repr=False)
class Dropout(Layer):
    """While training, sets each number to 0 with probability `rate` and divides the others by 1 − rate.

    When predicting it changes nothing. Srivastava et al., 2014.

    Args:
        rate: in [0, 1); or a `Schedule`, which is asked at the beginning of each epoch. Whoever trains without epochs,
            such as L-BFGS, has its first rate.

    Raises:
        OptionError: a rate outside that range.
    """

    rate: float | Schedule = 0.5

    def __post_init__(self) -> None:
        self.rate = number_or_schedule("the dropout rate", self.rate, low=0, high=1, open="high")
        self.rate_at(0)

    @property
    def on_schedule(self) -> bool:
        """Whether the rate changes from epoch to epoch."""
        return isinstance(self.rate, Schedule)

    def rate_at(self, epoch: float) -> float:
        """The rate at this epoch.

        Raises:
            OptionError: a schedule returned a number outside [0, 1).
        """
        rate = value_at(self.rate, epoch, "the dropout rate")
        if not rate < 1:
            rate = real(f"the dropout rate that {self.rate!r} returns at epoch {epoch:g}", rate, high=1, open="high")
        return rate

    def forward(self, A: Array) -> Array:
        if not self.training or (not self.on_schedule and self.rate == 0):
            return A
        walk = current_walk()
        rates = {} if walk is None else walk.drop_rates
        rate = rates[id(self)] if id(self) in rates else self.rate_at(0)
        return dropout(A, rate=rate, key=self.random_key())

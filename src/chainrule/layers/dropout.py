"""Dropout as a layer."""

from dataclasses import dataclass

from chainrule.checking import real
from chainrule.graph import Array
from chainrule.layers.layer import Layer
from chainrule.ops import dropout


@dataclass(eq=False, repr=False)
class Dropout(Layer):
    """While training, sets each number to 0 with probability `rate` and divides the others by 1 − rate.

    When predicting it changes nothing. Srivastava et al., 2014.

    Args:
        rate: in [0, 1).

    Raises:
        OptionError: a rate outside that range.
    """

    rate: float = 0.5

    def __post_init__(self) -> None:
        self.rate = real("the dropout rate", self.rate, low=0, high=1, open="high")

    def forward(self, A: Array) -> Array:
        if not self.training or self.rate == 0:
            return A
        return dropout(A, rate=self.rate, key=self.random_key())

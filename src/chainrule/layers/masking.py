"""Sequences of different lengths in one array."""

from dataclasses import dataclass

from chainrule.checking import real
from chainrule.errors import ShapeError
from chainrule.graph import Array
from chainrule.layers.layer import Layer
from chainrule.ops import step_mask


@dataclass(eq=False, repr=False)
class Masking(Layer):
    """Tells the layers behind it, and the cost, which steps only fill up sequences that are shorter than the longest.

    Sequences of different lengths lie in one array X, (m, steps) or (m, steps, n), filled up with `padding`, before or
    behind. Masking stands first, looks for steps that hold the padding and nothing else, and hands X on as it is. Then
    such steps change nothing any more: recurrent layers keep their state, attention looks past them, pooling and batch
    normalization leave them out, convolutions find zeros, and in the cost and the metrics of an output with steps they
    do not count. They may also be gaps inside a sequence, which an `AveragePool` takes for zeros as convolutions do.

    Args:
        padding: the number that fills up; an index that stands for nothing, or a number that data do not have.

    Raises:
        OptionError: the padding is no number.
    """

    padding: float = 0

    def __post_init__(self) -> None:
        real("padding", self.padding)

    def forward(self, A: Array) -> Array:
        if A.ndim not in (2, 3):
            raise ShapeError(f"the input is {A.shape}, but must be sequences (m, steps) or (m, steps, features).")
        self._walk().mask = self.found_in(A)
        return A

    def found_in(self, X: Array) -> Array:
        """(m, steps), true where there is a step."""
        return step_mask(X, padding=self.padding)

"""The fully connected layer."""

from dataclasses import KW_ONLY, dataclass
from typing import Any

from chainrule.checking import whole
from chainrule.graph import Array
from chainrule.initializers import find_initializer, initializer_for
from chainrule.layers.activation import activation_name, find_activation
from chainrule.layers.layer import Layer, features
from chainrule.ops import linear


@dataclass(eq=False, repr=False)
class Dense(Layer):
    """A^[l] = g(W^[l] A^[l−1] + b^[l]): every unit sees every feature (the notes, "L layers").

    The input is (m, …, n_in), the output (m, …, n_out); W is (n_out, n_in) and b is (n_out,).

    Args:
        n_out: n^[l], the number of units.
        activation: g, a name such as "relu", an operation, or None for none.
        initializer: how W starts, a name or an Initializer; by default the one that fits the activation: He for relu
            and its relatives, Xavier for the others.
        bias: whether b is added; it starts at zero.

    Raises:
        OptionError: n_out is not a whole number of 1 or more, or a name is unknown.
    """

    n_out: int
    activation: Any = None
    _: KW_ONLY
    initializer: Any = None
    bias: bool = True

    def __post_init__(self) -> None:
        self.n_out = whole("n_out", self.n_out)
        self._g = find_activation(self.activation)
        self._start = (
            initializer_for(activation_name(self.activation))
            if self.initializer is None
            else find_initializer(self.initializer)
        )

    def forward(self, A: Array) -> Array:
        W = self.parameter("W", (self.n_out, features(A)), self._start)
        b = self.parameter("b", (self.n_out,)) if self.bias else None
        return self._g(linear(A, W, b))

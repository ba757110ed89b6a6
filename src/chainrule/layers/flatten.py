"""From pictures or sequences to plain rows of features."""

import math
from dataclasses import dataclass

from chainrule.graph import Array
from chainrule.layers.layer import Layer


@dataclass(eq=False, repr=False)
class Flatten(Layer):
    """(m, …) becomes (m, n), n the product of the other axes: the notes' x of a picture."""

    def forward(self, A: Array) -> Array:
        return A.reshape(A.shape[0], math.prod(A.shape[1:]))

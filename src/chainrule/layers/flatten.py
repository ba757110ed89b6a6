"""From pictures or sequences to plain rows of features."""

import math
from dataclasses import dataclass

from chainrule.graph import Array
from chainrule.layers.layer import Layer, without_padding


@dataclass(eq=False, repr=False)
class Flatten(Layer):
    """(m, …) becomes (m, n), n the product of the other axes: the notes' x of a picture. Masked steps become zeros."""

    def forward(self, A: Array) -> Array:
        return without_padding(self, A).reshape(A.shape[0], math.prod(A.shape[1:]))

    def mask_after(self, mask: Array) -> None:
        return None

"""Layers with a way around them."""

from collections.abc import Sequence
from dataclasses import dataclass

from chainrule.errors import ShapeError
from chainrule.graph import Array
from chainrule.layers.layer import Layer, list_of_layers


@dataclass(eq=False, repr=False)
class Residual(Layer):
    """Z = A + F(A): the layers learn what to add to their input (He et al., 2016).

    Args:
        layers: F, one after the other; the output must have the shape of the input, or of the shortcut's output.
        shortcut: a layer for the way around, such as Dense(n, bias=False), where F changes the number of features.

    Raises:
        OptionError: no layers, or something that is no layer.
    """

    layers: Sequence[Layer]
    shortcut: Layer | None = None

    def __post_init__(self) -> None:
        self.layers = list_of_layers(self.layers, "Residual")
        if self.shortcut is not None:
            list_of_layers([self.shortcut], "Residual's shortcut")

    def forward(self, A: Array) -> Array:
        walk = self._walk()
        F, before = A, walk.mask
        for layer in self.layers:
            F = layer(F)
        after, walk.mask = walk.mask, before
        around = A if self.shortcut is None else self.shortcut(A)
        walk.mask = after
        if F.shape != around.shape:
            raise ShapeError(
                f"A + F(A): A is {around.shape} and F(A) is {F.shape}. Give F's last layer {around.shape[-1]} units, "
                f"or the way around a layer of its own: shortcut=Dense({F.shape[-1]}, bias=False)."
            )
        return around + F

    def mask_after(self, mask: Array) -> Array | None:
        after: Array | None = mask
        for layer in self.layers:
            after = None if after is None else layer.mask_after(after)
        return after

"""Finds the layer in which a NaN or an infinity appeared first."""

import numpy as np

from chainrule.errors import NotFiniteError
from chainrule.graph import Array, plain
from chainrule.layers import Layer, Network
from chainrule.layers.walk import Walk, walking

WAY_OUT = "Lower the learning rate, clip the gradient (clip_norm=1.0), or bring X to a common scale (Standardize())."


def not_finite(net: Network, X: Array, cost: float, epoch: int, batch: int, seed: int, update: int) -> NotFiniteError:
    """The error for a cost that is not finite: it names the epoch, the batch and the first layer where it appears.

    Args:
        epoch, batch, update: counted from 0; the message counts from 1, as the progress does.
    """
    first: list[Layer] = []

    def look(layer: Layer, _: Array, Z: Array) -> None:
        if not first and not np.isfinite(plain(Z)).all() and not layer.holds_layers:
            first.append(layer)

    rates = net.by_layer(net.drop_rates(epoch))
    walk = Walk(training=True, dtype=net.dtype, seed=seed, update=update, watch=look, drop_rates=rates)
    with walking(walk), np.errstate(all="ignore"):
        net(X)
    cause = "all layers are finite, so it appears in the loss or the penalty"
    for layer in first:
        broken = [name for name, value in layer.parameters.items() if not np.isfinite(value).all()]
        cause = f"it appears first in {layer.label}"
        cause += f", whose {broken[0]} has not been finite since the update before" if broken else ""
    return NotFiniteError(f"epoch {epoch + 1}, batch {batch + 1}: the cost is {cost}; {cause}. {WAY_OUT}")

"""The units of values: what a network learns of them, and the layers that bring its outputs back."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from chainrule.data.targets import Target
from chainrule.layers import Activation, Layer, Standardize
from chainrule.ops import exp


def final_layers(target: Target, Y: NDArray[Any]) -> list[Layer]:
    """The layers that turn what a network learns of values Y back into them; none for labels."""
    if target.task != "values":
        return []
    final = Standardize(inverse=True)
    columns = target.learned(Y)
    final.learn([columns])
    own = [scale.origin_and_unit(y) for scale, y in zip(target.scales or (), columns.T, strict=False)]
    pairs = [pair for pair in own if pair is not None]  # of all or none, as all are of one form
    if pairs:
        origins, units = np.array(pairs).T
        final.statistics |= {"mean": origins, "deviation": units}
    return [final, *([Activation(exp)] if target.form == "log" else [])]


def learned(Y: NDArray[Any], target: Target, final: Layer | None) -> NDArray[Any]:
    """What the network learns: class numbers as they are, values in the units of that layer."""
    if final is None:
        return Y
    return np.asarray((target.learned(Y) - final.statistics["mean"]) / final.statistics["deviation"])

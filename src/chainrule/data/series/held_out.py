"""What is settled by forecasts of windows that were not learned from: how much of a network to take, and its
quantiles."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from chainrule.data.series.windows import Windows

Values = NDArray[np.float64]

LITTLE = 0.05
"""Of a network of which less than this share should be taken, nothing is."""

CLEAR = 0.99
"""What a network adds is taken where it leaves less than this part of the absolute error."""

FEW = 20
"""Fewer windows than so many say nothing of a network."""

MANY = 100
"""From so many windows on each step ahead has its own correction of the quantiles."""


@dataclass(frozen=True)
class HeldOut:
    """Forecasts of windows that were not learned from, and what came; scaled, and as far as they are from the base.

    Attributes:
        output: (m, horizon · k · (1 + quantiles)), of networks. came: (m, horizon · k).
        fold: (m,), which part of what was held out each window is of.
        own: whether it is the very network that is to be judged, not another one of less data.
    """

    output: Values
    came: Values
    fold: NDArray[np.intp]
    own: bool


def settled(encoding: Windows, held_out: HeldOut | None) -> Windows:
    """The encoding with the share of the network, and the shifts of its quantiles, that were right where it was held
    out.

    The share is what the part wants that wants least of it; of nothing that was held out it is 0.
    """
    if held_out is None:
        return replace(encoding, share=0.0, shifts=[])
    parts, came = held_out.output.reshape(*held_out.came.shape, -1), held_out.came
    point = parts[..., 0]
    folds = [(point[held_out.fold == i], came[held_out.fold == i]) for i in np.unique(held_out.fold)]
    share = _share(folds) if len(came) >= FEW else 0.0
    if not encoding.quantiles:
        return replace(encoding, share=share, shifts=[])
    spread = float(held_out.own)  # another network's quantiles say nothing of how far apart this one's are
    left = (came - share * point)[..., None] - spread * (parts[..., 1:] - parts[..., :1])
    shifts = [_shift(left[..., i], quantile) for i, quantile in enumerate(encoding.quantiles)]
    return replace(encoding, share=share, spread=spread, shifts=np.stack(shifts, axis=-1).ravel().tolist())


def _share(folds: list[tuple[Values, Values]]) -> float:
    """How much of the first leaves the least squared error of the second, in the part that wants least of it; nothing
    where that does not help clearly in each."""
    sizes = [float((point**2).sum()) for point, _ in folds]
    wanted = [
        float((point * came).sum()) / size if size else 0.0 for (point, came), size in zip(folds, sizes, strict=True)
    ]
    share = round(float(np.clip(min(wanted), 0, 1)), 3)
    helps = all(abs(came - share * point).mean() < CLEAR * abs(came).mean() for point, came in folds)
    return share if share >= LITTLE and helps else 0.0


def _shift(left: Values, quantile: float) -> Values:
    """(horizon · k,) what a share `quantile` of what is left (m, horizon · k) lies below; of few windows by all
    steps."""
    if len(left) >= MANY:
        return np.asarray(np.quantile(left, quantile, axis=0))
    units = left.std(axis=0)
    units = np.where(units > 0, units, 1.0)
    return np.asarray(np.quantile(left / units, quantile) * units)

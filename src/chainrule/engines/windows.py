"""Windows as the kernels read them: numbers for two axes, or a table of the places that each window shows."""

from __future__ import annotations

import dataclasses

import numpy as np
from numpy.typing import NDArray

from chainrule.ops.windows import Windows

ONE_ROW = {"axes": 1, "size": 1, "stride": 1, "dilation": 1, "before": 0, "count": 1}
"""The axis that makes a sequence a picture."""


def on_pictures(windows: Windows) -> NDArray[np.int64]:
    """(6, 2): the attributes of the windows, each for the height and the width."""
    told = dataclasses.asdict(windows)
    return np.array([[first] * (2 - len(told[name])) + [*told[name]] for name, first in ONE_ROW.items()], np.int64)


def shown_by(windows: Windows) -> NDArray[np.int64]:
    """(windows, k): the places that each window shows, −1 for those beyond the edges."""
    places = np.arange(np.prod(windows.axes)).reshape(1, *windows.axes, 1)
    shown: NDArray[np.int64] = windows.show(np, places, beyond=-1)
    return np.ascontiguousarray(shown.reshape(-1, shown.shape[-2]), np.int64)


def parts_of(axes: tuple[int, ...], size: tuple[int, ...]) -> NDArray[np.int64]:
    """(parts, k): the places of each of `size` parts along the axes, −1 behind them; see `adaptive_average_pool`."""
    places = np.arange(np.prod(axes)).reshape(axes)
    cuts = [[slice(i * n // k, -(-(i + 1) * n // k)) for i in range(k)] for n, k in zip(axes, size, strict=True)]
    parts = [places[tuple(axis[i] for axis, i in zip(cuts, index, strict=True))].ravel() for index in np.ndindex(*size)]
    table = np.full((len(parts), max(map(len, parts))), -1)
    for row, part in zip(table, parts, strict=True):
        row[: len(part)] = part
    return table

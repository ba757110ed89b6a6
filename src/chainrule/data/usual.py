"""What settings are for a table where nobody has chosen; measured by `benchmarks.defaults`."""

from __future__ import annotations

import math
from typing import Any

MET, LEAST, MOST = 150_000, 9, 24
"""So many examples are met, as long as that is so many epochs; a pilot finds whether fewer or more are better."""

BATCHES, SMALLEST, LARGEST = 60, 32, 256
"""About so many batches make an epoch, as long as they are of so many rows."""

MEMBERS = {20_000: 5, 40_000: 4, 80_000: 3}
"""Of no more rows than these so many networks answer together, and of more one."""


def settings_for(m: int, *, alone: bool) -> dict[str, Any]:
    """The settings for m rows to train on: bins for the numbers (Gorishniy et al., 2022), two wide layers, what keeps
    them from learning by heart, α that falls to 0 over few epochs, and several networks, whose mean is the answer.

    Nothing of it jumps: the batches grow with the rows, and the epochs shrink.

    Args:
        alone: whether one network is wanted.
    """
    members = 1 if alone else next((k for most, k in MEMBERS.items() if m <= most), 1)
    learned = m * (1 - 1 / members) if members > 1 else m
    size = 2 ** round(math.log2(max(m, 1) / BATCHES))
    return {
        "members": members,
        "hidden": (256, 256),
        "activation": "silu",
        "bins": 48,
        "dropout": 0.3,
        "optimizer": "adamw",
        "learning_rate": 2e-3,
        "weight_decay": 0.1,
        "l2": 0.0,
        "batch_size": int(min(max(size, SMALLEST), LARGEST)),
        "epochs": int(min(max(MET / max(learned, 1), LEAST), MOST)),
    }

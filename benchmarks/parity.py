"""Whether a device comes to what NumPy comes to, in float32: the derivatives of one batch."""

from __future__ import annotations

import os
from collections.abc import Sequence

import numpy as np

from benchmarks.printed import Table
from benchmarks.rows import OnDevice
from chainrule.engines import select
from chainrule.training.cost import Cost

CLOSE = 1e-5
"""The relative error up to which float32 counts as the same."""


def device_of(device: str) -> str:
    """The device by its name, such as "gpu: NVIDIA H200".

    Raises:
        OptionError: there is none, or no JAX.
    """
    os.environ.setdefault("XLA_PYTHON_CLIENT_PREALLOCATE", "false")  # contestants share its memory
    select("jax", device)
    from chainrule.engines.jax.devices import Devices

    return Devices(device).label


def parity(rows: Sequence[OnDevice]) -> Table:
    """How far the costs and derivatives of a row's first batch are from NumPy's."""
    lines, apart = [], []
    for row in rows:
        errors = errors_of(row)
        lines.append([row.title, *(f"{error:.1e}" for error in errors)])
        apart += [row.title] * (max(errors) > CLOSE)
    notes = [f"{title} is further from NumPy than {CLOSE:g}, so its times mean nothing" for title in apart]
    return Table("apart from NumPy, relative, float32", ("", "J", "dJ/dθ"), lines, notes)


def errors_of(row: OnDevice) -> tuple[float, float]:
    """The relative errors of J and of its derivatives: |J − J̃| / |J̃| and ‖g − g̃‖ / ‖g̃‖."""
    X, y = row.data()
    net, cost, batch = row.model.network(), Cost("cross_entropy"), (X[: row.batch], y[: row.batch], None)
    (J, g, _), (exact_J, exact_g, _) = (
        select(name, device).slope(net, cost, batch, seed=0).measure()
        for name, device in (("jax", row.device), ("numpy", None))
    )
    return abs(J - exact_J) / abs(exact_J), float(np.linalg.norm(g - exact_g) / np.linalg.norm(exact_g))

"""How far the answers of several networks lie apart: a column beside their predictions."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from chainrule.data.targets import Target
from chainrule.errors import OptionError
from chainrule.experiments.outputs import in_units
from chainrule.layers import Ensemble, Network
from chainrule.layers.ensemble import ensemble_in


def require_several(network: Network, path: str) -> Ensemble:
    """The networks that answer together.

    Raises:
        OptionError: there is a single one.
    """
    found = ensemble_in(network)
    if found is None:
        raise OptionError(
            f"--spread tells how far the answers of several networks lie apart, and {path} holds a single one: train "
            "with --members 5."
        )
    return found


def spread_of(
    network: Network, ensemble: Ensemble, X: NDArray[np.generic], target: Target
) -> dict[str, NDArray[np.float64]]:
    """By columns, the standard deviation of what the networks answer to each example, (m,): of values in their own
    units, of labels of the probability of the one that is predicted, of several labels of each one's."""
    found = np.array([in_units(network, member.predict(X), target) for member in ensemble.members], np.float64)
    apart = found.std(axis=0)
    if target.task == "classes":
        apart = np.take_along_axis(apart, found.mean(axis=0).argmax(axis=1)[:, None], axis=1)
    names = ["spread"] if len(target.names) == 1 else [f"spread {name}" for name in target.names]
    return dict(zip(names, apart.T, strict=True))

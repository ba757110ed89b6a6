"""The outputs of an experiment's network, in the target's own units, and their scores.

A network for values ends in a `Standardize` that brings them back to their own units. It does so in the network's type,
and float32 cannot tell 1.7e9 from 1.7e9 + 50; so here that last layer is computed in float64.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from chainrule.data.source import Encoding, Source
from chainrule.layers import Network, Standardize
from chainrule.metrics import find_metrics, score
from chainrule.training.cost import Cost
from chainrule.training.evaluate import scores_and_outputs


def outputs(network: Network, X: NDArray[Any]) -> NDArray[Any]:
    """The outputs (m, …); values in float64."""
    parted = _parted(network)
    if parted is None:
        return network.predict(X)
    body, final = parted
    return np.asarray(body.predict(X) * final.statistics["deviation"] + final.statistics["mean"])


def spread(network: Network) -> NDArray[np.float64] | None:
    """(n_out,), the standard deviation of each value while training; None where the network predicts labels."""
    parted = _parted(network)
    return None if parted is None else parted[1].statistics["deviation"]


def measure(network: Network, X: NDArray[Any], Y: NDArray[Any], loss: str, metrics: Any) -> dict[str, float]:
    """The mean cost as "loss", and each metric under its name."""
    return measure_and_keep(network, X, Y, loss, metrics)[0]


def measure_and_keep(
    network: Network, X: NDArray[Any], Y: NDArray[Any], loss: str, metrics: Any
) -> tuple[dict[str, float], NDArray[Any]]:
    """As `measure`, and the outputs that were measured."""
    if _parted(network) is None:
        return scores_and_outputs(network, X, Y, loss=loss, metrics=metrics)
    output = outputs(network, X)
    return measured(output, Y, loss, metrics), output


def measure_in_units(
    network: Network,
    encoding: Encoding,
    source: Source,
    rows: NDArray[Any],
    X: NDArray[Any],
    Y: NDArray[Any],
    target: Any,
) -> tuple[dict[str, float], NDArray[Any]]:
    """As `measure_and_keep`, of these rows of a source, whose encoding brings outputs into the units of the data."""
    if encoding.own_units:
        return measure_and_keep(network, X[rows], Y[rows], target.loss, target.metrics)
    output = encoding.output(source, outputs(network, X[rows]), rows)
    return measured(target.points(output), Y[rows], target.loss, target.metrics), output


def measured(output: NDArray[Any], Y: NDArray[Any], loss: str, metrics: Any) -> dict[str, float]:
    """As `measure`, of outputs (m, …) that are there already."""
    cost = Cost(loss)
    return {"loss": float(cost(output, Y))} | score(find_metrics(metrics, cost.task), Y, output, cost.task)


def _parted(network: Network) -> tuple[Network, Standardize] | None:
    """The network for standardized values and the layer that gives them their units, where it is made of these."""
    if len(network.layers) != 2:
        return None
    body, final = network.layers
    if isinstance(body, Network) and isinstance(final, Standardize) and final.inverse:
        return body, final
    return None

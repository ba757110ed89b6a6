"""The outputs of an experiment's network, in the target's own units, and their scores.

A network for values ends in a `Standardize` that brings them back to their own units, and where their logarithm was
learned in the exponential of that. It does so in the network's type, and float32 cannot tell 1.7e9 from 1.7e9 + 50; so
here these last layers are computed in float64. Predictions then keep to the limits of their target.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from chainrule.data.source import Encoding, Source
from chainrule.data.targets import Target
from chainrule.layers import Activation, Network, Standardize
from chainrule.metrics import METRICS, find_metrics, score
from chainrule.ops import exp
from chainrule.training.cost import Cost
from chainrule.training.evaluate import scores_and_outputs


def outputs(network: Network, X: NDArray[Any], target: Target) -> NDArray[Any]:
    """The outputs (m, …); values in float64, within their limits."""
    return in_units(network, body_of(network).predict(X), target)


def body_of(network: Network) -> Network:
    """What of the network is trained: of one for values, what says them standardized."""
    parted = _parted(network)
    return network if parted is None else parted[0]


def in_units(network: Network, found: NDArray[Any], target: Target) -> NDArray[Any]:
    """What the network's body, or one like it, says of examples, (m, …), as outputs of the network; see `outputs`."""
    parted = _parted(network)
    if parted is not None:
        _, final, exponential = parted
        found = np.asarray(found * final.statistics["deviation"] + final.statistics["mean"])
        if exponential:
            with np.errstate(over="ignore"):
                found = np.minimum(np.exp(found), np.finfo(np.float64).max)
    return target.held(found)


def unit_of_values(network: Network) -> NDArray[np.float64] | None:
    """(n_out,), how far the values lay apart while training, each; None where that is not known, as of labels."""
    parted = _parted(network)
    return None if parted is None or parted[2] else parted[1].statistics["deviation"]


def measure(network: Network, X: NDArray[Any], Y: NDArray[Any], target: Target) -> dict[str, float]:
    """The mean cost as "loss", and each metric of the target under its name."""
    return measure_and_keep(network, X, Y, target)[0]


def measure_and_keep(
    network: Network, X: NDArray[Any], Y: NDArray[Any], target: Target
) -> tuple[dict[str, float], NDArray[Any]]:
    """As `measure`, and the outputs that were measured."""
    if target.task == "classes":
        return scores_and_outputs(network, X, Y, loss=target.cost, metrics=target.metrics)
    output = outputs(network, X, target)
    return measured(output, Y, target), output


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
        return measure_and_keep(network, X[rows], Y[rows], target)
    output = encoding.output(source, outputs(network, X[rows], target), rows)
    return measured(target.points(output), Y[rows], target), output


def measured(output: NDArray[Any], Y: NDArray[Any], target: Target) -> dict[str, float]:
    """As `measure`, of outputs (m, …) that are there already; of two labels about the positive one."""
    cost = Cost(target.cost)
    found = {"loss": float(cost(output, Y))}
    if target.task != "yes_no":
        return found | score(find_metrics(target.metrics, cost.task), Y, output, cost.task)
    answers, P = target.towards_positive(Y, output)
    decided = target.says_positive(P).astype(np.float64)
    for metric in find_metrics(target.metrics, cost.task):
        found |= score([metric], answers, decided if METRICS[metric.name].decides else P, cost.task)
    return found


def measured_each(output: NDArray[Any], Y: NDArray[Any], target: Target) -> dict[str, dict[str, float]]:
    """Of several columns each by itself, by its name."""
    columns = zip(target.each(), output.T, Y.T, strict=True)
    return {one.names[0]: measured(a[:, None], y, one) for one, a, y in columns}


def _parted(network: Network) -> tuple[Network, Standardize, bool] | None:
    """The network for standardized values, the layer that gives them their units, and whether their exponential is
    taken, where it is made of these."""
    if not 2 <= len(network.layers) <= 3:
        return None
    body, final, *rest = network.layers
    exponential = bool(rest) and isinstance(rest[0], Activation) and rest[0].activation is exp
    if isinstance(body, Network) and isinstance(final, Standardize) and final.inverse and exponential == bool(rest):
        return body, final, exponential
    return None

"""Whether less than the network serves better on the validation part: a smaller one, or the linear model itself."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from chainrule.data.targets import Target
from chainrule.errors import NotFiniteError
from chainrule.experiments.settings import KNOBS, NETWORK, Settings
from chainrule.numbers import brief

CHOSEN = (*NETWORK, *KNOBS, "loss", "metric", "class_weight")
"""Who has chosen one of these wants that very network."""

FEW = 50
"""A validation part of fewer examples decides nothing."""

AHEAD = 0.5
"""By so many standard errors a network, whose best epoch was chosen on the same examples, must be ahead of the linear
model."""

UNITS, STRONGER = 32, 10.0
"""The hidden layer of the smaller network, and how much stronger its L2 regularization is."""


@dataclass(frozen=True)
class Kept:
    """What is kept in place of the network: "smaller" or "linear", and a sentence on why."""

    what: str
    why: str


def may_fall_back(given: Settings, n_validation: int) -> bool:
    """Whether nobody has asked for this very network, and the validation part is large enough to tell."""
    free = all(getattr(given, name) is None for name in CHOSEN) and not (
        given.search or given.batch_norm or given.quick
    )
    return free and n_validation >= FEW


def smaller(usual: Settings) -> Settings:
    """The settings of the smaller network, or of as many smaller ones, beside those of the usual one."""
    if usual.weight_decay:
        return replace(usual, hidden=(UNITS,), weight_decay=STRONGER * usual.weight_decay)
    return replace(usual, hidden=(UNITS,), l2=STRONGER * (usual.l2 or 0.0))


def failed(what: str, error: NotFiniteError) -> str:
    """That a training after the first one came to no end, and that the first network stands."""
    return f"{what} failed, so the first network stands: {str(error).partition('. ')[0]}"


def choose(
    target: Target,
    of_network: NDArray[np.float64],
    of_linear: NDArray[np.float64],
    of_smaller: Callable[[], NDArray[np.float64]],
    *,
    linear_possible: bool,
    epochs: int = 0,
) -> Kept | None:
    """What to keep in place of the network; None for the network.

    Args:
        of_network, of_linear, of_smaller: the loss of each example of the validation part. The smaller one is trained
            only where the network is not ahead of the linear model; infinite losses are of one that came to no end.
        linear_possible: whether the linear model can be a network. epochs: how many the network was to learn for.
    """
    costs = {"network": float(of_network.mean()), "linear": float(of_linear.mean())}
    handicap = AHEAD * float((of_network - of_linear).std()) / len(of_network) ** 0.5
    if costs["network"] + handicap <= costs["linear"]:
        return None
    smaller_cost = float(of_smaller().mean())
    costs |= {"smaller": smaller_cost} if np.isfinite(smaller_cost) else {}
    weighed = costs | {"network": costs["network"] + handicap} | ({} if linear_possible else {"linear": np.inf})
    best = min(weighed, key=lambda name: weighed[name])
    if best == "network":
        return None
    what = "squared error, in variances," if target.task == "values" else "log loss"
    called = {"network": "the network", "linear": "the linear model", "smaller": f"a network of {UNITS} units"}
    others = " and ".join(f"{brief(cost)} of {called[name]}" for name, cost in costs.items() if name != best)
    kept = called[best] + (f" with {STRONGER:.0f} times the regularization" if best == "smaller" else "")
    why = "as the validation part asks for no more" if costs[best] > costs["network"] else "as it errs less"
    return Kept(
        best,
        f"{kept} is kept, {why}: on the validation part its {what} is {brief(costs[best])}, beside {others}; "
        f"--epochs {epochs} keeps the network",
    )

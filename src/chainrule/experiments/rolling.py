"""How much of a network for series to take, found where it was held out: the validation part, or earlier origins."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from chainrule import engines
from chainrule.data.series.held_out import HeldOut, settled
from chainrule.data.series.origins import rolling
from chainrule.data.series.source import Series
from chainrule.data.series.windows import Windows, again
from chainrule.experiments.design import design, optimizer_for
from chainrule.experiments.outputs import outputs
from chainrule.layers import Network, Standardize
from chainrule.training import train

if TYPE_CHECKING:
    from chainrule.experiments.experiment import Experiment

PARTS = 3
"""A validation part is looked at in so many parts."""


def settle(experiment: Experiment, network: Network, held_out: HeldOut | None) -> Windows:
    """The encoding of an experiment with the share of the trained network that is to be taken.

    Args:
        held_out: forecasts at earlier origins, where there is no validation part.
    """
    encoding, rows = experiment.encoding, experiment.splits.validation
    assert isinstance(encoding, Windows)
    if len(rows):
        learned = encoding.learned(experiment.source, experiment.Y)[rows]
        held_out = _held_out(encoding, outputs(network, experiment.X[rows], experiment.target), learned, own=True)
    return settled(encoding, held_out)


def at_earlier_origins(experiment: Experiment) -> HeldOut | None:
    """Forecasts of training windows by networks that were trained on those before them; None where these are too
    few."""
    source, settings, encoding = experiment.source, experiment.settings, experiment.encoding
    assert isinstance(source, Series)
    assert isinstance(encoding, Windows)
    folds = rolling(source.last, source.strand[source.last], source.horizon, experiment.splits.train)
    folds = folds[-(len(folds) - 1 or 1) :]  # the earliest has the least to learn from
    found: list[HeldOut] = []
    for before, after in folds:
        with engines.held_to(1), engines.blas_held():  # many small products, in which threads would wait for each other
            earlier = again(encoding, source, before)
        X, learned = earlier.X(source), earlier.learned(source, experiment.Y)
        final = Standardize(inverse=True)
        final.learn([learned[before]])
        network = design(earlier, X.shape[1:], experiment.target, settings)
        train(
            network,
            X[before],
            (learned[before] - final.statistics["mean"]) / final.statistics["deviation"],
            loss=experiment.target.learned_loss,
            optimizer=optimizer_for(settings),
            epochs=settings.epochs or 0,
            batch_size=settings.batch_size,
            engine=settings.engine,
            threads=settings.threads,
            device=settings.device,
            devices=settings.devices,
            precision=settings.precision,
            seed=settings.seed,
            progress=False,
        )
        output = network.predict(X[after]) * final.statistics["deviation"] + final.statistics["mean"]
        found.append(_held_out(earlier, output, learned[after], own=False))
    if not found:
        return None
    fold = np.repeat(np.arange(len(found)), [len(of_one.came) for of_one in found])
    output, came = ([getattr(of_one, name) for of_one in found] for name in ("output", "came"))
    return HeldOut(np.concatenate(output), np.concatenate(came), fold, own=False)


def _held_out(encoding: Windows, output: NDArray[Any], learned: NDArray[Any], *, own: bool) -> HeldOut:
    """`learned` holds what came once for each output of a value."""
    fold = np.arange(len(output)) * PARTS // max(len(output), 1)
    return HeldOut(output.astype(np.float64), learned[:, :: 1 + len(encoding.quantiles)], fold, own)

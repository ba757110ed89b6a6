"""An experiment of which somebody else measures what it has learned, so that it learns from all that it is given."""

from __future__ import annotations

import os
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from chainrule.checking import seed_or_fresh
from chainrule.data.source import Source
from chainrule.experiments.experiment import Experiment
from chainrule.experiments.settings import Settings
from chainrule.experiments.splits import Splits, hold_out
from chainrule.layers import Network
from chainrule.randomness import stream
from chainrule.training import History


class Unmeasured(Experiment):
    """An experiment without a test part: `run` trains as `chainrule train` does, and measures and reports nothing.

    What it has learned is in the result's network, whose metadata a model file needs. The folder is only that of
    checkpoints; whoever wants nothing to be left gives one that goes away.

    Args:
        source, settings, folder: see `Experiment`; `settings.test` means nothing.
    """

    def __init__(self, source: Source, settings: Settings, folder: str | os.PathLike[str]):
        seed = seed_or_fresh(settings.seed)
        super().__init__(source, replace(settings, seed=seed), folder, splits=_all(source, settings, seed))

    def _notes_on_target(self) -> list[str]:
        absent = ("the test part has no example", "while training, all numbers are of")
        return [note for note in super()._notes_on_target() if not note.startswith(absent)]

    def _keep(self, network: Network, history: History) -> tuple[dict[str, Any], NDArray[Any]]:
        network.metadata = self._metadata(history)
        return {"test": {}}, np.empty(0)

    def _add_report(self, *of_the_run: Any) -> None:
        """Nothing is reported."""


def _all(source: Source, settings: Settings, seed: int) -> Splits:
    """All examples to train and to validate, and none to test."""
    m, usual = len(source), settings.beside(source.defaults)
    share = usual.validation_share(m, source.small)
    random, Y = stream("validation part", seed), source.numbers(source.target)
    train, watched = hold_out(source, Y, np.arange(m), share, random, by_time=not source.scattered)
    return Splits(train, watched, watched[:0])

"""An experiment of which somebody else measures what it has learned, so that it learns from all that it is given."""

from __future__ import annotations

import os
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from chainrule.data.source import Source
from chainrule.experiments.experiment import Experiment
from chainrule.experiments.fitted import Fitted
from chainrule.experiments.results import metadata
from chainrule.experiments.settings import Settings
from chainrule.experiments.splits import Splits, watched


class Unmeasured(Experiment):
    """An experiment without a test part: `run` trains as `chainrule train` does, and measures and reports nothing.

    What it has learned is in the result's network, whose metadata a model file needs. The folder is only that of
    checkpoints; whoever wants nothing to be left gives one that goes away.

    Args:
        source, settings, folder: see `Experiment`; `settings.test` means nothing.
    """

    def __init__(self, source: Source, settings: Settings, folder: str | os.PathLike[str]):
        super().__init__(source, replace(settings, test=0.0), folder)
        self.split = None  # which tells a reader of the model file where a test part is

    def divided(self, test: float, validation: float) -> Splits:
        """All examples to train, or to validate."""
        rows = np.arange(len(self.source))
        return Splits(*watched(self.source, self.Y, rows, validation, self.seed), rows[:0])

    def keep(self, fitted: Fitted) -> tuple[dict[str, Any], NDArray[Any]]:
        """Let the network hold what a model file tells; nothing is measured, and nothing written."""
        fitted.network.metadata = metadata(self, fitted)
        return {"test": {}}, np.empty(0)

    def add_report(self, fitted: Fitted, metrics: dict[str, Any], output: NDArray[Any]) -> None:
        """Nothing is reported."""

"""Whole experiments: from a data set to a run folder, and back from a model file to predictions."""

from chainrule.experiments.experiment import Experiment
from chainrule.experiments.results import Result
from chainrule.experiments.settings import (
    CHECKPOINT,
    CURVES,
    HISTORY,
    JOURNAL,
    METRICS,
    MODEL,
    PAGE,
    REPORT,
    TRIALS,
    Settings,
)
from chainrule.experiments.trained import Trained
from chainrule.experiments.trials import Trial

__all__ = [
    "CHECKPOINT",
    "CURVES",
    "HISTORY",
    "JOURNAL",
    "METRICS",
    "MODEL",
    "PAGE",
    "REPORT",
    "TRIALS",
    "Experiment",
    "Result",
    "Settings",
    "Trial",
    "Trained",
]

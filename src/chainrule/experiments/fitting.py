"""Trains what is planned: a single network, or several that answer together."""

from __future__ import annotations

from typing import TYPE_CHECKING

from chainrule.experiments.ensembles import Watching, train_together
from chainrule.experiments.fitted import Fitted, finished
from chainrule.experiments.lesson import Lesson, learn
from chainrule.experiments.plans import Plan, planned
from chainrule.experiments.settings import Settings
from chainrule.progress import stage
from chainrule.training.interrupt import TerminatedError

if TYPE_CHECKING:
    from chainrule.experiments.experiment import Experiment


def fit(experiment: Experiment, plan: Plan, watching: Watching) -> Fitted:
    """Train; SIGTERM is an end like others, which the history tells.

    Raises:
        NotFiniteError: see `chainrule.train`.
        OptionError: another process is at work in the folder.
    """
    with experiment.run_folder.claimed():
        if plan.several:
            return train_together(experiment, plan, watching)
        [network], [part] = plan.networks, plan.parts
        lesson = Lesson(
            network, plan.settings, part, watching.checkpoint, watching.progress, watching.callbacks, alone=True
        )
        return finished(experiment, plan, network, learn(experiment, lesson))


def fit_anew(experiment: Experiment, settings: Settings, said: str) -> Fitted:
    """Train another network by these settings, of which `said` tells meanwhile.

    Raises:
        NotFiniteError: see `chainrule.train`.
        TerminatedError: SIGTERM has come.
    """
    with stage(said):
        fitted = fit(experiment, planned(experiment, settings), Watching(progress=False))
    if fitted.history.stopped == "terminated":
        raise TerminatedError(fitted.history)
    return fitted

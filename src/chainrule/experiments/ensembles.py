"""Trains the networks of a plan that answer together, in the time that there is, and makes one of them."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import TYPE_CHECKING, Any

from numpy.typing import NDArray

from chainrule import distributed
from chainrule.experiments import members
from chainrule.experiments.fitted import Fitted, finished
from chainrule.experiments.lesson import Lesson, learn
from chainrule.experiments.pilot import explore
from chainrule.experiments.plans import Plan, another_round
from chainrule.experiments.settings import MOST_MEMBERS
from chainrule.layers import Network
from chainrule.progress import Advance, stage
from chainrule.training import Checkpoint, History
from chainrule.training.interrupt import interruptible
from chainrule.training.run import Callback

if TYPE_CHECKING:
    from chainrule.experiments.experiment import Experiment

AS_LONG = 1.2
"""More networks are begun as long as there is so many times the time that as many took before."""


@dataclass(frozen=True)
class Watching:
    """What looks on while networks are trained: a bar or none, a checkpoint or none, and functions after each epoch."""

    progress: bool
    checkpoint: Checkpoint | None = None
    callbacks: Sequence[Callback] = ()


def train_together(experiment: Experiment, plan: Plan, watching: Watching) -> Fitted:
    """Train several networks.

    Where a time is set, more of them are trained as long as there is time, each round on other parts of the rows.

    Raises:
        NotFiniteError: see `chainrule.train`.
    """
    began = time.monotonic()
    with interruptible() as interrupt:
        plan, first, tried = explore(experiment, plan)
        trained: list[members.Trained] = []
        parts: list[members.Part] = []
        begun = began
        while not trained or not interrupt.of_all().asked:
            took, begun = time.monotonic() - begun, time.monotonic()
            if trained and not _time_for_more(experiment, plan, len(trained), took):
                break
            plan = another_round(experiment, plan, len(trained)) if trained else plan
            done = _round(experiment, plan, len(trained), first, watching)
            kept = [i for i, (_, history) in enumerate(done) if history.epochs] or [0] * (not trained)
            trained += [done[i] for i in kept]  # those that have come to the end of an epoch
            parts += [plan.parts[i] for i in kept]
            first = None
        history = members.history_of(trained, interrupt, time.monotonic() - began)

    def output(network: Network, part: members.Part) -> NDArray[Any]:
        return network.predict(experiment.X_for(part.train)[part.validation])

    rows, said = members.out_of_fold(trained, parts, output)
    body = members.together(trained, experiment.seed)
    return finished(experiment, plan, body, history, rows, said, tried)


def _time_for_more(experiment: Experiment, plan: Plan, there: int, took: float) -> bool:
    """Whether as many networks again can be trained in the time that is left."""
    more = there + len(plan.networks) <= MOST_MEMBERS
    return more and bool(distributed.told(lambda: experiment.left > AS_LONG * took))


def _round(
    experiment: Experiment, plan: Plan, begun: int, first: members.Trained | None, watching: Watching
) -> list[members.Trained]:
    """Train the networks of the plan, after so many of former rounds; `first` has been trained already."""
    k, epochs = len(plan.networks), plan.settings.epochs or 0
    there = [] if first is None else [first]

    def lesson(i: int, advance: Advance) -> Lesson:
        file = members.checkpoint_of(experiment.folder, begun + i - len(there))
        kept = None if watching.checkpoint is None else replace(watching.checkpoint, path=file, at_end=True)
        after_epoch = [*watching.callbacks, lambda run: advance(1)]
        return Lesson(plan.networks[i], plan.settings, plan.parts[i], kept, False, after_epoch)

    bar = k * epochs if watching.progress else None
    with stage(f"training {k}{' more' if begun else ''} networks", bar) as advance:

        def fit(i: int) -> members.Trained:
            if i and experiment.late:
                return plan.networks[i], History()
            history = learn(experiment, lesson(i, advance))
            advance(epochs - len(history.epochs))
            return plan.networks[i], history

        fits = [partial(fit, i) for i in range(len(there), k)]
        done, _ = members.side_by_side(fits, of=k, one_by_one=plan.one_by_one)
    return [*there, *done]

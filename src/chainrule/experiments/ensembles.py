"""Trains the networks of an experiment that answer together, in the time that there is, and makes one of them."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING

from chainrule import distributed
from chainrule.experiments import members
from chainrule.experiments.lesson import Lesson
from chainrule.experiments.pilot import explore
from chainrule.progress import Advance, stage
from chainrule.training import Checkpoint, History
from chainrule.training.interrupt import interruptible
from chainrule.training.run import Callback

if TYPE_CHECKING:
    from chainrule.experiments.experiment import Experiment

MOST = 40
"""So many networks answer together at most, however much time there is."""

AS_LONG = 1.2
"""More networks are begun as long as there is so many times the time that as many took before."""


def train_together(
    experiment: Experiment, progress: bool, checkpoint: Checkpoint | None, callbacks: Sequence[Callback]
) -> History:
    """Train several networks, and let the experiment take the one that they are together.

    Where a time is set, more of them are trained as long as there is time, each round on other parts of the rows.

    Raises:
        NotFiniteError: see `chainrule.train`.
    """
    began = time.monotonic()
    with interruptible() as interrupt:
        first = explore(experiment)
        trained: list[members.Trained] = []
        parts: list[members.Part] = []
        begun = began
        while not trained or not interrupt.of_all().asked:
            took, begun = time.monotonic() - begun, time.monotonic()
            if trained and not _time_for_more(experiment, len(trained), took):
                break
            done = _round(experiment, len(trained), first, progress, checkpoint, callbacks)
            kept = [i for i, (_, history) in enumerate(done) if history.epochs] or [0] * (not trained)
            trained += [done[i] for i in kept]  # those that have come to the end of an epoch
            parts += [experiment.parts[i] for i in kept]
            first = None
        history = members.history_of(trained, interrupt, time.monotonic() - began)
    held_out = members.out_of_fold(trained, parts, lambda network, rows: network.predict(experiment.X[rows]))
    experiment.take_together(members.together(trained, experiment.settings.seed or 0), held_out)
    return history


def _time_for_more(experiment: Experiment, there: int, took: float) -> bool:
    """Whether as many networks again can be trained in the time that is left."""
    more = there + len(experiment.members) <= MOST
    return more and bool(distributed.told(lambda: experiment.left > AS_LONG * took))


def _round(
    experiment: Experiment,
    begun: int,
    first: members.Trained | None,
    progress: bool,
    checkpoint: Checkpoint | None,
    callbacks: Sequence[Callback],
) -> list[members.Trained]:
    """Train the experiment's members, after so many of former rounds; `first` has been trained already."""
    if begun:
        experiment.draw_members(begun)
    k, epochs = len(experiment.members), experiment.settings.epochs or 0
    there = [] if first is None else [first]

    def lesson(i: int, advance: Advance) -> Lesson:
        file = members.checkpoint_of(experiment.folder, begun + i - len(there))
        kept = None if checkpoint is None else replace(checkpoint, path=file, at_end=True)
        after_epoch = [*callbacks, lambda run: advance(1)]
        return Lesson(experiment.members[i], experiment.settings, experiment.parts[i], kept, False, after_epoch)

    with stage(f"training {k}{' more' if begun else ''} networks", k * epochs if progress else None) as advance:

        def fit(i: int) -> members.Trained:
            if i and experiment.late:
                return experiment.members[i], History()
            history = experiment.train_to_its_end(lesson(i, advance))
            advance(epochs - len(history.epochs))
            return experiment.members[i], history

        fits = [partial(fit, i) for i in range(len(there), k)]
        done, _ = members.side_by_side(fits, of=k, one_by_one=experiment.one_by_one)
    return [*there, *done]

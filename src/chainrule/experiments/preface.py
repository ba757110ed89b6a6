"""What a reader should know of an experiment before it begins: the parts, the target, the networks that share them."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from chainrule.errors import shown
from chainrule.experiments.doubts import limits_told
from chainrule.experiments.settings import NETWORK, own_network

if TYPE_CHECKING:
    from chainrule.experiments.experiment import Experiment

ORDINALS = {2: "half", 3: "third", 4: "fourth", 5: "fifth", 6: "sixth", 7: "seventh", 8: "eighth", 10: "tenth"}
"""What one of so many parts is called."""


def notes_on(experiment: Experiment) -> list[str]:
    """What a reader should know of the classes, the parts and what is shown while training, a sentence each."""
    splits = experiment.splits
    again = f"the run in {experiment.folder} left no checkpoint: it begins again, by its seed {experiment.seed}"
    begins = [again] if experiment.begins_again else []
    return [*begins, *experiment.source.notes_on_parts(splits.train, splits.test), *_notes_on_target(experiment)]


def note_on_members(experiment: Experiment) -> str:
    """How several networks share the rows, a sentence; "" of a single one, if no option has made it one."""
    k, given = len(experiment.plan.networks), experiment.given
    if experiment.fitted is not None and experiment.fitted.linear:
        return ""
    if k == 1 and own_network(given) and experiment.source.several and not given.search:
        chosen = [f"--{name.replace('_', '-')}" for name in NETWORK if getattr(given, name) is not None]
        without = ", ".join(chosen) or "--batch-norm"
        return f"a network of your own; without {without} several usual ones answer together"
    if k == 1:
        return ""
    shared = f"each is trained without another {ORDINALS.get(k, f'part of {k}')} of the rows, by which it stops"
    how = shared if experiment.parted else "each begins elsewhere"
    return f"{k} such networks answer together by their mean: {how}; --members 1 trains a single one"


def _notes_on_target(experiment: Experiment) -> list[str]:
    target, encoding, splits = experiment.target, experiment.encoding, experiment.splits
    if not encoding.own_units:
        learned = "of how far the target lies from what the forecast is built upon, standardized"
        return [
            *experiment.doubts,
            *encoding.notes,
            f"while training, all numbers are {learned}; those of the end are in its own units",
        ]
    if target.task == "values":
        units = "while training, all numbers are of the standardized target; those of the end are in its own units"
        limits = limits_told(target, experiment.Y[splits.train])
        return [*experiment.doubts, *filter(None, [experiment.choice]), *limits, units]
    return [*experiment.doubts, *_notes_on_classes(experiment, target.classes or [])]


def _notes_on_classes(experiment: Experiment, labels: list[str]) -> list[str]:
    """On classes that hardly occur."""
    if not labels:
        return []
    Y = experiment.Y
    whole = Y.ndim == 1 and experiment.chunked is None  # not the tokens of a text, nor some rows of more
    alone = np.flatnonzero(np.bincount(Y, minlength=len(labels)) == 1) if whole else ()
    tested = Y[experiment.splits.test].ravel()
    absent = np.flatnonzero(np.bincount(tested, minlength=len(labels)) == 0) if len(tested) else ()
    notes = (
        (alone, "there is a single example of {}: if it is astray, such as the line of a sum, take it out"),
        (absent, "the test part has no example of {}, so roc_auc is not defined"),
    )
    return [note.format(", ".join(shown(labels[i]) for i in found)) for found, note in notes if len(found)]

"""What may follow a training, where the validation part asks for it: one for more epochs, or of less than the network.

Before another network is trained the first one is written, so that a model is there whatever comes.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from chainrule.errors import NotFiniteError
from chainrule.experiments.fallback import choose, failed, may_fall_back, smaller
from chainrule.experiments.fitted import Answers, Fitted, answers, finished
from chainrule.experiments.fitting import fit_anew
from chainrule.experiments.members import Part
from chainrule.experiments.peer import Peer
from chainrule.experiments.verdicts import losses, still_falls

if TYPE_CHECKING:
    from chainrule.experiments.experiment import Experiment

SOME = 2_000
"""Of so many examples a linear model is compared on those of one network's part, and not of all of them."""

LONGER = 3
"""How many times the epochs a network gets that was still learning at the end of them."""


def for_more_epochs(experiment: Experiment, first: Fitted) -> Fitted:
    """What was trained, or what was trained anew for more epochs where the validation cost still fell at the end.

    Those were the default, and α had fallen to 0 over them: so it begins anew, with three times as many.
    """
    given, history = experiment.given, first.history
    tried = given.time_limit is not None or given.quick or first.plan.several
    chosen = given.epochs is not None or given.search or given.metric is not None or tried
    if not experiment.encoding.own_units or chosen or experiment.chunked is not None or not still_falls(history):
        return first
    experiment.write(first)
    few, epochs = f"{len(history.epochs)} epochs were too few", LONGER * len(history.epochs)
    said = f"training for {epochs} epochs, as the validation cost still fell"
    try:
        second = fit_anew(experiment, replace(given, epochs=epochs), said)
    except NotFiniteError as error:
        return first.remarked(failed(f"{few}, but a training for {epochs}", error))
    if second.history.cut:
        return first.ended(second.history.stopped)
    if min(second.history["val_loss"]) >= min(history["val_loss"]):
        return first
    return second.remarked(f"{few}, as the validation cost still fell: trained anew")


def of_less(experiment: Experiment, first: Fitted) -> Fitted:
    """What was trained, or a smaller network or the linear model, where these are better on the validation part.

    Where somebody interrupts the smaller one it is the first, with a history that says so. That of the linear model is
    the network's.
    """
    free = experiment.chunked is None and not experiment.weights.given
    if not free or not may_fall_back(experiment.given, len(first.held_out)):
        return first
    if not any(place.name for place in experiment.encoding.places(experiment.source)):
        return first
    target = experiment.target
    rows, of_linear = _held_out_of_linear(experiment, first)
    tried: list[Fitted] = []
    remarks: list[str] = []

    def losses_of(fitted: Fitted) -> NDArray[np.float64]:
        all_rows, output = answers(experiment, fitted)
        return losses(output[np.searchsorted(all_rows, rows)], experiment.Y[rows], target)

    own = losses_of(first)

    def of_smaller() -> NDArray[np.float64]:
        if experiment.given.time_limit is not None and experiment.left <= 0:
            remarks.append("there was no time left to try a smaller network")
            return np.full(len(rows), np.inf)
        experiment.write(first)
        try:
            tried.append(fit_anew(experiment, smaller(first.plan.settings), "training a smaller network"))
        except NotFiniteError as error:
            remarks.append(failed("a smaller network was tried, but its training", error))
            return np.full(len(rows), np.inf)
        return np.full(len(rows), np.inf) if tried[0].history.cut else losses_of(tried[0])

    linear = losses(of_linear, experiment.Y[rows], target)
    epochs = first.plan.settings.epochs or 0
    kept = choose(target, own, linear, of_smaller, linear_possible=experiment.peer.can_be_network, epochs=epochs)
    first = first.remarked(*remarks)
    if tried and tried[0].history.cut:
        return first.ended(tried[0].history.stopped)
    if kept is None:
        return first
    if kept.what == "smaller":
        return replace(tried[0], tried=first.tried, remarks=first.remarks, kept=kept)
    body = experiment.peer.network(experiment.X.shape[1], experiment.final_layers(), experiment.seed)
    of_values = target.task == "values"  # of which the body says something else than the linear model
    held_out, said = (first.held_out, None) if of_values else (rows, of_linear)
    fitted = finished(experiment, first.plan, body, first.history, held_out, said)
    return replace(fitted, tried=first.tried, remarks=first.remarks, kept=kept)


def _held_out_of_linear(experiment: Experiment, fitted: Fitted) -> Answers:
    """Examples by which the network was stopped, and what a linear model says of them that has not learned from them.

    Where each network of several was stopped by other examples, it is those of the last, or of all where they are few.
    """
    target, places = experiment.target, experiment.encoding.places(experiment.source)
    rows = fitted.held_out
    if not np.isin(rows, experiment.splits.train).any():
        return rows, experiment.peer.output(experiment.X[rows])
    parts = [part for part in fitted.plan.parts if np.isin(part.validation, rows).all()]  # in time, not all are trained
    parts = parts if len(rows) < SOME else parts[-1:]  # a pilot has chosen by the first

    def linear(part: Part) -> NDArray[Any]:
        X = experiment.X_for(part.train)
        return Peer(target, X, experiment.Y, part.train, places).output(X[part.validation])

    found = [linear(part) for part in parts]
    rows = np.concatenate([part.validation for part in parts])
    order = np.argsort(rows)
    return rows[order], np.concatenate(found)[order]

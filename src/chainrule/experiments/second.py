"""What may follow a training, where the validation part asks for it: one for more epochs, or of less than the network.

Before another network is trained the first one is written, so that a model is there whatever comes.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from chainrule.errors import NotFiniteError
from chainrule.experiments.fallback import Kept, choose, failed, may_fall_back, smaller
from chainrule.experiments.peer import Peer
from chainrule.experiments.verdicts import losses, still_falls
from chainrule.layers import Network
from chainrule.training import History

if TYPE_CHECKING:
    from chainrule.experiments.experiment import Experiment

SOME = 2_000
"""Of so many examples a linear model is compared on those of one network's part, and not of all of them."""

LONGER = 3
"""How many times the epochs a network gets that was still learning at the end of them."""


def for_more_epochs(experiment: Experiment, network: Network, history: History) -> tuple[Network, History, str]:
    """The network, or one that was trained for more epochs where the validation cost still fell at the end; and a
    sentence, if there is something to say.

    Those were the default, and α had fallen to 0 over them: so it begins anew, with three times as many.
    """
    given = experiment.given
    tried = given.time_limit is not None or given.quick or len(experiment.members) > 1
    chosen = given.epochs is not None or given.search or given.metric is not None or tried
    if not experiment.encoding.own_units or chosen or experiment.chunked is not None or not still_falls(history):
        return network, history, ""
    experiment.write(network, history)
    before = experiment.adopted
    few, epochs = f"{len(history.epochs)} epochs were too few", LONGER * len(history.epochs)
    said = f"training for {epochs} epochs, as the validation cost still fell"
    try:
        second, longer = experiment.fit_anew(replace(given, epochs=epochs), said)
    except NotFiniteError as error:
        experiment.adopted = before
        return network, history, failed(f"{few}, but a training for {epochs}", error)
    if longer.cut or min(longer["val_loss"]) >= min(history["val_loss"]):
        experiment.adopted = before
        history.stopped = longer.stopped if longer.cut else history.stopped
        return network, history, ""
    return second, longer, f"{few}, as the validation cost still fell: trained anew"


def of_less(experiment: Experiment, network: Network, history: History) -> tuple[Network, History, Kept | None, str]:
    """The network, or a smaller one or the linear model, where these are better on the validation part; what is kept in
    its place; and a sentence, where the smaller one came to no end.

    Where somebody interrupts the smaller one, the network, and a history that says so. That of the linear model is the
    network's.
    """
    X, Y, target = experiment.X, experiment.Y, experiment.target
    free = experiment.chunked is None and not experiment.weighted
    if not free or not may_fall_back(experiment.given, len(experiment.held_out_rows)):
        return network, history, None, ""
    if not any(place.name for place in experiment.encoding.places(experiment.source)):
        return network, history, None, ""
    before = experiment.adopted
    rows, of_linear = _held_out_of_linear(experiment)
    tried: list[tuple[Network, History]] = []
    told = ""

    def losses_of(network: Network) -> NDArray[np.float64]:
        all_rows, output = experiment.held_out(network)
        return losses(output[np.searchsorted(all_rows, rows)], Y[rows], target)

    own = losses_of(network)

    def of_smaller() -> NDArray[np.float64]:
        nonlocal told
        if experiment.given.time_limit is not None and experiment.left <= 0:
            told = "there was no time left to try a smaller network"
            return np.full(len(rows), np.inf)
        experiment.write(network, history)
        try:
            tried.append(experiment.fit_anew(smaller(experiment.settings), "training a smaller network"))
        except NotFiniteError as error:
            told = failed("a smaller network was tried, but its training", error)
            return np.full(len(rows), np.inf)
        return losses_of(tried[0][0])

    linear = losses(of_linear, Y[rows], target)
    epochs = experiment.settings.epochs or 0
    kept = choose(target, own, linear, of_smaller, linear_possible=experiment.peer.can_be_network, epochs=epochs)
    if tried and tried[0][1].cut:
        kept, history.stopped = None, tried[0][1].stopped
    if kept is not None and kept.what == "smaller":
        return *tried[0], kept, told
    experiment.adopted = before
    if kept is None:
        return network, history, None, told
    final = experiment.final_layers()
    linear_network = experiment.adopt_linear(experiment.peer.network(X.shape[1], final, experiment.settings.seed))
    return linear_network, history, kept, told


def _held_out_of_linear(experiment: Experiment) -> tuple[NDArray[np.intp], NDArray[Any]]:
    """Examples by which the network was stopped, and what a linear model says of them that has not learned from them.

    Where each network of several was stopped by other examples, it is those of the last, or of all where they are few.
    """
    X, target, places = experiment.X, experiment.target, experiment.encoding.places(experiment.source)
    rows = experiment.held_out_rows
    if not np.isin(rows, experiment.splits.train).any():
        return rows, experiment.peer.output(X[rows])
    parts = [part for part in experiment.parts if np.isin(part.validation, rows).all()]  # in time, not all are trained
    parts = parts if len(rows) < SOME else parts[-1:]  # a pilot has chosen by the first
    found = [Peer(target, X, experiment.Y, part.train, places).output(X[part.validation]) for part in parts]
    rows = np.concatenate([part.validation for part in parts])
    order = np.argsort(rows)
    return rows[order], np.concatenate(found)[order]

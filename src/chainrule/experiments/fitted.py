"""What an experiment has trained, with what it says of examples that it has not learned from."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from chainrule.experiments.fallback import Kept
from chainrule.experiments.outputs import body_of, in_units, outputs
from chainrule.experiments.plans import Plan
from chainrule.experiments.target_choice import correct_mean
from chainrule.layers import Network
from chainrule.training import History

if TYPE_CHECKING:
    from chainrule.experiments.experiment import Experiment

FEW = 200
"""Fewer examples that were held out correct no mean: the training part does."""

MANY = 2**23
"""At most so many examples of the training part do."""

Answers = tuple[NDArray[np.intp], NDArray[Any]]
"""(k,) examples, and (k, …) what is said of each by what has not learned from it."""


@dataclass(frozen=True)
class Fitted:
    """What was trained.

    Attributes:
        plan: by which it was.
        body: the network as it was trained, which predicts standardized values, or several as one.
        network: the same for the target itself.
        history: of the training, which is about the standardized target of values.
        held_out: (k,), the examples by which the network was stopped, or each network of several; some of these, where
            a linear model is kept in place of several.
        said: (k, …), what the body says of them, each network of those that it has not learned from; None where the
            body itself can be asked.
        tried: a sentence on what a pilot has tried with the first network, or "".
        remarks: a sentence on each training that followed, and what came of it.
        kept: what it is, if it is kept in place of a larger network.
    """

    plan: Plan
    body: Network
    network: Network
    history: History
    held_out: NDArray[np.intp]
    said: NDArray[Any] | None = None
    tried: str = ""
    remarks: tuple[str, ...] = ()
    kept: Kept | None = None

    @property
    def linear(self) -> bool:
        """Whether it is the linear model."""
        return self.kept is not None and self.kept.what == "linear"

    def ended(self, why: str) -> Fitted:
        """The same, with a history that says why training was over."""
        return replace(self, history=replace(self.history, stopped=why))

    def remarked(self, *sentences: str) -> Fitted:
        """The same, with what there is to say of a training that followed."""
        return replace(self, remarks=(*self.remarks, *filter(None, sentences)))


def finished(
    experiment: Experiment,
    plan: Plan,
    body: Network,
    history: History,
    held_out: NDArray[np.intp] | None = None,
    said: NDArray[Any] | None = None,
    tried: str = "",
) -> Fitted:
    """A trained network, made one for the target itself; the arguments are attributes of `Fitted`.

    Args:
        held_out: None for the validation part.
    """
    rows = experiment.splits.validation if held_out is None else held_out
    final = experiment.final_layers()
    network = Network([body, *final], seed=experiment.seed) if final else body
    network.build_for(experiment.X)
    if history.stopped != "terminated":  # whoever is ended has little time
        with experiment.engine:
            _correct(experiment, network, rows, said)
    return Fitted(plan, body, network, history, rows, said, tried)


def answers(experiment: Experiment, fitted: Fitted) -> Answers:
    """The examples by which the network was stopped, (k,), and what it says of them: of several networks, each of those
    that it has not learned from."""
    rows, target = fitted.held_out, experiment.target
    if fitted.said is not None:
        return rows, in_units(fitted.network, fitted.said, target)
    if not len(rows):
        return rows, np.empty((0, target.n_out))
    return rows, outputs(fitted.network, experiment.X[rows], target)


def _correct(experiment: Experiment, network: Network, rows: NDArray[np.intp], said: NDArray[Any] | None) -> None:
    """Correct the mean of what a network of logarithms predicts, by examples that it has not learned from, if there
    are enough; see `correct_mean`."""
    target = experiment.target
    if target.form != "log" or target.error == "absolute_error":
        return
    if len(rows) < FEW:
        rows, said = experiment.splits.train[:MANY], None
    said = body_of(network).predict(experiment.X[rows]) if said is None else said
    correct_mean(network, said, experiment.Y[rows], target, experiment.weights.of(rows))

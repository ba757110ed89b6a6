"""What an experiment is to train: by which settings, which networks, each on which rows."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from chainrule.experiments import members
from chainrule.experiments.design import design
from chainrule.experiments.members import Part
from chainrule.experiments.settings import Settings
from chainrule.layers import Network

if TYPE_CHECKING:
    from chainrule.experiments.experiment import Experiment


@dataclass(frozen=True)
class Plan:
    """What is to be trained.

    Attributes:
        asked, settings: the settings as they were chosen for it, and with nothing left open.
        networks: new ones, which training changes; several will answer together. parts: the rows of each.
    """

    asked: Settings
    settings: Settings
    networks: Sequence[Network]
    parts: Sequence[Part]

    @property
    def several(self) -> bool:
        """Whether networks answer together."""
        return len(self.networks) > 1

    @property
    def one_by_one(self) -> bool:
        """Whether several networks are trained one after the other, as each needs all of the machine."""
        return self.settings.engine == "jax" or self.settings.device not in (None, "cpu")


def planned(experiment: Experiment, asked: Settings) -> Plan:
    """New networks by these settings, and the rows for each."""
    settings = experiment.resolved(asked)
    k = settings.members or 1
    networks = [designed(experiment, settings, seed) for seed in members.seeds(experiment.seed, k)]
    parts = _folds(experiment, k) if experiment.parted and k > 1 else members.alike(experiment.splits, k)
    return Plan(asked, settings, networks, parts)


def another_round(experiment: Experiment, plan: Plan, begun: int) -> Plan:
    """As many networks again, after so many, for other parts of the rows."""
    k = len(plan.networks)
    seeds = members.seeds(experiment.seed, begun + k)[begun:]
    networks = [designed(experiment, plan.settings, seed) for seed in seeds]
    parts = _folds(experiment, k, begun // k) if experiment.parted else plan.parts
    return replace(plan, networks=networks, parts=parts)


def designed(experiment: Experiment, settings: Settings, seed: int) -> Network:
    """A new network for the data by settings with nothing left open, whose parameters start by this seed."""
    return design(experiment.encoding, experiment.X.shape[1:], experiment.target, replace(settings, seed=seed))


def _folds(experiment: Experiment, k: int, turn: int = 0) -> list[Part]:
    return members.folds(experiment.source, experiment.Y, experiment.splits.train, k, experiment.seed, turn)

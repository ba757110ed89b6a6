"""How long several networks are to learn, and with how much dropout: tried with the first, as the others are alike.

A network is trained to the end of its schedule for a few epochs, then for three times as many, and so on while that
still makes a difference on the rows that it has not learned from. The shortest of the best is the first of them.
"""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING

import numpy as np

from chainrule.errors import NotFiniteError
from chainrule.experiments import members
from chainrule.experiments.lesson import Lesson, learn
from chainrule.experiments.plans import Plan, designed, planned
from chainrule.experiments.settings import Settings, usual_patience
from chainrule.numbers import brief
from chainrule.progress import stage
from chainrule.training import History

if TYPE_CHECKING:
    from chainrule.experiments.experiment import Experiment

TIMES, AGAIN = 3, 1.5
"""How many times as many epochs are tried next, or as many as there may be, if these are so many times as many."""

LESS, ALIKE = 0.98, 0.995
"""More epochs are tried as long as the cost falls to the first part of what it was with fewer; of those whose costs are
as near as the second, the first tried is taken, which is the quickest."""

MET, LONGEST = 400_000, 216
"""So many examples a network meets at most, and in so many epochs, where nobody has chosen how many."""

WEAK = 0.1
"""The dropout that is tried beside the usual one."""


Tried = tuple[float, Settings, members.Trained]
"""The least validation cost, the settings that led to it, and the network."""


def explores(plan: Plan) -> bool:
    """Whether there is something to try, and rows that can tell."""
    return plan.several and plan.asked.epochs is None and len(plan.parts[0].validation) > 0


def to_be_tried(plan: Plan) -> str:
    """What will be tried before the networks are trained, a sentence, or ""."""
    if not explores(plan):
        return ""
    dropout = f", and whether with a dropout of {plan.settings.dropout:g} or {WEAK:g}" if _weaker(plan) else ""
    return f"first it is tried with one of them for how many epochs they are to learn{dropout}"


def _weaker(plan: Plan) -> list[Settings]:
    """The settings with less dropout that are tried, too, if it is open."""
    usual = plan.settings
    return [replace(usual, dropout=WEAK)] if plan.asked.dropout is None and usual.dropout != WEAK else []


def explore(experiment: Experiment, plan: Plan) -> tuple[Plan, members.Trained | None, str]:
    """The plan with the epochs and the dropout that were best on the rows of its first network, that network, and what
    was tried, a sentence; the plan as it is, None and "" where they were chosen, or nothing can tell.

    Raises:
        NotFiniteError: see `chainrule.train`.
    """
    part, usual, asked = plan.parts[0], plan.settings, plan.asked
    if not explores(plan):
        return plan, None, ""
    most = max(min(MET // len(part.train), LONGEST), usual.epochs or 1)
    tried: list[Tried] = []

    def patient(settings: Settings) -> Settings:
        return replace(settings, patience=usual_patience(settings.epochs or 0)) if asked.patience is None else settings

    def attempt(*wanted: Settings) -> bool:
        """Try these; whether there may be more."""
        fits = [partial(_fit, experiment, patient(one), part) for one in wanted]
        done, interrupt = members.side_by_side(fits, of=len(plan.networks), one_by_one=plan.one_by_one)
        costs = [min(history["val_loss"], default=np.inf) for _, history in done]
        tried.extend(zip(costs, wanted, done, strict=False))
        return not interrupt.of_all().asked

    with stage("trying how long networks learn"):
        goes_on = attempt(replace(usual, epochs=max(1, (usual.epochs or 1) // TIMES)), usual, *_weaker(plan))
        before = tried[0][0]
        while goes_on:
            cost, best, _ = min(tried[1:], key=lambda one: one[0])
            if cost > LESS * before or AGAIN * (best.epochs or 1) > most:
                break
            before = cost
            goes_on = attempt(replace(best, epochs=min(TIMES * (best.epochs or 1), most)))
    least = min(cost for cost, _, _ in tried)
    _, best, first = next(one for one in tried if one[0] <= least / ALIKE or one[0] == least)
    if not np.isfinite(least):
        raise NotFiniteError(f"none of the {len(tried)} trainings came to its end: take a smaller --learning-rate.")
    return planned(experiment, patient(best)), first, _told(tried, best)


def _fit(experiment: Experiment, settings: Settings, part: members.Part) -> members.Trained:
    """The first network, trained by these settings; without an epoch, where that came to no end."""
    network = designed(experiment, settings, experiment.seed)
    try:
        return network, learn(experiment, Lesson(network, settings, part))
    except NotFiniteError:
        return network, History()


def _told(tried: list[Tried], best: Settings) -> str:
    """What was tried, and what was best."""
    costs = {_named(settings): brief(cost) for cost, settings, _ in tried}
    cost, least = costs.pop(_named(best)), min(cost for cost, _, _ in tried)
    alike = "" if min(one for one, settings, _ in tried if settings == best) == least else ", the first as good as any"
    others = ", ".join(f"{cost} of {name}" for name, cost in costs.items())
    return f"tried with the first network: {_named(best)}, validation cost {cost}{alike} (beside {others})"


def _named(settings: Settings) -> str:
    return f"{settings.epochs} epochs, dropout {settings.dropout:g}"

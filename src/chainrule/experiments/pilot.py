"""How long several networks are to learn, and with how much dropout: tried with the first, as the others are alike.

A network is trained to the end of its schedule for a few epochs, then for three times as many, and so on while that
still makes a difference on the rows that it has not learned from. The shortest of the best is the first of them.

Where a time is set, a part of it goes into what else may be better: one thing is changed of the best that there is, and
what takes enough off the cost is the best from then on.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING

import numpy as np

from chainrule import distributed
from chainrule.engines.threads import threads
from chainrule.errors import NotFiniteError
from chainrule.experiments import members
from chainrule.experiments.lesson import Lesson, learn
from chainrule.experiments.plans import Plan, designed, planned
from chainrule.experiments.settings import Settings, usual_patience
from chainrule.experiments.variants import named, variants
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

SEARCHED = 1 / 3
"""Such a part of a time that is set goes into other settings."""

LESS_BY, CHANCE = 0.01, 0.25
"""Other settings are taken where they take this part off the cost; of few rows m, where the least of many costs is low
by chance, the second part of it / √m."""

SHOWN = 3
"""Of more trials the best of the others is told alone."""

Tried = tuple[float, Settings, members.Trained]
"""The least validation cost, the settings that led to it, and the network."""


def explore(experiment: Experiment, plan: Plan) -> tuple[Plan, members.Trained | None, str]:
    """The plan with the epochs and the dropout that were best on the rows of its first network, that network, and what
    was tried, a sentence; the plan as it is, None and "" where they were chosen, or nothing can tell.

    Raises:
        NotFiniteError: see `chainrule.train`.
    """
    part, usual, asked = plan.parts[0], plan.settings, plan.asked
    if asked.epochs is not None or not len(part.validation):
        return plan, None, ""
    most = max(min(MET // len(part.train), LONGEST), usual.epochs or 1)
    tried: list[Tried] = []
    took = 0.0  # of the last trials

    def patient(settings: Settings) -> Settings:
        return replace(settings, patience=usual_patience(settings.epochs or 0)) if asked.patience is None else settings

    def attempt(*wanted: Settings) -> bool:
        """Try these; whether there may be more."""
        nonlocal took
        began = time.monotonic()
        fits = [partial(_fit, experiment, patient(one), part) for one in wanted]
        done, interrupt = members.side_by_side(fits, of=len(plan.networks), one_by_one=plan.one_by_one)
        costs = [min(history["val_loss"], default=np.inf) for _, history in done]
        tried.extend(zip(costs, wanted, done, strict=False))
        took = time.monotonic() - began
        return not interrupt.of_all().asked

    weaker = [replace(usual, dropout=WEAK)] if asked.dropout is None and usual.dropout != WEAK else []
    with stage("trying how long networks learn"):
        goes_on = attempt(replace(usual, epochs=max(1, (usual.epochs or 1) // TIMES)), usual, *weaker)
        before = tried[0][0]
        while goes_on:
            cost, best, _ = min(tried[1:], key=lambda one: one[0])
            if cost > LESS * before or AGAIN * (best.epochs or 1) > most:
                break
            before = cost
            goes_on = attempt(replace(best, epochs=min(TIMES * (best.epochs or 1), most)))
    least = min(cost for cost, _, _ in tried)
    _, best, first = next(one for one in tried if one[0] <= least / ALIKE or one[0] == least)
    if goes_on and asked.time_limit is not None:
        with stage("trying other settings"):
            best, first = _searched(experiment, best, tried, len(plan.networks), lambda: took, attempt)
    if not np.isfinite(least):
        raise NotFiniteError(f"none of the {len(tried)} trainings came to its end: take a smaller --learning-rate.")
    return planned(experiment, patient(best)), first, _told(tried, best)


def _searched(
    experiment: Experiment,
    best: Settings,
    tried: list[Tried],
    networks: int,
    took: Callable[[], float],
    attempt: Callable[..., bool],
) -> tuple[Settings, members.Trained]:
    """The best of what is tried beside these settings in a part of the time that is set, and its network.

    Args:
        networks: how many there will be, for which time must be left. took: seconds of the last trials, as many as are
            trained side by side. attempt: tries settings.
    """
    limit, rows = experiment.given.time_limit or 0.0, len(experiment.plan.parts[0].validation)
    cost, _, first = next(one for one in tried if one[1] == best)
    better, goes_on = 1 - max(LESS_BY, CHANCE / rows**0.5), True
    at_a_time = min(networks, threads())

    def may_go_on() -> bool:
        rest = max((1 - SEARCHED) * limit, took() * networks / at_a_time)
        return experiment.left > rest + took()

    while goes_on and distributed.told(may_go_on):
        known = [settings for _, settings, _ in tried]
        new = [one for one in variants(best, experiment.given) if one not in known][:at_a_time]
        if not new:
            break
        goes_on = attempt(*new)
        least, found, network = min(tried, key=lambda one: one[0])
        if least <= better * cost:
            cost, best, first = least, found, network
    return best, first


def _fit(experiment: Experiment, settings: Settings, part: members.Part) -> members.Trained:
    """The first network, trained by these settings; without an epoch, where that came to no end."""
    network = designed(experiment, settings, experiment.seed)
    try:
        return network, learn(experiment, Lesson(network, settings, part))
    except NotFiniteError:
        return network, History()


def _told(tried: list[Tried], best: Settings) -> str:
    """What was tried, and what was best."""
    usual = tried[0][1]
    costs = {named(settings, usual): cost for cost, settings, _ in tried}
    least, cost = min(costs.values()), costs.pop(named(best, usual))
    alike = "" if cost == least else ", the first as good as any"
    if len(costs) <= SHOWN:
        others = ", ".join(f"{brief(cost)} of {name}" for name, cost in costs.items())
    else:
        next_best = min(costs, key=lambda name: costs[name])
        others = f"{len(costs)} others, the best of them {brief(costs[next_best])} of {next_best}"
    return f"tried with the first network: {named(best, usual)}, validation cost {brief(cost)}{alike} (beside {others})"

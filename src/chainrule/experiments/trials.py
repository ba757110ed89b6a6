"""The trials of a search as people read them: a line while it runs, and a table at its end."""

from __future__ import annotations

import sys
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from chainrule.experiments.settings import Settings
from chainrule.training import EarlyStopping


@dataclass(frozen=True)
class Trial:
    """One of the settings that were tried.

    Attributes:
        number: from 1.
        settings: what was tried, by the names of `Settings`.
        outcome: "complete"; "pruned", ended early because others were better; or "not finite".
        cost: the validation cost of the best epoch, or what else was looked at, with another sign where greater is
            better; NaN where there is none.
        seconds: how long it took.
        by: who tried it, where several processes share the search.
    """

    number: int
    settings: dict[str, Any]
    outcome: str
    cost: float
    seconds: float
    by: str = ""


def table(trials: Sequence[Trial], given: Settings) -> dict[str, list[Any]]:
    """The trials by columns."""
    name, sign = monitored(given)
    columns: dict[str, list[Any]] = {
        "trial": [trial.number for trial in trials],
        name: [sign * trial.cost for trial in trials],
        "outcome": [trial.outcome for trial in trials],
        "seconds": [round(trial.seconds, 1) for trial in trials],
    }
    if any(trial.by for trial in trials):
        columns["by"] = [trial.by for trial in trials]
    return columns | {name: [_value_text(trial.settings[name]) for trial in trials] for name in trials[0].settings}


def settings_text(settings: dict[str, Any]) -> str:
    """Settings in one line."""
    return ", ".join(f"{name} {_value_text(value)}" for name, value in settings.items())


def _value_text(value: Any) -> str:
    if isinstance(value, float):
        return f"{value:.3g}"
    return ",".join(map(str, value)) if isinstance(value, tuple) else str(value)


def monitored(settings: Settings) -> tuple[str, int]:
    """What is compared on the validation part, as the history calls it; and −1 where greater is better, else 1."""
    rule = EarlyStopping(f"val_{settings.metric or 'loss'}")
    return rule.monitor, rule.sign


def told(trial: Trial, best: Trial, total: int, given: Settings, here: str = "") -> str:
    """A line about a trial that has come to its end, and the best until then; `here` is what this process is called."""
    name, sign = monitored(given)
    least = "the best" if trial.number == best.number else f"the best {sign * best.cost:.4g}"
    how = least if trial.outcome == "complete" else f"{trial.outcome}, {least}"
    who = f" by {trial.by}{' (here)' if trial.by == here else ''}" if trial.by else ""
    return f"trial {trial.number}/{total}{who}  {name} {sign * trial.cost:.4g} ({how})  {settings_text(trial.settings)}"


def shares(trials: Sequence[Trial]) -> str:
    """How many trials each has tried, "12 by a:7, 8 by b:4", the most first."""
    done = Counter(trial.by or "one that had it alone" for trial in trials)
    return ", ".join(f"{n} by {by}" for by, n in done.most_common())


def say(line: str) -> None:
    """Tell on stderr, at once."""
    print(line, file=sys.stderr, flush=True)

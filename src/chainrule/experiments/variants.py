"""Settings that differ by one thing from those of the networks of a table, to be tried where there is time."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from chainrule.experiments.settings import Settings

RATES, DROPOUTS, DECAYS, BINS, WIDEST = (0.5, 2.0), (0.0, 0.1, 0.3, 0.5), (0.1, 10.0), (16, 48, 128), 1024
"""What α and the weight decay are multiplied by, and the values of the others."""

TOLD = {"learning_rate": "α", "hidden": "hidden", "weight_decay": "weight decay", "bins": "bins"}
"""What is told of settings beside the epochs and the dropout, where it differs."""


def variants(best: Settings, asked: Settings) -> list[Settings]:
    """Neighbours of these settings, what tends to matter most first; nothing is changed that somebody has chosen."""
    hidden = tuple(best.hidden or ())
    wider, narrower = (tuple(int(n * by) for n in hidden) for by in (2, 0.5))
    shapes = [wider] * (max(hidden, default=WIDEST) < WIDEST) + [(*hidden, hidden[-1])] * bool(hidden) + [narrower]
    tried: dict[str, Sequence[Any]] = {
        "learning_rate": [(best.learning_rate or 0.0) * by for by in RATES],
        "hidden": shapes,
        "dropout": DROPOUTS,
        "weight_decay": [(best.weight_decay or 0.0) * by for by in DECAYS],
        "bins": BINS,
    }
    free = [name for name in tried if getattr(asked, name) is None]
    found = [replace(best, **{name: value}) for name in free for value in tried[name]]
    return [one for one in found if one != best]


def named(settings: Settings, usual: Settings) -> str:
    """The epochs, the dropout, and what else is unlike the usual, in words."""
    others = [f"{word} {_written(settings, name)}" for name, word in TOLD.items() if _differs(settings, usual, name)]
    return ", ".join([f"{settings.epochs} epochs", f"dropout {settings.dropout:g}", *others])


def _differs(settings: Settings, usual: Settings, name: str) -> bool:
    return bool(getattr(settings, name) != getattr(usual, name))


def _written(settings: Settings, name: str) -> str:
    value = getattr(settings, name)
    return " × ".join(map(str, value)) if name == "hidden" else f"{value:g}"

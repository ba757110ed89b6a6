"""How a run began, kept in its folder until it is over, so that one killed before a checkpoint can begin so again."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any, TypedDict

from chainrule import files, forms
from chainrule.errors import CheckpointError
from chainrule.experiments.settings import BEGINNING, UNTOLD
from chainrule.training.checkpoints import refuse_others


class Beginning(TypedDict):
    """What the file holds: the seed, and what a resumed run must share, by the names of the settings."""

    seed: int
    facts: dict[str, Any]


def write(folder: Path, seed: int, facts: Mapping[str, Any]) -> None:
    """Write it.

    Raises:
        ModelFileError: it cannot be written.
    """
    files.write_atomically(folder / BEGINNING, files.to_json({"seed": seed, "facts": facts}))


def read(folder: Path) -> Beginning | None:
    """How the run in the folder began; None where it is over, or there is none.

    Raises:
        CheckpointError: the file is damaged.
    """
    path = folder / BEGINNING
    try:
        text = path.read_bytes()
    except FileNotFoundError:
        return None
    try:
        found = json.loads(text)
    except ValueError:
        raise CheckpointError(f"{path} is damaged: it is no JSON.") from None
    return forms.read(Beginning, found, str(path), CheckpointError)


def refuse_other(folder: Path, facts: Mapping[str, Any]) -> None:
    """Raises OptionError where the run in the folder did not begin so."""
    begun = read(folder)
    if begun is not None:
        ours = json.loads(files.to_json(dict(facts)))
        refuse_others(folder / BEGINNING, begun["facts"], ours, ours, untold=UNTOLD)


def forget(folder: Path) -> None:
    """Remove it: the run is over."""
    (folder / BEGINNING).unlink(missing_ok=True)

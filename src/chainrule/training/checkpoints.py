"""A training run on disk, so that one that is killed can go on with the same bits."""

from __future__ import annotations

import os
import time
import warnings
from collections.abc import Collection, Mapping
from concurrent.futures import Future
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

from chainrule import files, forms
from chainrule.checking import real, whole
from chainrule.errors import CheckpointError, OptionError
from chainrule.training.state import Described, State

FORMAT = 3
"""The version of the checkpoint's description."""

TOLD_BY_CHECKSUM = {
    "data with checksum": "the data",
    "a file, columns and rows with checksum": "the rows or columns of the file",
    "the validation data": "the validation data",
    "code of your own with checksum": "the functions of your own loss or layers",
}
"""The settings that are told by a checksum, and how to call these."""


@dataclass(frozen=True)
class Checkpoint:
    """When and where to write the state of a run: parameters, optimizer, history and place in the data.

    Args:
        path: the file, such as "runs/digits/checkpoint.safetensors"; written atomically.
        every_epochs: after each k epochs; None for not.
        every_minutes: whenever that much time has passed, also within an epoch; None for not.
        at_end: whether also when the run is over, so that one that is resumed comes back as it is.
        anew: whether to begin anew where the file holds a run with other settings, as of another trial of a search,
            instead of refusing it.
        facts: what else a resumed run must share, JSON by name; what differs is named in these words first.
        untold: what of this a run had whose file does not tell it, as one that an older version wrote.

    Raises:
        OptionError: neither, or a number out of range.
    """

    path: str | os.PathLike[str]
    every_epochs: int | None = 1
    every_minutes: float | None = None
    anew: bool = False
    facts: Mapping[str, Any] = field(default_factory=dict)
    at_end: bool = False
    untold: Mapping[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if self.every_epochs is None and self.every_minutes is None:
            raise OptionError("a checkpoint needs every_epochs or every_minutes.")
        if self.every_epochs is not None:
            whole("every_epochs", self.every_epochs)
        if self.every_minutes is not None:
            real("every_minutes", self.every_minutes, low=0)

    def seed(self) -> int | None:
        """The seed of the run that the file holds, or None where there is no file.

        Raises:
            CheckpointError: the file is no checkpoint. ModelFileError: it is damaged.
        """
        found = _read(self)
        return None if found is None else found[1]["checkpoint"]["seed"]


class Checkpoints:
    """Decides when a checkpoint is due, and keeps the file.

    Args:
        rule: where and when.
        settings: what a resumed run must share with this one; JSON, or what a thread is still computing.
    """

    def __init__(self, rule: Checkpoint, settings: dict[str, Any]):
        self.rule = rule
        self._settings = {**rule.facts, **settings}
        self.written = time.monotonic()
        self._left: tuple[int, int] | None = None
        """Which file this run has written or read last."""

    @cached_property
    def settings(self) -> dict[str, Any]:
        """What a resumed run must share with this one, JSON; waits for what is still being computed."""
        return computed(self._settings)

    def due_after_epoch(self, epochs_done: int) -> bool:
        return bool(self.rule.every_epochs and epochs_done % self.rule.every_epochs == 0) or self.due()

    def due(self) -> bool:
        minutes = self.rule.every_minutes
        return minutes is not None and time.monotonic() - self.written >= 60 * minutes

    def write(self, tensors: files.Tensors, state: State) -> None:
        """Write the file; the one before stays until the new one is whole. A warning tells of another run's."""
        if self._left is not None and _which(self.rule.path) not in (None, self._left):
            warnings.warn(
                f"another run writes {self.rule.path}, too, and each overwrites what the other has saved: give each a "
                "checkpoint= of its own.",
                stacklevel=2,
            )
        files.write_tensors(
            self.rule.path,
            tensors,
            {"format": FORMAT, "checkpoint": state, "settings": self.settings | {"seed": state["seed"]}},
        )
        self._left = _which(self.rule.path)
        self.written = time.monotonic()

    def read(self) -> tuple[files.Tensors, State] | None:
        """What the file holds, or None where there is none yet: a run killed before its first checkpoint starts over.

        Raises:
            CheckpointError: the file is no checkpoint. ModelFileError: it is damaged.
            OptionError: it belongs to a run with other settings, and the rule is not to begin anew.
        """
        found = _read(self.rule)
        if found is None:
            return None
        self._left = _which(self.rule.path)
        tensors, description = found
        try:
            refuse_others(
                self.rule.path, description["settings"], self.settings, self.rule.facts, untold=self.rule.untold
            )
        except OptionError:
            if self.rule.anew:
                return None
            raise
        return tensors, description["checkpoint"]


def refuse_others(
    path: str | os.PathLike[str],
    theirs: Mapping[str, Any],
    ours: Mapping[str, Any],
    facts: Collection[str],
    *,
    untold: Mapping[str, Any],
) -> None:
    """See to it that a run which is resumed from a file began with the settings that this one has.

    Args:
        facts: the names of those that a user has chosen, from which others follow.
        untold: what it had of the settings that the file does not tell.

    Raises:
        OptionError: it did not; the message names all facts that differ, or else the first of the others.
    """
    had = {**UNTOLD, **untold, **theirs}
    differing = [name for name, value in ours.items() if had.get(name) != value]
    if not differing:
        return
    chosen = [name for name in differing if name in facts and name not in TOLD_BY_CHECKSUM] or differing[:1]
    if what := TOLD_BY_CHECKSUM.get(chosen[0]):
        raise OptionError(
            f"{path} cannot be resumed: {what} are not those that its run began with. Bring the same, or start anew "
            "without resuming."
        )
    told = "; it had ".join(f"{name} {had.get(name)}, this one has {ours[name]}" for name in chosen)
    raise OptionError(
        f"{path} cannot be resumed: its run had {told}. Repeat the settings, or start anew without resuming."
    )


def _which(path: str | os.PathLike[str]) -> tuple[int, int] | None:
    """What tells a file from another that was put in its place, or None where there is none."""
    try:
        found = os.stat(path)
    except OSError:
        return None
    return found.st_ino, found.st_mtime_ns


UNTOLD = {"the precision": "float32"}
"""What the runs of checkpoints had that do not tell it, because there was nothing else."""


def computed(settings: dict[str, Any]) -> dict[str, Any]:
    """The settings with the numbers that threads have computed meanwhile."""
    return {
        name: computed(value) if isinstance(value, dict) else value.result() if isinstance(value, Future) else value
        for name, value in settings.items()
    }


def _read(rule: Checkpoint) -> tuple[files.Tensors, Described] | None:
    if not Path(rule.path).exists():
        return None
    tensors, content = files.read_tensors(rule.path)
    if "checkpoint" not in content:
        raise CheckpointError(f"{rule.path} is a model file, not a checkpoint.")
    if content.get("format") != FORMAT:
        raise CheckpointError(f"{rule.path} was written by another version of chainrule: finish that run there.")
    return tensors, forms.read(Described, content, str(rule.path), CheckpointError)

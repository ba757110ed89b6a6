"""What one training of an experiment is given."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from chainrule.experiments.members import Part
from chainrule.experiments.settings import Settings
from chainrule.layers import Network
from chainrule.training import Checkpoint
from chainrule.training.run import Callback


@dataclass(frozen=True)
class Lesson:
    """A network to train, by which settings, the rows for it, where its checkpoint is, and who looks on."""

    network: Network
    settings: Settings
    part: Part
    checkpoint: Checkpoint | None = None
    progress: bool = False
    callbacks: Sequence[Callback] = ()

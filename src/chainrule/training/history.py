"""What happened while training: one record an epoch."""

from __future__ import annotations

import os
from dataclasses import asdict, dataclass, field
from typing import TYPE_CHECKING, Any, overload

from chainrule import files
from chainrule.names import counted

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from chainrule.charts import Chart

CUT = ("interrupted", "terminated")
"""Why a run has ended before it was done, where that was not its own decision."""

RISEN = 0.1
"""A cost that has grown by more than this part of what it was has risen."""


@dataclass
class History:
    """The record of a training run.

    Attributes:
        epochs: a dict for each epoch: `epoch` (from 0), `loss` (the mean cost of the batches as they were met, penalty
            included), `penalty` (what of that is the penalty) where there is one, then each metric under its name,
            measured on the same outputs; with validation also `val_loss` (without penalty) and `val_` with the name of
            each metric; and `seconds`.
        engine: which engine ran. reason: why it was not a faster one, where that was for the network to say.
        device: where it ran: "cpu", "gpu: NVIDIA H200", "cpu x 4", "gpu: NVIDIA H200 x 16 in 2 processes".
        precision: what the operands of matrix products were: "float32", "float64" or "bfloat16".
        seed: of shuffling and dropout, so that the run can be repeated.
        stopped: why training ended: "all epochs done", "early stopping", "interrupted" by Ctrl-C, "terminated" by
            SIGTERM, or a callback's own words.
        best_epoch: with early stopping, the epoch whose parameters the network has, from 0; None without.
        hints: what a teacher would notice, a line each.
        members: of networks that answer together the history of each; then `epochs` are those of the first.
        elapsed: the seconds that they took, side by side.
    """

    epochs: list[dict[str, Any]] = field(default_factory=list)
    engine: str = ""
    reason: str = ""
    seed: int = 0
    stopped: str = ""
    best_epoch: int | None = None
    device: str = ""
    precision: str = ""
    hints: list[str] = field(default_factory=list)
    members: list[History] = field(default_factory=list)
    elapsed: float = 0.0

    def __repr__(self) -> str:
        measured = "val_loss" if self.epochs and "val_loss" in self.epochs[0] else "loss"
        least = [f"least {measured} {min(self[measured]):.4g}"] if self.epochs else []
        facts = [counted(len(self.epochs), "epoch"), *least, self.stopped, self.engine]
        facts += [] if self.device in ("", "cpu") else [self.device]
        facts += [self.precision] if self.precision == "bfloat16" else []
        return f"History({', '.join(filter(None, facts))})"

    def __getitem__(self, name: str) -> list[float]:
        """One value for each epoch: history["val_loss"]."""
        return [record[name] for record in self.epochs]

    @property
    def cut(self) -> bool:
        """Whether the run was ended from outside, so that there is more to do."""
        return self.stopped in CUT

    def climbs(self) -> bool:
        """Whether the training cost was never again as low as in the first epoch, and ended markedly above it."""
        costs = self["loss"] if len(self.epochs) > 1 else [0.0]
        return min(costs) == costs[0] and costs[-1] - costs[0] > RISEN * abs(costs[0])

    @property
    def seconds(self) -> float:
        """The time of all epochs; of networks that answer together, from the first to the last."""
        return self.elapsed or float(sum(self["seconds"]))

    def to_json(self) -> str:
        """The history as JSON, as `history.json` holds it."""
        told = asdict(self)
        if not self.members:
            del told["members"], told["elapsed"]
        return files.to_json(told)

    @overload
    def plot(self, path: None = None) -> Figure: ...

    @overload
    def plot(self, path: str | os.PathLike[str]) -> Figure | Chart: ...

    def plot(self, path: str | os.PathLike[str] | None = None) -> Figure | Chart:
        """Draw the cost without the penalty and every metric over the epochs; written to a `path` (.svg, .png, .pdf).

        Returns:
            A figure of matplotlib; or of an .svg, which is written without matplotlib, the chart: a notebook shows it,
            and its `figure()` is that figure.

        Raises:
            ModelFileError: the file cannot be written.
        """
        from chainrule.training.curves import curves

        chart = curves(self.epochs, self.best_epoch, [one.epochs for one in self.members[1:]])
        return chart.figure() if path is None else chart.save(path)

    def save(self, path: str | os.PathLike[str]) -> None:
        """Write the JSON, atomically.

        Raises:
            ModelFileError: the file cannot be written.
        """
        files.write_atomically(path, self.to_json())

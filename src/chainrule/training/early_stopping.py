"""Stop when it gets no better, and go back to where it was best."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any, Literal

from chainrule.checking import real, whole
from chainrule.errors import OptionError
from chainrule.metrics import METRICS, Metric, Task, find_metrics
from chainrule.names import unknown


@dataclass(frozen=True)
class EarlyStopping:
    """End the training when `monitor` has not improved for `patience` epochs, and restore the best parameters.

    Prechelt, 1998.

    Args:
        monitor: a key of the history's records, such as "val_loss" or "val_accuracy"; a metric that goes by its name is
            measured for it.
        patience: how many epochs in a row may pass without improvement.
        min_delta: the least change that counts as one.
        mode: "min" or "max"; None knows it for losses and for metrics by name, and takes "min" for others.

    Raises:
        OptionError: a number out of range or an unknown mode.
    """

    monitor: str = "val_loss"
    patience: int = 10
    min_delta: float = 0.0
    mode: Literal["min", "max"] | None = None

    def __post_init__(self) -> None:
        whole("patience", self.patience)
        real("min_delta", self.min_delta, low=0)
        if self.mode not in (None, "min", "max"):
            raise OptionError(f'mode is "min" or "max", not {self.mode!r}.')

    def watched(self, metrics: list[Metric], task: Task) -> list[Metric]:
        """The metrics, and the one that is monitored, where it is another that goes by a name.

        Raises:
            OptionError: it does not fit the task.
        """
        name = self.monitor.removeprefix("val_")
        if name not in METRICS or name in [metric.name for metric in metrics]:
            return metrics
        return [*metrics, *find_metrics(name, task)]

    @property
    def sign(self) -> int:
        """1 where smaller is better, −1 where greater is."""
        if self.mode is not None:
            return 1 if self.mode == "min" else -1
        metric = METRICS.get(self.monitor.removeprefix("val_"))
        return -1 if metric is not None and metric.greater_is_better else 1


@dataclass
class Watch:
    """The state of an `EarlyStopping` during a run.

    Attributes:
        best: the best value so far, smaller is better. epoch: when it was. waited: epochs since.
    """

    rule: EarlyStopping
    best: float = math.inf
    epoch: int | None = None
    waited: int = 0

    def improved(self, record: dict[str, Any]) -> bool:
        """Whether the record of an epoch is the best so far; counts the epochs since.

        Raises:
            OptionError: the record does not have what is monitored.
        """
        if self.rule.monitor not in record:
            unvalidated = self.rule.monitor.startswith("val_") and "val_loss" not in record
            hint = " Give train(…, validation=(X_val, y_val))." if unvalidated else ""
            raise OptionError(unknown("value to monitor", self.rule.monitor, set(record) - {"epoch", "seconds"}) + hint)
        value = self.rule.sign * record[self.rule.monitor]
        if value < self.best - self.rule.min_delta:
            self.best, self.epoch, self.waited = value, record["epoch"], 0
            return True
        self.waited += 1
        return False

    @property
    def over(self) -> bool:
        """Whether patience has run out."""
        return self.waited >= self.rule.patience

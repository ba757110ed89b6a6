"""What a person sees while training: a live bar in a terminal or a notebook, a few plain lines elsewhere."""

from __future__ import annotations

import sys
from typing import Any, Protocol


class Progress(Protocol):
    """Told of every batch and epoch; closed at the end."""

    def batch(self, epoch: int, batch: int, batches: int | None, cost: float) -> None: ...

    def epoch(self, record: dict[str, Any]) -> None: ...

    def close(self) -> None: ...


class Silent:
    """Shows nothing."""

    def batch(self, epoch: int, batch: int, batches: int | None, cost: float) -> None:
        pass

    def epoch(self, record: dict[str, Any]) -> None:
        pass

    def close(self) -> None:
        pass


class Lines(Silent):
    """A line for about ten of the epochs, for log files."""

    def __init__(self, epochs: int):
        self.epochs = epochs
        self.every = max(1, epochs // 10)

    def epoch(self, record: dict[str, Any]) -> None:
        if record["epoch"] % self.every == 0 or record["epoch"] == self.epochs - 1:
            print(f"epoch {record['epoch'] + 1}/{self.epochs}  {told(record)}", file=sys.stderr, flush=True)


class Bar:
    """A live bar by rich, one step a batch, with the cost and the last epoch's metrics behind it."""

    def __init__(self, epochs: int):
        from rich.console import Console
        from rich.progress import BarColumn, MofNCompleteColumn, TextColumn, TimeRemainingColumn
        from rich.progress import Progress as RichProgress

        self.bar = RichProgress(
            TextColumn("epoch"),
            MofNCompleteColumn(),
            BarColumn(bar_width=24),
            TimeRemainingColumn(elapsed_when_finished=True),
            TextColumn("{task.fields[told]}"),
            console=Console(stderr=True),
            refresh_per_second=8,
        )
        self.task = self.bar.add_task("train", total=epochs, told="")
        self.last = ""
        self.bar.start()

    def batch(self, epoch: int, batch: int, batches: int | None, cost: float) -> None:
        told = self.last or f"loss {cost:.4g}"
        part = f"batch {batch + 1}/{batches}" if batches else f"batch {batch + 1}"
        self.bar.update(self.task, completed=epoch, told=told if batches == 1 else f"{told}  [dim]{part}[/dim]")

    def epoch(self, record: dict[str, Any]) -> None:
        self.last = told(record)
        self.bar.update(self.task, completed=record["epoch"] + 1, told=self.last)

    def close(self) -> None:
        self.bar.stop()


def progress_for(shown: bool, epochs: int) -> Progress:
    """The progress that fits where the output goes."""
    if not shown:
        return Silent()
    return Bar(epochs) if sys.stderr.isatty() or "ipykernel" in sys.modules else Lines(epochs)


def told(record: dict[str, Any]) -> str:
    """The numbers of an epoch in one line."""
    return "  ".join(f"{name} {value:.4g}" for name, value in record.items() if name not in ("epoch", "seconds"))

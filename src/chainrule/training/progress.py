"""What a person sees while training: a live bar in a terminal or a notebook, a few plain lines elsewhere."""

from __future__ import annotations

import sys
from typing import Any, Protocol


class Progress(Protocol):
    """What shows the progress of a run: it gets every batch, every epoch and notes, and is closed at the end."""

    def note(self, line: str) -> None: ...

    def batch(self, epoch: int, batch: int, batches: int | None, cost: float) -> None: ...

    def epoch(self, record: dict[str, Any]) -> None: ...

    def close(self) -> None: ...


class Silent:
    """Shows nothing."""

    def note(self, line: str) -> None:
        pass

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

    def note(self, line: str) -> None:
        print(line, file=sys.stderr, flush=True)

    def epoch(self, record: dict[str, Any]) -> None:
        if record["epoch"] % self.every == 0 or record["epoch"] == self.epochs - 1:
            print(f"epoch {record['epoch'] + 1}/{self.epochs}  {as_text(record)}", file=sys.stderr, flush=True)


class Bar:
    """A live bar by rich: the epoch, then the cost of the batch under way and what the last epoch measured."""

    def __init__(self, epochs: int):
        from rich.console import Console
        from rich.progress import BarColumn, TextColumn, TimeRemainingColumn
        from rich.progress import Progress as RichProgress
        from rich.table import Column

        self.epochs = epochs
        self.measured = ""
        self.bar = RichProgress(
            TextColumn(
                "{task.description}", table_column=Column(no_wrap=True, min_width=len(f"epoch {epochs}/{epochs}"))
            ),
            BarColumn(bar_width=12, table_column=Column(min_width=12)),
            TimeRemainingColumn(compact=True, elapsed_when_finished=True, table_column=Column(min_width=5)),
            TextColumn("{task.fields[measures]}", table_column=Column(no_wrap=True, overflow="ellipsis")),
            console=Console(stderr=True),
            refresh_per_second=8,
        )
        self.task = self.bar.add_task(f"epoch 1/{epochs}", total=epochs, measures="")
        self.bar.start()

    def note(self, line: str) -> None:
        self.bar.console.print(line, markup=False, highlight=False)

    def batch(self, epoch: int, batch: int, batches: int | None, cost: float) -> None:
        done = epoch + (batch + 1) / batches if batches else epoch
        measures = f"loss {cost:.4g}  {self.measured}"
        self.bar.update(self.task, completed=done, description=f"epoch {epoch + 1}/{self.epochs}", measures=measures)

    def epoch(self, record: dict[str, Any]) -> None:
        self.measured = as_text({name: value for name, value in record.items() if name != "loss"})
        self.bar.update(self.task, completed=record["epoch"] + 1, measures=as_text(record))

    def close(self) -> None:
        self.bar.stop()


def progress_for(shown: bool, epochs: int) -> Progress:
    """The progress that fits where the output goes."""
    if not shown:
        return Silent()
    return Bar(epochs) if sys.stderr.isatty() or "ipykernel" in sys.modules else Lines(epochs)


def as_text(record: dict[str, Any]) -> str:
    """The numbers of an epoch in one line."""
    return "  ".join(f"{name} {value:.4g}" for name, value in record.items() if name not in ("epoch", "seconds"))

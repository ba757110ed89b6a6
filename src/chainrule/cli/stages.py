"""The stages of a command as live lines in a terminal: what is being done, how much of it, and how long it takes."""

import sys
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from functools import cached_property
from typing import TYPE_CHECKING

from chainrule.progress import Advance, showing

if TYPE_CHECKING:
    from rich.progress import Progress


def stages_shown() -> AbstractContextManager[None]:
    """Shows the stages of what is done in this block, as long as stderr is a terminal."""
    return showing(_Lines().show) if sys.stderr.isatty() else nullcontext()


class _Lines:
    """A line for each stage under way; none is left when it is over."""

    @contextmanager
    def show(self, name: str, total: int | None) -> Iterator[Advance]:
        if not self._bar.tasks:
            self._bar.start()
        task, sum_done = self._bar.add_task(name, total=total, share=""), 0

        def advance(done: int) -> None:
            nonlocal sum_done
            sum_done += done
            share = f"{sum_done:,}" if total is None else f"{sum_done:,} of {total:,}"
            self._bar.update(task, completed=sum_done, share=share)

        try:
            yield advance
        finally:
            self._bar.remove_task(task)
            if not self._bar.tasks:
                self._bar.stop()

    @cached_property
    def _bar(self) -> "Progress":
        from rich.console import Console
        from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn

        return Progress(
            TextColumn("{task.description}", markup=False),
            BarColumn(bar_width=12),
            TextColumn("{task.fields[share]}"),
            TimeRemainingColumn(compact=True),
            console=Console(stderr=True),
            transient=True,
            redirect_stdout=False,  # or it would go to stderr
        )

"""Many batches in one call of what was compiled: how many, and when it ends."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator

from chainrule.engines.contract import Done

CALL = 0.1
"""About how many seconds of work are done between two looks at the keyboard and the progress bar."""


class Calls:
    """Batches by call: one at first, then as many as take about CALL seconds, at most twice as many as the last time.

    Attributes:
        batches: how many the next call takes.
    """

    def __init__(self) -> None:
        self.batches = 1

    def over(
        self, first: int, count: int, run: Callable[[int, int], Done], until: Callable[[int], int] | None = None
    ) -> Iterator[Done]:
        """What the calls for batches `first` to `count` come to.

        Args:
            run: runs the batches from a number up to another one. until: up to which one the call from a number goes.
        """
        while first < count:
            last = min(first + self.batches, count) if until is None else until(first)
            began = time.perf_counter()
            done = run(first, last)
            seconds = (time.perf_counter() - began) / (last - first)
            self.batches = max(1, min(2 * self.batches, int(CALL / seconds)))
            yield done
            first = last


def while_finite(updates: Iterator[Done]) -> Iterator[Done]:
    """What comes, up to the first whose cost is not finite: nothing follows that."""
    for done in updates:
        yield done
        if done.X is not None:
            return

"""What the ways of all contestants return."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from benchmarks.reference import Tensors


@dataclass
class Running:
    """A contestant at work on a row, compiled and ready.

    Attributes:
        round: does all of the row's work once, and has it done when it returns.
        outcome: what it has made by then, for the row's `loss`.
        memory: bytes at the peak, where a round is a process of its own.
    """

    round: Callable[[], None]
    outcome: Callable[[], Tensors]
    memory: Callable[[], int | None] = lambda: None


Ways = dict[tuple[str, type[Any]], Callable[[Any], Running | None]]
"""By a contestant's key and the kind of row; None comes of a row whose model the contestant does not know."""

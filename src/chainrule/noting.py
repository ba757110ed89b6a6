"""What plain Python does with recorded numbers and the graph does not see: comparisons, and a look at the data.

While notes are taken, the values of variables are arrays that know when somebody asks for their truth or for a number.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field
from types import FrameType
from typing import Any

import numpy as np


@dataclass
class Notes:
    """What was seen.

    Attributes:
        comparisons: the comparisons of variables, as nodes of the graph. What a comparison returns is a plain array,
            which knows nothing of where it is from; it is the value of a node here.
        looked: whether code that users wrote asked for the truth, or for a number, of what was recorded: an `if`, say.
    """

    comparisons: list[Any] = field(default_factory=list)
    looked: bool = False


_notes: ContextVar[Notes | None] = ContextVar("chainrule_notes", default=None)


@contextmanager
def noting() -> Iterator[Notes]:
    """Takes notes while the block lasts."""
    notes = Notes()
    token = _notes.set(notes)
    try:
        yield notes
    finally:
        _notes.reset(token)


def notes_under_way() -> Notes | None:
    """The notes that are being taken, if any."""
    return _notes.get()


class Watched(np.ndarray[Any, Any]):
    """An array that notes who asks for its truth or a number, and what is computed of it does so too."""

    def __bool__(self) -> bool:
        _note_a_look()
        return super().__bool__()

    def __int__(self) -> int:
        _note_a_look()
        return super().__int__()

    def __float__(self) -> float:
        _note_a_look()
        return super().__float__()

    def __index__(self) -> int:
        _note_a_look()
        return super().__index__()

    def item(self, *place: Any) -> Any:
        _note_a_look()
        return super().item(*place)

    def tolist(self) -> Any:
        _note_a_look()
        return super().tolist()

    def __getitem__(self, key: Any) -> Any:
        return watched(super().__getitem__(key))

    def __array_function__(self, function: Any, types: Any, arguments: Any, options: Any) -> Any:
        found = super().__array_function__(function, types, arguments, options)
        return watched(found) if isinstance(found, np.ndarray | np.generic) else found


def watched(value: Any) -> Any:
    """The same numbers, watched; a single number becomes an array without axes."""
    return value if isinstance(value, Watched) else np.asarray(value).view(Watched)


def _note_a_look() -> None:
    """It is users who look if they wrote the nearest code that is neither the graph's nor NumPy's."""
    notes, frame = _notes.get(), sys._getframe(2)
    while frame.f_back and _module(frame).startswith(_ON_BEHALF):
        frame = frame.f_back
    if notes is not None and not _module(frame).startswith("chainrule."):
        notes.looked = True


def _module(frame: FrameType) -> str:
    return str(frame.f_globals.get("__name__", ""))


_ON_BEHALF = ("numpy.", "chainrule.graph")
"""Modules that ask because somebody else has called them."""

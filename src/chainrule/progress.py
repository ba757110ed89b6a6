"""Stages of long work, such as reading or measuring: who does it tells how far it is, and who shows it listens."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from contextvars import ContextVar

Advance = Callable[[int], None]
"""Told how many more rows or files of a stage are done."""

Show = Callable[[str, int | None], AbstractContextManager[Advance]]
"""Shows a stage, of this name and so many rows or files, for as long as the context lasts."""

_show: ContextVar[Show | None] = ContextVar("chainrule_show", default=None)


@contextmanager
def stage(name: str, total: int | None = None) -> Iterator[Advance]:
    """A stage of the work, for as long as the block lasts. Nobody sees it but under `showing`.

    Args:
        name: what is being done, "decoding pictures". total: how many rows or files there are, where that is known.
    """
    show = _show.get()
    if show is None:
        yield lambda done: None
    else:
        with show(name, total) as advance:
            yield advance


@contextmanager
def showing(show: Show) -> Iterator[None]:
    """Let `show` show every stage that begins in this block."""
    token = _show.set(show)
    try:
        yield
    finally:
        _show.reset(token)

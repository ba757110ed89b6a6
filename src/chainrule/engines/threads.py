"""How many threads may compute."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from contextvars import ContextVar
from functools import cache
from typing import Any

from chainrule.checking import whole
from chainrule.errors import OptionError

_HELD: ContextVar[int | None] = ContextVar("threads", default=None)


def threads() -> int:
    """How many threads may compute: what `held_to` says; else CHAINRULE_NUM_THREADS, OMP_NUM_THREADS, or the cores that
    this process may use.

    Raises:
        OptionError: CHAINRULE_NUM_THREADS is no whole number of 1 or more. What OMP_NUM_THREADS may be, others say.
    """
    if (held := _HELD.get()) is not None:
        return held
    for name in ("CHAINRULE_NUM_THREADS", "OMP_NUM_THREADS"):  # joblib sets the second in each of its processes
        asked = os.environ.get(name, "")
        if asked.isdecimal() and int(asked) > 0:
            return int(asked)
        if asked and name == "CHAINRULE_NUM_THREADS":
            raise OptionError(f"{name} is {asked!r}, but must be a whole number, 1 or more.")
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def held_to(number: Any) -> AbstractContextManager[None]:
    """Let so many threads compute in this block, whichever engine it is; None for what the environment says.

    NumPy's BLAS is held to it in the whole process, because it knows no other way.

    Raises:
        OptionError: it is not a whole number of 1 or more.
    """
    return nullcontext() if number is None else _held(whole("threads", number))


@contextmanager
def _held(number: int) -> Iterator[None]:
    before = _HELD.set(number)
    try:
        with _blas().limit(limits=number, user_api="blas"):
            yield
    finally:
        _HELD.reset(before)


@cache
def _blas() -> Any:
    from threadpoolctl import ThreadpoolController

    return ThreadpoolController()

"""How many threads may compute."""

from __future__ import annotations

import math
import os
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import AbstractContextManager, contextmanager, nullcontext, suppress
from contextvars import ContextVar, copy_context
from functools import cache, partial
from pathlib import Path
from typing import Any, ParamSpec, TypeVar

from chainrule.checking import whole
from chainrule.errors import OptionError

CGROUP = Path("/sys/fs/cgroup")
"""Where Linux tells a container what it may use."""

P = ParamSpec("P")
R = TypeVar("R")

_HELD: ContextVar[int | None] = ContextVar("held", default=None)
_STEADY: ContextVar[int | None] = ContextVar("steady", default=None)


def threads() -> int:
    """How many threads may compute.

    It is what `held_to` says, or what it was when `steady` began; else CHAINRULE_NUM_THREADS, OMP_NUM_THREADS, or the
    cores that this process may use, no more than the quota of its container lets it keep busy.

    Raises:
        OptionError: CHAINRULE_NUM_THREADS is no whole number of 1 or more. What OMP_NUM_THREADS may be, others say.
    """
    if number := _HELD.get() or _STEADY.get():
        return number
    asked = os.environ.get("CHAINRULE_NUM_THREADS", "")
    if asked and not _number(asked):
        raise OptionError(f"CHAINRULE_NUM_THREADS is {asked!r}, but must be a whole number, 1 or more.")
    outermost = os.environ.get("OMP_NUM_THREADS", "").partition(",")[0]  # joblib sets it in each of its processes
    return _number(asked) or _number(outermost.strip()) or _cores()


def _number(text: str) -> int:
    """A number of threads, or 0 where the text is none."""
    return int(text) if text.isdecimal() else 0


def _cores() -> int:
    """Python 3.13 has the first number as os.process_cpu_count; joblib and psutil, which the core lacks, no more."""
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    return min(cores, _quota(CGROUP) or cores)


@cache
def _quota(folder: Path) -> int | None:
    """How many cores a container may keep busy, rounded up; None where nothing says so."""
    for names in (["cpu.max"], ["cpu/cpu.cfs_quota_us", "cpu/cpu.cfs_period_us"]):  # of cgroups v2, of v1
        with suppress(OSError, ValueError):  # there is no such file, or no limit, "max"
            microseconds, period = " ".join((folder / name).read_text() for name in names).split()
            if int(microseconds) > 0:  # v1 says -1 where there is no limit
                return math.ceil(int(microseconds) / int(period))
    return None


def held() -> int | None:
    """How many threads `held_to` says; None where it says nothing."""
    return _HELD.get()


def held_to(number: Any) -> AbstractContextManager[None]:
    """Let so many threads compute in this block, whichever engine it is; None for what held before.

    Raises:
        OptionError: it is not a whole number of 1 or more.
    """
    return nullcontext() if number is None else _kept(_HELD, whole("threads", number))


def steady() -> AbstractContextManager[None]:
    """Let as many threads compute to the end of this block as at its beginning, whatever becomes of the environment.

    Unlike `held_to` it asks for nothing: NumPy's BLAS stays as it is.

    Raises:
        OptionError: see `threads`.
    """
    return _kept(_STEADY, threads())


class Pool(ThreadPoolExecutor):
    """Python threads for work that needs no lock of Python, such as NumPy's: as many as may compute, or `most`.

    What held where the work was given to them, such as `held_to`, holds in them.
    """

    def __init__(self, most: int | None = None) -> None:
        super().__init__(threads() if most is None else min(most, threads()))

    def submit(self, function: Callable[P, R], /, *args: P.args, **options: P.kwargs) -> Future[R]:
        return super().submit(copy_context().run, partial(function, *args, **options))


@contextmanager
def _kept(variable: ContextVar[int | None], number: int) -> Iterator[None]:
    before = variable.set(number)
    try:
        yield
    finally:
        variable.reset(before)

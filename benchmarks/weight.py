"""What a row's work takes of memory, beyond what the library takes by being loaded."""

from __future__ import annotations

import ctypes
import gc
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

from benchmarks.contestants.contestant import Running
from benchmarks.rows import Training

ITSELF = Path("/proc/self")


def weigh(way: Callable[[Training], Running | None], row: Training) -> int | None:
    """The bytes of resident memory by which a process grows, at the peak, through starting a row and one round of it.

    So the data, the network and what a compiler holds are in it; the library and its threads are not, since the same
    row with a single example has gone before. None where the system is not Linux.
    """
    if not sys.platform.startswith("linux"):
        return None
    _one_round(way, replace(row, m=1, batch=1))
    before = _resident("VmRSS")
    (ITSELF / "clear_refs").write_text("5")  # the peak begins anew
    _one_round(way, row)
    return _resident("VmHWM") - before


def _one_round(way: Callable[[Training], Running | None], row: Training) -> None:
    """Run it, and give back what it took."""
    running = way(row)
    assert running is not None
    running.round()
    del running
    gc.collect()
    ctypes.CDLL(None).malloc_trim(0)


def _resident(what: str) -> int:
    """A line of the system's status of this process, in bytes."""
    lines = (ITSELF / "status").read_text().splitlines()
    (kibibytes,) = (line.split()[1] for line in lines if line.startswith(f"{what}:"))
    return int(kibibytes) * 1024

"""A process as a round: started, waited for, and its memory at the peak asked of the system."""

import subprocess
import sys
from collections.abc import Callable, Sequence
from itertools import count
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np

from benchmarks.contestants.contestant import Running
from benchmarks.reference import Tensors
from benchmarks.rows import ColdStart

SCRIPTS = Path(__file__).parents[1] / "cold"
"""The scripts of the peers: each takes a number of epochs and a folder, and saves a network.npz there."""


def cold_start(command: Sequence[str], saved: Callable[[Path], Tensors]) -> Running:
    """Rounds of a command.

    Args:
        command: what to run; a folder to save into comes last.
        saved: reads what is in the folder then: W1, b1, …, mean and deviation.
    """
    folder = TemporaryDirectory(prefix="cold-start-", ignore_cleanup_errors=True)
    peaks = [0]
    numbers = count()
    last = [Path(folder.name)]

    def round() -> None:
        last[0] = Path(folder.name, str(next(numbers)))
        peaks.append(_peak([*command, str(last[0])]))

    return Running(round, lambda: saved(last[0]), lambda: max(peaks))


def script(name: str) -> Callable[[ColdStart], Running]:
    """The way of a peer that has a script of this name."""
    return lambda row: cold_start([sys.executable, str(SCRIPTS / name), str(row.epochs)], _arrays_of)


def _arrays_of(folder: Path) -> Tensors:
    with np.load(folder / "network.npz") as arrays:
        return dict(arrays)


def _peak(command: Sequence[str]) -> int:
    """Run a command and return its peak memory in bytes.

    A process counts the memory of whoever started it as its own peak, so a small process stands between.
    """
    between = [sys.executable, "-I", "-S", str(SCRIPTS / "peak.py")]
    done = subprocess.run([*between, *command], capture_output=True, text=True)
    if done.returncode:
        raise RuntimeError(done.stderr.strip().rpartition("\n")[2] or f"it ended with {done.returncode}")
    return int(done.stdout.rpartition("\n")[2])

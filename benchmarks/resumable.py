"""What it costs that a resumed run knows its data again: the checksum of all rows, as a share of the first epoch.

Run by `python -m benchmarks.resumable`. Calls of `train` with and without a checkpoint are timed in turn, on made-up
data of usual shapes; the checkpoint is never due, so that what differs is the checksum, which a thread sums meanwhile.
"""

from __future__ import annotations

import statistics
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.table import Table

import chainrule as cr
from chainrule.data.checksums import checksum

ROUNDS = 21


@dataclass(frozen=True)
class Case:
    """A network and examples for it: m of a shape, in batches of a size."""

    title: str
    layers: Callable[[], list[cr.Layer]]
    m: int
    shape: tuple[int, ...]
    batch: int
    mapped: bool = False


def dense(*units: int) -> Callable[[], list[cr.Layer]]:
    """Hidden layers of relu, and 10 classes."""
    return lambda: [*(cr.Dense(n, "relu") for n in units), cr.Dense(10, "softmax")]


def lenet() -> list[cr.Layer]:
    """LeCun et al., 1998."""
    convolutions = [cr.Conv2D(6, 5, "relu"), cr.MaxPool(2), cr.Conv2D(16, 5, "relu"), cr.MaxPool(2), cr.Flatten()]
    return [*convolutions, *dense(120, 84)()]


CASES = (
    Case("784-256-128-10, batches of 128", dense(256, 128), 60_000, (784,), 128),
    Case("784-128-10, batches of 32", dense(128), 60_000, (784,), 32),
    Case("the same from a memory map", dense(128), 60_000, (784,), 32, mapped=True),
    Case("14-64-32-10, batches of 128", dense(64, 32), 100_000, (14,), 128),
    Case("LeNet-5, batches of 64", lenet, 10_000, (28, 28, 1), 64),
    Case("logistic regression 100-10, batches of 512", dense(), 100_000, (100,), 512),
)


def costs(case: Case, folder: Path) -> tuple[float, float, float]:
    """Seconds of the first epoch, and the parts of it that the checksum takes alone, and beside the training."""
    random = np.random.default_rng(0)
    X, y = random.random((case.m, *case.shape), np.float32), random.integers(0, 10, case.m)
    if case.mapped:
        np.save(folder / "X.npy", X)
        X = np.load(folder / "X.npy", mmap_mode="r")

    def seconds_of(checkpoint: cr.Checkpoint | None) -> float:
        net, batch = cr.Network(case.layers(), seed=0), case.batch
        options = {"epochs": 1, "batch_size": batch, "seed": 0, "progress": False, "checkpoint": checkpoint}
        began = time.perf_counter()
        cr.train(net, X, y, loss="cross_entropy", **options)
        return time.perf_counter() - began

    never = cr.Checkpoint(folder / "checkpoint.safetensors", every_epochs=None, every_minutes=1e6)
    without, alone, beside = [], [], []
    for k in range(ROUNDS):
        pair = {keep: seconds_of(never if keep else None) for keep in ((False, True) if k % 2 else (True, False))}
        began = time.perf_counter()
        checksum(X, y, None)
        alone.append((time.perf_counter() - began) / pair[False])
        beside.append(pair[True] / pair[False] - 1)
        without.append(pair[False])
    return statistics.median(without), statistics.median(alone), statistics.median(beside)


def main() -> None:
    """Print a line for each case."""
    table = Table(box=SIMPLE_HEAD, title=__doc__.splitlines()[0] if __doc__ else "", title_justify="left")
    for head in ("", "examples", "first epoch", "checksum alone", "the epoch longer by"):
        table.add_column(head, justify="left" if not head else "right")
    with tempfile.TemporaryDirectory() as folder:
        for case in CASES:
            seconds, alone, beside = costs(case, Path(folder))
            row = (f"{case.m:,}", f"{seconds:.2f} s", f"{100 * alone:.2f}%", f"{100 * beside:+.2f}%")
            table.add_row(case.title, *row)
    Console(width=110).print(table)


if __name__ == "__main__":
    main()

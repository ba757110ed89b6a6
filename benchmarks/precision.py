"""What training in bfloat16 reaches beside float32, over five seeds: `python -m benchmarks.precision`.

The same network, examples, order and start each time; `CHAINRULE_DATA` names the folder of the data.
"""

from __future__ import annotations

import argparse
import os
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from statistics import mean, stdev
from typing import Any

import numpy as np
from numpy.typing import NDArray
from rich.console import Console
from rich.table import Table

import chainrule as cr
from benchmarks.drop_in import adult
from benchmarks.models import lenet

DATA = Path(os.environ.get("CHAINRULE_DATA", Path(__file__).parents[2] / "shared" / "data"))
PRECISIONS = ("float32", "bfloat16")
SEEDS = 5
HELD_OUT = 0.2
CHARACTERS, STEPS = 200_000, 64

Examples = tuple[NDArray[Any], NDArray[Any]]


@dataclass(frozen=True)
class Row:
    """A network and its data.

    Attributes:
        name: what tables call it. layers, data: make them. epochs, batch: of the training with Adam.
        rate: the learning rate.
    """

    name: str
    layers: Callable[[], list[cr.Layer]]
    data: Callable[[], Examples]
    epochs: int
    batch: int
    rate: float = 1e-3


def digits() -> Examples:
    """MNIST's 10,000 test digits (LeCun et al., 1998), (m, 28, 28, 1) from 0 to 1."""
    with np.load(DATA / "mnist10k.npz") as kept:
        return kept["images"].reshape(-1, 28, 28, 1).astype(np.float32) / 255, kept["labels"].astype(int)


def census() -> Examples:
    """Adult, categories one-hot."""
    X, y = adult()
    return X.astype(np.float32), (y == ">50K").astype(int)


def characters() -> Examples:
    """Shakespeare's first 200,000 characters, cut into pieces of 64 characters; what follows each is to be said."""
    text = (DATA / "tinyshakespeare.txt").read_text()[: CHARACTERS + 1]
    known = {character: number for number, character in enumerate(sorted(set(text)))}
    numbers = np.array([known[character] for character in text])
    pieces = (len(numbers) - 1) // STEPS * STEPS
    return numbers[:pieces].reshape(-1, STEPS), numbers[1 : pieces + 1].reshape(-1, STEPS)


def dense(*units: int, n_out: int) -> Callable[[], list[cr.Layer]]:
    """Hidden relu layers, and a softmax."""
    return lambda: [cr.Flatten(), *(cr.Dense(n, "relu") for n in units), cr.Dense(n_out, "softmax")]


ROWS = (
    Row("MNIST, 784-256-128-10", dense(256, 128, n_out=10), digits, 10, 128),
    Row("MNIST, LeNet-5", lenet, digits, 10, 128),
    Row("Adult, 64-32-2", dense(64, 32, n_out=2), census, 10, 128),
    Row(
        "Shakespeare, LSTM of 128",
        lambda: [cr.Embedding(65, 64), cr.LSTM(128), cr.Dense(65, "softmax")],
        characters,
        8,
        32,
        5e-3,
    ),
)


@dataclass(frozen=True)
class Reached:
    """What a run reached on the held-out part, and the seconds of its epochs."""

    loss: float
    accuracy: float
    seconds: float


def reach(row: Row, precision: str, seed: int) -> Reached:
    """Train once; a fifth of the examples, drawn by the seed, is held out."""
    X, y = row.data()
    order = np.random.default_rng(seed).permutation(len(X))
    train, test = np.split(order, [round((1 - HELD_OUT) * len(X))])
    net = cr.Network(row.layers(), seed=seed)
    options: dict[str, Any] = {"loss": "cross_entropy", "metrics": ["accuracy"], "precision": precision}
    began = time.perf_counter()
    cr.train(
        net,
        X[train],
        y[train],
        optimizer=cr.Adam(row.rate),
        epochs=row.epochs,
        batch_size=row.batch,
        seed=seed,
        progress=False,
        hints=False,
        **options,
    )
    seconds = time.perf_counter() - began
    found = cr.evaluate(net, X[test], y[test], **options)
    return Reached(found["loss"], found["accuracy"], seconds)


def lines_of(row: Row, seeds: int) -> list[str]:
    """Means and deviations over the seeds, of bfloat16 what it differs by from float32 with the standard error."""
    reached: dict[str, list[Reached]] = {p: [] for p in PRECISIONS}
    for seed in range(seeds):
        for precision in PRECISIONS:
            reached[precision].append(reach(row, precision, seed))
    cells = [row.name]
    for what, scale in (("accuracy", 100), ("loss", 1)):
        figures = {p: [scale * getattr(one, what) for one in reached[p]] for p in PRECISIONS}
        apart = [b - a for a, b in zip(*figures.values(), strict=True)]
        cells += [spread(of) for of in figures.values()]
        error = f" ± {stdev(apart) / seeds**0.5:.3f}" if seeds > 1 else ""
        cells.append(f"{mean(apart):+.3f}{error}")
    ratio = sorted(a.seconds / b.seconds for a, b in zip(*reached.values(), strict=True))[seeds // 2]
    return [*cells, f"{ratio:.2f}"]


def spread(figures: list[float]) -> str:
    """Such as "97.06 ± 0.21"."""
    return f"{mean(figures):.3f}" + (f" ± {stdev(figures):.3f}" if len(figures) > 1 else "")


def main() -> None:
    """Print the table, a row when it is done."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.precision", description=__doc__)
    parser.add_argument("--seeds", type=int, default=SEEDS)
    parser.add_argument("--markdown", action="store_true", help="print lines of Markdown")
    given = parser.parse_args()
    heads = ["", *(f"{what}{p}" for what in ("accuracy in %, ", "loss, ") for p in (*PRECISIONS, "the difference"))]
    heads.append("times as fast")
    lines = [lines_of(row, given.seeds) for row in ROWS]
    if given.markdown:
        print("\n".join("| " + " | ".join(line) + " |" for line in (heads, ["---"] * len(heads), *lines)))
        return
    table = Table(*heads)
    for line in lines:
        table.add_row(*line)
    Console().print(table)


if __name__ == "__main__":
    main()

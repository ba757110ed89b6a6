"""Measure, interleaved, and print medians as ratios to the fastest peer."""

import argparse
import platform
import time
from math import log
from statistics import median

from rich.console import Console
from rich.table import Table

from benchmarks.contestants import installed
from benchmarks.work import WORK, Work

WARM_UP = 2
REST = 0.1
"""Seconds before each turn: a BLAS keeps its threads awake for a moment after the last product, on others' cores."""
AGREEMENT = 0.05
"""How far the costs may lie apart, as a part of the cost of knowing nothing, ln n_classes."""


def measure(work: Work, epochs: int) -> dict[str, tuple[list[float], float]]:
    """Seconds of each epoch and the last cost, by contestant; in turn, so that all meet the same noise."""
    ways = {name: make(work) for name, make in installed().items()}
    seconds: dict[str, list[float]] = {name: [] for name in ways}
    costs = {}
    for epoch in range(WARM_UP + epochs):
        for name, run in ways.items():
            time.sleep(REST)
            began = time.perf_counter()
            costs[name] = run()
            if epoch >= WARM_UP:
                seconds[name].append(time.perf_counter() - began)
    return {name: (seconds[name], costs[name]) for name in ways}


def main() -> None:
    """Print a table for each work."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument("--epochs", type=int, default=9, help="epochs that count, after two that do not (default 9)")
    arguments = parser.parse_args()
    print(f"{platform.machine()}, Python {platform.python_version()}, {arguments.epochs} epochs each, interleaved")
    for work in WORK:
        found = measure(work, arguments.epochs)
        ours = next(iter(found))
        fastest = min(median(seconds) for name, (seconds, _) in found.items() if not name.startswith("chainrule"))
        table = Table("", "ms/epoch", "min-max", "speed / fastest peer", "cost", title=work.name, title_justify="left")
        for name, (seconds, cost) in found.items():
            spread = f"{1e3 * min(seconds):.0f}-{1e3 * max(seconds):.0f}"
            agrees = abs(cost - found[ours][1]) <= AGREEMENT * log(work.sizes[-1])
            ratio = f"{fastest / median(seconds):.2f}" if agrees else "void: another cost"
            table.add_row(name, f"{1e3 * median(seconds):.0f}", spread, ratio, f"{cost:.4f}")
        Console(width=100).print(table)


if __name__ == "__main__":
    main()

"""Peak memory of `chainrule train TABLE --stream` while the table grows: it must not grow with it.

Run by `python -m benchmarks.larger_than_memory`. Tables of people with numbers, words, dates and gaps are written into
a temporary folder, as CSV and as Parquet, and a small network is trained on each for an epoch, in a process of its own.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import sys
import tempfile
import time
from importlib.metadata import version
from pathlib import Path

import numpy as np
import polars as pl
from rich.console import Console
from rich.table import Table as Shown

ROWS = 100_000
"""So many rows are made at a time."""

MB = 10**6
SETTINGS = ("--target", "pays", "--hidden", "32", "--batch-size", "1024", "--epochs", "1", "--seed", "0")
JOBS = [f"job {i}" for i in range(12)]
TOWNS = [f"town {i}" for i in range(400)]


def people(seed: int) -> pl.DataFrame:
    """Some rows; whether somebody pays depends on age, job and town."""
    random = np.random.default_rng(seed)
    age, job, town = random.integers(18, 90, ROWS), random.integers(0, 12, ROWS), random.integers(0, 400, ROWS)
    height = np.where(random.random(ROWS) < 0.05, np.nan, random.normal(170, 9, ROWS).round(1))
    day = np.datetime64("2015-01-01") + random.integers(0, 3650, ROWS)
    pays = age + 3 * job + 0.05 * town + random.normal(0, 8, ROWS) > 80
    return pl.DataFrame(
        {
            "age": age,
            "job": np.array(JOBS)[job],
            "town": np.array(TOWNS)[town],
            "height": height,
            "since": day,
            **{f"score {i}": random.standard_normal(ROWS).round(4) for i in range(6)},
            "member": random.choice(["yes", "no"], ROWS),
            "pays": np.where(pays, "yes", "no"),
        }
    )


def write(path: Path, size: int) -> None:
    """A CSV of so many bytes."""
    with open(path, "wb") as file:
        seed = 0
        while file.tell() < size:
            people(seed).write_csv(file, include_header=seed == 0)
            seed += 1


def peak(*command: str) -> tuple[int, float]:
    """The peak memory of a command in bytes, and its seconds."""
    began = time.perf_counter()
    process = os.posix_spawn(sys.executable, [sys.executable, "-m", "chainrule", *command], os.environ)
    _, status, used = os.wait4(process, 0)
    if status:
        raise SystemExit(f"chainrule {' '.join(command)} failed")
    return used.ru_maxrss * (1 if sys.platform == "darwin" else 1024), time.perf_counter() - began


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.larger_than_memory", description=__doc__)
    parser.add_argument("sizes", nargs="*", type=int, default=[200, 400, 800], help="MB of CSV (default 200 400 800)")
    parser.add_argument("--whole", action="store_true", help="measure the same without --stream beside it")
    arguments = parser.parse_args()
    packages = ("chainrule", "polars", "numpy")
    versions = ", ".join(f"{package} {version(package)}" for package in packages)
    print(f"{versions}, Python {platform.python_version()}, {platform.machine()}")
    shown = Shown("table", "rows", "", "peak memory", "seconds", "test accuracy")
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        for size in arguments.sizes:
            csv, parquet = folder / "people.csv", folder / "people.parquet"
            write(csv, size * MB)
            pl.scan_csv(csv).sink_parquet(parquet)
            rows = pl.scan_parquet(parquet).select(pl.len()).collect().item()
            ways = ["--stream", "--no-stream"] if arguments.whole else ["--stream"]
            for path, way in [(path, way) for path in (csv, parquet) for way in ways]:
                out = folder / f"{size}{path.suffix}{way}"
                memory, seconds = peak("train", str(path), *SETTINGS, way, "--out", str(out))
                accuracy = json.loads((out / "metrics.json").read_text())["test"]["accuracy"]
                file = f"{path.suffix[1:]}, {path.stat().st_size / MB:.0f} MB"
                shown.add_row(file, f"{rows:,}", way, f"{memory / MB:.0f} MB", f"{seconds:.0f}", f"{accuracy:.4f}")
    Console(width=100).print(shown)


if __name__ == "__main__":
    main()

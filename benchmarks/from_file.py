"""What a user waits for: whole commands from file to report, beside what they would run instead, in turn.

    python -m benchmarks.from_file                  # the cases below, five rounds each
    python -m benchmarks.from_file --rows 10000000  # how it grows
    python -m benchmarks.from_file --only digits adult --rounds 3

Each round runs every command once, in a process of its own: wall-clock and CPU seconds, and the peak of memory. Then
our command runs once more to tell how long each of its stages took. `predict` has a trained model predict the rows of
the CSV, beside polars, which reads and writes as many; `one` is what a service waits for that has loaded one.
CHAINRULE_DATA names the folder with adult.csv.
"""

from __future__ import annotations

import argparse
import json
import multiprocessing
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.table import Table

FEATURES = 20

PEERS = {"table": "scikit-learn", "digits": "scikit-learn", "copy": "polars"}

STAGES = """
import json, sys, time
from contextlib import contextmanager
from chainrule import progress
seconds = {}
usual = progress.stage
@contextmanager
def timed(name, total=None):
    began = time.perf_counter()
    with usual(name, total) as advance:
        yield advance
    seconds[name] = seconds.get(name, 0.0) + time.perf_counter() - began
progress.stage = timed
began = time.perf_counter()
from chainrule.cli import main
seconds["imports"] = time.perf_counter() - began
try:
    main()
finally:
    print(json.dumps(seconds), file=sys.stderr)
"""
"""Runs the command that follows, and tells the seconds of its stages in the last line of stderr."""


@dataclass(frozen=True)
class Case:
    """A command of ours on a file, and a peer's.

    Attributes:
        name: what `--only` calls it. ours: arguments of `chainrule`. peer: of `benchmarks.peers_from_file`, if any.
        before: arguments of `chainrule` for what has to be there, such as a model.
    """

    name: str
    ours: tuple[str, ...]
    peer: tuple[str, ...] = ()
    before: tuple[str, ...] = ()


@dataclass
class Measured:
    """What one command took in each round.

    Attributes:
        wall, cpu: seconds. memory: the peak, in MB.
    """

    wall: list[float] = field(default_factory=list)
    cpu: list[float] = field(default_factory=list)
    memory: list[float] = field(default_factory=list)

    def run(self, command: Sequence[str], folder: Path) -> None:
        """One round.

        Raises:
            RuntimeError: the command failed.
        """
        cache = folder / "cache"  # of decoded pictures, which the first training has not
        shutil.rmtree(cache, ignore_errors=True)
        own = os.environ | {"CHAINRULE_CACHE": str(cache)}
        began = time.perf_counter()
        process = subprocess.Popen(command, cwd=folder, env=own, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        _, status, used = os.wait4(process.pid, 0)
        if status:
            raise RuntimeError(f"{' '.join(command)} ended with status {status}")
        self.wall.append(time.perf_counter() - began)
        self.cpu.append(used.ru_utime + used.ru_stime)
        self.memory.append(used.ru_maxrss / 1000)

    def row(self) -> tuple[str, str, str]:
        """The medians, and the largest peak."""
        wall, cpu = statistics.median(self.wall), statistics.median(self.cpu)
        return f"{wall:.2f} s", f"{cpu:.2f} s", f"{max(self.memory):,.0f} MB"


def cases(folder: Path) -> Iterator[Case]:
    """The cases whose files are there, or can be made."""
    data, run = Path(os.environ.get("CHAINRULE_DATA", ".")), ("--seed", "0", "--out", "run")
    yield Case("digits", ("train", "digits", "--epochs", "30", *run), ("digits", "30"))
    if (data / "adult.csv").exists():
        path = str(data / "adult.csv")
        yield Case("adult", ("train", path, "--target", "income", *run), ("table", path, "income", "12"))
    table = ("--target", "y", "--epochs", "2", "--hidden", "64", *run)
    for suffix in ("csv", "parquet"):
        path = str(folder / f"table.{suffix}")
        yield Case(suffix, ("train", path, *table), ("table", path, "y", "2"))
    path = str(folder / "table.csv")
    yield Case("stream", ("train", path, *table, "--stream"), ("table", path, "y", "2"))
    predict = ("predict", "run", path, "--out", "predictions.csv")
    yield Case("predict", predict, ("copy", path), before=("train", path, *table))
    yield Case(
        "series", ("train", str(folder / "series.csv"), "--target", "v", "--time", "week", "--horizon", "13", *run)
    )
    yield Case("pictures", ("train", str(folder / "pictures"), "--epochs", "3", *run))


def write(folder: Path, rows: int) -> None:
    """A table as CSV and as Parquet, a series of 2,284 weeks, and 10,000 pictures of 28 × 28 in ten folders."""
    import polars as pl
    from PIL import Image

    random = np.random.default_rng(0)
    X = random.standard_normal((rows, FEATURES), np.float32)
    y = (X[:, 0] + X[:, 1] * X[:, 2] + random.standard_normal(rows) > 0).astype(np.int64)
    frame = pl.DataFrame({f"x{i}": X[:, i] for i in range(FEATURES)} | {"y": y})
    frame.write_csv(folder / "table.csv")
    frame.write_parquet(folder / "table.parquet")
    weeks = np.datetime64("1974-05-19") + 7 * np.arange(2284)
    waves = np.sin(2 * np.pi * np.arange(2284) / 52.18) + 0.001 * np.arange(2284)
    pl.DataFrame({"week": weeks, "v": waves + random.normal(0, 0.1, 2284)}).write_csv(folder / "series.csv")
    for label in range(10):
        (folder / "pictures" / str(label)).mkdir(parents=True)
        for i in range(1000):
            pixels = random.integers(0, 80, (28, 28)).astype(np.uint8)
            pixels[2 * label : 2 * label + 6] += 120
            Image.fromarray(pixels).save(folder / "pictures" / str(label) / f"{i}.png")


def stages(case: Case, folder: Path) -> str:
    """How long each stage of our command took, in words."""
    done = subprocess.run(
        [sys.executable, "-c", STAGES, *case.ours], cwd=folder, check=True, capture_output=True, text=True
    )
    seconds = json.loads(done.stderr.strip().splitlines()[-1])
    if case.ours[0] == "train":
        seconds["training"] = json.loads((folder / "run" / "metrics.json").read_text())["seconds"]
    return ", ".join(f"{name} {took:.2f}" for name, took in seconds.items() if took >= 0.005)


def one() -> str:
    """How long it takes to load a model of a table of 20 numbers and words, and to have it predict a row, in words."""
    import polars as pl

    from chainrule import read_table
    from chainrule.experiments import Experiment, Settings, Trained

    random = np.random.default_rng(0)
    numbers = {f"x{i}": random.standard_normal(2000) for i in range(FEATURES - 2)}
    words = {f"w{i}": random.choice(["red", "green", "blue"], 2000) for i in range(2)}
    frame = pl.DataFrame({**numbers, **words, "y": (numbers["x0"] > 0).astype(int)})
    row = frame.drop("y").row(0, named=True)
    with tempfile.TemporaryDirectory() as folder:
        Experiment(read_table(frame, "y"), Settings(epochs=1, hidden=(64,), seed=0), folder).run(progress=False)
        load = _median(lambda: Trained.load(folder), 50)
        trained = Trained.load(folder)
        read = _median(lambda: trained.read(row, labelled=False), 500)
        predict = _median(lambda: trained.predictions(trained.read(row, labelled=False)), 500)
    return f"one row, medians: load {load:.1f} ms, read(row) {read:.3f} ms, read and predict {predict:.3f} ms"


def _median(call: Callable[[], object], times: int) -> float:
    """Milliseconds of a call."""
    taken = []
    for _ in range(times):
        began = time.perf_counter()
        call()
        taken.append(1000 * (time.perf_counter() - began))
    return statistics.median(taken)


def main() -> None:
    """Run the cases and print a table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rows", type=int, default=3_000_000, help="of the made-up table")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument(
        "--only", nargs="+", default=[], help="digits, adult, csv, parquet, stream, predict, series, pictures, one"
    )
    asked = parser.parse_args()
    shown = Table(box=SIMPLE_HEAD, title=f"from file to report, {asked.rows:,} rows of {FEATURES}; medians")
    for head in ("", "command", "wall", "CPU", "memory", "ours / peer", "seconds of the stages"):
        shown.add_column(head, justify="right" if head in ("wall", "CPU", "memory", "ours / peer") else "left")
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        # In a process of its own: one that is begun by a large process counts as that large itself.
        writing = multiprocessing.get_context("spawn").Process(target=write, args=(folder, asked.rows))
        writing.start()
        writing.join()
        command = [sys.executable, "-m", "chainrule"]
        for case in cases(folder):
            if asked.only and case.name not in asked.only:
                continue
            ours, peer = Measured(), Measured()
            if case.before:
                subprocess.run([*command, *case.before], cwd=folder, check=True, capture_output=True)
            other = [sys.executable, str(Path(__file__).with_name("peers_from_file.py")), *case.peer]
            for _ in range(asked.rounds):
                ours.run([*command, *case.ours], folder)
                if case.peer:
                    peer.run(other, folder)
            ratio = ""
            if case.peer:
                ratio = f"{statistics.median(a / b for a, b in zip(ours.wall, peer.wall, strict=True)):.2f}"
            shown.add_row(case.name, "chainrule", *ours.row(), ratio, stages(case, folder))
            if case.peer:
                shown.add_row("", PEERS[case.peer[0]], *peer.row(), "", "")
    console = Console(width=180)
    console.print(shown)
    if not asked.only or "one" in asked.only:
        console.print(one())


if __name__ == "__main__":
    main()

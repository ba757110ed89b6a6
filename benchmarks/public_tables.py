"""What `chainrule train` makes of public tables that nobody has tidied up: what it finds, tells and reaches.

    python -m benchmarks.collect_tables tables     # once
    CHAINRULE_TABLES=tables python -m benchmarks.public_tables
    CHAINRULE_TABLES=tables python -m benchmarks.public_tables --only flights wage --keep runs

Each is trained by the command line, `chainrule train FILE --target … --out …`, with nothing else said but a seed, so
that the table comes out again. `tables.json` in the folder names the files and their targets. `--keep` keeps the run
folders, with all that was printed in `printed.txt`.
"""

from __future__ import annotations

import argparse
import json
import os
import re
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from benchmarks.collect_tables import LIST

USUAL = re.compile(
    r"while training, all numbers|loss: |95 %: |baseline: |linear: |100%: |in .*model\.safetensors|next: |epoch \d|.*"
    r"(, seed \d+|:.* examples of .*|and so are all predictions|: trained anew)$|"
    r"precision, recall|f1: the mean|values: in"
)
"""Lines that most runs print."""

LONGEST = 110
"""Of a sentence so many characters are shown."""

MOST = 4
"""Of the sentences on a table so many are shown."""

RUN = "import sys; from chainrule.cli import main; sys.argv[0] = 'chainrule'; main()"


@dataclass(frozen=True)
class Reached:
    """What became of a table: the exit status, what was printed, the metrics, what the columns were taken for."""

    rc: int
    printed: str
    seconds: float
    metrics: dict[str, Any]
    kinds: dict[str, int]


def train(file: Path, target: str, folder: Path, seed: int) -> Reached:
    """Train on a table by the command line."""
    command = ["train", str(file), "--target", target, "--out", str(folder), "--seed", str(seed)]
    wide = {**os.environ, "COLUMNS": "400"}
    began = time.perf_counter()
    done = subprocess.run([sys.executable, "-c", RUN, *command], capture_output=True, text=True, env=wide)
    seconds = time.perf_counter() - began
    printed = (done.stdout + done.stderr).replace(f"{file.parent}/", "").replace(f"{folder.parent}/", "")
    if done.returncode:
        return Reached(done.returncode, printed, seconds, {}, {})
    (folder / "printed.txt").write_text(printed)
    return Reached(0, printed, seconds, json.loads((folder / "metrics.json").read_text()), kinds(done.stdout))


def kinds(printed: str) -> dict[str, int]:
    """How many columns were taken for what, by the table that was printed."""
    found: Counter[str] = Counter()
    for line in printed.split(" examples of ")[0].splitlines():
        for words, kind in (
            *((f"a {kind} ", kind) for kind in ("number", "category", "date")),
            *(("yes or no ", "yes or no"), ("text ", "text"), ("set aside", "set aside")),
        ):
            if re.search(rf"  {words}", line):
                found[kind] += 1
                break
    return dict(found)


def told(printed: str) -> list[str]:
    """The sentences that are about this very table."""
    lines = [line for line in printed.splitlines() if line and line == line.strip()]
    return [line for line in lines if not USUAL.match(line)]


def row(table: dict[str, str], reached: Reached) -> str:
    """A line of the Markdown table."""
    name = f"{table['name']}, `{table['target']}`"
    if reached.rc:
        return f"| {name} | | refused: {short(reached.printed.strip().splitlines()[-1])} | | | |"
    rows = re.search(r"([\d,]+) examples of", reached.printed)
    found = ", ".join(f"{n} {kind}" for kind, n in reached.kinds.items())
    sentences = told(reached.printed)
    more = [f"{len(sentences) - MOST} more"] if len(sentences) > MOST else []
    said = "; ".join([*map(short, sentences[:MOST]), *more])
    measured = " | ".join(measures(reached.metrics))
    return f"| {name} | {rows[1] if rows else ''} rows: {found} | {said} | {measured} |"


def short(sentence: str) -> str:
    """A sentence that fits into a cell."""
    plain = sentence.replace("|", "\\|")
    return plain if len(plain) <= LONGEST else plain[:LONGEST].rsplit(" ", 1)[0] + " …"


def measures(metrics: dict[str, Any]) -> tuple[str, str, str]:
    """What the network, the linear model and the baseline reach."""
    name = next(name for name in ("r2", "roc_auc", "accuracy") if name in metrics["test"])
    if name == "roc_auc" and metrics["test"][name] is None:
        name = "accuracy"
    called = {"r2": "R²", "roc_auc": "AUC"}.get(name, name)
    cells = [f"{metrics[who][name]:.3f}" if who in metrics else "" for who in ("test", "linear", "baseline")]
    return f"{called} {cells[0]}", cells[1], cells[2]


def main(arguments: Sequence[str] | None = None) -> None:
    """Train on all, and print the table."""
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.public_tables",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--only", nargs="*", default=[], help="the names of some of the tables")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--keep", type=Path, help="where to keep the run folders")
    asked = parser.parse_args(arguments)
    if "CHAINRULE_TABLES" not in os.environ:
        sys.exit("CHAINRULE_TABLES names the folder with the tables, which python -m benchmarks.collect_tables fills.")
    folder = Path(os.environ["CHAINRULE_TABLES"])
    began, done = time.perf_counter(), 0
    print("| table, target | found | told | test | linear | baseline |")
    print("| --- | --- | --- | --- | --- | --- |")
    with tempfile.TemporaryDirectory() as scratch:
        runs = asked.keep or Path(scratch)
        for table in json.loads((folder / LIST).read_text()):
            if not asked.only or table["name"] in asked.only:
                reached = train(folder / table["file"], table["target"], runs / table["name"], asked.seed)
                print(row(table, reached), flush=True)
                done += 1
    print(f"\n{done} tables in {time.perf_counter() - began:.0f} s")


if __name__ == "__main__":
    main()

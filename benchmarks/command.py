"""What `python -m benchmarks` takes and does."""

from __future__ import annotations

import argparse
import os
import time
from collections.abc import Iterable
from pathlib import Path
from typing import TypeVar

from rich.console import Console

import benchmarks
from benchmarks.contestants import CONTESTANTS, ON_DEVICE, Contestant
from benchmarks.limits import peaks
from benchmarks.machine import machine
from benchmarks.measure import Workers, cores, grow, measure
from benchmarks.page import page
from benchmarks.parity import device_of, parity
from benchmarks.picture import picture
from benchmarks.printed import contestants, growth, summary
from benchmarks.results import Results
from benchmarks.rows import ROWS, OnDevice, Row, Scaling, Training, rows_on, scalings
from benchmarks.terminal import show, terminal
from benchmarks.worker import RefusedError
from chainrule.checking import whole
from chainrule.errors import ChainruleError, OptionError
from chainrule.files import write_atomically

Keyed = TypeVar("Keyed", Contestant, Row | Scaling, Training)

FIGURES, PAGE, PICTURE = "benchmarks.json", "benchmarks.md", "benchmarks.svg"

SECONDS = 20
"""How long `--profile` keeps the engine at work."""


def main(arguments: list[str] | None = None) -> None:
    """Measure, or tell of an earlier run; a mistake of the user's is one line and exit code 2."""
    parser = _parser()
    given = parser.parse_args(arguments)
    try:
        if given.report:
            tell(Results.load(given.report), given.out or given.report.parent, terminal())
        elif given.profile:
            profile(given.profile)
        else:
            rounds = None if given.rounds is None else whole("--rounds", given.rounds)
            run(given.rows, given.contestants, rounds, given.out or Path("runs/benchmarks"), given.device)
    except ChainruleError as error:
        parser.error(str(error))
    except KeyboardInterrupt:
        parser.exit(130, "stopped\n")


def run(rows: str, who: str, rounds: int | None, out: Path, device: str | None = None) -> None:
    """Measure row after row; what has been measured is kept at once.

    Args:
        device: where the jax engine and PyTorch are compared, instead of all others on this machine's cores.

    Raises:
        OptionError: there is no such device, or no such row or contestant.
    """
    known: list[Row | Scaling] = [*ROWS, *scalings(cores())] if device is None else [*rows_on(device)]
    wanted = choose("row", rows, known)
    racing = choose("contestant", who, CONTESTANTS if device is None else ON_DEVICE)
    results = Results(machine(cores()))
    console = terminal()
    if device is not None:
        results.machine["device"] = device_of(device)
        show(console, parity([row for row in wanted if isinstance(row, OnDevice)]))
    limits = peaks(cores())
    for precision, peak in limits.items():
        results.machine[f"products of {precision}, at most"] = f"{peak / 1e9:,.0f} GFLOP/s"
    for what, value in results.machine.items():
        console.print(f"{what}: {value}", highlight=False)
    with Workers() as workers:
        for row in wanted:
            if isinstance(row, Scaling):
                try:
                    results.growths.append(grow(row, workers, rounds))
                except RefusedError as reason:
                    console.print(f"{row.key} is left out: {reason}", highlight=False)
                else:
                    show(console, growth(results.growths[-1]))
            else:
                results.rows.append(measure(row, racing, workers, rounds, limits))
                show(console, contestants(results.rows[-1]))
            results.save(out / FIGURES)
    tell(results, out, console)


def tell(results: Results, out: Path, console: Console) -> None:
    """Print the summary, and write the page and the picture beside the figures."""
    if results.rows:
        show(console, summary(results.rows))
    for name, content in ((PAGE, page(results)), (PICTURE, picture(results))):
        write_atomically(out / name, content)
        console.print(f"{out / name}", highlight=False)


def profile(key: str) -> None:
    """chainrule alone on a training row, for a profiler to be attached to."""
    from benchmarks.contestants.chainrule import train

    (row, *_) = choose("row", key, [row for row in ROWS if isinstance(row, Training)])
    running = train("native", row)
    print(f"{row.title} for {SECONDS} seconds, process {os.getpid()}: perf top -p {os.getpid()}", flush=True)
    end = time.monotonic() + SECONDS
    while time.monotonic() < end:
        running.round()


def choose(what: str, keys: str, among: Iterable[Keyed]) -> list[Keyed]:
    """Those whose keys begin with one of `keys`, "mlp,cold"; all where it is empty.

    Raises:
        OptionError: no key begins like that.
    """
    among = list(among)
    begins = [begin.strip() for begin in keys.split(",") if begin.strip()]
    for begin in begins:
        if not any(one.key.startswith(begin) for one in among):
            raise OptionError(f"there is no {what} {begin!r}, but {', '.join(one.key for one in among)}.")
    return [one for one in among if not begins or one.key.startswith(tuple(begins))]


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=benchmarks.__doc__)
    parser.add_argument("--rows", default="", help='beginnings of keys, such as "mlp,cold" (default: all)')
    parser.add_argument("--contestants", default="", help='such as "native,jax" (default: all that are installed)')
    parser.add_argument("--rounds", type=int, help="rounds that count (default: 9; 5 for a cold start)")
    parser.add_argument("--out", type=Path, help="the folder for what is found (default: runs/benchmarks)")
    parser.add_argument(
        "--report", type=Path, metavar="FILE", help="measure nothing; tell of this benchmarks.json anew"
    )
    parser.add_argument("--device", help="compare the jax engine and PyTorch on a gpu; on the cpu for a trial")
    parser.add_argument("--profile", metavar="ROW", help=f"run chainrule alone on a training row for {SECONDS} seconds")
    return parser

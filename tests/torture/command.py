"""`python -m tests.torture`: rounds of all kinds of attacks, those first that are farthest from their targets."""

from __future__ import annotations

import argparse
import math
import os
import shutil
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Sequence
from multiprocessing.connection import wait
from pathlib import Path

from . import tally as tables
from .kinds import KINDS
from .tally import Tally
from .workers import Failure, Kind, Worker

KEPT = 3
"""How many inputs are kept for each cause of failures."""

SAYS = 20.0
"""Seconds between two live lines."""


class Torture:
    """Attacks under way.

    Args:
        kinds: what is attacked. seed: of the first rounds; each further one has the next.
        minutes: after which no more begins; 0 for one round of each kind, which is made in any case.
        workers: how many at once. tries: how many of each kind at most, by name.
        failures: the folder for inputs of what went wrong.
    """

    def __init__(
        self, kinds: Sequence[Kind], *, seed: int, minutes: float, workers: int, tries: dict[str, int], failures: Path
    ):
        self.tallies = {kind.name: Tally(kind) for kind in kinds}
        self.minutes, self.workers, self.tries, self.failures = minutes, workers, tries, failures
        self._seeds = {kind.name: seed for kind in kinds}
        self._begun: Counter[str] = Counter()
        self._began, self._said = time.monotonic(), time.monotonic()
        self._scratch = Path(tempfile.mkdtemp(prefix="torture-"))
        self._number = 0

    def run(self) -> None:
        """All rounds, until the time is over."""
        working: list[Worker] = []
        try:
            while True:
                while len(working) < self.workers and (kind := self._next(working)) is not None:
                    working.append(self._start(kind))
                if not working:
                    return
                self._listen(working)
                if self._over and all(tally.tries or tally.over for tally in self.tallies.values()):
                    return
                self._say()
        except KeyboardInterrupt:
            print("interrupted", file=sys.stderr)
        finally:
            for worker in working:
                worker.end()
            shutil.rmtree(self._scratch, ignore_errors=True)

    @property
    def _over(self) -> bool:
        return self.minutes > 0 and time.monotonic() - self._began > 60 * self.minutes

    def _next(self, working: Sequence[Worker]) -> Kind | None:
        """The kind that is farthest from its target, or None where nothing is left to do."""
        late = (self.minutes == 0 and not self.tries) or self._over
        wanted = [
            tally.kind
            for name, tally in self.tallies.items()
            if not tally.over
            and self._begun[name] < self.tries.get(name, math.inf)
            and (not late or self._begun[name] == 0)
        ]
        spent = self._spent(working)
        return min(wanted, key=lambda kind: (self._begun[kind.name] > 0, spent[kind.name] / kind.target), default=None)

    def _spent(self, working: Sequence[Worker]) -> dict[str, float]:
        """How many tries of each kind are made or under way."""
        made = {name: float(tally.tries + tally.skipped.total()) for name, tally in self.tallies.items()}
        for worker in working:
            made[worker.kind.name] += worker.kind.together
        return made

    def _start(self, kind: Kind) -> Worker:
        left = int(min(kind.together, self.tries.get(kind.name, math.inf) - self._begun[kind.name]))
        seed = self._seeds[kind.name]
        self._seeds[kind.name] += 1
        self._begun[kind.name] += left
        self._number += 1
        folder = self._scratch / str(self._number)
        folder.mkdir()
        return Worker(kind, seed, left, folder)

    def _listen(self, working: list[Worker]) -> None:
        ready = set(wait([worker.pipe for worker in working], timeout=0.2))
        for worker in list(working):
            message = worker.listen() if worker.pipe in ready else worker.late()
            if message is None:
                continue
            word, index, content = message
            tally = self.tallies[worker.kind.name]
            if word == "done":
                tally.add([content] if isinstance(content, str) else content)  # type: ignore[arg-type]
            elif word == "failed":
                self._fail(worker, index, content)
            elif word == "over":
                tally.seconds += time.monotonic() - worker.began
                tally.over = tally.tries == 0 and tally.skipped.total() > 0
                worker.end()
                shutil.rmtree(worker.folder, ignore_errors=True)
                working.remove(worker)

    def _fail(self, worker: Worker, index: int, content: object) -> None:
        what, where = content  # type: ignore[misc]
        name, tally = worker.kind.name, self.tallies[worker.kind.name]
        tally.causes[where] += 1
        kept = worker.folder / "failed" / str(index)
        if tally.causes[where] <= KEPT:
            place = self.failures / f"{name}-{worker.seed}-{index}"
            place.parent.mkdir(parents=True, exist_ok=True)
            shutil.rmtree(place, ignore_errors=True)
            if kept.exists():
                shutil.move(kept, place)
            else:
                place.mkdir()
            (place / "traceback.txt").write_text(f"{name}, seed {worker.seed}, try {index}: {where}\n\n{what}\n")
            tally.failures.append(Failure(name, worker.seed, index, what, where, place))
            print(f"FAILED {name} seed {worker.seed} try {index}: {where}\n    kept in {place}", file=sys.stderr)
        shutil.rmtree(kept, ignore_errors=True)

    def _say(self) -> None:
        if time.monotonic() - self._said < SAYS:
            return
        self._said = time.monotonic()
        seconds = int(self._said - self._began)
        counts = "  ".join(f"{name} {tally.tries:,}/{tally.kind.target:,}" for name, tally in self.tallies.items())
        failed = sum(tally.failed for tally in self.tallies.values())
        print(f"{seconds // 60}:{seconds % 60:02}  {counts}  failures {failed:,}", file=sys.stderr, flush=True)


def _tries(text: str) -> tuple[str, int]:
    """A kind's name, or nothing, and how many tries."""
    name, _, number = text.rpartition("=")
    if name and name not in KINDS:
        raise argparse.ArgumentTypeError(f"there is no kind {name!r}, only {', '.join(KINDS)}")
    return name, int(number)


def _wanted(kinds: Sequence[Kind], tries: dict[str, int], share: float | None) -> dict[str, int]:
    """How many tries of each kind end it, by name."""
    of_all = {} if share is None else {kind.name: round(share * kind.target) or 1 for kind in kinds}
    of_all |= {kind.name: tries[""] for kind in kinds if "" in tries}
    return of_all | {name: number for name, number in tries.items() if name}


def main() -> None:
    """Read the options, torture, print the table; exit status 1 if there was any failure."""
    parser = argparse.ArgumentParser(prog="python -m tests.torture", description=__doc__)
    parser.add_argument("--minutes", type=float, default=30.0, help="how long; 0 for one round of each kind")
    parser.add_argument("--seed", type=int, default=0, help="of the first round of each kind")
    parser.add_argument("--only", nargs="+", choices=list(KINDS), metavar="KIND", help=", ".join(KINDS))
    parser.add_argument("--workers", type=int, default=os.cpu_count() or 1, help="how many processes at once")
    parser.add_argument(
        "--tries",
        nargs="+",
        type=_tries,
        default=[],
        metavar="N",
        help="end each kind after so many; kills=3 one of them",
    )
    parser.add_argument("--share", type=float, help="end each kind after this part of the tries that are wanted of it")
    parser.add_argument("--failures", type=Path, default=Path("torture-failures"), help="where inputs are kept")
    parser.add_argument("--markdown", action="store_true", help="print the table as Markdown")
    given = parser.parse_args()
    kinds = [KINDS[name] for name in given.only or KINDS]
    for kind in kinds:
        kind.warm()
    torture = Torture(
        kinds,
        seed=given.seed,
        minutes=given.minutes,
        workers=max(given.workers, 1),
        tries=_wanted(kinds, dict(given.tries), given.share),
        failures=given.failures.absolute(),
    )
    began = time.monotonic()
    torture.run()
    tallies = list(torture.tallies.values())
    print((tables.markdown if given.markdown else tables.plain)(tallies))
    failed = sum(tally.failed for tally in tallies)
    minutes = (time.monotonic() - began) / 60
    print(f"\n{minutes:.1f} minutes, {torture.workers} workers, from seed {given.seed}; failures: {failed:,}")
    if found := tables.causes(tallies):
        print(found)
    sys.exit(1 if failed else 0)

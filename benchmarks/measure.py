"""How it is measured: everybody in turn, so that all meet the same noise, and each as fast as it can be."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterable
from dataclasses import replace
from typing import Any

from benchmarks.contestants import CONTESTANTS, Contestant
from benchmarks.limits import operations
from benchmarks.results import Growth, Result, Timing
from benchmarks.rows import OnDevice, Row, Scaling, Training, counts_of_threads
from benchmarks.worker import RefusedError, Worker

REST = 0.1
"""Seconds before each turn: a BLAS keeps its threads awake for a moment after the last product, on others' cores."""

TRIALS = 2
"""Rounds by which a peer's number of threads is chosen, after one that warms up."""

LIMIT, FEWEST = 40.0, 3
"""No round of a row begins after so many seconds, once there are the fewest that a middle half can be told of."""


def cores() -> int:
    """How many cores this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


class Workers:
    """The processes that are alive, made when they are first needed; a context that ends them all."""

    def __init__(self) -> None:
        self._alive: dict[tuple[str, int], Worker] = {}

    def of(self, file: str, threads: int) -> Worker:
        """The process of the contestants of a file, with so many threads."""
        found = self._alive.get((file, threads))
        if found is None or not found.alive:
            found = self._alive[file, threads] = Worker(file, threads)
        return found

    def __enter__(self) -> Workers:
        return self

    def __exit__(self, *_: object) -> None:
        for worker in self._alive.values():
            worker.end()


class Entry:
    """A contestant with a number of threads, on a row."""

    def __init__(self, contestant: Contestant, threads: int, row: Any, workers: Workers):
        self.contestant, self.threads, self.row = contestant, threads, row
        self.worker = workers.of(contestant.file, threads)
        self.seconds: list[float] = []

    def tell(self, request: str) -> None:
        """See `Worker.tell`."""
        self.worker.tell(request, self.contestant.key, self.row)

    def ask(self, request: str) -> Any:
        """See `Worker.ask`."""
        self.tell(request)
        return self.worker.hear()

    def turn(self) -> None:
        """Rest, and run one round."""
        time.sleep(REST)
        self.seconds.append(self.ask("round") / self.row.units)

    def finish(self) -> Timing:
        """What came of it."""
        outcome, memory = self.ask("outcome")
        self.ask("stop")
        who = self.contestant
        loss = self.row.loss(outcome)
        return Timing(who.name, who.peer, self.threads, self.seconds, loss, memory, who.precision)


class Race:
    """All who take part in something, and why others do not."""

    def __init__(self, entries: list[Entry]):
        self.entries = entries
        self.reasons: dict[str, str] = {}
        for entry in entries:  # all at once, since compilers use one core each
            entry.tell("start")
        self.all(self._started)

    def all(self, do: Callable[[Entry], object]) -> None:
        """Let everybody do it in turn; those who cannot are out."""
        for entry in list(self.entries):
            try:
                do(entry)
            except RefusedError as reason:
                self.entries.remove(entry)
                self.reasons[entry.contestant.name] = str(reason)

    def _started(self, entry: Entry) -> None:
        if not entry.worker.hear():  # it has no way to do such a row
            self.entries.remove(entry)

    def warm_up(self) -> None:
        """A round for each that may still load and allocate, and the trials."""
        for _ in range(1 + TRIALS):
            self.all(Entry.turn)

    def choose(self) -> None:
        """Of each contestant, keep the number of threads that was fastest in the trials."""
        best: dict[Contestant, Entry] = {}
        for entry in sorted(self.entries, key=lambda entry: min(entry.seconds[1:])):
            if best.setdefault(entry.contestant, entry) is not entry:
                entry.ask("stop")
        self.entries = [entry for entry in self.entries if best[entry.contestant] is entry]

    def run(self, rounds: int) -> None:
        """The rounds that count."""
        for entry in self.entries:
            entry.seconds = []
        began = time.monotonic()
        for done in range(rounds):
            if done >= FEWEST and time.monotonic() - began > LIMIT:
                return
            self.all(Entry.turn)

    def timings(self) -> list[Timing]:
        """What was measured of those who came to the end."""
        made: list[Timing] = []
        self.all(lambda entry: made.append(entry.finish()))
        return made


def measure(
    row: Row,
    contestants: Iterable[Contestant],
    workers: Workers,
    rounds: int | None = None,
    limits: dict[str, float] | None = None,
) -> Result:
    """A row.

    Args:
        limits: see `Result`.
        rounds: how many count; None for the row's own number.
    """
    missing = {who.name: f"{who.package} is not installed" for who in contestants if not who.installed}
    present = [who for who in contestants if who.installed]
    race = Race([Entry(who, n, row, workers) for who in present for n in _threads(who, row)])
    race.warm_up()
    race.choose()
    race.run(row.rounds if rounds is None else rounds)
    timings = race.timings()
    if row.weighed:
        timings = [_weighed(timing, row) for timing in timings]
    names = {timing.name for timing in timings}
    left_out = missing | {name: reason for name, reason in race.reasons.items() if name not in names}
    return Result(
        row.key,
        row.title,
        row.unit,
        row.before,
        row.tolerance,
        timings,
        left_out,
        operations(row),
        {} if limits is None else limits,
    )


def grow(scaling: Scaling, workers: Workers, rounds: int | None = None) -> Growth:
    """chainrule alone, all points of a scaling in turn.

    Raises:
        RefusedError: chainrule has no native engine here, or broke off.
    """
    (native,) = (who for who in CONTESTANTS if who.key == "native")
    race = Race([Entry(native, threads, row, workers) for _, row, threads in scaling.points])
    race.warm_up()
    race.run(Training.rounds if rounds is None else rounds)
    if race.reasons:
        raise RefusedError(f"{scaling.title}: {', '.join(race.reasons.values())}")
    seconds = [entry.seconds for entry in race.entries]
    race.timings()
    return Growth(scaling.key, scaling.title, scaling.variable, [value for value, _, _ in scaling.points], seconds)


def _weighed(timing: Timing, row: Row) -> Timing:
    """With the memory that a round takes in a process of its own."""
    (who,) = (who for who in CONTESTANTS if who.name == timing.name)
    with Workers() as fresh:
        return replace(timing, memory=fresh.of(who.file, timing.threads).ask("weigh", who.key, row))


def _threads(who: Contestant, row: Row) -> list[int]:
    return counts_of_threads(cores()) if who.peer and not isinstance(row, OnDevice) else [cores()]

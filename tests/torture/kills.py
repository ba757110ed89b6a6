"""Runs that are killed again and again, at any moment or at a certain operation on a file, and go on to their end."""

from __future__ import annotations

import os
import random
import shutil
import signal
import time
from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from . import runs
from .disk import Fault, Operation, Watch
from .runs import RUN, Scenario
from .workers import BrokenPromiseError, Try, Words

SWEEP = Scenario("arrays", "numpy, 1 thread, each epoch", lambda: None, runs.train("arrays", "numpy", 1, None, 2))
"""The run that is killed at each of its operations on files, one after the other."""


def kills(seed: int, folder: Path) -> Iterator[Try]:
    """Lives of one run: round 0 kills a little run at every operation, others now here, now there."""
    dice = random.Random(seed)
    run = SWEEP if seed == 0 else runs.scenario(dice)
    whole = reference(run, folder)
    expected, n = whole.files, whole.operations
    yield whole.check
    if seed == 0:
        yield from (partial(_life, run, expected, folder, [at]) for at in range(1, n + 1))
        return
    while True:
        moments: list[int | float] = []
        for _ in range(dice.choice([1, 1, 2, 3, 5])):
            aimed, near_the_end = dice.random() < 0.6, dice.random() < 0.4
            at = dice.randint(max(1, n - 40), n) if near_the_end else dice.randint(1, n)
            moments.append(at if aimed else dice.uniform(0, whole.seconds))
        yield partial(_life, run, expected, folder, moments)


@dataclass(frozen=True)
class Reference:
    """What an undisturbed run comes to.

    Attributes:
        files: that it leaves, by name. changing: the names of those that are others each time.
        operations: how many on files it took. seconds: how long it took.
    """

    files: dict[str, bytes]
    changing: list[str]
    operations: int
    seconds: float

    def check(self) -> Words:
        """Raises BrokenPromiseError where the same run leaves other bits the second time."""
        if self.changing:
            raise BrokenPromiseError(f"the same run leaves other bits each time in {', '.join(self.changing)}")
        return []


def reference(run: Scenario, folder: Path) -> Reference:
    """Two undisturbed runs, one with many batches in a call of the kernels, which is to make no difference."""
    prepare(run, folder)
    ended = runs.run_whole(run, one_by_one=False)
    if ended.code != 0:
        raise BrokenPromiseError(f"an undisturbed run ended with status {ended.code}: {run.options}\n{ended.said}")
    first = runs.kept(folder / RUN)
    prepare(run, folder)
    counted = folder / "operations.txt"
    runs.run_whole(run, before=partial(_count, counted))
    second = runs.kept(folder / RUN)
    lasting = {name: content for name, content in first.items() if second.get(name) == content}
    return Reference(lasting, sorted(first.keys() - lasting.keys()), counted.stat().st_size, ended.seconds)


def _count(into: Path) -> None:
    handle = os.open(into, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o644)
    real = os.write
    Watch(Path.cwd() / RUN, lambda operation, write: real(handle, b".") and None).start()


def prepare(run: Scenario, folder: Path) -> None:
    """An empty folder with the data of a run, and nothing else."""
    empty(folder)
    run.prepare()
    (folder / RUN).mkdir()


def empty(folder: Path) -> None:
    for path in folder.iterdir():
        shutil.rmtree(path) if path.is_dir() and not path.is_symlink() else path.unlink()


def _life(run: Scenario, expected: dict[str, bytes], folder: Path, moments: list[int | float]) -> Words:
    """Kill a run at these moments: a whole number is that of an operation on a file, others are seconds."""
    prepare(run, folder)
    (folder / "life.txt").write_text(f"{run.name}: {run.options}; killed at {moments}\n")
    killed = 0
    for moment in moments:
        before = partial(_install, Fault("kill", moment)) if isinstance(moment, int) else lambda: None
        pid = runs.begin(run, resume=_resumable(run), before=before)
        if not isinstance(moment, int):
            time.sleep(moment)
            runs.kill(pid)
        ended = runs.wait(pid)
        if ended.code not in (0, -signal.SIGKILL):
            if ended.code == 2 and runs.NOTHING in ended.said:
                continue
            raise BrokenPromiseError(f"a resumed run ended with status {ended.code}: {run.options}\n{ended.said}")
        runs.check_whole(folder / RUN)
        if ended.code == 0:
            break
        killed += 1
    else:
        runs.finish(run)
    runs.compare(run, expected, runs.kept(folder / RUN))
    return ["ok"] * killed


def _resumable(run: Scenario) -> bool:
    """Whether a user would add --resume."""
    held = [name for name in ("checkpoint.safetensors", "begun.json", "search.journal") if Path(RUN, name).exists()]
    return bool(held) or run.name in ("arrays", "stream")


def _install(fault: Fault) -> None:
    Watch(Path.cwd() / RUN, fault).start()


def terms(seed: int, folder: Path) -> Iterator[Try]:
    """Lives of one run that is told to end by SIGTERM, as systems do before they shut down."""
    dice = random.Random(seed)
    run = runs.scenario(dice)
    if not _ends_by_itself(run, folder):
        yield lambda: "skipped: a run does not catch SIGTERM"
        return
    whole = reference(run, folder)
    while True:
        yield partial(
            _told, run, whole.files, folder, [dice.uniform(0, whole.seconds) for _ in range(dice.choice([1, 2, 3]))]
        )


def _ends_by_itself(run: Scenario, folder: Path) -> bool:
    """Whether a run whose training is under way ends by itself."""
    prepare(run, folder)
    pid = runs.begin(run, resume=False, before=partial(_install_term, 40))
    return runs.wait(pid).code != -signal.SIGTERM


def _install_term(at: int) -> None:
    met = 0

    def before(operation: Operation, write: object) -> None:
        nonlocal met
        met += 1
        if met == at:
            os.kill(os.getpid(), signal.SIGTERM)

    Watch(Path.cwd() / RUN, before).start()


def _told(run: Scenario, expected: dict[str, bytes], folder: Path, moments: list[float]) -> Words:
    prepare(run, folder)
    (folder / "life.txt").write_text(f"{run.name}: {run.options}; told to end after {moments} s\n")
    told = 0
    for moment in moments:
        pid = runs.begin(run, resume=_resumable(run))
        time.sleep(moment)
        os.kill(pid, signal.SIGTERM)
        ended = runs.wait(pid)
        if ended.code == 2 and runs.NOTHING in ended.said:
            continue
        early = -signal.SIGTERM  # before training has begun, the system ends it
        if ended.code not in (0, 143, early):
            raise BrokenPromiseError(f"a run told to end by SIGTERM has another status: {ended.code}\n{ended.said}")
        runs.check_whole(folder / RUN)
        told += 1
    runs.finish(run)
    runs.compare(run, expected, runs.kept(folder / RUN))
    return ["ok"] * told

"""A file layer that fails: torn writes, full disks, errors of the system, lost folders, and power failures.

After SQLite's tests of the same (https://www.sqlite.org/testing.html).
"""

from __future__ import annotations

import errno
import os
import pickle
import random
import re
import signal
from collections.abc import Iterator
from functools import partial
from pathlib import Path

from . import runs
from .disk import Fault, Operation, Watch
from .kills import Reference, empty, prepare, reference
from .power import Disk, replay
from .runs import RUN, Scenario
from .workers import BrokenPromiseError, Try, Words

ERRORS = (errno.EIO, errno.ENOSPC, errno.EACCES, errno.EROFS, errno.EDQUOT)

LEFT = re.compile(r"^\..*\.tmp$|\.probe$|\.lock\.")
"""Names of what is under way, which nobody may leave behind."""


def faults(seed: int, folder: Path) -> Iterator[Try]:
    """Faults of one run without end."""
    dice = random.Random(seed)
    run = runs.scenario(dice)
    whole = reference(run, folder)
    yield whole.check
    operations, before = recorded(run, folder)
    while True:
        kind = dice.choice(["torn", "error", "error", "full", "removed", "power", "power", "power"])
        near_the_end = dice.random() < 0.4
        n = len(operations)
        at = dice.randint(max(1, n - 40), n) if near_the_end else dice.randint(1, n)
        if kind == "power":
            at = n if dice.random() < 0.1 else at
            yield partial(_power, run, whole, folder, before, operations, at, dice.random())
            continue
        writes = sum(operation.name == "write" for operation in operations)
        if kind in ("torn", "full"):
            fault = Fault(kind, dice.randint(1, writes), share=dice.random(), names=frozenset({"write"}))
        else:
            fault = Fault(kind, at, code=dice.choice(ERRORS))
        yield partial(_fault, run, whole, folder, fault)


def recorded(run: Scenario, folder: Path) -> tuple[list[Operation], dict[str, bytes]]:
    """All operations of an undisturbed run on its folder, and the data it began with."""
    prepare(run, folder)
    (folder / RUN).rmdir()
    before = {path.name: path.read_bytes() for path in folder.iterdir()}
    ended = runs.run_whole(run, before=_record)
    if ended.code != 0:
        raise BrokenPromiseError(f"a recorded run ended with status {ended.code}\n{ended.said}")
    operations = []
    with open(folder / "operations.pickle", "rb") as file:
        while True:
            try:
                operations.append(pickle.load(file))
            except EOFError:
                return operations, before


def _record() -> None:
    file = open("operations.pickle", "ab")  # noqa: SIM115

    def before(operation: Operation, write: object) -> None:
        if operation.path == "." or operation.path.split("/")[0] == RUN:  # the folder that it lies in is synced, too
            pickle.dump(operation, file)
            file.flush()

    Watch(Path.cwd(), before).start()


def _power(
    run: Scenario,
    whole: Reference,
    folder: Path,
    before: dict[str, bytes],
    operations: list[Operation],
    at: int,
    seed: float,
) -> Words:
    """The power fails after so many of the operations; then the run goes on, unless it had ended."""
    empty(folder)
    for name, content in before.items():
        (folder / name).write_bytes(content)
    replay(Disk.of(folder), operations[:at]).after_power_failure(random.Random(seed), folder)
    (folder / "life.txt").write_text(f"{run.name}: {run.options}; power failed after {at} of {len(operations)}\n")
    _check_known(folder / RUN, operations[:at])
    if at < len(operations):
        runs.finish(run)
    elif lost := sorted(whole.files.keys() - runs.kept(folder / RUN).keys()):
        raise BrokenPromiseError(f"a power failure after the end of a run takes its files: {lost}, {run.options}")
    runs.compare(run, whole.files, runs.kept(folder / RUN))
    return "ok"


def _check_known(folder: Path, operations: list[Operation]) -> None:
    """Raises BrokenPromiseError where a file holds what no writer ever put there whole."""
    contents: dict[str, bytes] = {}
    known: dict[str, set[bytes]] = {}
    for operation in operations:
        if operation.name in ("create", "truncate"):
            contents[operation.path] = b""
        elif operation.name == "write":
            contents[operation.path] = contents.get(operation.path, b"") + operation.data
        elif operation.name == "rename":
            known.setdefault(operation.to, set()).add(contents.get(operation.path, b""))
    for path in folder.glob("*") if folder.exists() else ():
        whole = known.get(f"{RUN}/{path.name}")
        if whole and path.read_bytes() not in whole and path.name in (*runs.FILES, "checkpoint.safetensors"):
            raise BrokenPromiseError(f"{path.name} is neither the old file nor the new one after a power failure")
    runs.check_whole(folder)


def _fault(run: Scenario, whole: Reference, folder: Path, fault: Fault) -> Words:
    """An operation fails, or is the last one, while the run is under way; then it goes on."""
    prepare(run, folder)
    (folder / "life.txt").write_text(f"{run.name}: {run.options}; {fault}\n")
    ended = runs.run_whole(run, before=partial(_install, fault))
    if ended.code not in (0, 2, -signal.SIGKILL):
        raise BrokenPromiseError(f"a fault of the disk is no sentence but status {ended.code}:\n{fault}\n{ended.said}")
    if ended.code == 2:
        _check_sentence(ended.said)
    if fault.kind != "removed":
        runs.check_whole(folder / RUN)
    if fault.kind not in ("torn", "removed"):
        left = [path.name for path in (folder / RUN).glob("*") if LEFT.search(path.name)]
        if left:
            raise BrokenPromiseError(f"a temporary file is left behind: {left}, after {fault}")
    (folder / RUN).mkdir(exist_ok=True)
    if ended.code != 0:
        runs.finish(run)
    found = runs.kept(folder / RUN)
    gone = whole.files.keys() - found.keys() if fault.kind == "removed" and ended.code == 0 else set()
    runs.compare(run, {name: content for name, content in whole.files.items() if name not in gone}, found)
    return "ok" if ended.code == 0 else "refused"


def _check_sentence(said: str) -> None:
    last = said.strip().split("\n")[-1]
    if not last.startswith("error: ") or "Traceback" in said:
        raise BrokenPromiseError(f"a fault of the disk is no sentence but:\n{said[-2000:]}")


def _install(fault: Fault) -> None:
    fault.folder = os.path.abspath(RUN)
    Watch(Path.cwd() / RUN, fault).start()

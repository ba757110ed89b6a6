"""Workers: forked processes that make the tries of one round, under limits of memory and time."""

from __future__ import annotations

import contextlib
import itertools
import os
import resource
import shutil
import signal
import sys
import time
import traceback
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from multiprocessing.connection import Connection, Pipe
from pathlib import Path

Words = str | Sequence[str]
"""How a try ended: "ok", "refused" or "skipped: why"; one that counts for several has a word for each."""

Try = Callable[[], Words]

BY_THE_CLOCK = 6.0
"""How many times its seconds of the processor a try may take by the clock."""

BETWEEN = 120.0
"""How many seconds a worker may take to make up its next input."""

LAST_LINES = 12
"""How many lines of a traceback are told."""


class BrokenPromiseError(AssertionError):
    """What came out is not what is promised."""


@dataclass(frozen=True)
class Kind:
    """A kind of attack.

    Attributes:
        name: what it is called on the command line.
        target: how many tries are wanted in half an hour on two cores.
        together: how many tries a worker makes in one round.
        tries: of a seed and a folder for its files, the tries of a round, one after the other. What lies in the folder
            when a try begins is its input.
        seconds, memory: what a try may take of the processor, and by the clock `BY_THE_CLOCK` times as much, as others
            may be at work, too; and the bytes beside those of the worker.
        warm: imports what the tries need, once for all workers.
    """

    name: str
    target: int
    together: int
    tries: Callable[[int, Path], Iterator[Try]]
    seconds: float = 10.0
    memory: int = 2 * 2**30
    warm: Callable[[], None] = lambda: None


@dataclass(frozen=True)
class Failure:
    """A try that went wrong.

    Attributes:
        kind, seed, index: which one it is: the try of that number, from 0, in the round of that seed.
        what: the last lines of the traceback, or what became of the worker.
        where: tells its cause from others: the error and the line of the library it came from.
        kept: the folder with its input.
    """

    kind: str
    seed: int
    index: int
    what: str
    where: str
    kept: Path


Message = tuple[str, int, object]
"""("began", i, None), ("done", i, words), ("failed", i, (what, where)) or ("over", n, None)."""


class Worker:
    """A process that makes the tries of one round, and is begun again behind the try in which it died.

    Args:
        kind, seed: of the round. count: how many tries it has at most.
        folder: for its files, its own.
    """

    def __init__(self, kind: Kind, seed: int, count: int, folder: Path):
        self.kind, self.seed, self.count, self.folder = kind, seed, count, folder
        self.began = time.monotonic()
        self._start(0)

    def _start(self, first: int) -> None:
        self.pipe, theirs = Pipe(duplex=False)
        self._at, self._trying, self._deadline, self._spent = first, False, time.monotonic() + BETWEEN, 0.0
        sys.stdout.flush()
        sys.stderr.flush()
        self.pid = os.fork()
        if self.pid == 0:
            self.pipe.close()
            _serve(self.kind, self.seed, range(first, self.count), self.folder, theirs)
        theirs.close()

    def listen(self) -> Message | None:
        """What the worker tells next; None where it has died of a try, and another goes on behind that."""
        try:
            message: Message = self.pipe.recv()
        except EOFError:
            return self._died(_end_of(self.pid))
        self._at, self._trying = message[1], message[0] == "began"
        self._deadline = time.monotonic() + (BY_THE_CLOCK * self.kind.seconds if self._trying else BETWEEN)
        self._spent = _processor_time(self.pid)
        return message

    def late(self) -> Message | None:
        """The failure of a try that takes too long, or None."""
        busy = self._trying and _processor_time(self.pid) - self._spent > self.kind.seconds
        if not busy and time.monotonic() < self._deadline:
            return None
        self.end()
        how = f"more than {self.kind.seconds:g} s of the processor" if busy else "far too long by the clock"
        return self._died(f"took {how}")

    def _died(self, how: str) -> Message:
        self.pipe.close()
        failed, doing = self._at, "a try" if self._trying else "between two tries"
        message = ("failed", failed, (f"the worker {how} in {doing}", how))
        self._keep(failed)
        self._start(failed + 1 if self._trying else self.count)
        return message

    def _keep(self, index: int) -> None:
        _keep(self.folder, index)

    def end(self) -> None:
        """Kill the worker and what it has begun."""
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(self.pid, signal.SIGKILL)
        with contextlib.suppress(ChildProcessError):
            os.waitpid(self.pid, 0)


def _processor_time(pid: int) -> float:
    """The seconds of the processor that a process has had; 0 where it has ended."""
    try:
        with open(f"/proc/{pid}/stat") as file:
            fields = file.read().rpartition(")")[2].split()
    except OSError:
        return 0.0
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def _end_of(pid: int) -> str:
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(pid, signal.SIGKILL)  # what it had begun
    try:
        _, status = os.waitpid(pid, 0)
    except ChildProcessError:
        return "was killed"
    code = os.waitstatus_to_exitcode(status)
    return f"was killed by {signal.Signals(-code).name}" if code < 0 else f"ended with status {code}"


def _serve(kind: Kind, seed: int, numbers: range, folder: Path, pipe: Connection) -> None:
    """All that a worker does."""
    try:
        os.setsid()
        work = folder / "input"
        work.mkdir(parents=True, exist_ok=True)
        said = _redirected(folder / "said.txt")
        limit_memory(kind.memory)
        os.chdir(work)
        made = itertools.islice(kind.tries(seed, work), numbers.stop) if numbers else ()
        for i, attempt in enumerate(made):
            if i < numbers.start:
                continue
            pipe.send(("began", i, None))
            try:
                words = attempt()
                if "Traceback (most recent call last)" in (text := _since(said)):
                    raise BrokenPromiseError(f"a traceback was printed:\n{text[-2000:]}")
            except BaseException as error:  # among them what comes out of a library in Rust
                what, where = told(error), place_of(error)
                _keep(folder, i, what)
                pipe.send(("failed", i, (what, where)))
            else:
                pipe.send(("done", i, words))
        pipe.send(("over", numbers.stop, None))
        os._exit(0)
    except BaseException as error:  # of what makes up the inputs
        pipe.send(("failed", numbers.stop, (told(error), f"an input could not be made: {type(error).__name__}")))
        pipe.send(("over", numbers.stop, None))
        os._exit(70)


def limit_memory(more: int) -> None:
    """Let this process have so many bytes of addresses beside those that it has."""
    with open("/proc/self/statm") as file:
        now = int(file.read().split()[0]) * resource.getpagesize()
    resource.setrlimit(resource.RLIMIT_AS, (now + more, now + more))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))


def _redirected(path: Path) -> Path:
    """Let all that this process prints go into a file."""
    file = os.open(path, os.O_RDWR | os.O_CREAT | os.O_TRUNC | os.O_APPEND, 0o644)
    os.dup2(file, 1)
    os.dup2(file, 2)
    return path


def _since(path: Path) -> str:
    """What was printed since the last call."""
    sys.stdout.flush()
    sys.stderr.flush()
    if not path.stat().st_size:
        return ""
    text = path.read_text(errors="replace")
    os.truncate(path, 0)
    return text


def _keep(folder: Path, index: int, what: str = "") -> None:
    """Copy the input of a try, before the next one takes its place."""
    kept = folder / "failed" / str(index)
    with contextlib.suppress(OSError):
        shutil.copytree(folder / "input", kept, symlinks=True, dirs_exist_ok=True)
        if what:
            (kept / "traceback.txt").write_text(what)


def told(error: BaseException) -> str:
    """The last lines of a traceback."""
    lines = "".join(traceback.format_exception(error)).strip().split("\n")
    return "\n".join(line[:500] for line in lines[-LAST_LINES:])


def place_of(error: BaseException) -> str:
    """What tells the cause of an error from others: its type and the function of the library that it came from."""
    if isinstance(error, BrokenPromiseError):
        return str(error).split(":")[0].split("\n")[0]
    frames = traceback.extract_tb(error.__traceback__)
    ours = [frame for frame in frames if "/src/chainrule/" in frame.filename] or list(frames)
    place = f" in {ours[-1].filename.rpartition('/src/chainrule/')[2]}, {ours[-1].name}" if ours else ""
    return type(error).__name__ + place

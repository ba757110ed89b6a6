"""What a process does to the files of a folder, watched so that each operation can be the last one, or fail.

Only what Python does is watched: `open(…).write`, and `open`, `write`, `fsync`, `replace`, `rename`, `unlink`, `mkdir`
and `rmdir` of `os`.
"""

from __future__ import annotations

import builtins
import errno
import io
import os
import shutil
import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

WRITING = frozenset("wax+")


@dataclass
class Operation:
    """One thing done to a file or folder.

    Attributes:
        name: "create", "truncate", "write", "fsync", "rename", "unlink", "mkdir", "rmdir", or "sync", which is fsync of
            a folder.
        path: of what, from the watched folder. data: what is written. to: where a file is renamed to.
    """

    name: str
    path: str
    data: bytes = b""
    to: str = ""


Before = Callable[[Operation, Callable[[bytes], Any]], None]
"""Called before an operation, with a function that writes bytes to the file; whatever it raises is the operation's."""


class Watch:
    """Watches what this process does below a folder, once `start` is called.

    Args:
        root: the folder. before: called before each operation.
    """

    def __init__(self, root: Path, before: Before):
        self.root, self._before = os.path.realpath(root), before
        self.count = 0
        self._busy = False

    def start(self) -> None:
        """From now on; there is no way back, but the end of the process."""
        real = {
            name: getattr(os, name)
            for name in ("open", "write", "fsync", "replace", "rename", "unlink", "mkdir", "rmdir")
        }
        opened = io.open

        def watched_open(file: Any, mode: str = "r", *args: Any, **options: Any) -> Any:
            place = self._place(file)
            if place is None or not WRITING & set(mode):
                return opened(file, mode, *args, **options)
            if "w" in mode or not os.path.exists(file):
                self._meet(Operation("truncate" if os.path.exists(file) else "create", place))
            return _Written(opened(file, mode, *args, **options), self, place)

        def open_descriptor(path: Any, flags: int, *args: Any, **options: Any) -> int:
            place = self._place(path)
            if place is not None and flags & os.O_CREAT and not os.path.exists(path):
                self._meet(Operation("create", place))
            return int(real["open"](path, flags, *args, **options))

        def write(handle: int, data: Any) -> int:
            if (place := self._place(handle)) is not None:
                self._meet(Operation("write", place, bytes(data)), lambda part: real["write"](handle, part))
            return int(real["write"](handle, data))

        def fsync(handle: Any) -> None:
            number = handle if isinstance(handle, int) else handle.fileno()
            if (place := self._place(number)) is not None:
                folder = os.path.isdir(f"/proc/self/fd/{number}")
                self._meet(Operation("sync" if folder else "fsync", place))
            real["fsync"](handle)

        def move(name: str) -> Callable[..., None]:
            def moved(source: Any, target: Any, **options: Any) -> None:
                place, to = self._place(source), self._place(target)
                if place is not None and to is not None:
                    self._meet(Operation("rename", place, to=to))
                real[name](source, target, **options)

            return moved

        def at_path(name: str, called: str) -> Callable[..., None]:
            def done(path: Any, *args: Any, **options: Any) -> None:
                place = self._place(path)
                if place is not None and (os.path.lexists(path) if called != "mkdir" else not os.path.exists(path)):
                    self._meet(Operation(called, place))
                real[name](path, *args, **options)

            return done

        builtins.open = io.open = watched_open  # type: ignore[assignment]
        os.open, os.write, os.fsync = open_descriptor, write, fsync  # type: ignore[assignment]
        os.replace, os.rename = move("replace"), move("rename")
        os.unlink = os.remove = at_path("unlink", "unlink")
        os.mkdir, os.rmdir = at_path("mkdir", "mkdir"), at_path("rmdir", "rmdir")

    def _place(self, file: Any) -> str | None:
        """The path from the watched folder; None for what lies elsewhere."""
        if self._busy:
            return None
        try:
            path = os.readlink(f"/proc/self/fd/{file}") if isinstance(file, int) else os.fspath(file)
        except (OSError, TypeError):
            return None
        path = os.path.abspath(os.fsdecode(path))
        path = os.path.join(os.path.realpath(os.path.dirname(path)), os.path.basename(path))
        if path != self.root and not path.startswith(self.root + "/"):
            return None
        return os.path.relpath(path, self.root)

    def _meet(self, operation: Operation, write: Callable[[bytes], Any] = lambda part: None) -> None:
        self.count += 1
        self._busy = True
        try:
            self._before(operation, write)
        finally:
            self._busy = False


class _Written:
    """A file whose writes are watched, and reach the system at once."""

    def __init__(self, file: Any, watch: Watch, place: str):
        self._file, self._watch, self._place = file, watch, place

    def write(self, data: Any) -> int:
        raw = data.encode(getattr(self._file, "encoding", None) or "utf-8") if isinstance(data, str) else bytes(data)
        self._watch._meet(Operation("write", self._place, raw), self._part)
        written = int(self._file.write(data))
        self._file.flush()
        return written

    def writelines(self, lines: Any) -> None:
        for line in lines:
            self.write(line)

    def _part(self, data: bytes) -> None:
        below = getattr(self._file, "buffer", self._file)
        below.write(data)
        below.flush()

    def __enter__(self) -> _Written:
        self._file.__enter__()
        return self

    def __exit__(self, *error: Any) -> None:
        self._file.__exit__(*error)

    def __iter__(self) -> Iterator[Any]:
        return iter(self._file)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._file, name)


def die() -> None:
    """As if somebody had typed kill -9."""
    os.kill(os.getpid(), signal.SIGKILL)


@dataclass
class Fault:
    """What happens at the n-th operation, from 1.

    Args:
        kind: "kill"; "torn", of a write but a part reaches the file, and the process dies; "error", the operation fails
            with `code`; "full", all writes fail from then on, until a file is removed; "removed", the folder is gone.
        at: n. share: of a torn write. code: the number of the system's error. names: the operations that count.
        folder: the one that is removed.
    """

    kind: str
    at: int
    share: float = 0.5
    code: int = errno.EIO
    names: frozenset[str] = frozenset()
    folder: str = "run"
    met: int = field(default=0, init=False)

    def __call__(self, operation: Operation, write: Callable[[bytes], Any]) -> None:
        if self.names and operation.name not in self.names:
            return
        self.met += 1
        if self.kind == "full" and self.met >= self.at and operation.name == "write":
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), operation.path)
        if self.met != self.at:
            return
        if self.kind in ("torn", "kill"):
            if self.kind == "torn":
                write(operation.data[: int(self.share * len(operation.data))])
            die()
        if self.kind == "error":
            raise OSError(self.code, os.strerror(self.code), operation.path)
        if self.kind == "removed":
            shutil.rmtree(self.folder, ignore_errors=True)


@contextmanager
def recorded(root: Path, into: list[Operation]) -> Iterator[None]:
    """Write down all operations below a folder from now to the end of the process."""
    watch = Watch(root, lambda operation, write: into.append(operation))
    watch.start()
    yield

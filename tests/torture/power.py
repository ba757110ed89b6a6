"""What a power failure leaves of a folder: what was synced for certain, and of everything else any part.

A file's bytes are safe once it was synced; until then some of them are there, or zeros, or none. A name, be it new,
renamed or removed, is safe once its folder was synced; until then it may be what it was at any moment since the last
time.
"""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from .disk import Operation


@dataclass
class _Content:
    """What a file holds, and what of that is safe."""

    now: bytes = b""
    safe: bytes = b""

    def after(self, dice: random.Random) -> bytes:
        if self.now == self.safe:
            return self.now
        kind = dice.random()
        if kind < 0.25:
            return self.safe
        if kind < 0.5:
            return self.now
        if kind < 0.75:
            return self.now[: dice.randint(0, len(self.now))]
        there = dice.randint(0, len(self.now))
        return self.now[:there] + bytes(len(self.now) - there)


@dataclass
class Disk:
    """The files below a folder, as operations make them.

    Attributes:
        names: what each name means now: a file, or a folder. may: what it may mean after a power failure.
    """

    names: dict[str, _Content | str | None] = field(default_factory=dict)
    may: dict[str, list[_Content | str | None]] = field(default_factory=dict)

    @classmethod
    def of(cls, root: Path) -> Disk:
        """The files that are there, all of them safe."""
        disk = cls()
        for path in sorted(root.rglob("*")):
            name = str(path.relative_to(root))
            disk.names[name] = "folder" if path.is_dir() else _Content(path.read_bytes(), path.read_bytes())
            disk.may[name] = [disk.names[name]]
        return disk

    def do(self, operation: Operation) -> None:
        """One operation."""
        name = operation.path
        held = self.names.get(name)
        if operation.name == "create":
            self._name(name, _Content())
        elif operation.name == "truncate" and isinstance(held, _Content):
            held.now = b""
        elif operation.name == "write" and isinstance(held, _Content):
            held.now += operation.data
        elif operation.name == "fsync" and isinstance(held, _Content):
            held.safe = held.now
        elif operation.name == "rename":
            self._name(operation.to, held)
            self._name(name, None)
        elif operation.name == "unlink":
            self._name(name, None)
        elif operation.name == "mkdir":
            self._name(name, "folder")
        elif operation.name == "rmdir":
            self._name(name, None)
        elif operation.name == "sync":
            for other in self.may:
                if str(Path(other).parent) == name:
                    self.may[other] = [self.names.get(other)]

    def _name(self, name: str, meaning: _Content | str | None) -> None:
        before = self.names.get(name)
        self.names[name] = meaning
        self.may.setdefault(name, [before]).append(meaning)

    def after_power_failure(self, dice: random.Random, root: Path) -> None:
        """Write what is left into an empty folder."""
        for name in sorted(self.may):
            meaning = dice.choice(self.may[name])
            path = root / name
            if meaning is None or not path.parent.is_dir():
                continue
            if isinstance(meaning, str):
                path.mkdir(exist_ok=True)
            else:
                path.write_bytes(meaning.after(dice))


def replay(before: Disk, operations: Sequence[Operation]) -> Disk:
    """The disk after these operations."""
    for operation in operations:
        before.do(operation)
    return before

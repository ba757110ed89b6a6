"""Who is at work in a search that several processes share, and which of them have died.

A worker tells its name and its lock when it begins, and that it lives by a number that grows. One that has died on the
same machine is known at once by its lock, which the system has ended; one of another machine by its silence. No clocks
are compared: who listens measures the silence itself.
"""

from __future__ import annotations

import contextlib
import os
import platform
import threading
import time
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypedDict

from chainrule import forms
from chainrule.errors import CheckpointError
from chainrule.experiments.folder import RunFolder, alive

if TYPE_CHECKING:
    from optuna.study import Study

BEAT, SILENCE = 15.0, 120.0
"""Every so many seconds a worker tells that it lives; not heard of for so many, it counts as dead."""


class Described(TypedDict):
    """What a worker tells of itself: how people know it, on which running system it is, its lock, its run folder."""

    name: str
    machine: str
    lock: str
    folder: str


def here() -> str:
    """How people know this process."""
    return f"{platform.node() or 'localhost'}:{os.getpid()}"


def machine() -> str:
    """Tells this running system, on which locks of files hold, from others."""
    with contextlib.suppress(OSError):
        return Path("/proc/sys/kernel/random/boot_id").read_text().strip()
    return f"{uuid.getnode():x}"


class Workers:
    """Those who share a search, of whom this process is one.

    Args:
        study: in which they tell of themselves. folder: which this process has claimed.

    Attributes:
        own: tells this process from the others.
    """

    def __init__(self, study: Study, folder: RunFolder):
        self._study, self._folder, self.own = study, folder, folder.worker
        self._met: dict[str, Described] = {}
        self._heard: dict[str, tuple[Any, float]] = {}

    @contextlib.contextmanager
    def at_work(self) -> Iterator[None]:
        """Within the block, the others know that this process lives."""
        described: Described = {
            "name": here(),
            "machine": machine(),
            "lock": str(self._folder.own_lock().absolute()),
            "folder": str(self._folder.path.absolute()),
        }
        self._study.set_user_attr(f"worker {self.own}", described)
        over = threading.Event()
        beats = threading.Thread(target=self._beat, args=(over,), name="chainrule beats", daemon=True)
        beats.start()
        try:
            yield
        finally:
            over.set()
            beats.join()

    def described(self, worker: str) -> Described | None:
        """What a worker tells of itself, or None where it has not come to that."""
        if worker not in self._met:
            found = self._study.user_attrs.get(f"worker {worker}")
            if found is None:
                return None
            self._met[worker] = forms.read(Described, found, "the journal of a search", CheckpointError)
        return self._met[worker]

    def name(self, worker: str) -> str:
        """How people know a worker."""
        described = self.described(worker)
        return "an unknown process" if described is None else described["name"]

    def death(self, worker: str) -> str | None:
        """How it is known that a worker is dead, in words that follow its name; None where it seems to live."""
        described = self.described(worker)
        if described is not None and described["machine"] == machine() and alive(Path(described["lock"])) is False:
            return "has died"
        silent = self._silence(worker)
        return f"was not heard of for {silent:.0f} seconds" if silent > SILENCE else None

    def _silence(self, worker: str) -> float:
        """For how many seconds this process has listened to a worker and not heard of it."""
        beat, now = self._study.user_attrs.get(f"beat {worker}"), time.monotonic()
        before = self._heard.get(worker)
        if before is None or before[0] != beat:
            self._heard[worker] = beat, now
            return 0.0
        return now - before[1]

    def _beat(self, over: threading.Event) -> None:
        beat = self._study.user_attrs.get(f"beat {self.own}", 0)
        while not over.wait(BEAT):
            beat += 1
            with contextlib.suppress(Exception):  # of what is lasting, the process itself will hear
                self._study.set_user_attr(f"beat {self.own}", beat)
        self._study._storage.remove_session()  # of a database, which has a connection for each thread

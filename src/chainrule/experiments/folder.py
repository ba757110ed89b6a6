"""The folder of a run: one process works in it, or those that share a search, and a run that is there is not lost."""

from __future__ import annotations

import contextlib
import os
import secrets
import warnings
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from chainrule import files
from chainrule.errors import ModelFileError, OptionError
from chainrule.experiments import beginning
from chainrule.experiments.settings import BEGINNING, CHECKPOINT, JOURNAL, LOCK, MODEL

if TYPE_CHECKING:
    from filelock import BaseFileLock


PATIENCE = 3
"""For so many seconds who joins waits for others who join at the same moment."""

WORKER = ".worker-"
"""How the locks begin that those have who share a search."""


class RunFolder:
    """The folder that a run fills, and who may.

    Args:
        path: where it is.
        join: whether to share it with other processes that join, none of which has it for itself.

    Attributes:
        path, join: as given. worker: tells this process from the others, at random.
    """

    def __init__(self, path: str | os.PathLike[str], join: bool = False):
        self.path, self.join = Path(path), join
        self.worker = secrets.token_hex(6)
        self._lock: BaseFileLock | None = None
        self._own: BaseFileLock | None = None
        self._began = False
        """Whether it was this process that has kept how the run began."""

    def make(self) -> None:
        """Make the folder and see to it that files can be written there, before any work that could be lost.

        Raises:
            ModelFileError: they cannot.
        """
        probe = self.path / f".{MODEL}.{os.getpid()}.probe"
        try:
            files.write_atomically(probe, b"")
            probe.unlink()
        except (ModelFileError, OSError) as error:
            with contextlib.suppress(OSError):
                probe.unlink(missing_ok=True)
            cause = error.__cause__ or error
            reason = getattr(cause, "strerror", None) or cause
            raise ModelFileError(f"the run folder {self.path} cannot be written: {reason}. Name another one.") from None

    @contextlib.contextmanager
    def claimed(self) -> Iterator[None]:
        """Within the block, the folder belongs to this process, or to those that join.

        When a process dies, however that is, its claim ends.

        Raises:
            OptionError: it belongs to another process, or to another run of this one.
            ModelFileError: it cannot be written.
        """
        if self._lock is not None or self._own is not None:
            yield
            return
        self._claim()
        try:
            yield
        finally:
            self._release()

    def set_aside(self) -> Path | None:
        """Where the run went that stood here, so that a new one can; None where there was none. To be claimed before.

        Raises:
            ModelFileError: it cannot be moved. OptionError: another process was faster.
        """
        if not any((self.path / name).exists() for name in (MODEL, CHECKPOINT, JOURNAL)):
            return None
        aside = files.first_free(self.path)
        if os.name == "nt":  # which moves no folder that has an open file
            self._release()
        try:
            self.path.rename(aside)
        except OSError as error:
            raise ModelFileError(f"the run in {self.path} cannot be set aside: {error.strerror}.") from None
        files.sync_folder(self.path.parent)
        self._release(aside)
        self._claim()
        return aside

    def begin(self, seed: int, facts: Mapping[str, Any]) -> None:
        """Keep how a run begins, until it is over; see `chainrule.experiments.beginning`.

        Raises:
            ModelFileError: it cannot be written.
        """
        beginning.write(self.path, seed, facts)
        self._began = True

    def discard_empty(self) -> None:
        """Remove the folder if there is nothing in it to keep, but for how a run of this process began."""
        with contextlib.suppress(OSError):
            if self._began and [path.name for path in self.path.iterdir()] == [BEGINNING]:
                beginning.forget(self.path)
            self.path.rmdir()

    def own_lock(self) -> Path:
        """The file that this process has locked for as long as the folder is claimed, by which others see it live."""
        import filelock

        path = self.path / f"{WORKER}{self.worker}{LOCK}"
        if self._own is None:
            lock = filelock.FileLock(path, timeout=0)
            with contextlib.suppress(OSError, NotImplementedError):  # of file systems that lock nothing
                lock.acquire()
                self._own = lock
        return path

    @contextlib.contextmanager
    def keeping(self) -> Iterator[None]:
        """Within the block, none of those that share the folder but this one writes the model of a trial."""
        import filelock

        if not self.join:
            yield
            return
        path = self.path / f".keep{LOCK}"
        lock = filelock.FileLock(path, timeout=60)
        with contextlib.suppress(OSError, NotImplementedError, filelock.Timeout):
            lock.acquire()
        try:
            yield
        finally:
            if lock.is_locked:
                _end(lock, path)

    def sweep(self) -> None:
        """Remove the locks of those who have shared the folder and died."""
        for path in self.path.glob(f"{WORKER}*{LOCK}"):
            if alive(path) is False:
                path.unlink(missing_ok=True)

    def _claim(self) -> None:
        import filelock

        self.make()
        lock = filelock.FileLock(self.path / LOCK, timeout=PATIENCE if self.join else 0)
        try:
            lock.acquire()
        except filelock.Timeout:
            raise OptionError(self._refusal()) from None
        except (OSError, NotImplementedError) as error:  # as on some network file systems
            if not self.join:  # what is shared is safe without
                warnings.warn(
                    f"{self.path} cannot be locked ({error}): see to it that one process at a time works there.",
                    RuntimeWarning,
                    stacklevel=2,
                )
            return
        if self.join:
            self.own_lock()
            _end(lock, self.path / LOCK)
            return
        sharing = sum(alive(path) is True for path in self.path.glob(f"{WORKER}*{LOCK}"))
        if sharing:
            lock.release()
            others = "another process shares" if sharing == 1 else f"{sharing} other processes share"
            raise OptionError(f"{others} the search in {self.path}: take part with --join, or name another folder.")
        self._lock = lock

    def _refusal(self) -> str:
        """Why this process may not have the folder, which another one has for itself."""
        if self.join:
            return (
                f"a process that was started without --join is at work in {self.path}: wait until it ends, or end it "
                "by Ctrl-C and give both commands --join."
            )
        searching = (self.path / JOURNAL).exists()
        shared = " To share a search, end it by Ctrl-C and give both commands --join." if searching else ""
        return f"another process is at work in {self.path}: wait until it ends, or name another folder.{shared}"

    def _release(self, moved: Path | None = None) -> None:
        """End the claim; the folder may have been moved meanwhile."""
        for lock, name in ((self._own, f"{WORKER}{self.worker}{LOCK}"), (self._lock, LOCK)):
            if lock is not None:
                _end(lock, (moved or self.path) / name)
        self._own = self._lock = None


def alive(lock: Path) -> bool | None:
    """Whether the process that has made this lock, on this machine, lives; None where that cannot be known."""
    import filelock

    if not lock.exists():
        return None
    probe = filelock.FileLock(lock, timeout=0)
    try:
        probe.acquire()
    except filelock.Timeout:
        return True
    except (OSError, NotImplementedError):
        return None
    probe.release()
    return False


def _end(lock: BaseFileLock, path: Path) -> None:
    """Release a lock, and remove its file, which lies at this path."""
    with contextlib.suppress(OSError):  # of systems that remove no open file: it stays, and means nothing
        path.unlink()
    lock.release()

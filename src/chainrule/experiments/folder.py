"""The folder of a run: one process at a time works in it, and a run that stands there is not lost."""

from __future__ import annotations

import contextlib
import os
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from chainrule import files
from chainrule.errors import ModelFileError, OptionError
from chainrule.experiments.settings import CHECKPOINT, JOURNAL, LOCK, MODEL

if TYPE_CHECKING:
    from filelock import BaseFileLock


class RunFolder:
    """The folder that a run fills, and who may.

    Attributes:
        path: where it is.
    """

    def __init__(self, path: str | os.PathLike[str]):
        self.path = Path(path)
        self._lock: BaseFileLock | None = None

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
        """Within the block, the folder belongs to this process. When a process dies, however, its claim ends.

        Raises:
            OptionError: it belongs to another process, or to another run of this one.
            ModelFileError: it cannot be written.
        """
        if self._lock is not None:
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
        aside = free_folder(self.path)
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

    def discard_empty(self) -> None:
        """Remove the folder if there is nothing in it to keep."""
        with contextlib.suppress(OSError):
            self.path.rmdir()

    def _claim(self) -> None:
        import filelock

        self.make()
        lock = filelock.FileLock(self.path / LOCK, timeout=0)
        try:
            lock.acquire()
        except filelock.Timeout:
            raise OptionError(
                f"another process is at work in {self.path}: wait until it ends, or name another folder."
            ) from None
        except (OSError, NotImplementedError) as error:  # as on some network file systems
            warnings.warn(
                f"{self.path} cannot be locked ({error}): see to it that one process at a time works there.",
                RuntimeWarning,
                stacklevel=2,
            )
            return
        self._lock = lock

    def _release(self, moved: Path | None = None) -> None:
        """End the claim; the folder may have been moved meanwhile."""
        if self._lock is not None:
            with contextlib.suppress(OSError):  # of systems that remove no open file: it stays, and means nothing
                ((moved or self.path) / LOCK).unlink()
            self._lock.release()
            self._lock = None


def free_folder(folder: Path) -> Path:
    """The folder, or the first of folder-2, folder-3, … that does not exist."""
    free, k = folder, 1
    while free.exists():
        k += 1
        free = folder.with_name(f"{folder.name}-{k}")
    return free

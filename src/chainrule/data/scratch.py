"""Arrays in a file without a name, for what is read again and again and memory does not hold."""

from __future__ import annotations

import os
import shutil
import tempfile
import weakref
from collections.abc import Sequence
from pathlib import Path
from threading import Lock
from typing import Any

import numpy as np
from numpy.typing import NDArray

LEFT = 0.1
"""The part of the disk that stays free."""

Arrays = Sequence[NDArray[Any]]


class Scratch:
    """A file on the disk of a folder, which goes with the process that made it, however that ends.

    Args:
        folder: on whose disk; what is not there yet will be in the folder above.

    Attributes:
        size: the bytes that it holds. full: whether the disk had no room for all that was to be kept.
    """

    def __init__(self, folder: Path):
        self._folder = next(place for place in (folder, *folder.absolute().parents) if place.is_dir())
        self._lock = Lock()
        self._kept: list[list[tuple[int, tuple[int, ...], np.dtype[Any]]]] = []
        self.size, self.full = 0, _is_memory(self._folder)
        if not self.full:
            try:
                self._file = tempfile.TemporaryFile(dir=self._folder, buffering=0)  # noqa: SIM115
                weakref.finalize(self, self._file.close)
            except OSError:
                self.full = True

    def keep(self, arrays: Arrays) -> None:
        """Write some arrays to its end; once the disk is full, nothing is kept any more."""
        if self.full:
            return
        disk = shutil.disk_usage(self._folder)
        try:
            if disk.free - sum(array.nbytes for array in arrays) < LEFT * disk.total:
                raise OSError("the disk is nearly full")
            self._kept.append([self._write(array) for array in arrays])
        except OSError:
            self.full = True
            self._file.close()

    def read(self, i: int) -> list[NDArray[Any]]:
        """The arrays that were kept together as number i.

        Raises:
            OSError: the disk fails.
        """
        arrays = []
        for place, shape, dtype in self._kept[i]:
            arrays.append(np.empty(shape, dtype))
            self._read(_bytes(arrays[-1]), place)
        return arrays

    def _write(self, array: NDArray[Any]) -> tuple[int, tuple[int, ...], np.dtype[Any]]:
        place, data = self.size, _bytes(np.ascontiguousarray(array))
        while len(data):
            data = data[self._file.write(data) :]
        self.size += array.nbytes
        return place, array.shape, array.dtype

    def _read(self, into: memoryview, place: int) -> None:
        """Fill with the bytes from there on; forked processes share where a file stands, so none relies on it."""
        while len(into):
            if hasattr(os, "preadv"):
                n = os.preadv(self._file.fileno(), [into], place)
            else:
                with self._lock:
                    self._file.seek(place)
                    n = self._file.readinto(into)
            if n == 0:
                raise OSError("the file that keeps the examples was cut short")
            into, place = into[n:], place + n


def _is_memory(folder: Path) -> bool:
    """Whether the disk of a folder is memory, as /dev/shm is, and on some systems /tmp."""
    try:
        mounts = [line.split()[1:3] for line in Path("/proc/mounts").read_text().splitlines()]
    except OSError:
        return False
    place = folder.resolve()
    kinds = {Path(at): kind for at, kind in mounts}
    return next((kinds[up] for up in (place, *place.parents) if up in kinds), "") in ("tmpfs", "ramfs")


def _bytes(array: NDArray[Any]) -> memoryview:
    """The bytes of an array that lies in one piece."""
    return array.reshape(-1).view(np.uint8).data

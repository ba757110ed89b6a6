"""How many threads the BLAS of NumPy, and any other in the process, computes with."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from functools import lru_cache
from threading import Lock, get_ident
from typing import Any

from chainrule.threads import held


@contextmanager
def blas_held(number: int | None = None) -> Iterator[None]:
    """Let NumPy's BLAS, and any other that is loaded, compute with so many threads, or as many as `held_to` says, if it
    says so.

    Most BLAS libraries have one number of threads for the whole process. So while several Python threads ask for
    different ones, the smallest holds; when the last of them leaves, the number from before the first comes back.
    """
    number = number or held()
    if number is None:
        yield
        return
    holder = get_ident(), number
    _BLAS.enter(holder)
    try:
        yield
    finally:
        _BLAS.leave(holder)


class _Blas:
    """The BLAS libraries of this process, while somebody holds them."""

    def __init__(self) -> None:
        self._lock = Lock()
        self._asked: list[tuple[int, int]] = []  # by which thread, for how many
        self._before: dict[str, tuple[Any, int]] = {}

    def enter(self, holder: tuple[int, int]) -> None:
        with self._lock:
            for library in _loaded(len(sys.modules)):
                self._before.setdefault(library.filepath, (library, library.num_threads))
            self._asked.append(holder)
            self._set()

    def leave(self, holder: tuple[int, int]) -> None:
        with self._lock:
            self._asked.remove(holder)
            self._set()
            if not self._asked:
                self._before.clear()

    def _set(self) -> None:
        for library, before in self._before.values():
            mine = [n for thread, n in self._asked if thread == get_ident() or not _of_each_thread(library)]
            _free(library)
            library.set_num_threads(min(mine, default=before))
            _free(library)


def _free(library: Any) -> None:
    """Let any thread set how many threads OpenBLAS takes, not only that which was the first to do so."""
    if library.internal_api == "openblas":
        library.clear_controlling_thread(force=True)


@lru_cache(maxsize=1)
def _loaded(modules: int) -> list[Any]:
    """The BLAS libraries of this process, which are looked for again once more modules were imported."""
    from threadpoolctl import ThreadpoolController

    return list(ThreadpoolController().select(user_api="blas").lib_controllers)


def _of_each_thread(library: Any) -> bool:
    """Whether a BLAS has a number for each Python thread."""
    return library.internal_api == "mkl" or getattr(library, "threading_layer", "") == "openmp"


_BLAS = _Blas()

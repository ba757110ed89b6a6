"""A process for a library and a number of threads: it starts contestants and runs a round when it is asked to.

So every library has its own BLAS and its own threads, and one that dies takes nobody with it.
"""

from __future__ import annotations

import contextlib
import gc
import os
import signal
import time
from importlib import import_module
from multiprocessing import get_context
from multiprocessing.connection import Connection
from typing import Any

from benchmarks.contestants.contestant import Running, Ways
from benchmarks.weight import weigh

THREADS = ("CHAINRULE_NUM_THREADS", "OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "NPROC")
"""The environment variables by which chainrule, OpenMP (PyTorch), the BLAS libraries and XLA (JAX) take a number of
threads."""


class RefusedError(Exception):
    """A contestant that cannot take part; the text says why."""


class Worker:
    """The parent's end.

    Args:
        file: of the contestants that live in it, in `benchmarks.contestants`. threads: how many it may use.
    """

    def __init__(self, file: str, threads: int):
        context = get_context("spawn")
        self._connection, theirs = context.Pipe()
        before = dict(os.environ)
        os.environ.update(dict.fromkeys(THREADS, str(threads)))
        try:
            self._process = context.Process(target=_serve, args=(theirs, file), daemon=True)
            self._process.start()
        finally:
            os.environ.clear()
            os.environ.update(before)
        theirs.close()

    @property
    def alive(self) -> bool:
        return self._process.is_alive()

    def tell(self, request: str, way: str, row: Any) -> None:
        """Ask for something: "start", "round", "outcome", "stop" or "weigh"."""
        with contextlib.suppress(BrokenPipeError):  # `hear` says what became of it
            self._connection.send((request, way, row))

    def hear(self) -> Any:
        """The answer to the first request that has none yet.

        Raises:
            RefusedError: it could not be done.
        """
        try:
            done, answer = self._connection.recv()
        except (EOFError, ConnectionResetError):
            self._process.join()
            raise RefusedError(f"its process ended with {self._process.exitcode}") from None
        if not done:
            raise RefusedError(answer)
        return answer

    def ask(self, request: str, way: str, row: Any) -> Any:
        """`tell` and `hear`."""
        self.tell(request, way, row)
        return self.hear()

    def end(self) -> None:
        """End the process."""
        self._connection.close()
        self.kill()

    def kill(self) -> None:
        """End it without a word."""
        self._process.kill()
        self._process.join()


def _serve(connection: Connection, file: str) -> None:
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the parent decides what Ctrl-C ends
    running: dict[tuple[str, Any], Running] = {}
    while True:
        try:
            request, way, row = connection.recv()
        except EOFError:
            return
        try:
            ways: Ways = import_module(f"benchmarks.contestants.{file}").WAYS
            connection.send((True, _answer(ways, running, request, way, row)))
        except Exception as error:
            running.pop((way, row), None)
            connection.send((False, (str(error).strip() or type(error).__name__).splitlines()[0]))


def _answer(ways: Ways, running: dict[tuple[str, Any], Running], request: str, way: str, row: Any) -> Any:
    if request == "start":
        made = ways[way, type(row)](row) if (way, type(row)) in ways else None
        if made is not None:
            running[way, row] = made
        return made is not None
    if request == "weigh":
        return weigh(ways[way, type(row)], row)
    if request == "stop":
        del running[way, row]
        gc.collect()
        return None
    contestant = running[way, row]
    if request == "outcome":
        return contestant.outcome(), contestant.memory()
    began = time.perf_counter()
    contestant.round()
    return time.perf_counter() - began

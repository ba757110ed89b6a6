"""Ctrl-C or SIGTERM while training: finish the batch, keep what was learned, and stop."""

from __future__ import annotations

import os
import signal
import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from contextvars import ContextVar
from types import FrameType

from chainrule import distributed
from chainrule.training.history import History

TERMINATED = 128 + signal.SIGTERM
"""The exit status of a program that SIGTERM has ended, as shells tell it: 143."""


class InterruptionError(Exception):
    """Raised after Ctrl-C, to leave a computation such as SciPy's that knows nothing of it."""


class TerminatedError(SystemExit):
    """Ends the program once a run that was told to by SIGTERM has kept what it has: exit status 143, as shells tell it.

    Attributes:
        history: of the run.
    """

    def __init__(self, history: History):
        super().__init__(TERMINATED)
        self.history = history

    def __reduce__(self) -> tuple[type[TerminatedError], tuple[History]]:
        return TerminatedError, (self.history,)


class Interrupt:
    """Whether somebody wants the run to end.

    Attributes:
        asked: whether Ctrl-C was pressed or SIGTERM has come. terminated: whether SIGTERM has.
    """

    def __init__(self) -> None:
        self.asked = self.terminated = False

    def of_all(self) -> Interrupt:
        """As it is now in any of the processes that have joined, so that all of them go the same way."""
        found = Interrupt()
        found.asked, found.terminated = distributed.anywhere(self.asked, self.terminated)
        return found


_OUTER: ContextVar[Interrupt | None] = ContextVar("chainrule_interrupt", default=None)


@contextmanager
def interruptible() -> Iterator[Interrupt]:
    """Within the block, the first Ctrl-C or SIGTERM only sets `asked`; the second one does what it always does.

    Within another such block it is that one's: so threads that run in its context all end by one Ctrl-C.
    Where Ctrl-C is ignored, as in a program that a shell's script runs in the background, it stays so; and SIGTERM
    stays with who handles it already.
    """
    if (outer := _OUTER.get()) is not None:
        yield outer
        return
    interrupt = Interrupt()
    with ExitStack() as signals:
        if threading.current_thread() is threading.main_thread():
            if signal.getsignal(signal.SIGINT) is not signal.SIG_IGN:
                signals.enter_context(_asked_by_ctrl_c(interrupt))
            if signal.getsignal(signal.SIGTERM) is signal.SIG_DFL:
                signals.enter_context(_asked_by_sigterm(interrupt))
        token = _OUTER.set(interrupt)
        try:
            yield interrupt
        finally:
            _OUTER.reset(token)


@contextmanager
def all_or_nothing() -> Iterator[None]:
    """Within the block, Ctrl-C and SIGTERM end whatever is under way at once, a training, too, which keeps nothing.

    For work of many trainings whose result would be false if one of them had been cut, and nobody had noticed. Ctrl-C
    does what it does outside of a training, raise KeyboardInterrupt; SIGTERM raises SystemExit, status 143, so that
    what is open is closed. It stays with who handles it already.
    """
    token = _OUTER.set(Interrupt())  # a training within it handles no signal itself, and this one is never asked
    in_main = threading.current_thread() is threading.main_thread()
    ours = in_main and signal.getsignal(signal.SIGTERM) is signal.SIG_DFL
    try:
        if ours:
            signal.signal(signal.SIGTERM, _end)
        yield
    finally:
        if ours:
            signal.signal(signal.SIGTERM, signal.SIG_DFL)
        _OUTER.reset(token)


def _end(number: int, frame: FrameType | None) -> None:
    raise SystemExit(TERMINATED)


@contextmanager
def _asked_by_ctrl_c(interrupt: Interrupt) -> Iterator[None]:
    with _presses() as presses:

        def ask(number: int, frame: FrameType | None) -> None:
            if presses() > 1 or interrupt.asked:
                raise KeyboardInterrupt
            interrupt.asked = True

        before = signal.signal(signal.SIGINT, ask)
        try:
            yield
        finally:
            signal.signal(signal.SIGINT, before)


@contextmanager
def _asked_by_sigterm(interrupt: Interrupt) -> Iterator[None]:
    process = os.getpid()

    def ask(number: int, frame: FrameType | None) -> None:
        if interrupt.terminated or os.getpid() != process:  # a fork is not the run, and ends at once
            signal.signal(signal.SIGTERM, signal.SIG_DFL)
            os.kill(os.getpid(), signal.SIGTERM)
        interrupt.asked = interrupt.terminated = True

    before = signal.signal(signal.SIGTERM, ask)
    try:
        yield
    except Exception as error:
        if interrupt.terminated:  # whoever catches the error must not go on
            raise SystemExit(TERMINATED) from error
        raise
    finally:
        signal.signal(signal.SIGTERM, before)


@contextmanager
def _presses() -> Iterator[Callable[[], int]]:
    """How often Ctrl-C was pressed since the last call.

    Python calls a handler once, however many signals have come while it was inside a kernel, but writes down each of
    them. Where somebody else, such as an event loop, reads that, it stays theirs, and nothing is counted here.
    """
    reader, writer = socket.socketpair()
    with reader, writer:
        reader.setblocking(False)
        writer.setblocking(False)
        others = signal.set_wakeup_fd(writer.fileno(), warn_on_full_buffer=False)
        if others >= 0:
            signal.set_wakeup_fd(others)

        def count() -> int:
            with suppress(BlockingIOError):
                return reader.recv(4096).count(signal.SIGINT)
            return 0

        try:
            yield count
        finally:
            signal.set_wakeup_fd(others)

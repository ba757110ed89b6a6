"""Ctrl-C while training: finish the batch, keep what was learned, and stop."""

import signal
import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from types import FrameType


class InterruptionError(Exception):
    """Raised after Ctrl-C, to leave a computation such as SciPy's that knows nothing of it."""


class Interrupt:
    """Whether somebody has pressed Ctrl-C."""

    def __init__(self) -> None:
        self.asked = False


@contextmanager
def interruptible() -> Iterator[Interrupt]:
    """Within the block, the first Ctrl-C only sets `asked`; a second one raises KeyboardInterrupt as usual.

    Where Ctrl-C is ignored, as in a program that a shell's script runs in the background, it stays so.
    """
    interrupt = Interrupt()
    ignored = signal.getsignal(signal.SIGINT) is signal.SIG_IGN
    if ignored or threading.current_thread() is not threading.main_thread():
        yield interrupt
        return
    with _presses() as presses:

        def ask(number: int, frame: FrameType | None) -> None:
            if presses() > 1 or interrupt.asked:
                raise KeyboardInterrupt
            interrupt.asked = True

        before = signal.signal(signal.SIGINT, ask)
        try:
            yield interrupt
        finally:
            signal.signal(signal.SIGINT, before)


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

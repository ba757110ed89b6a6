"""Turns: one thread at a time changes a network's numbers, or copies them all."""

import os
import threading
from collections.abc import Iterator
from contextlib import contextmanager

from chainrule.errors import GraphError


class Turn:
    """A lock that whoever waits for gets next: `with network.turn:`. A thread that has it may take it again.

    A thread that trains would take a plain lock again before one that waits for it has woken up. Here whoever waits
    stands at the gate, and nobody else comes in before.

    Raises:
        GraphError: this process was forked while another thread had the turn, so nobody knows what that left undone.
    """

    def __init__(self) -> None:
        self._renew()

    def _renew(self) -> None:
        self._gate, self._inside = threading.Lock(), threading.Lock()
        self._owner: int | None = None
        self._depth, self._process = 0, os.getpid()

    def __enter__(self) -> None:
        me = threading.get_ident()
        if self._process != os.getpid():
            if self._owner not in (None, me):
                raise GraphError(
                    "this process was forked in the middle of an update, which it has half: save or copy the network "
                    "where it is trained."
                )
            self._go_on_in_a_fork()
        if self._owner != me:
            with self._gate:
                self._inside.acquire()
            self._owner = me
        self._depth += 1

    def _go_on_in_a_fork(self) -> None:
        """New locks, in which the thread that has forked is where it was."""
        owner, depth = self._owner, self._depth
        self._renew()
        if depth:
            self._inside.acquire()
            self._owner, self._depth = owner, depth

    def __exit__(self, *_: object) -> None:
        if self._process != os.getpid():
            self._go_on_in_a_fork()
        self._depth -= 1
        if not self._depth:
            self._owner = None
            self._inside.release()

    @contextmanager
    def let_others_in(self) -> Iterator[None]:
        """Within the block, the thread that has the turn gives it away."""
        depth, self._depth = self._depth, 1
        self.__exit__()
        try:
            yield
        finally:
            self.__enter__()
            self._depth = depth

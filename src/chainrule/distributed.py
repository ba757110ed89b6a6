"""One training run in several processes, on one host or many: each computes its part of every batch.

All run the same script, with the same data and the same seed, so that all know the order of the examples. What cannot
follow from that, the first process decides and tells the others; only it writes checkpoints and shows progress. The
processes find each other, and the sums find their way, by JAX.
"""

from __future__ import annotations

import atexit
import ctypes
import itertools
import os
import pickle
import signal
import sys
import threading
import zlib
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager, suppress
from typing import Any, NoReturn, TypeVar

import numpy as np
from numpy.typing import NDArray

from chainrule import extras
from chainrule.errors import ChainruleError, OptionError, PeerError

T = TypeVar("T")
B = TypeVar("B", bound=tuple[Any, ...])

HEARTBEAT = 30
"""Seconds without a sign of life after which a process counts as dead."""

PATIENCE = 24 * 3600
"""Seconds for which processes that are done wait for the others, which may still write or draw."""

LOOK, GRACE = 2.0, 10.0
"""Seconds between two looks for processes that have left, and until one that waits for them gives up."""

SHORT = 248
"""So many bytes of what the first process tells go with the first message; mostly that is all."""

LAUNCHERS = ("JOB_COMPLETION_INDEX", "WORLD_SIZE", "PMI_SIZE")
"""What the environment has where some launcher has started several processes, be it one that JAX knows or not."""


def initialize(
    coordinator_address: str | None = None,
    num_processes: int | None = None,
    process_id: int | None = None,
    **more: Any,
) -> None:
    """Join the other processes of this job: the first line of the script, before anything computes by JAX.

    Slurm, Open MPI, Kubernetes (with `pip install 'jax[k8s]'`) and TPU pods say themselves who there is; elsewhere give
    all three. A script that no launcher has started runs alone, and says so.

    Args:
        coordinator_address: host and port of the first process, "10.0.0.1:1234".
        num_processes: how many there are. process_id: the number of this one, from 0.
        more: see `jax.distributed.initialize`; a process is dead after `heartbeat_timeout_seconds` of silence, 30.

    Raises:
        MissingPackageError: JAX is not installed.
        OptionError: JAX has computed already, or cannot tell or reach the other processes.
    """
    jax: Any = extras.jax
    jax.config.update("jax_enable_preemption_service", False)  # SIGTERM belongs to `train`, which saves and stops
    how = {"heartbeat_timeout_seconds": HEARTBEAT, "shutdown_timeout_seconds": PATIENCE} | more
    given = {"coordinator_address": coordinator_address, "num_processes": num_processes, "process_id": process_id}
    try:
        jax.distributed.initialize(**given, **how)
    except (RuntimeError, ValueError) as error:
        launched = [name for name in LAUNCHERS if name in os.environ]
        if isinstance(error, RuntimeError) or launched or any(value is not None for value in given.values()):
            by = f" ({', '.join(launched)} is set)" if launched else ""
            raise OptionError(
                f"this process cannot join the others{by}: {str(error).splitlines()[0]} Where JAX does not find them "
                'by itself: initialize(coordinator_address="host:1234", num_processes=2, process_id=0), before '
                "anything computes."
            ) from error
        print("no launcher has started this script in several processes, so it runs alone", file=sys.stderr, flush=True)
        return
    _tell_why_aborted()
    atexit.register(_leave)  # after JAX's own, so it is called before


def processes() -> int:
    """How many processes have joined; 1 where none have."""
    jax = sys.modules.get("jax")
    return jax.process_count() if jax is not None and jax.distributed.is_initialized() else 1


def first() -> bool:
    """Whether this is the first process, which decides and writes; `if cr.distributed.first(): net.save(…)`."""
    return processes() == 1 or sys.modules["jax"].process_index() == 0


# What all know, within `together`. Every process calls these in the same order, or the others wait for it; elsewhere,
# as where an estimator is fitted in one of them, each process is by itself.


def told(compute: Callable[[], T]) -> T:
    """What the first process computes, which alone is asked to.

    Raises:
        ChainruleError: what it has raised, in all processes.
    """
    if not _within:
        return compute()
    content = b""
    if first():
        answer: tuple[Any, ChainruleError | None] = (None, None)
        try:
            answer = compute(), None
        except ChainruleError as error:
            answer = None, error
        content = pickle.dumps(answer)
    head = _from_first(_padded(len(content).to_bytes(8, "little") + content[:SHORT], 8 + SHORT))
    size, received = int.from_bytes(head[:8].tobytes(), "little"), head[8:].tobytes()
    if size > SHORT:
        received += _from_first(_padded(content[SHORT:], size - SHORT)).tobytes()
    found: T
    found, wrong = pickle.loads(received[:size])
    if wrong is not None:
        raise wrong
    return found


def anywhere(*flags: bool) -> tuple[bool, ...]:
    """Of each flag, whether it is set in any process."""
    if not _within:
        return flags
    every = _gathered(np.array(flags, bool))
    return tuple(bool(every[:, k].any()) for k in range(len(flags)))


def refuse_unlike(settings: Mapping[str, Any]) -> None:
    """See to it that all processes were given the same.

    Raises:
        OptionError: one was not, in all processes.
    """
    if not _within:
        return
    of_first = told(lambda: dict(settings))
    unlike = _gathered(np.array([settings.get(name) != value for name, value in of_first.items()], np.uint8))
    for process, number in np.argwhere(unlike).tolist():
        name = list(of_first)[number].removesuffix(" with checksum")
        raise OptionError(
            f"of process {process}, {name} is not that of the first: all run the same script on the same data, and "
            "each computes its part of every batch."
        )


def in_step(batches: Iterable[B], start: int = 0) -> Iterator[B]:
    """The batches (X, Y, weights) of a stream, of which every process must have the same.

    Args:
        start: the number of the first one.

    Raises:
        OptionError: a batch is another one in another process, or the stream ends sooner there; in all processes.
    """
    if not _within:
        yield from batches
        return
    for k, batch in enumerate(itertools.chain(batches, [None]), start):
        sums = [0] * 4 if batch is None else [1, *map(_checksum, batch)]
        every = _gathered(np.array(sums, np.uint32))
        ended = np.flatnonzero(every[:, 0] == 0).tolist()
        if 0 < len(ended) < len(every):
            raise OptionError(
                f"the stream ends before batch {k + 1} in process {ended[0]}, but goes on in process "
                f"{int(every[:, 0].argmax())}: give each the same stream, of which it computes its part."
            )
        if (every != every[0]).any():
            raise OptionError(
                f"batch {k + 1} of the stream is another one in another process: give each the same stream, of which "
                "it computes its part."
            )
        if batch is None:
            return
        yield batch


def _checksum(A: NDArray[Any] | None) -> int:
    return 0 if A is None else zlib.crc32(np.ascontiguousarray(A).view(np.uint8).data)


def _padded(content: bytes, size: int) -> NDArray[np.uint8]:
    """Bytes with zeros behind them, in one of few sizes, as each is compiled once."""
    padded = np.zeros(1 << (size - 1).bit_length(), np.uint8)
    padded[: len(content)] = np.frombuffer(content, np.uint8)
    return padded


def _from_first(numbers: NDArray[Any]) -> NDArray[Any]:
    from jax.experimental import multihost_utils

    return np.asarray(multihost_utils.broadcast_one_to_all(numbers))


def _gathered(numbers: NDArray[Any]) -> NDArray[Any]:
    """Those of all processes, one below the other."""
    from jax.experimental import multihost_utils

    return np.asarray(multihost_utils.process_allgather(numbers))


# Who has left. A process that waits for one that will not come ends with a sentence.


_within = False
"""Whether a run in common is under way."""

_run = 0
"""How many runs there have been in common."""

_lost = False
"""Whether another process is gone, so that this one need not wait for it at its end."""


@contextmanager
def together() -> Iterator[None]:
    """What all processes do in common: whoever leaves the block by an error, or dies, ends the others.

    Raises:
        PeerError: another process has ended; also where it is waited for in vain, which ends the process.
    """
    global _run, _lost, _within
    if processes() == 1:
        yield
        return
    _run += 1
    _within = True
    over = threading.Event()
    threading.Thread(target=_watch, args=(_run, over), daemon=True).start()
    try:
        yield
    except BaseException as error:
        jax_error = sys.modules["jax"].errors.JaxRuntimeError
        _put(f"{_run}/{_me()}", f"{type(error).__name__}: {error}".splitlines()[0])
        if isinstance(error, jax_error) and "RESOURCE_EXHAUSTED" not in str(error):
            _lost = True
            what = f"another of the {processes()} processes has ended"
            said = next(iter(str(error).splitlines()), "nothing")
            raise PeerError(f"{_sentence(what)} JAX said: {said}") from None  # its trace tells no more
        raise
    finally:
        _within = False
        over.set()


def _watch(run: int, over: threading.Event) -> None:
    """Look for processes that have left the run, and end this one if it does not leave it, too."""
    found = None
    while not over.wait(LOOK if found is None else GRACE):
        if found is not None:
            _end(_sentence(found))
        with suppress(Exception):  # JAX itself ends the process where the first one is gone
            for kind in (str(run), "gone"):
                for name, why in _client().key_value_dir_get(f"{_LEFT}{kind}/"):
                    number = int(name.rpartition("/")[2])
                    if number != _me() and found is None:
                        found = f"process {number} of {processes()} has ended" + (f" ({why})" if why.strip() else "")


_LEFT = "chainrule/left/"


def _leave() -> None:
    """At the end of this process: tell the others, and do not wait for those that are gone."""
    if processes() > 1:
        _put(f"gone/{_me()}", " ")
        if _lost:
            _end("")


def _put(name: str, why: str) -> None:
    with suppress(Exception):
        _client().key_value_set(_LEFT + name, why, allow_overwrite=True)


def _client() -> Any:
    """The connection to the first process."""
    from jax._src.distributed import global_state

    return global_state.client


def _me() -> int:
    return int(sys.modules["jax"].process_index())


def _sentence(what: str) -> str:
    return f"{what}, so this one ends, too. Start all again: with resume=True they go on from the last checkpoint."


def _end(sentence: str) -> NoReturn:
    """End this process whatever its threads are waiting for."""
    with suppress(Exception):
        sys.stdout.flush()
        sys.stderr.flush()
    if sentence:
        os.write(2, f"{sentence}\n".encode())
    os._exit(1)


_on_abort: Any = None


def _tell_why_aborted() -> None:
    """JAX aborts a process whose first one is gone, or that waits for a dead one: say what that means."""
    global _on_abort
    what = f"this process was aborted, most likely because another of the {processes()} has ended"

    def end(number: int) -> None:
        _end(_sentence(what))

    _on_abort = ctypes.CFUNCTYPE(None, ctypes.c_int)(end)
    with suppress(OSError, AttributeError, TypeError):  # there is another way to set it on Windows
        ctypes.CDLL(None).signal(int(signal.SIGABRT), _on_abort)

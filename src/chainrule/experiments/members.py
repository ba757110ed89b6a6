"""Networks that answer together: each is trained without another part of the examples, by which it stops."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor, wait
from contextvars import copy_context
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from chainrule import distributed, engines
from chainrule.data.source import Source
from chainrule.errors import DataError
from chainrule.experiments.settings import CHECKPOINT
from chainrule.experiments.splits import Splits, hold_out
from chainrule.layers import Ensemble, Network
from chainrule.randomness import stream
from chainrule.threads import threads
from chainrule.training import History
from chainrule.training.interrupt import Interrupt, interruptible


@dataclass(frozen=True)
class Part:
    """Which rows a member learns from, and which it is watched on."""

    train: NDArray[np.intp]
    validation: NDArray[np.intp]


def folds(source: Source, Y: NDArray[Any], rows: NDArray[np.intp], k: int, seed: int, turn: int = 0) -> list[Part]:
    """k parts of the rows, for each member another one to be watched on and the others to learn from; other parts at
    each turn.

    Labels keep their shares, and groups stay together.

    Raises:
        DataError: there are too few rows, or groups, for so many.
    """
    random = stream("folds", seed, turn)
    if source.groups is not None:
        dealt = _dealt_by_group(source.groups[rows], k, random)
        found = [rows[dealt == i] for i in range(k)]
    else:
        alone = _alone(Y, rows)
        left, found = np.setdiff1d(rows, alone, assume_unique=True), []
        for i in range(k - 1):
            left, held_out = hold_out(source, Y, left, 1 / (k - i), random, by_time=False)
            found.append(held_out)
        found.append(left)
    if min(map(len, found)) == 0:
        raise DataError(f"{len(rows)} rows are too few for {k} networks, each without another part: take fewer.")
    return [Part(np.setdiff1d(rows, part, assume_unique=True), part) for part in found]


def _dealt_by_group(groups: NDArray[Any], k: int, random: np.random.Generator) -> NDArray[np.intp]:
    """For each row the one of k parts that its group belongs to: the largest groups first, each to what has least."""
    _, which, sizes = np.unique(groups, return_inverse=True, return_counts=True)
    order = random.permutation(len(sizes))
    part_of, filled = np.empty(len(sizes), np.intp), np.zeros(k)
    for group in order[np.argsort(-sizes[order], kind="stable")]:
        part_of[group] = filled.argmin()
        filled[part_of[group]] += sizes[group]
    found: NDArray[np.intp] = part_of[which]
    return found


def _alone(Y: NDArray[Any], rows: NDArray[np.intp]) -> NDArray[np.intp]:
    """The rows of classes that have no other row, from which every network is to learn."""
    if Y.dtype.kind != "i" or Y.ndim > 1:
        return rows[:0]
    alone: NDArray[np.intp] = rows[np.bincount(Y[rows])[Y[rows]] == 1]
    return alone


def alike(splits: Splits, k: int) -> list[Part]:
    """For k members the same rows: they differ by where they start."""
    return [Part(splits.train, splits.validation)] * k


def seeds(seed: int, k: int) -> list[int]:
    """Where the parameters of k members start; the first as a single network does."""
    return [seed, *map(int, stream("members", seed).integers(2**31, size=k - 1))]


def checkpoint_of(folder: Path, i: int) -> Path:
    """The checkpoint of member i, from 0."""
    return folder / (f"checkpoint-{i + 1}.safetensors" if i else CHECKPOINT)


LOOK = 0.1
"""After so many seconds the thread that waits for others looks whether somebody has pressed Ctrl-C."""

Trained = tuple[Network, History]


def side_by_side(
    fits: Sequence[Callable[[], Trained]], of: int | None = None, *, one_by_one: bool = False
) -> tuple[list[Trained], Interrupt]:
    """What the functions return that each train one network, as many at a time as there are threads; and whether
    somebody has ended that early. Those that had not begun by then are left out.

    Args:
        of: how many there are in all, which tells how many threads each has; None for as many as there are here.
        one_by_one: whether one has to wait for the other, as on an accelerator.

    Raises:
        NotFiniteError: see `chainrule.train`; the others end after the batch under way.
    """
    workers = 1 if one_by_one or distributed.processes() > 1 else min(of or len(fits), threads())
    share = max(1, threads() // workers)
    with interruptible() as interrupt, ThreadPoolExecutor(workers) as pool:

        def fit(one: Callable[[], Trained]) -> Trained | None:
            if interrupt.of_all().asked:
                return None
            try:
                with engines.held_to(share):
                    return one()
            except BaseException:
                interrupt.asked = True  # before this thread takes the next
                raise

        waiting: list[Future[Trained | None]] = [pool.submit(copy_context().run, fit, one) for one in fits]
        try:
            while wait(waiting, timeout=LOOK).not_done:  # where signals are handled
                pass
            done = [future.result() for future in waiting]
        except BaseException:
            interrupt.asked = True
            raise
    return [one for one in done if one is not None], interrupt  # those that come later begin later


def together(trained: Sequence[Trained], seed: int) -> Network:
    """One network that answers as the mean of these."""
    made = Network([Ensemble([network for network, _ in trained])], seed=seed)
    shape = trained[0][0].input_shape
    assert shape is not None
    made.build(shape)
    return made


def history_of(trained: Sequence[Trained], interrupt: Interrupt, seconds: float) -> History:
    """The history of the first, with those of all as `members`, and the time that all took together."""
    histories = [history for _, history in trained]
    ended = "time limit" if any(one.stopped == "time limit" for one in histories) else histories[0].stopped
    stopped = "terminated" if interrupt.terminated else "interrupted" if interrupt.asked else ended
    return replace(histories[0], stopped=stopped, members=histories, elapsed=seconds)


def out_of_fold(
    trained: Sequence[Trained], parts: Sequence[Part], output: Callable[[Network, Part], NDArray[Any]]
) -> tuple[NDArray[np.intp], NDArray[Any]]:
    """The rows that members were watched on, rising, and the mean of what those members say of each row that have not
    learned from it."""
    rows = np.unique(np.concatenate([part.validation for part in parts]))
    if not len(rows):
        return rows, np.empty((0, 1))
    found = [output(network, part) for (network, _), part in zip(trained, parts, strict=True)]
    sums, counts = np.zeros((len(rows), *found[0].shape[1:])), np.zeros(len(rows))
    for part, one in zip(parts, found, strict=True):
        places = np.searchsorted(rows, part.validation)
        sums[places] += one
        counts[places] += 1
    return rows, sums / counts.reshape(-1, *[1] * (sums.ndim - 1))

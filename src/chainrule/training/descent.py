"""Mini-batch gradient descent: runs an engine's program epoch by epoch, and stops where the cost is not finite."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray

from chainrule.data.augmentation import AugmentedBatches
from chainrule.data.batches import ArrayBatches, ChunkBatches, StreamBatches
from chainrule.engines import Done, Program
from chainrule.errors import NotFiniteError
from chainrule.layers import Network
from chainrule.training.finite import WAY_OUT, not_finite
from chainrule.training.interrupt import Interrupt
from chainrule.training.run import Run

ByEpoch = Callable[[float], float]
"""A rate at an epoch."""

ByBatch = Callable[[int], float]
"""A rate for the batch of a number."""

AnyBatches = ArrayBatches | AugmentedBatches | ChunkBatches | StreamBatches
"""All kinds of mini-batches that an epoch may consist of."""


def descend(
    run: Run,
    program: Program,
    batches: AnyBatches,
    learning_rate: ByEpoch,
    interrupt: Interrupt,
    weight_decay: ByEpoch | None = None,
) -> None:
    """Mini-batch gradient descent: run the engine's program epoch by epoch until the run is over.

    Args:
        learning_rate: α at an epoch, 2.5 being the middle of the third.
        weight_decay: ω at an epoch; None for the optimizer's.

    Raises:
        NotFiniteError: the cost is NaN or infinite; the network has the parameters from before this epoch.
    """
    run.computed_by(program)
    changing = [run.network.flat, *(held for _, layer in run.network.family() for held in layer.statistics.values())]
    while not run.over:
        before, count = [array.copy() for array in changing], batches.count(run.epoch)

        def by_batch(rate: ByEpoch, first: int = 0, epoch: int = run.epoch, count: int | None = count) -> ByBatch:
            return lambda k: rate(epoch + ((first + k) / count if count else 0.0))

        def rates(first: int) -> tuple[ByBatch, ByBatch | None]:
            return by_batch(learning_rate, first), None if weight_decay is None else by_batch(weight_decay, first)

        for done in _updates(program, batches, run.epoch, rates, run.sums.batches):
            if done.X is not None:
                batch = run.sums.batches + len(done.costs) - 1
                error = not_finite(run.network, done.X, done.costs[-1], run.epoch, batch, run.seed, program.updates)
                _go_back(run.network, changing, before, error)
            run.computed_by(program)
            run.meet(done, count)
            run.save_if_due(program, after_epoch=False)
            if interrupt.of_all().asked and run.sums.batches != count:
                break
        else:
            if not np.isfinite(run.network.flat).all():
                error = NotFiniteError(f"epoch {run.epoch + 1}: its last update was not finite. {WAY_OUT}")
                _go_back(run.network, changing, before, error)
            run.close_epoch()
            run.save_if_due(program, after_epoch=True)
        now = interrupt.of_all()
        if now.asked and not run.over:
            run.interrupt(now)
        if now.asked:
            run.save_if_due(program, after_epoch=False, now=True)


def _updates(
    program: Program,
    batches: AnyBatches,
    epoch: int,
    rates: Callable[[int], tuple[ByBatch, ByBatch | None]],
    start: int,
) -> Iterator[Done]:
    """What the program does in an epoch, from batch `start` on; `rates` gives α and ω, counted from a batch on."""
    if not isinstance(batches, ChunkBatches):
        alpha, omega = rates(0)
        yield from program.epoch(batches, epoch, alpha, start, omega)
        return
    for pool, first, before in batches.pools(epoch, start):
        alpha, omega = rates(before)
        yield from program.epoch(pool, epoch, alpha, first, omega)


def _go_back(network: Network, changing: list[NDArray[Any]], before: list[NDArray[Any]], error: NotFiniteError) -> None:
    with network.turn:
        for array, old in zip(changing, before, strict=True):
            array[...] = old
    raise NotFiniteError(f"{error} The network has the parameters from before this epoch.") from None

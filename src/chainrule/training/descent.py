"""Mini-batch gradient descent: runs an engine's program epoch by epoch, and stops where the cost is not finite."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray

from chainrule.data.augmentation import AugmentedBatches
from chainrule.data.batches import ArrayBatches, ChunkBatches, StreamBatches
from chainrule.engines import Done, Program
from chainrule.errors import NotFiniteError
from chainrule.hyperparameters import Hyperparameters, OfBatches, Rates
from chainrule.layers import Network
from chainrule.training.finite import WAY_OUT, not_finite
from chainrule.training.given import AnyBatches
from chainrule.training.interrupt import Interrupt
from chainrule.training.run import Run


def descend(run: Run, program: Program, batches: AnyBatches, rates: Rates, interrupt: Interrupt) -> None:
    """Mini-batch gradient descent: run the engine's program epoch by epoch until the run is over.

    Args:
        rates: who knows α and ω at an epoch, 2.5 being the middle of the third.

    Raises:
        NotFiniteError: the cost is NaN or infinite; the network has the parameters from before this epoch.
    """
    run.computed_by(program)
    changing = [run.network.flat, *(held for _, layer in run.network.family() for held in layer.statistics.values())]
    while not run.over:
        before, count = [array.copy() for array in changing], batches.count(run.epoch)
        for done in _updates(run, program, batches, rates):
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


def _updates(run: Run, program: Program, batches: AnyBatches, rates: Rates) -> Iterator[Done]:
    """What the program does in the epoch under way, from the batch that is next."""
    epoch, start, count = run.epoch, run.sums.batches, batches.count(run.epoch)
    drop_rates = run.network.drop_rates(epoch)

    def given(part: ArrayBatches | AugmentedBatches | StreamBatches, before: int) -> OfBatches:
        def of(first: int, last: int) -> Hyperparameters[list[float]]:
            epochs = [epoch + ((before + k) / count if count else 0.0) for k in range(first, last)]
            l2 = None if part.l2 is None else part.l2[first:last].tolist()
            return Hyperparameters.of_several(rates, epochs, l2, drop_rates)

        return of

    if not isinstance(batches, ChunkBatches):
        yield from program.epoch(batches, epoch, given(batches, 0), start)
        return
    for pool, first, before in batches.pools(epoch, start):
        yield from program.epoch(pool, epoch, given(pool, before), first)


def _go_back(network: Network, changing: list[NDArray[Any]], before: list[NDArray[Any]], error: NotFiniteError) -> None:
    with network.turn:
        for array, old in zip(changing, before, strict=True):
            array[...] = old
    raise NotFiniteError(f"{error} The network has the parameters from before this epoch.") from None

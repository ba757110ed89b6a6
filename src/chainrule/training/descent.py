"""The way through the epochs, batch by batch."""

from __future__ import annotations

import numpy as np

from chainrule.data.batches import ArrayBatches, StreamBatches
from chainrule.errors import NotFiniteError
from chainrule.files import Tensors
from chainrule.optimizers import Optimizer
from chainrule.training.finite import WAY_OUT, not_finite
from chainrule.training.interrupt import Interrupt
from chainrule.training.run import Run, snapshot


def descend(
    run: Run,
    batches: ArrayBatches | StreamBatches,
    optimizer: Optimizer,
    interrupt: Interrupt,
    resumed: tuple[Tensors, int] | None,
) -> None:
    """Mini-batch gradient descent: run the engine's program epoch by epoch until the run is over.

    Raises:
        NotFiniteError: the cost is NaN or infinite; the network has the parameters from before this epoch.
    """
    program = run.engine.program(run.network, run.cost, optimizer, run.seed, outputs=run.measuring)
    run.history.engine, run.history.reason = program.engine, program.reason
    if resumed is not None:
        program.slots, program.t = resumed
    count = len(batches) if isinstance(batches, ArrayBatches) else None
    while not run.over:
        before = snapshot(run.network)

        def alpha(k: int, epoch: int = run.epoch) -> float:
            return optimizer.alpha(epoch + (k / count if count else 0.0))

        for done in program.epoch(batches, run.epoch, alpha, start=run.running.batches):
            if done.X is not None:
                batch = run.running.batches + done.batches - 1
                error = not_finite(run.network, done.X, done.cost, run.epoch, batch, run.seed, program.t)
                _go_back(run, before, error)
            run.history.engine, run.history.reason = program.engine, program.reason
            run.meet(done, count)
            run.save_if_due(program.slots, program.t, after_epoch=False)
            if interrupt.asked and run.running.batches != count:
                break
        else:
            if not np.isfinite(run.network.flat).all():
                _go_back(run, before, NotFiniteError(f"epoch {run.epoch}: its last update was not finite. {WAY_OUT}"))
            run.close_epoch()
            run.save_if_due(program.slots, program.t, after_epoch=True)
        if interrupt.asked and not run.over:
            run.stop("interrupted")
            run.save_if_due(program.slots, program.t, after_epoch=False, now=True)


def _go_back(run: Run, before: Tensors, error: NotFiniteError) -> None:
    run.network.set_state(before)
    raise NotFiniteError(f"{error} The network has the parameters from before this epoch.") from None

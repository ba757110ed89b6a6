"""L-BFGS: SciPy leads, all examples at once, one iteration an epoch."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from chainrule.data.batches import ArrayBatches
from chainrule.engines import Done
from chainrule.errors import OptionError
from chainrule.optimizers import LBFGS, penalty
from chainrule.training.finite import not_finite
from chainrule.training.interrupt import Interrupt, InterruptionError
from chainrule.training.run import Run


def minimize(run: Run, batches: ArrayBatches, optimizer: LBFGS, interrupt: Interrupt) -> float:
    """Run L-BFGS until the run is over, the gradient is small enough, or the line search finds nothing better.

    Returns:
        J where it ended, penalty included; after Ctrl-C where the last whole iteration did.

    Raises:
        NotFiniteError: the cost is NaN or infinite at the start.
        OptionError: products are to round their operands.
    """
    with run.network.turn:  # a line search tries parameters that nobody else is to see
        return _minimized(run, batches, optimizer, interrupt)


def _minimized(run: Run, batches: ArrayBatches, optimizer: LBFGS, interrupt: Interrupt) -> float:
    from chainrule.extras import scipy

    network, regularized = run.network, run.network.regularized
    X, Y, importance = next(batches.epoch(0))
    slope = run.engine.slope(network, run.cost, (X, Y, importance), run.seed, outputs=run.measuring)
    if slope.precision == "bfloat16":
        raise OptionError('L-BFGS compares costs that lie closer than bfloat16 tells: leave out precision="bfloat16".')

    def look(theta: NDArray[np.float64]) -> tuple[Done, NDArray[np.float64]]:
        """The cost, the output and the gradient at θ."""
        network.flat[...] = theta
        J, gradient, A = slope.measure()
        run.computed_by(slope)
        of_weights = penalty(optimizer.l2, network.flat, regularized)
        gradient = gradient + optimizer.l2 * regularized * network.flat
        return Done([J + of_weights], [of_weights], [len(X)], A, Y), gradient.astype(np.float64)

    averaging = any(layer.statistics for _, layer in network.family())
    reached = network.flat.astype(np.float64)
    here = latest = look(reached)[0]
    if not np.isfinite(here.costs[0]):
        raise not_finite(network, X, here.costs[0], 0, 0, run.seed, 0)

    def cost_and_gradient(theta: NDArray[np.float64]) -> tuple[float, NDArray[np.float64]]:
        nonlocal latest
        if interrupt.asked:  # a line search may look many times within one iteration
            raise InterruptionError
        latest, gradient = look(theta)
        return latest.costs[0], gradient

    def close_iteration(intermediate_result: Any) -> None:
        nonlocal here, reached
        reached = network.flat[...] = intermediate_result.x.copy()
        if averaging:
            network.record(X, training=True, updating=True, seed=run.seed)  # moving averages move once an iteration
        with network.turn.let_others_in():
            run.meet(here, 1)
            here = latest
            run.close_epoch()
        if interrupt.asked and not run.over:
            run.interrupt(interrupt)
        if run.over:
            raise StopIteration

    try:
        result = scipy.optimize.minimize(
            cost_and_gradient,
            reached,
            jac=True,
            method="L-BFGS-B",
            callback=close_iteration,
            options={
                "maxiter": run.epochs,
                "maxfun": 20 * run.epochs if optimizer.evaluations is None else optimizer.evaluations,
                "maxcor": optimizer.history,
                "gtol": optimizer.tolerance,
                "ftol": optimizer.improvement,
            },
        )
    except InterruptionError:
        network.flat[...] = reached
        run.interrupt(interrupt)
        return here.costs[0]
    network.flat[...] = result.x
    if not run.over:
        few = optimizer.evaluations is not None and result.nfev > optimizer.evaluations
        run.stop("converged" if result.success else "all evaluations done" if few else "no better step found")
    return float(result.fun)

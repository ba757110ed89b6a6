"""Training: one call from arrays to a trained network and its history."""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any, Literal

import numpy as np

from chainrule import engines
from chainrule.checking import whole
from chainrule.data.batches import ArrayBatches, StreamBatches, Weigh
from chainrule.data.examples import example_weights, examples
from chainrule.engines import Batch
from chainrule.errors import DataError, OptionError
from chainrule.layers import Network
from chainrule.layers.network import fresh_seed
from chainrule.layers.summary import output_shapes
from chainrule.metrics import find_metrics
from chainrule.optimizers import LBFGS, Optimizer, find_optimizer
from chainrule.training.checkpoints import Checkpoint, Checkpoints
from chainrule.training.cost import Cost, LossLike
from chainrule.training.descent import descend
from chainrule.training.early_stopping import EarlyStopping
from chainrule.training.evaluate import CHUNK
from chainrule.training.history import History
from chainrule.training.interrupt import interruptible
from chainrule.training.lbfgs import minimize
from chainrule.training.progress import progress_for
from chainrule.training.run import Callback, Run
from chainrule.training.statistics import learn_statistics


def train(
    net: Network,
    X: Any,
    y: Any = None,
    *,
    loss: LossLike,
    optimizer: str | Optimizer | LBFGS = "adam",
    epochs: int = 10,
    batch_size: int | None = 64,
    validation: Sequence[Any] | None = None,
    metrics: Any = (),
    shuffle: bool = True,
    class_weight: dict[Any, float] | Literal["balanced"] | None = None,
    sample_weight: Any = None,
    early_stopping: EarlyStopping | int | None = None,
    callbacks: Iterable[Callback] = (),
    checkpoint: Checkpoint | None = None,
    resume: bool = False,
    engine: str = "auto",
    seed: int | None = None,
    progress: bool = True,
) -> History:
    """Fit the network's parameters to examples: forward, cost, backward, update, for every batch of every epoch.

    Ctrl-C ends the run after the batch under way and keeps what was learned.

    Args:
        net: the network; sizes that it does not know yet are found from X.
        X: (m, …), an array or a memory map; or, without y, batches (X, y) or (X, y, weights): a list, an iterable that
            can be started again, or a function that returns a fresh iterator.
        y: (m,) or (m, n_out), as the loss takes it.
        loss: "cross_entropy", "binary_cross_entropy", "squared_error", "absolute_error", "huber", "hinge",
            "perceptron", an operation (with options by functools.partial), or a function of (A, Y) that returns one
            number made of operations; with weights it is called as (A, Y, weights).
        optimizer: a name, or an object such as Adam(1e-3).
        epochs: how often every example is met.
        batch_size: examples in a mini-batch; None for all of them. The last batch takes what is left. Streams keep
            their own.
        validation: (X_val, y_val), measured after every epoch.
        metrics: names such as "accuracy", or functions of (y, output).
        shuffle: whether each epoch meets the examples in a new order.
        class_weight: how much each class counts, {0: 1.0, 1: 5.0}, or "balanced".
        sample_weight: (m,), how much each example counts.
        early_stopping: when to end before the last epoch; a number is the patience for the validation cost.
        callbacks: functions called with the `Run` after every epoch.
        checkpoint: where and when to save the run.
        resume: go on from the checkpoint, if it is there; the end has the same bits as without the interruption.
        engine: "auto" or a name; `history.engine` tells which one ran.
        seed: of shuffling and dropout; None takes a fresh one, kept in `history.seed`.
        progress: whether to show a live bar (in a terminal or notebook) or a few lines (elsewhere), on stderr.

    Returns:
        The history, one record an epoch.

    Raises:
        ShapeError, DataError: X and y do not fit each other, the network or the loss, or are not finite numbers.
        OptionError: an argument that nothing can be done with.
        NotFiniteError: the cost became NaN or infinite; names the epoch, the batch and the layer.
        ModelFileError: a checkpoint cannot be written or read.
    """
    cost, rule = Cost(loss), find_optimizer(optimizer)
    epochs = whole("epochs", epochs, at_least=0)
    weigh = functools.partial(example_weights, class_weight=class_weight)
    batches = _batches(net, X, y, sample_weight, weigh, batch_size, shuffle, rule)
    first_X, first_y, _ = batches.first()
    if not net.built:
        net.build(first_X.shape[1:])
    n_out = output_shapes(net)[id(net)]
    cost.check(batches.Y if isinstance(batches, ArrayBatches) else first_y, n_out)
    run = Run(
        net,
        cost,
        engines.select(engine),
        epochs=epochs,
        seed=fresh_seed() if seed is None else whole("seed", seed, at_least=0),
        metrics=find_metrics(metrics),
        validation=None if validation is None else _validation(net, cost, n_out, validation),
        early_stopping=_early_stopping(early_stopping, validation),
        callbacks=callbacks,
        checkpoints=_checkpoints(checkpoint, resume, net, cost, rule, batches, seed),
        progress=progress_for(progress, epochs),
    )
    try:
        with interruptible() as interrupt:
            resumed = run.resume() if resume else None
            batches.seed = run.seed
            learn_statistics(net, batches.in_order)
            if isinstance(rule, Optimizer):
                descend(run, batches, rule, interrupt, resumed)
            elif isinstance(batches, ArrayBatches):
                minimize(run, batches, rule, interrupt)
    finally:
        run.progress.close()
    return run.finish()


def _batches(
    net: Network,
    X: Any,
    y: Any,
    sample_weight: Any,
    weigh: Weigh,
    batch_size: int | None,
    shuffle: bool,
    rule: Optimizer | LBFGS,
) -> ArrayBatches | StreamBatches:
    """The training data in mini-batches, checked."""
    size = None if batch_size is None else whole("batch_size", batch_size)
    if y is not None:
        X, y = examples(X, y)
        X, cast = (X, net.cast) if isinstance(X, np.memmap) else (net.cast(X), None)
        if size is None or isinstance(rule, LBFGS):
            size = len(X)
        return ArrayBatches(X, y, weigh(y, sample_weight), batch_size=size, shuffle=shuffle, cast=cast)
    if isinstance(X, np.ndarray):
        raise DataError("X is an array, so its labels must come beside it: train(net, X, y, …).")
    if isinstance(X, Iterator):
        raise DataError(
            "X is an iterator, which can be walked only once: give a list of batches, an object that can be iterated "
            "again, or a function that returns a fresh iterator."
        )
    if not (callable(X) or isinstance(X, Iterable)):
        raise DataError(f"X is a {type(X).__name__}: give arrays X and y, or batches (X, y).")
    if isinstance(rule, LBFGS):
        raise OptionError("L-BFGS needs all examples at once: give arrays X and y, or another optimizer.")
    if sample_weight is not None:
        raise OptionError("a stream of batches brings its weights itself: (X, y, weights).")
    return StreamBatches(X, weigh, net.cast)


def _validation(
    net: Network, cost: Cost, n_out: tuple[int, ...], validation: Sequence[Any]
) -> Callable[[], Iterable[Batch]]:
    """The validation data, checked, as a function that starts over."""
    if not isinstance(validation, list | tuple) or len(validation) not in (2, 3):
        raise OptionError("validation is (X_val, y_val), or (X_val, y_val, weights).")
    X, y = examples(validation[0], validation[1], "X_val")
    X, cast = (X, net.cast) if isinstance(X, np.memmap) else (net.cast(X), None)
    cost.check(y, n_out)
    weights = example_weights(y, validation[2] if len(validation) == 3 else None)
    return ArrayBatches(X, y, weights, batch_size=CHUNK, cast=cast).in_order


def _early_stopping(given: EarlyStopping | int | None, validation: Any) -> EarlyStopping | None:
    rule = EarlyStopping(patience=given) if isinstance(given, int) else given
    if rule is not None and rule.monitor.startswith("val_") and validation is None:
        raise OptionError(f"early stopping watches {rule.monitor!r}, which needs validation=(X_val, y_val).")
    return rule


def _checkpoints(
    rule: Checkpoint | None,
    resume: bool,
    net: Network,
    cost: Cost,
    optimizer: Optimizer | LBFGS,
    batches: ArrayBatches | StreamBatches,
    seed: int | None,
) -> Checkpoints | None:
    """The keeper of the checkpoint, with the settings that a resumed run must share."""
    if rule is None:
        if resume:
            raise OptionError("resume=True needs to know from where: give checkpoint=Checkpoint(path).")
        return None
    if isinstance(optimizer, LBFGS):
        raise OptionError("L-BFGS keeps its memory inside SciPy, so it cannot be resumed: take another optimizer.")
    settings = {
        "layers": [layer.describe() for layer in net.layers],
        "dtype": net.dtype,
        "loss": cost.name,
        "optimizer": optimizer.describe(),
        **batches.settings(),
    }
    return Checkpoints(rule, settings if seed is None else settings | {"seed": seed})

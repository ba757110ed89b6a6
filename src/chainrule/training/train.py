"""Training: one call from arrays to a trained network and its history."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable
from functools import partial
from numbers import Integral
from typing import Any, Literal

from chainrule import distributed, engines, files
from chainrule.checking import seed_or_fresh, whole
from chainrule.data.augmentation import Augmentation
from chainrule.data.batches import ArrayBatches, StreamBatches
from chainrule.data.checksums import Passed
from chainrule.errors import OptionError
from chainrule.layers import Network
from chainrule.layers.network import the_network
from chainrule.layers.unsaved import warn_of_untrained
from chainrule.metrics import find_metrics
from chainrule.optimizers import LBFGS, Optimizer, find_optimizer
from chainrule.training.checkpoints import Checkpoint, Checkpoints, computed
from chainrule.training.code import checksum_of_code
from chainrule.training.cost import Cost, LossLike
from chainrule.training.descent import descend
from chainrule.training.early_stopping import EarlyStopping
from chainrule.training.given import AnyBatches, Weighing, augmented, given_batches, known, meet, to_watch
from chainrule.training.hints import Hints
from chainrule.training.history import History
from chainrule.training.interrupt import Interrupt, TerminatedError, interruptible
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
    steps_per_epoch: int | None = None,
    validation: Any = None,
    metrics: Any = (),
    shuffle: bool = True,
    class_weight: dict[Any, float] | Literal["balanced"] | None = None,
    sample_weight: Any = None,
    augment: Augmentation | None = None,
    early_stopping: EarlyStopping | int | None = None,
    callbacks: Callback | Iterable[Callback] = (),
    checkpoint: Checkpoint | str | os.PathLike[str] | None = None,
    resume: bool = False,
    engine: str = "auto",
    threads: int | None = None,
    device: str | None = None,
    devices: int | Literal["all"] | None = None,
    precision: str = "float32",
    seed: int | None = None,
    progress: bool = True,
    hints: bool = True,
) -> History:
    """Fit the network's parameters to examples: forward, cost, backward, update, for every batch of every epoch.

    Ctrl-C ends the run after the batch under way and keeps what was learned; `history.stopped` is "interrupted". A
    second one before the run has come back raises KeyboardInterrupt, and so ends a loop of runs, too. SIGTERM, which
    schedulers and containers send, ends the program so: after the batch under way there is a checkpoint, if one is
    wanted, and SystemExit with status 143; unless the program handles that signal itself.

    Args:
        net: the network; sizes that it does not know yet are found from X.
        X: (m, …), an array or a memory map; or, without y, batches (X, y) or (X, y, weights): a list, an iterable that
            can be started again, or a function that returns a fresh iterator. On a stream, whose length nobody knows,
            schedules stand still within an epoch, unless there is `steps_per_epoch`.
        y: (m,) or (m, n_out), as the loss takes it; of sequences (m, steps) or (m, steps, n_out).
        loss: "cross_entropy", "binary_cross_entropy", "squared_error", "absolute_error", "huber", "hinge",
            "perceptron", an operation (with options by functools.partial), or a function of (A, Y) that returns one
            number made of operations. To be trained with weights, by class, example or mask, it must have a parameter
            `weights`: (A, Y, weights=None) gets (m,) or (m, steps). Y comes in the shape of A where only a last axis of
            length 1 is missing.
        optimizer: a name, or an object such as Adam(1e-3).
        epochs: how often every example is met.
        batch_size: examples in a mini-batch; None for all of them. The last batch takes what is left. Streams keep
            their own.
        steps_per_epoch: how many batches of a stream make an epoch; the next epoch goes on where this one ended, and a
            stream that ends begins again. So it may never end, and may be a generator. None for the whole stream.
        validation: (X_val, y_val) or (X_val, y_val, weights), measured after every epoch, without the label smoothing
            that a loss may have; or batches of these as X may be, which must end.
        metrics: names such as "accuracy", or functions of (y, output).
        shuffle: whether each epoch meets the examples in a new order.
        class_weight: how much each class counts, {0: 1.0, 1: 5.0}, those left out 1; or "balanced".
        sample_weight: (m,), how much each example counts. Weights are brought to mean 1 over all examples (those of a
            stream are taken as they are), then J = 1/m Σ w L.
        augment: how pictures (m, height, width, channels) are changed while training; validation sees them unchanged.
        early_stopping: when to end before the last epoch; a number is the patience for the validation cost.
        callbacks: functions called with the `Run` after every epoch.
        checkpoint: where and when to save the run; a path alone means after every epoch.
        resume: go on from the checkpoint, if it is there; the end has the same bits as without the interruption.
            A run that has `epochs` epochs or more already comes back as it is, untrained.
        engine: "auto" or a name; `history.engine` tells which one ran.
        threads: how many compute; None for what the environment says, which by default is one for each core that the
            process, or the quota of its container, may use. Another number rounds differently.
        device: "cpu", "gpu", "tpu", or one by its number, "gpu:1"; None for what the engine finds: "auto" takes an
            accelerator that JAX sees for large networks, and tells so. `history.device` tells where it ran.
        devices: how many of these share the examples of every batch, or "all"; None for one, or, where processes have
            joined (see `chainrule.distributed`), for all of all processes. The result is that of one.
        precision: "bfloat16" rounds both operands of every matrix product, forwards and backwards, to 8 of their 24
            bits, and sums in float32, as do the parameters, the optimizer and everything else: faster where the
            processor has AMX or AVX512_BF16, and an error elsewhere. "auto" takes it where it is there and the network
            is large enough to gain, and tells that; "float32" does not. `history.precision` is what ran.
        seed: of shuffling and dropout; None takes a fresh one, kept in `history.seed`.
        progress: whether to show a live bar (in a terminal or notebook) or a few lines (elsewhere), on stderr,
            with a line before them where "auto" had to take numpy, or has found an accelerator, and hints behind them.
        hints: whether to look at a few hundred examples before and after, for `history.hints`: what a teacher would
            notice, such as a cost that bounces, dead relu units, or units that stay equal.

    Returns:
        The history, one record an epoch.

    Raises:
        ShapeError, DataError: X and y do not fit each other, the network or the loss, or are not finite numbers.
        OptionError: an argument that nothing can be done with.
        NotFiniteError: the cost became NaN or infinite; names the epoch and the batch, from 1, and the layer.
        ModelFileError: a checkpoint cannot be written or read.
    """
    warn_of_untrained(the_network(net, "train"))
    cost, rule = Cost(loss), find_optimizer(optimizer)
    epochs = whole("epochs", epochs, at_least=0)
    weighing = Weighing(sample_weight, class_weight)
    given = given_batches(net, X, y, weighing, rule, batch_size, shuffle, steps_per_epoch)
    first_X, first_y, weights = meet(net, cost, given)
    batch = len(first_X) if isinstance(given, StreamBatches) else given.batch_size
    batches = given if augment is None else augmented(given, augment, net, cost, rule)
    wanted, stop = find_metrics(metrics, cost.task), _early_stopping(early_stopping, validation)
    wanted = wanted if stop is None else stop.watched(wanted, cost.task)
    watched = None if validation is None else to_watch(net, cost, validation)
    passed = Passed() if checkpoint is not None and isinstance(batches, StreamBatches) else None
    if isinstance(batches, StreamBatches):
        batches.passed = passed

    def settings() -> dict[str, Any]:
        others = {
            "the precision": precision,
            "the optimizer": repr(rule),
            "the metrics": [metric.name for metric in wanted],
            "early stopping": repr(stop),
            "the augmentation": None if augment is None else repr(augment),
        }
        return ({} if seed is None else {"seed": seed}) | _settings(net, cost, batches, watched) | others

    run = Run(
        net,
        cost,
        engines.select_to_train(engine, device, devices, precision, batch),
        epochs=epochs,
        seed=seed_or_fresh(seed),
        metrics=wanted,
        validation=None if watched is None else watched.in_order,
        early_stopping=stop,
        callbacks=_callbacks(callbacks),
        checkpoints=_checkpoints(checkpoint, resume, rule, settings),
        passed=passed,
        progress=progress_for(progress and distributed.first(), epochs),
    )
    try:
        with interruptible() as interrupt, distributed.together(), engines.held_to(threads), engines.steady():
            if distributed.processes() > 1:
                same = {"epochs": epochs, "resume": resume, "checkpoint": checkpoint is not None}
                run.join(same | computed(settings()))
            resumed = run.resume(rule.slots) if resume and isinstance(rule, Optimizer) else None
            batches.seed = run.seed
            learn_statistics(net, batches.in_order, cost.task)
            looks = partial(Hints, net, cost, known(batches, first_X), (first_X, first_y, weights), wanted)
            teacher = looks(begins=resumed is None) if hints else None
            _optimize(run, batches, rule, interrupt, resumed, batch if precision == "auto" else None)
            terminated = interrupt.of_all().terminated  # here all meet, so that none waits for one that has left
    finally:
        run.progress.close()
    history = run.finish()
    if teacher is not None:
        run.tell(teacher.after(history))
    if terminated:
        raise TerminatedError(history)
    cost.look(net, first_X, first_y)
    return history


def _optimize(
    run: Run,
    batches: AnyBatches,
    rule: Optimizer | LBFGS,
    interrupt: Interrupt,
    resumed: tuple[files.Tensors, int] | None,
    rounded: int | None,
) -> None:
    """Run the epochs, from what was resumed on.

    Args:
        resumed: what the optimizer remembers, and the number of updates. rounded: how many examples a batch has, where
            it is to be told whether the engine rounds.
    """
    if isinstance(rule, Optimizer):
        program = run.engine.program(run.network, run.cost, rule, run.seed, outputs=run.measuring)
        if rounded is not None:
            run.progress.note(engines.precision_taken(run.network, program, rounded))
        if resumed is not None:
            program.slots, program.updates = resumed
        descend(run, program, batches, rule, interrupt)
    elif isinstance(batches, ArrayBatches):
        minimize(run, batches, rule, interrupt)


def _settings(
    net: Network, cost: Cost, batches: AnyBatches, watched: ArrayBatches | StreamBatches | None
) -> dict[str, Any]:
    """What a resumed run must share with this one, of the network, the loss and the data."""
    return {
        "the network": repr(net),
        "dtype": net.dtype,
        "the loss": cost.settings,
        "code of your own with checksum": checksum_of_code(net, cost.loss if cost.own else None),
        **batches.settings(),
        "the validation data": None if watched is None else watched.settings(),
    }


def _early_stopping(given: EarlyStopping | int | None, validation: Any) -> EarlyStopping | None:
    rule = EarlyStopping(patience=int(given)) if isinstance(given, Integral) else given
    if rule is not None and not isinstance(rule, EarlyStopping):
        raise OptionError(f"early_stopping is an EarlyStopping, or the number of epochs to wait, not {rule!r}.")
    if rule is not None and rule.monitor.startswith("val_") and validation is None:
        raise OptionError(f"early stopping watches {rule.monitor!r}, which needs validation=(X_val, y_val).")
    return rule


def _callbacks(given: Callback | Iterable[Callback]) -> list[Callback]:
    every = [given] if callable(given) or not isinstance(given, Iterable) else list(given)
    for callback in every:
        if not callable(callback):
            raise OptionError(f"callbacks are functions that are called with the Run, but {callback!r} is none.")
    return every


def _checkpoints(
    given: Checkpoint | str | os.PathLike[str] | None,
    resume: bool,
    optimizer: Optimizer | LBFGS,
    settings: Callable[[], dict[str, Any]],
) -> Checkpoints | None:
    """What writes and reads the checkpoint, with the settings that a resumed run must share.

    These are made only where there is one: a checksum of all data takes its time.
    """
    if given is None:
        if resume:
            raise OptionError("resume=True needs to know from where: give checkpoint=Checkpoint(path).")
        return None
    if isinstance(optimizer, LBFGS):
        raise OptionError("L-BFGS keeps its memory inside SciPy, so it cannot be resumed: take another optimizer.")
    return Checkpoints(given if isinstance(given, Checkpoint) else Checkpoint(given), settings())

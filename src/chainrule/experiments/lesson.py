"""One training of an experiment: a network, the rows that it learns from, and `chainrule.train` on them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from numpy.typing import NDArray

from chainrule.data.batches import ChunkBatches
from chainrule.data.chunked import Chunked
from chainrule.experiments.design import loss_for, optimizer_for
from chainrule.experiments.members import Part
from chainrule.experiments.settings import Settings
from chainrule.experiments.units import learned
from chainrule.experiments.weights import watched_metric
from chainrule.layers import Layer, Network
from chainrule.training import Checkpoint, EarlyStopping, History, train
from chainrule.training.interrupt import TerminatedError
from chainrule.training.run import Callback, Run

if TYPE_CHECKING:
    from numpy import intp

    from chainrule.experiments.experiment import Experiment

POOL = 2**23
"""About how many numbers of chunked data are in memory, and shuffled, together."""


@dataclass(frozen=True)
class Lesson:
    """A network to train, by which settings, on which rows, where its checkpoint is, and who looks on.

    `alone` is a network that has all threads, as no other is trained beside it.
    """

    network: Network
    settings: Settings
    part: Part
    checkpoint: Checkpoint | None = None
    progress: bool = False
    callbacks: Sequence[Callback] = ()
    alone: bool = False


def learn(experiment: Experiment, lesson: Lesson) -> History:
    """Train one network to its end, of which SIGTERM is one like others.

    Raises:
        NotFiniteError: see `chainrule.train`.
    """
    try:
        return _train(experiment, lesson)
    except TerminatedError as error:
        return error.history


def _train(experiment: Experiment, lesson: Lesson) -> History:
    target, settings, part = experiment.target, lesson.settings, lesson.part
    X = experiment.X_for(part.train)
    Y, weights = experiment.encoding.learned(experiment.source, experiment.Y), experiment.weights
    final = experiment.final_layers()

    def of(rows: NDArray[intp]) -> NDArray[Any]:
        return learned(Y[rows], target, final[0] if final else None)

    chunked = experiment.chunked
    whole = chunked is None
    given = (X[part.train], of(part.train)) if chunked is None else (_chunks(experiment, chunked, final, settings),)
    monitored = watched_metric(target, settings)
    others = [] if monitored is None else [monitored]
    watched = [*(name for name in target.watched if name != settings.metric), *others]

    def in_time(run: Run) -> None:
        if experiment.late:
            run.stop("time limit")

    return train(
        lesson.network,
        *given,
        loss=loss_for(target, settings),
        optimizer=optimizer_for(settings),
        epochs=settings.epochs or 0,
        batch_size=settings.batch_size,
        validation=(X[part.validation], of(part.validation), weights.of(part.validation))
        if len(part.validation)
        else None,
        sample_weight=weights.of(part.train) if whole else None,
        # They hold the outputs of an epoch, which are too many where data are.
        metrics=watched if whole else others,
        augment=settings.augment,
        early_stopping=_early_stopping(lesson),
        callbacks=[*lesson.callbacks, in_time],
        checkpoint=lesson.checkpoint,
        resume=experiment.resume and lesson.checkpoint is not None,
        engine=settings.engine,
        threads=settings.threads if lesson.alone else None,
        device=settings.device,
        devices=settings.devices,
        precision=settings.precision,
        seed=settings.seed,
        progress=lesson.progress,
    )


def _early_stopping(lesson: Lesson) -> EarlyStopping | None:
    patience = lesson.settings.patience
    monitor = f"val_{lesson.settings.metric or 'loss'}"
    return EarlyStopping(monitor, patience) if patience and len(lesson.part.validation) else None


def _chunks(experiment: Experiment, chunked: Chunked, final: Sequence[Layer], settings: Settings) -> ChunkBatches:
    """What to train on, chunk by chunk."""

    def read(i: int) -> tuple[NDArray[Any], NDArray[Any]]:
        X, Y = chunked.read(i)
        return X, learned(Y, experiment.target, final[0] if final else None)

    return ChunkBatches(
        chunked.sizes,
        read,
        batch_size=settings.batch_size or 1,
        pool=max(POOL // experiment.X.shape[1], 1),
        facts={"data with checksum": chunked.checksums},
    )

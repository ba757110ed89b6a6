"""A whole experiment: split a data set, design a network for it, train, compare with a baseline, keep the results.

This is what `chainrule train` does, as functions.
"""

from __future__ import annotations

import contextlib
import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from chainrule import engines, files
from chainrule.checking import seed_or_fresh
from chainrule.data.datasets import Dataset, number
from chainrule.errors import DataError, OptionError
from chainrule.experiments.design import design, loss_and_metrics, optimizer_for
from chainrule.experiments.parts import split
from chainrule.experiments.settings import CHECKPOINT, CURVES, HISTORY, METRICS, MODEL, Settings
from chainrule.layers import Network, Standardize
from chainrule.metrics import find_metrics, score
from chainrule.training import Checkpoint, EarlyStopping, History, evaluate, train
from chainrule.training.cost import Cost


@dataclass(frozen=True)
class Result:
    """What an experiment found.

    Attributes:
        network: the trained network. history: of its training.
        metrics: {"test": {…}, "baseline": {…}, "engine": …, "seconds": …}, as in metrics.json.
        folder: where it all is.
    """

    network: Network
    history: History
    metrics: dict[str, Any]
    folder: Path


class Experiment:
    """An experiment about to run: the data read, split and counted, the network designed, nothing trained yet.

    Attributes:
        dataset, settings: as given, the seed resolved.
        classes: the labels in the order of the outputs; None for regression.
        loss: the name of the loss. metrics: the names of the metrics.
        parts: which example is in which part.
        network: what will be trained; for regression it learns standardized values.

    Raises:
        DataError: too few examples, or a single class.
        OptionError: a setting that nothing can be done with.
        ModelFileError: the folder cannot be written, or a checkpoint to resume from cannot be read.
    """

    def __init__(self, dataset: Dataset, settings: Settings, folder: str | os.PathLike[str], *, resume: bool = False):
        self.folder = Path(folder)
        self.checkpoint = Checkpoint(
            self.folder / CHECKPOINT, every_epochs=None, every_minutes=settings.checkpoint_minutes
        )
        self.resume = resume
        before = self.checkpoint.seed()
        if resume and before is None:
            raise OptionError(
                f"there is nothing to resume: {self.folder} holds no {CHECKPOINT}. Start without --resume."
            )
        seed = seed_or_fresh(before if resume and settings.seed is None else settings.seed)
        engines.select(settings.engine)
        self.dataset = dataset
        y = dataset.targets()
        if dataset.kind == "classification" and y.dtype.kind == "f" and (y % 1 == 0).all():
            y = y.astype(np.int64)
        self.classes = np.unique(y).tolist() if dataset.kind == "classification" else None
        if self.classes is not None and len(self.classes) < 2:
            raise DataError(f"y in {dataset.name} is always {self.classes[0]!r}: there is nothing to tell apart.")
        self.y = y.astype(np.float64) if self.classes is None else number(y, self.classes)
        self.loss, self.metrics = loss_and_metrics(self.classes)
        self.parts = split(
            len(dataset), None if self.classes is None else self.y, settings.test, settings.validation, seed
        )
        self.settings = settings.resolve(len(self.parts.train), seed)
        optimizer_for(self.settings)
        _make_folder(self.folder)
        self.network = design(dataset.X.shape[1:], self._n_out(), self.classes is not None, self.settings)

    def run(self, *, progress: bool = True) -> Result:
        """Train, measure on the test part, compare with a baseline, and fill the run folder.

        The history of a regression is about the standardized target; the metrics are about the target itself.

        Raises:
            NotFiniteError: see `chainrule.train`.
            ModelFileError: the folder cannot be written.
        """
        X, y, parts = self.dataset.X, self.y, self.parts
        targets, final = self._targets()
        history = train(
            self.network,
            X[parts.train],
            targets[parts.train],
            loss=self.loss,
            optimizer=optimizer_for(self.settings),
            epochs=self.settings.epochs or 0,
            batch_size=self.settings.batch_size,
            validation=(X[parts.validation], targets[parts.validation]) if len(parts.validation) else None,
            metrics=self.metrics[:1],
            early_stopping=self._early_stopping(),
            checkpoint=self.checkpoint,
            resume=self.resume,
            engine=self.settings.engine,
            seed=self.settings.seed,
            progress=progress,
        )
        network = self.network if final is None else Network([self.network, final], seed=self.settings.seed)
        network.build_for(X)
        network.metadata = self._metadata(history)
        network.save(self.folder / MODEL)
        metrics = {
            "test": evaluate(network, X[parts.test], y[parts.test], loss=self.loss, metrics=self.metrics),
            "baseline": self._baseline(),
            "engine": history.engine,
            "seconds": round(history.seconds, 3),
        }
        self._keep(history, metrics)
        return Result(network, history, metrics, self.folder)

    def _early_stopping(self) -> EarlyStopping | None:
        patience = self.settings.patience
        return EarlyStopping(patience=patience) if patience and len(self.parts.validation) else None

    def _n_out(self) -> int:
        if self.classes is None:
            return 1 if self.y.ndim == 1 else self.y.shape[1]
        return 1 if len(self.classes) == 2 else len(self.classes)

    def _targets(self) -> tuple[NDArray[Any], Standardize | None]:
        """What the network learns: class numbers as they are, values standardized, with the layer that undoes it."""
        if self.classes is not None:
            return self.y, None
        final = Standardize(inverse=True)
        columns = self.y.reshape(len(self.y), -1)
        final.learn([columns[self.parts.train]])
        return (columns - final.statistics["mean"]) / final.statistics["deviation"], final

    def _baseline(self) -> dict[str, float]:
        """What an answer that never looks at X would reach: each class's share as its probability, or the mean."""
        y, test = self.y[self.parts.train], self.parts.test
        if self.classes is None:
            answer = np.atleast_1d(y.mean(axis=0))
        else:
            answer = np.bincount(y, minlength=len(self.classes)) / len(y)
            answer = answer[1:] if len(self.classes) == 2 else answer
        output = np.tile(answer, (len(test), 1))
        cost = Cost(self.loss)
        loss = float(cost(output, self.y[test]))
        return {"loss": loss} | score(find_metrics(self.metrics, cost.task), self.y[test], output, cost.task)

    def _metadata(self, history: History) -> dict[str, Any]:
        return {
            "data": self.dataset.name,
            "checksum": self.dataset.checksum(),
            "classes": self.classes,
            "loss": self.loss,
            "metrics": list(self.metrics),
            "split": {"seed": self.settings.seed, "test": self.settings.test, "validation": self.settings.validation},
            "epochs": len(history.epochs),
            "engine": history.engine,
        }

    def _keep(self, history: History, metrics: dict[str, Any]) -> None:
        history.save(self.folder / HISTORY)
        files.write_atomically(self.folder / METRICS, files.to_json(metrics))
        history.plot(self.folder / CURVES)
        if history.stopped != "interrupted":
            with contextlib.suppress(FileNotFoundError):
                (self.folder / CHECKPOINT).unlink()


def _make_folder(folder: Path) -> None:
    """Make the run folder and see to it that files can be written there, before any work that could be lost."""
    probe = folder / f".{MODEL}.probe"
    files.write_atomically(probe, b"")
    probe.unlink()

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
from chainrule.data.source import Source
from chainrule.errors import OptionError
from chainrule.experiments.design import design, optimizer_for
from chainrule.experiments.parts import Parts, split
from chainrule.experiments.report import Report
from chainrule.experiments.settings import CHECKPOINT, CURVES, HISTORY, METRICS, MODEL, REPORT, Settings
from chainrule.layers import Network, Standardize
from chainrule.metrics import find_metrics, score
from chainrule.training import Checkpoint, EarlyStopping, History, evaluate, train
from chainrule.training.cost import Cost


@dataclass(frozen=True)
class Result:
    """What an experiment found.

    Attributes:
        network: the trained network. history: of its training.
        metrics: {"test": {…}, "baseline": {…}, "engine": …, "seconds": …}, as in metrics.json; of a table, with more
            (see `chainrule.experiments.report`).
        folder: where it all is.
    """

    network: Network
    history: History
    metrics: dict[str, Any]
    folder: Path


class Experiment:
    """An experiment about to run: the data split and turned into numbers, the network designed, nothing trained yet.

    Args:
        source: the examples, such as a table of `chainrule.read_table`.
        settings: what somebody chose. folder: where the results go.
        parts: which example is in which part; None for `chainrule.experiments.parts.split`.
        resume: go on with the interrupted run in the folder.

    Attributes:
        source, settings: as given, the settings with nothing left open.
        target: what there is to predict. Y: as numbers.
        parts: which example is in which part.
        encoding: what turns examples into numbers, learned from the training part. X: the numbers.
        network: what will be trained; where it predicts values it learns standardized ones.

    Raises:
        DataError: too few examples, or a single class.
        OptionError: a setting that nothing can be done with.
        ModelFileError: the folder cannot be written, or a checkpoint to resume from cannot be read.
    """

    def __init__(
        self,
        source: Source,
        settings: Settings,
        folder: str | os.PathLike[str],
        *,
        parts: Parts | None = None,
        resume: bool = False,
    ):
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
        self.source = source
        self.target = source.target
        self.Y = source.numbers(self.target)
        settings = settings.beside(source.defaults)
        test = settings.part_to_test
        watched = settings.part_to_watch(int(len(source) * (1 - test)))
        self.split = {"seed": seed, "test": test, "validation": watched} if parts is None else None
        self.parts = parts or split(source, self.Y, test, watched, seed)
        self.settings = settings.resolve(len(self.parts.train), self.target.task != "values", seed)
        optimizer_for(self.settings)
        _make_folder(self.folder)
        self.encoding = source.learn(self.parts.train)
        self.X = self.encoding.X(source)
        shape = self.X.shape[1:]
        self.network = design(self.encoding, shape, self.target, self.settings)

    def fit(self, *, progress: bool = True) -> tuple[Network, History]:
        """Train: the network for the target itself, and the history, which is about the standardized target of values.

        Raises:
            NotFiniteError: see `chainrule.train`.
        """
        X, parts, target = self.X, self.parts, self.target
        learned, final = self._learned()
        history = train(
            self.network,
            X[parts.train],
            learned[parts.train],
            loss=target.loss,
            optimizer=optimizer_for(self.settings),
            epochs=self.settings.epochs or 0,
            batch_size=self.settings.batch_size,
            validation=(X[parts.validation], learned[parts.validation]) if len(parts.validation) else None,
            metrics=target.watched,
            augment=self.settings.augment,
            early_stopping=self._early_stopping(),
            checkpoint=self.checkpoint,
            resume=self.resume,
            engine=self.settings.engine,
            seed=self.settings.seed,
            progress=progress,
        )
        network = self.network if final is None else Network([self.network, final], seed=self.settings.seed)
        network.build_for(X)
        return network, history

    def run(self, *, progress: bool = True) -> Result:
        """Train, measure on the test part, compare with a baseline, and fill the run folder.

        Raises:
            NotFiniteError: see `chainrule.train`.
            ModelFileError: the folder cannot be written.
        """
        X, Y, parts, target = self.X, self.Y, self.parts, self.target
        network, history = self.fit(progress=progress)
        network.metadata = self._metadata(history)
        network.save(self.folder / MODEL)
        metrics: dict[str, Any] = {
            "test": evaluate(network, X[parts.test], Y[parts.test], loss=target.loss, metrics=target.metrics),
            **self._baselines(),
            "engine": history.engine,
            "seconds": round(history.seconds, 3),
        }
        places = self.encoding.places(self.source)
        if places:
            report = Report(self, network, places)
            metrics |= report.metrics(metrics["test"]["loss"], metrics["baseline"]["loss"])
            report.draw(self.folder / REPORT, metrics)
        self._keep(history, metrics)
        return Result(network, history, metrics, self.folder)

    def _early_stopping(self) -> EarlyStopping | None:
        patience = self.settings.patience
        return EarlyStopping(patience=patience) if patience and len(self.parts.validation) else None

    def _learned(self) -> tuple[NDArray[Any], Standardize | None]:
        """What the network learns: class numbers as they are, values standardized, with the layer that undoes it."""
        if self.target.task != "values":
            return self.Y, None
        final = Standardize(inverse=True)
        columns = self.Y.reshape(len(self.Y), -1)
        final.learn([columns[self.parts.train]])
        return (columns - final.statistics["mean"]) / final.statistics["deviation"], final

    def _baselines(self) -> dict[str, dict[str, float]]:
        """What simple answers reach: those of the source, or each class's share as its probability, or the mean."""
        test, cost = self.parts.test, Cost(self.target.loss)
        metrics = find_metrics(self.target.metrics, cost.task)
        outputs = self.source.baselines(test)
        if not outputs:
            typical = self.target.typical(self.Y[self.parts.train])
            places = self.Y[test].shape if self.target.task == "classes" else (len(test),)
            outputs = {"baseline": np.broadcast_to(typical, (*places, len(typical)))}
        return {
            name: {"loss": float(cost(output, self.Y[test]))} | score(metrics, self.Y[test], output, cost.task)
            for name, output in outputs.items()
        }

    def _metadata(self, history: History) -> dict[str, Any]:
        return {
            "data": self.source.name,
            "checksum": self.source.checksum(),
            "classes": self.target.classes,
            "target": self.target.describe(),
            "encoding": self.encoding.describe(),
            "loss": self.target.loss,
            "metrics": list(self.target.metrics),
            "split": self.split,
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

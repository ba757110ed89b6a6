"""What an experiment leaves in its folder: the model, the measures, the curves, the report and the page."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from chainrule import engines, files
from chainrule.data.checksums import READING
from chainrule.data.series import Forecast, Series
from chainrule.data.source import Form
from chainrule.experiments.fitted import Fitted
from chainrule.experiments.forecasts import ForecastReport
from chainrule.experiments.outputs import measure_in_units, measured, outputs
from chainrule.experiments.report import Report
from chainrule.experiments.settings import CURVES, HISTORY, METRICS, MODEL, PAGE, REPORT
from chainrule.experiments.trials import Trial
from chainrule.layers import Network
from chainrule.training import History

if TYPE_CHECKING:
    from chainrule.experiments.experiment import Experiment

REPORTED: tuple[Form, ...] = ("pictures", "documents")
"""The forms of examples that get a report although they have no columns."""


@dataclass(frozen=True)
class Result:
    """What an experiment found.

    Attributes:
        network: the trained network. history: of its training.
        metrics: {"test": {…}, "baseline": {…}, "engine": …, "seconds": …}, as in metrics.json; of tables, pictures and
            texts by class, with more (see `chainrule.experiments.report`) unless training was interrupted.
        folder: where it all is.
        trials: of a search, the best first.
        by: which other process has written the folder, of those that share a search; "" where it was this one.
    """

    network: Network
    history: History
    metrics: dict[str, Any]
    folder: Path
    trials: Sequence[Trial] = ()
    by: str = ""

    def __repr__(self) -> str:
        test = ", ".join(f"{name} {value:.4g}" for name, value in self.metrics["test"].items())
        return f"Result(in {self.folder}, test: {test}, {self.history!r})"


def keep(experiment: Experiment, fitted: Fitted) -> tuple[dict[str, Any], NDArray[Any]]:
    """Measure the network, and write the model, its history and the measures; these, and the outputs for the test part.

    Raises:
        ModelFileError: they cannot be written.
    """
    X, Y, folder = experiment.X, experiment.Y, experiment.folder
    network, history = fitted.network, fitted.history
    network.metadata = metadata(experiment, fitted)
    network.save(folder / MODEL)
    test, output = measure_in_units(
        network, experiment.encoding, experiment.source, experiment.splits.test, X, Y, experiment.target
    )
    metrics: dict[str, Any] = {
        "test": test,
        **_baselines(experiment),
        "engine": history.engine,
        "seconds": round(history.seconds, 3),
        **({} if fitted.kept is None else {"kept": fitted.kept.what}),
    }
    history.save(folder / HISTORY)
    _write_metrics(folder, metrics)
    history.plot(folder / CURVES)
    return metrics, output


def add_report(experiment: Experiment, fitted: Fitted, metrics: dict[str, Any], output: NDArray[Any]) -> None:
    """Draw the report, if there is one for these data, put its numbers with the metrics, and write the page."""
    from chainrule.experiments.page import page

    report, charts = report_on(experiment, fitted.network, output), []
    if report is not None:
        metrics |= report.metrics()
        _write_metrics(experiment.folder, metrics)
        charts = [report.chart(metrics)]
        charts[0].save(experiment.folder / REPORT)
    files.write_atomically(experiment.folder / PAGE, page(experiment, fitted, metrics, charts, output))


def report_on(
    experiment: Experiment, network: Network, output: NDArray[Any] | None = None
) -> Report | ForecastReport | None:
    """The report on a trained network; None for forms of examples that have none.

    Args:
        output: of the network for the test part, where it is known already.
    """
    source, target, encoding, splits = experiment.source, experiment.target, experiment.encoding, experiment.splits
    X, Y = experiment.X, experiment.Y
    if isinstance(source, Series) and isinstance(target, Forecast):
        test = splits.test
        if output is None:
            output = encoding.output(source, outputs(network, X[test], target), test)
        simple = source.baselines(test, splits.train, encoding)
        return ForecastReport(source, test, target, output, Y[test], simple)
    places = encoding.places(source)
    if not places and encoding.form not in REPORTED:
        return None
    return Report(
        network,
        target,
        X,
        Y,
        splits,
        m=experiment.m,
        places=places,
        units=encoding.units,
        seed=experiment.seed,
        output=output,
        peer=experiment.peer if places else None,
        source=source,
    )


def metadata(experiment: Experiment, fitted: Fitted) -> dict[str, Any]:
    """What a model file tells beside its network, for whoever predicts by it or goes on."""
    return {
        "data": experiment.source.name,
        "checksum": experiment.source.checksum(),
        "reading": READING,
        "classes": experiment.target.classes,
        "target": experiment.target.to_config(),
        "encoding": experiment.encoding.to_config(),
        "loss": experiment.target.cost,
        "metrics": list(experiment.target.metrics),
        "split": experiment.split,
        "seen": experiment.seen,
        "epochs": 0 if fitted.linear else len(fitted.history.epochs),
        "engine": fitted.history.engine,
    }


def _baselines(experiment: Experiment) -> dict[str, dict[str, float]]:
    """What simple answers reach: those of the source, or each class's share as its probability, or the mean."""
    Y, test, target = experiment.Y, experiment.splits.test, experiment.target
    with engines.held_to(1), engines.blas_held():
        answers = experiment.source.baselines(test, experiment.splits.train, experiment.encoding)
    if not answers:
        typical = target.typical(Y[experiment.splits.train])
        places = Y[test].shape if target.task == "classes" else (len(test),)
        answers = {"baseline": np.broadcast_to(typical, (*places, len(typical)))}
    return {name: measured(output, Y[test], target) for name, output in answers.items()}


def _write_metrics(folder: Path, metrics: dict[str, Any]) -> None:
    files.write_atomically(folder / METRICS, files.to_json(metrics))

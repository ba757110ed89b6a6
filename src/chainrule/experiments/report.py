"""What else to know of a network for a table: a linear model beside it, which columns matter, where it errs."""

from __future__ import annotations

import io
import os
import warnings
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from chainrule import files
from chainrule.data.source import Place
from chainrule.layers import Network
from chainrule.metrics import decide, find_metrics, score
from chainrule.training.cost import Cost
from chainrule.training.curves import MARK, TRAINING, VALIDATION

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from chainrule.experiments.experiment import Experiment

MOST = 50_000
"""The linear model learns from no more examples."""

SOME, REPEATS = 2_000, 3
"""The importance of a column is measured on no more examples, shuffled so often."""

BINS = 10
"""Into so many parts of equal size the probabilities are divided to see whether they are right."""


class Report:
    """What a network does on the test part of an experiment.

    Args:
        experiment: whose network it is. network: for the target itself, trained.
        places: where in X each column lies.
    """

    def __init__(self, experiment: Experiment, network: Network, places: Sequence[Place]):
        self.experiment, self.network, self.places = experiment, network, places
        self.target = experiment.target
        self.X, self.Y = experiment.X[experiment.parts.test], experiment.Y[experiment.parts.test]
        self.output = network.predict(self.X).astype(np.float64)

    def metrics(self, loss: float, baseline: float) -> dict[str, Any]:
        """What metrics.json has more for a table, all of it about the test part.

        `linear`: a logistic or linear regression, as the network is measured. `importance`: of each column, which part
        of what the network knows is lost when the column is shuffled: (J shuffled − J) / (J baseline − J). Of labels
        `confusion`, where they are of one column, and `calibration`: the Brier score, the mean distance of probability
        and share over ten bins, and the bins. Of values `residuals`: the 5th, 25th, 50th, 75th and 95th percentile.

        Args:
            loss, baseline: J of the network and of the baseline on the test part.
        """
        found: dict[str, Any] = {"linear": self._linear(), "importance": self._importance(loss, baseline)}
        if self.target.labels is None:
            residuals = self.Y.reshape(self.output.shape) - self.output
            percentiles = np.percentile(residuals, (5, 25, 50, 75, 95), axis=0).T.tolist()
            return found | {"residuals": dict(zip(self.target.names, percentiles, strict=True))}
        if self.target.classes is not None:
            found["confusion"] = self._confusion()
        return found | {"calibration": self._calibration()}

    def draw(self, path: str | os.PathLike[str], metrics: dict[str, Any]) -> None:
        """Write the pictures: of labels the confusion and the calibration, of values the errors; and the importance.

        Raises:
            ModelFileError: the file cannot be written.
        """
        from matplotlib.figure import Figure

        figure = Figure(figsize=(14, 4.2), layout="constrained")
        first, second, third = figure.subplots(1, 3)
        if self.target.labels is None:
            self._draw_predictions(first)
            self._draw_residuals(second)
        else:
            self._draw_confusion(first, metrics.get("confusion"))
            _draw_calibration(second, metrics["calibration"]["bins"])
        _draw_importance(third, metrics["importance"])
        buffer = io.BytesIO()
        figure.savefig(buffer, format=Path(path).suffix.lstrip("."))
        files.write_atomically(path, buffer.getvalue())

    def _linear(self) -> dict[str, float]:
        """A logistic or linear regression on the same numbers, measured as the network is."""
        from sklearn.linear_model import LogisticRegression, Ridge

        rows = self.experiment.parts.train
        if len(rows) > MOST:
            rows = np.random.default_rng(0).choice(rows, MOST, replace=False)
        X, Y = self._expanded(self.experiment.X[rows]), self.experiment.Y[rows]
        test = self._expanded(self.X)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # a linear model that has not quite converged is one all the same
            if self.target.task == "values":
                output = Ridge().fit(X, Y).predict(test).reshape(self.output.shape)
            elif self.target.task == "classes":
                model = LogisticRegression(max_iter=200).fit(X, Y)
                output = np.zeros(self.output.shape)
                output[:, model.classes_] = model.predict_proba(test)
            else:
                columns = Y.reshape(len(Y), -1).T
                output = np.column_stack([_probability(LogisticRegression(max_iter=200), X, y, test) for y in columns])
        return self._measured(output)

    def _expanded(self, X: NDArray[Any]) -> NDArray[Any]:
        """X with a column of 0 and 1 for each category that the network has a vector for."""
        parts, before = [], 0
        for place in self.places:
            part = X[:, place.start : place.stop]
            if place.tokens:
                part = (part - before == np.arange(place.tokens)).astype(np.float32)
                before += place.tokens
            parts.append(part)
        return np.hstack(parts)

    def _measured(self, output: NDArray[Any]) -> dict[str, float]:
        cost = Cost(self.target.loss)
        loss = float(cost(output, self.Y))
        return {"loss": loss} | score(find_metrics(self.target.metrics, cost.task), self.Y, output, cost.task)

    def _importance(self, loss: float, baseline: float) -> dict[str, float]:
        random = np.random.default_rng(self.experiment.settings.seed)
        rows = random.permutation(len(self.X))[:SOME]
        X, Y, cost = self.X[rows], self.Y[rows], Cost(self.target.loss)
        before = float(cost(self.output[rows], Y))
        known = baseline - loss if baseline > loss else baseline
        rises = {}
        for place in self.places:
            shuffled, costs = X.copy(), []
            for _ in range(REPEATS):
                shuffled[:, place.start : place.stop] = X[random.permutation(len(X)), place.start : place.stop]
                costs.append(float(cost(self.network.predict(shuffled).astype(np.float64), Y)))
            rises[place.name] = round((float(np.mean(costs)) - before) / known, 4)
        return dict(sorted(rises.items(), key=lambda pair: -pair[1]))

    def _confusion(self) -> dict[str, Any]:
        from sklearn.metrics import confusion_matrix

        labels = self.target.classes or []
        counts = confusion_matrix(self.Y, decide(self.output, self.target.task), labels=range(len(labels)))
        return {"labels": labels, "true by predicted": counts.tolist()}

    def _calibration(self) -> dict[str, Any]:
        """Whether what is predicted with probability p comes true in a share p of the cases."""
        from sklearn.calibration import calibration_curve

        if self.target.task == "classes":
            certain = np.clip(self.output.max(axis=1), 0, 1)
            true = decide(self.output, "classes") == self.Y
            brier = float(((self.output - np.eye(self.target.n_out)[self.Y]) ** 2).sum(axis=1).mean())
        else:
            certain, true = np.clip(self.output.ravel(), 0, 1), self.Y.ravel() == 1
            brier = float(((certain - true) ** 2).mean())
        observed, predicted = calibration_curve(true, certain, n_bins=BINS, strategy="quantile")
        bins = [[round(float(p), 4), round(float(q), 4)] for p, q in zip(predicted, observed, strict=True)]
        return {"brier": brier, "expected_error": float(np.abs(observed - predicted).mean()), "bins": bins}

    def _draw_confusion(self, axes: Axes, confusion: dict[str, Any] | None) -> None:
        if confusion is None or len(confusion["labels"]) > 20:
            axes.set_axis_off()
            return
        counts = np.array(confusion["true by predicted"])
        shares = counts / np.maximum(counts.sum(axis=1, keepdims=True), 1)
        axes.imshow(shares, cmap="Blues", vmin=0, vmax=1)
        for i, j in np.ndindex(*counts.shape):
            axes.text(j, i, f"{counts[i, j]:,}", ha="center", va="center", color="white" if shares[i, j] > 0.5 else "k")
        labels = [str(label) for label in confusion["labels"]]
        axes.set_xticks(range(len(labels)), labels, rotation=0 if len(labels) < 5 else 90)
        axes.set_yticks(range(len(labels)), labels)
        _name(axes, "confusion", "predicted", "true")

    def _draw_predictions(self, axes: Axes) -> None:
        true, ends = self.Y.reshape(self.output.shape), (self.Y.min(), self.Y.max())
        for j, name in enumerate(self.target.names):
            axes.scatter(self.output[:SOME, j], true[:SOME, j], s=8, alpha=0.5, linewidths=0, label=name)
        axes.plot(ends, ends, color=MARK, linewidth=1, linestyle="--")
        if len(self.target.names) > 1:
            axes.legend(frameon=False, fontsize=9)
        _name(axes, "predictions", "predicted", "true")

    def _draw_residuals(self, axes: Axes) -> None:
        axes.hist(self.Y.reshape(self.output.shape) - self.output, bins=40)
        _name(axes, "residuals", "true − predicted", "examples")


def _probability(model: Any, X: NDArray[Any], y: NDArray[Any], test: NDArray[Any]) -> NDArray[Any]:
    """The probability of yes; where training knows only one answer, that one."""
    if len(np.unique(y)) < 2:
        return np.full(len(test), np.clip(y[0], 1e-6, 1 - 1e-6))
    return np.asarray(model.fit(X, y).predict_proba(test)[:, 1])


def _draw_calibration(axes: Axes, bins: list[list[float]]) -> None:
    axes.plot((0, 1), (0, 1), color=MARK, linewidth=1, linestyle="--")
    axes.plot(*zip(*bins, strict=True), color=TRAINING, marker="o", linewidth=1.8)
    _name(axes, "calibration", "predicted probability", "share that came true")


def _draw_importance(axes: Axes, importance: dict[str, float]) -> None:
    most = dict([*importance.items()][:15][::-1])
    axes.barh([*most], [*most.values()], color=VALIDATION)
    _name(axes, "importance", "what is lost when the column is shuffled", "")


def _name(axes: Axes, title: str, x: str, y: str) -> None:
    axes.set_title(title, fontsize=11)
    axes.set_xlabel(x)
    axes.set_ylabel(y)
    axes.spines[["top", "right"]].set_visible(False)

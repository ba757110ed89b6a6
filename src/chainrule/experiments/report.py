"""The report on a trained network: where it errs; of a table also a linear model, and the importance of columns."""

from __future__ import annotations

import os
import warnings
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from chainrule import files
from chainrule.data.source import Place
from chainrule.data.targets import Target
from chainrule.experiments.outputs import measured, outputs, spread
from chainrule.experiments.splits import Splits
from chainrule.layers import Network
from chainrule.metrics import decide
from chainrule.randomness import stream
from chainrule.training.cost import Cost
from chainrule.training.curves import MARK, TRAINING, VALIDATION

if TYPE_CHECKING:
    from matplotlib.axes import Axes

MOST, CELLS, ITERATIONS = 50_000, 2**25, 200
"""The most examples and numbers that the linear model learns from, and the most iterations of a logistic one."""

SOME, REPEATS = 2_000, 3
"""The most examples on which the importance of a column is measured, and how often it is shuffled."""

DOUBT = 0.1
"""A network whose cost is less than this share of the baseline's is hardly ever wrong; see `suspected_leak`."""

BINS = 10
"""How many bins of equal size the calibration of probabilities is measured in."""


class Report:
    """Measures and draws what a trained network does on the test part of its data.

    Args:
        network: for the target itself, trained. target: what it predicts.
        X, Y: all examples, as numbers. splits: which of them are trained on, and which are the test part.
        m: how many examples the network was trained on, more than in X where they are read in chunks.
        places: where in X each column lies; nothing where the examples have no columns.
        seed: of how columns are shuffled.
    """

    def __init__(
        self,
        network: Network,
        target: Target,
        X: NDArray[Any],
        Y: NDArray[Any],
        splits: Splits,
        *,
        m: int,
        places: Sequence[Place],
        seed: int | None,
    ):
        self.network, self.target, self.m, self.places, self.seed = network, target, m, places, seed
        self.X, self.Y = X[splits.test], Y[splits.test]
        self._all_X, self._all_Y, self._train = X, Y, splits.train
        self.output = outputs(network, self.X).astype(np.float64)

    def metrics(self) -> dict[str, Any]:
        """What metrics.json has more, all of it about the test part; the first three for a table alone.

        `linear`: a logistic or linear regression, as the network is measured. `linear_fit`: of how many `rows`, `of`
        how many to train, and whether it `converged` in 200 iterations. `importance`: of each column, which part of
        what the network knows is lost when the column is shuffled: (J shuffled − J) / (J baseline − J), of values with
        each in its standard deviations. Of labels `confusion`, where they are of one column, and `calibration`: the
        Brier score, the mean distance of probability and share over all examples, and of ten bins the probability, the
        share and the number of examples. Of values `residuals`: the 5th, 25th, 50th, 75th and 95th percentile; and
        where there are several, `each` by itself, as the network is measured.
        """
        found: dict[str, Any] = {}
        if self.places:
            linear, fitted = self._linear()
            found = {"linear": linear, "linear_fit": fitted, "importance": self._importance()}
        if self.target.labels is None:
            residuals = self.Y.reshape(self.output.shape) - self.output
            percentiles = np.percentile(residuals, (5, 25, 50, 75, 95), axis=0).T.tolist()
            found["residuals"] = dict(zip(self.target.names, percentiles, strict=True))
            return found | ({"each": self._each()} if len(self.target.names) > 1 else {})
        if self.target.classes is not None:
            found["confusion"] = self._confusion()
        return found | {"calibration": self._calibration()}

    def draw(self, path: str | os.PathLike[str], metrics: dict[str, Any]) -> None:
        """Write the pictures: of labels confusion and calibration, of values the errors; of tables the importance.

        Raises:
            ModelFileError: the file cannot be written.
        """
        from matplotlib.figure import Figure

        panels = 3 if self.places else 2
        figure = Figure(figsize=(14 / 3 * panels, 4.2), layout="constrained")
        first, second, *third = figure.subplots(1, panels)
        if self.target.labels is None:
            self._draw_predictions(first)
            self._draw_residuals(second)
        else:
            self._draw_confusion(first, metrics.get("confusion"))
            _draw_calibration(second, metrics["calibration"]["bins"])
        for axes in third:
            _draw_importance(axes, metrics["importance"])
        files.write_figure(path, figure)

    def _linear(self) -> tuple[dict[str, float], dict[str, Any]]:
        """A logistic or linear regression on the same numbers, measured as the network is, and how it was fitted."""
        rows = self._train
        most = min(MOST, CELLS // sum(place.tokens or place.stop - place.start for place in self.places))
        if len(rows) > most:
            rows = stream("linear model", 0).choice(rows, most, replace=False)
        X, Y, converged = self._expanded(self._all_X[rows]), self._all_Y[rows], True
        if self.target.task == "values":
            from sklearn.linear_model import Ridge

            output = self._answers(Ridge().fit(X, Y).predict).reshape(self.output.shape)
        elif self.target.task == "classes":
            probabilities, converged = _logistic(X, Y, self.target.n_out)
            output = self._answers(probabilities)
        else:
            models = [_logistic(X, y, 2) for y in Y.reshape(len(Y), -1).T]
            converged = all(done for _, done in models)
            output = np.column_stack([self._answers(probabilities)[:, 1] for probabilities, _ in models])
        return self._measured(output), {"rows": len(rows), "of": self.m, "converged": converged}

    def _answers(self, answer: Callable[[NDArray[Any]], NDArray[Any]]) -> NDArray[Any]:
        """What a linear model answers for the test part, some rows at a time: expanded, they may be wide."""
        return np.concatenate([answer(self._expanded(self.X[i : i + SOME])) for i in range(0, len(self.X), SOME)])

    def _expanded(self, X: NDArray[Any]) -> NDArray[Any]:
        """X in float64, with embedded categories as one-hot columns, for a linear model."""
        parts, before = [], 0
        for place in self.places:
            part = X[:, place.start : place.stop]
            if place.tokens:
                part = part - before == np.arange(place.tokens)
                before += place.tokens
            parts.append(part)
        return np.hstack(parts, dtype=np.float64)

    def _each(self) -> dict[str, dict[str, float]]:
        """Of several values each by itself, as the network is measured."""
        columns = zip(self.target.names, self.output.T, self.Y.T, strict=True)
        return {name: measured(a, y, self.target.loss, self.target.metrics) for name, a, y in columns}

    def _measured(self, output: NDArray[Any]) -> dict[str, float]:
        return measured(output, self.Y, self.target.loss, self.target.metrics)

    def _importance(self) -> dict[str, float]:
        random = stream("importance", self.seed or 0)
        typical = self.target.typical(self._all_Y[self._train])
        loss, baseline = (self._cost(A, self.Y) for A in (self.output, np.broadcast_to(typical, self.output.shape)))
        known = baseline - loss if baseline > loss else baseline
        rows = random.permutation(len(self.X))[:SOME]
        X, Y = self.X[rows], self.Y[rows]
        before, rises = self._cost(self.output[rows], Y), {}
        for place in self.places:
            shuffled, costs = X.copy(), []
            for _ in range(REPEATS):
                shuffled[:, place.start : place.stop] = X[random.permutation(len(X)), place.start : place.stop]
                costs.append(self._cost(outputs(self.network, shuffled), Y))
            rises[place.name] = round((float(np.mean(costs)) - before) / known, 4)
        return dict(sorted(rises.items(), key=lambda pair: -pair[1]))

    def _cost(self, output: NDArray[Any], Y: NDArray[Any]) -> float:
        """J; of values in standard deviations, so that each of several counts whatever its unit is."""
        unit, cost = spread(self.network), Cost(self.target.loss)
        return float(cost(output, Y) if unit is None else cost(output / unit, Y / unit))

    def _confusion(self) -> dict[str, Any]:
        from sklearn.metrics import confusion_matrix

        labels = self.target.classes or []
        counts = confusion_matrix(self.Y, decide(self.output, self.target.task), labels=range(len(labels)))
        return {"labels": labels, "true by predicted": counts.tolist()}

    def _calibration(self) -> dict[str, Any]:
        """Whether what is predicted with probability p comes true in a share p of the cases."""
        if self.target.task == "classes":
            certain = np.clip(self.output.max(axis=1), 0, 1)
            true = decide(self.output, "classes") == self.Y
            brier = float(((self.output - np.eye(self.target.n_out)[self.Y]) ** 2).sum(axis=1).mean())
        else:
            certain, true = np.clip(self.output.ravel(), 0, 1), self.Y.ravel() == 1
            brier = float(((certain - true) ** 2).mean())
        ends = np.quantile(certain, np.linspace(0, 1, BINS + 1))
        _, which, counts = np.unique(np.searchsorted(ends[1:-1], certain), return_inverse=True, return_counts=True)
        predicted, observed = np.bincount(which, certain) / counts, np.bincount(which, true) / counts
        error = float(np.average(np.abs(observed - predicted), weights=counts))
        bins = zip(predicted.round(4).tolist(), observed.round(4).tolist(), counts.tolist(), strict=True)
        return {"brier": brier, "expected_error": error, "bins": [list(found) for found in bins]}

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


def suspected_leak(metrics: dict[str, Any]) -> str | None:
    """The column that may hold the target itself: without it alone, a network that is hardly ever wrong knows nothing.

    Such a column often holds the answer in another form, which nobody has when there is something to predict.
    """
    importance = metrics["importance"]
    first, *others = importance
    sure = metrics["test"]["loss"] < DOUBT * metrics["baseline"]["loss"]
    by_itself = importance[first] > 1 - DOUBT and all(importance[name] < DOUBT for name in others)
    return first if sure and others and by_itself else None


def _logistic(X: NDArray[Any], y: NDArray[Any], n: int) -> tuple[Callable[[NDArray[Any]], NDArray[Any]], bool]:
    """What gives each of n classes a probability, 0 those that training does not know; and whether it converged."""
    from sklearn.exceptions import ConvergenceWarning
    from sklearn.linear_model import LogisticRegression

    known = np.unique(y)
    if len(known) == 1:
        return lambda X: np.tile(np.eye(n)[known], (len(X), 1)), True
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)  # the caller gets it as a value
        model = LogisticRegression(max_iter=ITERATIONS).fit(X, y)
    return lambda X: model.predict_proba(X) @ np.eye(n)[known], bool(model.n_iter_.max() < ITERATIONS)


def _draw_calibration(axes: Axes, bins: list[list[float]]) -> None:
    axes.plot((0, 1), (0, 1), color=MARK, linewidth=1, linestyle="--")
    predicted, observed, _ = zip(*bins, strict=True)
    axes.plot(predicted, observed, color=TRAINING, marker="o", linewidth=1.8)
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

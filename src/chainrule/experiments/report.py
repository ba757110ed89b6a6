"""The report on a trained network: where it errs; of tables and texts a linear model, and the importance of columns."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from chainrule import engines
from chainrule.charts import COLOURS, MARK, TRAINING, VALIDATION, Bars, Cells, Chart, Histogram, Line, Panel, Points
from chainrule.data.source import Place
from chainrule.data.targets import Target
from chainrule.experiments.expansion import Expansion
from chainrule.experiments.linear import Matrix, logistic, ridge
from chainrule.experiments.outputs import measured, outputs, spread
from chainrule.experiments.splits import Splits
from chainrule.layers import Network
from chainrule.metrics import confusion_matrix, decide
from chainrule.ops import identity, sigmoid, softmax
from chainrule.randomness import stream
from chainrule.training.cost import Cost

MOST, CELLS, ITERATIONS = 50_000, 2**25, 200
"""The most examples and numbers that the linear model learns from, and the most iterations of a logistic one."""

SOME, REPEATS = 2_000, 3
"""The most examples on which the importance of a column is measured, and how often it is shuffled."""

DOUBT = 0.1
"""A network whose cost is less than this share of the baseline's is hardly ever wrong; see `suspected_leak`."""

MOST_LABELS, MOST_BARS = 20, 15
"""Confusion is drawn of so many labels at most, and the importance of so many columns."""

BLOCK = 2**22
"""About how many numbers are made at a time, of copies of the test part."""

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
        output: of the network for the test part, where it is known already.
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
        output: NDArray[Any] | None = None,
    ):
        self.network, self.target, self.m, self.places, self.seed = network, target, m, places, seed
        self.columns = [place for place in places if place.name]
        self.X, self.Y = X[splits.test], Y[splits.test]
        self._all_X, self._all_Y, self._train = X, Y, splits.train
        self.output = (outputs(network, self.X) if output is None else output).astype(np.float64)

    def metrics(self) -> dict[str, Any]:
        """What metrics.json has more, all of it about the test part; the first two for tables and texts, the third for
        tables.

        `linear`: a logistic or linear regression, of texts on TF-IDF, as the network is measured. `linear_fit`: of how
        many `rows`, `of` how many to train, and whether it `converged` in 200 iterations, and whether it was on
        `texts`. `importance`: of each column, which part of
        what the network knows is lost when the column is shuffled: (J shuffled − J) / (J baseline − J), of values with
        each in its standard deviations. Of labels `confusion`, where they are of one column, and `calibration`: the
        Brier score, the mean distance of probability and share over all examples, and of ten bins the probability, the
        share and the number of examples. Of values `residuals`: the 5th, 25th, 50th, 75th and 95th percentile; and
        where there are several, `each` by itself, as the network is measured.
        """
        found: dict[str, Any] = {}
        if self.places:
            linear, fitted = self._linear()
            found = {"linear": linear, "linear_fit": fitted}
        if self.columns:
            found["importance"] = self._importance()
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
        self.chart(metrics).save(path)

    def chart(self, metrics: dict[str, Any]) -> Chart:
        """The pictures; see `draw`."""
        panels = []
        labels = metrics.get("confusion", {}).get("labels", ())
        if self.target.labels is None:
            panels += [self._predictions_panel(), self._residuals_panel()]
        else:
            panels += [_confusion_panel(metrics["confusion"])] if 0 < len(labels) <= MOST_LABELS else []
            panels += [_calibration_panel(metrics["calibration"]["bins"])]
        if self.columns:
            panels.append(_importance_panel(metrics["importance"]))
        wide, high = (440, 380) if len(labels) <= 10 else (520, 480)
        return Chart("what the network does on the test part", panels, wide, high)

    def _linear(self) -> tuple[dict[str, float], dict[str, Any]]:
        """A logistic or linear regression on the same numbers, measured as the network is, and how it was fitted."""
        rows = self._train
        width = sum(
            place.tokens if place.tokens and not place.bag else place.stop - place.start for place in self.places
        )
        most = min(MOST, CELLS // width)
        if len(rows) > most:
            rows = stream("linear model", 0).choice(rows, most, replace=False)
        with engines.held_to(1), engines.blas_held():  # many small products, in which threads would wait for each other
            expanded = Expansion(self.places, self._all_X[rows])
            W, converged = self._fitted(expanded(self._all_X[rows]), self._all_Y[rows])
        activation = {"values": identity, "classes": softmax}.get(self.target.task, sigmoid)
        blocks = _blocks(len(self.X), self.X.shape[1] if expanded.sparse else len(W))
        output = np.concatenate([activation(expanded(self.X[block]) @ W) for block in blocks])
        fitted = {"rows": len(rows), "of": self.m, "converged": converged}
        return self._measured(output), fitted | ({"texts": True} if expanded.bags else {})

    def _fitted(self, X: Matrix, Y: NDArray[Any]) -> tuple[Matrix, bool]:
        """W (n_in, n_out) of the linear model, before its activation, and whether it converged."""
        columns = Y.reshape(len(Y), -1)
        if self.target.task == "values":
            return ridge(X, columns), True
        if self.target.task == "classes":
            return logistic(X, Y, self.target.n_out, ITERATIONS)
        fitted = [logistic(X, y, 2, ITERATIONS) for y in columns.T]
        return np.column_stack([W[:, 1] - W[:, 0] for W, _ in fitted]), all(converged for _, converged in fitted)

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
        tries = [(place, random.permutation(len(X))) for place in self.columns for _ in range(REPEATS)]
        costs = [self._cost(A, Y) for block in _blocks(len(tries), X.size) for A in self._shuffled(X, tries[block])]
        rises = (np.reshape(costs, (-1, REPEATS)).mean(axis=1) - self._cost(self.output[rows], Y)) / known
        found = {place.name: round(float(rise), 4) for place, rise in zip(self.columns, rises, strict=True)}
        return dict(sorted(found.items(), key=lambda pair: -pair[1]))

    def _shuffled(self, X: NDArray[Any], tries: Sequence[tuple[Place, NDArray[np.intp]]]) -> Iterator[NDArray[Any]]:
        """The outputs for X with the columns of one place in another order, for each try."""
        many = np.repeat(X[None], len(tries), axis=0)
        for one, (place, order) in zip(many, tries, strict=True):
            one[:, place.start : place.stop] = X[order, place.start : place.stop]
        output = outputs(self.network, many.reshape(-1, X.shape[1]))
        yield from output.reshape(len(tries), len(X), -1)

    def _cost(self, output: NDArray[Any], Y: NDArray[Any]) -> float:
        """J; of values in standard deviations, so that each of several counts whatever its unit is."""
        unit, cost = spread(self.network), Cost(self.target.loss)
        return float(cost(output, Y) if unit is None else cost(output / unit, Y / unit))

    def _confusion(self) -> dict[str, Any]:
        labels = self.target.classes or []
        counts = confusion_matrix(self.Y, decide(self.output, self.target.task), len(labels))
        return {"labels": labels, "true by predicted": counts.tolist()}

    def _calibration(self) -> dict[str, Any]:
        """Whether what is predicted with probability p comes true in a share p of the cases."""
        if self.target.task == "classes":
            certain = np.clip(self.output.max(axis=1), 0, 1)
            true = decide(self.output, "classes") == self.Y
            of_true = self.output[np.arange(len(self.Y)), self.Y]
            brier = float(((self.output**2).sum(axis=1) - 2 * of_true + 1).mean())
        else:
            certain, true = np.clip(self.output.ravel(), 0, 1), self.Y.ravel() == 1
            brier = float(((certain - true) ** 2).mean())
        ends = np.quantile(certain, np.linspace(0, 1, BINS + 1))
        which = np.searchsorted(ends[1:-1], certain)
        counts = np.bincount(which)
        held = counts > 0
        counts, sums = counts[held], [np.bincount(which, values)[held] for values in (certain, true)]
        predicted, observed = sums / counts
        error = float(np.average(np.abs(observed - predicted), weights=counts))
        bins = zip(predicted.round(4).tolist(), observed.round(4).tolist(), counts.tolist(), strict=True)
        return {"brier": brier, "expected_error": error, "bins": [list(found) for found in bins]}

    def _predictions_panel(self) -> Panel:
        true, ends = self.Y.reshape(self.output.shape), (self.Y.min(), self.Y.max())
        some = slice(None, None, -(-len(true) // SOME))  # the test part keeps the order of the data
        columns = zip(self.output[some].T, true[some].T, *self._told_apart(), strict=True)
        return Panel(
            "predictions", "predicted", "true", [*(Points(*of) for of in columns), Line(ends, ends, MARK, thin=True)]
        )

    def _residuals_panel(self) -> Panel:
        residuals = self.Y.reshape(self.output.shape) - self.output
        edges = np.histogram_bin_edges(residuals, bins=40)
        marks = [
            Histogram(edges, np.histogram(column, edges)[0], colour, label)
            for column, colour, label in zip(residuals.T, *self._told_apart(), strict=True)
        ]
        return Panel("residuals", "true − predicted", "examples", marks)

    def _told_apart(self) -> tuple[list[str], list[str]]:
        """A colour for each value, and, where there are several, its name."""
        names = self.target.names
        return [COLOURS[i % len(COLOURS)] for i in range(len(names))], names if len(names) > 1 else [""]


def suspected_leak(metrics: dict[str, Any]) -> str | None:
    """The column that may hold the target itself: without it alone, a network that is hardly ever wrong knows nothing.

    Such a column often holds the answer in another form, which nobody has when there is something to predict.
    """
    importance = metrics["importance"]
    first, *others = importance
    sure = metrics["test"]["loss"] < DOUBT * metrics["baseline"]["loss"]
    by_itself = importance[first] > 1 - DOUBT and all(importance[name] < DOUBT for name in others)
    return first if sure and others and by_itself else None


def _blocks(m: int, width: int) -> list[slice]:
    """Of m rows of so many numbers, as many at a time as memory takes lightly."""
    step = max(BLOCK // width, 1)
    return [slice(start, start + step) for start in range(0, m, step)]


def _confusion_panel(confusion: dict[str, Any]) -> Panel:
    cells = Cells([str(label) for label in confusion["labels"]], np.array(confusion["true by predicted"]))
    return Panel("confusion", "predicted", "true", [cells])


def _calibration_panel(bins: list[list[float]]) -> Panel:
    predicted, observed, _ = zip(*bins, strict=True)
    marks = [Line((0, 1), (0, 1), MARK, thin=True), Line(predicted, observed, TRAINING, dots=True)]
    return Panel("calibration", "predicted probability", "share that came true", marks)


def _importance_panel(importance: dict[str, float]) -> Panel:
    most = [*importance.items()][:MOST_BARS]
    bars = Bars([name for name, _ in most], [value for _, value in most], VALIDATION)
    return Panel("importance", "what is lost when the column is shuffled", "", [bars])

"""The report on a trained network: where it errs; of tables and texts a linear model, and the importance of columns."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping, Sequence
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from chainrule.charts import COLOURS, MARK, TRAINING, VALIDATION, Bars, Cells, Chart, Histogram, Line, Panel, Points
from chainrule.data.source import Place, Source
from chainrule.data.targets import Target
from chainrule.experiments.alone import alone, alone_of_label
from chainrule.experiments.dependence import Dependence, dependence, grid_of
from chainrule.experiments.intervals import intervals
from chainrule.experiments.outputs import measured, measured_each, outputs
from chainrule.experiments.peer import Peer, blocks
from chainrule.experiments.splits import Splits
from chainrule.experiments.verdicts import agreement, has_learned, lead
from chainrule.layers import Network
from chainrule.metrics import confusion_matrix, decide
from chainrule.randomness import stream
from chainrule.training.cost import Cost

SOME, REPEATS = 2_000, 3
"""The most examples on which the importance of a column is measured, and how often it is shuffled."""

WORK, FEWEST = 2 * 10**10, 200
"""About so many products are spent on importance, and it is measured on so many examples at least."""

MOST_LABELS, MOST_BARS = 20, 15
"""Confusion is drawn of so many labels at most, and the importance of so many columns."""

ACROSS = 3
"""So many pictures stand in a row."""

DRAWN, MATTERS = 6, 0.01
"""The partial dependence is drawn on so many columns at most, those of which this part is lost or more."""

LOOKED_AT = 50_000
"""Of about so many rows at most the values are taken for which it is drawn."""

BINS = 10
"""How many bins of equal size the calibration of probabilities is measured in."""


class Report:
    """Measures and draws what a trained network does on the test part of its data.

    Args:
        network: for the target itself, trained. target: what it predicts.
        X, Y: all examples, as numbers. splits: which of them are trained on, and which are the test part.
        m: how many examples the network was trained on, more than in X where they are read in chunks.
        places: where in X each column lies; nothing where the examples have no columns.
        units: of the columns that have one.
        seed: of how columns are shuffled.
        output: of the network for the test part, where it is known already.
        peer: the linear model of the training part, where it is fitted already.
        source: the examples as they were found, whose columns have values to try; None for no partial dependence.
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
        units: Mapping[str, str] | None = None,
        seed: int | None,
        output: NDArray[Any] | None = None,
        peer: Peer | None = None,
        source: Source | None = None,
    ):
        self.network, self.target, self.m, self.places, self.seed = network, target, m, places, seed
        self.source, self.units = source, units or {}
        self.unit = _only_unit(target.names, self.units)
        self.columns = [place for place in places if place.name]
        self.X, self.Y = X[splits.test], Y[splits.test]
        self._all_X, self._all_Y, self._train, self._test, self.peer = X, Y, splits.train, splits.test, peer
        self.output = (outputs(network, self.X, target) if output is None else output).astype(np.float64)

    def metrics(self) -> dict[str, Any]:
        """What metrics.json has more, all of it about the test part; the first for tables and texts alone.

        `linear`: a logistic or linear regression, of texts on TF-IDF, as the network is measured. `linear_fit`: of how
        many `rows`, `of` how many to train, whether it `converged` in 200 iterations, and whether it was on `texts`.
        `lead`: how much less the network loses than `linear` and `baseline`, by example, and the standard error of
        that; of values `agreement`, the rank correlation of what is predicted with what came, in standard errors of
        chance. `alone`: of each column, which part of what there is to know it tells by itself; `alone_of_label`: of
        categories that tell nearly all of whether it is one of several labels, which. `importance` of the columns of a
        table, where the network is better than the baseline by more than chance: which part of what the
        network knows is lost when the column is shuffled: (J shuffled − J) / (J baseline − J), of values with each in
        its standard deviations.

        Of a test part of up to 1,000 examples `interval`: of each measure the 95 % interval, by the bootstrap. Of
        labels `confusion`, where they are of one column, and `calibration`: the Brier score, the mean distance of
        probability and share over all examples, and of ten bins the probability, the share and the number of examples.
        Of values `residuals`: the 5th, 25th, 50th, 75th and 95th percentile. Of several columns `each` by
        itself, as the network is measured.
        """
        found: dict[str, Any] = {}
        if self.places:
            found = self._of_columns()
        if near := intervals(self.output, self.Y, self.target):
            found["interval"] = near
        if self.target.labels is None:
            residuals = self.Y.reshape(self.output.shape) - self.output
            percentiles = np.percentile(residuals, (5, 25, 50, 75, 95), axis=0).T.tolist()
            found["residuals"] = dict(zip(self.target.names, percentiles, strict=True))
            return found | ({"each": self._each()} if len(self.target.names) > 1 else {})
        if len(self.target.names) > 1:
            found["each"] = self._each()
        if self.target.classes is not None:
            found["confusion"] = self._confusion()
        return found | {"calibration": self._calibration()}

    def _of_columns(self) -> dict[str, Any]:
        """What there is of a table alone."""
        peer = self.peer or Peer(self.target, self._all_X, self._all_Y, self._train, self.places)
        output = peer.output(self.X)
        typical = np.broadcast_to(self.target.typical(self._all_Y[self._train]), self.output.shape)
        others = {"linear": output, "baseline": typical}
        by_themselves = (self.target, self._all_X, self._all_Y, self._train, self._test, self.columns)
        found: dict[str, Any] = {
            "test": measured(self.output, self.Y, self.target),
            "linear": measured(output, self.Y, self.target),
            "linear_fit": {"rows": peer.rows, "of": self.m, "converged": peer.converged, "texts": peer.texts},
            "lead": {name: lead(self.output, other, self.Y, self.target) for name, other in others.items()},
            **({} if self.target.labels is not None else {"agreement": agreement(self.output, self.Y)}),
            "alone": alone(*by_themselves),
        }
        if label := alone_of_label(*by_themselves):
            found["alone_of_label"] = label
        if self.columns and has_learned(found):
            found["importance"] = self._importance()
        return found

    def draw(self, path: str | os.PathLike[str], metrics: dict[str, Any]) -> None:
        """Write the pictures: of labels confusion and calibration, of values the errors; of tables the importance, and
        the partial dependence on the columns that matter most.

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
        if "importance" in metrics:
            panels.append(_importance_panel(metrics["importance"]))
            panels += [found.panel() for found in self.dependences(metrics["importance"])]
        wide, high = (440, 380) if len(labels) <= 10 else (520, 480)
        return Chart("what the network does on the test part", panels, wide, high, ACROSS)

    def dependences(self, importance: Mapping[str, float], most: int = DRAWN) -> list[Dependence]:
        """The partial dependence on the columns that matter most, over rows of the test part, some where it is large.

        Args:
            importance: of the columns, the greatest first; see `metrics`.
        """
        if self.source is None:
            return []
        random, unit = stream("dependence", self.seed or 0), self.units.get(self.target.names[0], "")
        places = {place.name: place for place in self.columns}
        some = slice(None, None, max(1, len(self._test) // LOOKED_AT))
        rows, X = self._test[some], self.X[some]
        found: list[Dependence] = []
        for name, lost in importance.items():
            grid = grid_of(self.source, name, rows) if len(found) < most and lost >= MATTERS else None
            if grid is not None:
                found.append(dependence(self._outputs, X, places[name], grid, self.target, unit, random=random))
        return found

    def _outputs(self, X: NDArray[Any]) -> NDArray[Any]:
        return outputs(self.network, X, self.target)

    def _each(self) -> dict[str, dict[str, float]]:
        """Of several values each by itself, as the network is measured."""
        return measured_each(self.output, self.Y, self.target)

    def _importance(self) -> dict[str, float]:
        random = stream("importance", self.seed or 0)
        typical = self.target.typical(self._all_Y[self._train])
        loss, baseline = (self._cost(A, self.Y) for A in (self.output, np.broadcast_to(typical, self.output.shape)))
        known = baseline - loss if baseline > loss else baseline
        rows = random.permutation(len(self.X))[: self._enough()]
        X, Y = self.X[rows], self.Y[rows]
        tries = [(place, random.permutation(len(X))) for place in self.columns for _ in range(REPEATS)]
        costs = [self._cost(A, Y) for block in blocks(len(tries), X.size) for A in self._shuffled(X, tries[block])]
        rises = (np.reshape(costs, (-1, REPEATS)).mean(axis=1) - self._cost(self.output[rows], Y)) / known
        found = {place.name: round(float(rise), 4) for place, rise in zip(self.columns, rises, strict=True)}
        return dict(sorted(found.items(), key=lambda pair: -pair[1]))

    def _enough(self) -> int:
        """On how many examples importance is measured: fewer where there are many columns, or large networks."""
        each = len(self.columns) * REPEATS * max(self.network.flat.size, 1)
        return min(SOME, max(FEWEST, WORK // each))

    def _shuffled(self, X: NDArray[Any], tries: Sequence[tuple[Place, NDArray[np.intp]]]) -> Iterator[NDArray[Any]]:
        """The outputs for X with the columns of one place in another order, for each try."""
        many = np.repeat(X[None], len(tries), axis=0)
        for one, (place, order) in zip(many, tries, strict=True):
            one[:, place.start : place.stop] = X[order, place.start : place.stop]
        output = outputs(self.network, many.reshape(-1, X.shape[1]), self.target)
        yield from output.reshape(len(tries), len(X), -1)

    def _cost(self, output: NDArray[Any], Y: NDArray[Any]) -> float:
        """J; of values in standard deviations, so that each of several counts whatever its unit is."""
        cost = Cost(self.target.cost)
        if self.target.labels is not None:
            return float(cost(output, Y))
        unit = self._deviation
        return float(cost(output / unit, Y.reshape(output.shape) / unit))

    @cached_property
    def _deviation(self) -> NDArray[np.float64]:
        """(n_out,), of each value in the training part."""
        found = np.atleast_1d(np.std(self._all_Y[self._train], axis=0, dtype=np.float64))
        return np.where(found > 0, found, 1.0)

    def _confusion(self) -> dict[str, Any]:
        labels = self.target.classes or []
        counts = confusion_matrix(self.Y, self.target.decided(self.output), len(labels))
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
        points = [Points(*of) for of in columns]
        diagonal = Line(ends, ends, MARK, thin=True)
        said = "Each point is an example to test; the nearer to the line, the better it was predicted."
        return Panel("predictions", f"predicted{self.unit}", f"true{self.unit}", [*points, diagonal], caption=said)

    def _residuals_panel(self) -> Panel:
        residuals = self.Y.reshape(self.output.shape) - self.output
        edges = np.histogram_bin_edges(residuals, bins=40)
        marks = [
            Histogram(edges, np.histogram(column, edges)[0], colour, label)
            for column, colour, label in zip(residuals.T, *self._told_apart(), strict=True)
        ]
        said = "How far the examples to test lie from what was predicted: those at the right came out greater."
        return Panel("residuals", f"true − predicted{self.unit}", "examples", marks, caption=said)

    def _told_apart(self) -> tuple[list[str], list[str]]:
        """A colour for each value, and, where there are several, its name."""
        names = self.target.names
        return [COLOURS[i % len(COLOURS)] for i in range(len(names))], names if len(names) > 1 else [""]


def _only_unit(names: Sequence[str], units: Mapping[str, str]) -> str:
    """The unit of all of these, as the name of an axis ends; "" where they have none, or several."""
    found = {units.get(name, "") for name in names}
    return f", in {found.pop()}" if len(found) == 1 and found != {""} else ""


def _confusion_panel(confusion: dict[str, Any]) -> Panel:
    cells = Cells([str(label) for label in confusion["labels"]], np.array(confusion["true by predicted"]))
    said = "How often each class, a row, is taken for which; the diagonal is right, and the darker the larger a share."
    return Panel("confusion", "predicted", "true", [cells], caption=said)


def _calibration_panel(bins: list[list[float]]) -> Panel:
    predicted, observed, _ = zip(*bins, strict=True)
    marks = [Line((0, 1), (0, 1), MARK, thin=True), Line(predicted, observed, TRAINING, dots=True)]
    said = "Whether probabilities can be believed: on the line, what is given 0.8 comes true in 8 of 10 cases."
    return Panel("calibration", "predicted probability", "share that came true", marks, caption=said)


def _importance_panel(importance: dict[str, float]) -> Panel:
    most = [*importance.items()][:MOST_BARS]
    bars = Bars([name for name, _ in most], [min(value, 1.0) for _, value in most], VALIDATION)
    said = "Which part of what the network knows is lost when a column is shuffled: at 1 only the baseline is left."
    return Panel("importance", "what is lost when the column is shuffled", "", [bars], caption=said)

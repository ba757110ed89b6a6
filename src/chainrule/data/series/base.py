"""What a network's forecast is built upon: simple forecasts, mixed as their errors at earlier origins ask for."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Literal

import numpy as np
from numpy.typing import NDArray

from chainrule.configuration import Configurable
from chainrule.data.series.autoregression import MOST, Autoregression
from chainrule.data.series.comparisons import Past
from chainrule.data.series.direct import Direct
from chainrule.data.series.origins import rolling, some_of
from chainrule.data.series.scaling import Scale, Scaling
from chainrule.errors import OptionError

if TYPE_CHECKING:
    from chainrule.data.series.source import Series

Values = NDArray[np.float64]
Rows = NDArray[np.intp]

Simple = Literal["baseline", "seasonal", "mean", "linear", "direct", "from season", "from mean"]

SIMPLE: dict[Simple, str] = {
    "baseline": "the last value",
    "seasonal": "the value a season ago",
    "mean": "the mean of that season so far",
    "linear": "the linear autoregression",
    "direct": "a linear model of each step",
    "from season": "a linear model of the change in a season",
    "from mean": "a linear model of the distance from the mean",
}
"""The simple forecasts, and what they are called."""

COMPARED = 4
"""So many of them, the first, are what others may compare with."""

NEAR, POWER = 1.15, 8
"""Forecasts whose error is less than so many times the least are mixed, each by the inverse of this power of it."""

FACTOR = 2.0
"""Logarithms are tried of values that are all above 0, where the greatest is so many times the least."""

EXACT = 1e-9
"""Of forecasts whose error is less than that, in units of changes, the simplest is taken."""

CLEAR = 0.99
"""Logarithms are taken where they leave less than this part of the error."""

JUDGED = 1_000
"""At so many windows of each fold, from all over it, simple forecasts are judged."""

FEWEST_ROWS = 4
"""From fewer rows no linear model is fitted; it is the last value then."""


@dataclass(frozen=True, repr=False)
class Base(Configurable):
    """Σ w_i (simple forecast i), in each series' own scale.

    Args:
        scaling: of the series. linear: the autoregression, of scaled values.
        weights: (k, 7) of each column those of `SIMPLE`; they sum to 1.
        directs: the last three of `SIMPLE`, where they have a weight.
    """

    scaling: Scaling
    linear: Autoregression
    weights: list[list[float]]
    directs: list[Direct | None] = field(default_factory=lambda: [None, None, None])

    def __post_init__(self) -> None:
        super().__post_init__()
        k = len(self.scaling.logs)
        if len(self.weights) != k or any(len(row) != len(SIMPLE) for row in self.weights):
            raise OptionError(f"a forecast of {k} columns has {len(SIMPLE)} weights for each.")
        if len(self.linear.weights) != k or len(self.directs) != len(SIMPLE) - COMPARED:
            raise OptionError(f"there are {k} columns to forecast, but {len(self.linear.weights)} autoregressions.")

    def scale(self, source: Series) -> Scale:
        """The scales of the rows of a source."""
        return self.scaling.of(source.values, source.strand, source.names, source.window)

    def simple(self, source: Series, last: Rows, ahead: Values) -> tuple[Values, Scale, Values]:
        """(m, horizon, k, 7), the simple forecasts after these rows, scaled; the scales, and all values (n, k), scaled.

        Args:
            ahead: (n + 1, n_ahead) what is known ahead, of each row and of one that is not there.
        """
        scale = self.scale(source)
        v = scale.forth(source.filled)
        past, horizon, n = replace(source.past, values=v), source.horizon, len(v)
        coming = ahead[source.inside(last)]
        linear = self.linear.forecast(v, last, source.places, horizon, ahead[:-1], coming)
        found = np.zeros((*linear.shape, len(SIMPLE)))
        plain = (past.last(last, horizon), past.season_ago(last, horizon), past.mean(last, horizon), linear)
        found[..., :COMPARED] = np.stack(plain, axis=-1)
        effects = np.array(self.linear.effects).T
        free = replace(past, values=v - ahead[:n] @ effects)
        for i, direct in enumerate(self.directs):
            if direct is not None:
                reference = _references(free, last, horizon)[i]
                found[..., COMPARED + i] = (
                    direct.forecast(free.values, last, source.places, reference) + coming @ effects
                )
        return found, scale, v

    def mixed(self, simple: Values) -> Values:
        """(m, horizon, k), the mixture of simple forecasts (m, horizon, k, 7)."""
        return np.asarray(np.einsum("mhks,ks->mhk", simple, np.array(self.weights)))

    def words(self, names: list[str]) -> list[str]:
        """What it is made of, a sentence for each column."""
        found = []
        for name, weights, log in zip(names, self.weights, self.scaling.logs, strict=True):
            told = dict(zip([*SIMPLE.values()][:COMPARED], weights, strict=False))
            told["linear models of each step"] = sum(weights[COMPARED:])
            parts = [
                simple if weight > 0.995 else f"{weight:.0%} {simple}"
                for simple, weight in told.items()
                if weight > 0.005
            ]
            of = f" of {name}" if len(names) > 1 else ""
            found.append(f"the forecast{of} is built upon {' + '.join(parts)}{', of the logarithm' if log else ''}")
        return found


def _references(past: Past, last: Rows, horizon: int) -> tuple[Values, Values, Values]:
    """What the three linear models of each step begin with."""
    return past.last(last, horizon), past.season_ago(last, horizon), past.mean(last, horizon)


def fit(source: Series, rows: Rows, ahead: Values, logs: list[bool], weights: list[list[float]] | None = None) -> Base:
    """The base for windows like these, learned from their rows alone.

    Args:
        weights: of the simple forecasts; None for equal ones, of all.
    """
    k = len(source.targets)
    weights = [[1 / len(SIMPLE)] * len(SIMPLE)] * k if weights is None else weights
    seen = source.seen(rows)
    known = np.isfinite(source.values) & seen[:, None]
    y = np.where(known, source.values, np.nan)
    scaling = Scaling.learn(y, source.strand, source.names, logs, source.window).of_those_met(y, source.strand)
    v = scaling.of(y, source.strand, source.names, source.window).forth(source.filled)
    number = np.arange(len(v)) - source.begin
    fitted = np.flatnonzero(known.all(axis=1) & (number >= source.window))
    spans = np.bincount(source.strand[seen], minlength=1)
    periods = source.calendar.periods(source.season, int(spans.max()))
    if len(fitted) < FEWEST_ROWS:
        nothing = [[0.0] * (1 + source.window)] * k
        return Base(scaling, Autoregression(source.window, [], nothing, [[0.0] * ahead.shape[1]] * k), weights)
    linear = Autoregression.fit(v, fitted, source.places, source.window, periods, ahead[:-1])
    directs: list[Direct | None] = [None] * (len(SIMPLE) - COMPARED)
    wanted = [i for i in range(len(directs)) if any(row[COMPARED + i] > 0 for row in weights)]
    last = source.last[rows]
    if wanted and len(last) >= FEWEST_ROWS:
        last = some_of(last, MOST)
        free = v - ahead[: len(v)] @ np.array(linear.effects).T
        past = replace(source.past, values=free)
        references = _references(past, last, source.horizon)
        changes = [free[source.to_come(last)] - references[i] for i in wanted]
        found = Direct.fit(free, last, source.places, source.window, periods, changes)
        for i, direct in zip(wanted, found, strict=True):
            directs[i] = direct
    return Base(scaling, linear, weights, directs)


def choose(source: Series, rows: Rows, ahead: Values) -> tuple[list[bool], list[list[float]]]:
    """Of which columns to take logarithms, and the weights of the simple forecasts, by their errors at rolling
    origins."""
    k = len(source.targets)
    folds = rolling(source.last, source.strand[source.last], source.horizon, rows)
    if not folds:
        return [False] * k, [[1.0] + [0.0] * (len(SIMPLE) - 1)] * k
    seen = source.values[source.seen(rows)]
    ends = zip(np.nanmin(seen, axis=0), np.nanmax(seen, axis=0), source.may_be_negative, strict=True)
    positive = [bool(low > 0 and high >= FACTOR * low and not below) for low, high, below in ends]
    y = np.where(source.seen(rows)[:, None], source.values, np.nan)
    plain = Scaling.learn(y, source.strand, source.names, [False] * k, source.window)
    unit = plain.of(y, source.strand, source.names, source.window).change
    plainly = _errors(source, folds, ahead, [False] * k, unit)
    of_logs = _errors(source, folds, ahead, positive, unit) if any(positive) else plainly
    logs, weights = [], []
    for j in range(k):
        taken = positive[j] and bool(of_logs[j, COMPARED - 1] < CLEAR * plainly[j, COMPARED - 1])
        logs.append(taken)
        weights.append(_weights((of_logs if taken else plainly)[j], source.season > 1))
    return logs, weights


def _errors(source: Series, folds: list[tuple[Rows, Rows]], ahead: Values, logs: list[bool], unit: Values) -> Values:
    """(k, 7), the mean absolute error of each simple forecast, in units (n, k) of each series' changes."""
    found = []
    for before, after in folds:
        last = source.last[some_of(after, JUDGED)]
        base = fit(source, before, ahead, logs)
        simple, scale, _ = base.simple(source, last, ahead)
        came = source.values[source.to_come(last)]
        errors = scale.back_all(simple, last) - came[..., None]
        found.append(abs(errors / unit[last][:, None, :, None]).mean(axis=(0, 1)))
    return np.asarray(np.mean(found, axis=0))


def _weights(errors: Values, seasonal: bool) -> list[float]:
    """Weights (7,) that sum to 1, of those forecasts whose errors are near the least (Bates & Granger, 1969)."""
    some = np.array([True, seasonal, True, True, True, seasonal, seasonal])
    near = some & (errors <= NEAR * errors[some].min())
    least = float(errors[some].min())
    if least < EXACT:  # nothing is left to choose by
        return [float(i == np.flatnonzero(near)[0]) for i in range(len(SIMPLE))]
    weights = np.where(near, (least / np.maximum(errors, least)) ** POWER, 0.0)
    return [round(float(weight), 4) for weight in weights / weights.sum()]

"""The report on forecasts: how good they are at each step ahead and in each series, and a picture beside what came."""

from __future__ import annotations

import os
from typing import Any

import numpy as np
from numpy.typing import NDArray

from chainrule.charts import COLOURS, MARK, TRAINING, VALIDATION, Band, Chart, Line, Panel
from chainrule.data.series import Forecast, Series

Values = NDArray[np.float64]

SHOWN, ROWS = 3, 120
"""Of so many series at most there is a picture, of so many of their last steps at most."""

NAMES = {"test": "forecast", "linear": "linear", "mean": "mean", "seasonal": "season ago", "baseline": "last value"}


class ForecastReport:
    """Measures and draws forecasts of the test part.

    Args:
        source: the series. rows: the windows that are tested. target: what is forecast.
        output: (m, n_out) what was forecast, in its own units. came: (m, horizon · k).
        simple: other forecasts (m, horizon · k), by their names.
    """

    def __init__(
        self,
        source: Series,
        rows: NDArray[np.intp],
        target: Forecast,
        output: Values,
        came: Values,
        simple: dict[str, Values],
    ):
        self.source, self.rows, self.target, self.output, self.came = source, rows, target, output, came
        self.forecasts = {"test": target.points(output), **simple}
        self.horizon, self.k = source.horizon, len(source.targets)

    def metrics(self) -> dict[str, Any]:
        """What metrics.json has more.

        `ahead`: of each forecast the mean absolute error one, two, … steps ahead, of several targets in their
        deviations.
        `series`: of each series how many windows were tested, and the mean absolute errors. `targets`: the same of each
        target, where there are several. `quantiles`: which share of what came lay `below` each, and between the outer
        ones.
        """
        found: dict[str, Any] = {"ahead": {name: self._ahead(forecast) for name, forecast in self.forecasts.items()}}
        strand = self.source.strand[self.source.last[self.rows]]
        if len(self.source.names) > 1:
            found["series"] = {
                self.source.names[i]: {"windows": int((strand == i).sum())} | self._errors(strand == i)
                for i in np.unique(strand)
            }
        if self.k > 1:
            columns = np.arange(self.came.shape[1]) % self.k
            found["targets"] = {
                column.name: self._errors(slice(None), columns == j) for j, column in enumerate(self.source.targets)
            }
        if coverage := self.target.coverage(self.output, self.came):
            found["quantiles"] = coverage
        return found

    def draw(self, path: str | os.PathLike[str], metrics: dict[str, Any]) -> None:
        """Write the pictures.

        Raises:
            ModelFileError: the file cannot be written.
        """
        self.chart(metrics).save(path)

    def chart(self, metrics: dict[str, Any]) -> Chart:
        """Forecasts beside what came, for the first series; and the error of each forecast, step by step ahead."""
        strand = self.source.strand[self.source.last[self.rows]]
        panels = [self._beside(i) for i in np.unique(strand)[:SHOWN]]
        if self.horizon > 1:
            panels.append(self._by_step(metrics["ahead"]))
        return Chart("forecasts of the test part", panels, 560, 340)

    def _errors(self, rows: Any, columns: Any = slice(None)) -> dict[str, float]:
        return {
            name: float(abs(self.came[rows] - forecast[rows])[:, columns].mean())
            for name, forecast in self.forecasts.items()
        }

    def _ahead(self, forecast: Values) -> list[float]:
        errors = abs(self.came - forecast).reshape(len(self.came), self.horizon, self.k)
        if self.k > 1:
            spread = self.came.reshape(-1, self.k).std(axis=0)
            errors = errors / np.where(spread > 0, spread, 1.0)
        return [float(error) for error in errors.mean(axis=(0, 2))]

    def _beside(self, series: int) -> Panel:
        """What came in the last steps of a series, and the forecasts of every horizon-th window, of the first
        target."""
        source, H = self.source, self.horizon
        mine = np.flatnonzero(source.strand[source.last[self.rows]] == series)
        last = source.last[self.rows[mine]]
        end = int(last[-1]) + H
        begin = max(int(last[0]) - H, end - max(ROWS, 3 * H), int(source.begin[last[0]]))
        chosen = mine[last >= begin][::-1][::H][::-1]
        steps = np.arange(begin, end + 1)
        number = (steps - source.begin[end]).astype(np.float64)
        marks: list[Any] = []
        points = self.target.points(self.output)[:, :: self.k]
        for i, window in enumerate(chosen):
            x = source.last[self.rows[window]] + np.arange(1, H + 1) - source.begin[end]
            if len(self.target.quantiles) > 1:
                bands = self.target.bands(self.output)[window, :: self.k]
                label = f"{self.target.quantiles[0]:g} to {self.target.quantiles[-1]:g}" if i == 0 else ""
                marks.append(Band(x, bands[:, 0], bands[:, -1], VALIDATION, label))
            marks.append(Line(x, points[window], VALIDATION, "forecast" if i == 0 else "", dots=H < 3))
        marks.insert(0, Line(number, source.values[steps, 0], TRAINING, "what came"))
        name = source.targets[0].name
        title = name if source.names == [""] else f"{name} of {source.names[series]}"
        moments = f"{source.table.time}, in {source.calendar.called(2).removeprefix('2 ')}"
        return Panel(title, moments, name, marks, caption="What was forecast of the test part, beside what came.")

    def _by_step(self, ahead: dict[str, list[float]]) -> Panel:
        steps = np.arange(1.0, self.horizon + 1)
        colours = dict(zip(ahead, (VALIDATION, TRAINING, *COLOURS[2:], MARK), strict=False))
        lines = [Line(steps, errors, colours[name], NAMES.get(name, name)) for name, errors in [*ahead.items()][::-1]]
        unit = ", in deviations" if self.k > 1 else ""
        said = "How far forecasts are off, the further ahead they look, beside simple ones."
        return Panel("error by step", "steps ahead", f"mean absolute error{unit}", lines, whole=True, caption=said)

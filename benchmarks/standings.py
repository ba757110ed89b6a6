"""Contestants beside one another on many tables: ranks, ratios, wins, and how far behind the best of the trees."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from benchmarks.printed import Table
from benchmarks.table_results import Result

Measure = Literal["loss", "error"]
MEASURES: tuple[Measure, ...] = ("loss", "error")


@dataclass(frozen=True)
class Mean:
    """A mean over tables with its standard error, NaN of a single one."""

    value: float
    error: float

    @classmethod
    def of(cls, values: NDArray[np.float64]) -> Mean:
        n = len(values)
        return cls(float(values.mean()), float(values.std(ddof=1) / n**0.5) if n > 1 else math.nan)

    def text(self, digits: int = 2) -> str:
        """Such as "1.08 ± 0.06"."""
        more = "" if math.isnan(self.error) else f" ± {self.error:.{digits}f}"
        return f"{self.value:.{digits}f}{more}"


@dataclass(frozen=True)
class Standings:
    """Results that all contestants have, table by table and split by split.

    Args:
        results: by (table, split), by contestant; every split has all contestants.
        names: of the contestants. reference: the one of them that the others are compared with.
        trees: those of them that are made of trees.
    """

    results: dict[tuple[str, int], dict[str, Result]]
    names: Sequence[str]
    reference: str
    trees: Sequence[str]

    @cached_property
    def tables(self) -> list[str]:
        return list(dict.fromkeys(table for table, _ in self.results))

    def splits(self, table: str) -> list[dict[str, Result]]:
        """The results on each split of a table, by contestant."""
        return [found for (name, _), found in self.results.items() if name == table]

    def figures(self, table: str, name: str, what: Literal["loss", "error", "cpu"]) -> NDArray[np.float64]:
        """On each split. An error of none counts as half a row, so that ratios have a meaning."""
        found = [split[name] for split in self.splits(table)]
        least = [0.5 / result.test if what == "error" and result.classes else 1e-12 for result in found]
        return np.maximum([getattr(result, what) for result in found], least)

    def mean(self, table: str, name: str, what: Literal["loss", "error", "cpu"]) -> float:
        """Over the splits."""
        return float(self.figures(table, name, what).mean())

    def rank(self, name: str, what: Measure) -> Mean:
        """The mean rank over the tables, 1 the best; who is level shares the mean of their ranks."""
        from scipy.stats import rankdata

        ranks = [rankdata([self.mean(table, one, what) for one in self.names]) for table in self.tables]
        return Mean.of(np.array(ranks)[:, list(self.names).index(name)])

    def ratio(self, name: str, what: Literal["loss", "error", "cpu"]) -> Mean:
        """The geometric mean over the tables of its figure divided by the reference's."""
        logs = np.log([self.mean(table, name, what) / self.mean(table, self.reference, what) for table in self.tables])
        found = Mean.of(logs)
        return Mean(math.exp(found.value), math.exp(found.value) * found.error)

    def best(self, table: str, among: Sequence[str], what: Measure) -> str:
        """Whose mean is the least."""
        return min(among, key=lambda name: self.mean(table, name, what))

    def against(self, names: Sequence[str], what: Measure) -> str:
        """On how many tables the reference is better than the best of these, level, and worse, as "7–2–3".

        Level is what lies within a standard error of the mean difference over n splits, √(1/n + m_test / m_train) s:
        splits share training rows (Nadeau & Bengio, 2003, corrected resampling). Of a single split none is known.
        """
        verdicts = [0, 0, 0]
        for table in self.tables:
            best = self.best(table, names, what)
            differences = self.figures(table, self.reference, what) - self.figures(table, best, what)
            first = self.splits(table)[0][best]
            error = error_of_mean(differences, first.test / first.train)
            mean = differences.mean()
            verdicts[1 if abs(mean) <= error else 0 if mean < 0 else 2] += 1
        return "–".join(map(str, verdicts))


def error_of_mean(differences: NDArray[np.float64], shared: float) -> float:
    """√(1/n + m_test / m_train) s of n differences; 0 of one. `shared` is m_test / m_train."""
    n = len(differences)
    return float(np.std(differences, ddof=1) * (1 / n + shared) ** 0.5) if n > 1 else 0.0


def common(results: Sequence[Result], names: Sequence[str]) -> dict[tuple[str, int], dict[str, Result]]:
    """Of each table and split the results by contestant, where all have one of the same data."""
    found: dict[tuple[str, int], dict[str, Result]] = {}
    for result in results:
        if result.contestant in names:
            found.setdefault((result.table, result.split), {})[result.contestant] = result
    return {
        cell: {name: there[name] for name in names}
        for cell, there in sorted(found.items())
        if len(there) == len(names) and len({result.data for result in there.values()}) == 1
    }


def what_is_compared(results: Sequence[Result], names: Sequence[str], standings: Standings) -> list[str]:
    """On what the comparison rests, and what is missing for more, a sentence each."""
    shown = [result for result in results if result.contestant in names]
    cells = {(result.table, result.split) for result in shown}
    used = len(standings.results)
    notes = [f"compared on {used} splits of {len(standings.tables)} tables, those that all of these contestants have"]
    if used < len(cells):
        there = {
            name: {(result.table, result.split) for result in shown if result.contestant == name} for name in names
        }
        lacks = {name: sorted({table for table, _ in cells - there[name]}) for name in names}
        told = "; ".join(f"{name} lacks some of {', '.join(tables)}" for name, tables in lacks.items() if tables)
        why = (
            f"{told}; --contestants without them compares the others on more"
            if told
            else "the others are of other files"
        )
        notes.append(f"of {len(cells)} splits in all: {why}")
    compared = [result for found in standings.results.values() for result in found.values()]
    origins = {"all": {result.processor for result in compared}}
    origins |= {name: {result.versions for result in compared if result.contestant == name} for name in names}
    several = {name: " and ".join(sorted(different)) for name, different in origins.items() if len(different) > 1}
    return notes + [f"the results of {name} are of different origin: {these}" for name, these in several.items()]


def summary(standings: Standings, notes: Sequence[str]) -> Table:
    """A line for each contestant, the reference first."""
    ours = standings.reference
    heads = (
        *("", "rank, loss", "rank, error", f"loss ÷ {ours}'s", f"error ÷ {ours}'s", "won–drawn–lost, loss"),
        *("won–drawn–lost, error", "CPU s", f"CPU ÷ {ours}'s"),
    )
    others = [name for name in standings.names if name != ours]
    lines = []
    for name in (ours, *others):
        same = name == ours
        seconds = sum(standings.figures(table, name, "cpu").sum() for table in standings.tables)
        lines.append(
            [
                name,
                *(standings.rank(name, what).text() for what in MEASURES),
                *("1" if same else standings.ratio(name, what).text() for what in MEASURES),
                *("" if same else standings.against([name], what) for what in MEASURES),
                f"{seconds:,.0f}",
                "1" if same else standings.ratio(name, "cpu").text(),
            ]
        )
    if len(others) > 1:
        against = [standings.against(others, what) for what in MEASURES]
        lines.append(["the best of the others", "", "", "", "", *against, "", ""])
    told = [
        *notes,
        "± is a standard error over the tables; ratios are geometric means; CPU s is of all splits; won are the tables "
        f"on which {ours} is better, drawn where the difference lies within its standard error over the splits",
    ]
    return Table(f"{ours} beside what a user would take instead", heads, lines, told)


def by_table(standings: Standings, what: Literal["loss", "error", "cpu"]) -> Table:
    """The means over the splits, a line for each table, the least marked."""
    lines = []
    for table in standings.tables:
        splits = standings.splits(table)
        means = [float(np.mean([getattr(split[name], what) for split in splits])) for name in standings.names]
        percent = what == "error" and bool(splits[0][standings.names[0]].classes)
        written = [f"{100 * mean:.2f} %" if percent else figure(mean) for mean in means]
        marked = [cell + " *" * (mean == min(means)) for cell, mean in zip(written, means, strict=True)]
        lines.append([table, str(len(splits)), *marked])
    title = {"loss": "log loss, or RMSE", "error": "wrong answers, or RMSE", "cpu": "CPU seconds"}[what]
    return Table(f"{title}: means over the splits", ("table", "splits", *standings.names), lines, ["* the least"])


def areas(standings: Standings) -> Table | None:
    """The areas under the ROC curve of tables of two classes, means over the splits; None where there is none."""
    lines = []
    for table in standings.tables:
        found = {name: [split[name].auc for split in standings.splits(table)] for name in standings.names}
        means = [float(np.mean(auc)) for auc in found.values() if None not in auc]
        if len(means) == len(found):
            lines.append([table, *(f"{mean:.4f}" + " *" * (mean == max(means)) for mean in means)])
    title = "area under the ROC curve, of two classes: means over the splits"
    return Table(title, ("table", *standings.names), lines, ["* the greatest"]) if lines else None


def behind_trees(standings: Standings) -> Table:
    """How much worse the reference is than the best of the trees, table by table."""
    lines = []
    for table in standings.tables:
        line = [table]
        for what in MEASURES:
            best = standings.best(table, standings.trees, what)
            ours, theirs = (standings.mean(table, name, what) for name in (standings.reference, best))
            line += [best, f"{100 * (ours / theirs - 1):+.1f} %"]
        lines.append(line)
    ours = standings.reference
    heads = ("table", "least loss of the trees", f"{ours}'s is more by", "least error", f"{ours}'s is more by")
    return Table(f"{ours} beside the best of the trees", heads, lines)


def figure(value: float) -> str:
    """With four digits that count, and never fewer than stand before the point."""
    return f"{value:,.0f}" if value >= 1000 else f"{value:.4g}"


def all_tables(standings: Standings, notes: Sequence[str]) -> list[Table]:
    """What there is to tell."""
    trees = [behind_trees(standings)] if standings.trees and standings.reference not in standings.trees else []
    curves = [table for table in [areas(standings)] if table is not None]
    return [summary(standings, notes), *trees, *(by_table(standings, what) for what in (*MEASURES, "cpu")), *curves]

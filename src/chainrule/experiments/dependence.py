"""Partial dependence: what a network answers in the mean when a column of a table has one value after the other.

Friedman, 2001: f̄(v) = 1/m Σ_i f(v, x_i elsewhere). The values are those that rows of the table hold, so that what
the encoding makes of them is known already, whatever it is. Beside the mean stand a few rows by themselves (individual
conditional expectation; Goldstein et al., 2015): where they cross, what the column does depends on others.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from chainrule.charts import COLOURS, MARK, TRAINING, VALIDATION, Bars, Line, Mark, Panel, Rule
from chainrule.data.cells import as_text
from chainrule.data.columns import Column
from chainrule.data.source import Place, Source
from chainrule.data.tables import Table
from chainrule.data.targets import Target
from chainrule.errors import shortened

if TYPE_CHECKING:
    from polars import Series

ROWS, SINGLE = 300, 15
"""Over so many rows the mean is taken at most, and so many of them are drawn by themselves."""

VALUES, WORDS = 20, 10
"""So many numbers or moments of a column are tried at most, and so many of its words, the most frequent ones."""

WITHIN = (0.01, 0.99)
"""Between which quantiles of the column the numbers lie that are tried, where there are more of them."""

BLOCK = 2**23
"""About how many numbers are made for a column at most."""

NAME = 40
"""The most letters of a column's name."""

CAPTION = "What the network would answer in the mean if all rows had this value."


@dataclass(frozen=True, eq=False)
class Grid:
    """The values of a column that are tried, and a row that holds each.

    Attributes:
        column: which it is, and how it is read.
        rows: (g,) of those that were asked for, which row holds each value.
        at: (g,) the numbers, in the column's own unit, or moments in seconds since 1970; of words 0, 1, 2, …
        words: (g,), or nothing where the values are numbers or moments.
        missing: a row in which there is no value; None where there is none such, and of words, which have it with them.
    """

    column: Column
    rows: NDArray[np.intp]
    at: NDArray[np.float64]
    words: list[str]
    missing: int | None = None


@dataclass(frozen=True, eq=False)
class Dependence:
    """What was found of a column.

    Attributes:
        grid: the values that were tried.
        mean: (g, n), the mean of each of the n answers for each value.
        single: (g, s, n), the answers for some rows. missing: (n,), the mean where there is no value, or None.
        overall: (n,), the mean answer for the rows as they are.
        answers: what the n answers are, such as "p(yes)". unit: in what they are measured, or "".
    """

    grid: Grid
    mean: NDArray[np.float64]
    single: NDArray[np.float64]
    missing: NDArray[np.float64] | None
    overall: NDArray[np.float64]
    answers: list[str]
    unit: str = ""

    def panel(self) -> Panel:
        """As a picture: of numbers and moments a line for each answer, of words a bar or points."""
        return _panel_of_words(self) if self.grid.words else _panel_of_numbers(self)


def grid_of(source: Source, name: str, rows: NDArray[np.intp]) -> Grid | None:
    """The values of a column to try, of those in these rows; None of texts, of fewer than two values, and where the
    source is no table."""
    if not isinstance(source, Table):
        return None
    column = source.column(name)
    if column.kind == "text":
        return None
    values = column.values(source.frame[name].gather(rows), source.row[rows])
    found = _words(column, values) if column.kind != "date" and not column.counts else _numbers(column, values)
    return found if len(found.rows) > 1 else None


def dependence(
    outputs: Callable[[NDArray[Any]], NDArray[Any]],
    X: NDArray[Any],
    place: Place,
    grid: Grid,
    target: Target,
    unit: str = "",
    *,
    random: np.random.Generator,
) -> Dependence:
    """Try the values of a column on some rows.

    Args:
        outputs: from examples to (m, n_out). X: (m, n_x), the rows that `grid` was made of, as numbers.
        place: where in X the column lies. target: what the outputs are. unit: of values, or "".
        random: draws the rows.
    """
    tried = [*grid.rows, *([] if grid.missing is None else [grid.missing])]
    most = max(1, min(ROWS, BLOCK // (len(tried) * X.shape[1])))
    some = random.permutation(len(X))[:most]
    many = np.repeat(X[some][None], len(tried) + 1, axis=0)
    many[1:, :, place.start : place.stop] = X[tried][:, None, place.start : place.stop]
    output = np.asarray(outputs(many.reshape(-1, X.shape[1])), np.float64).reshape(len(tried) + 1, len(some), -1)
    as_it_is, answers = _answers(output, target)
    found, g = as_it_is[1:], len(grid.rows)
    missing = None if grid.missing is None else found[g].mean(axis=0)
    return Dependence(
        grid, found[:g].mean(axis=1), found[:g, :SINGLE], missing, as_it_is[0].mean(axis=0), answers, unit
    )


def _answers(output: NDArray[np.float64], target: Target) -> tuple[NDArray[np.float64], list[str]]:
    """The answers that are shown, (g, m, n), and what they are.

    Of a yes-or-no question that is the probability of the positive label, of classes those few whose probabilities
    change most, of several values the first, as others have other units.
    """
    if target.labels is None:
        return output[..., :1], [target.names[0]]
    if target.classes is not None and target.task == "yes_no":
        positive = 1 if target.positive is None else target.positive[0]
        return (output if positive else 1 - output), [f"p({target.classes[positive]})"]
    names = [f"p({label})" for label in target.classes or ()]
    names = names or [f"p({name} {labels[1]})" for name, labels in zip(target.names, target.labels, strict=True)]
    changes = np.ptp(output[1:].mean(axis=1), axis=0)
    most = np.sort(np.argsort(-changes, kind="stable")[: len(COLOURS)])
    return output[..., most], [names[k] for k in most]


def _numbers(column: Column, values: Series) -> Grid:
    """All numbers or moments of a column where they are few, else some along their quantiles."""
    if column.kind == "date":
        gone = values.is_null().to_numpy()
        v = np.where(gone, np.nan, values.dt.epoch("s").fill_null(0).to_numpy().astype(np.float64))
    else:
        v = values.to_numpy().astype(np.float64)
    there, lost = np.flatnonzero(np.isfinite(v)), np.flatnonzero(~np.isfinite(v))
    rows = there[np.unique(v[there], return_index=True)[1]]  # one for each different number
    if len(rows) > VALUES:
        along = _spread(there[np.argsort(v[there], kind="stable")])
        at_quantiles = along[np.unique(v[along], return_index=True)[1]]
        rows = at_quantiles if len(at_quantiles) > VALUES // 4 else _spread(rows)
    return Grid(column, rows, v[rows], [], int(lost[0]) if len(lost) else None)


def _spread(rows: NDArray[np.intp]) -> NDArray[np.intp]:
    """Some of sorted rows, evenly from one of the quantiles to the other."""
    return np.asarray(rows[np.round(np.linspace(*WITHIN, VALUES) * (len(rows) - 1)).astype(int)])


def _words(column: Column, values: Series) -> Grid:
    """The most frequent words of a column, and a missing value among them."""
    from chainrule.extras import polars as pl

    frame = pl.DataFrame({"word": as_text(values), "row": np.arange(len(values))})
    first = frame.group_by("word").agg(pl.col("row").min(), pl.len().alias("times"))
    first = first.sort(["times", "row"], descending=[True, False])[:WORDS]
    words = ["(missing)" if word is None else str(word) for word in first["word"].to_list()]
    return Grid(column, first["row"].to_numpy().astype(np.intp), np.arange(len(words), dtype=np.float64), words)


def _panel_of_numbers(found: Dependence) -> Panel:
    at, marks = found.grid.at, []
    several = len(found.answers) > 1
    if not several:
        marks += [Line(at, line, TRAINING, pale=True) for line in found.single[..., 0].T]
    for k, (name, colour) in enumerate(zip(found.answers, COLOURS, strict=False)):
        marks.append(Line(at, found.mean[:, k], colour, name if several else "mean", dots=len(at) <= VALUES // 2))
    if found.missing is not None and not several:
        ends = (at[0], at[-1])
        marks.append(Line(ends, (found.missing[0], found.missing[0]), VALIDATION, "where it is missing", thin=True))
    column = found.grid.column
    measured = f", in {column.measured_in}" if column.measured_in else ""
    ticks = _dates(at) if column.kind == "date" else ()
    x, said = (
        f"{shortened(column.name, NAME)}{measured}",
        CAPTION if several else f"{CAPTION} Pale lines are single rows.",
    )
    return Panel(_title(found), x, _axis(found), marks, ticks=ticks, caption=said)


def _panel_of_words(found: Dependence) -> Panel:
    """The word with the greatest answer at the top; bars begin at the mean answer for the rows as they are."""
    order = np.argsort(-found.mean[:, 0], kind="stable")
    words, mean, overall = [found.grid.words[i] for i in order], found.mean[order], found.overall
    marks: list[Mark]
    if len(found.answers) == 1:
        marks = [Bars(words, mean[:, 0], TRAINING, begins=np.full(len(words), overall[0]))]
        marks += [Rule(overall[0], "mean as it is", MARK)]
    else:
        nothing = np.full(len(words), np.nan)
        marks = [Bars(words, nothing, TRAINING)]
        marks += [
            Line(*_alone(mean[:, k], -np.arange(len(words))), colour, name, dots=True)
            for k, (name, colour) in enumerate(zip(found.answers, COLOURS, strict=False))
        ]
    return Panel(_title(found), _axis(found), "", marks, caption=CAPTION)


def _alone(x: NDArray[np.float64], y: NDArray[Any]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Points with a gap between each and the next."""
    gap = np.full(len(x), np.nan)
    return np.column_stack([x, gap]).ravel(), np.column_stack([y, gap]).ravel()


def _title(found: Dependence) -> str:
    return f"partial dependence on {shortened(found.grid.column.name, NAME)}"


def _axis(found: Dependence) -> str:
    """What the answers are."""
    if len(found.answers) > 1:
        return "mean probability"
    unit = f", in {found.unit}" if found.unit else ""
    name = shortened(found.answers[0], NAME)
    return f"{name}{unit}" if name.startswith("p(") else f"predicted {name}{unit}"


def _dates(seconds: NDArray[np.float64]) -> Sequence[tuple[float, str]]:
    """Places on an axis of seconds since 1970, with the dates that stand there; of a single day, the times."""
    places = seconds[0] + (seconds[-1] - seconds[0]) * np.array([0.1, 0.5, 0.9])
    moments = places.astype(np.int64).astype("datetime64[s]")
    of_a_day = seconds[0] // 86_400 == seconds[-1] // 86_400
    told = np.datetime_as_string(moments, unit="m" if of_a_day else "D")
    return [(float(place), text.rpartition("T")[2]) for place, text in zip(places, told, strict=True)]

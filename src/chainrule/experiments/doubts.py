"""What the program took for granted of a table, and what it cannot know: a sentence each, with a way out."""

from __future__ import annotations

import re
from itertools import pairwise
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from chainrule.data.cells import as_text, names_a_row, some_of
from chainrule.data.columns import option
from chainrule.data.misfits import misfits_in
from chainrule.data.new_rows import Doubt, total_told
from chainrule.data.repeats import SAMPLED, are_copies, comparable, share_by_chance, share_of_repeats
from chainrule.data.scales import MOST, are_whole, skewness
from chainrule.data.series import Series
from chainrule.data.source import Source
from chainrule.data.strays import mark_in, strays_in, total_in
from chainrule.data.tables import Table
from chainrule.data.targets import Target
from chainrule.errors import shortened, shown
from chainrule.experiments.filled_in import sentences_on_gaps
from chainrule.names import counted
from chainrule.numbers import brief

if TYPE_CHECKING:
    from polars import DataFrame, Expr

LONG, SHARE, CHANCE = 100, 0.01, 2.0
"""Of fewer rows, of a smaller share of repeated ones, and of less than CHANCE times what chance makes, nothing is
said."""

SHARED = "the test part may hold rows that were trained on"

NUMBER, HEADLESS = re.compile(r"-?\d[\d,]*(\.\d+)?|-?\.\d+"), 0.3
"""How a name is written that is a number; and from which share of such names on they may be no names."""

MINUTES, HOURS = 12, 6
"""Times of day have so many different minutes, every five at least, and hours, and years have no such hours."""

LEANS = 0.5
"""Counts are the rarer the larger they are, and so have more skewness than that."""

FEWEST = 4
"""Of fewer other columns a row may well have none."""

OTHERS = 3
"""So many other columns of a stray row are told."""


TAKEN = {"ignored": "is set aside", "id": "is set aside", "text": "is taken for a text"}
"""What becomes of a column that is neither numbers nor dates, by its kind."""


def doubts_on(source: Source, target: Target) -> list[str]:
    """The sentences on a table that is about to be trained on, or on the columns of series; none on anything else.

    Those on what looks like a mistake in a column are `Doubt`s.
    """
    table = source.rows if isinstance(source, Series) else source
    if not isinstance(table, Table):
        return []
    columns, numbers = [*_names(table), *_misfits(table)], [*_marks(table), *_thousands(table), *_clocks(table)]
    if isinstance(source, Series):
        return [*columns, *numbers]
    columns += _guesses(table, target)
    rows = [*_totals(table), *_strays(table, target), *_almost_empty(table), *_order(table), *_repeats(table)]
    return [*columns, *numbers, *sentences_on_gaps(table, target), *rows]


def _names(table: Table) -> list[str]:
    """Whether the names of the columns are the first row of a file that has none."""
    names = [column.name for column in table.columns]
    numbers = [i for i, column in enumerate(table.columns) if column.counts and NUMBER.fullmatch(names[i])]
    if len(numbers) < max(2, HEADLESS * len(names)):
        return []
    values = [float(names[i].replace(",", "")) for i in numbers]
    if len(values) > 2 and len({round(a - b, 9) for a, b in pairwise(values)}) == 1:
        return []  # years, or the like, a column each
    some = names if len(names) <= OTHERS + 1 else [*names[:OTHERS], "…", names[-1]]
    told = ", ".join(map(shortened, some))
    return [
        f"the names of the columns, {told}, look like a row of data: if the file has no line of names, put one on top, "
        "as that row is not learned from"
    ]


def _misfits(table: Table) -> list[str]:
    """Columns that would be numbers or dates but for a few cells."""
    found = []
    for column in table.columns:
        is_taken = column.kind in ("category", "yes_no", "text", "ignored", "id") or column.name in table.targets
        if not is_taken or column.form or (column.reason == "as you said" and column.name not in table.targets):
            continue
        odd = misfits_in(table.frame[column.name])
        if odd is None or (column.kind == "id" and odd.among == "numbers" and names_a_row(column.name)):
            continue
        i = int(odd.rows[0])
        cell = shown(table.frame[column.name][i])
        others = f" (and {counted(len(odd.rows) - 1, 'other cell')})" if len(odd.rows) > 1 else ""
        what = TAKEN.get(column.kind, "is taken for categories")
        told = (
            f"{column.name} holds {cell} in row {table.row[i]:,} among {odd.among}{others}, and so {what}: if it is a "
            "mistake, write it like the others, or leave it empty"
        )
        found.append(told if column.name in table.targets else Doubt(told, "misfits", column.name))
    return found


def _guesses(table: Table, target: Target) -> list[str]:
    """What whole numbers were taken for."""
    if table.task is not None:
        return []
    found = []
    for i, name in enumerate(target.names):
        if target.labels is not None:
            labels = target.labels[i]
            if len(labels) > 2 and all(isinstance(label, int) and not isinstance(label, bool) for label in labels):
                found.append(
                    f"{name} holds {len(labels)} whole numbers from {min(labels)} to {max(labels)}: classes; "
                    "--task regression predicts values"
                )
            continue
        column = table.column(name)
        y = _values(table, name)
        if y.min() >= 0 and y.max() <= MOST and are_whole(y) and not column.unit:
            counts = y.min() <= 1 and skewness(y) > LEANS
            what = "counts, predicted as values" if counts else "predicted as values"
            found.append(
                f"{name} holds whole numbers from {y.min():.0f} to {y.max():.0f}: {what}; --task classification takes "
                "each for a class"
            )
    return found


def _values(table: Table, name: str) -> NDArray[np.float64]:
    column = table.column(name)
    return np.asarray(column.values(table.frame[name], table.row).to_numpy(), np.float64)


def _marks(table: Table) -> list[Doubt]:
    """Numbers that may mark a missing value."""
    if table.missing is not None:
        return []
    told: dict[float, list[str]] = {}
    first: dict[float, str] = {}
    values = [name for name in table.targets if table.target.labels is None]
    for column in table.columns:
        if column.kind != "number" and column.name not in values:
            continue
        mark = mark_in(column.values(table.frame[column.name], table.row))
        if mark is not None:
            others = f"the others lie between {mark.low:,.10g} and {mark.high:,.10g}"
            first.setdefault(mark.value, column.name)
            told.setdefault(mark.value, []).append(
                f"{column.name} is {mark.value:.10g} in {mark.times:,} of {mark.of:,} rows, and {others}"
            )
    ask = "does it mark a missing value? Then train with --missing"
    return [
        Doubt(f"{found[0]}{_and_others(len(found) - 1)}: {ask}={value:.10g}", f"marks {value:.10g}", first[value])
        for value, found in told.items()
    ]


def _and_others(n: int) -> str:
    return f" (and so in {counted(n, 'other column')})" if n else ""


def _thousands(table: Table) -> list[Doubt]:
    """Numbers whose points part thousands, by the look of them: 152, 1.883, 1.719 and no 1.5."""
    found = []
    for column in table.columns:
        if not (column.counts or column.kind == "number") or not table.frame[column.name].dtype.is_float():
            continue
        values = table.frame[column.name].drop_nulls()
        pair = _in_thousands(some_of(values).to_numpy()) and _in_thousands(values.to_numpy())
        if pair is None:
            continue
        whole, part = pair
        told = (
            f"{column.name} holds {brief(whole)} beside {part:.3f}, always three digits behind the point: if it parts "
            "thousands, write the numbers without it"
        )
        found.append(Doubt(told, "thousands", column.name))
    return found


def _in_thousands(values: NDArray[np.float64]) -> tuple[float, float] | None:
    """The first whole number and the first with three digits behind its point, if there are no others."""
    is_whole = values % 1 == 0
    parts, whole = values[~is_whole], values[is_whole]
    if len(parts) < 10 or not len(whole) or abs(parts).max() >= 1000 or abs(whole).max() >= 1000:
        return None
    in_thousands = np.round(parts * 1000)
    three = np.abs(parts * 1000 - in_thousands).max() < 1e-6 and (in_thousands % 10 != 0).mean() > 0.8
    return (float(whole[0]), float(parts[0])) if three and np.median(abs(whole)) > abs(parts).max() else None


def _clocks(table: Table) -> list[str]:
    """Whole numbers that are hours and minutes, 517 for 5:17: behind the hundreds never more than 59."""
    found, example = [], 0
    for column in table.columns:
        series = table.frame[column.name]
        if column.kind != "number" or column.unit or not series.dtype.is_numeric():
            continue
        some = series.gather_every(max(1, len(series) // SAMPLED)).drop_nulls().to_numpy()
        if len(some) < LONG or some.min() < 0 or not 1000 <= some.max() <= 2400 or not are_whole(some):
            continue
        hours, minutes = np.unique(some // 100), np.unique(some % 100)
        if minutes.max() <= 59 and len(minutes) >= MINUTES and len(hours) >= HOURS:
            found.append(column.name)
            example = example or int(some[some >= 100][0])
    if not found:
        return []
    told = f"{', '.join(found)} {'hold' if len(found) > 1 else 'holds'}"
    return [
        f"{told} whole numbers up to 2400 of which the last two digits are never above 59: if {example} is "
        f"{example // 100}:{example % 100:02d}, write it so, and it is a time of day"
    ]


def _almost_empty(table: Table) -> list[str]:
    """Rows in which nearly all is missing but what is to be predicted, as in a line of totals."""
    if len(table.targets) != 1 or len(table) < LONG:
        return []
    others = [column.name for column in table.columns if column.kind not in ("constant", "target")]
    if len(others) < FEWEST:
        return []
    if sum(table.frame[name].null_count() > 0 for name in others) < len(others) - 1:
        return []
    empty = table.frame.select(_all_null(others))["empty"].to_numpy()
    if not 0 < empty.sum() <= SHARE * len(table):
        return []
    rows = ", ".join(f"{row:,}" for row in table.row[empty][:OTHERS])
    n = counted(int(empty.sum()), "row")
    return [
        f"in {n}, such as row {rows}, nearly all is missing but {table.targets[0]}: if that is a total, take it out"
    ]


def _all_null(names: list[str]) -> Expr:
    """Whether a row has nothing in any of these columns, but for one that may hold a word such as total."""
    from chainrule.extras import polars as pl

    return (pl.sum_horizontal(pl.col(name).is_null() for name in names) >= len(names) - 1).alias("empty")


def _totals(table: Table) -> list[Doubt]:
    """A row that holds the sums of all others, as tables in workbooks end."""
    if table.sample is not None and not table.sample.whole:
        return []
    found: dict[int, list[str]] = {}
    for column in table.columns:
        if column.kind == "number" or (column.name in table.targets and column.counts):
            i = total_in(_values(table, column.name))
            if i is not None:
                found.setdefault(i, []).append(column.name)
    return [Doubt(total_told(names, int(table.row[i])), "total", names[0]) for i, names in found.items()]


def _strays(table: Table, target: Target) -> list[str]:
    """Rows whose value to predict is far from all others."""
    if target.labels is not None or table.within:
        return []
    found = []
    for name in target.names:
        strays = strays_in(_values(table, name))
        if strays is None:
            continue
        rows = ", ".join(_row(table, int(i), name) for i in strays.rows)
        found.append(
            f"{rows}: far from all others, which lie between {strays.low:,.10g} and {strays.high:,.10g}. If it is no "
            "row like them, such as a total, --drop-outliers leaves it out"
        )
    return found


def _row(table: Table, i: int, name: str) -> str:
    """A row by its number, what is to be predicted of it, and what else it holds."""
    used = [c.name for c in table.columns if c.kind in ("number", "category", "id") and c.name != name][:OTHERS]
    value = table.frame[name][i]
    words = _cell(value) if isinstance(value, int | float) else as_text(table.frame[[i]][name])[0]
    others = ", ".join(f"{other} {_cell(table.frame[other][i])}" for other in used)
    return f"{name} is {words} in row {table.row[i]:,}" + (f" ({others})" if others else "")


def _cell(value: object) -> str:
    return f"{value:,.10g}" if isinstance(value, int | float) else shown(value)


def _order(table: Table) -> list[str]:
    """A column of dates in whose order the rows stand, where nobody divides by time."""
    if table.time is not None or table.group is not None or len(table) < LONG:
        return []
    for column in table.columns:
        if column.kind != "date":
            continue
        moments = column.values(table.frame[column.name], table.row).drop_nulls()
        if not moments.dtype.is_temporal() or len(moments) < len(table) / 2:
            continue
        ordered = moments.is_sorted() or moments.is_sorted(descending=True)
        if ordered and moments.n_unique() >= LONG / 4:
            way = option("time", column.name)
            return [
                f"the rows stand in the order of {column.name}, but the test part is drawn from all of them: where "
                f"what comes later is to be predicted, train with {way}"
            ]
    return []


def _repeats(table: Table) -> list[str]:
    """How many rows are there more than once, where they are so many that parts would share them."""
    if len(table) < LONG or table.group is not None or table.once:
        return []
    frame = comparable(table.frame)
    share = share_of_repeats(frame)
    if share >= SHARE:
        if _by_chance(frame, share):
            return []
        way = "--no-stream --drop-repeated" if table.sample is not None else "--drop-repeated"
        return [
            f"{_about(table, share)} of the rows repeat an earlier one word for word: if they are copies, {way} leaves "
            f"them out, as {SHARED}"
        ]
    ids = {column.name for column in table.columns if column.kind in ("id", "constant")}
    others = frame.drop(ids)
    share = share_of_repeats(others) if ids and others.width else 0.0
    if share < SHARE or _by_chance(others, share) or not are_copies(others):
        return []
    told_apart = ", ".join(column.name for column in table.columns if column.kind == "id")
    return [
        f"{_about(table, share)} of the rows repeat an earlier one in all but {told_apart}: if they are copies, "
        f"{SHARED}; take them out, or keep together what belongs together by --group COLUMN"
    ]


def _by_chance(frame: DataFrame, share: float) -> bool:
    """Whether so many rows may well be alike because their columns hold few different values."""
    return share < CHANCE * share_by_chance(frame) + SHARE


def _about(table: Table, share: float) -> str:
    return f"{'about ' if len(table) > SAMPLED else ''}{share:.0%}"


def limits_told(target: Target, Y: NDArray[np.float64]) -> list[str]:
    """Where predictions end because all values Y to learn from do, and come near enough."""
    if target.scales is None or target.form in ("log", "range"):
        return []
    columns = zip(target.names, target.scales, Y.reshape(len(Y), -1).T, strict=True)
    return [
        f"{name} is {scale.limits} in every row of the training part, and so are all predictions"
        for name, scale, y in columns
        if scale.limits and (scale.high is not None or (scale.low is not None and y.min() - scale.low < y.std()))
    ]

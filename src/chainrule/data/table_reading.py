"""How a table is read: from a file or a frame, with what somebody has said of it; the kinds of columns are inferred."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from chainrule.data.column_kinds import (
    column_of_numbers,
    column_of_time,
    column_of_values,
    find_columns,
    with_all_labels,
)
from chainrule.data.columns import Column, Kind, with_days_in_order
from chainrule.data.frames import is_frame
from chainrule.data.missing import Markers
from chainrule.data.opening import open_table, require
from chainrule.data.row_sample import RowSample
from chainrule.data.strays import usual_ends
from chainrule.data.tables import Table, kept
from chainrule.data.targets import KINDS
from chainrule.data.targets import Kind as Task
from chainrule.errors import OptionError
from chainrule.names import lookup, several
from chainrule.progress import stage

if TYPE_CHECKING:
    from polars import DataFrame, Series


def read_table(
    source: Any,
    target: str | Sequence[str],
    *,
    task: str | None = None,
    number: str | Sequence[str] = (),
    category: str | Sequence[str] = (),
    date: str | Sequence[str] = (),
    text: str | Sequence[str] = (),
    ignore: str | Sequence[str] = (),
    time: str | None = None,
    group: str | None = None,
    missing: str | Sequence[str] | None = None,
    day_first: bool | None = None,
    stream: bool | None = None,
    weights: str | None = None,
    drop_outliers: bool = False,
    drop_repeated: bool = False,
    target_statistics: bool = False,
) -> Table:
    """The table in a CSV, TSV, Parquet, JSON or Excel file (also in gzip), or in a frame of polars or pandas.

    What each column is, is found from its values; `columns` of the table tells what and why.

    Args:
        source: the path, or the frame.
        target: the column to predict, or several.
        task: classification or regression; None for what the target tells.
        number: a column, or several, to take for numbers.
        category: such to take for categories.
        date: such to take for dates.
        text: such to take for free text.
        ignore: such to leave out.
        time: a column of dates or numbers: an experiment trains on the past of it, and tests on the future.
        group: a column whose values are never divided between the parts of an experiment.
        missing: words that mark a missing value, in capitals or not, in place of the usual ones, or, where they are all
            numbers such as -999, beside these; an empty cell always does. Of the usual ones, "none", "nil", "-", "--"
            and "." mark none among words to predict.
        day_first: whether 3/4/2025 is in April; None for what a column of dates tells by itself, else March, or April
            where the steps of the `time` column are even only then, with a note.
        stream: whether a file is read in chunks whenever rows are wanted, and but some of them held; None for files
            that are larger, as text, than 10% of the memory.
        weights: a column of how much each row counts while training.
        drop_outliers: whether rows are left out in which a value to predict lies far from all others, as that of a sum
            does, or marks a missing one by −999 and the like; without it, a note names them.
        drop_repeated: whether rows that repeat an earlier one, alike in every column, are left out.
        target_statistics: whether categories of more than 32 values become statistics of the target, in place of
            learned vectors: of a row that is trained on, those of the rows before it in an order that is drawn.

    Raises:
        DataError: there is no such file, it is broken or no table, or it has not what was asked for.
        OptionError: an unknown task, or a column with two roles.
    """
    if time is not None and group is not None:
        raise OptionError("a table is divided by time or by group, not by both.")
    if not isinstance(target_statistics, bool):
        raise OptionError(f"target_statistics is {target_statistics!r}, but must be True or False.")
    targets = several(target)
    texts = [*several(category), *([] if group is None else [group])]
    markers = Markers(targets, [missing] if isinstance(missing, str) else missing, texts)
    name = "the table" if is_frame(source) else str(source)
    frame, notes, sample = open_table(source, markers, stream)
    if sample is not None:
        _refuse_in_chunks(name, drop_repeated, target_statistics)
    what = None if task is None else lookup("task", task, KINDS)
    asked: dict[Kind, Iterable[str]] = {
        "target": targets,
        "group": [] if group is None else [group],
        "number": several(number),
        "category": several(category),
        "date": several(date),
        "text": several(text),
        "ignored": [*several(ignore), *([] if weights is None else [weights])],
    }
    said = _Said(name, asked, time, weights, day_first, what)
    columns, doubts = said.columns(frame, sample)
    row = None if sample is None else sample.row
    table = Table(
        kept(frame, [column for column in columns if column.kind != "target"], row),
        name,
        columns,
        targets,
        task=what,
        time=time,
        group=group,
        notes=[*notes, *doubts],
        row=row,
        sample=sample,
        missing=markers.words,
        weight=weights,
        once=drop_repeated,
        target_statistics=target_statistics,
    )
    table.call_labels_as_written()
    table.note_spellings()
    return without_outliers(table) if drop_outliers else table


def _refuse_in_chunks(name: str, drop_repeated: bool, target_statistics: bool) -> None:
    """Raises OptionError for what needs all rows together."""
    if drop_repeated:
        raise OptionError(
            f"{name} is read in chunks, in which rows are not compared: leave --drop-repeated out, or read it whole "
            "with --no-stream."
        )
    if target_statistics:
        raise OptionError(
            f"{name} is read in chunks, which have no statistics of the target: leave --target-statistics out, or read "
            "it whole with --no-stream."
        )


@dataclass(frozen=True)
class _Said:
    """What somebody has said of the columns of a table of that name; see `read_table`."""

    name: str
    asked: Mapping[Kind, Iterable[str]]
    time: str | None
    weights: str | None
    day_first: bool | None
    task: Task | None

    def columns(self, frame: DataFrame, sample: RowSample | None) -> tuple[list[Column], list[str]]:
        """What each column is, and what is doubtful of it."""
        roles = self._roles(frame)
        row, labels = (None, {}) if sample is None else (sample.row, sample.labels)
        with stage("looking at columns"):
            found = find_columns(frame, roles, row)
        found = [with_all_labels(c, frame[c.name], labels[c.name]) if c.name in labels else c for c in found]
        found = [self._with_role(column, frame) for column in found]
        found, doubts = with_days_in_order(found, frame, self.time, self.day_first)
        if self.task == "regression":
            found = [column_of_values(c, frame[c.name], row, self.name) if c.kind == "target" else c for c in found]
        return found, doubts

    def _with_role(self, column: Column, frame: DataFrame) -> Column:
        """The column, where it is that of time or of how much each row counts, as such."""
        if column.name == self.time:
            column = column_of_time(frame[self.time], column, self.name)
        return _of_weights(frame[self.weights], column) if column.name == self.weights else column

    def _roles(self, frame: DataFrame) -> dict[str, Kind]:
        """The kinds that were said, by the names of columns, all of which are there.

        Raises:
            OptionError: a column is to be two things, or none is to be predicted. DataError: it is not there.
        """
        roles: dict[str, Kind] = {}
        for kind, names in self.asked.items():
            for column in names:
                if column in roles:
                    raise OptionError(f"{column!r} has two roles, {roles[column]} and {kind}: leave one of them out.")
                roles[column] = kind
        for column in [*roles, *([] if self.time is None else [self.time])]:
            require(column, frame, self.name)
        if "target" not in roles.values():
            raise OptionError(f"which column of {self.name} is to be predicted? It has {', '.join(frame.columns)}.")
        return roles


def _of_weights(series: Series, column: Column) -> Column:
    """The column of how much each row counts."""
    found = column_of_numbers(series)
    found.check_said(series)
    return replace(column, reason="how much each row counts", form=found.form, markers=found.markers, unit=found.unit)


def without_outliers(table: Table) -> Table:
    """The table without the rows in which a value to predict is a stray or a mark; see `chainrule.data.strays`.

    Raises:
        OptionError: labels are predicted.
    """
    if table.target.labels is not None:
        labels = (
            f"{', '.join(table.targets)} of {table.name} {'is' if len(table.targets) == 1 else 'are'} taken for labels"
        )
        raise OptionError(
            f"--drop-outliers is about values to predict, but {labels}: leave it out, or take "
            "numbers for values with --task regression."
        )
    within = {}
    for name in table.targets:
        series = table.frame[name]
        values = np.asarray(table.column(name).values(series, table.row).to_numpy(), np.float64)
        ends = usual_ends(values)
        if ends is not None:
            within[name] = ends
    table.leave_out_beyond(within)
    return table

"""Whether new rows of series are like those that were trained on, and what is taken for what they lack."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view

from chainrule.data.codes import Moment, Number
from chainrule.data.columns import option
from chainrule.data.new_rows import Doubt, doubts_on_rows
from chainrule.data.series.endings import listed
from chainrule.data.series.offsets import HOUR, offsets_of
from chainrule.data.series.source import Series
from chainrule.names import counted
from chainrule.numbers import brief

if TYPE_CHECKING:
    from chainrule.data.series.windows import Windows

SURE = 5.0
"""So many deviations from the mean a value hardly ever lies, and what lies farther is told."""

UNKNOWN = "missing, as its model file does not tell what is usual (train anew, and it does)"
"""What is taken for a value that is lacking, of a file that an older version made."""

STEADY = 2.0
"""Of values whose mean is more than so many deviations a whole window is hardly ever below a tenth of it."""


def notes_on(encoding: Windows, source: Series) -> list[str]:
    """What is otherwise than in training."""
    notes: list[str] = [*_doubts("series", _strangers(encoding, source)), *doubts_on_columns(encoding, source)]
    notes += [*_doubts("negative", _negative(encoding, source)), *_without_logarithm(encoding, source)]
    notes += [*_doubts("far", _far(encoding, source)), *_doubts("offset", _without_offset(encoding, source))]
    if source.labelled:
        return [*notes, *notes_on_gaps(encoding, source)]
    return [*notes, *_doubts("lacking", _lacking(encoding, source)), *_not_looked_at(encoding, source)]


def _doubts(kind: str, notes: list[str]) -> list[Doubt]:
    """Notes of a kind as doubts, each about what it names."""
    return [Doubt(note, kind, note) for note in notes]


def _strangers(encoding: Windows, source: Series) -> list[str]:
    """On series that training has not met, and on those that it had and that are not there."""
    met = [source.names[i] for i in np.unique(source.strand[source.last])]
    scaling = encoding.base.scaling
    strangers, lost = scaling.strangers(met), [] if scaling.names == [""] else [*scaling.names]
    lost = [name for name in lost if name not in set(source.names)]
    notes = []
    if strangers:
        notes.append(f"not met in training, and scaled by its own values, is {encoding.group} {listed(strangers)}")
    if lost:
        what = "forecast" if not source.labelled else "measured"
        of = "it" if len(lost) == 1 else "them"
        notes.append(f"not there is {encoding.group} {listed(lost)}, which training had: nothing is {what} of {of}")
    return notes


def doubts_on_columns(encoding: Windows, source: Series) -> list[Doubt]:
    """On the other columns, as of a table: numbers in those rows that forecasts look at, and words anywhere, as one
    that training has not met may say that others mean something else, too.

    Rows to come are looked at in columns that are known ahead alone; what these lack, `_lacking` and `notes_on_gaps`
    tell.
    """
    end = np.full(len(source.names), -1)
    end[source.strand[source.last]] = source.last + (source.horizon if source.labelled else 0)
    past = np.arange(len(source.strand)) <= end[source.strand]
    given, seen = source.table.row > 0, source.seen(np.arange(len(source)))
    found = []
    for code in encoding.past:
        rows = given & (seen if isinstance(code, Number | Moment) else True)
        there = source.table.frame[code.column.name].is_not_null().to_numpy()
        rows &= there if code.column.name in encoding.ahead and there.any() else past
        frame = source.table.frame.select(code.column.name)
        found += doubts_on_rows([code], frame.filter(rows), source.table.row[rows])
    return found


def _negative(encoding: Windows, source: Series) -> list[str]:
    """On values below 0 where there never was one."""
    return [
        f"{column.name} was never negative in training, so forecasts are not; here it is: train anew, with "
        f"{option('negative', column.name)} where these rows are not among those to learn from"
        for column, floor, values in zip(encoding.targets, encoding.floor, source.values.T, strict=True)
        if floor and np.nanmin(values) < 0
    ]


def _without_offset(encoding: Windows, source: Series) -> list[str]:
    """On times that do not tell how far their clock is from UTC, where those of the training did."""
    if encoding.offset is None or offsets_of(source.table.frame[encoding.time.name], encoding.time.form) is not None:
        return []
    return [
        f"{encoding.time.name} does not tell in all rows how far its clock is from UTC, as training did: it is taken "
        f"for a clock that is {encoding.offset / HOUR:+g} hours from it all the year"
    ]


def _without_logarithm(encoding: Windows, source: Series) -> list[Doubt]:
    """On values of 0 or less among those that forecasts look at, where they are built on logarithms."""
    looked_at = source.seen(np.arange(len(source)))
    found = []
    for column, log, values in zip(encoding.targets, encoding.base.scaling.logs, source.values.T, strict=True):
        odd = np.flatnonzero(looked_at & (values <= 0)) if log else np.empty(0, np.intp)
        if len(odd):
            where = f"in row {source.table.row[odd[0]]}" if len(odd) == 1 else f"in {len(odd):,} rows"
            found.append(
                Doubt(
                    f"{column.name} is 0 or less {where}, where training had more than that alone, so that forecasts "
                    "are built on its logarithm: taken for very little; if it is a gap, leave it empty, and if such "
                    "values are to come again, train anew",
                    "logarithm",
                    column.name,
                )
            )
    return found


def _far(encoding: Windows, source: Series) -> list[str]:
    """On series that end far from all of the training, or hold less than a tenth of what was hardly ever so little."""
    last = source.last[np.append(np.diff(source.strand[source.last]) != 0, True)]
    last = last + (source.horizon if source.labelled else 0)
    scale = encoding.base.scale(source)
    level = (scale.forth(source.filled) / scale.spread)[last]
    logs = np.array(encoding.base.scaling.logs)
    middle, deviation = scale.middle[last], (scale.change * scale.spread)[last]
    windows = sliding_window_view(source.filled, encoding.window, axis=0)[last - encoding.window + 1]
    few = np.array(encoding.floor) & ~logs & (middle > STEADY * deviation)
    few &= np.median(windows, axis=-1) < middle / 10
    notes = []
    for j, (column, far) in enumerate(zip(encoding.targets, ((abs(level) > SURE) | few).T, strict=True)):
        if far.any():
            i = int(np.flatnonzero(far)[0])
            whose = f" of {source.group_of(last[[i]])[0]}" if encoding.group else ""
            about = np.exp(middle[i, j]) if logs[j] else middle[i, j]
            notes.append(
                f"{column.name}{whose} ends with {source.filled[last[i], j]:.6g}, far from all of the training, about "
                f"{brief(float(about))}: is it in another unit? If not, train anew"
            )
    return notes


def _lacking(encoding: Windows, source: Series) -> list[str]:
    """On columns that are known ahead, but not there in the rows to come: what is taken for them."""
    notes = []
    to_come = source.inside(source.last)
    inside = to_come < len(source.strand)
    usual = {one.column: str(one) for one in encoding.usual}
    targets = ", ".join(column.name for column in encoding.targets)
    for name in encoding.ahead:
        there = inside.copy()
        there[inside] = source.table.frame[name].is_not_null().to_numpy()[to_come[inside]]
        lacking = int((~there).sum())
        if lacking:
            notes.append(
                f"{name} is known ahead, but not there in {lacking:,} of {counted(there.size, 'row')} to come: taken "
                f"for {usual.get(name, UNKNOWN)}. Where it is known, write these rows, with {targets} left empty"
            )
    return notes


def notes_on_gaps(encoding: Windows, source: Series) -> list[str]:
    """On gaps in columns that are known ahead, in rows that windows are compared with: what is taken for them."""
    rows = source.seen(np.arange(len(source))) & (source.table.row > 0)
    notes = []
    for one in encoding.usual:
        gaps = int(source.table.frame[one.column].filter(rows).null_count())
        if gaps and one.value is not None:
            notes.append(
                f"{one.column} is known ahead, but missing in {gaps:,} of {counted(int(rows.sum()), 'row')}: taken for "
                f"{one}"
            )
    return notes


def _not_looked_at(encoding: Windows, source: Series) -> list[str]:
    """On rows to come of which nothing is looked at."""
    if encoding.ahead or not encoding.past or not (source.inside(source.last) < len(source.strand)).any():
        return []
    names = ", ".join(code.column.name for code in encoding.past)
    return [
        f"the rows after the last {encoding.targets[0].name} are not looked at, as nothing was known ahead: train with "
        f"--known-ahead and what is known of {names}"
    ]

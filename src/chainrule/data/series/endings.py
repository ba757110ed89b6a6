"""How series end: in zeros that may stand for what is to come, before the others do, with what is known of later
rows."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from chainrule.names import counted

if TYPE_CHECKING:
    from chainrule.data.series.source import Series

NAMED = 3
"""So many series are named."""

FEWEST, CHANCE = 3, 1e-4
"""From so many zeros at the end on, which by chance come no more often than that, they are told."""

Rows = NDArray[np.intp]


def notes_on_endings(source: Series, ends: Rows) -> list[str]:
    """A note on each thing that a reader should know of how these series end.

    Args:
        ends: the last row of each series in which all values are known.
    """
    return [*_zeros(source, ends), *_stale(source, ends)]


def known_ahead(source: Series, others: Sequence[str], ends: Rows) -> tuple[list[str], list[str]]:
    """The columns that the rows after the last target hold in every series, as far as forecasts go; and notes.

    Args:
        others: the columns that may be. ends: as above.
    """
    after = np.append(np.flatnonzero(np.diff(source.strand)), len(source.strand) - 1)
    lengths = after[np.searchsorted(after, ends)] - ends
    if not (lengths > 0).any():
        return [], []
    held = {name: _held(source, name, ends, lengths) for name in others}
    some = {name: rows for name, rows in held.items() if rows.max() > 0}
    there = [name for name, rows in some.items() if rows.min() >= source.horizon]
    targets = ", ".join(column.name for column in source.targets)
    notes = []
    if there:
        n = int(lengths.max())
        notes.append(
            f"known ahead is {', '.join(there)}, which the {counted(n, 'row')} after the last {targets} hold: "
            "forecasts look at it, and `predict` needs such rows"
        )
    for name, rows in some.items():
        if name not in there:
            notes.append(
                f"{_short_of(source, name, targets, ends, rows)}, but {source.horizon} are forecast: not used; "
                f"--known-ahead {name} says that it will be known"
            )
    return there, notes


def _held(source: Series, name: str, ends: Rows, lengths: Rows) -> Rows:
    """(series,) in how many rows in a row after its end, as far as forecasts go, each series holds a column."""
    gaps = source.table.frame[name].is_null().to_numpy()
    reach = np.minimum(lengths, source.horizon)
    found = []
    for end, n in zip(ends, reach, strict=True):
        lacking = np.flatnonzero(gaps[end + 1 : end + 1 + n])
        found.append(int(lacking[0]) if len(lacking) else int(n))
    return np.array(found)


def _short_of(source: Series, name: str, targets: str, ends: Rows, rows: Rows) -> str:
    """How many rows after the end of which series hold a column."""
    short = np.flatnonzero(rows < source.horizon)
    if len(rows) == 1:
        n = int(rows[0])
        return f"the {counted(n, 'row')} after the last {targets} hold{'s' if n == 1 else ''} {name}"
    n = int(rows.min())
    after = f"{'row' if n == 1 else 'rows'} after the last {targets} hold{'s' if n == 1 else ''} {name}"
    return f"of {_named(source, ends[short])} {f'only {n:,}' if n else 'no'} {after}"


def _zeros(source: Series, ends: Rows) -> list[str]:
    """On series that are hardly ever 0 but at their end."""
    found = []
    for column, values in zip(source.targets, source.values.T, strict=True):
        told: list[tuple[int, int]] = []
        for end in ends:
            y = values[source.begin[end] : end + 1]
            others = np.flatnonzero(y != 0)  # a missing value is none, too
            run = len(y) - 1 - int(others[-1]) if len(others) else 0
            before = y[: len(y) - run]
            share = (np.sum(before == 0) + 1) / (np.isfinite(before).sum() + 2)
            if run >= FEWEST and share**run < CHANCE:
                told.append((int(end), run))
        if told:
            end, run = max(told, key=lambda pair: pair[1])
            first = source.times_of(np.array([end - run + 1]))[0]
            of = f" of {_named(source, np.array([end for end, _ in told]))}" if source.group_column else ""
            found.append(
                f"{column.name}{of} is 0 in the last {run:,} rows, from {first} on, and hardly ever before: taken for "
                "what was; where they stand for what is to come, leave those cells empty"
            )
    return found


def _stale(source: Series, ends: Rows) -> list[str]:
    """On series that end before the others."""
    if len(ends) < 2:
        return []
    places, latest = source.places[ends], int(source.places[ends].max())
    apart = source.horizon if source.labelled else 0
    early = np.flatnonzero(latest - places > apart)
    if not len(early):
        return []
    first = early[np.argsort(places[early], kind="stable")]
    whens = source.times_of(ends[first[:NAMED]])
    told = ", ".join(f"{source.group_of(ends[[i]])[0]} at {when}" for i, when in zip(first, whens, strict=False))
    more = f" and {len(first) - NAMED:,} more" if len(first) > NAMED else ""
    last = source.times_of(ends[[int(places.argmax())]])[0]
    one = len(first) == 1
    return [
        f"{told}{more} end{'s' if one else ''} before the others, which go on until {last}: forecasts of "
        f"{'it' if one else 'these'} are for the time after {'its' if one else 'their'} own end"
    ]


def _named(source: Series, rows: Rows) -> str:
    return listed(source.group_of(rows))


def listed(names: list[str]) -> str:
    """The first names, and how many more there are."""
    return ", ".join(names[:NAMED]) + (f" and {len(names) - NAMED:,} more" if len(names) > NAMED else "")

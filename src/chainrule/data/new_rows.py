"""Whether new rows are like those that were trained on: columns that are lost, empty, in another unit, of new words."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from chainrule.data.encoding import Code, Number
from chainrule.errors import DataError, shortened, shown
from chainrule.names import unknown
from chainrule.numbers import brief

if TYPE_CHECKING:
    from polars import DataFrame

SOME = 2_000
"""So many rows from all over tell where the numbers of a column lie."""

FAR, NEARLY_ALL = 4.0, 0.1
"""So many deviations from the mean is far; and which part of the rows may be nearer where nearly all are far."""

VERY_FAR = 10.0
"""A single number further than this from the mean is like none that was trained on."""

MANY = 100
"""Of fewer rows no share is told."""

TOLD = 10
"""So many lost columns are told by name."""


def require_all(needed: Iterable[str], there: Sequence[str], name: str) -> None:
    """Raises DataError for all columns that are lost, at once."""
    known = set(there)
    lost = [column for column in needed if column not in known]
    if not lost:
        return
    if len(lost) == 1:
        raise DataError(f"{name}: {unknown('column', lost[0], there)}")
    names = ", ".join(shown(shortened(name)) for name in lost[:TOLD]) + (", …" if len(lost) > TOLD else "")
    have = ", ".join(map(shortened, there[:TOLD])) + (", …" if len(there) > TOLD else "")
    raise DataError(f"{name} lacks {len(lost):,} columns that training had: {names}. It has {have}.")


def doubts_on_rows(codes: Sequence[Code], frame: DataFrame, row: NDArray[np.int64] | None) -> list[str]:
    """A note on each column that is not as it was while training."""
    found = []
    for code in codes:
        series = frame[code.column.name]
        if len(series) and series.null_count() == len(series):
            if not _knew_gaps_alone(code):
                found.append(f"{code.column.name} is missing in all {len(series):,} rows: predictions do without it")
            continue
        note = _far_away(code, frame) if isinstance(code, Number) else _strangers(code, frame, row)
        found += [note] if note else []
    return found


def far_number(code: Code, value: object) -> str:
    """A note on a single number that is like none that was trained on, or nothing."""
    if not isinstance(code, Number) or not isinstance(value, int | float):
        return ""
    v = math.asinh((value - code.origin) / code.unit) if code.unit else value
    if abs(v - code.middle) <= VERY_FAR * code.spread:
        return ""
    return f"{code.column.name} is {brief(float(value))}, far from all that training met, about {brief(code.fill)}"


def _knew_gaps_alone(code: Code) -> bool:
    """Whether the column was empty while training, too."""
    return isinstance(code, Number) and code.gaps and (code.fill, code.middle, code.spread) == (0.0, 0.0, 1.0)


def _far_away(code: Number, frame: DataFrame) -> str:
    """A note on numbers that nearly all lie far from those of training, or nothing."""
    some = frame[code.column.name].gather_every(max(1, frame.height // SOME))
    values = code.column.values(some).drop_nulls().to_numpy().astype(np.float64)
    if len(values) == 0:
        return ""
    z = np.arcsinh((values - code.origin) / code.unit) if code.unit else values
    apart = abs(z - code.middle) / code.spread
    if not np.quantile(apart, NEARLY_ALL) > FAR:
        return ""
    middle = float(np.median(values))
    return (
        f"{code.column.name} lies far from all that training met, in nearly all rows: about {brief(middle)} here, "
        f"about {brief(code.fill)} there. Is it in another unit?"
    )


def _strangers(code: Code, frame: DataFrame, row: NDArray[np.int64] | None) -> str:
    """A note on words that training has not met, or nothing."""
    values = code.column.values(frame[code.column.name], row)
    found = code.strangers(values)
    if not found:
        return ""
    strangers = ", ".join(map(shown, found[:3])) + (", …" if len(found) > 3 else "")
    times = int(values.is_in(found).sum())
    rows = f"{times:,} of {len(values):,} rows"
    share = f" ({times / len(values):.0%})" if len(values) >= MANY else ""
    return (
        f"{code.column.name} holds {strangers} in {rows}{share}, which training has not met: it is taken for something "
        "rare"
    )

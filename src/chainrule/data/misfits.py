"""The few cells that keep a column from being one of numbers or of dates, such as 4O among ages."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

import numpy as np
from numpy.typing import NDArray

from chainrule.data.cells import as_numbers, as_text, forms_of, is_listed, is_text, some_of
from chainrule.data.dates import DATES, as_moments

if TYPE_CHECKING:
    from polars import Series

FEWEST, DIFFERENT, PART = 20, 10, 0.02
"""Among so many cells, of so many different ones that can be read, those that cannot are no larger part than that, or
there is one."""


@dataclass(frozen=True)
class Misfits:
    """What nearly all cells are, and the rows, by position, of those that are none."""

    among: Literal["numbers", "dates"]
    rows: NDArray[np.intp]


def misfits_in(series: Series) -> Misfits | None:
    """The misfits of a column of text, if nearly all of it are numbers or dates."""
    if not (is_text(series) or is_listed(series)):
        return None
    there = series.drop_nulls()
    some = as_text(some_of(there))
    if len(there) < FEWEST or 2 * some.head(FEWEST).str.contains(r"\d").sum() < FEWEST:
        return None
    text = as_text(series)
    for among, read in _ways(some):
        tried = read(some)
        if tried.null_count() > max(1, 2 * PART * len(some)) or tried.n_unique() < min(DIFFERENT, len(some) // 2):
            continue
        rows = (read(text).is_null() & text.is_not_null()).arg_true().to_numpy()
        if 0 < len(rows) <= max(1, PART * len(there)):
            return Misfits(among, rows.astype(np.intp))
    return None


def _ways(some: Series) -> Iterator[tuple[Literal["numbers", "dates"], Callable[[Series], Series]]]:
    """How cells may be read."""
    for form in forms_of(some):
        yield "numbers", lambda cells, form=form: as_numbers(cells, form)  # type: ignore[misc]
    for form in DATES:
        yield "dates", lambda cells, form=form: as_moments(cells, form)  # type: ignore[misc]

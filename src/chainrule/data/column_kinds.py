"""What each column of a table is, found from its values or as somebody says: number, category, date, …"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from chainrule.data.cells import (
    ANY_CASE,
    PLAIN,
    as_numbers,
    as_text,
    form_of_numbers,
    is_padded,
    is_strange,
    is_text,
    likeliest_form,
    names_a_place,
    names_a_row,
    names_somebody,
    numbers_in,
    refuse_strange,
    some_of,
    spellings_of_two,
)
from chainrule.data.columns import FEW, USED, Column, Kind, option
from chainrule.data.dates import (
    CLOCKS,
    ISO,
    as_moments,
    dates_in,
    example_of,
    form_as_said,
    unix_form,
    why_no_dates,
)
from chainrule.data.misfits import misfits_in
from chainrule.data.missing import MISSING
from chainrule.data.phrases import count_words
from chainrule.data.quantities import (
    Written,
    are_bands,
    as_quantities,
    likeliest_quantities,
    quantities_in,
    why_no_quantities,
    with_bare,
)
from chainrule.errors import DataError, shortened, shown
from chainrule.names import counted

if TYPE_CHECKING:
    from polars import DataFrame, Series

CODES = 20
"""Of more different numbers of places, such as those of the post, each is a name."""

MANY = 100_000
"""Of more numbers than that, the different ones are counted only where there are few among some of them."""


def find_columns(frame: DataFrame, roles: dict[str, Kind], row: NDArray[np.int64] | None = None) -> list[Column]:
    """What each column is: what `roles` says, or what its values look like; `row` as in `Column.values`.

    Raises:
        DataError: a column cannot be what `roles` says.
    """
    return [find_column(series, roles.get(series.name), row) for series in frame]


def find_column(series: Series, role: Kind | None = None, row: NDArray[np.int64] | None = None) -> Column:
    """What one column is; `role` is what somebody has said.

    Raises:
        DataError: it cannot be that.
    """
    if role is None or (role in USED and series.null_count() == len(series)):
        return _found(series)
    if role != "ignored":
        refuse_strange(series)
    if role == "target":
        return column_of_labels(series)
    column = Column(series.name, role, "as you said")
    if role == "number":
        column = column_of_numbers(series)
    elif role == "date":
        column = replace(column, form=form_as_said(series.drop_nulls()), markers=dates_in(series.drop_nulls())[1])
    if role in ("number", "date"):
        column.check_said(series, row)
    return column


def _found(series: Series) -> Column:
    from chainrule.extras import polars as pl

    name, there = series.name, series.drop_nulls()
    if len(there) == 0:
        return Column(name, "constant", "always missing")
    if is_strange(series):
        return Column(name, "ignored", f"holds {series.dtype}, which is neither number, word nor date")
    distinct = _distinct(there)
    if distinct == 1 and len(there) == len(series):
        return Column(name, "constant", f"always {shown(there[0])}")
    if series.dtype == pl.Time:
        return Column(name, "date", "times of day", CLOCKS[0])
    if series.dtype.is_temporal():
        return Column(name, "date", "dates")
    if spellings := spellings_of_two(there):
        words = " or ".join(sorted({word.lower() for word in spellings}))
        return Column(name, "yes_no", f"{words}, in capitals or not" if len(spellings) > 2 else words, ANY_CASE)
    if distinct == 2:
        return _date(there) or Column(name, "yes_no", " or ".join(sorted(as_text(there).unique().to_list())))
    return _number(series, there) or _date(there) or _quantity(there) or _words(as_text(there))


def _distinct(there: Series) -> int | None:
    """How many different values there are; None for thousands of numbers, which nobody needs to have counted."""
    if len(there) > MANY and there.dtype.is_numeric() and some_of(there).n_unique() > FEW:
        return None
    return there.n_unique()


def _number(series: Series, there: Series) -> Column | None:
    name = series.name
    form, markers = numbers_in(there)
    if form is None:
        return None
    if markers:
        there = there.filter(~there.is_in(markers))
    if date := _date_of_digits(there) or _date_of_seconds(there):
        return replace(date, markers=markers)
    values = as_numbers(there, form).to_numpy()
    named, placed = names_a_row(name), names_a_place(name)
    whole = (named or placed) and bool((values == np.round(values)).all())
    if len(there) == len(series) > 20 and _counts(values):
        return Column(name, "id", "counts the rows")
    if whole and named and there.n_unique() == len(there):
        return Column(name, "id", "another one in every row")
    if is_padded(there) or (whole and names_somebody(name)):
        return None  # names that are written in digits
    distinct = _distinct(there)
    if whole and placed and distinct is not None and CODES < distinct < len(there) / 5:
        return None  # as those of the post are
    reason = f"{'thousands' if distinct is None else f'{distinct:,}'} different{_note_on(markers)}"
    reason += f", written as {form}" if form != PLAIN else ""
    return Column(name, "number", reason, form, markers)


def _note_on(markers: Sequence[str]) -> str:
    return f", {markers[0]!r} taken for missing" if markers else ""


def _quantity(there: Series) -> Column | None:
    """Numbers with a unit, but for few ranges that come again and again, which are categories."""
    name = there.name
    if names_a_row(name) or names_a_place(name) or are_bands(there):
        return None
    numbers, markers = quantities_in(there)
    if numbers is None:
        return None
    reason = _said(f"{there.n_unique():,} different", numbers, markers)
    return Column(name, "number", reason, numbers.form, markers, unit=numbers.unit)


def _date_of_digits(there: Series) -> Column | None:
    """Dates written as 20250131."""
    from chainrule.extras import polars as pl

    if there.dtype != pl.String and not there.dtype.is_numeric():
        return None
    if len(there) and not re.match(r"(19|20)\d{6}", str(there[0])):
        return None
    text = as_text(there)
    if not text.str.contains(r"^(19|20)\d{6}$").all() or as_moments(text, "%Y%m%d").null_count():
        return None
    return Column(there.name, "date", "written as 20250131", "%Y%m%d")


def _date_of_seconds(there: Series) -> Column | None:
    """Moments as the seconds or milliseconds since 1970, of which the name or the numbers themselves tell."""
    form = unix_form(there, there.name)
    if form is None:
        return None
    moments = as_moments(there, form).sort()
    days = f"{moments[0]:%Y-%m-%d} to {moments[-1]:%Y-%m-%d}"
    return Column(there.name, "date", f"{form}, {days}; {option('number', there.name)} takes them for numbers", form)


def _counts(values: NDArray[np.float64]) -> bool:
    return bool(values[0] in (0, 1) and (np.diff(values) == 1).all())


def _date(there: Series) -> Column | None:
    form, markers = dates_in(there)
    if form is None:
        return None
    time = " 13:30" if form == ISO and there.head(20).str.contains(":").any() else ""
    return Column(there.name, "date", f"written as {example_of(form)}{time}{_note_on(markers)}", form, markers)


def _words(there: Series) -> Column:
    name, distinct = there.name, there.n_unique()
    many = distinct > 20 and distinct > len(there) / 2
    some = there.head(1000)
    words = count_words(some).sum() / len(some)
    long = some.str.len_chars().sum() / len(some)
    repeated = distinct > 100 and distinct > len(there) / 5  # a text comes twice where a file does
    why = why_no_quantities(there)
    if not why and (((many or repeated) and words >= 4) or (distinct > 20 and long > 60)):
        return Column(name, "text", f"{distinct:,} different texts of {words:.0f} words or so")
    why = why or why_no_dates(there)
    if many and not why and _tell_apart(name, there):
        return Column(name, "id", f"{distinct:,} different words in {len(there):,} rows")
    if many:
        some = some_of(there)
        odd = some.filter(as_numbers(some, likeliest_form(some)).is_null())
        if 0 < 2 * len(odd) < len(some):
            why = why or f"{shown(odd[0])} among numbers: leave such cells empty"
        unread = f"such as {shown(there[0])}, {_unread(name, there)}"
        return Column(name, "ignored", f"{distinct:,} different words in {len(there):,} rows, {why or unread}")
    more = f"; {option('group', name)} keeps the rows of each together" if names_somebody(name) else ""
    more += f", {why}" if why else ""
    if are_bands(there) and quantities_in(there)[0] is not None:
        more += f"; {option('number', name)} reads the middles of these ranges"
    return Column(name, "category", f"{distinct:,} different{' word' if distinct == 1 else ''}{more}")


def _unread(name: str, there: Series) -> str:
    """What is said of many different words that are not used."""
    some = some_of(there)
    if 2 * some.str.contains(r"\d").sum() > len(some):
        return "which are neither numbers nor dates that chainrule reads"
    return f"too many to learn each; {option('text', name)} reads the words in them"


def _tell_apart(name: str, there: Series) -> bool:
    """Whether many different words name who or what a row is of: it is said so, or each row has another that is no
    measure with a point or colon in it."""
    said = names_a_row(name)
    return bool(said) or (there.n_unique() == len(there) and not there.str.contains(r"\d[.,:]\d").all())


def column_of_labels(series: Series) -> Column:
    """A column to be predicted: numbers if all values are but those that may be missing, else words."""
    column, there = Column(series.name, "target", "as you said"), series.drop_nulls()
    if is_padded(there):
        return column
    numbers, markers = _labels_in(there), list[str]()
    if numbers is None and is_text(there):
        doubtful = there.str.to_uppercase().is_in(MISSING)
        numbers = None if doubtful.all() or not doubtful.any() else _labels_in(there.filter(~doubtful))
        markers = [] if numbers is None else there.filter(doubtful).unique().sort().to_list()
    if numbers is None:
        return replace(column, form=ANY_CASE) if len(spellings_of_two(there)) > 2 else column
    return replace(column, reason=_said(column.reason, numbers), form=numbers.form, unit=numbers.unit, markers=markers)


def with_all_labels(column: Column, series: Series, labels: Series) -> Column:
    """A column to be predicted as it was found in a sample of its rows, if that fits all its different labels, too.

    Args:
        column: as it was found in `series`. labels: all different values.
    """
    fits = column.can_read(labels) if column.counts else are_bands(series.drop_nulls())
    return column if fits else column_of_labels(labels)


def _labels_in(there: Series) -> Written | None:
    """How the labels are written that are numbers, with a unit or without; None where they are words."""
    form = form_of_numbers(there)
    if form is not None:
        return Written("", form)
    numbers, words = (None, []) if are_bands(there) else quantities_in(there)
    return None if words else numbers


def _said(reason: str, numbers: Written, markers: Sequence[str] = ()) -> str:
    """A reason, and what there is to know of how the numbers are read."""
    return ", ".join(filter(None, [reason, str(numbers)])) + _note_on(markers)


def column_of_numbers(series: Series) -> Column:
    """A column that is to hold numbers, whatever it does hold."""
    there = series.drop_nulls()
    numbers, markers = _measures_in(there)
    numbers = numbers or _likeliest(there)
    return Column(
        series.name, "number", _said("as you said", numbers, markers), numbers.form, markers, unit=numbers.unit
    )


def _likeliest(there: Series) -> Written:
    """How most of the numbers are written, where some cells are none."""
    plain, measured = Written("", likeliest_form(there)), likeliest_quantities(there)
    if measured is None:
        return plain
    left = [as_numbers(there, plain.form).null_count(), as_quantities(there, measured.unit, measured.form).null_count()]
    return with_bare(measured, there) if left[1] < left[0] else plain


def _measures_in(there: Series) -> tuple[Written | None, list[str]]:
    """How the numbers are written, with a unit or without, and the one word among them that means a missing one."""
    form, markers = numbers_in(there)
    return (Written("", form), markers) if form is not None else quantities_in(there)


def column_of_time(series: Series, column: Column, place: str) -> Column:
    """The column that orders the rows; numbers that never come again are nothing to learn from.

    Raises:
        DataError: it holds neither dates nor numbers, or but for a few cells; `place` says where it stands.
    """
    if column.kind == "date":
        return column
    numbers, markers = _measures_in(series.drop_nulls())
    if numbers is None:
        name = shortened(column.name)
        odd = misfits_in(series)
        if odd is None:
            raise DataError(f"{name} in {place} is neither dates nor numbers: it orders nothing.")
        others = f" (and {counted(len(odd.rows) - 1, 'other cell')})" if len(odd.rows) > 1 else ""
        i = int(odd.rows[0])
        raise DataError(
            f"{name} in {place} holds {shown(series[i])} in row {i + 1:,} among {odd.among}{others}, which has no "
            "place in their order: write it like the others, or leave it empty, and the row is left out."
        )
    reason = "tells the past from the future"
    return Column(column.name, "ignored", reason, numbers.form, markers, unit=numbers.unit)


def column_of_values(column: Column, series: Series, row: NDArray[np.int64] | None, place: str) -> Column:
    """A column to be predicted, of the table `place`, as one of values, because somebody has said so.

    Raises:
        DataError: it holds something else.
    """
    if column.counts or not is_text(series):
        return column
    numbers = column_of_numbers(series)
    numbers.check_values(series, row, place)
    return replace(numbers, kind="target")

"""Infers what each column of a table is: number, category, date, …"""

from __future__ import annotations

import re
import shlex
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
from numpy.typing import NDArray

from chainrule.configuration import Configurable
from chainrule.data.cells import (
    CLOCKS,
    ISO,
    PLAIN,
    as_moments,
    as_numbers,
    as_text,
    example_of,
    form_of_dates,
    form_of_numbers,
    is_form_of_dates,
    is_listed,
    is_padded,
    is_strange,
    is_text,
    likeliest_form,
    names_a_row,
    names_somebody,
    numbers_in,
    refuse_strange,
    some_of,
    without,
)
from chainrule.data.missing import MISSING
from chainrule.data.phrases import count_words
from chainrule.errors import DataError, OptionError, shown

if TYPE_CHECKING:
    from polars import DataFrame, Series

Kind = Literal["number", "category", "yes_no", "date", "id", "constant", "text", "ignored", "target", "group"]
"""What a column may be; `USED` are what a network sees."""

USED: tuple[Kind, ...] = ("number", "category", "yes_no", "date", "text")

MANY, FEW = 100_000, 1_000
"""Of more numbers than that, the different ones are counted only where there are few among some of them."""


@dataclass(frozen=True, repr=False)
class Column(Configurable):
    """A column, and how its text is read.

    Args:
        name: its name.
        kind: what it is.
        reason: why.
        form: how its numbers or dates are written; "" where it holds words.
        markers: words in it that mean that a value is missing, beside those that always do.
    """

    name: str
    kind: Kind
    reason: str = ""
    form: str = ""
    markers: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        super().__post_init__()
        if not (is_form_of_dates(self.form) if self.kind == "date" else self.form.isprintable()):
            raise OptionError(f"there is no form {shown(self.form)} of a {self.kind}.")

    @property
    def counts(self) -> bool:
        """Whether it is read as numbers: what is to be predicted and what tells the time may be that, too."""
        return self.kind == "number" or (self.form != "" and self.kind != "date")

    def values(self, series: Series, row: NDArray[np.int64] | None = None) -> Series:
        """What a series of this column holds: numbers, moments, or text, null where it is missing.

        Args:
            series: the column. row: the numbers of its rows in their file; None for 1, 2, 3, …

        Raises:
            DataError: something in it is not what the column was found to be.
        """
        values, wrong = self._read(series)
        if wrong is not None:
            ways = ["write it like that", "leave it empty"]
            ways += [f"train with {option('category', self.name)}"] if self.kind in ("number", "yes_no") else []
            raise DataError(
                f"{self._where(series, wrong, row)}, but that column holds {self._what} otherwise: "
                f"{', '.join(ways[:-1])} or {ways[-1]}."
            )
        return values

    def kept(self, series: Series, row: NDArray[np.int64] | None = None) -> Series:
        """The series in the form that is quickest to read again: numbers, moments, or words, each kept once.

        Raises:
            DataError: see `values`.
        """
        import polars as pl

        if series.dtype.is_numeric() and self.counts:
            return series
        values = self.values(series, row)
        if values.dtype != pl.String or self.kind == "text" or some_of(values).n_unique() > FEW:
            return values
        return values.cast(pl.Enum(values.drop_nulls().unique().sort()))

    def check_said(self, series: Series, row: NDArray[np.int64] | None = None) -> None:
        """Raises DataError where the column cannot be the numbers or dates that somebody has said that it is."""
        wrong = self._read(series)[1]
        if wrong is not None:
            said = option(self.kind, self.name)
            raise DataError(
                f"{self._where(series, wrong, row)}, but {said} says that it holds {self._what}: leave such cells "
                f"empty, or leave {said} out."
            )

    def _read(self, series: Series) -> tuple[Series, int | None]:
        """What the series holds, and where the first is of what cannot be read."""
        refuse_strange(series)
        if self.markers and is_text(series):
            series = without(series, series.is_in(self.markers))
        if self.kind == "date":
            values = as_moments(series, self.form or ISO)
        elif self.counts:
            values = as_numbers(series, self.form or PLAIN)
        else:
            return series if is_listed(series) and self.kind != "text" else as_text(series), None
        if values.null_count() == series.null_count():
            return values, None
        return values, next(iter((values.is_null() & series.is_not_null()).arg_true()), None)

    def _where(self, series: Series, i: int, row: NDArray[np.int64] | None) -> str:
        return f"{self.name} holds {shown(series[i])} in row {i + 1 if row is None else row[i]}"

    @property
    def _what(self) -> str:
        """The kind of its values in words, with an example."""
        if self.kind != "date":
            return f"numbers such as {self.form or PLAIN}"
        return f"{'times' if self.form in CLOCKS else 'dates'} such as {example_of(self.form)}"


def option(name: str, column: str) -> str:
    """The option of the command line that is about a column, as it is to be typed."""
    quoted = f'"{column}"' if "," in column else column
    return f"--{name} {shlex.quote(quoted)}"


def column_of_labels(series: Series) -> Column:
    """A column to be predicted: numbers if all values are but those that may be missing, else words."""
    there = series.drop_nulls()
    form, markers = form_of_numbers(there), []
    if form is None and is_text(there):
        doubtful = there.str.to_uppercase().is_in(MISSING)
        form = None if doubtful.all() else form_of_numbers(there.filter(~doubtful))
        markers = [] if form is None else there.filter(doubtful).unique().sort().to_list()
    return Column(series.name, "target", "as you said", "" if is_padded(there) else form or "", markers)


def as_labels(column: Column, series: Series, row: NDArray[np.int64] | None = None) -> NDArray[Any]:
    """What a series of a column to be predicted holds, as an array; see `Column.values`."""
    values = column.values(series, row)
    if column.counts:
        return values.to_numpy()
    if is_listed(values):
        words = [*values.dtype.categories.to_list(), None]  # type: ignore[attr-defined]
        return np.take(np.array(words, object), values.to_physical().fill_null(len(words) - 1).to_numpy())
    return np.array(values.to_list(), dtype=object)


def column_of_numbers(series: Series) -> Column:
    """A column that is to hold numbers, whatever it does hold."""
    there = series.drop_nulls()
    form, markers = numbers_in(there)
    return Column(series.name, "number", "as you said" + _note_on(markers), form or likeliest_form(there), markers)


def column_of_time(series: Series, column: Column, place: str) -> Column:
    """The column that orders the rows; numbers that never come again are nothing to learn from.

    Raises:
        DataError: it holds neither dates nor numbers; `place` says where it stands.
    """
    if column.kind == "date":
        return column
    form, markers = numbers_in(series.drop_nulls())
    if form is None:
        raise DataError(f"{column.name} in {place} is neither dates nor numbers: it orders nothing.")
    return Column(column.name, "ignored", "tells the past from the future", form, markers)


def with_days_in_order(
    columns: Sequence[Column], frame: DataFrame, time: str | None, day_first: bool | None
) -> tuple[list[Column], list[str]]:
    """The columns, and notes on those whose dates do not tell by themselves whether the day or the month stands first.

    Args:
        time: the column of which the order is taken in which its steps are even, if they are in one alone.
        day_first: whether 3/4/2025 is in April; None for what `time` tells, and otherwise for March with a note.
    """
    found, notes = [], []
    for column in columns:
        other = _with_day_first(column, frame[column.name])
        if other is None:
            found.append(column)
            continue
        moments = [as_moments(frame[column.name], either.form).unique() for either in (column, other)]
        steps_tell = column.name == time and [_in_even_steps(either) for either in moments] == [False, True]
        taken = other if day_first or (day_first is None and steps_tell) else column
        if day_first is None:
            why = ", for the steps are even then" if steps_tell else ""
            notes.append(
                f"{column.name} does not tell whether day or month stands first: taken as {example_of(taken.form)}"
                f"{why}; --day-first or --month-first decides it"
            )
        found.append(taken)
    return found, notes


def _with_day_first(column: Column, series: Series) -> Column | None:
    """The column with day and month exchanged, where its dates can be read so, too, and mean something else then."""
    if column.kind != "date" or not column.form.startswith("%m/%d"):
        return None
    form = column.form.replace("%m/%d", "%d/%m")
    there = series.drop_nulls().unique()
    moments = as_moments(there, form)
    if moments.null_count() or moments.equals(as_moments(there, column.form)):
        return None
    return replace(column, form=form, reason=column.reason.replace(example_of(column.form), example_of(form)))


def _in_even_steps(moments: Series) -> bool:
    return are_even(np.diff(np.sort(moments.drop_nulls().dt.epoch("us").to_numpy())))


def are_even(steps: NDArray[Any]) -> bool:
    """Whether steps in time are as good as equal: months are, and days with or without a weekend in between."""
    if len(steps) == 0:
        return True
    middle = np.median(steps)
    return bool(0.4 < steps.min() / middle <= steps.max() / middle < 2.5)


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
    if role is None:
        return _found(series)
    if role != "ignored":
        refuse_strange(series)
    if role == "target":
        return column_of_labels(series)
    column = Column(series.name, role, "as you said")
    if role == "number":
        column = column_of_numbers(series)
    elif role == "date":
        column = replace(column, form=form_of_dates(series.drop_nulls()) or ISO)
    if role in ("number", "date"):
        column.check_said(series, row)
    return column


def _found(series: Series) -> Column:
    import polars as pl

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
    if distinct == 2:
        return _date(there) or Column(name, "yes_no", " or ".join(sorted(as_text(there).unique().to_list())))
    return _number(series, there) or _date(there) or _words(as_text(there))


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
    if date := _date_of_digits(there):
        return replace(date, markers=markers)
    values = as_numbers(there, form).to_numpy()
    whole, named = bool((values == np.round(values)).all()), names_a_row(name)
    if len(there) == len(series) > 20 and _counts(values):
        return Column(name, "id", "counts the rows")
    if whole and named and there.n_unique() == len(there):
        return Column(name, "id", "another one in every row")
    if is_padded(there) or (whole and names_somebody(name)):
        return None  # names that are written in digits
    distinct = _distinct(there)
    reason = f"{'thousands' if distinct is None else f'{distinct:,}'} different{_note_on(markers)}"
    reason += f", written as {form}" if form != PLAIN else ""
    return Column(name, "number", reason, form, markers)


def _note_on(markers: list[str]) -> str:
    return f", {markers[0]!r} taken for missing" if markers else ""


def _date_of_digits(there: Series) -> Column | None:
    """Dates written as 20250131."""
    import polars as pl

    if there.dtype != pl.String and not there.dtype.is_numeric():
        return None
    if len(there) and not re.match(r"(19|20)\d{6}", str(there[0])):
        return None
    text = as_text(there)
    if not text.str.contains(r"^(19|20)\d{6}$").all() or as_moments(text, "%Y%m%d").null_count():
        return None
    return Column(there.name, "date", "written as 20250131", "%Y%m%d")


def _counts(values: NDArray[np.float64]) -> bool:
    return bool(values[0] in (0, 1) and (np.diff(values) == 1).all())


def _date(there: Series) -> Column | None:
    form = form_of_dates(there)
    if form is None:
        return None
    time = " 13:30" if form == ISO and there.head(20).str.contains(":").any() else ""
    return Column(there.name, "date", f"written as {example_of(form)}{time}", form)


def _words(there: Series) -> Column:
    name, distinct = there.name, there.n_unique()
    many = distinct > 20 and distinct > len(there) / 2
    some = there.head(1000)
    words = count_words(some).sum() / len(some)
    long = some.str.len_chars().sum() / len(some)
    repeated = distinct > 100 and distinct > len(there) / 5  # a text comes twice where a file does
    if ((many or repeated) and words >= 4) or (distinct > 20 and long > 60):
        return Column(name, "text", f"{distinct:,} different texts of {words:.0f} words or so")
    if many and _tell_apart(name, there):
        return Column(name, "id", f"{distinct:,} different words in {len(there):,} rows")
    if many:
        unread = f"such as {shown(there[0])}, which are neither numbers nor dates that chainrule reads"
        return Column(name, "ignored", f"{distinct:,} different words in {len(there):,} rows, {unread}")
    together = f"; {option('group', name)} keeps the rows of each together" if names_somebody(name) else ""
    return Column(name, "category", f"{distinct:,} different{' word' if distinct == 1 else ''}{together}")


def _tell_apart(name: str, there: Series) -> bool:
    """Whether many different words name who or what a row is of: it is said so, or each row has another that is no
    measure with a point or colon in it."""
    said = names_a_row(name)
    return bool(said) or (there.n_unique() == len(there) and not there.str.contains(r"\d[.,:]\d").all())

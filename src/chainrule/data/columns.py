"""What each column of a table is, and why."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
from numpy.typing import NDArray

from chainrule.described import Described
from chainrule.errors import DataError

if TYPE_CHECKING:
    from polars import DataFrame, Series

Kind = Literal["number", "category", "yes_no", "date", "id", "constant", "text", "ignored", "target", "group"]
"""What a column may be; the first four are what a network sees."""

USED: tuple[Kind, ...] = ("number", "category", "yes_no", "date")

PLAIN, THOUSANDS, COMMA = "1234.5", "1,234.5", "1234,5"
"""How numbers are written."""

DATES = (
    *("%Y-%m-%d", "%Y-%m-%d %H:%M:%S%.f", "%Y-%m-%dT%H:%M:%S%.f", "%Y-%m-%d %H:%M", "%Y-%m-%dT%H:%M"),
    *("%Y-%m-%dT%H:%M:%S%.fZ", "%Y/%m/%d", "%Y/%m/%d %H:%M:%S", "%Y/%m/%d %H:%M"),
    *("%d.%m.%Y", "%d.%m.%Y %H:%M:%S", "%d.%m.%Y %H:%M", "%m/%d/%Y", "%m/%d/%Y %H:%M:%S", "%m/%d/%Y %H:%M"),
    *("%d/%m/%Y", "%d/%m/%Y %H:%M:%S", "%d/%m/%Y %H:%M", "%d-%m-%Y", "%m/%d/%y", "%d/%m/%y"),
    *("%d-%b-%Y", "%d %b %Y", "%d %B %Y", "%b %d, %Y", "%B %d, %Y", "%Y%m%d"),
)
"""How dates are written, the likeliest first: 3/4/2025 is in March unless a day of more than 12 says otherwise."""

_CALLED_ID = re.compile(r"(?i:(^|[^a-z])(id|uuid|guid|key|index|rownames)$)|[a-z](ID|Id)$|^column_1$")


@dataclass(frozen=True, repr=False)
class Column(Described):
    """A column, and how its text is read.

    Args:
        name: its name.
        kind: what it is.
        reason: why.
        form: how its numbers or dates are written; "" where they are no text.
        markers: words in it that mean that a value is missing, beside those that always do.
    """

    name: str
    kind: Kind
    reason: str = ""
    form: str = ""
    markers: list[str] = field(default_factory=list)

    def values(self, series: Series, before: int = 0) -> Series:
        """What a series of this column holds: numbers, moments, or text, null where it is missing.

        Args:
            series: the column. before: how many rows of its file come before it.

        Raises:
            DataError: something in it is not what the column was found to be.
        """
        if self.markers:
            series = _without(series, series.is_in(self.markers))
        if self.kind == "number":
            values = as_numbers(series, self.form or PLAIN)
        elif self.kind == "date":
            values = as_moments(series, self.form)
        else:
            return as_text(series)
        wrong = (values.is_null() & series.is_not_null()).arg_true()
        if len(wrong):
            value, row = series[int(wrong[0])], before + int(wrong[0]) + 1
            what = {"number": "a number", "date": f"a date such as {_example(self.form)}"}[self.kind]
            raise DataError(f"{self.name} holds {value!r} in row {row}, but there is {what} in that column otherwise.")
        return values


def _without(series: Series, gaps: Series) -> Series:
    """The series with null where `gaps` is true."""
    import polars as pl

    return pl.select(pl.when(gaps).then(None).otherwise(series).alias(series.name)).to_series()


def as_numbers(series: Series, form: str = PLAIN) -> Series:
    """Floats; null where there is none."""
    import polars as pl

    if series.dtype == pl.String:
        if form == THOUSANDS:
            series = series.str.replace_all(",", "", literal=True)
        elif form == COMMA:
            series = series.str.replace_all(".", "", literal=True).str.replace(",", ".", literal=True)
    if not (series.dtype == pl.String or series.dtype.is_numeric() or series.dtype == pl.Boolean):
        return pl.Series(series.name, [None] * len(series), dtype=pl.Float64)
    numbers = series.cast(pl.Float64, strict=False)
    return _without(numbers, ~numbers.is_finite())


def as_moments(series: Series, form: str = "") -> Series:
    """Dates with a time; null where there is none."""
    import polars as pl

    if series.dtype.is_temporal():
        return series.cast(pl.Datetime("us"), strict=False)
    if series.dtype != pl.String and series.dtype.is_integer():
        series = series.cast(pl.String)
    if series.dtype != pl.String or not form:
        return pl.Series(series.name, [None] * len(series), dtype=pl.Datetime("us"))
    if re.search("%H", form):
        return series.str.to_datetime(form, strict=False, time_unit="us")
    return series.str.to_date(form, strict=False).cast(pl.Datetime("us"))


def as_text(series: Series) -> Series:
    """Text that is the same whether a whole number came as such, as 1.0, or as text."""
    import polars as pl

    if series.dtype == pl.Boolean:
        return pl.Series(series.name, [None if v is None else str(v) for v in series], dtype=pl.String)
    return series.cast(pl.String).str.replace(r"^(-?\d+)\.0$", "$1")


def column_of_labels(series: Series) -> Column:
    """A column to be predicted: numbers if all are, else text."""
    form = _form_of_numbers(series)
    return Column(series.name, "category" if form is None else "number", form=form or "")


def as_labels(column: Column, series: Series, before: int = 0) -> NDArray[Any]:
    """What a series of a column to be predicted holds, as an array; see `Column.values`."""
    values = column.values(series, before)
    return values.to_numpy() if column.kind == "number" else np.array(values.to_list(), dtype=object)


def find_columns(frame: DataFrame, roles: dict[str, Kind]) -> list[Column]:
    """What each column is: what `roles` says, or what its values look like.

    Raises:
        DataError: a column cannot be what `roles` says.
    """
    return [find_column(series, roles.get(series.name)) for series in frame]


def find_column(series: Series, role: Kind | None = None) -> Column:
    """What one column is; `role` is what somebody has said.

    Raises:
        DataError: it cannot be that.
    """
    if role == "number":
        form = _form_of_numbers(series)
        column = Column(series.name, "number", "as you said", form or PLAIN)
        column.values(series)
        return column
    if role == "date":
        form = _form_of_dates(series) or DATES[0]
        column = Column(series.name, "date", "as you said", form)
        column.values(series)
        return column
    if role is not None:
        return Column(series.name, role, "as you said")
    return _found(series)


def _found(series: Series) -> Column:
    import polars as pl

    name, there = series.name, series.drop_nulls()
    distinct = there.n_unique()
    if distinct == 0:
        return Column(name, "constant", "always missing")
    if distinct == 1 and len(there) == len(series):
        return Column(name, "constant", f"always {there[0]!r}")
    if series.dtype.is_nested() or series.dtype in (pl.Binary, pl.Object, pl.Duration, pl.Time):
        return Column(name, "ignored", f"holds {series.dtype}, which is neither number, word nor date")
    if series.dtype.is_temporal():
        return Column(name, "date", "dates")
    if distinct == 2:
        return Column(name, "yes_no", " or ".join(sorted(as_text(there).unique().to_list())))
    return _number(series, there, distinct) or _date(series, there) or _words(series, there, distinct)


def _number(series: Series, there: Series, distinct: int) -> Column | None:
    name = series.name
    form, markers = _form_of_numbers(there), []
    if form is None:
        form, marker = _with_a_marker(there)
        if form is None:
            return None
        markers = [marker]
    date = _date_of_digits(there)
    if date is not None:
        return date
    counts_rows = len(there) == distinct == len(series) > 20 and _counts(as_numbers(there, form).to_numpy())
    if len(there) == distinct and (counts_rows or _CALLED_ID.search(name)):
        return Column(name, "id", "counts the rows" if counts_rows else "another one in every row")
    reason = f"{distinct:,} different" + (f", {markers[0]!r} taken for missing" if markers else "")
    reason += f", written as {form}" if form != PLAIN else ""
    return Column(name, "number", reason, form, markers)


def _date_of_digits(there: Series) -> Column | None:
    """Dates written as 20250131."""
    import polars as pl

    if there.dtype != pl.String and not there.dtype.is_integer():
        return None
    text = there.cast(pl.String)
    if not text.str.contains(r"^(19|20)\d{6}$").all() or as_moments(text, "%Y%m%d").null_count():
        return None
    return Column(there.name, "date", "written as 20250131", "%Y%m%d")


def _counts(values: NDArray[np.float64]) -> bool:
    return bool(values[0] in (0, 1) and (np.diff(values) == 1).all())


def _with_a_marker(there: Series) -> tuple[str | None, str]:
    """The form of numbers among which one word comes again and again, and the word."""
    for form in (PLAIN, THOUSANDS, COMMA):
        wrong = as_numbers(there, form).is_null()
        words, rest = there.filter(wrong), there.filter(~wrong)
        if words.n_unique() == 1 and len(words) < len(rest) and rest.n_unique() > 10:
            return _form_of_numbers(rest), str(words[0])
    return None, ""


def _form_of_numbers(series: Series) -> str | None:
    """How the numbers are written, if all are numbers."""
    import polars as pl

    there = series.drop_nulls()
    if there.dtype != pl.String:
        return PLAIN if there.dtype.is_numeric() else None
    there = there.unique()
    if as_numbers(there).null_count() == 0:
        return PLAIN
    if there.str.contains(r"^[-+]?\d{1,3}(,\d{3})*(\.\d+)?$").all() and there.str.contains(r"^[-+]?[1-9]").any():
        return THOUSANDS
    if there.str.contains(r"^[-+]?(\d+|\d{1,3}(\.\d{3})+)?(,\d+)?$").all():
        return COMMA
    return None


def _date(series: Series, there: Series) -> Column | None:
    form = _form_of_dates(there)
    return None if form is None else Column(series.name, "date", f"written as {_example(form)}", form)


def _form_of_dates(series: Series) -> str | None:
    """How the dates are written, if all are dates."""
    import polars as pl

    there = series.drop_nulls()
    if there.dtype != pl.String or not there.head(20).str.contains(r"\d.*\d").all():
        return None
    there = there.unique()
    for form in DATES:
        if as_moments(there.head(20), form).null_count() == 0 and as_moments(there, form).null_count() == 0:
            return form
    return None


def _example(form: str) -> str:
    """The last day of January 2025 in that form."""
    import datetime

    return datetime.datetime(2025, 1, 31, 13, 30).strftime(form.replace("%.f", "") or "%Y-%m-%d")


def _words(series: Series, there: Series, distinct: int) -> Column:
    name = series.name
    many = distinct > 20 and distinct > len(there) / 2
    some = there.head(1000)
    words = some.str.count_matches(r"\s+").sum() / len(some) + 1
    long = some.str.len_chars().sum() / len(some)
    if (many and words >= 4) or (distinct > 20 and long > 60):
        return Column(name, "text", f"{distinct:,} different texts; chainrule does not read text in tables yet")
    if many:
        return Column(name, "id", f"{distinct:,} different words in {len(there):,} rows")
    return Column(name, "category", f"{distinct:,} different" + (" word" if distinct == 1 else ""))

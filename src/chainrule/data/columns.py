"""Infers the kind of each column of a table (number, category, date, …), and how its text is read."""

from __future__ import annotations

import functools
import re
import shlex
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
from numpy.typing import NDArray

from chainrule.configuration import Configurable
from chainrule.data.missing import MISSING
from chainrule.errors import DataError, OptionError, shown

if TYPE_CHECKING:
    from polars import DataFrame, Series

Kind = Literal["number", "category", "yes_no", "date", "id", "constant", "text", "ignored", "target", "group"]
"""What a column may be; the first four are what a network sees."""

USED: tuple[Kind, ...] = ("number", "category", "yes_no", "date")

PLAIN, THOUSANDS, COMMA = "1234.5", "1,234.5", "1234,5"
"""How numbers are written; a sign of `SIGNS`, or a code such as USD, may stand at either end, and those in brackets are
negative, as in accounts."""

SIGNS = ("%", "$", "€", "£", "¥")
"""Units that may stand beside a number, as may three capital letters and a blank, such as USD."""

ISO = "%Y-%m-%d"
"""The form of a date by ISO 8601, or of what is like it: with a time, a fraction, a zone, or none of them."""

_ISO = r"^(\d{4}-\d{1,2}-\d{1,2})(?:[T ](\d{1,2}:\d{2})(:\d{2}(?:\.\d+)?)?\s*(?:Z|UTC|[-+]\d{2}(?::?\d{2})?)?)?$"

_WITH_TIME = f"{ISO} %H:%M:%S%.f"

_DAYS = (
    *("%Y/%m/%d", "%d.%m.%Y", "%m/%d/%Y", "%d/%m/%Y", "%d-%m-%Y", "%d.%m.%y", "%m/%d/%y", "%d/%m/%y"),
    *("%d-%b-%Y", "%d %b %Y", "%d %B %Y", "%b %d, %Y", "%B %d, %Y"),
)

_TIMES = ("", " %H:%M:%S%.f", " %H:%M", " %I:%M:%S %p", " %I:%M %p")

CLOCKS = tuple(time.lstrip() for time in _TIMES if time)
"""How times of day are written."""

DATES = (ISO, *(day + time for day in _DAYS for time in _TIMES), "%Y%m%d", *CLOCKS)
"""How dates are written, the likeliest first: 3/4/2025 is in March unless a day of more than 12 says otherwise."""

_NO_DAY = "2000-01-01"
"""The day that is put before a time of day, to make a moment of it."""

_OF_SOMEBODY = re.compile(r"(?i:(^|[^a-z])(id|uuid|guid)$)|[a-z](ID|Id)$")
"""Names of columns that tell who or what a row is of."""

_OF_A_ROW = re.compile(r"(?i:(^|[^a-z])(key|index|rownames)$)|^column_1$")
"""Names of columns that may tell one row from another."""


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
        if not (_is_form_of_dates(self.form) if self.kind == "date" else self.form.isprintable()):
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
        _refuse_strange(series)
        if self.markers and _is_text(series):
            series = _without(series, series.is_in(self.markers))
        if self.kind == "date":
            values = as_moments(series, self.form or ISO)
        elif self.counts:
            values = as_numbers(series, self.form or PLAIN)
        else:
            return as_text(series), None
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
        return f"{'times' if self.form in CLOCKS else 'dates'} such as {_example(self.form)}"


def option(name: str, column: str) -> str:
    """The option of the command line that is about a column, as it is to be typed."""
    quoted = f'"{column}"' if "," in column else column
    return f"--{name} {shlex.quote(quoted)}"


def _is_text(series: Series) -> bool:
    import polars as pl

    return series.dtype == pl.String


def _is_strange(series: Series) -> bool:
    import polars as pl

    return series.dtype.is_nested() or series.dtype in (pl.Binary, pl.Object, pl.Duration)


def _refuse_strange(series: Series) -> None:
    """Raises DataError where a column is of a type that cannot be read."""
    if _is_strange(series):
        raise DataError(f"{series.name} holds {series.dtype}, which is neither number, word nor date: leave it out.")


def _without(series: Series, gaps: Series) -> Series:
    """The series with null where `gaps` is true."""
    import polars as pl

    return pl.select(pl.when(gaps).then(None).otherwise(series).alias(series.name)).to_series()


def as_numbers(series: Series, form: str = PLAIN) -> Series:
    """The series as floats; null where a text is no number in that form."""
    import polars as pl

    if not (series.dtype.is_numeric() or series.dtype in (pl.Boolean, pl.String)):
        return pl.Series(series.name, [None] * len(series), dtype=pl.Float64)
    numbers = series.cast(pl.Float64, strict=False)
    if series.dtype == pl.String and (form != PLAIN or numbers.null_count() > series.null_count()):
        numbers = _plainly(series, form).cast(pl.Float64, strict=False)
    if numbers.null_count() == 0 and np.isfinite(numbers.to_numpy()).all():
        return numbers
    return _without(numbers, ~numbers.is_finite())


def _plainly(text: Series, form: str) -> Series:
    """Numbers as a computer writes them; null where a sign is not there, or divides something else than thousands."""
    sign = form.strip("0123456789., ")
    plain = form.strip(f"{sign} ")
    if sign:
        end = re.escape(sign)
        signed = text
        text = text.str.replace(rf"^([-+(]?){end}\s*|\s*{end}(\)?)$", "$1$2")
        text = _without(text, text == signed)
    text = text.str.replace(r"^\(([^-+].*)\)$", "-$1")
    if plain == PLAIN:
        return text
    group, point = ",." if plain == THOUSANDS else ".,"
    grouped = text.str.contains(rf"^[-+]?[1-9]\d{{0,2}}(\{group}\d{{3}})+(\{point}\d*)?$")
    text = text.str.replace_all(group, "", literal=True).zip_with(grouped, text)
    return _without(text, text.str.contains(group, literal=True)).str.replace(point, ".", literal=True)


def as_moments(series: Series, form: str = ISO) -> Series:
    """The series as dates with the local time; null where a text is no date in that form.

    A time without a date is one of the first day of 2000.
    """
    import polars as pl

    if series.dtype == pl.Time:
        series, form = as_text(series), CLOCKS[0]
    if series.dtype.is_temporal():
        return (series.dt.replace_time_zone(None) if series.dtype == pl.Datetime else series).cast(pl.Datetime("us"))
    if series.dtype.is_numeric():
        series = as_text(series)
    if series.dtype != pl.String:
        return pl.Series(series.name, [None] * len(series), dtype=pl.Datetime("us"))
    if form != ISO:
        return _parsed(series, form)
    for usual in (ISO, _WITH_TIME):
        moments = _parsed(series, usual)
        if moments.null_count() == series.null_count():
            return moments
    day, time, seconds = (series.str.extract(_ISO, i) for i in (1, 2, 3))
    return _parsed(day + " " + time.fill_null("00:00") + seconds.fill_null(":00"), _WITH_TIME)


def _is_form_of_dates(form: str) -> bool:
    """Whether dates can be read in that form, which has both hours and minutes, say, or neither."""
    if form in ("", *DATES):
        return True
    import polars as pl

    try:
        return _parsed(pl.Series([""]), form).null_count() == 1
    except pl.exceptions.PolarsError:
        return False


def _parsed(text: Series, form: str) -> Series:
    import polars as pl

    name = text.name
    if form in CLOCKS:
        text, form = _NO_DAY + " " + _without(text, ~text.str.contains(r"^\d{1,2}:\d{2}\b")), f"{ISO} {form}"
    if re.search("%[HI]", form):
        moments = text.str.to_datetime(form, strict=False, time_unit="us")
    else:
        moments = text.str.to_date(form, strict=False).cast(pl.Datetime("us"))
    moments = moments.alias(name)  # which adding a day has taken away
    return _without(moments, moments.dt.year() < 1000)  # a year of two digits has another form


def as_text(series: Series) -> Series:
    """Text that is the same whether a whole number came as such, as 1.0, or as text; and yes or no as True or TRUE."""
    import polars as pl

    text = series.cast(pl.String).str.replace(r"^(-?\d+)\.0$", "$1")
    return text.str.replace("^(?i:true)$", "True").str.replace("^(?i:false)$", "False")


def column_of_labels(series: Series) -> Column:
    """A column to be predicted: numbers if all values are but those that may be missing, else words."""
    there = series.drop_nulls()
    form, markers = _form_of_numbers(there), []
    if form is None and _is_text(there):
        doubtful = there.str.to_uppercase().is_in(MISSING)
        form = None if doubtful.all() else _form_of_numbers(there.filter(~doubtful))
        markers = [] if form is None else there.filter(doubtful).unique().sort().to_list()
    return Column(series.name, "target", "as you said", "" if _is_padded(there) else form or "", markers)


def as_labels(column: Column, series: Series, row: NDArray[np.int64] | None = None) -> NDArray[Any]:
    """What a series of a column to be predicted holds, as an array; see `Column.values`."""
    values = column.values(series, row)
    return values.to_numpy() if column.counts else np.array(values.to_list(), dtype=object)


def column_of_numbers(series: Series) -> Column:
    """A column that is to hold numbers, whatever it does hold."""
    there = series.drop_nulls()
    form, markers = _numbers(there)
    return Column(series.name, "number", "as you said" + _note_on(markers), form or _likeliest(there), markers)


def column_of_time(series: Series, column: Column, place: str) -> Column:
    """The column that orders the rows; numbers that never come again are nothing to learn from.

    Raises:
        DataError: it holds neither dates nor numbers; `place` says where it stands.
    """
    if column.kind == "date":
        return column
    form, markers = _numbers(series.drop_nulls())
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
                f"{column.name} does not tell whether day or month stands first: taken as {_example(taken.form)}{why}; "
                "--day-first or --month-first decides it"
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
    return replace(column, form=form, reason=column.reason.replace(_example(column.form), _example(form)))


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
        _refuse_strange(series)
    if role == "target":
        return column_of_labels(series)
    column = Column(series.name, role, "as you said")
    if role == "number":
        column = column_of_numbers(series)
    elif role == "date":
        column = replace(column, form=_form_of_dates(series.drop_nulls()) or ISO)
    if role in ("number", "date"):
        column.check_said(series, row)
    return column


def _found(series: Series) -> Column:
    import polars as pl

    name, there = series.name, series.drop_nulls()
    if len(there) == 0:
        return Column(name, "constant", "always missing")
    if _is_strange(series):
        return Column(name, "ignored", f"holds {series.dtype}, which is neither number, word nor date")
    distinct = there.n_unique()
    if distinct == 1 and len(there) == len(series):
        return Column(name, "constant", f"always {shown(there[0])}")
    if series.dtype == pl.Time:
        return Column(name, "date", "times of day", CLOCKS[0])
    if series.dtype.is_temporal():
        return Column(name, "date", "dates")
    if distinct == 2:
        return _date(there) or Column(name, "yes_no", " or ".join(sorted(as_text(there).unique().to_list())))
    return _number(series, there) or _date(there) or _words(as_text(there))


def _number(series: Series, there: Series) -> Column | None:
    name = series.name
    form, markers = _numbers(there)
    if form is None:
        return None
    if markers:
        there = there.filter(~there.is_in(markers))
    if date := _date_of_digits(there):
        return replace(date, markers=markers)
    values = as_numbers(there, form).to_numpy()
    whole, distinct = bool((values == np.round(values)).all()), there.n_unique()
    if len(there) == distinct == len(series) > 20 and _counts(values):
        return Column(name, "id", "counts the rows")
    if whole and distinct == len(there) and (_OF_SOMEBODY.search(name) or _OF_A_ROW.search(name)):
        return Column(name, "id", "another one in every row")
    if _is_padded(there) or (whole and _OF_SOMEBODY.search(name)):
        return None  # names that are written in digits
    reason = f"{distinct:,} different{_note_on(markers)}" + (f", written as {form}" if form != PLAIN else "")
    return Column(name, "number", reason, form, markers)


def _note_on(markers: list[str]) -> str:
    return f", {markers[0]!r} taken for missing" if markers else ""


def _is_padded(there: Series) -> bool:
    """Whether these are digits of one length, some with a zero in front, which no number has."""
    if not _is_text(there) or not there.str.contains(r"^0\d+$").any():
        return False
    return bool(there.str.contains(r"^\d+$").all()) and there.str.len_chars().n_unique() == 1


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


def _numbers(there: Series) -> tuple[str | None, list[str]]:
    """How the numbers are written, if all are numbers but one word that comes again and again; and that word."""
    form = _form_of_numbers(there)
    if form is not None or not _is_text(there):
        return form, []
    for form in _forms(there):
        wrong = as_numbers(there, form).is_null()
        words, rest = there.filter(wrong), there.filter(~wrong)
        if words.n_unique() == 1 and len(words) < len(rest) and rest.n_unique() > 10:
            return _form_of_numbers(rest), [words[0]]
    return None, []


def _form_of_numbers(there: Series) -> str | None:
    """How the numbers are written, if all are numbers."""
    if not _is_text(there):
        return PLAIN if there.dtype.is_numeric() else None
    there = there.unique()
    if as_numbers(there).null_count() == 0:
        return PLAIN
    return next((form for form in _forms(there) if as_numbers(there, form).null_count() == 0), None)


def _likeliest(there: Series) -> str:
    """How most of the numbers are written."""
    if not _is_text(there):
        return PLAIN
    return min(_forms(there), key=lambda form: as_numbers(there, form).null_count())


def _forms(there: Series) -> list[str]:
    """How numbers may be written: in three ways, each with a sign or a code where such is met."""
    some = there.head(20)
    sign = next((sign for sign in SIGNS if some.str.contains(sign, literal=True).any()), "")
    if not sign:
        codes = some.str.extract(r"\b([A-Z]{3})\s+[-+(]?[.\d]").fill_null(some.str.extract(r"\d\s+([A-Z]{3})\b"))
        sign = next(iter(codes.drop_nulls()), "")
    blank = " " if sign.isalpha() else ""
    in_front = not some.str.strip_chars_end(")").str.ends_with(sign).any()
    return [sign + blank + form if in_front else form + blank + sign for form in (PLAIN, THOUSANDS, COMMA)]


def _date(there: Series) -> Column | None:
    form = _form_of_dates(there)
    if form is None:
        return None
    time = " 13:30" if form == ISO and there.head(20).str.contains(":").any() else ""
    return Column(there.name, "date", f"written as {_example(form)}{time}", form)


def _form_of_dates(there: Series) -> str | None:
    """How the dates are written, if all are dates."""
    if not _is_text(there) or not there.head(20).str.contains(r"\d.*\d").all():
        return None
    signs, there = set(there[0]), there.unique()
    for form in DATES:
        if (
            _signs_of(form) <= signs
            and as_moments(there.head(20), form).null_count() == 0
            and as_moments(there, form).null_count() == 0
        ):
            return form
    return None


@functools.cache
def _signs_of(form: str) -> set[str]:
    """What every date in that form has between its numbers, but for blanks: of 3/4/2025 the stroke."""
    return set(re.sub(r"%\.f|%.| ", "", form))


def _example(form: str) -> str:
    """The last day of January 2025 in that form."""
    import datetime

    return datetime.datetime(2025, 1, 31, 13, 30).strftime(form.replace("%.f", "") or ISO)


def _words(there: Series) -> Column:
    name, distinct = there.name, there.n_unique()
    many = distinct > 20 and distinct > len(there) / 2
    some = there.head(1000)
    words = some.str.count_matches(r"\s+").sum() / len(some) + 1
    long = some.str.len_chars().sum() / len(some)
    if (many and words >= 4) or (distinct > 20 and long > 60):
        return Column(name, "text", f"{distinct:,} different texts: train on a folder of them, with one for each class")
    if many and _tell_apart(name, there):
        return Column(name, "id", f"{distinct:,} different words in {len(there):,} rows")
    if many:
        unread = f"such as {shown(there[0])}, which are neither numbers nor dates that chainrule reads"
        return Column(name, "ignored", f"{distinct:,} different words in {len(there):,} rows, {unread}")
    together = f"; {option('group', name)} keeps the rows of each together" if _OF_SOMEBODY.search(name) else ""
    return Column(name, "category", f"{distinct:,} different{' word' if distinct == 1 else ''}{together}")


def _tell_apart(name: str, there: Series) -> bool:
    """Whether many different words name who or what a row is of: it is said so, or each row has another that is no
    measure with a point or colon in it."""
    said = _OF_SOMEBODY.search(name) or _OF_A_ROW.search(name)
    return bool(said) or (there.n_unique() == len(there) and not there.str.contains(r"\d[.,:]\d").all())

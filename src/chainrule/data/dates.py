"""How dates are written: as text and as numbers, in one way or in several that cannot be confused, and back.

What some cells from all over a column rule out is not tried on the rest; what they suggest is confirmed on all.
"""

from __future__ import annotations

import datetime
import functools
import re
from typing import TYPE_CHECKING

import numpy as np

from chainrule.data.cells import as_numbers, as_text, is_text, one_word_in, some_of, without

if TYPE_CHECKING:
    from polars import Series

ISO = "%Y-%m-%d"
"""The form of a date by ISO 8601, or of what is like it: with a time, a fraction, a zone, or none of them."""

_ISO = r"^(\d{4}-\d{1,2}-\d{1,2})(?:[T ](\d{1,2}:\d{2})(:\d{2}(?:\.\d+)?)?\s*(?:Z|UTC|[-+]\d{2}(?::?\d{2})?)?)?$"

_WITH_TIME = f"{ISO} %H:%M:%S%.f"

_DAYS = (
    *("%Y/%m/%d", "%d.%m.%Y", "%m/%d/%Y", "%d/%m/%Y", "%d-%m-%Y", "%m-%d-%Y"),
    *("%d.%m.%y", "%m/%d/%y", "%d/%m/%y"),
    *("%d-%b-%Y", "%d %b %Y", "%d %B %Y", "%b %d, %Y", "%B %d, %Y"),
)

_TIMES = ("", " %H:%M:%S%.f", " %H:%M", " %I:%M:%S %p", " %I:%M %p")

CLOCKS = tuple(time.lstrip() for time in _TIMES if time)
"""How times of day are written."""

_QUARTERS = ("%YQ%q", "%Y-Q%q", "%Y Q%q", "Q%q %Y", "Q%q-%Y", "Q%q/%Y")

_WEEKS = ("%G-W%V", "%GW%V")

_MONTHS = ("%YM%m", "%Y-%m", "%Y/%m", "%m/%Y", "%b %Y", "%B %Y", "%b-%Y")

PERIODS = (*_QUARTERS, *_WEEKS, *_MONTHS)
"""How quarters, weeks and months are written, each of which is the moment that it begins with."""

DATES = (ISO, *(day + time for day in _DAYS for time in _TIMES), "%Y%m%d", *PERIODS, *CLOCKS)
"""How dates are written, the likeliest first: 3/4/2025 is in March and 03-04-2025 in April unless a day of more
than 12 says otherwise."""

UNIX = {"Unix seconds": 1, "Unix milliseconds": 1000}
"""Forms of dates that are numbers, and how many of these make a second; they count from the beginning of 1970."""

OR = " or "
"""Stands between the ways in which the dates of one column are written, the likeliest first."""

MOST_WAYS, FEW = 3, 50
"""In so many ways the dates of one column are written at most; what reads none of so many cells is tried no further."""

_SINCE, _UNTIL = 631_152_000, 2_524_608_000
"""The Unix seconds of 1990 and of 2050, between which numbers may be moments."""

_OF_TIME = re.compile(
    r"(?i:(^|[^a-z])(time|date|datetime|when|ts|epoch|unix|(time)?stamp|created|updated|modified|posted|seen|at)([^a-z]|$))"
    r"|(?i:(time|date|stamp)s?$)|[a-z](At|On|Time|Date|Ts)$"
)
"""The name of a column that may hold moments."""

_DIGITS = r"[1-9].*\d"
"""What every date holds, but 0000-00-00, which stands for none."""

_LIKE_A_DATE = r"\D.*\d\d|\d.*\D.*\d|\d\d.*\D|^\d{8}$"
"""Two digits and something else, or eight digits: what else has no form of a date, such as 134."""

_NO_DAY = "2000-01-01"
"""The day that is put before a time of day, to make a moment of it."""


def as_moments(series: Series, form: str = ISO) -> Series:
    """The series as dates with the local time; null where a text is no date in that form.

    A time without a date is one of the first day of 2000.
    """
    from chainrule.extras import polars as pl

    if series.dtype == pl.Time:
        series, form = as_text(series), CLOCKS[0]
    if series.dtype.is_temporal():
        return (series.dt.replace_time_zone(None) if series.dtype == pl.Datetime else series).cast(pl.Datetime("us"))
    if form in UNIX:
        return _of_seconds(series, UNIX[form])
    if series.dtype.is_numeric():
        series = as_text(series)
    if series.dtype != pl.String:
        return pl.Series(series.name, [None] * len(series), dtype=pl.Datetime("us"))
    first, *others = form.split(OR)
    moments = _iso(series) if first == ISO else _parsed(series, first)
    for other in others:
        if moments.null_count() > series.null_count():
            moments = moments.zip_with(moments.is_not_null(), as_moments(series, other))
    return moments


def as_written(moments: Series, form: str = ISO) -> Series:
    """Moments as text, or as numbers of Unix time, in that form; of several, in the likeliest."""
    if form in UNIX:
        return moments.dt.epoch("ms") // (1000 // UNIX[form])
    return moments.dt.to_string((form or ISO).split(OR)[0].replace("%.f", ""))


def is_form_of_dates(form: str) -> bool:
    """Whether dates can be read in that form, which has both hours and minutes, say, or neither."""
    if form in ("", *DATES, *UNIX):
        return True
    if OR in form:
        return all(map(is_form_of_dates, form.split(OR)))
    from chainrule.extras import polars as pl

    try:
        return _parsed(pl.Series([""]), form).null_count() == 1
    except pl.exceptions.PolarsError:
        return False


def dates_in(there: Series) -> tuple[str | None, list[str]]:
    """How the dates are written, if all are dates but one word that comes again and again; and that word."""
    form = form_of_dates(there)
    if form is not None or not is_text(there):
        return form, []
    some = some_of(there)
    digits = some.str.contains(_DIGITS)
    if digits.all() or 2 * digits.sum() < len(some) or form_of_dates(some.filter(digits)) is None:
        return None, []
    word = one_word_in(there, lambda words: words.str.contains(_DIGITS), digits="[1-9]")
    form = None if word is None else form_of_dates(there.filter(there != word))
    return (None, []) if form is None or word is None else (form, [word])


def form_of_dates(there: Series) -> str | None:
    """How the dates are written, if all are dates; in several ways only where none can be taken for another."""
    if not (is_text(there) and len(there) and there.head(20).str.contains(_LIKE_A_DATE).all()):
        return None
    some, first, signs = some_of(there), there.head(FEW), set(there[0])
    likely = [form for form in DATES if _signs_of(form) <= signs and as_moments(first, form).null_count() == 0]
    likely = [form for form in likely if as_moments(some, form).null_count() == 0]
    likely = likely or [form for form in [_several_ways(first) and _several_ways(some)] if form is not None]
    if not likely:
        return None
    there = there.unique()
    return next((form for form in likely if _are_all(there, form)), None)


def why_no_dates(there: Series) -> str:
    """Why words that look like dates are not read as such; "" where they do not."""
    if not there.head(20).str.contains(r"^\d{1,2}([/-])\d{1,2}[/-]\d{2,4}\b").all():
        return ""
    first = _several_ways(some_of(there))
    return "" if first is None else "dates of which some have the day first, and some the month"


def with_day(form: str, *, first: bool) -> str:
    """The form with the day before the month or behind it, where strokes or dashes stand between them."""
    one, other = ("m", "d") if first else ("d", "m")
    return re.sub(rf"%{one}([/-])%{other}(?=\1%[Yy])", rf"%{other}\1%{one}", form)


def form_as_said(there: Series) -> str:
    """How the dates are written in a column of which somebody has said that it holds dates."""
    if there.dtype.is_numeric():
        return unix_form(there) or "%Y%m%d"
    return dates_in(there)[0] or unix_form(there) or ISO


def unix_form(there: Series, name: str | None = None) -> str | None:
    """The unit of Unix time that all of these numbers may be in, from 1990 to 2050.

    Args:
        name: of the column, which must be that of a time, or else the numbers be whole minutes; None for no such doubt.
    """
    form = None
    for cells in (some_of(there), there):
        numbers = as_numbers(cells)
        if numbers.null_count() or not len(numbers):
            return None
        low, high = np.min(numbers.to_numpy()), np.max(numbers.to_numpy())
        form = next((form for form, n in UNIX.items() if _SINCE * n <= low and high <= _UNTIL * n), None)
        if form is None:
            return None
    if form is None or name is None or _OF_TIME.search(name):
        return form
    minutes = as_numbers(there) % (60 * UNIX[form]) == 0
    return form if minutes.all() and some_of(there).n_unique() > 20 else None


def example_of(form: str) -> str:
    """The last day of January 2025 in that form, or the ways that there are."""
    moment = datetime.datetime(2025, 1, 31, 13, 30)
    if form in UNIX:
        return str(int(moment.replace(tzinfo=datetime.UTC).timestamp()) * UNIX[form])
    return moment.strftime((form or ISO).replace("%.f", "").replace("%q", "1"))


def _several_ways(some: Series) -> str | None:
    """Ways of writing that read all of these dates together, none of them a date that another reads otherwise."""
    signs = set().union(*some[:FEW].to_list())
    forms = [form for form in DATES if form not in CLOCKS and _signs_of(form) <= signs]
    found: list[str] = []
    rest = some
    while len(rest) and len(found) < MOST_WAYS:
        read = [as_moments(rest, form).count() for form in forms]
        if not any(read) or (not found and 4 * max(read) < len(rest)):
            return None
        found.append(forms[read.index(max(read))])
        rest = rest.filter(as_moments(rest, found[-1]).is_null())
    return None if len(rest) else OR.join(found)


def _are_all(there: Series, form: str) -> bool:
    """Whether all are dates in that form, which none of several ways to write them reads otherwise than another."""
    if as_moments(there, form).null_count():
        return False
    ways = form.split(OR)
    read = [as_moments(there, way) for way in ways]
    both = [(one, other) for i, one in enumerate(read) for other in read[:i]]
    orders = [{with_day(way, first=first) == way for way in ways} for first in (True, False)]
    return {True} in orders and all(((one == other) | one.is_null() | other.is_null()).all() for one, other in both)


def _iso(series: Series) -> Series:
    for usual in (ISO, _WITH_TIME):
        moments = _parsed(series, usual)
        if moments.null_count() == series.null_count():
            return moments
    day = series.str.extract(_ISO, 1)
    if day.null_count() == len(day):
        return moments.clear(len(moments))
    time, seconds = (series.str.extract(_ISO, i) for i in (2, 3))
    return _parsed(day + " " + time.fill_null("00:00") + seconds.fill_null(":00"), _WITH_TIME)


def _parsed(text: Series, form: str) -> Series:
    from chainrule.extras import polars as pl

    name = text.name
    if form in PERIODS:
        text, form = _with_first_day(text, form)
    if form in CLOCKS:
        text, form = _NO_DAY + " " + without(text, ~text.str.contains(r"^\d{1,2}:\d{2}\b")), f"{ISO} {form}"
    if re.search("%[HI]", form):
        moments = text.str.to_datetime(form, strict=False, time_unit="us")
    else:
        moments = text.str.to_date(form, strict=False).cast(pl.Datetime("us"))
    moments = moments.alias(name)  # which adding a day has taken away
    if moments.null_count() == len(moments):
        return moments
    return without(moments, moments.dt.year() < 1000)  # a year of two digits has another form


def _with_first_day(text: Series, form: str) -> tuple[Series, str]:
    """Months, quarters and weeks with the day that they begin with, and the form that they have then."""
    if form in _WEEKS:
        return text.str.to_uppercase() + "-1", f"{form}-%u"
    text = without(text, ~text.str.contains(r"(^|\D)(1[5-9]|2[01])\d\d($|\D)"))  # of 1500 to 2199
    if form in _QUARTERS:
        pattern = "^" + form.replace("%Y", r"(?<year>\d{4})").replace("%q", r"(?<quarter>[1-4])") + "$"
        groups = text.str.to_uppercase().str.extract_groups(pattern).struct
        month = 3 * groups.field("quarter").cast(int) - 2
        return groups.field("year") + "-" + month.cast(str) + "-1", ISO
    return text + " 1", f"{form} %d"


def _of_seconds(series: Series, scale: int) -> Series:
    """Moments of Unix time, of which so many make a second; null where one is none."""
    from chainrule.extras import polars as pl

    numbers = series.cast(pl.Float64, strict=False)
    numbers = without(numbers, ~numbers.is_between(_SINCE * scale / 10, _UNTIL * scale * 2))
    return (numbers * (1_000_000 // scale)).round().cast(pl.Int64).cast(pl.Datetime("us"))


@functools.cache
def _signs_of(form: str) -> set[str]:
    """What every date in that form has between its numbers, but for blanks: of 3/4/2025 the stroke."""
    return set(re.sub(r"%\.f|%.| ", "", form))

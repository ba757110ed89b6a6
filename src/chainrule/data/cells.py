"""How the cells of a table are written: numbers and words as text, and back.

What some cells from all over a column rule out is not tried on the rest; what they suggest is confirmed on all.
"""

from __future__ import annotations

import functools
import re
from collections.abc import Callable
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from chainrule.errors import DataError

if TYPE_CHECKING:
    from polars import Series

_GOLDEN = (5**0.5 - 1) / 2

_OF_SOMEBODY = re.compile(r"(?i:(^|[^a-z])(id|uuid|guid)$)|[a-z](ID|Id)$")

_OF_A_ROW = re.compile(r"(?i:(^|[^a-z])(key|index|rownames)$)|^column_1$")

_OF_A_PLACE = re.compile(r"(?i:address|street|phone|(^|[^a-z])(fax|tel|zip|post(al)?[_ ]?(code)?|plz)([^a-z]|$))")

SOME = 2_000
"""How many cells of a column are looked at first."""

PLAIN, THOUSANDS, COMMA = "1234.5", "1,234.5", "1234,5"
"""How numbers are written; a sign of `SIGNS`, or a code such as USD, may stand at either end, and those in brackets are
negative, as in accounts."""

SIGNS = ("%", "$", "€", "£", "¥")
"""Units that may stand beside a number, as may three capital letters and a blank, such as USD."""

_CODE_BEFORE, _CODE_BEHIND = re.compile(r"\b([A-Z]{3})\s+[-+(]?[.\d]"), re.compile(r"\d\s+([A-Z]{3})\b")

_NO_NUMBER = re.compile(r"\d[-/:]\d")
"""What is met in dates and times, and in no number."""

ANY_CASE = "yes, Yes or YES"
"""The form of a column of yes and no in which capitals mean nothing."""

_TWO = (("no", "yes"), ("n", "y"), ("false", "true"), ("f", "t"), ("off", "on"), ("nein", "ja"), ("non", "oui"))
"""Words for no and for yes."""


def is_text(series: Series) -> bool:
    from chainrule.extras import polars as pl

    return series.dtype == pl.String


def names_somebody(name: str) -> bool:
    """Whether a column of that name tells who or what a row is of."""
    return _OF_SOMEBODY.search(name) is not None


def names_a_row(name: str) -> bool:
    """Whether a column of that name may tell one row from another."""
    return names_somebody(name) or _OF_A_ROW.search(name) is not None


def names_a_place(name: str) -> bool:
    """Whether a column of that name holds addresses, or numbers of phones."""
    return _OF_A_PLACE.search(name) is not None


def is_listed(series: Series) -> bool:
    """Whether these are words of which each is kept once."""
    from chainrule.extras import polars as pl

    return series.dtype == pl.Enum


def is_strange(series: Series) -> bool:
    from chainrule.extras import polars as pl

    return series.dtype.is_nested() or series.dtype in (pl.Binary, pl.Object, pl.Duration)


def refuse_strange(series: Series) -> None:
    """Raises DataError where a column is of a type that cannot be read."""
    if is_strange(series):
        raise DataError(f"{series.name} holds {series.dtype}, which is neither number, word nor date: leave it out.")


def without(series: Series, gaps: Series) -> Series:
    """The series with null where `gaps` is true."""
    from chainrule.extras import polars as pl

    return series.zip_with(~gaps, pl.Series(series.name, [None], dtype=series.dtype))


def as_numbers(series: Series, form: str = PLAIN) -> Series:
    """The series as floats; null where a text is no number in that form."""
    from chainrule.extras import polars as pl

    if not (series.dtype.is_numeric() or series.dtype in (pl.Boolean, pl.String)):
        return pl.Series(series.name, [None] * len(series), dtype=pl.Float64)
    if series.dtype.is_integer():
        return series.cast(pl.Float64)
    numbers = series.cast(pl.Float64, strict=False)
    if series.dtype == pl.String and (form != PLAIN or numbers.null_count() > series.null_count()):
        numbers = _plainly(series, form).cast(pl.Float64, strict=False)
    if numbers.null_count() == 0 and np.isfinite(numbers.to_numpy()).all():
        return numbers
    return without(numbers, ~numbers.is_finite())


def _plainly(text: Series, form: str) -> Series:
    """Numbers as a computer writes them; null where a sign is not there, or divides something else than thousands."""
    sign = form.strip("0123456789., ")
    plain = form.strip(f"{sign} ")
    if sign:
        end = re.escape(sign)
        signed = text
        text = text.str.replace(rf"^([-+(]?){end}\s*|\s*{end}(\)?)$", "$1$2")
        text = without(text, text == signed)
    text = text.str.replace(r"^\(([^-+].*)\)$", "-$1")
    if plain == PLAIN:
        return text
    group, point = ",." if plain == THOUSANDS else ".,"
    grouped = text.str.contains(rf"^[-+]?[1-9]\d{{0,2}}(\{group}\d{{3}})+(\{point}\d*)?$")
    text = text.str.replace_all(group, "", literal=True).zip_with(grouped, text)
    return without(text, text.str.contains(group, literal=True)).str.replace(point, ".", literal=True)


def as_text(series: Series) -> Series:
    """Text that is the same however a value came: 1 as such, as 1.0, or as text; and yes or no as True or TRUE."""
    from chainrule.extras import polars as pl

    if series.dtype.is_float() and ((series == series.floor()) & (series.abs() < 2**53)).all():
        series = series.cast(pl.Int64)
    text = series.cast(pl.String)
    if series.dtype.is_integer():
        return text
    words = text if some_of(text).n_unique() > SOME / 2 else text.unique()
    if not words.str.contains(r"^-?\d+\.0$|^(?i:true|false)$").any():
        return text
    usual = words.str.replace(r"^(-?\d+)\.0$", "$1")
    usual = usual.str.replace("^(?i:true)$", "True").str.replace("^(?i:false)$", "False")
    return usual if words is text else text.replace(words, usual)


def words_of(series: Series) -> Series:
    """The different words of a series, as text."""
    there = series.drop_nulls().unique() if is_listed(series) else series.drop_nulls()
    return as_text(there).unique()


def in_any_case(series: Series) -> Series:
    """Text with small letters, but True and False as `as_text` has them."""
    return as_text(as_text(series).str.to_lowercase())


def spellings_of_two(there: Series) -> list[str]:
    """The different words, if all of them mean yes or no, and both are met; else nothing."""
    if not is_text(there) or len(there) == 0 or there.head(20).n_unique() > 6:
        return []
    words: list[str] = []
    for cells in (some_of(there), there):
        words = cells.unique().to_list()
        if len(words) > 6 or not any({word.lower() for word in words} <= {*two} for two in _TWO):
            return []
    return words if len({word.lower() for word in words}) == 2 else []


def some_of(series: Series) -> Series:
    """Some of the values, from all over the series."""
    return series if len(series) <= SOME else series[places_in(len(series), SOME)]


@functools.lru_cache(maxsize=8)
def places_in(n: int, most: int) -> NDArray[np.int64]:
    """About `most` of the numbers below n, spread evenly, and in step with nothing that comes again and again."""
    places = np.unique((np.arange(most) * _GOLDEN % 1 * n).astype(np.int64))
    places.flags.writeable = False  # it is asked for once for each column
    return places


def is_padded(there: Series) -> bool:
    """Whether these are digits of one length, some with a zero in front, which no number has."""
    if not is_text(there) or not there.str.contains(r"^0\d+$").any():
        return False
    return bool(there.str.contains(r"^\d+$").all()) and there.str.len_chars().n_unique() == 1


def numbers_in(there: Series) -> tuple[str | None, list[str]]:
    """How the numbers are written, if all are numbers but one word that comes again and again; and that word."""
    if is_text(there) and len({cell for cell in there.head(20) if _NO_NUMBER.search(cell)}) > 1:
        return None, []
    form = form_of_numbers(there)
    if form is not None or not is_text(there) or not some_of(there).str.contains(r"\d").any():
        return form, []
    for form in forms_of(there):
        word = one_word_in(there, lambda words, form=form: as_numbers(words, form).is_not_null())  # type: ignore[misc]
        if word is not None:
            return form_of_numbers(there.filter(there != word).unique()), [word]
    return None, []


def one_word_in(there: Series, is_read: Callable[[Series], Series], digits: str = r"\d") -> str | None:
    """The only word that is not read among more than ten different ones that are, and that come more often together.

    It holds no digit: 90+ says a number.

    Args:
        digits: the pattern of digits that it must not hold.
    """
    some = some_of(there)
    if some.filter(~is_read(some)).n_unique() > 1:
        return None
    counted = there.alias("word").value_counts(name="times")
    read = is_read(counted["word"])
    words, rest = counted.filter(~read), counted.filter(read)
    one = (
        len(words) == 1
        and not re.search(digits, words["word"][0])
        and len(rest) > 10
        and words["times"][0] < rest["times"].sum()
    )
    return words["word"][0] if one else None


def form_of_numbers(there: Series) -> str | None:
    """How the numbers are written, if all are numbers."""
    if not is_text(there):
        return PLAIN if there.dtype.is_numeric() else None
    some = some_of(there)
    if not some.str.contains(r"\d").all():
        return None
    forms = dict.fromkeys((PLAIN, *forms_of(there)))
    likely = [form for form in forms if as_numbers(some, form).null_count() == 0]
    if not likely:
        return None
    there = there.unique()
    return next((form for form in likely if as_numbers(there, form).null_count() == 0), None)


def likeliest_form(there: Series) -> str:
    """How most of the numbers are written."""
    if not is_text(there):
        return PLAIN
    return min(forms_of(there), key=lambda form: as_numbers(there, form).null_count())


def forms_of(there: Series) -> list[str]:
    """How numbers may be written: in three ways, each with a sign or a code where such is met."""
    some = there.head(20).to_list()
    sign = next((sign for sign in SIGNS if any(sign in cell for cell in some)), "")
    if not sign:
        codes = (_CODE_BEFORE.search(cell) or _CODE_BEHIND.search(cell) for cell in some)
        sign = next((code[1] for code in codes if code), "")
    blank = " " if sign.isalpha() else ""
    in_front = not any(cell.rstrip(")").endswith(sign) for cell in some)
    return [sign + blank + form if in_front else form + blank + sign for form in (PLAIN, THOUSANDS, COMMA)]

"""Numbers with a unit: `70 kg`, `5'11"`, `$1.09M`, `1.2k`, `12 h 30 min`, and ranges such as `10-20 kg`.

A column is read in one unit: that of most of its cells, or the smallest where units are added up. Other units of the
same dimension are converted, such as 500 g among kilograms. A word that is none of the known units counts as one where
all cells have it: `12 votes`.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from chainrule.data.cells import COMMA, PLAIN, THOUSANDS, as_numbers, is_text, one_word_in, some_of, without
from chainrule.data.units import CURRENCIES, NAMED, NUMBER, Unit, candidates, dimension_of, unit_called, unit_for
from chainrule.errors import shown

if TYPE_CHECKING:
    from polars import DataFrame, Series


_MONTHS = {"months", "years"}
"""Units that have no fixed number of days."""

_MONEY = "|".join(map(re.escape, sorted(CURRENCIES, key=len, reverse=True)))

_N = r"\d+(?:[.,]\d+)*|[.,]\d+"

_U = (
    r"(?:sq(?:uare|\.)?\s?)?[A-Za-zµμ°℃℉%‰×À-ÖØ-öø-ÿ]+(?:\.|[²³]|[23]\b)?(?:\s?/\s?\d{0,3}[A-Za-z²³]+|\s?per\s[A-Za-z]+)?"
    r"|''|[\"'″′’”]"
)

_AND = r"(?:\s*,\s*|\s+and\s+|\s*)"

_SUM = (
    rf"^(?<sign>[-+])?\s*(?<c>{_MONEY})?\s*(?<minus>-)?(?<n1>{_N})\s*(?:(?<u1>{_U})"
    rf"(?:{_AND}(?<n2>{_N})\s*(?<u2>{_U})?(?:{_AND}(?<n3>{_N})\s*(?<u3>{_U}))?)?)?(?:\s*(?<e>{_MONEY}))?$"
)

_RANGE = (
    rf"^(?<c>{_MONEY})?\s*(?<n1>{_N})\s*(?<u1>{_U})?\s*(?:-|–|—|~|\bto\b)\s*(?<d>{_MONEY})?\s*(?<n2>{_N})\s*(?<u2>{_U})?"
    rf"(?:\s*(?<e>{_MONEY}))?$"
)

"""A number, or up to three added up; and a range. They name the parts: numbers n, units u, currencies c, d and e."""

_BEGINS = rf"^[-+−]?\s*(?:{_MONEY})?\s*-?[.,]?\d"

_WORDS = ("u1", "u2", "u3", "c", "d", "e")

_TEXTS = (*_WORDS, "n1", "n2", "n3", "sign", "minus")

_BETWEEN = "\x1f"
"""Stands between the parts of a shape that is written as text."""

_ROUNDED = 1e-9
"""To so much, of 1, the factors of units are exact."""

LONGEST = 200
"""No number with its unit has more letters."""

MOST_BANDS = 20
"""Of so many different ranges at most, each is a category."""


@dataclass(frozen=True)
class Written:
    """How the numbers with a unit of a column are written.

    Attributes:
        unit: in which they are read; "" for numbers such as 1.2k, and for ranges without a unit.
        form: of the numbers; of ranges two of them; with a k behind where a word for thousands may stand there.
        others: units that are converted. bare: whether some lack the unit, and are taken for such.
    """

    unit: str
    form: str
    others: tuple[str, ...] = ()
    bare: bool = False

    def __str__(self) -> str:
        said = [f"in {self.unit}"] if self.unit else []
        said += [f"{_listed(self.others)} converted"] if self.others else []
        said += [f"numbers without a unit taken for {self.unit}"] if self.bare else []
        units = {self.unit, *self.others}
        said += ["a month taken for 30.44 days"] if units & _MONTHS and units - _MONTHS else []
        said += ["k, M and the like written out"] if self.form.endswith("k") else []
        said += ["ranges taken for their middles"] if "-" in self.form else []
        return ", ".join(said)


def is_of_units(unit: str, form: str) -> bool:
    """Whether a column of this unit and form is read by `as_quantities`."""
    return bool(unit) or "-" in form or form.endswith("k")


def as_quantities(text: Series, unit: str, form: str) -> Series:
    """Numbers with a unit as floats in `unit`; null where one is not of its dimension, or written otherwise.

    Numbers without a unit, a sign or a word are taken for such in `unit`, each by itself, whatever the others are.
    A sum of which a part is as much as one of the unit before it is none: 5'58" is no length.
    """
    from chainrule.extras import polars as pl

    target, currency = unit_called(unit)
    parts = _parts(text, ranges="-" in form)
    style = _style_of(form)
    n = [as_numbers(parts[name], style).to_numpy() for name in ("n1", "n2", "n3")]
    terms = {}
    for shape in parts["shape"].drop_nulls().unique():
        terms[shape] = _Shape.of(shape).terms(target, currency)
    read = {shape: found for shape, found in terms.items() if found is not None}
    a = [
        parts["shape"].replace_strict(
            [*read], [found[i] for found in read.values()], default=None, return_dtype=pl.Float64
        )
        for i in range(4)
    ]
    each = [a[i].to_numpy() * (n[i] if i == 0 else np.nan_to_num(n[i])) for i in range(3)]
    values = np.where(parts["sign"].to_numpy(), -1.0, 1.0) * (each[0] + each[1] + each[2]) + a[3].to_numpy()
    unread = parts["ranged"].to_numpy() & ~(each[0] < each[1])
    for numbers, name in zip(n[1:], ("n2", "n3"), strict=True):
        unread |= np.isnan(numbers) & parts[name].is_not_null().to_numpy()
    summed = ~parts["ranged"].to_numpy()
    for i in (0, 1):
        unread |= summed & (each[i + 1] > 0) & (each[i + 1] >= a[i].to_numpy() * (1 - _ROUNDED))
    values[unread] = np.nan
    if np.isnan(values).any():
        values = np.where(np.isnan(values), as_numbers(text, style).to_numpy(), values)
    return pl.Series(text.name, values, dtype=pl.Float64, nan_to_null=True)


def are_bare(text: Series, unit: str, form: str) -> Series:
    """Whether cells are numbers other than 0, or ranges, without a unit, or amounts without their currency."""
    shapes = _parts(text, ranges="-" in form)["shape"]
    target, currency = unit_called(unit)
    lacking = [shape for shape in shapes.drop_nulls().unique() if _Shape.of(shape).lacks(target, currency)]
    return (as_numbers(text, _style_of(form)) != 0).fill_null(False) | shapes.is_in(lacking).fill_null(False)


def _style_of(form: str) -> str:
    """How a form writes each of its numbers."""
    return form.removesuffix("k").split("-")[0]


def quantities_in(there: Series) -> tuple[Written | None, list[str]]:
    """How numbers with a unit are written, if all are such but one word that comes again and again; and that word."""
    if not is_text(there) or not _may_be(there):
        return None, []
    some, words = some_of(there), list[str]()
    if _are_parsed(some).sum() < len(some) / 2:
        return None, []
    whole = there.unique()
    if not _are_parsed(some).all():
        word = one_word_in(there, _are_parsed)
        if word is None:
            return None, []
        some, whole, words = some.filter(some != word), whole.filter(whole != word), [word]
    for cells in (some, whole):  # which may hold what the sample has not met: a range, another unit
        found = _written(cells)
        fitting = None if found is None else _fitting(whole, found)
        if fitting is not None:
            return fitting, words
    return None, []


def _fitting(whole: Series, written: Written) -> Written | None:
    """How all cells are written, if `written` tells; a few may lack the unit, if all others are in that one."""
    if as_quantities(whole, written.unit, written.form).null_count():
        return None
    told = with_bare(written, whole)
    if not told.bare:
        return written
    target, _ = unit_called(written.unit)
    summed = any(len(shape.words) > 1 and not shape.ranged for shape in _shapes(whole))
    scaled = target.name != "" and (target.name not in NAMED or target.dimension == NUMBER)
    few = 2 * are_bare(whole, written.unit, written.form).sum() < len(whole)
    return told if few and not (written.others or summed or scaled) else None


def with_bare(written: Written, cells: Series) -> Written:
    """The same, told whether some cells lack the unit."""
    return replace(written, bare=bool(written.unit and are_bare(cells, written.unit, written.form).any()))


def likeliest_quantities(there: Series) -> Written | None:
    """How most of the numbers with a unit are written, where some cells are none; None where no number has a unit."""
    if not is_text(there):
        return None
    parts = _parts(there)
    common = parts["shape"].drop_nulls().mode().sort()
    return _written(there.filter((parts["shape"] == common[0]).fill_null(False))) if len(common) else None


def why_no_quantities(there: Series) -> str:
    """Why words of which most look like numbers with a unit are not read as such; "" where they do not."""
    if not _may_be(there):
        return ""
    some = some_of(there).unique(maintain_order=True)
    parsed = _are_parsed(some)
    if parsed.sum() < 0.9 * len(some):
        return ""
    shapes = _shapes(some)
    words, currencies = _words_of(shapes), sorted({shape.currency for shape in shapes} - {""})
    if len(currencies) > 1:
        return f"in {_listed(currencies)}, between which chainrule knows no rate"
    if not words or not all(map(candidates, words)):
        return ""
    if dimension_of(words) is None:
        return f"in {_listed([*words])}, which are not of one kind"
    if _written(some) is None and _are_in_months(words, dimension_of(words) or "") and any(map(_is_m, words)):
        return f"in {_listed([*words])}, where m may be minutes or months"
    if parsed.all():
        return _why_no_sums(some) or _why_bare(some, words, currencies)
    return f"{shown(some.filter(~parsed)[0])} among numbers in {_listed([*words])}: leave such cells empty"


def _why_no_sums(some: Series) -> str:
    """Which cell is a sum with too large a part, if one is."""
    found = _written(some)
    if found is None:
        return ""
    wrong = some.filter(as_quantities(some, found.unit, found.form).is_null())
    larger = any(len(shape.words) > 1 and not shape.ranged for shape in _shapes(wrong))
    return f"{shown(wrong[0])} holds as much of a smaller unit as makes one of the larger" if larger else ""


def _why_bare(some: Series, words: Iterable[str], currencies: Sequence[str]) -> str:
    """Which cell lacks the unit, or the currency, where it cannot be told what it is in."""
    found = _written(some)
    if found is None or not found.unit:
        return ""
    bare = some.filter(are_bare(some, found.unit, found.form))
    if not len(bare):
        return ""
    units = currencies if currencies and bare[0].endswith(tuple(words)) else [*words]
    return f"{shown(bare[0])} has no unit among numbers in {_listed(units)}: write it, or leave such cells empty"


def are_bands(there: Series) -> bool:
    """Whether these are ranges of which few different ones come again and again, as those of an age."""
    if not is_text(there) or not _may_be(there):
        return False
    some = some_of(there)
    few = some.n_unique() <= min(MOST_BANDS, len(some) / 2)
    return few and bool(2 * _parts(some)["ranged"].sum() > len(some))


@dataclass(frozen=True)
class _Shape:
    """What a cell is but for its numbers.

    Attributes:
        units: of each number the word behind it; None where there is none. currency: its sign or code, or "".
        ranged: whether it is a range.
    """

    units: tuple[str | None, ...]
    currency: str
    ranged: bool

    @classmethod
    def of(cls, text: str) -> _Shape:
        *words, count, ranged = text.split(_BETWEEN)
        units = [word.strip() or None for word in words[: int(count)]]
        money = [word for word in (*words[3:], *units) if word in CURRENCIES]
        currencies = {CURRENCIES[word] for word in money if word is not None}
        units = [None if word in CURRENCIES else word for word in units]
        return cls(tuple(units), currencies.pop() if len(currencies) == 1 else " and ".join(currencies), ranged == "1")

    @property
    def words(self) -> list[str | None]:
        """Of each number the word for its unit, also where that stands only once: 10-20 kg, or 5'11."""
        if self.ranged:
            return [self.units[0] or self.units[1], self.units[1] or self.units[0]]
        feet = len(self.units) == 2 and self.units[1] is None and unit_for("length", self.units[0]) == NAMED["feet"]
        return [self.units[0], '"'] if feet else [*self.units]

    def lacks(self, target: Unit, currency: str) -> bool:
        """Whether it is a range without a unit, or an amount such as 1.2M without its currency, which are taken for
        such as the others of their column."""
        if self.currency or (not currency and target.dimension == NUMBER):
            return False
        if not any(self.words):
            return self.ranged
        return currency != "" and None not in self.words and dimension_of(self.written, NUMBER) is not None

    @property
    def written(self) -> list[str]:
        """The words for units in it."""
        return [word for word in self.units if word is not None]

    def terms(self, target: Unit, currency: str) -> tuple[float, ...] | None:
        """By what its three numbers are to be multiplied, and what is to be added to their sum; None where it is of
        another dimension than `target`, or no sum in falling units."""
        months = target.name in _MONTHS
        units = [unit for word in self.words if (unit := unit_for(target.dimension, word, months=months)) is not None]
        if self.lacks(target, currency):
            units = [unit or target for unit in (unit_for(target.dimension, word) for word in self.words)]
        elif self.currency != currency or len(units) < len(self.words):
            return None
        factors = [float(f"{unit.factor / target.factor:.14g}") for unit in units]  # a foot is 12 inches
        zeros = [(unit.zero - target.zero) / target.factor for unit in units]
        if self.ranged:
            return factors[0] / 2, factors[1] / 2, 0.0, sum(zeros) / 2
        if len(factors) > 1 and (any(zeros) or target.zero or factors != sorted(set(factors), reverse=True)):
            return None
        return *factors, *[0.0] * (3 - len(factors)), zeros[0]


def _may_be(there: Series) -> bool:
    """Whether most of the first cells begin as a number does."""
    some = there.head(20)
    return bool(2 * some.str.contains(_BEGINS).sum() >= len(some) > 0)


def _parts(text: Series, *, ranges: bool = True) -> DataFrame:
    """Of each cell its numbers n1, n2, n3 and its shape as text, whether it is `ranged`, and has a minus as its `sign`.
    Numbers and shape are null where it is neither a number, nor a sum or range of such.
    """
    from chainrule.extras import polars as pl

    long = text.str.len_bytes() > LONGEST
    plain = (without(text, long) if long.any() else text).str.replace_all("−", "-", literal=True)
    found = _groups(plain, _SUM)
    ranged = pl.Series([False]).new_from_index(0, len(text))
    if ranges:
        ends = _groups(plain, _RANGE)
        ranged = ends["n1"].is_not_null()
        found = found.select(ends[name].zip_with(ranged, found[name]) for name in found.columns)
    signs = found["sign"].eq("-").fill_null(False) | found["minus"].eq("-").fill_null(False)
    count = pl.sum_horizontal(pl.col("n1", "n2", "n3").is_not_null().cast(int))
    shape = pl.concat_str(*(pl.col(name).fill_null("") for name in _WORDS), count, "ranged", separator=_BETWEEN)
    found = found.with_columns(ranged.cast(int).alias("ranged")).with_columns(
        pl.when(pl.col("n1").is_not_null()).then(shape).alias("shape")
    )
    return found.select("n1", "n2", "n3", "shape").with_columns(ranged=ranged, sign=signs)


def _groups(text: Series, pattern: str) -> DataFrame:
    """The named parts of each cell; null where it has none, or where the pattern has not."""
    from chainrule.extras import polars as pl

    found = text.str.extract_groups(pattern).struct.unnest()
    return found.select(
        pl.col(name) if name in found.columns else pl.lit(None, pl.String).alias(name) for name in _TEXTS
    )


def _are_parsed(text: Series) -> Series:
    return _parts(text)["shape"].is_not_null()


def _shapes(text: Series) -> Counter[_Shape]:
    """The shapes of these cells, with how often each is met."""
    counted = _parts(text)["shape"].drop_nulls().alias("shape").value_counts(name="times")
    found: Counter[_Shape] = Counter()
    for shape, times in counted.sort("times", "shape", descending=[True, False]).iter_rows():
        found[_Shape.of(shape)] += times
    return found


def _words_of(shapes: Counter[_Shape]) -> Counter[str]:
    """The words for units in these shapes, with how often each is met."""
    found: Counter[str] = Counter()
    for shape, times in shapes.items():
        for word in {*shape.written}:
            found[word] += times
    return found


def _written(cells: Series) -> Written | None:
    """How cells are written that are all numbers with units of one dimension."""
    shapes, parts = _shapes(cells), _parts(cells)
    currencies = {shape.currency for shape in shapes if shape.currency}
    words, ranged = _words_of(shapes), any(shape.ranged for shape in shapes)
    style = _style(parts)
    dimension = dimension_of(words, NUMBER if currencies else None)
    if len(currencies) > 1 or dimension is None or style is None:
        return None
    if not words and not currencies and (not ranged or _are_names(parts)):
        return None
    form = f"{style}-{style}" if ranged else style
    if dimension == NUMBER and not currencies:
        return Written("", form + ("k" if words else ""))
    months = _are_in_months(words, dimension)
    unit, others = _units_of(shapes, dimension, months=months)
    if months and any(map(_is_m, words)) and (unit not in _MONTHS or _are_short(words)):
        return None
    return Written(" ".join(filter(None, [unit, *currencies])), form, tuple(others))


def _are_in_months(words: Iterable[str], dimension: str) -> bool:
    """Whether durations are told in months or years, so that m is a month: 7y 10m."""
    units = [unit for word in words if (unit := unit_for(dimension, word)) is not None]
    return dimension == "duration" and any(unit.name in _MONTHS for unit in units)


def _are_short(words: Iterable[str]) -> bool:
    """Whether some of these words beside m are for hours or less."""
    units = [unit_for("duration", word) for word in words if not _is_m(word)]
    return any(unit is not None and unit.factor <= NAMED["h"].factor for unit in units)


def _is_m(word: str) -> bool:
    return candidates(word) == candidates("m")


def _units_of(shapes: Counter[_Shape], dimension: str, *, months: bool) -> tuple[str, list[str]]:
    """The unit of most cells, or the smallest of those that are added up; and the others.

    Args:
        months: see `unit_for`.
    """
    met: Counter[Unit] = Counter()
    added: set[Unit] = set()
    for shape, times in shapes.items():
        units = [unit for word in shape.words if (unit := unit_for(dimension, word, months=months)) is not None]
        met.update(dict.fromkeys(units, times))
        added |= {*units} if len(units) > 1 and not shape.ranged else set()
    unit = min(added, key=lambda unit: unit.factor) if added else met.most_common(1)[0][0]
    others = {other.name: None for other in met if other.dimension != unit.dimension or other.factor != unit.factor}
    return unit.name, [] if added else [*filter(None, others)]


def _style(parts: DataFrame) -> str | None:
    """How all the numbers are written, without their units."""
    numbers = parts["n1"].append(parts["n2"]).append(parts["n3"]).drop_nulls()
    return next((form for form in (PLAIN, THOUSANDS, COMMA) if as_numbers(numbers, form).null_count() == 0), None)


def _are_names(parts: DataFrame) -> bool:
    """Whether what looks like ranges are rather names of digits: with a zero in front, or parts of fixed lengths, as
    phone numbers have."""
    ends = [parts[name].drop_nulls() for name in ("n1", "n2")]
    lengths = [end.str.len_chars().unique().to_list() for end in ends]
    fixed = [len(length) for length in lengths] == [1, 1] and lengths[0] != lengths[1]
    return fixed or any(end.str.contains(r"^0\d").any() for end in ends)


def _listed(names: Iterable[str]) -> str:
    """The first of these names: "kg, g and lb"."""
    first = [*names][:3]
    return " and ".join(filter(None, [", ".join(first[:-1]), first[-1]]))

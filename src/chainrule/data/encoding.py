"""Encodes the columns of a table as one matrix; means, words and the like are learned from the training rows alone.

Numbers come first in the matrix, then the one-hot rows of categories with few values, then one number for each category
with many, and the numbers of the words of each text, which the network's first layer replaces by learned vectors.
"""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any, ClassVar, Literal

import numpy as np
from numpy.typing import NDArray

from chainrule.checking import whole
from chainrule.configuration import Configurable
from chainrule.data.cells import is_listed
from chainrule.data.columns import Column
from chainrule.data.phrases import Phrases, steps_for
from chainrule.data.source import Place
from chainrule.errors import OptionError

if TYPE_CHECKING:
    from polars import Series

FEW = 32
"""Categories of no more values are one-hot; others are embedded."""

RARE = 3
"""Words that occur less often in the training rows share one code, which stands for words never seen, too."""

TALL = 8.0
"""A column whose numbers lie further from the median, in robust deviations, has its tails drawn in."""

READ, WRITTEN = 32_768, 8_192
"""How many rows of a table are read, and of a matrix written, at a time."""

ENDS = 0.005, 0.995
"""These quantiles tell where nearly all numbers lie."""

LIMIT = 10.0
"""How many deviations from the mean a standardized number may lie."""

Matrix = NDArray[np.float32]


@dataclass(frozen=True, repr=False)
class Code(Configurable, ABC):
    """The encoding of one column.

    Args:
        column: its name, kind, and how its text is read.
    """

    column: Column

    tokens: ClassVar[int] = 0
    """How many rows of the table of vectors belong to it, where it is embedded."""

    bag: ClassVar[bool] = False
    """Whether it has a bag of numbers, of which 0 stands for none."""

    reads: ClassVar[Literal["numbers", "dates", "words"]]
    """What its column is read as."""

    steps_of_numbers: ClassVar[int] = 0
    """How many steps there are between the different numbers in the first of its columns, where these are numbers whose
    order means something and there is more than one step; else 0."""

    def __post_init__(self) -> None:
        super().__post_init__()
        column = "numbers" if self.column.counts else "dates" if self.column.kind == "date" else "words"
        if column != self.reads:
            raise OptionError(f"{type(self).__name__} is for {self.reads}, but {self.column.name} holds {column}.")
        words, spread = getattr(self, "words", []), getattr(self, "spread", 1.0)
        if len(set(words)) < len(words):
            raise OptionError(f"a word of {self.column.name} has two codes.")
        if spread <= 0:
            raise OptionError(f"the spread of {self.column.name} is {spread}, but must be more than 0.")

    @classmethod
    @abstractmethod
    def learn(cls, column: Column, values: Series) -> Code:
        """The code for values like these, null where they are missing."""

    @property
    @abstractmethod
    def width(self) -> int:
        """How many columns of the matrix it has."""

    @abstractmethod
    def read(self, values: Series) -> NDArray[Any]:
        """What `write` needs to know of the values, (m,) or (m, n)."""

    @abstractmethod
    def write(self, found: NDArray[Any], out: Matrix) -> None:
        """Write some rows of what was read as numbers into `out` (m, width)."""

    def read_one(self, value: object) -> NDArray[Any]:
        """As `read`, of a single value, None where it is missing; quicker, where it is what is expected.

        Raises:
            DataError: it is not what the column was found to be.
        """
        from chainrule.extras import polars as pl

        return self.read(self.column.values(pl.Series(self.column.name, [value], strict=False)))

    def matrix(self, values: Series) -> Matrix:
        """The values as numbers (m, width)."""
        out = np.empty((len(values), self.width), np.float32)
        self.write(self.read(values), out)
        return out

    def strangers(self, values: Series) -> list[str]:
        """Values that were not there while training, each once."""
        return []


@dataclass(frozen=True, repr=False)
class Number(Code):
    """(f(v) − middle) / spread, clipped to ±10; f draws long tails in: f(v) = arsinh((v − origin) / unit).

    A missing value becomes the median, and 1 in a column of its own where there were such while training.

    Args:
        fill: the median, in the column's own unit.
        origin, unit: of f; a unit of 0 for no f.
        middle, spread: mean and standard deviation of f(v).
        gaps: whether values were missing while training.
        low, high: between which nearly all values lay while training; None where nobody has noted it.
        different: how many different numbers there were while training; 0 where nobody has noted it.
    """

    fill: float
    origin: float
    unit: float
    middle: float
    spread: float
    gaps: bool
    low: float | None = None
    high: float | None = None
    different: int = 0

    reads = "numbers"

    @classmethod
    def learn(cls, column: Column, values: Series) -> Number:
        v = np.sort(values.drop_nulls().to_numpy().astype(np.float64))
        if len(v) == 0:
            return cls(column, 0.0, 0.0, 0.0, 0.0, 1.0, True)
        low, fill, high = (_quantile(v, share) for share in (0.25, 0.5, 0.75))
        robust, farthest = (high - low) / 1.349, max(v[-1] - fill, fill - v[0])
        tall = farthest > TALL * (robust if robust > 0 else v.std())
        unit = (robust or _middle_step(v, fill)) if tall else 0.0
        f = _drawn_in(v, fill, unit)
        spread, largest = float(f.std()), max(f[-1], -f[0])
        gaps, spread = values.null_count() > 0, spread if spread > 1e-12 * largest else 1.0
        low, high = (_quantile(v, share) for share in ENDS)
        different = 1 + int(np.count_nonzero(v[1:] != v[:-1]))
        return cls(column, fill, fill, unit, float(f.mean()), spread, gaps, low, high, different)

    @property
    def steps_of_numbers(self) -> int:  # type: ignore[override]
        return self.different - 1 if self.different > 2 else 0

    @property
    def width(self) -> int:
        return 1 + self.gaps

    def read(self, values: Series) -> NDArray[Any]:
        return values.to_numpy()  # NaN where a value is missing

    def read_one(self, value: object) -> NDArray[Any]:
        if value is None:
            return np.array([math.nan])
        return np.array([value], np.float64) if type(value) in (int, float) else super().read_one(value)

    def write(self, found: NDArray[Any], out: Matrix) -> None:
        v = found.astype(np.float64)
        missing = np.isnan(v)
        v[missing] = self.fill
        z = (_drawn_in(v, self.origin, self.unit) - self.middle) / self.spread
        out[:, 0] = np.clip(z, -LIMIT, LIMIT)
        if self.gaps:
            out[:, 1] = missing


def _quantile(ordered: NDArray[np.float64], share: float) -> float:
    """As NumPy's, of numbers that are sorted already, which that would part anew."""
    part, below = math.modf(share * (len(ordered) - 1))
    low, high = ordered[int(below)], ordered[math.ceil(below + part)]
    return float(low + part * (high - low))


def _middle_step(v: NDArray[np.float64], middle: float) -> float:
    """The median distance of those numbers that are not in the middle."""
    apart = np.abs(v - middle)
    return float(np.median(apart[apart > 0]))


def _drawn_in(v: NDArray[np.float64], origin: float, unit: float) -> NDArray[np.float64]:
    return np.arcsinh((v - origin) / unit) if unit else v


class WordCode(Code):
    """The encoding of a column that holds words."""

    reads = "words"

    @property
    @abstractmethod
    def numbers(self) -> dict[str, int]:
        """The number of each word that has one."""

    @property
    @abstractmethod
    def others(self) -> tuple[int, int]:
        """The numbers of a missing value, and of words that have none."""

    def knows(self, word: object) -> bool:
        """Whether training has met the word."""
        from chainrule.extras import polars as pl

        return word in self._known[0] or not self.strangers(self.column.values(pl.Series([word], strict=False)))

    @cached_property
    def _known(self) -> tuple[dict[str, int], tuple[int, int]]:
        return self.numbers, self.others

    def read(self, values: Series) -> NDArray[Any]:
        numbers, (missing, others) = self._known
        return _numbered(values, numbers, missing=missing, others=others)

    def read_one(self, value: object) -> NDArray[Any]:
        numbers = self._known[0]
        if value is None:
            return np.array([self._known[1][0]])
        return np.array([numbers[value]]) if type(value) is str and value in numbers else super().read_one(value)


@dataclass(frozen=True, repr=False)
class YesNo(WordCode):
    """−1 and 1; a missing value, and one never seen in training, is 0.

    Args:
        words: what stands for −1 and for 1.
        gaps: whether values were missing while training; None where nobody has noted it.
    """

    words: list[str]
    gaps: bool | None = None

    @classmethod
    def learn(cls, column: Column, values: Series) -> YesNo:
        return cls(column, words_in_order(values.drop_nulls().unique().to_list()), values.null_count() > 0)

    @property
    def width(self) -> int:
        return 1

    @property
    def numbers(self) -> dict[str, int]:
        return {word: i for i, word in enumerate(self.words)}

    @property
    def others(self) -> tuple[int, int]:
        return -1, -1

    def write(self, found: NDArray[Any], out: Matrix) -> None:
        out[:, 0] = np.where(found < 0, 0, 2 * found - 1)

    def strangers(self, values: Series) -> list[str]:
        return strangers_to(values, self.words)


@dataclass(frozen=True, repr=False)
class OneHot(WordCode):
    """A column for each word, 1 where it stands; one for rare words and for those never seen in training.

    Args:
        words: those that are not rare.
        rare: the others. gaps: whether values were missing while training, which then have a column of their own.
    """

    words: list[str]
    rare: list[str]
    gaps: bool

    @classmethod
    def learn(cls, column: Column, values: Series) -> OneHot:
        return cls(column, *_by_count(values), gaps=values.null_count() > 0)

    @property
    def width(self) -> int:
        return len(self.words) + bool(self.rare) + self.gaps

    @property
    def numbers(self) -> dict[str, int]:
        return {word: i for i, word in enumerate(self.words)}

    @property
    def others(self) -> tuple[int, int]:
        others = len(self.words) if self.rare else -1  # of strangers nothing was learned then: no column has their 1
        return self.width - 1 if self.gaps else others, others

    def write(self, found: NDArray[Any], out: Matrix) -> None:
        out[...] = found[:, None] == np.arange(self.width)

    def strangers(self, values: Series) -> list[str]:
        return strangers_to(values, self.words + self.rare)


@dataclass(frozen=True, repr=False)
class Embedded(WordCode):
    """The index of each word's learned vector: 0 for rare words and those never seen in training, 1 for missing ones.

    Args:
        words: those that are not rare, from number 2 on. rare: the others.
        gaps: whether values were missing while training; None where nobody has noted it.
    """

    words: list[str]
    rare: list[str]
    gaps: bool | None = None

    @property
    def tokens(self) -> int:  # type: ignore[override]
        return len(self.words) + 2

    @classmethod
    def learn(cls, column: Column, values: Series) -> Embedded:
        return cls(column, *_by_count(values), gaps=values.null_count() > 0)

    @property
    def width(self) -> int:
        return 1

    @property
    def numbers(self) -> dict[str, int]:
        return {word: i for i, word in enumerate(self.words, 2)}

    @property
    def others(self) -> tuple[int, int]:
        return 1, 0

    def write(self, found: NDArray[Any], out: Matrix) -> None:
        out[:, 0] = found

    def strangers(self, values: Series) -> list[str]:
        return strangers_to(values, self.words + self.rare)


@dataclass(frozen=True, repr=False)
class Bag(Code):
    """The numbers of the words and pairs of words of a text, each once; 0 fills up a text that has fewer, or none.

    Args:
        phrases: with the vocabulary. steps: how many words and pairs of a text are read.
    """

    phrases: Phrases
    steps: int

    reads = "words"
    bag = True

    def __post_init__(self) -> None:
        super().__post_init__()
        whole("steps", self.steps)

    @property
    def tokens(self) -> int:  # type: ignore[override]
        return self.phrases.count

    @classmethod
    def learn(cls, column: Column, values: Series) -> Bag:
        phrases = Phrases.of(values)
        return cls(column, phrases, steps_for(phrases.lengths(values)))

    @property
    def width(self) -> int:
        return self.steps

    def read(self, values: Series) -> NDArray[Any]:
        return self.phrases.bags(values, self.steps)

    def write(self, found: NDArray[Any], out: Matrix) -> None:
        out[...] = found


Part = Literal["elapsed", "month", "day", "weekday", "hour"]

PARTS: tuple[Part, ...] = ("elapsed", "month", "day", "weekday", "hour")
"""What a moment is made of: how far it lies on the way of the training data, and its places on four clocks."""

MANY_DAYS = 1_000
"""As many different days as a column of dates is taken to have."""

_PERIODS = {"month": 12.0, "day": 31.0, "weekday": 7.0, "hour": 24.0}


@dataclass(frozen=True, repr=False)
class Moment(Code):
    """Days since the middle of the training data, standardized; and month, day, weekday and hour, each as (sin, cos).

    Args:
        parts: those of `PARTS` that differ between the training rows.
        middle, spread: of the days since 1970. gaps: whether values were missing while training.
    """

    parts: list[Part]
    middle: float
    spread: float
    gaps: bool

    reads = "dates"

    @classmethod
    def learn(cls, column: Column, values: Series) -> Moment:
        there = values.drop_nulls()
        days = _days(there)
        parts = [part for part in PARTS if len(np.unique(_part(there, part))) > 1]
        spread = float(days.std()) if len(days) else 0.0
        middle = float(days.mean()) if len(days) else 0.0
        return cls(column, parts, middle, spread or 1.0, values.null_count() > 0)

    @property
    def width(self) -> int:
        return sum(1 if part == "elapsed" else 2 for part in self.parts) + self.gaps

    @property
    def steps_of_numbers(self) -> int:  # type: ignore[override]
        return MANY_DAYS if "elapsed" in self.parts else 0

    def apart(self, values: Series) -> NDArray[np.float64]:
        """How many deviations moments lie from the middle of training; 0 where they are missing, or no time passed."""
        if "elapsed" not in self.parts:
            return np.zeros(len(values))
        return np.where(values.is_null().to_numpy(), 0.0, abs(_days(values) - self.middle) / self.spread)

    def read(self, values: Series) -> NDArray[Any]:
        parts = [_part(values, part) for part in self.parts]
        return np.column_stack([*parts, values.is_null().to_numpy()])

    def write(self, found: NDArray[Any], out: Matrix) -> None:
        missing, place = found[:, -1] > 0, 0
        for part, numbers in zip(self.parts, found.T, strict=False):
            if part == "elapsed":
                columns = [np.clip((numbers - self.middle) / self.spread, -LIMIT, LIMIT)]
            else:
                angle = 2 * math.pi * numbers / _PERIODS[part]
                columns = [np.sin(angle), np.cos(angle)]
            for column in columns:
                out[:, place] = np.where(missing, 0, column)
                place += 1
        if self.gaps:
            out[:, place] = missing


def _days(moments: Series) -> NDArray[np.float64]:
    """Days since 1970, 0 where there is none."""
    return moments.dt.epoch("s").fill_null(0).to_numpy() / 86400.0


def _part(moments: Series, part: str) -> NDArray[np.float64]:
    if part == "elapsed":
        return _days(moments)
    if part == "hour":
        return np.asarray(moments.dt.hour().fill_null(0).to_numpy() + moments.dt.minute().fill_null(0).to_numpy() / 60)
    return np.asarray(getattr(moments.dt, part)().fill_null(0).to_numpy(), np.float64)


def code_for(column: Column, values: Series) -> Code:
    """The code that fits the column, learned from these values."""
    if column.kind == "number":
        return Number.learn(column, values)
    if column.kind == "yes_no":
        return YesNo.learn(column, values)
    if column.kind == "date":
        return Moment.learn(column, values)
    if column.kind == "text":
        return Bag.learn(column, values)
    return (OneHot if values.n_unique() <= FEW else Embedded).learn(column, values)


def matrix_of(codes: Sequence[Code], columns: Sequence[Series], row: NDArray[np.int64] | None = None) -> Matrix:
    """All columns side by side, as `places_of` has them.

    The matrix is written some rows at a time, by several threads, so that these stay in a processor's cache until all
    columns are there.

    Args:
        codes: of the columns. columns: what they hold. row: see `Column.values`.

    Raises:
        DataError: see `Column.values`.
    """
    order, places = _order(codes), places_of(codes)
    parts = [(codes[i], columns[i]) for i in order]
    stop = places[-1].stop
    matrix = np.empty((len(columns[0]), stop), np.float32)

    def write(begin: int) -> None:
        rows = slice(begin, begin + READ)
        numbers = np.arange(begin + 1, begin + 1 + READ) if row is None else row[rows]
        found = [code.read(code.column.values(column[rows], numbers)) for code, column in parts]
        for first in range(0, len(found[0]), WRITTEN):
            part, out = slice(first, first + WRITTEN), matrix[rows][first : first + WRITTEN]
            for (code, _), place, values in zip(parts, places, found, strict=True):
                _write(code, place, values[part], out)

    if len(matrix) <= READ:
        write(0)
        return matrix
    with ThreadPoolExecutor() as threads:
        for _ in threads.map(write, range(0, len(matrix), READ)):
            pass  # the first mistake in the order of the rows is the one that is told
    return matrix


def _order(codes: Sequence[Code]) -> list[int]:
    """Which column comes when in the matrix: those that are embedded come last."""
    return sorted(range(len(codes)), key=lambda i: codes[i].tokens > 0)


def places_of(codes: Sequence[Code]) -> list[Place]:
    """Where each column lies.

    The numbers of the vectors of embedded columns go on from one to the next. Where there are bags, from 1 on: a bag
    has its 0 with the others, so it needs a vector less; without bags there is no such 0.
    """
    places: list[Place] = []
    stop, free = 0, int(any(code.bag for code in codes))
    for code in (codes[i] for i in _order(codes)):
        start, stop = stop, stop + code.width
        places.append(
            Place(code.column.name, start, stop, code.tokens, free - code.bag if code.tokens else 0, code.bag)
        )
        free += code.tokens - code.bag
    return places


def _write(code: Code, place: Place, found: NDArray[Any], out: Matrix) -> None:
    """Write what was read of a column into rows of the matrix, at its place."""
    own = out[:, place.start : place.stop]
    code.write(found, own)
    if place.first:
        np.add(own, place.first, out=own, where=own > 0) if place.bag else np.add(own, place.first, out=own)


def row_of(codes: Sequence[Code], values: Sequence[object]) -> Matrix:
    """As `matrix_of`, of a single row: the value of each column, None where it is missing."""
    places = places_of(codes)
    out = np.empty((1, places[-1].stop), np.float32)
    for i, place in zip(_order(codes), places, strict=True):
        _write(codes[i], place, codes[i].read_one(values[i]), out)
    return out


def _by_count(values: Series) -> tuple[list[str], list[str]]:
    """The words that are not rare, and those that are."""
    counted = values.drop_nulls().alias("word").value_counts(name="times")
    pairs = zip(counted["word"].to_list(), counted["times"].to_list(), strict=True)
    words: tuple[list[str], list[str]] = [], []
    for word, times in pairs:
        words[times < RARE].append(word)
    return words_in_order(words[0]), words_in_order(words[1])


def _numbered(values: Series, numbers: dict[str, int], *, missing: int, others: int) -> NDArray[np.int64]:
    """Each word as its number, or as that of a missing one, or of all others."""
    from chainrule.extras import polars as pl

    if is_listed(values):
        known = [numbers.get(word, others) for word in values.dtype.categories.to_list()]  # type: ignore[attr-defined]
        return np.take([*known, missing], values.to_physical().fill_null(len(known)).to_numpy())
    found = values.replace_strict([*numbers], [*numbers.values()], default=others, return_dtype=pl.Int64)
    return np.where(values.is_null().to_numpy(), missing, found.to_numpy())


def strangers_to(values: Series, known: list[str]) -> list[str]:
    """Those of the values that are none of the known words, each once."""
    return words_in_order(set(values.drop_nulls().unique().to_list()) - set(known))


def words_in_order(words: Any) -> list[str]:
    """As people sort them: numbers by their size."""

    def key(word: str) -> tuple[bool, float, str]:
        try:
            return False, float(word), word
        except ValueError:
            return True, 0.0, word

    return sorted(words, key=key)

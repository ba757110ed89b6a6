"""The codes of columns of words: two, a few, or many."""

from __future__ import annotations

from abc import abstractmethod
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from chainrule.data.cells import is_listed
from chainrule.data.codes.code import Code, Matrix
from chainrule.data.columns import Column
from chainrule.data.spelling import Spellings

if TYPE_CHECKING:
    from polars import Series

RARE = 3
"""Words that occur less often in the training rows share one code, which stands for words never seen, too."""


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

    @property
    @abstractmethod
    def met(self) -> list[str]:
        """All words that training has met, the rare ones, too."""

    def strangers(self, values: Series) -> list[str]:
        return words_in_order({*values.drop_nulls().unique().to_list()} - self._spellings.known)

    def meant(self, strangers: list[str]) -> dict[str, str]:
        """The strangers that are taken for a word that training has met, as they are only written otherwise."""
        return self._spellings.meant(strangers) if strangers else {}

    def stranger(self, value: object) -> str | None:
        """A single value as its column has it, if training has not met that word; else None."""
        word = None if value in self._spellings.known else self._as_word(value)
        return None if word in self._spellings.known else word

    def _as_word(self, value: object) -> str | None:
        """A single value as its column has it; None where it is missing."""
        from chainrule.extras import polars as pl

        word: str | None = self.column.values(pl.Series(self.column.name, [value], strict=False))[0]
        return word

    @cached_property
    def _known(self) -> tuple[dict[str, int], tuple[int, int]]:
        return self.numbers, self.others

    @cached_property
    def _spellings(self) -> Spellings:
        return Spellings(self.met)

    def read(self, values: Series) -> NDArray[Any]:
        numbers, (missing, others) = self._known
        meant = {word: numbers.get(known, others) for word, known in self.meant(self.strangers(values)).items()}
        return _numbered(values, numbers | meant, missing=missing, others=others)

    def read_one(self, value: object) -> NDArray[Any]:
        numbers, (missing, others) = self._known
        word = value if value is None or (type(value) is str and value in numbers) else self._as_word(value)
        if word is None:
            return np.array([missing])
        return np.array([numbers.get(self.meant([word]).get(word, word), others)])


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

    @property
    def met(self) -> list[str]:
        return self.words


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

    @property
    def met(self) -> list[str]:
        return self.words + self.rare


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

    @property
    def met(self) -> list[str]:
        return self.words + self.rare


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


def words_in_order(words: Any) -> list[str]:
    """As people sort them: numbers by their size."""

    def key(word: str) -> tuple[bool, float, str]:
        try:
            return False, float(word), word
        except ValueError:
            return True, 0.0, word

    return sorted(words, key=key)

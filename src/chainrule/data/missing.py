"""The words that stand for a missing value."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from polars import DataFrame, DataType, Expr

SPREADSHEETS = ("#N/A", "#DIV/0!", "#NAME?", "#NULL!", "#NUM!", "#REF!", "#VALUE!")
"""What stands in the cell of a spreadsheet whose formula has no value."""

ALWAYS_MISSING = ("", "?", "NA", "N/A", "<NA>", "NAN", "NULL", "NAT", *SPREADSHEETS)
"""Words that mark a missing value, in capitals or not."""

MISSING = (*ALWAYS_MISSING, "-", "--", ".", "NONE", "NIL")
"""Words that mark a missing value wherever they cannot be a class to be predicted."""


@dataclass(frozen=True)
class Markers:
    """The words that mark a missing value: `MISSING`, but in columns to predict `ALWAYS_MISSING`; or the user's own.

    Args:
        targets: the columns to predict. words: those that mark a missing value in place of all others, in any column;
            beside them, where all are numbers.
        texts: columns beside the targets whose cells are names, to be read as they are written: 1.10 is not 1.1 there.
        also: words that mark a missing value beside all others.
    """

    targets: Sequence[str] = ()
    words: Sequence[str] | None = None
    texts: Sequence[str] = ()
    also: Sequence[str] = ()

    def of(self, name: str) -> tuple[str, ...]:
        """The words of a column, in capitals."""
        usual, also = ALWAYS_MISSING if name in self.targets else MISSING, _capitals(self.also)
        if self.words is None:
            return (*usual, *also)
        own = "", *_capitals(self.words), *also
        return (*usual, *own) if self.words and all(map(math.isfinite, map(_number, self.words))) else own

    def mean(self, value: object) -> bool:
        """Whether a value of a column that is not predicted is one of the words, or a number that a user so called."""
        if isinstance(value, str):
            return value.upper() in self.of("") or (bool(self._numbers) and _number(value) in self._numbers)
        return isinstance(value, int | float) and value in self._numbers

    def removed(self, frame: DataFrame) -> DataFrame:
        """The frame with null where a value is missing, and columns of text without spaces at the ends."""
        from chainrule.extras import polars as pl

        texts = (pl.String, pl.Categorical, pl.Enum)
        cleaned = [self._text(name) for name, dtype in frame.schema.items() if dtype in texts]
        odd = {name: self._odd(name, dtype) for name, dtype in frame.schema.items() if dtype.is_numeric()}
        found = frame.select(is_odd.any().alias(name) for name, is_odd in odd.items())
        cleaned += [pl.when(~odd[name]).then(pl.col(name)).alias(name) for name in found.columns if found[name].item()]
        return frame.with_columns(cleaned) if cleaned else frame

    def _text(self, name: str) -> Expr:
        """A column of text without spaces at the ends, null wherever one of the words stands, in capitals or not."""
        from chainrule.extras import polars as pl

        text = pl.col(name).cast(pl.String).str.strip_chars()
        missing = text.str.to_uppercase().is_in(self.of(name))
        if numbers := self._numbers:
            missing |= text.cast(pl.Float64, strict=False).is_in(numbers).fill_null(False)
        return pl.when(missing).then(None).otherwise(text).alias(name)

    @property
    def _numbers(self) -> list[float]:
        """Those of the user's words that are numbers."""
        words = (*(self.words or ()), *self.also)
        return [number for number in map(_number, words) if math.isfinite(number)]

    def _odd(self, name: str, dtype: DataType) -> Expr:
        """Whether a number is none, or one that a user has called missing."""
        from chainrule.extras import polars as pl

        odd = pl.col(name).cast(pl.Float64).is_in(self._numbers) if self._numbers else pl.lit(False)
        return odd | ~pl.col(name).is_finite() if dtype.is_float() else odd


USUAL = Markers()


def _capitals(words: Sequence[str]) -> list[str]:
    return [word.strip().upper() for word in words]


def _number(word: str) -> float:
    try:
        return float(word)
    except ValueError:
        return math.nan

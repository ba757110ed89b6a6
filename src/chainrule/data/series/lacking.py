"""What is taken for a value that is known ahead where it is lacking: what is usual, so that nothing is halfway."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from chainrule.configuration import Configurable
from chainrule.data.codes import Code, Number, WordCode
from chainrule.errors import OptionError, shown
from chainrule.numbers import brief

if TYPE_CHECKING:
    from polars import Series


@dataclass(frozen=True, repr=False)
class UsualValue(Configurable):
    """What a column held most often while training, or the median of its numbers.

    Args:
        column: its name. value: None where most of it was missing. share: in which part of the rows it stood.
    """

    column: str
    value: str | float | None
    share: float

    def __post_init__(self) -> None:
        super().__post_init__()
        if not 0 <= self.share <= 1:
            raise OptionError(f"the share of a usual value is {self.share}, but lies between 0 and 1.")

    @classmethod
    def learn(cls, code: Code, values: Series) -> UsualValue:
        """Of the training rows, as the column of the code reads them."""
        missing, n = values.null_count(), max(len(values), 1)
        if isinstance(code, Number) and 2 * missing < len(values):
            return cls(code.column.name, code.fill, float((values == code.fill).sum() / n))
        if isinstance(code, WordCode) and missing < len(values):
            counted = values.drop_nulls().alias("word").value_counts(name="times").sort("times", "word")
            word, times = counted.row(-1)
            if times >= missing:
                return cls(code.column.name, word, times / n)
        return cls(code.column.name, None, missing / n)

    def filled(self, values: Series) -> Series:
        """The values, with what is usual where one is missing."""
        return values if self.value is None or not values.null_count() else values.fill_null(self.value)

    def __str__(self) -> str:
        if self.value is None:
            return f"missing, as in {100 * self.share:.3g}% of the training"
        if isinstance(self.value, str):
            return f"{shown(self.value)}, as in {100 * self.share:.3g}% of the training"
        return f"{brief(self.value)}, the median of the training"

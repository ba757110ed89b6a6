"""What a code is: one column of a table as numbers."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar, Literal

import numpy as np
from numpy.typing import NDArray

from chainrule.configuration import Configurable
from chainrule.data.columns import Column
from chainrule.errors import OptionError

if TYPE_CHECKING:
    from polars import Series

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

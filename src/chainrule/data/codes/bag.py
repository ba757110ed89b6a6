"""The code of a column of texts."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from numpy.typing import NDArray

from chainrule.checking import whole
from chainrule.data.codes.code import Code, Matrix
from chainrule.data.columns import Column
from chainrule.data.phrases import Phrases, steps_for

if TYPE_CHECKING:
    from polars import Series


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

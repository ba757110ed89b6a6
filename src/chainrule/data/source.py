"""`Source`: what an experiment reads examples from; `Encoding`: how they become X, which a model file keeps."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, Literal

import numpy as np
from numpy.typing import NDArray

from chainrule.configuration import Configurable
from chainrule.data.targets import Target
from chainrule.names import counted

if TYPE_CHECKING:
    from chainrule.data.chunked import Chunked
    from chainrule.layers import Layer

Form = Literal["rows", "pictures", "tokens", "documents", "windows"]
"""What the examples are for a network: rows of features; pictures (m, height, width, channels); numbers of words
(m, steps), of a text that goes on or of one that has an end; or windows of a series, (m, features)."""


def left_out(n: int, thing: str, why: str, example: object = None) -> str:
    """A note on n things that are not used, with one of them as an example."""
    instance = "" if example is None else f": {example}" if n == 1 else f", such as {example}"
    return f"left out {'is' if n == 1 else 'are'} {counted(n, thing)} {why}{instance}"


@dataclass(frozen=True)
class Spans:
    """From which moment to which the answer to each example lies, (m,) each, on which of several strands of time."""

    strand: Sequence[str]
    begin: NDArray[np.float64]
    end: NDArray[np.float64]


class Source(ABC):
    """Examples as they were found, in whatever form.

    Attributes:
        name: how the user called them.
        groups: (m,), examples with the same entry belong together; None where nobody has said so.
        moments: (m,), numbers that grow with time; None where order means nothing.
        scattered: whether the validation part is drawn at random although the examples have moments.
        small: of fewer examples none are spared for a validation part, where nobody has chosen one.
        weights: (m,), how much each example counts; None for alike.
        more: how there would be more examples, to be said where there are too few; "" where nothing is known.
        defaults: what settings of an experiment are for such examples where nobody has chosen them.
        several: what they are, beyond that, for several networks that answer together, where nobody has chosen anything
            of the network; nothing where it is one.
        baseline_note: what the simplest answer is, in words.
    """

    name: str
    groups: NDArray[Any] | None = None
    moments: NDArray[np.float64] | None = None
    weights: NDArray[np.float64] | None = None
    scattered: ClassVar[bool] = False
    small: ClassVar[int] = 1_000
    more: ClassVar[str] = ""
    defaults: ClassVar[dict[str, Any]] = {}
    several: ClassVar[dict[str, Any]] = {}
    baseline_note: ClassVar[str] = "an answer that never looks at X, the shares of the classes or the mean"

    @abstractmethod
    def __len__(self) -> int: ...

    @property
    def notes(self) -> Sequence[str]:
        """What a reader should know of how the data were taken, a sentence each."""
        return ()

    @property
    @abstractmethod
    def target(self) -> Target:
        """What there is to predict.

        Raises:
            DataError: nothing, or not what was asked for.
        """

    @abstractmethod
    def numbers(self, target: Target) -> NDArray[Any]:
        """What is to be predicted as numbers; see `Target.numbers`.

        Raises:
            DataError: it is not there, or holds something that `target` does not know.
        """

    @abstractmethod
    def checksum(self) -> int:
        """A number that tells these examples from others."""

    @abstractmethod
    def learn(self, rows: NDArray[np.intp]) -> Encoding:
        """The encoding of such examples, learned from these rows alone."""

    def baselines(self, rows: NDArray[np.intp], train: NDArray[np.intp], encoding: Encoding) -> dict[str, NDArray[Any]]:
        """The outputs of simple answers for these rows, by name, the simplest as "baseline".

        Nothing for what any kind of data can have: an answer that never looks at X.

        Args:
            train: the rows that an answer may be learned from. encoding: as `learn` has made it of them.
        """
        return {}

    def notes_on_parts(self, train: NDArray[np.intp], test: NDArray[np.intp]) -> list[str]:
        """What a reader should know of how the examples were divided, such as texts that are in both parts."""
        return []

    def before_and_after(
        self, rows: NDArray[np.intp], share: float
    ) -> tuple[NDArray[np.intp], NDArray[np.intp]] | None:
        """Those of these rows that come before, and a share that comes after; None for what any moments tell.

        Raises:
            DataError: too few come before.
        """
        return None

    def next_command(self, model: str) -> str:
        """What to type to see what a network does that was trained on these."""
        return f"chainrule predict {model} {self.name} --out predictions.csv"

    @property
    def spans(self) -> Spans | None:
        """From when to when the answers lie, of examples that overlap or follow each other; None of any others."""
        return None

    @property
    def known_by(self) -> NDArray[Any] | None:
        """(m, …) numbers by which an example is known again; None for what a network sees of it."""
        return None

    @property
    def size(self) -> int:
        """How many examples there are, those among them that are not held in memory."""
        return len(self)

    @property
    def value_ends(self) -> list[tuple[float, float]] | None:
        """Between which ends all values to predict lie, column by column, infinite ones where nobody knows; None where
        `numbers` gives all values."""
        return None

    def chunked(self, encoding: Encoding, target: Target, held_out: NDArray[np.intp], folder: Path) -> Chunked | None:
        """All examples but those held out, where they are more than the source holds in memory; else None.

        Args:
            folder: on whose disk their numbers are kept, if there is room.

        Raises:
            DataError: an example cannot be read.
        """
        return None

    def pieces(self) -> Iterator[Source]:
        """All examples, without what is to be predicted, as sources that are held in memory one after the other."""
        yield self

    @abstractmethod
    def identification(self) -> dict[str, list[Any]]:
        """Columns that tell which example is which, for a file of predictions."""


@dataclass(frozen=True)
class Place:
    """Which columns of X, [start, stop), a column of the table has become.

    Attributes:
        name: the column's; "" of texts that stand in none.
        tokens: how many vectors its numbers choose from, where it is embedded; else 0.
        first: what is added to these numbers, as all columns have their vectors in one table.
        bag: whether it holds the words of a text, each once, filled up with 0.
    """

    name: str
    start: int
    stop: int
    tokens: int = 0
    first: int = 0
    bag: bool = False


class Encoding(Configurable, ABC):
    """What turns examples into the numbers that a network takes; it travels in the model file as plain JSON."""

    form: ClassVar[Form] = "rows"

    own_units: ClassVar[bool] = True
    """Whether the outputs of a network for values are in the units of the data; where not, `output` brings them
    there."""

    @abstractmethod
    def read(self, data: Any, *, labelled: bool) -> Source:
        """New examples of the kind that this encoding was learned from.

        Args:
            data: the path of a file, or whatever else such a source is made of.
            labelled: whether what is to be predicted must be there; where not, no example is left out for its lack.

        Raises:
            DataError: there is no such thing, or it is of another kind.
        """

    def takes(self, input_shape: tuple[int, ...], target: Target) -> bool:
        """Whether it goes with a network for examples of this shape, and with what is predicted, as far as that can be
        told without examples."""
        return True

    @abstractmethod
    def X(self, source: Source) -> NDArray[Any]:
        """The examples as numbers (m, …).

        Raises:
            DataError: they are not like those that it was learned from.
        """

    @property
    def sees_target(self) -> bool:
        """Whether the numbers of a row tell of its target, if it is among the training rows; see `to_learn`."""
        return False

    def to_learn(
        self, source: Source, X: NDArray[Any], Y: NDArray[Any], train: NDArray[np.intp], seed: int
    ) -> NDArray[Any]:
        """The examples as numbers for who learns from these rows: none tells of its own target, nor of those of others
        than these.

        Args:
            X: as the method of that name has made it. Y: what there is to predict, as numbers. seed: of an order.
        """
        return X

    def learned(self, source: Source, Y: NDArray[Any]) -> NDArray[Any]:
        """What a network learns of Y, the numbers of these examples."""
        return Y

    def output(self, source: Source, output: NDArray[Any], rows: NDArray[np.intp] | None = None) -> NDArray[Any]:
        """What a network says of the examples, or of these rows of them, in the units of the data."""
        return output

    @property
    def units(self) -> dict[str, str]:
        """The units of those columns that have one, by the names of the columns."""
        return {}

    @property
    def notes(self) -> Sequence[str]:
        """What a reader should know of what was learned and chosen, a sentence each."""
        return ()

    def steps_of_values(self, source: Source, spread: NDArray[np.float64] | None) -> NDArray[np.float64] | None:
        """(n_out,), in which steps the values that are predicted differ; None for labels.

        Args:
            spread: how far the network's outputs for values lie apart.
        """
        return spread

    def places(self, source: Source) -> list[Place]:
        """Which columns of X each column of such a source has become; nothing where columns have no names."""
        return []

    @abstractmethod
    def layers(self, input_shape: tuple[int, ...]) -> list[Layer]:
        """The layers that a network for these numbers begins with."""

"""How bright pictures are, and how much contrast they have: what training saw of both, and which new ones lie far off.

Of all training pictures a model file keeps quantiles of the mean of their values, and of the standard deviation.
Inverted, dark and faded pictures are to be told of, a night scene among pictures of all hours is not: a picture is far
off where it lies far from the median, by the spread of the training pictures, and from each of the quantiles, too.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from chainrule.checking import real
from chainrule.configuration import Configurable
from chainrule.data.new_rows import FAR, Doubt
from chainrule.errors import OptionError

QUANTILES = 33
"""So many quantiles are kept of each measure, from the least to the largest."""

SOME = 2_000
"""So many pictures from all over tell what training saw."""

LEAST = 8.0
"""A smaller spread counts as this one, in steps of 255, as no picture differs from another by less to the eye."""

APART = 24.0
"""A picture nearer than this to one of training is not far off."""

MOST, FEWEST = 2.5, 5
"""Of so many pictures or more the median is far off where it lies so many spreads from that of training."""

FEW = 4.0
"""A spread that m pictures tell counts 1 + FEW / m times, as it may be larger."""

BLOCK = 2**22
"""About how many numbers are looked at together."""


@dataclass(frozen=True, repr=False)
class SpreadSeen(Configurable):
    """Where a measure of the training pictures lay.

    Args:
        kept: its quantiles, from the least to the largest value.
        count: of how many pictures they are.
    """

    kept: list[float]
    count: int

    def __post_init__(self) -> None:
        super().__post_init__()
        if not self.kept or sorted(self.kept) != self.kept or self.count < 1:
            raise OptionError("what is known of the brightness of the training pictures are no quantiles.")

    @classmethod
    def learn(cls, values: NDArray[np.float64]) -> SpreadSeen:
        """The spread of such values."""
        return cls(np.quantile(values, np.linspace(0, 1, QUANTILES)).round(1).tolist(), len(values))

    @property
    def middle(self) -> float:
        return self.kept[len(self.kept) // 2]

    @property
    def nearly_all(self) -> str:
        """Between what nearly all values lay, in words."""
        return f"{self.kept[1]:.0f} to {self.kept[-2]:.0f}"

    def far(self, values: NDArray[np.float64]) -> NDArray[np.bool_]:
        """Which of the values lie far off."""
        return (np.abs(values - self.middle) > FAR * self._deviation) & (_nearest(values, self.kept) > APART)

    def far_as_a_whole(self, values: NDArray[np.float64]) -> bool:
        """Whether values, each of which may be of an ordinary picture, lie far off on the whole."""
        middle = np.array([np.median(values)])
        apart = np.abs(middle - self.middle) > MOST * self._deviation
        return bool(len(values) >= FEWEST and apart[0] and _nearest(middle, self.kept[1:-1])[0] > LEAST)

    @property
    def _deviation(self) -> float:
        """The standard deviation, as the quartiles tell of normal values, and no less than the least."""
        low, high = self.kept[len(self.kept) // 4], self.kept[-1 - len(self.kept) // 4]
        return max(LEAST, (high - low) / 1.349) * (1 + FEW / self.count)


@dataclass(frozen=True, repr=False)
class BrightnessSeen(Configurable):
    """What training saw.

    Args:
        means, contrasts: where the mean and the standard deviation of the values of each picture, 0 to 255, lay.
        share: which part of the training pictures lie far off themselves.
    """

    means: SpreadSeen
    contrasts: SpreadSeen
    share: float

    def __post_init__(self) -> None:
        super().__post_init__()
        real("share", self.share, low=0, high=1)

    @classmethod
    def learn(cls, X: NDArray[np.uint8], rows: NDArray[np.intp]) -> BrightnessSeen:
        """What is to be kept of the pictures `rows` of X."""
        measured = measures(X[rows[:: max(1, len(rows) // SOME)]])
        means, contrasts = map(SpreadSeen.learn, measured)
        far = means.far(measured[0]) | contrasts.far(measured[1])
        return cls(means, contrasts, float(far.mean()))

    def notes(self, X: NDArray[np.uint8], called: Sequence[Any]) -> list[Doubt]:
        """Notes on pictures far off those of training, by what they are called."""
        told, usual = np.zeros(len(X), np.bool_), self.share * len(X)
        notes: list[Doubt] = []
        for words, spread, values in zip(WORDS, (self.means, self.contrasts), measures(X), strict=True):
            far = spread.far(values) & ~told
            if far.sum() > usual + 2 * math.sqrt(usual):
                more = values > spread.middle
                sides = [(far & more, 0), (far & ~more, 1)]
                notes += [words.of_some(odd, side, values, spread, called) for odd, side in sides if odd.any()]
                told |= far
            elif not notes and spread.far_as_a_whole(values):
                notes.append(words.of_all(values, spread))
        return notes


@dataclass(frozen=True)
class Words:
    """How the notes call a measure, and what is more or less of it than in training."""

    measure: str
    one: tuple[str, str]
    many: tuple[str, str]
    cause: str

    def of_some(
        self,
        odd: NDArray[np.bool_],
        side: int,
        values: NDArray[np.float64],
        spread: SpreadSeen,
        called: Sequence[Any],
    ) -> Doubt:
        """A note on some pictures."""
        first = int(odd.argmax())
        k, n = int(odd.sum()), len(odd)
        verb = (self.one if k == 1 else self.many)[side]
        who = f"{called[first]} {verb}" if n == 1 else f"{k:,} of {n:,} pictures {verb}"
        such = "" if n == 1 else f", such as {called[first]}"
        lies = f"{self.measure} {values[first]:.0f} of 255, there {spread.nearly_all}"
        asked = f"{'is it' if k == 1 else 'are they'} {self.cause}?"
        told = f"{who} than nearly all of training{such}: {lies}; {asked} Predictions there go beyond what was learned"
        return Doubt(told, self.many[side], "pictures")

    def of_all(self, values: NDArray[np.float64], spread: SpreadSeen) -> Doubt:
        """A note on all pictures together."""
        middle = float(np.median(values))
        many = self.many[middle < spread.middle]
        who = f"the {len(values):,} pictures, on the whole, {many} than those of training"
        lies = f"{self.measure} about {middle:.0f} of 255, there about {spread.middle:.0f}"
        told = f"{who}: {lies}; are they {self.cause}? Predictions there go beyond what was learned"
        return Doubt(told, many, "pictures")


WORDS = (
    Words(
        "the mean of the pixels is",
        ("is far brighter", "is far darker"),
        ("are far brighter", "are far darker"),
        "inverted, or lit otherwise",
    ),
    Words(
        "the standard deviation of the pixels is",
        ("has far more contrast", "has far less contrast"),
        ("have far more contrast", "have far less contrast"),
        "faded, sharpened, or lit otherwise",
    ),
)
"""Those for the means and the contrasts."""


def measures(X: NDArray[np.uint8]) -> NDArray[np.float64]:
    """(2, m), the mean and the standard deviation of all values of each picture."""
    found, together = np.empty((2, len(X))), max(1, BLOCK // max(1, math.prod(X.shape[1:])))
    for begin in range(0, len(X), together):
        part = X[begin : begin + together].reshape(len(X[begin : begin + together]), -1).astype(np.float32)
        found[:, begin : begin + together] = part.mean(axis=1), part.std(axis=1)
    return found


def _nearest(values: NDArray[np.float64], kept: list[float]) -> NDArray[np.float64]:
    """How far each value lies from the nearest one that is kept."""
    return np.asarray(np.abs(values[:, None] - np.array(kept)).min(axis=1, initial=math.inf))

"""The scale on which a value is learned, such as its logarithm, and the limits that its predictions keep to."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from chainrule.configuration import Configurable
from chainrule.errors import DataError, OptionError

Form = Literal["plain", "log", "counts", "range"]

FORMS: dict[str, Form] = {"none": "plain", "log": "log", "range": "range"}
"""What a user may ask for."""

LONG = 1.0
"""A skewness of more is a long tail: that of an exponential distribution is 2, of a normal one 0."""

PILED, FEW = 0.01, 20
"""Of so many rows at least, so large a part lies on the largest or smallest value where that is a limit."""

MOST = 100
"""Whole numbers up to this are taken for counts where they are no classes."""

NATURAL = (1.0, 100.0)
"""Shares and percentages end here."""


@dataclass(frozen=True, repr=False)
class TargetScale(Configurable):
    """How a value is learned, and where its predictions end.

    Args:
        form: "plain", the standardized value; "log", its standardized logarithm, of which the mean is corrected by
            Duan's smearing estimate (1983) when it is undone; "counts", e to the output, for values of 0 or more, by
            the Poisson likelihood; "range", the place between low and high, by a sigmoid (Papke & Wooldridge, 1996).
        low, high: what predictions never pass; None for no limit.
    """

    form: Form = "plain"
    low: float | None = None
    high: float | None = None

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.low is not None and self.high is not None and self.low >= self.high:
            raise OptionError(f"a value cannot lie between {self.low:g} and {self.high:g}.")
        if self.form == "range" and (self.low is None or self.high is None):
            raise OptionError("a range has a low and a high end.")

    def learned(self, y: NDArray[Any]) -> NDArray[np.float64]:
        """What the network learns of values (m, …), before that is standardized; of those beyond a range its ends.

        Raises:
            DataError: a value is out of what the scale takes.
        """
        y = np.asarray(y, np.float64)
        if self.form == "log":
            if y.size and y.min() <= 0:
                raise DataError(f"the log of {y.min():g} is none: train with --transform none.")
            return np.asarray(np.log(y))
        if self.form == "counts" and y.size and y.min() < 0:
            raise DataError(f"poisson is for values of 0 or more, but one is {y.min():g}: take another --loss.")
        return self.held(y) if self.form == "range" else y

    def origin_and_unit(self, learned: NDArray[np.float64]) -> tuple[float, float] | None:
        """What of learned values (m,) is 0 and what is 1 to the network, where it is not the mean and the deviation."""
        if self.form == "counts":
            return 0.0, max(float(learned.mean()), 1e-12)
        if self.form == "range":
            low, high = float(self.low or 0.0), float(self.high or 0.0)
            return low, high - low
        return None

    def takes(self, low: float, high: float) -> bool:
        """Whether it can learn all values between these ends."""
        if self.form == "range":
            return bool(self.held(np.array(low)) == low and self.held(np.array(high)) == high)
        return low > 0 if self.form == "log" else low >= 0 or self.form == "plain"

    def freed(self, low: float, high: float) -> TargetScale:
        """Without a limit that values between these ends pass."""
        return replace(
            self,
            low=None if self.low is not None and low < self.low else self.low,
            high=None if self.high is not None and high > self.high else self.high,
        )

    def held(self, output: NDArray[Any]) -> NDArray[Any]:
        """Predictions within the limits."""
        return output if self.low is None and self.high is None else np.clip(output, self.low, self.high)

    @property
    def limits(self) -> str:
        """The limits in words, or nothing."""
        if self.low is not None and self.high is not None:
            return f"{self.low:,.10g} to {self.high:,.10g}"
        if self.low is not None:
            return f"{self.low:,.10g} or more"
        return "" if self.high is None else f"{self.high:,.10g} or less"


def scale_of(y: NDArray[np.float64], form: Form = "plain") -> TargetScale:
    """The scale of that form for values (m,): with the limits that they show themselves.

    Values of 0 or more are never predicted below 0, and where many pile up on the largest, as where a scale ends or a
    questionnaire says "50 or more", none is above. Of logarithms, which a large output would blow up, predictions end a
    deviation beyond the values.

    Raises:
        DataError: a value is out of what the scale takes.
    """
    low, high = float(y.min()), float(y.max())
    if form == "log":
        TargetScale("log").learned(y)
        beyond = float(np.exp(np.log(y).std()))
        with np.errstate(over="ignore"):
            return TargetScale("log", low / beyond, float(min(high * beyond, np.finfo(np.float64).max)))
    if form == "range":
        return TargetScale("range", *(_natural(low, high) or (low, high)))
    if form == "counts":
        return TargetScale("counts", 0.0, None)
    floor = 0.0 if low >= 0 else low if _piled(y, low) else None
    ceiling = high if _piled(y, high) else None
    natural = _natural(low, high)
    if natural is not None:
        floor, ceiling = natural
    return TargetScale("plain", floor, ceiling)


def alternative(y: NDArray[np.float64]) -> Form | None:
    """The scale that such values (m,) may be learned better on, or None: one that is worth a trial."""
    low, high = float(y.min()), float(y.max())
    if len(y) < FEW or low < 0 or len(np.unique(y[:1000])) < 3:
        return None
    skewed, few = skewness(y), high <= MOST and are_whole(y)
    if skewed > LONG and low > 0 and not few:
        return "log" if abs(skewness(np.log(y))) < skewed else None
    if skewed <= LONG and _natural(low, high):
        return "range"
    return "counts" if skewed > LONG or few else None


def skewness(y: NDArray[np.float64]) -> float:
    """The third standardized moment."""
    apart = y - y.mean()
    spread = apart.std()
    return float(((apart / spread) ** 3).mean()) if spread > 0 else 0.0


def are_whole(y: NDArray[np.float64]) -> bool:
    """Whether all are whole numbers."""
    return bool((y == np.round(y)).all())


def _natural(low: float, high: float) -> tuple[float, float] | None:
    """(0, 1) or (0, 100) where values fill that range: shares and percentages."""
    for end in NATURAL:
        if 0 <= low < 0.1 * end and 0.9 * end < high <= end:
            return 0.0, end
    return None


def _piled(y: NDArray[np.float64], end: float) -> bool:
    """Whether many of many values lie on one end."""
    on = int((y == end).sum())
    return len(y) >= FEW and on >= FEW and on >= PILED * len(y)

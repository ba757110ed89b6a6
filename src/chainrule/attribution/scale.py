"""How the numbers of an attribution are written: as many decimals as count, probabilities in percent."""

from __future__ import annotations

import math
from dataclasses import dataclass

FINEST = 4
"""So many decimals of percent are told at most, where a probability is near 0 or 1."""


@dataclass(frozen=True)
class Scale:
    """On which scale answers, and changes of them, are written.

    Args:
        largest: the size of the greatest change, of which three digits are written, or of percent two.
        probability: whether answers are probabilities. unit: in what they are measured, or "".
    """

    largest: float
    probability: bool
    unit: str

    @property
    def factor(self) -> float:
        """What numbers are multiplied by before they are written."""
        return 100.0 if self.probability else 1.0

    def number(self, value: float, least: int = 0) -> str:
        """A number, with `least` decimals or more."""
        decimals = self._decimals(least)
        told = f"{self.factor * value:.3g}" if decimals is None else f"{self.factor * value:,.{decimals}f}"
        return told.replace("-", "−")

    def answer(self, value: float, least: int | None = None) -> str:
        """A number with its unit; of a probability as many decimals as tell it from 0 and 1."""
        told = self.number(value, self.beside_certain(value) if least is None else least)
        return f"{told}{' %' if self.probability else f' {self.unit}' if self.unit else ''}"

    def change(self, value: float, least: int = 0) -> str:
        """A number behind its sign and a blank."""
        told = self.number(abs(value), least)
        return f"{'−' if value < 0 and told != self.number(0.0, least) else '+'} {told}"

    def rounded(self, value: float, least: int = 0) -> float:
        """A number as it is written."""
        decimals = self._decimals(least)
        return value if decimals is None else round(self.factor * value, decimals) / self.factor

    def beside_certain(self, p: float) -> int:
        """How many decimals of percent tell a probability from 0 and 1; 0 where nobody reads as many."""
        away = 100 * min(p, 1 - p) if self.probability else 0.0
        decimals = -math.floor(math.log10(away) + 1e-9) if away > 0 else 0
        return decimals if 0 < decimals <= FINEST else 0

    def _decimals(self, least: int) -> int | None:
        """How many decimals there are; None where the numbers are too large or too small for any."""
        if not 1e-6 <= self.factor * self.largest < 1e12:
            return None
        digits, fewest = (2, 1) if self.probability else (3, 0)
        return min(max(digits - 1 - math.floor(math.log10(self.factor * self.largest)), least, fewest), 6)

"""What was measured, as plain data that go into a JSON file and back, and the figures that follow from them."""

from __future__ import annotations

import json
import os
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from statistics import median
from typing import Any

import numpy as np

from chainrule.errors import OptionError
from chainrule.files import to_json, write_atomically

ROUNDED = 10
"""How many times as far apart the losses of products of bfloat16 may lie."""


@dataclass(frozen=True)
class Spread:
    """The middle of some figures, and the bounds of their middle half."""

    middle: float
    low: float
    high: float

    @classmethod
    def of(cls, figures: Sequence[float]) -> Spread:
        low, middle, high = np.quantile(figures, (0.25, 0.5, 0.75))
        return cls(float(middle), float(low), float(high))


@dataclass(frozen=True)
class Timing:
    """A contestant on a row.

    Attributes:
        name: the contestant's. peer: whether it is somebody else's. threads: how many it was allowed.
        seconds: of one unit, in each round.
        loss: reached after all rounds.
        precision: of its products.
        memory: bytes at the peak, of a process where rounds are processes, else what `benchmarks.weight` tells; None
            where nobody asked, or the system does not tell.
    """

    name: str
    peer: bool
    threads: int
    seconds: list[float]
    loss: float
    memory: int | None = None
    precision: str = "float32"

    @property
    def spread(self) -> Spread:
        return Spread.of(self.seconds)


@dataclass(frozen=True)
class Result:
    """All contestants on a row.

    Attributes:
        unit: what `seconds` are the seconds of.
        before: the loss of a network that knows nothing. tolerance: see `void`, as a part of it.
        left_out: why, by the names of those who could not take part.
        operations: multiplications and additions of the products in a unit; 0 where nobody counts them.
        limits: how many a second the machine could do, by precision.
    """

    key: str
    title: str
    unit: str
    before: float
    tolerance: float
    timings: list[Timing]
    left_out: dict[str, str]
    operations: float = 0.0
    limits: dict[str, float] = field(default_factory=dict)

    def share(self, timing: Timing) -> float | None:
        """What of the machine's limit the products of a timing come to."""
        limit = self.limits.get(timing.precision, 0.0)
        return self.operations / timing.spread.middle / limit if self.operations and limit else None

    @property
    def void(self) -> str:
        """Whose loss is not that of most, so that not all have done the same work; nothing where all agree."""
        if not self.timings:
            return ""
        exact = [timing for timing in self.timings if timing.precision == "float32"] or self.timings
        middle = median(timing.loss for timing in exact)
        apart = [timing for timing in self.timings if not abs(timing.loss - middle) <= self._tolerated(timing)]
        losses = ", ".join(f"{timing.name} reached a loss of {timing.loss:.4g}" for timing in apart)
        return (
            losses
            and f"void: {losses}, the middle is {middle:.4g}, and {self._tolerated(apart[0]):.2g} apart is too far."
        )

    def _tolerated(self, timing: Timing) -> float:
        return self.tolerance * self.before * (1 if timing.precision == "float32" else ROUNDED)

    def fastest(self, precision: str = "float32") -> Timing | None:
        """The fastest peer of float32, or of any precision where that is bfloat16; None where there is none, or the row
        is void."""
        peers = [timing for timing in self.timings if timing.peer and precision in (timing.precision, "bfloat16")]
        return min(peers, key=lambda timing: timing.spread.middle) if peers and not self.void else None

    def ratio(self, timing: Timing) -> Spread | None:
        """How many times as fast as the fastest peer, round by round: both have met the same noise there."""
        fastest = self.fastest(timing.precision)
        return fastest and Spread.of(np.divide(fastest.seconds, timing.seconds).tolist())


@dataclass(frozen=True)
class Growth:
    """How long a step of chainrule takes while one size grows.

    Attributes:
        variable: what grows. values: its values. seconds: of one step in each round, for each value.
    """

    key: str
    title: str
    variable: str
    values: list[int]
    seconds: list[list[float]]

    @property
    def slope(self) -> tuple[float, float]:
        """Of log seconds over log values, by least squares, and its standard error (NaN of two points)."""
        x, y = np.log(self.values), np.log([median(seconds) for seconds in self.seconds])
        (slope, start), n = np.polyfit(x, y, 1), len(x)
        if n < 3:
            return float(slope), float("nan")
        left = y - slope * x - start
        return float(slope), float(np.sqrt((left**2).sum() / (n - 2) / ((x - x.mean()) ** 2).sum()))


@dataclass
class Results:
    """A run.

    Attributes:
        machine: what it ran on, with which versions, and when: see `benchmarks.machine`.
    """

    machine: dict[str, str]
    rows: list[Result] = field(default_factory=list)
    growths: list[Growth] = field(default_factory=list)

    def save(self, path: str | os.PathLike[str]) -> None:
        """Write them as JSON, atomically, to six digits.

        Raises:
            ModelFileError: the file cannot be written.
        """
        write_atomically(path, to_json(_rounded(asdict(self))) + "\n")

    @classmethod
    def load(cls, path: str | os.PathLike[str]) -> Results:
        """What `save` wrote.

        Raises:
            OptionError: it cannot be read, or is something else.
        """
        try:
            found = json.loads(Path(path).read_text())
            rows = [
                Result(**row | {"timings": [Timing(**timing) for timing in row["timings"]]}) for row in found["rows"]
            ]
            return cls(found["machine"], rows, [Growth(**growth) for growth in found["growths"]])
        except (OSError, ValueError, KeyError, TypeError) as error:
            raise OptionError(f"{path} is no file of figures that the benchmarks wrote: {error}.") from None


def _rounded(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _rounded(item) for key, item in value.items()}
    if isinstance(value, list):
        return [_rounded(item) for item in value]
    return float(f"{value:.6g}") if isinstance(value, float) else value

"""How the learning rate α changes while training: a function of the epoch.

The epoch counts from 0 and is a real number: after half of the batches of the first epoch it is 0.5. Schedules that the
notes write with a whole epoch number use the whole part, so α stays the same during an epoch.
"""

import math
from dataclasses import dataclass
from numbers import Real
from typing import Any

from chainrule.checking import real
from chainrule.configuration import Configurable
from chainrule.errors import OptionError


class Schedule(Configurable):
    """The base of the schedules; subclass it and write `__call__`."""

    without_names = 1

    def __post_init__(self) -> None:
        super().__post_init__()
        if hasattr(self, "learning_rate"):
            real("learning_rate", self.learning_rate, low=0)

    def __call__(self, epoch: float) -> float:
        """α at this epoch."""
        raise NotImplementedError(f"{type(self).__name__} must define __call__(epoch).")


@dataclass(frozen=True, repr=False)
class Constant(Schedule):
    """α = α₀. A plain number means the same."""

    learning_rate: float

    def __call__(self, epoch: float) -> float:
        return self.learning_rate


@dataclass(frozen=True, repr=False)
class Step(Schedule):
    """α = α₀ · factor^⌊epoch / every⌋."""

    learning_rate: float
    every: float = 10
    factor: float = 0.5

    def __post_init__(self) -> None:
        super().__post_init__()
        real("every", self.every, low=0, open="low")
        real("factor", self.factor, low=0, high=1, open="low")

    def __call__(self, epoch: float) -> float:
        return self.learning_rate * self.factor ** math.floor(epoch / self.every)


@dataclass(frozen=True, repr=False)
class Exponential(Schedule):
    """α = α₀ · rate^epoch (the notes: 0.95^epoch)."""

    learning_rate: float
    rate: float = 0.95

    def __post_init__(self) -> None:
        super().__post_init__()
        real("rate", self.rate, low=0, high=1, open="low")

    def __call__(self, epoch: float) -> float:
        return self.learning_rate * self.rate ** math.floor(epoch)


@dataclass(frozen=True, repr=False)
class InverseTime(Schedule):
    """α = α₀ / (1 + decay · epoch) (the notes)."""

    learning_rate: float
    decay: float = 1.0

    def __post_init__(self) -> None:
        super().__post_init__()
        real("decay", self.decay, low=0)

    def __call__(self, epoch: float) -> float:
        return self.learning_rate / (1 + self.decay * math.floor(epoch))


@dataclass(frozen=True, repr=False)
class Cosine(Schedule):
    """Half a cosine wave from α₀ down to `final` over `epochs`, then `final` (Loshchilov & Hutter, 2017)."""

    learning_rate: float
    epochs: float
    final: float = 0.0

    def __post_init__(self) -> None:
        super().__post_init__()
        real("final", self.final, low=0)
        real("epochs", self.epochs, low=0, open="low")

    def __call__(self, epoch: float) -> float:
        return _cosine(self.learning_rate, self.final, epoch / self.epochs)


@dataclass(frozen=True, repr=False)
class FlatCosine(Schedule):
    """α₀ for the first part of `epochs`, then half a cosine wave down to `final`.

    Args:
        flat: which part of the epochs α₀ stays.
    """

    learning_rate: float
    epochs: float
    flat: float = 0.5
    final: float = 0.0

    def __post_init__(self) -> None:
        super().__post_init__()
        real("final", self.final, low=0)
        real("flat", self.flat, low=0, high=1, open="high")
        real("epochs", self.epochs, low=0, open="low")

    def __call__(self, epoch: float) -> float:
        part = (epoch / self.epochs - self.flat) / (1 - self.flat)
        return _cosine(self.learning_rate, self.final, max(part, 0.0))


@dataclass(frozen=True, repr=False)
class WarmUp(Schedule):
    """A straight line from start · α up to α over the first `epochs`, then the schedule `then` from its own beginning.

    Goyal et al., 2017.

    Args:
        then: the learning rate to reach, or a Schedule that goes on from there.
        epochs: how long the line is.
        start: the fraction of α at the very first batch.
    """

    then: float | Schedule
    epochs: float = 5
    start: float = 0.1

    def __post_init__(self) -> None:
        super().__post_init__()
        if not isinstance(self.then, Schedule):
            real("then", self.then, low=0)
        real("start", self.start, low=0)
        real("epochs", self.epochs, low=0, open="low")

    def __call__(self, epoch: float) -> float:
        if epoch >= self.epochs:
            return learning_rate_at(self.then, epoch - self.epochs)
        return learning_rate_at(self.then, 0) * (self.start + (1 - self.start) * epoch / self.epochs)


@dataclass(frozen=True, repr=False)
class OneCycle(Schedule):
    """Up from peak / 25 to the peak in the first `warm_up` part of `epochs`, down to peak / 10,000 in the rest.

    Both ways along half a cosine wave. Smith & Topin, 2018.
    """

    learning_rate: float
    epochs: float
    warm_up: float = 0.3

    def __post_init__(self) -> None:
        super().__post_init__()
        real("epochs", self.epochs, low=0, open="low")
        real("warm_up", self.warm_up, low=0, high=1, open="low high")

    def __call__(self, epoch: float) -> float:
        peak, top = self.learning_rate, self.warm_up * self.epochs
        if epoch < top:
            return _cosine(peak / 25, peak, epoch / top)
        return _cosine(peak, peak / 1e4, (epoch - top) / (self.epochs - top))


def number_or_schedule(called: str, given: Any, **bounds: Any) -> float | Schedule:
    """A number within the bounds that `checking.real` takes, or a schedule as it is.

    Args:
        called: what it is, for the message.

    Raises:
        OptionError: it is neither.
    """
    if isinstance(given, Schedule):
        return given
    try:
        return real(called, given, **bounds)
    except OptionError as error:
        if isinstance(given, Real):
            raise
        own = ", or one of your own subclass of cr.schedules.Schedule" if callable(given) else ""
        raise OptionError(
            f"{str(error).removesuffix('.')}, or a schedule: give an object, such as "
            f"cr.schedules.Cosine(0.1, epochs=30){own}."
        ) from None


def learning_rate_at(learning_rate: float | Schedule, epoch: float) -> float:
    """α at this epoch, of a plain number or a schedule.

    Raises:
        OptionError: a schedule returned something else than a finite number of 0 or more.
    """
    return value_at(learning_rate, epoch, "the learning rate")


def value_at(given: float | Schedule, epoch: float, called: str) -> float:
    """What a plain number, or a schedule, is at this epoch.

    Args:
        called: what it is, for the message.

    Raises:
        OptionError: a schedule returned something else than a finite number of 0 or more.
    """
    if not isinstance(given, Schedule):
        return float(given)
    value = given(epoch)
    if type(value) is float and 0 <= value < math.inf:  # asked for every batch: words only where there is need
        return value
    return real(f"{called} that {given!r} returns at epoch {epoch:g}", value, low=0)


def _cosine(first: float, last: float, part: float) -> float:
    """The value at `part` of the way, 0 to 1, along half a cosine wave; beyond 1 it stays at `last`."""
    return last + (first - last) * (1 + math.cos(math.pi * min(part, 1.0))) / 2

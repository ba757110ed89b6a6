"""A network and an optimizer that fit the data and the settings."""

from __future__ import annotations

from functools import partial
from typing import Any

from chainrule.data.source import Encoding
from chainrule.data.table_encoding import Columns
from chainrule.data.targets import Target
from chainrule.errors import OptionError
from chainrule.experiments.architectures import ARCHITECTURES, dense
from chainrule.experiments.settings import SCHEDULES, Settings, scheduled
from chainrule.extras import require
from chainrule.layers import Dense, Network
from chainrule.layers.edges import EDGES
from chainrule.names import lookup
from chainrule.ops import LOSSES
from chainrule.optimizers import OPTIMIZERS, Optimizer
from chainrule.schedules import learning_rate_at


def design(encoding: Encoding, input_shape: tuple[int, ...], target: Target, settings: Settings) -> Network:
    """A network for examples of this shape: what the encoding begins with, hidden layers, and outputs for the target.

    Raises:
        OptionError: a setting that nothing can be done with.
    """
    hidden = ARCHITECTURES.get(encoding.form, dense)
    layers = [*encoding.layers(input_shape), *hidden(encoding, settings), Dense(target.n_out, target.activation)]
    return Network(layers, seed=settings.seed, input_shape=input_shape)


def optimizer_for(settings: Settings) -> Optimizer:
    """The optimizer of the settings.

    Raises:
        OptionError: an unknown name, or a number out of range.
    """
    kind, epochs = _kind(settings), settings.epochs or 1
    alpha = scheduled("schedule", settings.schedule, first_learning_rate(settings), epochs)
    omega = kind().weight_decay if settings.weight_decay is None else settings.weight_decay
    decay = scheduled("schedule of the weight decay", settings.weight_decay_schedule, omega, epochs)
    made: Optimizer = kind(learning_rate=alpha, l2=settings.l2 or 0.0, weight_decay=decay)
    return made


def refuse_idle_schedules(settings: Settings) -> None:
    """Raises OptionError where something that is 0 is to fall."""
    omega = _kind(settings)().weight_decay if settings.weight_decay is None else settings.weight_decay
    for name, first in (("dropout", settings.dropout), ("weight_decay", omega)):
        schedule = getattr(settings, f"{name}_schedule")
        scheduled(f"schedule of the {name.replace('_', ' ')}", schedule, first or 0.0, 1)
        if schedule != "constant" and not first:
            option = f"--{name.replace('_', '-')}"
            raise OptionError(
                f"{option}-schedule {schedule} has nothing to change, as {option} is 0: give {option} 0.1."
            )


def refuse_idle_bins(encoding: Encoding, given: Settings, resolved: Settings) -> None:
    """Raises OptionError for bins that somebody has chosen where there is nothing to spread over them, and for a way to
    find edges where there are no bins; MissingPackageError for one that cannot be gone."""
    lookup("way to find the edges of bins", given.bin_edges, EDGES)
    numbers = isinstance(encoding, Columns) and encoding.steps_of_numbers
    if given.bins and not numbers:
        raise OptionError(f"--bins {given.bins} has no column of numbers to spread: leave it out.")
    if given.bin_edges != Settings.bin_edges and not numbers:
        raise OptionError(f"--bin-edges {given.bin_edges} has no column of numbers to divide: leave it out.")
    if given.bin_edges != Settings.bin_edges and not resolved.bins:
        raise OptionError(f"--bin-edges {given.bin_edges} has no bins, which a network of your own gets by --bins 48.")
    if given.bin_edges == "tree":
        require("sklearn")


def loss_for(target: Target, settings: Settings) -> Any:
    """What the network is trained by, as `chainrule.train` takes it: the target's loss, of smoothed labels if asked."""
    if not settings.label_smoothing:
        return target.learned_loss
    return partial(LOSSES[target.loss], label_smoothing=settings.label_smoothing)


def first_learning_rate(settings: Settings) -> float:
    """α at the beginning: what was chosen, or the optimizer's own, or where it falls three times that.

    Raises:
        OptionError: an unknown name.
    """
    if settings.learning_rate is not None:
        return settings.learning_rate
    return own_learning_rate(settings) * (3 if _falls(settings) else 1)


def own_learning_rate(settings: Settings) -> float:
    """The α of the settings' optimizer by itself.

    Raises:
        OptionError: an unknown name.
    """
    return learning_rate_at(_kind(settings)().learning_rate, 0)


def _falls(settings: Settings) -> bool:
    return lookup("schedule", settings.schedule, SCHEDULES) is not None


def _kind(settings: Settings) -> Any:
    kinds = {name: kind for name, kind in OPTIMIZERS.items() if issubclass(kind, Optimizer)}
    return lookup("optimizer", settings.optimizer or "adam", kinds)

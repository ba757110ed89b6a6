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


def refuse_odd_edges(given: Settings) -> None:
    """Raises OptionError for an unknown way to find the edges of bins; MissingPackageError where it needs scikit-learn,
    which is not there."""
    lookup("way to find the edges of bins", given.bin_edges, EDGES)
    if given.bin_edges == "tree":
        require("sklearn")


def refuse_idle_bins(encoding: Encoding, given: Settings, resolved: Settings) -> None:
    """Raises OptionError where somebody has chosen bins, or their edges, and there are none: for want of numbers, of a
    number of bins, or of a hidden layer that sees them."""
    edges = "" if given.bin_edges == Settings.bin_edges else f"--bin-edges {given.bin_edges}"
    called = " with ".join(filter(None, [f"--bins {given.bins}" if given.bins else "", edges]))
    if not called:
        return
    if not (isinstance(encoding, Columns) and encoding.steps_of_numbers):
        raise OptionError(f"{called} has no column of numbers to spread: leave it out.")
    if not resolved.hidden:
        raise OptionError(f"{called} is for networks with a hidden layer: leave it out, or give --hidden 64.")
    if not resolved.bins:
        raise OptionError(f"{called} has no bins, which a network of your own gets by --bins 48.")


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

"""A network, a loss, metrics and an optimizer that fit the data and the settings."""

from __future__ import annotations

from typing import Any

from chainrule.experiments.settings import Settings
from chainrule.layers import Activation, BatchNorm, Dense, Dropout, Flatten, Layer, Network, Standardize
from chainrule.names import lookup
from chainrule.optimizers import OPTIMIZERS, Optimizer


def design(input_shape: tuple[int, ...], n_out: int, classes: bool, settings: Settings) -> Network:
    """A network for examples of this shape: standardized features, hidden layers, and outputs that fit the task.

    Raises:
        OptionError: a setting that nothing can be done with.
    """
    layers: list[Layer] = [Flatten()] if len(input_shape) > 1 else []
    layers.append(Standardize())
    for n in settings.hidden:
        if settings.batch_norm:
            layers += [Dense(n), BatchNorm(), Activation(settings.activation)]
        else:
            layers.append(Dense(n, settings.activation))
        if settings.dropout:
            layers.append(Dropout(settings.dropout))
    output = None if not classes else "sigmoid" if n_out == 1 else "softmax"
    return Network([*layers, Dense(n_out, output)], seed=settings.seed, input_shape=input_shape)


def loss_and_metrics(classes: list[Any] | None) -> tuple[str, tuple[str, ...]]:
    """The names of the loss and of the metrics, the first of them watched while training; None means values."""
    if classes is None:
        return "squared_error", ("r2", "rmse", "mae")
    if len(classes) == 2:
        return "binary_cross_entropy", ("accuracy", "balanced_accuracy", "f1", "roc_auc")
    return "cross_entropy", ("accuracy", "balanced_accuracy", "f1")


def optimizer_for(settings: Settings) -> Optimizer:
    """The optimizer of the settings.

    Raises:
        OptionError: an unknown name, or a number out of range.
    """
    kind = lookup("optimizer", settings.optimizer, {k: v for k, v in OPTIMIZERS.items() if issubclass(v, Optimizer)})
    rate = {} if settings.learning_rate is None else {"learning_rate": settings.learning_rate}
    made: Optimizer = kind(**rate, l2=settings.l2)
    return made

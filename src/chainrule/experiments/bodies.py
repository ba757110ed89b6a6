"""The hidden layers of a network, for each form that examples have."""

from __future__ import annotations

from collections.abc import Callable

from chainrule.data.source import Form
from chainrule.experiments.settings import Settings
from chainrule.layers import Activation, BatchNorm, Dense, Dropout, Flatten, Layer

Body = Callable[[tuple[int, ...], Settings], list[Layer]]
"""(the shape of an example, settings) -> layers."""


def dense(input_shape: tuple[int, ...], settings: Settings) -> list[Layer]:
    """For rows of features: dense layers."""
    layers: list[Layer] = []
    for n in settings.hidden or ():
        if settings.batch_norm:
            layers += [Dense(n), BatchNorm(), Activation(settings.activation)]
        else:
            layers.append(Dense(n, settings.activation))
        if settings.dropout:
            layers.append(Dropout(settings.dropout))
    return layers


def convolutional(input_shape: tuple[int, ...], settings: Settings) -> list[Layer]:
    """For pictures."""
    return [Flatten(), *dense(input_shape, settings)]


def windowed(input_shape: tuple[int, ...], settings: Settings) -> list[Layer]:
    """For windows of a series: dense layers that see the whole window at once."""
    return [Flatten(), *dense(input_shape, settings)]


BODIES: dict[Form, Body] = {"rows": dense, "pictures": convolutional, "windows": windowed}

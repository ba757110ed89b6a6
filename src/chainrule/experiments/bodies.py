"""The hidden layers of a network, for each form that examples have."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from chainrule.data.source import Encoding, Form
from chainrule.data.text import Continued, Separate
from chainrule.experiments.settings import Settings
from chainrule.layers import (
    Activation,
    BatchNorm,
    Dense,
    Dropout,
    Embedding,
    Flatten,
    Layer,
)

Body = Callable[[Any, Settings], list[Layer]]
"""(an encoding, settings) -> layers."""

VECTOR = 64
"""The length of the vectors that stand for tokens."""


def dense(encoding: Encoding, settings: Settings) -> list[Layer]:
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


def convolutional(encoding: Encoding, settings: Settings) -> list[Layer]:
    """For pictures."""
    return [Flatten(), *dense(encoding, settings)]


def windowed(encoding: Encoding, settings: Settings) -> list[Layer]:
    """For windows of a series: dense layers that see the whole window at once."""
    return [Flatten(), *dense(encoding, settings)]


def recurrent(encoding: Continued, settings: Settings) -> list[Layer]:
    """For a text that goes on: a vector for each token, and what follows from it."""
    return [Embedding(encoding.count, VECTOR), *dense(encoding, settings)]


def pooled(encoding: Separate, settings: Settings) -> list[Layer]:
    """For texts that end: the vectors of their tokens, and dense layers."""
    return [Embedding(encoding.count, VECTOR), Flatten(), *dense(encoding, settings)]


BODIES: dict[Form, Body] = {
    "rows": dense,
    "pictures": convolutional,
    "windows": windowed,
    "tokens": recurrent,
    "documents": pooled,
}

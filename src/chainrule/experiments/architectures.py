"""The hidden layers of a network, one architecture for each form of examples."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from chainrule.data.memory import refuse_too_large
from chainrule.data.pictures import Pixels
from chainrule.data.source import Encoding, Form
from chainrule.data.table_encoding import TEXT_VECTOR, Columns
from chainrule.data.text import Continued, Separate
from chainrule.experiments.settings import Settings, scheduled
from chainrule.initializers import Random
from chainrule.layers import (
    LSTM,
    Activation,
    BatchNorm,
    Conv1D,
    Conv2D,
    Dense,
    Dropout,
    Embedding,
    Flatten,
    GlobalAveragePool,
    GlobalMaxPool,
    Layer,
    MaxPool,
    PiecewiseLinear,
)

Architecture = Callable[[Any, Settings], list[Layer]]
"""(an encoding, settings) -> layers."""

FEATURES = {1: 8, 3: 16}
"""Features of the first convolution, by the number of channels: grey or colours."""

VECTOR = 64
"""The length of the vectors that stand for tokens."""

PATTERNS, LONG = 128, 5
"""How many filters a convolution over characters has, and how many characters each sees."""

SMALLEST = 6
"""Pictures are halved until their shorter side is less than twice this, in pixels."""


ALL_BINS, FEW_BINS = 1024, 16
"""About so many bins a table gets at most, unless its columns are so many that each has few."""

STEPS = 128
"""Of no more steps between different numbers each may have a bin of its own."""

NUMBERS_PER_FEATURE = 3.25
"""Numbers kept for each feature of a pixel: of the convolution, normalized, activated, and a quarter of them pooled."""

BYTES_WITH_DERIVATIVE = 2 * 4
"""Bytes of a float32 and of its derivative, which training keeps at the same time."""


def dense(encoding: Encoding | None, settings: Settings) -> list[Layer]:
    """For rows of features, and for windows of a series: dense layers."""
    layers: list[Layer] = []
    for n in settings.hidden or ():
        if settings.batch_norm:
            layers += [Dense(n), BatchNorm(), Activation(settings.activation)]
        else:
            layers.append(Dense(n, settings.activation))
        layers += _dropout(settings)
    return layers


def rows(encoding: Encoding, settings: Settings) -> list[Layer]:
    """For rows of features: bins for their numbers, and dense layers. Without any, dropout is of the vectors that texts
    have become."""
    layers = dense(encoding, settings)
    if not isinstance(encoding, Columns):
        return layers
    if settings.hidden:
        return [*_bins(encoding, settings), *layers]
    return _dropout(settings) if encoding.only_texts else layers


def _bins(encoding: Columns, settings: Settings) -> list[Layer]:
    """What spreads numbers over as many bins as are set: fewer where there are many columns.

    Of some different numbers, such as prices that come again, each step has a bin, if there is room.
    """
    steps, most = encoding.steps_of_numbers, settings.bins or 0
    if not most or not steps:
        return []
    room = ALL_BINS // len(steps)
    usual, each = max(min(most, room), min(most, FEW_BINS)), min(STEPS, room)
    bins = [n if n <= each else min(usual, n) for n in steps.values()]
    return [PiecewiseLinear(bins, [*steps], edges=settings.bin_edges)]


def _dropout(settings: Settings) -> list[Layer]:
    if not settings.dropout:
        return []
    called = "schedule of the dropout"
    return [Dropout(scheduled(called, settings.dropout_schedule, settings.dropout, settings.epochs or 1))]


def convolutional(encoding: Pixels, settings: Settings) -> list[Layer]:
    """For pictures: convolutions of 3 × 3, normalized, twice as many features each time the picture is halved; then
    dense layers, as LeNet has them (LeCun et al., 1998).

    Raises:
        DataError: a batch of them takes more memory than there is.
    """
    layers: list[Layer] = []
    _refuse_too_large(encoding, settings)
    n_out, shorter = FEATURES[encoding.channels], min(encoding.height, encoding.width)
    while True:
        layers += [Conv2D(n_out, 3, padding="same", bias=False), BatchNorm(), Activation(settings.activation)]
        if shorter < 2 * SMALLEST:
            break
        layers.append(MaxPool(2))
        n_out, shorter = 2 * n_out, shorter // 2
    return [*layers, Flatten(), *dense(encoding, settings)]


def _refuse_too_large(encoding: Pixels, settings: Settings) -> None:
    """Raises DataError where a batch takes too much memory.

    All levels together have twice the numbers of the first: each has half of those of the one before.
    """
    batch_size = settings.batch_size or 1
    numbers = encoding.channels + 2 * NUMBERS_PER_FEATURE * FEATURES[encoding.channels]
    way = ", and it may with a smaller --batch-size" if batch_size > 1 else ""
    task = f"training on {batch_size} pictures at a time"
    refuse_too_large(task, (encoding.height, encoding.width), batch_size * BYTES_WITH_DERIVATIVE * numbers, way)


def recurrent(encoding: Continued, settings: Settings) -> list[Layer]:
    """For a text that goes on: a vector for each token, and an LSTM.

    The vectors begin as far apart as standardized features are: small ones leave the LSTM on a plateau for long.
    """
    layers: list[Layer] = [Embedding(encoding.count, VECTOR, initializer=Random(1.0))]
    for n in settings.hidden or ():
        layers.append(LSTM(n))
        layers += _dropout(settings)
    return layers


def pooled(encoding: Separate, settings: Settings) -> list[Layer]:
    """For texts that end: the mean of the vectors of their tokens (Joulin et al., 2017), and dense layers.

    Characters by themselves say little: of them it is the strongest answer to each of some patterns (Kim, 2014).
    """
    if encoding.kind == "phrases":
        return [
            Embedding(encoding.count, TEXT_VECTOR),
            GlobalAveragePool(),
            *(dense(encoding, settings) or _dropout(settings)),
        ]
    vectors = Embedding(encoding.count, VECTOR)
    if encoding.kind == "characters":
        patterns = Conv1D(PATTERNS, LONG, settings.activation, padding="same")
        return [vectors, patterns, GlobalMaxPool(), *dense(encoding, settings)]
    return [vectors, GlobalAveragePool(), *dense(encoding, settings)]


ARCHITECTURES: dict[Form, Architecture] = {
    "rows": rows,
    "pictures": convolutional,
    "windows": dense,
    "tokens": recurrent,
    "documents": pooled,
}

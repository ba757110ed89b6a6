"""What a layer's features were before they were flattened, which decides the order of weights from elsewhere.

PyTorch has channels before places, (channels, height, width), where convolutions and pooling work, and features last,
(steps, features), behind recurrences, attention, embeddings and `Linear`. Here features are always last.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Any

import numpy as np

from chainrule.layers.activation import Activation
from chainrule.layers.attention import MultiHeadAttention, PositionalEncoding
from chainrule.layers.convolution import Conv1D, Conv2D, ConvTranspose1D, ConvTranspose2D
from chainrule.layers.dense import Dense
from chainrule.layers.dropout import Dropout
from chainrule.layers.embedding import Embedding
from chainrule.layers.flatten import Flatten
from chainrule.layers.layer import Layer
from chainrule.layers.masking import Masking
from chainrule.layers.network import Network
from chainrule.layers.normalization import BatchNorm, LayerNorm, Standardize
from chainrule.layers.pooling import AdaptiveAveragePool, AveragePool, MaxPool, UpSample
from chainrule.layers.recurrence import Recurrent
from chainrule.layers.residual import Residual

KEEP_FEATURES = (Activation, BatchNorm, Dropout, LayerNorm, Masking, PositionalEncoding, Standardize)
"""Behind these, features stand where they stood before."""

CHANNELS_FIRST = (
    Conv1D, Conv2D, ConvTranspose1D, ConvTranspose2D, AdaptiveAveragePool, AveragePool, MaxPool, UpSample,
)  # fmt: skip
"""What comes out of these has channels before places in PyTorch."""

FEATURES_LAST = (Dense, Embedding, MultiHeadAttention, Recurrent)
"""What comes out of these has features last, in PyTorch, too (with batch_first=True)."""

Shape = tuple[int, ...]


def flattened_before(layer: Layer) -> tuple[Shape, bool | None]:
    """The shape (…, channels) of what a Flatten lays into the features of this layer, and whether PyTorch lays it with
    its channels first.

    The shape is () where nothing was flattened, or where there is one order only; the other is None where the network
    does not tell, as X comes from anywhere.
    """
    if not isinstance(layer.root, Network):
        return (), False
    way = list(_layers_before(layer.root, layer))
    place = next((i for i, step in enumerate(way) if not _keeps(*step)), len(way))
    if place == len(way) or not _flattens(*way[place]):
        return (), False
    shape = tuple(way[place][1].shape[1:])
    if shape[-1] == 1 or math.prod(shape[:-1]) == 1:
        return (), False
    source = next((step[0] for step in way[place + 1 :] if not _keeps(*step)), None)
    return shape, isinstance(source, CHANNELS_FIRST) if isinstance(source, CHANNELS_FIRST + FEATURES_LAST) else None


def _keeps(layer: Layer, A: Any, Z: Any) -> bool:
    """Whether features stand where they stood; of an own layer that leaves the shape as it was, it is assumed."""
    return isinstance(layer, KEEP_FEATURES) or (not layer.of_library and A.shape == Z.shape)


def _flattens(layer: Layer, A: Any, Z: Any) -> bool:
    by_itself = not layer.of_library and Z.shape[1:] == (math.prod(A.shape[1:]),)
    return A.ndim > 2 and (isinstance(layer, Flatten) or by_itself)


def _layers_before(network: Network, asked: Layer) -> Iterator[tuple[Layer, Any, Any]]:
    """What the input of a layer has come through, from there back to X: layers, each with its input and output."""
    made: dict[int, tuple[Layer, Any, Any]] = {}
    inputs: dict[int, Any] = {}

    def watch(layer: Layer, A: Any, Z: Any) -> None:
        inputs[id(layer)] = A
        if Z is not A:
            made.setdefault(id(Z), (_last(layer), A, Z))  # holds both, so that no id is given twice

    assert network.input_shape is not None
    with np.errstate(all="ignore"):
        network.record(network.cast(np.zeros((1, *network.input_shape), np.uint8)), watch=watch)
    A = inputs.get(id(asked))
    while id(A) in made:
        yield made[id(A)]
        A = made[id(A)][1]


def _last(layer: Layer) -> Layer:
    """The layer by which a way through several ends."""
    while isinstance(layer, Residual | Network):
        layer = layer.layers[-1]
    return layer

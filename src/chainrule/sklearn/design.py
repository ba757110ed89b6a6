"""The network of a multi-layer perceptron, and its parameters in the shapes that scikit-learn gives them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from chainrule.errors import OptionError
from chainrule.layers import Activation, BatchNorm, Dense, Dropout, Layer, Network
from chainrule.layers.activation import find_activation
from chainrule.ops import exp

OUTPUTS: dict[str, Any] = {"identity": None, "logistic": "sigmoid", "softmax": "softmax", "exp": exp}
"""scikit-learn's names of what the output layer ends with, and ours."""


def layers_of(
    sizes: Sequence[int],
    activations: Sequence[Any],
    dropouts: Sequence[float],
    batch_norm: bool,
    out_activation: str,
) -> list[Layer]:
    """Dense layers of these sizes, the first being the number of features, with what belongs between them."""
    layers: list[Layer] = []
    for n_out, activation, dropout in zip(sizes[1:-1], activations, dropouts, strict=True):
        if batch_norm:
            layers += [Dense(n_out), BatchNorm(), Activation(activation)]
        else:
            layers += [Dense(n_out, activation)]
        layers += [Dropout(dropout)] if dropout else []
    return [*layers, Dense(sizes[-1], OUTPUTS[out_activation])]


def dense_layers(net: Network) -> list[Dense]:
    """The layers that hold the coefficients."""
    return [layer for layer in net.layers if isinstance(layer, Dense)]


def draw(net: Network, activations: Sequence[Any], random: np.random.RandomState) -> None:
    """Start as scikit-learn does: W and b uniform within ±√(factor / (n_in + n_out)), layer after layer.

    The factor is 2 where the units are sigmoids and 6 elsewhere (Glorot & Bengio, 2010).

    Args:
        activations: one for each dense layer; scikit-learn takes the hidden units' for the output layer, too.
    """
    for layer, activation in zip(dense_layers(net), activations, strict=True):
        n_out, n_in = layer.held["W"].shape
        bound = np.sqrt((2.0 if activation == "sigmoid" else 6.0) / (n_in + n_out))
        layer.held["W"].T[...] = random.uniform(-bound, bound, (n_in, n_out))
        layer.held["b"][...] = random.uniform(-bound, bound, n_out)


def each_hidden(name: str, given: Any, hidden: Sequence[int]) -> list[Any]:
    """One entry for each hidden layer: a list as it is, anything else for all of them.

    Raises:
        OptionError: a list of another length.
    """
    if not isinstance(given, list | tuple | np.ndarray):
        return [given] * len(hidden)
    if len(given) != len(hidden):
        raise OptionError(f"{name} lists {len(given)}, but there are {len(hidden)} hidden layers: {list(hidden)}.")
    return list(given)


def our_activation(given: Any) -> Any:
    """An activation by our name.

    Raises:
        OptionError: it is unknown.
    """
    ours = "sigmoid" if isinstance(given, str) and given == "logistic" else given
    find_activation(ours)
    return ours


def coefficients(net: Network) -> tuple[list[NDArray[Any]], list[NDArray[Any]]]:
    """`coefs_` and `intercepts_`: views, so that writing into them changes the network."""
    layers = dense_layers(net)
    return [layer.held["W"].T for layer in layers], [layer.held["b"] for layer in layers]


def take_over(net: Network, coefs: Sequence[Any], intercepts: Sequence[Any]) -> bool:
    """Copy what somebody has put in place of the network's own coefficients into it; whether there was anything.

    Raises:
        OptionError: coefficients of another shape.
    """
    changed = False
    for name, given, held in zip(("coefs_", "intercepts_"), (coefs, intercepts), coefficients(net), strict=True):
        for i, (theirs, ours) in enumerate(zip(given, held, strict=True)):
            if np.shape(theirs) != ours.shape:
                raise OptionError(f"{name}[{i}] is {np.shape(theirs)}, but the network's is {ours.shape}.")
            if not _same(theirs, ours):
                ours[...] = theirs
                changed = True
    return changed


def _same(theirs: Any, ours: NDArray[Any]) -> bool:
    """Whether the two are the same memory, read in the same order."""
    return isinstance(theirs, np.ndarray) and theirs.strides == ours.strides and np.may_share_memory(theirs, ours)

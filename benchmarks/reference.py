"""The cost of any contestant's parameters, by one function for all of a row: NumPy, float64."""

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

import chainrule as cr

Tensors = Mapping[str, NDArray[Any]]
"""What a contestant has made, by the notes' names: W1 (n^[1], n^[0]), b1 (n^[1],), … of a network that trains."""

CHUNK = 4096

FEW = 64
"""Examples at a time through a network whose layers make much of each: the windows of convolutions in float64."""


def cost(parameters: Tensors, X: NDArray[Any], y: NDArray[Any]) -> float:
    """J: the mean cross-entropy of relu layers under a softmax, or under a sigmoid where there is one output.

    Args:
        X: (m, n_x). y: (m,), the numbers of the classes, or 0 and 1.
    """
    chunks = [slice(i, i + CHUNK) for i in range(0, len(X), CHUNK)]
    return float(sum(_losses(_outputs(parameters, X[chunk]), y[chunk]).sum() for chunk in chunks) / len(X))


def cost_of(network: cr.Network, parameters: Tensors, X: NDArray[Any], y: NDArray[Any]) -> float:
    """J: the mean cross-entropy of a network that ends in a softmax, by the numpy engine.

    Args:
        parameters: to put in the place of the network's own, by their names there and in their shapes.
        X: (m, …). y: (m,) or (m, steps), the numbers of the classes.
    """
    exact = network.copy("float64")
    exact.set_parameters(parameters)
    parts = [exact.predict(X[i : i + FEW], engine="numpy") for i in range(0, len(X), FEW)]
    return cross_entropy(np.concatenate(parts), y)


def cross_entropy(A: NDArray[Any], y: NDArray[Any]) -> float:
    """The mean loss of probabilities A (…, n) for the classes y (…)."""
    right = np.take_along_axis(A.astype(np.float64), y[..., None], axis=-1)
    return float(-np.log(right).mean())


def _outputs(parameters: Tensors, X: NDArray[Any]) -> NDArray[np.float64]:
    A, l = X.astype(np.float64), 1
    while f"W{l + 1}" in parameters:
        A = np.maximum(A @ parameters[f"W{l}"].T + parameters[f"b{l}"], 0)
        l += 1
    Z: NDArray[np.float64] = A @ parameters[f"W{l}"].T + parameters[f"b{l}"]
    return Z


def _losses(Z: NDArray[np.float64], y: NDArray[Any]) -> NDArray[np.float64]:
    if Z.shape[1] == 1:
        return np.logaddexp(0, Z[:, 0]) - y * Z[:, 0]
    losses: NDArray[np.float64] = np.logaddexp.reduce(Z, axis=1) - Z[np.arange(len(Z)), y]
    return losses

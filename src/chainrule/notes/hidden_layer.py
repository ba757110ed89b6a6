"""The network with one hidden layer, written three times: by neuron, by matrix, over all examples (the notes)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from chainrule.notes.activations import sigmoid, tanh
from chainrule.notes.layers import activation_forward
from chainrule.notes.shapes import Matrix, matrix


def by_neuron(x: Any, parameters: Mapping[str, Any]) -> Matrix:
    """One example, one neuron at a time: z_i^[1] = w_i^[1]ᵀ x + b_i^[1], a_i^[1] = tanh(z_i^[1]), then the output.

    Args:
        x: (n_x, 1).
        parameters: W1 (n^[1], n_x), b1 (n^[1], 1), W2 (1, n^[1]), b2 (1, 1).

    Returns:
        a^[2] = ŷ, (1, 1).
    """
    x = matrix("x", np.reshape(x, (-1, 1)))
    W1, b1, W2, b2 = (matrix(name, parameters[name]) for name in ("W1", "b1", "W2", "b2"))
    a1 = []
    for i in range(W1.shape[0]):
        z = b1[i, 0]
        for j in range(x.shape[0]):
            z += W1[i, j] * x[j, 0]
        a1.append(tanh(z))
    z2 = b2[0, 0]
    for i, a in enumerate(a1):
        z2 += W2[0, i] * a
    return np.array([[sigmoid(z2)]])


def by_matrix(x: Any, parameters: Mapping[str, Any]) -> Matrix:
    """One example, a layer at a time: z^[1] = W^[1] x + b^[1], a^[1] = tanh(z^[1]), and so on. As `by_neuron`."""
    return over_examples(np.reshape(x, (-1, 1)), parameters)


def over_examples(X: Any, parameters: Mapping[str, Any]) -> Matrix:
    """All m examples at once: the columns of Z^[1] = W^[1] X + b^[1] are the z^[1](i).

    Args:
        X: (n_x, m).
        parameters: as in `by_neuron`.

    Returns:
        A^[2], (1, m).
    """
    A1, _ = activation_forward(X, parameters["W1"], parameters["b1"], "tanh")
    A2, _ = activation_forward(A1, parameters["W2"], parameters["b2"], "sigmoid")
    return A2

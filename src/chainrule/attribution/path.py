"""Integrated gradients: the derivative of an answer along the straight way from a background row to the example."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from chainrule.attribution.shapley import BLOCK
from chainrule.engines import blas_held
from chainrule.errors import OptionError
from chainrule.graph import backward, variable
from chainrule.layers import EmbedBags, EmbedColumns, Embedding, Network


def integrated_gradients(
    net: Network, x: NDArray[Any], background: NDArray[Any], output: int, steps: int
) -> NDArray[np.float64]:
    """φ_i = (x_i − z_i) ∫₀¹ ∂f/∂x_i (z + α (x − z)) dα, for each row z of the background: (m, n_x).

    The integral is a sum over `steps` points by Gauss and Legendre, in float64. Completeness, Σ_i φ_i = f(x) − f(z),
    holds but for what this sum misses, which is little where f is smooth. Sundararajan, Taly & Yan, 2017.

    Args:
        x: one example. background: (m, …). output: which of the network's outputs f is.

    Raises:
        OptionError: a layer looks numbers up in a table, which has no derivative by them.
    """
    for _, layer in net.family():
        if isinstance(layer, Embedding | EmbedColumns | EmbedBags):
            raise OptionError(
                f"{layer!r} takes numbers of categories or words, by which nothing can be differentiated: "
                'take method="shapley", which needs no derivative.'
            )
    exact, m = net.copy(dtype="float64"), len(background)
    x, background = x.astype(np.float64), background.astype(np.float64)
    nodes, weights = np.polynomial.legendre.leggauss(steps)
    alpha = ((nodes + 1) / 2).reshape(1, steps, *[1] * x.ndim)
    found = np.empty((m, x.size))
    some = max(1, BLOCK // (steps * x.size))
    with blas_held():
        for begin in range(0, m, some):
            z = background[begin : begin + some, None]
            X = variable((z + alpha * (x - z)).reshape(-1, *x.shape))
            backward(exact(X)[:, output].sum())
            slopes = np.asarray(X.grad).reshape(len(z), steps, x.size)
            found[begin : begin + some] = (x - z).reshape(len(z), x.size) * np.tensordot(slopes, weights / 2, (1, 0))
    return found

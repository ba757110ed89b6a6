"""The notes' four activations and their derivatives (the notes, "activation functions", "derivatives of activations").

In one place the notes write the sigmoid 1 / (1 + e^−x) with x where every other line has z; z is meant.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from chainrule import ops

if TYPE_CHECKING:
    from matplotlib.figure import Figure


def sigmoid(z: Any) -> Any:
    """g(z) = 1 / (1 + e^−z), between 0 and 1."""
    return ops.sigmoid(_numbers(z))


def sigmoid_derivative(z: Any) -> Any:
    """g′(z) = g(z) (1 − g(z))."""
    return _derivative(ops.sigmoid, z)


def tanh(z: Any) -> Any:
    """g(z) = (e^z − e^−z) / (e^z + e^−z), between −1 and 1."""
    return ops.tanh(_numbers(z))


def tanh_derivative(z: Any) -> Any:
    """g′(z) = 1 − g(z)²."""
    return _derivative(ops.tanh, z)


def relu(z: Any) -> Any:
    """g(z) = max(0, z)."""
    return ops.relu(_numbers(z))


def relu_derivative(z: Any) -> Any:
    """g′(z) = 0 for z < 0 and 1 for z > 0; the notes leave z = 0 open, here it is 0."""
    return _derivative(ops.relu, z)


def leaky_relu(z: Any) -> Any:
    """g(z) = max(0.01 z, z)."""
    return ops.leaky_relu(_numbers(z))


def leaky_relu_derivative(z: Any) -> Any:
    """g′(z) = 0.01 for z < 0 and 1 for z > 0; the notes leave z = 0 open, here it is 0.01."""
    return _derivative(ops.leaky_relu, z)


def plot_activations(low: float = -5.0, high: float = 5.0) -> Figure:
    """The four activations (solid) and their derivatives (dashed) over [low, high]."""
    from chainrule.extras import matplotlib

    z = np.linspace(low, high, 401)
    figure = matplotlib.figure.Figure(figsize=(10, 6), layout="constrained")
    four = (
        (sigmoid, sigmoid_derivative),
        (tanh, tanh_derivative),
        (relu, relu_derivative),
        (leaky_relu, leaky_relu_derivative),
    )
    for axes, (g, derivative) in zip(figure.subplots(2, 2).flat, four, strict=True):
        axes.plot(z, g(z), color="#1f6f8b", linewidth=2, label="g(z)")
        axes.plot(z, derivative(z), color="#d1603d", linewidth=2, linestyle="--", label="g′(z)")
        axes.set_title(g.__name__.replace("_", " "))
        axes.grid(alpha=0.25)
        axes.spines[["top", "right"]].set_visible(False)
        axes.legend(frameon=False)
    return figure


def _numbers(z: Any) -> NDArray[np.float64]:
    return np.asarray(z, dtype=np.float64)


def _derivative(g: Any, z: Any) -> Any:
    """g′(z), by handing 1 to the operation's way back."""
    value, backward = g.differentiate(_numbers(z))
    return backward(np.ones_like(value))[0]

r"""The activations A = g(Z), each with its derivative; Z may have any shape, and A has the same.

All are stable: no |z| up to 1e4 overflows in float32.
"""

import math
from importlib import import_module
from types import ModuleType

import numpy as np

from chainrule import extras
from chainrule.graph import Array, Backward, operation


@operation(forward=r"A = Z", backward=(r"dZ = dA",))
def identity(xp: ModuleType, Z: Array) -> tuple[Array, Backward]:
    """A = Z: the linear activation, for regression."""
    return Z, lambda dA: (dA,)


@operation(forward=r"A = \sigma(Z) = \frac{1}{1 + e^{-Z}}", backward=(r"dZ = dA \odot A \odot (1 - A)",))
def sigmoid(xp: ModuleType, Z: Array) -> tuple[Array, Backward]:
    """A = 1 / (1 + e^−Z); dZ = dA · A (1 − A) (the notes, "logistic regression")."""
    e = xp.exp(-xp.abs(Z))  # in (0, 1] for either sign of Z, so it never overflows
    A = xp.where(xp.greater_equal(Z, 0), 1, e) / (1 + e)
    return A, lambda dA: (dA * A * (1 - A),)


@operation(forward=r"A = \tanh(Z)", backward=(r"dZ = dA \odot (1 - A^2)",))
def tanh(xp: ModuleType, Z: Array) -> tuple[Array, Backward]:
    """A = (e^Z − e^−Z) / (e^Z + e^−Z); dZ = dA (1 − A²) (the notes, "activations")."""
    A = xp.tanh(Z)
    return A, lambda dA: (dA * (1 - A**2),)


@operation(forward=r"A = \max(0, Z)", backward=(r"dZ = dA \odot [Z > 0]",))
def relu(xp: ModuleType, Z: Array) -> tuple[Array, Backward]:
    """A = max(0, Z). The derivative is 1 for z > 0 and 0 for z < 0; the notes leave z = 0 open, here it is 0."""
    return xp.maximum(Z, 0), lambda dA: (dA * xp.greater(Z, 0),)


@operation(
    forward=r"A = [Z > 0] \odot Z + slope\, [Z \le 0] \odot Z",
    backward=(r"dZ = dA \odot ([Z > 0] + slope\, [Z \le 0])",),
)
def leaky_relu(xp: ModuleType, Z: Array, *, slope: float = 0.01) -> tuple[Array, Backward]:
    """A = Z where z > 0 and slope · Z elsewhere, slope 0.01 in the notes.

    The derivative is 1 for z > 0 and `slope` for z < 0; the notes leave z = 0 open, here it is `slope` (0.01).
    """
    positive = xp.greater(Z, 0)
    return xp.where(positive, Z, slope * Z), lambda dA: (xp.where(positive, dA, slope * dA),)


@operation(
    forward=r"A = [Z > 0] \odot Z + \alpha\, [Z \le 0] \odot (e^Z - 1)",
    backward=(r"dZ = dA \odot ([Z > 0] + \alpha\, [Z \le 0] \odot e^Z)",),
)
def elu(xp: ModuleType, Z: Array, *, alpha: float = 1.0) -> tuple[Array, Backward]:
    """A = Z where z > 0 and α (e^z − 1) elsewhere: the exponential linear unit (Clevert et al., 2016)."""
    below = alpha * xp.expm1(xp.minimum(Z, 0))
    positive = xp.greater(Z, 0)
    return xp.where(positive, Z, below), lambda dA: (xp.where(positive, dA, dA * (below + alpha)),)


@operation(forward=r"A = Z \odot \Phi(Z)", backward=(r"dZ = dA \odot (\Phi(Z) + Z \odot \varphi(Z))",))
def gelu(xp: ModuleType, Z: Array) -> tuple[Array, Backward]:
    """A = Z Φ(Z), Φ the normal distribution's function and φ its density (Hendrycks & Gimpel, 2016).

    Beyond |z| = 40, Φ is 0 or 1 and φ is 0, to all digits.
    """
    Phi = 0.5 * (1 + _erf(xp, Z * 0.5**0.5))

    def backward(dA: Array) -> tuple[Array]:
        near = xp.clip(Z, -40, 40)
        phi = xp.exp(-0.5 * near**2) * 0.3989422804014327  # 1 / √(2π)
        return (dA * (Phi + near * phi),)

    return xp.maximum(Z, -40) * Phi, backward


@operation(forward=r"A = Z \odot \sigma(Z)", backward=(r"dZ = dA \odot \sigma(Z) \odot (1 + Z \odot (1 - \sigma(Z)))",))
def silu(xp: ModuleType, Z: Array) -> tuple[Array, Backward]:
    """A = Z σ(Z), also called swish (Elfwing et al., 2018). Beyond |z| = 800, σ is 0 or 1 to all digits."""
    S = sigmoid(Z)
    return xp.maximum(Z, -800) * S, lambda dA: (dA * S * (1 + xp.clip(Z, -800, 800) * (1 - S)),)


@operation(forward=r"A = \ln(1 + e^Z)", backward=(r"dZ = dA \odot \sigma(Z)",))
def softplus(xp: ModuleType, Z: Array) -> tuple[Array, Backward]:
    """A = ln(1 + e^Z), a smooth relu; its derivative is the sigmoid (Dugas et al., 2001)."""
    return xp.logaddexp(Z, 0), lambda dA: (dA * sigmoid(Z),)


@operation(
    forward=r"A_j = e^{Z_j} / \textstyle\sum_k e^{Z_k}",
    backward=(r"dZ = A \odot (dA - \textstyle\sum_k dA_k \odot A_k)",),
)
def softmax(xp: ModuleType, Z: Array, *, axis: int = -1) -> tuple[Array, Backward]:
    """A = e^Z / Σ e^Z along `axis`: one probability a class, with sum 1 (Bridle, 1990)."""
    E = xp.exp(Z - Z.max(axis=axis, keepdims=True))
    A = E / E.sum(axis=axis, keepdims=True)
    return A, lambda dA: (A * (dA - (dA * A).sum(axis=axis, keepdims=True)),)


@operation(
    forward=r"A_j = Z_j - \ln \textstyle\sum_k e^{Z_k}",
    backward=(r"dZ = dA - e^A \odot \textstyle\sum_k dA_k",),
)
def log_softmax(xp: ModuleType, Z: Array, *, axis: int = -1) -> tuple[Array, Backward]:
    """A = ln softmax(Z) along `axis`, by the log-sum-exp form that neither overflows nor takes the log of 0."""
    shifted = Z - Z.max(axis=axis, keepdims=True)
    A = shifted - xp.log(xp.exp(shifted).sum(axis=axis, keepdims=True))
    return A, lambda dA: (dA - xp.exp(A) * dA.sum(axis=axis, keepdims=True),)


def _erf(xp: ModuleType, x: Array) -> Array:
    """The error function: that of scipy.special or jax.scipy.special; without SciPy the C library's, of each number.

    The latter takes some eight times as long, and tells the same but for the last two bits of a float64.
    """
    if xp.__name__ == "numpy" and not extras.installed("scipy"):
        return np.asarray(_erf_of_each(x), x.dtype)
    of = "" if xp.__name__ == "numpy" else f"{xp.__name__.split('.')[0]}."
    return import_module(f"{of}scipy.special").erf(x)


_erf_of_each = np.frompyfunc(math.erf, 1, 1)

"""The two ways in which the tests differentiate: by the chain rule, and by measuring."""

from collections.abc import Callable
from typing import Any

import numpy as np

import chainrule as cr


def derivative(function: Callable[[Any], Any], x: Any) -> Any:
    """d(Σ function(x))/dx, by the chain rule."""
    X = cr.variable(x)
    function(X).sum().backward()
    return X.grad


def central_differences(J: Callable[[], float], A: np.ndarray, h: float = 1e-5) -> np.ndarray:
    """dJ/dA by (J(a + h) − J(a − h)) / 2h, one element of A after the other; J reads A."""
    differences = np.zeros_like(A)
    for i in np.ndindex(A.shape):
        middle = A[i]
        A[i] = middle + h
        above = J()
        A[i] = middle - h
        differences[i] = (above - J()) / (2 * h)
        A[i] = middle
    return differences

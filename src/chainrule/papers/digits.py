"""Handwritten digits that everybody has, for papers whose own are not at hand."""

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from chainrule.data.bundled import read_bundled


class Digits(NamedTuple):
    """Pictures of 8 × 8 from 0 to 1, a row each: X (m, 64) and y (m,) to train with, and others to test."""

    X: NDArray[Any]
    y: NDArray[Any]
    X_test: NDArray[Any]
    y_test: NDArray[Any]


TEST = 500
"""So many of the 1,797 digits are tested with."""


def split_digits(random: np.random.Generator, m: int = 1297) -> Digits:
    """The digits that scikit-learn bundles (Alpaydın & Kaynak, 1998), shuffled: m to train with, and 500 others.

    Args:
        random: draws the order. m: at most 1,297.
    """
    X, y = read_bundled("digits")
    order = random.permutation(len(X))
    train, test = order[TEST:][:m], order[:TEST]
    return Digits(X[train] / 16, y[train], X[test] / 16, y[test])

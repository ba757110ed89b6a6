"""The linear model beside a network: a logistic or linear regression on the same numbers, and itself as a network."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from chainrule import engines
from chainrule.data.source import Place
from chainrule.data.targets import Target
from chainrule.experiments.expansion import Expansion
from chainrule.experiments.linear import Matrix, logistic, ridge
from chainrule.layers import Dense, EmbedColumns, Layer, Network
from chainrule.ops import identity, sigmoid, softmax
from chainrule.randomness import stream

MOST, CELLS, ITERATIONS = 50_000, 2**25, 200
"""The most examples and numbers that the linear model learns from, and the most iterations of a logistic one."""

BLOCK = 2**22
"""About how many numbers are made at a time."""


class Peer:
    """A linear model, fitted to its very optimum.

    Args:
        target: what it predicts; logarithms where the network learns these, corrected in the same way.
        X, Y: all examples, as numbers. rows: those to learn from, of which it takes some where they are many.
        places: where in X each column lies.

    Attributes:
        rows: how many it has learned from. converged: whether it has come to its optimum. texts: whether it read some.
    """

    def __init__(
        self, target: Target, X: NDArray[Any], Y: NDArray[Any], rows: NDArray[np.intp], places: Sequence[Place]
    ):
        self._target, self._places = target, places
        width = sum(place.tokens if place.tokens and not place.bag else place.stop - place.start for place in places)
        most = min(MOST, CELLS // width)
        if len(rows) > most:
            rows = stream("linear model", 0).choice(rows, most, replace=False)
        self.rows, self.texts = len(rows), any(place.bag for place in places)
        with engines.held_to(1), engines.blas_held():  # many small products, in which threads would wait for each other
            self._expand = Expansion(places, X[rows])
            expanded = self._expand(X[rows])
            self._W, self.converged = self._fitted(expanded, Y[rows])
        self._factor: Any = 1.0
        if target.form == "log":
            apart = np.log(Y[rows].reshape(len(rows), -1)) - expanded @ self._W
            self._factor = np.exp(apart).mean(axis=0)  # Duan, 1983

    def output(self, X: NDArray[Any]) -> NDArray[Any]:
        """The outputs (m, n_out) for examples."""
        activation = {"values": identity, "classes": softmax}.get(self._target.task, sigmoid)
        parts = blocks(len(X), X.shape[1] if self._expand.sparse else len(self._W))
        found = np.concatenate([activation(self._expand(X[block]) @ self._W) for block in parts])
        if self._target.form == "log":
            with np.errstate(over="ignore"):
                found = np.minimum(np.exp(found) * self._factor, np.finfo(np.float64).max)
        return self._target.held(found)

    @property
    def can_be_network(self) -> bool:
        """Whether a network can be it: one that learns the same values by the same outputs, from finite weights."""
        return self._target.form in ("plain", "log") and not self.texts and bool(np.isfinite(self._W).all())

    def network(self, n_in: int, final: Sequence[Layer], seed: int | None) -> Network:
        """Itself as a network for examples of n_in numbers: a row of W for each category, and a dense layer.

        Args:
            final: the layers that bring values back into their units.
        """
        W, n_out = self._W, self._W.shape[1]
        if final:
            mean, deviation = (final[0].statistics[name] for name in ("mean", "deviation"))
            W = W / deviation
            W[-1] -= mean / deviation
        embedded = [place for place in self._places if place.tokens]
        numbers = n_in - len(embedded)
        tokens = sum(place.tokens for place in embedded)
        dense = np.vstack([W[:numbers], *[np.eye(n_out)] * len(embedded)])
        first = [EmbedColumns(numbers, tokens, n_out)] if embedded else []
        body = Network([*first, Dense(n_out, self._target.activation)], seed=seed, input_shape=(n_in,))
        body.layers[-1].held["W"][...] = dense.T
        body.layers[-1].held["b"][...] = W[-1]
        if embedded:
            body.layers[0].held["W"][...] = W[numbers:-1]
        return body

    def _fitted(self, X: Matrix, Y: NDArray[Any]) -> tuple[Matrix, bool]:
        """W (n_in, n_out) of the linear model, before its activation, and whether it converged."""
        columns = Y.reshape(len(Y), -1)
        if self._target.task == "values":
            return ridge(X, self._target.learned(columns)), True
        if self._target.task == "classes":
            return logistic(X, Y, self._target.n_out, ITERATIONS)
        fitted = [logistic(X, y, 2, ITERATIONS) for y in columns.T]
        return np.column_stack([W[:, 1] - W[:, 0] for W, _ in fitted]), all(converged for _, converged in fitted)


def blocks(m: int, width: int) -> list[slice]:
    """Of m rows of so many numbers, as many at a time as memory takes lightly."""
    step = max(BLOCK // width, 1)
    return [slice(start, start + step) for start in range(0, m, step)]

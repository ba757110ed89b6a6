"""Linear programs, as drawings have them: by HiGHS where SciPy is installed, else by a few lines of NumPy."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from chainrule import extras

Vector = NDArray[np.float64]

NEAR, BALANCED = 0.02, 1e-4
"""How far a solution by NumPy may be from its bounds, and, as a share of it, its cost from the least."""

WORK = 100_000_000
"""About so many products of numbers NumPy computes before it takes what it has: a second or two."""

LOOKED = 100
"""After so many iterations it is looked how good the solution is."""


@dataclass(frozen=True)
class LinearProgram:
    """Find the x with the least weights · x among those with factor · x ≤ bound in each rule, and x ≥ least.

    Attributes:
        weights: (n,), none below 0. rules: of each bound the pairs of an unknown's place and its factor.
        bounds: one for each rule. least: (n,).
    """

    weights: Vector
    rules: Sequence[Sequence[tuple[int, float]]]
    bounds: Vector
    least: Vector

    def solved(self) -> Vector:
        """x (n,): without SciPy it keeps the bounds, and reaches the least, but for a share of a pixel."""
        entries = [(i, j, factor) for i, rule in enumerate(self.rules) for j, factor in rule]
        rows, columns, factors = (np.array(part) for part in zip(*entries, strict=True))
        if extras.installed("scipy"):
            return self._by_highs(rows, columns, factors)
        return self.least + _Descent(rows, columns, factors, self).solved()

    def _by_highs(self, rows: NDArray[Any], columns: NDArray[Any], factors: Vector) -> Vector:
        from chainrule.extras import scipy

        matrix = scipy.sparse.csr_array((factors, (rows, columns)), shape=(len(self.bounds), len(self.weights)))
        limits = [(x, None) for x in self.least]
        found = scipy.optimize.linprog(self.weights, matrix, self.bounds, bounds=limits, method="highs-ds")
        return np.asarray(found.x)


class _Descent:
    """min c·z with Az ≤ b and z ≥ 0 by a primal-dual gradient method, PDLP (Applegate et al., 2021).

    z goes down the gradient of c·z + y·(Az − b), and y, the price of the bounds, up (Chambolle & Pock, 2011), in steps
    by the sizes of A's rows and columns. From time to time both begin anew where they were on average.
    """

    def __init__(self, rows: NDArray[Any], columns: NDArray[Any], factors: Vector, program: LinearProgram):
        self.rows, self.columns, self.factors = rows, columns, factors
        self.c = program.weights
        self.b = program.bounds - np.bincount(rows, factors * program.least[columns], len(program.bounds))
        sizes = np.abs(factors)
        self.steps = 1 / np.maximum(np.bincount(columns, sizes, len(self.c)), 1e-9)
        self.dual_steps = 1 / np.bincount(rows, sizes, len(self.b))

    def solved(self) -> Vector:
        z, y = np.zeros(len(self.c)), np.zeros(len(self.b))
        balance, last, begun, restart = 1.0, np.inf, (z, y), 0
        sums = [z.copy(), y.copy()]
        most = max(10 * LOOKED, WORK // len(self.factors))
        for k in range(1, most + 1):
            before = z
            z = np.maximum(z - self.steps / balance * (self.c + self._priced(y)), 0)
            y = np.maximum(y + self.dual_steps * balance * (self._used(2 * z - before) - self.b), 0)
            sums[0] += z
            sums[1] += y
            if k % LOOKED:
                continue
            means = sums[0] / (k - restart), sums[1] / (k - restart)
            z_best, y_best = min((z, y), means, key=lambda both: self._wrong(*both))
            wrong = self._wrong(z_best, y_best)
            if wrong < 1:
                return z_best
            if wrong < 0.4 * last or k - restart > 0.36 * k:  # enough was won, or nothing for long
                last, restart = wrong, k
                balance = self._balanced(balance, z_best - begun[0], y_best - begun[1])
                z, y = begun = z_best, y_best
                sums = [np.zeros_like(z), np.zeros_like(y)]
        return z_best

    def _used(self, z: Vector) -> Vector:
        return np.asarray(np.bincount(self.rows, self.factors * z[self.columns], len(self.b)), np.float64)

    def _priced(self, y: Vector) -> Vector:
        return np.asarray(np.bincount(self.columns, self.factors * y[self.rows], len(self.c)), np.float64)

    def _wrong(self, z: Vector, y: Vector) -> float:
        """How far z and y are from being a solution, 1 for what is near enough."""
        over = float(np.max(self._used(z) - self.b))
        cheap = float(np.max(-(self.c + self._priced(y))))
        cost, price = float(self.c @ z), float(-self.b @ y)
        return max(over / NEAR, cheap / NEAR, abs(cost - price) / (1 + abs(cost) + abs(price)) / BALANCED)

    def _balanced(self, balance: float, z_moved: Vector, y_moved: Vector) -> float:
        """What makes the steps of y longer, and those of z shorter, by how far both have come."""
        far = np.sqrt((z_moved**2 / self.steps).sum()), np.sqrt((y_moved**2 / self.dual_steps).sum())
        return float(np.sqrt(balance * far[1] / far[0])) if min(far) > 1e-9 else balance

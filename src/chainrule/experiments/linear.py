"""The linear models that a network is compared with: ridge and logistic regression, at their very optimum.

They are those of scikit-learn's defaults, `Ridge` and `LogisticRegression`: ‖Y − XW‖² + ‖W‖², and the sum of the losses
of all examples + ½ ‖W‖². The last column of X is 1, and its row of W, the intercept, counts in neither penalty. X may
be a sparse matrix of scipy, too, if it has more columns than WIDE.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from chainrule.ops import sigmoid, sigmoid_binary_cross_entropy, softmax, softmax_cross_entropy

Matrix = NDArray[np.float64]
Features = Any
"""A `Matrix`, or a sparse one of scipy, of which Python has no types."""

SMALL = 1e-6
"""A step of Newton's method is the last one where it takes no more than half of this from the sum of the losses."""

PRODUCTS, ENOUGH = 200, 0.03
"""The most products with the curvature that a step is made of, and which part of the squared gradient it may leave."""

WIDE, SOME = 500, 4_000
"""Of no more columns than the first, a step is led by the curvature of about so many examples."""


def ridge(X: Features, Y: Matrix) -> Matrix:
    """W (n_in, n_out), so that XW are the values.

    Args:
        X: (m, n_in), the last column 1. Y: (m, n_out).
    """
    mean = Y.mean(axis=0)
    if not isinstance(X, np.ndarray):
        W = _sparse_ridge(X, Y - mean)
        W[-1] += mean
        return W
    narrow, lift = _narrow(X)
    W = np.linalg.solve(narrow.T @ narrow + np.diag(_penalized(narrow)), narrow.T @ (Y - mean))
    W[-1] += mean
    return lift(W)


def _sparse_ridge(X: Features, Y: Matrix) -> Matrix:
    """W (n_in, n_out) by conjugate gradients, which see X only in products."""
    from chainrule.extras import scipy

    linalg, penalized = scipy.sparse.linalg, _penalized(X)
    normal = linalg.LinearOperator((X.shape[1],) * 2, lambda w: X.T @ (X @ w) + penalized * w, dtype=np.float64)
    return np.column_stack([linalg.cg(normal, X.T @ y, rtol=1e-6, maxiter=PRODUCTS)[0] for y in Y.T])


def logistic(X: Features, y: NDArray[Any], n: int, iterations: int) -> tuple[Matrix, bool]:
    """W (n_in, n), so that softmax(XW) are the probabilities of n classes; and whether it converged.

    A class that is not in y has the probability 0.

    Args:
        X: (m, n_in), the last column 1. y: (m,), the numbers of classes. iterations: how many there may be.
    """
    known, y = np.unique(y, return_inverse=True)
    W = np.zeros((X.shape[1], n))
    W[-1] = -np.inf
    W[-1, known] = 0
    if len(known) == 1:
        return W, True
    narrow, lift = _narrow(X)
    Y = np.eye(len(known))[y] if len(known) > 2 else y[:, None].astype(np.float64)
    found, converged = _newton(narrow, Y, iterations)
    W[:, known[-Y.shape[1] :]] = lift(found)
    return W, converged


def _narrow(X: Features) -> tuple[Features, Callable[[Matrix], Matrix]]:
    """X turned so that it has hardly more columns than rows, and what turns a W for that into one for X.

    The best W of all that have a penalty is made of the rows of X.
    """
    if not isinstance(X, np.ndarray) or X.shape[1] <= len(X) + 1:
        return X, lambda W: W
    Q, R = np.linalg.qr(X[:, :-1].T)
    return np.column_stack([R.T, X[:, -1]]), lambda W: np.vstack([Q @ W[:-1], W[-1:]])


def _penalized(X: Features) -> NDArray[np.float64]:
    """(n_in,): 1 for weights, 0 for the intercept."""
    return np.append(np.ones(X.shape[1] - 1), 0.0)


def _newton(X: Features, Y: Matrix, iterations: int) -> tuple[Matrix, bool]:
    """W (n_in, n_out) for sigmoid(XW), of several outputs softmax(XW), by Newton's method; and whether it converged.

    Costs and gradients are exact; a step, which the next one corrects, is found in float32.
    """
    one = Y.shape[1] == 1
    activation, loss = (sigmoid, sigmoid_binary_cross_entropy) if one else (softmax, softmax_cross_entropy)
    penalized, light = _penalized(X)[:, None], X.astype(np.float32)
    W, Z = np.zeros((X.shape[1], Y.shape[1])), np.zeros(Y.shape)

    def cost(W: Matrix, Z: Matrix) -> float:
        return len(Y) * float(loss(Z, Y)) + 0.5 * float((penalized * W**2).sum())

    J = cost(W, Z)
    for _ in range(iterations):
        A = activation(Z)
        dW = X.T @ (A - Y) + penalized * W
        step = _step(light, A.astype(np.float32), penalized, dW)
        if -float((dW * step).sum()) < SMALL:
            return W + step, True
        change = X @ step
        while (there := cost(W + step, Z + change)) > J and abs(step).max() > SMALL:
            step, change = step / 2, change / 2
        W, Z, J = W + step, Z + change, there
    return W, False


def _step(X: Features, A: NDArray[np.float32], penalized: Matrix, dW: Matrix) -> Matrix:
    """The step that ends where the gradient is hardly more than 0, as far as the curvature at outputs A tells.

    By preconditioned conjugate gradients (Hestenes & Stiefel, 1952; Concus, Golub & O'Leary, 1976).
    """
    solve = _preconditioner(X, A, penalized)
    step, left = np.zeros_like(dW), -dW
    way = led = solve(left)
    size = whole = float((left * led).sum())
    for _ in range(PRODUCTS):
        if size <= ENOUGH * whole:
            break
        bent = X.T @ _spread(A, X @ way.astype(np.float32)) + penalized * way
        part = size / float((way * bent).sum())
        step, left = step + part * way, left - part * bent
        led = solve(left)
        before, size = size, float((left * led).sum())
        way = led + size / before * way
    return step


def _preconditioner(X: Features, A: NDArray[np.float32], penalized: Matrix) -> Callable[[Matrix], Matrix]:
    """What solves roughly for a step: by the curvature that all outputs have in the mean; of wide X by its diagonal."""
    curvature = A * (1 - A)
    if X.shape[1] > WIDE:
        diagonal = (X**2).T @ curvature + penalized + SMALL
        return lambda left: left / diagonal
    some = slice(None, None, max(len(X) // SOME, 1))
    weights = curvature[some].mean(axis=1) * (len(X) / len(X[some]))
    inverse = np.linalg.inv((X[some].T * weights) @ X[some] + np.diag(penalized[:, 0] + SMALL))
    return lambda left: inverse @ left


def _spread(A: NDArray[np.float32], dZ: NDArray[np.float32]) -> NDArray[np.float32]:
    """What a change of Z makes of A: the derivative of the sigmoid of one output, or of the softmax of several."""
    dA = A * dZ
    return dA - A * (dA if A.shape[1] == 1 else dA.sum(axis=1, keepdims=True))

"""scikit-learn: its multilayer perceptron, an epoch in each call of `partial_fit`."""

from itertools import count

import numpy as np
from numpy.typing import NDArray
from sklearn.neural_network import MLPClassifier

import chainrule as cr
from benchmarks.contestants.cold_start import script
from benchmarks.contestants.contestant import Pairs, Running, Ways, named, pairs
from benchmarks.rows import ColdStart, Prediction, Training


def train(row: Training) -> Running:
    """The examples come in the row's order, so that scikit-learn need not shuffle them."""
    X, y = row.data()
    net = MLPClassifier(row.sizes[1:-1], alpha=0.0, batch_size=row.batch, shuffle=False, **_rule(row.optimizer))
    _begin(net, X, y, pairs(row.network().parameters))
    numbers = count()

    def round() -> None:
        for _ in range(row.epochs):
            if row.batch < row.m:
                order = row.order(next(numbers))
                net.partial_fit(X[order], y[order])
            else:
                net.partial_fit(X, y)

    return Running(round, lambda: named([(W.T, b) for W, b in zip(net.coefs_, net.intercepts_, strict=True)]))


def predict(row: Prediction) -> Running:
    """`predict_proba`."""
    X, y = row.data()
    net = MLPClassifier(row.sizes[1:-1], batch_size=len(X))
    _begin(net, X, y, pairs(row.network().parameters))
    given = row.given()

    def round() -> None:
        for x in given:
            net.predict_proba(x)

    return Running(round, lambda: {"A": net.predict_proba(X)})


def _rule(optimizer: cr.Optimizer) -> dict[str, object]:
    if isinstance(optimizer, cr.Adam):
        named = {"beta_1": optimizer.beta1, "beta_2": optimizer.beta2, "epsilon": optimizer.epsilon}
        return {"solver": "adam", "learning_rate_init": optimizer.learning_rate, **named}
    assert isinstance(optimizer, cr.GradientDescent)
    momentum = {"momentum": optimizer.momentum, "nesterovs_momentum": optimizer.nesterov}
    return {"solver": "sgd", "learning_rate_init": optimizer.learning_rate, **momentum}


def _begin(net: MLPClassifier, X: NDArray[np.float32], y: NDArray[np.int64], layers: Pairs) -> None:
    """Put these parameters in the place of those that the first call makes, and let the optimizer begin anew."""
    net.partial_fit(X[: net.batch_size], y[: net.batch_size], classes=np.unique(y))
    for k, (W, b) in enumerate(layers):
        net.coefs_[k][...], net.intercepts_[k][...] = W.T, b
    del net._optimizer


WAYS: Ways = {
    ("scikit-learn", Training): train,
    ("scikit-learn", Prediction): predict,
    ("scikit-learn", ColdStart): script("with_scikit_learn.py"),
}

"""scikit-learn: its multilayer perceptron, an epoch in each call of `partial_fit`."""

from itertools import count

import numpy as np
from numpy.typing import NDArray
from sklearn.neural_network import MLPClassifier

import chainrule as cr
from benchmarks.contestants.cold_start import script
from benchmarks.contestants.contestant import Running, Ways
from benchmarks.models import Multilayer
from benchmarks.reference import Tensors
from benchmarks.rows import ColdStart, Prediction, Training


def train(row: Training) -> Running | None:
    """The examples come in the row's order, so that scikit-learn need not shuffle them."""
    if not isinstance(row.model, Multilayer):
        return None
    X, y = row.data()
    net = MLPClassifier(row.model.sizes[1:-1], alpha=0.0, batch_size=row.batch, shuffle=False, **_rule(row.optimizer))
    _begin(net, X, y, row.model.network())
    numbers = count()

    def round() -> None:
        for _ in range(row.epochs):
            if row.batch < row.m:
                order = row.order(next(numbers))
                net.partial_fit(X[order], y[order])
            else:
                net.partial_fit(X, y)

    def outcome() -> Tensors:
        pairs = enumerate(zip(net.coefs_, net.intercepts_, strict=True), 1)
        return {name: value for l, (W, b) in pairs for name, value in ((f"W{l}", W.T), (f"b{l}", b))}

    return Running(round, outcome)


def predict(row: Prediction) -> Running | None:
    """`predict_proba`."""
    if not isinstance(row.model, Multilayer):
        return None
    X, y = row.data()
    net = MLPClassifier(row.model.sizes[1:-1], batch_size=len(X))
    _begin(net, X, y, row.model.network())
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


def _begin(net: MLPClassifier, X: NDArray[np.float32], y: NDArray[np.int64], start: cr.Network) -> None:
    """Put these parameters in the place of those that the first call makes, and let the optimizer begin anew."""
    net.partial_fit(X[: net.batch_size], y[: net.batch_size], classes=np.unique(y))
    for k, layer in enumerate(start.layers):
        net.coefs_[k][...], net.intercepts_[k][...] = layer.held["W"].T, layer.held["b"]
    del net._optimizer


WAYS: Ways = {
    ("scikit-learn", Training): train,
    ("scikit-learn", Prediction): predict,
    ("scikit-learn", ColdStart): script("with_scikit_learn.py"),
}

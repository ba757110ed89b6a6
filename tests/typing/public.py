"""What an editor knows of chainrule's objects. Nothing here is run: mypy and pyright read it."""

from typing import Any, assert_type

import numpy as np
from numpy.typing import NDArray

import chainrule as cr
from chainrule.attribution.result import Attribution
from chainrule.derivation.drawing import Drawing
from chainrule.derivation.page import Page
from chainrule.training.gradient_check import GradientCheck

X, y = np.eye(4), np.arange(4) % 3


def variables() -> None:
    a = cr.variable(3.0, "a")
    assert_type(a, cr.Variable)
    assert_type(a * 2 + 1 / a, cr.Variable)
    assert_type(-(a**2), cr.Variable)
    assert_type((2 - a).sum(), cr.Variable)
    assert_type(cr.variable(X)[0].T, cr.Variable)


def operations() -> None:
    a, b = cr.variable(X), cr.variable(3.0)
    assert_type(cr.ops.relu(a), cr.Variable)
    assert_type(cr.ops.leaky_relu(a, slope=0.1), cr.Variable)
    assert_type(cr.ops.relu(X), NDArray[Any])
    assert_type(cr.ops.relu(X @ X), NDArray[Any])
    assert_type(cr.ops.softmax(X, axis=-1), NDArray[Any])
    assert_type(cr.ops.maximum(X, 0), NDArray[Any])
    assert_type(cr.ops.maximum(X, b), cr.Variable)
    assert_type(cr.ops.maximum(0, b), cr.Variable)
    assert_type(cr.ops.where(X > 0, X, b), cr.Variable)
    assert_type(cr.ops.where(X > 0, b, X), cr.Variable)
    assert_type(cr.ops.concatenate(a, X), cr.Variable)
    assert_type(cr.ops.stack([a, b]), cr.Variable)
    assert_type((cr.ops.exp(a) - b).mean(), cr.Variable)


def networks() -> None:
    net = cr.Network([cr.Dense(5, "relu"), cr.Dense(3, "softmax")], seed=0)
    assert_type(net.layers, tuple[cr.Layer, ...])
    assert_type(net.parameters, dict[str, NDArray[Any]])
    assert_type(net.predict(X, precision="bfloat16"), NDArray[Any])
    assert_type(cr.load("net.safetensors"), cr.Network)
    assert_type(cr.attention_weights(net, X), list[NDArray[Any]])


def training() -> None:
    net = cr.Network([cr.Dense(3, "softmax")])
    history = cr.train(net, X, y, loss="cross_entropy", epochs=1)
    assert_type(history, cr.History)
    assert_type(history.epochs, list[dict[str, Any]])
    assert_type(history["loss"], list[float])
    assert_type(history.best_epoch, int | None)
    assert_type(cr.evaluate(net, X, y, loss="cross_entropy"), dict[str, float])
    assert_type(cr.check_gradients(net, X, y, loss="cross_entropy"), GradientCheck)


def explanations() -> None:
    net = cr.Network([cr.Dense(3, "softmax")])
    assert_type(cr.draw(net), Drawing)
    assert_type(cr.derive(net, X, y, loss="cross_entropy"), Page)
    assert_type(cr.attribute(net, X[0], X), Attribution)

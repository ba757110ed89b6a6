"""Convolutions of few channels, whose examples lie side by side in registers where there are enough of them."""

import numpy as np
import pytest

import chainrule as cr
from chainrule.engines import ENGINES
from chainrule.engines.native import executor
from engines.both import TOLERANCE, assert_same

pytestmark = pytest.mark.skipif("native" not in ENGINES, reason="the kernels were not built")

M, BATCH = 53, 40
"""Batches of 40 and 13: two threads have ranks that are full, others that are not, and some without any example."""

RANDOM = np.random.default_rng(0)
X, Y = RANDOM.normal(size=(M, 8, 7, 3)), np.linspace(-1, 1, M).reshape(M, 1)
SERIES = RANDOM.normal(size=(M, 9, 2))


def end():
    return [cr.Flatten(), cr.Dense(1)]


NETWORKS = {
    "a chain": lambda: [
        cr.Conv2D(5, 3, "relu", padding="same"),
        cr.MaxPool(2),
        cr.Conv2D(6, (2, 3), "tanh"),
        cr.AveragePool(2, stride=1, padding="same"),
        *end(),
    ],
    "edges": lambda: [cr.Conv2D(4, 3, padding=((2, 0), (1, 1))), cr.Conv2D(3, 3, padding="same", bias=False), *end()],
    "strides": lambda: [cr.Conv2D(4, 3, padding="same", stride=2), cr.Conv2D(3, 2, padding=1, stride=(3, 1)), *end()],
    "dilation": lambda: [
        cr.Conv2D(4, 2, dilation=2),
        cr.Conv2D(3, (2, 3), padding="same", dilation=(3, 2), stride=1),
        cr.Conv2D(2, 2, dilation=3, stride=2),
        *end(),
    ],
    "groups": lambda: [cr.Conv2D(6, 3, groups=3), cr.Conv2D(6, 2, "relu", groups=6), cr.Conv2D(4, 2, groups=2), *end()],
    "behind what lies otherwise": lambda: [
        cr.Dense(4, "tanh"),
        cr.Conv2D(5, 2),
        cr.BatchNorm(),
        cr.Conv2D(18, 2, "relu"),
        cr.Conv2D(18, 2, "relu"),
        cr.Conv2D(3, 2),
        cr.GlobalMaxPool(),
        cr.Dense(1),
    ],
    "read twice": lambda: [
        cr.Conv2D(4, 3, "relu", padding="same"),
        cr.Residual([cr.Conv2D(4, 3, "relu", padding="same"), cr.Conv2D(4, 1)]),
        cr.MaxPool(3, stride=2),
        *end(),
    ],
    "dropout in the place of what is brought into the other order": lambda: [
        cr.Conv2D(4, 3, "tanh"),
        cr.Dropout(0.2),
        cr.Conv2D(5, 2, "relu"),
        cr.MaxPool(2),
        cr.Dropout(0.5),
        *end(),
    ],
    "what overwrites between orders": lambda: [
        cr.Conv2D(4, 3, "relu", padding="same"),
        cr.Residual([cr.Dropout(0.3), cr.Conv2D(4, 3, "sigmoid", padding="same"), cr.Dropout(0.3)]),
        cr.Activation("tanh"),
        cr.LayerNorm(),
        cr.Conv2D(3, 2, "silu"),
        cr.Dropout(0.1),
        *end(),
    ],
    "the last": lambda: [cr.Conv2D(2, 3, "relu"), cr.Conv2D(1, (6, 5)), cr.Flatten()],
}


@pytest.mark.parametrize("dtype", TOLERANCE)
@pytest.mark.parametrize("name", NETWORKS)
def test_both_engines_agree(name, dtype):
    assert_same(NETWORKS[name], X, dtype, y=Y, alpha=0.01, batch_size=BATCH)


def test_sequences():
    assert_same(
        lambda: [cr.Conv1D(3, 3, "relu", padding="same"), cr.MaxPool(2), *end()],
        SERIES,
        "float32",
        y=Y,
        batch_size=BATCH,
    )


@pytest.mark.parametrize("kind", [np.uint8, np.int32, np.float64])
def test_X_of_every_type(kind):
    pictures = RANDOM.integers(0, 4, size=X.shape).astype(kind)
    found = []
    for engine in ("numpy", "native"):
        net = cr.Network(NETWORKS["a chain"](), seed=0)
        cr.train(
            net, pictures, Y, loss="squared_error", epochs=2, batch_size=BATCH, seed=0, engine=engine, progress=False
        )
        found.append(net.flat)
    np.testing.assert_allclose(*found, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("frozen", ["W1", "b1", "W2", "b*"])
def test_parameters_that_are_frozen(frozen):
    found = []
    for engine in ("numpy", "native"):
        net = cr.Network([cr.Conv2D(4, 2, "relu"), cr.Conv2D(3, 2), *end()], seed=0)
        optimizer = cr.GradientDescent(0.01, rates={frozen: 0})
        cr.train(
            net,
            X,
            Y,
            loss="squared_error",
            optimizer=optimizer,
            epochs=2,
            batch_size=BATCH,
            seed=0,
            engine=engine,
            progress=False,
        )
        found.append(net.flat)
    np.testing.assert_allclose(*found, rtol=1e-4, atol=1e-5)


def test_examples_are_summed_in_ranks(monkeypatch):
    """Else this file would say nothing: a rank's dW is a sum in another order than that of single examples."""
    found = []
    for strip in (0, 1):
        monkeypatch.setattr(executor, "STRIP", strip)
        net = cr.Network([cr.Conv2D(1, (8, 7), bias=False), *end()], seed=0)
        cr.train(
            net,
            X.astype(np.float32),
            Y,
            loss="squared_error",
            epochs=1,
            batch_size=64,
            seed=0,
            engine="native",
            progress=False,
        )
        found.append(net.flat)
    np.testing.assert_allclose(*found, rtol=1e-4, atol=1e-5)
    assert not np.array_equal(*found)

"""Streams of batches of varying sizes and lengths are compiled for once, and come to the same as with numpy."""

import numpy as np
import pytest

import chainrule as cr
from chainrule.engines import ENGINES
from chainrule.engines.native import executor, training

pytestmark = pytest.mark.skipif("native" not in ENGINES, reason="the kernels were not built")

RANDOM = np.random.default_rng(0)


@pytest.fixture
def built(monkeypatch):
    """The capacities of the executors that have been built."""
    capacities = []
    make = executor.Executor.__init__

    def noted(self, *given, **named):
        make(self, *given, **named)
        capacities.append(self.capacity)

    monkeypatch.setattr(executor.Executor, "__init__", noted)
    return capacities


def rows(sizes):
    return [(RANDOM.normal(size=(m, 4)), RANDOM.normal(size=(m, 1))) for m in sizes]


def sequences(lengths):
    return [(RANDOM.normal(size=(8, steps, 3)), RANDOM.normal(size=(8, 1))) for steps in lengths]


def trained(layers, batches, engine, **options):
    net = cr.Network(layers(), seed=0, dtype="float64")
    history = cr.train(net, batches, loss="squared_error", epochs=5, seed=0, engine=engine, progress=False, **options)
    return net, history


DENSE = lambda: [cr.Dense(9, "tanh"), cr.Dropout(0.2), cr.BatchNorm(), cr.Dense(1)]


@pytest.mark.parametrize("optimizer", ["adam", "gradient_descent"])
def test_batches_of_varying_sizes(built, optimizer):
    batches = rows([20, 3, 17, 1, 20, 8, 12, 19, 5, 2] * 2)
    found = [trained(DENSE, batches, engine, optimizer=optimizer)[0].state() for engine in ("numpy", "native")]
    for name, numbers in found[0].items():
        np.testing.assert_allclose(found[1][name], numbers, rtol=1e-7, atol=1e-9, err_msg=name)
    assert built == [20]


def test_batches_that_grow_are_made_room_for(built):
    batches = rows([4, 9, 2, 30, 7])
    found = [trained(DENSE, batches, engine)[0].flat for engine in ("numpy", "native")]
    np.testing.assert_allclose(*found, rtol=1e-7, atol=1e-9)
    assert built == [4, 9, 30]


def test_sequences_of_varying_lengths(built):
    batches = sequences([5, 9, 7, 5, 7, 9])
    layers = lambda: [cr.LSTM(6, last=True), cr.Dense(1)]
    found = [trained(layers, batches, engine)[0].flat for engine in ("numpy", "native")]
    np.testing.assert_allclose(*found, rtol=1e-7, atol=1e-9)
    assert len(built) == 3


def test_no_more_plans_are_kept_than_memory_is_meant_for(built):
    batches = sequences(range(3, 3 + training.KEPT + 2))
    layers = lambda: [cr.GRU(6, last=True), cr.Dense(1)]
    found = [trained(layers, batches, engine)[0].flat for engine in ("numpy", "native")]
    np.testing.assert_allclose(*found, rtol=1e-7, atol=1e-9)
    assert len(built) == 5 * len(batches)


def test_own_code_is_examined_for_the_sizes_of_a_stream():
    def depends(A):
        return A * 2 if len(A) > 15 else A

    layers = lambda: [cr.Dense(4), cr.Activation(depends), cr.Dense(1)]
    batches = rows([8, 8, 20, 8])
    (expected, _), (net, history) = (trained(layers, batches, engine) for engine in ("numpy", "auto"))
    np.testing.assert_allclose(net.flat, expected.flat, rtol=1e-7)
    assert history.engine == "numpy"
    assert "number of examples" in history.reason

"""The same training by both engines."""

import itertools

import numpy as np
import pytest

import chainrule as cr
from chainrule.data.batches import ArrayBatches
from chainrule.engines import ENGINES
from chainrule.engines.native import executor
from chainrule.hyperparameters import Hyperparameters
from chainrule.training.cost import Cost

TOLERANCE = {"float64": 1e-11, "float32": 3e-5}
STRIPS = (0, 1)
"""Examples that a thread of the native engine takes at a time: as many as stay in its cache, or one at least."""

M = 11
Y = np.linspace(-1, 1, M).reshape(M, 1)


def steady(learning_rate, weight_decay=0.0):
    """What holds for all batches alike."""

    def given(first, last):
        some = last - first
        return Hyperparameters([learning_rate] * some, [weight_decay] * some)

    return given


def by_turns(names):
    """Each name with each type and each of STRIPS; by day each two of the three meet."""
    turns = itertools.product(enumerate(names), enumerate(TOLERANCE), enumerate(STRIPS))
    return [
        pytest.param(name, dtype, strip, marks=[pytest.mark.slow] if (i + j + k) % 2 else [])
        for (i, name), (j, dtype), (k, strip) in turns
    ]


def assert_same(layers, X, dtype, loss="squared_error", y=Y, parameters=None, alpha=1e-3, strips=STRIPS, batch_size=8):
    """Both engines come to the same parameters, costs and outputs, by four updates: those of M in batches of 8, 3."""
    found = [_trained(layers, X, dtype, loss, y, parameters, alpha, batch_size, engine="numpy")]
    for strip in strips:
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(executor, "STRIP", strip)
            found.append(_trained(layers, X, dtype, loss, y, parameters, alpha, batch_size, engine="native"))
    for native in found[1:]:
        for a, b in zip(found[0], native, strict=True):
            np.testing.assert_allclose(b, a, rtol=TOLERANCE[dtype], atol=TOLERANCE[dtype])


def _trained(layers, X, dtype, loss, y, parameters, alpha, batch_size, engine):
    """θ, the mean cost, and what is predicted."""
    net = cr.Network(layers(), seed=0, dtype=dtype, input_shape=X.shape[1:])
    net.set_parameters(parameters or {})
    batches = ArrayBatches(net.cast(X), y, None, batch_size=batch_size)
    cost = Cost(loss)
    cost.fit(net, X, y)
    program = ENGINES[engine].program(net, cost, cr.GradientDescent(alpha, l2=0.01, clip_norm=0.5), seed=1)
    done = [done for epoch in range(2) for done in program.epoch(batches, epoch, steady(alpha))]
    mean = sum(part.cost * part.m for part in done) / (2 * len(X))
    return net.flat, mean, net.predict(X, engine=engine)

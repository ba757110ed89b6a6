"""Products of the update that are so large that the native engine brings columns of A side by side."""

import numpy as np
import pytest

import chainrule as cr

RANDOM = np.random.default_rng(0)


@pytest.mark.parametrize("clip_norm", [None, 1.0])
@pytest.mark.parametrize(("n_in", "units", "m"), [(793, 70, 33), (1100, 64, 400), (390, 130, 770)])
def test_large_updates_are_those_of_numpy(n_in, units, m, clip_norm):
    X, Y = RANDOM.normal(size=(m, n_in)), RANDOM.normal(size=(m, 3))
    found = {}
    for engine in ("numpy", "native"):
        net = cr.Network([cr.Dense(units, "tanh"), cr.Dense(3)], seed=0, dtype="float64")
        options = {"loss": "squared_error", "epochs": 2, "batch_size": m, "seed": 0, "progress": False, "threads": 1}
        optimizer = cr.GradientDescent(0.01, momentum=0.9, clip_norm=clip_norm, weight_decay=0.1)
        cr.train(net, X, Y, optimizer=optimizer, engine=engine, **options)
        found[engine] = net.parameters
    for name, value in found["numpy"].items():
        np.testing.assert_allclose(found["native"][name], value, rtol=0, atol=1e-11, err_msg=name)

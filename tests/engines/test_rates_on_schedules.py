"""Rates that change while a network trains: every engine has the same at the same epoch and batch."""

import numpy as np
import pytest

import chainrule as cr
from chainrule.engines import ENGINES
from chainrule.engines.native import compile as compiling
from chainrule.schedules import Constant, Cosine, FlatCosine, Schedule

RANDOM = np.random.default_rng(5)
X = RANDOM.normal(size=(50, 4))
Y = X.sum(axis=1)


class OwnTwice(cr.Layer):
    def forward(self, A):
        return 2 * A


def network(rate, dtype="float64", own=False):
    inner = [cr.Dense(6, "tanh"), cr.Dropout(FlatCosine(0.3, 4))]
    layers = [cr.Dense(6, "relu"), cr.Dropout(rate), cr.Residual(inner), cr.Dropout(0.1), cr.Dense(1)]
    return cr.Network([*([OwnTwice()] if own else []), *layers], seed=0, dtype=dtype)


def trained(net, engine, epochs=5, **options):
    if engine == "jax":
        pytest.importorskip("jax")
    given = options.pop("given", (X, Y))
    how = {"loss": "squared_error", "epochs": epochs, "seed": 0, "progress": False, "engine": engine}
    history = cr.train(net, *given, **how | options)
    assert history.engine == engine
    return net.flat, history["loss"]


def stream():
    return [(X[first : first + 16], Y[first : first + 16]) for first in range(0, 50, 16)]


@pytest.mark.parametrize("engine", [name for name in ENGINES if name != "numpy"])
@pytest.mark.parametrize("given", [(X, Y), (stream(),)], ids=["arrays", "stream"])
@pytest.mark.parametrize("dtype", ["float64", "float32"])
def test_dropout_follows_its_schedule_in_every_engine(engine, given, dtype):
    options = {"given": given} | ({"batch_size": 16} if len(given) > 1 else {})
    expected, found = (trained(network(Cosine(0.6, 4), dtype), by, **options) for by in ("numpy", engine))
    for ours, theirs in zip(found, expected, strict=True):
        np.testing.assert_allclose(ours, theirs, rtol=1e-9 if dtype == "float64" else 1e-3, atol=1e-5)


@pytest.mark.parametrize("engine", ["numpy", "native"])
def test_beside_a_layer_of_ones_own_too(engine):
    if engine not in ENGINES:
        pytest.skip("the kernels were not built")
    falling, still = (trained(network(rate, own=True), engine)[1] for rate in (Cosine(0.6, 4), Constant(0.6)))
    assert falling[0] == still[0]
    assert falling[1:] != still[1:]


def test_a_schedule_that_stands_still_is_the_number():
    np.testing.assert_array_equal(*(trained(network(rate), "numpy")[0] for rate in (0.4, Constant(0.4))))


class OwnSteps(Schedule):
    """0.5, then 0.2 from epoch 3 on, and 1.5 from epoch 10 on, which no rate is."""

    def __call__(self, epoch):
        return 0.5 if epoch < 3 else 0.2 if epoch < 10 else 1.5


@pytest.mark.skipif("native" not in ENGINES, reason="the kernels were not built")
def test_kernels_are_planned_anew_only_where_a_rate_changes(monkeypatch):
    rates, lower = [], compiling.lower

    def counted(trace, *given, **options):
        rates.append([node.options["rate"] for node in trace.nodes if node.op == "dropout"])
        return lower(trace, *given, **options)

    monkeypatch.setattr(compiling, "lower", counted)
    net = cr.Network([cr.Dense(4, "relu"), cr.Dropout(OwnSteps()), cr.Dense(1)], seed=0)
    trained(net, "native", epochs=8)
    assert rates[-2:] == [[0.5], [0.2]]
    assert rates.count([0.2]) == 1


def test_a_rate_out_of_range_is_told_with_its_epoch():
    net = cr.Network([cr.Dropout(OwnSteps()), cr.Dense(1)], seed=0, input_shape=4)
    with pytest.raises(cr.OptionError, match=r"the dropout rate that .* returns at epoch 10 is 1.5, but must be"):
        trained(net, "numpy", epochs=11)
    with pytest.raises(cr.OptionError, match=r"at epoch 0 is 1.0, but must be a number, less than 1"):
        cr.Dropout(Constant(1.0))


def test_a_network_that_was_saved_has_its_schedule(tmp_path):
    net = network(Cosine(0.6, 4))
    net.build((4,))
    net.save(tmp_path / "net.safetensors")
    twin = cr.load(tmp_path / "net.safetensors")
    assert repr(twin) == repr(net)
    assert twin.drop_rates(2) == net.drop_rates(2) == pytest.approx((0.3, 0.3))

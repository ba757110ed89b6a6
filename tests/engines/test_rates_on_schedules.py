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


class OwnSteps(Schedule):
    """0.5, then 0.2 from epoch 3 on, and 1.5 from epoch 10 on, which no rate is."""

    def __call__(self, epoch):
        return 0.5 if epoch < 3 else 0.2 if epoch < 10 else 1.5


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


def combinations():
    """Engines, ways to give the data, and types; of jax, which compiles each, one by day."""
    for engine in ENGINES:
        for name, given in [("arrays", (X, Y)), ("stream", (stream(),))]:
            for dtype in ("float64", "float32"):
                by_day = engine != "jax" or (name, dtype) == ("stream", "float64")
                if engine != "numpy":
                    marks = [] if by_day else [pytest.mark.slow]
                    yield pytest.param(engine, given, dtype, id=f"{engine}-{name}-{dtype}", marks=marks)


@pytest.mark.parametrize(("engine", "given", "dtype"), [*combinations()])
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


@pytest.mark.skipif("native" not in ENGINES, reason="the kernels were not built")
@pytest.mark.parametrize("given", [(X, Y), (stream(),)], ids=["arrays", "stream"])
def test_kernels_are_planned_once_however_often_rates_change(monkeypatch, given):
    planned, lower = [], compiling.lower

    def counted(trace, *given, **options):
        planned.extend([trace.nodes] if trace.training else [])
        return lower(trace, *given, **options)

    monkeypatch.setattr(compiling, "lower", counted)
    found = trained(network(Cosine(0.6, 4)), "native", epochs=6, given=given)
    assert len(planned) == 1
    expected = trained(network(Cosine(0.6, 4)), "numpy", epochs=6, given=given)
    np.testing.assert_allclose(found[1], expected[1], rtol=1e-9)


class OwnDropout(cr.Dropout):
    """Beside the layer's own dropout another one, whose rate no schedule changes."""

    def forward(self, A):
        A = super().forward(A)
        return cr.ops.dropout(A, rate=0.6, key=self.random_key()) if self.training else A


@pytest.mark.parametrize("engine", [name for name in ENGINES if name != "numpy"])
def test_a_layer_of_ones_own_on_top_of_dropout(engine):
    def own():
        return cr.Network([cr.Dense(8, "relu"), OwnDropout(Cosine(0.6, 4)), cr.Dense(1)], seed=0, dtype="float64")

    np.testing.assert_allclose(trained(own(), engine)[1], trained(own(), "numpy")[1], rtol=1e-9)


@pytest.mark.parametrize(
    ("engine", "own"),
    [
        pytest.param(name, own, marks=[pytest.mark.slow] if name == "jax" else [])
        for name in ENGINES
        for own in (False, True)
        if own or name != "jax"
    ],
)
def test_a_callback_may_change_a_rate_which_every_engine_obeys(engine, own):
    def changes(run):
        if run.epoch == 2:
            run.network.layers[-2].rate = 0.7

    before, expected, found = (
        trained(network(0.3, own=own), by, epochs=4, **options)[1]
        for by, options in (("numpy", {}), ("numpy", {"callbacks": changes}), (engine, {"callbacks": changes}))
    )
    np.testing.assert_allclose(found, expected, rtol=1e-9)
    np.testing.assert_allclose(found[:3], before[:3], rtol=1e-9)
    assert abs(found[3] - before[3]) > 0.1


@pytest.mark.parametrize("engine", [name for name in ENGINES if name != "numpy"])
def test_while_a_line_is_searched_too(engine):
    def found(by, **options):
        net = cr.Network([cr.Dense(4, "tanh"), cr.Dropout(0.2), cr.Dense(1)], seed=0, dtype="float64")
        return trained(net, by, epochs=5, optimizer=cr.LBFGS(), **options)[1]

    def changes(run):
        if run.epoch == 2:
            run.network.layers[1].rate = 0.6

    expected = found("numpy", callbacks=changes)
    np.testing.assert_allclose(found(engine, callbacks=changes), expected, rtol=1e-6)
    assert abs(found("numpy")[-1] / expected[-1] - 1) > 0.01


def test_a_rate_out_of_range_is_told_with_its_epoch():
    net = cr.Network([cr.Dropout(OwnSteps()), cr.Dense(1)], seed=0, input_shape=4)
    with pytest.raises(cr.OptionError, match=r"the dropout rate that .* returns at epoch 10 is 1.5, but must be"):
        trained(net, "numpy", epochs=11)
    with pytest.raises(cr.OptionError, match=r"at epoch 0 is 1.0, but must be a number, less than 1"):
        cr.Dropout(Constant(1.0))


@pytest.mark.parametrize("make", [lambda: cr.Dropout("cosine"), lambda: cr.AdamW(weight_decay="cosine")])
def test_the_name_of_a_schedule_is_told_what_to_give(make):
    with pytest.raises(cr.OptionError, match=r"is 'cosine', but must be a number, .*give an object, such as cr.sched"):
        make()


def test_a_derivation_says_which_rates_are_those_of_the_first_epoch():
    layers = [cr.Dense(3), cr.Residual([cr.Dropout(Cosine(0.5, 10))]), cr.Dropout(0.25), cr.Dense(1)]
    net = cr.Network(layers, seed=0, input_shape=2)
    rule = cr.AdamW(Cosine(0.1, 10), weight_decay=FlatCosine(0.2, 10))
    page = str(cr.derive(net, np.ones((2, 2)), np.ones((2, 1)), loss="squared_error", optimizer=rule))
    assert page.count("The rate 0.5 is that of the first epoch: it follows Cosine(0.5, epochs=10).") == 1
    assert "The rate 0.25 is" not in page
    assert "α follows Cosine(0.1, epochs=10) and is 0.1 at the first update" in page
    assert "ω follows FlatCosine(0.2, epochs=10) and is 0.2 at the first update" in page
    plain = str(cr.derive(net, np.ones((2, 2)), np.ones((2, 1)), loss="squared_error", optimizer=cr.AdamW(0.1)))
    assert "follows" not in plain.partition("Update")[2]


class OwnWithout(cr.Layer):
    """Asks a layer within for its dropout, and has an attribute called like the option."""

    def __init__(self):
        self.within, self.rate = cr.Dropout(Cosine(0.3, 5)), Cosine(0.9, 7)

    def children(self):
        return [self.within]

    def forward(self, A):
        A = self.within.forward(A)
        return cr.ops.dropout(A, rate=0.7, key=self.random_key()) if self.training else A


def test_a_derivation_says_nothing_of_a_fixed_rate_beside_one_on_a_schedule():
    net = cr.Network([OwnDropout(Cosine(0.5, 10)), OwnWithout(), cr.Dense(1)], seed=0, input_shape=4)
    page = str(cr.derive(net, np.ones((2, 4)), np.ones((2, 1)), loss="squared_error"))
    assert page.count("The rate 0.5 is that of the first epoch: it follows Cosine(0.5, epochs=10).") == 1
    assert page.count("The rate 0.3 is that of the first epoch: it follows Cosine(0.3, epochs=5).") == 1
    assert page.count("is that of the first epoch") == 2
    assert "(1 − 0.6)" in page
    assert "(1 − 0.7)" in page


def test_a_network_that_was_saved_has_its_schedule(tmp_path):
    net = network(Cosine(0.6, 4))
    net.build((4,))
    net.save(tmp_path / "net.safetensors")
    twin = cr.load(tmp_path / "net.safetensors")
    assert repr(twin) == repr(net)
    assert twin.drop_rates(2) == net.drop_rates(2) == pytest.approx((0.3, 0.3))

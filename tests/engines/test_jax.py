"""The engine that compiles by JAX agrees with NumPy's: operations, optimizers, whole trainings; what it cannot compile
is named."""

import sys
from dataclasses import fields

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import chainrule as cr
from chainrule.graph import OPERATIONS, Variable, plain
from chainrule.hyperparameters import Hyperparameters
from chainrule.optimizers import OPTIMIZERS, Optimizer
from engines.test_every_optimizer import OTHERS
from ops.cases import CASES

jax = pytest.importorskip("jax")

pytestmark = pytest.mark.xdist_group("jax")  # one process loads it

EXACT = {"rtol": 1e-10, "atol": 1e-10}
RANDOM = np.random.default_rng(3)
X, y = RANDOM.standard_normal((48, 6)), RANDOM.integers(0, 2, 48)
PICTURES, SEQUENCES = RANDOM.standard_normal((48, 5, 5, 2)), RANDOM.standard_normal((48, 7, 3))
SHORTER = np.where(np.arange(7)[None, :, None] < 3 + np.arange(48)[:, None, None] % 5, SEQUENCES, 0)


@pytest.mark.parametrize("name", sorted(OPERATIONS))
def test_every_operation_and_its_way_back(name):
    """By the simplest call and one that is drawn, which are compiled as one program."""
    operation, calls = OPERATIONS[name], []

    @settings(max_examples=2, derandomize=True, deadline=None, database=None)
    @given(CASES[name])
    def collect(call):
        calls.append(call)

    collect()
    inputs = [[np.asarray(x) if isinstance(x, list | float) else x for x in call.inputs] for call in calls]
    with np.errstate(all="ignore"):
        made = [operation.differentiate(*given, **call.options) for given, call in zip(inputs, calls, strict=True)]
        ds = [RANDOM.standard_normal(np.shape(value)) for value, _ in made]
        expected = [(value, _called(back(d))) for (value, back), d in zip(made, ds, strict=True)]

    def all_of(inputs, ds):
        found = []
        for arrays, call, d in zip(inputs, calls, ds, strict=True):
            value, back = operation.function(jax.numpy, *arrays, **call.options)
            found.append((value, _called(back(d))))
        return found

    with jax.enable_x64(True):
        found = jax.jit(all_of)(inputs, ds)
    for (value, back), (other, other_back) in zip(found, expected, strict=True):
        np.testing.assert_allclose(value, other, **EXACT)
        for one, another in zip(back, other_back, strict=True):
            assert (one is None) == (another is None)
            if another is not None:
                np.testing.assert_allclose(one, another, **EXACT)


def _called(parts):
    return [part() if callable(part) else part for part in parts]


@given(st.sampled_from([kind for kind in dict.fromkeys(OPTIMIZERS.values()) if issubclass(kind, Optimizer)]), st.data())
@settings(max_examples=12, derandomize=True, deadline=None, database=None)
def test_every_optimizer_makes_the_same_steps(kind, data):
    names = [name for name in sorted(field.name for field in fields(kind)) if data.draw(st.booleans(), name)]
    options = {name: OTHERS[name] for name in names} | ({"momentum": 0.7} if "nesterov" in names else {})
    optimizer, theta = kind(**options), X[:20, 0].astype(np.float32)
    gradient, regularized = X[:20, 1].astype(np.float32), np.ones(20, np.float32)
    slots = {name: np.full(20, 0.5, np.float32) for name in optimizer.slots}
    holds = Hyperparameters(0.03, optimizer.decay(0))
    change, moved = optimizer.step(theta, gradient, regularized, holds, 5, slots)
    with jax.enable_x64(True):
        jitted = jax.jit(lambda holds, update: optimizer.step(theta, gradient, regularized, holds, update, slots))
        found, found_slots = jitted(jax.tree.map(np.float32, holds), 5)
    assert found.dtype == np.float32
    np.testing.assert_allclose(found, change, rtol=1e-5, atol=1e-8)  # near 0 are differences of what was rounded
    for name, slot in moved.items():
        np.testing.assert_allclose(found_slots[name], slot, rtol=1e-5)


class Seen(cr.Layer):
    """A layer of a user's own, whose statistic is changed in place, as a whole and in part."""

    def forward(self, A):
        seen = self.statistic("seen", (A.shape[-1],), 0.0)
        if self.updating:
            seen += plain(A).mean(axis=0)
            seen[0] = 1.0
        return A * self.parameter("s", (A.shape[-1],), "ones")


def own_loss(A, Y):
    return ((A - Y) ** 2).mean()


NETWORKS = {
    "dense": (lambda: [cr.Standardize(), cr.Dense(5, "gelu"), cr.LayerNorm(), cr.Dense(2, "softmax")], X, {}),
    "dropout": (lambda: [cr.Dense(8, "silu"), cr.Dropout(0.3), cr.Dense(2, "softmax")], X, {"optimizer": "adamw"}),
    "weights": (
        lambda: [cr.Dense(2, "softmax")],
        X,
        {"class_weight": {0: 2.0}, "optimizer": cr.Adam(clip_norm=0.1), "batch_size": 20},  # the last one is smaller
    ),
    "convolution": (
        lambda: [cr.Conv2D(3, 2, bias=False), cr.BatchNorm(), cr.MaxPool(2), cr.Flatten(), cr.Dense(2, "softmax")],
        PICTURES,
        {},
    ),
    "lstm": (lambda: [cr.LSTM(4, last=True), cr.Dense(2, "softmax")], SEQUENCES, {}),
    "masked": (
        lambda: [
            cr.Masking(),
            cr.GRU(3, bidirectional=True),
            cr.BatchNorm(),
            cr.RNN(3, last=True),
            cr.Dense(2, "softmax"),
        ],
        SHORTER,
        {},
    ),
    "stateful": (lambda: [cr.LSTM(4, stateful=True, last=True), cr.Dense(2, "softmax")], SEQUENCES, {"shuffle": False}),
    "attention": (lambda: [cr.MultiHeadAttention(3), cr.GlobalAveragePool(), cr.Dense(2, "softmax")], SEQUENCES, {}),
    "own": (lambda: [Seen(), cr.Dense(1)], X, {"loss": own_loss}),
    "lbfgs": (lambda: [cr.Dense(4, "tanh"), cr.Dense(2, "softmax")], X, {"optimizer": "lbfgs"}),
}


@pytest.mark.parametrize("name", [pytest.param(n, marks=[pytest.mark.slow] * (n == "lstm")) for n in NETWORKS])
def test_whole_trainings_come_to_the_same(name):
    layers, data, options = NETWORKS[name]
    options = {"loss": "cross_entropy", "optimizer": "adam", "epochs": 2, "batch_size": 24} | options
    found = []
    for engine in ("numpy", "jax"):
        net = cr.Network(layers(), seed=1, dtype="float64")
        history = cr.train(net, data, y, engine=engine, seed=3, progress=False, hints=False, **options)
        found.append((net.state(), net.predict(data, engine=engine), history["loss"]))
    (state, output, costs), (other, other_output, other_costs) = found
    assert history.engine == "jax"
    assert state.keys() == other.keys()
    for part, numbers in state.items():
        np.testing.assert_allclose(other[part], numbers, **EXACT, err_msg=part)
    np.testing.assert_allclose(other_output, output, **EXACT)
    np.testing.assert_allclose(other_costs, costs, **EXACT)


def net_of(*layers, dtype="float32"):
    return cr.Network([*layers, cr.Dense(2, "softmax")], seed=1, dtype=dtype)


def trained(net, X=X, y=y, **options):
    how = {"loss": "cross_entropy", "epochs": 2, "batch_size": 16, "engine": "jax", "seed": 0, "progress": False}
    how["hints"] = False
    return cr.train(net, X, y, **how | options)


def test_float32_stays_float32_and_close():
    one, other = net_of(cr.Dense(5, "relu")), net_of(cr.Dense(5, "relu"))
    trained(one), trained(other, engine="numpy")
    assert one.predict(X, engine="jax").dtype == np.float32
    np.testing.assert_allclose(one.flat, other.flat, rtol=1e-4, atol=1e-5)


def test_a_stream_and_a_memory_map_are_trained_as_arrays_are(tmp_path):
    nets = [net_of() for _ in range(3)]
    np.save(tmp_path / "X.npy", X)
    trained(nets[0], shuffle=False)
    trained(nets[1], [(X[i : i + 16], y[i : i + 16]) for i in range(0, 48, 16)], None)
    trained(nets[2], np.load(tmp_path / "X.npy", mmap_mode="r"), shuffle=False)
    for net in nets[1:]:
        np.testing.assert_allclose(net.flat, nets[0].flat, rtol=1e-6)


def test_a_run_that_was_cut_has_the_same_bits_and_goes_on_with_another_engine(tmp_path):
    whole, cut = net_of(cr.Dropout(0.2)), net_of(cr.Dropout(0.2))
    trained(whole, epochs=4)
    trained(cut, epochs=2, checkpoint=tmp_path / "run")
    trained(cut, epochs=4, checkpoint=tmp_path / "run", resume=True)
    np.testing.assert_array_equal(cut.flat, whole.flat)
    history = trained(cut, epochs=5, checkpoint=tmp_path / "run", resume=True, engine="auto")
    assert history.engine != "jax"


def test_rates_of_parameters_and_a_falling_weight_decay_are_those_of_numpy():
    decay, rates = cr.schedules.Cosine(0.9, 2), {"W*": 0.5, "b1": 0}
    found = []
    for engine in ("numpy", "jax"):
        net = cr.Network([cr.Dense(4, "tanh"), cr.Dense(1)], seed=0, dtype="float64")
        X = np.random.default_rng(0).normal(size=(30, 3))
        optimizer = cr.AdamW(0.05, weight_decay=decay, rates=rates, clip_norm=0.1)
        options = {"epochs": 2, "batch_size": 8, "seed": 0, "progress": False, "engine": engine}
        cr.train(net, X, X.sum(axis=1), loss="squared_error", optimizer=optimizer, **options)
        found.append(net.flat)
    np.testing.assert_allclose(found[1], found[0], rtol=1e-9)


def test_a_cost_that_is_not_finite_names_its_batch_and_leaves_the_network_as_it_was():
    net = cr.Network([cr.Dense(1)], seed=1, input_shape=6)
    before, far = net.flat.copy(), X.copy()
    far[20] = 1e38
    with pytest.raises(cr.NotFiniteError, match="epoch 1, batch 2"):
        trained(net, far, y.astype(float), loss="squared_error", shuffle=False)
    np.testing.assert_array_equal(net.flat, before)


def test_wrong_labels_and_targets_are_refused_before_they_are_compiled():
    with pytest.raises(cr.DataError, match="labels are whole numbers from 0 to 1"):
        trained(net_of(), X, y + 1)

    def spoil(run):
        labels[:] = -1

    labels = y.copy()
    with pytest.raises(cr.DataError, match="labels are whole numbers from 0 to 1"):
        trained(net_of(), X, labels, callbacks=spoil)


class Asks(cr.Layer):
    def forward(self, A):
        return A * 2 if plain(A).max() > 0 else A


class Draws(cr.Layer):
    def forward(self, A):
        return A * np.random.rand()


@pytest.mark.parametrize(("layer", "words"), [(Asks, "numbers of the data"), (Draws, "draws random numbers")])
def test_what_cannot_be_compiled_is_named(layer, words):
    with pytest.raises(cr.OptionError, match=rf"the jax engine cannot compile .*{words}.*engine=\"numpy\""):
        trained(net_of(layer()))


def test_who_has_no_jax_is_told_what_to_install(monkeypatch):
    monkeypatch.setitem(sys.modules, "jax", None)
    with pytest.raises(cr.OptionError, match=r"pip install 'chainrule\[jax\]'"):
        trained(net_of())


def test_a_variable_of_jax_derives_by_the_same_operations():
    with jax.enable_x64(True):
        w = cr.variable(jax.numpy.asarray([1.0, -2.0]))
        J = (w**2).sum()
        J.backward()
        assert isinstance(J, Variable)
        np.testing.assert_allclose(w.grad, [2.0, -4.0])

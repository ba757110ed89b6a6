"""Whoever could look at numbers while a network is traced cannot: it runs on numpy with a reason, or natively alike."""

import copy
import datetime
import functools
import itertools
import math
import pickle
import random
import time

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import chainrule as cr
from chainrule import ops
from chainrule.engines import ENGINES
from chainrule.engines.native import prediction
from chainrule.graph import plain

pytestmark = pytest.mark.skipif("native" not in ENGINES, reason="the kernels were not built")

RANDOM = np.random.default_rng(0)
X = RANDOM.normal(size=(64, 4)).astype(np.float32)
X[7::10, 0] = 500
Y = RANDOM.normal(size=(64, 1)).astype(np.float32)
NAMES = itertools.count()


def of(forward):
    """A layer with that way forward."""
    return type(f"Looks{next(NAMES)}", (cr.Layer,), {"forward": lambda self, A: forward(A)})()


def without_history(A):
    return A.value if isinstance(A, cr.Variable) else A


def swallowed(A):
    try:
        return A * 2 if without_history(A).max() > 100 else A
    except Exception:
        return A


LOOKS = {
    "value": lambda A: ops.where(without_history(A) > 100, 1.0, A),
    "nonzero": lambda A: A * float(len((without_history(A) > 100).nonzero()[0]) + 1),
    "asarray": lambda A: A * (1.0 + (np.asarray(without_history(A)) > 100).any()),
    "argmax": lambda A: A * float(1 + without_history(A).argmax() % 3),
    "unique": lambda A: A * float(1 + len(np.unique(without_history(A) > 100))),
    "boolean key": lambda A: A * float(1 + without_history(A)[without_history(A) > 100].shape[0]),
    "tobytes": lambda A: A * (2.0 if without_history(A).tobytes()[:4] == b"0000" else 1.0),
    "array_equal": lambda A: A * (2.0 if np.array_equal(without_history(A), np.zeros(A.shape)) else 1.0),
    "a truth": lambda A: A * 2 if (A > 100).any() else A,
    "an if": lambda A: A * 2 if A.max() > 100 else A,
    "a comparison's nonzero": lambda A: A * float(1 + len((A > 100).nonzero()[0])),
    "a comparison as an array": lambda A: A * (1.0 + np.asarray(A > 100).any()),
    "a comparison counted": lambda A: A * float(1 + np.count_nonzero(A > 100)),
    "a comparison as bytes": lambda A: A * (1.0 + ((A > 100).tobytes()[:1] == b"\1")),
    "float": lambda A: A * (2 if float(plain(A.max())) > 100 else 1),
    "math": lambda A: A * (2 if math.exp(-plain(A.max())) < 0.1 else 1),
    "int": lambda A: A * [1.0, 2.0][int(without_history(A).max() > 100)],
    "item": lambda A: A * 2 if without_history(A).max().item() > 100 else A,
    "tolist": lambda A: A * 2 if max(without_history(A)[:, 0].tolist()) > 100 else A,
    "iteration": lambda A: A * 2 if any(a > 100 for a in without_history(A)[:, 0]) else A,
    "in": lambda A: A * 2 if 500 in without_history(A) else A,
    "min": lambda A: A * 2 if min(without_history(A)[:, 0]) < -100 else A,
    "sorted": lambda A: A * float(1 + (sorted(without_history(A)[:, 0])[-1] > 100)),
    "sum of Python": lambda A: A * float(1 + (sum(without_history(A)[:, 0]) > 100)),
    "linalg": lambda A: A / (1 + np.linalg.norm(without_history(A))),
    "percentile": lambda A: A / (1 + abs(np.percentile(without_history(A), 90))),
    "allclose": lambda A: A * (2.0 if np.allclose(without_history(A), 0) else 1.0),
    "isnan": lambda A: A * (2.0 if np.isnan(without_history(A)).any() else 1.0),
    "a text": lambda A: A * (2.0 if "500" in str(without_history(A)) else 1.0),
    "a format": lambda A: A * (2.0 if "5" in f"{plain(A.max()):.0f}" else 1.0),
    "a pickle": lambda A: A * (2.0 if b"500" in pickle.dumps(without_history(A)) else 1.0),
    "a copy": lambda A: A * (1.0 + (copy.copy(without_history(A)) > 100).any()),
    "a buffer": lambda A: A * (1.0 + (memoryview(np.ascontiguousarray(without_history(A))).nbytes > 0)),
    "a type": lambda A: A * (1.0 + isinstance(A, np.ndarray)),
    "a where of numpy": lambda A: A * (1.0 + np.where(without_history(A) > 100, 1.0, 0.0).max()),
    "a ufunc that is no operation": lambda A: A * float(np.log1p(abs(without_history(A))).max() > 3),
    "an operator that is no operation": lambda A: A * (1.0 + (without_history(A) // 100).max()),
    "the negation of a mask": lambda A: A * (1.0 + 0 * (~(A > 100)).sum()),
    "two masks": lambda A: ops.where((A > 100) & (A > 0), 1.0, A),
    "astype": lambda A: A * (without_history(A) > 100).astype(int).sum(axis=1, keepdims=True),
    "std": lambda A: A / (1 + without_history(A).std()),
    "argsort": lambda A: A[:, np.argsort(without_history(A).sum(axis=0))],
    "a swallowed error": swallowed,
    "written into": lambda A: A * (lambda B: B.__setitem__(0, 0.0) or (B.max() > 100))(np.array(without_history(A))),
    "the mean of all": lambda A: A - float(np.mean(without_history(A))),
    "plain choice": lambda A: ops.where(A > 100, 1.0, A),
    "a count of a mask": lambda A: A * (A > 0.5).sum(axis=1, keepdims=True),
    "a key": lambda A: A[:, [1, 0, 2, 3]],
    "shape": lambda A: A * float(A.shape[1]),
    "len": lambda A: A / len(A),
}
"""Ways to look at A: (m, 4), or to seem to."""

NATIVE = {"plain choice", "a count of a mask", "a key", "shape"}
"""Those that look at nothing."""

ELSEWHERE = {"len", "a type"}
"""Those that shapes and types tell of."""


def trained(layers, engine, loss="squared_error", **options):
    net = cr.Network(layers(), seed=1, dtype="float64", input_shape=4)
    how = {"epochs": 2, "batch_size": 16, "optimizer": cr.GradientDescent(1e-7), "seed": 0, "progress": False}
    return net, cr.train(net, X, Y, loss=loss, engine=engine, **how | options)


def assert_alike(layers, loss="squared_error", **options):
    """Whichever engine is asked: training, evaluation, and prediction of one row and of many; returns the history."""
    (expected, _), (net, history) = (trained(layers, engine, loss, **options) for engine in ("numpy", "auto"))
    np.testing.assert_allclose(net.flat, expected.flat, rtol=1e-6, atol=1e-9)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(prediction, "FEW_OF_OWN", 0)
        for some in (X[7:8], X, np.tile(X, (5, 1))):
            np.testing.assert_allclose(net.predict(some), net.predict(some, engine="numpy"), rtol=1e-6, atol=1e-9)
    costs = [cr.evaluate(net, X, Y, loss=loss, engine=engine)["loss"] for engine in ("numpy", "auto")]
    assert costs[0] == pytest.approx(costs[1], rel=1e-6)
    return history


PLACES = {
    "a first layer": lambda look: lambda: [of(look), cr.Dense(4), cr.Dense(1)],
    "a layer behind another": lambda look: lambda: [cr.Dense(4), of(look), cr.Dense(1)],
    "an activation": lambda look: lambda: [cr.Dense(4, look), cr.Dense(1)],
}


@pytest.mark.parametrize("name", LOOKS)
@pytest.mark.parametrize("place", PLACES)
def test_a_look_runs_on_numpy_with_the_line_or_natively_alike(place, name):
    history = assert_alike(PLACES[place](LOOKS[name]))
    if name in NATIVE:
        assert history.engine == "native" or "of plain arrays of type int64" in history.reason
    elif name not in ELSEWHERE:
        assert history.engine == "numpy"
        assert "test_closed.py, line" in history.reason, history.reason


LOSSES = {
    "value": lambda A, Y: ((A - Y) ** 2).mean() * (2 if A.value.max() > 0.5 else 1),
    "an if": lambda A, Y: 3 * ops.squared_error(A, Y) if ops.squared_error(A, Y) < 0.5 else ops.squared_error(A, Y),
    "the targets": lambda A, Y: ((A - Y) ** 2).mean() * (2 if Y.max() > 0.5 else 1),
    "the targets as an array": lambda A, Y: ((A - Y) ** 2).mean() * (2 if np.asarray(Y)[0, 0] > 0 else 1),
    "the targets' type": lambda A, Y: ((A - Y) ** 2).mean() * (2 if isinstance(Y, np.ndarray) else 1),
    "a backward": lambda A, Y: (lambda J: J.backward() or J * (1 + abs(A.grad).max()))(ops.squared_error(A, Y)),
    "the targets' mean": lambda A, Y: ((A - Y) ** 2).mean() + 0 * A.sum() * float(np.mean(Y)),
    "a mask of the targets": lambda A, Y: (ops.where(Y > 0, A - Y, 2 * (A - Y)) ** 2).mean(),
    "a part of the targets": lambda A, Y: ((A - Y[:, :1]) ** 2).mean(),
}


@pytest.mark.parametrize("name", LOSSES)
def test_a_look_in_a_loss(name):
    history = assert_alike(lambda: [cr.Dense(4, "tanh"), cr.Dense(1)], LOSSES[name])
    if history.engine == "numpy":
        assert "the loss <lambda>" in history.reason
    assert (history.engine == "native") == (name in ("a part of the targets",))


def test_metrics_and_initializers_see_the_same_numbers_whichever_engine_runs():
    seen = {}

    def largest(y, output):
        return float(np.max(output) if output.max() > 0 else output.argmax())

    class Looking(cr.initializers.Initializer):
        def __call__(self, shape, random):
            start = random.normal(size=shape)
            return start * 2 if start.max() > 1 else start

    for engine in ("numpy", "native"):
        _, history = trained(lambda: [cr.Dense(4, initializer=Looking()), cr.Dense(1)], engine, metrics=[largest])
        seen[engine] = [epoch["largest"] for epoch in history.epochs]
    np.testing.assert_allclose(seen["numpy"], seen["native"], rtol=1e-6)


class Cap(cr.Layer):
    def forward(self, A):
        v = A.value if isinstance(A, cr.Variable) else A
        return cr.ops.where(v > 100, 1.0, A)


def test_a_layer_that_caps_outliers_gives_each_row_its_own_answer():
    X = np.random.default_rng(0).normal(size=(512, 4)).astype("float32")
    X[7::50, 0] = 500
    for layers in ([Cap(), cr.Dense(8, "tanh"), cr.Dense(1)], [cr.Dense(4), Cap(), cr.Dense(1)]):
        net = cr.Network(layers, seed=1, input_shape=4)
        np.testing.assert_allclose(net.predict(X[7:8])[0], net.predict(X[:257])[7], rtol=1e-5)
        history = cr.train(net, X, X[:, :1], loss="squared_error", epochs=1, seed=0, progress=False)
        assert history.engine == "numpy"
        assert "Cap()" in history.reason
        assert "which asks for" in history.reason
        assert "in test_closed.py, line" in history.reason
        assert "A.value if isinstance(A, cr.Variable) else A" in history.reason


# Parameters and statistics by another way than their variables

NETS = []


class ReadsItsParameters(cr.Layer):
    def forward(self, A):
        W = self.parameter("W", (4, 4), "xavier")
        return A @ W / (1 + np.linalg.norm(self.held["W"]))


class ReadsAllParameters(cr.Layer):
    def forward(self, A):
        return A * (1.0 + np.abs(NETS[-1].flat).max()) if NETS else A


class ReadsAView(cr.Layer):
    def forward(self, A):
        return A * (1.0 + np.abs(NETS[-1][0]).max()) if NETS else A


class ReadsItsStatistic(cr.Layer):
    def forward(self, A):
        scale = self.statistic("scale", (4,), 1.0)
        if self.updating:
            scale[...] = 0.9 * scale + 0.1
        return A * scale


def test_a_penalty_on_plain_parameters_is_the_penalty_of_each_batch():
    costs = []
    for engine in ("numpy", "auto"):
        net = cr.Network([cr.Dense(1)], seed=1, dtype="float64", input_shape=4)

        def loss(A, Y, net=net):
            return ops.squared_error(A, Y) + 0 * A.sum() + float(np.abs(net.parameters["W1"]).sum())

        history = cr.train(net, X, Y, loss=loss, epochs=3, batch_size=16, seed=0, engine=engine, progress=False)
        costs.append(history["loss"])
    np.testing.assert_allclose(*costs, rtol=1e-9)
    assert "asks for the parameters that a layer holds" in history.reason


@pytest.mark.parametrize("kind", [ReadsItsParameters, ReadsAllParameters, ReadsAView, ReadsItsStatistic])
def test_what_training_changes_is_no_constant(kind):
    found = []
    for engine in ("numpy", "auto"):
        NETS.clear()
        net = cr.Network([cr.Dense(4), kind(), cr.Dense(1)], seed=1, dtype="float64", input_shape=4)
        NETS.append([net.parameters["W1"]] if kind is ReadsAView else net)
        how = {"epochs": 3, "batch_size": 16, "optimizer": cr.Adam(0.05), "seed": 0, "progress": False}
        history = cr.train(net, X / 500, Y, loss="squared_error", engine=engine, **how)
        found.append(net.flat)
    np.testing.assert_allclose(*found, rtol=1e-6)
    assert history.engine == "numpy"
    assert history.reason


# What does something else at the next call

COUNTER = {"calls": 0}
GENERATOR = np.random.default_rng(5)


def counted(A):
    COUNTER["calls"] += 1
    return A * 2 if COUNTER["calls"] > 10**6 else A


class Calls(cr.Layer):
    calls = 0

    def forward(self, A):
        Calls.calls += 1
        return A * 2 if Calls.calls > 10**6 else A


IMPURE = {
    "NumPy's generator, seldom": (lambda: of(lambda A: A * 2 if np.random.random() < 1e-9 else A), "draws random"),
    "Python's generator, seldom": (lambda: of(lambda A: A * 2 if random.random() < 1e-9 else A), "draws random"),
    "a generator of the operating system": (
        lambda: of(lambda A: A * 2 if np.random.default_rng().random() < 1e-9 else A),
        "draws random",
    ),
    "a generator of its own": (
        lambda: of(lambda A: A * 2 if GENERATOR.random() < 1e-9 else A),
        "changes its GENERATOR",
    ),
    "the clock": (lambda: of(lambda A: A * 2 if time.time() < 0 else A), "reads the clock"),
    "the date": (lambda: of(lambda A: A * 2 if datetime.datetime.now().year < 2000 else A), "reads the clock"),
    "a file": (lambda: of(lambda A: A * 2 if open(__file__).closed else A), "reads a file"),  # noqa: SIM115
    "a counter in a dict": (lambda: of(counted), "changes its COUNTER"),
    "a counter of the class": (Calls, "changes its calls"),
    "an iterator": (lambda: of(lambda A: A * 2 if next(NAMES) < 0 else A), "the iterator NAMES"),
}


@pytest.mark.filterwarnings("ignore:unclosed file")
@pytest.mark.parametrize("name", IMPURE)
def test_what_may_do_something_else_at_its_next_call_is_left_to_numpy(name):
    make, words = IMPURE[name]
    _, history = trained(lambda: [cr.Dense(4), make(), cr.Dense(1)], "auto")
    assert history.engine == "numpy"
    assert words in history.reason


@pytest.mark.parametrize("few", [5, 12, 40, 300])
def test_what_depends_on_the_number_of_examples_follows_it(few):
    """Batches of 16 and 64 examples, predictions of 1, 64 and 320."""

    def depends(A):
        return A * 2 if len(A) > few else A

    for size in (16, 20, 64):
        assert_alike(lambda: [cr.Dense(4), of(depends), cr.Dense(1)], batch_size=size)


def test_types_are_those_that_training_has():
    """A first layer meets plain arrays, one behind parameters variables, whichever engine runs."""

    def by_name(A):
        return A * 2 if hasattr(A, "value") else A

    assert assert_alike(lambda: [of(by_name), cr.Dense(4), cr.Dense(1)]).engine == "native"
    assert_alike(lambda: [of(by_name), cr.Dense(4), of(by_name), cr.Dense(1)])


# Whatever else could come to other numbers natively


class OwnBatchNorm(cr.BatchNorm):
    pass


class OwnRNN(cr.RNN):
    pass


class Twice(cr.Layer):
    """The same layers for two parts of each example."""

    def __init__(self, inside):
        self.inside = inside

    def forward(self, A):
        return ops.concatenate(self.inside(A[:, :2]), self.inside(3 + 5 * A[:, 2:]), axis=1)


class Applied(cr.Layer):
    def __init__(self, function):
        self.function = function

    def forward(self, A):
        return self.function(A)


class Doubling:
    """Something else from its thirtieth call on."""

    calls = 0

    def __call__(self, A):
        self.calls += 1
        return A * 2 if self.calls > 30 else A


def counting(A, calls=[0], factor=2.0):  # noqa: B006
    calls[0] += 1
    return A * factor if calls[0] > 30 else A


def reversed_gradient(A):
    if hasattr(A, "derivatives"):
        A = ops.identity(A)
        A.derivatives = lambda dZ: (-dZ,)
    return A


SIXTEEN_BITS = np.float64(0.1)

OTHERS = {
    "a subclass of a layer with statistics": lambda: OwnBatchNorm(),
    "layers with statistics, called twice": lambda: Twice(cr.Network([cr.Dense(2), cr.BatchNorm()])),
    "an option that is the number of examples": lambda: of(lambda A: ops.leaky_relu(A, slope=len(A) / 100)),
    "a whole option that is the number of examples": lambda: of(lambda A: ops.leaky_relu(A, slope=len(A))),
    "as many columns as examples": lambda: of(lambda A: A * A[:, : len(A)].sum(axis=1, keepdims=True)),
    "the first rows again": lambda: of(lambda A: A + A[np.minimum(np.arange(len(A)), 2)]),
    "one mask for ever": lambda: of(lambda A: ops.dropout(A, rate=0.5, key=(0, 1))),
    "a function that counts": lambda: Applied(Doubling()),
    "a default that counts": lambda: Applied(counting),
    "type()": lambda: of(lambda A: A * (2 if type(A) is np.ndarray else 1)),
    "derivatives by hand": lambda: of(reversed_gradient),
    "half precision": lambda: of(lambda A: A * A[:, :1].astype(np.float16) if isinstance(A, np.ndarray) else A),
    "a threshold of NumPy's": lambda: of(lambda A: A * (A > SIXTEEN_BITS)),
    "while updating": lambda: of(lambda A: A * 2),
}


@pytest.mark.parametrize("optimizer", [cr.GradientDescent(1e-4), cr.LBFGS()], ids=["descent", "lbfgs"])
@pytest.mark.parametrize("first", [True, False], ids=["first", "behind"])
@pytest.mark.parametrize("name", OTHERS)
def test_the_engines_agree_on_what_own_layers_remember_and_options_say(name, first, optimizer):
    data, found = RANDOM.normal(size=(320, 4)).astype(np.float32), []
    for engine in ("numpy", "auto"):
        Doubling.calls, counting.__defaults__[0][0] = 0, 0
        layers = [OTHERS[name](), cr.Dense(1)] if first else [cr.Dense(4, "tanh"), OTHERS[name](), cr.Dense(1)]
        net = cr.Network(layers, seed=1, input_shape=4)
        how = {"epochs": 3, "batch_size": 16, "optimizer": optimizer, "seed": 0, "progress": False}
        cr.train(net, data, data[:, :1], loss="squared_error", engine=engine, **how)
        found.append(net.state() | {"predicted": net.predict(data, engine=engine)})
    for key, numbers in found[0].items():
        np.testing.assert_allclose(found[1][key], numbers, rtol=2e-3, atol=2e-4, err_msg=key)


def test_a_subclass_of_a_recurrence_carries_its_state():
    sequences, found = RANDOM.normal(size=(32, 5, 3)), []
    for engine in ("numpy", "auto"):
        net = cr.Network([OwnRNN(4, last=True, stateful=True), cr.Dense(1)], seed=1, dtype="float64")
        how = {"epochs": 2, "batch_size": 8, "shuffle": False, "seed": 0, "progress": False}
        cr.train(net, sequences, sequences[:, 0, :1], loss="squared_error", engine=engine, **how)
        found.append(net.flat)
    np.testing.assert_allclose(*found, rtol=1e-6)


def test_a_default_that_is_written_out_is_a_default():
    softmax, found = functools.partial(ops.softmax, axis=-1), []
    for engine in ("numpy", "native"):
        net = cr.Network([cr.Dense(3, softmax)], seed=0, input_shape=4)
        history = cr.train(
            net, X, np.arange(64) % 3, loss="cross_entropy", epochs=2, seed=0, engine=engine, progress=False
        )
        found.append(history["loss"])
    np.testing.assert_allclose(*found, rtol=1e-4)


@pytest.mark.parametrize(
    ("loss", "y", "words"),
    [
        (lambda A, Y: 2 * ops.cross_entropy(A, Y), np.arange(64) % 3, "takes probabilities"),
        (lambda A, Y: ops.cross_entropy(ops.softmax(A), Y) * 2, np.arange(64) % 4, "from 0 to 2"),
    ],
)
def test_what_a_librarys_loss_refuses_is_refused_inside_an_own_one(loss, y, words):
    with pytest.raises(cr.DataError, match=words):
        cr.train(cr.Network([cr.Dense(3)], seed=0), X, y, loss=loss, epochs=2, seed=0, progress=False)


def test_a_network_inside_that_is_no_part_of_this_one_is_left_to_numpy():
    inside = cr.Network([cr.Dense(4, "tanh")], seed=0, input_shape=4)
    net = cr.Network([of(lambda A: A + 0 * inside(A).sum()), cr.Dense(1)], seed=1, input_shape=4)
    assert net.predict(np.tile(X, (5, 1))).shape == (320, 1)


CACHE = {}


def cached(A):
    if A.shape not in CACHE:
        CACHE[A.shape] = A > 1e9
    return A


def test_the_trace_leaves_what_code_can_reach_as_it_was():
    found = []
    for engine in ("numpy", "auto"):
        CACHE.clear()
        COUNTER["calls"] = 0
        np.random.seed(0)
        noisy = of(lambda A: A + 1e-3 * np.random.normal(size=A.shape) + 0 * COUNTER.setdefault("seen", 0))
        layers = [cr.Dense(4, "tanh"), of(counted), of(cached), noisy, cr.Dense(1)]
        net = cr.Network(layers, seed=1, dtype="float64", input_shape=4)
        np.random.seed(0)
        cr.train(net, X / 500, Y, loss="squared_error", epochs=2, batch_size=16, seed=0, engine=engine, progress=False)
        found.append((net.flat, np.random.random(), COUNTER["calls"]))
    np.testing.assert_array_equal(found[0][0], found[1][0])
    assert found[0][1:] == found[1][1:]


# Made-up layers

UNARY = [
    ops.tanh,
    ops.sigmoid,
    ops.relu,
    abs,
    lambda A: A * 0.5,
    lambda A: A - 0.25,
    lambda A: A.max(axis=1, keepdims=True) + 0 * A,
]
BINARY = [ops.maximum, ops.minimum, lambda A, B: A + B, lambda A, B: A * B * 0.1, lambda A, B: A - 0.5 * B]
COMPARISONS = [lambda A, B: A > B, lambda A, B: A <= B, lambda A, B: A == B, lambda A, B: A != B, lambda A, B: A < 1]


@st.composite
def forwards(draw):
    """A way forward made of a few operations, comparisons and choices."""
    steps = draw(
        st.lists(
            st.tuples(st.integers(0, 2), st.integers(0, 9), st.integers(0, 9), st.integers(0, 9)),
            min_size=1,
            max_size=5,
        )
    )

    def forward(A):
        made = [A]
        for kind, which, i, j in steps:
            P, Q = made[i % len(made)], made[j % len(made)]
            if kind == 0:
                made.append(UNARY[which % len(UNARY)](P))
            elif kind == 1:
                made.append(BINARY[which % len(BINARY)](P, Q))
            else:
                made.append(ops.where(COMPARISONS[which % len(COMPARISONS)](P, Q), P, Q * 0.5))
        return made[-1]

    return forward


TIES = np.array([-500.0, -1, -0.25, 0, 0.25, 0.5, 1, 1, 500])


@settings(max_examples=60, deadline=None, derandomize=True)
@given(forwards(), st.booleans(), st.integers(0, 2**16))
def test_made_up_layers_give_the_same_by_both_engines(forward, first, seed):
    random = np.random.default_rng(seed)
    data = (
        random.choice(TIES, size=(24, 4)) if seed % 2 else random.normal(size=(24, 4)) * random.choice([1, 30], (24, 1))
    )
    data[3] = data[4] = 0.5
    layers = (
        [of(forward), cr.Dense(3), cr.Dense(1)]
        if first
        else [cr.Activation("identity"), cr.Dense(4), of(forward), cr.Dense(1)]
    )
    net = cr.Network(layers, seed=0, dtype="float64", input_shape=4)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(prediction, "FEW_OF_OWN", 0)
        found = [net.predict(data, engine=engine) for engine in ("numpy", "auto")]
    np.testing.assert_allclose(*found, rtol=1e-6, atol=1e-9)
    ends = []
    for engine in ("numpy", "auto"):
        twin = net.copy()
        how = {"epochs": 1, "batch_size": 8, "optimizer": cr.GradientDescent(1e-8), "seed": 0, "progress": False}
        cr.train(twin, data, data[:, :1], loss="squared_error", engine=engine, **how)
        ends.append(twin.flat)
    np.testing.assert_allclose(*ends, rtol=1e-6, atol=1e-9)

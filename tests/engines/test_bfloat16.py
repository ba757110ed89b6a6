"""Products of operands rounded to bfloat16: NumPy's are the formulas, and every unit of the kernels does the same."""

import itertools
import platform
import subprocess
import sys

import numpy as np
import pytest
from ml_dtypes import bfloat16

import chainrule as cr
from chainrule import engines
from chainrule.data.batches import ArrayBatches
from chainrule.engines.bfloat16 import PRODUCTS, RoundedProducts, rounded, rounding
from chainrule.engines.native import NativeEngine, executor, kernels, training, units
from chainrule.engines.numpy import NumpyEngine
from chainrule.training.cost import Cost
from engines.both import steady

KERNELS = kernels()
UNITS = [] if KERNELS is None else KERNELS.units()
NATIVE = pytest.mark.skipif(KERNELS is None, reason="the kernels were not built")
HERE = pytest.mark.skipif(KERNELS is None or not units(KERNELS), reason="no instruction multiplies numbers of bfloat16")
OTHERWISE = pytest.mark.skipif(KERNELS is not None and bool(units(KERNELS)), reason="there is such an instruction")

NETWORKS = {
    "linear": ((50,), lambda: [cr.Dense(40, "relu"), cr.Dense(33, "tanh"), cr.Dense(5, "softmax")]),
    "outputs divided among the threads": ((70,), lambda: [cr.Dense(300, "relu"), cr.Dense(5, "softmax")]),
    "one output": ((13,), lambda: [cr.Dense(40, "silu"), cr.Dense(1, "sigmoid")]),
    "deeper than a block": ((1100,), lambda: [cr.Dense(17, "tanh"), cr.Dense(5, "softmax")]),
    "of every step": ((7, 9), lambda: [cr.Dense(20, "tanh"), cr.Flatten(), cr.Dense(5, "softmax")]),
    "convolutions": (
        (12, 11, 1),
        lambda: [
            cr.Conv2D(6, 5, "relu", padding="same"),
            cr.MaxPool(2),
            cr.Conv2D(20, 3, "relu"),
            cr.Flatten(),
            cr.Dense(5, "softmax"),
        ],
    ),
    "convolutions whose way back is one": (
        (9, 8, 4),
        lambda: [
            cr.Conv2D(16, 1, "tanh"),
            cr.Conv2D(16, 3, "relu", padding="same"),
            cr.Conv2D(20, (2, 3), "relu", padding=((1, 0), (1, 1))),
            cr.Flatten(),
            cr.Dense(5, "softmax"),
        ],
    ),
    "strides, dilation and groups": (
        (13, 11, 4),
        lambda: [
            cr.Conv2D(8, 3, "relu", groups=2, stride=2),
            cr.Conv2D(8, 3, "relu", dilation=2, padding="same"),
            cr.Flatten(),
            cr.Dense(5, "softmax"),
        ],
    ),
    "transposed convolution": (
        (5, 6, 3),
        lambda: [cr.ConvTranspose2D(6, 3, "relu", stride=2), cr.Flatten(), cr.Dense(5, "softmax")],
    ),
    "rnn": ((7, 9), lambda: [cr.RNN(20, bidirectional=True), cr.RNN(7, last=True), cr.Dense(5, "softmax")]),
    "gru": ((7, 9), lambda: [cr.GRU(20, last=True), cr.Dense(5, "softmax")]),
    "lstm": ((7, 9), lambda: [cr.LSTM(20, last=True), cr.Dense(5, "softmax")]),
    "attention": ((7, 9), lambda: [cr.MultiHeadAttention(2, 16), cr.Flatten(), cr.Dense(5, "softmax")]),
    "bins": (
        (4,),
        lambda: [cr.PiecewiseLinear(bins=8), cr.Dense(20, "silu"), cr.Dense(5, "softmax")],
    ),
}


def problem(name, m):
    """A network, its cost, and m examples that it takes."""
    shape, layers = NETWORKS[name]
    random = np.random.default_rng(m)
    X = random.normal(size=(m, *shape)).astype(np.float32)
    net = cr.Network(layers(), seed=0)
    for _, layer in net.family():
        if isinstance(layer, cr.PiecewiseLinear):
            layer.learn([X])
    net.build_for(X)
    labels = 2 if name == "one output" else 5
    cost = Cost("binary_cross_entropy" if labels == 2 else "cross_entropy")
    y = random.integers(0, labels, m)
    Y = y[:, None].astype(np.float32) if labels == 2 else y
    cost.fit(net, X, Y)
    return net, cost, X, Y


def assert_near(found, expected, part):
    """Apart by at most that part of the largest number: a sum in another order may round to the neighbour."""
    np.testing.assert_allclose(found, expected, rtol=0, atol=part * np.abs(expected).max())


def test_rounding_is_to_nearest_and_ties_to_even():
    random = np.random.default_rng(0)
    numbers = (random.normal(size=5000) * 10.0 ** random.integers(-30, 30, 5000)).astype(np.float32)
    ties = np.float32([1 + 2**-8, 1 + 3 * 2**-8, -1 - 2**-8, 0, -0.0, np.inf, -np.inf, 3.4e38, 2**-126])
    for A in (numbers, ties, numbers.reshape(50, 100).T):
        np.testing.assert_array_equal(rounded(A), A.astype(bfloat16).astype(np.float32))
    assert np.isnan(rounded(np.array([0x7FFFFFFF], np.uint32).view(np.float32))).all()
    assert not rounded(np.float32([1e-39, -1e-45])).any()


@NATIVE
def test_what_has_no_whole_mantissa_is_0_for_every_unit():
    net = cr.Network([cr.Dense(5)], seed=0, input_shape=32)
    net.flat[...] = 1e19
    net.parameters["b1"][...] = 0
    for engine in (NumpyEngine(rounds=True), *(NativeEngine(KERNELS, unit) for unit in UNITS)):
        assert not engine.predict(net, np.full((4, 32), 1e-39, np.float32)).any()


def test_who_makes_batches_meets_no_rounding_but_its_own():
    X, y = np.random.default_rng(0).normal(size=(8, 3)).astype(np.float32), np.arange(8) % 3
    net, other = (cr.Network([cr.Dense(3, "softmax")], seed=seed, input_shape=3) for seed in (0, 1))
    exact, met = other.predict(X, engine="numpy"), []

    def batches():
        for _ in range(3):
            met.append(other.predict(X, engine="numpy"))
            yield X, y

    options = {"loss": "cross_entropy", "epochs": 1, "engine": "numpy", "seed": 0, "progress": False}
    cr.train(net, batches, precision="bfloat16", validation=batches, **options)
    assert len(met) > 6
    for answers in met:
        np.testing.assert_array_equal(answers, exact)


def test_numpys_products_are_those_of_rounded_operands_both_ways():
    random = np.random.default_rng(0)
    A, W, b, dZ = (random.normal(size=shape).astype(np.float32) for shape in ((9, 7), (4, 7), (4,), (9, 4)))
    with rounding():
        Z, backward = cr.ops.linear.differentiate(A, W, b)
        dA, dW, db = backward(dZ)
    np.testing.assert_allclose(Z, rounded(A) @ rounded(W).T + b, rtol=1e-6)
    np.testing.assert_allclose(dA(), rounded(dZ) @ rounded(W), rtol=1e-6)
    np.testing.assert_allclose(dW(), rounded(dZ).T @ rounded(A), rtol=1e-6)
    np.testing.assert_array_equal(db, dZ.sum(axis=0))
    assert not any(isinstance(one, RoundedProducts) for one in (Z, dA(), dW(), db))
    assert not np.array_equal(Z, A @ W.T + b)


def test_every_operation_that_multiplies_matrices_is_among_them():
    from inspect import getsource

    from chainrule.graph import OPERATIONS

    multiplying = {name for name, one in OPERATIONS.items() if " @ " in getsource(one.function)}
    assert multiplying <= set(PRODUCTS) <= OPERATIONS.keys()


@NATIVE
@pytest.mark.parametrize("unit", UNITS)
@pytest.mark.parametrize("name", NETWORKS)
@pytest.mark.parametrize("m", [37, 8])
def test_the_cost_its_derivatives_and_the_outputs_are_numpys(name, m, unit):
    net, cost, X, Y = problem(name, m)
    plain, reference, native = NumpyEngine(), NumpyEngine(rounds=True), NativeEngine(KERNELS, unit)
    J, gradient, A = reference.slope(net, cost, (X, Y, None), 0).measure()
    found = native.slope(net, cost, (X, Y, None), 0).measure()
    assert found[0] == pytest.approx(J, rel=1e-4)
    assert_near(found[1], gradient, 1e-3)
    assert_near(found[2], A, 1e-3)
    assert_near(native.predict(net, X), A, 1e-3)
    assert native.evaluate(net, cost, [(X, Y, None)])[0] == pytest.approx(J, rel=1e-4)
    unrounded = plain.slope(net, cost, (X, Y, None), 0).measure()[1]
    assert np.abs(unrounded - gradient).max() > 10 * np.abs(found[1] - gradient).max()


def trainings():
    """Who multiplies, networks and numbers of threads; by day each two of these meet."""
    names = ("linear", "outputs divided among the threads", "of every step", "convolutions", "lstm")
    for (i, name), (j, threads), (k, unit) in itertools.product(*map(enumerate, (names, (1, 2, 3, 5), UNITS))):
        by_day = (i + j) % len(UNITS) == k
        yield pytest.param(name, threads, unit, marks=[] if by_day else [pytest.mark.slow])


@NATIVE
@pytest.mark.parametrize(("name", "threads", "unit"), [*trainings()])
def test_updates_follow_numpys(name, threads, unit, monkeypatch):
    monkeypatch.setattr(executor, "WORK", 1)  # so that each of them has a part of the 31 examples, and most an odd one
    teams = set()
    monkeypatch.setattr(executor, "members", lambda size, plan: teams.add(threads) or threads)
    monkeypatch.setattr(training, "members", executor.members)

    def trained(engine):
        net, cost, X, Y = problem(name, 75)
        batches = ArrayBatches(X, Y, None, batch_size=31, seed=3)
        program = engine.program(net, cost, cr.GradientDescent(0.05, momentum=0.9), 0)
        with engines.held_to(threads):
            for epoch in range(2):
                for _ in program.epoch(batches, epoch, steady(0.05)):
                    pass
        return net.flat, program

    expected, _ = trained(NumpyEngine(rounds=True))
    found, program = trained(NativeEngine(KERNELS, unit))
    assert program.precision == "bfloat16"
    assert teams == {threads}
    start = problem(name, 75)[0].flat
    assert_near(found - start, expected - start, 0.02)
    np.testing.assert_array_equal(found, trained(NativeEngine(KERNELS, unit))[0])


@NATIVE
def test_batches_of_other_sizes_leave_nothing_behind():
    def slope(net, cost, X, Y):
        return NativeEngine(KERNELS, UNITS[0]).slope(net, cost, (X, Y, None), 0).measure()[1]

    net, cost, X, Y = problem("linear", 75)
    program = NativeEngine(KERNELS, UNITS[0]).program(net, cost, cr.GradientDescent(1.0), 0)
    for size in (75, 74, 33):
        start, gradient = net.flat.copy(), slope(net, cost, X[:size], Y[:size])
        batches = ArrayBatches(X[:size], Y[:size], None, batch_size=size)
        list(program.epoch(batches, 0, steady(1.0)))
        assert_near(start - net.flat, gradient, 1e-4)
        net.flat[...] = start


@NATIVE
def test_what_is_not_finite_stays_so():
    net, _, X, _ = problem("linear", 8)
    net.parameters["W1"][3, 4] = np.nan
    for unit in UNITS:
        assert np.isnan(NativeEngine(KERNELS, unit).predict(net, X)).all()


@HERE
def test_the_precision_that_ran_is_told(tmp_path):
    X, y = np.random.default_rng(0).normal(size=(200, 30)), np.arange(200) % 3
    told = {}
    for precision, width in (("float32", 20), ("bfloat16", 20), ("auto", 20), ("auto", 2400)):
        net = cr.Network([cr.Dense(width, "relu"), cr.Dense(3, "softmax")], seed=0)
        history = cr.train(net, X, y, loss="cross_entropy", epochs=2, precision=precision, seed=0, progress=False)
        told[precision, width] = history.precision
    assert list(told.values()) == ["float32", "bfloat16", "float32", "bfloat16"]
    assert "bfloat16" in repr(history)
    assert cr.evaluate(net, X, y, loss="cross_entropy", precision="bfloat16")["loss"] == pytest.approx(
        cr.evaluate(net, X, y, loss="cross_entropy")["loss"], rel=0.02
    )
    assert not np.array_equal(net.predict(X, precision="bfloat16"), net.predict(X))


@HERE
def test_a_resumed_run_has_the_same_bits(tmp_path):
    X, y = np.random.default_rng(0).normal(size=(200, 30)), np.arange(200) % 3

    def trained(epochs, **options):
        net = cr.Network([cr.Dense(20, "relu"), cr.Dense(3, "softmax")], seed=0)
        history = cr.train(
            net, X, y, loss="cross_entropy", epochs=epochs, precision="bfloat16", seed=0, progress=False, **options
        )
        return net.flat, history

    trained(2, checkpoint=tmp_path / "c")
    resumed, history = trained(5, checkpoint=tmp_path / "c", resume=True)
    np.testing.assert_array_equal(resumed, trained(5)[0])
    assert history.precision == "bfloat16"


@pytest.mark.parametrize(("before", "after"), [("float32", "bfloat16"), ("bfloat16", "float32")])
def test_a_checkpoint_of_another_precision_is_not_gone_on_from(tmp_path, before, after):
    def trained(precision, **options):
        net = cr.Network([cr.Dense(3, "softmax")], seed=0)
        given = {"loss": "cross_entropy", "engine": "numpy", "seed": 0, "progress": False} | options
        return cr.train(net, np.eye(6), np.arange(6) % 3, precision=precision, checkpoint=tmp_path / "c", **given)

    trained(before, epochs=1)
    with pytest.raises(cr.OptionError, match=f"had the precision {before}, this one has {after}"):
        trained(after, epochs=2, resume=True)
    assert len(trained(before, epochs=2, resume=True).epochs) == 2


@HERE
@pytest.mark.parametrize("precision", ["auto", "bfloat16"])
@pytest.mark.parametrize("where", [{"device": "gpu"}, {"device": "nonsense"}, {"devices": 2000}])
def test_where_is_not_forgotten_over_how_exactly(precision, where):
    net = cr.Network([cr.Dense(3, "softmax")], seed=0)
    with pytest.raises(cr.OptionError):
        cr.train(net, np.eye(6), np.arange(6) % 3, loss="cross_entropy", precision=precision, progress=False, **where)


def test_who_only_looks_asks_the_system_for_nothing():
    code = (
        "import ctypes, numpy as np, chainrule as cr\n"
        "cr.Network([cr.Dense(3)], seed=0).predict(np.eye(6))\n"
        "held = ctypes.c_ulong()\n"
        "failed = ctypes.CDLL(None).syscall(158, 0x1022, ctypes.byref(held))\n"  # arch_prctl, ARCH_GET_XCOMP_PERM
        "assert failed or not held.value >> 18 & 1"
    )
    if not (sys.platform == "linux" and platform.machine() == "x86_64"):
        pytest.skip("such registers are asked for on Linux alone")
    subprocess.run([sys.executable, "-c", code], check=True)


@HERE
@pytest.mark.parametrize(
    ("width", "options", "words"),
    [
        (2400, {}, "products round their operands to bfloat16"),
        (2400, {"batch_size": 10}, "products stay in float32: those of 10 examples are too few to gain by bfloat16"),
        (20, {}, "products stay in float32: those of 64 examples are too few to gain by bfloat16"),
        (2400, {"engine": "numpy"}, "products stay in float32: the numpy engine computes"),
        (2400, {"dtype": "float64"}, "products stay in float64: the network computes in float64"),
    ],
)
def test_what_auto_has_come_to_is_told(width, options, words, capsys):
    X, y = np.random.default_rng(0).normal(size=(100, 30)), np.arange(100) % 3
    net = cr.Network([cr.Dense(width), cr.Dense(3, "softmax")], seed=0, dtype=options.pop("dtype", "float32"))
    cr.train(net, X, y, loss="cross_entropy", epochs=1, precision="auto", seed=0, **options)
    assert words in capsys.readouterr().err


@HERE
@pytest.mark.parametrize(("outputs", "precision"), [(8, "float32"), (64, "bfloat16")])
def test_auto_leaves_convolutions_of_few_outputs_as_they_are(outputs, precision, capsys):
    X, y = np.random.default_rng(0).normal(size=(64, 12, 12, 8)), np.arange(64) % 3
    net = cr.Network([cr.Conv2D(outputs, 3, "relu"), cr.Flatten(), cr.Dense(3, "softmax")], seed=0)
    history = cr.train(net, X, y, loss="cross_entropy", epochs=1, precision="auto", seed=0)
    assert history.precision == precision
    assert ("convolutions of few outputs are quicker so" in capsys.readouterr().err) == (precision == "float32")


@HERE
def test_estimators_and_the_command_line_take_it(tmp_path, monkeypatch):
    from sklearn.exceptions import ConvergenceWarning
    from tests.commands import chainrule

    from chainrule.sklearn import MLPClassifier

    X, y = np.random.default_rng(0).normal(size=(200, 30)), np.arange(200) % 3
    made = {p: MLPClassifier(20, max_iter=3, random_state=0, precision=p) for p in ("float32", "bfloat16")}
    with pytest.warns(ConvergenceWarning):
        answers = {p: one.fit(X.astype(np.float32), y).predict_proba(X) for p, one in made.items()}
    np.testing.assert_allclose(answers["bfloat16"], answers["float32"], atol=0.01)
    assert not np.array_equal(answers["bfloat16"], answers["float32"])
    done = chainrule(
        "train", "iris", "--hidden", 8, "--epochs", 2, "--precision", "bfloat16", "--out", "r", cwd=tmp_path
    )
    assert "on the native engine in bfloat16" in done.stdout


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"precision": "bf16"}, "there is no precision 'bf16'. Did you mean 'bfloat16'?"),
        ({"precision": "bfloat16", "engine": "numpy", "optimizer": cr.LBFGS()}, "L-BFGS compares costs"),
        ({"precision": "bfloat16", "engine": "jax"}, "leave it out"),
        ({"precision": "bfloat16", "engine": "numpy", "dtype": "float64"}, "is for networks of float32"),
    ],
)
def test_what_has_no_such_precision_says_so(options, words):
    if options.get("engine") == "jax":
        pytest.importorskip("jax")
    net = cr.Network([cr.Dense(3, "softmax")], seed=0, dtype=options.pop("dtype", "float32"))
    with pytest.raises(cr.OptionError, match=words):
        cr.train(net, np.eye(6), np.arange(6) % 3, loss="cross_entropy", epochs=1, progress=False, **options)


@OTHERWISE
def test_a_machine_without_the_instructions_says_so():
    net = cr.Network([cr.Dense(3, "softmax")], seed=0)
    X, y = np.eye(6), np.arange(6) % 3
    with pytest.raises(cr.OptionError, match="AMX or AVX512_BF16"):
        cr.train(net, X, y, loss="cross_entropy", epochs=1, progress=False, precision="bfloat16")
    options = {"loss": "cross_entropy", "epochs": 1, "progress": False}
    assert cr.train(net, X, y, **options, precision="auto").precision == "float32"
    assert cr.train(net, X, y, **options, precision="bfloat16", engine="numpy").precision == "bfloat16"

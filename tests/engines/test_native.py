"""The native engine does what the numpy engine does, at any number of threads, and says what it does not know."""

import functools
import gc
import os
import re
import subprocess
import sys
import weakref
from fractions import Fraction

import numpy as np
import pytest

import chainrule as cr
from chainrule.data.batches import ArrayBatches
from chainrule.engines import ENGINES, calls, native
from chainrule.engines.native import training
from chainrule.ops import ACTIVATIONS, LOSSES
from chainrule.training.cost import Cost
from engines.both import steady

pytestmark = pytest.mark.skipif("native" not in ENGINES, reason="the kernels were not built")

TOLERANCE = {"float64": 1e-12, "float32": 2e-5}
RANDOM = np.random.default_rng(0)
X = RANDOM.normal(size=(101, 7))
TARGETS = {
    "cross_entropy": RANDOM.integers(0, 3, 101),
    "binary_cross_entropy": RANDOM.integers(0, 2, (101, 3)),
    "poisson": RANDOM.poisson(2.0, (101, 3)),
    "hinge": RANDOM.choice([-1.0, 1.0], (101, 3)),
    "perceptron": RANDOM.choice([-1.0, 1.0], (101, 3)),
}
LAST = {"cross_entropy": "softmax", "binary_cross_entropy": "sigmoid", "poisson": cr.ops.exp}
BOTH = pytest.mark.parametrize("engine", ["numpy", "native"])


def train(
    engine, layers, loss="cross_entropy", *, optimizer=None, dtype="float64", X=X, y=None, weights=None, steps=50
):
    """The network after that many updates in batches of 16, the costs of its epochs, and the last outputs."""
    y = TARGETS.get(loss, np.sin(np.arange(303.0)).reshape(101, 3)) if y is None else y
    net = cr.Network(layers(), seed=0, dtype=dtype, input_shape=X.shape[1:])
    for _, layer in net.family():
        if isinstance(layer, cr.Standardize):
            layer.learn([y[:, None] * [1.0, 2, 3] if layer.inverse else X])
    optimizer = optimizer or cr.Adam(0.01)
    batches = ArrayBatches(net.cast(X), y, weights, batch_size=16, shuffle=True, seed=3)
    program = ENGINES[engine].program(net, Cost(loss), optimizer, seed=7)
    costs = []
    for epoch in range(-(-steps // len(batches))):
        done = list(program.epoch(batches, epoch, steady(optimizer.alpha(0), optimizer.decay(0))))
        costs.append(sum(d.cost * d.m for d in done) / sum(d.m for d in done))
    return net, costs, done[-1].output[-1:], program


def assert_same(layers, loss="cross_entropy", dtype="float64", **options):
    a, b = (train(engine, layers, loss, dtype=dtype, **options) for engine in ("numpy", "native"))
    close = {"rtol": TOLERANCE[dtype], "atol": TOLERANCE[dtype]}
    np.testing.assert_allclose(b[1], a[1], **close)
    np.testing.assert_allclose(b[2], a[2], **close)
    for name, value in a[0].state().items():
        np.testing.assert_allclose(b[0].state()[name], value, **close, err_msg=name)


@pytest.mark.parametrize("dtype", TOLERANCE)
@pytest.mark.parametrize("activation", ACTIVATIONS)
def test_every_activation(activation, dtype):
    assert_same(lambda: [cr.Dense(9, activation), cr.Dense(3, "softmax")], dtype=dtype, steps=14)


@pytest.mark.parametrize("dtype", TOLERANCE)
@pytest.mark.parametrize("loss", LOSSES)
def test_every_loss(loss, dtype):
    assert_same(lambda: [cr.Dense(8, "tanh"), cr.Dense(3, LAST.get(loss))], loss, dtype=dtype)


@pytest.mark.parametrize("loss", ["cross_entropy", "binary_cross_entropy"])
@pytest.mark.parametrize("shortcut", [True, False])
def test_smoothed_one_hot_labels_and_weights_with_the_shortcut_and_without(loss, shortcut):
    smooth = functools.partial(LOSSES[loss], label_smoothing=0.2)
    y = np.eye(3)[TARGETS["cross_entropy"]]
    after = [] if shortcut else ["identity"]
    weights = RANDOM.uniform(0.5, 1.5, 101)
    assert_same(lambda: [cr.Dense(3, LAST[loss]), *map(cr.Activation, after)], smooth, y=y, weights=weights)


@pytest.mark.parametrize("dtype", TOLERANCE)
@pytest.mark.parametrize(
    "optimizer",
    [
        cr.GradientDescent(0.2),
        cr.GradientDescent(0.1, momentum=0.9, l2=0.01),
        cr.GradientDescent(0.1, momentum=0.9, nesterov=True, clip_norm=0.1),
        cr.Adagrad(0.05, clip_value=0.01),
        cr.RMSProp(0.01, weight_decay=0.1),
        cr.Adam(0.01, l2=0.01, clip_norm=0.05),
        cr.Adam(0.01, epsilon=0.01, epsilon_hat=True),
        cr.AdamW(0.01),
    ],
    ids=repr,
)
def test_every_optimizer_with_regularization_and_clipping(optimizer, dtype):
    assert_same(lambda: [cr.Dense(9, "tanh"), cr.Dense(3, "softmax")], dtype=dtype, optimizer=optimizer)


def test_each_batch_may_have_a_penalty_of_its_own():
    found = []
    for engine in ("numpy", "native"):
        net = cr.Network([cr.Dense(9, "tanh"), cr.Dense(3, "softmax")], seed=0, dtype="float64", input_shape=7)
        batches = ArrayBatches(X, TARGETS["cross_entropy"], None, batch_size=16)
        l2 = np.linspace(0.1, 1, len(batches)).tolist()
        program = ENGINES[engine].program(net, Cost("cross_entropy"), cr.Adam(l2=7.0, clip_norm=0.5), seed=0)

        def given(first, last, l2=l2):
            return steady(0.01)(first, last)._replace(l2=l2[first:last])

        done = [one for epoch in range(3) for one in program.epoch(batches, epoch, given)]
        found.append([np.sum([[one.cost * one.m, np.dot(one.penalties, one.sizes)] for one in done], axis=0), net.flat])
    for numpy, native_ in zip(*found, strict=True):
        np.testing.assert_allclose(native_, numpy, rtol=1e-12)
    assert 0 < found[0][0][1] < found[0][0][0]


@pytest.mark.parametrize("dtype", TOLERANCE)
@pytest.mark.parametrize("weighted", [False, True])
def test_the_slope_of_all_examples(dtype, weighted, monkeypatch):
    monkeypatch.setattr(training, "CHUNK", 40)  # three calls of the kernels, the last a short one
    net = cr.Network([cr.Dense(9, "tanh"), cr.Dense(3, "softmax")], seed=0, dtype=dtype, input_shape=7)
    batch = (net.cast(X), TARGETS["cross_entropy"], RANDOM.uniform(0, 2, 101) if weighted else None)
    slopes = [ENGINES[name].slope(net, Cost("cross_entropy"), batch, seed=0) for name in ("numpy", "native")]
    for _ in range(2):
        (J, g, A), (native_J, native_g, native_A) = (slope.measure() for slope in slopes)
        assert native_J == pytest.approx(J, rel=TOLERANCE[dtype])
        np.testing.assert_allclose(native_g, g, atol=TOLERANCE[dtype])
        np.testing.assert_allclose(native_A, A, atol=TOLERANCE[dtype])
        net.flat += 0.1


def test_lbfgs_runs_natively_except_where_averages_would_move():
    for layers, engine in (([], "native"), ([cr.BatchNorm()], "numpy")):
        net = cr.Network([cr.Dense(9), *layers, cr.Activation("tanh"), cr.Dense(3, "softmax")], seed=0)
        optimizer = cr.LBFGS(l2=0.01)
        history = cr.train(
            net, X, TARGETS["cross_entropy"], loss="cross_entropy", optimizer=optimizer, epochs=5, progress=False
        )
        assert history.engine == engine
        assert bool(history.reason) == (engine == "numpy")


def with_shortcut():
    return [cr.Residual([cr.Dense(4)], cr.Dense(4)), cr.Dense(3, "softmax")]


LAYERS = {
    "standardize": lambda: [cr.Standardize(), cr.Dense(3, "softmax")],
    "standardize later": lambda: [cr.Dense(3), cr.Standardize(inverse=True), cr.Activation("softmax")],
    "dropout": lambda: [cr.Dense(40, "relu"), cr.Dropout(0.4), cr.Dropout(0.2), cr.Dense(3, "softmax")],
    "batch norm": lambda: [cr.Dense(9, bias=False), cr.BatchNorm(), cr.Activation("tanh"), cr.Dense(3, "softmax")],
    "layer norm": lambda: [cr.Dense(9), cr.LayerNorm(), cr.Dense(3, "softmax")],
    "residual": lambda: [cr.Dense(9), cr.Residual([cr.Dense(9, "tanh"), cr.LayerNorm()]), cr.Dense(3, "softmax")],
    "nested": lambda: [cr.Network([cr.Dense(9, "tanh")]), *with_shortcut()],
    "wide": lambda: [cr.Dense(70, "tanh"), cr.Dense(33, "gelu"), cr.Dense(17, "silu"), cr.Dense(3, "softmax")],
}


@pytest.mark.parametrize("dtype", TOLERANCE)
@pytest.mark.parametrize("name", LAYERS)
def test_every_layer(name, dtype):
    assert_same(LAYERS[name], dtype=dtype)


def test_sequences_and_embeddings():
    tokens = RANDOM.integers(0, 9, (101, 4))
    assert_same(lambda: [cr.Embedding(9, 5), cr.Dense(4, "tanh"), cr.Flatten(), cr.Dense(3, "softmax")], X=tokens)
    steps = RANDOM.normal(size=(101, 4, 6))
    labels = RANDOM.integers(0, 3, (101, 4))
    assert_same(lambda: [cr.Dense(5, "tanh"), cr.Dense(3, "softmax")], X=steps, y=labels)
    assert_same(lambda: [cr.Flatten(), cr.Dense(5, "tanh"), cr.Dense(3, "softmax")], X=steps)


@pytest.mark.parametrize("shape", [(300,), (5, 3), (5, 150), (40, 1)], ids=str)
@pytest.mark.parametrize("weighted", [False, True])
def test_losses_of_many_outputs_and_of_sequences(shape, weighted):
    steps = RANDOM.normal(size=(101, *shape[:-1], 7))
    y = RANDOM.normal(size=(101, *shape))
    weights = RANDOM.uniform(0, 2, 101) if weighted else None
    for loss, targets in (("huber", y), ("binary_cross_entropy", (y > 0).astype(float))):
        last = LAST.get(loss, "identity")
        assert_same(lambda last=last: [cr.Dense(shape[-1], last)], loss, X=steps, y=targets, weights=weights, steps=10)


def test_columns_of_categories():
    table = np.hstack([X[:, :3], RANDOM.integers(0, 9, (101, 2))])
    assert_same(lambda: [cr.EmbedColumns(3, 9, 4), cr.Dense(4, "tanh"), cr.Dense(3, "softmax")], X=table)
    assert_same(lambda: [cr.EmbedColumns(0, 9, 5), cr.Dense(3, "softmax")], X=table[:, 3:].astype(np.uint8))
    assert_same(lambda: [cr.EmbedColumns(3, 9, 4), cr.Dense(3, "softmax")], X=table, dtype="float32")


@pytest.mark.parametrize("wrong", [9, -1, 2.5])
def test_a_category_that_the_table_has_no_row_for_is_never_looked_up(wrong):
    net = cr.Network([cr.EmbedColumns(1, 9, 4), cr.Dense(3, "softmax")], seed=0, input_shape=2)
    with pytest.raises(cr.DataError, match=f"indices go from 0 to 8, but A has {wrong}"):
        net.predict([[0.5, 3], [100, wrong]], engine="native")


def test_the_last_batch_may_be_a_single_example_for_batch_normalization():
    assert_same(LAYERS["batch norm"], X=X[:97], y=TARGETS["cross_entropy"][:97])


@pytest.mark.parametrize("kind", [np.float64, np.uint8, np.int16, np.int64, bool])
def test_standardized_data_of_every_type(kind):
    data = RANDOM.uniform(0, 200, (101, 7))
    data = data > 90 if kind is bool else data.astype(kind)
    assert_same(LAYERS["standardize"], X=data, dtype="float32", steps=14)


def test_the_same_bits_every_time_and_a_mask_that_does_not_depend_on_the_threads(monkeypatch):
    runs = [train("native", LAYERS["dropout"])[0].flat for _ in range(2)]
    np.testing.assert_array_equal(runs[0], runs[1])
    for n in "1", "3":
        monkeypatch.setenv("CHAINRULE_NUM_THREADS", n)
        np.testing.assert_allclose(train("native", LAYERS["dropout"])[0].flat, runs[0], rtol=1e-9)


def test_how_many_batches_one_call_does_changes_no_bit(monkeypatch):
    at_once = train("native", LAYERS["batch norm"])
    monkeypatch.setattr(calls, "CALL", 0.0)
    one_by_one = train("native", LAYERS["batch norm"])
    np.testing.assert_array_equal(at_once[0].flat, one_by_one[0].flat)


def test_slots_come_in_the_order_of_the_network_and_can_be_given_back():
    a = train("numpy", LAYERS["wide"])[3].slots
    *_, program = train("native", LAYERS["wide"])
    assert [*program.slots] == ["m", "v"]
    for name in a:
        np.testing.assert_allclose(program.slots[name], a[name], rtol=1e-9, atol=1e-15)
    program.slots = {"v": program.slots["v"], "m": program.slots["m"]}  # a file may have another order
    for name in a:
        np.testing.assert_allclose(program.slots[name], a[name], rtol=1e-9, atol=1e-15)


def test_slots_of_another_type_are_taken_in_the_networks():
    net = cr.Network([cr.Dense(1)], seed=0, input_shape=7)
    cost = Cost("squared_error")
    cost.fit(net, net.cast(X), X[:, :1])
    program = ENGINES["native"].program(net, cost, cr.GradientDescent(1e-2, momentum=0.5), seed=1)
    (name,) = program.slots
    program.slots = {name: np.full(net.flat.shape, 0.5)}
    batches = ArrayBatches(net.cast(X), X[:, :1], None, batch_size=len(X))
    theta = net.flat.copy()
    list(program.epoch(batches, 0, steady(1e-2)))
    np.testing.assert_allclose(theta + program.slots[name], net.flat, rtol=1e-6)
    assert program.slots[name].dtype == np.float32


@pytest.mark.parametrize("m", [1, 2, 100, 1025])
def test_predictions(m):
    net = cr.Network([cr.Dense(9, "tanh"), cr.BatchNorm(), cr.Dense(3, "softmax")], seed=0, input_shape=7)
    data = RANDOM.normal(size=(m, 7))
    np.testing.assert_allclose(net.predict(data, engine="native"), net.predict(data, engine="numpy"), atol=1e-6)
    net.set_parameters({"W1": np.ones((9, 7))})
    np.testing.assert_allclose(net.predict(data, engine="native"), net.predict(data, engine="numpy"), atol=1e-6)


@BOTH
@pytest.mark.parametrize("m", [1, 20, 3000, 9000])
@pytest.mark.parametrize(
    ("broken", "kind", "told"),
    [
        (np.nan, np.float32, r"X holds NaN, first at \[{}, 2\]"),
        (-np.inf, np.float64, r"X holds infinity, first at \[{}, 2\]"),
        (1e300, np.float64, r"X goes up to 1e\+300, which float32 cannot hold"),
    ],
)
def test_what_is_no_number_is_refused_wherever_it_is(m, broken, kind, told, engine):
    net = cr.Network([cr.Dense(8, "relu"), cr.Dense(2)], seed=0, input_shape=4)
    X = np.ones((m, 4), kind)
    net.predict(X, engine=engine)
    X[m - 1, 2] = broken
    with pytest.raises(cr.DataError, match=told.format(m - 1)):
        net.predict(X, engine=engine)


@pytest.mark.parametrize("weights", [None, RANDOM.uniform(size=101)])
def test_evaluation(weights):
    net = cr.Network([cr.Dense(9, "tanh"), cr.Dense(3, "softmax")], seed=0, input_shape=7)
    found = [
        cr.evaluate(net, X, TARGETS["cross_entropy"], loss="cross_entropy", metrics=["accuracy"], sample_weight=weights,
                    engine=engine)
        for engine in ("numpy", "native")
    ]  # fmt: skip
    assert found[0] == pytest.approx(found[1], rel=1e-5)


def test_a_cost_that_is_not_finite_changes_nothing_and_is_told_with_its_batch():
    net = cr.Network([cr.Dense(9, "relu"), cr.Dense(1)], seed=0, input_shape=7)
    kept = [net.flat.copy()]
    with pytest.raises(cr.NotFiniteError, match=r"epoch 1, batch \d: the cost is (nan|inf)"):
        cr.train(
            net,
            X * 3,
            TARGETS["cross_entropy"],
            loss="squared_error",
            optimizer=cr.GradientDescent(0.2),
            epochs=200,
            batch_size=16,
            engine="native",
            seed=0,
            callbacks=lambda run: kept.append(run.network.flat.copy()),
            progress=False,
        )
    np.testing.assert_array_equal(net.flat, kept[-1])


def test_an_own_optimizer_goes_to_numpy_and_is_named():
    options = {"loss": "squared_error", "epochs": 1, "seed": 0, "progress": False}
    mine = type("Mine", (cr.Adam,), {})()
    history = cr.train(cr.Network([cr.Dense(3)], seed=0), X, np.zeros((101, 3)), optimizer=mine, **options)
    assert history.engine == "numpy"
    assert history.reason.startswith("the optimizer Mine")
    with pytest.raises(cr.OptionError, match="the optimizer Mine"):
        cr.train(cr.Network([cr.Dense(3)], seed=0), X, np.zeros((101, 3)), optimizer=mine, engine="native", **options)


BESIDE = {"gather", "gather_standardized", "narrow_linear", "targets", "total"} | {
    "convolution_of_data",
    "masked_average_pool",
    "masked_max_pool",
    "rnn_relu",
    "linear_in_bins",
    "less",
    "less_equal",
    "greater",
    "greater_equal",
}
"""The kernels that no operation asks for by its name."""


def test_every_operation_has_a_kernel_of_its_name_and_every_kernel_an_operation():
    kernels = set(native.kernels().kernels())
    named = {name for name, given in cr.ops.OPERATIONS.items() if given.function.__module__.startswith("chainrule.")}
    assert named <= kernels, "write a kernel for a new operation, and enter it in the file of native/ops/ of that name"
    assert kernels - named == BESIDE


@pytest.mark.parametrize("instructions", native.SETS)
def test_every_instruction_set_that_this_machine_has(instructions):
    program = (
        "import numpy as np, chainrule as cr\n"
        "X = np.random.default_rng(0).normal(size=(64, 20)); y = np.arange(64) % 3\n"
        "net = cr.Network([cr.Dense(33, 'tanh'), cr.Dense(3, 'softmax')], seed=0, dtype='float64')\n"
        "h = cr.train(net, X, y, loss='cross_entropy', epochs=3, batch_size=16, seed=0, progress=False)\n"
        "print(h.engine, h['loss'][-1])"
    )
    environment = os.environ | {"CHAINRULE_INSTRUCTIONS": instructions}
    done = subprocess.run([sys.executable, "-c", program], env=environment, capture_output=True, text=True, check=True)
    engine, cost = done.stdout.split()
    net = cr.Network([cr.Dense(33, "tanh"), cr.Dense(3, "softmax")], seed=0, dtype="float64")
    data = np.random.default_rng(0).normal(size=(64, 20))
    expected = cr.train(net, data, np.arange(64) % 3, loss="cross_entropy", epochs=3, batch_size=16, seed=0,
                        progress=False, engine="numpy")  # fmt: skip
    assert engine == "native"
    assert float(cost) == pytest.approx(expected["loss"][-1], rel=1e-10)


def test_an_instruction_set_that_there_is_not_is_told_to_who_selects_an_engine():
    program = (
        "import chainrule as cr\n"
        "net = cr.Network([cr.Dense(1)], seed=0)\n"
        "for engine in ('auto', 'numpy'):\n"
        "    try: net.predict([[1.0]], engine=engine)\n"
        "    except cr.OptionError as error: print(error)\n"
    )
    environment = os.environ | {"CHAINRULE_INSTRUCTIONS": "foo"}
    done = subprocess.run([sys.executable, "-c", program], env=environment, capture_output=True, text=True, check=True)
    told = "CHAINRULE_INSTRUCTIONS is 'foo', but must be avx512, avx2 or baseline."
    assert done.stdout == f"{told}\n{told}\n"
    done = subprocess.run(
        [sys.executable, "-m", "chainrule", "info"], env=environment, capture_output=True, text=True, check=False
    )
    assert (done.returncode, done.stdout, done.stderr) == (2, "", f"error: {told}\n")


@pytest.mark.parametrize(
    ("error", "told"),
    [
        (ModuleNotFoundError("No module named _baseline"), "not built: there was no C++20 compiler"),
        (ImportError("_baseline.so: file too short"), "built, but it cannot be loaded: _baseline.so: file too short"),
    ],
)
def test_kernels_that_are_missing_or_broken_are_described(error, told, monkeypatch):
    def fail(name):
        raise error

    monkeypatch.setattr(native.engine, "import_module", fail)
    assert native.described().startswith(told)


def stream(engine, layers, batches, loss="cross_entropy"):
    net = cr.Network(layers, seed=0, dtype="float64")
    history = cr.train(net, batches, loss=loss, epochs=2, seed=0, progress=False, engine=engine)
    return net.flat.copy(), history["loss"]


@BOTH
@pytest.mark.parametrize(
    ("y", "error", "words"),
    [
        ([0, 10**7, 1], cr.DataError, "3 classes"),
        ([0, -1, 1], cr.DataError, "3 classes"),
        ([0, 1.5, 1], cr.DataError, "whole numbers"),
        (np.ones((3, 2)), cr.ShapeError, r"\(3, 2\)"),
    ],
)
def test_labels_after_the_first_batch_of_a_stream_are_looked_at_too(engine, y, error, words):
    good = (X[:3], [0, 1, 2])
    with pytest.raises(error, match=words):
        stream(engine, [cr.Dense(3, "softmax")], [good, (X[:3], y)])


@BOTH
def test_weights_are_one_for_each_example(engine):
    with pytest.raises(cr.ShapeError):
        stream(engine, [cr.Dense(3)], [(X[:4], np.ones((4, 3)), np.ones((4, 3)))], "squared_error")


def test_sequences_of_several_lengths():
    batches = [(RANDOM.normal(size=(5, n, 6)), RANDOM.integers(0, 3, (5, n))) for n in (4, 6, 3)]
    layers = [lambda: [cr.Dense(5, "tanh"), cr.Dense(3, "softmax")] for _ in range(2)]
    a, b = (stream(engine, make(), batches) for engine, make in zip(("numpy", "native"), layers, strict=True))
    np.testing.assert_allclose(b[0], a[0], rtol=1e-9)
    np.testing.assert_allclose(b[1], a[1], rtol=1e-9)


def test_data_that_must_not_be_written(tmp_path):
    np.save(tmp_path / "X.npy", X.astype(np.float32))
    mapped = np.load(tmp_path / "X.npy", mmap_mode="r")
    y = TARGETS["cross_entropy"].copy()
    y.flags.writeable = False
    net = cr.Network([cr.Dense(3, "softmax")], seed=0)
    cr.train(net, mapped, y, loss="cross_entropy", epochs=1, shuffle=False, seed=0, progress=False, engine="native")
    assert net.predict(mapped, engine="native").shape == (101, 3)


def test_a_run_resumed_at_a_short_last_batch_has_the_same_bits():
    ends = []
    for stops in ([], [5]):
        net = cr.Network([cr.Dense(40, "tanh"), cr.Dense(3, "softmax")], seed=0, input_shape=7)
        batches = ArrayBatches(
            net.cast(X[:85]), TARGETS["cross_entropy"][:85], None, batch_size=16, seed=1, shuffle=True
        )
        slots, updates, start = None, 0, 0
        for stop in [*stops, 6]:
            program = ENGINES["native"].program(net, Cost("cross_entropy"), cr.Adam(0.01), seed=2)
            if slots is not None:
                program.slots, program.updates = slots, updates
            for done in program.epoch(batches, 0, steady(0.01), start):
                start += len(done.costs)
                if start >= stop:
                    break
            slots, updates = program.slots, program.updates
        ends.append(net.flat.copy())
    np.testing.assert_array_equal(*ends)


@pytest.mark.parametrize("number", [1, 2])
@pytest.mark.parametrize("m", [2, 5, 8, 9, 40])
def test_the_bits_do_not_depend_on_how_many_examples_were_met_before(m, number):
    X, y = RANDOM.normal(size=(1000, 60)), RANDOM.integers(0, 3, size=1000)

    def looked(*sizes):
        net = cr.Network([cr.Dense(64, "tanh"), cr.Dense(3, "softmax")], seed=0, input_shape=60)
        given = {"engine": "native", "threads": number}
        for size in sizes:
            found = net.predict(X[:size], **given), cr.evaluate(net, X[:size], y[:size], loss="cross_entropy", **given)
        return found

    (A, J), (B, K) = looked(m), looked(1000, m)
    np.testing.assert_array_equal(A, B)
    assert J == K


FEW = {
    **LAYERS,
    "embedding": lambda: [cr.Embedding(9, 5), cr.Flatten(), cr.Dense(3, "softmax")],
    "columns": lambda: [cr.EmbedColumns(2, 9, 4), cr.Dense(3, "softmax")],
    "one output": lambda: [cr.Dense(1)],
    "own": lambda: [cr.Dense(4, lambda Z: Z * cr.ops.sigmoid(Z)), cr.Dense(3)],
}


@pytest.mark.parametrize("dtype", TOLERANCE)
@pytest.mark.parametrize("name", FEW)
def test_a_few_examples_are_predicted_as_many_are(name, dtype):
    tokens = name in ("embedding", "columns")
    given = RANDOM.integers(0, 9, (101, 7)) if tokens else X
    net = cr.Network(FEW[name](), seed=0, dtype=dtype, input_shape=7)
    expected = net.predict(given, engine="numpy")
    for m in (1, 2, 7, 8, 9, 101):
        found = net.predict(given[:m], engine="native")
        assert found.dtype == dtype
        np.testing.assert_allclose(found, expected[:m], rtol=TOLERANCE[dtype], atol=TOLERANCE[dtype])


@pytest.mark.parametrize("dtype", ["float32", "float64", "uint8", "int32", "int64", "bool", "float16", "int8", ">f4"])
def test_one_example_of_any_type(dtype):
    net = cr.Network([cr.Dense(5, "tanh"), cr.Dense(3)], seed=0, input_shape=7)
    for one in ((3 * X[:1]).astype(dtype), (3 * X[::2]).astype(dtype)[:1], (3 * X.T).astype(dtype).T[:1]):
        np.testing.assert_allclose(net.predict(one, engine="native"), net.predict(one, engine="numpy"), rtol=1e-5)


@pytest.mark.parametrize(
    ("wrong", "message"),
    [([[np.nan] * 7], "X holds NaN"), ([[np.inf] * 7], "X holds infinity"), ([[1e300] * 7], "cannot hold")],
)
def test_one_example_that_no_network_takes(wrong, message):
    net = cr.Network([cr.Dense(3)], seed=0, input_shape=7)
    net.predict(X[:1], engine="native")
    with pytest.raises(cr.DataError, match=message):
        net.predict(wrong, engine="native")
    with pytest.raises(cr.ShapeError, match="takes 7 features"):
        net.predict(X[:1, :6], engine="native")


def change_a_weight(net):
    net.layers[0].held["W"][...] += 1


def change_statistics(net):
    net.layers[1].statistics["mean"][...] += 1


def learn_again(net):
    net.layers[2].learn([np.arange(6.0).reshape(2, 3)])


def learn_at_last(net):
    net.layers[4].learn([np.arange(6.0).reshape(2, 3)])


def change_a_layer_inside(net):
    net.layers[3].layers[0].epsilon = 5.0


def put_in_a_layer(net):
    net.layers[3].layers.append(cr.Activation("tanh"))


def lay_flat_again(net):
    net.lay_flat()
    net.flat[...] += 1


@pytest.mark.parametrize(
    "change",
    [
        change_a_weight,
        change_statistics,
        learn_again,
        learn_at_last,
        change_a_layer_inside,
        put_in_a_layer,
        lay_flat_again,
    ],
)
@pytest.mark.parametrize("m", [1, 101])
def test_a_prediction_sees_every_change_of_the_network(change, m):
    layers = [cr.Dense(3), cr.BatchNorm(), cr.Standardize(), cr.Residual([cr.LayerNorm()]), cr.Standardize()]
    net = cr.Network(layers, seed=0, input_shape=7)
    net.layers[2].learn([np.random.default_rng(0).normal(size=(20, 3))])
    before = net.predict(X[:m], engine="native")
    change(net)
    found = net.predict(X[:m], engine="native")
    np.testing.assert_allclose(found, net.predict(X[:m], engine="numpy"), rtol=1e-5, atol=1e-5)
    assert abs(found - before).max() > 1e-3


def test_two_losses_of_one_name_are_told_apart():
    net = cr.Network([cr.Dense(3)], seed=0, input_shape=7)
    y = np.zeros((101, 3))
    for scale in (1.0, 2.0):
        found = cr.evaluate(net, X, y, loss=lambda A, Y, scale=scale: scale * cr.ops.squared_error(A, Y))["loss"]
        assert found == pytest.approx(scale * cr.evaluate(net, X, y, loss="squared_error")["loss"])


@pytest.mark.parametrize("n", [7, 32, 100, 784])
@pytest.mark.parametrize("n_out", [1, 3, 20])
def test_examples_are_read_in_place_in_any_order(n, n_out):
    data, y = RANDOM.normal(size=(50, n)).astype(np.float32), RANDOM.normal(size=(50, n_out))
    for shuffle, size in ((True, 16), (False, 16), (False, 50)):
        flat = []
        for engine in ("numpy", "native"):
            net = cr.Network([cr.Dense(n_out)], seed=0, input_shape=n)
            batches = ArrayBatches(data, y, None, batch_size=size, shuffle=shuffle, seed=3)
            program = ENGINES[engine].program(net, Cost("squared_error"), cr.GradientDescent(), seed=7)
            for epoch in range(2):
                for _ in program.epoch(batches, epoch, steady(1e-3), epoch):
                    pass
            flat.append(net.flat)
        np.testing.assert_allclose(flat[1], flat[0], atol=2e-5)


@pytest.mark.parametrize("name", LAYERS)
def test_a_network_that_nobody_needs_any_more_is_forgotten(name):
    net = cr.Network(LAYERS[name](), seed=0, input_shape=7)
    net.predict(X, engine="native")
    cr.evaluate(net, X, TARGETS["cross_entropy"], loss="cross_entropy", engine="native")
    gone = weakref.ref(net)
    del net
    gc.collect()
    assert gone() is None


def test_changed_options_of_a_layer_count_at_once():
    net = cr.Network([cr.LayerNorm(), cr.Dense(3)], seed=0, input_shape=7)
    net.predict(X, engine="native")
    net.layers[0].epsilon = 5.0
    np.testing.assert_allclose(net.predict(X, engine="native"), net.predict(X, engine="numpy"), atol=1e-5)


def test_an_infinite_penalty_is_told():
    net = cr.Network([cr.Dense(1)], seed=0, input_shape=7)
    net.set_parameters({"W1": np.full((1, 7), 1e25)})
    with pytest.raises(cr.NotFiniteError):
        cr.train(net, np.zeros((4, 7)), np.zeros(4), loss="squared_error", epochs=2, seed=0, progress=False,
                 optimizer=cr.GradientDescent(0.0, l2=1e300), engine="native")  # fmt: skip


FORK = """
import os, sys
import numpy as np, chainrule as cr
from chainrule.engines.native import executor
executor.WORK = 1
X, y = np.random.default_rng(0).normal(size=(64, 20)), np.arange(64) % 3
net = cr.Network([cr.Dense(33, "tanh"), cr.Dense(3, "softmax")], seed=0)
child = None
def fit(optimizer, callbacks=()):
    how = {"epochs": 3, "seed": 0, "callbacks": callbacks, "progress": False, "engine": "native"}
    cr.train(net, X, y, loss="cross_entropy", optimizer=optimizer, **how)
def fork(*_):
    global child
    if child is None:
        child = os.fork()
for optimizer in (cr.Adam(), cr.LBFGS()):
    child = None
    fit(optimizer); net.predict(X, engine="native")
    fork() if BETWEEN else fit(optimizer, [fork])
    fit(optimizer); net.predict(X, engine="native")
    if child == 0:
        os._exit(0)
    if code := os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]):
        sys.exit(code)
"""


@pytest.mark.skipif(not hasattr(os, "fork"), reason="no fork here")
@pytest.mark.parametrize("between", [True, False])
def test_training_goes_on_on_both_sides_of_a_fork(between):
    code = FORK.replace("BETWEEN", str(between))
    environment = os.environ | {"CHAINRULE_NUM_THREADS": "2", "PYTHONWARNINGS": "ignore"}
    assert subprocess.run([sys.executable, "-c", code], env=environment, timeout=600, check=False).returncode == 0


def test_options_of_any_type_of_number_count():
    nets = [cr.Network([cr.Dense(3, "tanh"), cr.Dense(1)], seed=0, dtype="float64") for _ in range(3)]
    X, y = np.random.default_rng(0).normal(size=(2, 20, 4))[..., :3], np.ones((20, 1))
    for net, l2 in zip(nets, (0.5, np.array(0.5), Fraction(1, 2)), strict=True):
        cr.train(net, X[0], y, loss="squared_error", optimizer=cr.Adam(l2=l2), epochs=3, seed=0, engine="native")
    assert np.array_equal(nets[0].flat, nets[1].flat)
    assert np.array_equal(nets[0].flat, nets[2].flat)


SHORT = """
import resource, sys
import numpy as np, chainrule as cr
from chainrule.engines import native
net = cr.Network([cr.Dense(4000, "tanh"), cr.Dense(3, "softmax")], seed=0, input_shape=10)
X, y = np.zeros((60000, 10), np.float32), np.zeros(60000, int)
held = int(open("/proc/self/statm").read().split()[0]) * resource.getpagesize()
resource.setrlimit(resource.RLIMIT_AS, (held + 400_000_000, -1))
try:
    cr.train(net, X, y, loss="cross_entropy", batch_size=None, epochs=1, seed=0, progress=False, engine="native")
except MemoryError:
    sys.exit(7)
"""


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="needs a limit of the address space")
@pytest.mark.skipif("san.so" in os.environ.get("LD_PRELOAD", ""), reason="a sanitizer itself needs the address space")
def test_too_little_memory_is_an_error_and_not_a_crash():
    environment = os.environ | {"CHAINRULE_NUM_THREADS": "2"}
    done = subprocess.run([sys.executable, "-c", SHORT], env=environment, timeout=600, check=False, capture_output=True)
    assert done.returncode == 7, done.stderr[-500:]


INDICES = RANDOM.integers(0, 9, size=(64, 5))


@BOTH
@pytest.mark.parametrize(
    ("layers", "X", "what"),
    [
        (lambda: [cr.Embedding(9, 4), cr.Flatten(), cr.Dense(3, "softmax")], INDICES, "indices"),
        (lambda: [cr.EmbedColumns(2, 9, 4), cr.Dense(3, "softmax")], INDICES.astype(np.float32), "indices"),
        (lambda: [cr.Dense(3, "softmax")], INDICES.astype(float), "labels"),
    ],
)
def test_data_that_somebody_changes_while_they_are_trained_on(engine, layers, X, what):
    X, y = X.copy(), INDICES[:, 0] % 3
    broken = X if what == "indices" else y

    def spoil(run):
        broken[:] = 10**9

    net = cr.Network(layers(), seed=0)
    with pytest.raises(cr.DataError, match=r"1000000000|1e\+09"):
        cr.train(net, X, y, loss="cross_entropy", epochs=3, seed=0, engine=engine, progress=False, callbacks=spoil)


SHORT_OF_THREADS = """
import resource
import numpy as np, chainrule as cr
net = cr.Network([cr.Dense(1000, "tanh"), cr.Dense(3, "softmax")], seed=0, input_shape=100)
X = np.zeros((2000, 100), np.float32)
theta = net.flat.copy()
held = int(open("/proc/self/statm").read().split()[0]) * resource.getpagesize()
resource.setrlimit(resource.RLIMIT_AS, (held + 500_000_000, -1))
try:
    cr.train(net, X, np.zeros(2000, int), loss="cross_entropy", batch_size=None, epochs=1, progress=False, threads=400)
except RuntimeError as error:
    resource.setrlimit(resource.RLIMIT_AS, (-1, -1))  # the threads may have left nothing to compare with
    print(error, np.array_equal(net.flat, theta))
"""


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="needs a limit of the address space")
@pytest.mark.skipif("san.so" in os.environ.get("LD_PRELOAD", ""), reason="a sanitizer itself needs the address space")
def test_threads_that_cannot_be_started_are_an_error():
    done = subprocess.run(
        [sys.executable, "-c", SHORT_OF_THREADS], timeout=600, check=False, capture_output=True, text=True
    )
    assert re.search(r"no more than \d+ of \d+ threads could be started .*: ask for fewer.* True", done.stdout), done


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="only Linux tells a process's threads")
def test_networks_share_the_threads():
    def count():
        return len(os.listdir("/proc/self/task"))

    nets = [cr.Network([cr.Dense(64, "tanh"), cr.Dense(3)], seed=0, input_shape=100) for _ in range(20)]
    X = np.ones((200, 100), np.float32)
    nets[0].predict(X, engine="native")
    before = count()
    for net in nets:
        net.predict(X, engine="native")
    assert count() == before

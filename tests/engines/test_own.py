"""Layers, activations and losses that users write: as fast as the others if they are pure, and else left to numpy."""

import functools
import itertools

import numpy as np
import pytest

import chainrule as cr
from chainrule import ops
from chainrule.engines import ENGINES, native
from chainrule.engines.native import prediction
from chainrule.graph import Operation, plain
from engines.both import TOLERANCE, M, assert_same, by_turns

pytestmark = pytest.mark.skipif("native" not in ENGINES, reason="the kernels were not built")

RANDOM = np.random.default_rng(0)
ROWS, STEPS = RANDOM.normal(size=(M, 6)), RANDOM.normal(size=(M, 5, 6))
TOKENS = RANDOM.integers(0, 9, (M, 4))


def of(forward):
    """A layer with that way forward."""
    name = f"Own{next(NUMBERS)}"
    return type(name, (cr.Layer,), {"forward": lambda self, A: forward(A)})()


NUMBERS = itertools.count()


class Gated(cr.Layer):
    """Z = G ⊙ H + (1 − G) ⊙ A, a residual block whose way around is learned."""

    def forward(self, A):
        n = A.shape[-1]
        G = ops.sigmoid(A @ self.parameter("G", (n, n), "xavier") + self.parameter("g", (n,)))
        H = ops.tanh(ops.linear(A, self.parameter("H", (n, n), "xavier"), self.parameter("h", (n,))))
        return G * H + (1 - G) * A


class Attention(cr.Layer):
    """Each step looks at itself and those before it, with two heads."""

    def forward(self, A):
        m, steps, n = A.shape

        def heads(name):
            W = self.parameter(name, (n, n), "xavier")
            return (A @ W).reshape(m, steps, 2, n // 2).transpose(0, 2, 1, 3)

        before = np.triu(np.full((steps, steps), -1e9), 1)
        weights = ops.softmax(heads("Q") @ heads("K").transpose(0, 1, 3, 2) / (n // 2) ** 0.5 + before)
        return (weights @ heads("V")).transpose(0, 2, 1, 3).reshape(m, steps, n)


class NormedByHand(cr.Layer):
    def forward(self, A):
        centred = A - A.mean(axis=-1, keepdims=True)
        deviation = ops.sqrt((centred**2).mean(axis=-1, keepdims=True) + 1e-5)
        return centred / deviation * self.parameter("scale", A.shape[-1:], "ones") + self.parameter(
            "shift", A.shape[-1:]
        )


class Tied(cr.Layer):
    """The way back through the transpose of the same W."""

    def forward(self, A):
        W = self.parameter("W", (8, A.shape[-1]), "xavier")
        return ops.linear(ops.tanh(ops.linear(A, W)), W.T, self.parameter("b", A.shape[-1:]))


class WeightNormed(cr.Layer):
    """Z = g W / ‖W‖ A, so that W's length does not matter (Salimans & Kingma, 2016)."""

    def __init__(self, n_out):
        self.n_out = n_out

    def forward(self, A):
        W = self.parameter("W", (self.n_out, A.shape[-1]), "xavier")
        g = ops.exp(self.parameter("g", (self.n_out, 1)))
        return ops.linear(A, g * W / ops.sqrt((W * W).sum(axis=1, keepdims=True)))


class Experts(cr.Layer):
    """The largest of what three matrices, held in one parameter, make of each example."""

    def forward(self, A):
        m, n = A.shape
        return (A.reshape(m, 1, 1, n) @ self.parameter("P", (3, n, 4), "xavier")).max(axis=1).reshape(m, 4)


class Summary(cr.Layer):
    """Numbers for each example, put together again."""

    def forward(self, A):
        length = ops.sqrt((A * A).sum(axis=1) + 0.1)
        largest = ops.maximum(A.max(axis=(1,)), length * self.parameter("s", (), "ones"))
        return ops.concatenate(ops.stack(length, largest, axis=1), A, np.ones((len(A), 1)), axis=1)


class Pooled(cr.Layer):
    """The steps, weighted by a softmax over them; the last; the mean; and each second turned around."""

    def forward(self, A):
        weights = ops.softmax(A @ self.parameter("w", A.shape[-1:], "ones"), axis=1)
        weighed = (weights.reshape(*A.shape[:2], 1) * A).sum(axis=1)
        return ops.concatenate(weighed, A[:, -1], A.mean(axis=1), A[:, ::-2, 0] * weights[:, [0, 2, 2]], axis=-1)


class Steep(cr.Layer):
    """Comparisons choose, of the data and of parameters."""

    def forward(self, A):
        t = self.parameter("t", A.shape[-1:], "zeros")
        return ops.where(t <= A, A * self.parameter("s", ()) + A, 0.1 * A) * (A * 2 < 3) + t * (t >= 0)


class TwoTables(cr.Layer):
    """The first column and the last two are categories, the second is a number."""

    takes_any_type = True

    def forward(self, A):
        first = ops.embedding(A[:, 0], self.parameter("E", (9, 3), "he"))
        last = ops.embedding(A[:, 2:], self.parameter("F", (10, 2), "he"))
        return ops.concatenate(first, A[:, 1:2] * self.parameter("n", (1,), "ones"), last.reshape(len(A), 4), axis=1)


class Backwards(cr.Layer):
    """The columns of a table the other way around, so that the category comes last."""

    takes_any_type = True

    def forward(self, A):
        return ops.embed_columns(A[:, ::-1], self.parameter("E", (9, 2), "he"), first=3)


class Reversed(cr.Layer):
    takes_any_type = True

    def forward(self, A):
        return A[:, ::-2]


class Language(cr.Layer):
    """The table that tokens are looked up in is also what they are told from."""

    takes_any_type = True

    def forward(self, A):
        W = self.parameter("W", (9, 5), "he")
        return ops.linear(ops.embedding(A, W).mean(axis=1), W)


class Prototypes(cr.Layer):
    """What the examples and some learned examples look like to the same W."""

    def forward(self, A):
        W = self.parameter("W", (8, A.shape[-1]), "xavier")
        return ops.linear(A, W) @ ops.linear(self.parameter("P", (5, A.shape[-1]), "xavier"), W).T


class Scaled(cr.Layer):
    """A function of a long parameter beside another one that begins as 0."""

    def forward(self, A):
        n = A.shape[-1:]
        return A * ops.sqrt(self.parameter("p", n, "ones")) + self.parameter("q", n)


class Mixed(cr.Layer):
    """Other layers inside, dropout of its own, and the library's normalizations as operations."""

    def __init__(self, inside):
        self.inside = inside

    def forward(self, A):
        for layer in self.inside:
            A = layer(A)
        n = A.shape[-1:]
        if self.training:
            A = ops.dropout(A, rate=0.3, key=self.random_key())
        gamma, beta = self.parameter("gamma", n, "ones"), self.parameter("beta", n)
        A = ops.normalize(A, gamma, beta, np.linspace(-1, 1, *n), np.linspace(0.5, 1.5, *n))
        return ops.batch_norm(A, gamma, beta) + ops.layer_norm(A, np.ones(n), beta)


NETWORKS = {
    "gated": ([Gated(), cr.Dense(1)], ROWS),
    "gated steps": ([Gated(), cr.Flatten(), cr.Dense(1)], STEPS),
    "attention": ([Attention(), cr.LayerNorm(), Attention(), cr.Flatten(), cr.Dense(1)], STEPS),
    "normed by hand": ([NormedByHand(), cr.Dense(1)], STEPS[:, 0]),
    "tied": ([Tied(), cr.Dense(1)], ROWS),
    "weight normed": ([WeightNormed(7), cr.Activation("tanh"), WeightNormed(2), cr.Dense(1)], ROWS),
    "experts": ([cr.Dense(5), Experts(), cr.Dense(1)], ROWS),
    "summary": ([cr.Dense(4), Summary(), cr.Dense(1)], ROWS),
    "pooled": ([cr.Dense(4), Pooled(), cr.Dense(1)], STEPS),
    "steep": ([cr.Dense(4), Steep(), cr.Dense(1)], ROWS),
    "columns": ([TwoTables(), cr.Dense(1)], TOKENS),
    "columns of a table": ([cr.EmbedColumns(2, 9, 3), Gated(), cr.Dense(1)], TOKENS),
    "columns backwards": ([Backwards(), cr.Dense(1)], TOKENS),
    "cut out": ([Reversed(), cr.Flatten(), cr.Embedding(9, 3), cr.Flatten(), cr.Dense(1)], TOKENS),
    "prototypes": ([Prototypes(), cr.Dense(1)], ROWS),
    **{f"scaled {n}": ([cr.Dense(n), Scaled(), cr.Dense(1)], ROWS) for n in (9, 12, 20, 24, 32, 48)},
    "language": ([Language(), cr.Dense(1)], TOKENS),
    "mixed": ([Mixed([cr.Dense(4, "tanh"), cr.BatchNorm(), cr.Dropout(0.2), Gated()]), cr.Dense(1)], ROWS),
    "activation": ([cr.Dense(4, lambda Z: Z * ops.softplus(-Z) ** 1.5), cr.Dense(1)], ROWS),
}


def fresh(layers):
    return list(cr.Network(layers).copy().layers)


@pytest.mark.parametrize(("name", "dtype", "strip"), by_turns(NETWORKS))
def test_a_pure_layer(name, dtype, strip):
    layers, X = NETWORKS[name]
    assert_same(lambda: fresh(layers), X, dtype, alpha=0.02, strips=[strip])


def log_cosh(A, Y):
    E = A - Y
    return (ops.softplus(2 * E) - E).mean()


def pinball(A, Y, q=0.9):
    E = Y - A
    return ops.maximum(q * E, (q - 1) * E).mean()


LOSSES = {
    "log cosh": log_cosh,
    "with an option": pinball,
    "several": lambda A, Y: ops.squared_error(A, Y) / 2 + 0.3 * ops.huber(A, Y) - -(abs(A - Y).sum() * 0.01),
    "over outputs first": lambda A, Y: ((A - Y) ** 2 * np.array([1.0, 2, 3])).sum(axis=-1).mean(),
    "twice the same": lambda A, Y: (lambda L: L + L * 3)(ops.absolute_error(A, Y)),
}


@pytest.mark.parametrize("dtype", TOLERANCE)
@pytest.mark.parametrize("name", LOSSES)
def test_an_own_loss(name, dtype):
    y = RANDOM.normal(size=(M, 3))
    assert_same(lambda: [cr.Dense(4, "tanh"), cr.Dense(3)], ROWS, dtype, LOSSES[name], y)


def test_an_own_loss_of_labels():
    def wary(A, Y):
        return ops.cross_entropy(A, Y) - 0.1 * (A * ops.log(A)).sum(axis=-1).mean()

    assert_same(lambda: [cr.Dense(3, "softmax")], ROWS, "float64", wary, np.arange(M) % 3)


@pytest.mark.parametrize("shape", [(M,), (M, 1), (M, 2)])
def test_an_own_loss_measures_targets_of_every_shape(shape):
    net, y = cr.Network([cr.Dense(shape[1] if shape[1:] else 1)], seed=0), RANDOM.normal(size=shape)
    cr.train(
        net, ROWS, y, loss=log_cosh, validation=(ROWS, y.reshape(M, -1)), epochs=1, progress=False, engine="native"
    )
    found = [cr.evaluate(net, ROWS, y, loss=log_cosh, engine=engine)["loss"] for engine in ("numpy", "native")]
    assert found[0] == pytest.approx(found[1], rel=1e-5)


def trained(layers, loss="squared_error", X=ROWS, y=None, **options):
    net = cr.Network(layers, seed=0)
    y = np.zeros(len(X)) if y is None else y
    return net, cr.train(net, X, y, loss=loss, seed=0, **{"epochs": 2, "progress": False} | options)


@pytest.mark.parametrize(
    ("forward", "what"),
    [
        (lambda A: A - A.mean(axis=0), "mean over the examples"),
        (lambda A: A / A.sum(), "sum over the examples"),
        (lambda A: A.max(axis=(0, 1), keepdims=True) + A, "max over the examples"),
        (lambda A: ops.softmax(A, axis=0), "softmax over the examples"),
        (lambda A: A[::-1], "mixes examples"),
        (lambda A: A + A[:1], "mixes examples"),
        (lambda A: A + A.reshape(6, -1).reshape(A.shape) * 0 + A.T.T, "mixes examples"),
        (lambda A: (A.T @ A)[:1] + A, "mixes examples"),
        (lambda A: A @ A.T @ A, "mixes examples"),
        (lambda A: ops.stack(A, A)[0], "mixes examples"),
        (lambda A: A * np.arange(len(A))[:, None], "numbers that change"),
        (lambda A: (A.reshape(len(A), 6, 1) + A[:, 0]).mean(axis=2), "mixes examples"),
        (lambda A: ops.dropout(A, rate=0.5, key=(0, 1)), "operations change from batch to batch"),
        (lambda A: ops.leaky_relu(A, slope=np.linspace(0, 1, 6)), "leaky_relu with slope"),
    ],
)
def test_what_cannot_be_split_goes_to_numpy_and_is_named(forward, what):
    _, history = trained([cr.Dense(6), of(forward), cr.Dense(1)])
    assert history.engine == "numpy"
    assert what in history.reason
    assert "Own" in history.reason
    assert "after layer 1" in history.reason


class Counting(cr.Layer):
    def __init__(self):
        self.calls = 0

    def forward(self, A):
        self.calls += 1
        return A if self.calls < 50 else A * 0


class Noisy(cr.Layer):
    def __init__(self):
        self.random = np.random.default_rng(0)

    def forward(self, A):
        return A * self.random.normal()


class Remembering(cr.Layer):
    def __init__(self):
        self.seen = []

    def forward(self, A):
        self.seen.append(np.max(plain(A)))
        return A


class KeepingTheLast(cr.Layer):
    last = None

    def forward(self, A):
        self.last = A
        return A


class Averaging(cr.Layer):
    def forward(self, A):
        mean = self.statistic("mean", A.shape[-1:])
        if self.updating:
            mean[...] = 0.9 * mean + 0.1 * plain(A).mean(axis=0)
        return A - mean


CALLS = itertools.count()

IMPURE = {
    "counts calls": (Counting, "changes its calls"),
    "keeps random numbers": (Noisy, "changes its random"),
    "remembers": (Remembering, "asks for the value"),
    "keeps a variable": (KeepingTheLast, "changes its last"),
    "averages": (Averaging, "asks for"),
    "draws": (lambda: of(lambda A: A * np.random.normal()), "draws random numbers"),
    "draws for each": (lambda: of(lambda A: A + np.random.normal(size=A.shape)), "draws random numbers"),
    "counts outside": (lambda: of(lambda A: A * next(CALLS)), "the iterator CALLS"),
    "looks": (lambda: of(lambda A: A * 2 if plain(A).max() > 3 else A), "asks for the value"),
    "asks for the size": (lambda: of(lambda A: ops.tanh(A) if len(A) < 4 else A), "operations change"),
    "takes out": (lambda: of(lambda A: A / np.abs(plain(A)).max()), "asks for the value"),
    "takes out for each": (lambda: of(lambda A: A * (plain(A) > 0)), "asks for the value"),
    "knows the size": (lambda: of(lambda A: A / len(A)), "numbers that change"),
    "takes a parameter's": (
        lambda: type("Spectral", (cr.Layer,), {"forward": spectral})(),
        "asks for the value",
    ),
    "fails": (lambda: of(lambda A: A + 0 / (len(A) - 2)), "fail while they are traced"),
}


class Clipped(cr.Layer):
    """A parameter is looked at."""

    def forward(self, A):
        s = self.parameter("s", (1,), "ones")
        return A * s if s < 2 else A * 2


def test_who_looks_at_a_parameter_is_noticed_too():
    _, history = trained([Clipped(), cr.Dense(1)])
    assert "layer 1, Clipped(), which asks for the truth" in history.reason


def steeper_when_bad(A, Y):
    J = ((A - Y) ** 2).mean()
    return 3 * J if J < 0.5 else J


@pytest.mark.parametrize("loss", [steeper_when_bad, lambda A, Y: log_cosh(A, Y) * (2 if Y.max() > 1e9 else 1)])
def test_a_loss_that_looks_at_the_data_is_noticed(loss):
    (net, history), (expected, _) = (
        trained([cr.Dense(1)], loss, y=ROWS[:, 0], engine=engine) for engine in ("auto", "numpy")
    )
    assert history.engine == "numpy"
    assert "which asks for" in history.reason
    np.testing.assert_array_equal(net.flat, expected.flat)
    found = [cr.evaluate(net, ROWS, ROWS[:, 0], loss=loss, engine=engine)["loss"] for engine in ("auto", "numpy")]
    assert found[0] == found[1]


class Looking(cr.Layer):
    def forward(self, A):
        return A * 0.01 if cr.ops.max(abs(A)) > 100 else A


def test_what_looks_at_the_data_is_predicted_by_its_own_branch():
    net = cr.Network([Looking(), cr.Dense(1)], seed=0, input_shape=6)
    X = np.tile(ROWS * 200, (20, 1))
    np.testing.assert_array_equal(net.predict(X), net.predict(X, engine="numpy"))


def by_shape(A):
    wide = int(np.prod(A.shape[1:])) > 3 and A.ndim == 2 and len(A) > 0 and A.dtype.kind == "f"
    return A * float(A.shape[1]) if wide else A


def test_who_looks_at_shapes_alone_stays_native():
    _, history = trained([of(by_shape), cr.Dense(1)])
    assert history.engine == "native"


def test_what_the_librarys_own_operations_look_at_is_no_look_of_the_users():
    class Looked(cr.Layer):
        takes_any_type = True

        def forward(self, A):
            return ops.embedding(A, self.parameter("E", (9, 3), "he")).mean(axis=1)

    def loss(A, Y):
        return ops.cross_entropy(A, Y) + 0.1 * (A * A).mean()

    _, history = trained([Looked(), cr.Dense(2, "softmax")], loss, TOKENS, np.arange(M) % 2)
    assert history.engine == "native"


def spectral(self, A):
    W = self.parameter("W", (A.shape[-1], 3), "he")
    return A @ W / np.linalg.norm(plain(W))


@pytest.mark.parametrize("name", IMPURE)
def test_what_is_impure_goes_to_numpy_and_is_named(name):
    make, what = IMPURE[name]
    X = ROWS / np.abs(ROWS).max()
    net, history = trained([cr.Dense(4), make(), cr.Dense(1)], X=X, batch_size=4)
    assert history.engine == "numpy"
    assert what in history.reason
    assert name == "fails" or "layer 1" in history.reason or "layer 2" in history.reason
    assert net.predict(X).shape == (M, 1)


@pytest.mark.parametrize("noise", [0.0, 1e-6])
def test_a_few_examples_of_own_layers_are_predicted_without_a_look_at_these(noise, monkeypatch):
    monkeypatch.setattr(prediction, "FEW_OF_OWN", M)
    calls = []

    class Called(NoisyLater):
        def forward(self, A):
            calls.append(len(A))
            return super().forward(A)

    net = cr.Network([cr.Dense(4), Called(noise), cr.Dense(1)], seed=0, input_shape=6)
    expected = net.predict(ROWS, engine="numpy")
    net.predict(ROWS)
    calls.clear()
    np.testing.assert_allclose(net.predict(ROWS), expected, atol=1e-4)
    assert calls == [M]


@pytest.mark.parametrize("kind", [Counting, Noisy, Remembering, Averaging])
def test_the_look_at_a_layer_leaves_it_as_it_was(kind):
    looked_at, history = trained([kind(), cr.Dense(1)])
    assert history.engine == "numpy"
    expected, _ = trained([kind(), cr.Dense(1)], engine="numpy")
    np.testing.assert_array_equal(looked_at.flat, expected.flat)


@pytest.mark.parametrize(
    ("loss", "what"),
    [
        (lambda A, Y: ((A - Y) ** 2).max(), "no sum of means"),
        (lambda A, Y: ((A - Y) ** 2).mean() + 3, "does not depend on the output"),
        (
            lambda A, Y: ((A - (Y > 0)) ** 2).mean(),
            "of plain arrays of type float64",
        ),
        (lambda A, Y: ops.squared_error(A, -A * Y), "something else than the targets"),
        (lambda A, Y: ((A - Y) ** 2).mean() * np.random.normal(), "draws random numbers"),
        (lambda A, Y, weights=None: ((A - Y) ** 2).mean(), "may take weights"),
        (lambda A, Y: ((A - A.mean()) ** 2).mean(), "mean over the examples"),
    ],
)
def test_a_loss_that_is_no_sum_over_the_examples_goes_to_numpy_and_is_named(loss, what):
    _, history = trained([cr.Dense(2)], loss, y=np.ones((M, 2)))
    assert history.engine == "numpy"
    assert what in history.reason
    assert "the loss <lambda>" in history.reason


@pytest.mark.parametrize("engine", ["numpy", "native"])
@pytest.mark.parametrize("loss", [log_cosh, pinball, functools.partial(pinball, q=0.5)])
def test_weights_that_an_own_loss_does_not_take_are_refused(loss, engine):
    with pytest.raises(cr.OptionError, match=r"takes no weights, but .* \(A, Y, weights=None\)"):
        trained([cr.Dense(1)], loss, engine=engine, sample_weight=np.ones(M))


def test_an_own_loss_gets_weights_by_their_name():
    def squared(A, Y, factor=0.5, *, weights=None):
        return (factor * (A - Y) ** 2 * (1 if weights is None else np.reshape(weights, (-1, 1)))).mean()

    found = [
        trained([cr.Dense(1)], loss, y=ROWS[:, 0], sample_weight=np.arange(M))[0].flat
        for loss in (squared, "squared_error")
    ]
    np.testing.assert_allclose(*found, rtol=1e-5)


class Factor(cr.Layer):
    def __init__(self, factor):
        self.factor = factor
        self.shift = 0.0

    def forward(self, A):
        return A * self.factor + self.shift


def test_what_a_callback_changes_counts_from_the_next_epoch_on():
    def change(run):
        run.network.layers[1].factor *= 0.5
        run.network.layers[1].shift = np.full(4, 0.25)

    nets = [
        trained([cr.Dense(4), Factor(2.0), cr.Dense(1)], engine=engine, callbacks=change, optimizer=cr.Adam(0.1))[0]
        for engine in ("numpy", "native")
    ]
    np.testing.assert_allclose(nets[0].flat, nets[1].flat, rtol=1e-5)


CHANGES = {
    "dropout": (lambda: cr.Dropout(0.2), {"rate": 0.8}),
    "no dropout": (lambda: cr.Dropout(0.2), {"rate": 0.0}),
    "moving averages": (cr.BatchNorm, {"momentum": 0.1}),
    "what is added to the variance": (cr.BatchNorm, {"epsilon": 3.0}),
}


@pytest.mark.parametrize("name", CHANGES)
@pytest.mark.parametrize("last", [lambda: cr.Dense(1), lambda: cr.Dense(1, lambda Z: Z * 0.5)], ids=["", "own"])
def test_what_a_callback_changes_in_the_librarys_layers_counts_from_the_next_epoch_on(name, last):
    make, changes = CHANGES[name]

    def change(run):
        vars(run.network.layers[1]).update(changes)

    def run(engine, callbacks):
        how = {"engine": engine, "callbacks": callbacks, "optimizer": cr.GradientDescent(0.1)}
        return trained([cr.Dense(4), make(), last()], y=ROWS[:, 0], **how)[0].state()

    expected, found, unchanged = run("numpy", change), run("native", change), run("native", ())
    for key, numbers in expected.items():
        np.testing.assert_allclose(found[key], numbers, rtol=1e-4, atol=1e-6)
    assert any(not np.array_equal(found[key], unchanged[key]) for key in found)


def test_lbfgs_follows_what_a_callback_changes_in_the_librarys_layers():
    def change(run):
        run.network.layers[1].epsilon = 0.5

    def run(engine):
        layers = [cr.Dense(4), cr.LayerNorm(), cr.Dense(1)]
        return trained(layers, y=ROWS[:, 0], engine=engine, callbacks=change, optimizer=cr.LBFGS(), epochs=4)[1]

    np.testing.assert_allclose(*([epoch["loss"] for epoch in run(e).epochs] for e in ("numpy", "native")), rtol=1e-3)


class NoisyLater(cr.Layer):
    def __init__(self, noise):
        self.noise = noise

    def forward(self, A):
        return A + self.noise * np.random.default_rng(next(CALLS)).normal(size=A.shape) if self.noise else A


def test_a_layer_that_becomes_impure_goes_on_in_numpy():
    def change(run):
        run.network.layers[1].noise = 0.0 if run.epoch < 2 else 1e-6

    def run(engine):
        layers = [cr.Dense(4, "tanh"), NoisyLater(0.0), cr.Dense(1)]
        return trained(layers, engine=engine, epochs=4, callbacks=change, batch_size=4)

    (expected, _), (found, history) = run("numpy"), run("auto")
    assert history.engine == "numpy"
    assert "NoisyLater" in history.reason
    np.testing.assert_allclose(found.flat, expected.flat, atol=1e-4)


@pytest.mark.parametrize("kind", ["float32", "float64", "int64"])
@pytest.mark.parametrize("dtype", TOLERANCE)
@pytest.mark.parametrize("own", ["loss", "layer"])
def test_what_stands_behind_a_standardize_is_as_native_whatever_the_type_of_x(own, dtype, kind):
    X, y = (10 + 30 * ROWS).astype(kind), 5 + 3 * ROWS[:, 0]

    def run(engine):
        back = cr.Standardize(inverse=True)
        back.learn([y])
        layers = [cr.Standardize(), cr.Dense(4, "tanh"), *([] if own == "loss" else [Gated()]), cr.Dense(1), back]
        net = cr.Network(layers, seed=0, dtype=dtype)
        loss = log_cosh if own == "loss" else "squared_error"
        history = cr.train(net, X, y, loss=loss, epochs=3, seed=0, engine=engine, progress=False)
        return net, history

    (net, history), (expected, _) = run("auto"), run("numpy")
    assert history.engine == "native", history.reason
    np.testing.assert_allclose(net.flat, expected.flat, rtol=1e-4, atol=1e-4)


def test_an_if_is_seen_behind_a_standardize_too():
    X = 1000 + 50 * ROWS
    _, history = trained([cr.Standardize(), of(lambda A: A * 2 if plain(A).max() > 3 else A), cr.Dense(1)], X=X)
    assert "which asks for" in history.reason


def test_what_a_layer_reads_elsewhere_counts_at_the_next_call():
    settings = {"slope": 0.1}
    net = cr.Network([cr.Dense(4, lambda Z: ops.maximum(Z, settings["slope"] * Z))], seed=0, input_shape=6)
    for slope in (0.1, 0.7):
        settings["slope"] = slope
        np.testing.assert_allclose(net.predict(ROWS, engine="native"), net.predict(ROWS, engine="numpy"), rtol=1e-5)


def test_an_own_operation_is_not_taken_for_the_librarys_of_that_name():
    def relu(xp, Z):
        return Z * 3, lambda dA: (dA * 3,)

    own = Operation(relu, "A = 3 Z", ("dZ = 3 dA",))
    _, history = trained([cr.Dense(3, own), cr.Dense(1)])
    assert history.engine == "numpy"
    assert history.reason.startswith("the operation relu, in layer 1")


@pytest.mark.parametrize(
    ("options", "words"), [({}, "slope is missing"), ({"slope": 0.1, "steep": 2.0}, "no option steep")]
)
def test_a_kernel_asks_for_its_options_by_name(options, words):
    from chainrule.engines.native.plan import EXAMPLE, Step, Value

    values = [Value(EXAMPLE, (3,)), Value(EXAMPLE, (3,))]
    steps = [Step("gather", [], 0, [], {}), Step("leaky_relu", [0], 1, [False], options)]
    with pytest.raises(ValueError, match=words):
        native.kernels().Program32(values, steps, {"name": ""}, 4, 0, 1, 1)


@pytest.mark.parametrize("engine", ["numpy", "native"])
@pytest.mark.parametrize(("column", "token"), [(0, 9), (0, -1), (2, 10)])
def test_indices_of_columns_are_looked_at_each_against_its_own_table(engine, column, token):
    net = cr.Network([TwoTables(), cr.Dense(1)], seed=0, input_shape=4)
    X = TOKENS.copy()
    X[:, 1] = -1000  # a number, and no index
    net.predict(X, engine=engine)
    X[3, column] = token
    with pytest.raises(cr.DataError, match=f"but A has {token}"):
        net.predict(X, engine=engine)


def test_lbfgs_measures_what_users_wrote():
    def change(run):
        run.network.layers[1].factor = 1.0 + run.epoch % 2

    found = []
    for engine in ("numpy", "native"):
        layers = [cr.Dense(4, "tanh"), Factor(1.0), cr.Dense(1)]
        _, history = trained(
            layers, log_cosh, y=ROWS[:, 0], optimizer=cr.LBFGS(), epochs=4, engine=engine, callbacks=change
        )
        found.append([epoch["loss"] for epoch in history.epochs])
        assert history.engine == engine
    np.testing.assert_allclose(*found, rtol=1e-4)


def test_lbfgs_goes_on_in_numpy_where_a_layer_becomes_impure():
    def change(run):
        run.network.layers[1].noise = 1e-6 * (run.epoch >= 1)

    layers = [cr.Dense(4, "tanh"), NoisyLater(0.0), cr.Dense(1)]
    _, history = trained(layers, y=ROWS[:, 0], optimizer=cr.LBFGS(), epochs=6, callbacks=change)
    assert history.engine == "numpy"
    assert "NoisyLater" in history.reason


@pytest.mark.parametrize("optimizer", ["adam", cr.LBFGS()], ids=["adam", "lbfgs"])
def test_where_numpy_must_train_a_line_says_so_once(optimizer, capsys):
    def told(layers, **options):
        trained(layers, y=ROWS[:, 0], optimizer=optimizer, **{"progress": True, "epochs": 3} | options)
        return [line for line in capsys.readouterr().err.splitlines() if "numpy" in line]

    (line,) = told([of(lambda A: A / len(A)), cr.Dense(1)])
    assert line.startswith("the numpy engine trains, slower than the native one, because of Own")
    assert told([of(lambda A: A / len(A)), cr.Dense(1)], engine="numpy") == []
    assert told([of(lambda A: A / len(A)), cr.Dense(1)], progress=False) == []
    assert told([cr.Dense(1)]) == []


def test_the_reason_names_what_plain_code_has_done():
    def reason(loss):
        return trained([cr.Dense(2)], loss, y=ROWS[:, :2])[1].reason

    assert "the number of examples (by which .mean() divides" in reason(lambda A, Y: ((A - Y) ** 2).sum() / A.shape[0])
    assert "of plain arrays of type float64" in reason(lambda A, Y: ((A[:, :1] - 2 * Y[:, :1]) ** 2).mean())


def test_evaluation_goes_to_numpy_where_sequences_of_another_length_have_no_kernel():
    def forward(A):
        return A if A.shape[1] < 6 else A * float(plain(A).max())

    net = cr.Network([of(forward), cr.Dense(1)], seed=0, input_shape=(4, 2))
    X, y = RANDOM.normal(size=(1100, 6, 2)), RANDOM.normal(size=(1100, 6, 1))
    with pytest.raises(cr.OptionError, match="has no kernel for"):
        cr.evaluate(net, X, y, loss="squared_error", engine="native")
    found = [cr.evaluate(net, X, y, loss="squared_error", engine=engine)["loss"] for engine in ("auto", "numpy")]
    assert found[0] == pytest.approx(found[1])

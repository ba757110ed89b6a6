"""A linear step on numbers that are spread over bins: one kernel, which comes to what the bins written out come to."""

import numpy as np
import pytest

import chainrule as cr
from chainrule.engines import ENGINES, native
from chainrule.engines.native.compile import Compiler
from chainrule.engines.tracing import form_of
from chainrule.graph import operation
from engines.both import TOLERANCE, M, assert_same

pytestmark = pytest.mark.skipif("native" not in ENGINES, reason="the kernels were not built")

RANDOM = np.random.default_rng(0)
X = np.column_stack([RANDOM.normal(size=(M, 3)), np.full(M, 2.0), RANDOM.integers(0, 5, (M, 2)), np.arange(M) % 3])
"""Numbers, the same number, whole numbers, and numbers of rows of a table."""


def spread(bins=16, columns=None, over=X):
    """A layer that has learned its bins."""
    layer = cr.PiecewiseLinear(bins, columns)
    layer.learn([over])
    return layer


def kernels_in(layers, over=X, dtype="float32"):
    net = cr.Network(layers, seed=0, dtype=dtype, input_shape=over.shape[1:])
    known = frozenset(native.kernels().kernels())
    return [
        step.kernel
        for step in Compiler(None, known, training=False).compiled(net, form_of(net, over.shape[1:])).plan.steps
    ]


NETWORKS = {
    "all columns": lambda: [spread(), cr.Dense(7, "tanh"), cr.Dense(1)],
    "one panel and a part": lambda: [spread(70, [0, 1]), cr.Dense(12, "tanh"), cr.Dense(1)],
    "many panels": lambda: [spread(60), cr.Dense(70, "silu"), cr.Dropout(0.2), cr.Dense(1)],
    "beside a table": lambda: [cr.EmbedColumns(6, 3, 4), spread(20, [2, 0, 4]), cr.Dense(33, "tanh"), cr.Dense(1)],
    "without b": lambda: [spread(9, [5, 4]), cr.Dense(8, bias=False), cr.BatchNorm(), cr.Dense(1)],
    "an ensemble": lambda: [
        cr.Ensemble([cr.Network([spread(k), cr.Dense(9, "tanh"), cr.Dense(1)], seed=k) for k in (12, 20)])
    ],
}


@pytest.mark.parametrize("dtype", TOLERANCE)
@pytest.mark.parametrize("layers", NETWORKS.values(), ids=NETWORKS)
def test_it_is_trained_as_with_bins_that_are_written_out(layers, dtype):
    assert "linear_in_bins" in kernels_in(layers(), dtype=dtype)
    assert_same(layers, X, dtype, alpha=0.01)


@pytest.mark.parametrize("m", [1, 3, 8, 9, 200])
@pytest.mark.parametrize("threads", [1, 2])
def test_any_number_of_examples_on_any_number_of_threads_comes_to_the_same(m, threads):
    net = cr.Network(
        [spread(40, [0, 1, 4]), cr.Dense(300, "relu"), cr.Dense(2)], seed=0, dtype="float64", input_shape=(7,)
    )
    examples = np.resize(RANDOM.normal(size=(37, 7)) * 3, (m, 7))
    with cr.threads.held_to(threads):
        found = net.predict(examples, engine="native")
    np.testing.assert_allclose(found, net.predict(examples, engine="numpy"), rtol=1e-12, atol=1e-12)


def test_a_large_layer_that_is_shared_by_outputs_is_trained_alike():
    random = np.random.default_rng(1)
    X, y = random.normal(size=(24, 4)), random.normal(size=(24, 1))
    found = []
    for engine, threads in (("numpy", 1), ("native", 1), ("native", 2)):
        net = cr.Network(
            [spread(50, over=X), cr.Dense(64, "tanh"), cr.Dense(1)], seed=0, dtype="float64", input_shape=(4,)
        )
        cr.train(
            net,
            X,
            y,
            loss="squared_error",
            epochs=3,
            batch_size=8,
            engine=engine,
            threads=threads,
            seed=0,
            progress=False,
        )
        found.append(net.flat.copy())
    for one in found[1:]:
        np.testing.assert_allclose(one, found[0], rtol=1e-9, atol=1e-9)


def test_numbers_outside_of_all_bins_and_at_their_edges():
    net = cr.Network([spread(5, [0]), cr.Dense(9), cr.Dense(4)], seed=0, dtype="float64", input_shape=(7,))
    ends = np.zeros((20, 7))
    ends[:, 0] = np.resize([-1e9, 1e9, *net.layers[0].statistics["low"]], 20)
    np.testing.assert_allclose(net.predict(ends, engine="native"), net.predict(ends, engine="numpy"), rtol=1e-9)


def backwards():
    """Bins of which the second lies before the first, as a file may hold them."""
    layer = spread(4, [0])
    layer.statistics["low"][:2] = layer.statistics["low"][1::-1].copy()
    return layer


WRITTEN_OUT = {
    "two read the bins": lambda: [spread(), cr.Residual([cr.Dense(X.shape[1] * 17)]), cr.Dense(5), cr.Dense(1)],
    "few outputs": lambda: [spread(), cr.Dense(2)],
    "few bins": lambda: [spread(3), cr.Dense(8)],
    "behind a layer": lambda: [cr.Dense(5), spread(8, over=X[:, :5]), cr.Dense(8)],
    "columns of a table": lambda: [cr.EmbedColumns(6, 3, 4), spread(8, [7], over=np.hstack([X, X])), cr.Dense(8)],
    "out of order": lambda: [backwards(), cr.Dense(8)],
    "nothing behind": lambda: [cr.Dense(4), spread(over=X[:, :4])],
}


@pytest.mark.parametrize("layers", WRITTEN_OUT.values(), ids=WRITTEN_OUT)
def test_bins_are_written_out_where_they_must_be_or_where_it_does_not_pay(layers):
    assert "linear_in_bins" not in kernels_in(layers())
    net = cr.Network(layers(), seed=0, dtype="float64", input_shape=(7,))
    np.testing.assert_allclose(net.predict(X, engine="native"), net.predict(X, engine="numpy"), rtol=1e-10, atol=1e-10)


def test_bins_that_are_learned_anew_are_noticed():
    net = cr.Network([spread(), cr.Dense(8), cr.Dense(1)], seed=0, dtype="float64", input_shape=(7,))
    net.predict(X, engine="native")
    net.layers[0].learn([X * 2])
    np.testing.assert_allclose(net.predict(X, engine="native"), net.predict(X, engine="numpy"), rtol=1e-10)


class OnlyOne(cr.Layer):
    """Puts one array together with nothing else, as bins are never written."""

    def forward(self, A):
        return cr.ops.concatenate(A, axis=1)


@pytest.mark.parametrize("before", [[], [cr.Dense(3)]])
def test_what_is_put_together_of_a_single_array_holds_no_bins(before):
    net = cr.Network([*before, OnlyOne(), cr.Dense(2)], seed=0, dtype="float64", input_shape=(7,))
    np.testing.assert_allclose(net.predict(X, engine="native"), net.predict(X, engine="numpy"), rtol=1e-10)


class OfOthers(cr.PiecewiseLinear):
    """Takes the bins of another example."""

    def forward(self, A):
        which = np.repeat(np.arange(A.shape[1]), self.bins)
        low, width = self.statistic("low", (len(which),), 0.0), self.statistic("width", (len(which),), 1.0)
        through = cr.ops.standardize(A[::-1, which], low.astype(A.dtype), width.astype(A.dtype))
        return cr.ops.concatenate(A, cr.ops.clip(through, low=0.0, high=1.0), axis=1)


def test_bins_of_other_examples_are_refused():
    layer = OfOthers(9)
    layer.learn([X])
    net = cr.Network([layer, cr.Dense(8)], seed=0, dtype="float64", input_shape=(7,))
    with pytest.raises(cr.OptionError, match="mixes examples"):
        net.predict(X, engine="native")


def test_an_operation_of_ones_own_that_is_called_clip_is_not_taken_for_the_librarys():
    @operation(forward=r"Z = A^2", backward=(r"dA = 2 A \odot dZ",))
    def clip(xp, A, *, low=None, high=None):
        """Z = A², whatever it is called."""
        return A * A, lambda dZ: (2 * A * dZ,)

    class Squared(cr.PiecewiseLinear):
        def forward(self, A):
            which = np.repeat(np.arange(A.shape[1]), self.bins)
            low, width = self.statistic("low", (len(which),), 0.0), self.statistic("width", (len(which),), 1.0)
            through = cr.ops.standardize(A[:, which], low.astype(A.dtype), width.astype(A.dtype))
            return cr.ops.concatenate(A, clip(through, low=0.0, high=1.0), axis=1)

    try:
        layer = Squared(9)
        layer.learn([X])
        net = cr.Network([layer, cr.Dense(8)], seed=0, dtype="float64", input_shape=(7,))
        found = net.predict(X)
        np.testing.assert_allclose(found, net.predict(X, engine="numpy"))
    finally:
        cr.ops.OPERATIONS["clip"] = cr.ops.clip


@pytest.mark.parametrize(("dtype", "apart", "one"), [("float64", 1e-4, False), ("float32", 1e-8, True)])
def test_bins_that_lie_apart_by_no_more_than_roundings_follow_each_other(dtype, apart, one):
    layer = spread(12, [0])
    layer.statistics["low"] = layer.statistics["low"] + apart * layer.statistics["width"]
    layer.statistics["low"][0] -= apart * layer.statistics["width"][0]
    assert ("linear_in_bins" in kernels_in([layer, cr.Dense(8)], dtype=dtype)) is one

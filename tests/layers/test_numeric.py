"""Layers that spread single numbers out: bins and waves."""

import math

import numpy as np
import pytest

import chainrule as cr
from chainrule.layers.edges import Examples, by_quantiles, by_tree, evenly_drawn
from chainrule.layers.numeric import ENDLESS

NO_Y = Examples(np.empty((0, 0)))

X = np.random.default_rng(0).normal(size=(200, 3))


def learned(layer: cr.Layer, X: np.ndarray = X) -> cr.Network:
    net = cr.Network([layer, cr.Dense(2, "softmax")], seed=0, dtype="float64")
    cr.train(net, X, np.arange(len(X)) % 2, loss="cross_entropy", epochs=1, progress=False, hints=False)
    return net


def test_a_number_fills_the_bins_below_it() -> None:
    layer = cr.PiecewiseLinear(2)
    layer.learn([np.array([[0.0], [1.0], [3.0]])])
    Z = layer(np.array([[-1.0], [0.5], [1.0], [2.0], [9.0]]))
    assert Z.tolist() == [[-1, 0, 0], [0.5, 0.5, 0], [1, 1, 0], [2, 1, 0.5], [9, 1, 1]]


def test_the_edges_are_quantiles_and_frequent_values() -> None:
    assert by_quantiles(np.array([1.0, 2.0, 2.0, 5.0]), NO_Y, 4).tolist() == [1, 2, 5]  # of few different numbers each
    assert by_quantiles(np.arange(101.0), NO_Y, 4).tolist() == [0, 25, 50, 75, 100]
    zeros = np.concatenate([np.zeros(910), np.arange(1.0, 91.0)])
    found = by_quantiles(zeros, NO_Y, 8)
    assert found[:2].tolist() == [0, 1], "the many zeros take one edge, and leave the others"
    assert len(found) == 9
    assert by_quantiles(np.full(9, 7.0), NO_Y, 3).tolist() == [7]


@pytest.mark.parametrize(
    "Y",
    [
        (np.arange(1000) // 100 >= 3).astype(int),
        (np.arange(1000) // 100 >= 3) * 2.0,
        np.array([0, 7, 3])[np.clip(np.arange(1000) // 300, 0, 1)],
        np.stack([np.zeros(1000), np.arange(1000) < 300], axis=1),
    ],
)
def test_a_tree_finds_the_edges_at_which_the_target_changes(Y: np.ndarray) -> None:
    v = np.arange(1000.0)
    edges = by_tree(v, Examples(v, Y), 2)
    assert edges.tolist() == [0, 299.5, 999]
    order = np.random.default_rng(0).permutation(1000)
    assert by_tree(v[order], Examples(v, Y[order]), 8).tolist() == edges.tolist(), "and no others"


def test_a_tree_leaves_no_bin_to_few_numbers() -> None:
    v, noise = np.sort(X[:, 0]), np.random.default_rng(1).normal(size=200)
    edges = by_tree(v, Examples(v, noise), 48)
    assert len(edges) > 4
    assert min(np.histogram(v, edges)[0]) >= 10
    assert by_tree(v[:19], Examples(v, noise[:19]), 48).tolist() == [v[0], v[18]], "19 numbers are no two bins"
    assert by_tree(v, Examples(v, noise), 1).tolist() == [v[0], v[-1]]
    assert by_tree(np.full(200, 7.0), Examples(v, noise), 4).tolist() == [7]


def test_a_tree_tells_numbers_apart_that_float32_does_not_and_draws_nothing() -> None:
    v = 1.7e9 + np.arange(40.0)
    before = np.random.get_state()[1].copy()
    assert by_tree(v, Examples(v, (np.arange(40) >= 17).astype(int)), 2).tolist() == [v[0], v[16] + 0.5, v[-1]]
    assert np.array_equal(np.random.get_state()[1], before)


def test_a_tree_counts_examples_as_they_weigh_and_targets_alike() -> None:
    v = np.arange(100.0)
    early, late = (v >= 30).astype(float), (v >= 65).astype(float)
    Y = np.where(v < 50, early, 1 + late)
    half = np.where(v < 50, 1.0, 0.0)
    assert by_tree(v, Examples(v, Y, half), 2).tolist() == [0, 29.5, 99]
    assert by_tree(v, Examples(v, Y, 1 - half), 2).tolist() == [0, 64.5, 99]
    assert by_tree(v, Examples(v, np.stack([1e6 * early, late], 1)), 3).tolist() == [0, 29.5, 64.5, 99]


@pytest.mark.parametrize("loss", ["squared_error", "cross_entropy"])
def test_whole_numbers_are_classes_if_the_cost_says_so(loss: str) -> None:
    y = np.repeat([0, 1, 2], [300, 40, 260])  # of values 1 to 2 is as far as 0 to 1
    v = np.arange(600.0)[:, None]
    net = cr.Network([cr.PiecewiseLinear(2, edges="tree"), cr.Dense(3, "softmax") if loss[0] == "c" else cr.Dense(1)])
    for given in (y, y.astype(float)):
        again = net.copy()
        cr.train(again, v, given, loss=loss, epochs=1, batch_size=600, progress=False, hints=False)
        kind = cr.layers.edges.by_tree(v[:, 0], Examples(v, y if loss[0] == "c" else y.astype(float)), 2)
        assert np.allclose(again.layers[0].statistics["low"], kind[:-1])


def test_training_shows_a_layer_the_targets_if_it_finds_its_edges_by_them() -> None:
    y = (X[:, 1] > 0.3).astype(int)
    net = cr.Network([cr.PiecewiseLinear(2, [1], edges="tree"), cr.Dense(2, "softmax")], seed=0)
    cr.train(net, X, y, loss="cross_entropy", epochs=1, batch_size=16, progress=False, hints=False)
    learned = net.layers[0].statistics
    assert abs(learned["low"][1] - 0.3) < 0.05
    assert learned["count"] == 200


def test_bins_that_are_left_over_stay_empty() -> None:
    layer = cr.PiecewiseLinear([1, 3])
    layer.learn([np.array([[0.0, 5.0], [1.0, 5.0], [2.0, 6.0]])])
    assert layer.statistics["width"].tolist() == [2, 1, ENDLESS, ENDLESS]
    assert np.allclose(layer(np.array([[1.0, 99.0]])), [[1, 99, 0.5, 1, 0, 0]])


def test_training_learns_the_edges_once_from_all_batches() -> None:
    net = learned(cr.PiecewiseLinear(4, columns=[2]))
    layer = net.layers[0]
    edges = np.quantile(X[:, 2], np.linspace(0, 1, 5), method="nearest")
    assert np.allclose(layer.statistics["low"], edges[:-1])
    assert layer.statistics["count"] == 200
    cr.train(net, X + 100, np.arange(200) % 2, loss="cross_entropy", epochs=1, progress=False, hints=False)
    assert np.allclose(layer.statistics["low"], edges[:-1])


def test_of_many_examples_some_are_drawn_evenly() -> None:
    rows = np.arange(1000.0).reshape(-1, 1)
    (found, Y, _), count = evenly_drawn(
        (Examples(rows[i : i + 37], rows[i : i + 37, 0]) for i in range(0, 1000, 37)), 100
    )
    assert (found[:, 0] == Y).all()
    assert count == 1000
    assert 50 < len(found) <= 100
    assert set(np.diff(found[:, 0])) == {16.0}


@pytest.mark.parametrize(
    "layer", [cr.PiecewiseLinear(3), cr.PiecewiseLinear(2, [1]), cr.Periodic(2), cr.Periodic(3, [0, 2])]
)
def test_engines_and_gradients_agree(layer: cr.Layer) -> None:
    net = learned(layer)
    assert cr.check_gradients(net, X[:7], np.arange(7) % 2, loss="cross_entropy")
    assert np.allclose(net.predict(X, engine="native"), net.predict(X, engine="numpy"), atol=1e-12)


def test_a_wave_is_a_cosine_of_a_learned_frequency() -> None:
    net = cr.Network([cr.Periodic(2, [1])], seed=0, dtype="float64", input_shape=3)
    f, phi = net.layers[0].held["f"], net.layers[0].held["phi"]
    expected = np.cos(2 * math.pi * (X[:, 1:2] * f + phi))
    assert np.allclose(net.predict(X), np.hstack([X, expected]))


def test_a_file_keeps_the_edges(tmp_path) -> None:
    net = learned(cr.PiecewiseLinear([2, 3, 4]))
    net.save(tmp_path / "net.safetensors")
    assert np.array_equal(cr.load(tmp_path / "net.safetensors").predict(X), net.predict(X))


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: cr.PiecewiseLinear(0), "bins is 0, but must be a whole number, 1 or more"),
        (lambda: cr.PiecewiseLinear([2, 3], [0]), "there are 1 columns, but bins for 2"),
        (lambda: cr.PiecewiseLinear(2, edges="trees"), "no way to find edges 'trees'. Did you mean 'tree'?"),
        (lambda: cr.PiecewiseLinear(2, [1, 1]), "must name one or more, each once"),
        (lambda: cr.Periodic(2, []), "must name one or more, each once"),
        (lambda: learned(cr.PiecewiseLinear(2, [7])), "there is no column 7"),
        (lambda: learned(cr.PiecewiseLinear([2, 2])), "the input has 3 columns, but there are bins for 2"),
        (lambda: cr.PiecewiseLinear(2).learn([]), "there is no example to learn bins from"),
        (lambda: cr.Network([cr.Periodic(2)], input_shape=(4, 3)), r"must be \(m, n\)"),
    ],
)
def test_messages(make, message: str) -> None:
    with pytest.raises(cr.ChainruleError, match=message):
        make()

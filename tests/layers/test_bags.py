"""`EmbedBags`: the mean vector of each bag of words beside the numbers of a row."""

import numpy as np
import pytest

import chainrule as cr

X = np.array([[0.5, 1, 2, 0, 3], [1.5, 2, 0, 0, 0]])


def network(*layers, dtype="float64"):
    return cr.Network([cr.EmbedBags(1, (3, 1), 5, 2), *layers], seed=0, dtype=dtype, input_shape=5)


def test_numbers_stay_and_each_bag_becomes_the_mean_of_its_vectors():
    net = network()
    W = net.layers[0].held["W"]
    assert np.allclose(net.predict(X), [[0.5, *(W[1] + W[2]) / 2, *W[3]], [1.5, *W[2], 0, 0]])


def test_the_gradient_is_right():
    cr.check_gradients(network(cr.Dense(3, "softmax")), X, [0, 2], loss="cross_entropy")


def test_both_engines_learn_the_same():
    rng = np.random.default_rng(0)
    many = np.column_stack([rng.normal(size=50), rng.integers(0, 5, (50, 4))])
    found = []
    for engine in ("numpy", "native"):
        net = network(cr.Dense(4, "tanh"), cr.Dense(3, "softmax"))
        history = cr.train(
            net, many, np.arange(50) % 3, loss="cross_entropy", epochs=2, engine=engine, seed=0, progress=False
        )
        found.append([*history["loss"], *net.flat])
    assert np.allclose(*found)


def test_it_is_saved_and_explained(tmp_path):
    net = network(cr.Dense(3, "softmax"))
    net.save(tmp_path / "model.safetensors")
    assert np.array_equal(cr.load(tmp_path / "model.safetensors").predict(X), net.predict(X))
    page = str(cr.derive(net, X, [0, 2], loss="cross_entropy"))
    assert "layer 1, EmbedBags(1, (3, 1), 5, 2)" in page
    assert "dWₖ^[1]" in page


def test_what_does_not_fit_says_why():
    with pytest.raises(cr.OptionError, match="there must be a bag or more"):
        cr.EmbedBags(1, (), 5, 2)
    with pytest.raises(cr.ShapeError, match=r"must be \(m, 5\): 1 numbers, and the bags"):
        cr.Network([cr.EmbedBags(1, (3, 1), 5, 2)]).predict(X[:, :4])
    with pytest.raises(cr.DataError, match="indices go from 0 to 4, but A has 7"):
        network().predict(np.where(X == 3, 7, X))

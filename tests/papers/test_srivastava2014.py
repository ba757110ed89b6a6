"""Dropout keeps a network from learning wrong labels by heart; the mean of thinned networks is the whole one."""

import numpy as np
import pytest

from chainrule.layers import Dense, Dropout, Network
from chainrule.papers import srivastava2014
from chainrule.papers.result import spread
from chainrule.papers.srivastava2014 import SAMPLES, averaged, digits


@pytest.fixture(scope="module")
def result():
    return srivastava2014.run(seeds=2, examples=600, units=96, epochs=24)


def test_noise_is_drawn_from_all_ten_and_leaves_the_test_digits_alone():
    clean, noisy = digits(0, 1000, 0.0), digits(0, 1000, 0.2)
    np.testing.assert_array_equal(clean.X, noisy.X)
    np.testing.assert_array_equal(clean.y_test, noisy.y_test)
    assert (clean.y != noisy.y).mean() == pytest.approx(0.2 * 0.9, abs=0.05)


def test_dropout_keeps_wrong_labels_out(result):
    none, dropout = (np.array(result.numbers[f"noisy {kind}"]) for kind in ("none", "dropout"))
    assert (dropout < none).all()


def test_with_clean_labels_there_is_no_gain(result):
    none, dropout = (np.mean(result.numbers[f"clean {kind}"]) for kind in ("none", "dropout"))
    assert abs(none - dropout) < 0.03


def test_the_mean_of_many_is_better_than_one_and_near_the_whole_network(result):
    one, many = (np.mean(result.numbers[f"mean of {k}"]) for k in (1, 50))
    assert many < one
    assert many == pytest.approx(np.mean(result.numbers["clean dropout"]), abs=0.01)


def test_a_softmax_on_a_thinned_layer_is_the_geometric_mean_of_all_masks():
    """With one layer the derivation is exact: here over all 2⁴ masks of four inputs."""
    random = np.random.default_rng(0)
    W, A = random.normal(size=(3, 4)), random.normal(size=4)
    masks = np.array([[(k >> i) & 1 for i in range(4)] for k in range(16)])
    Z = (masks / 0.5 * A) @ W.T
    means = np.exp((Z - np.log(np.exp(Z).sum(axis=1, keepdims=True))).mean(axis=0))
    whole = np.exp(W @ A)
    np.testing.assert_allclose(means / means.sum(), whole / whole.sum())


def test_without_dropout_all_thinned_networks_are_the_same():
    data = digits(0, 50, 0.0)
    net = Network([Dense(8, "relu"), Dropout(0.0), Dense(10, "softmax")], seed=0, input_shape=64)
    assert len({*averaged(net, data)}) == 1


def test_the_table_and_the_figure(result):
    none, dropout = (result.numbers[f"noisy {kind}"] for kind in ("none", "dropout"))
    told = f"{spread(none, percent=True)} | {spread(dropout, percent=True)}"
    assert result.rows[0].here == f"{told}; dropout is better with 2 of 2 seeds"
    assert result.rows[0].why.startswith("600 digits")
    best = np.median(result.numbers["noisy none at best"]) < np.median(none)
    assert bool(result.rows[2].why) == best
    means = result.figure.panels[2]
    assert [told for _, told in means.ticks] == [str(k) for k in SAMPLES]

"""Shared weights: the paper's network to the last connection, and better than as many weights of their own."""

import numpy as np
import pytest

from chainrule.errors import DataError, OptionError
from chainrule.papers import lecun1989
from chainrule.training import gradients


@pytest.fixture(scope="module")
def result():
    return lecun1989.run(seeds=1)


def test_the_network_has_the_papers_connections_and_weights():
    counted = lecun1989.counted()
    assert counted == {"H1": (19968, 1068), "H2": (38592, 2592), "H3": (5790, 5790), "output": (310, 310)}
    assert np.sum([*counted.values()], axis=0).tolist() == [64660, 9760]
    assert lecun1989.SCHEME.sum(axis=3).ravel().tolist() == [8.0] * 12
    assert lecun1989.lenet5().flat.size == 61706


def test_the_derivative_of_a_shared_weight_is_the_sum_over_its_places():
    """dW = Σ dZ A over all places, where dZ is db, as each unit has a bias of its own; what is not seen has none."""
    net = lecun1989.shared()
    X = np.random.default_rng(0).uniform(-1, 1, (1, 16, 16, 1))
    _, found = gradients(net, X, np.eye(10)[:1], loss="squared_error")
    framed = np.pad(X[0, :, :, 0], ((1, 2), (1, 2)))
    windows = np.array([[framed[2 * i : 2 * i + 5, 2 * j : 2 * j + 5] for j in range(8)] for i in range(8)])
    expected = np.einsum("ijk,ijuv->kuv", found["db1"], windows)
    np.testing.assert_allclose(found["dW1"][..., 0], expected, rtol=1e-4, atol=1e-6)
    seen = np.broadcast_to(lecun1989.SCHEME, found["dW2"].shape) > 0
    assert (found["dW2"][~seen] == 0).all()
    assert (found["dW2"][seen] != 0).all()


def test_a_target_of_one_is_where_the_activation_is_not_flat():
    assert lecun1989.squash(np.array([-1.0, 1.0])) == pytest.approx([-1, 1], abs=1e-4)


def test_shared_weights_find_again_what_has_moved(result):
    shared, dense = (result.numbers[f"{kind} moved test"][0] for kind in ("shared", "dense"))
    assert shared < dense
    assert result.numbers["shared test"][0] < 0.12


def test_a_moved_digit_is_the_digit_one_pixel_further():
    still, moved = (lecun1989.doubled(3, 5, moved=moved) for moved in (False, True))
    np.testing.assert_array_equal(still.y, moved.y)
    for one, other in zip(still.X[..., 0], moved.X[..., 0], strict=True):
        framed = np.pad(one, 2, constant_values=-1)
        places = [framed[a : a + 16, b : b + 16] for a in (1, 2, 3) for b in (1, 2, 3)]
        assert any(np.array_equal(other, place) for place in places)


def test_the_table_and_the_figure(result):
    assert "64,660 and 9,760" in str(result)
    curves, kernels = result.figure.panels
    assert {mark.label for mark in curves.marks} == {"", "shared", "dense", "shared moved", "dense moved"}
    assert kernels.marks[0].values.shape == (17, 23)
    assert "<svg" in result.figure.svg()


def test_rates_are_of_the_networks_that_there_are():
    options = {"seeds": 1, "examples": 40, "passes": 1}
    usual, other = (lecun1989.run(**options, rates=rates) for rates in ({}, {"dense": 0.0}))
    assert usual.numbers["dense train"] != other.numbers["dense train"]
    assert usual.numbers["shared train"] == other.numbers["shared train"]
    with pytest.raises(OptionError, match=r"there is no kind of network 'dens'\. Did you mean 'dense'"):
        lecun1989.run(1, rates={"dens": 0.1})


def test_mnist_is_read_where_it_is_and_asked_for_where_it_is_not(monkeypatch, real_file, tmp_path):
    monkeypatch.setenv("CHAINRULE_DATA", str(tmp_path))
    with pytest.raises(DataError, match=r"mnist10k\.npz: let the environment variable CHAINRULE_DATA name the folder"):
        lecun1989.run(1, data="mnist")
    monkeypatch.setenv("CHAINRULE_DATA", str(real_file("mnist10k.npz").parent))
    found = lecun1989.mnist(0, 30)
    assert found.X.shape == (30, 16, 16, 1)
    assert found.X_test.shape == (2007, 16, 16, 1)
    assert found.X.min() == -1
    assert 0.5 < found.X.max() <= 1


@pytest.mark.slow
def test_on_mnist_it_is_as_good_as_in_the_paper(monkeypatch, real_file):
    monkeypatch.setenv("CHAINRULE_DATA", str(real_file("mnist10k.npz").parent))
    numbers = lecun1989.run(2, data="mnist").numbers
    assert max(numbers["shared test"]) < 0.05 < 0.06 < min(numbers["dense test"])

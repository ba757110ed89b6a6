import numpy as np
import pytest

import chainrule as cr


def masks(net, X, **options):
    return np.asarray(net.record(X, training=True, **options)[0])


@pytest.fixture
def net():
    return cr.Network([cr.Dropout(0.25)], dtype="float64", input_shape=500)


@pytest.fixture
def X():
    return np.ones((200, 500))


def test_it_changes_nothing_when_predicting(net, X):
    np.testing.assert_array_equal(net.predict(X), X)
    np.testing.assert_array_equal(net.predict(X), net.predict(X))


def test_training_sets_that_share_to_zero_and_divides_the_rest(net, X):
    A = masks(net, X)
    assert (A == 0).mean() == pytest.approx(0.25, abs=0.01)
    np.testing.assert_allclose(A[A != 0], 1 / 0.75, rtol=1e-12)


def test_training_keeps_the_mean(net, X):
    assert masks(net, X).mean() == pytest.approx(1, abs=0.01)


def test_the_mask_depends_on_the_seed_and_the_update_and_on_nothing_else(net, X):
    np.testing.assert_array_equal(masks(net, X, seed=1, update=2), masks(net, X, seed=1, update=2))
    assert (masks(net, X, seed=1, update=2) != masks(net, X, seed=1, update=3)).any()
    assert (masks(net, X, seed=1, update=2) != masks(net, X, seed=2, update=2)).any()


def test_two_dropouts_in_one_network_drop_different_elements(X):
    both = masks(cr.Network([cr.Dropout(0.5), cr.Dropout(0.5)], dtype="float64", input_shape=500), X)
    assert (both == 0).mean() == pytest.approx(0.75, abs=0.01)


def test_each_step_of_a_sequence_has_its_own_mask():
    A = masks(cr.Network([cr.Dropout(0.5)], dtype="float64", input_shape=(10, 50)), np.ones((20, 10, 50)))
    assert A.shape == (20, 10, 50)
    assert (A[:, 0] != A[:, 1]).any()


def test_the_same_seed_trains_to_the_same_bits():
    random = np.random.default_rng(0)
    X, y = random.normal(size=(64, 8)), random.integers(0, 3, 64)

    def trained(seed):
        net = cr.Network([cr.Dense(16, "relu"), cr.Dropout(0.5), cr.Dense(3, "softmax")], seed=0)
        cr.train(net, X, y, loss="cross_entropy", epochs=3, batch_size=16, seed=seed, progress=False)
        return net.flat

    np.testing.assert_array_equal(trained(1), trained(1))
    assert (trained(1) != trained(2)).any()


def test_rate_zero_changes_nothing_in_training_either(X):
    net = cr.Network([cr.Dropout(0)], dtype="float64", input_shape=500)
    np.testing.assert_array_equal(masks(net, X), X)


def test_float32_stays_float32():
    net = cr.Network([cr.Dropout(0.5)], input_shape=4)
    assert masks(net, np.ones((2, 4), np.float32)).dtype == np.float32


@pytest.mark.parametrize("rate", [1.0, 1.5, -0.1, float("nan"), float("inf"), "0.5", None, True])
def test_the_rate_is_at_least_0_and_less_than_1(rate):
    with pytest.raises(cr.OptionError, match=r"dropout rate is .* at least 0 and less than 1"):
        cr.Dropout(rate)


def test_an_array_is_no_rate():
    with pytest.raises(cr.OptionError, match="dropout rate"):
        cr.Dropout(np.array([0.1, 0.2]))

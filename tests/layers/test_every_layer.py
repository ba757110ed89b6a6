"""One network with every kind of layer: its gradient, and all the ways to make another of it."""

import copy
import pickle

import numpy as np
import pytest

import chainrule as cr


@pytest.fixture
def X():
    return np.random.default_rng(1).integers(0, 7, size=(9, 3))


@pytest.fixture
def y():
    return np.random.default_rng(2).integers(0, 4, 9)


def every_layer(dtype="float32"):
    standardize = cr.Standardize()
    net = cr.Network(
        [
            cr.Embedding(7, 4, initializer="xavier"),
            cr.LayerNorm(),
            cr.Residual([cr.Dense(4, "tanh"), cr.Activation("softplus")]),
            cr.Residual([cr.Dense(5, "gelu")], shortcut=cr.Dense(5, bias=False)),
            cr.Flatten(),
            standardize,
            cr.Dropout(0.2),
            cr.Network([cr.Dense(6, "silu"), cr.BatchNorm()]),
            cr.Dense(4, "softmax"),
        ],
        seed=0,
        dtype=dtype,
        input_shape=3,
    )
    standardize.learn([np.random.default_rng(3).normal(0.5, 0.3, size=(20, 15))])
    return net


@pytest.fixture(params=["float32", "float64"])
def net(request, X, y):
    made = every_layer(request.param)
    cr.train(made, X, y, loss="cross_entropy", epochs=2, batch_size=5, seed=0, progress=False)
    made.metadata["classes"] = ["a", "b", "c", "d"]
    return made


def test_it_has_every_layer():
    named = [getattr(cr, name) for name in cr.__all__]
    public = {value for value in named if isinstance(value, type) and issubclass(value, cr.Layer)}
    only_first = {cr.EmbedColumns}  # as the Embedding is here; it has tests of its own
    assert {type(layer) for _, layer in every_layer().family()} == public - {cr.Layer} - only_first


def test_its_gradient_is_right(X, y):
    check = cr.check_gradients(every_layer("float64"), X, y, loss="cross_entropy", tolerance=1e-7)
    assert check.passed, str(check)
    assert set(check.errors) == set(every_layer().parameters)


def test_checking_the_gradient_changes_nothing(X, y):
    net = every_layer()
    before = {name: value.copy() for name, value in net.state().items()}
    cr.check_gradients(net, X, y, loss="cross_entropy", most=3)
    for name, value in net.state().items():
        np.testing.assert_array_equal(value, before[name])


def same(one, other, X):
    assert repr(one) == repr(other)
    assert one.state().keys() == other.state().keys()
    for name, value in one.state().items():
        assert other.state()[name].dtype == value.dtype
        np.testing.assert_array_equal(other.state()[name], value)
    np.testing.assert_array_equal(one.predict(X), other.predict(X))
    assert (one.seed, one.dtype, one.input_shape, one.metadata) == (
        other.seed,
        other.dtype,
        other.input_shape,
        other.metadata,
    )


WAYS = {
    "copy": lambda net: net.copy(),
    "copy.copy": copy.copy,
    "copy.deepcopy": copy.deepcopy,
    "pickle": lambda net: pickle.loads(pickle.dumps(net)),
}


@pytest.mark.parametrize("way", WAYS)
def test_a_copy_has_the_same_bits(net, X, way):
    same(net, WAYS[way](net), X)


@pytest.mark.parametrize("way", WAYS)
def test_a_copy_is_independent(net, X, y, way):
    before, other = net.predict(X), WAYS[way](net)
    assert not np.shares_memory(net.flat, other.flat)
    other.flat[:] = 0
    other.metadata["classes"].append("e")
    for _, layer in other.family():
        for value in layer.statistics.values():
            value[...] = 5
    np.testing.assert_array_equal(net.predict(X), before)
    assert net.metadata["classes"] == ["a", "b", "c", "d"]


def test_a_copy_is_trained_on_as_the_original_would_be(net, X, y):
    other = net.copy()
    for each in (net, other):
        cr.train(each, X, y, loss="cross_entropy", epochs=2, batch_size=5, seed=7, progress=False)
    same(net, other, X)


def test_the_views_of_a_copy_are_live(net):
    other = copy.deepcopy(net)
    other.flat[:] = 3
    assert all((value == 3).all() for value in other.parameters.values())
    assert np.shares_memory(other.layers[7].flat, other.flat)


def test_a_copy_can_have_another_type(X):
    net = every_layer()
    wide = net.copy(dtype="float64")
    assert wide.dtype == wide.layers[7].dtype == "float64"
    assert wide.flat.dtype == wide.predict(X).dtype == np.float64
    np.testing.assert_array_equal(wide.flat, net.flat.astype(np.float64))
    same(net, wide.copy(dtype="float32"), X)


def test_a_copy_in_a_type_that_no_network_has_is_an_option_error():
    with pytest.raises(cr.OptionError, match='computes in "float32" or "float64", not float16'):
        every_layer().copy(dtype="float16")


def test_a_network_that_is_not_built_is_copied_with_its_seed():
    net = cr.Network([cr.Dense(3)], dtype="float64")
    other = copy.deepcopy(net)
    assert not other.built
    np.testing.assert_array_equal(net.predict(np.ones((2, 4))), other.predict(np.ones((2, 4))))

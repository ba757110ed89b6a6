"""Networks that have every kind of layer together: their gradients, and all the ways to make another of them."""

import copy
import pickle

import numpy as np
import pytest

import chainrule as cr


def of_features(dtype="float32"):
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
        seed=1,  # by 0, a feature hardly differs in the batch: BatchNorm bends too much there for central differences
        dtype=dtype,
        input_shape=3,
    )
    standardize.learn([np.random.default_rng(3).normal(0.5, 0.3, size=(20, 15))])
    return net


def of_pictures(dtype="float32"):
    layers = [
        cr.Conv2D(4, (3, 2), "gelu", stride=(1, 2), padding=((1, 0), (0, 2)), groups=2),
        cr.BatchNorm(),
        cr.ConvTranspose2D(3, 2, "tanh", stride=2, output_padding=(1, 0), bias=False),
        cr.MaxPool((2, 1), padding="same"),
        cr.UpSample((1, 2)),
        cr.AveragePool(2, stride=1),
        cr.Residual([cr.Network([cr.Conv2D(3, 3, dilation=2, padding="same")])]),
        cr.AdaptiveAveragePool((2, 3)),
        cr.Residual([cr.GlobalMaxPool()], shortcut=cr.GlobalAveragePool()),
        cr.Dense(4, "softmax"),
    ]
    return cr.Network(layers, seed=0, dtype=dtype, input_shape=(4, 5, 2))


def of_sequences(dtype="float32"):
    layers = [
        cr.ConvTranspose1D(4, 3, "tanh", padding="same"),
        cr.PositionalEncoding(),
        cr.Residual([cr.MultiHeadAttention(2, causal=True)]),
        cr.GRU(4, layers=2, dropout=0.2, stateful=True),
        cr.LSTM(3, stateful=True),
        cr.RNN(4, last=True, bidirectional=True),
        cr.Dense(4, "softmax"),
    ]
    return cr.Network(layers, seed=0, dtype=dtype, input_shape=(6, 2))


def of_words(dtype="float32"):
    layers = [
        cr.Masking(),
        cr.Embedding(7, 4, initializer="xavier"),
        cr.BatchNorm(),
        cr.Conv1D(3, 2, "tanh", padding=((1, 0),)),
        cr.MaxPool(2, stride=1),
        cr.UpSample(2),
        cr.AveragePool(2),
        cr.LSTM(4, bidirectional=True),
        cr.MultiHeadAttention(2, 6),
        cr.Residual([cr.GlobalMaxPool()], shortcut=cr.GlobalAveragePool()),
        cr.Dense(4, "softmax"),
    ]
    return cr.Network(layers, seed=0, dtype=dtype, input_shape=6)


RANDOM = np.random.default_rng(1)
NETWORKS = {
    "features": (of_features, RANDOM.integers(0, 7, size=(9, 3))),
    "pictures": (of_pictures, RANDOM.normal(size=(9, 4, 5, 2))),
    "sequences": (of_sequences, RANDOM.normal(size=(9, 6, 2))),
    "words": (of_words, RANDOM.integers(1, 7, size=(9, 6)) * (np.arange(6) < RANDOM.integers(1, 7, size=(9, 1)))),
}


@pytest.fixture(params=NETWORKS)
def kind(request):
    return request.param


@pytest.fixture
def every_layer(kind):
    return NETWORKS[kind][0]


@pytest.fixture
def X(kind):
    return NETWORKS[kind][1]


@pytest.fixture
def y():
    return np.random.default_rng(2).integers(0, 4, 9)


@pytest.fixture(params=["float32", "float64"])
def net(request, every_layer, X, y):
    made = every_layer(request.param)
    cr.train(made, X, y, loss="cross_entropy", epochs=2, batch_size=5, shuffle=False, seed=0, progress=False)
    made.metadata["classes"] = ["a", "b", "c", "d"]
    return made


def test_they_have_every_layer():
    named = [getattr(cr, name) for name in cr.__all__]
    public = {value for value in named if isinstance(value, type) and issubclass(value, cr.Layer)}
    only_first = {cr.EmbedBags, cr.EmbedColumns}  # as the Embedding is here; they have tests of their own
    only_first |= {cr.Ensemble, cr.Periodic, cr.PiecewiseLinear}  # which stand before or around others
    found = {type(layer) for make, _ in NETWORKS.values() for _, layer in make().family()}
    assert found == public - {cr.Layer} - only_first


def test_its_gradient_is_right(every_layer, X, y):
    check = cr.check_gradients(every_layer("float64"), X, y, loss="cross_entropy", tolerance=1e-7, most=4)
    assert check.passed, str(check)
    assert set(check.errors) == set(every_layer().parameters)


def test_checking_the_gradient_changes_nothing(every_layer, X, y):
    net = every_layer()
    before = {name: value.copy() for name, value in net.state().items()}
    cr.check_gradients(net, X, y, loss="cross_entropy", most=1)
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


def test_it_comes_back_from_its_file_with_the_same_bits(net, X, tmp_path):
    net.save(tmp_path / "net.safetensors")
    same(net, cr.load(tmp_path / "net.safetensors"), X)


def test_it_can_be_explained_drawn_and_summed_up(net, X, capsys):
    page = str(cr.derive(net, X[:2])).replace("γ", "gamma").replace("β", "beta")
    drawing = cr.draw(net)._repr_svg_()
    net.summary()
    table = capsys.readouterr().out
    for name in net.parameters:
        assert f"d{name[:-1]}^[{name[-1]}]" in page
        assert name in table
    assert drawing.count("<rect") > len(net.parameters)


def test_a_copy_is_trained_on_as_the_original_would_be(net, X, y):
    other = net.copy()
    for each in (net, other):
        cr.train(each, X, y, loss="cross_entropy", epochs=2, batch_size=5, shuffle=False, seed=7, progress=False)
    same(net, other, X)


def networks_in(net):
    return [layer for _, layer in net.family() if isinstance(layer, cr.Network)]


def test_the_views_of_a_copy_are_live(net):
    other = copy.deepcopy(net)
    other.flat[:] = 3
    assert all((value == 3).all() for value in other.parameters.values())
    assert all(np.shares_memory(inner.flat, other.flat) for inner in networks_in(other))


def test_a_copy_can_have_another_type(every_layer, X):
    net = every_layer()
    wide = net.copy(dtype="float64")
    assert {inner.dtype for inner in networks_in(wide)} == {"float64"}
    assert wide.flat.dtype == wide.predict(X).dtype == np.float64
    np.testing.assert_array_equal(wide.flat, net.flat.astype(np.float64))
    same(net, wide.copy(dtype="float32"), X)


def test_a_copy_in_a_type_that_no_network_has_is_an_option_error():
    with pytest.raises(cr.OptionError, match='computes in "float32" or "float64", not float16'):
        of_features().copy(dtype="float16")


def test_a_network_that_is_not_built_is_copied_with_its_seed():
    net = cr.Network([cr.Dense(3)], dtype="float64")
    other = copy.deepcopy(net)
    assert not other.built
    np.testing.assert_array_equal(net.predict(np.ones((2, 4))), other.predict(np.ones((2, 4))))

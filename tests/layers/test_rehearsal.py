"""Loading: what a network would take is found out by a walk of no examples, before anything is made."""

import functools
import tracemalloc

import numpy as np
import pytest
from tests.torture.models import packed

import chainrule as cr
from chainrule import files
from chainrule.layers.rehearsal import output_shape
from layers.test_every_layer import NETWORKS

CROWDS = {
    "a wide padding": ([cr.Conv2D(1, 1, padding=1)], (4, 4, 1), ("padding", 15000)),
    "a large repetition": ([cr.UpSample(2)], (4, 4, 1), ("size", 7000)),
    "a huge repetition": ([cr.UpSample(2)], (4, 4, 1), ("size", 10**12)),
    "many layers in one": ([cr.LSTM(1, layers=2)], (3, 1), ("layers", 2_000_000)),
    "many parts": ([cr.AdaptiveAveragePool(2)], (4, 4, 1), ("size", [30000, 30000])),
    "many windows": ([cr.MaxPool(1, stride=1, padding="same")], (2000, 2000, 1), ("size", 1000)),
    "many windows over few": ([cr.AveragePool(1, padding="same")], (4, 4, 1), ("size", 10**6)),
    "a wide padding under a mask": ([cr.Masking(), cr.Conv1D(1, 1, padding=1)], (4, 1), ("padding", 10**9)),
    "many units": ([cr.Dense(1)], (4,), ("n_out", 10**9)),
    "many words": ([cr.Embedding(4, 2)], (4,), ("n_tokens", 10**9)),
}


def description_of(net):
    tensors, description = net.content()
    return dict(tensors), files.unpack(files.pack(tensors, description), "")[1]


def refused(path, tensors, description, **options):
    path.write_bytes(packed(tensors, description))
    with pytest.raises(cr.ModelFileError) as caught:
        cr.load(path, **options)
    return str(caught.value)


@pytest.fixture
def path(tmp_path):
    return tmp_path / "model.safetensors"


@pytest.mark.parametrize("kind", NETWORKS)
def test_no_examples_come_to_the_shape_of_one(kind):
    make, X = NETWORKS[kind]
    net = make()
    assert output_shape(net) == net.predict(X).shape[1:]


class TestCrowds:
    @pytest.mark.parametrize("crowd", CROWDS)
    def test_a_small_file_that_asks_for_much_is_refused_before_it_gets_any(self, path, crowd):
        layers, shape, (option, value) = CROWDS[crowd]
        tensors, description = description_of(cr.Network(layers, seed=0, input_shape=shape))
        description["network"]["layers"][-1][option] = value
        tracemalloc.start()
        try:
            reason = refused(path, tensors, description)
            assert tracemalloc.get_traced_memory()[1] < 20e6
        finally:
            tracemalloc.stop()
        assert "does not fit (" not in reason

    def test_many_and_large_steps(self, path):
        for layer, of_build, shape in (
            (cr.PositionalEncoding(), (2, 4), [8192, 8192]),
            (cr.MultiHeadAttention(1, causal=True), (2, 1), [60_000, 1]),
            (cr.LSTM(1, last=True), (2, 1), [10**8, 1]),
            (cr.Standardize(), (4,), [10**9]),
        ):
            tensors, description = description_of(cr.Network([layer], seed=0, input_shape=of_build))
            refused(path, tensors, description | {"input_shape": shape})

    def test_the_caller_may_ask_for_less_or_more(self, path):
        net = cr.Network([cr.UpSample(10)], seed=0, input_shape=(10, 10, 1))
        net.save(path)
        reason = refused(path, *description_of(net), memory_limit=30_000)
        assert "UpSample(10): one example would take 0.0 GB of memory or more" in reason
        assert "load it with a larger memory_limit" in reason
        assert cr.load(path, memory_limit=100_000).built
        for wrong in (0, -1, "much", 0.5):
            with pytest.raises(cr.OptionError, match="memory_limit is"):
                cr.load(path, memory_limit=wrong)

    def test_many_layers_and_deep_ones(self, path):
        tensors, description = description_of(cr.Network([cr.Activation("relu")], seed=0, input_shape=4))
        layer = description["network"]["layers"][0]
        crowd = description["network"] | {"layers": [layer] * 40_000}
        assert "more than 25,000 layers" in refused(path, tensors, description | {"network": crowd})
        for _ in range(48):
            layer = {"type": "Residual", "layers": [layer], "shortcut": None}
        assert "nested" in refused(path, tensors, {"a": [[]] * 3, **description, "network": {"a": nested(250)}})
        deep = description["network"] | {"layers": [layer]}
        path.write_bytes(packed(tensors, description | {"network": deep}))
        assert cr.load(path).built
        for _ in range(3):
            layer = {"type": "Residual", "layers": [layer], "shortcut": None}
        deeper = description["network"] | {"layers": [layer]}
        assert "more than 50 deep" in refused(path, tensors, description | {"network": deeper})

    def test_metadata_too_deep_to_be_read_are_not_written(self, path):
        net = cr.Network([cr.Dense(1)], seed=0, input_shape=2)
        net.metadata["deep"] = nested(300)
        with pytest.raises(cr.OptionError, match="nested 200 deep"):
            net.save(path)


def nested(depth):
    value = []
    for _ in range(depth):
        value = [value]
    return value


class TestWhatNobodyAsksFor:
    @pytest.fixture
    def net(self):
        layers = [cr.Standardize(), cr.Dense(3), cr.BatchNorm(), cr.Dense(2)]
        return cr.Network(layers, seed=0, input_shape=4)

    @pytest.mark.parametrize(
        ("name", "value", "reason"),
        [
            ("W9", np.ones((2, 2), np.float32), "a tensor W9 that belongs to no layer"),
            ("layers.1.mean", np.zeros(3), r"a statistic mean that layer 1, Dense\(3\) does not ask for"),
            ("layers.0.median", np.zeros(4), "a statistic median that .* does not ask for"),
            ("layers.0.mean", np.zeros(4, np.int64), "int64, but statistics are real numbers"),
            ("W1", np.zeros((3, 4)), "float64, but the network's parameters are float32"),
        ],
    )
    def test_a_tensor_that_nobody_asks_for(self, path, net, name, value, reason):
        tensors, description = description_of(net)
        path.write_bytes(packed(tensors | {name: value}, description))
        with pytest.raises(cr.ModelFileError, match=reason):
            cr.load(path)

    def test_a_statistic_that_is_missing(self, path, net):
        tensors, description = description_of(net)
        del tensors["layers.2.variance"]
        assert "its statistic variance is missing" in refused(path, tensors, description)

    def test_two_tensors_for_one_parameter(self, path, net):
        tensors, description = description_of(net)
        description["parameters"]["W3"] = description["parameters"]["W1"]
        assert "has that already" in refused(path, tensors, description)

    def test_the_state_of_a_stateful_layer_is_kept(self, path):
        net = cr.Network([cr.LSTM(3, stateful=True), cr.Dense(1)], seed=0, input_shape=(4, 2))
        net.layers[0].statistics |= {"state": np.ones((5, 3)), "cell": np.ones((5, 3))}
        net.save(path)
        assert cr.load(path).state().keys() == net.state().keys() >= {"layers.0.state", "layers.0.cell"}
        tensors, description = description_of(net)
        reason = refused(path, tensors | {"layers.0.cell": np.zeros((3, 4))}, description)
        assert "its cell is (3, 4), but must be (m, 3)" in reason


class TestOptions:
    @pytest.mark.parametrize(
        ("option", "value", "reason"),
        [
            ("bias", 7, "Dense's `bias` is 7, but must be true or false"),
            ("n_out", 2.0, r"Dense's `n_out` is 2\.0, but must be a whole number"),
            ("initializer", {"a": 1}, "an initializer is a name or an Initializer"),
            ("activation", 5, "an activation is a name"),
            ("activation", {"operation": "softmax", "options": {"axis": "x"}}, "softmax's `axis` is 'x'"),
            (
                "activation",
                {"operation": "leaky_relu", "options": {"slope": [1]}},
                "`slope` is .1., but must be a",
            ),
            ("activation", {"operation": "leaky_relu", "options": {"slope": 10**400}}, "but must be a finite number"),
            ("activation", {"operation": "relu", "options": {"slope": 1}}, "relu has no option 'slope'"),
            ("activation", {"operation": "relu", "options": []}, "options are .*, but must be an object"),
            ("activation", {"operation": "sum", "options": {"axis": 0}}, "all examples together, and nothing of each"),
            ("activation", {"type": "_EachGate", "initializer": {"type": "He"}, "gates": 1}, "there is no layer"),
        ],
    )
    def test_an_option_of_another_type_is_named(self, path, option, value, reason):
        tensors, description = description_of(cr.Network([cr.Dense(2)], seed=0, input_shape=4))
        description["network"]["layers"][0][option] = value
        path.write_bytes(packed(tensors, description))
        with pytest.raises(cr.ModelFileError, match=reason):
            cr.load(path)


class Reshaping(cr.Layer):
    """Does not know how to go on without an example."""

    def __init__(self, inside=None):
        self.inside = inside

    def forward(self, A):
        assert len(A), "there is an example"
        A = A.reshape((len(A), -1))
        return A if self.inside is None else self.inside(A)


class Passing(cr.Layer):
    """Looks for an example only behind what it holds."""

    def __init__(self, inside):
        self.inside = inside

    def forward(self, A):
        A = self.inside(A)
        assert len(A), "there is an example"
        return A


class TestOwnLayers:
    @pytest.mark.parametrize(
        ("layers", "shape"),
        [
            ([Reshaping(), cr.Dense(2)], (2, 3)),
            ([cr.Dense(3), Reshaping(Reshaping(cr.Dense(2, "relu"))), cr.BatchNorm()], (2, 3)),
            ([cr.Masking(), cr.Embedding(3, 2), Reshaping(), cr.Dense(2)], (3,)),
            ([cr.Masking(), cr.Embedding(3, 2), Passing(cr.Conv1D(2, 2)), cr.GRU(3, last=True)], (4,)),
        ],
    )
    def test_one_that_needs_an_example_gets_one(self, path, layers, shape):
        net = cr.Network(layers, seed=0, input_shape=shape)
        net.save(path)
        loaded, X = cr.load(path), np.ones((4, *shape), int)
        np.testing.assert_array_equal(loaded.predict(X), net.predict(X))

    def test_what_is_too_large_inside_is_refused_before(self, path):
        net = cr.Network([Reshaping(cr.Network([cr.Dense(4), Picture(), cr.UpSample(2)]))], seed=0, input_shape=4)
        tensors, description = description_of(net)
        description["network"]["layers"][0]["inside"]["layers"][2]["size"] = 2_000
        words = refused(path, tensors, description, memory_limit=10**7)
        assert "UpSample(2000) after layer 1: one example would take" in words


class Picture(cr.Layer):
    def forward(self, A):
        return A.reshape((A.shape[0], 2, 2, 1))


@pytest.mark.parametrize(
    "layer",
    [
        lambda: cr.Dense(4, bias=0),
        lambda: cr.Dense(4, bias=np.bool_(False)),
        lambda: cr.Dense(4, bias=None),
        lambda: cr.Dense(4, functools.partial(cr.ops.leaky_relu, slope=True)),
    ],
)
def test_what_serves_for_true_and_false_is_loaded_as_it_was_saved(path, layer):
    net = cr.Network([layer()], seed=0, input_shape=3)
    net.save(path)
    assert np.array_equal(cr.load(path).predict(np.eye(3)), net.predict(np.eye(3)))


def test_what_can_be_nested_can_be_loaded(path):
    inner = cr.Dense(3, initializer=cr.initializers.He("uniform"))
    for _ in range(48):
        inner = cr.Residual([inner])
    net = cr.Network([inner], seed=0, input_shape=3)
    net.save(path)
    assert np.array_equal(cr.load(path).flat, net.flat)


def test_a_network_around_one_that_has_learned_says_what_it_needs_to_be_saved(path):
    learned = cr.Network([cr.Dense(4)], seed=0, input_shape=3)
    net = cr.Network([learned, cr.Dense(2)])
    with pytest.raises(cr.OptionError, match="give it input_shape, or build"):
        net.save(path)
    net.build(3)
    net.save(path)
    assert np.array_equal(cr.load(path).flat, net.flat)

"""What every layer answers to data that do not fit, in the notes' words."""

import copy
import pickle
import re

import numpy as np
import pytest

import chainrule as cr


class OwnFirstColumns(cr.Layer):
    def __init__(self, keep):
        self.keep = keep

    def forward(self, A):
        return A[..., : self.keep]


FITTED_TO_4_FEATURES = {
    "layer 1, Dense(5): W1 is (5, 4), so it takes 4 features, but A0 has 3.": lambda: [cr.Dense(5)],
    'layer 1, Dense(5, "relu", bias=False): W1 is (5, 4), so it takes 4 features, but A0 has 3.': lambda: [
        cr.Dense(5, "relu", bias=False)
    ],
    "layer 1, BatchNorm(): gamma1 is (4,), so it takes 4 features, but A0 has 3.": lambda: [cr.BatchNorm()],
    "layer 1, LayerNorm(): gamma1 is (4,), so it takes 4 features, but A0 has 3.": lambda: [cr.LayerNorm()],
    "Standardize(): mean is (4,), so it takes 4 features, but the input has 3.": lambda: [cr.Standardize()],
    "layer 1, Dense(4): W1 is (4, 4), so it takes 4 features, but A0 has 3.": lambda: [cr.Residual([cr.Dense(4)])],
    "layer 1, Dense(2): W1 is (2, 4), so it takes 4 features, but A0 has 3.": lambda: [
        cr.Dropout(0.5),
        cr.Activation("relu"),
        cr.Flatten(),
        cr.Network([cr.Dense(2)]),
    ],
}


@pytest.mark.parametrize("message", FITTED_TO_4_FEATURES)
def test_another_number_of_features_names_layer_parameter_and_shapes(message):
    net = cr.Network(FITTED_TO_4_FEATURES[message](), input_shape=4)
    with pytest.raises(cr.ShapeError, match=f"^{re.escape(message)}$"):
        net.predict(np.zeros((2, 3)))


@pytest.mark.parametrize("message", FITTED_TO_4_FEATURES)
def test_training_says_the_same(message):
    net = cr.Network(FITTED_TO_4_FEATURES[message](), input_shape=4)
    with pytest.raises(cr.ShapeError, match=f"^{re.escape(message)}$"):
        cr.train(net, np.zeros((2, 3)), np.zeros((2, 4)), loss=lambda A, Y: (A * 0).sum(), progress=False)


def test_the_layer_is_counted_over_those_that_hold_parameters():
    net = cr.Network([cr.Dense(4, "relu"), cr.Dropout(0.1), OwnFirstColumns(4), cr.Dense(5)], input_shape=2)
    net.layers[2].keep = 3
    message = "layer 2, Dense(5): W2 is (5, 4), so it takes 4 features, but A1 has 3."
    with pytest.raises(cr.ShapeError, match=f"^{re.escape(message)}$"):
        net.predict(np.zeros((6, 2)))


def test_a_network_with_parameters_is_counted_anew_inside_another():
    fitted = cr.Network([cr.Dense(5)], input_shape=4)
    message = "layer 2, Dense(5): W2 is (5, 4), so it takes 4 features, but A1 has 3."
    with pytest.raises(cr.ShapeError, match=f"^{re.escape(message)}$"):
        cr.Network([cr.Dense(3), fitted], input_shape=2)


def test_a_layer_without_parameters_is_named_after_the_one_before_it():
    layers = [cr.Dense(4), OwnFirstColumns(4), cr.Standardize()]
    net = cr.Network(layers, input_shape=2)
    layers[1].keep = 3
    with pytest.raises(cr.ShapeError, match=r"^Standardize\(\) after layer 1: mean is \(4,\), so it takes 4 features"):
        net.predict(np.zeros((6, 2)))


@pytest.mark.parametrize("layer", [cr.Dense, lambda n: cr.BatchNorm(), lambda n: cr.LayerNorm()])
def test_a_single_row_of_numbers_is_answered_with_both_ways_out(layer):
    net = cr.Network([layer(4)], input_shape=4)
    with pytest.raises(cr.ShapeError, match=r"the input is \(4,\).*X.reshape\(-1, 1\).*X.reshape\(1, -1\)"):
        net.predict(np.zeros(4))


def test_a_single_row_is_told_in_its_own_shape_before_the_network_is_built():
    net = cr.Network([cr.Dense(3)])
    with pytest.raises(cr.ShapeError, match=r"\(7,\)"):
        net.predict(np.zeros(7))
    assert not net.built


@pytest.mark.parametrize(("bad", "word"), [(np.nan, "NaN"), (np.inf, "infinity"), (-np.inf, "infinity")])
def test_numbers_that_are_not_finite_are_located(bad, word):
    X = np.zeros((5, 3))
    X[2, 1] = bad
    net = cr.Network([cr.Dense(2)], input_shape=3)
    with pytest.raises(cr.DataError, match=rf"X holds {word}, first at \[2, 1\]"):
        net.predict(X)
    with pytest.raises(cr.DataError, match=rf"X holds {word}, first at \[2, 1\]"):
        cr.train(net, X, np.zeros(5), loss="squared_error", progress=False)


def test_a_number_too_large_for_float32_is_not_called_infinite():
    net = cr.Network([cr.Dense(2)], input_shape=1)
    with pytest.raises(cr.DataError, match=r"X goes up to 1e\+300, which float32 cannot hold"):
        net.predict([[1.0], [1e300]])
    assert np.isfinite(cr.Network([cr.Dense(2)], dtype="float64").predict([[1.0], [1e300]])).all()


@pytest.mark.parametrize(
    "layer",
    [
        cr.GlobalAveragePool(),
        cr.GlobalMaxPool(),
        cr.AdaptiveAveragePool(2),
        cr.MultiHeadAttention(1),
        cr.Conv1D(2, 3, padding="same"),
        cr.MaxPool(2, padding="same"),
        cr.UpSample(2),
        cr.PositionalEncoding(),
        cr.LSTM(3, last=True),
        cr.Flatten(),
        cr.Masking(),
    ],
    ids=repr,
)
def test_sequences_of_no_step_are_told(layer):
    X = np.zeros((2, 0, 2))
    for network in (cr.Network([layer]), cr.Network([layer], input_shape=(6, 2))):
        for call in (network.predict, network):
            with pytest.raises(
                cr.DataError, match=r"^X is \(2, 0, 2\): there is nothing in its examples, not one step"
            ):
                call(X)


@pytest.mark.parametrize(
    "X",
    [
        [["a", "b"]],
        np.array([["2024-01-01"]], "datetime64[D]"),
        np.array([[object()]]),
        [[None]],
        [[1 + 2j]],
    ],
    ids=["text", "dates", "objects", "none", "complex"],
)
def test_what_is_no_number_is_refused_with_its_type(X):
    with pytest.raises(cr.DataError, match=r"X is of type .*, but a network takes numbers"):
        cr.Network([cr.Dense(2)]).predict(X)


@pytest.mark.parametrize("X", [[], np.zeros((0, 3))])
def test_without_examples_there_is_nothing_to_predict(X):
    with pytest.raises(cr.DataError, match="there is no example in it"):
        cr.Network([cr.Dense(2)]).predict(X)


def test_rows_of_different_length_are_a_data_error():
    with pytest.raises(cr.DataError):
        cr.Network([cr.Dense(2)]).predict([[1, 2], [3]])


def test_a_refused_input_leaves_an_unbuilt_network_unbuilt():
    net = cr.Network([cr.Dense(2)])
    for X in ([["a"]], [], [[1, 2], [3]], np.zeros(4)):
        with pytest.raises((cr.ChainruleError, ValueError)):
            net.predict(X)
    assert net.predict(np.zeros((2, 5))).shape == (2, 2)


FAR_TOO_MANY = 2**62


@pytest.mark.parametrize(
    ("layer", "shape"),
    [
        (lambda: cr.Dense(FAR_TOO_MANY), (4,)),
        (lambda: cr.Dense(2**100), (4,)),
        (lambda: cr.Conv2D(FAR_TOO_MANY, 3), (8, 8, 3)),
        (lambda: cr.Conv2D(4, FAR_TOO_MANY), (8, 8, 3)),
        (lambda: cr.Conv2D(4, 2, padding=FAR_TOO_MANY), (8, 8, 3)),
        (lambda: cr.ConvTranspose2D(4, 2, stride=FAR_TOO_MANY), (8, 8, 3)),
        (lambda: cr.MaxPool(FAR_TOO_MANY, padding="same"), (8, 8, 3)),
        (lambda: cr.AdaptiveAveragePool(FAR_TOO_MANY), (8, 8, 3)),
        (lambda: cr.UpSample(FAR_TOO_MANY), (8, 8, 3)),
        (lambda: cr.Embedding(FAR_TOO_MANY, 3), (5,)),
        (lambda: cr.Embedding(3, FAR_TOO_MANY), (5,)),
        (lambda: cr.LSTM(FAR_TOO_MANY), (5, 3)),
        (lambda: cr.LSTM(3, layers=10**9), (5, 3)),
        (lambda: cr.MultiHeadAttention(2, FAR_TOO_MANY), (5, 4)),
        (lambda: cr.Dense(2), (FAR_TOO_MANY,)),
        (lambda: cr.Flatten(), (2**40, 2**40)),
    ],
)
def test_sizes_that_no_memory_holds(layer, shape):
    with pytest.raises(
        cr.OptionError, match=r"more numbers than any memory holds|take smaller ones|at most 50|that large"
    ):
        cr.Network([layer()], input_shape=shape)


def nested(depth):
    inner = cr.Dense(2)
    for k in range(depth):
        inner = cr.Network([inner]) if k % 2 else cr.Residual([inner])
    return cr.Network([inner])


def test_networks_nest_so_deep_and_no_deeper(tmp_path):
    net = nested(48)
    X = np.ones((4, 2))
    cr.train(net, X, X, loss="squared_error", epochs=1, progress=False)
    net.save(tmp_path / "deep.safetensors")
    for twin in (copy.deepcopy(net), pickle.loads(pickle.dumps(net)), cr.load(tmp_path / "deep.safetensors")):
        np.testing.assert_array_equal(twin.predict(X), net.predict(X))
        assert repr(twin) == repr(net)
    with pytest.raises(cr.OptionError, match="nest more than 50 deep"):
        nested(400)


@pytest.mark.parametrize(
    "given",
    [
        lambda: cr.GradientDescent(True),
        lambda: cr.GradientDescent(0.1, l2=True),
        lambda: cr.GradientDescent(0.1, momentum=True),
        lambda: cr.Adam(beta1=np.True_),
        lambda: cr.Dropout(True),
        lambda: cr.Dense(True),
        lambda: cr.MaxPool(True),
        lambda: cr.Network([cr.Dense(1)], seed=True),
    ],
)
def test_true_is_no_number(given):
    with pytest.raises(cr.OptionError, match=r"is (np\.)?True_?, but must be a (whole )?number"):
        given()


def test_a_number_of_thousands_of_digits_is_refused_in_words():
    for number, words in (
        (10**400, r"0… \(401 characters\), but must be a number"),
        (10**5000, "of thousands of digits, but must be"),
    ):
        with pytest.raises(cr.OptionError, match=words) as raised:
            cr.GradientDescent(number)
        assert len(str(raised.value)) < 200

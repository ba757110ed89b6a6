"""A masked step changes nothing: not an output, not a gradient, not a cost, a metric or a statistic."""

import numpy as np
import pytest

import chainrule as cr

RANDOM = np.random.default_rng(0)
LENGTHS = np.array([5, 1, 3, 4])
IDS = RANDOM.integers(1, 9, (4, 5)) * (np.arange(5) < LENGTHS[:, None])

TO_STEPS = {
    "RNN": [cr.RNN(3)],
    "GRU": [cr.GRU(3, layers=2, bidirectional=True)],
    "LSTM": [cr.LSTM(3, bidirectional=True)],
    "attention": [cr.PositionalEncoding(), cr.MultiHeadAttention(2), cr.LayerNorm()],
    "causal": [cr.MultiHeadAttention(2, causal=True)],
    "same": [cr.Conv1D(3, 3, "tanh", padding="same"), cr.Conv1D(3, 2, "tanh", padding="same")],
    "batch norm": [cr.BatchNorm()],
    "residual": [cr.Residual([cr.Conv1D(4, 3, padding="same")], shortcut=cr.Conv1D(4, 1))],
    "up and down": [cr.UpSample(2), cr.AveragePool(2), cr.MaxPool(1)],
}
TO_ONE = {
    "last": [cr.LSTM(3, bidirectional=True, last=True)],
    "average": [cr.GlobalAveragePool()],
    "largest": [cr.Conv1D(4, 2, padding=1), cr.GlobalMaxPool()],
    "pooled": [cr.UpSample(4), cr.MaxPool(3, stride=2, padding=1), cr.Conv1D(4, 2, stride=2), cr.GlobalAveragePool()],
    "averages": [cr.UpSample(4), cr.AveragePool(3, stride=2), cr.GRU(3, last=True)],
}


def network(layers, steps, *, like=None):
    layers = [
        cr.Masking(),
        cr.Embedding(9, 4, initializer=cr.initializers.Random(1.0)),
        *layers,
        cr.Dense(3, "softmax"),
    ]
    net = cr.Network(layers, seed=0, dtype="float64").copy()
    net.build(steps)
    if like is not None:
        net.flat[...] = like.flat
    return net


def padded(A, before, behind):
    return np.pad(A, ((0, 0), (before, behind)) + ((0, 0),) * (A.ndim - 2))


@pytest.mark.parametrize("name", TO_STEPS | TO_ONE)
@pytest.mark.parametrize(("before", "behind"), [(0, 3), (2, 0)])
def test_more_padding_changes_nothing(name, before, behind):
    of_steps = name in TO_STEPS
    net = network((TO_STEPS | TO_ONE)[name], 5)
    longer = network((TO_STEPS | TO_ONE)[name], 5 + before + behind, like=net)
    there = IDS > 0
    y = RANDOM.integers(0, 3, IDS.shape if of_steps else 4)
    X2, y2 = padded(IDS, before, behind), padded(y, before, behind) if of_steps else y
    A, A2 = net.predict(IDS), longer.predict(X2)
    if of_steps:
        np.testing.assert_allclose(A2[X2 > 0], A[there], rtol=1e-12)
    else:
        np.testing.assert_allclose(A2, A, rtol=1e-12)
    J, d = cr.gradients(net, IDS, y, loss="cross_entropy", training=True)
    J2, d2 = cr.gradients(longer, X2, y2, loss="cross_entropy", training=True)
    assert pytest.approx(J, rel=1e-12) == J2
    for key, value in d.items():
        np.testing.assert_allclose(d2[key], value, rtol=1e-9, atol=1e-13, err_msg=key)


@pytest.mark.parametrize("name", TO_STEPS | TO_ONE)
def test_each_sequence_gives_what_it_gives_alone(name):
    of_steps = name in TO_STEPS
    net = network((TO_STEPS | TO_ONE)[name], 5)
    together = net.predict(IDS)
    for row, length, A in zip(IDS, LENGTHS, together, strict=True):
        alone = network((TO_STEPS | TO_ONE)[name], int(length), like=net).predict(row[None, :length])[0]
        np.testing.assert_allclose(A[:length] if of_steps else A, alone, rtol=1e-12)


@pytest.mark.parametrize("name", TO_STEPS | TO_ONE)
def test_the_gradient_is_right(name):
    y = RANDOM.integers(0, 3, IDS.shape if name in TO_STEPS else 4)
    check = cr.check_gradients(
        network((TO_STEPS | TO_ONE)[name], 5), IDS, y, loss="cross_entropy", tolerance=1e-6, most=4
    )
    assert check.passed, str(check)


@pytest.mark.parametrize("name", TO_STEPS)
def test_what_fills_up_gets_no_derivative(name):
    net = network(TO_STEPS[name], 5)
    _, d = cr.gradients(net, IDS, RANDOM.integers(0, 3, IDS.shape), loss="cross_entropy", training=True)
    assert not d["dW1"][0].any()
    assert d["dW1"][1:].any()


def test_a_sequence_of_nothing_but_padding_gives_numbers_and_no_gradient():
    X = IDS.copy()
    X[1] = 0
    for name, layers in (TO_STEPS | TO_ONE).items():
        net = network(layers, 5)
        assert np.isfinite(net.predict(X)).all()
        if name in TO_STEPS:
            y = RANDOM.integers(0, 3, X.shape)
            J, _ = cr.gradients(net, X, y, loss="cross_entropy")
            rest = [0, 2, 3]
            assert pytest.approx(cr.gradients(net, X[rest], y[rest], loss="cross_entropy")[0]) == J


@pytest.mark.parametrize("name", TO_STEPS | TO_ONE)
@pytest.mark.parametrize("gaps", [(1, 2, 3), pytest.param((2,), marks=pytest.mark.slow)])
def test_sequences_may_have_gaps(name, gaps):
    X = np.array([[3, 1, 4, 1, 5], [2, 7, 1, 8, 0]])
    X[:, gaps] = 0
    of_steps = name in TO_STEPS
    net = network((TO_STEPS | TO_ONE)[name], 5)
    assert np.abs(net.predict(X)).max() <= 1
    y = RANDOM.integers(0, 3, X.shape if of_steps else 2)
    assert cr.check_gradients(net, X, y, loss="cross_entropy", tolerance=1e-6, most=4).passed
    _, d = cr.gradients(net, X, y, loss="cross_entropy", training=True)
    assert not d["dW1"][0].any()


def test_a_window_on_a_gap_does_not_count():
    X = np.array([1.0, 2, 0, 0, 3, 4]).reshape(1, 6, 1)
    for layer, there, given in (
        (cr.MaxPool(2), [True, False, True], [2, 0, 4]),
        (cr.AveragePool(2), [True, False, True], [1.5, 0, 3.5]),
        (cr.MaxPool(3), [True, True], [2, 4]),
        (cr.AveragePool(3), [True, True], [1, 7 / 3]),
        (cr.Conv1D(1, 2, dilation=2, initializer="ones"), [True, True, True, True], [1, 2, 3, 4]),
    ):
        net = cr.Network([cr.Masking(), layer], input_shape=(6, 1))
        np.testing.assert_array_equal(net.steps_that_count(X), [there])
        np.testing.assert_allclose(net.predict(X, engine="numpy")[0, :, 0], given, rtol=1e-6)


def test_the_cost_is_the_mean_over_the_steps_that_count():
    net = network([cr.GRU(3)], 5)
    y = RANDOM.integers(0, 3, IDS.shape)
    chosen = np.take_along_axis(net.predict(IDS), y[..., None], axis=-1)[..., 0]
    assert cr.gradients(net, IDS, y, loss="cross_entropy")[0] == pytest.approx(-np.log(chosen[IDS > 0]).mean())
    measured = cr.evaluate(net, IDS, y, loss="cross_entropy", metrics=["accuracy"])
    right = net.predict(IDS).argmax(axis=-1) == y
    assert measured["loss"] == pytest.approx(-np.log(chosen[IDS > 0]).mean())
    assert measured["accuracy"] == pytest.approx(right[IDS > 0].mean())


def test_weights_of_examples_count_for_all_of_their_steps():
    net = network([cr.GRU(3)], 5)
    y, w = RANDOM.integers(0, 3, IDS.shape), np.array([1.0, 2, 0, 4])
    L = -np.log(np.take_along_axis(net.predict(IDS), y[..., None], axis=-1)[..., 0])
    of_steps = w[:, None] * (IDS > 0)
    assert cr.gradients(net, IDS, y, loss="cross_entropy", sample_weight=w)[0] == pytest.approx(
        (of_steps * L).sum() / of_steps.sum()
    )


def test_targets_may_be_values():
    net = cr.Network([cr.Masking(-1), cr.LSTM(3), cr.Dense(2)], seed=0, input_shape=(5, 2))
    X, Y = RANDOM.normal(size=(4, 5, 2)), RANDOM.normal(size=(4, 5, 2))
    there = np.arange(5) < LENGTHS[:, None]
    X[~there] = -1
    apart = 0.5 * ((net.predict(X) - Y) ** 2).sum(axis=-1)
    assert cr.gradients(net, X, Y, loss="squared_error")[0] == pytest.approx(apart[there].mean(), rel=1e-5)


def test_a_step_with_one_number_like_the_padding_is_a_step():
    X = np.array([[[0.0, 1], [0, 0], [2, 0]]])
    np.testing.assert_array_equal(cr.Masking(0).found_in(X), [[True, False, True]])


def test_training_histories_leave_masked_steps_out():
    y = RANDOM.integers(0, 3, IDS.shape)
    options = {
        "loss": "cross_entropy",
        "metrics": ["accuracy"],
        "epochs": 2,
        "batch_size": 4,
        "progress": False,
        "seed": 0,
    }
    histories = []
    for more in (0, 4):
        net = network([cr.LSTM(3)], 5 + more, like=network([cr.LSTM(3)], 5))
        X2, y2 = padded(IDS, 0, more), padded(y, 0, more)
        history = cr.train(net, X2, y2, validation=(X2, y2), **options)
        histories.append({name: history[name] for name in ("loss", "accuracy", "val_loss", "val_accuracy")})
    for name, values in histories[0].items():
        np.testing.assert_allclose(histories[1][name], values, rtol=1e-9)


def test_batches_of_a_stream_may_have_lengths_of_their_own():
    y = RANDOM.integers(0, 3, IDS.shape)
    net = network([cr.LSTM(3)], 5)
    other = net.copy()
    options = {"loss": "cross_entropy", "epochs": 1, "progress": False, "seed": 0, "optimizer": cr.GradientDescent(0.5)}
    cr.train(net, [(IDS, y)], **options)
    cr.train(other, [(padded(IDS, 0, 2), padded(y, 0, 2))], **options)
    np.testing.assert_allclose(other.flat, net.flat, rtol=1e-12)


def test_standardize_learns_from_steps_that_count():
    X = np.zeros((2, 4, 1))
    X[0, :, 0], X[1, :2, 0] = [1, 2, 3, 4], [5, 6]
    net = cr.Network([cr.Masking(), cr.Standardize(), cr.GRU(2), cr.Dense(1)], seed=0)
    cr.train(net, X, np.zeros((2, 4)), loss="squared_error", epochs=1, progress=False)
    assert net.layers[1].statistics["mean"][0] == pytest.approx(3.5)
    assert net.layers[1].statistics["count"][0] == 6


def test_averages_of_batch_norm_are_those_of_steps_that_count():
    layers = [cr.Masking(), cr.BatchNorm(momentum=0), cr.GRU(2), cr.Dense(1)]
    X = np.array([[[1.0], [2], [3]], [[4], [0], [0]]])
    net = cr.Network(layers, seed=0)
    cr.train(net, X, np.zeros((2, 3)), loss="squared_error", epochs=1, progress=False)
    assert layers[1].statistics["mean"][0] == pytest.approx(2.5)
    assert layers[1].statistics["variance"][0] == pytest.approx(np.var([1, 2, 3, 4], ddof=1))


@pytest.mark.parametrize(
    ("layer", "message"),
    [
        (cr.ConvTranspose1D(3, 2), "does not go with a mask"),
        (cr.AdaptiveAveragePool(2), "does not go with a mask"),
        (cr.AveragePool(2, padding="same"), "does not go with a mask"),
        (cr.Conv1D(3, 2, stride=2, padding="same"), "give the padding as numbers"),
    ],
)
def test_what_does_not_go_with_a_mask_is_refused(layer, message):
    with pytest.raises(cr.OptionError, match=message):
        network([layer], 6)


def test_masking_comes_first():
    for layers in ([cr.Dense(2)], [cr.Network([cr.Embedding(9, 4)])]):
        with pytest.raises(cr.OptionError, match="looks for the padding of X itself, so it must be the first layer"):
            cr.Network([*layers, cr.Network([cr.Masking(0)])])


def test_targets_without_the_steps_of_the_output_are_refused():
    with pytest.raises(cr.ShapeError, match=r"labels Y are \(4, 3\)|y is \(4, 3\)"):
        cr.gradients(network([cr.GRU(3)], 5), IDS, np.zeros((4, 3), int), loss="cross_entropy")


def test_an_own_layer_that_drops_steps_says_so():
    class MaskedEverySecond(cr.Layer):
        def forward(self, A):
            return A[:, ::2]

        def mask_after(self, mask):
            return mask[:, ::2]

    net = network([MaskedEverySecond(), cr.GRU(3)], 5)
    np.testing.assert_array_equal(net.steps_that_count(IDS), IDS[:, ::2] > 0)
    assert cr.check_gradients(net, IDS, np.ones((4, 3), int), loss="cross_entropy", tolerance=1e-6).passed

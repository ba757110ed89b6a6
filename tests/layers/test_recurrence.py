"""Recurrent layers: what they remember, what they carry from batch to batch, and their answers to what does not fit."""

import copy
import math
import re

import numpy as np
import pytest

import chainrule as cr

KINDS = {"RNN": cr.RNN, "relu": lambda n, **options: cr.RNN(n, "relu", **options), "GRU": cr.GRU, "LSTM": cr.LSTM}
RANDOM = np.random.default_rng(0)
X = RANDOM.normal(size=(4, 6, 2))


@pytest.fixture(params=KINDS)
def kind(request):
    return KINDS[request.param]


def built(*layers, shape=(6, 2), **options):
    return cr.Network(list(layers), seed=1, dtype="float64", input_shape=shape, **options)


def sum_of_squares(A, Y):
    return (A * A).sum()


@pytest.mark.parametrize(
    ("layers", "bidirectional", "last"),
    [
        (1, False, False),
        (1, True, True),
        (3, False, True),
        (3, True, False),
        *(
            pytest.param(*others, marks=pytest.mark.slow)
            for others in ((1, False, True), (1, True, False), (3, False, False), (3, True, True))
        ),
    ],
)
def test_the_gradient_is_right(kind, layers, bidirectional, last):
    net = built(kind(3, layers=layers, bidirectional=bidirectional, last=last, dropout=0.3 * (layers > 1)))
    net.flat += np.random.default_rng(1).normal(
        0, 0.1, net.flat.size
    )  # biases of 0 put what dropout zeroes on the kink of relu
    check = cr.check_gradients(net, X, np.zeros(4), loss=sum_of_squares, most=3)
    assert check.passed, str(check)
    assert net.predict(X).shape[1:] == ((() if last else (6,)) + (6 if bidirectional else 3,))


def test_the_last_state_of_each_direction_has_seen_everything(kind):
    every, last = built(kind(3, bidirectional=True)), built(kind(3, bidirectional=True, last=True))
    last.flat[...] = every.flat
    states = every.predict(X)
    np.testing.assert_array_equal(last.predict(X), np.hstack([states[:, -1, :3], states[:, 0, 3:]]))


def test_a_sequence_read_from_its_end_is_the_sequence_turned_round(kind):
    net = built(kind(3, bidirectional=True))
    names = [name.replace("r1", "1") for name in net.parameters if "r1" in name]
    net.set_parameters({name.replace("1", "r1"): net.parameters[name] for name in names})
    states = net.predict(X)
    np.testing.assert_allclose(net.predict(X[:, ::-1])[..., 3:], states[:, ::-1, :3])


def test_layers_on_top_of_each_other_are_layers_one_after_the_other(kind):
    stack = built(kind(3, layers=2, bidirectional=True, last=True))
    one_by_one = built(kind(3, bidirectional=True), kind(3, bidirectional=True, last=True))
    one_by_one.flat[...] = stack.flat
    assert list(stack.parameters) == list(one_by_one.parameters)
    np.testing.assert_array_equal(stack.predict(X), one_by_one.predict(X))


def test_dropout_between_layers_is_there_while_training_only():
    net = built(cr.GRU(3, layers=2, dropout=0.5))
    dropped = net.record(X, training=True, seed=0)[0].value
    assert not np.allclose(dropped, net.predict(X))
    np.testing.assert_array_equal(net.predict(X), net.predict(X))


def test_the_forget_gate_starts_open_and_recurrent_weights_orthogonal():
    parameters = built(cr.LSTM(5)).parameters
    np.testing.assert_array_equal(parameters["b1"].reshape(4, 5), [[0] * 5, [1] * 5, [0] * 5, [0] * 5])
    for U in parameters["U1"].reshape(4, 5, 5):
        np.testing.assert_allclose(U @ U.T, np.eye(5), atol=1e-12)
    W = built(cr.LSTM(200), shape=(6, 100)).parameters["W1"]
    assert W.var() == pytest.approx(2 / 300, rel=0.05)


class TestGoingOn:
    def test_predicting_step_by_step_gives_what_all_at_once_gives(self, kind):
        net = built(kind(3, layers=2))
        memory = {}
        parts = [net.predict(X[:, t : t + 2], memory=memory) for t in range(0, 6, 2)]
        np.testing.assert_allclose(np.concatenate(parts, axis=1), net.predict(X), rtol=1e-12, atol=1e-15)

    @pytest.mark.parametrize(
        "layer",
        [
            cr.MultiHeadAttention(1, causal=True),
            cr.PositionalEncoding(),
            cr.Conv1D(2, 3, padding="same"),
            cr.MaxPool(2),
            cr.AveragePool(2),
            cr.AdaptiveAveragePool(2),
            cr.GlobalAveragePool(),
            cr.GlobalMaxPool(),
            cr.Residual([cr.MultiHeadAttention(1)]),
        ],
        ids=repr,
    )
    def test_what_looks_across_steps_and_keeps_no_state_cannot_go_on(self, kind, layer):
        net = built(kind(2), copy.deepcopy(layer))
        with pytest.raises(cr.OptionError, match=r"looks at several steps at once and keeps no state"):
            net.predict(X, memory={})

    def test_without_a_memory_every_sequence_begins_anew(self, kind):
        net = built(kind(3, last=True, stateful=True))
        np.testing.assert_array_equal(net.predict(X[:, :3]), net.predict(X[:, :3]))
        memory = {}
        first = net.predict(X, memory=memory)
        assert not np.allclose(net.predict(X, memory=memory), first)

    def test_a_batch_goes_on_where_the_one_before_ended(self, kind):
        """Three updates of size 0 on parts of sequences see the outputs of the whole sequences."""
        seen = []

        def loss(A, Y):
            seen.append(A.value)
            return (A * 0).sum()

        whole = built(kind(3))
        net = built(kind(3, stateful=True))
        parts = np.concatenate([X[:, t : t + 2] for t in range(0, 6, 2)])
        options = {
            "epochs": 2,
            "batch_size": 4,
            "shuffle": False,
            "optimizer": cr.GradientDescent(0.1),
            "progress": False,
        }
        cr.train(net, parts, np.zeros(12), loss=loss, engine="numpy", **options)
        outputs = [A for A in seen if A.shape == (4, 2, 3)]
        np.testing.assert_allclose(np.concatenate(outputs[:3], axis=1), whole.predict(X), rtol=1e-12)
        np.testing.assert_array_equal(outputs[3:], outputs[:3])  # each epoch begins anew

    def test_nothing_of_it_stays_in_the_network(self, kind):
        net = built(kind(3, stateful=True))
        cr.train(
            net, X, np.zeros((4, 6, 3)), loss="squared_error", epochs=1, batch_size=2, shuffle=False, progress=False
        )
        assert not any(layer.statistics for _, layer in net.family())

    def test_a_killed_run_goes_on_with_the_same_state(self, kind, tmp_path):
        data = np.tile(X, (3, 1, 1)), np.tile(np.zeros((4, 6, 3)), (3, 1, 1))
        options = {
            "loss": "squared_error",
            "epochs": 3,
            "batch_size": 4,
            "shuffle": False,
            "seed": 0,
            "progress": False,
            "engine": "numpy",  # which calls the loss for each update
        }
        there = cr.Checkpoint(tmp_path / "c.safetensors", every_minutes=0)

        class KilledError(Exception):
            pass

        left = [math.inf]

        def loss(A, Y):
            left[0] -= 1
            if left[0] == 0:
                raise KilledError
            return cr.ops.squared_error(A, Y)

        straight, killed = built(kind(3, stateful=True)), built(kind(3, stateful=True))
        cr.train(straight, *data, **options | {"loss": loss})
        left[0] = 6
        with pytest.raises(KilledError):
            cr.train(killed, *data, checkpoint=there, **options | {"loss": loss})
        resumed = built(kind(3, stateful=True))
        cr.train(resumed, *data, checkpoint=there, resume=True, **options | {"loss": loss})
        np.testing.assert_array_equal(resumed.flat, straight.flat)

    def test_shuffled_batches_do_not_go_on(self):
        with pytest.raises(cr.OptionError, match=r"goes on from batch to batch.*give shuffle=False"):
            cr.train(built(cr.LSTM(3, stateful=True)), X, np.zeros((4, 6, 3)), loss="squared_error", progress=False)

    def test_who_reads_from_the_end_cannot_go_on(self, kind):
        with pytest.raises(cr.OptionError, match="cannot go on from a memory"):
            built(kind(3, bidirectional=True)).predict(X, memory={})

    def test_a_larger_batch_has_nothing_to_go_on_from(self):
        net = built(cr.GRU(3, stateful=True))
        batches = [(X[:2], np.zeros((2, 6, 3))), (X, np.zeros((4, 6, 3)))]
        with pytest.raises(cr.ShapeError, match="there are 4 sequences, but the layer remembers the state of 2"):
            cr.train(net, batches, loss="squared_error", shuffle=False, epochs=1, progress=False)


FIT = {
    "LSTM(3): the input is (1, 6), but must be sequences (m, steps, features). "
    "One feature is an axis, too: X[..., None]; indices of words get their features from an Embedding.": (
        [cr.LSTM(3)],
        6,
    ),
    "MultiHeadAttention(4): 6 features do not fall into 4 heads.": ([cr.MultiHeadAttention(4)], (5, 6)),
    "MultiHeadAttention(): the input is (1, 6), but must be sequences (m, steps, features).": (
        [cr.MultiHeadAttention()],
        6,
    ),
    "Masking(): the input is (1, 2, 3, 4), but must be sequences (m, steps) or (m, steps, features).": (
        [cr.Masking()],
        (2, 3, 4),
    ),
}


@pytest.mark.parametrize("message", FIT)
def test_what_are_no_sequences_is_told_what_would_be(message):
    layers, shape = FIT[message]
    with pytest.raises(cr.ShapeError, match=f"^{re.escape(message)}$"):
        cr.Network(layers, input_shape=shape)


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: cr.LSTM(0), "n_out is 0"),
        (lambda: cr.GRU(3, layers=0), "layers is 0"),
        (lambda: cr.GRU(3, dropout=1), "the dropout rate is 1"),
        (lambda: cr.LSTM(3, dropout=0.5), "dropout=0.5 lies between layers, but there is only one"),
        (lambda: cr.RNN(3, "sigmoid"), 'is "tanh" or "relu", not \'sigmoid\''),
        (lambda: cr.RNN(3, bidirectional=True, stateful=True), "cannot be stateful"),
        (lambda: cr.MultiHeadAttention(0), "heads is 0"),
        (lambda: cr.PositionalEncoding(1), "base is 1"),
        (lambda: cr.Masking("x"), "padding is 'x'"),
    ],
)
def test_options_that_nothing_can_be_done_with(make, message):
    with pytest.raises(cr.OptionError, match=message):
        make()


def test_the_operations_say_what_does_not_fit():
    W, U = np.zeros((12, 2)), np.zeros((12, 3))
    for inputs, message in (
        ((X[0], W, U), r"X is \(6, 2\), but must be sequences"),
        ((X[:, :0], W, U), r"X is \(4, 0, 2\).* at least one step"),
        ((X, W[:9], U), r"U is \(12, 3\) and X is \(4, 6, 2\), so W is \(12, 2\), not \(9, 2\)"),
        ((X, W, U[:9]), r"U is \(9, 3\), but must be \(4n, n\)"),
        ((X, W, U, np.zeros(3)), r"so b is \(12,\), but it is \(3,\)"),
        ((X, W, U, None, np.zeros((2, 3))), r"the state to begin with is \(2, 3\), but must be \(4, 3\)"),
        ((X, W, U, None, None, None, np.ones((4, 5))), r"the mask is \(4, 5\), but must be \(m, steps\)"),
    ):
        with pytest.raises(cr.ShapeError, match=message):
            cr.ops.lstm(*inputs)


def test_positions_are_sines_and_cosines():
    P = cr.ops.positional_encoding(np.zeros((1, 50, 6)))[0]
    np.testing.assert_allclose(P[:, 0], np.sin(np.arange(50)))
    np.testing.assert_allclose(P[:, 3], np.cos(np.arange(50) / 10000 ** (2 / 6)))


def test_a_causal_step_sees_nothing_of_its_future():
    net = built(cr.PositionalEncoding(), cr.MultiHeadAttention(2, 4, causal=True))
    before = net.predict(X)
    later = X.copy()
    later[:, 3:] += 1
    np.testing.assert_array_equal(net.predict(later)[:, :3], before[:, :3])
    assert not np.allclose(net.predict(later)[:, 3:], before[:, 3:])

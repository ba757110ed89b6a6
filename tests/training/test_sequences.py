"""Tasks that tell recurrent networks apart: Elman's temporal XOR, the adding problem, tags that need both sides."""

import numpy as np
import pytest
from threadpoolctl import threadpool_limits

import chainrule as cr


@pytest.fixture(autouse=True)
def one_thread():
    """Products as small as those of one step are slower on several."""
    with threadpool_limits(1):
        yield


def temporal_xor(streams, batches, steps, seed):
    """Bits of which every third is the exclusive or of the two before, and the bits that follow them (Elman, 1990).

    X, y are (batches · streams, steps): stream i goes on in row i of the next batch.
    """
    pairs = np.random.default_rng(seed).integers(0, 2, (streams * batches * steps // 3 + 1, 2))
    bits = np.column_stack([pairs, pairs[:, 0] ^ pairs[:, 1]]).ravel()

    def cut(bits):
        return bits.reshape(streams, batches, steps).swapaxes(0, 1).reshape(-1, steps)

    length = streams * batches * steps
    return cut(bits[:length])[..., None], cut(bits[1 : length + 1])


def test_elmans_network_predicts_the_bits_that_can_be_predicted():
    X, y = temporal_xor(streams=20, batches=10, steps=15, seed=0)
    net = cr.Network([cr.RNN(12, stateful=True), cr.Dense(1, "sigmoid")], seed=0)
    options = {"loss": "binary_cross_entropy", "optimizer": cr.Adam(0.02, clip_norm=1.0), "batch_size": 20}
    cr.train(net, X, y, epochs=60, shuffle=False, progress=False, seed=0, **options)
    X, y = temporal_xor(streams=1, batches=1, steps=600, seed=9)
    right = (net.predict(X)[0, :, 0] >= 0.5) == y[0]
    can_be_predicted = np.arange(600) % 3 == 1
    assert right[can_be_predicted].mean() > 0.99
    assert right[~can_be_predicted].mean() < 0.65


def adding(m, steps, seed):
    """Random numbers of which two are marked, and the sum of these two (Hochreiter & Schmidhuber, 1997)."""
    rng = np.random.default_rng(seed)
    X = np.zeros((m, steps, 2))
    X[..., 0] = rng.random((m, steps))
    first, second, rows = rng.integers(0, steps // 2, m), rng.integers(steps // 2, steps, m), np.arange(m)
    X[rows, first, 1] = X[rows, second, 1] = 1
    return X, X[rows, first, 0] + X[rows, second, 0]


@pytest.mark.parametrize(("kind", "solves"), [(cr.LSTM, True), (cr.RNN, False)])
def test_an_lstm_adds_numbers_100_steps_apart_and_a_plain_network_does_not(kind, solves):
    net = cr.Network([kind(16, last=True), cr.Dense(1)], seed=0)
    options = {"loss": "squared_error", "optimizer": cr.Adam(0.02, clip_norm=1.0), "batch_size": 20, "epochs": 12}
    cr.train(net, *adding(2000, 100, seed=0), progress=False, seed=0, **options)
    error = cr.evaluate(net, *adding(500, 100, seed=1), loss="squared_error", metrics=["mse"])["mse"]
    assert (error < 0.01) if solves else (error > 0.14)  # who always says 1 has 1/6


def tagged(m, seed):
    """Sentences of 1 to 40 words; the tag of a word tells how it compares with the word before and the one behind."""
    rng = np.random.default_rng(seed)
    X = rng.integers(1, 9, (m, 40)) * (np.arange(40) < rng.integers(1, 41, (m, 1)))
    before, behind = np.pad(X, ((0, 0), (1, 0)))[:, :-1], np.pad(X, ((0, 0), (0, 1)))[:, 1:]
    return X, np.where(X > 0, (before > X) + 2 * (behind > X), 0)


def accuracy_of_tags(bidirectional):
    layers = [
        cr.Masking(),
        cr.Embedding(9, 8, initializer=cr.initializers.Random(0.5)),
        cr.LSTM(12, bidirectional=bidirectional),
        cr.Dense(4, "softmax"),
    ]
    net = cr.Network(layers, seed=0)
    options = {"loss": "cross_entropy", "optimizer": cr.Adam(0.02), "batch_size": 20, "epochs": 8}
    cr.train(net, *tagged(300, seed=0), progress=False, seed=0, **options)
    X, y = tagged(100, seed=1)
    found = cr.evaluate(net, X, y, loss="cross_entropy", metrics=["accuracy"])["accuracy"]
    assert found == pytest.approx((net.predict(X).argmax(axis=-1) == y)[X > 0].mean())
    return found


def test_a_bidirectional_tagger_of_sentences_of_1_to_40_words_sees_both_sides():
    assert accuracy_of_tags(bidirectional=True) > 0.98
    assert accuracy_of_tags(bidirectional=False) < 0.8

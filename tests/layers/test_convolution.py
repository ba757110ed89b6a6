"""Convolutions and pooling as layers: shapes, starts, and what is answered to what does not fit."""

import re

import numpy as np
import pytest

import chainrule as cr
from chainrule.ops.windows import windows_over


def output(layer, *shape):
    return cr.Network([layer], seed=0, input_shape=shape).predict(np.zeros((2, *shape))).shape[1:]


@pytest.mark.parametrize(
    ("layer", "given", "expected"),
    [
        (cr.Conv2D(6, 5), (28, 28, 1), (24, 24, 6)),
        (cr.Conv2D(6, 5, padding="same"), (28, 27, 1), (28, 27, 6)),
        (cr.Conv2D(6, 3, padding="same", stride=2), (28, 27, 1), (14, 14, 6)),
        (cr.Conv2D(6, (3, 1), padding=((2, 0), (1, 1)), stride=(1, 2)), (8, 8, 3), (8, 5, 6)),
        (cr.Conv2D(6, 3, dilation=3), (8, 9, 3), (2, 3, 6)),
        (cr.Conv2D(8, 3, groups=4), (5, 5, 4), (3, 3, 8)),
        (cr.Conv1D(6, 3, padding=((2, 0),)), (9, 2), (9, 6)),
        (cr.ConvTranspose2D(6, 3, stride=2), (5, 4, 2), (11, 9, 6)),
        (cr.ConvTranspose2D(6, 3, stride=2, padding=1, output_padding=1), (5, 4, 2), (10, 8, 6)),
        (cr.ConvTranspose2D(6, 2, stride=3, padding="same"), (5, 4, 2), (15, 12, 6)),
        (cr.ConvTranspose1D(6, 5, stride=2, padding="same"), (5, 2), (10, 6)),
        (cr.MaxPool(), (9, 8, 3), (4, 4, 3)),
        (cr.MaxPool(3, stride=2, padding="same"), (9, 8, 3), (5, 4, 3)),
        (cr.AveragePool((2, 4)), (9, 8, 3), (4, 2, 3)),
        (cr.AveragePool(4), (9, 3), (2, 3)),
        (cr.AdaptiveAveragePool((3, 1)), (9, 8, 3), (3, 1, 3)),
        (cr.GlobalAveragePool(), (9, 8, 3), (3,)),
        (cr.GlobalMaxPool(), (9, 3), (3,)),
        (cr.UpSample((1, 3)), (9, 8, 3), (9, 24, 3)),
    ],
    ids=repr,
)
def test_the_shape_of_the_output(layer, given, expected):
    assert output(layer, *given) == expected


def test_a_transposed_convolution_is_the_way_back_of_a_convolution():
    """⟨conv(A), B⟩ = ⟨A, transposed(B)⟩ for the same weights, in the order that each of them has."""
    rng = np.random.default_rng(0)
    for options in ({}, {"stride": 2, "padding": 1}, {"stride": (3, 2), "dilation": (1, 2)}):
        A, W = rng.normal(size=(2, 9, 9, 3)), rng.normal(size=(4, 3, 3, 3))
        Z = cr.ops.convolution(A, W, **options)
        B = rng.normal(size=Z.shape)
        back = cr.ops.transposed_convolution(B, np.moveaxis(W, (0, -1), (-1, 0)), **options)
        np.testing.assert_allclose((Z * B).sum(), (A * back).sum())


def test_weights_start_by_all_numbers_that_a_window_shows():
    for layer, variance in (
        (cr.Conv2D(64, 5, "relu"), 2 / (25 * 16)),
        (cr.Conv2D(64, 5, "tanh"), 2 / (25 * 16 + 25 * 64)),
        (cr.Conv2D(64, 5, "relu", groups=4), 2 / (25 * 4)),
    ):
        W = cr.Network([layer], seed=0, input_shape=(8, 8, 16)).parameters["W1"]
        assert W.var() == pytest.approx(variance, rel=0.1)


def test_a_depthwise_convolution_keeps_channels_apart():
    net = cr.Network([cr.Conv2D(3, 3, groups=3, padding="same")], seed=0, input_shape=(6, 6, 3))
    assert net.parameters["W1"].shape == (3, 3, 3, 1)
    X = np.random.default_rng(0).normal(size=(1, 6, 6, 3))
    before = net.predict(X)
    X[..., 1] += 1
    changed = np.abs(net.predict(X) - before).max(axis=(0, 1, 2)) > 0
    np.testing.assert_array_equal(changed, [False, True, False])


def test_padding_never_wins_and_never_counts():
    A = np.full((1, 3, 3, 1), -5.0)
    assert (cr.ops.max_pool(A, size=3, stride=1, padding=1) == -5).all()
    np.testing.assert_allclose(cr.ops.average_pool(A, size=3, stride=1, padding=1), -5)


def test_batch_normalization_of_pictures_is_over_examples_and_places():
    A = np.random.default_rng(0).normal(3, 2, size=(4, 5, 6, 2))
    Z = cr.ops.batch_norm(A, np.ones(2), np.zeros(2))
    np.testing.assert_allclose(Z.mean(axis=(0, 1, 2)), 0, atol=1e-12)
    np.testing.assert_allclose(Z.std(axis=(0, 1, 2)), 1, rtol=1e-4)


FIT = {
    "Conv2D(4, 3): the input is (1, 28, 28), but must be pictures (m, height, width, channels). "
    "One channel is an axis, too: X[..., None].": (cr.Conv2D(4, 3), (28, 28)),
    "Conv1D(4, 3): the input is (1, 5, 5, 1), but must be sequences (m, steps, features).": (
        cr.Conv1D(4, 3),
        (5, 5, 1),
    ),
    "layer 1, Conv2D(4, 9): a window spans 9 places along the width, but there are only 8: take smaller windows, or "
    'padding="same".': (cr.Conv2D(4, 9), (9, 8, 1)),
    "Conv2D(4, 3, groups=2): the input is (1, 5, 5, 3): its channels do not fall into 2 groups.": (
        cr.Conv2D(4, 3, groups=2),
        (5, 5, 3),
    ),
    "MaxPool(): A is (1, 5), but must be sequences (m, steps, features) or pictures (m, height, width, channels). "
    "One channel or feature is an axis, too: X[..., None].": (cr.MaxPool(), (5,)),
}


@pytest.mark.parametrize("message", FIT)
def test_pictures_that_do_not_fit_are_told_what_would(message):
    layer, shape = FIT[message]
    with pytest.raises(cr.ShapeError, match=f"^{re.escape(message)}$"):
        cr.Network([layer], input_shape=shape)


def test_another_number_of_channels_names_the_layer():
    net = cr.Network([cr.Conv2D(4, 3)], input_shape=(5, 5, 3))
    with pytest.raises(cr.ShapeError, match=r"layer 1, Conv2D\(4, 3\): W1 is \(4, 3, 3, 3\), so it takes 3 features"):
        net.predict(np.zeros((2, 5, 5, 4)))


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: cr.Conv2D(4, 0), "size is 0, but must be a whole number, 1 or more"),
        (lambda: cr.Conv2D(4, (1, 2, 3)), r"size is \(1, 2, 3\), but there are 2 axes \(height, width\)"),
        (lambda: cr.Conv2D(4, 3, stride=1.5), "stride is 1.5"),
        (lambda: cr.Conv2D(4, 3, padding="full"), 'padding is "same", "valid", a number .*, not \'full\''),
        (lambda: cr.Conv1D(4, 3, padding=((1, 2, 3),)), r"the edges of an axis are two: \(before, after\)"),
        (lambda: cr.Conv2D(5, 3, groups=2), "n_out is 5, which does not fall into 2 groups"),
        (lambda: cr.Conv2D(5, 3, "rellu"), "there is no activation 'rellu'"),
        (lambda: cr.MaxPool(0), "size is 0, but must be a whole number, 1 or more"),
        (lambda: cr.MaxPool((1, 2, 3)), r"size is \(1, 2, 3\), but there are 2 axes"),
        (lambda: cr.AveragePool(2, stride=0), "stride is 0"),
        (lambda: cr.AveragePool(padding="full"), 'padding is "same", "valid", a number .*, not \'full\''),
        (lambda: cr.AdaptiveAveragePool("x"), "size is 'x'"),
        (lambda: cr.UpSample(-1), "size is -1"),
        (lambda: cr.ConvTranspose2D(4, 3, stride=2, output_padding=5), "output_padding is 5, .* less than the stride"),
        (lambda: output(cr.MaxPool(2, padding=2), 8, 8, 1), "could lie beyond the edges altogether"),
        (lambda: output(cr.ConvTranspose2D(4, 3, padding=9), 4, 4, 1), "leaves none of them"),
    ],
)
def test_options_that_nothing_can_be_done_with(make, message):
    with pytest.raises((cr.OptionError, cr.ShapeError), match=message):
        make()


def test_the_operations_say_what_does_not_fit():
    A = np.zeros((1, 5, 5, 4))
    with pytest.raises(cr.ShapeError, match=r"W is \(2, 3, 3, 3\), so it takes 3 channels, but A is \(1, 5, 5, 4\)"):
        cr.ops.convolution(A, np.zeros((2, 3, 3, 3)))
    with pytest.raises(cr.ShapeError, match=r"its 3 outputs do not fall into 2 groups"):
        cr.ops.convolution(A, np.zeros((3, 3, 3, 2)), groups=2)
    with pytest.raises(cr.ShapeError, match=r"so W has 4 axes"):
        cr.ops.convolution(A, np.zeros((3, 3, 4)))
    with pytest.raises(cr.ShapeError, match=r"so b is \(2,\), one number an output, but it is \(3,\)"):
        cr.ops.convolution(A, np.zeros((2, 3, 3, 4)), np.zeros(3))


def test_windows_tell_a_kernel_all_that_it_needs():
    windows = windows_over((7, 5), (3, 2), 2, ((1, 0), (0, 1)), dilation=(1, 3))
    assert (windows.before, windows.count) == ((1, 0), (3, 2))
    assert (windows.size, windows.stride, windows.dilation) == ((3, 2), (2, 2), (1, 3))


def test_a_small_network_of_convolutions_learns_where_a_line_stands():
    """Which of 4 columns of a noisy picture is bright, wherever in it: pooled windows see it anywhere."""
    rng = np.random.default_rng(0)
    y = rng.integers(0, 2, 400)
    X = rng.normal(0, 0.3, size=(400, 8, 8, 1))
    for picture, upright in zip(X, y, strict=True):
        at = rng.integers(0, 8)
        picture[:, at] += upright
        picture[at, :] += 1 - upright
    net = cr.Network([cr.Conv2D(4, 3, "relu"), cr.MaxPool(2), cr.GlobalAveragePool(), cr.Dense(2, "softmax")], seed=0)
    options = {"loss": "cross_entropy", "optimizer": cr.Adam(0.02), "batch_size": 20, "seed": 0, "progress": False}
    cr.train(net, X[:200], y[:200], epochs=40, **options)
    assert (net.predict(X[200:]).argmax(axis=1) == y[200:]).mean() > 0.95

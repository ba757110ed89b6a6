"""Runs whose results others have published or measured."""

import json

import numpy as np
import pytest
from benchmarks.models import lenet
from PIL import Image

import chainrule as cr


@pytest.fixture
def digits_of_mnist(real_data):
    """(X, y), 10,000 pictures (28, 28, 1) from 0 to 1: the first 8,000 to train with, the others to test."""
    mnist = real_data("mnist10k.npz")
    return mnist["images"].reshape(-1, 28, 28, 1) / 255, mnist["labels"]


PUBLISHED = {0: 0.693147, 100: 0.584508, 200: 0.466949, 1000: 0.214820, 1900: 0.140872}


def logistic_regression(cats, epochs):
    """The network, and its cost before each update."""
    net = cr.Network([cr.Dense(1, "sigmoid", initializer="zeros")], dtype="float64")
    history = cr.train(
        net,
        cats.X,
        cats.Y,
        loss="binary_cross_entropy",
        optimizer=cr.GradientDescent(0.005),
        epochs=epochs,
        batch_size=None,
        progress=False,
    )
    return net, history["loss"]


def test_logistic_regression_on_cats_reproduces_the_published_costs(turned_cats):
    net, costs = logistic_regression(turned_cats, 2000)
    assert {i: round(costs[i], 6) for i in PUBLISHED} == PUBLISHED
    options = {"loss": "binary_cross_entropy", "metrics": ["accuracy"]}
    X, Y, X_test, Y_test = turned_cats
    assert round(100 * cr.evaluate(net, X, Y, **options)["accuracy"], 2) == 99.04
    assert round(100 * cr.evaluate(net, X_test, Y_test, **options)["accuracy"], 2) == 70.0


def test_the_first_costs_of_their_12288_numbers_are_the_same(cats):
    _, costs = logistic_regression(cats, 201)
    assert [round(costs[i], 6) for i in (0, 100, 200)] == [PUBLISHED[i] for i in (0, 100, 200)]


def test_784_256_128_10_passes_93_percent_on_mnist_in_3_epochs(digits_of_mnist):
    X, y = digits_of_mnist
    X = X.reshape(-1, 784)
    net = cr.Network([cr.Dense(256, "relu"), cr.Dense(128, "relu"), cr.Dense(10, "softmax")], seed=0)
    cr.train(net, X[:8000], y[:8000], loss="cross_entropy", optimizer=cr.Adam(), epochs=3, seed=0, progress=False)
    assert np.mean(net.predict(X[8000:]).argmax(axis=1) == y[8000:]) > 0.93


def test_lenet_5_passes_90_percent_on_a_part_of_mnist_in_2_epochs(digits_of_mnist):
    X, y = digits_of_mnist
    net = cr.Network(lenet(), seed=1)
    cr.train(net, X[:3000], y[:3000], loss="cross_entropy", epochs=2, batch_size=32, seed=1, progress=False)
    assert np.mean(net.predict(X[8000:]).argmax(axis=1) == y[8000:]) > 0.9


@pytest.mark.slow
def test_lenet_5_passes_97_5_percent_on_mnist_in_10_epochs(digits_of_mnist):
    X, y = digits_of_mnist
    net = cr.Network(lenet(), seed=1)
    cr.train(
        net,
        X[:8000],
        y[:8000],
        loss="cross_entropy",
        optimizer=cr.Adam(),
        batch_size=64,
        epochs=10,
        seed=1,
        progress=False,
    )
    assert np.mean(net.predict(X[8000:]).argmax(axis=1) == y[8000:]) > 0.975


@pytest.mark.parametrize(("m", "least"), [(600, 0.75), pytest.param(2000, 0.94, marks=pytest.mark.slow)])
def test_a_folder_of_digits_is_learned_from_the_command_line(digits_of_mnist, tmp_path, command, m, least):
    X, y = digits_of_mnist
    for k in range(10):
        (tmp_path / f"digits/{k}").mkdir(parents=True)
    for i, (picture, label) in enumerate(zip(X[:m, ..., 0], y, strict=False)):
        Image.fromarray(np.uint8(np.round(255 * picture))).save(tmp_path / f"digits/{label}/{i:04d}.png")
    assert command(tmp_path, "train", "digits", "--epochs", 5, "--seed", 0, "--out", "run")[0] == 0
    assert json.loads((tmp_path / "run/metrics.json").read_text())["test"]["accuracy"] > least


def test_an_lstm_learns_from_a_part_of_shakespeare(real_file, tmp_path, command):
    (tmp_path / "part.txt").write_text(real_file("tinyshakespeare.txt").read_text()[:100_000])
    given = ("--epochs", 2, "--seed", 0, "--window", 64, "--hidden", 48)
    assert command(tmp_path, "train", "part.txt", *given, "--out", "run")[0] == 0
    metrics = json.loads((tmp_path / "run/metrics.json").read_text())
    assert metrics["test"]["loss"] < 2.5 < metrics["baseline"]["loss"]


@pytest.mark.slow
def test_an_lstm_of_128_units_reads_shakespeare_with_less_than_1_75_nats_a_character(real_file, tmp_path, command):
    given = ("--epochs", 3, "--seed", 0, "--window", 64, "--hidden", 128)
    assert command(tmp_path, "train", real_file("tinyshakespeare.txt"), *given, "--out", "run")[0] == 0
    assert json.loads((tmp_path / "run/metrics.json").read_text())["test"]["loss"] < 1.75

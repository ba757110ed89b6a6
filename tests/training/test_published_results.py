"""Runs whose results others have published or measured."""

import numpy as np

import chainrule as cr


def test_logistic_regression_on_cats_reproduces_the_published_costs(real_data):
    cats = real_data("cats.npz")
    X, X_test = (cats[f"{part}_x"].reshape(-1, 64 * 64 * 3) / 255 for part in ("train", "test"))
    net = cr.Network([cr.Dense(1, "sigmoid", initializer="zeros")], dtype="float64")
    history = cr.train(
        net,
        X,
        cats["train_y"],
        loss="binary_cross_entropy",
        optimizer=cr.GradientDescent(0.005),
        epochs=2000,
        batch_size=None,
        progress=False,
    )
    published = {0: 0.693147, 100: 0.584508, 200: 0.466949, 1000: 0.214820, 1900: 0.140872}
    assert {i: round(history["loss"][i], 6) for i in published} == published
    options = {"loss": "binary_cross_entropy", "metrics": ["accuracy"]}
    assert round(100 * cr.evaluate(net, X, cats["train_y"], **options)["accuracy"], 2) == 99.04
    assert round(100 * cr.evaluate(net, X_test, cats["test_y"], **options)["accuracy"], 2) == 70.0


def test_784_256_128_10_passes_95_percent_on_mnist_in_10_epochs(real_data):
    mnist = real_data("mnist10k.npz")
    X, y = mnist["images"].reshape(-1, 784) / 255, mnist["labels"]
    net = cr.Network([cr.Dense(256, "relu"), cr.Dense(128, "relu"), cr.Dense(10, "softmax")], seed=0)
    cr.train(net, X[:8000], y[:8000], loss="cross_entropy", optimizer=cr.Adam(), epochs=10, seed=0, progress=False)
    assert np.mean(net.predict(X[8000:]).argmax(axis=1) == y[8000:]) > 0.95

"""The linear models beside scikit-learn's, which seek the same optimum."""

import numpy as np
import pytest
from sklearn.datasets import load_breast_cancer, load_digits, load_iris, load_wine
from sklearn.linear_model import LogisticRegression, Ridge
from sklearn.preprocessing import scale

from chainrule.experiments.linear import logistic, ridge
from chainrule.ops import softmax


def with_ones(X):
    return np.column_stack([X, np.ones(len(X))])


def clipped(load):
    X, y = load(return_X_y=True)
    return np.clip(scale(X), -10, 10), y


def wide(m=40, n=200, classes=2):
    random = np.random.default_rng(0)
    return random.standard_normal((m, n)), np.arange(m) % classes


TABLES = {
    "two classes": lambda: clipped(load_breast_cancer),
    "three classes": lambda: clipped(load_wine),
    "ten classes": lambda: tuple(part[::6] for part in clipped(load_digits)),
    "more columns than rows": wide,
    "several classes, more columns than rows": lambda: wide(classes=4),
    "a constant column": lambda: (np.column_stack([clipped(load_iris)[0], np.zeros(150)]), clipped(load_iris)[1]),
    "columns that say the same": lambda: (np.tile(clipped(load_iris)[0], 3), clipped(load_iris)[1]),
    "one example of a class": lambda: (wide(60, 5)[0], np.array([0] * 30 + [1] * 29 + [2])),
}


@pytest.mark.parametrize("table", TABLES)
def test_probabilities_are_those_of_scikit_learn_at_its_optimum(table):
    X, y = TABLES[table]()
    W, converged = logistic(with_ones(X), y, len(np.unique(y)), 200)
    theirs = LogisticRegression(tol=1e-10, max_iter=20_000).fit(X, y)
    assert converged
    np.testing.assert_allclose(softmax(with_ones(X) @ W), theirs.predict_proba(X), atol=2e-5)


@pytest.mark.parametrize(("n", "known"), [(3, [0, 2]), (4, [1, 2, 3]), (3, [1])])
def test_a_class_that_is_not_there_has_no_probability(n, known):
    X, y = clipped(load_iris)
    y = np.array(known)[y % len(known)]
    W, converged = logistic(with_ones(X), y, n, 200)
    A = softmax(with_ones(X) @ W)
    assert converged
    assert (np.delete(A, known, axis=1) == 0).all()
    np.testing.assert_allclose(A.sum(axis=1), 1)
    if len(known) > 1:
        theirs = LogisticRegression(tol=1e-10, max_iter=20_000).fit(X, y)
        np.testing.assert_allclose(A[:, known], theirs.predict_proba(X), atol=2e-5)


def test_too_few_iterations_are_told():
    X, y = clipped(load_wine)
    assert not logistic(with_ones(X), y, 3, 2)[1]


def test_nothing_to_learn_from_gives_the_shares():
    y = np.repeat([0, 1], [30, 10])
    W, converged = logistic(with_ones(np.zeros((40, 3))), y, 2, 200)
    assert converged
    np.testing.assert_allclose(softmax(W[-1]), [0.75, 0.25], atol=1e-6)


@pytest.mark.parametrize("shape", [(200, 10), (30, 100)])
@pytest.mark.parametrize("far", [0.0, 1.7e9])
def test_values_are_those_of_scikit_learn(shape, far):
    random = np.random.default_rng(0)
    X = random.standard_normal(shape)
    Y = far + X[:, :2] @ random.standard_normal((2, 3)) + random.standard_normal((len(X), 3))
    expected = Ridge().fit(X, Y).predict(X)
    np.testing.assert_allclose(with_ones(X) @ ridge(with_ones(X), Y), expected, rtol=1e-12, atol=1e-6)

"""With the same parameters and the same random_state, what scikit-learn learns: coefficients, curves, scores, words."""

import itertools
import math
import warnings

import numpy as np
import pytest
from scipy import sparse
from sklearn import neural_network as theirs
from sklearn.datasets import load_diabetes, load_digits
from sklearn.exceptions import ConvergenceWarning

from chainrule import sklearn as ours
from chainrule.engines import ENGINES

RANDOM = np.random.default_rng(0)
X, DIGITS = load_digits(return_X_y=True)
X, DIGITS = X[:310] / 16, DIGITS[:310]
TARGETS = {
    "ten classes": DIGITS,
    "two classes": np.where(DIGITS % 2 == 0, "even", "odd"),
    "labels": (DIGITS[:, None] % [2, 3, 4, 5] == 0).astype(int),
}
X_DIABETES, Y_DIABETES = load_diabetes(return_X_y=True)
X_DIABETES, Y_DIABETES = X_DIABETES * 20, Y_DIABETES / 100
TWO_TARGETS = np.column_stack([Y_DIABETES, np.sin(3 * X_DIABETES[:, 2])])
WEIGHTS = RANDOM.uniform(0, 3, len(X))
WEIGHTS[::7] = 0

SCALARS = ("n_iter_", "t_", "n_layers_", "n_outputs_", "out_activation_", "n_features_in_")
NUMBERS = ("loss_", "best_loss_", "best_validation_score_")
CURVES = ("loss_curve_", "validation_scores_")


def pair(kind, **parameters):
    """scikit-learn's estimator and ours."""
    settings = {"random_state": 0, "max_iter": 12, "hidden_layer_sizes": (20, 10)} | parameters
    return getattr(theirs, kind)(**settings), getattr(ours, kind)(**settings)


def fitted(kind, X, y, sample_weight=None, **parameters):
    estimators = pair(kind, **parameters)
    for estimator in estimators:
        quietly(estimator.fit, X, y, sample_weight)
    return estimators


def quietly(call, *arguments, **options):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        return call(*arguments, **options)


def assert_same(a, b, X, tolerance=1e-10):
    """Everything that both say, up to rounding."""
    close = {"rtol": tolerance, "atol": tolerance}
    for mine, its in zip(b.coefs_ + b.intercepts_, a.coefs_ + a.intercepts_, strict=True):
        assert mine.dtype == its.dtype
        np.testing.assert_allclose(mine, its, **close)
    for name in SCALARS:
        assert getattr(b, name) == getattr(a, name), name
    for name in NUMBERS + CURVES:
        if getattr(a, name, None) is None:
            assert getattr(b, name, None) is None or not hasattr(a, name), name
        else:
            np.testing.assert_allclose(getattr(b, name), getattr(a, name), **close, err_msg=name)
            assert type(getattr(b, name)) is (list if name in CURVES else float)
    for method in ("predict", "predict_proba", "predict_log_proba"):
        if hasattr(a, method):
            expected, found = getattr(a, method)(X), getattr(b, method)(X)
            assert found.dtype == expected.dtype
            if expected.dtype.kind == "f":
                np.testing.assert_allclose(found, expected, rtol=100 * tolerance, atol=100 * tolerance)
            else:
                np.testing.assert_array_equal(found, expected)


CLASSIFIERS = [
    {},
    {"batch_size": 32},
    {"batch_size": 32, "shuffle": False},
    {"hidden_layer_sizes": 7},
    {"hidden_layer_sizes": ()},
    {"activation": "logistic"},
    {"activation": "tanh", "beta_1": 0.5, "beta_2": 0.9, "epsilon": 1e-3, "learning_rate_init": 0.01},
    {"activation": "identity", "alpha": 1.0, "batch_size": 50},
    {"solver": "sgd", "learning_rate_init": 0.1},
    {"solver": "sgd", "nesterovs_momentum": False, "momentum": 0.5},
    {"solver": "sgd", "momentum": 0},
    {"solver": "sgd", "learning_rate": "invscaling", "learning_rate_init": 0.5, "power_t": 0.2},
    {"solver": "sgd", "learning_rate": "adaptive", "tol": 0.1, "n_iter_no_change": 1, "max_iter": 60},
    {"early_stopping": True, "validation_fraction": 0.2},
    {"early_stopping": True, "n_iter_no_change": 2, "tol": 0.3, "max_iter": 100},
    {"tol": 0.05, "n_iter_no_change": 3, "max_iter": 100},
    {"solver": "lbfgs"},
]


def by_turns():
    """All parameters on all targets; by day those without any on all, the others on one after the other."""
    for (i, parameters), (k, target) in itertools.product(enumerate(CLASSIFIERS), enumerate(TARGETS)):
        by_day = not parameters or i % len(TARGETS) == k
        yield pytest.param(parameters, target, id=f"{parameters}-{target}", marks=[] if by_day else [pytest.mark.slow])


@pytest.mark.parametrize(("parameters", "target"), [*by_turns()])
def test_classifiers(parameters, target):
    a, b = fitted("MLPClassifier", X, TARGETS[target], **parameters)
    assert_same(a, b, X, 1e-8 if parameters.get("solver") == "lbfgs" else 1e-10)
    np.testing.assert_array_equal(b.classes_, a.classes_)
    assert b.score(X, TARGETS[target]) == a.score(X, TARGETS[target])


@pytest.mark.parametrize("y", [Y_DIABETES, TWO_TARGETS, Y_DIABETES.astype(int)], ids=["one", "two", "whole numbers"])
@pytest.mark.parametrize(
    "parameters",
    [
        {},
        {"batch_size": 32, "alpha": 0.5},
        {"solver": "sgd", "activation": "tanh", "learning_rate_init": 0.01},
        {"early_stopping": True, "activation": "logistic"},
        {"loss": "poisson", "learning_rate_init": 0.01},
        {"solver": "lbfgs", "loss": "poisson", "activation": "tanh"},
    ],
    ids=str,
)
def test_regressors(parameters, y):
    y = abs(y) if parameters.get("loss") == "poisson" else y
    a, b = fitted("MLPRegressor", X_DIABETES, y, **parameters)
    assert_same(a, b, X_DIABETES, 1e-7 if parameters.get("solver") == "lbfgs" else 1e-10)
    assert b.score(X_DIABETES, y) == pytest.approx(a.score(X_DIABETES, y))


@pytest.mark.parametrize("solver", ["adam", "sgd", "lbfgs"])
@pytest.mark.parametrize("early_stopping", [False, True])
def test_weights_of_examples(solver, early_stopping):
    options = {"solver": solver, "batch_size": 64, "early_stopping": early_stopping, "alpha": 0.1}
    a, b = fitted("MLPClassifier", X, DIGITS, WEIGHTS, **options)
    assert_same(a, b, X, 1e-8 if solver == "lbfgs" else 1e-10)
    a, b = fitted("MLPRegressor", X, DIGITS / 10, WEIGHTS, **options)
    assert_same(a, b, X, 1e-7 if solver == "lbfgs" else 1e-10)


def test_the_loss_of_several_outputs_that_lbfgs_ends_at_is_their_mean():
    _, b = fitted("MLPRegressor", X_DIABETES, TWO_TARGETS, solver="lbfgs", max_iter=5, activation="identity", alpha=2.0)
    penalty = sum((coef**2).sum() for coef in b.coefs_) / len(X_DIABETES)
    assert b.loss_ == pytest.approx(0.5 * np.mean((b.predict(X_DIABETES) - TWO_TARGETS) ** 2) + penalty)


@pytest.mark.parametrize("kind", ["MLPClassifier", "MLPRegressor"])
def test_float32_stays_float32(kind):
    a, b = fitted(kind, X.astype(np.float32), DIGITS)
    assert_same(a, b, X.astype(np.float32), 1e-3)
    assert b.network_.dtype == "float32"
    wider, theirs_wider = (getattr(e, "predict_proba", e.predict)(X) for e in (b, a))
    assert wider.dtype == theirs_wider.dtype == np.float64


@pytest.mark.parametrize("container", [sparse.csr_matrix, sparse.csc_array, sparse.coo_matrix])
@pytest.mark.parametrize(
    ("dense", "solver"),
    [
        (0, "adam"),
        (2**24, "lbfgs"),
        pytest.param(0, "lbfgs", marks=pytest.mark.slow),
        pytest.param(2**24, "adam", marks=pytest.mark.slow),
    ],
)
def test_sparse_examples(container, dense, solver, monkeypatch):
    monkeypatch.setattr("chainrule.sklearn.estimator.DENSE", dense)
    a, b = fitted("MLPClassifier", container(X), DIGITS, solver=solver, batch_size=64)
    assert_same(a, b, container(X), 1e-8)
    np.testing.assert_array_equal(b.predict(container(X)), b.predict(X))
    a, b = fitted("MLPClassifier", container(X), DIGITS, early_stopping=True)
    assert_same(a, b, X)


def test_sparse_labels_come_back_sparse():
    Y = sparse.csr_matrix(TARGETS["labels"])
    a, b = fitted("MLPClassifier", X, Y)
    assert sparse.issparse(b.predict(X))
    np.testing.assert_array_equal(b.predict(X).toarray(), a.predict(X).toarray())


@pytest.mark.parametrize("random_state", [3, "a RandomState"])
@pytest.mark.parametrize("parameters", [{}, {"early_stopping": True}, {"solver": "sgd", "learning_rate": "invscaling"}])
def test_warm_starts(random_state, parameters):
    estimators = pair("MLPClassifier", warm_start=True, batch_size=32, **parameters)
    for estimator in estimators:
        state = np.random.RandomState(3) if isinstance(random_state, str) else random_state
        estimator.set_params(random_state=state, max_iter=4)
        for _ in range(3):
            quietly(estimator.fit, X, DIGITS)
    assert_same(*estimators, X)
    assert len(estimators[1].loss_curve_) == 12


@pytest.mark.parametrize("solver", ["adam", "sgd"])
@pytest.mark.parametrize("target", TARGETS)
def test_partial_fits_of_chunks_of_any_size(solver, target):
    y = TARGETS[target]
    classes = np.arange(4) if target == "labels" else np.unique(y)
    estimators = pair("MLPClassifier", solver=solver, batch_size=32)
    for estimator in estimators:
        for rows in (slice(0, 3), slice(3, 200), slice(200, 310), slice(0, 310)):
            with warnings.catch_warnings():
                warnings.simplefilter("ignore", UserWarning)
                estimator.partial_fit(X[rows], y[rows], WEIGHTS[rows], classes=classes)
    assert_same(*estimators, X)


@pytest.mark.parametrize("solver", ["adam", "sgd"])
def test_a_partial_fit_after_fit_goes_on_with_what_the_solver_remembers(solver):
    estimators = pair("MLPRegressor", solver=solver, batch_size=32, learning_rate="invscaling")
    for estimator in estimators:
        quietly(estimator.fit, X, DIGITS / 10)
        estimator.partial_fit(X, DIGITS / 10)
        estimator.partial_fit(X[:100], DIGITS[:100] / 10)
    assert_same(*estimators, X)


def test_a_random_state_that_was_used_before():
    states = [np.random.RandomState(1), np.random.RandomState(1)]
    estimators = pair("MLPClassifier", batch_size=32, early_stopping=True)
    for estimator, state in zip(estimators, states, strict=True):
        state.uniform(size=5)
        quietly(estimator.set_params(random_state=state).fit, X, DIGITS)
    assert_same(*estimators, X)
    assert states[0].uniform() == states[1].uniform()


@pytest.mark.parametrize(
    "parameters",
    [
        {"tol": 0.1, "n_iter_no_change": 1, "learning_rate": "adaptive", "max_iter": 200},
        {"tol": 1.0, "n_iter_no_change": 2},
        {"early_stopping": True, "tol": 0.5, "n_iter_no_change": 3},
    ],
)
def test_verbose_says_the_same_words(parameters, capsys):
    said = []
    for estimator in pair("MLPClassifier", solver="sgd", learning_rate_init=0.2, verbose=True, **parameters):
        quietly(estimator.fit, X, DIGITS)
        said.append(capsys.readouterr().out)
    assert said[0] == said[1]
    assert said[1].splitlines()[-1].endswith("Stopping.")


@pytest.mark.parametrize("parameters", [{"max_iter": 1}, {"batch_size": 400}])
@pytest.mark.parametrize("y", [DIGITS, DIGITS[:, None]], ids=["row", "column"])
def test_the_same_warnings(parameters, y):
    said = []
    for estimator in pair("MLPClassifier", **parameters):
        with pytest.warns(UserWarning, match=".*") as caught:
            estimator.fit(X, y)
        said.append([(warning.category, str(warning.message)) for warning in caught])
    assert said[0] == said[1]
    assert caught[-1].filename == __file__


def test_a_single_class():
    for estimator in pair("MLPClassifier"):
        quietly(estimator.fit, X, np.full(len(X), "only"))
        assert (estimator.predict(X) == "only").all()
        assert estimator.predict_proba(X).shape == (len(X), 2)


def test_infinite_patience_and_scores_that_count_every_epoch():
    a, b = fitted("MLPClassifier", X, DIGITS, n_iter_no_change=math.inf, tol=1e9)
    assert_same(a, b, X)


@pytest.mark.parametrize(
    "engine",
    [pytest.param(name, marks=[pytest.mark.xdist_group("jax")] * (name == "jax")) for name in (*ENGINES, "auto")],
)
def test_every_engine(engine):
    a, b = fitted("MLPClassifier", X, DIGITS, WEIGHTS, batch_size=64)
    b = quietly(b.set_params(engine=engine).fit, X, DIGITS, WEIGHTS)
    assert_same(a, b, X)
    assert b.history_.engine == (list(ENGINES)[-1] if engine == "auto" else engine)

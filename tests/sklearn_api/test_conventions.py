"""What scikit-learn's ecosystem relies on: its own checks, copies, files, pipelines, searches, frames, attributes."""

import copy
import functools
import io
import pickle
import subprocess
import sys
import warnings

import joblib
import numpy as np
import pandas
import polars
import pytest
from sklearn.base import clone
from sklearn.datasets import load_iris
from sklearn.ensemble import BaggingClassifier
from sklearn.exceptions import ConvergenceWarning, NotFittedError
from sklearn.model_selection import (
    GridSearchCV,
    RandomizedSearchCV,
    cross_val_predict,
    cross_val_score,
    learning_curve,
)
from sklearn.multioutput import MultiOutputClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.utils.estimator_checks import parametrize_with_checks

import chainrule as cr
from chainrule.sklearn import MLPClassifier, MLPRegressor, TableClassifier, once

X, Y = load_iris(return_X_y=True)
NAMES = ["length", "width", "length of petals", "width of petals"]

pytestmark = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")


FEW = {"hidden_layer_sizes": (10,), "learning_rate_init": 0.05, "max_iter": 25}
"""Enough for the accuracy that the checks ask for; test_agreement.py has the defaults."""


@parametrize_with_checks([MLPClassifier(**FEW), MLPRegressor(hidden_layer_sizes=(10,), solver="lbfgs", max_iter=8)])
@pytest.mark.filterwarnings("ignore")
def test_the_checks_of_scikit_learn(estimator, check):
    check(estimator)


@pytest.mark.slow
@parametrize_with_checks(
    [
        MLPRegressor(**FEW),
        MLPRegressor(loss="huber", solver="rmsprop", **FEW),
        MLPClassifier(loss="hinge", **FEW),
        MLPClassifier((10, 5), ["tanh", "gelu"], solver=cr.AdamW(5e-2), max_iter=25),
        MLPClassifier(engine="numpy", **FEW),
    ]
)
@pytest.mark.filterwarnings("ignore")
def test_the_checks_of_scikit_learn_with_other_settings(estimator, check):
    check(estimator)


def test_importing_chainrule_loads_no_scikit_learn():
    code = (
        "import sys, chainrule; assert 'sklearn' not in sys.modules; "
        "chainrule.sklearn.MLPClassifier; assert 'sklearn' in sys.modules"
    )
    subprocess.run([sys.executable, "-c", code], check=True)


@pytest.mark.parametrize("kind", [MLPClassifier, MLPRegressor])
def test_the_parameters_of_scikit_learn_come_first_with_the_same_defaults(kind):
    import inspect

    from sklearn import neural_network

    theirs = inspect.signature(getattr(neural_network, kind.__name__)).parameters
    ours = inspect.signature(kind).parameters
    assert list(ours)[: len(theirs)] == list(theirs)
    for name, parameter in theirs.items():
        assert (ours[name].default, ours[name].kind) == (parameter.default, parameter.kind)


def fitted(**parameters):
    return MLPClassifier(8, random_state=0, max_iter=30, **parameters).fit(X, Y)


def joblib_dumped(estimator):
    file = io.BytesIO()
    joblib.dump(estimator, file)
    file.seek(0)
    return joblib.load(file)


COPIES = {
    "pickle": lambda estimator: pickle.loads(pickle.dumps(estimator)),
    "joblib": joblib_dumped,
    "deepcopy": copy.deepcopy,
    "copy": copy.copy,
}


@pytest.mark.parametrize("way", COPIES)
@pytest.mark.parametrize("parameters", [{}, {"batch_norm": True, "dropout": 0.2}, {"solver": "lbfgs"}], ids=str)
def test_copies_predict_the_same(way, parameters):
    estimator = fitted(**parameters)
    twin = COPIES[way](estimator)
    np.testing.assert_array_equal(twin.predict_proba(X), estimator.predict_proba(X))
    for mine, its in zip(twin.coefs_ + twin.intercepts_, estimator.coefs_ + estimator.intercepts_, strict=True):
        np.testing.assert_array_equal(mine, its)
    assert twin.loss_curve_ == estimator.loss_curve_


@pytest.mark.parametrize("way", ["pickle", "joblib", "deepcopy"])
def test_a_copy_learns_on_as_the_first_does_and_apart_from_it(way):
    first = fitted(dropout=0.1)
    first.partial_fit(X, Y)
    twin = COPIES[way](first)
    before = first.predict_proba(X)
    twin.partial_fit(X, Y)
    np.testing.assert_array_equal(first.predict_proba(X), before)
    assert (twin.predict_proba(X) != before).any()
    first.partial_fit(X, Y)
    np.testing.assert_allclose(first.predict_proba(X), twin.predict_proba(X), rtol=1e-12)


def test_a_copy_is_of_the_coefficients_as_they_are_now():
    estimator = fitted()
    estimator.coefs_[0] = np.zeros_like(estimator.coefs_[0])
    twin = pickle.loads(pickle.dumps(estimator))
    assert not twin.coefs_[0].any()
    np.testing.assert_array_equal(twin.predict_proba(X), estimator.predict_proba(X))


def test_clone_keeps_every_parameter_and_nothing_that_was_learned():
    estimator = MLPClassifier(
        (4, 3),
        activation=["tanh", functools.partial(cr.ops.leaky_relu, slope=0.2)],
        solver=cr.AdamW(cr.schedules.Cosine(1e-2, epochs=10)),
        early_stopping=cr.EarlyStopping(patience=3),
        metrics=["roc_auc"],
    ).fit(X, Y)
    twin = clone(estimator)
    assert repr(twin.get_params()) == repr(estimator.get_params())
    with pytest.raises(NotFittedError):
        twin.predict(X)
    np.testing.assert_array_equal(
        *(
            make.set_params(random_state=1, early_stopping=False, max_iter=3).fit(X, Y).predict_proba(X)
            for make in (twin, clone(estimator))
        )
    )


def test_in_a_pipeline_with_a_grid_search_over_processes():
    pipeline = make_pipeline(StandardScaler(), MLPClassifier(random_state=0, max_iter=15))
    grid = {"mlpclassifier__solver": ["adam", cr.Adam(0.03)]}
    alone = GridSearchCV(pipeline, grid, cv=3).fit(X, Y)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        together = GridSearchCV(pipeline, grid, cv=3, n_jobs=2).fit(X, Y)
    assert together.best_params_ == alone.best_params_
    np.testing.assert_allclose(together.cv_results_["mean_test_score"], alone.cv_results_["mean_test_score"])
    assert together.best_score_ > 0.85


@pytest.mark.slow
def test_a_search_leaves_the_machine_over_dask():
    import distributed

    grid = {"hidden_layer_sizes": [(3,), (20,)]}
    search = GridSearchCV(MLPClassifier(random_state=0, max_iter=15, learning_rate_init=0.03), grid, cv=3)
    alone = clone(search).fit(X, Y)
    with (
        distributed.Client(n_workers=1, threads_per_worker=2, processes=True, dashboard_address=None),
        joblib.parallel_config(backend="dask"),
    ):
        search.fit(X, Y)
    np.testing.assert_allclose(search.cv_results_["mean_test_score"], alone.cv_results_["mean_test_score"])


def test_fitted_ones_come_back_from_other_processes():
    bag = BaggingClassifier(MLPClassifier(8, max_iter=60, learning_rate_init=0.03), 3, n_jobs=2, random_state=0)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        assert bag.fit(X, Y).score(X, Y) > 0.9


def test_threads_may_share_one():
    estimator = fitted()
    parts = np.array_split(X, 8)
    found = joblib.Parallel(n_jobs=4, backend="threading")(
        joblib.delayed(estimator.predict_proba)(part) for part in parts
    )
    np.testing.assert_array_equal(np.concatenate(found), np.concatenate([*map(estimator.predict_proba, parts)]))


def test_inside_other_estimators():
    both = MultiOutputClassifier(MLPClassifier(8, random_state=0)).fit(X, np.column_stack([Y, Y == 1]))
    assert both.predict(X).shape == (150, 2)
    assert cross_val_score(MLPClassifier(random_state=0, learning_rate_init=0.02), X, Y, cv=3).mean() > 0.9


def said(call, category):
    """The warnings of a category, of which Python's own filters are to leave out none."""
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        call()
    return [one for one in caught if one.category is category]


FEW_EPOCHS, FAR = MLPRegressor(random_state=0, max_iter=2), 1000.0 * Y


@pytest.mark.parametrize(
    "call",
    [
        lambda: cross_val_score(FEW_EPOCHS, X, FAR),
        lambda: cross_val_predict(FEW_EPOCHS, X, FAR),
        lambda: learning_curve(FEW_EPOCHS, X, FAR, cv=2),
        lambda: GridSearchCV(FEW_EPOCHS, {"alpha": [0.1, 0.2]}).fit(X, FAR),
        lambda: RandomizedSearchCV(FEW_EPOCHS, {"alpha": [0.1, 0.2]}, n_iter=2, random_state=0).fit(X, FAR),
        lambda: cross_val_score(GridSearchCV(FEW_EPOCHS, {"alpha": [0.1, 0.2]}, cv=2), X, FAR, cv=2),
    ],
    ids=["cross_val_score", "cross_val_predict", "learning_curve", "grid", "randomized", "grid in cross_val_score"],
)
def test_a_warning_comes_once_in_a_cross_validation_or_search(call):
    told = said(call, ConvergenceWarning)
    assert [str(one.message).split()[0] for one in told] == ["Stochastic", "y"]
    assert {one.filename for one in told} == {__file__}


def test_each_fit_search_and_cross_validation_warns_anew():
    search = GridSearchCV(FEW_EPOCHS, {"alpha": [0.1]}, cv=2)
    for call in (lambda: FEW_EPOCHS.fit(X, FAR), lambda: search.fit(X, FAR), lambda: cross_val_score(search, X, FAR)):
        assert len(said(lambda call=call: [call() for _ in range(3)], ConvergenceWarning)) == 3 * 2
    search.fit(X, FAR)
    assert len(said(lambda: search.best_estimator_.fit(X, FAR), ConvergenceWarning)) == 2


def test_fits_in_threads_warn_each():
    with joblib.parallel_config("threading", n_jobs=2):
        assert len(said(lambda: cross_val_score(FEW_EPOCHS, X, FAR, cv=3), ConvergenceWarning)) == 3 * 2


def test_the_run_of_several_fits_is_found_where_joblib_and_scikit_learn_hold_it():
    """`once` looks among the local variables of their functions: where they have none there, warnings come again."""
    found = []

    class Looks(MLPRegressor):
        def fit(self, X, y):
            frames = [*once._callers()]
            found.append([*dict.fromkeys(held for frame in frames if (held := once._several_fits(frame)) is not None)])
            return super().fit(X, y)

    run = joblib.Parallel()
    run([joblib.delayed(Looks(max_iter=1).fit)(X, Y)])
    assert found == [[run]], "joblib.Parallel.__call__ does not hold itself in a local variable"
    found.clear()
    GridSearchCV(Looks(max_iter=1), {"alpha": [0.1]}, cv=2).fit(X, Y)
    assert len(found) == 3
    assert [len(held) for held in found] == [1, 1, 1], "BaseSearchCV.fit does not hold its Parallel while it refits"
    assert len({id(held[0]) for held in found}) == 1


def test_what_is_odd_about_the_rows_of_each_fold_is_told_once():
    words = [*"xyz"] * 50
    words[5], words[145] = "w", "v"  # each in another fold
    frame = pandas.DataFrame({"length": X[:, 0], "word": words})
    told = said(lambda: cross_val_score(TableClassifier(quick=True, epochs=1), frame, Y, cv=3), cr.errors.DoubtWarning)
    assert [str(one.message).split()[0] for one in told] == ["word"]
    assert told[0].filename == __file__


def test_columns_whose_names_differ_by_a_number_are_told_each():
    words = np.array([*"xyz"] * 50, dtype=object)
    words[[5, 145]] = "w", "v"  # each in another fold
    odd = np.column_stack([X[:, 0], words, X[:, 1], words])
    told = said(lambda: cross_val_score(TableClassifier(quick=True, epochs=1), odd, Y, cv=3), cr.errors.DoubtWarning)
    assert [str(one.message).split()[0] for one in told] == ["x1", "x3"]


FRAMES = {
    "pandas": lambda: (pandas.DataFrame(X, columns=NAMES), pandas.Series(Y)),
    "polars": lambda: (polars.DataFrame(X, schema=NAMES), polars.Series(Y)),
    "polars, words": lambda: (polars.DataFrame(X, schema=NAMES), polars.Series(np.array(["a", "b", "c"])[Y])),
    "pandas, categories": lambda: (pandas.DataFrame(X, columns=NAMES), pandas.Categorical(Y)),
}


@pytest.mark.parametrize("frame", FRAMES)
@pytest.mark.parametrize("early_stopping", [False, True])
def test_frames(frame, early_stopping):
    frame, y = FRAMES[frame]()
    with warnings.catch_warnings():
        warnings.simplefilter("error", UserWarning)
        warnings.simplefilter("ignore", ConvergenceWarning)
        estimator = MLPClassifier(8, random_state=0, early_stopping=early_stopping).fit(frame, y)
        np.testing.assert_array_equal(estimator.predict_proba(frame), estimator_on_arrays(early_stopping))
        assert estimator.score(frame, y) > 0.3
    assert list(estimator.feature_names_in_) == NAMES
    assert estimator.n_features_in_ == 4
    with pytest.warns(UserWarning, match="does not have valid feature names"):
        estimator.predict(X)
    turned = frame[NAMES[::-1]]
    with pytest.raises(ValueError, match="feature names should match"):
        estimator.predict(turned)


@functools.cache
def estimator_on_arrays(early_stopping):
    return MLPClassifier(8, random_state=0, early_stopping=early_stopping).fit(X, Y).predict_proba(X)


def test_coefficients_are_the_networks_own_numbers():
    estimator = fitted()
    estimator.coefs_[1][...] = 0
    estimator.intercepts_[1] = np.array([0.0, 5.0, 0.0])
    assert (estimator.predict(X) == 1).all()
    np.testing.assert_array_equal(estimator.network_.parameters["b2"], [0, 5, 0])
    estimator.coefs_, estimator.intercepts_ = list(estimator.coefs_), [np.zeros(8), np.array([1.0, 0.0, 0.0])]
    assert (estimator.predict(X) == 0).all()
    estimator.coefs_[0] = np.zeros((4, 9))
    with pytest.raises(cr.OptionError, match=r"coefs_\[0\] is \(4, 9\), but the network's is \(4, 8\)"):
        estimator.predict(X)


def test_one_that_is_put_together_by_hand_predicts():
    learned, made = fitted(), MLPClassifier(8)
    made.coefs_, made.intercepts_ = [np.array(c) for c in learned.coefs_], [np.array(b) for b in learned.intercepts_]
    made.classes_, made.n_outputs_, made.out_activation_, made.n_features_in_ = learned.classes_, 3, "softmax", 4
    np.testing.assert_array_equal(made.predict_proba(X), learned.predict_proba(X))


def test_the_network_can_be_saved_and_checked(tmp_path):
    estimator = fitted(activation="tanh", dtype="float64")
    estimator.network_.save(tmp_path / "iris.safetensors")
    np.testing.assert_allclose(cr.load(tmp_path / "iris.safetensors").predict(X), estimator.predict_proba(X))
    assert cr.check_gradients(estimator.network_, X[:8], Y[:8], loss="cross_entropy").passed

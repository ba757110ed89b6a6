"""What scikit-learn's own does not have."""

import functools
import math
import re
import signal
import warnings

import numpy as np
import pytest
from scipy import sparse
from sklearn import config_context
from sklearn.compose import TransformedTargetRegressor
from sklearn.datasets import load_breast_cancer, load_diabetes, load_iris
from sklearn.exceptions import ConvergenceWarning
from sklearn.linear_model import LogisticRegression, Perceptron
from sklearn.metrics import balanced_accuracy_score, log_loss, roc_auc_score
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import StandardScaler, scale

import chainrule as cr
from chainrule.engines import ENGINES
from chainrule.sklearn import MLPClassifier, MLPRegressor

X, Y = load_breast_cancer(return_X_y=True)
X = scale(X)
X_IRIS, Y_IRIS = load_iris(return_X_y=True)
X_IRIS = scale(X_IRIS)
X_DIABETES, Y_DIABETES = load_diabetes(return_X_y=True)
X_DIABETES, Y_DIABETES = scale(X_DIABETES), scale(Y_DIABETES)

pytestmark = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")


def classifier(**parameters):
    return MLPClassifier(**{"hidden_layer_sizes": (8,), "random_state": 0, "max_iter": 20} | parameters)


def kinds(estimator):
    return [type(layer).__name__ for layer in estimator.network_.layers]


def test_a_solver_of_rates_freezes_dropout_falls_and_the_weight_decay_goes_on_from_call_to_call():
    schedule = cr.schedules.Cosine(0.9, 4)
    frozen = classifier(solver=cr.AdamW(0.01, weight_decay=schedule, rates={"W1": 0}), max_iter=4)
    start = [coef.copy() for coef in classifier(max_iter=1, solver=cr.Adam(rates={"*": 0})).fit(X, Y).coefs_]
    frozen.fit(X, Y)
    np.testing.assert_array_equal(frozen.coefs_[0], start[0])
    assert (frozen.coefs_[1] != start[1]).any()
    falling, still = (classifier(dropout=rate).fit(X, Y).loss_curve_ for rate in (cr.schedules.Cosine(0.5, 20), 0.5))
    assert falling[0] == still[0]
    assert falling[-1] < 0.9 * still[-1]
    estimator = classifier(solver=cr.AdamW(0.01, weight_decay=schedule))
    for epoch in range(4):
        estimator.partial_fit(X, Y, classes=[0, 1])
        assert estimator._optimizer.decay(0) == schedule(epoch)


def test_an_activation_for_each_layer():
    leaky = functools.partial(cr.ops.leaky_relu, slope=0.2)
    estimator = classifier(
        hidden_layer_sizes=(8, 6, 4), activation=["logistic", "gelu", leaky], learning_rate_init=0.01
    )
    estimator.fit(X, Y)
    assert [layer.activation for layer in estimator.network_.layers] == ["sigmoid", "gelu", leaky, "sigmoid"]
    assert estimator.history_.engine == list(ENGINES)[-1]
    assert estimator.score(X, Y) > 0.9


def test_the_start_of_a_sigmoid_layer_is_narrower():
    estimator = classifier(hidden_layer_sizes=(200, 200), activation=["tanh", "logistic"], solver=cr.Adam(0.0))
    estimator.partial_fit(X, Y, classes=[0, 1])
    for coef, factor in zip(estimator.coefs_, (6, 2, 2), strict=True):
        bound = math.sqrt(factor / sum(coef.shape))
        assert 0.95 * bound < abs(coef).max() <= bound


def test_an_activation_of_ones_own():
    def bent(Z):
        return cr.ops.maximum(Z, 0.1 * Z)

    estimator = classifier(activation=bent).fit(X, Y)
    assert estimator.history_.engine == list(ENGINES)[-1]
    assert estimator.score(X, Y) > 0.8


def test_dropout():
    estimator = classifier(hidden_layer_sizes=(8, 6), dropout=[0.0, 0.5]).fit(X, Y)
    assert kinds(estimator) == ["Dense", "Dense", "Dropout", "Dense"]
    np.testing.assert_array_equal(estimator.predict_proba(X), estimator.predict_proba(X))
    again = classifier(hidden_layer_sizes=(8, 6), dropout=[0.0, 0.5]).fit(X, Y)
    np.testing.assert_array_equal(again.predict_proba(X), estimator.predict_proba(X))
    other = classifier(hidden_layer_sizes=(8, 6), dropout=[0.0, 0.5], random_state=1).fit(X, Y)
    assert other.loss_curve_ != estimator.loss_curve_
    without = classifier(hidden_layer_sizes=(8, 6)).fit(X, Y)
    assert without.loss_ < estimator.loss_
    assert without.loss_ == classifier(hidden_layer_sizes=(8, 6), dropout=0.0).fit(X, Y).loss_


def test_batch_norm():
    estimator = classifier(hidden_layer_sizes=(8, 6), batch_norm=True, dropout=0.1, learning_rate_init=0.01).fit(X, Y)
    assert kinds(estimator) == ["Dense", "BatchNorm", "Activation", "Dropout"] * 2 + ["Dense"]
    assert estimator.score(X, Y) > 0.9
    moved = estimator.network_.layers[1].statistics["mean"].copy()
    estimator.partial_fit(X, Y)
    assert (estimator.network_.layers[1].statistics["mean"] != moved).any()
    assert classifier(batch_norm=True, solver="lbfgs").fit(X, Y).score(X, Y) > 0.9


@pytest.mark.parametrize(
    "solver",
    ["adamw", "rmsprop", "adagrad", "gradient_descent", cr.RMSProp(0.01), cr.Adam(0.01, clip_norm=1.0, l2=1e-3),
     cr.LBFGS(history=5, tolerance=1e-3, l2=1e-2)],
    ids=repr,
)  # fmt: skip
def test_every_optimizer(solver):
    estimator = classifier(solver=solver, learning_rate_init=0.05).fit(X, Y)
    assert estimator.score(X, Y) > 0.9
    assert estimator.loss_curve_[-1] < estimator.loss_curve_[0]


def test_the_penalties_of_an_optimizer_and_of_alpha_add_up():
    common = {"batch_size": len(X), "shuffle": False, "max_iter": 5}
    both = classifier(solver=cr.Adam(0.01, l2=0.3, epsilon_hat=True), alpha=0.2 * len(X), **common).fit(X, Y)
    one = classifier(learning_rate_init=0.01, alpha=0.5 * len(X), **common).fit(X, Y)
    np.testing.assert_allclose(both.coefs_[0], one.coefs_[0])
    assert both.loss_ == pytest.approx(one.loss_)
    common = {"max_iter": 5, "tol": 1e-8}
    both = classifier(solver=cr.LBFGS(l2=0.3), alpha=0.2 * len(X), **common).fit(X, Y)
    one = classifier(solver=cr.LBFGS(), alpha=0.5 * len(X), **common).fit(X, Y)
    np.testing.assert_allclose(both.coefs_[0], one.coefs_[0], rtol=1e-5)


@pytest.mark.parametrize("solver", ["adam", "sgd", "rmsprop"])
def test_a_schedule(solver):
    seen = []
    estimator = classifier(
        solver=solver,
        learning_rate=cr.schedules.Step(0.01, every=1, factor=0.5),
        max_iter=3,
        callbacks=lambda run: seen.append(estimator._optimizer.alpha(run.epoch)),
    )
    estimator.fit(X, Y)
    assert seen == [0.01, 0.005, 0.0025]
    estimator.partial_fit(X, Y)
    assert seen[-1] == 0.00125  # a schedule goes on where it was
    estimator.fit(X, Y)
    assert seen[4] == 0.01


def test_a_schedule_of_an_optimizer_object():
    rates = []

    class Watching(cr.schedules.Schedule):
        def __call__(self, epoch):
            rates.append(epoch)
            return 0.01

    classifier(solver=cr.Adam(Watching()), batch_size=285, max_iter=2).fit(X, Y)
    assert set(rates) >= {0, 0.5, 1, 1.5}


def test_class_weights():
    few = np.r_[np.flatnonzero(Y == 1), np.flatnonzero(Y == 0)[:12]]
    X_few, Y_few = X[few][:, :3], Y[few]
    settings = {"hidden_layer_sizes": (), "solver": "lbfgs", "max_iter": 200}
    plain, balanced = (classifier(class_weight=w, **settings).fit(X_few, Y_few) for w in (None, "balanced"))
    scores = [balanced_accuracy_score(Y_few, estimator.predict(X_few)) for estimator in (plain, balanced)]
    assert scores[1] > scores[0] + 0.1
    by_name = classifier(class_weight={"no": 3.0, "yes": 1.0}).fit(X, np.array(["no", "yes"])[Y])
    by_hand = classifier().fit(X, Y, sample_weight=np.where(Y == 0, 3.0, 1.0))
    np.testing.assert_array_equal(by_name.predict_proba(X), by_hand.predict_proba(X))
    together = classifier(class_weight={0: 3.0}, alpha=0).fit(X, Y, sample_weight=np.where(Y == 1, 0.5, 1.0))
    at_once = classifier(class_weight={0: 6.0}, alpha=0).fit(X, Y)
    np.testing.assert_allclose(together.predict_proba(X), at_once.predict_proba(X))


def test_class_weights_of_labels_and_of_chunks():
    labels = np.column_stack([Y_IRIS == 0, Y_IRIS == 1]).astype(int)
    weighted = classifier(class_weight=[{0: 1, 1: 5}, {0: 1, 1: 1}]).fit(X_IRIS, labels)
    by_hand = classifier().fit(X_IRIS, labels, sample_weight=np.where(labels[:, 0], 5.0, 1.0))
    np.testing.assert_array_equal(weighted.predict_proba(X_IRIS), by_hand.predict_proba(X_IRIS))
    chunks = classifier(class_weight={0: 2.0}).partial_fit(X, Y, classes=[0, 1])
    by_hand = classifier().partial_fit(X, Y, np.where(Y == 0, 2.0, 1.0), classes=[0, 1])
    np.testing.assert_array_equal(chunks.predict_proba(X), by_hand.predict_proba(X))


def test_smoothed_labels():
    smooth = functools.partial(cr.ops.binary_cross_entropy, label_smoothing=0.2)
    plain, smoothed = (classifier(loss=loss, max_iter=200).fit(X, Y) for loss in ("log_loss", smooth))
    assert abs(smoothed.predict_proba(X) - 0.5).max() < abs(plain.predict_proba(X) - 0.5).max()
    smooth = functools.partial(cr.ops.cross_entropy, label_smoothing=0.2)
    assert classifier(loss=smooth, learning_rate_init=0.03).fit(X_IRIS, Y_IRIS).score(X_IRIS, Y_IRIS) > 0.9


def test_a_loss_of_ones_own_sees_one_hot_rows():
    shapes = []

    def focal(A, Y):
        return -(Y * (1 - A) ** 2 * cr.ops.log(A + 1e-9)).sum(axis=-1).mean()

    def noted(A, Y):
        shapes.append((A.shape, np.shape(Y)))
        return focal(A, Y)

    how = {"learning_rate_init": 0.03, "batch_size": 50}
    estimator = classifier(loss=focal, **how).fit(X_IRIS, Y_IRIS)
    classifier(loss=noted, **how).fit(X_IRIS, Y_IRIS)
    assert {(A[1:], Y[1:]) for A, Y in shapes} == {((3,), (3,))}
    assert estimator.history_.engine == list(ENGINES)[-1]
    assert estimator.score(X_IRIS, Y_IRIS) > 0.9
    assert (shapes.clear(), classifier(loss=noted).fit(X, Y), shapes[-1])[-1][0][1:] == (1,)


@pytest.mark.parametrize("loss", ["squared_error", "cross_entropy", "binary_cross_entropy"])
def test_other_losses_of_probabilities(loss):
    for y in (Y_IRIS, Y_IRIS == 0):
        assert classifier(loss=loss, learning_rate_init=0.03).fit(X_IRIS, y).score(X_IRIS, y) > 0.85


@pytest.mark.parametrize("loss", ["hinge", "perceptron"])
@pytest.mark.parametrize("y", [Y_IRIS == 0, Y_IRIS], ids=["two", "three"])
def test_scores_whose_signs_decide(loss, y):
    estimator = classifier(loss=loss, learning_rate_init=0.03, max_iter=60).fit(X_IRIS, y)
    scores = estimator.decision_function(X_IRIS)
    assert scores.shape == ((150,) if y.dtype == bool else (150, 3))
    decided = scores > 0 if scores.ndim == 1 else scores.argmax(axis=1)
    np.testing.assert_array_equal(estimator.predict(X_IRIS), decided)
    assert estimator.score(X_IRIS, y) > 0.9
    assert estimator.out_activation_ == "identity"
    assert not hasattr(estimator, "predict_proba")
    assert not hasattr(estimator, "predict_log_proba")
    assert not hasattr(classifier(), "decision_function")


def test_without_hidden_layers_it_is_a_logistic_regression():
    estimator = classifier(hidden_layer_sizes=(), solver="lbfgs", alpha=1.0, max_iter=500, tol=1e-8).fit(X_IRIS, Y_IRIS)
    peer = LogisticRegression(C=1.0, tol=1e-8, max_iter=1000).fit(X_IRIS, Y_IRIS)
    np.testing.assert_allclose(estimator.predict_proba(X_IRIS), peer.predict_proba(X_IRIS), atol=1e-3)
    penalty = (estimator.coefs_[0] ** 2).sum() / 300
    assert log_loss(Y_IRIS, estimator.predict_proba(X_IRIS)) + penalty == pytest.approx(estimator.loss_)


def test_without_hidden_layers_and_with_its_loss_it_is_a_perceptron():
    estimator = MLPClassifier(
        (), solver="sgd", momentum=0, loss="perceptron", alpha=0, batch_size=1, learning_rate_init=1.0, shuffle=False,
        max_iter=1, random_state=0,
    ).partial_fit(X, Y, classes=[0, 1])  # fmt: skip
    estimator.coefs_[0][...] = estimator.intercepts_[0][...] = 0
    estimator.partial_fit(X, Y)
    peer = Perceptron(shuffle=False, max_iter=1, tol=None).fit(X, Y)
    np.testing.assert_allclose(estimator.coefs_[0].T, peer.coef_)
    np.testing.assert_allclose(estimator.intercepts_[0], peer.intercept_)


@pytest.mark.parametrize("loss", ["absolute_error", "huber", functools.partial(cr.ops.huber, delta=0.5)], ids=str)
def test_robust_regression(loss):
    y = Y_DIABETES.copy()
    y[::20] += 30
    robust, plain = (
        MLPRegressor(J, 8, random_state=0, max_iter=100, learning_rate_init=0.01).fit(X_DIABETES, y)
        for J in (loss, "squared_error")
    )
    assert robust.score(X_DIABETES, Y_DIABETES) > 0.4 > plain.score(X_DIABETES, Y_DIABETES)


def test_a_regression_loss_of_ones_own():
    def log_cosh(A, Y):
        E = A - Y
        return (cr.ops.softplus(2 * E) - E).mean()

    estimator = MLPRegressor(log_cosh, 8, random_state=0, learning_rate_init=0.01).fit(X_DIABETES, Y_DIABETES)
    assert estimator.score(X_DIABETES, Y_DIABETES) > 0.4


def test_metrics_are_in_the_history():
    def certain(y, output):
        return (abs(output - 0.5) > 0.4).mean()

    estimator = classifier(metrics=["roc_auc", certain]).fit(X, Y, X_val=X[:100], y_val=Y[:100])
    record = estimator.history_.epochs[-1]
    assert {"roc_auc", "certain", "val_roc_auc", "val_certain", "val_loss"} <= record.keys()
    assert record["val_roc_auc"] == pytest.approx(roc_auc_score(Y[:100], estimator.predict_proba(X[:100])[:, 1]))
    held_out = classifier(metrics="accuracy", early_stopping=True, random_state=1).fit(X, Y)
    assert held_out.history_["val_accuracy"] == pytest.approx(held_out.validation_scores_)


def test_callbacks_see_the_run_and_may_end_it():
    seen = []

    def enough(run):
        seen.append((run.epoch, run.history.epochs[-1]["loss"], run.network))
        if run.epoch == 2:
            run.stop("enough")

    with warnings.catch_warnings():
        warnings.simplefilter("error", ConvergenceWarning)
        estimator = classifier(callbacks=[enough]).fit(X, Y)
    assert [epoch for epoch, _, _ in seen] == [0, 1, 2]
    assert [loss for _, loss, _ in seen] == estimator.loss_curve_
    assert seen[-1][2] is estimator.network_
    assert (estimator.history_.stopped, estimator.n_iter_) == ("enough", 3)


@pytest.mark.parametrize("solver", ["adam", "lbfgs"])
def test_given_validation_examples_take_the_place_of_a_part(solver):
    estimator = classifier(solver=solver, max_iter=5).fit(X[100:], Y[100:], X_val=X[:100], y_val=Y[:100])
    assert len(estimator.validation_scores_) == len(estimator.history_["val_loss"]) == 5
    assert estimator.validation_scores_[-1] == estimator.score(X[:100], Y[:100])
    assert estimator.best_validation_score_ == max(estimator.validation_scores_)
    alone = classifier(solver=solver, max_iter=5).fit(X[100:], Y[100:])
    np.testing.assert_array_equal(alone.coefs_[0], estimator.coefs_[0])
    assert alone.validation_scores_ is None


def test_early_stopping_on_given_examples_keeps_the_best_epoch():
    y_val = 1 - Y[:60]  # learning makes it worse
    estimator = classifier(early_stopping=True, n_iter_no_change=3).fit(X[60:], Y[60:], X_val=X[:60], y_val=y_val)
    assert estimator.n_iter_ < 20
    assert estimator.score(X[:60], y_val) == estimator.best_validation_score_ > estimator.validation_scores_[-1]
    weights = np.arange(60.0)
    weighted = classifier(early_stopping=True).fit(
        X[60:], Y[60:], X_val=sparse.csr_matrix(X[:60]), y_val=y_val, sample_weight_val=weights
    )
    assert weighted.best_validation_score_ == weighted.score(X[:60], y_val, weights)


def test_early_stopping_on_what_it_is_told_to_watch():
    rule = cr.EarlyStopping("val_roc_auc", patience=2)
    estimator = classifier(early_stopping=rule, metrics=["roc_auc"], max_iter=100, tol=1e9).fit(X, Y)
    scores = estimator.history_["val_roc_auc"]
    assert estimator.history_.stopped == "early stopping"
    assert estimator.n_iter_ == len(scores) < 100
    assert estimator.history_.best_epoch == int(np.argmax(scores)) == len(scores) - 3
    lbfgs = classifier(solver="lbfgs", early_stopping=cr.EarlyStopping(patience=2), max_iter=100).fit(X, Y)
    assert lbfgs.history_.stopped in ("early stopping", "converged")
    assert "val_loss" in lbfgs.history_.epochs[0]


def test_early_stopping_measures_what_it_watches():
    watched = classifier(early_stopping=cr.EarlyStopping("val_roc_auc", patience=2), max_iter=5).fit(X, Y)
    told = classifier(early_stopping=cr.EarlyStopping("val_roc_auc", patience=2), max_iter=5, metrics=["roc_auc"])
    assert watched.history_["val_roc_auc"] == told.fit(X, Y).history_["val_roc_auc"]
    values = MLPRegressor(
        hidden_layer_sizes=8, early_stopping=cr.EarlyStopping("val_r2"), max_iter=3, random_state=0
    ).fit(X, X[:, 0])
    assert len(values.history_["val_r2"]) == 3
    with pytest.raises(cr.OptionError, match="f1 does not fit a network that predicts values; take mae, mse, r2, rmse"):
        MLPRegressor(hidden_layer_sizes=8, early_stopping=cr.EarlyStopping("val_f1")).fit(X, X[:, 0])


def test_an_unscaled_target_gets_a_hint_that_helps():
    y = 200_000 + 50_000 * X[:, 0]
    alone = MLPRegressor(hidden_layer_sizes=8, max_iter=30, random_state=0)
    with pytest.warns(ConvergenceWarning, match=r"y has the mean 2e\+05 and the deviation 5e\+04, .*: scale y, by"):
        alone.fit(X, y)
    scaled = TransformedTargetRegressor(
        MLPRegressor(hidden_layer_sizes=8, max_iter=30, learning_rate_init=0.02, random_state=0),
        transformer=StandardScaler(),
    )
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "Stochastic Optimizer")  # and no other
        assert scaled.fit(X, y).score(X, y) > 0.5 > alone.score(X, y)
        MLPRegressor(hidden_layer_sizes=8, max_iter=30, random_state=0).fit(X, 3 + X[:, 0])


def test_in_a_pipeline_validation_examples_are_scaled_where_it_is_told_so():
    far = 1000 + 30 * X
    last = classifier(early_stopping=cr.EarlyStopping("val_accuracy", patience=3), max_iter=20)
    with pytest.warns(UserWarning, match=r'lies more than 10 deviations .*Pipeline, only transform_input=\["X_val"\]'):
        make_pipeline(StandardScaler(), last).fit(far, Y, mlpclassifier__X_val=far, mlpclassifier__y_val=Y)
    with config_context(enable_metadata_routing=True):
        last = last.set_fit_request(X_val=True, y_val=True)
        pipeline = Pipeline([("scale", StandardScaler()), ("mlp", last)], transform_input=["X_val"])
        pipeline.fit(far, Y, X_val=far, y_val=Y)
    assert max(pipeline[-1].history_["val_accuracy"]) == pipeline.score(far, Y)


@pytest.mark.parametrize("estimator", [classifier(), MLPRegressor(8, random_state=0)], ids=["classes", "values"])
def test_validation_scores_count_by_their_weights(estimator):
    y = Y if isinstance(estimator, MLPClassifier) else X[:, 0] + Y
    weights = np.random.default_rng(0).uniform(0, 2, 100)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        estimator.set_params(**({"loss": "squared_error", "hidden_layer_sizes": 8} if y is not Y else {}), max_iter=3)
        estimator.fit(X, y, X_val=X[:100], y_val=y[:100], sample_weight_val=weights)
    assert estimator.validation_scores_[-1] == pytest.approx(estimator.score(X[:100], y[:100], weights))


def test_progress_is_shown(capsys):
    classifier(progress=True, max_iter=3).fit(X, Y)
    assert re.search(r"epoch 3/3 +loss \d", capsys.readouterr().err)


@pytest.mark.parametrize("dtype", ["float32", np.float32, np.dtype("float64")])
def test_the_type_may_be_chosen(dtype):
    estimator = classifier(dtype=dtype).fit(X, Y)
    assert all(coef.dtype == dtype for coef in estimator.coefs_)
    assert estimator.predict_proba(X).dtype == np.float64
    assert estimator.predict_proba(X.astype(np.float32)).dtype == dtype
    np.testing.assert_allclose(estimator.predict_proba(X), classifier().fit(X, Y).predict_proba(X), atol=1e-4)


def test_ctrl_c_keeps_what_was_learned():
    def press(run):
        if run.epoch == 2:
            signal.raise_signal(signal.SIGINT)

    with pytest.warns(UserWarning, match="Training interrupted by user"):
        estimator = classifier(callbacks=press).fit(X, Y)
    assert estimator.n_iter_ == 3
    assert estimator.score(X, Y) > 0.5


def test_an_epoch_whose_weights_are_zero_teaches_nothing():
    weights = np.r_[np.ones(400), np.zeros(169)]
    some = classifier(batch_size=100, shuffle=False, solver="sgd", momentum=0, alpha=0).fit(X, Y, weights)
    rest = classifier(batch_size=100, shuffle=False, solver="sgd", momentum=0, alpha=0).fit(X[:400], Y[:400])
    np.testing.assert_allclose(some.coefs_[0], rest.coefs_[0])


def test_a_diverging_run_keeps_its_best_epoch():
    estimator = MLPRegressor(
        hidden_layer_sizes=20, activation="identity", solver="sgd", learning_rate_init=1.0, early_stopping=True,
        random_state=0,
    )  # fmt: skip
    with pytest.warns(ConvergenceWarning, match=r"Training ended early. epoch \d+.*not finite|the cost is"):
        estimator.fit(X_DIABETES, Y_DIABETES)
    assert math.isnan(estimator.validation_scores_[-1])
    assert len(estimator.validation_scores_) == len(estimator.loss_curve_) == estimator.n_iter_
    assert np.isfinite(estimator.predict(X_DIABETES)).all()


def test_lbfgs_says_why_it_did_not_converge():
    with pytest.warns(
        ConvergenceWarning, match=r"failed to converge after 2 iteration\(s\): all epochs done. Increase"
    ):
        classifier(solver="lbfgs", max_iter=2).fit(X, Y)
    with pytest.warns(ConvergenceWarning, match=r"all evaluations done"):
        classifier(solver="lbfgs", max_fun=5).fit(X, Y)

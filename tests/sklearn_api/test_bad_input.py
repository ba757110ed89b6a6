"""What the estimators answer to parameters and examples that nothing can be done with."""

import pickle
import re

import numpy as np
import pandas
import polars as pl
import pytest
from sklearn.exceptions import NotFittedError

import chainrule as cr
from chainrule.sklearn import MLPClassifier, MLPRegressor, TableRegressor

RANDOM = np.random.default_rng(0)
X, Y = RANDOM.normal(size=(30, 4)), np.arange(30) % 3

pytestmark = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")


def says(message):
    return pytest.raises(cr.ChainruleError, match=re.escape(message))


PARAMETERS = [
    ({"hidden_layer_sizes": (4, 0)}, "hidden_layer_sizes must be > 0, got (4, 0)"),
    ({"hidden_layer_sizes": -1}, "hidden_layer_sizes must be > 0, got -1"),
    ({"hidden_layer_sizes": (4, 2.5)}, "hidden_layer_sizes must be > 0, got (4, 2.5)"),
    ({"hidden_layer_sizes": "4"}, "hidden_layer_sizes must be > 0, got '4'"),
    ({"activation": "rely"}, "there is no activation 'rely'. Did you mean 'relu'?"),
    ({"activation": ["relu", "tanh"]}, "activation lists 2, but there are 1 hidden layers: [100]."),
    ({"activation": 3}, "an activation is a name such as 'relu'"),
    ({"solver": "adma"}, "there is no solver 'adma'. Did you mean 'adam"),
    ({"solver": 3}, "a solver is a name or an Optimizer, such as Adam(1e-3), not 3."),
    ({"alpha": -1}, "alpha is -1, but must be a number, at least 0."),
    ({"batch_size": 0}, "batch_size is 0, but must be a whole number, 1 or more."),
    ({"batch_size": "all"}, "batch_size is 'all', but must be a whole number"),
    ({"learning_rate": "constantly"}, "there is no learning_rate 'constantly'. Did you mean 'constant'?"),
    ({"learning_rate": cr.schedules.Cosine(1, epochs=3), "solver": cr.Adam()}, "Adam brings its own learning rate"),
    ({"learning_rate_init": 0}, "learning_rate_init is 0, but must be a number, more than 0."),
    ({"power_t": "x"}, "power_t is 'x'"),
    ({"max_iter": 0}, "max_iter is 0, but must be a whole number, 1 or more."),
    ({"shuffle": "yes"}, "shuffle is 'yes', but must be True or False."),
    ({"tol": -0.1}, "tol is -0.1, but must be a number, at least 0."),
    ({"warm_start": 1}, "warm_start is 1, but must be True or False."),
    ({"momentum": 1.5}, "momentum is 1.5, but must be a number, at least 0 and at most 1."),
    ({"nesterovs_momentum": None}, "nesterovs_momentum is None, but must be True or False."),
    ({"early_stopping": 5}, "early_stopping is 5, but must be True or False, or an EarlyStopping."),
    ({"validation_fraction": 1.0}, "validation_fraction is 1.0, but must be a number, at least 0 and less than 1."),
    ({"beta_1": 1.0}, "beta_1 is 1.0"),
    ({"beta_2": -0.5}, "beta_2 is -0.5"),
    ({"epsilon": 0}, "epsilon is 0"),
    ({"n_iter_no_change": 0}, "n_iter_no_change is 0, but must be a whole number, 1 or more."),
    ({"max_fun": 0}, "max_fun is 0, but must be a whole number, 1 or more."),
    ({"dropout": 1.0}, "the dropout rate is 1.0"),
    ({"dropout": (0.1, 0.2)}, "dropout lists 2, but there are 1 hidden layers"),
    ({"batch_norm": 1}, "batch_norm is 1, but must be True or False."),
    ({"progress": None}, "progress is None, but must be True or False."),
    ({"metrics": ["acuracy"]}, "there is no metric 'acuracy'. Did you mean"),
    ({"engine": "cuda"}, "there is no engine 'cuda'."),
    ({"threads": 0}, "threads is 0, but must be a whole number, 1 or more."),
    ({"dtype": "float16"}, "there is no dtype 'float16'."),
    ({"loss": "log_los"}, "there is no loss 'log_los'."),
    ({"early_stopping": cr.EarlyStopping("val_f9"), "max_iter": 1}, "there is no value to monitor 'val_f9'."),
]


@pytest.mark.parametrize("kind", [MLPClassifier, MLPRegressor])
@pytest.mark.parametrize(("parameters", "message"), PARAMETERS, ids=lambda given: str(given)[:40])
def test_parameters(kind, parameters, message):
    with says(message):
        kind(**parameters).fit(X, Y)


@pytest.mark.parametrize(
    ("weights", "message"),
    [
        (np.ones(29), "sample_weight is (29,), but there are 30 examples: it must be (30,)."),
        (np.ones((30, 1)), "sample_weight is (30, 1)"),
        (np.r_[-1.0, np.ones(29)], "sample_weight goes down to -1, but weights are 0 or more."),
        (np.zeros(30), "sample_weight is zero for all examples"),
    ],
)
def test_weights(weights, message):
    with says(message):
        MLPClassifier().fit(X, Y, weights)


@pytest.mark.parametrize(
    ("validation", "message"),
    [
        ({"X_val": X}, "validation needs both X_val and y_val"),
        ({"y_val": Y}, "validation needs both X_val and y_val"),
        ({"sample_weight_val": Y}, "validation needs both X_val and y_val"),
        ({"X_val": X, "y_val": Y + 1}, "`y` has classes not in `self.classes_`."),
        ({"X_val": X, "y_val": Y, "sample_weight_val": np.ones(3)}, "sample_weight is (3,)"),
    ],
)
def test_validation(validation, message):
    with says(message):
        MLPClassifier().fit(X, Y, **validation)


@pytest.mark.parametrize(
    ("weights", "message"),
    [
        ({0: -1}, "the weight of class 0 is -1, but must be a number, at least 0."),
        ({0: np.nan}, "the weight of class 0 is nan"),
        ({0: "heavy"}, "the weight of class 0 is 'heavy'"),
        ({0: 0, 1: 0, 2: 0}, "leaves no example that counts"),
        ({7: 2}, "class_weight has the class 7, but y has [0, 1, 2]."),
        ([1, 2], "class_weight is a dict {class: weight}, or 'balanced', not [1, 2]."),
        ("balance", "class_weight is a dict {class: weight}, or 'balanced', not 'balance'."),
    ],
)
def test_weights_of_classes(weights, message):
    with says(message):
        MLPClassifier(class_weight=weights).fit(X, Y)


def test_weights_of_classes_that_a_part_of_the_examples_lacks():
    weighted = MLPClassifier(4, class_weight={0: 2, 2: 3}, random_state=0, max_iter=3)
    weighted.fit(X, Y, X_val=X[Y == 1], y_val=Y[Y == 1])
    assert weighted.partial_fit(X[Y == 1], Y[Y == 1]).n_iter_ == 1


@pytest.mark.parametrize(
    ("y", "message"),
    [
        (
            np.array(["yes", "no", "no"] * 10),
            "y holds text such as 'no', 'yes', but MLPRegressor predicts numbers: MLP",
        ),
        (["yes", 1, 2] * 10, "y holds text such as '1', '2', 'yes'"),
        (np.array(["yes", 1, 2] * 10, dtype=object), "y holds text such as 'yes', but MLPRegressor"),
        (
            ["1.5", "2", "3"] * 10,
            "y holds text such as '1.5', but MLPRegressor predicts numbers: give its numbers, np.as",
        ),
    ],
    ids=["words", "a list", "objects", "numbers"],
)
def test_a_target_of_words(y, message):
    with says(message):
        MLPRegressor().fit(X, y)
    if "give its numbers" in message:
        MLPRegressor(hidden_layer_sizes=4, max_iter=2).fit(X, np.asarray(y, dtype=float))
    else:
        MLPClassifier(4, max_iter=2).fit(X, np.asarray(y).astype(str))


DAYS = np.datetime64("2024-01-01") + np.arange(30)


@pytest.mark.parametrize(
    ("y", "message"),
    [
        (DAYS, "y holds dates, of which a network learns none: give numbers"),
        (pl.Series(DAYS), "y holds dates"),
        (pandas.Series(DAYS.astype("datetime64[ns]")), "y holds dates"),
        (DAYS.astype(object).tolist(), "y holds dates"),
        (DAYS - DAYS[0], "y holds durations, whose unit nobody has said: give numbers"),
        ((DAYS - DAYS[0]).astype(object).tolist(), "y holds durations"),
    ],
    ids=["array", "polars", "pandas", "objects", "durations", "objects of durations"],
)
@pytest.mark.parametrize("regressor", [MLPRegressor(hidden_layer_sizes=4, max_iter=2), TableRegressor(quick=True)])
def test_a_target_of_dates(y, message, regressor):
    with says(message) as error:
        regressor.fit(X, y)
    if "dates" in message:
        assert "np.asarray(y, 'datetime64[s]').astype(float) / 86400" in str(error.value)
        numbers = np.asarray(y, "datetime64[s]").astype(float) / 86400
        assert numbers[0] == 19723
    else:
        assert "np.asarray(y, 'timedelta64[s]').astype(float) / 3600" in str(error.value)
        numbers = np.asarray(y, "timedelta64[s]").astype(float) / 3600
        assert numbers[1] == 24
    assert np.ptp(numbers) == 29 * (1 if "dates" in message else 24)


def test_validation_examples_have_the_same_features():
    with pytest.raises(ValueError, match="X has 3 features, but MLPClassifier is expecting 4 features"):
        MLPClassifier().fit(X, Y, X_val=X[:, :3], y_val=Y)


def test_too_few_to_hold_some_out():
    with says("The validation set is too small. Increase 'validation_fraction' or the size of your dataset."):
        MLPRegressor(early_stopping=True).fit(X[:5], Y[:5])


def test_labels():
    with pytest.raises(ValueError, match="Unknown label type: continuous"):
        MLPClassifier().fit(X, X[:, 0])
    with says("y has several columns of classes; several labels for an example are columns of 0 and 1."):
        MLPClassifier().fit(X, np.column_stack([Y, Y[::-1]]))
    learned = MLPClassifier(warm_start=True, max_iter=1).fit(X, Y)
    with says("warm_start can only be used where `y` has the same classes as in the previous call to fit. Previously"):
        learned.fit(X, Y % 2)
    with says("y is multilabel-indicator now, but the classes [0 1 2] were learned from another kind."):
        learned.fit(X, np.eye(3, dtype=int)[Y])


def test_classes_of_partial_fit():
    with says("classes must be passed on the first call to partial_fit."):
        MLPClassifier().partial_fit(X, Y)
    learned = MLPClassifier().partial_fit(X, Y, classes=[0, 1, 2])
    with says("`classes=[0, 1]` is not the same as on last call to partial_fit, was: array([0, 1, 2])"):
        learned.partial_fit(X, Y, classes=[0, 1])
    with says("`y` has classes not in `self.classes_`. `self.classes_` has [0 1 2]. 'y' has [1 2 3]."):
        learned.partial_fit(X, Y + 1)


def test_what_partial_fit_cannot_do():
    for kind in (MLPClassifier, MLPRegressor):
        with pytest.raises(AttributeError) as raised:
            kind(solver="lbfgs").partial_fit(X, Y)
        assert "lbfgs is not stochastic" in str(raised.value.__cause__)
        assert not hasattr(kind(solver=cr.LBFGS()), "partial_fit")
        with says("partial_fit does not support early_stopping=True"):
            kind(early_stopping=True).partial_fit(X, Y, **({"classes": [0, 1, 2]} if kind is MLPClassifier else {}))
    with says("class_weight='balanced' counts the classes of all examples, which partial_fit never sees"):
        MLPClassifier(class_weight="balanced").partial_fit(X, Y, classes=[0, 1, 2])


@pytest.mark.parametrize(
    ("changed", "words"),
    [
        ({"activation": "tanh"}, 'the network is Dense(5, "relu"), Dense(3, "softmax"), but the parameters now ask'),
        ({"dropout": 0.3, "batch_norm": True}, 'ask for Dense(5), BatchNorm(), Activation("relu"), Dropout(0.3), Den'),
        ({"dtype": "float32"}, "the network computes in float64, but dtype is now float32: start anew, by fit with"),
    ],
)
def test_a_warm_start_of_other_layers(changed, words):
    learned = MLPClassifier((5,), warm_start=True, max_iter=1).fit(X, Y)
    with says(words):
        learned.set_params(**changed).fit(X, Y)


def test_a_warm_start_of_another_network():
    learned = MLPClassifier((5, 3), warm_start=True, max_iter=1).fit(X, Y)
    with says("the network has layers of [4, 5, 3, 3] units, but the parameters and the data now ask for [4, 6, 3]"):
        learned.set_params(hidden_layer_sizes=6).fit(X, Y)
    values = MLPRegressor(hidden_layer_sizes=5, max_iter=1).fit(X, Y)
    with says("the network has layers of [4, 5, 1] units, but the parameters and the data now ask for [4, 5, 4]"):
        values.partial_fit(X, X)


def test_units_where_the_loss_belongs():
    with says("the first argument of MLPRegressor is the loss, as in scikit-learn, but is (8,): give MLPRegressor(hid"):
        MLPRegressor((8,)).fit(X, Y)


def test_class_weights():
    with says("class_weight is a dict {class: weight}, or 'balanced', not 'ballanced'."):
        MLPClassifier(class_weight="ballanced").fit(X, Y)
    with pytest.raises(cr.OptionError, match=r"class_weight has the class 7, but y has \[0, 1, 2\]"):
        MLPClassifier(class_weight={7: 2.0}).fit(X, Y)


def test_numbers_that_grow_beyond_all_bounds():
    with says("Solver produced non-finite parameter weights. The input data may contain large values and need to be "
              "preprocessed. epoch 1, batch 1: the cost is inf"):  # fmt: skip
        MLPRegressor().fit(X * 1e300, Y)
    with says("Solver produced non-finite parameter weights."):
        MLPRegressor(solver="lbfgs").fit(X * 1e300, Y)
    with says("which float32 cannot hold: rescale it first"):
        MLPRegressor(dtype="float32").fit(X * 1e300, Y)


def test_negative_counts():
    with says("poisson takes targets of 0 or more, but Y goes down to -1."):
        MLPRegressor("poisson").fit(X, Y - 1)


def bent(Z):
    return Z * Z


def test_one_with_an_activation_of_ones_own_cannot_be_pickled():
    learned = MLPClassifier(activation=bent, max_iter=1).fit(X, Y)
    with says("which cannot be written into a file: use a name"):
        pickle.dumps(learned)


def test_before_fit():
    with pytest.raises(NotFittedError):
        MLPRegressor().predict(X)


def test_a_loss_that_does_not_fit_the_labels():
    with says("cross_entropy chooses one class, but examples may have several labels: take 'log_loss'."):
        MLPClassifier(loss="cross_entropy").fit(X, np.column_stack([Y == 0, Y < 2]).astype(int))

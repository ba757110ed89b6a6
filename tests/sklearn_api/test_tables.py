"""Estimators for frames: words, dates and gaps in scikit-learn's ecosystem, by the defaults of `chainrule train`."""

import os
import pickle
import tempfile
import warnings

import numpy as np
import pandas as pd
import polars as pl
import pytest
from sklearn.base import clone
from sklearn.exceptions import NotFittedError
from sklearn.model_selection import GridSearchCV, KFold, cross_val_score
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer
from sklearn.utils.estimator_checks import parametrize_with_checks

import chainrule as cr
from chainrule.sklearn import TableClassifier, TableRegressor

QUICK = {"epochs": 30, "hidden": (16,), "random_state": 0}

KNOWN = {
    "check_sample_weight_equivalence_on_dense_data": "a row of weight 2 is not drawn twice into batches",
    "check_methods_subset_invariance": "products in float32 of other numbers of rows differ in their last digits",
    "check_dataframe_column_names_consistency": "names that do not fit are told in the library's words",
}
"""Checks of scikit-learn that estimators for frames do not pass, and why."""


def people(m=300):
    """Numbers with gaps, words, and dates as text; who pays, and how much."""
    random = np.random.default_rng(0)
    age, job = random.integers(18, 80, m).astype(float), random.choice(["baker", "smith", "clerk"], m)
    pays = np.where(age + 20 * (job == "smith") > 55, "yes", "no")
    spends = 2 * age + 30 * (job == "baker")
    age[::9] = np.nan
    since = [f"{1 + i % 28:02d}.{1 + i % 12:02d}.{2015 + i // 60}" for i in range(m)]
    return pd.DataFrame({"age": age, "job": job, "since": since}), pays, spends


FRAME, PAYS, SPENDS = people()

FORMS = {
    "pandas": lambda frame: frame,
    "polars": lambda frame: pl.DataFrame({name: frame[name].to_list() for name in frame}),
    "dict": lambda frame: {name: frame[name].tolist() for name in frame},
    "array": lambda frame: frame.to_numpy(),
}


@pytest.fixture(scope="module")
def classifier():
    return TableClassifier(**QUICK).fit(FRAME, PAYS)


@parametrize_with_checks(
    [TableClassifier(epochs=40, hidden=(16,), learning_rate=0.03)], expected_failed_checks=lambda _: KNOWN
)
@pytest.mark.filterwarnings("ignore")
def test_the_checks_of_scikit_learn(estimator, check):
    check(estimator)


@pytest.mark.slow
@parametrize_with_checks([TableRegressor(epochs=60, hidden=(16,))], expected_failed_checks=lambda _: KNOWN)
@pytest.mark.filterwarnings("ignore")
def test_the_checks_of_scikit_learn_of_values(estimator, check):
    check(estimator)


@pytest.mark.parametrize("form", FORMS)
def test_words_dates_and_gaps_are_learned_from(form):
    X = FORMS[form](FRAME)
    classifier = TableClassifier(**QUICK).fit(X, PAYS)
    assert classifier.score(X, PAYS) > 0.85
    assert [column.kind for column in classifier.columns_] == ["number", "category", "date"]
    assert classifier.n_features_in_ == 3
    names = ["age", "job", "since"]
    assert (
        (list(classifier.feature_names_in_) == names)
        if form != "array"
        else not hasattr(classifier, "feature_names_in_")
    )
    P = classifier.predict_proba(X)
    np.testing.assert_allclose(P.sum(axis=1), 1)
    assert (classifier.classes_[P.argmax(axis=1)] == classifier.predict(X)).all()


def test_values_are_predicted_in_their_own_units():
    regressor = TableRegressor(**QUICK).fit(FRAME, SPENDS)
    assert regressor.score(FRAME, SPENDS) > 0.8
    assert regressor.predict(FRAME).shape == (300,)
    both = TableRegressor(**QUICK).fit(FRAME, np.column_stack([SPENDS, -SPENDS]))
    assert both.predict(FRAME).shape == (300, 2)
    assert both.score(FRAME, np.column_stack([SPENDS, -SPENDS])) > 0.8


@pytest.mark.parametrize(
    "labels",
    [
        [3, 1],
        [10, 9, 2],
        [True, False],
        ["NA", "none"],
        ["007", "7"],
        ["b ", "a"],
        [np.datetime64("2024-01-01"), np.datetime64("2023-01-01")],
    ],
    ids=str,
)
@pytest.mark.filterwarnings("ignore:y holds:chainrule.errors.DoubtWarning")
def test_classes_are_in_the_type_and_the_order_of_y(labels):
    which = np.arange(300) % len(labels)
    y = np.array(labels)[which]
    frame = pd.DataFrame({"x": which + np.random.default_rng(0).normal(0, 0.1, 300), "word": "w"})
    classifier = TableClassifier(**QUICK).fit(frame, y)
    assert classifier.classes_.dtype == y.dtype
    assert classifier.classes_.tolist() == sorted(np.array(labels).tolist())
    assert (classifier.predict(frame) == y).mean() > 0.95
    np.testing.assert_array_equal(
        classifier.classes_[classifier.predict_proba(frame).argmax(axis=1)], classifier.predict(frame)
    )


def test_the_defaults_are_those_of_train(tmp_path):
    whole = pd.concat([FRAME.assign(pays=PAYS)] * 5, ignore_index=True)
    experiment = cr.Experiment(cr.read_table(whole, "pays"), cr.Settings(seed=0), tmp_path)
    classifier = TableClassifier(random_state=0, epochs=1).fit(whole[["age", "job", "since"]], whole["pays"])
    [ensemble] = classifier.trained_.network.layers
    assert [repr(member) for member in ensemble.members] == [repr(member) for member in experiment.plan.networks]
    assert "val_loss" in classifier.history_.epochs[0]


def test_it_stands_in_pipelines_cross_validation_and_searches():
    keep = FunctionTransformer(lambda X: X[["age", "job"]])
    scores = cross_val_score(make_pipeline(keep, TableClassifier(**QUICK)), FRAME, PAYS, cv=2)
    assert scores.min() > 0.75
    halves = KFold(2, shuffle=True, random_state=0)  # in order, one would be years behind the other
    search = GridSearchCV(TableRegressor(**QUICK), {"hidden": [(), (8,)]}, cv=halves).fit(FRAME, SPENDS)
    assert search.best_params_["hidden"] in ((), (8,))
    assert search.score(FRAME, SPENDS) > 0.5


def test_parameters_are_set_read_and_cloned():
    first = TableClassifier(**QUICK, category="age", dropout=0.1)
    twin = clone(first).set_params(dropout=0.2)
    assert (first.get_params()["dropout"], twin.get_params()["dropout"]) == (0.1, 0.2)
    assert twin.get_params()["category"] == "age"
    assert twin.fit(FRAME, PAYS).columns_[0].kind == "category"


def test_smoothed_labels_leave_a_network_less_sure():
    sure, smooth = (TableClassifier(**QUICK, label_smoothing=e).fit(FRAME, PAYS).predict_proba(FRAME) for e in (0, 0.4))
    assert smooth.max() < 0.9 < sure.max()


def test_every_setting_of_train_is_a_parameter_but_for_those_of_a_run():
    of_a_run = {"seed", "test", "search", "checkpoint_minutes", "devices", "augment"}
    of_values, of_classes = {"loss", "transform"}, {"positive", "threshold", "class_weight", "label_smoothing"}
    fields = {*vars(cr.Settings())} - of_a_run
    assert {*TableClassifier().get_params()} >= fields - of_values
    assert {*TableRegressor().get_params(), "transform"} >= fields - of_classes


def test_the_same_seed_gives_the_same_bits_and_leaves_nothing(tmp_path, monkeypatch):
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    monkeypatch.chdir(tmp_path)
    first, again = (TableClassifier(**QUICK).fit(FRAME, PAYS).predict_proba(FRAME) for _ in "12")
    np.testing.assert_array_equal(first, again)
    other = TableClassifier(**QUICK | {"random_state": np.random.RandomState(1)}).fit(FRAME, PAYS)
    assert (other.predict_proba(FRAME) != first).any()
    assert os.listdir(tmp_path) == []


def test_a_pickle_predicts_the_same_and_a_model_file_is_one_of_train(classifier, tmp_path):
    twin = pickle.loads(pickle.dumps(classifier))
    np.testing.assert_array_equal(twin.predict_proba(FRAME), classifier.predict_proba(FRAME))
    classifier.save(tmp_path / "pays.safetensors")
    trained = cr.Trained.load(tmp_path / "pays.safetensors")
    found = trained.predictions(trained.read(FRAME, labelled=False))
    assert found["prediction"] == classifier.predict(FRAME).tolist()
    np.testing.assert_allclose(found["p(yes)"], classifier.predict_proba(FRAME)[:, 1], rtol=1e-6)


def test_what_was_decided_is_told(capsys):
    classifier = TableClassifier(**QUICK, verbose=True).fit(FRAME.assign(when="3/4/2025"), PAYS)
    out = capsys.readouterr().out
    assert all(note in out for note in classifier.notes_)
    assert not any("test part" in note for note in classifier.notes_)
    odd = FRAME.assign(word=np.where(np.arange(300) % 2, "Red", "red"))
    with pytest.warns(cr.errors.DoubtWarning, match="word holds 'Red' and 'red' as different words"):
        TableClassifier(**QUICK, category=["word"]).fit(odd, PAYS)


def test_columns_that_are_lost_or_new_are_told(classifier):
    with pytest.raises(cr.DataError, match=r"there is no column 'job'\. .* leave a column of that name empty"):
        classifier.predict(FRAME.drop(columns="job"))
    with pytest.warns(UserWarning, match="not used, because training did not have it: size"):
        found = classifier.predict(FRAME.assign(size=1))
    assert (found == classifier.predict(FRAME[["since", "job", "age"]])).all()
    with pytest.raises(ValueError, match="X has 2 features, but TableClassifier is expecting 3 features as input"):
        classifier.predict(FRAME.to_numpy()[:, :2])
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        np.testing.assert_array_equal(classifier.predict(FRAME.to_numpy()), classifier.predict(FRAME))


def test_columns_that_are_numbered_are_known_by_their_places():
    X = np.column_stack([np.arange(100.0), np.ones(100) * 2, np.arange(100) % 7])
    numbered = TableRegressor(**QUICK).fit(pd.DataFrame(X), X[:, 0])
    assert not hasattr(numbered, "feature_names_in_")
    np.testing.assert_array_equal(numbered.predict(X), numbered.predict(pd.DataFrame(X, columns=["a", "b", "c"])))


def test_a_refused_fit_leaves_nothing_to_predict_with():
    classifier = TableClassifier(**QUICK)
    with pytest.raises(ValueError, match="requires y to be passed"):
        classifier.fit(FRAME, None)
    with pytest.raises(NotFittedError):
        classifier.predict(FRAME)


@pytest.mark.parametrize("kind", [TableClassifier, TableRegressor])
@pytest.mark.parametrize("y", [[None, 1.0] * 5, [np.nan, 1.0] * 5, pd.Series([pd.NA, 1] * 5), pl.Series([None, 1] * 5)])
def test_a_gap_in_y_is_refused(kind, y):
    with pytest.raises(ValueError, match="Input y contains NaN"):
        kind(**QUICK).fit(FRAME.head(10), y)


def test_what_y_cannot_be_is_refused():
    with pytest.raises(
        cr.DataError, match="y holds text such as 'no', 'yes', but TableRegressor predicts numbers: Table"
    ):
        TableRegressor(**QUICK).fit(FRAME, PAYS)
    with pytest.raises(ValueError, match="Unknown label type: continuous"):
        TableClassifier(**QUICK).fit(FRAME, SPENDS + 0.5)
    with pytest.raises(cr.DataError, match="y holds a single class, 'no': there is nothing to tell apart"):
        TableClassifier(**QUICK).fit(FRAME, ["no"] * 300)
    with pytest.raises(ValueError, match="X has 300 and y has 299"):
        TableClassifier(**QUICK).fit(FRAME, PAYS[1:])
    with pytest.raises(NotFittedError):
        TableClassifier().predict(FRAME)


def test_what_marks_a_gap_in_x_marks_none_in_y():
    frame = FRAME.assign(age=FRAME["age"].fillna(0), job=FRAME["job"].replace("clerk", "no"))
    gaps = {"missing": ["0", "no"]}
    classifier = TableClassifier(**QUICK, **gaps).fit(frame, PAYS)
    assert classifier.classes_.tolist() == ["no", "yes"]
    assert {*classifier.predict(frame)} == {"no", "yes"}
    y = np.arange(300) % 3
    assert TableRegressor(**QUICK, missing=0).fit(frame, y).predict(frame).shape == (300,)
    polars = TableClassifier(**QUICK).fit(pl.DataFrame({"x": y}), pl.Series(["no", "a", "b"]).gather(y))
    assert polars.predict(pl.DataFrame({"x": [0, 1, 2]})).tolist() == ["no", "a", "b"]


@pytest.mark.parametrize(
    ("other", "said"),
    [
        ("Yes ", "y holds 'Yes ' and 'yes' as different classes: write them alike if they are one"),
        (
            "nan",
            "y holds 'nan' in 30 rows, which is taken for a class: leave these rows out if it marks a missing value",
        ),
    ],
)
def test_classes_that_look_like_a_mistake_are_warned_of(other, said):
    y = np.where(np.arange(300) % 10 == 0, other, PAYS)
    with pytest.warns(cr.errors.DoubtWarning, match=said):
        assert len(TableClassifier(**QUICK).fit(FRAME, y).classes_) == 3


def test_weights_count():
    x = np.random.default_rng(0).normal(size=400)
    frame, y = pd.DataFrame({"x": x, "z": x**2}), np.arange(400) % 2
    only = TableClassifier(**QUICK, missing=50).fit(frame, y, sample_weight=np.where(y == 1, 50.0, 1.0))
    assert only.predict(frame).mean() > 0.95
    assert TableClassifier(**QUICK, class_weight={0: 50.0}).fit(frame, y).predict(frame).mean() < 0.05
    with pytest.raises(ValueError, match="sample_weight"):
        TableClassifier(**QUICK).fit(frame, y, sample_weight=np.where(y == 1, -1.0, 1.0))


def with_cell(column, cell, row, frame=FRAME):
    """The frame with another cell, in the row of that number from 1 on."""
    return frame.assign(**{column: [cell if i == row - 1 else one for i, one in enumerate(frame[column].tolist())]})


@pytest.mark.parametrize(
    ("column", "cell", "said"),
    [
        (
            "age",
            "4o",
            "age holds '4o' in row 7 among numbers, and so is taken for categories: if it is a mistake, write",
        ),
        ("since", "31.02.2020", "since holds '31.02.2020' in row 7 among dates, and so is .*: if it is a mistake"),
    ],
)
def test_a_typing_error_that_makes_words_of_a_column_is_a_warning(column, cell, said):
    filled = FRAME.assign(age=FRAME["age"].fillna(30))
    with pytest.warns(cr.errors.DoubtWarning, match=said) as told:
        TableClassifier(**QUICK).fit(with_cell(column, cell, 7, filled), PAYS)
    assert [one.filename for one in told] == [__file__]


def test_what_a_mask_hides_is_missing():
    X = np.ma.masked_array(np.random.default_rng(0).uniform(size=(60, 2)))
    y = X.data[:, 0].copy()
    X[3:9, 0] = np.ma.masked
    model = TableRegressor(hidden=(4,), epochs=2, random_state=0).fit(X, y)
    assert np.array_equal(model.predict(X), model.predict(X.filled(np.nan)))
    assert not np.array_equal(model.predict(X), model.predict(X.data))


def test_a_number_that_may_mark_a_gap_is_a_warning():
    marked = FRAME.assign(age=FRAME["age"].fillna(-999))
    with pytest.warns(cr.errors.DoubtWarning, match="does it mark a missing value"):
        TableRegressor(**QUICK).fit(marked, SPENDS)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        TableRegressor(**QUICK, missing=-999).fit(marked, SPENDS)


def test_a_cell_that_cannot_be_read_breaks_no_cross_validation():
    filled = FRAME.assign(age=FRAME["age"].fillna(30))
    odd = with_cell("age", "4o", 7, filled)
    with pytest.warns(cr.errors.DoubtWarning) as told:
        scores = cross_val_score(TableClassifier(**QUICK), odd, PAYS, cv=3, error_score="raise")
    assert scores.min() > 0.5
    said = [str(one.message) for one in told]
    assert any(
        note.startswith("age holds '4o' in row 7 among numbers such as 1234.5: taken for missing") for note in said
    )


def test_more_cells_that_cannot_be_read_are_refused(classifier):
    odd = FRAME.assign(age=[f"{age} years" if i % 5 == 1 else age for i, age in enumerate(FRAME["age"].fillna(30))])
    with pytest.raises(cr.DataError, match=r"age holds .* in row 2, but that .* \(\d+ of \d+ cells are no such\)"):
        classifier.predict(odd)

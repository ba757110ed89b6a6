"""Categories as statistics of the target: by hand, in order, and without a word of a row's own target."""

import json

import numpy as np
import polars as pl
import pytest

import chainrule as cr
from chainrule.configuration import from_config
from chainrule.data.columns import Column
from chainrule.data.target_statistics import TargetStatistics, standardized
from chainrule.sklearn import TableClassifier, TableRegressor
from commands import chainrule

COLUMN = Column("shop", "category")
WORDS = pl.Series("shop", ["a", "b", "a", None, "a", "b"])
T = np.array([[1.0], [2.0], [3.0], [4.0], [5.0], [-6.0]])
CODE = TargetStatistics.learn_from(COLUMN, WORDS, T)
QUICK = {"seed": 0, "epochs": 3, "hidden": (8,)}


def shops(m=600, values=40, classes=0):
    """What is spent depends on the shop; or the class, on its number."""
    random = np.random.default_rng(1)
    shop, x = random.integers(0, values, m), random.normal(size=m)
    y = random.normal(size=values)[shop] + 0.1 * x
    frame = pl.DataFrame({"shop": [f"shop {i}" for i in shop], "x": x, "y": y})
    return frame.with_columns(y=pl.Series([f"class {i % classes}" for i in shop])) if classes else frame


def chance(m=1200):
    """A yes or no that nothing tells, and a category of 1,000 values."""
    random = np.random.default_rng(2)
    words = [f"w{i}" for i in random.integers(0, 1000, m)]
    return pl.DataFrame({"word": words, "x": random.normal(size=m), "y": random.choice(["no", "yes"], m)})


def experiment(frame, folder, target="y", category="shop", **settings):
    table = cr.read_table(frame, target, category=[category], target_statistics=True)
    return cr.Experiment(table, cr.Settings(**QUICK | settings), folder)


def test_of_other_rows_it_is_the_sum_of_all_training_rows_and_a_row_of_the_mean():
    new = pl.Series("shop", ["a", "b", None, "never met"])
    expected = [[9 / 4, 3 / 4], [-4 / 3, 2 / 3], [4 / 2, 1 / 2], [0, 0]]
    np.testing.assert_allclose(CODE.matrix(new), expected, rtol=1e-6)
    assert CODE.strangers(new) == ["never met"]
    np.testing.assert_allclose(CODE.read_one("b"), 1)
    assert CODE.gaps


def test_of_a_training_row_it_is_that_of_the_rows_before_it():
    order = np.array([4, 0, 1, 5, 3, 2])  # row 4 comes first
    found = CODE.ordered(WORDS, T, order)
    expected = [[5 / 2, 1 / 2], [0, 0], [6 / 3, 2 / 3], [0, 0], [0, 0], [2 / 2, 1 / 2]]
    np.testing.assert_allclose(found, expected, rtol=1e-6)


def test_many_rows_in_order_are_as_a_loop_has_them():
    random = np.random.default_rng(0)
    words, t = random.integers(0, 9, 200), random.normal(size=(200, 3))
    values = pl.Series("shop", [str(word) for word in words])
    code, order = TargetStatistics.learn_from(COLUMN, values, t), random.permutation(200)
    found = code.ordered(values, t, order)
    for place, row in enumerate(order):
        before = [i for i in order[:place] if words[i] == words[row]]
        expected = [*t[before].sum(axis=0) / (len(before) + 1), len(before) / (len(before) + 1)]
        np.testing.assert_allclose(found[row], expected, rtol=1e-4, atol=1e-6)


def test_classes_are_columns_and_all_is_standardized_by_the_training_rows(tmp_path):
    made = experiment(shops(classes=3), tmp_path)
    T = standardized(made.target, made.Y, made.splits.train)
    assert T.shape == (600, 3)
    np.testing.assert_allclose(T[made.splits.train].mean(axis=0), 0, atol=1e-12)
    np.testing.assert_allclose(T[made.splits.train].std(axis=0), 1)
    assert made.X.shape[1] == 4 + 1


def test_no_row_is_told_of_a_target_that_is_not_trained_on(tmp_path):
    made = experiment(shops(), tmp_path, members=3)
    for part in made.plan.parts:
        others = np.setdiff1d(np.arange(600), part.train)
        Y = made.Y.copy()
        Y[others] = 1e6 * np.random.default_rng(3).normal(size=(len(others), *Y.shape[1:]))
        changed = made.encoding.to_learn(made.source, made.X, Y, part.train, made.seed)
        np.testing.assert_array_equal(changed, made.X_for(part.train))


def test_a_category_of_a_thousand_values_that_tells_nothing_gains_nothing(tmp_path):
    made = experiment(chance(), tmp_path, category="word", members=3, epochs=15, learning_rate=0.01, dropout=0.0)
    train, y = made.splits.train, 2.0 * made.Y.ravel() - 1
    place = next(place for place in made.encoding.places(made.source) if place.name == "word")
    told, plain = (X[:, place.start][train] for X in (made.X, made.encoding.X(made.source)))
    assert abs(np.corrcoef(told, y[train])[0, 1]) < 4 / np.sqrt(len(train))
    assert np.corrcoef(plain, y[train])[0, 1] > 0.5  # as it would be if each row's own target were in it
    result = made.run(progress=False)
    assert result.metrics["test"]["loss"] > result.metrics["baseline"]["loss"] - 0.02
    assert min(result.history["val_loss"]) > np.log(2) - 0.02
    assert result.metrics["linear"]["loss"] > result.metrics["baseline"]["loss"] - 0.02


def test_it_is_learned_from_and_travels_in_the_model_file(tmp_path):
    result = experiment(shops(), tmp_path, epochs=40, learning_rate=0.01).run(progress=False)
    assert result.metrics["test"]["r2"] > 0.8
    trained = cr.Trained.load(tmp_path)
    assert trained.encoding.sees_target
    new = {"shop": "shop 7", "x": 0.0}
    of_row = trained.predictions(trained.read(new, labelled=False))["prediction"][0]
    of_frame = trained.predictions(trained.read(pl.DataFrame([new]), labelled=False))["prediction"][0]
    assert of_row == pytest.approx(of_frame)
    again = trained.read(shops().head(500), labelled=True)
    with pytest.warns(UserWarning, match="trained on"):
        trained.evaluate(again, np.arange(len(again)))


def test_a_single_statistic_gets_bins_as_other_numbers_do(tmp_path):
    made = experiment(shops(), tmp_path / "values", bins=8)
    assert made.encoding.steps_of_numbers == {0: 40, 2: 479}  # 480 rows to train
    assert "PiecewiseLinear" in repr(made.network)
    assert [*experiment(shops(classes=3), tmp_path / "classes").encoding.steps_of_numbers] == [4]


def test_the_order_follows_from_the_seed(tmp_path):
    first, again, other = (experiment(shops(), tmp_path / str(i), seed=seed).X for i, seed in enumerate((0, 0, 1)))
    np.testing.assert_array_equal(first, again)
    assert (first[:, 1] != other[:, 1]).any()


def test_a_note_names_the_columns_and_one_of_few_values_stays_one_hot(tmp_path):
    made = experiment(shops(), tmp_path / "many")
    assert "statistics of y stand for the words of shop" in made.source.notes
    few = experiment(shops(values=9), tmp_path / "few")
    assert "no column has more than 32 categories, and so none gets statistics" in few.source.notes
    assert not few.encoding.sees_target
    assert few.X_for(few.splits.train[:9]) is few.X


def test_a_table_in_chunks_is_refused(tmp_path):
    shops().write_csv(tmp_path / "shops.csv")
    with pytest.raises(cr.OptionError, match=r"read in chunks, .* leave --target-statistics out, or read it whole"):
        cr.read_table(tmp_path / "shops.csv", "y", stream=True, target_statistics=True)


def test_a_code_comes_back_from_its_json_and_a_damaged_one_is_refused():
    plain = json.loads(json.dumps(CODE.to_config()))
    assert from_config(plain) == CODE
    for damage in (
        {"words": ["a"]},
        {"counts": [3, 2]},
        {"counts": [3, 2, -1]},
        {"sums": [[1.0], [], [2.0]]},
        {"sums": []},
    ):
        with pytest.raises(cr.OptionError, match="shop has statistics of other words than it has words"):
            from_config(plain | damage)


def test_estimators_and_the_command_take_it(tmp_path):
    frame = shops()
    given = {"category": "shop", "target_statistics": True, "epochs": 40, "hidden": (8,), "random_state": 0}
    found = TableRegressor(**given, learning_rate=0.01).fit(frame.drop("y"), frame["y"].to_numpy())
    assert found.score(frame.drop("y"), frame["y"].to_numpy()) > 0.8
    assert any("statistics of y" in note for note in found.notes_)
    frame = shops(classes=3)
    found = TableClassifier(**given, learning_rate=0.01).fit(frame.drop("y"), frame["y"].to_numpy())
    assert found.score(frame.drop("y"), frame["y"].to_numpy()) > 0.6
    frame.write_csv(tmp_path / "shops.csv")
    line = "train shops.csv --target y --category shop --target-statistics --hidden 8 --epochs 2 --out run"
    done = chainrule(*line.split(), cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert "statistics of y stand for the words of shop" in done.stdout

"""Partial dependence: which values of a column are tried, what comes out, and how it is drawn."""

import datetime
from xml.etree import ElementTree

import numpy as np
import polars as pl
import pytest

import chainrule as cr
from chainrule.charts import Bars, Line
from chainrule.data.source import Place
from chainrule.data.targets import Target
from chainrule.experiments.dependence import ROWS, SINGLE, VALUES, WORDS, dependence, grid_of

M = 400


def table(**columns):
    """A table with these columns and a target that is the row's number."""
    return cr.read_table(pl.DataFrame(columns | {"y": np.arange(len(next(iter(columns.values())))) / 7}), "y")


def found_of(source, name, f, target=None, rows=None):
    """The dependence on a column of f, a function of X, over all of the first rows, as many as are taken."""
    rows = np.arange(ROWS) if rows is None else rows
    encoding = source.learn(rows)
    X = encoding.X(source)[rows]
    (place,) = (place for place in encoding.places(source) if place.name == name)
    grid = grid_of(source, name, rows)
    random = np.random.default_rng(0)
    return dependence(f, X, place, grid, target or Target(["y"]), random=random), X, place


def test_numbers_are_tried_along_their_quantiles_in_their_own_unit():
    random = np.random.default_rng(0)
    price = np.exp(random.normal(10, 1, M)).round()
    grid = grid_of(table(price=price), "price", np.arange(M))
    assert len(grid.at) == VALUES
    assert {*grid.at} <= {*price}
    np.testing.assert_allclose(grid.at, np.quantile(price, np.linspace(0.01, 0.99, VALUES)), rtol=0.05)
    np.testing.assert_array_equal(price[grid.rows], grid.at)


def test_few_numbers_are_tried_all_and_of_nearly_one_number_the_others_too():
    random = np.random.default_rng(0)
    rooms, gain = random.integers(1, 6, M), np.where(np.arange(M) % 20 == 0, 1000.0 + np.arange(M), 0)
    source = table(rooms=rooms, gain=gain)
    assert grid_of(source, "rooms", np.arange(M)).at.tolist() == [1, 2, 3, 4, 5]
    at = grid_of(source, "gain", np.arange(M)).at
    assert at[0] == 0
    assert len(at) > 5


def test_words_are_tried_the_most_frequent_first_and_a_missing_one_among_them():
    word = ["often"] * 200 + ["rare"] * 90 + [None] * 70 + [f"w{i % 20}" for i in range(40)]
    grid = grid_of(table(word=word), "word", np.arange(M))
    assert grid.words[:3] == ["often", "rare", "(missing)"]
    assert len(grid.words) == WORDS
    assert [word[row] or "(missing)" for row in grid.rows] == grid.words


def test_a_single_value_and_texts_are_not_tried():
    source = table(x=np.arange(M), text=[f"a long story about the number {i}" for i in range(M)])
    assert grid_of(source, "x", np.arange(1)) is None
    assert grid_of(source, "text", np.arange(M)) is None
    assert grid_of(cr.data.datasets.read("iris"), "x", np.arange(9)) is None


def test_the_mean_is_that_of_the_answers_with_the_column_replaced_by_hand():
    random = np.random.default_rng(0)
    source = table(size=random.integers(0, 50, M), kind=random.choice(["a", "b", "c"], M))

    def f(X):
        return np.tanh(X[:, :1] * X[:, 1:2]) + X[:, 2:3]

    found, X, place = found_of(source, "kind", f)
    assert place == Place("kind", 1, 4)
    for g, word in enumerate(found.grid.words):
        other = X.copy()
        other[:, 1:4] = X[source.frame["kind"].to_numpy()[:ROWS] == word][0, 1:4]
        np.testing.assert_allclose(found.mean[g], f(other).mean(axis=0), atol=1e-6)
    np.testing.assert_allclose(found.overall, f(X).mean(axis=0), atol=1e-6)
    assert found.single.shape == (3, SINGLE, 1)


def test_the_means_are_over_some_rows_where_there_are_many():
    source = table(x=np.arange(2000) % 40)
    seen = []

    def f(X):
        seen.append(len(X))
        return X[:, :1]

    found_of(source, "x", f, rows=np.arange(2000))
    assert seen == [ROWS * (VALUES + 1)]


def test_numbers_are_a_line_in_the_unit_of_the_column_and_a_gap_is_told():
    random = np.random.default_rng(0)
    weight = [None if i % 9 == 0 else f"{w:.1f} kg" for i, w in enumerate(random.normal(70, 9, M))]
    found, _, place = found_of(table(weight=weight), "weight", lambda X: 2 * X[:, :1] + 5 * X[:, 1:2])
    assert place.stop - place.start == 2
    panel = found.panel()
    assert panel.x == "weight, in kg"
    assert panel.y == "predicted y"
    *pale, mean, missing = panel.marks
    assert len(pale) == SINGLE
    assert all(line.pale for line in pale)
    assert 45 < mean.x[0] < 60 < 80 < mean.x[-1] < 100
    assert (np.diff(mean.y) > 0).all()
    assert missing.label == "where it is missing"
    assert missing.y[0] == pytest.approx(found.missing[0])


def test_dates_stand_at_the_axis_as_dates():
    day = [datetime.date(2020, 1, 1) + datetime.timedelta(days=3 * i) for i in range(M)]
    found, _, _ = found_of(table(day=day), "day", lambda X: X[:, :1])
    told = [text for _, text in found.panel().ticks]
    assert len(told) == 3
    assert all(text.startswith("202") and len(text) == 10 for text in told)
    root = ElementTree.fromstring(cr.charts.Chart("", [found.panel()]).svg())
    assert {*told} & {text.text for text in root.iter("{http://www.w3.org/2000/svg}text")}


def test_words_are_bars_that_begin_at_the_mean_the_greatest_at_the_top():
    random = np.random.default_rng(0)
    source = table(x=random.standard_normal(M), kind=random.choice(["a", "b", "c"], M))
    found, _, _ = found_of(source, "kind", lambda X: X[:, 1:4] @ [[1.0], [5.0], [3.0]])
    bars, rule = found.panel().marks
    assert isinstance(bars, Bars)
    assert bars.names == ["b", "c", "a"]
    assert bars.values.tolist() == [5, 3, 1]
    assert set(bars.begins) == {rule.x}
    assert rule.x == pytest.approx(found.overall[0])


def test_classes_are_told_apart_and_of_two_the_positive_one_is_shown():
    random = np.random.default_rng(0)
    source = table(x=random.standard_normal(M), kind=random.choice(["a", "b", "c"], M))

    def softmax(X):
        P = np.exp(X[:, :1] * np.arange(8.0))
        return P / P.sum(axis=1, keepdims=True)

    target = Target(["y"], [[f"l{i}" for i in range(8)]])
    lines = [mark for mark in found_of(source, "x", softmax, target)[0].panel().marks if isinstance(mark, Line)]
    assert len(lines) == 6
    assert lines[-1].label == "p(l7)"
    points = [mark for mark in found_of(source, "kind", softmax, target)[0].panel().marks if isinstance(mark, Line)]
    assert len(points) == 6
    yes = Target(["y"], [["no", "yes"]], [0])
    found, X, _ = found_of(source, "x", lambda X: 1 / (1 + np.exp(-X[:, :1])), yes)
    assert found.panel().y == "p(no)"
    assert found.overall[0] == pytest.approx(1 - (1 / (1 + np.exp(-X[:, 0]))).mean())


def test_the_report_draws_the_columns_that_matter_most(tmp_path):
    random = np.random.default_rng(0)
    size, kind = random.uniform(20, 200, M), random.choice(["flat", "house", "barn"], M)
    columns = {"size": size.round(1), "kind": kind, "noise": random.standard_normal(M).round(3)}
    frame = pl.DataFrame(columns | {"price": 3 * size + 100 * (kind == "house")})
    experiment = cr.Experiment(
        cr.read_table(frame, "price"), cr.Settings(epochs=60, hidden=(32,), seed=0), tmp_path / "run"
    )
    result = experiment.run(progress=False)
    text = (tmp_path / "run" / "report.svg").read_text()
    assert "partial dependence on size" in text
    chart = experiment.report(result.network).chart(result.metrics)
    assert chart.grid == (2, 3)
    of_size = next(panel for panel in chart.panels if panel.title.endswith("size"))
    mean = next(mark for mark in of_size.marks if mark.label == "mean")
    slope = (mean.y[-1] - mean.y[0]) / (mean.x[-1] - mean.x[0])
    assert slope == pytest.approx(3, abs=0.5)

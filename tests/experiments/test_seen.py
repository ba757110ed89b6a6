"""Whoever measures a network on examples that it was trained on is told."""

import re
import warnings

import numpy as np
import polars as pl
import pytest

import chainrule as cr
from chainrule.experiments import seen
from commands import chainrule


def table(m, seed=0, choices=None):
    random = np.random.default_rng(seed)
    X = random.standard_normal((m, 3)) if choices is None else random.integers(0, choices, (m, 3)).astype(float)
    return pl.DataFrame(X.round(4), ["a", "b", "c"]).with_columns(
        y=pl.Series(np.where(X[:, 0] + random.standard_normal(m) > 0, "yes", "no"))
    )


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    """A run on 600 rows, of which a tenth is held out."""
    folder = tmp_path_factory.mktemp("run")
    settings = cr.Settings(seed=0, epochs=2, hidden=(4,), test=0.1, validation=0.1)
    cr.Experiment(cr.read_table(table(600), "y"), settings, folder).run(progress=False)
    return folder


def test_evaluate_tells_of_rows_that_were_trained_on(run, tmp_path):
    table(600).sample(200, seed=1).vstack(table(100, seed=1)).write_csv(tmp_path / "mixed.csv")
    told = chainrule("evaluate", run, "mixed.csv", cwd=tmp_path).stdout.splitlines()[-1]
    n = int(re.fullmatch(r"(\d+) of these 300 examples are ones that the network was trained on, .*", told)[1])
    assert 140 <= n <= 180, "of 200, 80 % are of the training part"
    trained = cr.Trained.load(run)
    source = trained.read(str(tmp_path / "mixed.csv"))
    with pytest.warns(UserWarning, match=rf"^{n} of these 300 examples"):
        trained.evaluate(source, np.arange(300))


def test_new_rows_and_the_held_out_ones_of_its_own_data_are_measured_without_a_word(run):
    trained = cr.Trained.load(run)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        trained.evaluate(trained.read(table(300, seed=1)), np.arange(300))
        own = trained.read(table(600))
        for part in ("auto", "train"):  # which the reader has asked for
            trained.evaluate(own, trained.rows(own, part)[0])


@pytest.mark.parametrize("m", [300, 3_000, 200_000])
def test_the_share_is_told_of_any_number_of_examples(monkeypatch, m):
    monkeypatch.setattr(seen, "CELLS", 300_000)
    X = np.random.default_rng(0).standard_normal((m, 4)).astype(np.float32)
    train, others = np.arange(m * 2 // 3), np.arange(m * 2 // 3, m)
    found = seen.sketch(X, train, others, len(train))
    assert seen.note_on_known(found, X, others, "model") == ""
    mixed = np.arange(m // 3, m)
    told = seen.note_on_known(found, X, mixed, "model")
    number = told.split(" of these ")[0]
    assert number == "100" if m == 300 else 40 <= int(re.fullmatch(r"about (\d+)%", number)[1]) <= 60


def test_copies_are_no_wonder_where_there_are_few_different_examples():
    first, second = (table(1000, seed, choices=4).drop("y").to_numpy() for seed in (0, 1))
    found = seen.sketch(first, np.arange(800), np.arange(800, 1000), 800)
    assert found["alike"] > 0.9
    assert seen.note_on_known(found, second, np.arange(1000), "model") == ""


def test_all_of_the_training_part_are_told_where_half_of_those_held_out_are_alike():
    X = np.random.default_rng(0).integers(0, 10, (1500, 3)).astype(np.float32)
    found = seen.sketch(X, np.arange(700), np.arange(700, 1500), 700)
    assert 0.4 < found["alike"] < 0.6
    assert seen.note_on_known(found, X, np.arange(700), "model") != ""


def test_pictures_are_known_again_and_one_other_pixel_makes_another_one():
    X = np.random.default_rng(0).integers(0, 256, (50, 8, 8, 3), np.uint8)
    found = seen.sketch(X, np.arange(40), np.arange(40, 50), 40)
    assert seen.note_on_known(found, X, np.arange(30, 50), "model").startswith("10 of these 20 examples")
    other = X.copy()
    other[:, 3, 3, 1] += 1
    assert seen.note_on_known(found, other, np.arange(50), "model") == ""


def test_a_damaged_sketch_is_refused_and_a_file_without_one_says_nothing():
    X = np.ones((4, 2), np.float32)
    right = seen.sketch(X, np.arange(2), np.arange(2, 4), 2)
    for wrong in ({"hashes": "?"}, {"hashes": ""}, {"share": 0.0}, {"alike": 2.0}):
        with pytest.raises(cr.ModelFileError, match="model is damaged: its sketch of the training examples is none"):
            seen.note_on_known({**right, **wrong}, X, np.arange(4), "model")
    assert seen.note_on_known(None, X, np.arange(4), "model") == ""


@pytest.fixture(scope="module")
def forecasts(tmp_path_factory):
    """A run on 120 days of two shops, and the same days with 30 more behind them."""
    folder = tmp_path_factory.mktemp("forecasts")
    sold = pl.Series(np.random.default_rng(0).normal(50, 10, 300).round(1))
    days = np.datetime64("2024-01-01") + np.arange(150)
    whole = pl.DataFrame({"day": np.tile(days, 2), "shop": ["a"] * 150 + ["b"] * 150, "sold": sold})
    first = whole.filter(pl.col("day") < days[120])
    settings = cr.Settings(seed=0, epochs=2)
    cr.Experiment(cr.read_series(first, "sold", "day", horizon=3, group="shop"), settings, folder).run(progress=False)
    return folder, first, whole


def test_of_a_series_that_goes_on_what_came_after_the_training_is_measured(forecasts, tmp_path):
    folder, first, whole = forecasts
    trained = cr.Trained.load(folder)
    own, more = trained.read(first), trained.read(whole)
    held_out, _ = trained.rows(own, "auto")
    later, what = trained.rows(more, "auto")
    assert what == f"what came after the training (of {len(more)} in all, which --part all measures)"
    assert len(later) == len(held_out) + 60
    assert len(own) < 512
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        trained.evaluate(more, later)
    train = len(trained.rows(own, "train")[0])
    with pytest.warns(UserWarning, match=rf"^{train} of these {len(more)} examples are ones that the network was"):
        trained.evaluate(more, np.arange(len(more)))
    whole.write_csv(tmp_path / "whole.csv")
    told = chainrule("evaluate", folder, "whole.csv", cwd=tmp_path).stdout
    assert told.startswith(f"whole.csv: {what}, {len(later)} examples")


def test_days_of_another_series_or_behind_all_that_was_trained_on_are_all_measured(forecasts):
    folder, _, whole = forecasts
    trained = cr.Trained.load(folder)
    other = whole.with_columns(pl.col("sold").shuffle(1))
    for frame in (other, whole.filter(pl.col("day") >= np.datetime64("2024-04-01"))):
        source = trained.read(frame)
        rows, what = trained.rows(source, "auto")
        assert what == "all examples"
        assert len(rows) == len(source)


def test_windows_are_known_again_where_a_file_begins_later(forecasts):
    folder, first, whole = forecasts
    trained = cr.Trained.load(folder)
    source = trained.read(whole.filter(pl.col("day") >= np.datetime64("2024-02-01")))
    later, _ = trained.rows(source, "auto")
    assert len(later) == len(trained.rows(trained.read(first), "auto")[0]) + 60


def test_of_a_text_that_goes_on_what_came_after_the_training_is_measured(tmp_path):
    words = np.random.default_rng(0).choice(["the", "cat", "sat", "on", "a", "mat"], 1500)
    text = " ".join(words)
    (tmp_path / "first.txt").write_text(text[:4000])
    (tmp_path / "whole.txt").write_text(text)
    settings = cr.Settings(seed=0, epochs=1, hidden=(4,))
    cr.Experiment(cr.read_text(tmp_path / "first.txt"), settings, tmp_path / "run").run(progress=False)
    trained = cr.Trained.load(tmp_path / "run")
    own, source = trained.read(tmp_path / "first.txt"), trained.read(tmp_path / "whole.txt")
    later, what = trained.rows(source, "auto")
    assert what.startswith("what came after the training (of ")
    assert len(later) == len(trained.rows(own, "auto")[0]) + len(source) - len(own)
    with pytest.warns(UserWarning, match=rf"of these {len(source)} examples are ones that the network was trained on"):
        trained.evaluate(source, np.arange(len(source)))

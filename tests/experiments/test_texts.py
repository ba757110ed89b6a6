"""Texts in a table, alone and beside other columns, and in files: what is told, learned, compared, and predicted."""

import csv
import json
import re

import numpy as np
import polars as pl
import pytest
from click.testing import CliRunner

import chainrule as cr
from chainrule.cli import app

GOOD = ["fine", "lovely", "warm", "sunny", "sweet", "bright"]
BAD = ["awful", "nasty", "cold", "rainy", "bitter", "dull"]
FILLING = [f"{word}{n}" for word in ("table", "chair", "house", "river") for n in range(8)]


def letters(m, seed=0):
    """m texts, each with a word or two that tell how somebody feels."""
    random = np.random.default_rng(seed)
    feels = np.where(random.random(m) < 0.5, "good", "bad")
    texts = [
        " ".join(random.permutation([*random.choice(FILLING, 6), *random.choice(GOOD if one == "good" else BAD, 2)]))
        for one in feels
    ]
    return texts, feels.tolist()


def frame(m=300, **others):
    texts, feels = letters(m)
    return pl.DataFrame({"letter": texts, "feels": feels, **others})


def run(*arguments, code=0):
    result = CliRunner().invoke(app, [*map(str, arguments)], env={"COLUMNS": "160"})
    if code == 2 and isinstance(result.exception, cr.ChainruleError):  # which the program prints
        return str(result.exception)
    assert result.exit_code == code, result.output
    return result.output


@pytest.fixture(scope="module")
def hour():
    return np.random.default_rng(1).integers(0, 24, 300).tolist()


@pytest.fixture(scope="module")
def trained(tmp_path_factory, hour):
    """A run on texts beside a number, and what was printed."""
    folder = tmp_path_factory.mktemp("texts")
    frame(hour=hour).write_csv(folder / "letters.csv")
    return folder, run("train", folder / "letters.csv", "--target", "feels", "--out", folder / "run", "--seed", 0)


@pytest.fixture(scope="module")
def from_files(tmp_path_factory):
    """A model of texts in files."""
    folder = tmp_path_factory.mktemp("files")
    for i, (text, feels) in enumerate(zip(*letters(200), strict=True)):
        (folder / "all" / feels).mkdir(parents=True, exist_ok=True)
        (folder / "all" / feels / f"{i}.txt").write_text(text)
    out = run("train", folder / "all", "--out", folder / "run", "--seed", 0)
    frame().write_csv(folder / "letters.csv")
    return folder, out


def test_a_column_of_text_is_told_and_learned_from_beside_a_number(trained):
    folder, out = trained
    assert re.search(r"letter +text +300 different texts of 8 words or so", out)
    assert "EmbedBags(1, (" in out
    model = cr.Trained.load(folder / "run")
    assert model.evaluate(model.read(folder / "letters.csv"), np.arange(300))["roc_auc"] > 0.99
    assert json.loads((folder / "run" / "metrics.json").read_text())["test"]["roc_auc"] > 0.95


def test_the_linear_model_beside_it_reads_texts_by_tf_idf(trained):
    out = trained[1]
    assert "linear: a logistic regression on TF-IDF of texts, and the same other numbers, of the same rows" in out
    accuracy = next(line for line in out.splitlines() if line.strip().startswith("accuracy"))
    assert min(map(float, accuracy.split()[1:3])) > 0.9


def test_shuffling_tells_that_the_text_matters(trained):
    out = trained[1].splitlines()
    shares = [line.replace("> ", "").split()[:2] for line in out if line.strip().endswith(("█", "%"))]
    of = {name: float(share.rstrip("%")) for name, share in shares}
    assert of["letter"] > 90 > 10 > of["hour"]


def test_predict_and_evaluate_read_the_column_again(trained):
    folder, _ = trained
    texts, feels = letters(50, seed=9)
    new = folder / "new.csv"
    pl.DataFrame({"hour": [3] * 50, "letter": texts, "feels": feels}).write_csv(new)
    rows = [*csv.DictReader(run("predict", folder / "run", new).splitlines())]
    assert np.mean([row["prediction"] == one for row, one in zip(rows, feels, strict=True)]) > 0.95
    assert "all examples, 50 examples" in run("evaluate", folder / "run", new)


def test_a_column_called_otherwise_is_asked_for(trained):
    folder, _ = trained
    new = folder / "renamed.csv"
    frame(20, hour=[3] * 20).rename({"letter": "body"}).write_csv(new)
    assert (
        "has no column 'letter', which held the texts in training, but body, feels, hour: which of them holds texts "
        "now? --text COLUMN tells."
    ) in run("predict", folder / "run", new, code=2)
    assert len(run("predict", folder / "run", new, "--text", "body").splitlines()) == 21


def test_an_empty_text_and_one_of_unknown_words_get_the_same_prediction(trained):
    model = cr.Trained.load(trained[0] / "run")
    new = pl.DataFrame({"letter": [None, "", "🙂 внезапно"], "hour": [3] * 3})
    found = model.predictions(model.encoding.read(new, labelled=False))
    assert len(set(found["p(good)"])) == 1


def test_a_row_as_a_dict_is_predicted_as_in_a_table(trained):
    model = cr.Trained.load(trained[0] / "run")
    row = {"letter": "such a lovely warm day", "hour": 3}
    one = model.predictions(model.read(row, labelled=False))["p(good)"]
    assert one == model.predictions(model.read(pl.DataFrame([row]), labelled=False))["p(good)"]
    assert one[0] > 0.5


def test_texts_alone_are_a_linear_model_of_all_that_is_not_held_out(tmp_path):
    experiment = cr.Experiment(cr.read_table(frame(), "feels"), cr.Settings(seed=0), tmp_path / "run")
    assert [type(layer).__name__ for layer in experiment.network.layers] == ["EmbedBags", "Dropout", "Dense"]
    assert len(experiment.splits.validation) == 0
    result = experiment.run(progress=False)
    assert result.metrics["engine"] == "native"
    assert result.metrics["test"]["accuracy"] > 0.95
    assert list(result.metrics["importance"]) == ["letter"]


def test_values_are_learned_from_texts_too(tmp_path):
    texts, feels = letters(400)
    price = [10.0 if one == "good" else 2.0 for one in feels]
    table = cr.read_table(pl.DataFrame({"letter": texts, "price": price}), "price", task="regression")
    metrics = cr.Experiment(table, cr.Settings(seed=0), tmp_path / "run").run(progress=False).metrics
    assert metrics["test"]["r2"] > 0.8
    assert metrics["linear"]["r2"] > 0.8


def test_categories_of_many_values_lie_beside_texts(tmp_path):
    town = [f"town {n % 40} of mine" for n in range(300)]
    table = cr.read_table(frame(town=town), "feels", category=["town"])
    experiment = cr.Experiment(table, cr.Settings(seed=0), tmp_path / "run")
    assert experiment.encoding.layers(experiment.X.shape[1:])[0].sizes[1] == 1
    assert experiment.run(progress=False).metrics["test"]["accuracy"] > 0.9


def test_a_table_in_chunks_has_texts(tmp_path, monkeypatch):
    monkeypatch.setattr("chainrule.data.chunks.BYTES", 2**12)
    frame(600).write_csv(tmp_path / "letters.csv")
    table = cr.read_table(tmp_path / "letters.csv", "feels", stream=True)
    experiment = cr.Experiment(table, cr.Settings(seed=0), tmp_path / "run")
    assert len(experiment.chunked.sizes) > 3
    assert experiment.run(progress=False).metrics["test"]["accuracy"] > 0.95


def test_a_search_has_a_validation_part(tmp_path):
    pytest.importorskip("optuna")
    experiment = cr.Experiment(cr.read_table(frame(), "feels"), cr.Settings(seed=0, search=1), tmp_path / "run")
    assert len(experiment.splits.validation) > 0


def test_texts_that_are_to_train_and_to_test_are_told(tmp_path):
    twice = pl.concat([frame(), frame()])
    experiment = cr.Experiment(cr.read_table(twice, "feels"), cr.Settings(seed=0), tmp_path / "run")
    assert any(
        "of the 120 texts of letter to test are among those to train, too: the figures are better than for new ones; "
        "keep each text once" in note
        for note in experiment.notes
    )
    once = cr.Experiment(cr.read_table(frame(), "feels"), cr.Settings(seed=0), tmp_path / "once")
    assert once.notes == []
    named = frame().with_columns(letter=pl.Series([f"{i % 97} Rue de la Gare" for i in range(len(frame()))]))
    streets = cr.Experiment(cr.read_table(named, "feels", text=["letter"]), cr.Settings(seed=0), tmp_path / "names")
    assert not any("are among those to train" in note for note in streets.notes)


def test_a_class_of_three_texts_is_learned_with_the_others(tmp_path):
    few = pl.DataFrame({"letter": [f"where is my money {n}" for n in range(3)], "feels": ["owes"] * 3})
    table = cr.read_table(pl.concat([frame(), few.select("letter", "feels")]), "feels")
    metrics = cr.Experiment(table, cr.Settings(seed=0), tmp_path / "run").run(progress=False).metrics
    assert metrics["test"]["accuracy"] > 0.95
    assert "owes" in metrics["confusion"]["labels"]


def test_a_text_of_a_megabyte_is_read(tmp_path):
    texts, feels = letters(100)
    texts[0] = " ".join([*FILLING, texts[0]]) * 4_000
    experiment = cr.Experiment(
        cr.read_table(pl.DataFrame({"letter": texts, "feels": feels}), "feels"), cr.Settings(seed=0), tmp_path / "run"
    )
    assert experiment.X.shape[1] <= 512
    assert experiment.run(progress=False).metrics["test"]["accuracy"] > 0.8


def test_texts_in_files_are_compared_with_tf_idf(from_files):
    out = from_files[1]
    assert "linear: a logistic regression on TF-IDF of texts" in out
    accuracy = next(line for line in out.splitlines() if line.strip().startswith("accuracy"))
    assert float(accuracy.split()[1]) > 0.9
    assert "shuffled" not in out


def test_a_table_for_a_model_of_files_is_asked_for_its_column(from_files):
    folder, _ = from_files
    table = folder / "letters.csv"
    asked = run("predict", folder / "run", table, code=2)
    assert "is a table with the columns letter, feels: which of them holds the texts? --text COLUMN tells." in asked
    wrong = run("predict", folder / "run", table, "--text", "letters", code=2)
    assert "none is 'letters': which of them holds the texts?" in wrong
    rows = [*csv.DictReader(run("predict", folder / "run", table, "--text", "letter").splitlines())]
    assert [row["row"] for row in rows] == [str(n) for n in range(1, 301)]
    assert np.mean([row["prediction"] == one for row, one in zip(rows, letters(300)[1], strict=True)]) > 0.95


def test_evaluate_is_told_the_column_of_answers_as_well(from_files):
    folder, _ = from_files
    table = folder / "letters.csv"
    asked = run("evaluate", folder / "run", table, "--text", "letter", code=2)
    assert "which of them holds what they are? --target COLUMN tells." in asked
    assert "all examples, 300 examples" in run(
        "evaluate", folder / "run", table, "--text", "letter", "--target", "feels"
    )


def test_an_empty_text_of_a_table_keeps_its_row(from_files):
    folder, _ = from_files
    (folder / "gaps.csv").write_text("letter,n\nlovely and fine,1\n,2\n")
    out = run("predict", folder / "run", folder / "gaps.csv", "--text", "letter")
    assert "1 of 2 texts is empty: the prediction is that of a text without a known word" in out
    assert [line.split(",")[0] for line in out.splitlines() if line[0].isdigit() and line[1] == ","] == ["1", "2"]


GREEK = "λέξεις που δεν ξέρει κανείς"


def test_texts_of_which_training_has_met_no_word_or_hardly_any_are_told(trained, hour):
    folder, _ = trained
    fine = " ".join(GOOD)
    hardly = f"{fine.split()[0]} {' '.join(f'ξένη{n}' for n in range(9))}"
    pl.DataFrame({"letter": [fine, GREEK, "! " + GREEK, "", hardly], "hour": hour[:5]}).write_csv(folder / "new.csv")
    out = run("predict", folder / "run", folder / "new.csv")
    assert "1 of 5 texts of letter is empty: the prediction is that of a text without a known word" in out
    assert (
        f"2 of 5 texts of letter have no word that training has met, such as '{GREEK}': their predictions do not come "
        "from what they say"
    ) in out
    assert "1 of 5 texts of letter has hardly a word that training has met, such as 'fine ξένη0" in out
    pl.DataFrame({"letter": [fine, "a" + fine], "hour": hour[:2]}).write_csv(folder / "known.csv")
    assert "training has met" not in run("predict", folder / "run", folder / "known.csv")


def test_files_of_which_training_has_met_no_word_are_told(from_files):
    folder, _ = from_files
    (folder / "greek.txt").write_text(GREEK)
    (folder / "fine.txt").write_text(" ".join(GOOD))
    out = run("predict", folder / "run", folder / "greek.txt", folder / "fine.txt")
    assert f"{folder / 'greek.txt'} has no word that training has met: its prediction does not come from what" in out
    assert "fine.txt has" not in out
    (folder / "new.csv").write_text(f"letter,feels\nfine,good\n{GREEK},bad\n", encoding="utf-8")
    given = ["--text", "letter", "--target", "feels"]
    assert "such as row 2: its prediction does not come" in run("evaluate", folder / "run", folder / "new.csv", *given)


@pytest.mark.parametrize("option", ["--text", "--target"])
def test_these_options_are_about_texts(tmp_path, option):
    table = cr.read_table(pl.DataFrame({"x": np.arange(40.0) % 7, "y": ["a", "b"] * 20}), "y")
    cr.Experiment(table, cr.Settings(seed=0, epochs=1), tmp_path / "run").run(progress=False)
    assert f"{option} is about" in run("evaluate", tmp_path / "run", "nothing.csv", option, "x", code=2)

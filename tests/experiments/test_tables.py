"""From a file with a table to a model and its predictions, by command and in Python; and all that can be wrong."""

import csv
import itertools
import json
import re
import subprocess
import sys

import numpy as np
import pandas as pd
import polars as pl
import pytest

import chainrule as cr
from chainrule import files, randomness
from chainrule.cli import main
from chainrule.data.checksums import READING
from chainrule.experiments import Trained, peer, report, verdicts
from chainrule.experiments.row_explained import Background, own_rows
from chainrule.experiments.splits import split
from chainrule.numbers import brief
from commands import chainrule

pytestmark = pytest.mark.filterwarnings("ignore:club holds:chainrule.errors.DoubtWarning")  # some clubs have one member

M = 240


def people() -> pl.DataFrame:
    """A table as nobody prepared it: numbers, words, dates, gaps, an id, a constant; who pays depends on some of it."""
    random = np.random.default_rng(0)
    age = random.integers(18, 80, M)
    job = random.choice(["baker", "smith", "clerk"], M)
    pays = (age + 20 * (job == "smith") + random.normal(0, 5, M)) > 55
    return pl.DataFrame(
        {
            "id": [f"p{i:04d}" for i in random.permutation(M)],
            "age": age,
            "job": job,
            "since": [f"{1 + i % 28:02d}.{1 + i % 12:02d}.{2015 + i // 30}" for i in range(M)],
            "height": np.where(random.random(M) < 0.1, "?", random.normal(170, 9, M).round(1).astype(str)),
            "member": random.choice(["yes", "no"], M),
            "country": "Chad",
            "club": random.choice([f"c{i}" for i in range(60)], M),
            "family": random.integers(0, 60, M),
            "pays": np.where(pays, "yes", "no"),
            "rich": np.where(age > 50, 1, 0),
            "spends": (age * 2 + 30 * (job == "baker")).round(1),
        }
    )


@pytest.fixture
def typed(folder, monkeypatch, capsys):
    """Runs a command in the folder, in this process: its exit status, its output, its complaints."""

    def run(*arguments):
        monkeypatch.chdir(folder)
        monkeypatch.setattr(sys, "argv", ["chainrule", *map(str, arguments)])
        capsys.readouterr()
        with pytest.raises(SystemExit) as done:
            main()
        return done.value.code, *capsys.readouterr()

    return run


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """A folder with people.csv and a network that says who pays."""
    folder = tmp_path_factory.mktemp("tables")
    people().write_csv(folder / "people.csv")
    done = chainrule("train", "people.csv", "--target", "pays", "--ignore", "rich", *QUICK, "--out", "run", cwd=folder)
    assert done.returncode == 0, done.stderr
    (folder / "out.txt").write_text(done.stdout)
    return folder


QUICK = ("--seed", 0, "--epochs", 60, "--members", 2)


class TestSingleRows:
    @pytest.fixture
    def model(self, folder):
        return Trained.load(folder / "run")

    def test_a_row_is_predicted_as_in_a_table(self, model):
        some = people().head(20).drop("pays")
        expected = model.predictions(model.read(some, labelled=False))
        for i, row in enumerate(some.to_dicts()):
            found = model.predictions(model.read(row, labelled=False))
            assert found.keys() == expected.keys()
            for name in expected.keys() - {"row"}:
                assert found[name][0] == pytest.approx(expected[name][i], abs=1e-6), name

    def test_what_a_row_lacks_or_has_beyond_is_said(self, model):
        row = people().head(1).drop("pays").to_dicts()[0]
        name = model.encoding.codes[0].column.name
        with pytest.raises(cr.DataError, match=f"the row: there is no column '{name}'"):
            model.read({key: value for key, value in row.items() if key != name}, labelled=False)
        assert model.read(row | {"shoe": 42}, labelled=False).notes == [
            "not used, because training did not have it: shoe"
        ]

    @pytest.mark.parametrize("gap", [None, float("nan"), np.float32("nan"), pd.NA, pd.NaT, "?", " NA "])
    def test_a_gap_in_a_row_is_a_gap(self, model, gap):
        row = people().head(1).drop("pays").to_dicts()[0]
        found = model.encoding.X(model.read(row | {"height": gap}, labelled=False))
        np.testing.assert_array_equal(found, model.encoding.X(model.read(row | {"height": None}, labelled=False)))

    @pytest.mark.parametrize(
        ("value", "words"),
        [
            ([1], "age is a list, but a row holds numbers, words and dates"),
            (np.zeros(1), "age is a ndarray, but"),
            (10**400, "more than a number can be"),
            ("old", "age holds 'old' in row 1, but that column holds numbers such as"),
        ],
    )
    def test_what_is_no_value_of_a_row_is_told(self, model, value, words):
        row = people().head(1).drop("pays").to_dicts()[0]
        with pytest.raises(cr.DataError, match=words):
            model.encoding.X(model.read(row | {"age": value}, labelled=False))

    def test_moments_of_a_row_are_those_of_a_frame(self, tmp_path):
        moments = pd.date_range("2024-01-01 20:00", periods=M, freq="7h", tz="Asia/Tokyo")
        frame = pd.DataFrame({"when": moments, "age": people()["age"].to_list(), "pays": people()["pays"].to_list()})
        run(tmp_path, "pays", frame=frame, epochs=1)
        model = cr.Trained.load(tmp_path / "run")
        for when in (frame["when"][40], frame["when"][40].to_pydatetime(), np.datetime64("2024-01-13T12:00", "ns")):
            expected = frame.iloc[40:41].assign(when=pd.Timestamp(when)).drop(columns="pays")
            row = {"when": when, "age": int(frame["age"][40])}
            np.testing.assert_array_equal(
                model.encoding.X(model.read(row, labelled=False)),
                model.encoding.X(model.read(expected, labelled=False)),
            )

    def test_a_row_with_its_answer_is_measured(self, model):
        assert len(model.read(people().head(1).to_dicts()[0], labelled=True)) == 1


def metrics(folder):
    return json.loads((folder / "metrics.json").read_text())


def test_train_tells_what_each_column_is(folder):
    out = (folder / "out.txt").read_text()
    for words in (
        r"id +set aside: an id +240 different words",
        r"age +a number +\d+ different",
        r"job +a category +3 different",
        r"since +a date +written as 31\.01\.2025",
        r"height +a number +\d+ different +\d+",
        r"member +yes or no +no or yes",
        r"country +set aside: constant +always 'Chad'",
        r"rich +set aside +as you said",
        r"pays +to be predicted",
    ):
        assert re.search(words, out), words
    assert "EmbedColumns(" in out
    assert "2 classes" in out


def test_the_network_beats_baseline_and_the_report_is_there(folder):
    found = metrics(folder / "run")
    assert found["test"]["accuracy"] > found["baseline"]["accuracy"] + 0.1
    shares = {"precision", "recall", "f1", "average_precision", "accuracy", "balanced_accuracy", "roc_auc"}
    assert shares | {"loss"} == found["test"].keys()
    assert found["linear"].keys() == found["test"].keys() == found["baseline"].keys()
    assert next(iter(found["importance"])) in ("age", "spends")
    assert np.sum(found["confusion"]["true by predicted"]) == 48
    assert 0 <= found["calibration"]["expected_error"] < 0.5
    assert {path.name for path in (folder / "run").iterdir()} == {
        "model.safetensors",
        "history.json",
        "metrics.json",
        "curves.svg",
        "report.svg",
        "report.html",
    }


def test_evaluate_measures_the_held_out_part_of_the_raw_file_again(folder):
    done = chainrule("evaluate", "run", "people.csv", cwd=folder)
    assert "the held-out part, 48 examples" in done.stdout
    assert brief(metrics(folder / "run")["test"]["accuracy"]) in done.stdout
    assert "95 %: where the measure lies in 95 of 100 test parts drawn anew from this one\n" in done.stdout


def test_predict_keeps_the_ids_and_needs_no_target(folder):
    frame = pl.read_csv(folder / "people.csv", infer_schema=False)
    frame.drop("pays", "rich").head(7).write_csv(folder / "new.csv")
    done = chainrule("predict", "run", "new.csv", "--out", "predictions.csv", cwd=folder)
    assert done.stdout == "7 predictions in predictions.csv\n"
    assert done.stderr == ""
    with open(folder / "predictions.csv") as file:
        rows = list(csv.DictReader(file))
    assert [row["id"] for row in rows] == frame["id"].head(7).to_list()
    assert [row["row"] for row in rows] == list("1234567")
    for row in rows:
        assert row["prediction"] == ("yes" if float(row["p(yes)"]) >= 0.5 else "no")
        assert float(row["p(yes)"]) + float(row["p(no)"]) == pytest.approx(1, abs=1e-5)


def test_an_id_called_as_a_column_of_predictions_is_beside_it(tmp_path):
    frame = people().rename({"id": "row"}).with_columns(prediction=pl.col("row") + "x")
    run(tmp_path, "pays", frame=frame, epochs=1)
    trained = cr.Trained.load(tmp_path / "run")
    found = trained.predictions(trained.read(frame, labelled=False))
    assert found["row"] == list(range(1, M + 1))
    assert found["row (id)"] == frame["row"].to_list()
    assert found["prediction (id)"] == frame["prediction"].to_list()
    assert {*found["prediction"]} <= {"yes", "no"}


def test_rows_that_are_neither_a_file_nor_a_frame_are_refused(folder):
    with pytest.raises(cr.DataError, match="a table is the path of a file or a frame of polars or pandas, not a list"):
        cr.Trained.load(folder / "run").read([30, "baker"], labelled=False)


def test_the_order_of_columns_and_rows_and_the_format_do_not_matter(folder):
    frame = pl.read_csv(folder / "people.csv", null_values="?")
    trained = cr.Trained.load(folder / "run")
    expected = trained.predictions(trained.read(frame, labelled=False))
    frame.select(reversed(frame.columns)).write_parquet(folder / "turned.parquet")
    assert trained.predictions(trained.read(folder / "turned.parquet", labelled=False)) == expected
    upside_down = trained.predictions(trained.read(frame.reverse(), labelled=False))
    assert upside_down["p(yes)"] == pytest.approx(expected["p(yes)"][::-1], rel=1e-5)


def changed(folder, name, change):
    change(pl.read_csv(folder / "people.csv", infer_schema=False)).write_csv(folder / name)
    return name


def column(name, values):
    return lambda frame: frame.head(len(values)).with_columns(pl.Series(name, values))


@pytest.mark.parametrize(
    ("command", "change", "words"),
    [
        ("predict", lambda f: f.drop("age"), "changed.csv: there is no column 'age'."),
        (
            "predict",
            lambda f: f.drop("age", "job", "height"),
            "columns that training had: 'age', 'job', 'height'. It has ",
        ),
        ("evaluate", lambda f: f.drop("age", "pays"), "columns that training had: 'age', 'pays'. It has "),
        ("predict", lambda f: f.rename({"height": "heigth"}), "no column 'height'. Did you mean 'heigth'?"),
        ("evaluate", lambda f: f.drop("pays"), "there is no column 'pays'"),
        (
            "predict",
            column("age", ["20", "old"]),
            "age holds 'old' in row 2, but that column holds numbers such as 1234.5 otherwise",
        ),
        (
            "predict",
            column("age", ["young", "old"]),
            "age holds 'young' in row 1, but that column holds numbers such as 1234.5 otherwise",
        ),
        (
            "predict",
            column("since", ["44000"]),
            "since holds '44000' in row 1, but that column holds dates such as 31.01.2025",
        ),
        ("predict", column("since", ["x"]), "since holds 'x' in row 1, but that column holds dates such as 31.01.2025"),
        ("predict", lambda f: f.head(0), "is empty: it has 12 columns and no row."),
        (
            "evaluate",
            column("pays", ["maybe"]),
            "pays in changed.csv holds 'maybe' in row 1, but the classes are 'no', 'yes'.",
        ),
        ("evaluate", column("pays", [None]), "pays in changed.csv is always missing."),
    ],
)
def test_a_file_that_does_not_fit_the_model_is_one_clear_line(folder, typed, command, change, words):
    status, _, complaints = typed(command, "run", changed(folder, "changed.csv", change))
    assert status == 2
    (line,) = [line for line in complaints.splitlines() if not line.startswith("note: ")]
    assert line.startswith("error: ")
    assert words in line


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (
            column("job", ["pilot", "baker"]),
            "job holds 'pilot' in 1 of 2 rows, which training has not met: it is taken",
        ),
        (
            column("job", [3, 4]),
            "job holds '3', '4' in 2 of 2 rows, which training has not met: it is taken for something",
        ),
        (lambda f: f.with_columns(extra=pl.lit(1)), "not used, because training did not have it: extra"),
    ],
)
def test_what_does_not_stop_a_prediction_is_a_note_on_stderr(folder, typed, change, words):
    status, out, complaints = typed("predict", "run", changed(folder, "changed.csv", change))
    assert status == 0
    assert out.startswith("row,id,prediction,p(no),p(yes)\n1,")
    assert f"note: {words}" in complaints


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["--target", "pay"], "people.csv: there is no column 'pay'. Did you mean 'pays'? Known: age, club,"),
        (["--target", "PAYS"], "people.csv: there is no column 'PAYS'. Did you mean 'pays'? Known: age, club,"),
        (["--target", "hope"], "people.csv: there is no column 'hope'. Known: age, club,"),
        ([], "which column of people.csv is to be predicted? It has id, age, job,"),
        (["--target", "country"], "country in people.csv is always 'Chad': there is nothing to tell apart."),
        (["--target", "id"], "id in people.csv has 240 different labels for 240 examples, too many to learn any"),
        (["--target", "pays,job"], "job in people.csv has 3 labels; several columns are predicted at once where each"),
        (
            ["--target", "pays", "--task", "regression"],
            "in row 1 of people.csv, which cannot be read as numbers such as 1234.5 are",
        ),
        (["--target", "pays", "--task", "regresion"], "Did you mean 'regression'?"),
        (
            ["--target", "pays", "--number", "job"],
            "in row 1, but --number job says that it holds numbers such as 1234.5: ",
        ),
        (["--target", "pays", "--number", "pays"], "'pays' has two roles, target and number: leave one of"),
        (["--target", "pays", "--time", "job"], "job in people.csv is neither dates nor numbers"),
        (["--target", "pays", "--group", "country"], "too few groups for parts to train, to validate and to test."),
        (["--target", "pays", "--group", "family", "--time", "since"], "divided by time or by group, not by both."),
        (["--target", "pays", "--time", "country"], "neither dates nor numbers"),
    ],
)
def test_what_cannot_be_trained_is_one_clear_line(typed, arguments, words):
    status, _, complaints = typed("train", "people.csv", *arguments, "--epochs", 1)
    assert status == 2
    (line,) = complaints.splitlines()
    assert line.startswith("error: ")
    assert words in line


def test_a_word_among_values_to_predict_is_named():
    frame = people().with_columns(spends=pl.when(pl.arange(M) == 7).then(pl.lit("n.n.")).otherwise(pl.arange(M)))
    with pytest.raises(
        cr.DataError, match=r"too many to learn any: .* It holds 'n\.n\.' among numbers: leave such cells"
    ):
        cr.read_table(frame, "spends").target  # noqa: B018


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda f: f.head(0), "empty: it has 12 columns and no row."),
        (lambda f: f.select("pays"), "has no column left to predict pays from."),
        (
            lambda f: f.select("pays", one=pl.lit(1), file=pl.format("shots/{}.png", pl.arange(f.height))),
            "to predict pays from (one: always 1; file: it names pictures that are not there, such as shots/0.png).",
        ),
        (
            lambda f: f.select("pays", said=pl.format("a{} b{} c{} d{}", *4 * [pl.arange(f.height)])),
            "from: no word in said comes in two rows of the training part.",
        ),
        (
            lambda f: f.head(9),
            "9 examples are too few for parts to train, to validate and to test: it takes 10",
        ),
        (
            lambda f: f.filter(pl.col("pays") == "yes"),
            "pays in other.csv is always 'yes': there is nothing to tell",
        ),
    ],
)
def test_a_table_with_nothing_to_learn_is_one_clear_line(folder, typed, change, words):
    status, _, complaints = typed("train", changed(folder, "other.csv", change), "--target", "pays")
    assert status == 2
    (line,) = complaints.splitlines()
    assert line.startswith("error: ")
    assert words in line


def test_a_column_of_another_type_says_what_it_holds(folder):
    frame = people().head(2).with_columns(age=pl.date(2020, 1, 1))
    trained = cr.Trained.load(folder / "run")
    with pytest.raises(cr.DataError, match=r"age holds datetime\.date\(2020, 1, 1\) in row 1, but that column holds"):
        trained.read(frame, labelled=False)


def test_options_of_tables_do_not_go_with_arrays(typed):
    assert (
        typed("train", "iris", "--target", "species")[2]
        == "error: --target is about the columns of a table, but iris is none: leave it out.\n"
    )


def run(tmp_path, target, *, epochs=30, validation=None, frame=None, **options):
    """An experiment with people, or with another frame, and its result: of a single small network, which is quick."""
    table = cr.read_table(people() if frame is None else frame, target, **options)
    settings = cr.Settings(seed=0, epochs=epochs, validation=validation, hidden=(16,))
    experiment = cr.Experiment(table, settings, tmp_path / "run")
    return experiment, experiment.run(progress=False)


def test_values_are_predicted_in_their_own_units(tmp_path):
    experiment, result = run(tmp_path, "spends", epochs=60)
    assert experiment.target.task == "values"
    assert result.metrics["test"]["r2"] > 0.9
    assert result.metrics["linear"].keys() == {"loss", "r2", "rmse", "mae"}
    assert len(result.metrics["residuals"]["spends"]) == 5
    trained = cr.Trained.load(tmp_path / "run")
    predicted = trained.predictions(trained.read(people(), labelled=False))["prediction"]
    assert all(type(value) is float for value in predicted)
    assert 60 < np.mean(predicted) < 160


def test_tables_and_what_was_trained_are_shown_in_a_line(folder):
    assert repr(cr.read_table(people(), "job")) == "Table(the table: 240 rows, 12 columns, to predict job)"
    path = str(folder / "run")
    assert repr(cr.Trained.load(path)) == f"Trained({path}: pays, 2 classes)"


def test_several_classes(tmp_path):
    experiment, result = run(tmp_path, "job")
    assert experiment.target.classes == ["baker", "clerk", "smith"]
    assert result.metrics["test"]["accuracy"] > result.metrics["baseline"]["accuracy"]
    assert len(result.metrics["confusion"]["true by predicted"]) == 3


def test_several_tables_are_predicted_one_after_the_other_if_they_have_the_same_columns(tmp_path):
    run(tmp_path, "job")
    trained = cr.Trained.load(tmp_path / "run")
    one, two = (trained.read(frame, labelled=False) for frame in (people().head(3), people().tail(2)))
    lines = "".join(trained.lines(one, two)).splitlines()
    assert lines == "".join(trained.lines(one)).splitlines() + "".join(trained.lines(two)).splitlines()[1:]
    probability = trained.predictions(one)["p(baker)"][0]
    assert type(probability) is float
    assert f",{probability:.6f}," in lines[1]
    nameless = trained.read(people().drop("id"), labelled=False)
    with pytest.raises(cr.DataError, match="has other columns than the table: predict it by itself"):
        list(trained.lines(one, nameless))


def test_the_rows_of_several_files_tell_which_one_they_are_of(tmp_path, command):
    run(tmp_path, "pays", epochs=1)
    people().head(3).write_csv(tmp_path / "one.csv")
    people().tail(2).with_columns(file=pl.lit("mine")).write_csv(tmp_path / "two.csv")
    status, out, err = command(tmp_path, "predict", "run", "one.csv", "two.csv")
    assert status == 0, err
    found = [line.split(",")[:2] for line in out.splitlines()]
    assert found == [["file", "row"], *(["one.csv", str(i)] for i in (1, 2, 3)), ["two.csv", "1"], ["two.csv", "2"]]
    assert command(tmp_path, "predict", "run", "one.csv")[1].startswith("row,")


def test_several_yes_or_no_questions_at_once(tmp_path):
    experiment, result = run(tmp_path, ["pays", "rich"])
    assert experiment.target.summary == "2 yes-or-no questions"
    assert result.metrics["test"]["roc_auc"] > 0.85
    assert "confusion" not in result.metrics
    trained = cr.Trained.load(tmp_path / "run")
    lines = "".join(trained.lines(trained.read(people(), labelled=False))).splitlines()
    assert lines[0] == "row,id,prediction pays,prediction rich,p(pays yes),p(rich 1)"


def test_several_values_at_once(tmp_path):
    experiment, result = run(tmp_path, ["spends", "age"])
    assert experiment.plan.networks[0].layers[-1].n_out == 2
    assert result.metrics["residuals"].keys() == {"spends", "age"}
    each = result.metrics["each"]
    assert np.mean([each[name]["r2"] for name in ("spends", "age")]) == pytest.approx(result.metrics["test"]["r2"])
    assert each["spends"]["mae"] > each["age"]["mae"]
    trained = cr.Trained.load(tmp_path / "run")
    names = [*trained.predictions(trained.read(people(), labelled=False))]
    assert names == ["row", "id", "prediction spends", "prediction age"]


def test_the_task_may_be_said(tmp_path):
    assert cr.read_table(people(), "rich").target.task == "yes_no"
    assert cr.read_table(people(), "rich", task="regression").target.task == "values"
    assert cr.read_table(people(), "age", task="classification", category=["family"]).target.task == "classes"


def test_labels_that_are_only_written_otherwise_are_those_that_were_learned(tmp_path):
    frame = people().with_columns(pays=pl.col("pays").str.to_titlecase())
    run(tmp_path, "pays", frame=frame, epochs=1)
    trained = cr.Trained.load(tmp_path / "run")
    other = people().with_columns(pays=pl.col("pays") + "  ")
    other.write_csv(tmp_path / "other.csv")
    done = chainrule("evaluate", "run", "other.csv", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    n = (people()["pays"] == "yes").sum()
    assert f"note: pays is 'yes' in {n} rows: taken for 'Yes'\n" in done.stderr
    with pytest.warns(cr.errors.DoubtWarning, match=r"pays is '(yes|no)' in .* rows: taken for '(Yes|No)'"):
        source = trained.read(other)
    assert source.numbers(trained.target).tolist() == trained.read(frame).numbers(trained.target).tolist()
    with pytest.raises(
        cr.DataError, match=r"holds 'yess' in row 4, but the classes are 'No', 'Yes'\. Did you mean 'Yes'\?"
    ):
        trained.evaluate(frame.with_columns(pays=pl.when(pl.arange(M) == 3).then(pl.lit("yess")).otherwise("pays")))


@pytest.mark.parametrize(
    ("labels", "known"),
    [
        (["1", "2", "3+"], ["1", "2", "3+"]),
        (["007", "001", "002"], ["001", "002", "007"]),
        (["1.0", "2", "3"], [1, 2, 3]),
        ([9007199254740993, 9007199254740992, 1], ["1", "9007199254740992", "9007199254740993"]),
    ],
)
def test_labels_are_read_in_another_file_as_they_were_while_training(tmp_path, labels, known):
    frame = people().with_columns(k=pl.Series(labels * (M // 3)))
    run(tmp_path, "k", frame=frame, epochs=1)
    trained = cr.Trained.load(tmp_path / "run")
    assert trained.target.classes == known
    for kept in (labels, labels[:2]):
        some = frame.filter(pl.col("k").is_in(kept))
        some.write_csv(tmp_path / "some.csv")
        for data in (some, tmp_path / "some.csv"):
            source = trained.read(data)
            expected = [known.index(next(x for x in known if str(x) == str(k).removesuffix(".0"))) for k in some["k"]]
            assert source.numbers(trained.target).tolist() == expected
    assert {*trained.predictions(source)["prediction"]} <= {*known}


def test_rows_without_a_target_are_left_out_with_a_note_and_keep_their_numbers():
    frame = people().with_columns(pays=pl.when(pl.arange(M) % 10 == 0).then(pl.lit("?")).otherwise("pays"))
    table = cr.read_table(frame, "pays")
    assert len(table) == M - 24
    assert table.row[:3].tolist() == [2, 3, 4]
    assert "left out are 24 rows in which pays is missing" in table.notes


@pytest.mark.parametrize("target", ["pays", "job"])
def test_words_that_differ_in_capitals_alone_are_noted(target):
    frame = people().with_columns(
        job=pl.when(pl.arange(M) % 3 == 0).then(pl.col("job").str.to_titlecase()).otherwise("job")
    )
    notes = cr.read_table(frame, target).notes
    assert notes == ["job holds 'Baker' and 'baker' as different words: write them alike if they are one"]
    blanks = frame.with_columns(job=pl.col("job").str.to_lowercase().str.replace("smith", "black smith"))
    blanks = blanks.with_columns(
        job=pl.when(pl.arange(M) % 3 == 0).then(pl.col("job").str.replace(" ", "  ")).otherwise("job")
    )
    told = "job holds 'black  smith' and 'black smith' as different words: write them alike if they are one"
    assert told in cr.read_table(blanks, target).notes


def test_a_word_that_only_held_out_rows_write_otherwise_is_measured_as_the_known_one_and_told(tmp_path):
    settings = cr.Settings(hidden=(4,), epochs=1, seed=0)
    rows = cr.Experiment(cr.read_table(people(), "pays"), settings, tmp_path / "a").splits
    said = "job holds 'BAKER' in rows held out alone: taken for 'baker', differing in capitals, blanks or zeros alone"
    for part, told in ((rows.test, True), (rows.train, False)):
        bakers = [row for row in part.tolist() if people()["job"][row] == "baker"]
        frame = people().with_columns(job=pl.when(pl.arange(M) == bakers[0]).then(pl.lit("BAKER")).otherwise("job"))
        made = cr.Experiment(cr.read_table(frame, "pays"), settings, tmp_path / str(told))
        assert (said in made.source.notes) == told
        usual = made.encoding.X(cr.read_table(people(), "pays"))
        assert np.array_equal(made.X, usual) == told


def test_time_divides_past_from_future(tmp_path):
    frame = people().sample(fraction=1, shuffle=True, seed=1)
    experiment, _ = run(tmp_path, "pays", frame=frame, time="since", epochs=1, validation=0.2)
    moments, splits = experiment.source.moments, experiment.splits
    assert moments[splits.train].max() < moments[splits.validation].min()
    assert moments[splits.validation].max() < moments[splits.test].min()
    assert all("elapsed" not in getattr(code, "parts", []) for code in experiment.encoding.codes)
    trained = cr.Trained.load(tmp_path / "run")
    again, _ = trained.rows(trained.read(frame), "test")
    assert again.tolist() == splits.test.tolist()


def test_a_model_of_a_version_whose_seeds_meant_other_numbers_does_not_take_other_rows_for_its_own(tmp_path):
    run(tmp_path, "pays", epochs=1)
    trained = cr.Trained.load(tmp_path / "run")
    del trained.network.metadata["split"]["draws"]
    source = trained.read(people())
    for part in ("auto", "test", "train"):
        with pytest.raises(cr.OptionError, match="made by another version of chainrule, which divided the data"):
            trained.rows(source, part)
    assert len(trained.rows(source, "all")[0]) == M
    source.name, trained.network.metadata["checksum"] = "other.csv", 0
    assert (
        "another version of chainrule made the model, and may have trained it on some"
        in trained.rows(source, "auto")[1]
    )


def test_a_model_of_a_version_that_read_its_file_otherwise_does_not_take_its_rows_for_others(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    people().write_csv("people.csv")
    run(tmp_path, "pays", frame="people.csv", epochs=1)
    trained = cr.Trained.load(tmp_path / "run")
    source = trained.read("people.csv")
    made, caveat = trained.network.metadata, "another version of chainrule made the model, and may have trained it on"
    del made["reading"]
    assert trained.rows(source, "auto")[1] == "the held-out part", "which its checksum tells to be as it was"
    assert isinstance(own_rows(trained), Background)
    made["checksum"] += 1
    assert len(trained.rows(source, "auto")[0]) == M
    assert caveat in trained.rows(source, "auto")[1]
    for part in ("test", "train"):
        with pytest.raises(
            cr.OptionError, match=r"made by another version of chainrule, which read people\.csv otherwi"
        ):
            trained.rows(source, part)
    assert str(own_rows(trained)).endswith("was trained on it, or another version of chainrule read it otherwise")
    frame = trained.read(people())
    assert trained.rows(frame, "auto")[1] == "all examples", "for frames are not read"
    made["reading"] = READING
    assert trained.rows(source, "auto")[1] == "all examples", "for the file is another"


def with_unknown_years(target="pays"):
    years = pl.Series("year", [str(1990 + i % 30) if i % 4 else "unknown" for i in range(M)])
    return people().select("age", "job", target).with_columns(years)


def test_rows_of_an_unknown_time_are_left_out(tmp_path):
    path = tmp_path / "people.csv"
    with_unknown_years().write_csv(path)
    for stream in (False, True):
        table = cr.read_table(path, "pays", time="year", stream=stream)
        assert "left out are 60 rows in which year is missing" in table.notes
        experiment = cr.Experiment(
            table, cr.Settings(seed=0, epochs=1, hidden=(4,), validation=0.2), tmp_path / f"run{stream}"
        )
        moments, splits = table.moments, experiment.splits
        assert np.isfinite(moments).all()
        assert moments[splits.train].max() < moments[splits.test].min()
        assert experiment.m == len(splits.train)


def test_none_is_a_class_unless_somebody_says_otherwise(tmp_path):
    frame = people().with_columns(pain=pl.Series(["none", "none", "mild", "severe"] * (M // 4)))
    frame.write_csv(tmp_path / "pain.csv")
    for source in (frame, tmp_path / "pain.csv"):
        assert cr.read_table(source, "pain").target.classes == ["mild", "none", "severe"]
        assert cr.read_table(source, "pain", stream=source is not frame).target.classes == ["mild", "none", "severe"]
        table = cr.read_table(source, "pain", missing="none")
        assert table.target.classes == ["mild", "severe"]
        assert "left out are 120 rows in which pain is missing" in table.notes


def test_words_that_mark_what_is_missing_travel_with_the_network():
    frame = people().with_columns(age=pl.when(pl.arange(M) % 9 == 0).then(-999).otherwise("age"))
    table = cr.read_table(frame, "pays", missing=["-999", "smith"])
    encoding = table.learn(np.arange(M))
    age = next(code for code in encoding.codes if code.column.name == "age")
    assert age.gaps
    assert age.fill > 0
    new = encoding.read(frame.with_columns(pl.col("age").cast(pl.String)), labelled=False)
    assert np.array_equal(encoding.X(new), encoding.X(table))


def test_a_number_to_predict_is_read_as_it_was_written_while_training():
    source = cr.read_table(people().with_columns(spends=pl.Series([f"{i},5" for i in range(M)])), "spends")
    again = source.learn(np.arange(M)).read(people().with_columns(spends=pl.lit("1,500")), labelled=True)
    assert again.numbers(source.target).tolist() == [1.5] * M


def test_columns_that_cannot_be_read_are_left_out(tmp_path):
    nested = people().with_columns(lists=pl.Series([[i] for i in range(M)]), took=pl.duration(hours=pl.arange(M)))
    nested.write_parquet(tmp_path / "people.parquet")
    _, result = run(tmp_path, "pays", frame=tmp_path / "people.parquet", epochs=1)
    assert result.metrics["test"]["accuracy"] >= 0
    trained = cr.Trained.load(tmp_path / "run")
    assert trained.rows(trained.read(people()), "auto")[1] == "the held-out part"
    with pytest.raises(cr.DataError, match=r"lists holds List\(Int64\), which is neither number, word nor date"):
        cr.read_table(nested, "lists")


def test_a_class_of_one_example_is_trained_on_and_the_others_keep_their_shares(typed, folder):
    many = pl.DataFrame({"x": np.arange(200) % 7, "k": ["a"] * 150 + ["b"] * 49 + ["c"]})
    many.write_csv(folder / "rare.csv")
    _, out, _ = typed(
        "train", "rare.csv", "--target", "k", "--epochs", 1, "--hidden", 4, "--validation", 0.2, "--out", "rare"
    )
    assert "the test part has no example of 'c', so roc_auc is not defined\n" in out
    assert "there is a single example of 'c': if it is astray, such as the line of a sum, take it out\n" in out
    table = cr.read_table(many, "k")
    for seed in range(5):
        splits = split(table, table.numbers(table.target), 0.2, 0.2, seed)
        counts = [many["k"][rows.tolist()].value_counts(sort=True)["count"].to_list() for rows in vars(splits).values()]
        assert counts == [[96, 31, 1], [24, 8], [30, 10]]
        assert sorted(np.concatenate([*vars(splits).values()])) == list(range(200))


@pytest.mark.parametrize(
    ("target", "options", "settings", "words"),
    [
        ("pays", {}, {"seed": 4}, "its run had seed 3, this one has 4."),
        ("pays", {}, {"epochs": 5}, "its run had epochs 2, this one has 5."),
        (
            "pays",
            {},
            {"hidden": (4,), "seed": 4},
            r"its run had seed 3, this one has 4; it had hidden [16], this one has [4].",
        ),
        ("pays", {}, {"hidden": (4,)}, "its run had hidden [16], this one has [4]."),
        ("job", {}, {}, "its run had the target pays (2 classes), this one has job (3 classes)."),
        ("pays", {"ignore": ["age"]}, {}, "the rows or columns of the file are not those that its run began with"),
    ],
)
def test_what_differs_from_the_run_to_go_on_with_is_told(tmp_path, target, options, settings, words):
    same = {"seed": 3, "epochs": 2, "hidden": (16,), "checkpoint_minutes": 0}
    cr.Experiment(cr.read_table(people(), "pays"), cr.Settings(**same), tmp_path).fit(progress=False)
    table = cr.read_table(people(), target, **options)
    with pytest.raises(cr.OptionError) as error:
        cr.Experiment(table, cr.Settings(**same | settings), tmp_path, resume=True).fit(progress=False)
    assert words in str(error.value)


def test_a_run_of_a_version_that_did_not_have_a_setting_goes_on_as_by_its_default(tmp_path):
    same = {"seed": 3, "hidden": (16,), "bins": 4, "patience": 9, "schedule": "constant", "checkpoint_minutes": 0}
    made = cr.Experiment(cr.read_table(people(), "pays"), cr.Settings(**same, epochs=2), tmp_path)
    made.fit(progress=False)
    tensors, content = files.read_tensors(tmp_path / "checkpoint.safetensors")
    for name in ("label_smoothing", "weight_decay_schedule", "dropout_schedule", "bin_edges"):  # of later versions
        del content["settings"][name]
    files.write_tensors(tmp_path / "checkpoint.safetensors", tensors, content)

    def resume(**other):
        return cr.Experiment(made.source, cr.Settings(**same, epochs=3, **other), tmp_path, resume=True)

    with pytest.raises(cr.OptionError, match="its run had bin_edges quantiles, this one has tree"):
        resume(bin_edges="tree").fit(progress=False)
    assert len(resume().fit(progress=False)[1].epochs) == 3


def test_after_a_search_the_network_is_shown_that_is_kept(folder, typed):
    out = typed("train", "people.csv", "--target", "pays", "--search", 2, "--seed", 0, "--epochs", 2, "--out", "tried")[
        1
    ]
    assert out.count("in all") == 1
    assert out.index("trial") < out.index("in all")
    count = cr.load(folder / "tried/model.safetensors").flat.size
    assert f"{count:,}" in out[out.index("in all") :].splitlines()[0]


def test_a_group_is_never_divided(tmp_path):
    experiment, _ = run(tmp_path, "pays", group="family", epochs=1, validation=0.2)
    groups, splits = experiment.source.groups, experiment.splits
    sets = [set(groups[rows]) for rows in (splits.train, splits.validation, splits.test)]
    assert sum(map(len, sets)) == len(set.union(*sets))
    assert all(code.column.name != "family" for code in experiment.encoding.codes)


def test_groups_are_numbers_however_long_their_words_are(tmp_path):
    words = ["a" * 10**6, *"bcdefgh"] * 20
    (tmp_path / "long.csv").write_text("x,y,g\n" + "".join(f"{i},{i % 7}.5,{word}\n" for i, word in enumerate(words)))
    groups = cr.read_table(tmp_path / "long.csv", ["y"], group="g").groups
    assert groups.nbytes <= 8 * len(words)
    assert np.array_equal(groups, np.unique([word[:1] for word in words], return_inverse=True)[1] + 1)


def test_what_is_fitted_is_fitted_on_the_training_part_alone(tmp_path):
    experiment, _ = run(tmp_path, "pays", epochs=1)
    age = next(code for code in experiment.encoding.codes if code.column.name == "age")
    of_training = experiment.source.frame["age"].to_numpy()[experiment.splits.train]
    assert age.middle == pytest.approx(of_training.mean())


def test_the_linear_model_is_the_one_that_scikit_learn_fits_by_hand(tmp_path):
    from sklearn.linear_model import Ridge

    experiment, result = run(tmp_path, "spends", ignore=["club"], epochs=1)
    train, test = experiment.splits.train, experiment.splits.test
    model = Ridge().fit(experiment.X[train], experiment.Y[train])
    expected = model.score(experiment.X[test], experiment.Y[test])
    assert result.metrics["linear"]["r2"] == pytest.approx(expected, abs=1e-6)


@pytest.mark.parametrize(("early", "label"), [("member", "no"), ("job", "baker")])
def test_a_test_part_with_one_class_still_gets_its_report(tmp_path, early, label):
    order = pl.arange(M)
    frame = people().with_columns(order=order, late=pl.when(order < 150).then(early).otherwise(pl.lit(label)))
    experiment, result = run(tmp_path, "late", frame=frame, time="order", epochs=2)
    assert np.isnan(result.metrics["test"]["roc_auc"])
    assert result.metrics["test"]["accuracy"] >= 0
    assert np.sum(result.metrics["confusion"]["true by predicted"]) == len(experiment.splits.test)
    assert sum(count for *_, count in result.metrics["calibration"]["bins"]) == len(experiment.splits.test)
    assert experiment.notes[-1].endswith("so roc_auc is not defined")


def test_a_training_part_that_knows_one_class_of_three_still_gets_its_report(tmp_path):
    order = np.arange(M)
    later = np.select([order < 200, order < 220], ["member", "guest"], "stranger")
    _, result = run(tmp_path, "later", frame=people().with_columns(order=order, later=later), time="order", epochs=2)
    assert result.metrics["linear"]["accuracy"] == result.metrics["baseline"]["accuracy"] < 0.5
    assert metrics(tmp_path / "run")["confusion"]["labels"] == ["guest", "member", "stranger"]


def test_what_was_measured_is_kept_before_the_report_is_made(tmp_path, monkeypatch):
    def broken(*_):
        raise MemoryError

    monkeypatch.setattr(report.Report, "metrics", broken)
    with pytest.raises(MemoryError):
        run(tmp_path, "pays", epochs=1)
    assert metrics(tmp_path / "run")["test"]["accuracy"] >= 0
    assert (tmp_path / "run" / "history.json").exists()


def test_the_linear_model_is_exact_far_from_zero(tmp_path):
    frame = people().with_columns(spends=1.7e9 + pl.col("spends"))
    near, far = run(tmp_path, "spends", epochs=1)[1], run(tmp_path, "spends", frame=frame, epochs=1)[1]
    assert far.metrics["linear"]["r2"] == pytest.approx(near.metrics["linear"]["r2"], abs=1e-6)


def test_the_importance_is_what_shuffling_one_column_after_the_other_costs(tmp_path, monkeypatch):
    frame = people().with_columns(job=pl.when(pl.col("age") < 45).then(pl.lit("baker")).otherwise("job"))
    experiment, result = run(tmp_path, "job", frame=frame, epochs=20)
    made = experiment.report(result.network)
    random, costs = randomness.stream("importance", 0), []
    rows = random.permutation(len(made.X))
    for place in made.places:
        for _ in range(report.REPEATS):
            X = made.X[rows]
            X[:, place.start : place.stop] = X[random.permutation(len(X)), place.start : place.stop]
            costs.append(made._cost(result.network.predict(X), made.Y[rows]))
    rises = np.reshape(costs, (-1, report.REPEATS)).mean(axis=1) - made._cost(made.output, made.Y)
    found = result.metrics["importance"]
    known = result.metrics["baseline"]["loss"] - result.metrics["test"]["loss"]
    assert [found[place.name] * known for place in made.places] == pytest.approx(rises, abs=1e-4)
    monkeypatch.setattr(peer, "BLOCK", 1)
    assert made._importance() == pytest.approx(found, abs=2e-4)


def test_a_run_ends_without_matplotlib(tmp_path):
    people().write_csv(tmp_path / "people.csv")
    code = """
import sys, chainrule as cr
settings = cr.Settings(seed=0, epochs=1, members=2, hidden=[4])
cr.Experiment(cr.read_table("people.csv", "pays"), settings, "run").run(progress=False)
assert not {"matplotlib", "sklearn.linear_model"} & sys.modules.keys()
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False, cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert (tmp_path / "run" / "report.svg").exists()


def test_values_far_from_zero_are_predicted_as_well_as_others(tmp_path):
    frame = people().with_columns(spends=1.7e9 + pl.col("spends"))
    near, far = (run(tmp_path, "spends", frame=of, epochs=60)[1] for of in (people(), frame))
    assert far.metrics["test"]["r2"] == pytest.approx(near.metrics["test"]["r2"], abs=0.01)
    trained = cr.Trained.load(tmp_path / "run")
    source = trained.read(frame)
    assert trained.evaluate(source, trained.rows(source, "test")[0]) == far.metrics["test"]
    predicted = np.array(trained.predictions(source)["prediction"], float)
    apart = frame["spends"].to_numpy() - predicted
    assert apart.std() < 0.2 * frame["spends"].std()
    assert far.network.predict(trained.encoding.X(source))[:, 0] == pytest.approx(predicted, rel=1e-6)


def test_a_column_that_makes_one_of_two_values_matters_whatever_their_units_are(tmp_path):
    random = np.random.default_rng(0)
    a, b = random.random((2, M))
    frame = pl.DataFrame({"a": a, "b": b, "big": 1e6 * a, "small": b})
    _, result = run(tmp_path, ["big", "small"], frame=frame)
    assert 0.5 < result.metrics["importance"]["b"] / result.metrics["importance"]["a"] < 2


def test_train_asks_whether_a_column_that_tells_everything_will_be_known(folder, typed):
    changed(
        folder, "leak.csv", lambda f: f.with_columns(**{"was paid": pl.col("pays").replace({"yes": "x", "no": "y"})})
    )
    out = typed("train", "leak.csv", "--target", "pays", "--seed", 0, "--epochs", 60, "--hidden", 16, "--out", "leak")[
        1
    ]
    assert "was paid alone tells pays (99% of what there is to know): is it known when you predict?" in out
    assert "If not, train with --ignore 'was paid'\n" in out


def test_a_column_of_texts_can_be_named_only_where_training_had_one(folder, typed):
    status, _, complaint = typed("predict", "run", "people.csv", "--text", "club")
    assert status == 2
    assert "--text is about a column of texts, but run was trained on no such: leave it out" in complaint


def test_the_error_of_probabilities_counts_examples(tmp_path):
    certain = np.repeat([0.1, 0.5, 0.9], [900, 90, 10])
    yes = np.concatenate([np.arange(900) % 10 == 0, np.arange(90) % 2 == 0, np.zeros(10)])
    experiment, result = run(tmp_path, "pays", epochs=1)
    made = experiment.report(result.network)
    made.output, made.Y = certain[:, None], yes
    found = made._calibration()
    assert found["expected_error"] == pytest.approx(0.09 * 100 / 1000)
    assert found["bins"] == [[0.1, 0.1, 900], [0.54, 0.45, 100]]


@pytest.mark.parametrize(
    ("test", "baseline", "worse"),
    [({"loss": 0.7}, {"loss": 0.6}, True), ({"loss": 0.7, "r2": 0.1}, {"loss": 0.6, "r2": 0.0}, False)],
)
def test_of_values_the_worse_has_the_smaller_r2(test, baseline, worse):
    assert verdicts._is_worse(test, baseline) is worse


def test_the_commands_say_whose_f1_it_is(folder, typed):
    whose = "\nprecision, recall, f1, average_precision: of pays no; --positive names the other label\n"
    assert whose in (folder / "out.txt").read_text()
    assert whose in typed("evaluate", "run", "people.csv")[1]
    done = typed("train", "people.csv", "--target", "job", "--epochs", 1, "--hidden", 4, "--out", "jobs")
    assert "\nf1: the mean of all classes\n" in done[1]


def test_the_command_says_in_what_the_linear_model_had_less_than_the_network(folder, typed, monkeypatch):
    assert "linear: a logistic regression on the same numbers of the same rows\n" in (folder / "out.txt").read_text()
    monkeypatch.setattr(peer, "MOST", 100)
    monkeypatch.setattr(peer, "ITERATIONS", 2)
    _, out, _ = typed(
        "train", "people.csv", "--target", "pays", "--epochs", 1, "--hidden", 4, "--seed", 0, "--out", "short"
    )
    assert "on the same numbers of 100 of the 192 rows to train; it had not converged when its iterations end" in out


def test_the_command_says_what_its_numbers_are(folder, typed):
    out = (folder / "out.txt").read_text()
    assert "\nloss: the log loss\n" in out
    assert "\n100%: without it the network knows no more than the baseline\n" in out
    assert "\nloss: the log loss\n" in typed("evaluate", "run", "people.csv")[1]
    out = typed("train", "people.csv", "--target", "spends,age", "--epochs", 1, "--hidden", 4, "--out", "two")[1]
    assert "linear: a linear regression on" in out
    assert "\nspends by itself:\n" in out
    assert "\nage by itself:\n" in out


@pytest.mark.parametrize(
    ("rows", "accuracy", "roc_auc"), [(6000, 0.82, 0.88), pytest.param(None, 0.85, 0.917, marks=pytest.mark.slow)]
)
def test_adult_reaches_what_was_promised(tmp_path, real_file, rows, accuracy, roc_auc):
    with open(real_file("adult.csv")) as file, open(tmp_path / "adult.csv", "w") as part:
        part.writelines(itertools.islice(file, rows))
    command = (
        "train",
        "adult.csv",
        "--target",
        "income",
        "--seed",
        0,
        "--members",
        1,
        "--out",
        "run",
    )  # several take longer
    done = chainrule(*command, cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    found = metrics(tmp_path / "run")
    assert found["test"]["accuracy"] >= accuracy
    assert found["test"]["roc_auc"] >= roc_auc
    assert found["test"]["loss"] < found["linear"]["loss"] < found["baseline"]["loss"]

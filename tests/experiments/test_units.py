"""Numbers with a unit from the file to the predictions, as the commands tell them."""

import json
import sys

import numpy as np
import polars as pl
import pytest

import chainrule as cr
from chainrule.cli import main
from chainrule.data.targets import Target
from chainrule.experiments.report import Report
from chainrule.experiments.splits import Splits

M = 200


def people(weigh):
    random = np.random.default_rng(7)
    height = random.normal(172, 9, M).round()
    weight = (height - 105 + random.normal(0, 6, M)).round()
    wait = random.choice(["3 days", "12 days", "1 day", "7 days"], M)
    rows = zip(height, wait, map(weigh, weight), strict=True)
    return "height,wait,weight\n" + "".join(f"{h:.0f} cm,{w},{v}\n" for h, w, v in rows)


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    folder = tmp_path_factory.mktemp("units")
    (folder / "kg.csv").write_text(people(lambda w: f"{w:.0f} kg"))
    (folder / "grams.csv").write_text(people(lambda w: f"{w:.0f},000 g".replace(",", "")))
    (folder / "plain.csv").write_text(people(lambda w: f"{w:.0f}"))
    (folder / "dirty.csv").write_text(people(lambda w: "heavy" if w > 85 else f"{w:.0f} kg" if w > 55 else "light"))
    (folder / "comma.csv").write_text(people(lambda w: f"{w:.0f}").replace("height,", '"height, cm",'))
    return folder


@pytest.fixture
def typed(folder, monkeypatch, capsys):
    """Runs a command in the folder: its exit status, its output, its complaints."""

    def run(*arguments):
        monkeypatch.chdir(folder)
        monkeypatch.setattr(sys, "argv", ["chainrule", *map(str, arguments)])
        capsys.readouterr()
        with pytest.raises(SystemExit) as done:
            main()
        return done.value.code, *capsys.readouterr()

    return run


@pytest.fixture
def trained(folder, typed):
    if not (folder / "run").exists():
        status, out, _ = typed(
            "train", "kg.csv", "--target", "weight", "--out", "run", "--seed", 0, "--epochs", 60, "--hidden", 16
        )
        assert status == 0
        (folder / "out.txt").write_text(out)
    return (folder / "out.txt").read_text()


def test_a_target_with_a_unit_is_a_number_and_the_unit_is_told(folder, trained):
    lines = [" ".join(line.split()) for line in trained.splitlines()]
    assert "weight to be predicted as you said, in kg" in lines
    assert any(line.startswith("height a number") and line.endswith("different, in cm") for line in lines)
    assert "wait a number 4 different, in days" in lines
    assert "values: in kg" in lines
    assert json.loads((folder / "run" / "metrics.json").read_text())["test"]["r2"] > 0.4


def test_the_unit_travels_in_the_model_file(folder, trained, typed):
    assert "values: in kg" in typed("evaluate", "run", "kg.csv")[1]
    status, out, notes = typed("predict", "run", "kg.csv")
    assert status == 0
    assert "note: values: in kg" in notes
    assert 40 < float(out.splitlines()[1].split(",")[1]) < 100
    assert cr.Trained.load(folder / "run").encoding.units == {"height": "cm", "wait": "days", "weight": "kg"}


def test_another_unit_of_the_same_dimension_is_converted_and_plain_numbers_are_noted(folder, trained, typed):
    (r2,) = (line for line in typed("evaluate", "run", "kg.csv", "--part", "all")[1].splitlines() if "r2" in line)
    other = typed("evaluate", "run", "grams.csv", "--part", "all")
    assert r2 in other[1], other
    _, out, notes = typed("evaluate", "run", "plain.csv", "--part", "all")
    assert r2 in out
    assert "note: weight holds numbers without a unit: they are taken for kg" in notes


def test_a_row_of_a_program_may_have_the_unit_or_not(folder, trained):
    model = cr.Trained.load(folder / "run")
    rows = [{"height": "170 cm", "wait": "7 days"}, {"height": "1.7 m", "wait": "1 week"}]
    found = [model.predictions(model.read(row, labelled=False))["prediction"][0] for row in rows]
    for value in (170, "170"):
        with pytest.warns(cr.errors.DoubtWarning, match="height holds numbers without a unit: they are taken for cm"):
            row = model.read({"height": value, "wait": "7 days"}, labelled=False)
        found += model.predictions(row)["prediction"]
        assert row.notes == model.read([{"height": value, "wait": "7 days"}], labelled=False, warn=False).notes
    assert not any("unit" in note for note in model.read({"height": None, "wait": "7 days"}, warn=False).notes)
    np.testing.assert_allclose(found, found[0], rtol=1e-6)


def test_numbers_without_a_unit_that_training_had_too_are_not_told_again():
    frame = pl.DataFrame({"weight": ["72", *(f"{50 + i % 40} kg" for i in range(99))], "y": np.arange(100) % 7 / 7})
    encoding = cr.read_table(frame, "y").learn(np.arange(100))
    for given in (frame.drop("y"), {"weight": "72"}, [{"weight": 72}]):
        assert encoding.read(given, labelled=False).notes == []


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ([], "weight in dirty.csv holds 'heavy' among numbers"),
        (
            ["--task", "regression"],
            "in row 2 of dirty.csv, which cannot be read as numbers such as 1234.5 kg are, but values were asked for: "
            "leave such cells empty, or predict classes, without --task regression.",
        ),
    ],
)
def test_what_stands_in_the_way_of_values_is_named(folder, typed, arguments, words):
    text = people(lambda w: f"{w:.0f} kg").splitlines()
    text[2], text[9] = "170 cm,1 day,heavy", "170 cm,1 day,light"
    (folder / "dirty.csv").write_text("\n".join(text))
    status, _, complaints = typed("train", "dirty.csv", "--target", "weight", *arguments, "--epochs", 1, "--hidden", 4)
    assert status == 2
    assert words in complaints


def test_digits_with_a_zero_in_front_are_values_where_somebody_says_so(folder):
    (folder / "codes.csv").write_text("a,y\n" + "".join(f"{i % 7},{i:03d}\n" for i in range(60)))
    assert cr.read_table(folder / "codes.csv", "y", task="regression").target.task == "values"


def test_a_name_with_a_comma_wins_over_a_list(folder, typed):
    status, out, _ = typed(
        "train", "comma.csv", "--target", "height, cm", "--epochs", 1, "--hidden", 4, "--out", "comma"
    )
    assert status == 0
    assert "values to predict" in out
    both = typed("train", "kg.csv", "--target", "height,weight", "--epochs", 1, "--hidden", 4, "--out", "both")[1]
    assert "values: height in cm, weight in kg" in both
    assert (
        typed("train", "comma.csv", "--target", "weight", "--ignore", "height, cm", "--epochs", 1, "--hidden", 4)[0]
        == 0
    )


def test_the_report_names_the_unit_of_its_axes():
    net = cr.Network([cr.Dense(1)], seed=0)
    X, rows = np.ones((9, 1), np.float32), np.arange(9)
    net.build_for(X)
    splits = Splits(rows[:5], rows[:0], rows[5:])
    for units, axis in (({"w": "kg"}, "predicted, in kg"), ({}, "predicted")):
        report = Report(net, Target(["w"]), X, np.arange(9.0), splits, m=5, places=[], units=units, seed=0)
        assert report.chart(report.metrics()).panels[0].x == axis

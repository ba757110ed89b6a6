"""The defaults on tables: who sees which rows, what is measured and kept, and what many results come to."""

import json
import os
from dataclasses import replace
from functools import partial

import numpy as np
import pytest
from benchmarks.standings import Standings, areas, common, error_of_mean, summary, what_is_compared
from benchmarks.table_models import CONTESTANTS, VARIANTS, Contestant, by_chainrule, linear
from benchmarks.table_problems import Listed, drawn, listed, problem
from benchmarks.table_results import Kept, Result, area, measure, scores
from threadpoolctl import threadpool_limits

import chainrule as cr
from benchmarks import defaults
from chainrule.errors import OptionError

FEW = cr.Settings(epochs=2, hidden=(4,), threads=1)
OURS = Contestant("chainrule", partial(by_chainrule, FEW), ours=True)
LINEAR = Contestant("linear", linear, ("scikit-learn",))

SLOW = ("MLP", "RealMLP-TD", "TabM-D")
EACH = [pytest.param(one, id=one.name, marks=[pytest.mark.slow] if one.name in SLOW else []) for one in CONTESTANTS]


def guesses(problem):
    return lambda: np.full((len(problem.test), len(problem.classes)), 1 / len(problem.classes))


def refuses(problem):
    raise ValueError("no such thing\nas a second line")


def dies(problem):
    os._exit(3)


@pytest.fixture
def folder(tmp_path):
    """Two tables: labels as words, with a gap that pandas reads and a row without a label; and values of 3 x."""
    random = np.random.default_rng(0)
    x = random.normal(size=120).round(3)
    labels = np.where(x > 0, "yes, it is", "007")
    people = [f'{x[i] if i % 9 else " "},{["red", "blue"][i % 2]},"{labels[i]}"' for i in range(120)]
    people[1] = "0.5,red,"
    (tmp_path / "people.csv").write_text("\n".join(["size,colour<1,answer", *people]) + "\n")
    prices = [f"{3 * x[i] if i > 4 else ''},{x[i]},{'ab'[i % 2]}" for i in range(120)]
    (tmp_path / "prices.csv").write_text("\n".join(["price,size,kind", *prices]) + "\n")
    tables = [("people", "answer", "classification"), ("prices", "price", "regression")]
    named = [dict(zip(("name", "target", "task"), table, strict=True)) for table in tables]
    (tmp_path / "tables.json").write_text(json.dumps(named))
    return tmp_path


def test_a_fifth_of_each_class_is_tested_on_and_no_only_row_of_a_class():
    classes = np.repeat([0, 1, 2, 3], [50, 10, 1, 2])
    for seed in range(20):
        test = drawn(classes, seed)
        assert np.all(np.diff(test) > 0)
        counts = np.bincount(classes[test], minlength=4)
        assert counts[0] == 10
        assert counts[1] == 2
        assert counts[2] == 0
        assert counts[3] <= 1
    assert not np.array_equal(drawn(classes, 0), drawn(classes, 1))


def test_a_problem_has_labels_as_words_and_gaps_and_leaves_out_rows_without_a_target(folder):
    people, prices = (problem(table, 0) for table in listed(folder))
    assert people.classes.tolist() == ["007", "yes, it is"]
    assert people.row.tolist() == [0, *range(2, 120)]
    assert people.X.dtypes.astype(str).tolist() == ["float64", "category"]
    assert people.X["column 0"].isna().sum() == 14
    assert np.array_equal(np.union1d(people.train, people.test), np.arange(119))
    assert prices.row.tolist() == [*range(5, 120)]
    assert len(prices.test) == 23
    assert people.data == problem(people.table, 0).data != problem(people.table, 1).data


def test_a_folder_without_a_list_of_tables_is_told_how_to_write_one(tmp_path, folder, capsys):
    with pytest.raises(OptionError, match=r"write tables\.json beside the CSV files, such as"):
        listed(tmp_path / "nowhere")
    (tmp_path / "tables.json").write_text('[{"name": "people", "target": "answer"}]')
    with pytest.raises(OptionError, match=r"does not name tables \(KeyError: 'task'\): write"):
        listed(tmp_path)
    with pytest.raises(SystemExit, match="2"):
        defaults.main(["--tables", str(tmp_path / "nowhere")])
    assert "the task is classification or regression." in capsys.readouterr().err


def test_a_target_that_is_not_there_or_of_another_task_is_refused(folder):
    with pytest.raises(OptionError, match="no column 'pay'"):
        problem(Listed("people", folder / "people.csv", "pay", "classification"), 0)
    with pytest.raises(OptionError, match="holds words, so its task is classification"):
        problem(Listed("people", folder / "people.csv", "answer", "regression"), 0)


def test_rows_are_the_same_where_some_are_empty_and_are_refused_where_they_are_not(folder):
    lines = (folder / "prices.csv").read_text().splitlines()
    (folder / "prices.csv").write_text("\n".join([*lines[:20], "", ",,", *lines[20:]]) + "\n")
    asked = problem(listed(folder)[1], 0)
    assert (
        scores(asked, by_chainrule(cr.Settings(hidden=(16,), threads=1), asked)())[0] < 0.2 * asked.y[asked.test].std()
    )
    with pytest.raises(RuntimeError, match="another column to predict"):
        by_chainrule(FEW, replace(asked, y=asked.y[::-1]))
    with pytest.raises(RuntimeError, match="leaves out rows"):
        by_chainrule(FEW, replace(asked, row=asked.row + 3))


def test_answers_are_probabilities_of_the_classes_in_order(folder):
    asked = problem(listed(folder)[0], 0)
    for contestant in (OURS, LINEAR):
        P = contestant.model(asked)()
        assert np.allclose(P.sum(1), 1)
    loss, error = scores(asked, P)
    assert loss < 0.5
    assert error == np.mean((P[:, 1] > 0.5) != (asked.y[asked.test] == "yes, it is"))
    sure = np.eye(2)[(asked.y[asked.test] != "yes, it is").astype(int)]
    assert scores(asked, sure)[0] == pytest.approx(-np.log(1e-7))
    with pytest.raises(ValueError, match="no finite numbers"):
        scores(asked, P * np.nan)


def test_chainrule_with_an_option_is_measured_where_it_is_named(folder):
    assert not {one.name for one in defaults.chosen([])} & {one.name for one in VARIANTS}
    people, prices = (problem(table, 0) for table in listed(folder))
    for one in defaults.chosen([variant.name for variant in VARIANTS]):
        settings = replace(one.model.args[0], epochs=1, hidden=(4,), bins=4, dropout=0.1, weight_decay=0.1)
        asked = prices if settings.label_smoothing is None else people
        assert len(by_chainrule(settings, asked, **one.model.keywords)()) == len(asked.test)


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("contestant", EACH)
@pytest.mark.parametrize("task", ["classification", "regression"])
def test_all_take_gaps_new_words_many_words_and_classes_that_are_not_met(tmp_path, contestant, task):
    if not contestant.versions:
        pytest.skip(f"needs {' and '.join(contestant.packages)}")
    answers = ["a", "b"] * 150 if task == "classification" else [i % 7 for i in range(300)]
    rows = [f"{i % 13 if i % 5 else ''},word {i},{'uvw'[i % 3] if i % 4 else ''},{answers[i]}" for i in range(300)]
    (tmp_path / "t.csv").write_text("\n".join(["x[0],many,few,y", *rows]) + "\n")
    asked = problem(Listed("t", tmp_path / "t.csv", "y", task), 0)
    if task == "classification" and not contestant.ours:
        y = asked.y.copy()
        y[asked.test[0]] = "c"
        asked = replace(asked, y=y)
    fast = replace(contestant, model=partial(by_chainrule, FEW)) if contestant.ours else contestant
    with threadpool_limits(1):
        result = measure(fast, asked)
    assert np.isfinite(result.loss)
    assert result.classes == {"classification": 3 - contestant.ours, "regression": 0}[task]


def test_who_fails_or_dies_is_told_and_the_others_go_on(folder, tmp_path):
    said, tables = [], listed(folder)[:1]
    contestants = [Contestant(name.__name__, name, ("numpy",)) for name in (refuses, dies, guesses)]
    results = defaults.run(tables, 1, contestants, Kept(tmp_path / "results.jsonl"), say=said.append)
    assert said[0] == "people, split 0, refuses failed: ValueError: no such thing"
    assert said[1] == "people, split 0, dies failed: its process ended with 3"
    assert [(result.contestant, result.loss) for result in results] == [("guesses", pytest.approx(np.log(2)))]
    assert Kept(tmp_path / "results.jsonl").results == results


def test_of_two_classes_there_is_the_area_under_the_curve(folder):
    asked = problem(listed(folder)[0], 0)
    yes = (asked.y[asked.test] == asked.classes[1]).astype(float)
    assert area(asked, np.stack([1 - yes, yes], 1)) == 1
    assert area(asked, np.full((len(yes), 2), 0.5)) == 0.5
    assert area(problem(listed(folder)[1], 0), yes) is None
    results = [made_up("people", who, split, auc=0.9 + 0.05 * split) for who in ("we", "they") for split in range(2)]
    results += [made_up("prices", who, classes=0) for who in ("we", "they")]
    found = areas(Standings(common(results, ["we", "they"]), ["we", "they"], "we", []))
    assert [line[:2] for line in found.lines] == [["people", "0.9250 *"]]


def test_a_file_of_ones_own_is_measured(folder, tmp_path, capsys, monkeypatch):
    monkeypatch.setattr(defaults, "measure_apart", lambda who, asked: made_up(asked.table.name, who.name, asked.split))
    told = ["--file", str(folder / "people.csv"), "--splits", "1", "--results", str(tmp_path / "results.jsonl")]
    told += ["--contestants", "chainrule", "linear"]
    defaults.main([*told, "--target", "answer"])
    assert "compared on 1 splits of 1 tables" in capsys.readouterr().out
    for wrong, said in (([], "--target COLUMN"), (["--target", "pay"], "no column 'pay'")):
        with pytest.raises(SystemExit, match="2"):
            defaults.main([*told, *wrong])
        assert said in capsys.readouterr().err


def test_what_was_measured_is_not_measured_again_but_chainrule_is_unless_asked(folder, tmp_path, monkeypatch):
    measured = []

    def instead(contestant, asked):
        measured.append(contestant.name)
        return made_up(asked.table.name, contestant.name, asked.split, versions=contestant.versions, data=asked.data)

    monkeypatch.setattr(defaults, "measure_apart", instead)
    path, tables = tmp_path / "runs" / "results.jsonl", listed(folder)

    def run(**options):
        measured.clear()
        results = defaults.run(tables, 2, [OURS, LINEAR], Kept(path), say=lambda line: None, **options)
        assert len(results) == 8
        return measured

    assert run() == ["chainrule"] * 4 + ["linear"] * 4
    assert run() == ["chainrule"] * 4
    assert run(keep=True) == []
    lines = path.read_text().splitlines(keepends=True)
    path.write_text("".join(lines[:5]) + lines[5][:30])  # killed while it wrote
    assert run(keep=True, jobs=2) == ["linear"] * 3
    (folder / "people.csv").write_text((folder / "people.csv").read_text() + "1,red,007\n")
    assert run(keep=True) == ["chainrule"] * 2 + ["linear"] * 2
    path.write_text('{"table": "people"}\n')
    with pytest.raises(OptionError, match=r"line 1 of .* is no result of this benchmark"):
        Kept(path)


def made_up(table, contestant, split=0, loss=1.0, error=0.1, cpu=1.0, versions="1", data="0", **more):
    facts = {"wall": cpu, "classes": 2, "train": 80, "test": 20, "date": "", "processor": "one"}
    return Result(table, split, contestant, versions, data, loss, error, cpu, **{**facts, **more})


def test_splits_that_share_rows_leave_more_to_chance_than_as_many_experiments():
    assert error_of_mean(np.arange(1.0, 6.0), 20 / 80) == pytest.approx(np.sqrt(2.5 * (1 / 5 + 20 / 80)))


def test_standings_are_ranks_and_geometric_means_over_what_all_have():
    results = [
        *(made_up("a", "we", split, 1.0 + 0.1 * split, cpu=2.0) for split in range(3)),
        *(made_up("a", "they", split, 2.0 + 0.2 * split, error=0.2, cpu=1.0) for split in range(2)),
        *(made_up("b", who, split, 3.0, error=0.0, cpu=1.0) for who in ("we", "they") for split in range(2)),
        made_up("c", "they"),
        *(made_up("d", who, data=who) for who in ("we", "they")),
    ]
    standings = Standings(common(results, ["we", "they"]), ["we", "they"], "we", ["they"])
    assert standings.tables == ["a", "b"]
    assert (standings.rank("we", "loss").value, standings.rank("they", "loss").value) == (1.25, 1.75)
    assert standings.rank("they", "loss").error == pytest.approx(0.25)
    assert standings.ratio("they", "loss").value == pytest.approx(2**0.5)
    assert standings.ratio("they", "loss").error == pytest.approx(2**0.5 * np.log(2) / 2)
    assert standings.ratio("they", "error").value == pytest.approx(2**0.5)  # none of two is level
    assert standings.ratio("they", "cpu").value == pytest.approx(0.5**0.5)
    assert standings.against(["they"], "loss") == "1–1–0"
    line = dict(zip(summary(standings, []).heads, summary(standings, []).lines[1], strict=True))
    assert line["loss ÷ we's"] == "1.41 ± 0.49"
    notes = what_is_compared(results, ["we", "they"], standings)
    assert notes[0].startswith("compared on 4 splits of 2 tables")
    assert notes[1].startswith("of 7 splits in all: we lacks some of c; they lacks some of a; --contestants without")


def test_a_difference_within_its_standard_error_is_a_draw():
    losses = {"we": (1.0, 2.0, 3.0), "they": (1.5, 1.8, 3.0)}
    results = [made_up("a", who, split, loss) for who in losses for split, loss in enumerate(losses[who])]
    standings = Standings(common(results, ["we", "they"]), ["we", "they"], "we", [])
    assert standings.against(["they"], "loss") == "0–1–0"
    assert standings.ratio("they", "loss").text() == "1.05"


def test_the_command_tells_of_results_that_are_there(folder, tmp_path, capsys):
    path = tmp_path / "results.jsonl"
    kept = Kept(path)
    for split in range(2):
        kept.add(made_up("people", "chainrule", split, 0.5, processor="one" if split else "another"))
        kept.add(made_up("people", "CatBoost", split, 0.4, cpu=4.0))
    told = ["--tables", str(folder), "--results", str(path), "--report"]
    defaults.main([*told, "--markdown"])
    out = capsys.readouterr().out
    assert "### chainrule beside the best of the trees" in out
    assert "| people | CatBoost | +25.0 % | CatBoost | +0.0 % |" in out
    assert "the results of all are of different origin: another and one" in out
    defaults.main(told)
    assert "beside what a user would take instead" in capsys.readouterr().out
    with pytest.raises(SystemExit, match="2"):
        defaults.main([*told, "--only", "prices"])
    assert "nobody has any" in capsys.readouterr().err
    with pytest.raises(SystemExit, match="2"):
        defaults.main([*told, "--contestants", "Keras"])
    assert "there is no contestant 'Keras', but chainrule, linear," in capsys.readouterr().err


def test_the_command_measures_all_that_are_installed(folder, tmp_path, capsys, monkeypatch):
    monkeypatch.setattr(defaults, "measure_apart", lambda who, asked: made_up(asked.table.name, who.name, asked.split))
    monkeypatch.setattr(defaults, "CONTESTANTS", (OURS, LINEAR, Contestant("Keras", refuses, ("no-such-package",))))
    told = ["--tables", str(folder), "--splits", "2", "--results", str(tmp_path / "results.jsonl")]
    defaults.main(told)
    captured = capsys.readouterr()
    assert captured.err.splitlines()[0].startswith("Keras is left out, as it needs no-such-package: ")
    assert "prices, split 1, linear: loss 1, error 0.1, 1.0 s of CPU" in captured.err
    assert "compared on 4 splits of 2 tables" in captured.out

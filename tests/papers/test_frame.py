"""What a paper's run comes to: numbers by seed, a table, a figure; and the command that runs it."""

import json
import math
import sys
from dataclasses import replace
from types import ModuleType
from xml.etree import ElementTree

import numpy as np
import pytest

import chainrule as cr
from chainrule import engines
from chainrule.errors import OptionError
from chainrule.papers import PAPERS, Paper, Result, Row, find, overview
from chainrule.papers.minsky1969 import PAPER as MINSKY
from chainrule.papers.result import drawn, spread
from commands import chainrule

ROWS = [
    Row(
        "mistakes | all",
        "7",
        "5 (3 to 9)",
        f"a reason {'in many words ' * 9}that no line holds",
    ),
    Row("sweeps", "1,425", "1,600", "", "memory"),
    Row("nothing", "–", "0", "", "memory"),
    Row("others", "2", "3", "", "secondary"),
]


@pytest.fixture(scope="module")
def result():
    return MINSKY.run(seeds=(3,), bits=3, passes=5)


def test_the_papers_are_in_order_of_time_and_each_is_a_module_of_its_name():
    papers = [find(name) for name in PAPERS]
    assert [paper.name for paper in papers] == [*PAPERS]
    assert [paper.year for paper in papers] == sorted(paper.year for paper in papers)
    for paper in papers:
        assert paper.run.__module__ == f"chainrule.papers.{paper.name}"
        assert str(paper.year) in paper.name
        assert paper.run.__doc__
    assert cr.papers.find is find


def test_an_unknown_paper_is_answered_with_the_nearest():
    with pytest.raises(OptionError, match=r"there is no paper 'minsky1970'\. Did you mean 'minsky1969'"):
        find("minsky1970")


def test_the_table_as_text_fits_a_terminal_and_says_how_sure_the_papers_numbers_are(result):
    lines = str(replace(result, rows=ROWS)).splitlines()
    assert max(map(len, lines)) <= 100
    assert "seed 3" in lines[0]
    assert "Minsky & Papert 1969" in lines[0]
    text = " ".join(" ".join(lines).split())
    assert "1,425 (from memory, not 1,600 checked)" in text
    assert "2 (second hand)" in text
    assert "– 0" in text
    assert ROWS[0].why in text


def test_the_table_as_markdown_and_html(result):
    shown = replace(result, rows=ROWS)
    lines = shown.markdown().splitlines()
    assert lines[0] == "| | paper | here, seed 3 | why it differs |"
    assert lines[2].startswith("| mistakes \\| all | 7 | 5 (3 to 9) | a reason")
    assert lines[3] == "| sweeps | 1,425 (from memory, not checked) | 1,600 |  |"
    html = shown._repr_html_()
    assert "Minsky &amp; Papert" in html
    assert html.count("<tr>") == 5
    assert "<svg" in html


def test_a_spread_is_the_median_and_the_ends():
    assert spread([3, 1, 2]) == "2 (1 to 3)"
    assert spread([1425, math.nan, 520]) == "972 (520 to 1,425)"
    assert spread([0.25, 0.5], percent=True) == "37.5% (25.0% to 50.0%)"
    assert spread([0.5, 0.5]) == "0.500"
    assert spread([math.nan]) == "–"


def test_each_paper_draws_numbers_of_its_own():
    first = [drawn(*given).integers(2**62) for given in (("a", 0), ("b", 0), ("a", 1), ("a", 0, 1))]
    assert len({*first}) == 4
    assert drawn("a", 0).integers(2**62) == first[0]


def test_a_result_names_its_paper_and_saves_its_figure(result, tmp_path):
    assert isinstance(result, Result)
    assert isinstance(result.paper, Paper)
    result.save(tmp_path / "figure.svg")
    assert ElementTree.parse(tmp_path / "figure.svg").getroot().tag.endswith("svg")
    result.save(tmp_path / "figure.PNG")
    assert (tmp_path / "figure.PNG").read_bytes().startswith(b"\x89PNG")
    with pytest.raises(OptionError, match=r"saved as \.svg, \.png, \.pdf, not as figure\.docx"):
        result.save("figure.docx")


def test_the_command_lists_the_papers(tmp_path):
    done = chainrule("paper", "list", cwd=tmp_path)
    assert done.returncode == 0
    assert [line.split()[0] for line in done.stdout.splitlines()] == [*PAPERS]
    assert "Minsky & Papert (1969): Perceptrons" in done.stdout


def test_the_command_runs_one_paper(tmp_path):
    done = chainrule("paper", "minsky1969", "--seed", 3, "--out", "out", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert "here, seed 3" in done.stdout
    assert "in out: minsky1969.svg, minsky1969.md, minsky1969.json" in done.stdout
    assert "| why it differs |" in (tmp_path / "out/minsky1969.md").read_text()
    assert (tmp_path / "out/minsky1969.svg").read_text().startswith("<?xml")
    kept = json.loads((tmp_path / "out/minsky1969.json").read_text())["minsky1969"]
    assert kept["seeds"] == [3]
    assert kept["numbers"]["mistakes on the parity of 8 bits"] == [256.0]


def test_the_command_runs_so_many_seeds(tmp_path):
    done = chainrule("paper", "minsky1969", "--seeds", 2, cwd=tmp_path)
    assert "seeds 0 to 1" in done.stdout
    assert not [*tmp_path.iterdir()]


@pytest.mark.parametrize(
    ("given", "said"),
    [
        (("minski1969",), "Did you mean 'minsky1969'?"),
        (("minsky1969", "--seed", 1, "--seeds", 2), "give one of the two"),
        (("minsky1969", "--sed", 1), "Did you mean '--seed'?"),
        (("list", "--seed", 3, "--out", "x"), "list runs nothing, so it takes no --seed and no --out."),
        (("LIST", "--seeds", 3), "it takes no --seeds."),
        (("minsky1969", "--out", ""), 'error: --out "" names no folder'),
        (("minsky1969", "--out", "file"), "error: --out file: file is no folder, but a file."),
        (("minsky1969", "--out", "file/in/it"), "error: --out file/in/it: file is no folder, but a file."),
    ],
)
def test_a_mistake_is_answered_in_a_line_before_anything_is_computed(given, said, tmp_path):
    (tmp_path / "file").touch()
    done = chainrule("paper", *given, cwd=tmp_path)
    assert done.returncode == 2
    assert said in done.stderr
    assert not done.stdout


def test_a_folder_that_nothing_may_be_written_into_is_refused_first(tmp_path, monkeypatch):
    monkeypatch.setattr("os.access", lambda path, mode: False)  # which for root is always true
    done = chainrule("paper", "minsky1969", "--out", "new/folder", cwd=tmp_path)
    assert done.returncode == 2
    assert "error: --out new/folder: nothing can be written into ." in done.stderr
    assert not done.stdout


def test_papers_share_a_folder_and_are_found_in_capitals_too(tmp_path):
    for name in ("Minsky1969", "telgarsky2016"):
        done = chainrule("paper", name, "--seed", 3, "--out", "out", cwd=tmp_path)
        assert done.returncode == 0, done.stderr
    files = [f"{name}{suffix}" for name in ("minsky1969", "telgarsky2016") for suffix in (".json", ".md", ".svg")]
    assert sorted(path.name for path in (tmp_path / "out").iterdir()) == files
    assert [*json.loads((tmp_path / "out/minsky1969.json").read_text())] == ["minsky1969"]


def test_all_of_them_make_an_overview(tmp_path, monkeypatch):
    monkeypatch.setattr("chainrule.papers.PAPERS", ("minsky1969",))
    done = chainrule("paper", "all", "--seeds", 1, "--out", "here", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    records = json.loads((tmp_path / "here/numbers.json").read_text())
    assert [*records] == ["minsky1969"]
    table = (tmp_path / "here/overview.md").read_text()
    assert table == overview.overview(records)
    row = table.splitlines()[2]
    assert row.startswith("| [Minsky & Papert 1969](minsky1969.md) | order of the parity")
    assert "| n; seed 0 |" in row
    assert overview.table_of(records["minsky1969"]).splitlines()[2].startswith("| order of the parity")


def test_a_record_is_json_with_a_list_on_a_line(result):
    numbers = {"one": [1.23456789, math.nan], "two": [3.0, 4.0]}
    records = {"minsky1969": overview.record(replace(result, numbers=numbers))}
    text = overview.written(records)
    assert '"one": [1.23457, null]' in text
    assert '"two": [3.0, 4.0]' in text
    assert json.loads(text)["minsky1969"]["rows"][0]["paper"] == "n"


def test_the_fingerprint_is_that_of_the_code_alone(monkeypatch):
    code = '"""A module."""\nX = 1  # one\n# a comment\ndef f():\n    """Two\n    lines."""\n    return X\n'
    other = "X = 1  # one\n\n\ndef f():\n    # another comment\n    return X\n"
    assert overview._code(code) == overview._code(other) == ["X = 1  # one", "def f():", "return X"]
    assert overview._code(code.replace("= 1", "= 2")) != overview._code(code)
    used = [module.__name__.rpartition(".")[2] for module in overview._modules_of(cr.papers.hinton1986)]
    assert used == ["family_trees", "hinton1986", "trainings"]
    assert overview.fingerprint(find("hinton1986")) != overview.fingerprint(MINSKY)


def test_the_fingerprint_is_that_of_modules_beside_it_however_they_are_imported(monkeypatch):
    one, other = ModuleType("chainrule.papers.one"), ModuleType("chainrule.papers.other")
    one.family_trees = cr.papers.family_trees  # from chainrule.papers import family_trees
    other.taken = type("Taken", (), {"__module__": one.__name__})  # from chainrule.papers.one import Taken
    for module in (one, other):
        monkeypatch.setitem(sys.modules, module.__name__, module)
    assert [module.__name__.rpartition(".")[2] for module in overview._modules_of(other)] == [
        "family_trees",
        "one",
        "other",
    ]


def test_a_record_says_by_what_it_was_computed(result):
    by = overview.record(result)["by"]
    assert by["chainrule"] == cr.__version__
    assert by["engine"].startswith("native, " if "native" in engines.ENGINES else "numpy")
    assert by["numpy"] == np.__version__


def test_a_record_says_of_which_seeds_numbers_are_that_are_not_of_all(result):
    kept = overview.record(replace(result, seeds_of={"two": (3,), "three": ()}))
    assert kept["seeds of"] == {"two": [3], "three": []}

"""What the pages say comes out is what comes out, and every function of the notes has its place on a page."""

import importlib
import re
from pathlib import Path
from unittest.mock import patch

import front
import mathml
import names
import numpy as np
import pytest
import sessions

from chainrule import notes
from chainrule.graph import OPERATIONS

DOCS = Path(__file__).parents[1] / "docs"
PAGES = {path.relative_to(DOCS).with_suffix("").as_posix(): path.read_text() for path in sorted(DOCS.rglob("*.md"))}
LINK = re.compile(r"\]\(([\w./-]+\.md)#?([\w-]*)\)")
DRAWN = re.compile(r"\.svg\)|\{moving\}|\.svg$", re.MULTILINE)
TYPED = [name for name, text in PAGES.items() if sessions.SESSION.search(text)]

LONG = {
    f"papers/{name}"
    for name in (
        "he2016",
        "hinton1986",
        "hochreiter1997",
        "ioffe2015",
        "kingma2015",
        "lecun1989",
        "srivastava2014",
        "telgarsky2016",
        "vaswani2017",
        "zhang2017",
    )
}
"""Pages that train for long; by day the build alone types them in, and tests/papers has their experiments, smaller."""


@pytest.mark.parametrize("name", [pytest.param(n, marks=[pytest.mark.slow] * (n in LONG)) for n in TYPED])
def test_the_page_shows_what_comes_out(name, tmp_path):
    with patch.dict(OPERATIONS):  # a page may make operations of its own
        complaints, _ = sessions.typed(PAGES[name], f"docs/{name}.md", tmp_path)
    assert not complaints, "\n\n".join(complaints)
    assert sorted(sessions.PICTURE.findall(PAGES[name])) == sorted(path.name for path in tmp_path.iterdir())


def test_every_section_of_the_notes_is_in_the_index_and_has_a_session():
    sections = {name for name in PAGES if name.startswith("notes/") and name != "notes/index"}
    listed = PAGES["notes/index"].split("{toctree}")[1].split()
    assert {f"notes/{name}" for name in listed if not name.startswith((":", "`"))} >= sections
    assert sections - set(TYPED) == {"notes/history", "notes/lines"}


def test_every_function_of_the_notes_has_its_reference_on_a_page():
    text = "\n".join(PAGES.values())
    for name in notes.__all__:
        module = getattr(getattr(notes, name), "__module__", f"chainrule.notes.{name}")
        assert f"autofunction:: chainrule.notes.{name}\n" in text or f"automodule:: {module}\n" in text, name


def test_every_line_of_the_notes_is_shown_drawn_and_tried():
    rows = [row for row in PAGES["notes/lines"].splitlines() if row.startswith("| ")][2:]
    assert len(rows) > 45
    for row in rows:
        line, *places = (cell.strip() for cell in row.strip("|").split(" | "))
        assert len(places) == 3, line
        assert all(places), line
        for place in LINK.findall(row):
            section_of(*place)
        assert any(DRAWN.search(section_of(*place)) for place in LINK.findall(places[1])), f"{line}: nothing is drawn"


def section_of(page, heading):
    """The text under a heading; of no heading the page up to its second one."""
    text = PAGES[(Path("notes") / page).with_suffix("").as_posix().replace("notes/../", "")]
    parts = re.split(r"^#{1,3} (.*)$", text, flags=re.MULTILINE)
    slugs = (re.sub(r"[^\w\- ]", "", title.lower()).replace(" ", "-") for title in parts[1::2])
    sections = dict(zip(slugs, parts[2::2], strict=True))
    assert not heading or heading in sections, f"{page} has no heading #{heading}: {', '.join(sections)}"
    if heading and heading != "what-each-choice-does":
        return sections[heading]
    return text if heading else parts[2]


def test_every_public_name_is_explained_on_a_page():
    known = names.explained(PAGES.values())
    for module in ("chainrule", "chainrule.notes"):
        for name in importlib.import_module(module).__all__:
            assert names.full_name(module, name, known) or name in ("ops", "notes"), name
    table = names.tables(PAGES["reference"], PAGES.values())
    assert "| {py:obj}`Adam <chainrule.optimizers.Adam>` | m ← β₁ m" in table
    assert "| {py:obj}`train <chainrule.train>` | Fit the network" in table
    assert "<!--" not in table


def test_the_pictures_of_the_front_page_are_those_that_the_program_makes():
    for name, make in front.PICTURES.items():
        kept, made = (front.FOLDER / name).read_text(), make()
        parts = [re.split(r"(-?\d+\.?\d*)", text) for text in (kept, made)]
        assert parts[0][::2] == parts[1][::2], f"{name}: type python docs/front.py"
        numbers = [np.array([float(number) for number in part[1::2]]) for part in parts]
        np.testing.assert_allclose(numbers[0], numbers[1], atol=1.01, err_msg=f"{name}: type python docs/front.py")
        assert len(kept) < 30_000


def test_an_output_that_differs_is_reported_with_its_line(tmp_path):
    page = "# A page\n\n```pycon\n>>> 1 + 1\n3\n>>> print('ab')  # doctest: +ELLIPSIS\na...\n>>> 1 / 0\n```\n"
    typed = sessions.Typed(page, "page.md", tmp_path)
    assert [text.splitlines()[0] for text in typed.complaints] == ["page.md, line 4: 1 + 1", "page.md, line 8: 1 / 0"]
    assert "ZeroDivisionError" in typed.complaints[1]
    assert "\nab\n" in typed.page


def test_only_the_output_of_its_own_session_is_put_in_the_place_of_an_ellipsis(tmp_path):
    page = "a...\n\n```pycon\n{}>>> 3\n3\n{}```\n\na...\n"
    printed = [f">>> print({text!r})  # doctest: +ELLIPSIS\n" for text in ("a1\nb", "a2")]
    typed = sessions.Typed(page.format(*(source + "a...\n" for source in printed)), "page.md", tmp_path)
    assert not typed.complaints
    assert typed.page == page.format(printed[0] + "a1\nb\n", printed[1] + "a2\n")


def test_a_sign_and_an_absolute_value_keep_close_to_what_they_belong_to():
    assert mathml.mathml("(-9, -x)", "inline").count('<mo form="prefix">&#x02212;</mo>') == 2
    assert "form=" not in mathml.mathml("(1 - x) - |y", "inline")
    written = mathml.mathml(r"|1 - \alpha k| < 1", "inline")
    assert written.index('form="prefix"') < written.index("<mn>1</mn>") < written.index('form="postfix"')
    assert written.count("form=") == 2


@pytest.mark.parametrize(("said", "kept"), [("at ...", True), ("3", False)])
def test_a_page_is_taken_from_where_it_is_kept_unless_something_is_wrong_with_it(tmp_path, monkeypatch, said, kept):
    monkeypatch.setenv("CHAINRULE_TYPED", str(tmp_path / "kept"))
    page = (
        "![now](now.svg)\n\n```pycon\n>>> import time, pathlib\n>>> pathlib.Path('now.svg').write_text('') + 1\n1\n"
        f">>> print('at', time.time_ns())  # doctest: +ELLIPSIS\n{said}\n```\n"
    )
    found = []
    for folder in (tmp_path / "tests", tmp_path / "build"):
        folder.mkdir()
        complaints, filled_in = sessions.typed(page, "page.md", folder)
        assert bool(complaints) is not kept
        assert (folder / "now.svg").exists()
        found.append(filled_in if kept else complaints)
    assert (found[0] == found[1]) is kept

"""The tables of the pages are what `chainrule paper all --out docs/papers` has measured of the code as it stands."""

import json
from pathlib import Path

import measured
import numpy as np
import pytest

from chainrule.papers import PAPERS, find
from chainrule.papers.overview import fingerprint, overview

DOCS = Path(__file__).parents[2] / "docs" / "papers"
KEPT = json.loads((DOCS / "numbers.json").read_text(encoding="utf-8"))
PAGES = {path.stem: path.read_text(encoding="utf-8") for path in DOCS.glob("*.md")}
AGAIN = "type chainrule paper all --out docs/papers"

TIMES = ("linnainmaa1970",)
"""Whose numbers are times, which no two runs share."""


def test_every_paper_was_measured_and_has_a_page_in_the_list():
    assert [*KEPT] == [*PAPERS], AGAIN
    listed = PAGES["index"].split("{toctree}")[1].split("```")[0].split()
    assert [name for name in listed if name in PAPERS] == [*PAPERS]
    assert {*PAGES} == {*PAPERS, "index", "overview"}


@pytest.mark.parametrize("name", PAPERS)
def test_what_was_measured_is_of_this_code_and_of_ten_seeds_or_more(name):
    assert KEPT[name]["code"] == fingerprint(find(name)), AGAIN
    assert len({*KEPT[name]["seeds"]}) >= 10
    assert all(row["what"] and row["paper"] and row["here"] for row in KEPT[name]["rows"])


def test_the_overview_is_made_of_it():
    assert (DOCS / "overview.md").read_text(encoding="utf-8") == overview(KEPT), AGAIN


@pytest.mark.parametrize("name", PAPERS)
def test_a_page_has_a_story_a_formula_a_session_a_figure_its_table_and_its_function(name):
    page = PAGES[name]
    assert "$$\n" in page
    assert f"]({name}.svg)" in page
    assert f".. autofunction:: chainrule.papers.{name}.run" in page
    assert f"chainrule paper {name}" in page
    assert f"<!-- table of {name} -->" in page
    assert "## What to read next" in page
    filled = measured.filled_in(page, DOCS / "numbers.json")
    assert "| why it differs |" in filled
    assert "<!-- table" not in filled


@pytest.mark.slow
@pytest.mark.parametrize("name", [name for name in PAPERS if name not in TIMES])
def test_the_first_seeds_measure_the_same_again(name):
    """Not to the last digit, which follows from the processor."""
    kept = KEPT[name]
    numbers = find(name).run(seeds=kept["seeds"][:3]).numbers
    for told, values in kept["numbers"].items():
        if len(values) == len(kept["seeds"]):
            ours = [np.nan if value is None else value for value in values[:3]]
            np.testing.assert_allclose(numbers[told], ours, rtol=0.02, atol=1e-6, err_msg=told)

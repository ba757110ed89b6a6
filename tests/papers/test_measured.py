"""The tables of the pages are what `chainrule paper all --out docs/papers` has measured of the code as it stands."""

import json
from pathlib import Path

import measured
import numpy as np
import pytest

from chainrule.papers import PAPERS, find
from chainrule.papers.overview import fingerprint, overview, record, written

DOCS = Path(__file__).parents[2] / "docs" / "papers"
KEPT = json.loads((DOCS / "numbers.json").read_text(encoding="utf-8"))
PAGES = {path.stem: path.read_text(encoding="utf-8") for path in DOCS.glob("*.md")}
AGAIN = "type chainrule paper all --out docs/papers"

TIMES = ("linnainmaa1970",)
"""Whose numbers are times, which no two runs share."""


def by_seed(kept, told):
    """Numbers by their seeds; those of a constant by places, which are below 0."""
    values, seeds = kept["numbers"][told], kept["seeds of"].get(told, kept["seeds"])
    return dict(zip(seeds or range(-len(values), 0), values, strict=True))


def test_every_paper_was_measured_and_has_a_page_in_the_list():
    assert [*KEPT] == [*PAPERS], AGAIN
    listed = PAGES["index"].split("{toctree}")[1].split("```")[0].split()
    assert [name for name in listed if name in PAPERS] == [*PAPERS]
    assert {*PAGES} == {*PAPERS, "index", "overview"}


@pytest.mark.parametrize("name", PAPERS)
def test_what_was_measured_is_of_this_code_and_of_ten_seeds_or_more(name):
    assert KEPT[name]["code"] == fingerprint(find(name)), AGAIN
    assert len({*KEPT[name]["seeds"]}) >= 10
    assert KEPT[name]["by"].keys() == {"chainrule", "engine", "numpy"}
    assert all(by_seed(KEPT[name], told) for told in KEPT[name]["numbers"])
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
    ours = json.loads(written({name: record(find(name).run(seeds=kept["seeds"][:3]))}))[name]
    assert [*ours["numbers"]] == [*kept["numbers"]]
    for told in ours["numbers"]:
        then, now = by_seed(kept, told), by_seed(ours, told)
        assert {*now} == {seed for seed in then if seed < 0 or seed in ours["seeds"]}
        err_msg = f"{told}, measured then by {kept['by']}"
        kept_of = np.array([then[seed] for seed in now], np.float64)  # None, as JSON has it, becomes NaN
        again = np.array([*now.values()], np.float64)
        np.testing.assert_allclose(again, kept_of, rtol=0.02, atol=1e-6, err_msg=err_msg)

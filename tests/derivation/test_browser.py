"""The page in a browser: under a reset like Tailwind's the cells of a matrix keep apart, and [1] stands raised."""

import itertools

import browser
import numpy as np
import pytest

import chainrule as cr
from chainrule.derivation.font import FAMILY, FILE, face

RESET = """
*, ::before, ::after, ::backdrop { box-sizing: border-box; margin: 0; padding: 0; border: 0 solid; }
html { line-height: 1.5; }
h1, h2, h3 { font-size: inherit; font-weight: inherit; }
table { text-indent: 0; border-color: inherit; border-collapse: collapse; width: 100%; }
"""
"""What pages with Tailwind, such as notebooks, set back."""

MEASURE = """async (document, window) => {
  const box = node => { const range = document.createRange(); range.selectNodeContents(node);
    const {left, right, top, bottom} = range.getBoundingClientRect(); return {left, right, top, bottom}; };
  await document.fonts.ready;
  const rows = [...document.querySelectorAll("mtr")].map(row => [...row.children].map(box));
  const raised = [...document.querySelectorAll("td.left msup")].map(one => [...one.children].map(box));
  const font = document.fonts.check('16px "FAMILY"') && [...document.fonts].some(one => one.status === "loaded");
  return {rows, raised, font, seen: document.documentElement.scrollWidth};
}"""
WIDTH = 1250


def page():
    net = cr.Network([cr.Dense(4, "tanh"), cr.Dense(3, "softmax")], seed=0, input_shape=2)
    return cr.derive(net, np.random.default_rng(0).normal(size=(12, 2)), [0, 1, 2] * 4, optimizer="adam")


@pytest.fixture(scope="module")
def both(tmp_path_factory):
    """Where a browser puts cells and scripts, of the page as a part of another one, by the name of that one."""
    if browser.CHROMIUM is None:
        pytest.skip("Chromium is not installed")
    folder, pages = tmp_path_factory.mktemp("page"), {"plain": "", "reset": RESET}
    inside = page()._repr_html_().replace("<details>", "<details open>")
    for name, style in pages.items():
        (folder / name).with_suffix(".html").write_text(
            f'<!doctype html><meta charset="utf-8"><style>{style}</style>{inside}'
        )
    visits = browser.look(folder, [f"{name}.html" for name in pages], [WIDTH], MEASURE.replace("FAMILY", FAMILY))
    return {name: visit["found"] for name, visit in zip(pages, visits, strict=True)}


@pytest.fixture(params=["plain", "reset"])
def measured(request, both):
    return both[request.param]


def test_the_cells_of_a_matrix_keep_apart(measured):
    gaps = [b["left"] - a["right"] for row in measured["rows"] for a, b in itertools.pairwise(row)]
    assert len(gaps) > 50
    assert min(gaps) >= 8


def test_its_rows_do_not_touch(measured):
    tops = [row[0]["top"] for row in measured["rows"]]
    assert min(b - a for a, b in itertools.pairwise(tops) if b > a) >= 14


def test_the_number_of_a_layer_stands_raised_and_beside_its_name(measured):
    assert len(measured["raised"]) > 10
    for name, number in measured["raised"]:
        assert number["bottom"] < name["bottom"] - 3
        assert number["top"] > name["top"] - 8
        assert number["left"] >= name["right"] - 1


def test_the_font_comes_with_the_page(measured):
    assert measured["font"]


def test_nothing_goes_beyond_the_page(measured):
    assert measured["seen"] <= WIDTH


def test_the_font_is_small_and_has_its_licence():
    assert len(face()) < 120_000
    assert FILE.stat().st_size > 10_000
    licence = FILE.with_name("OFL.txt").read_text(encoding="utf-8")
    assert "SIL OPEN FONT LICENSE Version 1.1" in licence
    assert "STI Pub Companies" in licence

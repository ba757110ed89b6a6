"""The pictures that move: their states are what the library computes, and in a browser a slider shows them."""

import json
import math
import re
from xml.etree import ElementTree

import browser
import moving
import numpy as np
import pytest
from moving.film import Film, Slider, State

import chainrule as cr
from chainrule import notes

PAGES = {
    "perceptron": "perceptron",
    "alpha": "learning_rate",
    "graph": "computation_graph",
    "broadcasting": "broadcasting",
    "moons": "hidden_layer",
    "shapes": "dimensions",
    "convolution": "cnn",
}
DOCS = moving.SCRIPT.parents[1]


@pytest.fixture(scope="module")
def films():
    return {name: moving.film(name) for name in moving.NAMES}


def shown(html, state):
    """The text of a figure's picture as it is at one state."""
    picture = ElementTree.fromstring(re.search(r"<svg.*?</svg>\s*</div>", html, re.DOTALL)[0].removesuffix("</div>"))
    for parent in list(picture.iter()):
        for part in list(parent):
            ranges = part.get("data-in")
            if ranges and not any(int(r.split("-")[0]) <= state <= int(r.split("-")[-1]) for r in ranges.split(",")):
                parent.remove(part)
    return " ".join(" ".join(picture.itertext()).split())


def test_every_film_is_on_its_page():
    assert set(PAGES) == set(moving.NAMES)
    for name, page in PAGES.items():
        assert f"```{{moving}} {name}\n```" in (DOCS / "notes" / f"{page}.md").read_text()


def test_films_are_small_and_have_a_state_for_each_place(films):
    for name, film in films.items():
        assert len(film.states) == math.prod(len(slider.places) for slider in film.sliders)
        assert len(film.html(name).encode()) < 300_000
        assert all(state.says for state in film.states)


def test_what_is_the_same_is_written_once_and_without_a_script_the_last_state_is_seen():
    svg = '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 9 9"><text>same</text><text>{}</text></svg>'
    film = Film(
        "A film", [Slider("n^[l]", ["1", "2", "3"])], [State(svg.format(k % 2), f"it is <{k}>") for k in range(3)]
    )
    html = film.html("f")
    assert html.count("same") == 1
    assert '<g data-in="0,2"><text>0</text></g>' in html
    assert '<g data-in="1" style="display:none"><text>1</text></g>' in html
    assert "it is &lt;2&gt;</figcaption>" in html
    assert "n<sup>[l]</sup></label>" in html
    with pytest.raises(ValueError, match="1 states, but the sliders have 3 places"):
        Film("A film", film.sliders, film.states[:1])


def test_the_perceptron_ends_with_the_line_that_the_library_found(films):
    found = notes.perceptron([[0, 0, 1, 1], [0, 1, 0, 1]], [[0, 0, 0, 1]], 20)
    film = films["perceptron"]
    assert len(film.states) == 1 + 4 * len(found.mistakes)
    assert sum("which is wrong" in state.says for state in film.states) == sum(found.mistakes)
    last = shown(film.html("f"), len(film.states) - 1)
    assert f"w = ({found.w[0, 0]:g}, {found.w[1, 0]:g}), b = {found.b:g}" in last


def test_numbers_appear_in_the_graph_one_after_the_other(films):
    film = films["graph"]
    steps = cr.steps(notes.computation_graph().graph)
    assert [state.says.split(": ", 1)[-1] for state in film.states[1:]] == [*steps.forward, *steps.backward]
    html = film.html("f")
    assert "= 33" not in shown(html, 2)
    assert "= 33" in shown(html, 3)
    assert [shown(html, k).count("dJ/d") for k in range(9)] == [0, 0, 0, 0, 1, 2, 3, 4, 5]


def test_a_learning_rate_is_told_with_where_it_leads(films):
    film = films["alpha"]
    says = dict(zip(film.sliders[0].places, (state.says for state in film.states), strict=True))
    assert "by 1 − 2α = 0.00; after 20 steps w = 3.0000, J = 0" in says["0.50"]
    assert "it never ends" in says["1.00"]
    assert "it diverges" in says["1.10"]


def test_what_is_stretched_and_added_is_what_numpy_adds(films):
    film = films["broadcasting"]
    html = film.html("f")
    added = np.array([[1, 2, 3], [4, 5, 6]]) + np.array([[100], [200]])
    assert film.states[8].says == "The result is (2, 3)."
    assert all(str(value) in shown(html, 8) for value in added.ravel())
    assert "the second has length 1 and is stretched to 3: copied" in film.states[7].says


def test_the_window_and_the_shapes_say_what_the_notes_say(films):
    Z = notes.convolve(moving.convolution.PICTURE, moving.convolution.FILTER)
    assert films["convolution"].states[1].says == " ".join(Z.step(0, 1).split())
    assert "W (4, 3) times A (3, 2)" in films["shapes"].states[(2 * 5 + 3) * 6 + 1].says


def test_more_units_with_tanh_separate_the_moons_better(films):
    says = [state.says for state in films["moons"].states]
    right = {
        tuple(re.match(r"(\d+) .* with (\w+)", text).groups()): float(text.split(": ")[1].split(" %")[0])
        for text in says
    }
    assert right["8", "tanh"] > right["1", "tanh"] + 5
    assert right["8", "relu"] > right["1", "relu"] + 5


@pytest.mark.skipif(browser.CHROMIUM is None, reason="Chromium is not installed")
def test_in_a_browser_a_slider_shows_another_state_and_nothing_goes_wrong(films, tmp_path):
    style, script = (DOCS / "_static" / "pages.css").read_text(), moving.SCRIPT.read_text()
    figures = "".join(film.html(name) for name, film in films.items())
    page = (
        f'<!doctype html><meta charset="utf-8"><title>t</title><style>{style}</style>{figures}<script>{script}</script>'
    )
    (tmp_path / "page.html").write_text(page)
    look = """(document, window) => [...document.querySelectorAll("figure.moving")].map((figure) => {
      const seen = () => [...figure.querySelectorAll("[data-in]")].map((part) => part.style.display).join();
      const told = () => figure.querySelector("figcaption").textContent;
      const at = () => [...figure.querySelectorAll("output")].map((output) => output.value);
      const before = [seen(), told()];
      const inputs = [...figure.querySelectorAll("input")];
      for (const input of inputs) { input.value = 0; input.dispatchEvent(new window.Event("input")); }
      const button = figure.querySelector("button");
      const first = [seen() !== before[0], told(), at(), figure.dataset.state];
      if (button) { button.click(); button.click(); }
      const labelled = inputs.every((input) => input.labels.length === 1 && input.ariaValueText);
      const controls = !figure.querySelector(".controls").hidden;
      return { name: figure.id, first, labelled, controls, wide: figure.scrollWidth <= figure.clientWidth + 1 };
    })"""
    for visit in browser.look(tmp_path, ["page.html"], [1250, 400], look):
        assert visit["errors"] == []
        assert visit["console"] == []
        assert [figure["name"] for figure in visit["found"]] == list(films)
        for figure, film in zip(visit["found"], films.values(), strict=True):
            changed, told, at, state = figure["first"]
            assert changed
            assert told == film.states[0].says
            assert at == [slider.places[0] for slider in film.sliders]
            assert state == "0"
            assert figure["labelled"]
            assert figure["controls"]
            assert figure["wide"], (figure["name"], visit["width"])


def test_the_numbers_of_states_are_read_back_by_the_script():
    html = moving.film("broadcasting").html("f")
    told = json.loads(re.search(r'<script type="application/json">(.*?)</script>', html)[1])
    assert [len(places) for places in told["places"]] == [4, 3]
    assert len(told["says"]) == 12

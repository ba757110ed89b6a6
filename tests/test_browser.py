"""The look at the pages in Chromium finds what is cut off or overlaps, what does not move, and scripts that fail."""

import browser
import pytest

GOOD = '<article style="width: 300px"><p>short</p><pre style="overflow: auto">{}</pre></article>'.format("wide " * 80)
BAD = (
    '<article style="width: 300px"><pre>{}</pre><p style="overflow: hidden; white-space: nowrap">{}</p>'
    '<img src="nowhere.svg"><figure class="moving"><input type="range" id="dead" max="3" value="3"></figure>'
    '<div class="highlight-pycon"><pre style="overflow: auto">{}</pre></div></article>'
    "<script>setTimeout(() => nothing.at.all)</script>"
).format("wide " * 80, "hidden " * 80, "short\n" + "long " * 80)
WORDS = '<text x="20" y="40">first</text><text x="{}" y="40">second</text>'
SVG = '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 200 100" width="200">{}</svg>'
BOX = '<rect x="90" y="60" width="20" height="20"/><text x="92" y="74">{}</text>'
SCRIPT = """<script>
const figure = document.querySelector("figure"), input = figure.querySelector("input");
input.addEventListener("input", () => {
  figure.dataset.state = input.value;
  figure.querySelectorAll("text")[1].setAttribute("x", { 0: 120, 1: 30, 2: 190 }[input.value]);
});
</script>"""
INPUT = '<input type="range" id="a" max="2" value="2">'
PICTURE = SVG.format(WORDS.format(120))
MOVING = f'<article><figure class="moving" id="film">{PICTURE}{INPUT}</figure>{SCRIPT}</article>'


@pytest.mark.skipif(browser.CHROMIUM is None, reason="Chromium is not installed")
def test_what_is_wrong_with_a_page_or_a_picture_is_told_with_its_name(tmp_path, capsys):
    (tmp_path / "notes").mkdir()
    (tmp_path / "good.html").write_text(f"<!doctype html>{GOOD}")
    (tmp_path / "notes" / "bad.html").write_text(f"<!doctype html>{BAD}")
    (tmp_path / "notes" / "film.html").write_text(f"<!doctype html>{MOVING}")
    (tmp_path / "good.svg").write_text(SVG.format(WORDS.format(120) + BOX.format("a")))
    (tmp_path / "bad.svg").write_text(SVG.format(WORDS.format(30) + BOX.format("too long")))
    assert browser.main(str(tmp_path)) > 0
    told = capsys.readouterr().out
    for width in (1250, 400):
        assert f"notes/bad.html at {width}: pre is cut off: wide wide" in told
        assert f"notes/bad.html at {width}: p is cut off: hidden hidden" in told
        assert f"notes/bad.html at {width}: dead moves nothing" in told
        assert f"notes/bad.html at {width}: no picture: nowhere.svg" in told
        assert f'notes/film.html at {width}: film, state 1: "first" and "second" overlap' in told
        assert f'notes/film.html at {width}: film, state 2: "second" leaves the picture' in told
        assert f'bad.svg at {width}: "first" and "second" overlap' in told
        assert f'bad.svg at {width}: "too long" runs over the edge of a box' in told
    assert "notes/bad.html at 1250: a line scrolls: long long" in told
    assert told.count("a line scrolls") == 1
    assert told.count("notes/film.html") == 4
    assert told.count("bad.svg") == 4
    assert "nothing is not defined" in told
    assert "good." not in told
    assert sorted(path.name for path in tmp_path.iterdir()) == ["bad.svg", "good.html", "good.svg", "notes"]


def test_without_chromium_it_says_so(tmp_path, capsys, monkeypatch):
    monkeypatch.setattr(browser, "CHROMIUM", None)
    assert browser.main(str(tmp_path)) == 0
    assert "Chromium is not installed" in capsys.readouterr().out

"""The look at the pages in Chromium finds what is cut off, what does not move, and scripts that fail."""

import browser
import pytest

GOOD = '<article style="width: 300px"><p>short</p><pre style="overflow: auto">{}</pre></article>'.format("wide " * 80)
BAD = (
    '<article style="width: 300px"><pre>{}</pre><p style="overflow: hidden; white-space: nowrap">{}</p>'
    '<img src="nowhere.svg"><figure class="moving"><input type="range" id="dead" max="3" value="3"></figure></article>'
    "<script>setTimeout(() => nothing.at.all)</script>"
).format("wide " * 80, "hidden " * 80)


@pytest.mark.skipif(browser.CHROMIUM is None, reason="Chromium is not installed")
def test_what_is_wrong_with_a_page_is_told_with_its_name(tmp_path, capsys):
    (tmp_path / "notes").mkdir()
    (tmp_path / "good.html").write_text(f"<!doctype html>{GOOD}")
    (tmp_path / "notes" / "bad.html").write_text(f"<!doctype html>{BAD}")
    assert browser.main(str(tmp_path)) > 0
    told = capsys.readouterr().out
    for width in (1250, 400):
        assert f"notes/bad.html at {width}: pre is cut off: wide wide" in told
        assert f"notes/bad.html at {width}: p is cut off: hidden hidden" in told
        assert f"notes/bad.html at {width}: dead moves nothing" in told
        assert f"notes/bad.html at {width}: no picture: nowhere.svg" in told
    assert "nothing is not defined" in told
    assert "good.html" not in told.replace("bad.html", "")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["good.html", "notes"]


def test_without_chromium_it_says_so(tmp_path, capsys, monkeypatch):
    monkeypatch.setattr(browser, "CHROMIUM", None)
    assert browser.main(str(tmp_path)) == 0
    assert "Chromium is not installed" in capsys.readouterr().out

"""What is told of the stages of long work, and what a terminal shows of it."""

import io
import sys
from contextlib import contextmanager

import numpy as np
import pytest
from PIL import Image

import chainrule as cr
from chainrule.cli.stages import stages_shown
from chainrule.progress import showing, stage


@pytest.fixture
def told():
    """Every stage with its total, and how much of it was done at last."""
    found = []

    @contextmanager
    def show(name, total):
        line = [name, total, 0]
        found.append(line)

        def advance(done):
            line[2] += done

        yield advance

    with showing(show):
        yield found


def test_a_stage_tells_who_shows_it_how_far_it_is(told):
    with stage("counting", 3) as advance:
        advance(1)
        advance(2)
    assert told == [["counting", 3, 3]]


def test_a_stage_that_nobody_shows_is_silent(capsys):
    with stage("counting", 3) as advance:
        advance(1)
    assert capsys.readouterr() == ("", "")


def test_pictures_tell_how_many_files_are_done(told, tmp_path, monkeypatch):
    monkeypatch.setenv("CHAINRULE_CACHE", str(tmp_path / "cache"))
    for i in range(40):
        (tmp_path / "all" / f"{i % 2}").mkdir(parents=True, exist_ok=True)
        Image.fromarray(np.full((4, 4), i, np.uint8)).save(tmp_path / "all" / f"{i % 2}" / f"{i}.png")
    cr.read_pictures(tmp_path / "all")
    assert told == [["looking at pictures", 40, 40]]
    cr.read_pictures(tmp_path / "all", size=3)
    assert told[1:] == [["looking at pictures", 40, 40], ["decoding pictures", 40, 40]]


def test_texts_tell_how_many_files_are_read(told, tmp_path):
    for name in ("a", "b"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "1.txt").write_text("one two")
    cr.read_text(tmp_path)
    assert told == [["reading texts", 2, 2]]


class Terminal(io.StringIO):
    def isatty(self):
        return True


def test_a_terminal_shows_a_line_for_each_stage(monkeypatch):
    monkeypatch.setattr(sys, "stderr", terminal := Terminal())
    with stages_shown(), stage("reading [all]"), stage("decoding", 2000) as advance:
        advance(1500)
        with stage("turning"):  # every new line is drawn at once, with the others
            pass
    assert "reading [all]" in terminal.getvalue()
    assert "1,500 of 2,000" in terminal.getvalue()


def test_what_is_no_terminal_gets_no_line(capsys):
    with stages_shown(), stage("reading", 10) as advance:
        advance(10)
    assert capsys.readouterr() == ("", "")

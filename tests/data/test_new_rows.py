"""What is said of new rows that are unlike those of training."""

import copy
import pickle

import numpy as np
import polars as pl

import chainrule as cr
from chainrule.data.new_rows import doubts_on_rows

M = 300
JOINED = [str(np.datetime64("2022-01-01") + 5 * i) for i in range(M)]


def said(joined):
    source = cr.read_table(pl.DataFrame({"joined": JOINED, "y": ["yes", "no"] * (M // 2)}), "y")
    codes = source.learn(np.arange(M)).codes
    return doubts_on_rows(codes, pl.DataFrame({"joined": joined}), None)


def test_dates_far_from_training_are_told_and_those_soon_after_it_are_not():
    assert said(JOINED[:50]) == []
    assert said(["2026-06-01", JOINED[3]]) == []
    [note] = said([JOINED[0], "2099-05-01", "2054-01-01"])
    assert note.startswith("joined lies far from all that training met in 2 rows, such as '2099-05-01': predictions")
    [note] = said([*JOINED[:90], *["2099-05-01"] * 10])
    assert "in 10% of the rows" in note


def test_a_note_says_what_it_is_about_whatever_its_numbers():
    [one], [other] = said([JOINED[0], "2099-05-01"]), said([JOINED[0], *["2054-01-01"] * 3])
    assert one != other
    assert one.about == other.about == ("far moments", "joined")
    assert said([JOINED[0], None])[0].about == ("gaps", "joined")
    for again in (copy.copy(one), pickle.loads(pickle.dumps(one))):
        assert (again, again.about) == (one, one.about)

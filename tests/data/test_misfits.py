"""Cells that keep a column from being one of numbers or dates."""

import numpy as np
import polars as pl
import pytest

import chainrule as cr
from chainrule.data.misfits import misfits_in

M = 400
AGES = [str(18 + i % 60) for i in range(M)]
DAYS = [str(np.datetime64("2023-01-01") + i) for i in range(M)]


def with_cell(cells, cell, i=77):
    return pl.Series("x", [*cells[:i], cell, *cells[i + 1 :]])


@pytest.mark.parametrize("cell", ["4O", "3o", "4.5.1", "40?", "4 0", "ninety"])
def test_a_typing_error_among_numbers_is_found(cell):
    found = misfits_in(with_cell(AGES, cell))
    assert found.among == "numbers"
    assert found.rows.tolist() == [77]


@pytest.mark.parametrize("cell", ["2024-13-04", "2O21-01-01", "soon"])
def test_a_typing_error_among_dates_is_found(cell):
    found = misfits_in(with_cell(DAYS, cell))
    assert found.among == "dates"
    assert found.rows.tolist() == [77]


def test_a_single_one_among_few_cells_is_found():
    found = misfits_in(pl.Series("x", [*AGES[:23], "4o"]))
    assert (found.among, found.rows.tolist()) == ("numbers", [23])
    assert misfits_in(pl.Series("x", [*AGES[:22], "4o", "5o"])) is None


@pytest.mark.parametrize(
    "cells",
    [AGES, DAYS, ["S", "M", "38", "40"] * 100, [f"18-{i % 7}5" for i in range(M)], ["1", "2", "many"] * 9, AGES[:9]],
    ids=["numbers", "dates", "sizes", "ranges", "few", "short"],
)
def test_where_nothing_is_odd_or_much_is_there_is_none(cells):
    assert misfits_in(pl.Series("x", cells)) is None


@pytest.mark.parametrize(("x", "cell"), [(AGES, "4O"), (DAYS, "2024-13-04")])
def test_it_is_said_before_training(tmp_path, x, cell):
    frame = pl.DataFrame({"x": with_cell(x, cell), "z": np.arange(M) / 7, "y": ["yes", "no"] * (M // 2)})
    made = cr.Experiment(cr.read_table(frame, "y"), cr.Settings(epochs=1, hidden=(4,), seed=0), tmp_path)
    [said] = [note for note in made.notes if " among " in note]
    assert said.startswith(f"x holds '{cell}' in row 78 among ")


def test_a_target_with_one_is_refused():
    frame = pl.DataFrame({"x": np.arange(M) / 7, "age": with_cell(AGES, "4O")})
    with pytest.raises(cr.errors.DataError, match="holds '4O' among numbers, 61 different ones: leave such cells"):
        cr.read_table(frame, "age")

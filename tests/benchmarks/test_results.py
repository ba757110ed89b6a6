"""The figures that follow from the times: spreads, ratios, slopes, and when a row is void."""

import json
import math
from dataclasses import replace

import pytest
from benchmarks.limits import operations, peaks
from benchmarks.page import page
from benchmarks.picture import picture
from benchmarks.printed import contestants, growth, summary
from benchmarks.results import Growth, Result, Results, Spread, Timing
from benchmarks.rows import ROWS

from benchmarks import limits
from chainrule.engines.native import kernels
from chainrule.errors import OptionError


def result(**losses):
    """Three contestants; the fastest peer takes 2, 4 and 3 seconds."""
    timings = [
        Timing("chainrule", False, 2, [1.0, 1.0, 2.0], losses.get("ours", 0.5)),
        Timing("Tortoise", True, 1, [9.0, 9.0, 9.0], losses.get("tortoise", 0.5001), 2**20),
        Timing("Hare", True, 2, [2.0, 4.0, 3.0], losses.get("hare", 0.4999)),
    ]
    return Result("race", "The race", "step", 1.0, 0.002, timings, {"Snail": "snail is not installed"})


def test_a_spread_is_the_middle_half():
    assert Spread.of([5, 1, 2, 4, 3]) == Spread(3, 2, 4)


def test_a_ratio_is_to_the_fastest_peer_and_its_spread_that_of_the_rounds():
    row = result()
    assert row.void == ""
    assert row.fastest().name == "Hare"
    assert row.ratio(row.timings[0]) == Spread(2.0, 1.75, 3.0)  # rounds: 2, 4, 1.5
    assert row.ratio(row.timings[1]).middle == pytest.approx(1 / 3)
    assert row.ratio(row.fastest()) == Spread(1, 1, 1)


def test_float32_is_measured_against_float32_and_bfloat16_against_all():
    row = result()
    rounded = [
        Timing("chainrule, bfloat16", False, 2, [0.5, 0.5, 0.5], 0.515, precision="bfloat16"),
        Timing("Hare, bfloat16", True, 2, [1.0, 1.0, 1.0], 0.49, precision="bfloat16"),
    ]
    row.timings.extend(rounded)
    assert row.void == ""
    assert (row.fastest().name, row.fastest("bfloat16").name) == ("Hare", "Hare, bfloat16")
    assert row.ratio(row.timings[0]) == Spread(2.0, 1.75, 3.0)
    assert row.ratio(rounded[0]) == Spread(2.0, 2.0, 2.0)
    assert [line[0] for line in summary([row]).lines] == ["The race", "The race; bfloat16"]
    assert b"Hare, bfloat16" in picture(Results({}, [row]))
    row.timings.append(Timing("Mole, bfloat16", True, 2, [1.0, 1.0, 1.0], 0.53, precision="bfloat16"))
    assert "Mole, bfloat16" in row.void


def test_chainrule_is_never_its_own_peer():
    row = result()
    alone = Result("race", "The race", "step", 1.0, 0.002, row.timings[:1], {})
    assert alone.fastest() is None
    assert alone.ratio(alone.timings[0]) is None
    assert contestants(alone).lines[0][3] == ""


@pytest.mark.parametrize("hare", [0.504, math.nan, math.inf])
def test_a_row_whose_losses_lie_apart_is_void_and_says_who(hare):
    row = result(hare=hare)
    assert "Hare" in row.void
    assert "chainrule" not in row.void
    assert row.fastest() is None
    assert [line[3] for line in contestants(row).lines] == ["void"] * 3
    assert row.void in page(Results({}, [row]))
    assert "void" in summary([row]).lines[0]
    assert b"The race" not in picture(Results({}, [row]))


def test_a_row_without_anybody_has_nothing_to_tell():
    row = Result("race", "The race", "step", 1.0, 0.002, [], {})
    assert (row.void, row.fastest(), contestants(row).lines) == ("", None, [])


def test_a_table_tells_times_ratios_losses_memory_and_who_is_left_out():
    table = contestants(result())
    assert table.lines[0] == ["chainrule", "2", "1 s (1 to 1.5)", "2.00 (1.75 to 3.00)", "0.5000", "0 MiB"]
    assert table.lines[1][5] == "1 MiB"
    assert table.notes == ["Snail is left out: snail is not installed"]
    assert summary([result()]).lines == [
        ["The race", "1 s (1 to 1.5)", "3 s (2.5 to 3.5), Hare", "2.00 (1.75 to 3.00)", ""]
    ]


def test_a_row_is_set_beside_what_the_machine_could_do():
    row = replace(result(), operations=6e9, limits={"float32": 8e9})
    assert summary([row]).lines[0][-1] == "75 %"
    assert row.share(row.timings[2]) == 0.25


@pytest.mark.skipif(kernels() is None, reason="the kernels were not built")
def test_the_products_of_a_row_are_counted(monkeypatch):
    monkeypatch.setattr(limits, "SECONDS", 0.01)
    of = {row.key: operations(row) for row in ROWS if row.key in ("mlp-512-adam", "predict-10000", "cold")}
    forward, first = 784 * 256 + 256 * 128 + 128 * 10, 784 * 256
    assert of["mlp-512-adam"] == 2 * 512 * (3 * forward - first)
    assert of["predict-10000"] == 2 * 10_000 * forward
    assert of["cold"] == 0
    found = peaks(1)
    assert found["float32"] > 1e8
    assert found.keys() <= {"float32", "bfloat16"}


def test_a_slope_is_that_of_a_power_law():
    seconds = [[2e-6 * n**1.5] * 3 for n in (16, 32, 64, 128)]
    grown = Growth("g", "Layers", "width", [16, 32, 64, 128], seconds)
    assert grown.slope == (pytest.approx(1.5), pytest.approx(0, abs=1e-9))
    assert growth(grown).notes == ["slope of log time over log width: 1.50 ± 0.00"]
    assert growth(grown).lines[0] == ["16", "128 µs (128 to 128)"]


def test_two_points_have_a_slope_without_an_error():
    slope, error = Growth("g", "Layers", "number of threads", [1, 2], [[4.0], [2.0]]).slope
    assert slope == pytest.approx(-1)
    assert math.isnan(error)


def test_a_file_of_figures_is_read_as_it_was_written(tmp_path):
    grown = Growth("g", "Layers", "width", [16, 32], [[1.0, 2.0], [3.0, 4.0]])
    results = Results({"date": "today"}, [result()], [grown])
    results.save(tmp_path / "figures.json")
    assert Results.load(tmp_path / "figures.json") == results


@pytest.mark.parametrize("content", ["{", "[]", json.dumps({"machine": {}, "rows": [{"key": "race"}], "growths": []})])
def test_another_file_is_refused_by_its_name(tmp_path, content):
    (tmp_path / "other.json").write_text(content)
    with pytest.raises(OptionError, match=r"other\.json is no file of figures"):
        Results.load(tmp_path / "other.json")

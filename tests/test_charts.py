"""Charts: what the SVG shows, and data that are hard to draw."""

import math
import subprocess
import sys
from xml.etree import ElementTree

import numpy as np
import pytest

import chainrule as cr
from chainrule.charts import (
    MARK,
    TRAINING,
    VALIDATION,
    Band,
    Bars,
    Cells,
    Chart,
    Histogram,
    Line,
    Panel,
    Points,
    Rule,
    Squares,
)
from chainrule.charts.axes import axes

SVG = "{http://www.w3.org/2000/svg}"
EPOCHS = [
    {"epoch": i, "loss": 1 / (i + 1), "val_loss": 2 / (i + 1), "accuracy": i / 50, "val_accuracy": i / 60, "seconds": 1}
    for i in range(50)
]


def drawn(*marks, whole=False, title="a panel"):
    """The SVG of a single panel, parsed."""
    return ElementTree.fromstring(Chart("a chart", [Panel(title, "x", "y", marks, whole)]).svg())


def all_of(root, kind):
    return root.findall(f".//{SVG}{kind}")


def texts(root):
    return [text.text for text in all_of(root, "text")]


def places(polyline):
    """The points of a polyline, (n, 2)."""
    return np.array([point.split(",") for point in polyline.get("points").split()], float)


def ticks(*values, whole=False):
    panel = Panel("", "", "", [Line(values, values, TRAINING)], whole)
    return [told for _, told in axes(panel)[0].ticks]


def test_squares_have_the_area_of_their_numbers_and_the_colour_of_their_sign():
    """A number beyond `largest` fills its place, 0 and NaN have no square."""
    root = drawn(Squares(["a", "b"], ["1", "2", "3"], np.array([[1, -4, 0], [9, np.nan, 2]]), largest=4))
    squares = [square for square in all_of(root, "rect") if square.find(f"{SVG}title") is not None]
    told = {square.find(f"{SVG}title").text: (square.get("fill"), float(square.get("width"))) for square in squares}
    assert [*told] == ["a, 1: 1", "a, 2: -4", "b, 1: 9", "b, 3: 2"]
    assert [fill for fill, _ in told.values()] == [TRAINING, VALIDATION, TRAINING, TRAINING]
    one, four, nine, two = (side for _, side in told.values())
    assert four == nine == pytest.approx(2 * one, abs=0.2) == pytest.approx(2**0.5 * two, abs=0.2)
    assert {"a", "b", "1", "2", "3"} <= {*texts(root)}
    assert Squares([], [], np.zeros((0, 0))).sides().shape == (0, 0)


def test_the_curves_of_a_history_are_a_picture_with_a_line_for_each(tmp_path):
    cr.History(EPOCHS, best_epoch=49).plot(tmp_path / "curves.svg")
    text = (tmp_path / "curves.svg").read_text(encoding="utf-8")
    root = ElementTree.fromstring(text)
    training, validation, *of_accuracy = all_of(root, "polyline")
    assert len(places(training)) == len(places(validation)) == 50
    assert len(of_accuracy) == 2
    assert root.find(f"{SVG}title").text == "learning curves"
    assert {"cost J", "accuracy", "epoch", "training", "validation", "best epoch", "10", "50"} <= {*texts(root)}


def test_a_line_is_where_its_numbers_are():
    (line,) = all_of(drawn(Line((0, 1, 4), (0, 1, 0.5), TRAINING)), "polyline")
    (x0, x1, x4), (y0, y1, y05) = places(line).T
    assert x1 - x0 == pytest.approx((x4 - x0) / 4, abs=0.1)
    assert y0 - y05 == pytest.approx((y0 - y1) / 2, abs=0.1)
    assert y1 < y05 < y0  # upwards


@pytest.mark.parametrize("kind", ["svg", "png", "pdf"])
def test_a_history_is_plotted_in_the_format_that_the_ending_names(tmp_path, kind):
    path = tmp_path / f"curves.{kind}"
    shown = cr.History(EPOCHS).plot(path)
    assert path.read_bytes()[:5] == {"svg": b"<?xml", "png": b"\x89PNG\r", "pdf": b"%PDF-"}[kind]
    figure = shown.figure() if kind == "svg" else shown
    assert len(figure.axes[0].lines) == 2
    if kind == "svg":
        assert shown._repr_svg_() == path.read_text(encoding="utf-8")


def test_an_svg_is_written_without_matplotlib(tmp_path):
    code = f"""
import sys
from chainrule.training import History
History({EPOCHS[:3]!r}, best_epoch=2).plot({str(tmp_path / "curves.svg")!r})
assert not {{"matplotlib", "sklearn", "scipy"}} & sys.modules.keys()
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


def test_a_line_has_gaps_where_numbers_are_missing():
    values = [1.0, 2.0, math.nan, 3.0, 2.0, math.inf, 5.0]
    root = drawn(Line(range(7), values, TRAINING))
    assert [len(places(line)) for line in all_of(root, "polyline")] == [2, 2, 1]
    assert len(all_of(root, "circle")) == 1  # the last, which stands alone


@pytest.mark.parametrize(
    "values",
    [[], [0.5], [0.0], [0.25] * 3, [math.nan] * 2, [math.inf, -math.inf], [1e308, -1e308], [5e-324, 0.0], [1.7e9] * 2],
)
@pytest.mark.parametrize("whole", [False, True])
def test_any_numbers_can_be_drawn(values, whole):
    counted = range(1, len(values) + 1)
    root = drawn(
        Line(counted, values, TRAINING, "one"),
        Points(counted, values, TRAINING),
        Band(counted, values, values, MARK),
        Rule(1),
        whole=whole,
    )
    assert "nan" not in ElementTree.tostring(root, encoding="unicode")


def test_marks_of_nothing_are_drawn():
    for mark in (Bars([], [], TRAINING), Histogram([0, 1], [0], TRAINING), Cells([], np.zeros((0, 0), int))):
        assert "a panel" in texts(drawn(mark))
    assert len(texts(drawn())) > 3
    assert ElementTree.fromstring(Chart("nothing", []).svg()).tag == f"{SVG}svg"


@pytest.mark.parametrize(
    ("values", "whole", "told"),
    [
        ((0.0, 1.0), False, ["0.0", "0.2", "0.4", "0.6", "0.8", "1.0"]),
        ((0.0, 300_000.0), False, ["0", "100,000", "200,000", "300,000"]),
        ((0.0, 0.00004), False, ["0", "1e-05", "2e-05", "3e-05", "4e-05"]),
        ((1, 1), True, ["1"]),
        ((1, 2), True, ["1", "2"]),
        ((1, 50), True, ["10", "20", "30", "40", "50"]),
        ((1, 21), True, ["5", "10", "15", "20"]),
    ],
)
def test_ticks_are_round_numbers(values, whole, told):
    assert ticks(*values, whole=whole) == told


def test_ticks_far_from_zero_are_told_apart():
    told = ticks(1.7e9 - 50, 1.7e9 + 50)
    assert "1,699,999,980" in told
    assert len({*told}) == len(told)


def test_long_names_are_cut_and_none_is_code():
    names = ["<b>&" + "x" * 500, "ok\x00", "日本語" * 50]
    root = drawn(Bars(names, [1.0, -2.0, math.nan], TRAINING))
    shown = [text for text in texts(root) if text[:2] in ("<b", "ok", "日本")]
    assert len(shown) == 3
    assert all(len(text) < 40 for text in shown)
    assert [bar.find(f"{SVG}title").text[:4] for bar in all_of(root, "rect") if len(bar)] == ["<b>&", "ok\ufffd:"]


def test_a_name_of_a_million_letters_is_cut_at_once():
    root = drawn(Bars(["1" * 1_000_000, "b"], [1.0, 2.0], TRAINING))
    assert all(len(text) < 40 for text in texts(root))


def test_cells_hold_their_counts_and_say_what_they_are():
    names = [f"class {i}" for i in range(20)]
    counts = np.diag(np.arange(20)) + 3000 * np.eye(20, k=1, dtype=int)
    root = drawn(Cells(names, counts))
    told = [title.text for title in all_of(root, "title")]
    assert "class 3 taken for class 4: 3,000" in told
    assert len([title for title in told if " taken for " in title]) == 400
    small = drawn(Cells(["no", "yes"], np.array([[12_345, 6], [0, 78]])))
    assert {"12,345", "6", "0", "78", "no", "yes"} <= {*texts(small)}


def test_bars_and_cells_have_the_same_thickness_all_over():
    bars = [bar for bar in all_of(drawn(Bars(["a", "b", "c"], [1, 2, 3], TRAINING)), "rect") if len(bar)]
    assert len({bar.get("height") for bar in bars}) == 1
    widths = [float(bar.get("width")) for bar in bars]
    assert widths[1:] == pytest.approx([2 * widths[0], 3 * widths[0]], abs=0.2)


def test_more_labels_than_there_is_room_for_end_in_dots():
    root = drawn(*(Points([0, 1], [0, 1], TRAINING, f"value {i}" * 3) for i in range(30)))
    assert "…" in texts(root)
    assert len(all_of(root, "circle")) == 60


def test_matplotlib_draws_the_same_marks():
    marks = [
        [Line((0, 1), (0, 1), TRAINING, thin=True), Points((0, 1), (0, 1), TRAINING, "one")],
        [Histogram([0, 1, 2], [3, 4], TRAINING)],
        [Bars(["a", "b"], [1, 2], TRAINING)],
        [Cells(["a", "b"], np.array([[1, 2], [3, 4]]))],
    ]
    squares = Squares(["a", "b"], ["1", "2", "3"], np.array([[1, -4, 0], [3, 4, np.nan]]))
    marks.append([squares])
    figure = Chart("all", [Panel(str(i), "x", "y", of_one) for i, of_one in enumerate(marks)]).figure()
    first, second, third, fourth, fifth = figure.axes
    assert (len(first.lines), len(first.collections), len(second.patches)) == (1, 1, 1)
    assert [bar.get_width() for bar in third.patches] == [1, 2]
    assert sorted(text.get_text() for text in fourth.texts) == ["1", "2", "3", "4"]
    assert [patch.get_width() for patch in fifth.patches] == pytest.approx(0.94 * abs(squares.sides()).ravel())


def test_bars_may_begin_elsewhere_than_at_0():
    root = drawn(Bars(["up", "down"], [104.0, 101.0], TRAINING, begins=[100.0, 104.0]))
    up, down = (bar for bar in all_of(root, "rect") if len(bar))
    assert [bar.find(f"{SVG}title").text for bar in (up, down)] == ["up: +4", "down: -3"]
    assert float(up.get("x")) + float(up.get("width")) == pytest.approx(
        float(down.get("x")) + float(down.get("width")), abs=0.2
    )
    told = [float(text) for text in texts(root) if text.replace(".", "").isdigit()]
    assert min(told) > 90  # no axis down to 0


def test_ticks_of_ones_own_stand_at_both_axes():
    marks = [Line((0, 2), (0, 3), TRAINING)]
    panel = Panel("", "x", "y", marks, ticks=[(1, "ten")], y_ticks=[(2, "100"), (3, "1,000"), (4, "beyond")])
    chart = Chart("logarithms", [panel])
    root = ElementTree.fromstring(chart.svg())
    assert {*texts(root)} - {None} == {"x", "y", "ten", "100", "1,000"}
    (axes,) = chart.figure().axes
    assert [text.get_text() for text in axes.get_yticklabels()] == ["100", "1,000"]
    assert [text.get_text() for text in axes.get_xticklabels()] == ["ten"]


def test_panels_stand_in_rows():
    panels = [Panel(f"p{i}", "x", "y", [Line((0, 1), (0, 1), TRAINING)]) for i in range(5)]
    chart = Chart("many", panels, 400, 300, across=3)
    root = ElementTree.fromstring(chart.svg())
    assert root.get("viewBox") == "0 0 1200 600"
    (below,) = (group for group in root.iter(f"{SVG}g") if group.get("transform", "").startswith("translate"))
    assert below.get("transform") == "translate(0 300)"
    assert {"p3", "p4"} <= {text.text for text in below.iter(f"{SVG}text")}
    assert not {"p0", "p1", "p2"} & {text.text for text in below.iter(f"{SVG}text")}
    figure = chart.figure()
    assert [axes.axison for axes in figure.axes] == [True] * 5 + [False]
    assert Chart("few", panels[:2], across=3).grid == (1, 2)


def test_an_axis_may_have_ticks_of_its_own_and_lines_may_be_pale():
    lines = [Line((0, 10), (0, i), TRAINING, pale=True) for i in range(9)]
    panel = Panel("days", "day", "y", lines, ticks=[(0.0, "2020-01-01"), (10.0, "2020-01-11")])
    root = ElementTree.fromstring(Chart("", [panel]).svg())
    assert {"2020-01-01", "2020-01-11"} <= {*texts(root)}
    assert {line.get("stroke-opacity") for line in all_of(root, "polyline")} == {"0.22"}
    axes_of_figure = Chart("", [panel]).figure().axes[0]
    assert [tick.get_text() for tick in axes_of_figure.get_xticklabels()] == ["2020-01-01", "2020-01-11"]


def test_what_is_told_of_a_bar_stands_in_it_or_beside_it_within_the_panel():
    marks = Bars(
        ["long", "short", "last"], [100.0, 2.0, 100.0], TRAINING, begins=[0, 0, 99.0], told=["+100", "+2", "+1"]
    )
    root = drawn(marks)
    told = {text.text: text for text in all_of(root, "text") if text.text in ("+100", "+2", "+1")}
    assert [told[name].get("text-anchor") for name in ("+100", "+2", "+1")] == ["middle", "start", "end"]
    figure = Chart("", [Panel("", "x", "", [marks])]).figure()
    assert [text.get_text() for text in figure.axes[0].texts] == ["+100", "+2", "+1"]


def test_titles_and_legends_find_a_place_within_their_panel():
    bars = Bars(["a name that takes a third of the room"], [1.0], TRAINING)
    lines = [Line((0, 1), (0, 0), TRAINING, f"legend {i}") for i in range(4)]
    root = drawn(bars, *lines, title="a title that is longer than what is left of the panel")
    assert {f"legend {i}" for i in range(4)} <= {*texts(root)}
    assert "…" not in texts(root)
    (title,) = (text for text in all_of(root, "text") if text.text.startswith("a title"))
    assert float(title.get("x")) + 0.58 * 15 * len(title.text) / 2 < 440

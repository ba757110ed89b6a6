"""Diagrams, their layout and their SVG: nothing overlaps, everything is there, and the file is sound."""

from itertools import combinations, pairwise
from xml.etree import ElementTree

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import chainrule as cr
from chainrule.derivation import text as labels
from chainrule.derivation.diagram import Box, Diagram, Edge
from chainrule.derivation.drawing import Drawing
from chainrule.derivation.layout import DETAIL, LABEL, NOTE, PAGE, lay_out
from chainrule.derivation.letter_widths import UNITS, WIDTHS
from chainrule.derivation.svg import BACKWARD, FORWARD, bend, svg
from chainrule.derivation.text import runs, unmarked, width
from ops.cases import TIMES

SVG = "{http://www.w3.org/2000/svg}"


def box_rooms(layout):
    return [(room.x, room.y, room.x + room.width, room.y + room.height) for room in layout.boxes]


def text_rooms(diagram, layout):
    """By edge, the rooms of its one or two texts, from the widths of the letters and where their baselines are."""
    rooms = {}
    for place, note in layout.notes.items():
        edge = diagram.edges[place]
        for text, baseline in ((edge.above, note.above), (edge.below, note.below)):
            if text:
                left = note.x - (width(text, NOTE) / 2 if note.anchor == "middle" else 0)
                room = (left, baseline - 0.9 * NOTE, left + width(text, NOTE), baseline + 0.22 * NOTE)
                rooms.setdefault(place, []).append(room)
    return rooms


def overlap(a, b):
    return a[0] < b[2] and b[0] < a[2] and a[1] < b[3] and b[1] < a[3]


def points(stations, downwards):
    """Many points of a line."""
    t = np.linspace(0, 1, 41)[:, None]
    pieces = []
    for k, (here, there) in enumerate(pairwise(stations)):
        first, second = (here, there) if k % 2 == 0 else bend(here, there, downwards)
        corners = [np.array(corner) for corner in (here, first, second, there)]
        shares = [(1 - t) ** 3, 3 * t * (1 - t) ** 2, 3 * t**2 * (1 - t), t**3]
        pieces.append(sum(share * corner for share, corner in zip(shares, corners, strict=True)))
    return np.concatenate(pieces)


def within(line, room, by):
    x, y = line.T
    return bool(((room[0] + by < x) & (x < room[2] - by) & (room[1] + by < y) & (y < room[3] - by)).any())


def assert_nothing_overlaps(diagram, layout):
    boxes, texts = box_rooms(layout), text_rooms(diagram, layout)
    rooms = boxes + [room for of_edge in texts.values() for room in of_edge]
    for a, b in combinations(rooms, 2):
        assert not overlap(a, b), (a, b)
    for room in rooms:
        assert room[0] >= 0
        assert room[1] >= 0
        assert room[2] <= layout.width
        assert room[3] <= layout.height
    for box, room in zip(diagram.boxes, layout.boxes, strict=True):
        assert max(width(box.label, LABEL), width(box.detail, DETAIL)) <= room.width
    for stations in layout.lines:
        line = points(stations, layout.downwards)
        assert not any(within(line, room, 0.5) for room in rooms)
        assert (np.diff(line[:, 1 if layout.downwards else 0]) >= -1e-6).all()


def assert_lines_join_their_boxes(diagram, layout):
    rooms = box_rooms(layout)
    along = 1 if layout.downwards else 0
    for edge, stations in zip(diagram.edges, layout.lines, strict=True):
        source, target = rooms[edge.source], rooms[edge.target]
        assert stations[0][along] == pytest.approx(source[2 + along])
        assert stations[-1][along] == pytest.approx(target[along])
        for station, room in ((stations[0], source), (stations[-1], target)):
            assert room[1 - along] < station[1 - along] < room[3 - along]


def chain(n, *, skip=False):
    boxes = tuple(Box(f"u_{{{k}}} = tanh(u_{{{k - 1}}})") for k in range(n))
    edges = [Edge(k, k + 1, f"{0.37 * k:.3g}", f"dJ/du_{{{k}}} = {-k / 7:.4g}") for k in range(n - 1)]
    return Diagram(boxes, tuple(edges + [Edge(0, n - 1, "2", "dJ/du_{0} = 17.5")] * skip))


def network(layers):
    """X, and for each layer W, b, Z and A; every third layer is residual."""
    boxes, edges, last = [Box("X", "leaf", "(8, 6)")], [], 0
    for l in range(1, layers + 1):
        W, b, Z, A = range(len(boxes), len(boxes) + 4)
        boxes += [Box(f"W^{{[{l}]}}", "parameter", "(6, 6)"), Box(f"b^{{[{l}]}}", "parameter", "(6,)")]
        boxes += [Box(f"Z^{{[{l}]}} = linear(A^{{[{l - 1}]}}, W^{{[{l}]}}, b^{{[{l}]}})"), Box(f"A^{{[{l}]}} = relu")]
        edges += [Edge(k, Z, "(6, 6)", f"dJ/dW^{{[{l}]}}: (6, 6)") for k in (last, W, b)]
        edges += [Edge(Z, A, "(8, 6)", "dJ/dZ: (8, 6)")] + [Edge(last, A, "(8, 6)")] * (l % 3 == 0)
        last = A
    return Diagram((*boxes, Box("J = mean(A)", "cost", "= 0.25")), (*edges, Edge(last, len(boxes), "(8, 6)")))


DIAGRAMS = {
    "one box": Diagram((Box("J", "cost", "= 3"),)),
    "two boxes": Diagram((Box("x", "leaf"), Box("J = exp(x)", "cost", "= 4.48")), (Edge(0, 1, "1.5", "dJ/dx = 4.48"),)),
    "one box twice": Diagram((Box("a", "leaf"), Box("J = a · a", "cost")), (Edge(0, 1, "3", "dJ/da = 6"),) * 2),
    "ten boxes": chain(10),
    "ten boxes and a long edge": chain(10, skip=True),
    "wide labels": Diagram(
        (Box("the temperature outside", "leaf"), Box("3", "constant"), Box("u = the temperature outside · 3")),
        (Edge(0, 2, "[1, 2, 3, 4]", "dJ/d(the temperature outside) = [3, 3, 3, 3]"), Edge(1, 2)),
    ),
    "twenty into one": Diagram(
        (*(Box(f"x_{{{k}}}", "leaf") for k in range(20)), Box("J")), tuple(Edge(k, 20, "1", "dJ/dx") for k in range(20))
    ),
    "a network of 50 boxes": network(12),
}


def ends(diagram, layout, box):
    """Where the lines arrive at a box, across the flow."""
    across = 0 if layout.downwards else 1
    arriving = zip(diagram.edges, layout.lines, strict=True)
    return sorted(stations[-1][across] for edge, stations in arriving if edge.target == box)


@pytest.mark.parametrize("downwards", [False, True])
def test_lines_meet_a_box_in_places_of_their_own(downwards):
    leaves = tuple(Box(f"the number {k}", "leaf", "(6, 6)") for k in range(4))
    diagram = Diagram((*leaves, Box("u = f(x)")), tuple(Edge(k, 4, "(6, 6)", f"dJ/dx = {k}") for k in range(4)))
    assert (np.diff(ends(diagram, lay_out(diagram, downwards), 4)) > 7.9).all()
    crowd = DIAGRAMS["twenty into one"]
    assert (np.diff(ends(crowd, lay_out(crowd, downwards), 20)) > 0.5).all()


@pytest.mark.parametrize("downwards", [False, True])
@pytest.mark.parametrize("name", DIAGRAMS)
def test_nothing_overlaps(name, downwards):
    layout = lay_out(DIAGRAMS[name], downwards)
    assert_nothing_overlaps(DIAGRAMS[name], layout)
    assert_lines_join_their_boxes(DIAGRAMS[name], layout)


@st.composite
def diagrams(draw):
    labels = st.text("abWx_{}^[1]=· ε", max_size=25)
    kinds = st.sampled_from(["leaf", "parameter", "constant", "operation", "cost"])
    boxes = draw(st.lists(st.builds(Box, labels, kinds, st.sampled_from(["", "(3, 4)"])), min_size=1, max_size=25))
    pairs = [(i, j) for j in range(len(boxes)) for i in range(j)]
    chosen = draw(st.lists(st.sampled_from(pairs), max_size=50)) if pairs else []
    return Diagram(tuple(boxes), tuple(Edge(i, j, draw(labels), draw(labels)) for i, j in chosen))


@settings(max_examples=20 * TIMES, deadline=None)
@given(diagrams(), st.booleans())
def test_nothing_overlaps_in_any_diagram(diagram, downwards):
    layout = lay_out(diagram, downwards)
    assert_nothing_overlaps(diagram, layout)
    assert_lines_join_their_boxes(diagram, layout)
    ElementTree.fromstring(svg(diagram, layout))


def test_the_check_of_overlaps_can_fail():
    diagram = DIAGRAMS["ten boxes"]
    layout = lay_out(diagram)
    layout.boxes[3] = layout.boxes[4]
    with pytest.raises(AssertionError):
        assert_nothing_overlaps(diagram, layout)


def test_a_line_through_a_box_is_seen():
    assert within(points([(0.0, 5.0), (4.0, 5.0), (20.0, 5.0), (24.0, 5.0)], False), (8, 0, 12, 10), 0.5)


def test_small_graphs_go_to_the_right_and_deep_ones_down():
    assert not lay_out(DIAGRAMS["two boxes"]).downwards
    assert lay_out(DIAGRAMS["a network of 50 boxes"]).downwards
    assert lay_out(DIAGRAMS["a network of 50 boxes"]).width <= PAGE


def test_a_chain_is_a_straight_line():
    for layout in (lay_out(chain(6), False), lay_out(chain(6), True)):
        middles = {
            round(room.x + room.width / 2 if layout.downwards else room.y + room.height / 2, 3) for room in layout.boxes
        }
        assert len(middles) == 1


def test_the_svg_is_xml_with_every_label_as_text():
    diagram = DIAGRAMS["wide labels"]
    root = ElementTree.fromstring(Drawing(diagram).svg)
    texts = ["".join(text.itertext()) for text in root.iter(f"{SVG}text")]
    assert {"the temperature outside", "3", "[1, 2, 3, 4]"} <= set(texts)
    assert root.get("role") == "img"
    # A picture that is made narrower gets lower, too; of a height of its own, "auto" is 0 for some programs.
    assert root.get("style") == "max-width: 100%"
    assert root.get("height") is None
    assert root.get("viewBox").split()[2] == root.get("width")
    assert root.get("aria-label") == "computation graph"
    assert len(list(root.iter(f"{SVG}title"))) == 3 + 1


def test_forward_stands_above_backward():
    root = ElementTree.fromstring(Drawing(DIAGRAMS["two boxes"]).svg)
    y = {text.get("fill"): float(text.get("y")) for text in root.iter(f"{SVG}text")}
    assert y[FORWARD] < y[BACKWARD]


def test_superscripts_are_raised_and_no_space_comes_between():
    root = ElementTree.fromstring(Drawing(Diagram((Box("A^{[2]}_{1} < 3"),))).svg)
    (text,) = root.iter(f"{SVG}text")
    assert "".join(text.itertext()) == "A[2]1 < 3"
    assert [float(piece.get("dy")) for piece in text] == pytest.approx([0, -7.5, 12.3, -4.8])


def test_a_note_stands_below_the_drawing_and_is_not_cut_off():
    plain = DIAGRAMS["two boxes"]
    noted = Diagram(plain.boxes, plain.edges, note="J = (a + b) · (a − b) + (b + c) · (b − c) = a² − c², " * 3)
    without, root = (ElementTree.fromstring(Drawing(diagram).svg) for diagram in (plain, noted))
    (note,) = (text for text in root.iter(f"{SVG}text") if text.text == noted.note.strip() or text.text == noted.note)
    wide, high = (float(n) for n in root.get("viewBox").split()[2:])
    assert float(note.get("x")) + width(noted.note, NOTE) <= wide
    assert float(without.get("viewBox").split()[3]) - 8 < float(note.get("y")) < high


def test_a_script_below_another_begins_where_that_does():
    assert width("a_{1}^{[2]}", 10) == pytest.approx(width("a^{[2]}", 10))
    root = ElementTree.fromstring(Drawing(Diagram((Box("a_{1}^{[2]} + b"),))).svg)
    (text,) = root.iter(f"{SVG}text")
    assert "".join(text.itertext()) == "a1[2] + b"
    _, index, layer, rest = text
    assert index.get("dx") is None
    assert float(layer.get("dx")) == pytest.approx(-width("_{1}", 15), abs=0.1)
    assert sum(float(piece.get("dy")) for piece in text) == pytest.approx(0, abs=0.1)
    assert rest.get("dx") is None


def test_letters_that_xml_cannot_hold_are_replaced():
    drawn = Drawing(Diagram((Box("a\x00<&>\"'"),), title="\x1b")).svg
    assert "a\ufffd<&>\"'" in "".join(ElementTree.fromstring(drawn).itertext())


@pytest.mark.parametrize(
    ("label", "flat"),
    [("x_{1}", "x₁"), ("W^{[1]}", "W^[1]"), ("A'^{[2]}_{10}", "A'^[2]₁₀"), ("{a}", "{a}"), ("a_{b}", "a_b"), ("", "")],
)
def test_labels_in_a_terminal(label, flat):
    assert unmarked(label) == flat


def test_widths():
    assert width("", 10) == 0
    assert width("ab", 10) == pytest.approx(width("a", 10) + width("b", 10))
    assert width("ab", 20) == pytest.approx(2 * width("ab", 10))
    assert 0 < width("x_{1}", 10) - width("x", 10) < width("1", 10)
    assert width("字", 10) == 10
    assert [run.level for run in runs("x^{2} + y_{1}")] == [0, 1, 0, -1]


def test_an_edge_to_nowhere_is_refused():
    with pytest.raises(cr.GraphError, match="from 0 to 1, but there are 1 boxes"):
        Diagram((Box("a"),), (Edge(0, 1),))


def test_a_cycle_is_refused():
    with pytest.raises(cr.GraphError, match="cycle"):
        Diagram((Box("a"), Box("b")), (Edge(0, 1), Edge(1, 0)))


def test_the_widths_that_are_kept_are_those_of_the_font():
    font = labels._font()
    for units, letters in WIDTHS.items():
        for letter in letters:
            assert font.load_char(ord(letter)).linearHoriAdvance / 65536 / labels._SIZE == units / UNITS, letter


def test_an_empty_diagram_is_drawn():
    assert ElementTree.fromstring(Drawing(Diagram(())).svg).tag.endswith("svg")

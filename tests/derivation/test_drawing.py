"""cr.draw: boxes, names, values forward, derivatives backward."""

from xml.etree import ElementTree

import numpy as np
import pytest

import chainrule as cr
from chainrule import ops
from chainrule.derivation.drawing import graph_diagram
from chainrule.derivation.layout import _Layers, lay_out
from chainrule.derivation.naming import named
from chainrule.derivation.ordering import few_crossings
from chainrule.derivation.spelling import number, shown
from derivation.test_diagram import assert_nothing_overlaps


def notes_graph():
    a, b, c = cr.variable(5, "a"), cr.variable(3, "b"), cr.variable(2, "c")
    return 3 * (a + b * c)


def labels(J):
    return [box.label for box in cr.draw(J).diagram.boxes]


def edges(J):
    diagram = cr.draw(J).diagram
    return sorted(
        (diagram.boxes[e.source].label, diagram.boxes[e.target].label.split(" ")[0], e.above, e.below)
        for e in diagram.edges
    )


def test_the_example_of_the_notes():
    J = notes_graph()
    assert labels(J) == ["a", "b", "c", "u = b · c", "v = a + u", "3", "J = 3 · v"]
    assert edges(J) == [
        ("3", "J", "", ""),
        ("a", "v", "5", "dJ/da = 3"),
        ("b", "u", "3", "dJ/db = 6"),
        ("c", "u", "2", "dJ/dc = 9"),
        ("u = b · c", "v", "6", "dJ/du = 3"),
        ("v = a + u", "J", "11", "dJ/dv = 3"),
    ]
    boxes = cr.draw(J).diagram.boxes
    assert [box.kind for box in boxes] == ["leaf"] * 3 + ["operation"] * 2 + ["constant", "cost"]
    assert boxes[-1].detail == "= 33"


def test_draw_sets_the_derivatives_afresh():
    a = cr.variable(2.0, "a")
    J = a * a
    (5 * J).backward()
    assert ("a", "J", "2", "2 of dJ/da = 4") in edges(J)
    assert a.grad == 4


def test_a_node_used_twice_has_two_edges():
    a = cr.variable(2.0, "a")
    assert edges(a * a) == [("a", "J", "2", "2 of dJ/da = 4")] * 2
    assert len(cr.draw(a * ops.exp(a)).diagram.edges) == 3


def test_arrays_are_shown_by_their_shape():
    A, W = cr.variable(np.ones((3, 4)), "A"), cr.variable(np.ones((4, 2)), "W^{[1]}")
    found = edges(((A @ W) * np.ones((3, 2))).sum(axis=(0, 1)))
    assert ("A", "u", "(3, 4)", "dJ/dA: (3, 4)") in found
    assert ("W^{[1]}", "u", "(4, 2)", "dJ/dW^{[1]}: (4, 2)") in found
    assert ("array (3, 2)", "v", "", "") in found


def test_of_a_large_array_that_is_used_twice_an_edge_says_that_its_part_is_not_the_whole():
    A = cr.variable(np.ones((3, 4)), "A")
    found = edges((ops.exp(A) + A).sum())
    assert [edge[3] for edge in found if edge[0] == "A"] == ["a part of dJ/dA: (3, 4)"] * 2


def test_operations_are_spelled_as_on_paper():
    a, b = cr.variable(4.0, "a"), cr.variable(-2.0, "b")
    spelled = {
        a - b: "J = a − b",
        a / b: "J = a / b",
        a**2: "J = a^{2}",
        -a: "J = −a",
        a + -2.5: "J = a + (−2.5)",
        (-2.0) * a: "J = −2 · a",
        ops.leaky_relu(b, slope=0.2): "J = leaky_relu(b, slope=0.2)",
        ops.maximum(a, b): "J = maximum(a, b)",
        ops.leaky_relu(b): "J = leaky_relu(b)",
        ops.stack([a] * 7).sum(): "J = sum(u)",
    }
    for J, label in spelled.items():
        assert labels(J)[-1] == label
    assert "u = stack(a, a, …, a)" in labels(ops.stack([a] * 7).sum())


def test_labels_that_have_no_derivative_have_an_edge():
    A = cr.variable([0.5, 2.0], "A")
    found = edges(ops.squared_error(A, np.array([1.0, 2.0])))
    assert ("[1, 2]", "J", "", "") in found


def test_the_cost_may_be_a_leaf():
    (box,) = cr.draw(cr.variable(3.0, "a")).diagram.boxes
    assert (box.label, box.kind, box.detail) == ("a", "cost", "= 3")


def test_an_infinite_derivative_is_drawn():
    assert ("x", "J", "0", "dJ/dx = inf") in edges(ops.sqrt(cr.variable(0.0, "x")))


@pytest.mark.parametrize(
    ("made", "names"),
    [
        (lambda x, y: x * y, ["x_{1}", "x_{2}", "J"]),
        (lambda x, y: ops.exp(x * y), ["x_{1}", "x_{2}", "u", "J"]),
        (lambda x, y: ops.exp(x * x) * ops.exp(y), ["x_{1}", "u", "v", "x_{2}", "w", "J"]),
        (
            lambda x, y: ops.exp(ops.exp(ops.exp(ops.exp(x + y)))),
            ["x_{1}", "x_{2}", *(f"u_{{{k}}}" for k in (1, 2, 3, 4)), "J"],
        ),
    ],
)
def test_names_of_nodes_without_one(made, names):
    assert list(named(made(cr.variable(0.1), cr.variable(0.2))).values()) == names


def test_given_names_stay_and_none_comes_twice():
    u, x, a, again = (cr.variable(1.0, name) for name in ("u", "x_{1}", "a", "a"))
    free = cr.variable(1.0)
    inner = u * x
    J = inner * a * again * free
    assert named(J)[u] == "u"
    assert [named(J)[node] for node in (a, again, free, inner)] == ["a", "a_{2}", "x_{2}", "u_{1}"]
    assert len(set(named(J).values())) == len(named(J)) == 9
    J.name = "cost"
    assert any("dcost/da = 1" in edge for edge in edges(J))


def test_saving(tmp_path):
    drawing = cr.draw(notes_graph())
    drawing.save(tmp_path / "new" / "graph.svg")
    assert (tmp_path / "new" / "graph.svg").read_text(encoding="utf-8") == drawing.svg == drawing._repr_svg_()
    ElementTree.fromstring(drawing.svg)
    assert "J = 33" in repr(drawing)


@pytest.mark.parametrize("name", ["graph.png", "graph", "graph.svg.txt"])
def test_only_svg_is_written(tmp_path, name):
    with pytest.raises(cr.OptionError, match=r"ends in \.svg"):
        cr.draw(notes_graph()).save(tmp_path / name)
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("given", [3, None, "3*a", np.float64(2)])
def test_only_variables_and_networks_are_drawn(given):
    with pytest.raises(cr.GraphError, match=r"draw takes a Variable or a Network, but was given a .*cr\.variable"):
        cr.draw(given)


def test_the_cost_must_be_a_scalar():
    with pytest.raises(cr.ShapeError, match=r"shape \(3,\)"):
        cr.draw(cr.variable([1.0, 2.0, 3.0]) * 2)


def test_a_graph_too_large_to_read_is_refused():
    J = cr.variable(1.0)
    for _ in range(300):
        J = J + 1
    with pytest.raises(cr.OptionError, match="the graph has 601 boxes, but a drawing of more than 500"):
        cr.draw(J)


def test_the_linear_program_of_long_edges_is_small():
    x = J = cr.variable(0.99, "x")
    for _ in range(40):
        J = J * x
    layers = _Layers(graph_diagram(J), downwards=False)
    rows = few_crossings([cell.layer for cell in layers.cells], layers._segments())
    blocks = set(layers._blocks(rows))
    assert len(layers.cells) > 1600
    assert len(blocks) < len(layers.cells) / 4


@pytest.mark.parametrize("n", [80, pytest.param(160, marks=pytest.mark.slow)])
def test_a_graph_of_many_boxes_with_long_edges_is_drawn(n):
    x = J = cr.variable(0.99, "x")
    for _ in range(n):
        J = J * x
    diagram = cr.draw(J).diagram
    assert len(diagram.boxes) == n + 1
    assert len(diagram.edges) == 2 * n


def test_nothing_overlaps_in_a_graph_with_names_and_numbers():
    random = np.random.default_rng(0)
    nodes = [cr.variable(value) for value in random.standard_normal(5)]
    for _ in range(35):
        a, b = (nodes[k] for k in random.integers(max(0, len(nodes) - 8), len(nodes), 2))
        nodes.append(ops.tanh(a * b) if random.random() < 0.3 else a + b)
    diagram = cr.draw(ops.stack(nodes).sum()).diagram
    assert_nothing_overlaps(diagram, lay_out(diagram))


@pytest.mark.parametrize(
    ("value", "digits", "text"),
    [
        (33.0, 4, "33"),
        (-0.0, 4, "0"),
        (0.123456, 4, "0.1235"),
        (12345, 4, "12345"),
        (1234567.0, 4, "1.235e+06"),
        (1e-7, 4, "1e-07"),
        (float("inf"), 4, "inf"),
        (float("nan"), 4, "nan"),
        (1 / 3, 6, "0.333333"),
        (-2, 6, "-2"),
    ],
)
def test_numbers(value, digits, text):
    assert number(value, digits) == text


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (np.ones((2, 2)), "[[1, 1], [1, 1]]"),
        (np.ones((3, 4)), "(3, 4)"),
        (np.zeros((0, 2)), "(0, 2)"),
        ([True, False], "[True, False]"),
        (np.array([5.0]), "[5]"),
        ("text", "text"),
    ],
)
def test_values(value, text):
    assert shown(value, 4) == text

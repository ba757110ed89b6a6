"""Networks as drawings: every node and parameter once, in the notes' names."""

import json
import re
from xml.etree import ElementTree

import numpy as np
import pytest

import chainrule as cr


def small():
    return cr.Network([cr.Dense(4, "relu"), cr.Dense(1, "sigmoid")], seed=0, input_shape=3)


def boxes(drawing):
    return [box.label for box in drawing.diagram.boxes]


def edges(drawing):
    """Sorted (from, to, above, below), by the labels of the boxes."""
    names = boxes(drawing)
    return sorted((names[e.source], names[e.target], e.above, e.below) for e in drawing.diagram.edges)


def test_every_node_has_a_box_and_shapes_and_derivatives_stand_at_the_edges():
    assert edges(cr.draw(small())) == [
        ("A^{[0]}", "Z^{[1]}", "(3, m)", ""),
        ("A^{[1]}", "Z^{[2]}", "(4, m)", "dA^{[1]}"),
        ("A^{[2]}", "J", "(1, m)", ""),
        ("W^{[1]}", "Z^{[1]}", "(4, 3)", "dW^{[1]}"),
        ("W^{[2]}", "Z^{[2]}", "(1, 4)", "dW^{[2]}"),
        ("Y", "J", "(1, m)", ""),
        ("Z^{[1]}", "A^{[1]}", "(4, m)", "dZ^{[1]}"),
        ("Z^{[2]}", "A^{[2]}", "(1, m)", "dZ^{[2]}"),
        ("b^{[1]}", "Z^{[1]}", "(4, 1)", "db^{[1]}"),
        ("b^{[2]}", "Z^{[2]}", "(1, 1)", "db^{[2]}"),
    ]


def test_few_numbers_are_shown_and_they_are_those_of_the_gradient():
    net = cr.Network([cr.Dense(1, "sigmoid")], seed=0, input_shape=2)
    X, y = np.array([[1.0, -2.0], [0.5, 3.0]]), [0, 1]
    found = edges(cr.draw(net, X, y))
    _, d = cr.gradients(net.copy("float64"), X, y, loss="binary_cross_entropy")
    a, b = d["dW1"][0]
    (W1,) = (edge for edge in found if edge[0] == "W^{[1]}")
    assert W1[1] == "Z^{[1]}"
    assert W1[3] == f"dW^{{[1]}} = [{a:.4g}, {b:.4g}]"
    assert ("Y", "J", "[0, 1]", "") in found


def test_a_residual_network_draws_the_way_around():
    net = cr.Network([cr.Standardize(), cr.Dense(3), cr.Residual([cr.Dense(3, "relu")])], seed=0, input_shape=2)
    drawing = cr.draw(net)
    found = edges(drawing)
    joined = [edge[:2] for edge in found]
    for pair in [("A^{[1]}", "Z^{[2]}"), ("A^{[1]}", "A^{[2.2]}"), ("A^{[2]}", "A^{[2.2]}")]:
        assert joined.count(pair) == 1
    assert ("A^{[0.2]}", "Z^{[1]}", "(2, m)", "") in found
    assert len(boxes(drawing)) == len(set(boxes(drawing)))


def below(drawing, source):
    """What stands below the edges that leave a box."""
    return [edge[3] for edge in edges(drawing) if edge[0] == source]


def test_where_a_value_forks_each_edge_has_its_own_part_of_the_derivative():
    net = cr.Network([cr.Dense(3), cr.Residual([cr.Dense(3, "relu")]), cr.Dense(1)], seed=0, input_shape=2)
    assert below(cr.draw(net), "A^{[1]}") == ["dA^{[2.2]} of dA^{[1]}", "W^{[2]T} dZ^{[2]} of dA^{[1]}"]
    attentive = cr.Network([cr.Dense(4), cr.MultiHeadAttention(2), cr.Dense(1)], seed=0, input_shape=(5, 3))
    assert sorted(below(cr.draw(attentive), "A^{[1]}"), key=str.lower) == [
        "Wk^{[2]T} dZ^{[2.2]} of dA^{[1]}",
        "Wq^{[2]T} dZ^{[2]} of dA^{[1]}",
        "Wv^{[2]T} dZ^{[2.3]} of dA^{[1]}",
    ]


def test_the_parts_add_up_to_the_derivative():
    net = cr.Network([cr.Dense(2), cr.Residual([cr.Dense(2, "relu")]), cr.Dense(1)], seed=0, input_shape=2)
    found = below(cr.draw(net, [[1.0, 2.0], [0.5, -1.0]], [0.0, 1.0]), "A^{[1]}")
    one, other, *_ = ([np.array(json.loads(text)) for text in re.findall(r"\[\[.*?\]\]", line)] for line in found)
    np.testing.assert_allclose(one[0] + other[0], one[1], rtol=1e-3, atol=1e-4)
    np.testing.assert_array_equal(one[1], other[1])
    assert np.abs(one[0]).max() > 0


def test_a_value_with_one_use_carries_its_whole_derivative():
    assert not any(" of " in edge[3] for edge in edges(cr.draw(small())))


def test_a_tall_drawing_lies_where_that_is_asked_for():
    net = cr.Network([cr.Dense(4, "relu") for _ in range(6)], seed=0, input_shape=2)

    def size(drawing):
        return [float(n) for n in ElementTree.fromstring(drawing.svg).get("viewBox").split()[2:]]

    (wide, high), (narrow, tall) = size(cr.draw(net, direction="right")), size(cr.draw(net, direction="down"))
    assert wide > high
    assert tall > narrow
    assert size(cr.draw(net)) == [narrow, tall]


def test_there_are_two_directions():
    with pytest.raises(cr.OptionError, match="direction is 'left', but data flow"):
        cr.draw(small(), direction="left")


def test_a_network_of_unknown_size_needs_examples():
    with pytest.raises(cr.DataError, match="input_shape"):
        cr.draw(cr.Network([cr.Dense(2)]))


def test_a_network_too_large_to_read_is_refused():
    with pytest.raises(cr.OptionError, match="500"):
        cr.draw(cr.Network([cr.Dense(1) for _ in range(150)], input_shape=1))


@pytest.mark.parametrize("given", [{"X": [[1.0]]}, {"y": [1.0]}, {"loss": "hinge"}, {"seed": 1}])
def test_examples_belong_to_networks(given):
    with pytest.raises(cr.OptionError, match="X, y, loss and seed belong to the drawing of a network"):
        cr.draw(cr.variable(1.0) * 2, **given)


def test_the_seed_is_that_of_the_dropout():
    net = cr.Network([cr.Dropout(0.5), cr.Dense(1)], seed=0, input_shape=4)
    pictures = [cr.draw(net, [[1.0, 2.0, 3.0, 4.0]], [1.0], seed=seed).svg for seed in (0, 1, 1)]
    assert pictures[0] != pictures[1] == pictures[2]

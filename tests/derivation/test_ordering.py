"""The order of cells in layers: few lines cross, and nothing is lost."""

from itertools import permutations, product

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

import chainrule as cr
from chainrule.derivation.layout import lay_out
from chainrule.derivation.ordering import crossings, few_crossings


def neighbours_before(layers, segments):
    before = [[] for _ in layers]
    for a, b in segments:
        before[b].append(a)
    return before


def counted(rows, segments):
    """The crossings, pair by pair as they are defined."""
    place = {cell: k for row in rows for k, cell in enumerate(row)}
    layer = {cell: l for l, row in enumerate(rows) for cell in row}
    return sum(
        layer[a] == layer[c] and place[a] < place[c] and place[b] > place[d]
        for (a, b), (c, d) in product(segments, repeat=2)
    )


@st.composite
def layered(draw):
    """The layer of each cell, and segments from each layer to the next; some twice."""
    layers = draw(st.lists(st.integers(0, 4), max_size=14))
    layers = [sorted(set(layers)).index(layer) for layer in layers]  # no layer is empty
    pairs = [(a, b) for a, b in product(range(len(layers)), repeat=2) if layers[b] == layers[a] + 1]
    return layers, draw(st.lists(st.sampled_from(pairs), max_size=25)) if pairs else []


@settings(max_examples=80, deadline=None)
@given(layered())
def test_every_cell_is_in_its_layer_once_and_the_crossings_are_counted(graph):
    layers, segments = graph
    rows = few_crossings(layers, segments)
    assert sorted(cell for row in rows for cell in row) == list(range(len(layers)))
    assert all(layers[cell] == l for l, row in enumerate(rows) for cell in row)
    assert crossings(rows, neighbours_before(layers, segments)) == counted(rows, segments)
    assert rows == few_crossings(layers, segments)


def test_a_tree_is_drawn_without_crossings():
    random = np.random.default_rng(0)
    layers, segments = [0], []
    for cell in range(1, 120):
        parent = int(random.integers(cell))
        layers.append(layers[parent] + 1)
        segments.append((parent, cell))
    assert counted(few_crossings(layers, segments), segments) == 0


def test_small_graphs_have_hardly_more_crossings_than_in_the_best_of_all_orders():
    random = np.random.default_rng(0)
    layers = [0] * 4 + [1] * 4 + [2] * 2
    pairs = [(a, b) for a, b in product(range(10), repeat=2) if layers[b] == layers[a] + 1]
    found = best = 0
    for _ in range(10):
        segments = [pair for pair in pairs if random.random() < 0.5]
        before = neighbours_before(layers, segments)
        orders = product(*(permutations(k for k in range(10) if layers[k] == layer) for layer in range(3)))
        best += min(crossings(rows, before) for rows in orders)
        found += crossings(few_crossings(layers, segments), before)
    assert best <= found <= 1.1 * best


def test_weights_and_biases_stand_on_the_same_side_of_what_they_meet():
    blocks = [cr.Residual([cr.Dense(4, "relu")]) for _ in range(3)]
    diagram = cr.draw(cr.Network([cr.Dense(4), *blocks], seed=0, input_shape=3)).diagram
    rooms = lay_out(diagram, downwards=True).boxes
    labels = [box.label for box in diagram.boxes]
    for l in range(1, 5):
        W, b, Z = (labels.index(f"{name}^{{[{l}]}}") for name in ("W", "b", "Z"))
        (A,) = (edge.source for edge in diagram.edges if edge.target == Z and edge.source not in (W, b))
        assert rooms[A].x < rooms[W].x < rooms[b].x

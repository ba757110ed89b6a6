"""cr.draw(net, neurons=True): the units of a network, its weights and activations."""

import base64
import functools
import io
import re
from dataclasses import replace
from xml.etree import ElementTree

import numpy as np
import pytest
from PIL import Image

import chainrule as cr
from chainrule.derivation.neuron_places import NEGATIVE, POSITIVE, brief
from derivation.sketches import assert_nothing_overlaps
from derivation.test_diagram import SVG

X3 = [[1.0, -2.0, 0.5]]


def network(*layers, shape=None, seed=0):
    return cr.Network(list(layers), seed=seed, input_shape=shape)


def logistic():
    return network(cr.Dense(1, "sigmoid"), shape=3)


def three_four_one():
    return network(cr.Dense(4, "sigmoid"), cr.Dense(1, "sigmoid"), shape=3)


def four_layers():
    return network(cr.Dense(5, "relu"), cr.Dense(5, "relu"), cr.Dense(3, "relu"), cr.Dense(1, "sigmoid"), shape=3)


def digits():
    return network(cr.Standardize(), cr.Dense(64, "relu"), cr.Dropout(0.2), cr.Dense(10, "softmax"), shape=64)


def lenet():
    return network(
        cr.Conv2D(6, 5, "relu"),
        cr.MaxPool(2),
        cr.Conv2D(16, 5, "relu"),
        cr.MaxPool(2),
        cr.Flatten(),
        cr.Dense(120, "relu"),
        cr.Dense(10, "softmax"),
        shape=(28, 28, 1),
    )


def reader_of_words():
    layers = cr.Embedding(1000, 16), cr.LSTM(32, bidirectional=True, last=True), cr.Dense(1, "sigmoid")
    return network(*layers, shape=20)


def residual():
    wide = cr.Residual([cr.Dense(6, "relu"), cr.Dense(2)], shortcut=cr.Dense(2, bias=False))
    return network(cr.Dense(4, "relu"), cr.Residual([cr.Dense(4, "relu"), cr.Dense(4)]), wide, cr.Dense(1), shape=3)


def attentive():
    inner = cr.Residual([cr.LayerNorm(), cr.MultiHeadAttention(2)])
    return network(cr.PositionalEncoding(), inner, cr.Dense(2), shape=(6, 4))


def normalized_pictures():
    layers = cr.Conv2D(8, 3), cr.BatchNorm(), cr.Activation("relu"), cr.GlobalAveragePool(), cr.Dense(3, "softmax")
    return network(*layers, shape=(16, 16, 3))


def of_sequences():
    return network(cr.Conv1D(4, 3, "relu"), cr.MaxPool(2), cr.Flatten(), cr.Dense(1), shape=(30, 2))


def recurrent():
    return network(cr.RNN(4), cr.Dense(2, "softmax"), shape=(5, 3))


class Halved(cr.Layer):
    def forward(self, A):
        return A[:, : A.shape[1] // 2]


def own():
    return network(cr.Dense(6, cr.ops.exp), Halved(), cr.Dense(1, lambda Z: Z), shape=2)


NETWORKS = {
    made.__name__: made
    for made in (
        logistic,
        three_four_one,
        four_layers,
        digits,
        lenet,
        reader_of_words,
        residual,
        attentive,
        normalized_pictures,
        of_sequences,
        recurrent,
        own,
    )
}


def blank(net):
    return np.zeros((1, *net.input_shape)) + np.linspace(0, 1, net.input_shape[-1])


def words(drawing):
    return [one.text for one in drawing.diagram.words]


@functools.cache
def drawn(name, example=False, bias=False):
    net = NETWORKS[name]()
    X = (np.ones((1, 20), int) if name == "reader_of_words" else blank(net)) if example else None
    return cr.draw(net, X, neurons=True, bias=bias)


@pytest.mark.parametrize(("example", "bias"), [(False, False), (True, True)])
@pytest.mark.parametrize("name", NETWORKS)
def test_nothing_overlaps_and_nothing_is_cut_off(name, example, bias):
    drawing = drawn(name, example, bias)
    assert_nothing_overlaps(drawing.diagram)
    ElementTree.fromstring(drawing.svg)


def test_the_notes_network_has_its_names_and_its_sizes():
    found = words(drawn("three_four_one"))
    assert found[:4] == ["x_{1}", "x_{2}", "x_{3}", "a_{1}^{[1]}"]
    assert {"a^{[2]}", "ŷ", "input", "layer 1", "n^{[0]} = 3", "n^{[1]} = 4", "n^{[2]} = 1", "σ"} <= set(found)


def weights(drawing):
    """Of the lines that have a weight, by their name: the weight, the colour and how wide they are."""
    told = (re.fullmatch(r"([wb]\S*) = (\S+)", stroke.tooltip) for stroke in drawing.diagram.strokes)
    return {
        found[1]: (float(found[2]), stroke.colour, stroke.line)
        for found, stroke in zip(told, drawing.diagram.strokes, strict=True)
        if found
    }


def test_each_line_has_the_colour_of_its_weights_sign_and_is_the_wider_the_larger_it_is():
    net = three_four_one()
    lines = weights(cr.draw(net, neurons=True))
    W1, W2 = net.parameters["W1"], net.parameters["W2"]
    assert len(lines) == 16
    for k in range(4):
        for j in range(3):
            assert lines[f"w_{{{k + 1},{j + 1}}}^{{[1]}}"][0] == pytest.approx(W1[k, j], rel=1e-3)
        assert lines[f"w_{{1,{k + 1}}}^{{[2]}}"][0] == pytest.approx(W2[0, k], rel=1e-3)
    assert all(colour == (POSITIVE if w >= 0 else NEGATIVE) for w, colour, _ in lines.values())
    assert {POSITIVE, NEGATIVE} == {colour for _, colour, _ in lines.values()}
    by_size = sorted(lines.values(), key=lambda line: abs(line[0]))
    assert [wide for *_, wide in by_size] == sorted(wide for *_, wide in by_size)


def test_the_activations_of_an_example_stand_in_the_units():
    net = three_four_one()
    found = words(cr.draw(net, X3, neurons=True))
    A1 = 1 / (1 + np.exp(-(X3 @ net.parameters["W1"].T)))
    assert found[0:6:2] == ["1", "−2", "0.50"]
    assert found[1:6:2] == ["x_{1}", "x_{2}", "x_{3}"]
    assert found[6:14:2] == [brief(a) for a in A1[0]]
    assert brief(float(net.predict(X3)[0, 0])) in found


def test_the_logistic_unit_is_drawn_with_its_formula():
    found = words(drawn("logistic"))
    assert {"w^{T}x + b", "σ(z)", "ŷ"} <= set(found)
    net = logistic()
    net.set_parameters({"W1": [[0.5, -1.0, 2.0]], "b1": [0.25]})
    found = words(cr.draw(net, X3, neurons=True))
    assert {"z = 3.75", "a = 0.98", "w_{1} = 0.50", "w_{2} = −1", "w_{3} = 2"} <= set(found)


def test_of_a_sequence_the_formula_is_of_the_last_step():
    net = network(cr.Dense(1), shape=(3, 2))
    net.set_parameters({"W1": [[1.0, 10.0]], "b1": [0.5]})
    found = words(cr.draw(net, np.arange(6.0).reshape(1, 3, 2), neurons=True))
    assert {"z = 54.5", "a = 54.5"} <= set(found)


def test_the_bias_is_a_unit_that_is_always_1():
    net = three_four_one()
    net.set_parameters({"b1": [0.5, -0.5, 0.1, 0.0], "b2": [2.0]})
    drawing = cr.draw(net, neurons=True, bias=True)
    lines = weights(drawing)
    assert [lines[f"b_{{{k}}}^{{[1]}}"][0] for k in (1, 2, 3, 4)] == [0.5, -0.5, 0.1, 0.0]
    assert lines["b_{1}^{[2]}"][0] == 2
    assert words(drawing).count("1") == 2
    assert "b_{1}^{[1]}" not in weights(cr.draw(net, neurons=True))


def test_of_many_units_the_first_few_and_the_last_are_drawn():
    found = words(drawn("digits"))
    assert [text for text in found if text.startswith("x")] == ["x_{1}", "x_{2}", "x_{3}", "x_{4}", "x_{64}"]
    assert [text for text in found if text.startswith("ŷ")] == [f"ŷ_{{{k}}}" for k in (1, 2, 3, 4, 10)]
    assert "n^{[1]} = 64" in found
    eight = words(cr.draw(network(cr.Dense(8), shape=2), neurons=True))
    assert sum(text.startswith("a_") for text in eight) == 8


def test_the_lines_between_units_that_are_drawn_belong_to_them():
    net = digits()
    lines = weights(drawn("digits"))
    assert len(lines) == 50
    assert lines["w_{64,64}^{[1]}"][0] == pytest.approx(net.parameters["W1"][63, 63], rel=1e-3)
    assert lines["w_{10,4}^{[2]}"][0] == pytest.approx(net.parameters["W2"][9, 3], rel=1e-3)


def test_convolutions_are_stacks_of_maps_with_the_window_that_a_place_sees():
    found = words(drawn("lenet"))
    assert {"6 maps", "24 × 24", "5 × 5, relu", "MaxPool", "16 maps", "4 × 4", "flattened", "256 units"} <= set(found)
    stacks = [shape for shape in drawn("lenet").diagram.shapes if shape.beneath]
    assert len(stacks) == 4 * 3  # of four stacks the maps behind the front one; the input has one channel
    assert {"window of 3, relu", "28 steps"} <= set(words(drawn("of_sequences")))


def pictures(drawing):
    """The pixels of the pictures in a drawing, in the order in which they are drawn."""
    root = ElementTree.fromstring(drawing.svg)
    links = [image.get("href").removeprefix("data:image/png;base64,") for image in root.iter(f"{SVG}image")]
    return [np.asarray(Image.open(io.BytesIO(base64.b64decode(link)))) for link in links]


def test_maps_show_what_an_example_makes_of_them_in_the_colours_of_its_signs():
    net = network(cr.Conv2D(2, 1), shape=(2, 3, 1))
    net.set_parameters({"W1": [[[[1.0]]], [[[-2.0]]]], "b1": [0.0, 0.0]})
    X = np.array([[[0.0, 0.5, 1.0], [-1.0, 0.25, 0.0]]])[..., None]
    given, second, first = pictures(cr.draw(net, X, neurons=True))
    assert given.shape == (2, 3, 3)
    blue, orange = ([int(colour[k : k + 2], 16) for k in (1, 3, 5)] for colour in (POSITIVE, NEGATIVE))
    assert given[0, 0].tolist() == [255, 255, 255]
    assert given[0, 2].tolist() == blue
    assert given[1, 0].tolist() == orange
    assert second[0, 2].tolist() == orange
    assert second[1, 0].tolist() == blue
    np.testing.assert_allclose(first[0, 2], (255 + np.array(blue)) / 2, atol=1)  # half as large as the largest
    assert pictures(cr.draw(net, neurons=True)) == []


def test_large_maps_are_drawn_with_fewer_pixels_and_what_is_no_number_is_grey():
    net = network(cr.Conv2D(1, 1), shape=(150, 100, 1))
    given, _ = pictures(cr.draw(net, np.ones((1, 150, 100, 1)), neurons=True))
    assert given.shape == (50, 50, 3)
    net.parameters["W1"][...] = np.nan
    _, maps = pictures(cr.draw(net, np.ones((1, 150, 100, 1)), neurons=True))
    assert (maps == 128).all()


def test_other_layers_are_bars():
    assert {"Standardize", "Dropout(0.2)"} <= set(words(drawn("digits")))
    assert {"LayerNorm", "MultiHeadAttention(2)", "+"} <= set(words(drawn("attentive")))
    assert {"BatchNorm", "relu", "layer 2"} <= set(words(drawn("normalized_pictures")))
    assert "Halved" in words(drawn("own"))


def test_an_activation_by_itself_belongs_to_the_units_before_it():
    net = network(cr.Dense(3), cr.Activation("tanh"), cr.Dense(1), shape=2)
    drawing = cr.draw(net, [[1.0, 2.0]], neurons=True)
    A1 = np.tanh(np.array([[1.0, 2.0]]) @ net.parameters["W1"].T)
    assert [brief(a) for a in A1[0]] == words(drawing)[4:10:2]
    assert "tanh" in words(drawing)


def test_a_recurrent_layer_has_an_arrow_back_to_itself():
    drawing = drawn("recurrent")
    assert {"U^{[1]}", "RNN", "a_{t,4}^{[1]}", "x_{t,1}", "ŷ_{t,2}"} <= set(words(drawing))
    assert any(stroke.tooltip == "from step t − 1 to step t" for stroke in drawing.diagram.strokes)
    assert {"U^{[2]}, Ur^{[2]}", "LSTM, 4 gates", "first and last step"} <= set(words(drawn("reader_of_words")))


def test_of_a_sequence_the_last_step_that_counts_is_shown():
    net = network(cr.Masking(), cr.RNN(2), shape=(4, 1))
    X = np.array([[[0.5], [0.25], [0.0], [0.0]]])
    found = words(cr.draw(net, X, neurons=True))
    assert "x_{2,1}" in found
    assert "0.25" in found
    assert brief(float(net.predict(X)[0, 1, 0])) in found


def test_the_way_around_is_an_arrow_over_the_layers():
    ways = [stroke for stroke in drawn("residual").diagram.strokes if stroke.tooltip == "the way around"]
    assert len(ways) == 2
    assert "layer 6: Dense(2, bias=False)" in words(drawn("residual"))


def test_the_check_of_overlaps_can_fail():
    sketch = drawn("three_four_one").diagram
    word = replace(sketch.words[0], at=sketch.words[1].at)
    moved = replace(sketch.shapes[0], room=replace(sketch.shapes[0].room, x=sketch.shapes[0].room.x + 60))
    for wrong in (
        replace(sketch, words=(word, *sketch.words[1:])),
        replace(sketch, shapes=(moved, *sketch.shapes[1:])),
        replace(sketch, height=sketch.height - 20),
    ):
        with pytest.raises(AssertionError):
            assert_nothing_overlaps(wrong)


def test_an_example_may_come_alone_and_builds_the_network():
    net = three_four_one()
    assert cr.draw(net, X3[0], neurons=True).svg == cr.draw(net, X3, neurons=True).svg
    fresh = cr.Network([cr.Dense(2), cr.Dense(1)], seed=0)
    assert "n^{[0]} = 3" in words(cr.draw(fresh, X3, neurons=True))
    assert fresh.input_shape == (3,)


def test_the_network_stays_as_it_is():
    net = three_four_one()
    before = net.flat.copy()
    cr.draw(net, X3, neurons=True)
    np.testing.assert_array_equal(net.flat, before)
    assert net.flat.dtype == np.float32


def test_a_weight_that_is_no_number_is_a_black_line():
    net = three_four_one()
    net.parameters["W1"][0, 0] = np.nan
    drawing = cr.draw(net, neurons=True)
    assert_nothing_overlaps(drawing.diagram)
    (line,) = (stroke for stroke in drawing.diagram.strokes if stroke.tooltip.endswith("nan"))
    assert line.colour not in (POSITIVE, NEGATIVE)


def test_the_picture_says_what_it_is():
    drawing = drawn("three_four_one")
    assert repr(drawing) == "<drawing of the units of a network: 3 → 4 → 1: 8 units, 16 weights>"
    root = ElementTree.fromstring(drawing.svg)
    assert root.get("aria-label") == "the units of a network: 3 → 4 → 1"
    assert len(list(root.iter(f"{SVG}title"))) == 8 + 16


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (0.0, "0"),
        (-0.0, "0"),
        (0.123456, "0.12"),
        (-0.5, "−0.50"),
        (12.34, "12.3"),
        (-123.4, "−123"),
        (0.0031, "3e−3"),
        (1234.5, "1e3"),
        (-5e-12, "−5e−12"),
        (999.7, "1e3"),
        (9.996, "10.0"),
        (float("inf"), "inf"),
        (float("nan"), "nan"),
    ],
)
def test_numbers_in_units_are_short(value, text):
    assert brief(value) == text


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"X": X3 * 2}, r"X is \(2, 3\), 2 examples, but units show the activations of one: .*X\[:1\]"),
        ({"y": [1.0]}, "no cost.*leave y, loss, seed and direction out"),
        ({"loss": "hinge"}, "leave y, loss"),
        ({"direction": "down"}, "leave y, loss"),
        ({"blocks": True}, "two pictures: ask for one at a time"),
        ({"neurons": False, "bias": True}, "add neurons=True"),
        ({"neurons": False, "unrolled": 3}, "add neurons=True"),
        ({"unrolled": 3}, "none of RNN, GRU and LSTM: leave it out"),
    ],
)
def test_options_that_do_not_go_together(options, message):
    with pytest.raises((cr.OptionError, cr.DataError), match=message):
        cr.draw(three_four_one(), **{"neurons": True} | options)


def test_units_are_of_networks_and_need_their_sizes():
    with pytest.raises(cr.OptionError, match="draw a network"):
        cr.draw(cr.variable(1.0) * 2, neurons=True)
    with pytest.raises(cr.DataError, match="input_shape"):
        cr.draw(cr.Network([cr.Dense(2)]), neurons=True)
    with pytest.raises(cr.OptionError, match="51 columns, but more than 40 cannot be read: take blocks=True"):
        cr.draw(network(*[cr.Dense(1) for _ in range(50)], shape=1), neurons=True)

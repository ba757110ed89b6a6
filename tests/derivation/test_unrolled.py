"""cr.draw(net, neurons=True, unrolled=…): a recurrent network, its steps side by side."""

import numpy as np
import pytest

import chainrule as cr
from derivation.sketches import assert_nothing_overlaps


def network(*layers, shape):
    return cr.Network(list(layers), seed=0, input_shape=shape)


NETWORKS = {
    "every step": network(cr.RNN(4), cr.Dense(2, "softmax"), shape=(5, 3)),
    "both ways": network(
        cr.Embedding(1000, 16), cr.LSTM(32, bidirectional=True, last=True), cr.Dense(1, "sigmoid"), shape=20
    ),
    "a stack": network(cr.GRU(4, layers=2, last=True), cr.Dropout(0.2), cr.Dense(1), shape=(3, 2)),
    "all steps at once": network(
        cr.LSTM(4),
        cr.Residual([cr.LayerNorm(), cr.MultiHeadAttention(2)]),
        cr.GlobalAveragePool(),
        cr.Dense(1),
        shape=(6, 2),
    ),
    "both ways, every step": network(cr.GRU(3, bidirectional=True), cr.Dense(1), shape=(4, 2)),
}


def words(drawing):
    return [one.text for one in drawing.diagram.words]


@pytest.mark.parametrize("steps", [2, 4, 12])
@pytest.mark.parametrize("name", NETWORKS)
def test_nothing_overlaps_and_nothing_is_cut_off(name, steps):
    assert_nothing_overlaps(cr.draw(NETWORKS[name], neurons=True, unrolled=steps).diagram)


def test_each_step_has_its_boxes_and_hands_its_state_to_the_next():
    found = words(cr.draw(NETWORKS["every step"], neurons=True, unrolled=5))
    for t in range(1, 6):
        assert {f"x_{{{t}}}", f"A_{{{t}}}^{{[1]}}", f"A_{{{t}}}^{{[2]}}", f"ŷ_{{{t}}}"} <= set(found)
    assert {"U^{[1]}", "W^{[1]}", "W^{[2]}", "0", "layer 1", "RNN(4)"} <= set(found)
    assert "…" not in found


def test_of_more_steps_the_first_ones_and_the_last_are_drawn():
    found = words(cr.draw(NETWORKS["every step"], neurons=True, unrolled=4))
    assert [text for text in found if text.startswith("x")] == ["x_{1}", "x_{2}", "x_{3}", "x_{5}"]
    assert "…" in found


def test_only_the_last_state_goes_on_where_the_layer_says_so():
    drawing = cr.draw(NETWORKS["a stack"], neurons=True, unrolled=3)
    found = words(drawing)
    assert found.count("A^{[3]}") == found.count("ŷ") == found.count("Dropout") == 1


def test_of_a_layer_that_reads_both_ways_both_ends_go_on():
    drawing = cr.draw(NETWORKS["both ways"], neurons=True, unrolled=4)
    assert {"U^{[2]}", "Ur^{[2]}"} <= set(words(drawing))
    assert any(stroke.tooltip == "the state behind the first step" for stroke in drawing.diagram.strokes)


def test_a_layer_that_sees_all_steps_is_one_wide_box():
    assert words(cr.draw(NETWORKS["all steps at once"], neurons=True, unrolled=3)).count("all steps") == 2


def test_the_numbers_of_an_example_stand_in_the_boxes():
    net = NETWORKS["every step"]
    X = np.random.default_rng(0).normal(size=(1, 5, 3))
    found = words(cr.draw(net, X, neurons=True, unrolled=5))
    output = net.predict(X)[0]
    assert [text for text in found if text.startswith("0.") and "…" not in text][-5:] == [
        f"{a:.2f}, {b:.2f}" for a, b in output
    ]


@pytest.mark.parametrize("steps", [1, 0, 13])
def test_too_few_or_too_many_steps_are_refused(steps):
    with pytest.raises(cr.OptionError, match=f"unrolled is {steps}"):
        cr.draw(NETWORKS["every step"], neurons=True, unrolled=steps)


def test_a_bias_has_no_place_beside_boxes():
    with pytest.raises(cr.OptionError, match="leave one of them out"):
        cr.draw(NETWORKS["every step"], neurons=True, unrolled=3, bias=True)

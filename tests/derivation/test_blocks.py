"""cr.draw(net, blocks=True): forward above, backward below, caches between."""

import pytest

import chainrule as cr
from derivation.networks import twelve_layers
from derivation.sketches import assert_nothing_overlaps


def network(*layers, shape):
    return cr.Network(list(layers), seed=0, input_shape=shape)


NETWORKS = {
    "3-4-1": network(cr.Dense(4, "sigmoid"), cr.Dense(1, "sigmoid"), shape=3),
    "deep": network(cr.Standardize(), *[cr.Dense(4, "relu") for _ in range(9)], cr.Dense(3, "softmax"), shape=3),
    "pictures": network(cr.Conv2D(6, 5, "relu"), cr.MaxPool(2), cr.Flatten(), cr.Dense(10, "softmax"), shape=(9, 9, 1)),
    "residual": network(cr.Dense(4, "relu"), cr.Residual([cr.Dense(4, "relu"), cr.Dense(4)]), cr.Dense(1), shape=3),
    "recurrent": network(cr.LSTM(3, layers=2), cr.MultiHeadAttention(1), cr.Dense(1), shape=(4, 2)),
    "twelve": twelve_layers(),
}


def words(drawing):
    return [one.text for one in drawing.diagram.words]


@pytest.mark.parametrize("name", NETWORKS)
def test_nothing_overlaps_and_nothing_is_cut_off(name):
    assert_nothing_overlaps(cr.draw(NETWORKS[name], blocks=True).diagram)


def test_the_blocks_of_the_notes():
    drawing = cr.draw(NETWORKS["3-4-1"], blocks=True)
    found = words(drawing)
    assert found.count("W^{[1]}, b^{[1]}") == 3  # forward, in the cache, and backward
    assert {"A^{[0]} = X", "A^{[1]}", "A^{[2]}", "(3, m)", "(4, m)", "(1, m)", "J", "Y"} <= set(found)
    assert {"Z^{[1]}", "Z^{[2]}"} <= set(found)
    assert {"dZ^{[2]}", "dA^{[1]}", "dW^{[1]}, db^{[1]}", "dW^{[2]}, db^{[2]}"} <= set(found)
    assert "dA^{[0]}" not in found  # nobody reads it
    assert repr(drawing) == "<drawing of forward and backward blocks of 2 layers: 2 blocks>"


def test_forward_stands_above_the_cache_and_that_above_backward():
    y = {one.text: one.at[1] for one in cr.draw(NETWORKS["3-4-1"], blocks=True).diagram.words}
    assert y["A^{[1]}"] < y["Z^{[1]}"] < y["dA^{[1]}"] < y["dW^{[1]}, db^{[1]}"]


def test_without_the_shortcut_the_cost_hands_back_dA():
    net = network(cr.Dense(2, "tanh"), shape=3)
    assert "dA^{[1]}" in words(cr.draw(net, blocks=True, loss="squared_error"))


def test_of_many_layers_the_first_and_the_last_are_drawn():
    found = words(cr.draw(NETWORKS["deep"], blocks=True))
    assert found.count("…") == 2
    assert [text for text in found if text.startswith("layer")] == ["layer 1", "layer 2", "layer 9", "layer 10"]


def test_what_learns_nothing_and_stands_first_has_no_way_back():
    found = words(cr.draw(NETWORKS["deep"], blocks=True))
    assert found.count("Standardize") == 2  # its title and its block forward
    assert "dA^{[0.2]}" not in found


def test_a_residual_is_one_block():
    found = words(cr.draw(NETWORKS["residual"], blocks=True))
    assert {"W^{[2]}, b^{[2]}, W^{[3]}, b^{[3]}", "dZ^{[2]}, dZ^{[3]}"} <= set(found)


def test_blocks_have_no_direction():
    with pytest.raises(cr.OptionError, match="leave direction out"):
        cr.draw(NETWORKS["3-4-1"], blocks=True, direction="down")

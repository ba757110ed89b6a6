"""The notes' computation graph, J = 3(a + bc)."""

import pytest

import chainrule as cr
from chainrule import notes


def test_the_numbers_of_the_notes():
    graph = notes.computation_graph()
    assert (graph.u, graph.v, graph.J) == (6, 11, 33)
    assert (graph.dv, graph.du, graph.da, graph.db, graph.dc) == (3, 3, 3, 6, 9)


def test_other_numbers():
    graph = notes.computation_graph(a=-1, b=0.5, c=4)
    assert (graph.u, graph.v, graph.J) == (2, 1, 3)
    assert (graph.da, graph.db, graph.dc) == (3, 12, 1.5)


def test_its_text_is_the_steps_of_the_notes():
    lines = str(notes.computation_graph()).splitlines()
    assert lines[:4] == ["forward", "u = b · c = 3 · 2 = 6", "v = a + u = 5 + 6 = 11", "J = 3 · v = 3 · 11 = 33"]
    assert lines[-1] == "dJ/dc = dJ/du · du/dc = 3 · 3 = 9"


def test_it_is_drawn():
    assert "u = b · c" in notes.computation_graph().draw().svg


@pytest.mark.parametrize("value", ["5", float("nan"), None])
def test_inputs_are_finite_numbers(value):
    with pytest.raises(cr.OptionError, match="a is"):
        notes.computation_graph(a=value)


def test_it_does_not_change():
    with pytest.raises(AttributeError):
        notes.computation_graph().J = 3

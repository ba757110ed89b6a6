"""Three ways to a gradient come to the same numbers; what they cost is measured, and not asserted."""

import numpy as np
import pytest

from chainrule import notes
from chainrule.papers import linnainmaa1970 as paper

PROBLEM = paper.problem(np.random.default_rng(0), 4, m=20)


@pytest.mark.parametrize("way", paper.WAYS)
def test_every_way_finds_the_gradient_of_the_notes(way):
    X, Y, p = PROBLEM
    activations = ("tanh", "tanh", "sigmoid")
    A, caches = notes.forward(X, p, activations)
    expected = notes.backward(A, Y, caches, activations)
    assert paper.J(X, Y, p) == pytest.approx(notes.cost(A, Y))
    for name, found in paper.WAYS[way](X, Y, p).items():
        np.testing.assert_allclose(found, expected[f"d{name}"], atol=1e-9, err_msg=name)


def test_differences_leave_the_parameters_as_they_were():
    X, Y, p = PROBLEM
    before = {name: value.copy() for name, value in p.items()}
    paper.differences(X, Y, p)
    for name, value in p.items():
        np.testing.assert_array_equal(value, before[name])


def test_the_slow_ways_are_for_small_networks():
    result = paper.run(seeds=1, widths=(2, 5), slow_up_to=20)
    assert {*result.numbers} == {
        "by differences, 15 parameters",
        "forwards, 15 parameters",
        "backwards, 15 parameters",
        "backwards, 66 parameters",
    }
    assert all(ratio > 0 for (ratio,) in result.numbers.values())
    assert result.rows[0].what == "gradient / J, 15 to 66 parameters"
    assert [line.label for line in result.figure.panels[0].marks] == [*paper.WAYS]


@pytest.mark.parametrize("of_one", [0.0003, 0.4])
def test_seconds_are_those_of_one_call(monkeypatch, of_one):
    clock = [0.0]

    def call():
        clock[0] += of_one

    monkeypatch.setattr(paper.time, "process_time", lambda: clock[0])
    assert paper.seconds(call) == pytest.approx(of_one)

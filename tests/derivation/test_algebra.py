"""What expressions come to: multiplied out, like terms collected, shown where that is shorter."""

import numpy as np
import pytest

import chainrule as cr
from chainrule import ops
from chainrule.derivation.expression import parse
from chainrule.derivation.steps import steps

VALUES = {"a": 5.0, "b": 3.0, "c": 2.0}


def lines(text, **values):
    names = {name: value for name, value in (VALUES | values).items() if name in text}
    return steps(parse(text, names)).algebra


def test_the_example_of_the_notes():
    assert lines("(a+b)*(a-b)+(b+c)*(b-c)") == (
        "J = (a + b) · (a - b) + (b + c) · (b - c) = a² - c²",
        "dJ/da = 2 · a = 10",
        "dJ/db = 0",
        "dJ/dc = -2 · c = -4",
    )


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("a*2 + a*3 - b", "J = a · 2 + a · 3 - b = 5 · a - b"),
        ("(a+b)**2 - (a-b)**2", "J = (a + b)² - (a - b)² = 4 · a · b"),
        ("-(a-b) - (b-c)", "J = -(a - b) - (b - c) = -a + c"),
        ("a/2 + a/2 + b*c - c*b", "J = a / 2 + a / 2 + b · c - c · b = a"),
        ("a - a + b - b", "J = a - a + b - b = 0"),
        ("0.1*a + 0.2*a - 0.3*a", "J = 0.1 · a + 0.2 · a - 0.3 · a = 0"),
        ("2*sin(a+b) + 3*sin(a+b) + c", "J = 2 · sin(a + b) + 3 · sin(a + b) + c = 5 · sin(a + b) + c"),
        ("(a+b)*(1/c) + b*(1/c) - b*(1/c)", "J = (a + b) · 1 / c + b · 1 / c - b · 1 / c = a · (1 / c) + b · (1 / c)"),
    ],
)
def test_like_terms_are_collected(text, line):
    assert (lines(text) or ("",))[0] == line


@pytest.mark.parametrize(
    "text", ["3*(a + b*c)", "a*a", "(a+b)**3", "a*a + 4*a", "sin(a) + exp(b)", "a/b + b/a", "a", "-a", "(a+b)**40 - a"]
)
def test_what_is_no_shorter_stays_as_it_is(text):
    assert lines(text) == ()


def test_the_derivatives_of_the_result_are_those_of_the_graph():
    random = np.random.default_rng(0)
    shown = 0
    for _ in range(60):
        x = [cr.variable(round(float(v), 2), name) for v, name in zip(random.normal(size=3), "xyz", strict=True)]
        nodes = list(x)
        for _ in range(6):
            p, q = (nodes[k] for k in random.integers(0, len(nodes), 2))
            nodes.append([p + q, p - q, p * q, 2.5 * p, -p][random.integers(5)])
        J = nodes[-1] + nodes[-2] - nodes[-3]
        found = steps(J).algebra
        for line in found[1:]:
            (leaf,) = (leaf for leaf in x if line.startswith(f"dJ/d{leaf.name} "))
            assert float(line.split(" = ")[-1]) == pytest.approx(float(leaf.grad), rel=1e-4, abs=1e-4)
        shown += bool(found)
    assert shown > 20


def test_a_long_expression_is_left_alone():
    x = cr.variable(1.0, "x")
    J = x
    for _ in range(100):
        J = J + x
    assert steps(J).algebra == ()
    for _ in range(9):
        x = x * x
    assert steps(x - x + 1).algebra == ()


def test_arrays_are_left_alone():
    A = cr.variable([1.0, 2.0], "A")
    assert steps((A + A - A).sum()).algebra == ()


def test_it_stands_below_the_steps_and_below_the_drawing():
    a, b = cr.variable(2.0, "a"), cr.variable(3.0, "b")
    J = (a + b) * (a - b) + b * b
    assert str(steps(J)).endswith("\n\nalgebra\nJ = (a + b) · (a - b) + b · b = a²\ndJ/da = 2 · a = 4\ndJ/db = 0")
    drawing = cr.draw(J)
    assert drawing.diagram.note == "J = (a + b) · (a − b) + b · b = a²"
    assert drawing.diagram.note in drawing.svg
    assert cr.draw(ops.sin(a) * b).diagram.note == ""

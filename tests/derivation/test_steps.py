"""The steps of a graph, as the notes write them."""

import numpy as np
import pytest

import chainrule as cr
from chainrule import ops
from chainrule.derivation.steps import steps

NOTES = """\
forward
u = b · c = 3 · 2 = 6
v = a + u = 5 + 6 = 11
J = 3 · v = 3 · 11 = 33

backward
dJ/dv = 3
dJ/du = dJ/dv · dv/du = 3 · 1 = 3
dJ/da = dJ/dv · dv/da = 3 · 1 = 3
dJ/db = dJ/du · du/db = 3 · 2 = 6
dJ/dc = dJ/du · du/dc = 3 · 3 = 9"""


def variables(**values):
    return [cr.variable(value, name) for name, value in values.items()]


def test_the_example_of_the_notes():
    a, b, c = variables(a=5, b=3, c=2)
    assert str(steps(3 * (a + b * c))) == NOTES


def test_a_node_on_two_paths_sums_them():
    (x,) = variables(x=2)
    assert steps(x * x + 4 * x).backward[-1] == "dJ/dx = dJ/du · du/dx + dJ/dv · dv/dx = 1 · 4 + 1 · 4 = 8"


def test_an_input_that_comes_twice_has_one_term():
    (a,) = variables(a=5)
    assert steps(a * a).backward == ("dJ/da = 10",)
    assert steps(3 * (a * a)).backward[-1] == "dJ/da = dJ/du · du/da = 3 · 10 = 30"


def test_a_node_that_the_cost_uses_beside_another():
    (d,) = variables(d=2)
    assert steps(ops.exp(d - 2) * d).backward[-1] == "dJ/dd = dJ/du · du/dd + ∂J/∂d = 2 · 1 + 1 = 3"


def test_negative_numbers_stand_in_parentheses():
    x, y = variables(x=-2, y=-3)
    done = steps((x * y - y) ** 2 * -1.5)
    assert done.forward[0] == "u = x · y = -2 · (-3) = 6"
    assert done.forward[1] == "v = u - y = 6 - (-3) = 9"
    assert done.forward[2] == "w = v ** 2 = 9 ** 2 = 81"
    assert done.forward[3] == "J = w · (-1.5) = 81 · (-1.5) = -121.5"
    assert done.backward[0] == "dJ/dw = -1.5"
    assert done.backward[-1] == "dJ/dy = dJ/du · du/dy + dJ/dv · dv/dy = -27 · (-2) + (-27) · (-1) = 81"


def test_the_base_of_a_power_and_a_minus_before_a_minus():
    (x,) = variables(x=-3)
    assert steps(x**2).forward == ("J = x ** 2 = (-3) ** 2 = 9",)
    assert steps(-x).forward == ("J = -x = -(-3) = 3",)
    assert steps(-cr.variable(3, "x")).forward == ("J = -x = -3",)


def test_functions_are_called_by_name_with_their_options():
    (z,) = variables(z=0.3)
    assert steps(ops.sigmoid(z)).forward == ("J = sigmoid(z) = sigmoid(0.3) = 0.574443",)
    assert (
        steps(ops.leaky_relu(-z, slope=0.1)).forward[-1]
        == "J = leaky_relu(u, slope=0.1) = leaky_relu(-0.3, slope=0.1) = -0.03"
    )


def test_arrays_are_shown_by_their_shapes():
    A, W = cr.variable(np.ones((3, 4)), "A"), cr.variable(np.ones((4, 2)), "W^{[1]}")
    done = steps((A @ W).sum())
    assert done.forward == ("u = A @ W^[1] = (3, 4) @ (4, 2) = (3, 2)", "J = sum(u) = sum((3, 2)) = 24")
    assert done.backward == (
        "dJ/du = (3, 2)",
        "dJ/dA = dJ/du · du/dA = (3, 4)",
        "dJ/dW^[1] = dJ/du · du/dW^[1] = (4, 2)",
    )


def test_an_input_without_a_derivative():
    a, y = variables(a=0.5, y=1.0)
    assert "dJ/dy = 0" in steps(ops.binary_cross_entropy(a, y)).backward


def test_derivatives_that_are_computed_only_if_wanted():
    a, b = variables(a=2, b=3)
    assert steps(a**b).backward == ("dJ/da = 12", "dJ/db = 5.54518")


def test_a_leaf_by_itself():
    assert str(steps(cr.variable(3.0, "a"))) == "forward\na = 3\n\nbackward\nda/da = 1"


def test_the_last_number_of_each_line_is_the_derivative():
    x, y = variables(x=0.7, y=-1.2)
    u = ops.tanh(x * y)
    J = ops.exp(u) * (u - x) / (y**2 + 1)
    done = steps(J)
    found = {line.split(" = ")[0]: float(line.split(" = ")[-1]) for line in done.backward}
    assert found["dJ/dx"] == pytest.approx(float(x.grad), rel=1e-5)
    assert found["dJ/dy"] == pytest.approx(float(y.grad), rel=1e-5)
    summed = [line.split(" = ")[-2:] for line in done.backward if line.count(" = ") == 3]
    assert len(summed) == 7  # of the 9 lines all but those of u₅ and u₇, which J uses itself
    for numbers, result in summed:
        assert eval(numbers.replace("·", "*")) == pytest.approx(float(result), rel=1e-4)


@pytest.mark.parametrize(
    ("J", "words"),
    [
        (lambda x, y: ops.sqrt(x), "dJ/dx is inf, which comes from J = sqrt(x) = sqrt(0) = 0:"),
        (lambda x, y: 2 * ops.sqrt(x * y), "dJ/du is inf, which comes from v = sqrt(u) = sqrt(0) = 0:"),
        (lambda x, y: x**0.5 * x + x * y, "dJ/dx is nan, which comes from u = x ** 0.5 = 0 ** 0.5 = 0:"),
        (lambda x, y: ops.sqrt(x * np.ones((5, 1))).sum(), "dJ/du is not finite, which comes from v = sqrt(u) ="),
        (lambda x, y: x * 1e200 * 1e200, "dJ/dx is inf, which comes from u = x · 1e+200 = 0 · 1e+200 = 0:"),
    ],
)
def test_a_derivative_that_is_no_number_is_told_with_its_node(J, words):
    with pytest.raises(cr.GraphError) as error:
        steps(J(*variables(x=0, y=3)))
    assert words in str(error.value)


def test_a_deep_graph_is_written():
    J = cr.variable(0.0)
    for _ in range(3000):
        J = J + 1
    assert len(steps(J).forward) == 3000


@pytest.mark.parametrize(
    ("J", "words"),
    [
        (lambda x: ops.log(x), "J = log(x) = log(-1) = nan, which is no number"),
        (lambda x: 2 * ops.sqrt(x) + x, "u = sqrt(x) = sqrt(-1) = nan, which is no number"),
        (lambda x: x * cr.variable(np.nan, "y"), "y = nan, which is no number"),
    ],
)
@pytest.mark.filterwarnings("ignore:invalid value")
def test_a_value_that_is_no_number_is_told_though_its_derivative_is_one(J, words):
    with pytest.raises(cr.GraphError) as error:
        steps(J(cr.variable(-1.0, "x")))
    assert words in str(error.value)


@pytest.mark.parametrize("given", [3, "J", None])
def test_only_variables_have_steps(given):
    with pytest.raises(cr.GraphError, match="steps takes a Variable"):
        steps(given)


def test_the_cost_must_be_a_scalar():
    with pytest.raises(cr.ShapeError, match="scalar"):
        steps(cr.variable([1.0, 2.0]) * 2)

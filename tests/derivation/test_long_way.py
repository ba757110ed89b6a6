"""The way to the shortcut dZ = A − Y: every line evaluated, and compared with the loss's own slope and the graph's."""

import functools

import numpy as np
import pytest

import chainrule as cr
from chainrule.derivation.formula import Atom, Formula, latex, sides, text
from chainrule.derivation.page import Page
from chainrule.derivation.record import record
from chainrule.graph import OPERATIONS, operation
from derivation.evaluation import Values, evaluate_side, name
from derivation.test_pages_are_true import computed, flat

D = cr.Dense
weighted = cr.ops.cross_entropy, cr.ops.binary_cross_entropy


def scaled(A, Y):
    return 2.0 * cr.ops.cross_entropy(A, Y) + (A**2).mean()


def of(*layers, n=2):
    return cr.Network(list(layers), seed=1, input_shape=n)


SMOOTH = functools.partial(cr.ops.cross_entropy, label_smoothing=0.3)
WAYS = {
    "yes or no": (of(D(3, "tanh"), D(1, "sigmoid")), "binary_cross_entropy", [0, 1, 1]),
    "several questions": (of(D(2, "sigmoid")), "binary_cross_entropy", [[0, 1], [1, 1], [0, 0]]),
    "classes": (of(D(3, "relu"), D(3, "softmax")), "cross_entropy", [0, 2, 1]),
    "steps": (of(D(3, "softmax"), n=(2, 2)), "cross_entropy", [[0, 2], [1, 1], [2, 0]]),
    "smoothed": (of(D(3, "softmax")), SMOOTH, [0, 2, 1]),
    "weights": (of(D(3, "softmax")), lambda A, Y: weighted[0](A, Y, np.array([1.0, 2, 3])), [0, 2, 1]),
    "yes or no, weights": (of(D(1, "sigmoid")), lambda A, Y: weighted[1](A, Y, np.array([1.0, 2, 3])), [0, 1, 1]),
    "counts": (of(D(1, cr.ops.exp)), "poisson", [0, 3, 1]),
}


def page_of(called: str, **options) -> Page:
    net, loss, y = WAYS[called]
    return cr.derive(net, inputs(net), y, loss, **options)


def inputs(net):
    return np.random.default_rng(0).normal(size=(3, *net.input_shape))


def way(page: Page):
    """The lines that lead to a shortcut, which is the first derivative of the page."""
    lines = next(section.lines for section in page.sections if section.part == "Backward")
    line = next(line for line in lines if line.long_way)
    return line.long_way, line


def slope(net, loss, y) -> np.ndarray:
    """m times the slope of the loss by each output, by central differences; examples and steps are columns."""
    A, h = net.copy("float64").predict(inputs(net)), 1e-6
    loss = cr.training.cost.Cost(loss)
    dA = np.empty_like(A)
    for place in np.ndindex(A.shape):
        step = np.zeros_like(A)
        step[place] = h
        dA[place] = (loss(A + step, np.array(y)) - loss(A - step, np.array(y))) / (2 * h)
    count = np.prod(A.shape[:-1])
    return count * dA.reshape(count, -1).T


def with_slopes(formula: Formula, slopes: dict[str, Formula]) -> Formula:
    """The formula with what ∂A/∂Z is in its place."""
    return tuple(
        Atom("{", ((Atom("("), *slopes[text((atom,))], Atom(")")),)) if text((atom,)) in slopes else atom
        for atom in formula
    )


def value(right: Formula, values: Values, shape: tuple[int, ...]) -> np.ndarray:
    """What the right side comes to, row by row where it has the index j."""
    if "j" not in latex(right):
        return evaluate_side(right, values)[0]
    rows = [np.atleast_2d(evaluate_side(right, values | {"j": j})[0]) for j in range(shape[0])]
    return np.concatenate([np.broadcast_to(row, (1, shape[1])) for row in rows])


@pytest.mark.parametrize("called", WAYS)
def test_every_line_is_true(called):
    net, loss, y = WAYS[called]
    lines, short = way(page_of(called))
    trace = record(net, inputs(net), y, loss)
    values = computed(trace) | {"m": trace.m, "e": np.e}
    values |= {name(flat((trace.names[one],))[0]): v for one, v in weights_of(trace)}
    first, *others = [(line, *sides(flat(line.formula))) for line in lines]
    expected = slope(net, loss, y)
    np.testing.assert_allclose(evaluate_side(first[2], values)[0], expected, rtol=1e-6)
    np.testing.assert_allclose(first[0].numbers, expected, rtol=1e-6)
    values[name(first[1][0])] = first[0].numbers
    slopes = {}
    for line, left, right in others:
        if left[0].symbol == r"\frac":
            slopes[text(left)] = right
            check_slope(line, right, values, expected.shape)
            continue
        found = value(with_slopes(right, slopes), values, expected.shape)
        np.testing.assert_allclose(found, short.numbers, rtol=1e-9, atol=1e-12, err_msg=text(line.formula))
        if line.numbers is not None:
            np.testing.assert_allclose(line.numbers, short.numbers, rtol=1e-9, atol=1e-12)
    assert [line.numbers is not None for line in lines[:3]] == [True] * 3


def weights_of(trace):
    for leaf in trace.arrays.values():
        if leaf.operation is None and trace.names.get(leaf, Atom("")).symbol == "w":
            yield leaf, trace.on_the_page(leaf, leaf.value)


def check_slope(line, right: Formula, values: Values, shape: tuple[int, ...]) -> None:
    if "k" not in latex(right):
        np.testing.assert_allclose(evaluate_side(right, values)[0], line.numbers, rtol=1e-9)
        return
    n = shape[0]
    found = [[evaluate_side(right, values | {"k": k, "j": j})[0][0, 0] for j in range(n)] for k in range(n)]
    np.testing.assert_allclose(found, line.numbers, rtol=1e-9)


def test_every_shortcut_has_its_way_and_is_tried_here():
    shortcuts = {short.name for loss in OPERATIONS.values() for short in loss.after.values()}
    shortcuts = {one for one in shortcuts if OPERATIONS[one].function.__module__.startswith("chainrule.")}
    assert all(OPERATIONS[one].long_way for one in shortcuts)
    tried = {record(net, inputs(net), y, loss).J.operation.name for net, loss, y in WAYS.values()}
    assert shortcuts <= tried


def test_a_part_of_an_own_cost_is_derived_with_what_comes_back_to_it():
    net = of(D(3, "softmax"))
    page = cr.derive(net, inputs(net), [0, 2, 1], scaled, shortcut=False)
    assert "dv" in page.text


def numbers_of(page):
    return [(text(line.formula), line.numbers) for one in page.sections for line in one.lines]


class TestThePage:
    def test_alone_the_shortcut_stands_for_all(self):
        page = page_of("yes or no")
        assert "∂" not in page.text
        assert "dA^[2]" not in page.text
        assert page.text == page_of("yes or no", shortcut=True).text

    def test_otherwise_the_lines_stand_before_it(self):
        lines = [line.strip() for line in page_of("yes or no", shortcut=False).text.split("Backward")[1].splitlines()]
        formulas = [line.split("  ")[0] for line in lines if "=" in line and line[2:3] != "["]
        assert formulas[:7] == [
            "dA^[2] = −Y/A^[2] + (1 − Y)/(1 − A^[2])",
            "∂A^[2]/∂Z^[2] = A^[2] ⊙ (1 − A^[2])",
            "dZ^[2] = dA^[2] ⊙ ∂A^[2]/∂Z^[2]",
            "= (−Y/A^[2] + (1 − Y)/(1 − A^[2])) ⊙ A^[2] ⊙ (1 − A^[2])",
            "= −Y ⊙ (1 − A^[2]) + (1 − Y) ⊙ A^[2]",
            "= −Y + Y ⊙ A^[2] + A^[2] − Y ⊙ A^[2]",
            "= A^[2] − Y",
        ]

    def test_of_classes_the_whole_matrix_of_derivatives_is_there(self):
        page = page_of("classes", shortcut=False)
        assert "∂Aₖ^[2]/∂Zⱼ^[2] = Aₖ^[2] ⊙ ([k = j] − Aⱼ^[2])" in page.text
        assert "The classes' shares in Y sum to 1 for each example." in page.text

    def test_html_has_it_to_be_folded_out(self):
        assert page_of("classes").html.count("<details>") == 1
        assert page_of("classes", shortcut=False).html.count("<details>") == 0
        assert cr.derive(of(D(2))).html.count("<details>") == 0

    def test_without_numbers_the_formulas_are_the_same(self):
        net, loss, _ = WAYS["classes"]
        lines, _ = way(cr.derive(net, loss=loss))
        assert [line.formula for line in lines] == [line.formula for line in way(page_of("classes"))[0]]
        assert all(line.numbers is None for line in lines)
        assert not any("no numbers" in line.remark for line in lines)

    def test_where_the_quotient_is_rounding_it_says_so_and_shows_none(self):
        net = of(D(1, "sigmoid"))
        net.set_parameters({"W1": [[900.0, 0.0]]})
        page = cr.derive(net, [[1.0, 0.0], [-1.0, 0.0]], [0, 1], shortcut=False)
        assert "this quotient is rounding alone" in page.text
        lines, short = way(cr.derive(net, [[1.0, 0.0], [-1.0, 0.0]], [0, 1]))
        assert all(line.numbers is None for line in lines)
        np.testing.assert_allclose(short.numbers, [[1, -1]])

    def test_shares_that_do_not_sum_to_1_are_told(self):
        net, X = of(D(3, "softmax")), [[1.0, 0.0], [0.0, 1.0]]
        page = cr.derive(net, X, [[2.0, 0.0, 0.0], [0.0, 1.0, 1.0]], "cross_entropy")
        assert "The shares of the classes do not sum to 1 in every column" in page.text
        A, dZ = (next(n for f, n in numbers_of(page) if f.startswith(start)) for start in ("Aⱼ^[1]", "dZ^[1]"))
        np.testing.assert_allclose(dZ, 2 * A - np.array([[2.0, 0.0, 0.0], [0.0, 1.0, 1.0]]).T)
        assert "do not sum" not in cr.derive(net, X, [[0.5, 0.5, 0.0], [0.0, 0.0, 1.0]], "cross_entropy").text

    def test_a_shortcut_of_tomorrow_needs_no_way_of_its_own(self):
        @operation(
            forward=r"J = \frac{1}{m} \textstyle\sum_i Z^{(i)}", backward=(r"dZ = \frac{1}{m} A, \quad A = Z", "")
        )
        def long_way_short(xp, Z, Y):
            """Z alone."""
            return Z.mean(), lambda dJ: (dJ * xp.ones_like(Z) / len(Z), None)

        @operation(
            forward=r"J = \frac{1}{m} \textstyle\sum_i A^{(i)}",
            backward=(r"dA = \frac{1}{m} [A = A]", ""),
            after={cr.ops.identity: long_way_short},
        )
        def long_way_loss(xp, A, Y):
            """A alone."""
            return A.mean(), lambda dJ: (dJ * xp.ones_like(A) / len(A), None)

        try:
            net = cr.Network([D(1), cr.Activation("identity")], seed=0, input_shape=2)
            page = cr.derive(net, inputs(net), [[0.0]] * 3, long_way_loss, shortcut=False)
            lines = [text(line.formula) for section in page.sections for line in section.lines]
            assert any(line.startswith("dZ^[1] = dA") for line in lines)
        finally:
            del OPERATIONS["long_way_short"], OPERATIONS["long_way_loss"]


def test_what_cannot_be_read_is_told():
    made = replace_way(OPERATIONS["sigmoid_binary_cross_entropy"], ((r"dZ = \frac{Y}", ""),))
    with pytest.raises(cr.GraphError, match="cannot be read"):
        cr.derivation.grammar.check_formulas(made)


def replace_way(made, way):
    return type(made)(made.function, made.forward, made.backward, long_way=way)

"""What nobody would type: it either works, or one sentence says what is wrong."""

import itertools

import pytest
from tests.torture.expressions import expressions, try_expression
from tests.torture.formulas import formulas, made_up, try_formula

import chainrule as cr
from chainrule.derivation.expression import parse
from chainrule.derivation.grammar import check_formulas
from chainrule.graph import Operation
from ops.cases import TIMES


def test_expressions():
    found = set()
    for text, values in itertools.islice(expressions(0), 150 * TIMES):
        found.add(try_expression(text, values))
    assert found == {"ok", "refused"}


def test_formulas():
    found = set()
    for text in itertools.islice(formulas(0), 150 * TIMES):
        found.add(try_formula(text))
    assert found == {"ok", "refused"}


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("sum(a, axis=5)", r"sum\(a, axis=5\) has an axis, but a number has none"),
        ("sum(a, axis=-1)", "has an axis, but a number has none"),
        ("sum(a, axis=1.5)", "sum's axis is 1.5, but must be a whole number"),
        ("sum(a, axis=10**300)", "must be a whole number"),
        ("sum(a, keepdims=2)", "must be 1 for yes or 0 for no"),
        ("leaky_relu(a, slope=nan)", "nan has no value"),
        ("a*2j", "2j cannot be used"),
        ("a*1e400", "too large"),
        ("a*" + "9" * 5000, "a number in it is too large"),
        ("(" * 400 + "a" + ")" * 400, "too many nested parentheses"),
        ("-" * 9000 + "a", "nested too deeply"),
        ("b" * 9999, "^b{57}… has no value: add b{57}…=….$"),
        ("a+" * 5000 + "a", "10,001 letters"),
        ("a\0", "null bytes|no letter"),
        ("a\udc80", "half a letter"),
        ("a²", "cannot read"),
        ("()", "cannot be used"),
        ("a()", "no function a"),
        ("+".join(f"b{i}" for i in range(300)), "b9, … have no values"),
    ],
)
def test_an_expression_that_is_refused(text, words):
    with pytest.raises(cr.ChainruleError, match=words):
        parse(text, {"a": 1.0})


def test_an_option_of_a_call_that_is_no_number():
    assert parse("sum(a, keepdims=1)", {"a": 2.0}).value == 2


def test_hundreds_of_terms_have_steps_and_no_drawing():
    J = parse("+".join(["a", "b"] * 150), {"a": 1.0, "b": 2.0})
    assert cr.steps(J).forward[-1].endswith("= 450")
    with pytest.raises(cr.OptionError, match="cannot be read: draw a smaller part"):
        cr.draw(J)


@pytest.mark.parametrize(
    ("formula", "words"),
    [
        ("A = " + "{" * 400 + "Z" + "}" * 400, "more than 30 deep"),
        ("A = " + r"\sqrt" * 200 + "Z", "more than 30 deep"),
        ("A = " + "Z+" * 5000 + "Z", "10,005 letters, but 2,000 are the most"),
    ],
)
def test_a_formula_that_is_refused(formula, words):
    with pytest.raises(cr.GraphError, match=words) as raised:
        check_formulas(Operation(made_up, formula, ("dZ = dA",)))
    assert len(str(raised.value)) < 500

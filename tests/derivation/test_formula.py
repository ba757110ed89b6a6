"""The parser of formulas: what it reads it can write again, as LaTeX and as text, with other names in it."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chainrule.derivation.formula import (
    Atom,
    clauses,
    in_parentheses,
    is_sum,
    latex,
    number,
    parse,
    sides,
    substitute,
    symbols,
    text,
    without,
    without_parentheses,
)
from chainrule.graph import OPERATIONS
from ops.cases import REPEATABLE

FORMULAS = [f for operation in OPERATIONS.values() for f in (operation.forward, *operation.backward) if f]

leaves = st.sampled_from(
    ["A", "dZ", "slope", "12", "0.5", r"\gamma", r"d\gamma", r"\hat{A}", r"\operatorname{sign}(A)"]
)
SCRIPTS = ["{}^T", "{}_k", "{}^{{(i)}}", "{}_{{k}}^{{(i)}}", "{}^{{B - 1}}", "{}^2"]


def larger(inner):
    """Formulas made of formulas."""
    pairs = st.tuples(inner, inner)
    signs = st.sampled_from(
        [r"{} + {}", r"{} - {}", r"{} \odot {}", r"{} / {}", r"{} {}", r"{}\, {}", r"\frac{{{}}}{{{}}}"]
    )
    around = st.sampled_from(
        ["({})", r"\left({}\right)", "[{} > 0]", r"\sqrt{{{}}}", r"\textstyle\sum_i {}", r"\ln {}"]
    )
    return (
        st.builds(lambda form, parts: form.format(*parts), signs, pairs)
        | st.builds(lambda form, part: form.format(part), around, inner)
        | st.builds(lambda form, part: form.format(part), st.sampled_from(SCRIPTS), leaves)
    )


sources = st.recursive(leaves, larger, max_leaves=8)


def bare(source):
    """Without braces and spaces, which mean nothing between symbols."""
    return re.sub(r"[{}\s]", "", source)


@pytest.mark.parametrize("source", FORMULAS)
def test_every_formula_of_the_registry_is_written_as_it_was_read(source):
    assert bare(latex(parse(source))) == bare(source)
    assert parse(latex(parse(source))) == parse(source)


@REPEATABLE
@given(sources)
def test_formulas_are_written_as_they_were_read(source):
    formula = parse(source)
    assert bare(latex(formula)) == bare(source)
    assert parse(latex(formula)) == formula


@REPEATABLE
@given(sources)
def test_text_has_no_latex_left(source):
    assert not set(text(parse(source))) & set("\\")


@REPEATABLE
@given(sources)
def test_what_is_replaced_is_gone_and_nothing_else(source):
    formula = parse(source)
    assert substitute(formula, {"absent": Atom("B")}) == formula
    renamed = substitute(formula, {"A": Atom("B")})
    assert bare(latex(renamed)) == bare(re.sub(r"\bA(?![a-zA-Z])", "B", source))


@pytest.mark.parametrize("source", ["", " ", "A"])
def test_what_is_hardly_a_formula(source):
    assert latex(parse(source)) == source
    assert text(parse(source)) == source.strip()


@pytest.mark.parametrize("source", [r"\frac{1}", r"\sqrt", "A^", "A_"])
def test_a_formula_that_ends_too_early_is_an_error(source):
    with pytest.raises(ValueError, match="ends too early"):
        parse(source)


@pytest.mark.parametrize(
    ("source", "written"),
    [
        (r"W^{[1]} A^{[0]} + b^{[1]}", "W^[1] A^[0] + b^[1]"),
        (r"dZ\, A^{[0]T}", "dZ A^[0]ᵀ"),
        (r"A^T", "Aᵀ"),
        (r"-A", "−A"),
        (r"\frac{1}{m} \textstyle\sum_i dZ^{(i)}", "1/m Σᵢ dZ^(i)"),
        (r"\tfrac12 e^2", "½ e²"),
        (r"\frac{A - \mu}{\sqrt{\sigma^2 + \varepsilon}}", "(A − μ)/√(σ² + ε)"),
        (r"\frac{\frac{1}{2}}{m}", "½/m"),
        (r"\frac{\frac{1}{3}}{m}", "(1/3)/m"),
        (r"\sigma(Z) = \frac{1}{1 + e^{-Z}}", "σ(Z) = 1/(1 + e^(−Z))"),
        (r"\hat{A}^{(i)}", "Â^(i)"),
        (r"\|A - Y\|_1", "‖A − Y‖₁"),
        (r"\left(\frac{Y}{A}\right)", "(Y/A)"),
        (r"\operatorname{sign}(A)", "sign(A)"),
        (r"\ln \textstyle\sum_k e^{Z_k}", "ln Σₖ e^Zₖ"),
        ("A^{[2.2]T}", "A^[2.2]ᵀ"),
        (r"v_{12}", "v₁₂"),
        (r"v_{2,i}", "v_{2,i}"),
        (r"W_{low}", "W_low"),
        (r"[low \le A \le high]", "[low ≤ A ≤ high]"),
        (r"[A_1; A_2; \ldots]", "[A₁; A₂; …]"),
    ],
)
def test_text(source, written):
    assert text(parse(source)) == written


NAMES = {
    "A": Atom("A", above=parse("[1]")),
    "Z": Atom("Z", above=parse("[2.2]")),
    "v": Atom("v", below=(Atom("2"),)),
    r"\gamma": Atom(r"\gamma", above=parse("[3]")),
    r"d\gamma": Atom(r"d\gamma", above=parse("[3]")),
    "slope": number(0.01),
    "low": number(-1),
    r"\varepsilon": number(1e-5),
}


@pytest.mark.parametrize(
    ("source", "named"),
    [
        ("A", "A^{[1]}"),
        ("A^T", "A^{[1]T}"),
        ("A^{(i)}", "A^{[1](i)}"),
        ("A_k", "A_{k}^{[1]}"),
        ("A_k^{(i)}", "A_{k}^{[1](i)}"),
        ("A^2", "{(A^{[1]})}^{2}"),
        ("A^{B - 1}", "{(A^{[1]})}^{B - 1}"),
        ("B^{A}", "B^{A^{[1]}}"),
        ("Z^T", "Z^{[2.2]T}"),
        ("v_i", "v_{2,i}"),
        ("v^T", "v_{2}^{T}"),
        (r"\hat{A}", r"\hat{A}^{[1]}"),
        (r"\hat{A}^{(i)}", r"\hat{A}^{[1](i)}"),
        (r"\hat{A}_k", r"\hat{A}_{k}^{[1]}"),
        (r"\frac{\gamma}{A}", r"\frac{\gamma^{[3]}}{A^{[1]}}"),
        (r"d\gamma", r"d\gamma^{[3]}"),
        (r"\textstyle\sum_i A^{(i)}", r"\textstyle\sum_{i} A^{[1](i)}"),
        (r"W_{A^{(i)}}", "W_{A^{[1](i)}}"),
        (r"\operatorname{sign}(A)", r"\operatorname{sign}(A^{[1]})"),
        ("slope A", "0.01 A^{[1]}"),
        ("slope^2", "0.01^{2}"),
        ("B - low", "B - {(-1)}"),
        (r"\varepsilon", "10^{-5}"),
        (r"\varepsilon^2", "{(10^{-5})}^{2}"),
        ("slopes", "slopes"),
    ],
)
def test_substitute(source, named):
    assert latex(substitute(parse(source), NAMES)) == named


@pytest.mark.parametrize(
    ("value", "written"),
    [(2, "2"), (0.5, "0.5"), (1 / 3, "0.333333"), (-2.5, "-2.5"), (1e-5, "10^{-5}"), (3e20, r"{3\cdot10^{20}}")],
)
def test_number(value, written):
    assert latex((number(value),)) == written


def test_clauses_and_sides():
    first, second = clauses(parse(r"\hat{A} = A - \mu, \quad Z = \gamma \odot \hat{A}"))
    assert [latex(side) for side in sides(first)] == [r"\hat{A}", r"A - \mu"]
    assert [latex(side) for side in sides(second)] == ["Z", r"\gamma \odot \hat{A}"]


def test_symbols_are_found_in_scripts_and_arguments():
    found = {atom.symbol for atom in symbols(parse(r"\frac{A}{m} W_{B^{(i)}}"))}
    assert {r"\frac", "A", "m", "W", "B", "i"} <= found


@pytest.mark.parametrize("source", ["A + B", "-A", r"[Z > 0] - \left(A\right)"])
def test_sums_are_put_between_parentheses(source):
    assert is_sum(parse(source))
    assert latex(in_parentheses(parse(source))) == f"({source})"
    assert without_parentheses(in_parentheses(parse(source))) == parse(source)


@pytest.mark.parametrize("source", ["A B", "(A + B)", r"\frac{A - B}{m}", "[A + B > 0] A"])
def test_products_are_not(source):
    assert in_parentheses(parse(source)) == parse(source)


@pytest.mark.parametrize("source", ["(A) + (B)", "(A + B)^2", "[A + B]", "A"])
def test_parentheses_that_mean_something_stay(source):
    assert without_parentheses(parse(source)) == parse(source)


@pytest.mark.parametrize(
    ("source", "left"),
    [
        ("Z = W A + b", "Z = W A"),
        ("Z = W (A + B)", "Z = W (A + B)"),
        ("Z = A - b + C", "Z = A + C"),
        (r"Z = b \odot A + [b = 0] \odot C", "Z = A"),
        (r"Z = b \odot A + [A = 0] \odot C", r"Z = A + [A = 0] \odot C"),
        (r"Z = b \odot (A - C)", "Z = (A - C)"),
        (r"J = -\frac{1}{m} \sum_i b^{(i)} A^{(i)}", r"J = -\frac{1}{m} \sum_{i} A^{(i)}"),
    ],
)
def test_without_an_input_that_is_not_given(source, left):
    assert latex(without(parse(source), {"b"})) == left

"""Expressions as text: what they compute, and that nothing else is ever run."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import chainrule as cr
from chainrule import ops
from chainrule.derivation.expression import FUNCTIONS, assignments, parse
from commands import chainrule, chainrule_process


def test_the_example_of_the_notes():
    J = parse("3*(a + b*c)", {"a": 5, "b": 3, "c": 2})
    J.backward()
    assert J.value == 33


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("a - b - 1", 2 - 0.5 - 1),
        ("a / b / 4", 1.0),
        ("-a**2", -4.0),
        ("a**-b", 2**-0.5),
        ("2**3**a", 2.0**9),
        ("+a + -+b", 1.5),
        ("pi*a + e", 2 * math.pi + math.e),
        ("exp(log(a))", 2.0),
        ("sqrt(a*8)", 4.0),
        ("abs(-a)", 2.0),
        ("maximum(a, b) - minimum(a, b)", 1.5),
        ("sigmoid(a) + tanh(a)", 1 / (1 + math.exp(-2)) + math.tanh(2)),
        ("leaky_relu(-a, slope=0.1)", -0.2),
        ("clip(a, low=-1, high=1/2)", 0.5),
        ("squared_error(a, b)", 0.5 * 1.5**2),
        ("  a  ", 2.0),
    ],
)
def test_values(text, expected):
    values = {name: value for name, value in {"a": 2.0, "b": 0.5}.items() if name in text.replace("abs", "")}
    assert parse(text, values).value == pytest.approx(expected)


def test_pi_and_e_may_be_values():
    assert parse("e + pi", {"e": 1, "pi": 2}).value == 3


def test_names_are_any_letters():
    assert parse("α*x_1", {"α": 2, "x_1": 3}).value == 6


def test_arrays():
    J = parse("sum((A @ b)**2)", {"A": np.eye(2), "b": [1.0, 2.0]})
    assert J.value == 5


@pytest.mark.parametrize("name", FUNCTIONS)
def test_every_function_computes_what_its_operation_does(name):
    needed = {"maximum": 2, "minimum": 2}.get(name, 2 if name in ops.LOSSES else 1)
    text = f"{name}({', '.join(['x', '1'][:needed])})"
    expected = ops.OPERATIONS[{"ln": "log"}.get(name, name)](*[0.25, 1.0][:needed])
    assert parse(text, {"x": 0.25}).value == pytest.approx(float(expected))


@given(
    st.recursive(
        st.sampled_from(["a", "b", "1.5", "2"]),
        lambda inner: st.one_of(
            st.builds("({} {} {})".format, inner, st.sampled_from("+-*"), inner), st.builds("(-{})".format, inner)
        ),
        max_leaves=12,
    )
)
def test_arithmetic_is_pythons(text):
    values = {name: value for name, value in {"a": 0.7, "b": -1.3}.items() if name in text}
    if values:
        assert parse(text, values).value == pytest.approx(eval(text, {"a": 0.7, "b": -1.3}), rel=1e-9, abs=1e-9)


REFUSED = [
    "__import__('os').system('touch pwned')", "a.real", "a.__class__", "a[0]", "[a][0]", "{a}", "{a: a}", "'text'*a",
    "b'x'", "f'{a}'", "lambda: a", "lambda: 3", "[x for x in a]", "(x for x in a)", "a if a else a", "a and a", "~a",
    "not a", "a < 3", "a == a", "a // 2", "a % 2", "a << 2", "a | a", "a & a", "a ^ 2", "3j*a", "True*a", "None", "...",
    "a, a", "(a := 3)", "await a", "yield a", "exp(*a)", "exp(**a)", "exp(A=a)", "exp()", "exp(a, a)", "maximum(a)",
    "open(a)", "eval(a)", "print(a)", "softmax(a)", "where(a, a, a)", "(lambda: 3)()", "3(a)", "(exp)(a).b",
    "import os", "a; a", "a = 3", "a\n+a", "2a", "a×a", "(a", "", "   ", "\x00", "a\ud800", "#",
    "leaky_relu(a, slope=a)", "leaky_relu(a, slop=1)", "leaky_relu(a, slope='x')", "relu(a, 1)", "clip(a, low=[1])",
    "exp",
]  # fmt: skip


@pytest.mark.parametrize("text", REFUSED)
def test_everything_else_is_refused_and_nothing_is_run(text, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(cr.OptionError):
        parse(text, {"a": 1.0})
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(
    ("text", "values", "words"),
    [
        ("a^2", {"a": 1}, "a ^ 2 cannot be used: a power is written **"),
        ("b + a.real", {"a": 1, "b": 2}, "a.real cannot be used"),
        ("sigmod(a)", {"a": 1}, "there is no function sigmod. Did you mean sigmoid?"),
        ("max(a, 1)", {"a": 1}, "Did you mean maximum?"),
        ("3(a + 1)", {"a": 1}, "a product needs its *"),
        ("2a", {"a": 1}, "A product needs its *"),
        ("a*b + c", {"a": 1}, "b, c have no values: add b=… c=…"),
        ("a*b", {"a": 1}, "b has no value: add b=…"),
        ("alpha*a", {"a": 1, "alfa": 2}, "Did you mean alfa?"),
        ("a", {"a": 1, "b": 2}, "b does not occur in the expression, which has a."),
        ("exp + a", {"a": 1}, "exp is a function: write what it is of, as in exp(a)"),
        ("exp(a, a)", {"a": 1}, "exp takes exp(A), but was given 2"),
        ("leaky_relu(a, slop=1)", {"a": 1}, "leaky_relu has no option slop; its options: slope"),
        ("leaky_relu(a, slope=a)", {"a": 1}, "leaky_relu's slope is a, but an option is a plain number"),
        ("", {}, "the expression is empty"),
        ("a", {"2x": 1, "a": 1}, "'2x' is no name"),
        ("a", {"lambda": 1, "a": 1}, "'lambda' is no name"),
    ],
)
def test_what_is_said_of_a_mistake(text, values, words):
    with pytest.raises(cr.OptionError) as error:
        parse(text, values)
    assert words in str(error.value)


@pytest.mark.parametrize(
    ("text", "a", "words"),
    [
        ("1/(a - 2)", 2, "1 / (a - 2) is not finite: this divides by 0, but was given 1, 0"),
        ("3 + log(a)", 0, "log(a) is not finite: log takes numbers above 0, but was given 0"),
        ("log(-a)", 1, "log(-a)"),
        ("sqrt(a)", -4, "sqrt takes numbers of 0 or more, but was given -4"),
        ("a**0.5", -4, "a power takes a base above 0, or a whole exponent"),
        ("a**-1", 0, "a power takes"),
        ("9**9**9*a", 1, "9 ** 9 ** 9 is not finite: the number is too large"),
        ("exp(a)", 1000, "exp(a) is not finite"),
        ("1e999*a", 1, "is too large"),
        ("9" * 400 + "*a", 1, "is too large"),
        ("2*3", None, "the expression 2*3 is a constant"),
    ],
)
def test_what_is_not_finite_or_has_no_variable(text, a, words):
    with pytest.raises(cr.GraphError) as error:
        parse(text, {} if a is None else {"a": a})
    assert words in str(error.value)


@pytest.mark.parametrize(
    ("text", "error", "words"),
    [
        ("(" * 10_000, cr.OptionError, "cannot read"),
        ("(" * 4000 + "a" + ")" * 4000, cr.OptionError, "cannot read|nested too deeply"),  # as Python's reader says
        ("-" * 9999 + "a", cr.OptionError, "cannot read|nested too deeply"),
        ("+".join("a" * 100_000), cr.OptionError, "199,999 letters, but 10,000 are the most"),
        ("+".join("a" * 4900), cr.OptionError, "cannot read|nested too deeply"),
        ("a**" * 3000 + "a", cr.OptionError, "cannot read|nested too deeply"),
        ("exp(" * 150 + "a" + ")" * 150, cr.GraphError, "is not finite: the number is too large"),
        ("9" * 9000, cr.OptionError, "cannot read"),
        ("9" * 9000 + "*a", cr.OptionError, "cannot read"),
    ],
)
def test_huge_and_deep_expressions_are_refused(text, error, words):
    with pytest.raises(error, match=words):
        parse(text, {"a": 1.0})


def test_an_expression_in_150_parentheses_works():
    assert parse("(" * 150 + "a" + ")" * 150, {"a": 1.0}).value == 1


def test_a_sum_of_300_terms_works():
    assert parse("+".join(["a"] * 300), {"a": 1.0}).value == 300


def test_assignments():
    assert assignments(["a=5", "b=1e-3", "c=-2", " d = 4 "]) == {"a": 5, "b": 1e-3, "c": -2, "d": 4}


@pytest.mark.parametrize(
    ("texts", "words"),
    [
        (["a=five"], "a is 'five', but must be a number"),
        (["a"], "'a' is no value: give NAME=NUMBER"),
        (["=5"], "'=5' is no value"),
        (["a="], "a is '', but must be a number"),
        (["a=1", "a=2"], "a is given twice"),
        (["a=inf"], "a is inf, but must be finite"),
        (["a=nan"], "must be finite"),
        (["a-b=1"], "'a-b' is no name"),
        (["a==1"], "a is '=1'"),
    ],
)
def test_bad_assignments(texts, words):
    with pytest.raises(cr.OptionError) as error:
        assignments(texts)
    assert words in str(error.value)


def graph(*arguments, **options):
    return chainrule("graph", *arguments, **options)


def test_the_command_prints_the_steps_and_writes_the_drawing(tmp_path):
    done = graph("3*(a + b*c)", "a=5", "b=3", "c=-2", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert "u = b · c = 3 · (-2) = -6\n" in done.stdout
    assert "dJ/dc = dJ/du · du/dc = 3 · 3 = 9\n" in done.stdout
    assert done.stdout.endswith("the drawing is in graph.svg\n")
    assert (tmp_path / "graph.svg").read_text(encoding="utf-8").startswith("<svg")


def test_a_drawing_that_is_there_is_overwritten_only_by_its_name(tmp_path):
    (tmp_path / "graph.svg").write_text("mine")
    (tmp_path / "graph-2.svg").write_text("mine, too")
    assert graph("2 * a", "a=1", cwd=tmp_path).stdout.endswith("the drawing is in graph-3.svg\n")
    assert [(tmp_path / name).read_text() for name in ("graph.svg", "graph-2.svg")] == ["mine", "mine, too"]
    assert graph("2 * a", "a=1", "--out", "graph.svg", cwd=tmp_path).stdout.endswith("the drawing is in graph.svg\n")
    assert (tmp_path / "graph.svg").read_text(encoding="utf-8").startswith("<svg")


def test_a_tall_drawing_is_laid_down(tmp_path):
    for direction in ("right", "down"):
        done = graph("exp(exp(a))", "a=0.1", "--direction", direction, "--out", f"{direction}.svg", cwd=tmp_path)
        assert done.returncode == 0, done.stderr
    wide, high = (
        (tmp_path / f"{name}.svg").read_text().split('viewBox="0 0 ')[1].split('"')[0] for name in ("right", "down")
    )
    assert float(wide.split()[0]) > float(wide.split()[1])
    assert float(high.split()[1]) > float(high.split()[0])


def test_the_command_knows_angles_and_collects_like_terms(tmp_path):
    done = graph("(a+b)*(a-b) + b*b", "a=5", "b=3", cwd=tmp_path)
    assert "algebra\nJ = (a + b) · (a - b) + b · b = a²\ndJ/da = 2 · a = 10\ndJ/db = 0\n" in done.stdout
    done = graph("sin(x) + cos(x)*tan(x)", "x=0", cwd=tmp_path)
    assert "dJ/dx = " in done.stdout
    assert done.stdout.count("algebra") == 0
    assert "= 2\n" in done.stdout


def test_what_is_said_to_write_in_place_of_what_arrays_have_works(tmp_path):
    assert graph("a * b", "a=2", "b=3", cwd=tmp_path).returncode == 0
    assert graph("sum(a, keepdims=1)", "a=2", cwd=tmp_path).returncode == 0


def test_a_terminal_that_is_not_utf_8_shows_other_signs_by_their_number(tmp_path):
    done = chainrule_process("graph", "3*α", "α=2", cwd=tmp_path, PYTHONIOENCODING="ascii")
    assert done.returncode == 0, done.stderr
    assert r"J = 3 \xb7 \u03b1 = 3 \xb7 2 = 6" in done.stdout
    assert "3 · α" in (tmp_path / "graph.svg").read_text(encoding="utf-8")


def test_an_expression_may_start_with_a_minus(tmp_path):
    done = graph("-a + 2", "a=3", "--out", "new/minus.svg", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert "J = u + 2 = -3 + 2 = -1\n" in done.stdout
    assert (tmp_path / "new/minus.svg").exists()


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["a +", "a=1"], "cannot read the expression a +"),
        (["a @ b", "a=2", "b=3"], "a @ b is a product of matrices, but of numbers here: write * in place of @."),
        (["sum(a, axis=0)", "a=2"], "sum(a, axis=0) has an axis, but a number has none: leave axis out."),
        (["a*b", "a=1"], "b has no value"),
        (["a", "a=x"], "a is 'x'"),
        (["a", "a=1", "--out", "a.png"], "ends in .svg"),
        (["+".join(["a", "1"] * 200), "a=1"], "the graph has 600 boxes"),
        (["2*sqrt(x)", "x=0"], "dJ/dx is inf, which comes from u = sqrt(x) = sqrt(0) = 0"),
    ],
)
def test_a_mistake_is_one_line_and_leaves_no_file(tmp_path, arguments, words):
    done = graph(*arguments, cwd=tmp_path)
    assert done.returncode == 2
    assert done.stderr.startswith("error: ")
    assert words in done.stderr
    assert len(done.stderr.splitlines()) == 1
    assert not list(tmp_path.iterdir())

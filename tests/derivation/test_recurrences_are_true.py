"""The formulas of the recurrences, evaluated step by step forward and backward, against what the operations compute."""

import re

import numpy as np
import pytest

from chainrule.derivation.formula import Formula, clauses, depths, latex, parse, sides
from chainrule.derivation.places import from_the_end
from chainrule.graph import OPERATIONS
from derivation.evaluation import Values, evaluate_side, name

GATES = {"rnn": 1, "gru": 3, "lstm": 4}
STEPS = {"t": "now", "t-1": "before", "t+1": "behind"}
PARTS = {"1": "a", "2": "b", "3": "c", "4": "d"}


def spoken(source: str) -> str:
    """The formula with one word for each symbol with its step and its part: dZ_{t+1} is dZbehind, b_4 is bd."""

    def word(found: re.Match[str]) -> str:
        index = found[2].strip("{}").split(",")
        return found[1] + "".join(STEPS.get(i, "") + PARTS.get(i, "") for i in index)

    source = re.sub(r"\\textstyle\\sum_(t|\{t\})", "", source.replace("activation'", "slope"))
    return re.sub(r"\b(d?[A-Zb]|mask)_(t|\d|\{[^}]*\})", word, source)


def settle(equations: list[tuple[Formula, Formula]], values: Values) -> None:
    """Evaluate clause after clause, each as soon as all that it is made of is known."""
    waiting = equations
    while waiting:
        left = [equation for equation in waiting if not _settled(*equation, values)]
        assert len(left) < len(waiting), "the clauses do not tell everything that they use"
        waiting = left


def _settled(left: Formula, right: Formula, values: Values) -> bool:
    _put_together(values)
    try:
        parts = [evaluate_side(part, values)[0] for part in _listed(right)]
    except (AssertionError, KeyError):
        return False
    whole = values[name(left[0])] = np.concatenate(parts)
    n = values["n"]
    values |= {name(left[0]) + part: whole[k * n : k * n + n] for k, part in enumerate(PARTS.values())}
    return True


def _listed(right: Formula) -> list[Formula]:
    """The parts that a clause puts below each other, (V_1, V_2); mostly it is one."""
    inside = right[1:-1]
    commas = [
        i
        for i, (atom, depth) in enumerate(zip(inside, depths(inside), strict=True))
        if atom.symbol == "," and not depth
    ]
    if right[0].symbol != "(" or not commas:
        return [right]
    return [inside[i + 1 : j] for i, j in zip([-1, *commas], [*commas, len(inside)], strict=True)]


def _put_together(values: Values) -> None:
    """dZ of its parts, once they are all known."""
    for symbol in ("dZnow", "dVnow"):
        parts = [values[symbol + part] for part in PARTS.values() if symbol + part in values]
        if symbol not in values and len(parts) == values["gates"]:
            values[symbol] = np.concatenate(parts)


def equations(source: str, backwards: bool) -> list[tuple[Formula, Formula]]:
    source = latex(from_the_end(parse(source))) if backwards else source
    return [sides(clause) for clause in clauses(parse(spoken(source)))]


@pytest.mark.parametrize("masked", [False, True])
@pytest.mark.parametrize("backwards", [False, True])
@pytest.mark.parametrize("kind", GATES)
def test_the_formulas_are_true(kind, backwards, masked):
    operation, gates, n, m, steps = OPERATIONS[kind], GATES[kind], 2, 3, 4
    rng = np.random.default_rng(0)
    X, W, U = rng.normal(size=(m, steps, 3)), rng.normal(size=(gates * n, 3)), rng.normal(size=(gates * n, n))
    b, a = rng.normal(size=max(gates, 4 * (gates > 1)) * n), rng.normal(size=(2, m, n))[: 2 if kind == "lstm" else 1]
    mask = np.array([[1, 0, 1, 1], [0, 0, 1, 0], [1, 1, 1, 1]] if masked else np.ones((m, steps)))
    start = (*a, *[None] * (operation.inputs.index("mask") - 4 - len(a)), mask if masked else None)
    A, backward = operation.differentiate(X, W, U, b, *start, backwards=backwards)
    order = range(steps)[::-1] if backwards else range(steps)
    earlier, later = ("behind", "before") if backwards else ("before", "behind")
    dA = rng.normal(size=A.shape)
    dX, dW, dU, _, *of_start = (part() if callable(part) else part for part in backward(dA))

    always: Values = {"n": n, "gates": gates, "W": W, "U": U, "b": b[: gates * n, None], "bd": b[3 * n :, None]}
    always |= {"activation": np.tanh, "slope": lambda Z: 1 - np.tanh(Z) ** 2}
    before = dict(zip((f"A{earlier}", f"C{earlier}"), (part.T for part in a), strict=False))
    by_step = {}
    for t in order:
        values = always | before | {"Xnow": X[:, t].T, "masknow": mask[:, t]}
        settle(equations(operation.forward, backwards), values)
        np.testing.assert_allclose(values["Anow"], A[:, t].T, rtol=1e-12)
        before = {f"{symbol}{earlier}": values[f"{symbol}now"] for symbol in "AC" if f"{symbol}now" in values}
        by_step[t] = values

    of_X, of_W, of_U = (equations(formula, backwards) for formula in operation.backward[:3])
    behind = {
        f"d{symbol}{later}": np.zeros((rows, m)) for symbol, rows in zip("ZVHC", (len(W), len(W), n, n), strict=True)
    }
    behind |= {f"{symbol}{later}": np.zeros((n, m)) for symbol in "FG"} | {f"mask{later}": np.ones(m)}
    by_W, by_U = np.zeros_like(W), np.zeros_like(U)
    for t in reversed(order):
        values = by_step[t] | behind | {"dAnow": dA[:, t].T}
        settle(of_W[1:], values)
        _put_together(values)
        np.testing.assert_allclose(evaluate_side(of_X[0][1], values)[0], dX[:, t].T, rtol=1e-9)
        by_W += evaluate_side(of_W[0][1], values)[0]
        by_U += evaluate_side(of_U[0][1], values)[0]
        behind = {word.replace("now", later): value for word, value in values.items() if word.endswith("now")}
    np.testing.assert_allclose(by_W, dW, rtol=1e-9)
    np.testing.assert_allclose(by_U, dU, rtol=1e-9)
    for formula, d in zip(operation.backward[4:], of_start[: len(a)], strict=False):
        (_, right), *_ = equations(formula.replace("_1", "_t"), backwards)
        np.testing.assert_allclose(evaluate_side(right, values)[0], d.T, rtol=1e-9)

"""The update on the page: the optimizers' own rules as formulas, true line by line, and the numbers of one update."""

import re
from dataclasses import dataclass, replace

import numpy as np
import pytest

import chainrule as cr
from chainrule.derivation.formula import Atom, Formula, latex, text
from chainrule.optimizers import OPTIMIZERS, Optimizer
from derivation.evaluation import evaluate_side

X, Y = np.random.default_rng(0).normal(size=(3, 2)), [0, 1, 1]
GIVEN = [
    cr.GradientDescent(0.3),
    cr.GradientDescent(0.3, momentum=0.9),
    cr.GradientDescent(0.3, momentum=0.9, nesterov=True),
    cr.GradientDescent(0.3, l2=0.1, weight_decay=0.2),
    cr.Adam(0.01),
    cr.Adam(0.01, l2=0.5, epsilon_hat=True),
    cr.AdamW(0.01),
    cr.RMSProp(0.01),
    cr.Adagrad(0.1, weight_decay=0.3),
    cr.AdamW(0.01, weight_decay=cr.schedules.Cosine(0.1, 5), rates={"W*": 0.5, "b1": 0}),
    cr.GradientDescent(0.3, momentum=0.9, weight_decay=0.2, rates={"W2": 0.5}),
]
CLIPPED = [cr.Adam(0.01, clip_norm=0.1), cr.RMSProp(0.01, clip_value=0.01)]


def net():
    layers = [cr.Dense(3, "tanh"), cr.Dense(1, "sigmoid")]
    return cr.Network(layers, seed=1, input_shape=2, dtype="float64")


def page_of(optimizer, X=X, y=Y):
    return cr.derive(net(), X, y, optimizer=optimizer)


def lines_of(optimizer, *given):
    return [line for one in page_of(optimizer, *given).sections if one.part == "Update" for line in one.lines]


def title_of(optimizer, *given):
    return next(one.title for one in page_of(optimizer, *given).sections if one.part == "Update")


def written(optimizer):
    return [text(line.formula) for line in lines_of(optimizer)]


@pytest.mark.parametrize("optimizer", GIVEN + CLIPPED, ids=repr)
def test_the_numbers_are_those_of_one_update_in_training(optimizer):
    trained = net()
    cr.train(trained, X, Y, optimizer=optimizer, loss="binary_cross_entropy", epochs=1, batch_size=3, progress=False)
    numbers = {text(line.formula).split(" :=")[0]: line.numbers for line in lines_of(optimizer)}
    for name, value in trained.parameters.items():
        np.testing.assert_allclose(numbers[f"{name[0]}^[{name[1]}]"], value.reshape(len(value), -1), rtol=1e-9)


def flat(formula: Formula) -> Formula:
    """One symbol for each name: m_{dW^{[1]}} has no scripts left but a power."""
    found = []
    for atom in formula:
        inner = replace(atom, arguments=tuple(map(flat, atom.arguments)))
        if atom.below or atom.above[:1] == (Atom("["),):
            end = atom.above.index(Atom("]")) + 1 if atom.above[:1] == (Atom("["),) else 0
            named = latex((Atom(atom.symbol, below=atom.below, above=atom.above[:end]),))
            inner = Atom(re.sub(r"[^a-zA-Z0-9]", "", named), above=atom.above[end:])
        found.append(inner)
    return tuple(found)


@pytest.mark.parametrize("optimizer", GIVEN, ids=repr)
def test_every_formula_gives_its_numbers(optimizer):
    page = page_of(optimizer)
    before = [(flat(line.formula), line.numbers) for one in page.sections if one.part != "Update" for line in one.lines]
    values = {formula[0].symbol: numbers for formula, numbers in before if numbers is not None}
    letters = {r"\rho": "rho", r"\mu": "momentum", r"\varepsilon": "epsilon", r"\lambda": "l2"}
    letters |= {"beta1": "beta1", "beta2": "beta2"}
    values |= {symbol: getattr(optimizer, name, 0) for symbol, name in letters.items()}
    values |= {r"\alpha": optimizer.learning_rate, r"\omega": optimizer.decay(0), "t": 1}
    for line in lines_of(optimizer):
        formula = flat(line.formula)
        start = next(i for i, atom in enumerate(formula) if atom.symbol == "=") + 1
        values.setdefault(formula[0].symbol, np.zeros_like(line.numbers))
        (found,) = evaluate_side(tuple(one for one in formula[start:]), values)
        np.testing.assert_allclose(found, line.numbers, rtol=1e-7, err_msg=text(line.formula))
        values[formula[0].symbol] = line.numbers


class TestTheRules:
    def test_without_an_optimizer_it_is_gradient_descent_and_has_no_numbers(self):
        page = cr.derive(net(), X, Y)
        assert "gradient descent, α is the learning rate\n    W^[1] := W^[1] − α dW^[1]\n" in page.text
        assert all(line.numbers is None for line in page.sections[-1].lines)

    def test_momentum(self):
        assert written(cr.GradientDescent(0.3, momentum=0.9))[:2] == [
            "v_{dW^[1]} := μ v_{dW^[1]} − α dW^[1]",
            "W^[1] := W^[1] + v_{dW^[1]}",
        ]

    def test_adam(self):
        assert written("adam")[:3] == [
            "m_{dW^[1]} := β₁ m_{dW^[1]} + (1 − β₁) dW^[1]",
            "v_{dW^[1]} := β₂ v_{dW^[1]} + (1 − β₂) (dW^[1])²",
            "W^[1] := W^[1] − (α m_{dW^[1]}/(1 − β₁^t))/(√(v_{dW^[1]}/(1 − β₂^t)) + ε)",
        ]

    def test_what_is_for_weights_alone_is_not_in_the_line_of_a_bias(self):
        lines = written(cr.GradientDescent(0.3, l2=0.1, weight_decay=0.2))
        assert lines[:2] == ["W^[1] := W^[1] − α (dW^[1] + λ W^[1]) − α ω W^[1]", "b^[1] := b^[1] − α db^[1]"]

    def test_rates_are_factors_and_what_is_frozen_stays(self):
        optimizer = cr.GradientDescent(0.3, weight_decay=0.2, rates={"W*": 0.5, "b1": 0})
        assert written(optimizer)[:2] == ["W^[1] := W^[1] − 0.5 (α dW^[1] + α ω W^[1])", "b^[1] := b^[1]"]
        assert "one of rate 0 is frozen" in title_of(optimizer)

    def test_the_title_says_what_the_letters_are(self):
        title = title_of(cr.Adam(0.01, clip_norm=0.1))
        assert title.startswith("Adam: α = 0.01, β₁ = 0.9, β₂ = 0.999, ε = 10^(−8), t counts the updates, from 1; ")
        assert "all derivatives together are first shortened to the length 0.1" in title
        assert "of m and v the optimizer remembers one for each derivative, 0 before the first update" in title
        assert title.endswith("the numbers are those of the first update")

    def test_a_schedule_begins(self):
        assert "α = 0.5" in title_of(cr.GradientDescent(cr.schedules.Exponential(0.5, 0.9)))

    def test_without_numbers_the_formulas_are_the_same(self):
        assert all(line.numbers is None for line in lines_of("adam", None, None))
        assert [text(line.formula) for line in lines_of("adam", None, None)] == written("adam")
        assert "first update" not in title_of(cr.GradientDescent(0.1), None, None)

    def test_the_second_order_says_what_stands_for_what(self):
        assert written("lbfgs") == ["θ := θ − α H dθ"]
        assert "a line search finds α" in title_of(cr.LBFGS(history=7))
        assert "the last 7 changes" in title_of(cr.LBFGS(history=7))

    @pytest.mark.parametrize("name", OPTIMIZERS)
    def test_every_optimizer_has_a_formula(self, name):
        assert "rule(" not in page_of(name).text

    def test_another_one_is_refused(self):
        with pytest.raises(cr.OptionError, match="Did you mean"):
            cr.derive(net(), optimizer="adamm")


@dataclass(frozen=True, repr=False)
class SignDescent(Optimizer):
    """Of a user: arithmetic alone."""

    slow: float = 0.5

    def rule(self, g, alpha, update, **slots):
        return alpha * self.slow * g / (g**2 + 1) ** 0.5, slots


@dataclass(frozen=True, repr=False)
class OfNumPy(Optimizer):
    """Of a user: a function of NumPy."""

    def rule(self, g, alpha, update, **slots):
        return alpha * np.sign(g), slots


class TestOwnOptimizers:
    def test_their_rule_is_written_too(self):
        assert written(SignDescent(0.1))[0] == "W^[1] := W^[1] − (α slow dW^[1])/√((dW^[1])² + 1)"
        assert "slow = 0.5" in title_of(SignDescent(0.1))

    def test_what_is_more_than_arithmetic_has_its_numbers_and_says_so(self):
        line = lines_of(OfNumPy(0.1))[0]
        assert text(line.formula) == "W^[1] := W^[1] − rule(dW^[1])"
        assert "its rule is no formula" in title_of(OfNumPy(0.1))
        page = page_of(OfNumPy(0.1))
        dW = next(one.numbers for part in page.sections for one in part.lines if text(one.formula).startswith("dW^[1]"))
        np.testing.assert_allclose(line.numbers, net().parameters["W1"] - 0.1 * np.sign(dW))


@dataclass(frozen=True, repr=False)
class Warm(Optimizer):
    """Takes a tenth of a step at first, as many do."""

    learning_rate: float = 0.1

    def rule(self, g, alpha, update):
        return (0.1 * alpha * g if update == 1 else alpha * g), {}


def test_a_rule_that_asks_which_update_it_is_has_numbers_but_no_formula():
    assert "only its numbers are shown" in title_of(Warm())


def test_lbfgs_names_its_regularization():
    assert "λ" in written(cr.LBFGS(l2=0.1))[0]
    assert "λ" not in written(cr.LBFGS())[0]

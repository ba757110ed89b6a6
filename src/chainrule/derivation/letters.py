"""Arithmetic with letters: Python's + − * / ** on `Term`s, which `written` puts down as a formula.

An optimizer's rule uses nothing else of the vectors that it is given, so called with terms it tells its own formula.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from chainrule.derivation.formula import Atom, Formula, number, parse
from chainrule.derivation.notation import symbol_of
from chainrule.hyperparameters import Hyperparameters
from chainrule.optimizers import Optimizer

LETTERS = {
    "beta1": r"\beta_1",
    "beta2": r"\beta_2",
    "momentum": r"\mu",
    "l2": r"\lambda",
    "weight_decay": r"\omega",
}
"""The letters of options whose names are no letters."""

SUM, PRODUCT, FACTOR = range(3)
"""How tightly a formula holds together."""


class Term:
    """A letter, a number, or what is computed of others. Sums with 0, and products with 0 and 1, are left out.

    Attributes:
        sign: "name", "option", "number", or the operation. parts: what it is computed of. value: of a number or option.
        formula: of a name, or of an option.
        called: the name of an option.
    """

    def __init__(
        self, sign: str, parts: tuple[Term, ...] = (), value: Any = None, formula: Formula = (), called: str = ""
    ):
        self.sign, self.parts, self.value, self.formula, self.called = sign, parts, value, formula, called

    @classmethod
    def name(cls, formula: Formula) -> Term:
        return cls("name", formula=formula)

    def __add__(self, other: Any) -> Term:
        a, b = self, _term(other)
        return b if a.is_number(0) else a if b.is_number(0) else Term("+", (a, b))

    def __radd__(self, other: Any) -> Term:
        return _term(other) + self

    def __sub__(self, other: Any) -> Term:
        a, b = self, _term(other)
        if b.sign == "neg":
            return a + b.parts[0]
        if b.sign in ("+", "-"):  # a − (b + c) is a − b − c
            first, second = b.parts
            return a - first - second if b.sign == "+" else (a - first) + second
        return a if b.is_number(0) else Term("-", (a, b))

    def __rsub__(self, other: Any) -> Term:
        return _term(other) - self

    def __mul__(self, other: Any) -> Term:
        a, b = self, _term(other)
        if a.is_number(0) or b.is_number(0):
            return _term(0)
        return b if a.is_number(1) else a if b.is_number(1) else Term("*", (a, b))

    def __rmul__(self, other: Any) -> Term:
        return _term(other) * self

    def __truediv__(self, other: Any) -> Term:
        return Term("/", (self, _term(other)))

    def __rtruediv__(self, other: Any) -> Term:
        return _term(other) / self

    def __pow__(self, other: Any) -> Term:
        return Term("**", (self, _term(other)))

    def __rpow__(self, other: Any) -> Term:
        return _term(other) ** self

    def __neg__(self) -> Term:
        return Term("neg", (self,))

    def is_number(self, value: float) -> bool:
        """Whether it is this number, or an option that has this value, if that is 0: what is switched off is gone."""
        return self.value == value and (self.sign == "number" or (self.sign == "option" and value == 0))

    def __bool__(self) -> bool:
        return bool(self._plain())

    def __lt__(self, other: Any) -> bool:
        return bool(self._plain() < _value(other))

    def __le__(self, other: Any) -> bool:
        return bool(self._plain() <= _value(other))

    def __gt__(self, other: Any) -> bool:
        return bool(self._plain() > _value(other))

    def __ge__(self, other: Any) -> bool:
        return bool(self._plain() >= _value(other))

    def __eq__(self, other: object) -> bool:
        return bool(self._plain() == _value(other))

    __hash__ = object.__hash__

    def _plain(self) -> Any:
        """Raises TypeError: a rule asks for a number of what is a letter."""
        if self.value is None:
            raise TypeError("a letter has no number")
        return self.value


def _value(value: Any) -> Any:
    """The number of a term, or what is none as it is."""
    return value._plain() if isinstance(value, Term) else value


def _term(value: Any) -> Term:
    if isinstance(value, Term):
        return value
    if isinstance(value, int | float):
        return Term("number", value=value)
    raise TypeError(f"{value!r} is neither a letter nor a number")


def written(term: Term, names: Mapping[int, Formula], itself: bool = False) -> Formula:
    """The term as a formula, with the name of each that has one in its place; of the term `itself`, what it is."""
    return _written(term, {key: name for key, name in names.items() if not (itself and key == id(term))})[0]


def _written(term: Term, names: Mapping[int, Formula]) -> tuple[Formula, int]:
    if id(term) in names:
        return names[id(term)], FACTOR
    if term.sign in ("name", "option"):
        return term.formula, FACTOR
    if term.sign == "number":
        return (number(float(term.value)),), FACTOR
    parts = [_written(part, names) for part in term.parts]
    first, *second = (formula for formula, _ in parts)
    if term.sign == "neg":
        return (*parse("-"), *_held(parts[0], PRODUCT)), SUM
    if term.sign in ("+", "-"):
        right = second[0] if term.sign == "+" and parts[1][0][0].symbol != "-" else _held(parts[1], PRODUCT)
        return (*first, *parse(f" {term.sign} "), *right), SUM
    if term.sign == "*":
        return (*_held(parts[0], PRODUCT), *parse(r"\, "), *_held(parts[1], PRODUCT)), PRODUCT
    if term.sign == "/":
        return (Atom(r"\frac", (first, second[0])),), PRODUCT
    if term.parts[1].is_number(0.5):
        return (Atom(r"\sqrt", (first,)),), FACTOR
    return _power(parts[0], second[0]), FACTOR


def _held(part: tuple[Formula, int], least: int) -> Formula:
    """The part, between parentheses if it holds together less tightly."""
    formula, level = part
    return formula if level >= least else (Atom("("), *formula, Atom(")"))


def _power(base: tuple[Formula, int], exponent: Formula) -> Formula:
    formula, level = base
    if level == FACTOR and len(formula) == 1 and not formula[0].above and formula[0].symbol != r"\sqrt":
        (only,) = formula
        return (Atom(only.symbol, only.arguments, only.below, exponent),)
    return (Atom("{", ((Atom("("), *formula, Atom(")")),), above=exponent),)


def option_letters(*terms: Term) -> set[str]:
    """The names of the options that stand in the terms."""
    found = {term.called for term in terms if term.sign == "option"}
    return found.union(*(option_letters(*term.parts) for term in terms))


class Letters:
    """An optimizer that computes with letters: its own rule and its base's step, with terms for numbers.

    Attributes:
        counted: whether its rule asks for the number of the update.
    """

    def __init__(self, optimizer: Optimizer):
        self._optimizer = optimizer
        self.counted = False

    def step(self, theta: Atom, gradient: Atom, regularized: bool) -> tuple[Term, dict[str, Term]]:
        """What is subtracted from θ, and the slots that are changed.

        Raises:
            TypeError, AttributeError, ValueError: the rule does more than arithmetic.
        """
        kept = {slot: Term.name((Atom(slot, below=(gradient,)),)) for slot in self._optimizer.slots}
        t = Term.name(parse("t"))
        given = Hyperparameters(Term.name(parse(r"\alpha")), self.weight_decay)
        here: Any = self, Term.name((theta,)), Term.name((gradient,)), int(regularized), given, t, kept
        change, slots = Optimizer.step(*here)
        changed = {slot: _term(made) for slot, made in slots.items() if made is not kept[slot]}
        self.counted = self.counted or any(_has(one, t) for one in (_term(change), *changed.values()))
        return _term(change), changed

    def letter(self, name: str) -> str:
        """The LaTeX of an option."""
        return LETTERS.get(name, symbol_of(name))

    def _clip(self, g: Term) -> Term:
        """What clipping does is said in words."""
        return g

    def __getattr__(self, name: str) -> Any:
        """An option as a letter that knows its value; the optimizer's own methods, called on this."""
        value = getattr(self._optimizer, name)
        if isinstance(value, int | float) and not isinstance(value, bool):
            return Term("option", value=value, formula=parse(self.letter(name)), called=name)
        method = getattr(type(self._optimizer), name, None)
        return method.__get__(self) if callable(value) and callable(method) else value


def _has(term: Term, part: Term) -> bool:
    return term is part or any(_has(inner, part) for inner in term.parts)

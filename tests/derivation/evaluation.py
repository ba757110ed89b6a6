r"""Evaluates formulas with NumPy, as the notes read them, so that tests can ask whether they are true.

Examples are columns: A^{(i)} is column i, A_k row k; where nothing sums over i or k, it stands for all at once.
What examples have at places or steps is a stack of such matrices, one for each; A_t and A_p are one of them.
Two matrices side by side are a matrix product; [condition] is 1 where it holds and 0 elsewhere.
"""

import functools
import itertools
import re
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
from scipy import special

from chainrule.derivation.formula import Atom, Formula, clauses, latex, parse, sides, symbols

Values = dict[str, Any]
"""What symbols stand for, by their LaTeX: arrays, numbers, functions; and, inside sums, indices."""

PLACES = ("p", "t")
BLANK = (" ", r"\,", r"\textstyle")
CLOSING = {"(": ")", r"\left(": r"\right)", "[": "]", "|": "|", r"\|": r"\|"}
RELATIONS = {">": np.greater, "<": np.less, r"\le": np.less_equal, r"\ge": np.greater_equal, "=": np.equal}
OVER_AN_INDEX = {r"\sum": sum, r"\max": lambda found: functools.reduce(np.maximum, found)}
ENDS_A_PRODUCT = ("+", "-", ",", "?", ":", *RELATIONS)
FUNCTIONS: dict[str, Callable[..., Any]] = {
    r"\sigma": special.expit,
    r"\Phi": special.ndtr,
    r"\varphi": lambda z: np.exp(-(z**2) / 2) / np.sqrt(2 * np.pi),
    r"\tanh": np.tanh,
    r"\ln": np.log,
    r"\sin": np.sin,
    r"\cos": np.cos,
    r"\tan": np.tan,
    r"\max": np.maximum,
    r"\min": np.minimum,
    r"\neg": np.logical_not,
    r"\operatorname{sign}": np.sign,
    r"\operatorname{clip}": np.clip,
    r"\operatorname{softmax}": lambda Z: special.softmax(Z, axis=0),
}


def evaluate(source: str, asked: str, values: Values) -> list[Any]:
    r"""Every right side of the clause about `asked`; what other clauses define, such as \hat{A}, enters `values`."""
    equations = sorted(map(sides, clauses(parse(source))), key=lambda equation: equation[0][0].symbol == asked)
    for left, right in equations[:-1]:
        values[name(left[0])] = _function_of(left[2], right, values) if len(left) > 1 else solved(left, right, values)
    left, right = equations[-1]
    assert left[0].symbol == asked, f"{source} does not say what {asked} is"
    return _sides(right, values)


def solved(left: Formula, right: Formula, values: Values) -> Any:
    """What the left side's symbol stands for: of \\sigma^2 = … the root."""
    value = _value(right, values)
    return np.sqrt(value) if latex(left[0].above) == "2" else value


def evaluate_side(right: Formula, values: Values) -> list[Any]:
    """The value of a right side; of several, where a further equals sign divides it."""
    return _sides(right, values)


def name(atom: Atom) -> str:
    """The symbol, with what it is an accent of, and without scripts."""
    return latex((replace(atom, below=(), above=()),))


def _value(formula: Formula, values: Values) -> Any:
    (only,) = _sides(formula, values)
    return only


def _sides(formula: Formula, values: Values) -> list[Any]:
    reading = _Reading(formula, values)
    return reading.all_of_it("=", reading.choice)


def _function_of(variable: Atom, formula: Formula, values: Values) -> Callable[[Any], Any]:
    return lambda given: _value(formula, values | {name(variable): given})


class _Reading:
    """Reads a formula from left to right: a sum of products of factors, or a condition."""

    def __init__(self, formula: Sequence[Atom], values: Values):
        self.atoms = [atom for atom in formula if atom.symbol not in BLANK]
        self.at = 0
        self.values = values

    def all_of_it(self, between: str, part: Callable[[], Any]) -> list[Any]:
        """The parts that the sign separates, to the end of the formula."""
        found = [part()]
        while self.take(between):
            found.append(part())
        assert self.ahead is None, f"{latex(tuple(self.atoms))}: not understood from {self.ahead} on"
        return found

    @property
    def ahead(self) -> str | None:
        return self.atoms[self.at].symbol if self.at < len(self.atoms) else None

    def next(self) -> Atom:
        self.at += 1
        return self.atoms[self.at - 1]

    def take(self, *wanted: str) -> Atom | None:
        return self.next() if self.ahead in wanted else None

    def choice(self) -> Any:
        """`condition ? one : other`, or a sum alone."""
        value = self.sum()
        if not self.take("?"):
            return value
        one, _, other = self.sum(), self.take(":"), self.sum()
        return np.where(value, one, other)

    def condition(self) -> Any:
        left, holds = self.sum(), []
        while relation := self.take(*RELATIONS):
            right = self.sum()
            holds.append(RELATIONS[relation.symbol](left, right))
            left = right
        return np.asarray(np.logical_and.reduce(holds) if holds else left).astype(float)

    def sum(self) -> Any:
        total = -self.product() if self.take("-") else self.product()
        while sign := self.take("+", "-"):
            total = total + self.product() if sign.symbol == "+" else total - self.product()
        return total

    def product(self) -> Any:
        value = self.factor()
        while self.ahead not in (None, *ENDS_A_PRODUCT):
            if self.take(r"\odot", r"\cdot"):
                value = value * self.factor()
            elif self.take("/"):
                value = value / self.factor()
            else:
                value = _side_by_side(value, self.factor())
        return value

    def factor(self) -> Any:
        atom = self.next()
        function = self.values.get(name(atom), FUNCTIONS.get(name(atom)))
        if atom.symbol in CLOSING:
            inside, last = self.up_to(CLOSING[atom.symbol])
            return self.with_scripts(self.enclosed(atom.symbol, inside, last), last)
        if atom.symbol in OVER_AN_INDEX and atom.below:
            letters = [name(letter) for letter in atom.below if letter.symbol not in (",", *BLANK)]
            return OVER_AN_INDEX[atom.symbol](self.for_each(letters))
        if callable(function) and (opening := self.take("(", r"\left(")):
            inside, last = self.up_to(CLOSING[opening.symbol])
            arguments = _Reading(inside, self.values)
            return self.with_scripts(function(*arguments.all_of_it(",", arguments.sum)), last)
        if callable(function) and not atom.arguments:
            return function(self.factor())
        return self.with_scripts(self.plain(atom), atom)

    def up_to(self, closing: str) -> tuple[list[Atom], Atom]:
        """The atoms before the closing sign of what was just opened, and that sign."""
        opening, start, depth = self.atoms[self.at - 1].symbol, self.at, 1
        while depth:
            symbol = self.next().symbol
            depth += -1 if symbol == closing else symbol == opening
        return self.atoms[start : self.at - 1], self.atoms[self.at - 1]

    def enclosed(self, opening: str, inside: list[Atom], last: Atom) -> Any:
        reading = _Reading(inside, self.values)
        (value,) = reading.all_of_it("", reading.condition if opening == "[" else reading.sum)
        if opening == "|":
            return np.abs(value)
        if opening == r"\|":
            return np.linalg.norm(value, 1 if last.below else 2, axis=0, keepdims=True)
        return value

    def for_each(self, letters: list[str]) -> list[Any]:
        """What follows, for each value of the indices: the columns of what has one above, the rows of what below."""
        start, outside = self.at, self.values
        found = []
        for indices in itertools.product(*(range(self.count(letter)) for letter in letters)):
            self.at, self.values = start, outside | dict(zip(letters, indices, strict=True))
            found.append(self.product())
        self.values = outside
        return found

    def count(self, index: str) -> int:
        """How many values the index has in what follows."""
        for atom in symbols(tuple(self.atoms[self.at :])):
            below = latex(atom.below).split(",")
            if index in (latex(atom.above)[1:2], *below):
                shape = np.shape(self.values[name(atom)])
                return int(shape[-1 if index not in below else 0 if index in PLACES else -min(2, len(shape))])
        raise AssertionError(f"nothing has the index {index}")

    def plain(self, atom: Atom) -> Any:
        if name(atom) in self.values:
            return self.values[name(atom)]
        if re.fullmatch(r"-?[\d.]+", atom.symbol):
            return float(atom.symbol)
        arguments = [_value(argument, self.values) for argument in atom.arguments]
        if atom.symbol in (r"\frac", r"\tfrac"):
            return arguments[0] / arguments[1]
        if atom.symbol == r"\sqrt":
            return np.sqrt(*arguments)
        if atom.symbol == "{":
            return arguments[0]
        raise AssertionError(f"nothing is known of {name(atom)}")

    def with_scripts(self, value: Any, atom: Atom) -> Any:
        above, below = latex(atom.above), latex(atom.below)
        for index in below.split(","):
            if index in self.values:
                rows = index not in PLACES and np.ndim(value) > 1
                value = value[..., [self.values[index]], :] if rows else value[self.values[index]]
        if above[:1] == "(":
            value = value[..., [self.values[above[1]]]] if above[1] in self.values else value
        if above.endswith("T"):
            value = np.swapaxes(value, -1, -2) if np.ndim(value) > 1 else value
        elif above[:1] not in ("", "("):
            value = value ** _value(atom.above, self.values)
        return value


def _side_by_side(left: Any, right: Any) -> Any:
    of_one_example = np.shape(left) == np.shape(right) and np.shape(left)[1:] == (1,)
    if np.size(left) == 1 or np.size(right) == 1 or of_one_example:
        return left * right
    assert min(np.ndim(left), np.ndim(right)) >= 2, "only matrices and numbers can stand side by side"
    return left @ right

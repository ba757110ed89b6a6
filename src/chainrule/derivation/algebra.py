"""What an expression comes to when its products are multiplied out and like terms collected, where that is shorter.

Of (a + b)(a − b) + (b + c)(b − c) there remains a² − c²: the graph has two paths to b, and they cancel.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from fractions import Fraction
from typing import Any

import numpy as np

from chainrule.derivation.spelling import derivative, number
from chainrule.graph import Variable

MOST_TERMS, HIGHEST, LONGEST = 60, 12, 300
"""The most terms and the highest power that are multiplied out, and the longest expression, in letters."""

LARGEST = 10**300
"""The largest factor before a term."""

DIGITS = 6

Monomial = tuple[tuple[str, int], ...]
"""The factors of a term, each with its power, in the order in which they first occur; () of a number by itself."""

Polynomial = dict[Monomial, Fraction]
"""The factor before each term; none of them is 0."""

_POWERS = str.maketrans("0123456789", "⁰¹²³⁴⁵⁶⁷⁸⁹")
_SUM, _PRODUCT, _POWER, _WORD = range(4)
"""How strongly the parts of an expression hold together; less strongly than what is around, they get parentheses."""


@dataclass(frozen=True)
class _Part:
    """A node of the graph as it was typed, and multiplied out.

    Attributes:
        binding: how strongly the text holds together. operands: how many names and numbers it has.
        collects: whether there is a sum in it.
    """

    text: str
    binding: int
    operands: int
    collects: bool
    terms: Polynomial


class _TooLargeError(Exception):
    """The expression is not multiplied out."""


def algebra(names: Mapping[Variable, str], J: Variable) -> tuple[str, ...]:
    """J as typed and multiplied out, then its derivatives, "dJ/da = 2 · a = 10"; nothing where that is no shorter.

    Args:
        names: of every node, in order of evaluation.
    """
    if J.operation is None or any(np.ndim(node.value) for node in names):
        return ()
    order = [name for node, name in names.items() if node.operation is None]
    parts: dict[Variable, _Part] = {}
    try:
        for node, name in names.items():
            parts[node] = _part(node, name, parts, order)
    except _TooLargeError:
        return ()
    whole, read = parts[J], {_as_factor(part): part.operands for part in parts.values()}
    if not whole.collects or _operands(whole.terms, read) >= whole.operands:
        return ()
    lines = [f"{names[J]} = {whole.text} = {written(whole.terms)}"]
    leaves = {name: node for node, name in names.items() if node.operation is None}
    if all(name in leaves for term in whole.terms for name, _ in term):
        lines += [_slope(names[J], name, whole.terms, leaves) for name in leaves]
    return tuple(lines)


def _part(node: Variable, name: str, parts: Mapping[Variable, _Part], order: Sequence[str]) -> _Part:
    if node.operation is None:
        return _Part(name, _WORD, 1, False, {((name, 1),): Fraction(1)})
    inputs = [parts[given] if isinstance(given, Variable) else _constant(given) for given in node.inputs]
    collects = any(part.collects for part in inputs)
    operands = sum(part.operands for part in inputs)
    text, binding = _text(node, inputs)
    terms = _terms(node.operation.name, inputs, order)
    if len(text) > LONGEST or len(terms or ()) > MOST_TERMS or any(abs(f) > LARGEST for f in (terms or {}).values()):
        raise _TooLargeError
    if terms is None:  # a function, which stays as it is
        function = _Part(text, binding, operands, False, {})
        return replace(function, terms={((_as_factor(function), 1),): Fraction(1)})
    return _Part(text, binding, operands, collects or node.operation.name in ("add", "subtract"), terms)


def _constant(value: Any) -> _Part:
    if np.ndim(value) or not np.isfinite(value):
        raise _TooLargeError
    exact = Fraction(repr(float(value)))
    text = number(float(value), DIGITS)
    return _Part(text, _SUM if text.startswith("-") else _WORD, 1, False, {(): exact} if exact else {})


def _text(node: Variable, inputs: Sequence[_Part]) -> tuple[str, int]:
    """The node as it was typed, with the parentheses that it needs."""
    assert node.operation is not None

    def held(part: _Part, at_least: int) -> str:
        return part.text if part.binding >= at_least else f"({part.text})"

    match node.operation.name:
        case "add":
            return f"{inputs[0].text} + {_behind(inputs[1])}", _SUM
        case "subtract":
            return f"{inputs[0].text} - {held(inputs[1], _PRODUCT)}", _SUM
        case "multiply":
            return f"{held(inputs[0], _PRODUCT)} · {held(inputs[1], _PRODUCT)}", _PRODUCT
        case "divide":
            return f"{held(inputs[0], _PRODUCT)} / {held(inputs[1], _POWER)}", _PRODUCT
        case "negative":
            return f"-{held(inputs[0], _PRODUCT)}", _SUM
        case "power":
            exponent = inputs[1].text
            if exponent.isdigit():
                return f"{held(inputs[0], _WORD)}{exponent.translate(_POWERS)}", _POWER
            return f"{held(inputs[0], _WORD)} ** {held(inputs[1], _WORD)}", _POWER
    options = [f"{name}={value}" for name, value in node.options.items()]
    return f"{node.operation.name}({', '.join([*(part.text for part in inputs), *options])})", _WORD


def _as_factor(part: _Part) -> str:
    return part.text if part.binding == _WORD else f"({part.text})"


def _behind(part: _Part) -> str:
    """A summand that is not the first."""
    return f"({part.text})" if part.text.startswith("-") else part.text


def _terms(operation: str, inputs: Sequence[_Part], order: Sequence[str]) -> Polynomial | None:
    """The operation multiplied out; None of what is no sum, product or whole power."""
    terms = [part.terms for part in inputs]
    match operation:
        case "add":
            return _sum(terms[0], terms[1], 1)
        case "subtract":
            return _sum(terms[0], terms[1], -1)
        case "negative":
            return _sum({}, terms[0], -1)
        case "multiply":
            return _product(terms[0], terms[1], order)
        case "divide" if set(terms[1]) == {()}:
            return {term: factor / terms[1][()] for term, factor in terms[0].items()}
        case "power" if set(terms[1]) <= {()}:
            exponent = terms[1].get((), Fraction(0))
            if exponent.denominator == 1 and 1 <= exponent <= HIGHEST:
                result = terms[0]
                for _ in range(int(exponent) - 1):
                    result = _product(result, terms[0], order)
                return result
    return None


def _sum(one: Polynomial, other: Polynomial, sign: int) -> Polynomial:
    total = dict(one)
    for term, factor in other.items():
        total[term] = total.get(term, Fraction(0)) + sign * factor
    return {term: factor for term, factor in total.items() if factor}


def _product(one: Polynomial, other: Polynomial, order: Sequence[str]) -> Polynomial:
    if len(one) * len(other) > MOST_TERMS**2:
        raise _TooLargeError
    place = {name: k for k, name in enumerate(order)}
    total: Polynomial = {}
    for left, a in one.items():
        for right, b in other.items():
            powers = dict(left)
            for name, power in right:
                powers[name] = powers.get(name, 0) + power
            if max(powers.values(), default=0) > HIGHEST:
                raise _TooLargeError
            term = tuple(sorted(powers.items(), key=lambda item: (place.get(item[0], len(place)), item[0])))
            total[term] = total.get(term, Fraction(0)) + a * b
    return {term: factor for term, factor in total.items() if factor}


def written(terms: Polynomial) -> str:
    """The polynomial, its highest terms first: "a² - 2 · a · b + 3"."""
    highest = sorted(terms.items(), key=lambda item: -sum(power for _, power in item[0]))
    pieces: list[str] = []
    for term, factor in highest:
        factors = [name + (str(power).translate(_POWERS) if power > 1 else "") for name, power in term]
        size = number(float(abs(factor)), DIGITS)
        text = " · ".join(factors if factors and abs(factor) == 1 else [size, *factors])
        sign = "-" if factor < 0 else "+"
        pieces.append(f" {sign} {text}" if pieces else f"{'-' * (factor < 0)}{text}")
    return "".join(pieces) or "0"


def _operands(terms: Polynomial, read: Mapping[str, int]) -> int:
    """How many names and numbers there are to read, the exponents too; `read` says how many of a function."""
    return sum(
        sum(read[name] + (power > 1) for name, power in term) + (abs(factor) != 1 or not term)
        for term, factor in terms.items()
    )


def _slope(J: str, name: str, terms: Polynomial, leaves: Mapping[str, Variable]) -> str:
    """dJ/da = 2 · a = 10."""
    slope: Polynomial = {}
    for term, factor in terms.items():
        powers = dict(term)
        if power := powers.get(name, 0):
            rest = tuple((other, p - (other == name)) for other, p in term if p - (other == name))
            slope[rest] = slope.get(rest, Fraction(0)) + factor * power
    with np.errstate(all="ignore"):
        value = sum(
            float(factor) * np.prod([np.float64(leaves[other].value) ** p for other, p in term])
            for term, factor in slope.items()
        )
    parts = [derivative(J, name), written(slope), number(float(value), DIGITS)]
    return " = ".join(dict.fromkeys(parts))

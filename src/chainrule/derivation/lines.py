"""The lines of a derivation: an operation's formulas, forward and backward, with a network's names in them."""

from __future__ import annotations

import inspect
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise, zip_longest
from typing import Any

import numpy as np
from numpy.typing import NDArray

from chainrule.derivation.formula import (
    Atom,
    Formula,
    clauses,
    in_parentheses,
    is_number,
    number,
    parse,
    sides,
    substitute,
    trim,
    without_parentheses,
    without_terms,
)
from chainrule.derivation.trace import GREEK, Trace, input_symbol, output_symbol, symbol_of
from chainrule.graph import OPERATIONS, Operation, Variable

ONE_OVER_M = parse(r"\frac{1}{m}")
SUM = parse(r"\textstyle\sum")

Use = tuple[Variable, int]
"""A node, and which of its inputs is meant."""


@dataclass(frozen=True)
class Line:
    """One line of a derivation.

    Attributes:
        formula: such as Z^{[1]} = W^{[1]} A^{[0]} + b^{[1]}.
        shapes: the line with shapes in the place of names, "(4, m) = (4, 3)(3, m) + (4, 1)"; or the result's alone.
        numbers: the result, in the notes' convention, or None.
        remark: what symbols mean that are explained nowhere else.
    """

    formula: Formula
    shapes: str = ""
    numbers: NDArray[Any] | None = None
    remark: str = ""


def computed(trace: Trace, node: Variable) -> list[Line]:
    """How the node is computed: one line, or several where the formula has several steps."""
    operation, inputs = as_written(trace, node)
    out, names = output_symbol(operation), _names(trace, node, operation, inputs)
    absent = {symbol_of(name) for name, given in zip_longest(operation.inputs, inputs) if name and given is None}
    lines = []
    for clause in clauses(without_terms(parse(operation.forward), absent)):
        left, right = sides(clause)
        formula = _with_dots(substitute(_listed(clause, operation, len(inputs)), names))
        if left[0].symbol == out:
            shapes = _shapes(trace, node, right, _operands(operation, inputs))
            lines.append(Line(formula, shapes, trace.shown(node, node.value)))
        else:
            lines.append(Line(formula))
    return [replace(lines[0], remark=_remark(operation)), *lines[1:]]


def given(trace: Trace, leaf: Variable) -> Line:
    """What a parameter or the targets are: name, shape and numbers."""
    return Line((trace.name(leaf),), written(trace.shape(leaf)), trace.shown(leaf, leaf.value))


def derivative(trace: Trace, variable: Variable, uses: Sequence[Use]) -> Line:
    """The derivative by the variable: the sum of what comes back from every use of it."""
    parts = [_part(trace, node, i) for node, i in uses]
    total: Formula = ()
    for _, right, _ in parts:
        total = right if not total else _plus(total, right)
    left = parts[0][0] if len(parts) == 1 else differential(trace.name(variable))
    shapes = parts[0][2] if len(parts) == 1 else written(trace.shape(variable))
    scale = trace.m if trace.of_examples(variable) else 1
    numbers = trace.shown(variable, scale * np.asarray(variable.grad), backward=True)
    remark = " ".join(filter(None, (_shortcut(trace, node) for node, _ in uses)))
    return Line((left, *parse(" = "), *total), shapes, numbers, remark)


def differential(name: Atom) -> Atom:
    """dZ^{[1]} of Z^{[1]}."""
    return replace(name, symbol=f"d{name.symbol}")


def written(shape: Sequence[str]) -> str:
    """(4, m) of ("4", "m"); nothing of a number's."""
    return f"({', '.join(shape)})" if shape else ""


def _part(trace: Trace, node: Variable, i: int) -> tuple[Atom, Formula, str]:
    """What comes back from one use of a variable: the left side, the right side, the shapes."""
    assert node.operation is not None
    operation, variable = node.operation, node.inputs[i]
    names = _names(trace, node, operation, node.inputs)
    left, right = sides(clauses(parse(operation.backward[min(i, len(operation.backward) - 1)]))[0])
    shapes = _shapes(trace, variable, right, _operands(operation, node.inputs) | {f"d{output_symbol(operation)}": node})
    if operation.inputs[0].startswith("*"):
        left, names = (Atom(f"d{_item(operation, i)}"),), names | {"i": Atom(str(i + 1))}
    right = _with_dots(substitute(right, names))
    if output_symbol(operation) == "J" and node is not trace.J:
        right = (differential(trace.name(node)), Atom(" "), *in_parentheses(right))
    if operation.broadcasts and variable.shape != node.shape:
        right = _summed(right, over_examples=variable.shape == node.shape[1:])
    right = _scaled(right, trace.of_examples(node), trace.of_examples(variable))
    return substitute(left, names)[0], right, shapes


def _summed(right: Formula, over_examples: bool) -> Formula:
    """What a stretched input gets back: the sum over the axes along which it was stretched."""
    total = replace(SUM[-1], below=(Atom("i"),) if over_examples else ())
    return (*SUM[:-1], total, Atom(" "), *in_parentheses(right))


def _scaled(right: Formula, from_examples: bool, to_examples: bool) -> Formula:
    """From derivatives of each example's loss to derivatives of J, the mean of the losses; or the other way."""
    if from_examples and not to_examples:
        return (*ONE_OVER_M, Atom(" "), *in_parentheses(right))
    if to_examples and not from_examples:
        sign, rest = ((right[0],), right[1:]) if right[0].symbol == "-" else ((), right)
        if rest[0] != ONE_OVER_M[0]:
            return _times_m(right)
        return (*sign, *trim(rest[1:])) if sign else without_parentheses(trim(rest[1:]))
    return right


def _times_m(right: Formula) -> Formula:
    if right[0].symbol == r"\frac" and right[0].arguments[0] == (Atom("1"),):
        return (replace(right[0], arguments=((Atom("m"),), right[0].arguments[1])), *right[1:])
    return (*parse(r"m\, "), *in_parentheses(right))


def _with_dots(formula: Formula) -> Formula:
    """The formula with a dot for every product with a plain number."""
    solid = [atom for atom in formula if atom.symbol != " "]
    by_number = {
        id(sign)
        for left, sign, right in zip(solid, solid[1:], solid[2:], strict=False)
        if sign.symbol == r"\odot" and (is_number(left) or is_number(right))
    }
    return tuple(replace(atom, symbol=r"\cdot") if id(atom) in by_number else atom for atom in formula)


def _plus(total: Formula, right: Formula) -> Formula:
    if right[0].symbol == "-":
        return (*total, *parse(" - "), *right[1:])
    return (*total, *parse(" + "), *right)


def as_written(trace: Trace, node: Variable) -> tuple[Operation, tuple[Any, ...]]:
    """The operation and its inputs as the user wrote them: where a shortcut took over, the loss of the activation."""
    assert node.operation is not None
    activation = _bypassed(trace, node)
    if activation is None:
        return node.operation, node.inputs
    loss = next(loss for loss in OPERATIONS.values() if node.operation in loss.after.values())
    return loss, (activation, *node.inputs[1:])


def _bypassed(trace: Trace, node: Variable) -> Variable | None:
    """The activation that the node's operation, a shortcut, reads past; None if it is no shortcut."""
    activations = [
        g for loss in OPERATIONS.values() for g, shortcut in loss.after.items() if shortcut is node.operation
    ]
    made = (other for other in trace.nodes if other.operation in activations and other.inputs[0] is node.inputs[0])
    return next(made, None)


def _shortcut(trace: Trace, node: Variable) -> str:
    """What the node's operation does in one step, if it is a shortcut."""
    activation = _bypassed(trace, node)
    if activation is None or activation.operation is None:
        return ""
    return f"The shortcut: {as_written(trace, node)[0].name} and {activation.operation.name} in one step."


def _operands(operation: Operation, inputs: Sequence[Any]) -> dict[str, Any]:
    """The inputs by the symbols that the formulas have for them."""
    if operation.inputs[0].startswith("*"):
        return {_item(operation, i): given for i, given in enumerate(inputs)}
    return {input_symbol(operation, i): given for i, given in enumerate(inputs) if given is not None}


def _item(operation: Operation, i: int) -> str:
    """What stands for input i of any number, until it gets its name."""
    return f"{input_symbol(operation, 0)}{i}"


def _names(trace: Trace, node: Variable, operation: Operation, inputs: Sequence[Any]) -> dict[str, Atom]:
    """What stands in the node's formulas for each symbol: names of the network, and the values of options."""
    index = tuple(atom for atom in trace.name(node).above if atom.symbol != r"\prime")
    named = {s: Atom(s, above=index) for s in _unexplained(operation) if len(s) == 1 and s.isupper()}
    for symbol, given in {**_operands(operation, inputs), output_symbol(operation): node}.items():
        named[symbol] = trace.name(given)
        named[f"d{symbol}"] = differential(named[symbol])
    for name, value in (operation.defaults | node.options).items():
        if isinstance(value, int | float | str | tuple) and not isinstance(value, bool):
            named[symbol_of(name)] = number(value) if isinstance(value, int | float) else Atom(str(value))
    activation = _bypassed(trace, node)
    if activation is not None and activation.operation is not None:
        named[output_symbol(activation.operation)] = trace.name(activation)
    return named


def _listed(clause: Formula, operation: Operation, count: int) -> Formula:
    r"""A formula of any number of inputs, A_1, A_2, \ldots, written out for as many as there are."""
    if not operation.inputs[0].startswith("*"):
        return clause
    symbol = input_symbol(operation, 0)
    first = next(i for i, atom in enumerate(clause) if atom.symbol == symbol)
    last = next(i for i, atom in enumerate(clause) if atom.symbol == r"\ldots")
    between = clause[first + 1]
    listed = [atom for i in range(count) for atom in (Atom(_item(operation, i)), between, Atom(" "))]
    return (*clause[:first], *listed[:-2], *clause[last + 1 :])


def _shapes(trace: Trace, result: Variable, right: Formula, operands: dict[str, Any]) -> str:
    """The line with shapes in the place of names, where it is a sum of matrix products; else the result's shape.

    Of a product that does not fit with examples as columns, as where a layer multiplies from the right, the shapes are
    those of the arrays themselves.
    """
    for as_columns in (True, False):
        told = {symbol: trace.shape(given, as_columns) for symbol, given in operands.items()}
        line = _products(trace.shape(result, as_columns), right, told)
        if line:
            return line
    return written(trace.shape(result))


def _products(result: tuple[str, ...], right: Formula, told: dict[str, tuple[str, ...]]) -> str:
    terms: list[list[tuple[str, ...]]] = [[]]
    for atom in right:
        if atom.symbol == "+":
            terms.append([])
        elif atom.symbol in told and not atom.below and atom.above in ((), (Atom("T"),)):
            terms[-1].append(told[atom.symbol][:: -1 if atom.above else 1])
        elif atom.symbol not in (" ", r"\,"):
            return ""
    if max(map(len, terms)) < 2 or not all(_fits(term, result) for term in terms):
        return ""
    return f"{written(result)} = " + " + ".join("".join(map(written, term)) for term in terms)


def _fits(term: list[tuple[str, ...]], result: tuple[str, ...]) -> bool:
    """Whether the product of matrices of these shapes has the result's shape, or is one column to be added to each."""
    if any(len(shape) != 2 for shape in (*term, result)):
        return False
    inner = all(left[1] == right[0] for left, right in pairwise(term))
    return inner and term[0][0] == result[0] and term[-1][1] in (result[1], "1")


def _remark(operation: Operation) -> str:
    """The first sentence of the operation's documentation, where its formula has symbols that are not its inputs."""
    if not _unexplained(operation):
        return ""
    paragraph = " ".join((inspect.getdoc(operation.function) or "").split("\n\n")[0].split())
    return re.split(r"(?<=\.)\s+(?=[A-Z])", paragraph)[0]


def _unexplained(operation: Operation) -> set[str]:
    """The letters in the operation's formula that are neither inputs, output, options, indices nor functions."""
    known = {input_symbol(operation, i) for i in range(len(operation.inputs))} | set(map(symbol_of, operation.defaults))
    known |= {output_symbol(operation), "e", "i", "j", "k", "m", "n", "T"}
    letters = _letters(parse(operation.forward))
    return {letter for letter in letters if letter not in known}


def _letters(formula: Formula) -> Iterator[str]:
    """The single letters in the formula that are not called like functions."""
    for atom, after in pairwise((*formula, Atom(" "))):
        if (atom.symbol in GREEK.values() or re.fullmatch("[a-zA-Z]", atom.symbol)) and after.symbol != "(":
            yield atom.symbol
        for inner in (*atom.arguments, atom.below, atom.above):
            yield from _letters(inner)

"""Whether an operation's formulas keep to the contract that `chainrule.graph.Operation` documents."""

from __future__ import annotations

import functools
import inspect
import itertools
import re
from collections.abc import Iterator

from chainrule.derivation.formula import Formula, clauses, parse, sides
from chainrule.derivation.notation import GREEK, input_symbol, symbol_of
from chainrule.derivation.remarks import KNOWN, unexplained
from chainrule.errors import GraphError
from chainrule.graph import Operation

LONGEST, DEEPEST = 2_000, 30
"""The most letters of a formula, and how deep arguments and scripts may lie in one another."""

LETTERS = {symbol: name for name, symbol in GREEK.items()}
UNICODE = dict(zip(GREEK, "αβγδζηθκλμνξρστφχψωε", strict=True))


@functools.cache
def check_formulas(operation: Operation) -> None:
    """See to it that the operation's formulas can be read.

    Raises:
        GraphError: one of them breaks the contract; the message names the operation, the formula and what is wrong.
    """
    inputs = [input_symbol(operation, i) for i in range(len(operation.inputs))]
    if "T" in inputs:
        raise _error(operation, operation.forward, "an input called T cannot be told from the sign of a transpose")
    equations = _equations(operation, operation.forward)
    values = [left[0].symbol for left, _ in equations if re.fullmatch("[A-Z]", left[0].symbol)]
    if not values:
        raise _error(operation, operation.forward, "no clause has one capital letter, the value, on its left")
    documented = inspect.getdoc(operation.function) or ""
    for symbol in sorted(unexplained(operation)):
        letter = UNICODE.get(LETTERS.get(symbol, ""), symbol)
        if letter not in documented:
            raise _error(operation, operation.forward, f"{letter} is no input, and the documentation does not tell it")
    if len(operation.backward) != len(inputs):
        raise GraphError(f"{operation.name} has {len(inputs)} inputs, but {len(operation.backward)} backward formulas.")
    known = {*inputs, *map(symbol_of, operation.defaults), *unexplained(operation), *KNOWN}
    known |= {left[0].symbol for left, _ in equations} | {f"d{values[0]}"}
    for symbol, formula in zip(inputs, operation.backward, strict=True):
        if formula:
            _check_backward(operation, formula, symbol, known)
    for formula, _ in operation.long_way:
        _equations(operation, formula)


def _check_backward(operation: Operation, formula: str, symbol: str, known: set[str]) -> None:
    equations = _equations(operation, formula)
    (left, _), *others = equations
    if left[0].symbol != f"d{symbol}":
        raise _error(operation, formula, f"it must begin with d{symbol}, as the derivative by the input {symbol}")
    known = known | {other[0].symbol for other, _ in others}
    for _, right in equations:
        for word in _words(right):
            if word not in known and word.removeprefix("d") not in known:
                raise _error(operation, formula, f"{word} is neither an input nor an option nor told by a clause")


def _words(formula: Formula) -> Iterator[str]:
    """The names in a formula: letters and words, but not those of functions."""
    for atom in formula:
        if re.fullmatch(r"d?[a-zA-Z]+", atom.symbol):
            yield atom.symbol
        for inner in (*(() if atom.symbol == r"\operatorname" else atom.arguments), atom.below, atom.above):
            yield from _words(inner)


def _equations(operation: Operation, formula: str) -> list[tuple[Formula, Formula]]:
    bare = re.sub(r"\\[{}]", "", formula)
    depth = [0, *itertools.accumulate((sign == "{") - (sign == "}") for sign in bare)]
    if min(depth) < 0 or depth[-1] != 0:
        raise _error(operation, formula, "its braces do not close")
    if len(formula) > LONGEST:
        raise _error(operation, formula, f"it has {len(formula):,} letters, but {LONGEST:,} are the most")
    try:
        parsed = parse(formula)
        if _depth(parsed) > DEEPEST:
            raise RecursionError
        parts = clauses(parsed)
        found = [sides(part) for part in parts if any(atom.symbol == "=" for atom in part)]
    except RecursionError:
        raise _error(operation, formula, f"its parts lie more than {DEEPEST} deep in one another") from None
    except (ValueError, IndexError):
        raise _error(operation, formula, "it cannot be read") from None
    if len(found) != len(parts) or not all(left and right for left, right in found):
        raise _error(operation, formula, "each clause needs an equals sign with something on both sides")
    return found


def _depth(formula: Formula) -> int:
    """How deep arguments and scripts lie in one another."""
    level, depth = [formula], 0
    while level:
        depth += 1
        inside = ((*atom.arguments, atom.below, atom.above) for part in level for atom in part)
        level = [inner for parts in inside for inner in parts if inner]
    return depth


def _error(operation: Operation, formula: str, what: str) -> GraphError:
    shown = repr(formula) if len(formula) <= 200 else f"{formula[:197]!r}…"
    return GraphError(f"{operation.name}: the formula {shown} cannot be written on a page: {what}.")

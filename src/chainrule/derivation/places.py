"""Places on the page: the steps of a sequence have the letter t, the places of a picture the letter p.

Formulas are of columns, and A^{(i)} is one of them. Where examples are not one column each but one at every step or
place, a line holds at each of them, and a sum over columns goes over all: of \\sum_i dZ^{(i)} comes
\\sum_{i, t} dZ_t^{(i)}, and of dZ A^T comes \\sum_t dZ_t A_t^T.
"""

from __future__ import annotations

import math
from collections.abc import Collection
from dataclasses import replace

from chainrule.derivation.formula import Atom, Formula, in_parentheses, number, parse, symbols
from chainrule.derivation.trace import Trace
from chainrule.graph import Variable

COLUMN = parse("(i)")
SUM = parse(r"\textstyle\sum")


def places(trace: Trace, variable: Variable) -> tuple[int, ...]:
    """The axes between examples and features: (steps,), (height, width), or () where each example is a column."""
    k = trace.columns(variable)
    return variable.shape[k:-1] if k else ()


def letter(trace: Trace, variable: Variable) -> str:
    """The index of the variable's steps or places, "" where it has none."""
    return ("", "t", "p")[min(len(places(trace, variable)), 2)]


def at_each(formula: Formula, place: str) -> Formula:
    """A formula of columns, with the letter of a step or place wherever it tells of single columns."""
    if not place or any(place == atom.symbol for index in symbols(formula) for atom in index.below):
        return formula
    return tuple(_at(atom, place) for atom in formula)


def _at(atom: Atom, place: str) -> Atom:
    below, above = (at_each(script, place) for script in (atom.below, atom.above))
    atom = replace(atom, arguments=tuple(at_each(inner, place) for inner in atom.arguments), below=below, above=above)
    if atom.above == COLUMN:
        return replace(atom, below=_and(atom.below, place))
    if atom.symbol == r"\sum" and atom.below[:1] == COLUMN[1:2]:
        return replace(atom, below=(*_and(atom.below[:1], place), *atom.below[1:]))
    return atom


def over_each(product: Formula, place: str, varying: Collection[str]) -> Formula:
    """A product of matrices, summed over steps or places, or over examples; `varying` are the symbols that differ."""
    indexed = tuple(_of(atom, place) if atom.symbol in varying else atom for atom in product)
    return (SUM[0], replace(SUM[1], below=(Atom(place),)), Atom(" "), *in_parentheses(indexed))


def _of(atom: Atom, place: str) -> Atom:
    if place == "i":
        return replace(atom, above=(*COLUMN, *atom.above))
    return replace(atom, below=_and(atom.below, place))


def _and(index: Formula, place: str) -> Formula:
    return (*index, *(parse(", ") if index else ()), Atom(place))


def from_the_end(formula: Formula) -> Formula:
    """A formula of steps for a sequence that is read from its end: t − 1 and t + 1 change places."""
    return tuple(
        replace(
            atom,
            arguments=tuple(map(from_the_end, atom.arguments)),
            below=tuple(_TURNED.get(sign, sign) for sign in atom.below) if Atom("t") in atom.below else atom.below,
        )
        for atom in formula
    )


_TURNED = {Atom("-"): Atom("+"), Atom("+"): Atom("-")}


def columns(trace: Trace, node: Variable) -> Atom:
    """How many columns the node has: m of the examples, 676 m of their places."""
    return counted(trace, math.prod(node.shape[:-1]))


def counted(trace: Trace, n: int) -> Atom:
    """A number that grows with the examples, written with m."""
    if n == trace.m or n % trace.m:
        return Atom(trace.count(n))
    return Atom("{", ((number(n // trace.m), Atom(" "), Atom("m")),))

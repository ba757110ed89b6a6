"""Sums on the page: over examples with the letter i, over features with j or k; and the mean over m losses."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import numpy as np

from chainrule.derivation.formula import (
    Atom,
    Formula,
    depths,
    in_parentheses,
    is_sum,
    number,
    parse,
    trim,
    without_parentheses,
)
from chainrule.derivation.places import SUM, counted, letter, places
from chainrule.derivation.trace import Trace
from chainrule.graph import Variable

ONE_OVER_M = parse(r"\frac{1}{m}")
OF_EXAMPLES = {"k": "i", "l": "j"}
"""Formulas of a sum over some axis have the letters k and l; where it goes over the examples, these replace them."""


def stretched_along(trace: Trace, node: Variable, variable: Variable) -> str | None:
    """Along what the variable was stretched to the node's shape: the letters i, t or p, and j; None for other axes."""
    if variable.shape == node.shape:
        return ""
    k, own = trace.columns(node), trace.columns(variable)
    axes = node.shape[k:]
    mine = ((1,) * node.ndim + variable.shape)[-len(axes) :] if axes else ()
    over = [n > 1 and given == 1 for n, given in zip(axes, mine, strict=True)]
    in_places = over[: len(places(trace, node))]
    if len(set(in_places)) > 1 or (own and own != k) or len(axes) > len(in_places) + 1:
        return None
    everywhere = letter(trace, node) if any(in_places) else ""
    return ("i" if k and not own else "") + everywhere + ("j" if over[-1:] == [True] else "")


def indexed(
    trace: Trace, node: Variable, letters: str, operands: Mapping[str, Any], names: Mapping[str, Atom]
) -> dict[str, Atom]:
    """The names of what stands inside of a sum: with the index of an example, or of a feature, where it has such."""
    found = dict(names)
    features = node.shape[trace.columns(node) :]
    everywhere = letter(trace, node) if letter(trace, node) in letters else ""
    for symbol, given in operands.items():
        variable = trace.variable(given)
        if variable is None:
            continue
        name, own = names[symbol], trace.columns(variable)
        if "i" in letters and own:
            name = replace(name, above=(*name.above, *parse("(i)")))
        inside = [everywhere] if everywhere and places(trace, variable) == places(trace, node) else []
        inside += ["j"] if "j" in letters and variable.shape[own:] == features else []
        for index in inside:
            name = replace(name, below=(*name.below, Atom(","), Atom(index)) if name.below else (Atom(index),))
        found[symbol] = name
    return found


def summed(right: Formula, letters: str | None) -> Formula:
    """The sum over these letters; without one where it goes over other axes."""
    if letters == "":
        return right
    signs = [replace(SUM[-1], below=(Atom(letter),)) for letter in letters] if letters else [SUM[-1]]
    return (SUM[0], *(atom for sign in signs for atom in (sign, Atom(" "))), *in_parentheses(right))


def reduced(trace: Trace, node: Variable, formula: Formula) -> Formula:
    """A formula of a sum over some axis, such as \\sum_k A_k, with the letter i where that is the examples' axis."""
    A = next((given for given in node.inputs if isinstance(given, Variable)), None)
    if A is None or trace.of_examples(node) or not trace.columns(A):
        return formula
    features, left = math.prod(A.shape[trace.columns(A) :]), np.size(node.value)
    if left not in (1, features):
        return formula
    return tuple(_over_examples(atom, both=left == 1 < features) for atom in formula)


def _over_examples(atom: Atom, both: bool) -> Atom:
    atom = replace(
        atom,
        arguments=tuple(tuple(_over_examples(inner, both) for inner in argument) for argument in atom.arguments),
    )
    letter = atom.below[0].symbol if len(atom.below) == 1 else ""
    if letter not in OF_EXAMPLES:
        return atom
    index = Atom(OF_EXAMPLES[letter])
    if atom.symbol in (r"\sum", r"\max"):
        return replace(atom, below=(index, Atom(","), *atom.below) if both else (index,))
    return replace(atom, below=atom.below if both else (), above=(Atom("("), index, Atom(")")))


def numbers_in_each(trace: Trace, node: Variable) -> Atom:
    """n: how many numbers of the input go into one number of the node; written with m where these are all examples.

    Where there are as many as before, a sum inside of the formula is one over features, and n is their number.
    """
    A = trace.variable(node.inputs[0])
    if A is None:
        return number(1)
    if A.shape == node.shape:
        return number(math.prod(A.shape[-1:]))
    n = np.size(A.value) // (np.size(node.value) or 1)
    return number(n) if trace.of_examples(node) or not trace.of_examples(A) else counted(trace, n)


def of_sum(trace: Trace, node: Variable, right: Formula) -> tuple[str, ...]:
    """The shape of a sum over the columns, or over the features, of what has the node's shape; () of anything else."""
    letter = next((atom.below[0].symbol for atom in right if atom.symbol == r"\sum" and atom.below), "")
    shape = trace.shape(node)
    if letter == "i":
        return (str(node.shape[-1]), "1")
    if letter != "k":
        return ()
    return ("1", *shape[1:]) if trace.transposed(node) else (*shape[:-1], "1")


def scaled(right: Formula, from_examples: bool, to_examples: bool) -> Formula:
    """From derivatives of each example's loss to derivatives of J, the mean of the losses; or the other way."""
    if from_examples and not to_examples:
        return (*ONE_OVER_M, Atom(" "), *in_parentheses(right))
    return _times_m(right) if to_examples and not from_examples else right


def times(factor: Atom, right: Formula) -> Formula:
    """The product; a sign before the right side stays in front."""
    sign, rest = _signed(right)
    return (*sign, factor, Atom(" "), *in_parentheses(rest))


def _times_m(right: Formula) -> Formula:
    """m times the right side; a factor 1/m in it is cancelled."""
    sign, rest = _signed(right)
    if is_sum(rest):
        return (*parse(r"m\, "), *in_parentheses(right))
    for i, (atom, depth) in enumerate(zip(rest, depths(rest), strict=True)):
        if depth == 0 and atom.symbol == r"\frac" and atom.arguments[0] == (Atom("1"),):
            below = _cancelled(atom.arguments[1])
            if below:
                fraction = replace(atom, arguments=(atom.arguments[0] if _has_m(atom) else (Atom("m"),), below))
                return (*sign, *rest[:i], fraction, *rest[i + 1 :])
            left = trim((*rest[:i], *trim(rest[i + 1 :])))
            return (*sign, *left) if sign else without_parentheses(left)
    return (*sign, *parse(r"m\, "), *rest)


def _signed(right: Formula) -> tuple[Formula, Formula]:
    """A minus that belongs to the whole product, and the rest."""
    if right[0].symbol == "-" and not is_sum(right[1:]):
        return right[:1], right[1:]
    return (), right


def _has_m(fraction: Atom) -> bool:
    return _cancelled(fraction.arguments[1]) != fraction.arguments[1]


def _cancelled(below: Formula) -> Formula:
    """What is below a fraction line, without its factor m: nothing of m, 2 of 2 m."""
    if below == (Atom("m"),):
        return ()
    inside = below[0].arguments[0] if below[0].symbol == "{" else ()
    return trim(inside[:-1]) if inside[-1:] == (Atom("m"),) else below

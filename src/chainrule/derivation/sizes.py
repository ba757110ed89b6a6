"""The shapes of symbols that no array of the graph stands for, such as gates: found from those beside them."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

from chainrule.derivation.definitions import part_of
from chainrule.derivation.formula import Atom, Formula, depths, latex
from chainrule.derivation.places import letter
from chainrule.derivation.trace import Trace
from chainrule.graph import Variable

ONE_BY_ONE = ("softmax", "clip", "sign")
"""The named functions whose values have the shape of what they are given."""

Size = tuple[str, ...]
"""Rows and columns, () where nothing is known."""

Sizes = Mapping[str, Size]
"""The size of each symbol, and of its parts: "Z", "Z,3"."""


def at_one_place(trace: Trace, variable: Variable) -> Size:
    """The shape of a value at one step or place, with the examples as columns; a window's weights as a matrix."""
    if letter(trace, variable):
        return (str(variable.shape[-1]), trace.count(math.prod(variable.shape[: trace.columns(variable)])))
    shape = trace.shape(variable)
    if len(shape) > 2 and variable in trace.parameters:
        return (shape[0], str(math.prod(variable.shape[1:])))
    return shape


def of_formula(formula: Formula, sizes: Sizes) -> Size:
    """The shape of a sum of products, of the symbols whose shapes are known."""
    terms: list[list[Atom]] = [[]]
    for atom, depth in zip(formula, depths(formula), strict=True):
        if depth == 0 and atom.symbol in ("+", "-"):
            terms.append([])
        else:
            terms[-1].append(atom)
    return _stretched([_of_product(term, sizes) for term in terms])


def _of_product(term: Sequence[Atom], sizes: Sizes) -> Size:
    """The shape of factors, matrices side by side or numbers one by one."""
    size: Size = ()
    one_by_one = False
    at = 0
    while at < len(term):
        atom, inside = term[at], 0
        if atom.symbol == r"\operatorname" and latex(atom.arguments[0]) not in ONE_BY_ONE:
            return ()
        if atom.symbol in ("(", "[", r"\left("):
            inside = next(i for i, depth in enumerate(depths(tuple(term[at:]))) if depth == 0)
        factor = _listed(tuple(term[at + 1 : at + inside]), sizes) if inside else _of_factor(atom, sizes)
        factor = () if atom.symbol == "[" else factor
        if atom.symbol in (r"\odot", "/", r"\cdot"):
            one_by_one = True
        elif factor:
            side_by_side = size and not one_by_one and len(size) == len(factor) == 2 and size[1] == factor[0]
            size = (size[0], factor[1]) if side_by_side else _stretched([size, factor])
            one_by_one = False
        at += inside + 1
    return size


def _of_factor(atom: Atom, sizes: Sizes) -> Size:
    if atom.symbol == r"\frac" or (atom.symbol == "{" and atom.arguments):
        return _listed(atom.arguments[0], sizes)
    part = part_of(atom)
    size = sizes.get(f"{atom.symbol},{part}" if part else atom.symbol, ())
    return size[::-1] if atom.above == (Atom("T"),) else size


def _listed(inside: Formula, sizes: Sizes) -> Size:
    """The shape of what stands between parentheses; of parts with commas between them, of all below each other."""
    parts: list[list[Atom]] = [[]]
    for atom, depth in zip(inside, depths(inside), strict=True):
        if depth == 0 and atom.symbol == ",":
            parts.append([])
        else:
            parts[-1].append(atom)
    found = [of_formula(tuple(part), sizes) for part in parts]
    if len(found) == 1 or not all(len(size) == 2 and size[0].isdigit() for size in found):
        return found[0]
    return (str(sum(int(size[0]) for size in found)), found[0][1])


def _stretched(found: Sequence[Size]) -> Size:
    """The shape that shapes of several terms are stretched to."""
    known = [size for size in found if size]
    if not known or any(len(size) != len(known[0]) for size in known):
        return known[0] if known else ()
    return tuple(next((n for n in along if n != "1"), "1") for along in zip(*known, strict=True))


def missing_factor(symbol: str, product: Formula, result: Size, sizes: Sizes) -> Size:
    """The size of the one factor that is unknown, P of Z = W P + b: it goes between W and Z."""
    before: Size = ()
    for atom in product:
        if atom.symbol == symbol and before and len(result) == 2:
            return (before[1], result[1])
        before = _of_factor(atom, sizes) or before
    return ()

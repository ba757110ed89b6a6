"""Matrix products on the page: which of their matrices are transposed there, and the shapes along them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import pairwise
from typing import Any

from chainrule.derivation.formula import Atom, Formula, parse
from chainrule.derivation.places import letter
from chainrule.derivation.sizes import Sizes, at_one_place
from chainrule.derivation.trace import Trace
from chainrule.graph import Variable

TRANSPOSE = (Atom("T"),)
STEP = Atom("t")
WORDS = {"t": "step", "p": "place"}
NONE: Sizes = {}


def written(shape: Sequence[str]) -> str:
    """(4, m) of ("4", "m"); nothing of a number's."""
    return f"({', '.join(shape)})" if shape else ""


def in_columns(trace: Trace, left: Variable, right: Formula, operands: Mapping[str, Any], out: str) -> Formula:
    """The right side of a formula of arrays as they are, for a page on which examples are columns.

    What the page shows transposed enters as its transpose; if that is so of the left side, all of the product is
    transposed: of Z = A B with examples as the rows of A and Z comes Z = B^T A.

    Args:
        left: what the formula tells of. operands: the formula's symbols. out: the symbol of the operation's value.
    """
    given = {symbol: value for symbol, value in operands.items() if isinstance(value, Variable)}
    if any(len(trace.shape(value)) > 2 for value in (left, *given.values())):
        return right
    by_row = given.get(next(iter(operands)))  # the first operand: a vector stands there as a row
    rows = {by_row, *((given.get(f"d{out}"), given.get(out), left) if by_row is not None and by_row.ndim == 1 else ())}
    factors = []
    for atom in (atom for atom in right if atom.symbol in operands):
        turned = given.get(atom.symbol) is not None and _turned(trace, given[atom.symbol], rows)
        factors.append((atom.symbol, bool(atom.above) != turned))
    if _turned(trace, left, rows):
        factors = [(symbol, not turned) for symbol, turned in reversed(factors)]
    atoms: Formula = ()
    for symbol, turned in factors:
        atoms += (*(parse(r"\, ") if atoms else ()), Atom(symbol, above=TRANSPOSE if turned else ()))
    return atoms


def _turned(trace: Trace, value: Variable, rows: set[Variable | None]) -> bool:
    if value.ndim == 1:
        return trace.of_examples(value) != (value in rows)
    return trace.transposed(value)


def shapes(trace: Trace, result: Variable, right: Formula, operands: Mapping[str, Any], own: Sizes = NONE) -> str:
    """The line with shapes in the place of names, where it is a sum of matrix products; else the result's shape.

    Where examples have steps or places, the product is that at each of them. `own` are the sizes of the formula's own
    symbols there.
    """
    whole, place = trace.shape(result), letter(trace, result)
    found = product(whole, right, {symbol: trace.shape(given) for symbol, given in operands.items()})
    if found or not place:
        return found or written(whole)
    known = {symbol: trace.variable(given) for symbol, given in operands.items()}
    sizes = {symbol: at_one_place(trace, variable) for symbol, variable in known.items() if variable is not None}
    found = product(at_one_place(trace, result), right, {**own, **sizes})
    return f"{written(whole)}, at each {WORDS[place]} {found}" if found else written(whole)


def product(result: tuple[str, ...], right: Formula, sizes: Sizes) -> str:
    """The product with shapes in the place of names, "(4, m) = (4, 3)(3, m) + (4, 1)"; "" of anything else."""
    terms: list[list[tuple[str, ...]]] = [[]]
    for atom in right:
        if atom.symbol == "+":
            terms.append([])
        elif atom.symbol in sizes and (not atom.below or atom.below[0] == STEP) and atom.above in ((), TRANSPOSE):
            terms[-1].append(sizes[atom.symbol][:: -1 if atom.above else 1])
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

"""The order of a formula's clauses: what a symbol is stands above the line that uses it, and where sequences begin."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import replace

from chainrule.derivation.formula import Atom, Formula, latex, parse, symbols

Equation = tuple[Formula, Formula]
"""The left and the right side of a clause."""


def in_order(equations: Sequence[Equation]) -> list[Equation]:
    """The equations, each behind those of the symbols that it uses; otherwise as they come.

    What has the index t - 1 or t + 1 is of another step, and needs nothing of this one.
    """
    used = {left: [one for one in symbols(right) if not _of_another_step(one)] for left, right in equations}
    needs = {left: {other for other in used if other != left and _any(other[0], used[left])} for left in used}
    waiting, done = list(equations), []
    while waiting:
        left_over = {left for left, _ in waiting}
        ready = next((one for one in waiting if not needs[one[0]] & left_over), waiting[0])  # [0]: they go in a circle
        waiting.remove(ready)
        done.append(ready)
    return done


def _any(left: Atom, used: Sequence[Atom]) -> bool:
    return any(left.symbol == atom.symbol and _tells(left, atom) for atom in used)


def _tells(left: Atom, used: Atom) -> bool:
    """Whether the left side is that symbol, or has it as a part, or is a part of it."""
    if (left.symbol, left.arguments) != (used.symbol, used.arguments):
        return False
    parts = part_of(left), part_of(used)
    return "" in parts or parts[0] == parts[1]


def part_of(atom: Atom) -> str:
    """Which part of a symbol it is: 3 of Z_{t,3}, nothing of Z_t."""
    comma, *_, last = atom.below[-2:] if len(atom.below) > 2 else (Atom(""), Atom(""))
    return last.symbol if comma.symbol == "," and last.symbol.isdigit() else ""


def _of_another_step(atom: Atom) -> bool:
    return any(sign.symbol in ("-", "+") for sign in atom.below)


def with_wholes(equations: Sequence[Equation]) -> list[Equation]:
    """The equations, and one for each symbol that they use as a whole and define in parts: dZ_t = (dZ_{t,1}, …)."""
    lefts = [left[0] for left, _ in equations]
    wholes = dict.fromkeys(replace(left, below=left.below[:1]) for left in lefts if part_of(left))
    counts = {whole: sum(_tells(left, whole) for left in lefts) for whole in wholes if whole not in lefts}
    return [*equations, *(((whole,), in_parts(whole, count)) for whole, count in counts.items())]


def in_parts(whole: Atom, count: int) -> Formula:
    """(Z_{t,1}, Z_{t,2}, Z_{t,3}) of Z_t: its parts, below each other."""
    parts = [replace(whole, below=(*whole.below, Atom(","), Atom(str(k)))) for k in range(1, count + 1)]
    listed = [atom for part in parts for atom in (part, *parse(", "))]
    return (Atom("("), *listed[:-2], Atom(")"))


def number_of_parts(whole: Atom, equations: Sequence[Equation]) -> int:
    """Into how many parts the equations take a symbol apart: 4 where Z_{t,4} is the last one that they use."""
    used = [atom for _, right in equations for atom in symbols(right) if atom.symbol == whole.symbol]
    return max((int(part_of(atom) or 0) for atom in used), default=0)


def from_elsewhere(equations: Sequence[Equation], later: bool) -> list[Atom]:
    """The symbols that the equations use of the step before or, if `later`, of the step behind: A_t of A_{t-1}."""
    sign = "+" if later else "-"
    used = (atom for _, right in equations for atom in symbols(right) if Atom(sign) in atom.below)
    return list(dict.fromkeys(replace(atom, below=atom.below[:1], above=()) for atom in used))


def at_step(atom: Atom, step: int) -> Atom:
    """A_5 of A_t."""
    return replace(atom, below=(Atom(str(step)),))


def is_at_each_step(left: Formula) -> bool:
    """Whether the left side is of one step: Z_t, but not Z."""
    return re.match(r"t(,|$)", latex(left[0].below)) is not None

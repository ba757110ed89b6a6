"""What formulas call an operation's inputs and value, and how names in the code are written in LaTeX."""

from __future__ import annotations

import functools

from chainrule.derivation.formula import Atom, clauses, parse, sides
from chainrule.graph import Operation

_GREEK_NAMES = "alpha beta gamma delta zeta eta theta kappa lambda mu nu xi rho sigma tau phi chi psi omega"
GREEK = {name: f"\\{name}" for name in _GREEK_NAMES.split()} | {"epsilon": r"\varepsilon"}


@functools.cache
def output_symbol(operation: Operation) -> str:
    """What the operation's formulas call its value: A, Z or J."""
    lefts = [sides(clause)[0][0].symbol for clause in clauses(parse(operation.forward))]
    return next(symbol for symbol in lefts if len(symbol) == 1 and symbol.isupper())


def input_symbol(operation: Operation, i: int) -> str:
    """What the operation's formulas call its input number i."""
    return symbol_of(operation.inputs[min(i, len(operation.inputs) - 1)].removeprefix("*"))


def symbol_of(name: str) -> str:
    """The LaTeX of a name in the code: gamma becomes its Greek letter, weights are w, others stay."""
    return "w" if name == "weights" else GREEK.get(name, name)


def parameter_name(name: str) -> Atom:
    """W^{[1]} of "W1"."""
    base = name.rstrip("0123456789")
    return Atom(symbol_of(base), above=parse(f"[{name.removeprefix(base)}]"))


def differential(name: Atom) -> Atom:
    """dZ^{[1]} of Z^{[1]}."""
    return Atom(f"d{name.symbol}", name.arguments, name.below, name.above)

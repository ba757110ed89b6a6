"""What formulas have symbols of their own for, such as masks and gates: their numbers, their sizes, and what a sequence
begins with."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from chainrule.derivation.definitions import Equation, at_step, from_elsewhere, number_of_parts
from chainrule.derivation.formula import Atom, Formula, latex, parse, symbols
from chainrule.derivation.sizes import Size, at_one_place, missing_factor, of_formula
from chainrule.derivation.trace import Trace
from chainrule.graph import Operation, Variable, plain

if TYPE_CHECKING:
    from chainrule.derivation.writing import Writing

ZERO = parse(" = 0")


def own_numbers(trace: Trace, node: Variable, operation: Operation) -> dict[str, Variable]:
    """A leaf for each own symbol whose numbers the operation tells, by the LaTeX on the left of its clause."""
    if operation.symbols is None:
        return {}
    told = operation.symbols(np, *map(plain, node.inputs), **node.options)
    return {latex(parse(symbol)): trace.beside(node, numbers) for symbol, numbers in told.items()}


def own_sizes(writing: Writing, equations: Sequence[Equation]) -> dict[str, Size]:
    """The sizes of all symbols of these clauses at one step or place, parts such as "Z,3" and derivatives too."""
    trace, node = writing.trace, writing.node
    given = {symbol: trace.variable(operand) for symbol, operand in writing.operands.items()} | {writing.out: node}
    known = {symbol: variable for symbol, variable in given.items() if variable is not None}
    heads = node.options.get("heads", 1)
    if of_one_example(writing):
        sizes = {symbol: _as_rows(trace, variable, heads) for symbol, variable in known.items()}
    else:
        sizes = {symbol: at_one_place(trace, variable) for symbol, variable in known.items()}
        sizes |= {symbol: (("1", sizes[symbol][-1])) for symbol in _rows_of_steps(writing, known)}
    in_one_group = node.options.get("groups", 1) == 1
    value = next((right for left, right in equations if left[0].symbol == writing.out and in_one_group), ())
    for left, right in equations:
        symbol = left[0].symbol
        if symbol not in sizes:
            found = of_formula(right, sizes) or missing_factor(symbol, value, sizes.get(writing.out, ()), sizes)
            sizes |= with_parts(left[0], found, number_of_parts(left[0], equations))
    return sizes | {f"d{symbol}": size for symbol, size in sizes.items()}


def _rows_of_steps(writing: Writing, known: dict[str, Variable]) -> list[str]:
    """The symbols of a matrix with a row for each step, such as a mask, of which the formula takes one at a time."""
    at_a_step = {atom.symbol for atom in symbols(parse(writing.operation.forward)) if atom.below[:1] == (Atom("t"),)}
    trace = writing.trace
    return [
        symbol
        for symbol, variable in known.items()
        if symbol in at_a_step and symbol != writing.out and variable.ndim == 2 and trace.columns(variable) == 1
    ]


def with_parts(whole: Atom, size: Size, count: int) -> dict[str, Size]:
    """The size of a symbol and of its parts, which stand below each other."""
    if not count or len(size) != 2:
        return {whole.symbol: size}
    part: Size = (str(int(size[0]) // count), size[1])
    return {whole.symbol: size} | {f"{whole.symbol},{k}": part for k in range(1, count + 1)}


def sizes_behind(writing: Writing, forward: Sequence[Equation], backward: Sequence[Equation]) -> dict[str, Size]:
    """The sizes of the symbols that clauses of a backward formula tell."""
    sizes = own_sizes(writing, forward)
    for left, right in backward:
        if not sizes.get(left[0].symbol):
            sizes[left[0].symbol] = of_formula(right, sizes)
    return sizes


def of_one_example(writing: Writing) -> bool:
    """Whether the formula is of one example's matrices, a step a row: it multiplies a transpose of what has steps."""
    turned = {atom.symbol for atom in symbols(parse(writing.operation.forward)) if atom.above == (Atom("T"),)}
    variables = (writing.trace.variable(writing.operands.get(symbol)) for symbol in turned)
    return any(one is not None and one.ndim == 3 and writing.trace.of_examples(one) for one in variables)


def _as_rows(trace: Trace, variable: Variable, heads: int) -> Size:
    """The shape of one example's matrix, a step a row; of one head's part of it."""
    if not trace.of_examples(variable) or variable.ndim != 3:
        return trace.shape(variable)
    return (str(variable.shape[1]), str(variable.shape[2] // heads))


def steps(writing: Writing) -> tuple[int, int]:
    """The numbers of the step that is read first and of the one that is read last."""
    count = np.shape(plain(writing.inputs[0]))[1]
    return (count, 1) if writing.node.options.get("backwards") else (1, count)


def at_the_start(writing: Writing, equations: Sequence[Equation]) -> Formula:
    """A_0 = C_0 = 0: what the first step has from before it; () where there is none, or the caller gives it."""
    backwards = bool(writing.node.options.get("backwards"))
    used = [one for one in from_elsewhere(equations, later=backwards) if one.symbol.lower() not in writing.operands]
    first, _ = steps(writing) if used else (0, 0)
    return _all_zero(writing, used, first + 1 if backwards else first - 1)


def behind_the_end(writing: Writing, equations: Sequence[Equation]) -> Formula:
    """dZ_6 = dC_6 = 0: what comes back to the last step from behind it."""
    backwards = bool(writing.node.options.get("backwards"))
    used = [one for one in from_elsewhere(equations, later=not backwards) if one.symbol.startswith("d")]
    _, last = steps(writing) if used else (0, 0)
    return _all_zero(writing, used, last - 1 if backwards else last + 1)


def _all_zero(writing: Writing, used: Sequence[Atom], step: int) -> Formula:
    if not used:
        return ()
    equal = [atom for one in used for atom in (at_step(one, step), *parse(" = "))]
    return writing.named((*equal[:-3], *ZERO))


def last_alone(writing: Writing, left: Formula) -> Formula:
    """A = A_5: the state that goes on."""
    _, last = steps(writing)
    return writing.named((Atom(left[0].symbol), *parse(" = "), at_step(left[0], last)))


def back_to_the_last(writing: Writing) -> Formula:
    """dA_t = [t = 5] dA: the state after any other step has no derivative of its own."""
    _, last = steps(writing)
    out = f"d{writing.out}"
    right = (*parse(f"[t = {last}]"), *parse(r"\, "), Atom(out))
    return writing.named((Atom(out, below=(Atom("t"),)), *parse(" = "), *right))

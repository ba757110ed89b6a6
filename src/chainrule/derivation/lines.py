"""The lines of a derivation: an operation's formulas, forward and backward, with a network's names in them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from chainrule.derivation.definitions import Equation, in_order, in_parts, is_at_each_step, number_of_parts
from chainrule.derivation.formula import Formula, latex, parse, symbols
from chainrule.derivation.notation import differential
from chainrule.derivation.own_symbols import at_the_start, last_alone, own_numbers, own_sizes
from chainrule.derivation.places import letter
from chainrule.derivation.products import in_columns, product, shapes, written
from chainrule.derivation.remarks import remark
from chainrule.derivation.sizes import Sizes
from chainrule.derivation.sums import of_sum
from chainrule.derivation.trace import Trace
from chainrule.derivation.writing import Part, Writing
from chainrule.graph import Variable

NO_SHARES = (
    "The shares of the classes do not sum to 1 in every column, as dZ = A − Y takes them to: what comes out is "
    "dZ = A Σₖ Yₖ − Y."
)
ROUNDING = 1e-12
"""How much smaller than the numbers beside it, or than its summands, a number is that is printed as 0."""

Use = tuple[Variable, int]
"""A node, and which of its inputs is meant."""


@dataclass(frozen=True)
class Line:
    """One line of a derivation.

    Attributes:
        formula: such as Z^{[1]} = W^{[1]} A^{[0]} + b^{[1]}.
        shapes: the line with shapes in the place of names, "(4, m) = (4, 3)(3, m) + (4, 1)"; or the result's alone.
        numbers: the result, in the notes' convention, or None; of a matrix that is too large its `Corners`.
        remark: what symbols mean that are explained nowhere else.
        continued: whether the left side is that of the line before.
        long_way: of a shortcut, the lines that it leaves out, which lead to this one.
    """

    formula: Formula
    shapes: str = ""
    numbers: NDArray[Any] | None = None
    remark: str = ""
    continued: bool = False
    long_way: tuple[Line, ...] = ()


def computed(trace: Trace, node: Variable) -> list[Line]:
    """How the node is computed: one line, or several where the formula has several steps, each above who uses it."""
    writing = Writing(trace, node)
    equations = in_order(writing.equations(writing.operation.forward))
    own, sizes = own_numbers(trace, node, writing.operation), own_sizes(writing, equations)
    lines = list(_untold(trace, node, writing, equations, own))
    start = at_the_start(writing, equations)
    lines += [Line(start, written(sizes.get(writing.out, ())))] if start else []
    for left, right in equations:
        if left[0].symbol != writing.out:
            lines += _definition(trace, node, writing, (left, right), own, sizes)
            lines += _its_parts(writing, left, equations)
            continue
        if writing.operation.as_arrays:
            right = in_columns(trace, node, right, writing.operands, writing.out)
        formula = writing.named((*left, *parse(" = "), *right))
        if node.options.get("last") and is_at_each_step(left):
            lines.append(Line(formula, written(sizes.get(writing.out, ()))))
            alone = last_alone(writing, left)
            lines.append(Line(alone, written(trace.shape(node)), trace.shown(node, node.value)))
        else:
            shape = shapes(trace, node, right, writing.operands, sizes)
            whole, at_each = written(trace.shape(node)), written(sizes.get(writing.out, ()))
            if is_at_each_step(left) and letter(trace, node) and whole != at_each:
                shape = f"{whole}, at each step {at_each}"
            lines.append(Line(formula, shape, trace.shown(node, node.value)))
    return [replace(lines[0], remark=remark(trace, node, writing.operation)), *lines[1:]]


def _untold(
    trace: Trace, node: Variable, writing: Writing, equations: Sequence[Equation], own: dict[str, Variable]
) -> Iterator[Line]:
    """The operation's own symbols that no clause of the formula tells: name, shape and numbers."""
    told = {latex(left) for left, _ in equations}
    for symbol, leaf in own.items():
        if symbol not in told:
            name = writing.named(parse(symbol))
            if leaf.ndim == 0:
                yield Line((*name, *parse(f" = {float(leaf.value):g}")))
            else:
                yield Line(name, written(trace.shape(leaf)), trace.shown(leaf, leaf.value))


def _definition(
    trace: Trace,
    node: Variable,
    writing: Writing,
    equation: Equation,
    own: dict[str, Variable],
    sizes: Sizes,
) -> Iterator[Line]:
    """The line of a symbol that is not the value."""
    left, right = equation
    leaf = own.get(latex(left))
    size = sizes.get(left[0].symbol, ())
    numbers = None if leaf is None else trace.shown(leaf, leaf.value)
    shape = trace.shape(leaf) if leaf is not None else of_sum(trace, node, right) or size
    formula = writing.named((*left, *parse(" = "), *right))
    yield Line(formula, product(size, right, sizes) or written(shape), numbers)


def _its_parts(writing: Writing, left: Formula, equations: Sequence[Equation]) -> Iterator[Line]:
    """Z_t = (Z_{t,1}, …, Z_{t,4}), where other lines use its parts."""
    count = number_of_parts(left[0], equations)
    if count:
        formula = writing.named((*left, *parse(" = "), *in_parts(left[0], count)))
        yield Line(formula, "one below the other", continued=True)


def given(trace: Trace, leaf: Variable) -> Line:
    """What a parameter, a constant or the targets are: name, shape and numbers."""
    said = " ".join(_of_targets(trace)) if leaf is trace.Y else ""
    return Line((trace.name(leaf),), written(trace.shape(leaf)), trace.shown(leaf, leaf.value), said)


def _of_targets(trace: Trace) -> Iterator[str]:
    """What is to be said of Y: that its labels are smoothed, and that shares of classes do not sum to 1."""
    smoothing = next((node.options["label_smoothing"] for node in trace.nodes if _smooths(trace, node)), 0)
    if smoothing:
        yield f"Y stands for the smoothed labels: label_smoothing = {smoothing:g}."
    if trace.given == "X and y" and any(_takes_shares(trace, node) for node in trace.nodes):
        sums = np.sum(trace.Y.value, axis=-1)
        if not np.allclose(sums, 1):
            yield NO_SHARES


def _takes_shares(trace: Trace, node: Variable) -> bool:
    """Whether the node is the shortcut of a loss that sums over classes."""
    assert node.operation is not None
    indexed = any(atom.symbol == "Y" and atom.below == parse("j") for atom in symbols(parse(node.operation.forward)))
    return indexed and node in trace.activations


def _smooths(trace: Trace, node: Variable) -> bool:
    return "label_smoothing" in node.options and any(trace.variable(given) is trace.Y for given in node.inputs)


def derivative(trace: Trace, variable: Variable, uses: Sequence[Use]) -> list[Line]:
    """The derivative by the variable: the sum of what comes back from every use of it.

    Symbols of the formulas that have no name on the page get lines of their own, before it.
    """
    parts = [Part(trace, node, i) for node, i in uses]
    total: Formula = ()
    for part in parts:
        total = part.right if not total else _plus(total, part.right)
    left = parts[0].left if len({part.left for part in parts}) == 1 else differential(trace.name(variable))
    sizes = parts[0].shapes if len(parts) == 1 else written(trace.shape(variable))
    scale = trace.m if trace.of_examples(variable) else 1
    numbers = trace.shown(variable, _rounded(trace, variable, scale * np.asarray(variable.grad), uses), backward=True)
    remarks = " ".join(filter(None, (part.remark for part in parts)))
    definitions = {formula: Line(formula, size) for part in parts for formula, size in part.definitions}
    return [*definitions.values(), Line((left, *parse(" = "), *total), sizes, numbers, remarks)]


def part(trace: Trace, node: Variable, i: int) -> Formula:
    """What comes back to the node's input number i from this use alone: W^{[2]T} dZ^{[2]}."""
    return Part(trace, node, i).right


def _rounded(trace: Trace, variable: Variable, numbers: NDArray[Any], uses: Sequence[Use]) -> NDArray[Any]:
    """A derivative that is summed over examples, 0 where the summands leave nothing but their rounding."""
    summed_from = [node for node, _ in uses if trace.of_examples(node) and not trace.of_examples(variable)]
    largest = max((float(np.max(np.abs(np.asarray(node.grad)), initial=0)) for node in summed_from), default=0.0)
    return np.where(np.abs(numbers) < ROUNDING * largest, 0.0, numbers)


def _plus(total: Formula, right: Formula) -> Formula:
    if right[0].symbol == "-":
        return (*total, *parse(" - "), *right[1:])
    return (*total, *parse(" + "), *right)

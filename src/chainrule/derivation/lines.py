"""The lines of a derivation: an operation's formulas, forward and backward, with a network's names in them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from chainrule.derivation.formula import Formula, parse
from chainrule.derivation.notation import differential
from chainrule.derivation.products import in_columns, shapes, written
from chainrule.derivation.remarks import remark
from chainrule.derivation.sums import of_sum
from chainrule.derivation.trace import Trace
from chainrule.derivation.writing import Part, Writing
from chainrule.graph import Variable

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
        numbers: the result, in the notes' convention, or None.
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
    """How the node is computed: one line, or several where the formula has several steps."""
    writing = Writing(trace, node)
    lines = []
    for left, right in writing.equations(writing.operation.forward):
        if left[0].symbol != writing.out:
            definition = writing.named((*left, *parse(" = "), *right))
            lines.append(Line(definition, written(of_sum(trace, node, right))))
            continue
        if writing.operation.as_arrays:
            right = in_columns(trace, node, right, writing.operands, writing.out)
        sizes = shapes(trace, node, right, writing.operands)
        formula = writing.named((*left, *parse(" = "), *right))
        lines.append(Line(formula, sizes, trace.shown(node, node.value)))
    return [replace(lines[0], remark=remark(trace, node, writing.operation)), *lines[1:]]


def given(trace: Trace, leaf: Variable) -> Line:
    """What a parameter, a constant or the targets are: name, shape and numbers."""
    smoothing = next((node.options["label_smoothing"] for node in trace.nodes if _smooths(trace, node)), 0)
    smoothed = (
        f"Y stands for the smoothed labels: label_smoothing = {smoothing:g}." if leaf is trace.Y and smoothing else ""
    )
    return Line((trace.name(leaf),), written(trace.shape(leaf)), trace.shown(leaf, leaf.value), smoothed)


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
    definitions = dict.fromkeys(formula for part in parts for formula in part.definitions)
    return [*map(Line, definitions), Line((left, *parse(" = "), *total), sizes, numbers, remarks)]


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

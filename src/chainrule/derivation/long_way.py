"""What the notes' shortcut dZ = A − Y leaves out: from dA through the activation's derivative to dZ, line by line."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from chainrule.derivation.formula import Formula, parse, sides, symbols
from chainrule.derivation.lines import Line
from chainrule.derivation.notation import input_symbol
from chainrule.derivation.products import written
from chainrule.derivation.trace import Trace, cut
from chainrule.derivation.writing import Part, Writing, as_written
from chainrule.graph import Variable, plain

TOO_NEAR = (
    "The activation comes so near to an end of its range here that this quotient is rounding alone, so these lines "
    "have no numbers. The shortcut needs no quotient."
)
OF_THE_FIRST = "The numbers are those of the first example, a row for each k and a column for each j."
ACCURATE = 1e-6
"""How well both ways must agree; else the long one has lost the digits that it would show."""


def long_way(trace: Trace, node: Variable) -> tuple[Line, ...]:
    """The lines that lead to dZ, which the node's operation, a shortcut, has in one step.

    Their numbers are computed on the long way, too: dA by the loss as the user wrote it, dZ by the activation's own
    way back from dA.
    """
    assert node.operation is not None
    activation = trace.activations[node]
    dA, dZ = _numbers(trace, node, activation)
    first = _of(Part(trace, node, 0, as_recorded=False), dA)
    lines = [replace(first, remark=TOO_NEAR if dA is None and trace.given == "X and y" else "")]
    if not node.operation.long_way:
        lines.append(_of(Part(trace, activation, 0), dZ))
    lines += _told(trace, node, activation, dZ)
    lefts = [sides(line.formula)[0] for line in lines]
    continued = [left == before for left, before in zip(lefts, [(), *lefts], strict=False)]
    return tuple(replace(line, continued=same) for line, same in zip(lines, continued, strict=True))


def _of(part: Part, numbers: NDArray[Any] | None) -> Line:
    return Line((part.left, *parse(" = "), *part.right), part.shapes, numbers)


def _told(trace: Trace, node: Variable, activation: Variable, dZ: NDArray[Any] | None) -> Iterator[Line]:
    """The lines that the operation tells."""
    assert node.operation is not None
    writing = Writing(trace, node, as_recorded=True)
    dA = f"d{input_symbol(as_written(trace, node)[0], 0)}"
    for source, words in node.operation.long_way:
        ((left, right),) = writing.equations(source, of_features=True)
        named = writing.named(right)
        if left[0].symbol == r"\frac":
            yield _slope(trace, activation, (*writing.named(left), *parse(" = "), *named), words, shown=dZ is not None)
        elif any(atom.symbol == dA for atom in symbols(right)):
            yield Line((*writing.named(left), *parse(" = "), *named), written(trace.shape(activation)), dZ, words)
        else:
            handed = writing.handed_back(named, node.inputs[0])
            yield Line((*writing.named(left), *parse(" = "), *handed), remark=words)


def _numbers(trace: Trace, node: Variable, activation: Variable) -> tuple[NDArray[Any] | None, NDArray[Any] | None]:
    """dA and dZ as the page has them; None where they are not to be shown."""
    if trace.given != "X and y" or activation.derivatives is None:
        return None, None
    loss, inputs = as_written(trace, node)
    _, back = loss.differentiate(*map(plain, inputs), **node.options)
    scale = trace.m if trace.of_examples(activation) else 1
    dA = scale * np.asarray(back(np.asarray(node.grad))[0])
    (dZ, *_) = activation.derivatives(dA)
    Z = node.inputs[0]
    at_once = scale * np.asarray(Z.grad)
    if not np.allclose(dZ, at_once, rtol=ACCURATE, atol=ACCURATE * float(np.max(np.abs(at_once), initial=0))):
        return None, None
    return trace.shown(activation, dA, backward=True), trace.shown(Z, np.asarray(dZ), backward=True)


def _slope(trace: Trace, activation: Variable, formula: Formula, words: str, shown: bool) -> Line:
    """The derivative of the activation: of each number, or where it has an index, the matrix of the first example."""
    assert activation.operation is not None
    assert activation.derivatives is not None
    below = any(atom.below for atom in symbols(sides(formula)[0]))
    if not below:
        numbers = np.asarray(activation.derivatives(np.ones(activation.shape))[0]) if shown else None
        shape = written(trace.shape(activation))
        return Line(formula, shape, numbers if numbers is None else trace.shown(activation, numbers), words)
    n = activation.shape[-1]
    if not shown:
        return Line(formula, f"({n}, {n})", None, words)
    Z = np.asarray(plain(activation.inputs[0])).reshape(-1, n)[:1]
    _, back = activation.operation.differentiate(np.repeat(Z, n, axis=0))
    return Line(formula, f"({n}, {n})", cut(back(np.eye(n))[0]), " ".join(filter(None, (words, OF_THE_FIRST))))

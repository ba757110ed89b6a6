"""The lines of a derivation: an operation's formulas, forward and backward, with a network's names in them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from chainrule.derivation.formula import Atom, Formula, clauses, is_number, parse, sides, substitute, symbols, without
from chainrule.derivation.notation import differential, input_symbol, output_symbol, symbol_of
from chainrule.derivation.options import atom_of
from chainrule.derivation.places import at_each, columns, from_the_end, letter, over_each
from chainrule.derivation.products import in_columns, shapes, written
from chainrule.derivation.remarks import own_symbols, remark, shortcut
from chainrule.derivation.sums import indexed, numbers_in_each, of_sum, reduced, scaled, stretched_along, summed, times
from chainrule.derivation.trace import Trace
from chainrule.graph import OPERATIONS, Operation, Variable

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
    """

    formula: Formula
    shapes: str = ""
    numbers: NDArray[Any] | None = None
    remark: str = ""


def computed(trace: Trace, node: Variable) -> list[Line]:
    """How the node is computed: one line, or several where the formula has several steps."""
    writing = _Writing(trace, node)
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
    parts = [_Part(trace, node, i) for node, i in uses]
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
    return _Part(trace, node, i).right


def _rounded(trace: Trace, variable: Variable, numbers: NDArray[Any], uses: Sequence[Use]) -> NDArray[Any]:
    """A derivative that is summed over examples, 0 where the summands leave nothing but their rounding."""
    summed_from = [node for node, _ in uses if trace.of_examples(node) and not trace.of_examples(variable)]
    largest = max((float(np.max(np.abs(np.asarray(node.grad)), initial=0)) for node in summed_from), default=0.0)
    return np.where(np.abs(numbers) < ROUNDING * largest, 0.0, numbers)


class _Part:
    """One summand of a derivative: what comes back from one use of the variable."""

    def __init__(self, trace: Trace, node: Variable, i: int):
        writing, variable = _Writing(trace, node, as_recorded=True), node.inputs[i]
        operation, operands = writing.operation, writing.operands | {f"d{writing.out}": node}
        (left, right), *others = writing.equations(operation.backward[min(i, len(operation.backward) - 1)])
        if operation.as_arrays:
            right = in_columns(trace, variable, right, operands, writing.out)
        self.shapes = shapes(trace, variable, right, operands)
        if operation.inputs[0].startswith("*"):
            left = (Atom(f"d{_item(operation, i)}"),)
            writing.names["i"] = Atom(str(i + 1))
        letters = stretched_along(trace, node, variable) if operation.broadcasts else ""
        names = indexed(trace, node, letters, operands, writing.names) if letters else writing.names
        right = _with_dots(substitute(writing.over_places(right, variable), names))
        if writing.out == "J" and node is not trace.J:
            right = times(differential(trace.name(node)), right)
        right = summed(right, letters)
        self.right = scaled(right, trace.of_examples(node), trace.of_examples(variable))
        self.left = substitute(left, writing.names)[0]
        self.definitions = [
            writing.named((*symbol, *parse(" = "), *value)) for symbol, value in others if writing.is_new(symbol)
        ]
        of_other_axes = f"Σ goes over the axes along which {variable.name or 'the input'} was stretched."
        self.remark = " ".join(filter(None, (shortcut(trace, node), of_other_axes if letters is None else "")))


class _Writing:
    """Writes the formulas of a node with the network's names in the places of their symbols.

    Attributes:
        operation, inputs: as the user wrote them; as they were recorded, where a shortcut took over, if so asked.
        out: the symbol of the value. operands: the inputs by their symbols. names: what stands for each symbol.
    """

    def __init__(self, trace: Trace, node: Variable, as_recorded: bool = False):
        assert node.operation is not None
        self.trace, self.node = trace, node
        self.operation, self.inputs = (node.operation, node.inputs) if as_recorded else as_written(trace, node)
        self.out = output_symbol(self.operation)
        self.operands = _operands(self.operation, self.inputs)
        self.names = self._names()

    def equations(self, source: str) -> list[tuple[Formula, Formula]]:
        """The two sides of each clause of the formula, without the inputs that are not given."""
        inputs = self.operation.inputs
        absent = {input_symbol(self.operation, i) for i in range(len(inputs))} - self.operands.keys()
        listed = [_listed(clause, self.operation, len(self.inputs)) for clause in clauses(parse(source))]
        return [
            sides(self._in_place(without(clause, set() if inputs[0].startswith("*") else absent))) for clause in listed
        ]

    def _in_place(self, clause: Formula) -> Formula:
        """The clause with the letters of the axes that it sums over here."""
        turned = from_the_end(clause) if self.node.options.get("backwards") else clause
        return at_each(reduced(self.trace, self.node, turned), letter(self.trace, self.node))

    def named(self, formula: Formula) -> Formula:
        """The formula with the network's names in it."""
        return _with_dots(substitute(formula, self.names))

    def is_new(self, left: Formula) -> bool:
        """Whether a clause's left side is defined nowhere else on the page."""
        forward = {sides(clause)[0][0].symbol for clause in clauses(parse(self.operation.forward))}
        return left[0].symbol not in self.operands.keys() | {self.out} | forward and not self._is_activation(left)

    def _is_activation(self, left: Formula) -> bool:
        activation = self.trace.activations.get(self.node)
        return activation is not None and left == (Atom(_output(activation)),)

    def _names(self) -> dict[str, Atom]:
        trace, node = self.trace, self.node
        of_node = trace.name(node)
        own = own_symbols(self.operation)
        names = {symbol: Atom(symbol, below=of_node.below, above=of_node.above) for symbol in own}
        for symbol, value in {**self.operands, self.out: node}.items():
            names[symbol] = (
                trace.name(value) if trace.variable(value) is not None or np.size(value) == 1 else Atom(symbol)
            )
            names[f"d{symbol}"] = differential(names[symbol])
        if "n" not in names:
            names["n"] = self._counting(r"\textstyle\sum_k mask_k") or numbers_in_each(trace, node)
        if trace.of_examples(node):
            names["m"] = self._counting(r"\textstyle\sum_i mask^{(i)}") or columns(trace, node)
        for name, value in (self.operation.defaults | node.options).items():
            atom = atom_of(name, value)
            if atom is not None:
                names[symbol_of(name)] = atom
        activation = trace.activations.get(node)
        if activation is not None:
            names[_output(activation)] = trace.name(activation)
        return names

    def over_places(self, product: Formula, variable: Variable) -> Formula:
        """The derivative by what is the same at all steps or places: if it is a product of matrices, summed over them.

        Matrices as they are, a step a row, are one for each example, so their product is summed over these.
        """
        trace, place = self.trace, letter(self.trace, self.node)
        if not place or trace.of_examples(variable) or self.operation.broadcasts or _has_sum(product):
            return product
        operands = {symbol: trace.variable(given) for symbol, given in self.operands.items()}
        varying = {symbol for symbol, given in operands.items() if given is not None and letter(trace, given) == place}
        varying |= {f"d{self.out}", *own_symbols(self.operation)}
        return over_each(product, "i" if self.operation.as_arrays else place, varying)

    def _counting(self, formula: str) -> Atom | None:
        """How many steps count, if there is a mask that has a name; the formula tells over what it is summed."""
        mask = self.trace.variable(self.operands.get("mask"))
        if mask is None:
            return None
        return Atom("{", (substitute(self._in_place(parse(formula)), {"mask": self.trace.name(mask)}),))


def _output(node: Variable) -> str:
    assert node.operation is not None
    return output_symbol(node.operation)


def as_written(trace: Trace, node: Variable) -> tuple[Operation, tuple[Any, ...]]:
    """The operation and its inputs as the user wrote them: where a shortcut took over, the loss of the activation."""
    assert node.operation is not None
    activation = trace.activations.get(node)
    if activation is None:
        return node.operation, node.inputs
    loss = next(loss for loss in OPERATIONS.values() if node.operation in loss.after.values())
    return loss, (activation, *node.inputs[1:])


def _has_sum(formula: Formula) -> bool:
    return any(atom.symbol == r"\sum" for atom in symbols(formula))


def _with_dots(formula: Formula) -> Formula:
    """The formula with a dot for every product with a plain number."""
    solid = [place for place, atom in enumerate(formula) if atom.symbol != " "]
    dotted = {
        sign
        for left, sign, right in zip(solid, solid[1:], solid[2:], strict=False)
        if formula[sign].symbol == r"\odot" and (is_number(formula[left]) or is_number(formula[right]))
    }
    return tuple(replace(atom, symbol=r"\cdot") if i in dotted else atom for i, atom in enumerate(formula))


def _plus(total: Formula, right: Formula) -> Formula:
    if right[0].symbol == "-":
        return (*total, *parse(" - "), *right[1:])
    return (*total, *parse(" + "), *right)


def _operands(operation: Operation, inputs: Sequence[Any]) -> dict[str, Any]:
    """The inputs by the symbols that the formulas have for them."""
    if operation.inputs[0].startswith("*"):
        return {_item(operation, i): given for i, given in enumerate(inputs)}
    return {input_symbol(operation, i): given for i, given in enumerate(inputs) if given is not None}


def _item(operation: Operation, i: int) -> str:
    """What stands for input i of any number, until it gets its name."""
    return f"{input_symbol(operation, 0)}{i}"


def _listed(clause: Formula, operation: Operation, count: int) -> Formula:
    r"""A formula of any number of inputs, A_1, A_2, \ldots, written out for as many as there are."""
    if not operation.inputs[0].startswith("*") or Atom(r"\ldots") not in clause:
        return clause
    symbol = input_symbol(operation, 0)
    first = next(i for i, atom in enumerate(clause) if atom.symbol == symbol)
    last = next(i for i, atom in enumerate(clause) if atom.symbol == r"\ldots")
    between = clause[first + 1]
    listed = [atom for i in range(count) for atom in (Atom(_item(operation, i)), between, Atom(" "))]
    return (*clause[:first], *listed[:-2], *clause[last + 1 :])

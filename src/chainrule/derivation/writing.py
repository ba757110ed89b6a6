"""Writes the formulas of one node, forward and backward, with a network's names in the places of their symbols."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from chainrule.derivation.definitions import Equation, in_order, is_at_each_step, part_of, with_wholes
from chainrule.derivation.formula import Atom, Formula, clauses, is_number, parse, sides, substitute, symbols, without
from chainrule.derivation.notation import differential, input_symbol, output_symbol, symbol_of
from chainrule.derivation.options import atom_of
from chainrule.derivation.own_symbols import back_to_the_last, behind_the_end, sizes_behind
from chainrule.derivation.places import at_each, columns, from_the_end, letter, over_each
from chainrule.derivation.products import in_columns, product, shapes, written
from chainrule.derivation.remarks import own_symbols, shortcut
from chainrule.derivation.sizes import Sizes
from chainrule.derivation.sums import indexed, numbers_in_each, reduced, scaled, stretched_along, summed, times
from chainrule.derivation.trace import Trace
from chainrule.graph import OPERATIONS, Operation, Variable


class Part:
    """One summand of a derivative: what comes back from one use of the variable.

    Attributes:
        left, right: the sides of the line. shapes: as a `Line` has them.
        definitions: lines for symbols of the formula that have no other on the page, each above who uses it, with
            shapes. remark: what is to be said of it.
    """

    def __init__(self, trace: Trace, node: Variable, i: int, as_recorded: bool = True):
        writing = Writing(trace, node, as_recorded)
        operation, variable = writing.operation, writing.inputs[i]
        operands = writing.operands | {f"d{writing.out}": node}
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
        self.right = writing.handed_back(right, variable, letters)
        self.left = substitute(left, writing.names)[0]
        self.definitions = _definitions(writing, [one for one in others if writing.is_new(one[0])])
        of_other_axes = f"Σ goes over the axes along which {variable.name or 'the input'} was stretched."
        said = (shortcut(trace, node) if as_recorded else "", of_other_axes if letters is None else "")
        self.remark = " ".join(filter(None, said))


def _definitions(writing: Writing, told: list[Equation]) -> list[tuple[Formula, str]]:
    """The lines that tell a backward formula's own symbols."""
    if not told:
        return []
    equations = in_order(with_wholes(told))
    sizes = sizes_behind(writing, in_order(writing.equations(writing.operation.forward)), equations)
    found = [(writing.named((*left, *parse(" = "), *right)), _size(left, right, sizes)) for left, right in equations]
    if any(is_at_each_step((atom,)) for _, right in equations for atom in symbols(right)):
        last = [(back_to_the_last(writing), written(sizes.get(writing.out, ())))]
        behind = behind_the_end(writing, equations)
        found = [*(last if writing.node.options.get("last") else []), *([(behind, "")] if behind else []), *found]
    return found


def _size(left: Formula, right: Formula, sizes: Sizes) -> str:
    part = part_of(left[0])
    size = sizes.get(f"{left[0].symbol},{part}" if part else left[0].symbol, ())
    return product(size, right, sizes) or written(size)


class Writing:
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

    def equations(self, source: str, of_features: bool = False) -> list[tuple[Formula, Formula]]:
        """The two sides of each clause of the formula, without the inputs that are not given.

        Of a formula `of_features` the letters k and j go over these, even if the node is a sum over examples.
        """
        inputs = self.operation.inputs
        absent = {input_symbol(self.operation, i) for i in range(len(inputs))} - self.operands.keys()
        listed = [_listed(clause, self.operation, len(self.inputs)) for clause in clauses(parse(source))]
        return [
            sides(self._in_place(without(clause, set() if inputs[0].startswith("*") else absent), of_features))
            for clause in listed
        ]

    def _in_place(self, clause: Formula, of_features: bool = False) -> Formula:
        """The clause with the letters of the axes that it sums over here."""
        turned = from_the_end(clause) if self.node.options.get("backwards") else clause
        over = turned if of_features else reduced(self.trace, self.node, turned)
        return at_each(over, letter(self.trace, self.node))

    def handed_back(self, right: Formula, variable: Variable, letters: str | None = "") -> Formula:
        """A derivative, with that of the node in front if the formula of a loss leaves it out, and with 1/m or m.

        `letters` are those along which the variable was stretched, and which are summed over.
        """
        if self.out == "J" and self.node is not self.trace.J:
            right = times(differential(self.trace.name(self.node)), right)
        return scaled(summed(right, letters), self.trace.of_examples(self.node), self.trace.of_examples(variable))

    def named(self, formula: Formula) -> Formula:
        """The formula with the network's names in it."""
        return _with_dots(substitute(formula, self.names))

    def is_new(self, left: Formula) -> bool:
        """Whether a clause's left side is defined nowhere else on the page."""
        forward = {sides(clause)[0][0].symbol for clause in clauses(parse(self.operation.forward))}
        return left[0].symbol not in self.operands.keys() | {self.out} | forward and not self._is_activation(left)

    def _is_activation(self, left: Formula) -> bool:
        return self.node in self.trace.activations and left == (Atom(_activation_symbol(self.trace, self.node)),)

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
            symbol = _activation_symbol(trace, node)
            names |= {symbol: trace.name(activation), f"d{symbol}": differential(trace.name(activation))}
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


def _activation_symbol(trace: Trace, node: Variable) -> str:
    """What the formulas of a shortcut call the activation that it reads past: what the loss calls its first input."""
    return input_symbol(as_written(trace, node)[0], 0)


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

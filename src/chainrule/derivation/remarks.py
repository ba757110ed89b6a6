"""What stands beneath a line: what its symbols mean, and what its formula leaves out."""

from __future__ import annotations

import functools
import inspect
import re
from collections.abc import Iterator
from itertools import pairwise

import numpy as np

from chainrule.derivation.formula import Atom, Formula, clauses, parse, sides, symbols, text
from chainrule.derivation.notation import GREEK, input_symbol, output_symbol, symbol_of
from chainrule.derivation.options import SAID, as_text
from chainrule.derivation.spelling import MOST
from chainrule.derivation.trace import Trace
from chainrule.engines.trace import DropRate
from chainrule.graph import OPERATIONS, Operation, Variable, plain

KNOWN = {"e", "i", "j", "k", "l", "m", "n", "t", "T"}
"""Letters that every formula may have: Euler's number, indices, counts, steps, and the sign of a transpose."""


def remark(trace: Trace, node: Variable, operation: Operation) -> str:
    """What the formula's own symbols are, and the options and inputs that it does not mention."""
    sentences = (
        _explained(node, operation),
        _here(trace, node, operation),
        *_unmentioned(trace, node, operation),
        _of_outputs(node, operation),
        *_on_schedule(trace, node),
    )
    return " ".join(filter(None, sentences))


def shortcut(trace: Trace, node: Variable) -> str:
    """What the node's operation does in one step, if it is a shortcut."""
    activation = trace.activations.get(node)
    if activation is None or activation.operation is None or node.operation is None:
        return ""
    loss = next(loss.name for loss in OPERATIONS.values() if node.operation in loss.after.values())
    return f"The shortcut: {loss} and {activation.operation.name} in one step."


@functools.cache
def explanation(operation: Operation) -> str:
    """The first sentence of the operation's documentation, where its formula has symbols that are not its inputs."""
    if not unexplained(operation):
        return ""
    paragraph = " ".join((inspect.getdoc(operation.function) or "").split("\n\n")[0].split())
    return re.split(r"(?<=\.)\s+(?=[A-Z])", paragraph)[0]


def _explained(node: Variable, operation: Operation) -> str:
    """The explanation, with the values of options in the places of their names."""
    return re.sub(r"`(\w+)`", lambda found: as_text(node.options.get(found[1], found[1])), explanation(operation))


def _here(trace: Trace, node: Variable, operation: Operation) -> str:
    """Which names on the page the explanation's inputs have, where those are others."""
    if operation.inputs[0].startswith("*"):
        return ""
    words, called = explanation(operation), []
    for i, given in enumerate(node.inputs):
        symbol, variable = input_symbol(operation, i), trace.variable(given)
        if variable is not None and re.search(rf"\b{re.escape(symbol)}(?![a-z_])", words):
            name = trace.name(variable)
            called += [f"{symbol} is {text((name,))}"] if name.symbol != symbol else []
    return f"Here {', '.join(called)}." if called else ""


def _unmentioned(trace: Trace, node: Variable, operation: Operation) -> Iterator[str]:
    """The options and inputs that were given and that no formula of the operation mentions: sentences, then values."""
    mentioned = {
        atom.symbol for formula in (operation.forward, *operation.backward) for atom in symbols(parse(formula))
    }
    found = {name: value for name, value in node.options.items() if symbol_of(name) not in mentioned}
    if not operation.inputs[0].startswith("*"):
        for i, given in enumerate(node.inputs):
            if given is not None and input_symbol(operation, i) not in mentioned:
                found[operation.inputs[i]] = given
    values = []
    for name, value in found.items():
        if name in SAID:
            yield SAID[name]
        elif name == "axis":
            yield f"Along {_along(trace, node, value)}."
        elif name == "mask":
            yield "Steps that the mask leaves out do not count."
        elif np.size(plain(value)) <= MOST:
            values.append(name if value is True else f"{name} = {as_text(plain(value))}")
    if values:
        yield f"{', '.join(values)}."


def _along(trace: Trace, node: Variable, axis: int | tuple[int, ...]) -> str:
    """What an axis, or several, of an operation's input count; of what it puts together, of the value."""
    whole = max((*node.parents, node), key=lambda variable: variable.ndim)
    between = {3: ["the steps"], 4: ["the height", "the width"]}.get(whole.ndim, ["the places"] * (whole.ndim - 2))
    named = ["the first axis", *between, "the features"]
    for k in trace.axes.get(whole, ()):
        named[k] = "the examples"
    return " and ".join(named[k % whole.ndim] for k in (axis if isinstance(axis, tuple) else (axis,)))


def _of_outputs(node: Variable, operation: Operation) -> str:
    """Of a loss whose formula is that of one output, that those of several are added."""
    A = node.inputs[0]
    several = output_symbol(operation) == "J" and isinstance(A, Variable) and A.ndim > 1 and A.shape[-1] > 1
    adds = any(atom.symbol == r"\|" or atom.below == (Atom("j"),) for atom in symbols(parse(operation.forward)))
    return "The losses of an example's outputs are added." if several and not adds else ""


def _on_schedule(trace: Trace, node: Variable) -> Iterator[str]:
    """Which options are written as they are in the first epoch, as a schedule gives them."""
    for name, value in node.options.items():
        if isinstance(value, DropRate):
            schedule = trace.schedules[value.place]
            yield f"The {name} {as_text(value)} is that of the first epoch: it follows {schedule!r}."


@functools.cache
def unexplained(operation: Operation) -> set[str]:
    """The letters in the operation's formula that are neither inputs, output, options, indices nor functions."""
    known = {input_symbol(operation, i) for i in range(len(operation.inputs))} | set(map(symbol_of, operation.defaults))
    return set(_letters(parse(operation.forward))) - known - {output_symbol(operation)} - KNOWN


@functools.cache
def own_symbols(operation: Operation) -> set[str]:
    """Everything that the operation's formulas have a symbol of their own for, such as the gates of a recurrence."""
    further = (clauses(parse(formula))[1:] for formula in operation.backward if formula)
    return unexplained(operation) | {sides(clause)[0][0].symbol for others in further for clause in others}


def _letters(formula: Formula) -> Iterator[str]:
    """The single letters in the formula that are not called like functions."""
    for atom, after in pairwise((*formula, Atom(" "))):
        if (atom.symbol in GREEK.values() or re.fullmatch("[a-zA-Z]", atom.symbol)) and after.symbol != "(":
            yield atom.symbol
        for inner in (*atom.arguments, atom.below, atom.above):
            yield from _letters(inner)

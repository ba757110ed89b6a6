"""The notes' page for a network: every line forward, the cost, every line backward, the update.

Nothing here knows an operation. Each line is the formula that an operation carries, with the network's names in it.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import replace
from itertools import groupby, pairwise
from typing import Any

from chainrule.derivation.formula import Formula, latex, parse, symbols
from chainrule.derivation.lines import Line, Use, computed, derivative, given
from chainrule.derivation.long_way import long_way
from chainrule.derivation.notation import output_symbol
from chainrule.derivation.page import Page
from chainrule.derivation.record import record
from chainrule.derivation.sections import Section, in_full
from chainrule.derivation.trace import Trace, on_the_way
from chainrule.derivation.update import update
from chainrule.graph import Variable
from chainrule.layers import Network
from chainrule.layers.ensemble import ensemble_in, one_member
from chainrule.training.cost import LossLike

CONVENTION = (
    "As in the notes, dZ and dA are m times the derivatives of J; the derivatives by parameters are those of J."
)
ONE_OF = "This is one of {k} networks whose mean is the answer: each was trained by itself, by these lines."
OF_EXAMPLES = "The m examples are columns."
OF_SEQUENCES = "The columns are the steps of all examples, and m counts the steps of all examples, each with its loss."
OF_ARRAYS = (
    "A shape of more than two numbers, such as {shape}, is that of the array: {axes}. A formula holds at every "
    "{place}, with the examples as columns there."
)
AXES = {3: ("examples, steps, features", "step"), 4: ("examples, height, width, channels", "place")}
"""By the number of axes, what they count, and where the formulas hold."""

SYMBOLS = {
    r"\odot": "⊙ multiplies element by element.",
    "[": "[…] is 1 where the condition in it holds, and 0 elsewhere.",
    r"\Phi": "Φ is the distribution function of the standard normal distribution, φ its density.",
}
FUNCTIONS = {
    r"\sigma": "σ(z) = 1/(1 + e^−z).",
    "windows": "windows(A) has, as a column for each place, what a window shows of A there.",
    "overlay": "overlay puts windows back to where they were cut out, and adds up what overlaps.",
    "parts": "parts(A) has, as a column for each place, the part of A that goes into it.",
    "repeat": "repeat(A) has every number of A several times, side by side.",
    "reshape": "reshape puts the same numbers into another shape.",
    "softmax": "softmax(S) = e^S / Σ e^S, of each row by itself.",
    "clip": "clip holds a number between two bounds.",
    "sign": "sign is 1 of positive numbers, −1 of negative ones, and 0 of 0.",
    "first": "first has the smallest index for which the condition holds.",
}
"""What functions are that no line of the page tells."""

INDICES = {
    "t": "t goes over the steps of a sequence: Zₜ is what Z is at step t, with the examples as columns.",
    "p": "p goes over the places of a picture, all its rows and columns: Zₚ is what Z is at place p, with the examples "
    "as columns.",
}


def derive(
    net: Network,
    X: Any = None,
    y: Any = None,
    loss: LossLike | None = None,
    *,
    shortcut: bool = True,
    optimizer: Any = None,
    seed: int = 0,
) -> Page:
    """Write the derivation of a network on paper: forward, cost, backward down to dW^[1], update, each with its shapes.

    The lines are the formulas of the operations that a training step records, so own layers, nested networks and
    residual connections have theirs too. Where the last activation and the loss belong together, the notes' shortcut
    dZ^[L] = A^[L] − Y stands for both; as HTML the way to it can be folded out. Of an `Ensemble` it is the first
    network that is derived: each is trained by itself, and alike.

    Args:
        net: the network; it is built if it is not, and otherwise left as it is.
        X: (m, …), a few examples whose numbers are to be shown, or None for the formulas and shapes alone.
        y: the targets of the examples, or None for the numbers of the way forward only.
        loss: as `train` takes it; by default the one that `net.metadata` tells, as a model file of `chainrule train`
            does, and else the one that fits the last activation, which the page then says.
        shortcut: whether dZ^[L] = A^[L] − Y stands there alone; otherwise all lines that lead to it, from dA^[L]
            through the derivative of the activation.
        optimizer: as `train` takes it: its rule stands in the place of gradient descent, with the numbers of the
            first update where numbers are shown.
        seed: of the dropout.

    Returns:
        A `Page`: printed it is text, notebooks show it as HTML, and `save` writes it as text, LaTeX or HTML.

    Raises:
        DataError: the sizes of the network are not known and X is not given; or y is given without X.
        ShapeError, DataError, OptionError: X, y, the loss or the optimizer do not fit; see `train`.
    """
    ensemble = ensemble_in(net) if isinstance(net, Network) else None
    if ensemble is not None:
        page = derive(one_member(net), X, y, loss, shortcut=shortcut, optimizer=optimizer, seed=seed)
        return replace(page, legend=(ONE_OF.format(k=len(ensemble.members)), *page.legend))
    trace = record(net, X, y, loss, seed=seed)
    trace.J.backward()
    all_sections = (*_forward(trace), _cost(trace), *_backward(trace, shortcut), update(trace, net, optimizer))
    sections = tuple(section for section in all_sections if section.lines)
    return Page("The derivation", tuple(_legend(trace, [line for one in sections for line in one.lines])), sections)


def _legend(trace: Trace, lines: Sequence[Line]) -> Iterator[str]:
    """Sentences on what stands in these lines."""
    atoms = [atom for line in lines for atom in symbols(line.formula)]
    used, indices = {atom.symbol for atom in atoms}, {index.symbol for atom in atoms for index in atom.below}
    yield f"{OF_SEQUENCES if trace.of_sequences else OF_EXAMPLES} {CONVENTION}"
    for shape in dict.fromkeys(re.findall(r"\(\d*m(?:/\d+)?(?:, \d+){2,3}\)", " ".join(line.shapes for line in lines))):
        axes, place = AXES[shape.count(",") + 1]
        yield OF_ARRAYS.format(shape=shape, axes=axes, place=place)
        break
    yield from (words for letter, words in INDICES.items() if letter in indices)
    yield from (words for symbol, words in SYMBOLS.items() if symbol in used)
    called = {latex(atom.arguments[0]) for atom in atoms if atom.symbol == r"\operatorname"}
    first = next((line for line in lines if _uses_sigmoid(line)), None)
    called |= {r"\sigma"} if first is not None and not _tells_sigmoid(first) else set()
    yield from (words for name, words in FUNCTIONS.items() if name in called)


def _uses_sigmoid(line: Line) -> bool:
    return any(a.symbol == r"\sigma" and b.symbol == "(" for a, b in pairwise(symbols(line.formula)))


def _tells_sigmoid(line: Line) -> bool:
    """Whether the line is A = σ(Z) = 1/(1 + e^−Z)."""
    return _uses_sigmoid(line) and sum(atom.symbol == "=" for atom in line.formula) == 2


def _forward(trace: Trace) -> Iterator[Section]:
    A0 = given(trace, trace.A0)
    yield Section("Forward", "the input", (replace(A0, formula=(*A0.formula, *parse(" = X"))),))
    shown: set[Variable] = set()
    for layer, nodes in groupby((node for node in trace.nodes if node in trace.layers), key=trace.layers.__getitem__):
        lines = []
        for node in nodes:
            made = computed(trace, node)
            lines += [*_leaves(trace, node, shown, made), *made]
        yield Section("Forward", layer.label, tuple(lines))


def _leaves(trace: Trace, node: Variable, shown: set[Variable], lines: Sequence[Line] = ()) -> Iterator[Line]:
    """What the node is computed from and no line has shown yet: constants, and parameters.

    These have a line where they have numbers, or where the node's own lines do not tell their shapes.
    """
    told = [line.shapes for line in lines if " = " in line.shapes]
    for leaf in map(trace.variable, node.inputs):
        if leaf is not None and leaf.operation is None and leaf not in shown and leaf not in {trace.A0, trace.Y}:
            shown.add(leaf)
            line = given(trace, leaf)
            if line.numbers is not None or leaf not in trace.parameters or not any(line.shapes in one for one in told):
                yield line


def _cost(trace: Trace) -> Section:
    lines = [given(trace, trace.Y)]
    shown: set[Variable] = {leaf for node in trace.layers for leaf in node.parents}
    for node in trace.nodes:
        if node not in trace.layers:
            lines += [*_leaves(trace, node, shown), *computed(trace, node)]
    assumed = f"no loss is given: {trace.loss} is assumed" if trace.assumed else ""
    return Section("Cost", assumed, tuple(lines))


def _backward(trace: Trace, shortcut: bool) -> Iterator[Section]:
    shown: set[Formula] = set()
    for place, placed in groupby(_derivatives(trace), key=lambda placed: placed[0]):
        written = (one for _, line in placed for one in ((line,) if shortcut else in_full(line)))
        lines = {line.formula: line for line in written if line.formula not in shown}
        shown |= lines.keys()
        yield Section("Backward", place, tuple(lines.values()))


def _derivatives(trace: Trace) -> Iterator[tuple[str, Line]]:
    """From the cost to the first layer, each derivative as soon as it is complete, under what it comes back from.

    Of what one node hands back, parameters come first: dW and db before the dA of the layer before.
    """
    order = on_the_way(trace)
    reached = {*order, *trace.parameters}
    open_uses = Counter(node.inputs[i] for node in order for i in differentiated(node, reached))
    uses: dict[Variable, list[Use]] = {}
    for node in order:
        place = _place(trace, node)
        if node is trace.J and _mentions_its_derivative(node):
            yield place, Line(parse("dJ = 1"))
        for i in sorted(differentiated(node, reached), key=lambda i: node.inputs[i] not in trace.parameters):
            variable = node.inputs[i]
            uses.setdefault(variable, []).append((node, i))
            if len(uses[variable]) == open_uses[variable]:
                lines = derivative(trace, variable, uses[variable])
                if node in trace.activations and len(uses[variable]) == 1:
                    lines[-1] = replace(lines[-1], long_way=long_way(trace, node))
                yield from ((place, line) for line in lines)


def _place(trace: Trace, node: Variable) -> str:
    """Where the node was made; a shortcut belongs to the layer whose activation it reads past."""
    layer = trace.layers.get(trace.activations.get(node, node))
    return layer.label if layer is not None else "the cost"


def differentiated(node: Variable, reached: set[Variable]) -> Iterator[int]:
    """Which inputs of the node get a derivative that leads to a parameter."""
    assert node.operation is not None
    formulas = node.operation.backward
    for i, variable in enumerate(node.inputs):
        if isinstance(variable, Variable) and variable in reached and formulas[min(i, len(formulas) - 1)]:
            yield i


def _mentions_its_derivative(J: Variable) -> bool:
    """Whether the formulas of the last operation have dJ, as those of other operations than losses do."""
    assert J.operation is not None
    symbol = f"d{output_symbol(J.operation)}"
    return any(atom.symbol == symbol for formula in J.operation.backward for atom in symbols(parse(formula)))

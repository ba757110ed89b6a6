"""Whole pages, evaluated: every line's right side, with the page's own numbers, gives the numbers that it prints.

What is too large for the page, as pictures are, is compared with what the network computed.
"""

import functools
import re
from dataclasses import replace

import numpy as np
import pytest

import chainrule as cr
from chainrule.derivation.formula import Atom, Formula, latex, sides
from chainrule.derivation.notation import differential
from chainrule.derivation.page import Page
from chainrule.derivation.places import places
from chainrule.derivation.record import record
from chainrule.derivation.trace import Corners, Trace
from chainrule.graph import Array, Variable, plain
from chainrule.ops.convolution import convolution_windows, transposed_windows
from derivation.evaluation import Values, evaluate_side, name
from derivation.test_layout import DerivedByRows, DerivedGram, own


def flat(formula: Formula) -> Formula:
    """The formula with each name's number of a layer, and of a part, made a part of its symbol: W[1]^T."""
    return tuple(map(_flat, formula))


def _flat(atom: Atom) -> Atom:
    atom = replace(atom, arguments=tuple(map(flat, atom.arguments)), below=flat(atom.below), above=flat(atom.above))
    if atom.symbol == r"\hat":
        inner = atom.arguments[0][0]
        atom = Atom("hat" + inner.symbol, below=atom.below, above=atom.above)
    if atom.above[:1] == (Atom("["),):
        end = atom.above.index(Atom("]")) + 1
        atom = replace(atom, symbol=atom.symbol + latex(atom.above[:end]), above=atom.above[end:])
    if atom.below and re.fullmatch(r"d?[cv]", atom.symbol):
        atom = replace(atom, symbol=f"{atom.symbol}{atom.below[0].symbol}", below=atom.below[2:])
    return atom


def laid_out(trace: Trace, variable: Variable, array: Array) -> Array:
    """The array in columns; of what there is at steps or places, a stack (places, n, m)."""
    count = np.prod(places(trace, variable), dtype=int)
    if places(trace, variable):
        return np.moveaxis(np.reshape(array, (-1, count, np.shape(array)[-1])), 0, -1)
    if variable in trace.parameters and np.ndim(array) > 2:
        painting = any(
            node.operation.name == "transposed_convolution" and node.inputs[1] is variable for node in trace.nodes
        )
        return (
            np.reshape(np.moveaxis(array, 0, -2), (-1, np.shape(array)[-1]))
            if painting
            else np.reshape(array, (len(array), -1))
        )
    return trace.on_the_page(variable, array)


def computed(trace: Trace) -> Values:
    """What the network and its chain rule made, by the names on the page."""
    trace.J.backward()
    found: Values = {}
    for variable, atom in trace.names.items():
        found[name(flat((atom,))[0])] = laid_out(trace, variable, variable.value)
        if variable.grad is not None:
            scale = trace.m if trace.of_examples(variable) else 1
            gradient = laid_out(trace, variable, scale * np.asarray(variable.grad))
            found[name(flat((differential(atom),))[0])] = gradient
    return found


def of_windows(trace: Trace) -> Values:
    """What takes windows apart and puts them together again, where the network has a convolution or its transpose."""
    shapes = {"convolution": convolution_windows, "transposed_convolution": transposed_windows}
    node = next((node for node in trace.nodes if node.operation.name in shapes), None)
    if node is None:
        return {}
    A, W = map(plain, node.inputs[:2])
    of_window = {"stride": 1, "padding": "valid", "dilation": 1, "groups": 1} | node.options
    windows = shapes[node.operation.name](A.shape, W.shape, **of_window)
    features = A.shape[-1] if node.operation.name == "convolution" else len(W)

    def show(stack: Array) -> Array:
        P = windows.show(np, np.moveaxis(stack, -1, 0).reshape(stack.shape[-1], *windows.axes, features))
        return np.moveaxis(P.reshape(len(P), -1, P.shape[-2] * P.shape[-1]), 0, -1)

    def overlay(stack: Array) -> Array:
        P = np.moveaxis(stack, -1, 0).reshape(stack.shape[-1], *windows.count, -1, features)
        return np.moveaxis(windows.add_up(np, P).reshape(len(P), -1, features), 0, -1)

    return {r"\operatorname{windows}": show, r"\operatorname{overlay}": overlay}


def given_elsewhere(trace: Trace) -> Values:
    """What the documentation of an operation explains, and not a formula: the numbers of its own symbols."""
    found: Values = {}
    for node in trace.nodes:
        above = latex(trace.names[node].above)
        if node.operation.name in ("standardize", "unstandardize"):
            mean, deviation = (np.reshape(plain(value), (-1, 1)) for value in node.inputs[1:3])
            found |= {rf"\mu{above}": mean, f"s{above}": deviation}
        if node.operation.name == "positional_encoding":
            A = plain(node.inputs[0])
            found[f"P{above}"] = laid_out(trace, node, node.value - A)
    return found


def check(page: Page, trace: Trace) -> int:
    """Evaluate every line of the page that is not a definition of parameters; how many were."""
    made = computed(trace)
    values: Values = {"e": np.e, r"\infty": np.inf, r"-\infty": -np.inf} | of_windows(trace)
    values |= given_elsewhere(trace)
    values |= made
    shown = {}
    for section in page.sections:
        for line in section.lines:
            if numbers_of(line) is not None and not any(atom.symbol == "=" for atom in line.formula):
                shown[flat(line.formula)[0].symbol] = numbers_of(line)
            elif [atom.symbol for atom in line.formula[1:4:2]] == ["(", ")"]:  # h(e) = …
                left, right = sides(flat(line.formula))
                values[name(left[0])] = _function(name(left[2]), right, values)
    values |= shown
    checked = 0
    for section in page.sections:
        if section.part == "Update":
            continue
        definitions_first = sorted(section.lines, key=lambda line: name(flat(line.formula)[0]) in made)
        for line in definitions_first:
            checked += _check_line(flat(line.formula), line, values, shown, made)
    return checked


def _function(argument: str, right: Formula, values: Values):
    return lambda given: evaluate_side(right, values | {argument: given})[0]


def numbers_of(line):
    """The numbers of a line, if the page has all of them."""
    return None if isinstance(line.numbers, Corners) else line.numbers


def _check_line(formula: Formula, line, values: Values, shown: Values, made: Values) -> int:
    numbers = made.get(name(formula[0])) if numbers_of(line) is None else numbers_of(line)
    if Atom("=") not in formula or latex(formula).count("reshape"):
        values |= {name(formula[0]): numbers}
        return 0
    left, right = sides(formula)
    if latex(right) == "X":
        values[name(left[0])] = shown[name(left[0])] = numbers
        values["m"] = numbers.shape[-1]
        return 0
    if len(left) > 1:
        return 0
    mask = re.search(r"D\[[\d.]+\]", latex(right))
    if mask and left[0].symbol.startswith(("A", "Z")):
        values[mask[0]] = numbers != 0
    squared = left[0].symbol == "{"  # (\sigma)^2
    for found in evaluate_side(right, values):
        if numbers is None or squared:
            if numbers is not None:
                np.testing.assert_allclose(found, numbers, rtol=1e-9, atol=1e-12, err_msg=latex(formula))
            values[name(left[0].arguments[0][1] if squared else left[0])] = np.sqrt(found) if squared else found
            continue
        if np.ndim(numbers) == 0:
            found = np.sum(found)  # the losses of an example's outputs are added
        shape = np.shape(numbers)
        np.testing.assert_allclose(
            np.broadcast_to(np.reshape(found, (1, 1)) if np.size(found) == 1 and shape else found, shape),
            numbers,
            rtol=1e-9,
            atol=1e-12,
            err_msg=latex(formula),
        )
        values[name(left[0])] = shown[name(left[0])] = numbers
    return numbers is not None


def network(*layers, n=3):
    return cr.Network(list(layers), seed=1, input_shape=n)


def weighted(loss):
    return lambda A, Y: loss(A, Y, np.arange(1.0, 1 + len(Y)))


def scaled_and_penalized(A, Y):
    return 2.0 * cr.ops.squared_error(A, Y) + 0.1 * (A**2).mean() + cr.ops.max(cr.ops.abs(A), axis=0).sum()


def learned():
    layer = cr.Standardize()
    layer.learn([np.random.default_rng(0).normal(3, 2, size=(9, 3))])
    return layer


smooth = functools.partial
D = cr.Dense
STEPS = (2, 2)
PICTURES = (4, 3, 2)
PAGES = {
    "dense": (network(D(4, "relu"), D(1, "sigmoid")), None, "yes_no"),
    "deep": (network(D(4, "tanh"), D(3, "gelu"), D(4, "elu"), D(2, "softmax")), None, "classes"),
    "activations": (network(D(4, "silu"), D(3, "softplus"), D(4, "leaky_relu"), D(2, "softmax"), D(1)), None, "values"),
    "log_softmax": (network(D(3, "log_softmax"), D(2)), "huber", "values"),
    "no bias": (network(D(4, "tanh", bias=False), D(1)), "absolute_error", "values"),
    "hinge": (network(D(1)), "hinge", "signs"),
    "perceptron": (network(D(1)), "perceptron", "signs"),
    "several outputs": (network(D(2, "sigmoid")), "binary_cross_entropy", "values"),
    "dropout": (network(D(4, "tanh"), cr.Dropout(0.4), D(2)), None, "values"),
    "batch norm": (network(D(4), cr.BatchNorm(), cr.Activation("relu"), D(1, "sigmoid")), None, "yes_no"),
    "layer norm": (network(D(4), cr.LayerNorm(), D(1)), None, "values"),
    "residual": (network(D(3, "tanh"), cr.Residual([D(3, "relu"), D(3)]), D(2)), None, "values"),
    "sequences": (network(D(3, "tanh"), D(2, "softmax"), n=STEPS), None, "classes"),
    "values of sequences": (network(D(3, "tanh"), D(1), n=STEPS), None, "values"),
    "norm of sequences": (network(D(3), cr.LayerNorm(), cr.BatchNorm(), D(2), n=STEPS), None, "values"),
    "steps to one output": (
        network(D(3, "tanh"), cr.LayerNorm(), cr.BatchNorm(), cr.Flatten(), D(2), n=STEPS),
        None,
        "values",
    ),
    "convolution": (network(cr.Conv2D(3, 2, "tanh"), cr.BatchNorm(), cr.Flatten(), D(2), n=PICTURES), None, "values"),
    "convolution of sequences": (network(D(2), cr.Conv1D(3, 2), cr.Flatten(), D(2), n=(3, 2)), None, "values"),
    "strides": (
        network(cr.Conv2D(3, 2, stride=2, padding="same"), cr.Flatten(), D(2), n=PICTURES),
        None,
        "values",
    ),
    "transposed convolution": (network(D(2), cr.ConvTranspose1D(3, 2), cr.Flatten(), D(2), n=(3, 2)), None, "values"),
    "transposed convolution of pictures": (
        network(D(2), cr.ConvTranspose2D(2, 2, stride=2), cr.Flatten(), D(1), n=(2, 2, 1)),
        None,
        "values",
    ),
    "places of steps": (network(D(2), cr.PositionalEncoding(), cr.Flatten(), D(2), n=(3, 2)), None, "values"),
    "standardized": (network(learned(), D(2)), None, "values"),
    "norm of pictures": (network(cr.LayerNorm(), D(2), cr.Flatten(), D(2), n=PICTURES), None, "values"),
    "scaled pictures": (
        network(own(lambda A, s, t: A * s + t, s=(2,), t=(1,)), cr.Flatten(), D(1), n=PICTURES),
        None,
        "values",
    ),
    "rows of sequences": (network(DerivedByRows(), D(1), n=STEPS), None, "values"),
    "weights": (network(D(3, "softmax")), weighted(cr.ops.cross_entropy), "classes"),
    "weights of values": (network(D(2)), weighted(cr.ops.squared_error), "values"),
    "smoothing": (network(D(3, "softmax")), smooth(cr.ops.cross_entropy, label_smoothing=0.3), "classes"),
    "binary smoothing": (network(D(1, "sigmoid")), smooth(cr.ops.binary_cross_entropy, label_smoothing=0.2), "yes_no"),
    "past the shortcut": (network(D(3)), lambda A, Y: cr.ops.softmax_cross_entropy(A, Y), "classes"),
    "rows": (network(DerivedByRows(), D(1)), None, "values"),
    "Gram": (network(D(2), DerivedGram(), D(1)), None, "values"),
    "broadcast": (network(own(lambda A, s, t: A * s / (t * t + 1) - t, s=(3,), t=(1,)), D(1)), None, "values"),
    "a number": (network(own(lambda A, s: A * s, s=()), D(1)), None, "values"),
    "powers": (network(own(lambda A, s: cr.ops.exp(A) ** s, s=(3,)), D(1)), None, "values"),
    "means": (network(own(lambda A: A - A.mean(axis=1, keepdims=True) - A.mean(axis=0)), D(1)), None, "values"),
    "mean, kept": (network(D(3), own(lambda A: A - A.mean(axis=0, keepdims=True)), D(1)), None, "values"),
    "own cost": (network(D(2, "tanh")), scaled_and_penalized, "values"),
    "constants": (network(own(lambda A, s: A * np.array([1.0, 2, 3]) * s, s=(3,)), D(1)), None, "values"),
    "clip": (network(own(lambda A, s: cr.ops.clip(A * s, low=-0.5), s=(3,)), D(1)), None, "values"),
    "a vector": (network(D(3), own(lambda A, v: A * (A @ v).reshape(-1, 1), v=(3,)), D(1)), None, "values"),
}


def targets(task, shape, rng):
    if task == "classes":
        return rng.integers(0, shape[-1], shape[:-1])
    return rng.uniform(size=shape) if task == "values" else rng.choice([0 if task == "yes_no" else -1, 1], shape)


@pytest.mark.parametrize("m", [2, 3])
@pytest.mark.parametrize("called", PAGES)
def test_every_line_gives_its_numbers(called, m):
    net, loss, task = PAGES[called]
    rng = np.random.default_rng(m)
    X = rng.normal(size=(m, *net.input_shape))
    shape = net.predict(X).shape
    y = targets(task, shape, rng)
    assert check(cr.derive(net, X, y, loss), record(net, X, y, loss)) >= len(net.parameters) + 2


ELSEWHERE = {
    "EmbedColumns": "test_lookups_are_true.py, by the numbers on the page",
    "Embedding": "test_lookups_are_true.py, by the numbers on the page",
    "GRU": "test_recurrences_are_true.py, step by step, by the operation's formulas",
    "LSTM": "test_recurrences_are_true.py, step by step, by the operation's formulas",
    "RNN": "test_recurrences_are_true.py, step by step, by the operation's formulas",
}
"""Where the lines of layers are evaluated whose pages are not, here."""

NAMED_ONLY = {"MaxPool", "AveragePool", "AdaptiveAveragePool", "GlobalAveragePool", "GlobalMaxPool", "UpSample"} | {
    "Masking",
    "MultiHeadAttention",
    "EmbedBags",
    "Ensemble",
    "Periodic",
    "PiecewiseLinear",
}
"""Layers whose lines say which numbers go where, or are of one example, and are evaluated nowhere; of an ensemble it is
a member that has lines."""


def test_every_layer_is_on_a_page_that_is_evaluated_or_known_not_to_be():
    layers = {
        name
        for name in cr.layers.__all__
        if isinstance(getattr(cr.layers, name), type) and name not in ("Layer", "Network")
    }
    here = {type(layer).__name__ for net, _, _ in PAGES.values() for _, layer in net.family()} & layers
    assert here.isdisjoint(ELSEWHERE.keys() | NAMED_ONLY)
    assert here | ELSEWHERE.keys() | NAMED_ONLY == layers

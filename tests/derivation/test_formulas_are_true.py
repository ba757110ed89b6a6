"""Every formula of the registry, evaluated as the notes read it, against what its operation computes."""

from typing import Any

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from chainrule.derivation.notation import input_symbol, output_symbol, symbol_of
from chainrule.graph import OPERATIONS, Array, Operation
from chainrule.ops.broadcasting import unbroadcast
from chainrule.ops.convolution import convolution_windows, transposed_windows
from derivation.evaluation import Values, evaluate
from ops.cases import CASES, FEW, Call

NAMES_WHAT_HAPPENS = {
    "reshape", "index", "embedding", "embed_columns", "concatenate", "stack", "max_pool", "average_pool",
    "adaptive_average_pool", "global_average_pool", "global_max_pool", "upsample", "step_mask", "mask_steps",
    "mask_windows", "positional_encoding",
}  # fmt: skip
"""Not evaluated: these formulas only say which numbers go where."""

STEP_BY_STEP = {"rnn", "gru", "lstm", "attention"}
"""Not evaluated: their symbols have a step t, or are of one example."""

OF_WINDOWS = {"convolution", "transposed_convolution"}
"""Their formulas have the numbers of a window, or of a place, as a column; tested where all are in one group."""

OF_ONE_VECTOR = {"softmax", "log_softmax", "sum", "mean", "max"}
OF_MATRICES = {"matmul", "transpose"}
OF_CLASSES = {"cross_entropy", "softmax_cross_entropy"}
OF_ONE_OUTPUT = {
    "huber", "poisson", "exp_poisson", "binary_cross_entropy", "sigmoid_binary_cross_entropy", "hinge", "perceptron",
}  # fmt: skip
"""Losses whose formulas, as in the notes, are those of one output; of several outputs the losses are added."""

OF_EXAMPLES = (
    {"linear", "batch_norm", "layer_norm", "normalize", "standardize", "unstandardize"}
    | {"squared_error", "absolute_error"}
    | OF_CLASSES
    | OF_ONE_OUTPUT
)
"""Their formulas have examples as columns. Those of all others hold for arrays as they are."""

EVALUATED = [
    name
    for name, operation in OPERATIONS.items()
    if operation.function.__module__.startswith("chainrule.") and name not in NAMES_WHAT_HAPPENS | STEP_BY_STEP
]


def as_meant(name: str, call: Call) -> Call:
    """The call with its arrays in the shapes that the formulas are about: (m, n), or one vector, or two matrices."""
    A, *rest = call.inputs
    if name in OF_ONE_VECTOR:
        return Call((A.ravel(),), {})
    if name in OF_WINDOWS:
        assume(call.options["groups"] == 1)
        return call
    if name in OF_MATRICES:
        assume(all(given.ndim == 2 for given in call.inputs))
        return Call(call.inputs, {})
    if name in OF_ONE_OUTPUT:
        A = A.reshape(-1, 1)
    elif name in OF_EXAMPLES:
        A = A.reshape(-1, A.shape[-1])
    if "J" in OPERATIONS[name].forward:
        Y = one_hot(rest[0], A.shape[1]) if name in OF_CLASSES else rest[0].reshape(A.shape)
        rest = [Y, *(weights_of_each(w, call.inputs[0].shape, A.shape) for w in rest[1:] if w is not None)]
    return Call((A, *rest), call.options)


def weights_of_each(w: Array, before: tuple[int, ...], shape: tuple[int, ...]) -> Array:
    """The weights of examples that may have several losses, for each column."""
    outputs = np.broadcast_to(w.reshape(w.shape + (1,) * (len(before) - w.ndim)), before).reshape(shape)
    return outputs[:, 0] if outputs.ndim > 1 else outputs


def one_hot(Y: Array, n_classes: int) -> Array:
    if Y.dtype.kind == "f":
        return (Y / Y.sum(axis=-1, keepdims=True)).reshape(-1, n_classes)
    return np.eye(n_classes)[Y.ravel()]


def in_columns(name: str, symbol: str, array: Any) -> Any:
    """The array as the formula has it: examples, places and vectors become columns, W stays."""
    if name in OF_WINDOWS and np.ndim(array):
        return (
            array.reshape(len(array), -1) if symbol in ("W", "dW", "b", "db") else array.reshape(-1, array.shape[-1]).T
        )
    if name not in OF_EXAMPLES or np.ndim(array) == 0 or symbol == "W":
        return array
    return array.T if array.ndim == 2 else array[:, None]


def values_of(operation: Operation, call: Call) -> Values:
    """What the symbols of the operation's formulas stand for."""
    absent = {input_symbol(operation, i): 0 for i in range(len(operation.inputs))}
    named = absent | {input_symbol(operation, i): A for i, A in enumerate(call.inputs) if A is not None}
    if operation.targets:
        named["Y"] = operation.targets(np, call.inputs[0], named["Y"], **call.options)
    if "w" in named:
        named["w"] = np.reshape(named["w"] if np.ndim(named["w"]) else np.ones(len(call.inputs[0])), (-1, 1))
    values = {symbol: in_columns(operation.name, symbol, A) for symbol, A in named.items()}
    values |= {symbol_of(option): value for option, value in (operation.defaults | call.options).items()}
    A = call.inputs[0]
    values |= {"m": len(A) if np.ndim(A) else 1, "n": A.shape[-1] if operation.name == "layer_norm" else np.size(A)}
    if operation.name == "batch_norm" and not values["mask"]:
        values["mask"] = np.ones((1, len(A)))
    values |= {"dJ": 1, "e": np.e}
    return values | own_symbols(operation, call, values)


def own_symbols(operation: Operation, call: Call, values: Values) -> Values:
    """The symbols that an operation explains in its documentation."""
    A = values.get("A")
    if operation.name == "normalize":
        return {r"\mu": values["mean"], r"\sigma": np.sqrt(values["variance"])}
    if operation.name in ("standardize", "unstandardize"):
        return {r"\mu": values["mean"], "s": values["deviation"]}
    if operation.name == "dropout":
        return {"D": operation(np.ones_like(A), **call.options) > 0}
    if operation.name in OF_WINDOWS:
        return of_windows(operation.name, call)
    if operation.name == "clip":
        low, high = values["low"], values["high"]
        return {"low": -np.inf if low is None else low, "high": np.inf if high is None else high}
    return {}


def of_windows(name: str, call: Call) -> Values:
    """The functions that take windows apart and put them together, and the product with W of each place."""
    A, W = call.inputs[:2]
    options = {"stride": 1, "padding": "valid", "dilation": 1} | call.options
    of_shapes = convolution_windows if name == "convolution" else transposed_windows
    windows = of_shapes(A.shape, W.shape, **options)
    numbers = W.shape[-1] if name == "convolution" else W.shape[0]

    def show(columns: Array) -> Array:
        P = windows.show(np, columns.T.reshape(len(A), *windows.axes, numbers))
        return P.reshape(-1, P.shape[-2] * P.shape[-1]).T

    def overlay(P: Array) -> Array:
        Z = windows.add_up(np, P.T.reshape(len(A), *windows.count, -1, numbers))
        return Z.reshape(-1, numbers).T

    painting = {"W": np.moveaxis(W, 0, -2).reshape(-1, W.shape[-1])} if name == "transposed_convolution" else {}
    return {r"\operatorname{windows}": show, r"\operatorname{overlay}": overlay} | painting


def test_every_operation_is_evaluated_or_known_not_to_be():
    assert set(EVALUATED) | NAMES_WHAT_HAPPENS | STEP_BY_STEP <= set(CASES), (
        "describe the calls of a new operation in ops/cases.py"
    )
    assert set(OPERATIONS) >= NAMES_WHAT_HAPPENS | STEP_BY_STEP | OF_ONE_VECTOR | OF_MATRICES | OF_EXAMPLES


@pytest.mark.parametrize("name", EVALUATED)
@FEW
@given(data=st.data())
def test_the_formulas_are_true(name, data):
    operation, call = OPERATIONS[name], as_meant(name, data.draw(CASES[name]))
    values, out = values_of(operation, call), output_symbol(operation)
    Z, backward = operation.differentiate(*call.inputs, **call.options)
    for side in evaluate(operation.forward, out, values):
        agree(side, in_columns(name, out, Z))
    dZ = np.random.default_rng(0).uniform(-2, 2, np.shape(Z)) if out != "J" else np.float64(1)
    values |= {out: in_columns(name, out, Z), f"d{out}": in_columns(name, out, dZ)}
    for i, (A, formula, dA) in enumerate(zip(call.inputs, operation.backward, backward(dZ), strict=False)):
        if formula and isinstance(A, np.ndarray):
            symbol = input_symbol(operation, i)
            (found,) = evaluate(formula, f"d{symbol}", values)
            if operation.broadcasts:
                found = unbroadcast(np, np.asarray(found), A)
            dA = dA() if callable(dA) else dA
            if name == "transposed_convolution" and symbol == "W":
                dA = np.moveaxis(dA, 0, -2).reshape(-1, dA.shape[-1])
                agree(found, dA)
                continue
            agree(found, in_columns(name, symbol, dA))


def agree(evaluated: Any, computed: Any) -> None:
    np.testing.assert_allclose(np.asarray(evaluated, float), np.asarray(computed, float), rtol=1e-9, atol=1e-11)


def test_the_formulas_of_a_batch_norm_under_a_mask_are_true():
    operation, rng = OPERATIONS["batch_norm"], np.random.default_rng(0)
    A, dZ, mask = rng.normal(size=(3, 4, 2)), rng.normal(size=(3, 4, 2)), np.tri(3, 4, 1)
    gamma, beta = rng.normal(size=(2, 2))
    Z, backward = operation.differentiate(A, gamma, beta, mask)
    in_columns = {"A": A.reshape(-1, 2).T, "dZ": dZ.reshape(-1, 2).T, "mask": mask.reshape(1, -1)}
    values = in_columns | {r"\gamma": gamma[:, None], r"\beta": beta[:, None], r"\varepsilon": 1e-5, "m": mask.sum()}
    agree(*evaluate(operation.forward, "Z", values), Z.reshape(-1, 2).T)
    agree(*evaluate(operation.backward[0], "dA", values), backward(dZ)[0].reshape(-1, 2).T)


@pytest.mark.parametrize("name", ["maximum", "minimum"])
def test_the_formulas_of_a_choice_are_true_where_both_are_equal(name):
    operation, A = OPERATIONS[name], np.array([1.0, -2.0])
    _, backward = operation.differentiate(A, A)
    for symbol, formula, dA in zip("AB", operation.backward, backward(np.ones(2)), strict=True):
        agree(*evaluate(formula, f"d{symbol}", {"A": A, "B": A, "dZ": np.ones(2)}), dA)


def test_the_formula_of_the_largest_is_true_where_several_are():
    operation, A = OPERATIONS["max"], np.array([3.0, 1.0, 3.0])
    Z, backward = operation.differentiate(A)
    agree(*evaluate(operation.backward[0], "dA", {"A": A, "Z": Z, "dZ": 2.0}), backward(np.float64(2))[0])

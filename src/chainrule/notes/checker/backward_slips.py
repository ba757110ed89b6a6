"""Slips on the way back: in dA and dZ, and all of a pass in their order."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import numpy as np

from chainrule.notes.checker.gradient_slips import db, dW
from chainrule.notes.checker.rounding import Measured, given
from chainrule.notes.checker.sheet import Line, Setting, logarithm, reciprocal, slope, through_activation
from chainrule.notes.checker.slips import SLOPES, Slip, fixed, numpy_line, slope_in_numpy, written

OF_THE_NOTES = ("sigmoid", "tanh", "relu", "leaky_relu")
"""The activations that someone may have taken for another."""

SQUARE = 2_000
"""A column of labels beside a row makes (m, m); with more examples than these nobody would still be waiting."""


MakeSlip = Callable[[str, str, str, Line], Slip]
"""Of a kind, a sentence, the rest of the line after dA, and the line."""


def backward_slips(setting: Setting) -> Iterator[Slip]:
    """Every slip of the way back, those of the last layer first."""
    yield from everywhere(setting)
    yield from last_layer(setting)
    for l in range(setting.L, 0, -1):
        if not (l == setting.L and setting.shortcut):
            yield from dZ(setting, l)
        yield from dW(setting, l)
        yield from db(setting, l)
        yield from dA(setting, l - 1)


def everywhere(setting: Setting) -> Iterator[Slip]:
    """The factor 1/m, wrong in every dW and db."""
    m, n_x, L = setting.m, setting.sizes[0], setting.L
    names = [f"{symbol}{l}" for l in range(L, 0, -1) for symbol in ("dW", "db")]
    first = names[0]
    typed = numpy_line(first, setting)
    for kind, factor, says, instead in (
        ("1/m missing", m, f"every dW and db is m = {m} times too large: 1/m is missing", typed.replace(" / m", "")),
        ("1/m twice", 1 / m, f"every dW and db is m = {m} times too small: 1/m is there twice", f"{typed} / m"),
        (
            "wrong m",
            m / n_x,
            f"m is the number of columns, X.shape[1] = {m}; X.shape[0] = {n_x} is n_x",
            typed.replace("/ m", "/ X.shape[0]"),
        ),
    ):
        lines = dict.fromkeys(names, factor)
        yield Slip(kind, first, says, instead, lines)


def last_layer(setting: Setting) -> Iterator[Slip]:
    """Slips where the way back begins."""
    L, m = setting.L, setting.m
    A, Z, dZ_L, dA_L = f"A{L}", f"Z{L}", f"dZ{L}", f"dA{L}"
    begins = dZ_L if setting.shortcut else dA_L
    right = numpy_line(begins, setting).split(" = ")[1]
    sign = f"all derivatives have the wrong sign: {begins} = {right}"
    turned = f"{begins} = Y - {A}" if right == f"{A} - Y" else f"{begins} = -({right})"
    yield Slip("sign", begins, sign, turned, {begins: -1})
    yield from _from_dA(
        setting,
        "sign",
        f"all derivatives have the wrong sign, from {dA_L} on",
        f"-({numpy_line(dA_L, setting).split(' = ')[1]})",
        -1,
    )
    yield Slip(
        "1/m twice",
        begins,
        f"1/m stands in {begins}, and in dW and db once more",
        f"{begins} = ({right}) / m",
        {begins: 1 / m},
    )
    if right == f"{A} - Y":
        yield Slip(
            "Z for A", begins, f"{begins} takes {A}, not {Z}", f"{begins} = {Z} - Y", {begins: lambda s: s[Z] - s["Y"]}
        )
        yield Slip(
            "labels for probabilities",
            begins,
            f"{begins} takes the probabilities {A}, not the predictions {A} > 0.5",
            f"{begins} = ({A} > 0.5) - Y",
            {begins: lambda s: _predictions(s[A]) - s["Y"]},
        )
        if len(setting.Y) == 1 and 1 < m <= SQUARE:
            yield Slip(
                "broadcasting",
                begins,
                f"Y is a column here, so that {A} − Y broadcasts to ({m}, {m}): Y is (1, m)",
                f"{begins} = {A} - Y.T",
                {begins: lambda s: s[A] - s["Y"].T},
            )
            yield Slip(
                "broadcasting",
                begins,
                f"{A} is a column here, and Y is not, so that {A} − Y broadcasts to ({m}, {m}): {A} is (1, m)",
                f"{begins} = {A}.T - Y",
                {begins: lambda s: s[A].T - s["Y"]},
            )
        yield Slip("Y forgotten", begins, f"{begins} lacks − Y", f"{begins} = {A}", {begins: lambda s: s[A]})
    if setting.shortcut:
        g = setting.activations[-1]
        again = {dZ_L: lambda s: through_activation(s[A] - s["Y"], s[Z], g, setting)}
        code = slope_in_numpy(g, A, Z) if g in SLOPES else f"{g}'({Z})"
        yield Slip(
            "g' twice",
            dZ_L,
            f"{A} − Y has g′({Z}) in it already; times g′ once more it is that of the squared error "
            '(give cost="squared_error" if that is your cost)',
            f"{dZ_L} = ({A} - Y) * {code}",
            again,
        )
        yield Slip(
            "dA for dZ",
            dZ_L,
            f"{dZ_L} is {dA_L} * g′({Z}) = {A} − Y, not {dA_L}",
            f"{dZ_L} = {dA_L}",
            {dZ_L: lambda s: s[dA_L]},
        )
    yield from _of_dA(setting)


def _of_dA(setting: Setting) -> Iterator[Slip]:
    """Slips in the derivative of the loss."""
    A, name, u = f"A{setting.L}", f"dA{setting.L}", setting.u
    if setting.cost == "binary_cross_entropy":
        yield from _from_dA(
            setting,
            "half of the loss",
            f"{name} lacks its second half, (1 − Y)/(1 − {A})",
            f"-Y / {A}",
            lambda s: -(s["Y"] * reciprocal(s[A], u)),
        )
        yield from _from_dA(
            setting,
            "sign",
            f"{name} has the wrong sign between its halves",
            f"-Y / {A} - (1 - Y) / (1 - {A})",
            lambda s: -(s["Y"] * reciprocal(s[A], u)) - (1 - s["Y"]) * reciprocal(1 - s[A], u),
        )
        yield from _from_dA(
            setting,
            "loss for dA",
            f"{name} is the derivative of the loss, not the loss",
            f"-Y * np.log({A}) - (1 - Y) * np.log(1 - {A})",
            lambda s: -(s["Y"] * logarithm(s[A], u)) - (1 - s["Y"]) * logarithm(1 - s[A], u),
        )
    if setting.cost == "squared_error":
        for factor, loss, code in ((2, "(a − y)²", "2"), (2 / 3, "1/3 (a − y)²", "2/3"), (0.5, "¼ (a − y)²", "0.5")):
            says = f"{name} is that of the loss {loss}: the loss is ½ (a − y)²"
            yield from _from_dA(setting, "the factor of the squared error", says, f"{code} * ({A} - Y)", factor)


def _from_dA(setting: Setting, kind: str, says: str, code: str, line: Line | float) -> Iterator[Slip]:
    """A slip in dA of the last layer; where dZ has its shortcut, also with a dZ that was made from that dA."""
    L = setting.L
    name = f"dA{L}"
    yield Slip(kind, name, says, f"{name} = {code}", {name: line})
    if setting.shortcut:
        g = setting.activations[-1]
        back = {f"dZ{L}": lambda s: through_activation(s[name], s[f"Z{L}"], g, setting)}
        yield Slip(kind, name, says, f"{name} = {code}", {name: line, **back})


def dZ(setting: Setting, l: int) -> Iterator[Slip]:
    """dZ = dA * g'(Z): slips about g'."""
    g, L = setting.activations[l - 1], setting.L
    name, A, Z, dA_l = f"dZ{l}", f"A{l}", f"Z{l}", f"dA{l}"
    back = dA_l if l == L else f"W{l + 1}.T @ dZ{l + 1}"

    def slip(kind: str, says: str, code: str, line: Line) -> Slip:
        return Slip(kind, name, says, f"{name} = {back}{code}", {name: line})

    if g != "identity":
        yield slip("g' forgotten", f"{name} lacks g′({Z})", "", lambda s: s[dA_l])
        yield slip(
            "g for g'", f"{name} is multiplied by g({Z}) = {A}, not by g′({Z})", f" * {A}", lambda s: s[dA_l] * s[A]
        )
    for k in range(1, L + 1):
        if k != l:
            yield from _of_layer(setting, l, k, slip)
    for h in OF_THE_NOTES:
        if h != g and g in SLOPES:
            yield from _of_activation(setting, l, h, slip)
    if g == "tanh":
        yield slip("tanh' = 1 − a", "tanh′ is 1 − a², not 1 − a", f" * (1 - {A})", lambda s: s[dA_l] * (1 - s[A]))
        yield slip(
            "tanh' = 1 + a²", "tanh′ is 1 − a², not 1 + a²", f" * (1 + {A}**2)", lambda s: s[dA_l] * (s[A] ** 2 + 1)
        )
    if g == "sigmoid":
        yield slip("σ' = 1 − a", "σ′ is a (1 − a), not 1 − a", f" * (1 - {A})", lambda s: s[dA_l] * (1 - s[A]))
    if g in ("tanh", "sigmoid"):
        formula, code = SLOPES[g][0], slope_in_numpy(g, Z, Z)
        yield slip("z for a", f"{formula} takes {A}, not {Z}", f" * {code}", lambda s: s[dA_l] * _by_a(g, s[Z]))
        at_a = f" * {g}_derivative({A})"
        says = f"{written(g)}′ takes {Z}, not {A}: here {written(g)} is applied twice"
        yield slip("a for z", says, at_a, lambda s: s[dA_l] * slope(g, s[A], setting))
    if l < L:
        says = f"{A} − Y is dZ of the last layer only; {name} comes back through W{l + 1}"
        yield Slip("A − Y in a hidden layer", name, says, f"{name} = {A} - Y", {name: lambda s: s[A] - s["Y"]})
        yield from _without_W(setting, l)
    typed = f"{name} = -({numpy_line(name, setting).split(' = ')[1]})"
    yield Slip("sign", name, f"{name} has the wrong sign", typed, {name: -1})


def _without_W(setting: Setting, l: int) -> Iterator[Slip]:
    """dZ that comes back past W, where the shapes let it pass."""
    g, name, k = setting.activations[l - 1], f"dZ{l}", l + 1
    if setting.sizes[k] in (1, setting.sizes[l]) and g not in ("softmax", "log_softmax"):
        yield Slip(
            "W forgotten",
            name,
            f"{name} lacks W{k}.T: dZ{k} comes back through it, W{k}.T @ dZ{k}",
            f"{name} = dZ{k} * {slope_in_numpy(g, f'A{l}', f'Z{l}')}",
            {name: lambda s: s[f"dZ{k}"] * slope(g, s[f"Z{l}"], setting)},
        )


def _of_layer(setting: Setting, l: int, k: int, slip: MakeSlip) -> Iterator[Slip]:
    """g' at the Z of another layer, where the shapes let it pass."""
    g, h = setting.activations[l - 1], setting.activations[k - 1]
    n, other = setting.sizes[l], setting.sizes[k]
    if n != other and 1 not in (n, other):
        return
    how = "the shapes are the same" if n == other else "the shapes agree by broadcasting"
    says = f"dZ{l} takes g′ at Z{l}, not at Z{k} ({how})"
    for of in dict.fromkeys((h, g)):
        if of not in ("softmax", "log_softmax"):
            code = f" * {slope_in_numpy(of, f'A{k}' if of == h else f'{of}(Z{k})', f'Z{k}')}"
            yield slip(
                "g' of the wrong layer",
                says,
                code,
                fixed(lambda s, of: s[f"dA{l}"] * slope(of, s[f"Z{k}"], setting), of),
            )
    if g != h and g in ("tanh", "sigmoid"):
        says = f"{SLOPES[g][0]} takes A{l}, not A{k} ({how})"
        code = f" * {slope_in_numpy(g, f'A{k}', f'Z{k}')}"
        yield slip("g' of the wrong layer", says, code, lambda s: s[f"dA{l}"] * _by_a(g, s[f"A{k}"]))


def _of_activation(setting: Setting, l: int, h: str, slip: MakeSlip) -> Iterator[Slip]:
    """The derivative of another activation at the right place: of z, or by its formula in a."""
    g = setting.activations[l - 1]
    layers = [k for k, name in enumerate(setting.activations, 1) if name == h and k != l]
    ours, theirs = f"{written(g)}′", f"{written(h)}′"
    if layers:
        ours, theirs = f"g^[{l}]′ = {ours}", f"g^[{layers[0]}]′ = {theirs}"
    says = f"dZ{l} takes {ours}, not {theirs}"
    A, Z = f"A{l}", f"Z{l}"
    yield slip(
        "g' of another activation",
        says,
        f" * {slope_in_numpy(h, f'{h}({Z})', Z)}",
        lambda s: s[f"dA{l}"] * slope(h, s[Z], setting),
    )
    if h in ("sigmoid", "tanh"):
        yield slip(
            "g' of another activation", says, f" * {slope_in_numpy(h, A, Z)}", lambda s: s[f"dA{l}"] * _by_a(h, s[A])
        )


def dA(setting: Setting, l: int) -> Iterator[Slip]:
    """dA^[l] = W^[l+1]ᵀ dZ^[l+1]: slips about W, and what is multiplied with it."""
    name, k = f"dA{l}", l + 1
    sizes = setting.sizes
    if l > 0:
        yield Slip(
            "1/m too many",
            name,
            f"{name} has no 1/m: that stands in dW and db",
            f"{name} = W{k}.T @ dZ{k} / m",
            {name: 1 / setting.m},
        )
    if sizes[l] == sizes[k]:
        yield Slip(
            "W not transposed",
            name,
            f"{name} takes W{k}.T, not W{k}",
            f"{name} = W{k} @ dZ{k}",
            {name: lambda s: s[f"W{k}"] @ s[f"dZ{k}"]},
        )
    for j in range(1, setting.L + 1):
        if j != k and setting.W[j - 1].shape == setting.W[k - 1].shape:
            yield Slip(
                "W of the wrong layer",
                name,
                f"{name} takes W{k}, not W{j} (the shapes are the same)",
                f"{name} = W{j}.T @ dZ{k}",
                {name: fixed(lambda s, j: s[f"W{j}"].T @ s[f"dZ{k}"], j)},
            )
    yield Slip(
        "dA for dZ",
        name,
        f"{name} takes dZ{k}, not dA{k}",
        f"{name} = W{k}.T @ dA{k}",
        {name: lambda s: s[f"W{k}"].T @ s[f"dA{k}"]},
    )
    yield Slip(
        "A for dZ",
        name,
        f"{name} takes dZ{k}, not A{k}",
        f"{name} = W{k}.T @ A{k}",
        {name: lambda s: s[f"W{k}"].T @ s[f"A{k}"]},
    )
    yield Slip("sign", name, f"{name} has the wrong sign", f"{name} = -W{k}.T @ dZ{k}", {name: -1})


def _by_a(g: str, A: Measured) -> Measured:
    """The formula of g' in a, of anything."""
    return 1 - A**2 if g == "tanh" else A * (1 - A)


def _predictions(A: Measured) -> Measured:
    value = (A.value > 0.5).astype(np.float64)
    return given(value)

"""Slips on the way forward: in Z, A and the cost."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import numpy as np

from chainrule.notes.checker.rounding import Measured, rounded
from chainrule.notes.checker.sheet import Setting, activate, cost, logarithm, losses
from chainrule.notes.checker.slips import Slip, fixed, numpy_line, shown, written

OF_THE_NOTES = ("sigmoid", "tanh", "relu", "leaky_relu", "softmax")


def forward_slips(setting: Setting) -> Iterator[Slip]:
    """Every slip of the way forward, layer by layer, then those of the cost."""
    for l in range(1, setting.L + 1):
        yield from linear(setting, l)
        yield from activation(setting, l)
    yield from of_the_cost(setting)


def linear(setting: Setting, l: int) -> Iterator[Slip]:
    """Z = W A_prev + b."""
    name, W, b, before = f"Z{l}", f"W{l}", f"b{l}", f"A{l - 1}"
    prev, sizes, m = shown(before), setting.sizes, setting.m
    yield Slip("b forgotten", name, f"{name} lacks {b}", f"{name} = {W} @ {prev}", {name: lambda s: s[W] @ s[before]})
    yield Slip(
        "sign",
        name,
        f"{b} is added, not taken away",
        f"{name} = {W} @ {prev} - {b}",
        {name: lambda s: s[W] @ s[before] - s[b]},
    )
    if sizes[l] == sizes[l - 1]:
        yield Slip(
            "transpose",
            name,
            f"{name} takes {W}, not {W}.T",
            f"{name} = {W}.T @ {prev} + {b}",
            {name: lambda s: s[W].T @ s[before] + s[b]},
        )
    if sizes[l] == m:
        yield Slip(
            "broadcasting",
            name,
            f"{b} is ({m},) here, so that it is added along the examples: it is ({m}, 1)",
            f"{name} = {W} @ {prev} + {b}.ravel()",
            {name: lambda s: s[W] @ s[before] + s[b].T},
        )
    if l > 1:
        yield Slip(
            "z for a",
            name,
            f"{name} takes {before}, not Z{l - 1}",
            f"{name} = {W} @ Z{l - 1} + {b}",
            {name: lambda s: s[W] @ s[f"Z{l - 1}"] + s[b]},
        )
    for k in range(l - 1):
        if sizes[k] == sizes[l - 1]:
            other = f"A{k}"
            yield Slip(
                "A of the wrong layer",
                name,
                f"{name} takes {prev}, not {shown(other)} (the shapes are the same)",
                f"{name} = {W} @ {shown(other)} + {b}",
                {name: fixed(lambda s, other: s[W] @ s[other] + s[b], other)},
            )
    for k in range(1, setting.L + 1):
        if k != l and setting.W[k - 1].shape == setting.W[l - 1].shape:
            yield Slip(
                "W of the wrong layer",
                name,
                f"{name} takes {W}, not W{k} (the shapes are the same)",
                f"{name} = W{k} @ {prev} + {b}",
                {name: fixed(lambda s, k: s[f"W{k}"] @ s[before] + s[b], k)},
            )


def activation(setting: Setting, l: int) -> Iterator[Slip]:
    """A = g(Z)."""
    g, name, Z, before = setting.activations[l - 1], f"A{l}", f"Z{l}", f"A{l - 1}"
    if g != "identity":
        yield Slip(
            "activation forgotten",
            name,
            f"{name} lacks its activation: it is {written(g)}({Z})",
            f"{name} = {Z}",
            {name: lambda s: s[Z]},
        )
    for h in OF_THE_NOTES:
        if h != g and (h != "softmax" or setting.sizes[l] > 1):
            yield Slip(
                "another activation",
                name,
                f"{name} is {written(g)}({Z}), not {written(h)}({Z})",
                f"{name} = {h}({Z})",
                {name: fixed(lambda s, h: activate(h, s[Z]), h)},
            )
    if g == "sigmoid":
        yield Slip(
            "sign",
            name,
            "σ(z) = 1 / (1 + e^−z): the exponent has a minus",
            f"{name} = 1 / (1 + np.exp({Z}))",
            {name: lambda s: activate("sigmoid", -s[Z])},
        )
    if g == "softmax":
        yield Slip(
            "sum over the wrong axis",
            name,
            f"{name} sums over the examples, not over the classes: axis=0",
            f"{name} = np.exp({Z}) / np.exp({Z}).sum(axis=1, keepdims=True)",
            {name: lambda s: activate("softmax", s[Z].T).T},
        )
        yield Slip(
            "sum over the wrong axis",
            name,
            f"{name} sums over everything, not over the classes alone: axis=0",
            f"{name} = np.exp({Z}) / np.exp({Z}).sum()",
            {name: lambda s: _softmax_of_all(s[Z])},
        )
        yield Slip(
            "sum forgotten",
            name,
            f"{name} is not divided by its sum over the classes",
            f"{name} = np.exp({Z})",
            {name: lambda s: _exponential(s[Z])},
        )
    if g not in ("identity", "softmax", "log_softmax"):
        yield Slip(
            "x for z",
            name,
            f"{name} takes {Z}, not {shown(before)}",
            f"{name} = {g}({shown(before)})",
            {name: lambda s: activate(g, s[before])},
        )


def of_the_cost(setting: Setting) -> Iterator[Slip]:
    """J = 1/m Σ L."""
    A, m, n_y = f"A{setting.L}", setting.m, len(setting.Y)
    right = numpy_line("J", setting)
    summed = right.removesuffix(" / m")
    cross = setting.cost != "squared_error"
    if cross:
        yield Slip("sign", "J", "J lacks its minus sign", right.replace("= -", "= "), {"J": -1.0})
    yield Slip("1/m missing", "J", f"J is m = {m} times too large: 1/m is missing", summed, {"J": float(m)})
    yield Slip("1/m twice", "J", f"J is m = {m} times too small: 1/m is there twice", f"{right} / m", {"J": 1 / m})
    if n_y > 1:
        says = f"J is the mean over the m = {m} examples, not over all {n_y * m} outputs"
        yield Slip("wrong m", "J", says, f"{summed} / {A}.size", {"J": 1 / n_y})
    n_x = setting.sizes[0]
    yield Slip(
        "wrong m",
        "J",
        f"m is the number of columns, X.shape[1] = {m}; X.shape[0] = {n_x} is n_x",
        f"{summed} / X.shape[0]",
        {"J": m / n_x},
    )
    yield Slip(
        "sum forgotten",
        "J",
        f"J is one number, the mean of the {m} losses",
        summed.replace("np.sum", ""),
        {"J": lambda s: losses(s[A], s["Y"], setting)},
    )
    yield Slip(
        "sum forgotten",
        "J",
        f"J is one number: the {m} losses are divided by m, but not added up",
        right.replace("np.sum", ""),
        {"J": lambda s: losses(s[A], s["Y"], setting) / m},
    )
    if cross:
        for base, code in ((2, "log2"), (10, "log10")):
            says = f"J takes the natural logarithm, np.log, not np.{code}"
            yield Slip("another logarithm", "J", says, right.replace("np.log", f"np.{code}"), {"J": 1 / np.log(base)})
        other = replace(setting, cost="squared_error")
        yield Slip(
            "another cost",
            "J",
            "J is the squared error here, not the cross-entropy",
            numpy_line("J", other),
            {"J": lambda s: cost(s[A], s["Y"], other)},
        )
    else:
        for factor, loss, code in ((2, "(a − y)²", ""), (2 / 3, "1/3 (a − y)²", " / 3"), (0.5, "¼ (a − y)²", " / 4")):
            yield Slip(
                "the factor of the squared error",
                "J",
                f"J takes the loss {loss}: the loss is ½ (a − y)²",
                right.replace(" / 2", code),
                {"J": factor},
            )
    if setting.cost == "binary_cross_entropy":
        u = setting.u
        first = f"-np.sum(Y * np.log({A})) / m"
        yield Slip(
            "half of the loss",
            "J",
            "J lacks its second half, (1 − Y) ln(1 − A)",
            f"J = {first}",
            {"J": lambda s: -(s["Y"] * logarithm(s[A], u)).sum() / m},
        )
        yield Slip(
            "half of the loss",
            "J",
            "J lacks its first half, Y ln A",
            f"J = -np.sum((1 - Y) * np.log(1 - {A})) / m",
            {"J": lambda s: -((1 - s["Y"]) * logarithm(1 - s[A], u)).sum() / m},
        )
        yield Slip(
            "sign",
            "J",
            "the minus of J stands before both halves",
            f"J = {first} + np.sum((1 - Y) * np.log(1 - {A})) / m",
            {"J": lambda s: (-(s["Y"] * logarithm(s[A], u)) + (1 - s["Y"]) * logarithm(1 - s[A], u)).sum() / m},
        )


def _exponential(Z: Measured) -> Measured:
    value = np.exp(Z.value)
    return Z.through(value, value)


def _softmax_of_all(Z: Measured) -> Measured:
    value = np.exp(Z.value - Z.value.max())
    value = value / value.sum()
    return rounded(value, lambda: value**2 * (4 * Z.variance.max() + 1))

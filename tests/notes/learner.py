"""A learner who types a forward and a backward pass line by line, in plain NumPy, and the slips of such a learner.

Nothing here is chainrule's: the lines are text, which NumPy computes.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

SLOPES = {
    "sigmoid": "{A} * (1 - {A})",
    "tanh": "(1 - {A}**2)",
    "relu": "({Z} > 0)",
    "leaky_relu": "np.where({Z} > 0, 1, 0.01)",
    "identity": "np.ones_like({Z})",
}

ACTIVATIONS = {
    "sigmoid": lambda z: 1 / (1 + np.exp(-z)),
    "tanh": np.tanh,
    "relu": lambda z: np.maximum(z, 0),
    "leaky_relu": lambda z: np.where(z > 0, z, 0.01 * z),
    "identity": lambda z: z,
    "softmax": lambda z: np.exp(z - z.max(axis=0)) / np.exp(z - z.max(axis=0)).sum(axis=0),
}

COSTS = {
    "squared_error": ("np.sum((A - Y)**2) / 2 / m", "A - Y"),
    "binary_cross_entropy": ("-np.sum(Y * np.log(A) + (1 - Y) * np.log(1 - A)) / m", "-Y / A + (1 - Y) / (1 - A)"),
    "cross_entropy": ("-np.sum(Y * np.log(A)) / m", "-Y / A"),
}


@dataclass
class Learner:
    """A network, data for it, and the lines that are typed, by name."""

    sizes: tuple[int, ...]
    activations: tuple[str, ...]
    cost: str
    X: np.ndarray
    Y: np.ndarray
    parameters: dict[str, np.ndarray]
    lines: dict[str, str]

    @property
    def L(self):
        return len(self.activations)

    @property
    def m(self):
        return self.X.shape[1]

    def work(self, **instead: str) -> dict[str, np.ndarray]:
        """All that comes out, with some lines typed otherwise."""
        names = {"np": np, "A0": self.X, "Y": self.Y, "m": self.m, **self.parameters, **ACTIVATIONS}
        for name, line in (self.lines | instead).items():
            names[name] = eval(line, names)
        return {name: names[name] for name in self.lines}


def learner(sizes, activations, m=6, cost=None, seed=0, dtype=np.float64, scale=1.0) -> Learner:
    """A learner with random data, who types everything right."""
    random = np.random.default_rng(seed)
    L, n_y = len(activations), sizes[-1]
    last = activations[-1]
    cost = cost or {"softmax": "cross_entropy", "sigmoid": "binary_cross_entropy"}.get(last, "squared_error")
    X = random.standard_normal((sizes[0], m))
    if cost == "cross_entropy":
        Y = np.eye(n_y)[:, random.integers(0, n_y, m)]
    else:
        Y = random.integers(0, 2, (n_y, m)).astype(float) if last == "sigmoid" else random.standard_normal((n_y, m))
    parameters = {}
    for l in range(1, L + 1):
        parameters[f"W{l}"] = scale * random.standard_normal((sizes[l], sizes[l - 1])) / sizes[l - 1] ** 0.5
        parameters[f"b{l}"] = 0.3 * random.standard_normal((sizes[l], 1))
    lines = {}
    for l, g in enumerate(activations, 1):
        lines |= {f"Z{l}": f"W{l} @ A{l - 1} + b{l}", f"A{l}": f"{g}(Z{l})"}
    J, dA = (re.sub(r"\bA\b", f"A{L}", line) for line in COSTS[cost])
    lines |= {"J": J, f"dA{L}": dA}
    for l in range(L, 0, -1):
        if l == L and (last, cost) in {("sigmoid", "binary_cross_entropy"), ("softmax", "cross_entropy")}:
            lines[f"dZ{l}"] = f"A{l} - Y"
        elif activations[l - 1] == "softmax":
            lines[f"dZ{l}"] = f"A{l} * (dA{l} - (dA{l} * A{l}).sum(axis=0))"
        else:
            lines[f"dZ{l}"] = f"dA{l} * {SLOPES[activations[l - 1]].format(A=f'A{l}', Z=f'Z{l}')}"
        lines[f"dW{l}"] = f"dZ{l} @ A{l - 1}.T / m"
        lines[f"db{l}"] = f"dZ{l}.sum(axis=1, keepdims=True) / m"
        lines[f"dA{l - 1}"] = f"W{l}.T @ dZ{l}"
    cast = {name: value.astype(dtype) for name, value in parameters.items()}
    return Learner(tuple(sizes), tuple(activations), cost, X.astype(dtype), Y.astype(dtype), cast, lines)


class Mutation(NamedTuple):
    """A slip at a place: the line that is typed, and what must be said, a regular expression."""

    name: str
    line: str
    word: str


def mutations(who: Learner) -> Iterator[Mutation]:
    """Every slip at every place where it applies."""
    L, n = who.L, who.sizes
    for l, g in enumerate(who.activations, 1):
        A, Z, dA, dZ, dW, db, prev = f"A{l}", f"Z{l}", f"dA{l}", f"dZ{l}", f"dW{l}", f"db{l}", f"A{l - 1}"
        right = who.lines[dZ]
        # the factor 1/m
        yield Mutation(dW, who.lines[dW].removesuffix(" / m"), "1/m is missing")
        yield Mutation(db, who.lines[db].removesuffix(" / m"), "1/m is missing")
        yield Mutation(dW, who.lines[dW] + " / m", "1/m is there twice")
        yield Mutation(db, who.lines[db] + " / m", "1/m is there twice")
        yield Mutation(dW, who.lines[dW].replace("/ m", "/ A0.shape[0]"), r"X.shape\[0\]|1/m is missing")
        # signs
        yield Mutation(dW, "-" + who.lines[dW], "wrong sign")
        yield Mutation(db, "-" + who.lines[db], "wrong sign")
        yield Mutation(dZ, f"-({right})", "wrong sign")
        # transposes, axes, shapes
        yield Mutation(dW, f"{prev} @ {dZ}.T / m", "transposed")
        yield Mutation(db, f"{dZ}.sum(axis=0) / m", "sums over units")
        yield Mutation(db, f"{dZ}.sum(axis=0, keepdims=True) / m", "sums over units")
        if n[l] > 1:
            yield Mutation(db, f"{dZ}.sum(axis=1) / m", rf"\({n[l]},\), the notes' is \({n[l]}, 1\)")
            yield Mutation(db, f"{dZ}.sum() / m", "sums over everything")
        yield Mutation(db, f"{dZ}[:, -1:] / m", "last example only")
        if g != "identity" and right.startswith("dA"):
            yield Mutation(dZ, dA, f"lacks g′\\({Z}\\)")
            yield Mutation(dZ, f"{dA} * {A}", "not by g′|σ′ is")
        if right.startswith("dA"):
            for k, h in enumerate(who.activations, 1):
                if k != l and h in SLOPES and (n[k] == n[l] or 1 in (n[k], n[l])):
                    slope = SLOPES[h].format(A=f"A{k}", Z=f"Z{k}")
                    yield Mutation(dZ, f"{dA} * {slope}", f"takes g′ at {Z}, not at Z{k}")
            for h in ("sigmoid", "tanh"):
                if h != g:
                    slope = SLOPES[h].format(A=A, Z=Z)
                    yield Mutation(
                        dZ, f"{dA} * {slope}", r"takes (g\^\[\d\]′ = )?(σ|tanh|relu|leaky relu|identity)′, not"
                    )
        if g == "tanh":
            yield Mutation(dZ, f"{dA} * (1 - {A})", "tanh′ is 1 − a², not 1 − a")
        if g in ("tanh", "sigmoid") and right.startswith("dA"):
            yield Mutation(dZ, f"{dA} * {SLOPES[g].format(A=Z, Z=Z)}", f"takes {A}, not {Z}")
        if l > 1:
            yield Mutation(dW, f"{dZ} @ Z{l - 1}.T / m", f"takes {prev}, not Z{l - 1}")
            back = f"dA{l - 1}"
            yield Mutation(back, f"W{l}.T @ dZ{l} / m", "has no 1/m")
            if n[l] == n[l - 1]:
                yield Mutation(back, f"W{l} @ dZ{l}", f"takes W{l}.T, not W{l}")
            yield Mutation(back, f"W{l}.T @ {dA}", f"takes dZ{l}, not {dA}")
        # forward
        yield Mutation(Z, f"W{l} @ {prev}", f"lacks b{l}")
        if g != "identity":
            yield Mutation(A, Z, "lacks its activation|is relu|takes")
    A, dZ, dA = f"A{L}", f"dZ{L}", f"dA{L}"
    if who.lines[dZ] == f"{A} - Y":
        yield Mutation(dZ, f"Y - {A}", "all derivatives have the wrong sign")
        yield Mutation(dZ, f"Z{L} - Y", f"takes {A}, not Z{L}")
        yield Mutation(dZ, f"({A} - Y) / m", f"1/m stands in {dZ}|1/m is there twice")
        if who.activations[-1] == "sigmoid":
            yield Mutation(dZ, f"({A} - Y) * {A} * (1 - {A})", "already")
            yield Mutation(dA, f"-Y / {A}", "lacks its second half")
            yield Mutation("J", f"-np.sum(Y * np.log({A})) / m", "lacks its second half")
    if who.cost == "squared_error":
        yield Mutation(dA, f"2 * ({A} - Y)", "the loss is ½")
        yield Mutation("J", f"np.sum(({A} - Y)**2) / m", "the loss is ½")
        yield Mutation("J", f"np.sum(({A} - Y)**2) / 3 / m", "the loss is ½")
    else:
        yield Mutation("J", who.lines["J"].removeprefix("-"), "lacks its minus sign")
    yield Mutation("J", who.lines["J"].removesuffix(" / m"), "1/m is missing")
    yield from _more(who)


def _more(who: Learner) -> Iterator[Mutation]:
    """Slips with what is left out, or taken from beside it."""
    L, n = who.L, who.sizes
    for l, g in enumerate(who.activations, 1):
        A, dA, dZ, prev = f"A{l}", f"dA{l}", f"dZ{l}", f"A{l - 1}"
        yield Mutation(f"dW{l}", f"{A} @ {prev}.T / m", f"takes {dZ}, not {A}")
        if who.lines[dZ].startswith("dA") and g in ("tanh", "sigmoid"):
            if g == "tanh":
                yield Mutation(dZ, f"{dA} * (1 + {A}**2)", r"tanh′ is 1 − a², not 1 \+ a²")
            for k, h in enumerate(who.activations, 1):
                if k != l and h != g and (n[k] == n[l] or 1 in (n[k], n[l])):
                    slope = SLOPES[g].format(A=f"A{k}", Z=f"Z{k}")
                    yield Mutation(dZ, f"{dA} * {slope}", f"takes {A}, not A{k}")
        if l > 1:
            yield Mutation(f"dA{l - 1}", f"W{l}.T @ {A}", f"takes dZ{l}, not {A}")
            if n[l] in (1, n[l - 1]) and who.activations[l - 2] != "softmax":
                slope = SLOPES[who.activations[l - 2]].format(A=prev, Z=f"Z{l - 1}")
                yield Mutation(f"dZ{l - 1}", f"{dZ} * {slope}", f"lacks W{l}.T")
        if l == L and who.lines[dZ] == f"{A} - Y":
            yield Mutation(dZ, A, f"{dZ} lacks − Y")

"""What learners type in place of a line of the notes: every slip, at every place of a network where it can be made."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from chainrule.notes.checker.rounding import Measured
from chainrule.notes.checker.sheet import Line, Setting, Sheet


@dataclass(frozen=True, eq=False)
class Slip:
    """A line that is typed otherwise.

    Attributes:
        kind: what it is called, such as "1/m missing"; the same at every place.
        name: what its line computes, such as "dW2".
        says: a sentence about it.
        typed: the line in NumPy, as it was probably typed.
        lines: what takes the place of the notes' lines; a number is a factor of what stands there.
    """

    kind: str
    name: str
    says: str
    typed: str
    lines: Mapping[str, Line | float]


GREEK = {"sigmoid": "σ", "leaky_relu": "leaky relu"}
"""How the notes write an activation, where it is not its name."""

SLOPES = {
    "sigmoid": ("a (1 − a)", "{a} * (1 - {a})"),
    "tanh": ("1 − a²", "(1 - {a}**2)"),
    "relu": ("[z > 0]", "({z} > 0)"),
    "leaky_relu": ("[z > 0] + 0.01 [z ≤ 0]", "np.where({z} > 0, 1, 0.01)"),
    "identity": ("1", "1"),
}
"""g' of the notes' activations: as a formula, and in NumPy."""


def written(g: str) -> str:
    """An activation as the notes write it."""
    return GREEK.get(g, g)


def slope_in_numpy(g: str, a: str, z: str) -> str:
    """g' in NumPy, of arrays called `a` and `z`."""
    return SLOPES[g][1].format(a=a, z=z) if g in SLOPES else f"{g}_derivative({z})"


def shown(name: str) -> str:
    """A0 is called X."""
    return "X" if name == "A0" else name


def notes_line(name: str, setting: Setting) -> str:
    """The notes' equation for a name."""
    symbol = name.rstrip("0123456789")
    l = int(name.removeprefix(symbol) or 0)
    before = "X" if l == 1 else f"A^[{l - 1}]"
    last, shortcut = l == setting.L, setting.shortcut
    g = setting.activations[l - 1]
    costs = {
        "squared_error": (f"J = 1/m Σ ½ (A^[{setting.L}] − Y)²", f"dA^[{l}] = A^[{l}] − Y"),
        "cross_entropy": (f"J = −1/m Σ Y ln A^[{setting.L}]", f"dA^[{l}] = −Y / A^[{l}]"),
        "binary_cross_entropy": (
            f"J = −1/m Σ (Y ln A^[{setting.L}] + (1 − Y) ln(1 − A^[{setting.L}]))",
            f"dA^[{l}] = −Y / A^[{l}] + (1 − Y) / (1 − A^[{l}])",
        ),
    }
    back = f"W^[{l + 1}]ᵀ dZ^[{l + 1}]"
    return {
        "Z": f"Z^[{l}] = W^[{l}] {before} + b^[{l}]",
        "A": f"A^[{l}] = {written(g)}(Z^[{l}])",
        "J": costs[setting.cost][0],
        "dA": costs[setting.cost][1] if last else f"dA^[{l}] = {back}",
        "dZ": f"dZ^[{l}] = A^[{l}] − Y"
        if last and shortcut
        else f"dZ^[{l}] = A^[{l}] * (dA^[{l}] − Σ_k dA^[{l}]_k A^[{l}]_k)"
        if g == "softmax"
        else f"dZ^[{l}] = {f'dA^[{l}]' if last else back} * g^[{l}]′(Z^[{l}])",
        "dW": f"dW^[{l}] = 1/m dZ^[{l}] {before}ᵀ",
        "db": f"db^[{l}] = 1/m Σ_i dZ^[{l}](i)",
    }[symbol]


def numpy_line(name: str, setting: Setting) -> str:
    """The notes' equation for a name, as it is typed."""
    symbol = name.rstrip("0123456789")
    l = int(name.removeprefix(symbol) or 0)
    g = setting.activations[l - 1]
    last = l == setting.L
    back = f"W{l + 1}.T @ dZ{l + 1}"
    A = f"A{setting.L}"
    costs = {
        "squared_error": (f"np.sum(({A} - Y)**2) / 2 / m", f"{A} - Y"),
        "cross_entropy": (f"-np.sum(Y * np.log({A})) / m", f"-Y / {A}"),
        "binary_cross_entropy": (
            f"-np.sum(Y * np.log({A}) + (1 - Y) * np.log(1 - {A})) / m",
            f"-Y / {A} + (1 - Y) / (1 - {A})",
        ),
    }
    right = {
        "Z": f"W{l} @ {shown(f'A{l - 1}')} + b{l}",
        "A": f"{g}(Z{l})",
        "J": costs[setting.cost][0],
        "dA": costs[setting.cost][1] if last else back,
        "dZ": f"A{l} - Y"
        if last and setting.shortcut
        else f"A{l} * (dA{l} - np.sum(dA{l} * A{l}, axis=0, keepdims=True))"
        if g == "softmax"
        else f"{f'dA{l}' if last else back} * {slope_in_numpy(g, f'A{l}', f'Z{l}')}",
        "dW": f"dZ{l} @ {shown(f'A{l - 1}')}.T / m",
        "db": f"dZ{l}.sum(axis=1, keepdims=True) / m",
    }[symbol]
    return f"{name} = {right}"


def fixed(line: Callable[..., Measured], *values: Any) -> Line:
    """A line of a sheet and of what a loop has just come to."""

    def of_sheet(s: Sheet) -> Measured:
        return line(s, *values)

    return of_sheet

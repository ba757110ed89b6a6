"""A learner's sheet of paper: the lines of a forward and a backward pass, any of which may be typed otherwise."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from chainrule import ops
from chainrule.graph import Variable, backward, variable
from chainrule.notes.checker.rounding import Measured, given, rounded
from chainrule.notes.shapes import Matrix

KINKS = ("relu", "leaky_relu")
"""Activations whose derivative at z = 0 the notes leave open."""

SHORTCUTS = {("sigmoid", "binary_cross_entropy"), ("softmax", "cross_entropy")}
"""The last activations and costs that belong together: dZ^[L] = A^[L] − Y."""


@dataclass(frozen=True, eq=False)
class Setting:
    """What a pass starts from: examples are columns.

    Attributes:
        X: (n_x, m). Y: (n_y, m).
        W: W^[1] … W^[L]. b: b^[1] … b^[L], each (n^[l], 1).
        activations: the name of each layer's g.
        cost: "cross_entropy", "binary_cross_entropy" or "squared_error".
        u: the unit roundoff of the learner's arithmetic.
        right_of_kinks: whether relu's derivative at z = 0 is that of the right side.
    """

    X: Matrix
    Y: Matrix
    W: tuple[Matrix, ...]
    b: tuple[Matrix, ...]
    activations: tuple[str, ...]
    cost: str
    u: float
    right_of_kinks: bool = False

    @property
    def L(self) -> int:
        """The number of layers."""
        return len(self.W)

    @property
    def m(self) -> int:
        """The number of examples."""
        return int(self.X.shape[1])

    @property
    def sizes(self) -> list[int]:
        """n^[0], n^[1], …, n^[L]."""
        return [self.X.shape[0], *(len(W) for W in self.W)]

    @property
    def shortcut(self) -> bool:
        """Whether dZ^[L] = A^[L] − Y."""
        return (self.activations[-1], self.cost) in SHORTCUTS

    @property
    def names(self) -> list[str]:
        """All that a pass computes, in order: Z1, A1, …, AL, J, dAL, dZL, dWL, dbL, …, dW1, db1, dA0."""
        forward = [f"{symbol}{l}" for l in range(1, self.L + 1) for symbol in ("Z", "A")]
        back = [f"{symbol}{l}" for l in range(self.L, 0, -1) for symbol in ("dA", "dZ", "dW", "db")]
        return [*forward, "J", *back, "dA0"]

    def shape(self, name: str) -> tuple[int, ...]:
        """The notes' shape of "dW1", "Z2", "J", …"""
        if name == "J":
            return ()
        symbol, l = split(name)
        if symbol == "W":
            return self.sizes[l], self.sizes[l - 1]
        return self.sizes[l], 1 if symbol == "b" else self.m

    def other_side(self) -> Setting:
        """With relu's derivative at z = 0 that of the other side."""
        return replace(self, right_of_kinks=not self.right_of_kinks)


TINY = 1e-300
"""Below this there is no logarithm and no reciprocal that means something."""

Line = Callable[["Sheet"], Measured]
"""The right side of an equation: computes one name from others."""


class Sheet:
    """Computes names by their lines when they are asked for, each once.

    Attributes:
        setting: what it starts from.
        lines: the equation of every name.
    """

    def __init__(self, setting: Setting, lines: Mapping[str, Line], known: Mapping[str, Measured]):
        self.setting, self.lines, self._known = setting, lines, dict(known)

    def __getitem__(self, name: str) -> Measured:
        found = self._known.get(name)
        if found is None:
            with np.errstate(all="ignore"):
                found = self._known[name] = self.lines[name](self)
        return found

    def typed_otherwise(self, lines: Mapping[str, Line | float]) -> Sheet:
        """A sheet with other lines, a number being a factor of the one that is there; what comes before stays."""
        names = self.setting.names
        first = min(names.index(name) for name in lines)
        later = set(names[first:])
        known = {name: value for name, value in self._known.items() if name not in later}
        changed = {
            name: times(self.lines[name], line) if isinstance(line, int | float) else line
            for name, line in lines.items()
        }
        return Sheet(self.setting, {**self.lines, **changed}, known)


def times(line: Line, factor: float) -> Line:
    """A line whose result is multiplied."""
    return lambda s: line(s) * factor


def right_sheet(setting: Setting) -> Sheet:
    """The notes' lines; their values are those of chainrule's own graph, as far as it has them."""
    known = {"A0": rounded(setting.X), "Y": given(setting.Y)}
    for l, (W, b) in enumerate(zip(setting.W, setting.b, strict=True), 1):
        known |= {f"W{l}": rounded(W), f"b{l}": rounded(b)}
    lines = lines_of(setting)
    by_lines = Sheet(setting, lines, known)
    if not setting.right_of_kinks:
        for name, value in truth(setting).items():
            if name == f"dA{setting.L}" and setting.cost != "squared_error":
                continue  # the graph holds A one rounding step away from 0 and 1, learners do not
            known[name] = Measured(value, fixed_variance(by_lines, name))
    return Sheet(setting, lines, known)


def fixed_variance(sheet: Sheet, name: str) -> Callable[[], NDArray[np.float64]]:
    """The variance of a name on a sheet, once it is asked for."""
    return lambda: sheet[name].variance


def truth(setting: Setting) -> dict[str, NDArray[np.float64]]:
    """Every name's array by the computation graph and its chain rule; of dZ and dA, as the notes have it, m times that.

    dA^[L] is only there where the graph does not take the shortcut.
    """
    A: Variable = variable(setting.X.T, "A0")
    made = {"A0": A}
    for l, g in enumerate(setting.activations, 1):
        W = made[f"W{l}"] = variable(setting.W[l - 1], f"W{l}")
        b = made[f"b{l}"] = variable(setting.b[l - 1][:, 0], f"b{l}")
        made[f"Z{l}"] = Z = ops.linear(A, W, b)
        made[f"A{l}"] = A = Z if g == "identity" else ops.ACTIVATIONS[g](Z)
    J = ops.LOSSES[setting.cost](A, setting.Y.T)
    backward(J)
    found = {name: np.asarray(node.value).T for name, node in made.items() if name[0] in "ZA" and name != "A0"}
    found["J"] = np.asarray(J.value)
    for name, node in made.items():
        if node.grad is not None:
            grad = np.asarray(node.grad)
            of_each = name[0] in "ZA"
            found[f"d{name}"] = setting.m * grad.T if of_each else grad[:, None] if name[0] == "b" else grad
    return found


def lines_of(setting: Setting) -> dict[str, Line]:
    """The notes' lines, forward and backward."""
    lines: dict[str, Line] = {"J": lambda s: cost(s["A" + str(setting.L)], s["Y"], setting)}
    for l in range(1, setting.L + 1):
        lines |= _forward_lines(setting, l) | _backward_lines(setting, l)
    lines[f"dA{setting.L}"] = lambda s: cost_derivative(s[f"A{setting.L}"], s["Y"], setting)
    if setting.shortcut:
        lines[f"dZ{setting.L}"] = lambda s: s[f"A{setting.L}"] - s["Y"]
    return lines


def _forward_lines(setting: Setting, l: int) -> dict[str, Line]:
    return {
        f"Z{l}": lambda s: s[f"W{l}"] @ s[f"A{l - 1}"] + s[f"b{l}"],
        f"A{l}": lambda s: activate(setting.activations[l - 1], s[f"Z{l}"]),
    }


def _backward_lines(setting: Setting, l: int) -> dict[str, Line]:
    m = setting.m
    return {
        f"dZ{l}": lambda s: through_activation(s[f"dA{l}"], s[f"Z{l}"], setting.activations[l - 1], setting),
        f"dW{l}": lambda s: s[f"dZ{l}"] @ s[f"A{l - 1}"].T / m,
        f"db{l}": lambda s: s[f"dZ{l}"].sum(axis=1, keepdims=True) / m,
        f"dA{l - 1}": lambda s: s[f"W{l}"].T @ s[f"dZ{l}"],
    }


def activate(g: str, Z: Measured) -> Measured:
    """A = g(Z); examples are columns."""
    operation = ops.ACTIVATIONS[g]
    if g in ("softmax", "log_softmax"):
        value = np.asarray(operation(Z.value, axis=0))
        slopes = value if g == "softmax" else np.ones_like(value)
        return rounded(value, lambda: slopes**2 * (4 * Z.variance.max(axis=0, keepdims=True) + 1))
    value, back = operation.differentiate(Z.value)
    if g in KINKS:
        return Measured(np.asarray(value), lambda: Z.variance)  # z may be on the other side
    return Z.through(np.asarray(value), np.asarray(back(np.ones_like(Z.value))[0]))


def slope(g: str, Z: Measured, setting: Setting) -> Measured:
    """g'(Z) of an activation that looks at each number by itself.

    Near the kink of relu rounding may fall on either side; where z is 0 exactly, the setting says which side counts.
    """
    _, back = ops.ACTIVATIONS[g].differentiate(Z.value)
    slopes = np.asarray(back(np.ones_like(Z.value))[0], dtype=np.float64)
    if g in KINKS:
        if setting.right_of_kinks:
            slopes = np.where((Z.value == 0) & (Z.variance == 0), 1.0, slopes)

        def variance() -> NDArray[np.float64]:
            near = (np.abs(Z.value) <= Z.deviation(setting.u)) & (Z.variance > 0)
            return np.where(near, 1 / setting.u**2, 0.0)

        return Measured(slopes, variance)
    if g == "identity":
        return given(slopes)
    return rounded(slopes, lambda: Z.variance + 4)  # |g''| is at most 1 or so; and 1 − a² cancels where a is near 1


def through_activation(dA: Measured, Z: Measured, g: str, setting: Setting) -> Measured:
    """dZ = dA * g'(Z), or of a softmax A * (dA − Σ dA A)."""
    if g == "softmax":
        A = activate(g, Z)
        return A * (dA - (dA * A).sum(axis=0, keepdims=True))
    if g == "log_softmax":
        return dA - activate("softmax", Z) * dA.sum(axis=0, keepdims=True)
    return dA * slope(g, Z, setting)


def cost(A: Measured, Y: Measured, setting: Setting) -> Measured:
    """J, the mean of the losses."""
    return losses(A, Y, setting).sum() / setting.m


def losses(A: Measured, Y: Measured, setting: Setting) -> Measured:
    """The loss of each output and example, before they are added up."""
    if setting.cost == "squared_error":
        return 0.5 * (A - Y) ** 2
    of_class = -(Y * logarithm(A, setting.u))
    return of_class - (1 - Y) * logarithm(1 - A, setting.u) if setting.cost == "binary_cross_entropy" else of_class


def cost_derivative(A: Measured, Y: Measured, setting: Setting) -> Measured:
    """dA^[L] of the loss of each example."""
    if setting.cost == "squared_error":
        return A - Y
    of_class = -(Y * reciprocal(A, setting.u))
    return of_class + (1 - Y) * reciprocal(1 - A, setting.u) if setting.cost == "binary_cross_entropy" else of_class


def logarithm(A: Measured, u: float) -> Measured:
    """ln A, with A held above 0; where rounding may make it 0, any error is possible."""
    held = np.maximum(A.value, TINY)
    return rounded(np.log(held), lambda: _where_above_0(A, u, A.variance / held**2))


def reciprocal(A: Measured, u: float) -> Measured:
    """1/A, likewise."""
    held = np.maximum(A.value, TINY)
    return rounded(1 / held, lambda: _where_above_0(A, u, A.variance / held**4))


def _where_above_0(A: Measured, u: float, variance: NDArray[np.float64]) -> NDArray[np.float64]:
    """The variance where A stays above 0 however it is rounded, elsewhere infinity."""
    return np.where(A.value > A.deviation(u), variance, np.inf)


def split(name: str) -> tuple[str, int]:
    """ "dW12" as ("W", 12)."""
    symbol = name.rstrip("0123456789")
    return symbol.removeprefix("d"), int(name.removeprefix(symbol) or 0)

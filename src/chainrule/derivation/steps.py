"""The steps of a computation graph as the notes write them: the values forward, then the chain rule backward."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from chainrule.derivation.algebra import algebra
from chainrule.derivation.naming import named
from chainrule.derivation.spelling import constant, derivative, joined, shown, spelled
from chainrule.derivation.text import unmarked
from chainrule.errors import GraphError
from chainrule.graph import Variable

DIGITS = 6


@dataclass(frozen=True)
class Steps:
    """What was computed, line by line; `str` is the whole page.

    Attributes:
        forward: one line for each operation, in order of evaluation: "u = b · c = 3 · 2 = 6".
        backward: one line for each derivative, first of what is between and then of the leaves:
            "dJ/db = dJ/du · du/db = 3 · 2 = 6".
        algebra: where J is shorter when it is multiplied out and like terms are collected, that:
            "J = (a + b) · (a - b) = a² - b²", and what its derivatives are, "dJ/da = 2 · a = 10".
    """

    forward: tuple[str, ...]
    backward: tuple[str, ...]
    algebra: tuple[str, ...] = ()

    def __str__(self) -> str:
        algebra = ["", "algebra", *self.algebra] if self.algebra else []
        return "\n".join(["forward", *self.forward, "", "backward", *self.backward, *algebra])


def steps(J: Any) -> Steps:
    """The steps of J's computation graph. This runs `J.backward()`, and so sets `grad` on every node.

    Numbers have up to 6 significant digits; an array of more than 4 numbers is shown by its shape. A node that is used
    on several paths gets the sum over them, dJ/dx = dJ/du · du/dx + dJ/dv · dv/dx.

    Args:
        J: a `Variable` that holds one number.

    Raises:
        GraphError: J is no variable, or depends on none; a value is NaN, or a derivative infinite or NaN.
        ShapeError: J is not a scalar.
    """
    if not isinstance(J, Variable):
        raise GraphError(
            f"steps takes a Variable, but was given a {type(J).__name__}: "
            "make the inputs of J with cr.variable(value, name) before computing it."
        )
    names = {node: unmarked(name) for node, name in named(J).items()}
    _check_values(names)
    with np.errstate(all="ignore"):
        J.backward()
        uses = _uses(names)
        _check_finite(J, uses, names)
        between = [node for node in reversed(names) if node.operation is not None and node is not J]
        leaves = [node for node in names if node.operation is None and node is not J]
        forward = [_forward(node, names) for node in names if node.operation is not None]
        backward = [_backward(node, J, uses[node], names) for node in [*between, *leaves]]
    if not forward:  # J is a leaf itself
        forward = [_forward(J, names)]
        backward = [f"{derivative(names[J], names[J])} = 1"]
    return Steps(tuple(forward), tuple(backward), algebra(names, J))


def _forward(node: Variable, names: dict[Variable, str]) -> str:
    """u = b · c = 3 · 2 = 6, or a = 5 of a leaf."""
    result = shown(node.value, DIGITS)
    if node.operation is None:
        return f"{names[node]} = {result}"

    def name(given: Any) -> str:
        return names[given] if isinstance(given, Variable) else constant(given, DIGITS)

    def value(given: Any) -> str:
        return shown(given.value, DIGITS) if isinstance(given, Variable) else constant(given, DIGITS)

    numbers = spelled(node, value)
    return " = ".join([names[node], spelled(node, name), *([numbers] if numbers != result else []), result])


@dataclass(frozen=True)
class _Use:
    """A node that an input went into, and the derivative of that node by the input where both are numbers."""

    user: Variable
    local: float | None


def _uses(nodes: dict[Variable, str]) -> dict[Variable, list[_Use]]:
    """For each node those that use it and pass a derivative back to it, in order of evaluation."""
    uses: dict[Variable, list[_Use]] = {node: [] for node in nodes}
    for user in nodes:
        for given, local in _local_derivatives(user).items():
            uses[given].append(_Use(user, local))
    return uses


def _local_derivatives(user: Variable) -> dict[Variable, float | None]:
    """d(user)/d(input) for each input that has one, or None in its place where one of both is an array.

    An input that comes twice, as in a · a, has the sum.
    """
    found: dict[Variable, float | None] = {}
    handed = () if user.derivatives is None else user.derivatives(np.ones_like(user.value))
    for given, part in zip(user.inputs, handed, strict=False):
        if isinstance(given, Variable) and part is not None:
            numbers = np.ndim(user.value) == np.ndim(given.value) == 0
            before = found.get(given) or 0.0
            found[given] = before + float(part() if callable(part) else part) if numbers else None
    return found


def _check_values(names: dict[Variable, str]) -> None:
    """Say where, on the way forward, the first value is no number: its derivatives may well be some."""
    for node in names:
        if np.any(np.isnan(node.value)):
            raise GraphError(f"{_forward(node, names)}, which is no number: choose other values.")


def _check_finite(J: Variable, uses: dict[Variable, list[_Use]], names: dict[Variable, str]) -> None:
    """Say where, on the way backward, the first derivative comes up that is no number."""
    for node in reversed(names):
        if node.grad is not None and not np.all(np.isfinite(node.grad)):
            where = next((use for use in uses[node] if not np.isfinite(use.local or 0)), uses[node][0])
            found = shown(node.grad, DIGITS) if np.ndim(node.grad) == 0 else "not finite"
            raise GraphError(
                f"the derivative {derivative(names[J], names[node])} is {found}, which comes from "
                f"{_forward(where.user, names)}: choose other values."
            )


def _backward(node: Variable, J: Variable, uses: list[_Use], names: dict[Variable, str]) -> str:
    """dJ/db = dJ/du · du/db = 3 · 2 = 6; the parts over all paths are summed."""
    result = shown(node.grad, DIGITS)
    parts = [derivative(names[J], names[node])]
    terms = " + ".join(_term(use, node, J, names, alone=len(uses) == 1) for use in uses)
    numbers = [_numbers(use, J, first=k == 0) for k, use in enumerate(uses)]
    summed = " + ".join(number for number in numbers if number)
    parts += [terms] if terms not in ("", parts[0]) else []
    parts += [summed] if all(numbers) and summed not in ("", result) else []
    return " = ".join([*parts, result])


def _term(use: _Use, node: Variable, J: Variable, names: dict[Variable, str], *, alone: bool) -> str:
    """dJ/du · du/db, or where J uses b itself, ∂J/∂b beside other terms."""
    if use.user is J:
        return derivative(names[J], names[node], "d" if alone else "∂")
    return f"{derivative(names[J], names[use.user])} · {derivative(names[use.user], names[node])}"


def _numbers(use: _Use, J: Variable, *, first: bool) -> str | None:
    """3 · 2, the numbers of a term; None where there are arrays. A negative number stands bare only at the start."""
    if use.local is None:
        return None
    factors = [] if use.user is J else [shown(use.user.grad, DIGITS)]
    factors.append(shown(use.local, DIGITS))
    return joined("·", factors) if first else joined("·", ["", *factors]).removeprefix(" · ")

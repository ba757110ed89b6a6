"""Numbers and operations as a person writes them: 3 · (-2), sigmoid(z), (3, 4) for the shape of an array."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from chainrule.graph import Operation, Variable

MOST = 4
"""An array of more numbers than this is shown by its shape."""

SIGNS = {"add": "+", "subtract": "-", "multiply": "·", "divide": "/", "power": "**", "matmul": "@"}


def number(value: float, digits: int) -> str:
    """The number with so many significant digits; whole numbers as such, without a point."""
    if value == 0:
        return "0"  # also for -0.0
    if float(value).is_integer() and abs(value) < 10 ** max(digits, 5):
        return str(int(value))
    return f"{float(value):.{digits}g}"


def shown(value: Any, digits: int) -> str:
    """A number, the numbers of a small array, or the shape of a larger one."""
    array = np.asarray(value)
    if array.size > MOST or array.size == 0 or array.dtype.kind not in "fiub":
        return str(array.shape) if array.ndim else str(value)
    return _numbers(array.tolist(), digits)


def _numbers(value: Any, digits: int) -> str:
    if isinstance(value, list):
        return f"[{', '.join(_numbers(item, digits) for item in value)}]"
    return str(value) if isinstance(value, bool) else number(value, digits)


def constant(value: Any, digits: int) -> str:
    """An input that is no variable: a number, or "array (3, 4)"."""
    text = shown(value, digits)
    return f"array {text}" if text.startswith("(") else text


def spelled(node: Variable, word: Callable[[Any], str]) -> str:
    """The operation that made a node, with a word for each of its inputs: "a + u", "leaky_relu(z, slope=0.1)"."""
    assert node.operation is not None
    words = [word(given) for given in node.inputs if given is not None]
    return _signed(node.operation, words) or _called(node, words)


def derivative(J: str, name: str, d: str = "d") -> str:
    """ "dJ/du"; names of several words stand in parentheses."""
    above, below = (f"({text})" if " " in text else text for text in (J, name))
    return f"{d}{above}/{d}{below}"


def joined(sign: str, words: Sequence[str]) -> str:
    """The words with the sign between them, each negative number but the first in parentheses."""
    return f" {sign} ".join([*words[:1], *(f"({word})" if word.startswith("-") else word for word in words[1:])])


def _signed(operation: Operation, words: list[str]) -> str:
    if operation.name == "negative":
        return f"-({words[0]})" if words[0].startswith("-") else f"-{words[0]}"
    if operation.name not in SIGNS:
        return ""
    if operation.name == "power" and words[0].startswith("-"):
        words = [f"({words[0]})", *words[1:]]
    return joined(SIGNS[operation.name], words)


def _called(node: Variable, words: list[str]) -> str:
    assert node.operation is not None
    if len(words) > 5:
        words = [*words[:2], "…", words[-1]]
    options = [f"{name}={_option(value)}" for name, value in node.options.items()]
    return f"{node.operation.name}({', '.join([*words, *options])})"


def _option(value: Any) -> str:
    text = shown(value, 4) if isinstance(value, int | float | np.ndarray) else str(value)
    return text if len(text) <= 24 else f"{text[:23]}…"

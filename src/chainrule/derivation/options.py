"""The values of options, as formulas and remarks have them."""

from __future__ import annotations

from typing import Any

import numpy as np

from chainrule.derivation.formula import Atom, number
from chainrule.derivation.spelling import shown

SAID = {
    "backwards": "The sequence is read from its end.",
    "last": "Only the state after the step that is read last goes on.",
    "causal": "No step looks at those behind it.",
    "key": "",
    "shape": "",
    "keepdims": "",
    "a": "The state to begin with is given.",
    "c": "So is the cell.",
}
"""The remark on an option or input that no formula mentions; empty where shapes or formulas show it already."""

UNBOUNDED = {"low": Atom(r"-\infty"), "high": Atom(r"\infty")}
"""How a bound that is None is written."""


def atom_of(name: str, value: Any) -> Atom | None:
    """An option's value as a piece of a formula; None where formulas have no word for it."""
    if value is None:
        return UNBOUNDED.get(name)
    if isinstance(value, bool) or value is ...:
        return None
    return number(value) if isinstance(value, int | float) else Atom(as_text(value))


def as_text(value: Any) -> str:
    """An option's value in a word: 0.3, (2, 3), [0, 2]; a key of an index as it was typed, :,1:3."""
    if isinstance(value, slice):
        start, stop, step = ("" if part is None else str(part) for part in (value.start, value.stop, value.step))
        return f"{start}:{stop}" + (f":{step}" if step else "")
    if isinstance(value, tuple) and any(isinstance(item, slice | type(...) | np.ndarray | list) for item in value):
        return ",".join(map(as_text, value))
    if value is ...:
        return "…"
    if isinstance(value, list | np.ndarray):
        text = shown(value, 4)
        return f"array of shape {text}" if text.startswith("(") else text
    return f"{value:g}" if isinstance(value, float) else str(value)

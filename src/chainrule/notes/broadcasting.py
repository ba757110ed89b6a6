"""Broadcasting, rule by rule (the notes, "broadcasting")."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from chainrule.checking import whole
from chainrule.errors import OptionError


@dataclass(frozen=True)
class Broadcast:
    """How two shapes meet.

    Attributes:
        a, b: the shapes.
        shape: that of the result, or None where they cannot meet.
        steps: what happens to each axis, in words.
    """

    a: tuple[int, ...]
    b: tuple[int, ...]
    shape: tuple[int, ...] | None
    steps: list[str]

    def __str__(self) -> str:
        ending = f"the result is {self.shape}" if self.shape is not None else "they cannot be broadcast together"
        return "\n".join([f"{self.a} with {self.b}", *(f"  {step}" for step in self.steps), f"  {ending}"])


def broadcast(shape_a: int | Sequence[int], shape_b: int | Sequence[int]) -> Broadcast:
    """Explain which axis is stretched, or why it fails: shapes are compared from the last axis to the first.

    The notes' three examples are broadcast((4, 1), ()), broadcast((2, 3), (1, 3)) and broadcast((2, 3), (2, 1)).

    Raises:
        OptionError: these are no shapes, such as the arrays themselves.
    """
    a, b = _shape(shape_a), _shape(shape_b)
    steps = []
    if len(a) != len(b):
        shorter, called = (a, "the first") if len(a) < len(b) else (b, "the second")
        longest = max(len(a), len(b))
        padded = (1,) * (longest - len(shorter)) + shorter
        steps.append(f"{called} has fewer axes, so {shorter} counts as {padded}: axes of length 1 are put before")
        a_full, b_full = (padded, b) if shorter is a else (a, padded)
    else:
        a_full, b_full = a, b
    result: list[int] | None = []
    for axis in reversed(range(len(a_full))):
        n_a, n_b = a_full[axis], b_full[axis]
        if n_a == n_b:
            steps.append(f"axis {axis}: both have length {n_a}")
        elif n_a == 1 or n_b == 1:
            which = "the first" if n_a == 1 else "the second"
            steps.append(f"axis {axis}: {which} has length 1 and is stretched to {n_b if n_a == 1 else n_a}: copied")
        else:
            steps.append(f"axis {axis}: lengths {n_a} and {n_b} are neither equal nor 1: this fails")
            result = None
            break
        result = [n_b if n_a == 1 else n_a, *(result or [])]
    return Broadcast(a, b, None if result is None else tuple(result), steps)


def _shape(shape: int | Sequence[int]) -> tuple[int, ...]:
    if hasattr(shape, "shape"):
        raise OptionError(f"broadcast takes shapes, but this is an array {shape.shape}: broadcast(a.shape, b.shape).")
    sizes = shape if isinstance(shape, Sequence) else (shape,)
    return tuple(whole("an axis", n, at_least=0) for n in sizes)

"""The shapes of a layer: Z = W A + b for as many units and examples as the sliders say."""

import itertools

from chainrule import notes
from moving.film import Film, Slider, State
from moving.marks import MUTED, grid, picture, text

UNITS, EXAMPLES = range(1, 6), range(1, 7)
CELL, WIDE, HIGH, TOP = 20, 560, 190, 56
FILLS = {"W": "#fbf3df", "A": "#e6eef8", "b": "#fbf3df", "Z": "#fdeee6"}


def film() -> Film:
    states = [_state(*sizes) for sizes in itertools.product(UNITS, UNITS, EXAMPLES)]
    sliders = [
        Slider("n^[l−1]", [str(n) for n in UNITS]),
        Slider("n^[l]", [str(n) for n in UNITS]),
        Slider("m", [str(m) for m in EXAMPLES]),
    ]
    return Film("The shapes of a layer", sliders, states)


def _state(n_before: int, n: int, m: int) -> State:
    shapes = notes.dimensions((n_before, n), m)
    named = {name: shapes[f"{name}{0 if name == 'A' else 1}"] for name in "WAbZ"}
    marks = [text(152, 112, "·", size=24), text(310, 112, "+", size=22), text(392, 112, "=", size=22)]
    for name, x in (("W", 30), ("A", 176), ("b", 342), ("Z", 424)):
        rows, columns = named[name]
        label = {"W": "W^[l]", "A": "A^[l−1]", "b": "b^[l]", "Z": "Z^[l]"}[name]
        marks.append(grid(x, TOP, [[""] * columns] * rows, cell=CELL, fill=FILLS[name]))
        marks.append(text(x, 22, label, anchor="start"))
        marks.append(text(x, 42, str(named[name]), anchor="start", size=13, colour=MUTED))
    says = (
        f"W {named['W']} times A {named['A']}: the inner numbers are both {n_before}, the outer ones remain, "
        f"{named['Z']}. b {named['b']} is stretched to {m} column{'s' * (m > 1)}. "
        f"dW, db, dA and dZ have the shapes of W, b, A and Z."
    )
    return State(picture(WIDE, HIGH, marks), says)

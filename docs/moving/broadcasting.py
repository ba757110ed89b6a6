"""Two arrays meet: as they are, the smaller one stretched, and their sum."""

import numpy as np

from chainrule import notes
from moving.film import Film, Slider, State
from moving.marks import MUTED, ORANGE, PALE, grid, picture, text

EXAMPLES = {
    "a column and a number": (np.array([[1], [2], [3], [4]]), np.array(100)),
    "a matrix and a row": (np.array([[1, 2, 3], [4, 5, 6]]), np.array([[100, 200, 300]])),
    "a matrix and a column": (np.array([[1, 2, 3], [4, 5, 6]]), np.array([[100], [200]])),
    "a column and a vector (4,)": (np.array([[1], [2], [3], [4]]), np.array([10, 20, 30, 40])),
}
STAGES = ("as they are", "stretched", "added")
CELL, WIDE, HIGH = 36, 590, 235


def film() -> Film:
    states = [_state(a, b, stage) for a, b in EXAMPLES.values() for stage in range(3)]
    sliders = [Slider("example", list(EXAMPLES)), Slider("stage", STAGES)]
    return Film("Broadcasting, stage by stage", sliders, states)


def _state(a: np.ndarray, b: np.ndarray, stage: int) -> State:
    told = notes.broadcast(a.shape, b.shape)
    shape = told.shape or ()
    marks = []
    for k, (array, sign) in enumerate(((a, "+"), (b, "="))):
        x = 20 + k * 200
        marks.append(_array(array, shape, x, stretched=stage > 0))
        marks.append(text(x + 2 * CELL, 30, str(array.shape if stage == 0 else shape), colour=MUTED))
        marks.append(text(x + 172, 120, sign if stage == 2 or k == 0 else "", size=20))
    total = np.asarray(a + b)
    if stage == 2:
        marks.append(_array(total, shape, 420, stretched=False))
        marks.append(text(420 + 2 * CELL, 30, str(shape), colour=MUTED))
    says = (f"{told.a} and {told.b}", "; ".join(told.steps) + ".", f"The result is {told.shape}.")[stage]
    return State(picture(WIDE, HIGH, marks), says)


def _array(array: np.ndarray, shape: tuple[int, ...], x: float, *, stretched: bool) -> str:
    """The numbers of an array, copies of them pale; a vector lies as a row."""
    rows = np.atleast_2d(array)
    own = grid(x, 45, [[str(value) for value in row] for row in rows], cell=CELL, fill=PALE)
    if not stretched or rows.shape == shape:
        return f"<g>{own}</g>"
    copied = np.broadcast_to(rows, shape).astype(str)
    copied[: rows.shape[0], : rows.shape[1]] = ""
    pale = grid(x, 45, copied.tolist(), cell=CELL, colour=ORANGE)
    return f"<g>{pale}{own}</g>"

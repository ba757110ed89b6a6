"""A filter slides over a picture: the window, the products, and the cell that they make."""

import numpy as np

from chainrule import notes
from moving.film import Film, Slider, State
from moving.marks import ORANGE, PALE, grid, group, picture, rectangle, text

PICTURE = np.array([[0, 0, 0, 3, 3, 3]] * 4 + [[0, 0, 0, 0, 0, 0]] * 2)
FILTER = np.array([[-1, 0, 1]] * 3)
CELL, WIDE, HIGH = 32, 560, 250


def film() -> Film:
    found = notes.convolve(PICTURE, FILTER)
    rows, columns = found.Z.shape
    states = [_state(found, i, j) for i in range(rows) for j in range(columns)]
    places = [f"row {i}, column {j}" for i in range(rows) for j in range(columns)]
    return Film("A convolution, cell by cell", [Slider("window at", places)], states, steps=True)


def _state(found: notes.convolution.Convolution, i: int, j: int) -> State:
    place = i * found.Z.shape[1] + j
    done = [
        [f"{value:g}" if r * found.Z.shape[1] + c <= place else "" for c, value in enumerate(row)]
        for r, row in enumerate(found.Z)
    ]
    top = 40
    marks = [
        group(
            text(20 + 3 * CELL, 28, "the picture A"),
            text(250 + 1.5 * CELL, 28, "the filter W"),
            text(460, 28, "Z = W ∗ A"),
        ),
        _shaded(20, top, found.A),
        _shaded(250, top, found.W),
        rectangle(20 + j * CELL, top + i * CELL, 3 * CELL, 3 * CELL, edge=ORANGE, wide=3.5),
        *(
            _cell(396 + c * CELL, top + r * CELL, written)
            for r, row in enumerate(done)
            for c, written in enumerate(row)
        ),
        rectangle(396 + j * CELL, top + i * CELL, CELL, CELL, edge=ORANGE, wide=3.5),
    ]
    return State(picture(WIDE, HIGH, marks), " ".join(found.step(i, j).split()))


def _cell(x: float, y: float, written: str) -> str:
    return grid(x, y, [[written]], cell=CELL, fill=PALE if written else "#ffffff")


def _shaded(x: float, y: float, numbers: np.ndarray) -> str:
    """The numbers, blue where they are above 0 and red where they are below."""
    most = np.abs(numbers).max()
    cells = []
    for (i, j), value in np.ndenumerate(numbers):
        pale = 255 - round(110 * abs(float(value)) / most)
        fill = (
            f"rgb({pale},{(pale + 255) // 2},255)"
            if value > 0
            else f"rgb(255,{pale},{pale})"
            if value < 0
            else "#ffffff"
        )
        cells.append(grid(x + j * CELL, y + i * CELL, [[f"{value:g}"]], cell=CELL, fill=fill))
    return group(*cells)

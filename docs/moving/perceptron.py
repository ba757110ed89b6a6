"""The perceptron learns the and of two bits, example by example."""

import numpy as np

from chainrule import notes
from moving.film import Film, Slider, State
from moving.marks import BLUE, INK, MUTED, ORANGE, circle, group, line, picture, text

X = np.array([[0, 0, 1, 1], [0, 1, 0, 1]])
Y = np.array([0, 0, 0, 1])
WIDE, HIGH, UNIT, LEFT, FLOOR = 460, 360, 190, 130, 270


def film() -> Film:
    found = notes.perceptron(X, Y[None], iterations=20)
    w, b = np.zeros(2), 0.0
    states = [
        State(_drawn(w, b, None, wrong=False), "Before the first example: w = (0, 0), b = 0; there is no line yet.")
    ]
    places = ["start"]
    for turn in range(len(found.mistakes)):
        for i in range(4):
            old_w, old_b, wrong = w, b, (turn, i) in found.updates
            if wrong:
                sign = 1 if Y[i] else -1
                w, b = w + sign * X[:, i], b + sign
            places.append(f"pass {turn + 1}, example {i + 1}")
            states.append(State(_drawn(w, b, i, wrong=wrong), _says(i, old_w, old_b, w, b, wrong=wrong)))
    if not (np.array_equal(w, found.w[:, 0]) and b == found.b):
        raise ValueError("the film of the perceptron ends elsewhere than the perceptron does.")
    return Film("The perceptron, example by example", [Slider("step", places)], states, steps=True)


def _says(i: int, old_w: np.ndarray, old_b: float, w: np.ndarray, b: float, *, wrong: bool) -> str:
    z = float(old_w @ X[:, i] + old_b)
    sign = "> 0, so the answer is 1" if z > 0 else "≤ 0, so the answer is 0"
    seen = f"x = ({X[0, i]}, {X[1, i]}), y = {Y[i]}: wᵀx + b = {z:g} {sign}"
    if not wrong:
        return f"{seen}, which is right. Nothing changes."
    rule = "w := w + x, b := b + 1" if Y[i] else "w := w − x, b := b − 1"
    return f"{seen}, which is wrong. {rule}: w = ({w[0]:g}, {w[1]:g}), b = {b:g}."


def _drawn(w: np.ndarray, b: float, seen: int | None, *, wrong: bool) -> str:
    at = lambda x, y: (LEFT + UNIT * x, FLOOR - UNIT * y)
    axes = group(
        line(*at(-0.3, 0), *at(1.5, 0), colour=MUTED, wide=1),
        line(*at(0, -0.3), *at(0, 1.25), colour=MUTED, wide=1),
        text(at(1.5, 0)[0] + 12, FLOOR + 5, "x₁"),
        text(LEFT, at(0, 1.25)[1] - 8, "x₂"),
    )
    boundary = _boundary(w, b)
    edge = line(*at(*boundary[0]), *at(*boundary[1]), wide=2.5) if boundary else "<g/>"
    dots = group(*(circle(*at(x, y), 10, fill=ORANGE if label else BLUE) for x, y, label in zip(*X, Y, strict=True)))
    ring = "<g/>" if seen is None else circle(*at(*X[:, seen]), 17, fill="none", edge=ORANGE if wrong else INK, wide=3)
    told = text(WIDE / 2, HIGH - 14, f"w = ({w[0]:g}, {w[1]:g}),  b = {b:g}")
    legend = group(
        circle(WIDE - 76, 26, 7, fill=ORANGE),
        text(WIDE - 62, 31, "y = 1", anchor="start", size=13),
        circle(WIDE - 76, 48, 7, fill=BLUE),
        text(WIDE - 62, 53, "y = 0", anchor="start", size=13),
    )
    return picture(WIDE, HIGH, [axes, edge, dots, ring, told, legend])


def _boundary(w: np.ndarray, b: float) -> list[tuple[float, float]]:
    """Where w₁ x₁ + w₂ x₂ + b = 0 enters and leaves the picture; empty where it does not."""
    low, high = -0.4, 1.5
    ends = []
    for axis in (0, 1):
        other = 1 - axis
        for value in (low, high):
            if w[other]:
                meets = -(b + w[axis] * value) / w[other]
                if low - 1e-9 <= meets <= high + 1e-9:
                    ends.append((value, meets) if axis == 0 else (meets, value))
    distinct = list(dict.fromkeys((round(x, 6), round(y, 6)) for x, y in ends))
    return distinct[:2] if len(distinct) >= 2 else []

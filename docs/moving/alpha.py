"""Twenty steps of gradient descent on J(w) = (w − 3)², for α from 0.05 to 1.1."""

import numpy as np

from chainrule import notes
from chainrule.charts import TRAINING, VALIDATION, Chart, Line, Panel
from moving.film import Film, Slider, State

RATES = [round(0.05 * k, 2) for k in range(1, 23)]
LOW, HIGH = -4.0, 10.0


def film() -> Film:
    states = [_state(alpha) for alpha in RATES]
    return Film("Gradient descent on a parabola", [Slider("α", [f"{alpha:.2f}" for alpha in RATES])], states)


def _state(alpha: float) -> State:
    path = notes.gradient_descent(lambda w: (w - 3) ** 2, 0.0, alpha, 20)
    w = np.linspace(LOW, HIGH, 71)
    seen = (path.points[:, 0] >= LOW) & (path.points[:, 0] <= HIGH)
    shown = int(np.argmin(seen)) if not seen.all() else len(seen)  # up to the first step out of the picture
    marks = [
        Line(w, (w - 3) ** 2, TRAINING),
        Line(path.points[:shown, 0], path.costs[:shown], VALIDATION, dots=True),
    ]
    panel = Panel("J(w) = (w − 3)²", "w", "J", marks)
    ends = "it diverges" if alpha > 1 else "it never ends" if alpha == 1 else f"w = {path.points[-1, 0]:.4f}"
    says = (
        f"α = {alpha:.2f}: each step multiplies the distance to w = 3 by 1 − 2α = {1 - 2 * alpha:.2f}; "
        f"after 20 steps {ends}, J = {path.costs[-1]:.3g}."
    )
    return State(Chart("", [panel], 520, 340).svg(), says)

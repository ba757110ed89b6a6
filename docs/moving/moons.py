"""Two half-moons: more hidden units, another activation, and what becomes of the boundary and of the network."""

import numpy as np
from sklearn.datasets import make_moons

import chainrule as cr
from chainrule.live.plane import Plane
from moving.film import Film, Slider, State
from moving.marks import picture, text

UNITS, ACTIVATIONS = (1, 2, 3, 4, 8), ("sigmoid", "tanh", "relu")
RATE, EPOCHS = 0.2, 60
WIDE, HIGH = 560, 330
PLANE = Plane((-1.6, -1.1), (2.6, 1.6), fine=57)


def film() -> Film:
    X, y = make_moons(150, noise=0.12, random_state=0)
    shown = PLANE.examples(X, y)
    states = [_state(X.T, y[None], shown, g, units) for g in ACTIVATIONS for units in UNITS]
    sliders = [Slider("activation", ACTIVATIONS), Slider("hidden units", [str(n) for n in UNITS])]
    return Film("The boundary between two half-moons, and the network that draws it", sliders, states)


def _state(X: np.ndarray, Y: np.ndarray, shown: str, activation: str, units: int) -> State:
    net = cr.Network([cr.Dense(units, activation), cr.Dense(1, "sigmoid")], seed=4, input_shape=2, dtype="float64")
    rule = cr.Adam(RATE)
    history = cr.train(
        net, X.T, Y.T, loss="binary_cross_entropy", optimizer=rule, epochs=EPOCHS, batch_size=15, seed=0, progress=False
    )
    right = 100 * np.mean((net.predict(X.T) > 0.5) == Y.T)
    told = (
        f"{units} hidden unit{'s' * (units > 1)} with {activation}: {right:.1f} % right, J = {history['loss'][-1]:.3f}"
    )
    network = cr.draw(net, neurons=True).svg
    marks = [
        PLANE.beliefs(net.predict),
        shown,
        text(165, 20, told.split(": ")[1], size=13),
        beside(network),
    ]
    return State(picture(WIDE, HIGH, marks), told + ".")


def beside(drawing: str) -> str:
    """A drawing of the library, to the right of the plane, as large as it fits."""
    start = drawing.index(">")
    box = drawing[:start].split('viewBox="')[1].split('"')[0]
    inside = drawing[start + 1 : drawing.rindex("</svg>")]
    return f'<svg x="330" y="20" width="225" height="300" viewBox="{box}">{inside}</svg>'

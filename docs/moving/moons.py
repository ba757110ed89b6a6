"""Two half-moons: more hidden units, another activation, and what becomes of the boundary and of the network."""

from collections.abc import Callable

import numpy as np
from contourpy import FillType, contour_generator
from sklearn.datasets import make_moons

import chainrule as cr
from moving.film import Film, Slider, State
from moving.marks import BLUE, INK, ORANGE, group, picture, text

UNITS, ACTIVATIONS = (1, 2, 3, 4, 6, 8), ("sigmoid", "tanh", "relu")
RATE, EPOCHS = 0.2, 60
FINE, WIDE, HIGH = 57, 560, 330
LOW, HIGHEST = np.array([-1.6, -1.1]), np.array([2.6, 1.6])
BANDS = ((0.0, 0.05, "#a9c8d3"), (0.05, 0.5, "#d5e4ea"), (0.5, 0.95, "#f7e0d9"), (0.95, 1.0, "#ecb9a8"))


def film() -> Film:
    X, y = make_moons(150, noise=0.12, random_state=0)
    shown = dots(X.T, y)
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
        plane(lambda places: net.predict(places.T)),
        shown,
        text(165, 20, told.split(": ")[1], size=13),
        beside(network),
    ]
    return State(picture(WIDE, HIGH, marks), told + ".")


def plane(output: Callable[[np.ndarray], np.ndarray]) -> str:
    """The probability of y = 1 over the plane in four bands, and the line where it is ½."""
    x, y = (np.linspace(LOW[k], HIGHEST[k], FINE) for k in (0, 1))
    places = np.stack([axis.ravel() for axis in np.meshgrid(x, y)])
    contours = contour_generator(x, y, output(places).reshape(FINE, FINE), fill_type=FillType.OuterOffset)
    marks = []
    for low, high, colour in BANDS:
        polygons, offsets = contours.filled(low - (low == 0), high + (high == 1))
        rings = [ring for points, cut in zip(polygons, offsets, strict=True) for ring in np.split(points, cut[1:-1])]
        d = "".join(_path(ring) + "Z" for ring in rings)
        marks.append(f'<path d="{d}" fill="{colour}" fill-rule="evenodd"/>')
    half = "".join(_path(piece, 1) for piece in contours.lines(0.5))
    return group(*marks, f'<path d="{half}" fill="none" stroke="{INK}" stroke-width="2"/>')


def _at(points: np.ndarray) -> np.ndarray:
    """(k, 2), places in the picture."""
    share = (points - LOW) / (HIGHEST - LOW)
    return np.stack([10 + 310 * share[:, 0], 310 - 280 * share[:, 1]], axis=1)


def _path(points: np.ndarray, decimals: int = 0) -> str:
    return "M" + "L".join(f"{x:.{decimals}f} {y:.{decimals}f}" for x, y in _at(points))


def dots(X: np.ndarray, y: np.ndarray) -> str:
    marks = []
    for label, colour in ((0, BLUE), (1, ORANGE)):
        d = "".join(f"M{x:.0f} {y:.0f}h0" for x, y in _at(X[:, y == label].T))
        marks.append(f'<path d="{d}" stroke="{colour}" stroke-width="6" stroke-linecap="round"/>')
    return group(*marks)


def beside(drawing: str) -> str:
    """A drawing of the library, to the right of the plane, as large as it fits."""
    start = drawing.index(">")
    box = drawing[:start].split('viewBox="')[1].split('"')[0]
    inside = drawing[start + 1 : drawing.rindex("</svg>")]
    return f'<svg x="330" y="20" width="225" height="300" viewBox="{box}">{inside}</svg>'

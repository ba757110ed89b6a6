"""What a gradient costs: backwards at once, or number by number (Linnainmaa, 1970; Werbos, 1974)."""

from __future__ import annotations

import itertools
import time
from collections.abc import Callable, Iterable

import numpy as np
from numpy.typing import NDArray

from chainrule.charts import COLOURS, Chart, Line, Mark, Panel
from chainrule.papers.experiment import as_seeds, experiment
from chainrule.papers.result import NONE, Paper, Result, Row, drawn, spread

Matrix = NDArray[np.float64]
Parameters = dict[str, Matrix]
Way = Callable[[Matrix, Matrix, Parameters], Parameters]

Ratios = dict[str, dict[int, list[float]]]
"""The cost of the gradient over that of J: by way, by the number of parameters, for each seed."""

WIDTHS = (2, 4, 8, 16, 32, 64, 128, 256)


@experiment(slow_up_to=0)
def run(seeds: int | Iterable[int] = range(10), *, widths: Iterable[int] = WIDTHS, slow_up_to: int = 700) -> Result:
    """Measure the gradient of J with respect to all parameters against J itself, in seconds of a processor.

    The network is h-h-h-1, tanh and a sigmoid at its end, with 256 examples. J is one pass forward; the gradient is
    found by a pass forward and one backward, by a pass forward for each parameter, and by two for each (differences).

    Args:
        seeds: of the parameters and the examples; each is measured by itself.
        widths: h. slow_up_to: the most parameters of which the gradient is found in the two slow ways, too.
    """
    from threadpoolctl import threadpool_limits

    seeds, widths = as_seeds(seeds), tuple(widths)
    sizes = {h: sum(n_out * (n_in + 1) for n_in, n_out in itertools.pairwise((h, h, h, 1))) for h in widths}
    ratios: Ratios = {way: {} for way in WAYS}
    with threadpool_limits(1):
        for h, seed in itertools.product(widths, seeds):
            X, Y, parameters = problem(drawn(PAPER.name, seed, h), h)
            one = seconds(J, X, Y, parameters)
            for way, gradient in WAYS.items() if sizes[h] <= slow_up_to else [("backwards", backwards)]:
                ratio = seconds(gradient, X, Y, parameters) / one
                ratios[way].setdefault(sizes[h], []).append(ratio)
    numbers = {f"{way}, {size:,} parameters": of for way, by_size in ratios.items() for size, of in by_size.items()}
    return Result(PAPER, seeds, numbers, _rows(ratios), _figure(ratios))


def problem(random: np.random.Generator, h: int, m: int = 256) -> tuple[Matrix, Matrix, Parameters]:
    """X (h, m), Y (1, m) and the parameters W1, b1, … b3 of h-h-h-1."""
    parameters = {}
    for l, (n_in, n_out) in enumerate(itertools.pairwise((h, h, h, 1)), 1):
        parameters[f"W{l}"] = random.standard_normal((n_out, n_in)) / n_in**0.5
        parameters[f"b{l}"] = np.zeros((n_out, 1))
    return random.standard_normal((h, m)), random.integers(0, 2, (1, m)).astype(np.float64), parameters


def forward(X: Matrix, p: Parameters) -> list[Matrix]:
    """A^[0] to A^[3]: A = tanh(W A_prev + b), and a sigmoid at the end."""
    A1 = np.tanh(p["W1"] @ X + p["b1"])
    A2 = np.tanh(p["W2"] @ A1 + p["b2"])
    return [X, A1, A2, 1 / (1 + np.exp(-(p["W3"] @ A2 + p["b3"])))]


def J(X: Matrix, Y: Matrix, p: Parameters) -> float:
    """J = −1/m Σ (Y ln A + (1 − Y) ln(1 − A)), one pass forward."""
    A = forward(X, p)[-1]
    return -float((Y * np.log(A) + (1 - Y) * np.log(1 - A)).mean())


def backwards(X: Matrix, Y: Matrix, p: Parameters) -> Parameters:
    """Reverse mode: dZ = A − Y at the end, dW = 1/m dZ A_prevᵀ, and the next dZ = Wᵀ dZ · (1 − A_prev²)."""
    A, m, found = forward(X, p), X.shape[1], {}
    dZ = A[3] - Y
    for l in (3, 2, 1):
        found[f"W{l}"], found[f"b{l}"] = dZ @ A[l - 1].T / m, dZ.sum(axis=1, keepdims=True) / m
        if l > 1:
            dZ = p[f"W{l}"].T @ dZ * (1 - A[l - 1] ** 2)
    return found


def forwards(X: Matrix, Y: Matrix, p: Parameters) -> Parameters:
    """Forward mode, a pass for each number θ: Ż = Ẇ A_prev + W Ȧ_prev + ḃ, Ȧ = (1 − A²) Ż, J̇ = 1/m Σ (A − Y) Ż.

    A dot is the derivative with respect to θ, so that Ẇ or ḃ is 1 at its place, and 0 elsewhere.
    """

    def along(name: str, place: tuple[int, ...]) -> float:
        l_of_θ, A, A_dot = int(name[1]), X, None
        for l in (1, 2, 3):
            W, Z_dot = p[f"W{l}"], None
            if A_dot is not None:
                Z_dot = W @ A_dot
            elif l == l_of_θ:
                Z_dot = np.zeros((len(W), X.shape[1]))
                Z_dot[place[0]] = A[place[1]] if name[0] == "W" else 1
            Z = W @ A + p[f"b{l}"]
            A = np.tanh(Z) if l < 3 else 1 / (1 + np.exp(-Z))
            A_dot = None if Z_dot is None else (1 - A**2) * Z_dot
        assert Z_dot is not None
        return float(((A - Y) * Z_dot).mean())

    return _each(p, along)


def differences(X: Matrix, Y: Matrix, p: Parameters) -> Parameters:
    """(J(θ + ε) − J(θ − ε)) / 2ε, two passes for each number θ."""

    def nudged(name: str, place: tuple[int, ...], epsilon: float = 1e-5) -> float:
        values, kept, costs = p[name], p[name][place], []
        for values[place] in (kept + epsilon, kept - epsilon):
            costs.append(J(X, Y, p))
        values[place] = kept
        return (costs[0] - costs[1]) / (2 * epsilon)

    return _each(p, nudged)


WAYS: dict[str, Way] = {"by differences": differences, "forwards": forwards, "backwards": backwards}


def _each(p: Parameters, derivative: Callable[[str, tuple[int, ...]], float]) -> Parameters:
    found = {name: np.zeros_like(values) for name, values in p.items()}
    for name, values in found.items():
        for place in np.ndindex(values.shape):
            values[place] = derivative(name, place)
    return found


def seconds(function: Callable[..., object], *given: object, at_least: float = 0.001) -> float:
    """Of a processor, for one call: the least of three measurements, or the one of a call that takes long."""

    def measured(times: int) -> float:
        began = time.process_time()
        for _ in range(times):
            function(*given)
        return time.process_time() - began

    times = 1
    while (taken := measured(times)) < at_least:
        times *= 2
    return (taken if taken > 10 * at_least else min(measured(times) for _ in range(3))) / times


def _rows(ratios: Ratios) -> list[Row]:
    sizes = [*ratios["backwards"]]
    everywhere = [ratio for of in ratios["backwards"].values() for ratio in of]
    why = "Counted in products of numbers it is 3 at most: a backward pass has twice those of a forward one."
    told = f"gradient / J, {sizes[0]:,} to {sizes[-1]:,} parameters"
    slow = [(way, max(ratios[way])) for way in ("forwards", "by differences") if ratios[way]]
    return [
        Row(told, "often within 5", spread(everywhere), why, "checked"),
        *(Row(f"the same {way}, {size:,} parameters", NONE, spread(ratios[way][size])) for way, size in slow),
    ]


def _figure(ratios: Ratios) -> Chart:
    lines: list[Mark] = []
    for (way, by_size), colour in zip(ratios.items(), COLOURS, strict=False):
        middle = [float(np.log10(np.median(of))) for of in by_size.values()]
        lines.append(Line([float(np.log10(size)) for size in by_size], middle, colour, way, dots=True))
    x, y = ([(float(power), f"{10**power:,}") for power in powers] for powers in ((2, 3, 4, 5), (0, 1, 2, 3)))
    panel = Panel("what a gradient costs", "parameters", "times the cost of J", lines, ticks=x, y_ticks=y)
    return Chart("backwards, by forward mode, and by differences", [panel], width=560, height=340)


PAPER = Paper(
    "linnainmaa1970",
    1970,
    "Linnainmaa",
    "The representation of the cumulative rounding error of an algorithm as a Taylor expansion of the local errors",
    "Master's thesis, University of Helsinki (in Finnish); in English in BIT 16 (1976), 146–160",
    run,
    (
        "Werbos (1974), Beyond regression. PhD thesis, Harvard University.",
        "Griewank & Walther (2008), Evaluating derivatives. SIAM: the gradient costs no more than five times J, or so.",
    ),
)

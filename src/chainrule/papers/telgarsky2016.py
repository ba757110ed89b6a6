"""Why deep: one layer can do everything, and pays for it (Cybenko, 1989; Håstad, 1986; Telgarsky, 2016)."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import numpy as np
from numpy.typing import NDArray

from chainrule import Adam, Dense, Network, notes
from chainrule.charts import COLOURS, MARK, Chart, Line, Mark, Panel, Points
from chainrule.initializers import Random
from chainrule.papers.experiment import as_seeds, experiment
from chainrule.papers.result import NONE, Paper, Result, Row, drawn, spread
from chainrule.papers.trainings import alone, quietly

Matrix = NDArray[np.float64]

FINE = 1025
"""So many places from 0 to 1 are looked at for the largest error."""

SMOOTH, JAGGED = (4, 16), (16, 64)
"""How many sigmoids come close to a sine, and to a sawtooth of 64 pieces."""


@experiment()
def run(
    seeds: int | Iterable[int] = range(10),
    *,
    k: int = 4,
    widths: tuple[int, ...] = (4, 8, 16, 64),
    deep: int = 8,
    epochs: int = 1000,
    built: int = 10,
) -> Result:
    """Tell 2ᵏ points apart that are 0 and 1 by turns: by a network that is built, and by some that are trained.

    Built is the sawtooth s ∘ … ∘ s, two relu units in each of k layers, and the same by one layer of 2ᵏ
    (`notes.sawtooth`). Trained are one hidden layer of relu for each width, and k layers, by Adam on all 2ᵏ points.
    Beside that, how close a layer of sigmoids with random W^[1] and b^[1] comes to a sine and to a sawtooth of 64
    pieces, W^[2] by least squares: what Cybenko says is enough.

    Args:
        seeds: of the starts, and of the sigmoids.
        k: of the points that are trained on. built: k of the sawtooth that is built.
        widths: of one hidden layer. deep: the width of k layers. epochs: updates of each network.

    Returns:
        `numbers`, for each seed "shallow 4", … and "deep 8", the part of the points that is wrong after training; and
        "sine 4", … "sawtooth 64", the largest error of so many sigmoids.
    """
    seeds = as_seeds(seeds)
    numbers = {f"shallow {n}": [_wrong(k, (n,), seed, epochs) for seed in seeds] for n in widths}
    numbers[f"deep {deep}"] = [_wrong(k, (deep,) * k, seed, epochs) for seed in seeds]
    x = np.linspace(0, 1, FINE)
    with alone():
        for name, y, counts in (("sine", np.sin(2 * np.pi * x), SMOOTH), ("sawtooth", height(x, 6), JAGGED)):
            numbers |= {f"{name} {n}": [_largest_error(x, y, n, seed) for seed in seeds] for n in counts}
    units = [_units_that_do(built, is_deep) for is_deep in (True, False)]
    return Result(
        PAPER, seeds, numbers, _rows(numbers, k, widths, deep, built, units), _figure(numbers, k, widths, deep)
    )


def height(x: Matrix, k: int, *, is_deep: bool = True) -> Matrix:
    """(m,) the sawtooth of 2ᵏ pieces at x (m,), by a network."""
    parameters = notes.sawtooth(k, deep=is_deep)
    activations = ["relu"] * (len(parameters) // 2 - 1) + ["identity"]
    A, _ = notes.forward(x[None, :], parameters, activations)
    return np.asarray(A[0])


def points(k: int) -> tuple[Matrix, Matrix]:
    """x (2ᵏ,), 0, 1/2ᵏ, 2/2ᵏ, …, and y (2ᵏ,), 0 and 1 by turns."""
    i = np.arange(2**k)
    return i / 2**k, (i % 2).astype(np.float64)


def at_least_wrong(units: int, k: int) -> float:
    """Which part of the 2ᵏ points is wrong by one layer of so many relu units, whatever its numbers.

    It is straight but for a bend a unit, so it crosses ½ at most units + 1 times, and has at most units + 2 stretches
    on one side of it; in a stretch of r points at least (r − 1)/2 are wrong.
    """
    return float(max(0.0, 0.5 - (units + 2) / 2 ** (k + 1)))


def _units_that_do(k: int, is_deep: bool) -> int:
    """The units of the sawtooth that is built, which gets every point exactly; else an AssertionError."""
    x, y = points(k)
    assert (height(x, k, is_deep=is_deep) == y).all()
    return sum(len(b) for name, b in notes.sawtooth(k, deep=is_deep).items() if name[0] == "b") - 1


def _wrong(k: int, hidden: tuple[int, ...], seed: int, epochs: int) -> float:
    x, y = points(k)
    X = 2 * x[:, None] - 1
    net = Network([*(Dense(n, "relu") for n in hidden), Dense(1, "sigmoid")], seed=seed)
    quietly(
        net,
        X,
        y,
        loss="binary_cross_entropy",
        optimizer=Adam(0.05),
        epochs=epochs,
        batch_size=None,
        seed=seed,
    )
    return float(((net.predict(X, threads=1)[:, 0] > 0.5) != y).mean())


def _largest_error(x: Matrix, y: Matrix, n: int, seed: int) -> float:
    """max |Σ w_j σ(W_j (x − c_j)) + b − y|, W from N(0, 20²), c from 0 to 1, and w and b by least squares."""
    net = Network([Dense(n, "sigmoid", initializer=Random(20.0))], seed=seed, dtype="float64", input_shape=1)
    W = net.parameters["W1"][:, 0]
    net.set_parameters({"b1": -W * drawn("telgarsky2016", seed).uniform(size=n)})
    A = np.column_stack([net.predict(x[:, None], threads=1), np.ones(len(x))])
    return float(np.abs(A @ np.linalg.lstsq(A, y, rcond=None)[0] - y).max())


def _rows(
    numbers: dict[str, list[float]], k: int, widths: tuple[int, ...], deep: int, built: int, units: Sequence[int]
) -> list[Row]:
    def told(names: Iterable[str], percent: bool) -> str:
        return " | ".join(spread(numbers[name], percent=percent) for name in names)

    missed = any(min(numbers[f"shallow {n}"]) > 0 for n in widths if n >= 2**k)
    least = " | ".join(f"{100 * at_least_wrong(n, k):.3g}%" for n in widths)
    return [
        Row(
            f"units for {2**built:,} points, 0 and 1 by turns: deep | one layer",
            f"2 in each of {2 * built} layers | exponentially many",
            f"{units[0]:,} | {units[1]:,}",
            f"Built, and every point checked; one layer needs {2**built - 2:,} at least; half the paper's layers, as "
            "the factors at the end of s are put into the next W.",
            "checked",
        ),
        Row(
            f"points of {2**k} that are wrong, one trained layer of {' | '.join(map(str, widths))} relu units",
            f"at least {least}",
            told((f"shallow {n}" for n in widths), True),
            "The bound is for one layer, by the paper's argument"
            + ("; the weights that reach 0% exist where there are units enough, and are not found." if missed else "."),
        ),
        Row(
            f"the same, {k} trained layers of {deep}",
            "0% is possible with 2",
            told([f"deep {deep}"], True),
            "That a small deep network exists does not say that training finds it: nor does the paper."
            if np.median(numbers[f"deep {deep}"]) > 0
            else "",
            "checked",
        ),
        Row(
            f"largest error to sin 2πx of {' | '.join(map(str, SMOOTH))} sigmoids in one layer",
            "Cybenko: any error above 0, by enough",
            told((f"sine {n}" for n in SMOOTH), False),
            "Only the outer weights are fitted, the others are random.",
            "secondary",
        ),
        Row(
            f"largest error to a sawtooth of 64 pieces of {' | '.join(map(str, JAGGED))} sigmoids",
            NONE,
            told((f"sawtooth {n}" for n in JAGGED), False),
            "The constant ½ has the largest error ½: one layer is enough, and how many units are, is another matter.",
        ),
    ]


def _figure(numbers: dict[str, list[float]], k: int, widths: tuple[int, ...], deep: int) -> Chart:
    x = np.linspace(0, 1, FINE)
    teeth: list[Mark] = [
        Line(x, height(x, layers), colour, label=f"{2 * layers} units in {layers}", thin=layers == 1)
        for layers, colour in zip((1, 2, 4), COLOURS[2::-1], strict=True)
    ]
    every = range(1, max(widths) + 1)
    wrong: list[Mark] = [Line(every, [100 * at_least_wrong(n, k) for n in every], MARK, label="least")]
    for name, colour, counts in (("shallow", COLOURS[0], widths), ("deep", COLOURS[1], (deep,))):
        layers = 1 if name == "shallow" else k
        many = [layers * n for n in counts for _ in numbers[f"{name} {n}"]]
        found = [100 * error for n in counts for error in numbers[f"{name} {n}"]]
        wrong.append(Points(many, found, colour, label="one layer" if layers == 1 else f"{k} layers"))
    wrong.append(Line([2 * k], [0.0], COLOURS[2], label=f"{k}, built"))
    return Chart(
        "The sawtooth by layers, and which part of its points is wrong by units",
        [
            Panel("Two units in a layer double the teeth", "x", "output", teeth),
            Panel(f"{2**k} points, 0 and 1 by turns", "hidden units", "wrong, %", wrong, whole=True),
        ],
    )


PAPER = Paper(
    "telgarsky2016",
    2016,
    "Telgarsky",
    "Benefits of depth in neural networks",
    "COLT 2016, PMLR 49: 1517–1539",
    run,
    (
        "Telgarsky (2015), Representation benefits of deep feedforward networks, arXiv:1509.08101",
        "Cybenko (1989), Approximation by superpositions of a sigmoidal function, "
        "Mathematics of Control, Signals and Systems 2: 303–314",
        "Håstad (1986), Almost optimal lower bounds for small depth circuits, STOC: 6–20",
    ),
)

"""Symmetry and XOR, learned by hidden units (Rumelhart, Hinton & Williams, 1986)."""

from __future__ import annotations

import itertools
from collections.abc import Iterable

import numpy as np
from numpy.typing import NDArray

from chainrule import Activation, Dense, GradientDescent, Layer, Network, Residual, Run
from chainrule.charts import TRAINING, VALIDATION, Chart, Line, Mark, Panel, Squares
from chainrule.papers.experiment import as_seeds, experiment
from chainrule.papers.result import NONE, Paper, Result, Row, drawn, spread
from chainrule.papers.trainings import quietly

Matrix = NDArray[np.float64]

TOGETHER = 10
"""So many sweeps are an epoch of the library, which looks whether all is learned after each epoch."""


@experiment()
def run(seeds: int | Iterable[int] = range(40), *, sweeps: int = 3000) -> Result:
    """Train 6-2-1 on the 64 patterns of six bits, 1 where they read the same backwards; and two networks on XOR.

    E = Σ ½ (a − y)²; after each sweep over all patterns W ← W + ΔW with ΔW ← −ε dE/dW + α ΔW. Units are sigmoids; all
    weights and biases start uniformly within ±0.3. Symmetry: ε = 0.1, α = 0.9 (the paper's figure 1). XOR: ε = 0.5,
    α = 0.9, by one hidden unit beside direct connections, and by two without (PDP, volume 1, chapter 8).

    Args:
        seeds: of the starts. sweeps: after how many a run ends that has not learned.
    """
    seeds = as_seeds(seeds)
    X, Y = patterns(6)
    symmetry = [_learned(two_hidden(), X, Y, 0.1, sweeps, (seed, 6)) for seed in seeds]
    X, Y = patterns(2)
    one = [_learned(one_hidden(), X, 1 - Y, 0.5, sweeps, (seed, 1)) for seed in seeds]
    two = [_learned(two_hidden(), X, 1 - Y, 0.5, sweeps, (seed, 2)) for seed in seeds]
    solved = [weights(net) for net, _, learned in symmetry if learned]
    numbers = {
        "sweeps until symmetry is learned": _sweeps(symmetry),
        "sweeps until XOR is learned, 1 hidden unit and direct connections": _sweeps(one),
        "sweeps until XOR is learned, 2 hidden units": _sweeps(two),
        "middle weight of 6-2-1, the smallest is 1": [float(sizes[:, 1].mean()) for sizes in solved],
        "largest weight of 6-2-1, the smallest is 1": [float(sizes[:, 2].mean()) for sizes in solved],
    }
    last = [costs[-1] for _, costs, learned in symmetry if not learned]
    solvers = tuple(seed for seed, (_, _, learned) in zip(seeds, symmetry, strict=True) if learned)
    seeds_of = {name: solvers for name in numbers if "weight" in name}
    return Result(PAPER, seeds, numbers, _rows(numbers, solved, sweeps, last), _figure(symmetry), seeds_of)


def patterns(n: int) -> tuple[Matrix, Matrix]:
    """All 2ⁿ patterns of n bits, X (2ⁿ, n), and whether each reads the same backwards, Y (2ⁿ, 1): of n = 2 not XOR."""
    X = np.array(list(itertools.product((0.0, 1.0), repeat=n)))
    return X, (X[:, ::-1] == X).all(axis=1, keepdims=True).astype(np.float64)


def two_hidden() -> list[Layer]:
    return [Dense(2, "sigmoid"), Dense(1, "sigmoid")]


def one_hidden() -> list[Layer]:
    """A = σ(U X + V σ(W X + b) + c): the inputs go to the output directly, too."""
    return [Residual([Dense(1, "sigmoid"), Dense(1)], shortcut=Dense(1, bias=False)), Activation("sigmoid")]


def weights(net: Network) -> Matrix:
    """(2, 3): of each hidden unit of 6-2-1 the sizes of its three pairs of weights, in order, the smallest as 1."""
    W = net.parameters["W1"]
    sizes = np.sort((np.abs(W[:, :3]) + np.abs(W[:, :2:-1])) / 2, axis=1)
    return np.asarray(sizes / sizes[:, :1])


Learned = tuple[Network, list[float], bool]
"""What was trained, E over each ten sweeps, and whether it gets every pattern right."""


def _learned(
    layers: list[Layer], X: Matrix, Y: Matrix, epsilon: float, sweeps: int, drawn_by: tuple[int, int]
) -> Learned:
    """Train until no answer can be on the wrong side of ½, as E < ½ (½)² says, or the sweeps run out.

    Args:
        layers: from X (m, n) to A (m, 1). Y: (m, 1), E = Σ ½ (a − y)² over all m patterns. epsilon: ε, of E.
        drawn_by: the seed, and which network it is, from which the start follows.
    """
    net = Network(layers, dtype="float64", input_shape=X.shape[1])
    net.flat[:] = drawn(PAPER.name, *drawn_by).uniform(-0.3, 0.3, len(net.flat))
    m = len(X)

    def stop_when_right(run: Run) -> None:
        if run.history.epochs[-1]["loss"] * m < 1 / 8:
            run.stop("learned")

    done = quietly(
        net,
        np.tile(X, (TOGETHER, 1)),
        np.tile(Y, (TOGETHER, 1)),
        batch_size=m,  # a sweep is a batch
        epochs=-(-sweeps // TOGETHER),
        shuffle=False,
        loss="squared_error",  # E / m
        optimizer=GradientDescent(epsilon * m, momentum=0.9),
        callbacks=stop_when_right,
        seed=0,
    )
    return net, [m * epoch["loss"] for epoch in done.epochs], done.stopped == "learned"


def _sweeps(runs: list[Learned]) -> list[float]:
    """How many sweeps each took; NaN of one that did not get there."""
    return [float(TOGETHER * len(costs)) if learned else float("nan") for _, costs, learned in runs]


def _rows(numbers: dict[str, list[float]], solved: list[Matrix], sweeps: int, last: list[float]) -> list[Row]:
    """The table; `last` are the costs E at which those ended that did not learn symmetry."""
    symmetry, one, two, *_ = numbers.values()
    ours, others = ([sizes for sizes in solved if _as_in_paper(sizes) is kind] for kind in (True, False))
    why = f"{len(others)} found {_ratio(others)}, near 2 : 3 : 4, which tells all halves apart, too." if others else ""
    no = "The others are where every answer is no, which is right for 56 of the 64 patterns: E = "
    plateau = f"{no}{np.median(last):.2g}." if last and min(last) > 3 else ""
    stop = "One run there, and the start decides. We count until E < 1/8; when the paper stopped is not told."
    learned, stuck = len(solved), [int(np.isnan(one).sum()), int(np.isnan(two).sum())]
    ratio = f"{_ratio(ours)} in {len(ours)} of {learned}"
    return [
        Row("sizes of a hidden unit's weights", "1 : 2 : 4", ratio, why, "checked"),
        Row("starts that learn symmetry", "1 shown", f"{learned} of {len(symmetry)} in {sweeps:,} sweeps", plateau),
        Row("sweeps of those that learn it", "1,425", spread(symmetry), stop, "checked"),
        Row("sweeps for XOR, 1 hidden unit", "558", spread(one), "One run there; its start is not told.", "secondary"),
        Row("starts that do not learn it", NONE, f"{stuck[0]} of {len(one)}"),
        Row("starts that do not learn XOR, 2 hidden", "2 of hundreds", f"{stuck[1]} of {len(two)}", "", "secondary"),
    ]


def _as_in_paper(sizes: Matrix) -> bool:
    """Whether the middle one of three sizes is near twice the smallest."""
    return bool(abs(sizes[:, 1].mean() - 2) < 0.2)


def _ratio(found: list[Matrix]) -> str:
    """1 : 1.99 : 3.96, the mean over networks and units."""
    return " : ".join(f"{n:.3g}" for n in np.mean(found, axis=(0, 1))) if found else NONE


def _figure(runs: list[Learned]) -> Chart:
    """The weights of the first network of each kind, and the cost of every start."""
    panels, units = [], ["hidden 1", "hidden 2"]
    for told, kind in (("1 : 2 : 4, as in the paper", True), ("2 : 3 : 4, which it does not tell of", False)):
        nets = [net for net, _, learned in runs if learned and _as_in_paper(weights(net)) is kind]
        W = nets[0].parameters["W1"] if nets else np.zeros((2, 6))
        panels.append(Panel(told, "weights from inputs 1 to 6", "", [Squares(units, [*"123456"], W, 10)]))
    lines: list[Mark] = []
    for told, colour, kind in (("learned", TRAINING, True), ("not learned", VALIDATION, False)):
        chosen = [costs for _, costs, learned in runs if learned is kind]
        for i, E in enumerate(chosen):
            sweeps = [TOGETHER * (k + 0.5) for k in range(len(E))]
            lines.append(Line(sweeps, E, colour, "" if i else told, pale=len(chosen) > 12))
    panels.append(Panel("the cost of every start", "sweeps over the 64 patterns", "E", lines))
    return Chart("symmetry, learned by two hidden units", panels, width=360, height=280)


PAPER = Paper(
    "rumelhart1986",
    1986,
    "Rumelhart, Hinton & Williams",
    "Learning representations by back-propagating errors",
    "Nature 323, 533–536",
    run,
    ("Rumelhart, Hinton & Williams (1986), Learning internal representations by error propagation. PDP 1, chapter 8.",),
)

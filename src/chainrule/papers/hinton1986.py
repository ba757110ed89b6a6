"""Two family trees, learned as vectors of people and relations (Hinton, 1986)."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import numpy as np

from chainrule import Activation, Dense, EmbedColumns, GradientDescent, Network
from chainrule.charts import MARK, TRAINING, Chart, Mark, Panel, Points, Squares
from chainrule.graph import Array
from chainrule.ops import relu
from chainrule.papers.experiment import as_seeds, experiment
from chainrule.papers.family_trees import ENGLISH, MEANINGS, Matrix, facts
from chainrule.papers.result import NONE, Paper, Result, Row, drawn, spread
from chainrule.papers.trainings import quietly

EPSILON, START = 0.001, 0.3
"""ε from the 21st sweep on, in the copy of the article that was read, and the start of its first example."""


@experiment()
def run(
    seeds: int | Iterable[int] = range(20), *, held_out: int = 4, epsilon: float = 0.1, start: float = 1.0
) -> Result:
    """Learn 100 of 104 facts such as (Colin, aunt) → {Jennifer, Margaret}, and ask for the other four.

    24 people and 12 relations go to 6 units each, these 12 to 12, to 6, to 24 people, all of them sigmoids. An output
    that is within 0.2 of what it should be counts as right: E = ½ Σ max(0, |a − y| − 0.2)². After each of 1,500 sweeps
    W ← 0.998 W + ΔW, ΔW ← −ε dE/dW + α ΔW, with ε = 0.005 and α = 0.5 for 20 sweeps, then `epsilon` and 0.9.

    Args:
        seeds: of the start, and of which facts are held out. held_out: how many these are.
        epsilon: ε from the 21st sweep on. start: weights and biases begin uniformly within ± this.
    """
    seeds = as_seeds(seeds)
    X, Y = facts()
    names = ["learned", "right of those held out", *MEANINGS, *(f"{meaning} at the start" for meaning in MEANINGS)]
    numbers: dict[str, list[float]] = {name: [] for name in (*names, "twins alike")}
    nets = []
    for seed in seeds:
        random = drawn(PAPER.name, seed)
        net = network(random, start)
        before = net.parameters["W1"][:24].copy()
        held = random.permutation(len(X)) < held_out
        learn(net, X[~held], Y[~held], epsilon)
        right = ((net.predict(X) > 0.5) == Y).all(axis=1)
        W = net.parameters["W1"][:24]
        found = [right[~held].mean(), right[held].sum(), *meant(W), *meant(before), twins_alike(W)]
        for values, number in zip(numbers.values(), found, strict=True):
            values.append(float(number))
        nets.append(net)
    return Result(PAPER, seeds, numbers, _rows(numbers, held_out, epsilon, start), _figure(nets[0], numbers, seeds[0]))


def network(random: np.random.Generator, start: float) -> Network:
    """24 + 12 → 6 + 6 → 12 → 6 → 24: W1 has a row for each person and each relation, in place of a 1 among 0s."""
    layers = [EmbedColumns(0, 36, 6), Activation("sigmoid"), *(Dense(n, "sigmoid") for n in (12, 6, 24))]
    net = Network(layers, dtype="float64", input_shape=2)
    net.flat[:] = random.uniform(-start, start, len(net.flat))
    return net


def outside(A: Array, Y: Array) -> Array:
    """J = 1/m Σ ½ max(0, |a − y| − 0.2)²."""
    over = relu(A - Y - 0.2) + relu(Y - A - 0.2)
    return 0.5 * (over * over).sum(axis=1).mean()


def learn(net: Network, X: Matrix, Y: Matrix, epsilon: float) -> None:
    """1,500 sweeps: an epoch of 20 with a small ε, then 37 of 40."""
    m = len(X)
    for rate, momentum, epochs, together in ((0.005, 0.5, 1, 20), (epsilon, 0.9, 37, 40)):
        alpha = rate * m  # J is E / m
        quietly(
            net,
            np.tile(X, (together, 1)),
            np.tile(Y, (together, 1)),
            batch_size=m,  # a sweep is a batch
            epochs=epochs,
            shuffle=False,
            loss=outside,
            optimizer=GradientDescent(alpha, momentum=momentum, weight_decay=0.002 / alpha),
            seed=0,
        )


def meant(W: Matrix) -> list[float]:
    """Of each meaning the largest |r| with the weights (24, 6) of one unit."""
    return [max(abs(float(np.corrcoef(of_unit, told)[0, 1])) for of_unit in W.T) for told in MEANINGS.values()]


def twins_alike(W: Matrix) -> float:
    """The median over the six units of r between the weights of the English and of their twins."""
    return float(np.median([np.corrcoef(of_unit[:12], of_unit[12:])[0, 1] for of_unit in W.T]))


def _rows(numbers: dict[str, list[float]], held_out: int, epsilon: float, start: float) -> list[Row]:
    right = numbers["right of those held out"]
    shown = f"{sum(right):.0f} of {held_out * len(right)}; each {spread(right)}"
    why = f"One network and its four facts there; here each network has {held_out} drawn facts of its own."
    larger = epsilon > EPSILON and start > START
    rate = (
        "ε and the start are larger here: by those of the paper nothing is learned in 1,500 sweeps." if larger else ""
    )
    named = zip(MEANINGS, ("unit 1", "unit 2", "unit 6"), strict=True)
    at_start = [number for meaning in MEANINGS for number in numbers[f"{meaning} at the start"]]
    twins = "The median of the six units. The one that tells the nationality cannot give twins the same weight."
    return [
        Row("facts right that were held out", "4 of 4", shown, why, "checked"),
        Row("facts right that were learned", "all", spread(numbers["learned"], percent=True), rate, "checked"),
        *(Row(f"best unit's |r| with {told}", unit, spread(numbers[told]), "", "checked") for told, unit in named),
        Row("the same before they learned", NONE, spread(at_start)),
        Row("r of twins' weights in a unit", "alike", spread(numbers["twins alike"]), twins, "checked"),
    ]


def _figure(net: Network, numbers: dict[str, list[float]], seed: int) -> Chart:
    """The weights of people to the six units of the first network, and what the best units of all mean."""
    W = net.parameters["W1"]
    gap = np.zeros(12)
    rows = [name for j in range(6) for name in (f"unit {j + 1}, English", "Italian", "")]
    values = np.array([row for of_unit in W.T for row in (of_unit[:12], of_unit[12:24], gap)])
    shown = Squares(rows[:-1], ENGLISH, values[:-1])
    marks: list[Mark] = []
    for told, colour, of, aside in (("at the start", MARK, " at the start", -0.1), ("learned", TRAINING, "", 0.1)):
        points = [(i + aside, r) for i, meaning in enumerate(MEANINGS) for r in numbers[meaning + of]]
        marks.append(Points([x for x, _ in points], [r for _, r in points], colour, told))
    ticks: Sequence[tuple[float, str]] = [(float(i), meaning) for i, meaning in enumerate(MEANINGS)]
    panels = [
        Panel(f"weights of people, seed {seed}", "an English person, and the Italian twin", "", [shown]),
        Panel("the best unit of each network", "", "|r| of its weights", marks, ticks=ticks),
    ]
    return Chart("the family trees", panels, width=500, height=480)


PAPER = Paper(
    "hinton1986",
    1986,
    "Hinton",
    "Learning distributed representations of concepts",
    "Proceedings of the Eighth Annual Conference of the Cognitive Science Society, 1–12",
    run,
    ("Rumelhart, Hinton & Williams (1986), Nature 323, 533–536, figures 2 to 4.",),
)

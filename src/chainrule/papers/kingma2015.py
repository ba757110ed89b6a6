"""Kingma & Ba 2015: Adam's first figure, with what led to it: momentum, and a rate of its own for each weight."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from chainrule.charts import COLOURS, Chart, Line, Mark, Panel
from chainrule.data.bundled import read_bundled
from chainrule.layers import Dense, Dropout, Network
from chainrule.optimizers import Adagrad, Adam, GradientDescent, Optimizer
from chainrule.papers.experiment import as_seeds, experiment
from chainrule.papers.result import Paper, Result, Row, drawn, spread
from chainrule.papers.trainings import courses, quietly
from chainrule.schedules import Schedule

Matrix = NDArray[Any]

RULES: dict[str, Callable[[Schedule], Optimizer]] = {
    "Nesterov": lambda rate: GradientDescent(rate, momentum=0.9, nesterov=True),
    "Adagrad": Adagrad,
    "Adam": Adam,
}
"""The three of the paper's figure 1."""

RATES = (0.03, 0.1, 0.3, 1.0, 3.0)
"""α₀ that are tried for each with the first seed; what has the lowest cost, on average over epochs, is kept for all."""

TASKS = {"digits": "logistic regression on digits", "words": "rare words, half of them dropped"}

CONDITIONS = (10, 30, 100, 300, 1000)
"""How many times steeper a valley is across than along."""


@dataclass(frozen=True, repr=False)
class InverseRoot(Schedule):
    """α = α₀ / √(1 + epoch), the decay of the paper's theorem 4.1, which its logistic regression has."""

    learning_rate: float

    def __call__(self, epoch: float) -> float:
        return self.learning_rate / math.sqrt(1 + epoch)


class Task(NamedTuple):
    """Examples X (m, n_x) with y (m,), the output layer's units and the loss, and how much of X is dropped."""

    X: Matrix
    y: Matrix
    units: int
    dropped: float


@experiment()
def run(seeds: int | Iterable[int] = range(10), *, epochs: int = 45, documents: int = 600, words: int = 600) -> Result:
    """Train logistic regression on digits and on rare words by three optimizers, and go down valleys with momentum.

    Digits: X (1797, 64), softmax of 10, batches of 128, α = α₀ / √(1 + epoch), as in section 6.1. Words: documents that
    say which of so many words they have, word j with probability 5 / j, at most ½; the answer is the sign of a sum in
    which each word counts by N(0, 1) / √p; half of the words are dropped at random while training. Valleys:
    J = ½ (w₁² + w₂² / κ) with the best α and μ that there are for κ (Polyak, 1964).

    Args:
        seeds: each draws the words, their documents, and the order of the examples.
        epochs: passes through the examples. documents, words: how many there are.

    Returns:
        `numbers`, for each seed, of each task and optimizer: "… after 5" and "… at the end", the cost in the fifth
        epoch and in the last; "… α₀", the one that was kept; for κ = 10, 30, 100, 300 and 1000 the "steps of" gradient
        descent and momentum until J is a millionth.
    """
    seeds = as_seeds(seeds)
    documents_of = [rare(drawn("kingma2015", seed), documents, words) for seed in seeds]
    numbers: dict[str, list[float]] = {}
    paths: dict[tuple[str, str], Matrix] = {}
    for task, made in {"digits": [digits()] * len(seeds), "words": documents_of}.items():
        for name, rule in RULES.items():
            tried = {rate: _costs(made[0], rule(InverseRoot(rate)), seeds[0], epochs) for rate in RATES}
            best = min(tried, key=lambda rate: sum(tried[rate]))
            costs = [_costs(one, rule(InverseRoot(best)), seed, epochs) for one, seed in zip(made, seeds, strict=True)]
            paths[task, name] = np.array(costs)
            numbers[f"{task} {name} α₀"] = [best]
            numbers[f"{task} {name} after 5"] = [one[min(4, epochs - 1)] for one in costs]
            numbers[f"{task} {name} at the end"] = [one[-1] for one in costs]
    valleys = {name: [steps_down(name, kappa) for kappa in CONDITIONS] for name in ("gradient descent", "momentum")}
    numbers |= {f"steps of {name}": [float(n) for n in steps] for name, steps in valleys.items()}
    seeds_of = {name: seeds[:1] if "α₀" in name else () for name in numbers if "α₀" in name or "steps" in name}
    return Result(PAPER, seeds, numbers, _rows(numbers, valleys, epochs), _figure(paths, valleys), seeds_of)


PAPER = Paper(
    "kingma2015",
    2015,
    "Kingma & Ba",
    "Adam: a method for stochastic optimization",
    "ICLR 2015, arXiv:1412.6980",
    run,
    (
        "Duchi, Hazan & Singer (2011), Adaptive subgradient methods for online learning and stochastic optimization. "
        "JMLR 12: 2121–2159.",
        "Sutskever, Martens, Dahl & Hinton (2013), On the importance of initialization and momentum in deep learning. "
        "ICML 2013, PMLR 28(3): 1139–1147.",
    ),
)


def digits() -> Task:
    """All 1,797 digits that are bundled, pixels from 0 to 1."""
    X, y = read_bundled("digits")
    return Task(X / 16, y, 10, 0.0)


def rare(random: np.random.Generator, m: int, n: int) -> Task:
    """m documents, X (m, n) of 0 and 1, most words in few of them, and those count most."""
    p = np.minimum(0.5, 5 / np.arange(1, n + 1))
    X = (random.random((m, n)) < p).astype(np.float64)
    w = random.standard_normal(n) / np.sqrt(p)
    return Task(X, ((X - p) @ w > 0).astype(np.float64), 1, 0.5)


def _costs(task: Task, rule: Optimizer, seed: int, epochs: int) -> list[float]:
    """J of each epoch, as the batches were met."""
    activation, loss = ("sigmoid", "binary_cross_entropy") if task.units == 1 else ("softmax", "cross_entropy")
    layers = [*([Dropout(task.dropped)] if task.dropped else []), Dense(task.units, activation, initializer="zeros")]
    history = quietly(
        Network(layers, seed=seed),
        task.X,
        task.y,
        loss=loss,
        optimizer=rule,
        epochs=epochs,
        batch_size=128,
        seed=seed,
    )
    return history["loss"]


def steps_down(name: str, kappa: float, part: float = 1e-6) -> int:
    """How many steps it takes down J = ½ (w₁² + w₂² / κ) from (1, 1), until J is this part of what it was."""
    q = math.sqrt(kappa)
    if name == "momentum":
        rule = GradientDescent(4 / (1 + 1 / q) ** 2, momentum=((q - 1) / (q + 1)) ** 2)
    else:
        rule = GradientDescent(2 / (1 + 1 / kappa))
    steep, w, slots = np.array([1, 1 / kappa]), np.ones(2), {"v": np.zeros(2)}
    goal, steps = part * (steep @ w**2), 0
    while steep @ w**2 > goal:
        steps += 1
        change, slots = rule.rule(steep * w, rule.alpha(0), steps, **slots)
        w = w - change
    return steps


def _rows(numbers: dict[str, list[float]], valleys: dict[str, list[int]], epochs: int) -> list[Row]:
    def of(task: str, when: str) -> str:
        return "; ".join(f"{name} {spread(numbers[f'{task} {name} {when}'])}" for name in RULES)

    margin = np.median(numbers["words Nesterov after 5"]) / np.median(numbers["words Adagrad after 5"])
    power = {name: np.polyfit(np.log(CONDITIONS), np.log(steps), 1)[0] for name, steps in valleys.items()}
    return [
        Row(
            "digits: J in the fifth epoch",
            "Adam about as Nesterov, Adagrad behind (figure 1)",
            of("digits", "after 5"),
            "1,797 digits of 8 × 8 in place of 60,000 of 28 × 28: so few can be learned further.",
            "checked",
        ),
        Row(
            f"digits: J in epoch {epochs}",
            "figure 1: about 0.25",
            of("digits", "at the end"),
            "Some weights tell all of these digits apart, so J has no bound but 0, and is still on its way there.",
            "memory",
        ),
        Row(
            "rare words: J in the fifth epoch",
            "Adam as fast as Adagrad, Nesterov behind by a large margin (figure 1)",
            of("words", "after 5"),
            "Made-up words in place of those of film reviews; at the best α of each Nesterov has "
            f"{margin:.2f} times the J of Adagrad.",
            "checked",
        ),
        Row(
            f"rare words: J in epoch {epochs}",
            "–",
            of("words", "at the end"),
            "Half of the words are dropped, so it stays above 0.",
        ),
        Row(
            "valleys: the power of κ with which the steps grow",
            "1 without momentum, ½ with the best",
            f"{power['gradient descent']:.2f} and {power['momentum']:.2f}",
            "½ is of large κ (Polyak, 1964; Sutskever et al., 2013, section 2); there are no seeds in it.",
        ),
    ]


def _figure(paths: dict[tuple[str, str], Matrix], valleys: dict[str, list[int]]) -> Chart:
    panels = []
    for task, title in TASKS.items():
        marks: list[Mark] = []
        for name, colour in zip(RULES, COLOURS, strict=False):
            costs = paths[task, name][:, 1:]
            passes = np.arange(2.0, costs.shape[1] + 2)
            marks += courses(passes, costs, colour, name)
        panels.append(Panel(title[0].upper() + title[1:], "epoch", "J", marks, whole=True))
    lines: list[Mark] = [
        Line(np.log10(CONDITIONS), np.log10(steps), colour, name, dots=True)
        for (name, steps), colour in zip(valleys.items(), COLOURS[3:], strict=False)
    ]
    panels.append(Panel("Steps down a valley", "log₁₀ of κ", "log₁₀ of the steps", lines))
    return Chart("Three optimizers on digits and on rare words, and momentum in valleys", panels, width=360, height=300)

"""Learning by heart (Zhang et al., 2017), double descent (Belkin et al., 2019), grokking (Power et al., 2022)."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from chainrule import Adam, AdamW, Dense, Network, Run
from chainrule.charts import COLOURS, Chart, Line, Mark, Panel
from chainrule.initializers import Random
from chainrule.names import counted
from chainrule.papers.digits import split_digits
from chainrule.papers.experiment import as_seeds, experiment
from chainrule.papers.result import NONE, Paper, Result, Row, drawn, spread
from chainrule.papers.trainings import alone, courses, first_there, part_wrong, quietly

SHARES = (0.0, 0.25, 0.5, 0.75, 1.0)
"""Of the labels, how many are drawn anew."""

M = 100
"""Digits from which the last layer of random features is learned."""

FEATURES = (10, 20, 30, 50, 70, 80, 90, 100, 110, 130, 150, 200, 300, 500, 1000)

PRIME, EACH = 31, 20
"""Numbers are added modulo a prime; of so many updates the accuracy is measured once."""


class ByHeart(NamedTuple):
    """Of one training: the part of its own labels, and of the test digits' true ones, that is right, and the epochs."""

    own: float
    test: float
    epochs: int


class Sums(NamedTuple):
    """By updates: the part of the sums that are trained on, and of the others, that is right."""

    own: NDArray[Any]
    others: NDArray[Any]


@experiment(sums=0)
def run(seeds: int | Iterable[int] = range(10), *, m: int = 300, units: int = 512, sums: int = 2) -> Result:
    """Train a network on digits whose labels are true, or drawn; widen random features; and add modulo 31.

    By heart: one hidden relu layer with more parameters than there are digits, Adam, until the epoch in which all
    labels were right as their batches met them, true or not. Double descent: N relu features with random weights,
    W^[2] the least of the least squares, from 100 digits. Grokking: from 60% of all pairs (a, b), one-hot, AdamW with
    weight decay 3.

    Args:
        seeds: of the digits, labels, features, pairs, and starts.
        m: digits to train with. units: of the hidden layer.
        sums: how many of the seeds, the first ones, also add; each costs as much as all the rest of a seed.

    Returns:
        `numbers`, for each seed, such as "own 0.5", "test 0.5" and "epochs 0.5" of half of the labels drawn, and
        "error 100", the part of the test digits that is wrong by 100 features; for each of the first seeds "updates
        own" and "updates others" until 90% of the sums are right (NaN: never), and "others", how many are at the end.
    """
    seeds = as_seeds(seeds)
    numbers: dict[str, list[float]] = {}
    for share in SHARES:
        found = [_by_heart(seed, share, m, units) for seed in seeds]
        for name in ByHeart._fields:
            numbers[f"{name} {share}"] = [float(getattr(one, name)) for one in found]
    with alone():
        numbers |= {f"error {n}": [_error(seed, n) for seed in seeds] for n in FEATURES}
    added = [_sums(seed) for seed in seeds[:sums]]
    for name in Sums._fields:
        numbers[f"updates {name}"] = [first_there(getattr(one, name) >= 0.9, EACH) for one in added]
    numbers["others"] = [float(one.others[-1]) for one in added]
    few = seeds[:sums]
    seeds_of = dict.fromkeys(("updates own", "updates others", "others"), few)
    return Result(PAPER, seeds, numbers, _rows(numbers, few), _figure(numbers, added), seeds_of)


def _by_heart(seed: int, share: float, m: int, units: int) -> ByHeart:
    """Train X (m, 64) → relu(W^[1] X + b^[1]), (m, units) → softmax (m, 10), until all m labels were right in an epoch.

    A label is drawn anew from all ten with the probability `share`. 200 epochs at most.
    """
    data, random = split_digits(drawn("zhang2017", seed), m), drawn("zhang2017", seed, 1)
    labels = np.where(random.random(m) < share, random.integers(10, size=m), data.y)
    net = Network([Dense(units, "relu"), Dense(10, "softmax")], seed=seed)

    def enough(run: Run) -> None:
        if run.history.epochs[-1]["accuracy"] == 1:
            run.stop("by heart")

    history = quietly(
        net,
        data.X,
        labels,
        loss="cross_entropy",
        optimizer=Adam(0.01),
        epochs=200,
        batch_size=50,
        metrics=["accuracy"],
        callbacks=enough,
        seed=seed,
    )
    own, test = (
        1 - part_wrong(y, net.predict(X, threads=1)) for X, y in ((data.X, labels), (data.X_test, data.y_test))
    )
    return ByHeart(own, test, len(history.epochs))


def _error(seed: int, n: int) -> float:
    """Of the test digits, by W^[2] of the least norm among those of the least squared error, W^[1] left as drawn."""
    data = split_digits(drawn("zhang2017", seed), M)
    net = Network([Dense(n, "relu", initializer=Random(0.125))], seed=seed, dtype="float64")
    A, A_test = (net.predict(X, engine="numpy", threads=1) for X in (data.X, data.X_test))
    W = np.linalg.lstsq(A, np.eye(10)[data.y], rcond=None)[0]
    return part_wrong(data.y_test, A_test @ W)


def _sums(seed: int, share: float = 0.6, units: int = 256, updates: int = 1600) -> Sums:
    """The course of a network that learns a + b modulo 31 from a share of all pairs, all of them for each update."""
    a, b = np.divmod(np.arange(PRIME**2), PRIME)
    X, y = np.hstack([np.eye(PRIME)[a], np.eye(PRIME)[b]]), (a + b) % PRIME
    order = drawn("zhang2017", seed, 2).permutation(len(X))
    known, others = np.split(order, [round(share * len(X))])
    history = quietly(
        Network([Dense(units, "relu"), Dense(PRIME, "softmax")], seed=seed),
        np.tile(X[known], (EACH, 1)),
        np.tile(y[known], EACH),
        loss="cross_entropy",
        optimizer=AdamW(0.01, weight_decay=3.0),
        epochs=updates // EACH,
        batch_size=len(known),
        shuffle=False,
        validation=(X[others], y[others]),
        metrics=["accuracy"],
        seed=seed,
    )
    return Sums(np.array(history["accuracy"]), np.array(history["val_accuracy"]))


def _rows(numbers: dict[str, list[float]], added: tuple[int, ...]) -> list[Row]:
    def both(share: float) -> str:
        return " | ".join(spread(numbers[f"{name} {share}"], percent=True) for name in ("own", "test"))

    slower = [random / true for random, true in zip(numbers["epochs 1.0"], numbers["epochs 0.0"], strict=True)]
    rows = [
        Row(
            "random labels: training | test digits that are right",
            "100% | 9.78%",
            both(1.0),
            "A network of convolutions on 50,000 pictures of CIFAR-10 there; of ten classes a tenth is guessed right.",
            "checked",
        ),
        Row(
            "true labels: training | test digits that are right",
            "100% | 85.75%",
            both(0.0),
            "Digits are easier than photographs; the network is the same as with random labels, there and here.",
            "checked",
        ),
        Row(
            "half of the labels drawn: training | test digits that are right",
            NONE,
            both(0.5),
            "What it learns by heart does not spoil all that it learns from the others (their figure 1c). A label "
            "counts as right in the batch that meets it: the last updates may have cost a few of them again.",
        ),
        Row(
            "how many times as many epochs random labels take",
            "1.5 to 3.5",
            spread(slower),
            f"Digits are easy: true labels take {spread(numbers['epochs 0.0'])} epochs until one without a mistake, "
            f"random ones {spread(numbers['epochs 1.0'])}, and what is soon over makes the ratio large.",
            "secondary",
        ),
        Row(
            "test error by 50 | 100 | 1,000 random features of 100 digits",
            "Belkin et al.: a peak at as many as examples",
            " | ".join(spread(numbers[f"error {n}"], percent=True) for n in (50, 100, 1000)),
            "They had more digits, of MNIST; the peak stands where it must, with a few features that are always 0.",
            "secondary",
        ),
    ]
    if added:
        own, others = (spread(numbers[f"updates {name}"]) for name in Sums._fields)
        rows.append(
            Row(
                f"updates to 90% of the sums | of those not trained on; at the end ({counted(len(added), 'seed')})",
                "Power et al.: below 1,000 | near a million",
                f"{own} | {others}; {spread(numbers['others'], percent=True)}",
                "Division modulo 97 from half of the pairs there; here addition modulo 31 from 60%, and a strong decay "
                "for a quick end: the same in kind, later by a factor of tens, not of a thousand.",
                "checked",
            )
        )
    return rows


def _figure(numbers: dict[str, list[float]], added: list[Sums]) -> Chart:
    shares = [100 * share for share in SHARES]
    labels: list[Mark] = []
    for name, colour, told in (("own", COLOURS[0], "its own labels"), ("test", COLOURS[1], "test digits")):
        right = 100 * np.array([numbers[f"{name} {share}"] for share in SHARES])
        labels += courses(shares, right.T, colour, told, dots=True)
    wrong, places = 100 * np.array([numbers[f"error {n}"] for n in FEATURES]), np.log10(FEATURES)
    wide = courses(places, wrong.T, COLOURS[0], "", dots=True)
    panels = [
        Panel("Labels learned by heart", "labels drawn, %", "right, %", labels),
        Panel("Twice down", "random features", "test error, %", wide, ticks=_tens(FEATURES[0], FEATURES[-1])),
    ]
    if added:
        updates = EACH * np.arange(1, len(added[0].own) + 1)
        sums: list[Mark] = []
        for name, colour, told in (("own", COLOURS[0], "trained on"), ("others", COLOURS[1], "not")):
            for i, one in enumerate(added):
                sums.append(Line(np.log10(updates), 100 * getattr(one, name), colour, label="" if i else told))
        panels.append(Panel("Understood late", "updates", "sums right, %", sums, ticks=_tens(EACH, int(updates[-1]))))
    title = "Random labels, double descent, and sums that are understood late"
    return Chart(title, panels, width=340)


def _tens(low: int, high: int) -> list[tuple[float, str]]:
    """Places on an axis of logarithms: 10, 30, 100, …."""
    every = [times * 10**power for power in range(7) for times in (1, 3)]
    return [(float(np.log10(n)), f"{n:,}") for n in every if low <= n <= high]


PAPER = Paper(
    "zhang2017",
    2017,
    "Zhang, Bengio, Hardt, Recht & Vinyals",
    "Understanding deep learning requires rethinking generalization",
    "ICLR 2017, arXiv:1611.03530",
    run,
    (
        "Belkin, Hsu, Ma & Mandal (2019), Reconciling modern machine-learning practice and the classical bias–variance "
        "trade-off, PNAS 116: 15849–15854",
        "Power, Burda, Edwards, Babuschkin & Misra (2022), Grokking: generalization beyond overfitting on small "
        "algorithmic datasets, arXiv:2201.02177",
    ),
)

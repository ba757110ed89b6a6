"""Srivastava et al. 2014: dropout against none, and one network with halved weights against the mean of many."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from chainrule.charts import COLOURS, MARK, Chart, Line, Mark, Panel
from chainrule.layers import Dense, Dropout, Layer, Network
from chainrule.optimizers import Adam
from chainrule.papers.digits import TEST, Digits, split_digits
from chainrule.papers.experiment import as_seeds, experiment
from chainrule.papers.result import NONE, Paper, Result, Row, drawn, spread
from chainrule.papers.trainings import alone, courses, part_wrong, quietly

Matrix = NDArray[Any]

LABELS = {"clean": 0.0, "noisy": 0.2}
"""Which part of the training labels is drawn anew, from all ten."""

KINDS = ("none", "dropout")

SAMPLES = (1, 2, 5, 10, 20, 50)
"""Of so many thinned networks the mean is taken, as in the paper's figure 11."""


class Trained(NamedTuple):
    """A network, and which part of the test digits was wrong after each epoch (epochs,)."""

    net: Network
    wrong: Matrix


@experiment()
def run(
    seeds: int | Iterable[int] = range(10),
    *,
    examples: int = 1000,
    units: int = 128,
    epochs: int = 30,
    rate: float = 0.5,
) -> Result:
    """Train two hidden layers of relu on digits with and without dropout, with clean labels and with noisy ones.

    While training, A^[l] = D^[l] relu(Z^[l]) / (1 − rate), D being 0 with probability `rate`, else 1; afterwards D is
    left out. Two layers, softmax of 10, Adam with α = 0.003, batches of 50; tested with 500 digits, all with their own
    labels.

    Args:
        seeds: each draws which digits are tested with, which labels are wrong, where the networks start, and D.
        examples: digits to train with, at most 1,297. units: of each hidden layer. epochs: passes through them.
        rate: of dropout, behind each hidden layer.

    Returns:
        `numbers`, for each seed, which part of the test digits is wrong: "clean none", "clean dropout", "noisy none"
        and "noisy dropout" at the end, the same with "at best" in the epoch where it was least; and, of dropout with
        clean labels, "mean of k" thinned networks for k = 1, 2, 5, 10, 20 and 50.
    """
    seeds = as_seeds(seeds)
    numbers: dict[str, list[float]] = {}
    wrongs: dict[str, Matrix] = {}
    means: list[list[float]] = []
    for labels, noise in LABELS.items():
        data = [digits(seed, examples, noise) for seed in seeds]
        for kind in KINDS:
            dropped = rate if kind == "dropout" else 0.0
            found = [_trained(one, seed, units, epochs, dropped) for one, seed in zip(data, seeds, strict=True)]
            name = f"{labels} {kind}"
            wrongs[name] = np.array([one.wrong for one in found])
            numbers[name] = [float(one.wrong[-1]) for one in found]
            numbers[f"{name} at best"] = [float(one.wrong.min()) for one in found]
            if name == "clean dropout":
                means = [averaged(one.net, part) for one, part in zip(found, data, strict=True)]
    numbers |= {f"mean of {k}": list(column) for k, column in zip(SAMPLES, zip(*means, strict=True), strict=True)}
    return Result(PAPER, seeds, numbers, _rows(numbers, examples), _figure(wrongs, np.array(means)))


PAPER = Paper(
    "srivastava2014",
    2014,
    "Srivastava et al.",
    "Dropout: a simple way to prevent neural networks from overfitting",
    "JMLR 15: 1929–1958",
    run,
)


def digits(seed: int, m: int, noise: float) -> Digits:
    """m digits to train with, this part of whose labels is drawn anew, and 500 others with their own labels."""
    random = drawn("srivastava2014", seed)
    data = split_digits(random, m)
    new = random.random(len(data.y)) < noise
    y = np.where(new, random.integers(0, 10, len(data.y)), data.y)
    return data._replace(y=y)


def averaged(net: Network, data: Digits) -> list[float]:
    """Which part of the test digits the mean of k thinned networks gets wrong, for each k of `SAMPLES`."""
    X = net.cast(data.X_test)
    with alone():
        thinned = [np.asarray(net.record(X, training=True, seed=k)[0].value) for k in range(max(SAMPLES))]
    sums = np.cumsum(thinned, axis=0)
    return [part_wrong(data.y_test, sums[k - 1]) for k in SAMPLES]


def _trained(data: Digits, seed: int, units: int, epochs: int, rate: float) -> Trained:
    def thinned() -> list[Layer]:
        return [Dense(units, "relu"), Dropout(rate)]

    net = Network([*thinned(), *thinned(), Dense(10, "softmax")], seed=seed)
    history = quietly(
        net,
        data.X,
        data.y,
        loss="cross_entropy",
        optimizer=Adam(0.003),
        epochs=epochs,
        batch_size=50,
        validation=(data.X_test, data.y_test),
        metrics=["accuracy"],
        seed=seed,
    )
    return Trained(net, 1 - np.array(history["val_accuracy"]))


def _rows(numbers: dict[str, list[float]], examples: int) -> list[Row]:
    def both(labels: str, when: str = "") -> str:
        return " | ".join(spread(numbers[f"{labels} {kind}{when}"], percent=True) for kind in KINDS)

    def better(labels: str) -> str:
        pairs = zip(*(numbers[f"{labels} {kind}"] for kind in KINDS), strict=True)
        fewer = [dropout < none for none, dropout in pairs]
        return f"dropout is better with {sum(fewer)} of {len(fewer)} seeds"

    middle = {name: float(np.median(values)) for name, values in numbers.items()}
    slower = middle["clean dropout"] >= middle["clean none"]
    stopping = middle["noisy none at best"] < middle["noisy none"]
    worse = middle["mean of 1"] > middle["clean dropout"]
    means = [f"{k}: {spread(numbers[f'mean of {k}'], percent=True)}" for k in (1, 10, 50)]
    return [
        Row(
            "test digits that are wrong, none | dropout; a fifth of the training labels is noise",
            "1.60% | 1.25% (MNIST)",
            f"{both('noisy')}; {better('noisy')}",
            f"{examples:,} digits, some with wrong labels to be learned by heart, in place of 60,000 clean ones.",
            "checked",
        ),
        Row(
            "the same with clean labels",
            "figure 10: no gain with 100 or 500 digits",
            f"{both('clean')}; {better('clean')}",
            f"Digits of 8 × 8 that hardly overfit{': dropout only makes learning slower' if slower else ''}.",
            "secondary",
        ),
        Row(
            "noise, each in its best epoch",
            NONE,
            both("noisy", " at best"),
            "Early stopping does a part of the work." if stopping else "",
        ),
        Row(
            "dropout with clean labels: the weights scaled | the mean of 1, 10 and 50 thinned networks",
            "from about 50 on as good (figure 11)",
            f"{spread(numbers['clean dropout'], percent=True)} | {'; '.join(means)}",
            f"{'One of them alone is worse; a' if worse else 'A'} digit of {TEST} is {1 / TEST:.1%}.",
            "checked",
        ),
    ]


def _figure(wrongs: dict[str, Matrix], means: Matrix) -> Chart:
    panels = []
    for labels, title in (("noisy", "A fifth of the labels is noise"), ("clean", "Clean labels")):
        marks: list[Mark] = []
        for kind, colour in zip(KINDS, COLOURS, strict=False):
            wrong = 100 * wrongs[f"{labels} {kind}"]
            passed = np.arange(1.0, wrong.shape[1] + 1)
            marks += courses(passed, wrong, colour, {"none": "no dropout"}.get(kind, kind))
        panels.append(Panel(title, "epoch", "% of the test digits wrong", marks, whole=True))
    scaled = 100 * float(np.median(wrongs["clean dropout"][:, -1]))
    k = np.log10(SAMPLES)
    lines = courses(k, 100 * means, COLOURS[1], "their mean", dots=True)
    lines.append(Line([k[0], k[-1]], [scaled] * 2, MARK, "weights scaled", thin=True))
    ticks = [(float(place), str(n)) for place, n in zip(k, SAMPLES, strict=True)]
    panels.append(Panel("The mean of thinned networks", "networks", "% of the test digits wrong", lines, ticks=ticks))
    return Chart("Dropout against none, over epochs, and the mean of thinned networks", panels, 360, 300)

"""Ioffe & Szegedy 2015: three layers of 100 sigmoids, with and without batch normalization."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from chainrule import Activation, BatchNorm, Dense, GradientDescent, Layer, Network, Run
from chainrule.charts import COLOURS, Band, Chart, Line, Mark, Panel
from chainrule.initializers import Random
from chainrule.papers.digits import Digits, split_digits
from chainrule.papers.experiment import as_seeds, experiment
from chainrule.papers.result import NONE, Paper, Result, Row, drawn, spread
from chainrule.papers.trainings import courses, first_there, quietly

KINDS, MOMENTS = ("plain", "normalized"), ("early", "right")

UPDATES = 13
"""In an epoch: 780 digits, 60 at a time."""

ENOUGH = 0.722
"""So many of the test digits are right when the updates are counted, as of the paper's pictures (table in figure 3)."""

PERCENTILES = (15, 50, 85)
"""Of what goes into a sigmoid, as in the paper's figure 1."""

START = Random(0.1)
"""The paper's "small random Gaussian values" are of a deviation that it does not tell."""


class Course(NamedTuple):
    """Of one training, by epochs: (epochs,) the part of the test digits that is right, and (epochs, 3) percentiles of
    what goes into the first sigmoid of the last hidden layer."""

    right: NDArray[Any]
    inputs: NDArray[Any]


@experiment()
def run(
    seeds: int | Iterable[int] = range(10), *, epochs: int = 64, units: int = 100, learning_rate: float = 1.0
) -> Result:
    """Train the paper's network on digits with and without batch normalization.

    A^[l] = σ(Z^[l]), or σ(γ Ẑ^[l] + β) with Ẑ of mean 0 and variance 1 over the batch, for l = 1, 2, 3; softmax on top;
    W from N(0, 0.1²); batches of 60, as in the paper.

    Args:
        seeds: each draws which of the digits are tested with, and where the two networks start.
        epochs: passes through 780 digits, 13 updates each. units: of each hidden layer.
        learning_rate: of gradient descent, the same for both.

    Returns:
        `numbers`, for each seed, of the "plain" and the "normalized" network: "… updates" until 72.2% of 500 test
        digits are right (NaN: never), "… right", how many are at the end, "… early", the same after an eighth of the
        epochs, and "… moved", the width of the way that the median of what goes into a sigmoid of the last hidden layer
        has gone; and "times fewer", the one's updates by the other's.
    """
    seeds = as_seeds(seeds)
    trained = {kind: [_course(kind, seed, epochs, units, learning_rate) for seed in seeds] for kind in KINDS}
    numbers: dict[str, list[float]] = {}
    for kind in KINDS:
        numbers[f"{kind} updates"] = [first_there(course.right >= ENOUGH, UPDATES) for course in trained[kind]]
        numbers[f"{kind} early"] = [float(course.right[epochs // 8]) for course in trained[kind]]
        numbers[f"{kind} right"] = [float(course.right[-1]) for course in trained[kind]]
        numbers[f"{kind} moved"] = [float(np.ptp(course.inputs[:, 1])) for course in trained[kind]]
    updates = (numbers[f"{kind} updates"] for kind in KINDS)
    numbers["times fewer"] = [plain / normalized for plain, normalized in zip(*updates, strict=True)]
    return Result(PAPER, seeds, numbers, _rows(numbers, epochs), _figure(trained, seeds))


def _into(kind: str, units: int) -> list[Layer]:
    """What comes before the sigmoid of a hidden layer. Where β is added, b would be taken away with the mean."""
    if kind == "plain":
        return [Dense(units, initializer=START)]
    return [Dense(units, bias=False, initializer=START), BatchNorm()]


def _course(kind: str, seed: int, epochs: int, units: int, learning_rate: float) -> Course:
    """Train X (780, 64) → three layers of so many sigmoids → softmax (780, 10), 60 digits at a time.

    After each epoch the 500 test digits are met, by the whole network, and up to Z^[3] or γ Ẑ^[3] + β, (500, units).
    """
    data: Digits = split_digits(drawn("ioffe2015", seed), 60 * UPDATES)
    below = [layer for _ in range(2) for layer in (*_into(kind, units), Activation("sigmoid"))]
    into_last = Network([*below, *_into(kind, units)])  # as a network of its own it can be asked for what comes out
    net = Network([into_last, Activation("sigmoid"), Dense(10, "softmax", initializer=START)], seed=seed)
    inputs: list[NDArray[Any]] = []

    def look(run: Run) -> None:
        Z = into_last.predict(data.X_test, threads=1)
        inputs.append(np.percentile(Z[:, 0], PERCENTILES))

    history = quietly(
        net,
        data.X,
        data.y,
        loss="cross_entropy",
        optimizer=GradientDescent(learning_rate),
        epochs=epochs,
        batch_size=60,
        validation=(data.X_test, data.y_test),
        metrics=["accuracy"],
        callbacks=look,
        seed=seed,
    )
    return Course(np.array(history["val_accuracy"]), np.array(inputs))


def _rows(numbers: dict[str, list[float]], epochs: int) -> list[Row]:
    early, late = (f"after {UPDATES * passed} updates" for passed in (epochs // 8 + 1, epochs))
    middle = {name: float(np.median(numbers[f"plain {name}"])) for name in MOMENTS}
    waits, best = middle["early"] < 0.2, float(np.median(numbers["normalized right"]))
    later = waits and middle["early"] + 0.2 < middle["right"] < best
    both = {
        name: " | ".join(spread(numbers[f"{kind} {name}"], percent=name in MOMENTS) for kind in KINDS)
        for name in (*MOMENTS, "updates", "moved")
    }
    return [
        Row(
            "times fewer updates with normalization, to the same accuracy",
            "14; 2.3 at the same rate",
            spread(numbers["times fewer"]),
            "Inception with relu, photographs, five times the learning rate for the 14; here sigmoids that start "
            f"almost flat, and the same rate for both{': the plain network waits long' if waits else ''}.",
            "checked",
        ),
        Row("updates to 72.2%: plain | normalized", NONE, both["updates"], "Counted in whole epochs of 13."),
        Row(
            f"test digits that are right {early}: plain | normalized",
            NONE,
            both["early"],
            "The paper's figure 1a has curves over 50,000 updates, and its text has no numbers.",
        ),
        Row(
            f"the same {late}",
            NONE,
            both["right"],
            "The plain network learns, too, later, and less well." if later else "",
        ),
        Row(
            "how far the median input of a sigmoid travels: plain | normalized",
            NONE,
            both["moved"],
            "The paper's figures 1b and 1c show it for one sigmoid of the last hidden layer, and so is this.",
        ),
    ]


def _figure(trained: dict[str, list[Course]], seeds: tuple[int, ...]) -> Chart:
    updates = [UPDATES * (i + 1) for i in range(len(trained["plain"][0].right))]
    right: list[Mark] = []
    inputs: list[Mark] = []
    for kind, colour in zip(KINDS, COLOURS, strict=False):
        right += courses(updates, [100 * course.right for course in trained[kind]], colour, kind)
        low, median, high = trained[kind][0].inputs.T
        inputs += [Band(updates, low, high, colour), Line(updates, median, colour, label=kind)]
    return Chart(
        "Batch normalization: accuracy, and what goes into a sigmoid",
        [
            Panel("Test digits that are right", "updates", "%", right),
            Panel(f"What goes into one sigmoid, seed {seeds[0]}", "updates", "15%, median, 85%", inputs),
        ],
    )


PAPER = Paper(
    "ioffe2015",
    2015,
    "Ioffe & Szegedy",
    "Batch normalization: accelerating deep network training by reducing internal covariate shift",
    "ICML 2015, PMLR 37: 448–456",
    run,
)

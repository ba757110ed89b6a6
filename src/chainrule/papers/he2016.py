"""He et al. 2016: plain networks get worse with depth, residual ones do not."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from chainrule import Activation, BatchNorm, Dense, GradientDescent, Layer, Network, Residual, gradients
from chainrule.charts import COLOURS, MARK, Chart, Line, Mark, Panel
from chainrule.papers.digits import Digits, split_digits
from chainrule.papers.experiment import as_seeds, experiment
from chainrule.papers.result import NONE, Paper, Result, Row, drawn, spread
from chainrule.papers.trainings import courses, part_wrong, quietly
from chainrule.schedules import Step

KINDS = ("plain", "residual", "residual from 0")
"""The last one is not of the paper: each F begins as 0, and so each block as relu(A) = A (Goyal et al., 2017)."""

TITLES = dict(zip(KINDS, ("Plain", "Residual", "Residual, F begins as 0"), strict=True))


BATCH = 64
"""Digits in a mini-batch."""


class Course(NamedTuple):
    """Of one training: (epochs,) the part of the training digits that was wrong when its batch came, the part of the
    test digits that is wrong at the end, and of a plain one ‖dW^[1]‖ / ‖dW^[L]‖ before the first update."""

    wrong: NDArray[Any]
    test: float
    ratio: float = np.nan

    @property
    def train(self) -> float:
        return float(self.wrong[-1])


@experiment()
def run(
    seeds: int | Iterable[int] = range(10),
    *,
    depths: tuple[int, int] = (20, 56),
    units: int = 16,
    m: int = 512,
    epochs: int = 20,
) -> Result:
    """Train plain and residual networks of two depths on digits.

    Two layers of a plain network are A ← relu(N(W′ relu(N(W A)))), of a residual one A ← relu(A + N(W′ relu(N(W A)))),
    N batch normalization; softmax on top. As in the paper: He's start, momentum 0.9, a learning rate that is divided by
    10 on the way, layers and numbers of parameters the same with and without the way around. Unlike it: dense layers.

    Args:
        seeds: each draws which digits are trained with, and where the networks start.
        depths: layers with weights, 2 more than an even number. units: of each of them but the last.
        m: digits to train with. epochs: the learning rate is 0.02 for the first half of them, and 0.002 then.

    Returns:
        `numbers`, for each seed, such as "plain 56 train", the part of the training digits that is wrong at the end,
        "… test" of the 500 test digits, and for plain ones "… ratio", ‖dW^[1]‖ / ‖dW^[L]‖ at the start.
    """
    seeds = as_seeds(seeds)
    trained = {
        (kind, depth): [_course(kind, depth, seed, units, m, epochs) for seed in seeds]
        for kind in KINDS
        for depth in depths
    }
    numbers = {
        f"{kind} {depth} {name}": [float(getattr(course, name)) for course in found]
        for (kind, depth), found in trained.items()
        for name in ("train", "test", *(["ratio"] if kind == "plain" else []))
    }
    return Result(PAPER, seeds, numbers, _rows(numbers, depths, units, m, epochs), _figure(trained, depths))


def _network(kind: str, depth: int, units: int, seed: int) -> Network:
    """X (m, 64) → relu(N(W X)), (depth − 2) / 2 blocks of two layers of so many units, and softmax: (m, 10).

    A block is relu(F(A)) where it is plain, else relu(A + F(A)), with F(A) = N(W′ relu(N(W A))).
    """

    def step() -> list[Layer]:
        return [Dense(units, initializer="he", bias=False), BatchNorm()]

    layers, ends = [*step(), Activation("relu")], []
    for _ in range((depth - 2) // 2):
        F = [*step(), Activation("relu"), *step()]
        ends.append(F[-1])
        layers += [*(F if kind == "plain" else [Residual(F)]), Activation("relu")]
    net = Network([*layers, Dense(10, "softmax")], seed=seed, input_shape=64)
    if kind == "residual from 0":
        net.set_parameters({f"gamma{end.l}": np.zeros(units) for end in ends})
    return net


def _course(kind: str, depth: int, seed: int, units: int, m: int, epochs: int) -> Course:
    """Train one network on m digits, X (m, 64) and y (m,): α = 0.02, and 0.002 in the second half of the epochs."""
    data: Digits = split_digits(drawn("he2016", seed), m)
    net = _network(kind, depth, units, seed)
    ratio = _ratio(net, data) if kind == "plain" else np.nan
    history = quietly(
        net,
        data.X,
        data.y,
        loss="cross_entropy",
        optimizer=GradientDescent(Step(0.02, every=epochs / 2, factor=0.1), momentum=0.9),
        epochs=epochs,
        batch_size=BATCH,
        metrics=["accuracy"],
        seed=seed,
    )
    test = part_wrong(data.y_test, net.predict(data.X_test, engine="numpy", threads=1))
    return Course(1 - np.array(history["accuracy"]), test, ratio)


def _ratio(net: Network, data: Digits) -> float:
    """‖dW^[1]‖ / ‖dW^[L]‖ of a first batch."""
    _, found = gradients(net, data.X[:BATCH], data.y[:BATCH], loss="cross_entropy", training=True)
    dW = [float(np.linalg.norm(value)) for name, value in found.items() if name.startswith("dW")]
    return dW[0] / dW[-1]


def _rows(numbers: dict[str, list[float]], depths: tuple[int, int], units: int, m: int, epochs: int) -> list[Row]:
    shallow, deep = depths
    middle = {name: float(np.median(values)) for name, values in numbers.items()}
    train = {kind: (middle[f"{kind} {shallow} train"], middle[f"{kind} {deep} train"]) for kind in KINDS}
    updates, a_layer = epochs * -(-m // BATCH), middle[f"plain {deep} ratio"] ** (1 / (deep - 1))

    def both(kind: str, name: str) -> str:
        found = (numbers[f"{kind} {depth} {name}"] for depth in depths)
        return " | ".join(spread(values, percent=name != "ratio") for values in found)

    layers = " | ".join(map(str, depths))
    return [
        Row(
            f"plain, training error, {layers} layers",
            "the deeper one is worse (figure 6)",
            both("plain", "train"),
            f"Dense layers of {units} for {updates:,} updates, not convolutions for 64,000"
            + _if(
                train["plain"][0] < 0.7 < train["plain"][1],
                ": the deep one has hardly begun, as its gradient is of another size in every layer (last row)",
            )
            + ".",
            "checked",
        ),
        Row(
            f"residual, training error, {layers} layers",
            "the deeper one is better (figure 6)",
            both("residual", "train"),
            _if(train["residual"][1] < train["plain"][1], "The way around helps the deep one. ")
            + _if(
                train["residual"][1] > train["residual"][0],
                f"It yet stays behind: F is normalized, so at the start each of {(deep - 2) // 2} blocks adds numbers "
                "of size 1, and A grows.",
            ),
            "checked",
        ),
        Row(
            f"residual, F begins as 0, {layers} layers",
            NONE,
            both("residual from 0", "train"),
            "Not in this paper (Goyal et al., 2017)"
            + _if(
                train["residual from 0"][1] < train["residual from 0"][0],
                ": now the deeper one is better, as in the paper",
            )
            + ".",
        ),
        Row(
            f"test error, residual, {layers} layers",
            "8.75% | 6.97%",
            both("residual", "test"),
            f"CIFAR-10 by 50,000 pictures there, 8 × 8 digits by {m:,} here.",
            "checked",
        ),
        Row(
            f"test error, F begins as 0, {layers} layers",
            NONE,
            both("residual from 0", "test"),
        ),
        Row(
            f"plain, ‖dW^[1]‖ / ‖dW^[L]‖ at the start, {layers} layers",
            "they checked that it does not vanish",
            both("plain", "ratio"),
            f"In the deep one about {a_layer:.2f} times as large, a layer further back"
            + _if(a_layer > 1, ": batch normalization does that in dense networks (Yang et al., 2019)")
            + ".",
            "checked",
        ),
    ]


def _if(holds: bool, told: str) -> str:
    """What is told only where it holds."""
    return told if holds else ""


def _figure(trained: dict[tuple[str, int], list[Course]], depths: tuple[int, int]) -> Chart:
    panels = []
    ends = (1, len(trained["plain", depths[0]][0].wrong))
    for kind in KINDS:
        marks: list[Mark] = [Line(ends, (wrong, wrong), MARK, thin=True) for wrong in (0, 90)]  # all right, and guessed
        for depth, colour in zip(depths, COLOURS, strict=False):
            found = [100 * course.wrong for course in trained[kind, depth]]
            marks += courses(range(1, ends[1] + 1), found, colour, f"{depth} layers")
        panels.append(Panel(TITLES[kind], "epochs", "training error, %", marks, whole=True))
    return Chart("Training error by depth: plain, residual, and residual with F that begins as 0", panels, width=330)


PAPER = Paper(
    "he2016",
    2016,
    "He, Zhang, Ren & Sun",
    "Deep residual learning for image recognition",
    "CVPR 2016: 770–778",
    run,
)

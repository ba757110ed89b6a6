"""Hochreiter & Schmidhuber 1997: a memory that keeps its error, and the adding problem over long gaps."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from chainrule import ops
from chainrule.charts import COLOURS, Chart, Mark, Panel
from chainrule.graph import variable
from chainrule.layers import LSTM, RNN, Dense, Layer, Network
from chainrule.optimizers import Adam
from chainrule.papers.experiment import as_seeds, experiment
from chainrule.papers.result import NONE, Paper, Result, Row, drawn, spread
from chainrule.papers.trainings import courses, first_there, quietly

Matrix = NDArray[Any]

KINDS = ("RNN", "LSTM", "LSTM that forgets")
"""A simple recurrent network; the LSTM as in 1997, which begins without forgetting; the library's own, with b_f = 1."""

OPEN = 5.0
"""The LSTM of 1997 has no forget gate, which is f = 1; here that gate's bias starts at 5, and σ(5) = 0.993."""

TOLERANCE = 0.04
"""An answer that is off by more is wrong."""

LEARNED = 0.02
"""A network has learned the task when no more of the sequences of an epoch were wrong."""

FAR = 100
"""Steps of the sequences whose gradient is looked at."""


@experiment(steps=12)
def run(
    seeds: int | Iterable[int] = range(10), *, steps: int = 50, sequences: int = 2000, epochs: int = 22, units: int = 8
) -> Result:
    """How much the end of a sequence feels of its beginning, and the sum of two marked numbers of a long sequence.

    The gradient: ‖dA_T/dX_t‖ of untrained networks, by every step t of sequences of 100 steps. The task (the paper's
    experiment 4): X_t is a number from [−1, 1] and a mark, 1 at two of the steps, −1 at the first and the last, else 0;
    the answer after the last step is 0.5 + (x₁ + x₂) / 4, and wrong if it is off by more than 0.04.

    Args:
        seeds: each draws sequences, and where the networks start.
        steps: T, of all sequences; the first mark is among the first 10, the second among the first T / 2 − 1.
        sequences: to train with, 20 in a batch. epochs: passes through them. units: of the recurrent layer.

    Returns:
        `numbers`, for each seed and kind of network: "… wrong", which part of 1,000 other sequences is wrong; "… met",
        how many sequences it had met when at most 2% of an epoch's were wrong (NaN: never); "… decades", by how many
        powers of ten the gradient shrinks over 99 steps.
    """
    seeds = as_seeds(seeds)
    numbers: dict[str, list[float]] = {}
    lengths, wrongs = {}, {}
    for kind in KINDS:
        lengths[kind] = np.array([gradient(kind, seed, units) for seed in seeds])
        trained = [_trained(kind, seed, steps, sequences, epochs, units) for seed in seeds]
        wrongs[kind] = np.array([course for course, _ in trained])
        numbers[f"{kind} wrong"] = [test for _, test in trained]
        numbers[f"{kind} met"] = [first_there(course <= LEARNED, sequences) for course, _ in trained]
        numbers[f"{kind} decades"] = [-float(found[-1]) for found in lengths[kind]]
    return Result(PAPER, seeds, numbers, _rows(numbers, steps, sequences, epochs), _figure(lengths, wrongs, sequences))


PAPER = Paper(
    "hochreiter1997",
    1997,
    "Hochreiter & Schmidhuber",
    "Long short-term memory",
    "Neural Computation 9(8): 1735–1780",
    run,
    (
        "Hochreiter (1991), Untersuchungen zu dynamischen neuronalen Netzen. Diploma thesis, TU München.",
        "Bengio, Simard & Frasconi (1994), Learning long-term dependencies with gradient descent is difficult. "
        "IEEE Transactions on Neural Networks 5(2): 157–166.",
    ),
)


def adding(random: np.random.Generator, m: int, steps: int) -> tuple[Matrix, Matrix]:
    """m sequences of the adding problem, X (m, steps, 2), and their answers, Y (m, 1)."""
    X = np.zeros((m, steps, 2))
    X[:, :, 0] = random.uniform(-1, 1, (m, steps))
    X[:, [0, -1], 1] = -1
    every, half = np.arange(m), steps // 2 - 1
    first = random.integers(0, 10, m)
    second = (first + random.integers(1, half, m)) % half  # another one than the first
    for place in (first, second):
        X[every, place, 1] = 1
        X[every[place == 0], 0, 0] = 0  # as the paper has it where the first step is marked
    marked = X[:, :, 1] == 1
    return X, 0.5 + (X[:, :, 0] * marked).sum(axis=1, keepdims=True) / 4


def network(kind: str, units: int, seed: int, steps: int) -> Network:
    """The recurrent layer, and a linear unit that reads its last state."""
    layer: Layer = RNN(units, last=True) if kind == "RNN" else LSTM(units, last=True)
    net = Network([layer, Dense(1)], seed=seed, input_shape=(steps, 2))
    if kind == "LSTM":
        net.parameters["b1"][units : 2 * units] = OPEN
    return net


def wrong(Y: Matrix, A: Matrix) -> float:
    """The part of the answers that is off by more than 0.04."""
    return float(np.mean(np.abs(np.asarray(A) - np.asarray(Y)) > TOLERANCE))


def gradient(kind: str, seed: int, units: int) -> Matrix:
    """(100,), log₁₀ of ‖dA_T/dX_t‖ beside that of the last step, from the last step to the first, before training."""
    X = variable(adding(drawn("hochreiter1997", seed, 1), 4, FAR)[0])
    states, _ = Network(network(kind, units, seed, FAR).copy("float64").layers[:1]).record(X)
    ops.sum(states).backward()
    lengths = np.linalg.norm(np.asarray(X.grad), axis=2).mean(axis=0)[::-1]
    return np.asarray(np.log10(lengths / lengths[0]))


def _trained(kind: str, seed: int, steps: int, sequences: int, epochs: int, units: int) -> tuple[Matrix, float]:
    """(epochs,), which part of the sequences was wrong in each epoch, and which part of 1,000 others is at the end."""
    random = drawn("hochreiter1997", seed)
    X, Y = adding(random, sequences, steps)
    net = network(kind, units, seed, steps)
    history = quietly(
        net,
        X,
        Y,
        loss="squared_error",
        optimizer=Adam(0.02, clip_norm=1.0),
        epochs=epochs,
        batch_size=20,
        metrics=[wrong],
        seed=seed,
    )
    X, Y = adding(random, 1000, steps)
    return np.array(history["wrong"]), wrong(Y, net.predict(X, threads=1))


def _rows(numbers: dict[str, list[float]], steps: int, sequences: int, epochs: int) -> list[Row]:
    def of(name: str, **options: Any) -> dict[str, str]:
        return {kind: spread(numbers[f"{kind} {name}"], **options) for kind in KINDS}

    wrong, met, decades = of("wrong", percent=True), of("met"), of("decades")
    learned = {kind: f"{np.isfinite(numbers[f'{kind} met']).sum()} of {len(numbers[f'{kind} met'])}" for kind in KINDS}
    return [
        Row(
            f"LSTM: sequences of {steps} that are wrong at the end",
            "0.04%, 1 of 2,560 (T = 100)",
            wrong["LSTM"],
            f"Here T = {steps}, and {epochs * sequences:,} sequences met in all.",
            "checked",
        ),
        Row(
            "LSTM: starts that learn it, and sequences met until then",
            "74,000 (T = 100)",
            f"{learned['LSTM']}; {met['LSTM']}",
            "Adam in batches of 20, where the paper follows the gradient of one sequence at a time"
            + (f"; {sequences:,} sequences again and again, where the paper makes new ones." if epochs > 1 else "."),
            "checked",
        ),
        Row(
            f"RNN: sequences of {steps} that are wrong at the end",
            NONE,
            wrong["RNN"],
            "The same training; who always answers 0.5 has 84.6% wrong"
            + (", so it has learned nothing." if np.median(numbers["RNN wrong"]) > 0.8 else "."),
        ),
        Row(
            "LSTM whose forget gate starts with b = 1: wrong at the end",
            NONE,
            f"{wrong['LSTM that forgets']}; {learned['LSTM that forgets']} learn it",
            f"The forget gate came in 2000; with b = 1 it starts near σ(1) = 0.73, and "
            f"0.73^{steps} is {0.73**steps:.0e}.",
        ),
        Row(
            "powers of ten that the gradient loses over 99 steps: RNN, LSTM, one that forgets",
            NONE,
            "; ".join(decades.values()),
            "The paper proves a bound; below 0 the gradient grows.",
        ),
    ]


def _figure(lengths: dict[str, Matrix], wrongs: dict[str, Matrix], sequences: int) -> Chart:
    back: list[Mark] = []
    learned: list[Mark] = []
    for kind, colour in zip(KINDS, COLOURS, strict=False):
        steps = np.arange(lengths[kind].shape[1], dtype=np.float64)
        met = sequences * np.arange(1.0, wrongs[kind].shape[1] + 1)
        back += courses(steps, lengths[kind], colour, kind)
        learned += courses(met, 100 * wrongs[kind], colour, kind)
    return Chart(
        "The gradient through 100 steps, and the adding problem",
        [
            Panel("What the end feels of a step t steps before it", "steps back", "log₁₀ of the gradient", back),
            Panel("The adding problem", "sequences met", "% that are wrong", learned),
        ],
    )

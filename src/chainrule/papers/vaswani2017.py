"""Reversing a sequence by attention (Bahdanau et al., 2015; Vaswani et al., 2017)."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from chainrule import (
    GRU,
    Adam,
    Dense,
    Embedding,
    Layer,
    MultiHeadAttention,
    Network,
    PositionalEncoding,
    UpSample,
    attention_weights,
)
from chainrule.charts import COLOURS, Chart, Mark, Panel, Squares
from chainrule.graph import Array
from chainrule.papers.experiment import as_seeds, experiment
from chainrule.papers.result import NONE, Paper, Result, Row, drawn, spread
from chainrule.papers.trainings import courses, quietly

SYMBOLS, FEATURES, BATCH, TEST = 10, 32, 32, 200

KINDS = ("one vector", "attention")

LENGTHS = (4, 8, 16)


class Learned(NamedTuple):
    """The part of the symbols of new sequences that is right, and (steps, steps) what step t takes of each step, the
    mean over these sequences; nothing of a network without attention."""

    right: float
    weights: NDArray[Any]


class Last(Layer):
    """Z = the last step of A, as a sequence of one step: all that is left of it in one vector."""

    def forward(self, A: Array) -> Array:
        return A[:, -1:]


@experiment()
def run(seeds: int | Iterable[int] = range(10), *, updates: int = 150, lengths: tuple[int, ...] = LENGTHS) -> Result:
    """Train networks to say sequences of random symbols backwards: y_t = x_{T+1−t}.

    "attention": symbols become 32 features, sines and cosines tell them their places, one head of attention, softmax.
    "one vector": a GRU reads, its last state, 32 numbers, is all that a second GRU writes from (Cho et al., 2014).
    "no places" is the first without the sines. Adam, and 32 new sequences of ten symbols for each update.

    Args:
        seeds: of the sequences and of the starts.
        updates: of each network. lengths: T, each for networks of their own; the middle one is drawn.

    Returns:
        `numbers`, for each seed, such as "attention 16", the part of the symbols of 200 new sequences that is right,
        and "weight 16", what a step takes of its counterpart, T + 1 − t, the mean over all steps.
    """
    seeds = as_seeds(seeds)
    middle = lengths[len(lengths) // 2]
    learned = {
        (kind, T): [_learned(kind, T, seed, updates) for seed in seeds]
        for kind, T in [*((kind, T) for T in lengths for kind in KINDS), ("no places", middle)]
    }
    numbers = {f"{kind} {T}": [found.right for found in several] for (kind, T), several in learned.items()}
    maps = {T: np.mean([found.weights for found in learned["attention", T]], axis=0) for T in lengths}
    for T in lengths:
        numbers[f"weight {T}"] = [float(found.weights[:, ::-1].diagonal().mean()) for found in learned["attention", T]]
    return Result(
        PAPER, seeds, numbers, _rows(numbers, lengths, middle, updates), _figure(numbers, lengths, maps[middle])
    )


def layers_of(kind: str, T: int) -> list[Layer]:
    """The layers of a network of this kind, for sequences of T steps."""
    if kind == "one vector":
        between: list[Layer] = [GRU(FEATURES), Last(), UpSample(T), GRU(FEATURES)]
    else:
        between = [*([PositionalEncoding()] if kind == "attention" else []), MultiHeadAttention()]
    return [Embedding(SYMBOLS, FEATURES), *between, Dense(SYMBOLS, "softmax")]


def _learned(kind: str, T: int, seed: int, updates: int) -> Learned:
    """Train on X (32 · updates, T), symbols as whole numbers, and their reverse, each met once: y_t = x_{T+1−t}.

    The weights are the mean over 200 new sequences and the one head of softmax(Q Kᵀ / √d), (T, T).
    """
    random = drawn("vaswani2017", seed, T)
    X, new = (random.integers(SYMBOLS, size=(m, T)) for m in (BATCH * updates, TEST))
    net = Network(layers_of(kind, T), seed=seed)
    quietly(
        net,
        X,
        X[:, ::-1],
        loss="cross_entropy",
        optimizer=Adam(0.01),
        epochs=1,
        batch_size=BATCH,
        seed=seed,
    )
    right = (net.predict(new, threads=1).argmax(axis=-1) == new[:, ::-1]).mean()
    weights = attention_weights(net, new)[0].mean(axis=(0, 1)) if kind == "attention" else np.empty((0, 0))
    return Learned(float(right), weights)


def _rows(numbers: dict[str, list[float]], lengths: tuple[int, ...], middle: int, updates: int) -> list[Row]:
    def both(T: int) -> str:
        return " | ".join(spread(numbers[f"{kind} {T}"], percent=True) for kind in KINDS)

    *shorter, longest = lengths
    vector, attention = (float(np.median(numbers[f"{kind} {longest}"])) for kind in KINDS)
    return [
        Row(
            f"{longest} symbols said backwards, right: by one vector | by attention",
            "Bahdanau et al.: BLEU 17.82 | 26.75",
            both(longest),
            f"Their table 1, English to French, a thousand units, sentences of up to 50 words; here a toy, {updates:,} "
            f"updates{', after which the one vector has not learned it' if vector < 0.95 else ''}"
            f"{': only the direction is the same' if vector < attention else ''}.",
            "checked",
        ),
        *(
            Row(
                f"{T} symbols said backwards, right: by one vector | by attention",
                NONE,
                both(T),
                "Short sequences fit into 32 numbers sooner than long ones; their figure 2 falls so beyond 30 words."
                if np.median(numbers[f"one vector {T}"]) > vector
                else "",
            )
            for T in shorter
        ),
        Row(
            f"how much of its attention step t gives to step {middle + 1} − t",
            "most, near the diagonal",
            spread(numbers[f"weight {middle}"], percent=True),
            "Their figure 3 has English and French in about the same order; here the order is reversed.",
            "checked",
        ),
        Row(
            f"{middle} symbols, right, without the sines of the places",
            NONE,
            spread(numbers[f"no places {middle}"], percent=True),
            "Attention alone sees a set: it can say which symbols there are, and not where (their section 3.5).",
        ),
    ]


def _figure(numbers: dict[str, list[float]], lengths: tuple[int, ...], weights: NDArray[Any]) -> Chart:
    steps = [str(t + 1) for t in range(len(weights))]
    marks: list[Mark] = []
    for kind, colour in zip(KINDS, reversed(COLOURS[:2]), strict=True):
        right = 100 * np.array([numbers[f"{kind} {T}"] for T in lengths])
        marks += courses(lengths, right.T, colour, kind, dots=True)
    return Chart(
        "What each step looks at when a sequence is reversed, and how many symbols are right by length",
        [
            Panel("What each step takes of which", "step read", "step written", [Squares(steps, steps, weights, 1.0)]),
            Panel("Symbols that are right", "symbols in a sequence", "%", marks, whole=True),
        ],
        width=400,
        height=380,
    )


PAPER = Paper(
    "vaswani2017",
    2017,
    "Vaswani et al.",
    "Attention is all you need",
    "NeurIPS 30: 5998–6008",
    run,
    beside=(
        "Bahdanau, Cho & Bengio (2015), Neural machine translation by jointly learning to align and translate, ICLR",
    ),
)

"""What one layer cannot do: the perceptron cycles on XOR, and parity is of full order (Minsky & Papert, 1969)."""

from __future__ import annotations

import itertools
from collections.abc import Iterable

import numpy as np
from numpy.typing import NDArray

from chainrule import notes
from chainrule.charts import TRAINING, VALIDATION, Bars, Chart, Line, Mark, Panel, Points
from chainrule.names import counted
from chainrule.papers.experiment import as_seeds, experiment
from chainrule.papers.result import NONE, Paper, Result, Row, drawn

Matrix = NDArray[np.float64]


@experiment(bits=2)
def run(seeds: int | Iterable[int] = range(10), *, bits: int = 8, passes: int = 250) -> Result:
    """Show a perceptron XOR and AND; and find of which order the parity of 2 to `bits` bits is.

    The bits x are −1 and +1. A predicate is of order k if a perceptron computes it from the masks φ_S(x) = Π_{i∈S} xᵢ
    with |S| ≤ k, each of which looks at k bits or fewer, and from no smaller ones.

    Args:
        seeds: of the order in which examples are shown. bits: n, at most. passes: over the four examples of XOR.
    """
    seeds = as_seeds(seeds)
    xor, both = ([weights_on_the_way(parity, passes, seed) for seed in seeds] for parity in (True, False))
    sizes = range(2, bits + 1)
    orders = {n: order_of_parity(n) for n in sizes}
    made = {n: [mistakes_on_parity(n, seed) for seed in seeds] for n in sizes}
    lengths = [float(np.linalg.norm(W, axis=1).max()) for W in xor]
    states = [len(np.unique(W, axis=0)) for W in xor]
    numbers = {
        "wrong answers on XOR": [float(len(W) - 1) for W in xor],
        "different (w, b) on XOR": [float(n) for n in states],
        "largest length of (w, b) on XOR": lengths,
        "wrong answers on AND": [float(len(W) - 1) for W in both],
        **{f"mistakes on the parity of {n} bits": [float(k) for k in made[n]] for n in sizes},
    }
    found = "n" if all(order == n for n, order in orders.items()) else str(orders)
    *fewer, most = sorted({int(n) for n in numbers["wrong answers on AND"]})
    of_and = " or ".join([*map(str, fewer), counted(most, "mistake")])
    reached = all(count == 2**n for n in sizes for count in made[n])
    rows = [
        Row(
            f"order of the parity of n bits, n = 2 to {bits}",
            "n",
            found,
            "Below n every mask is as often right as wrong: Σ y φ_S = 0, so no weights can have all of y w·φ > 0.",
            "checked",
        ),
        Row(
            "weights that XOR leads to",
            "they cycle",
            f"{max(states)} different ones in {passes * 4:,} examples",
            f"Their length stays within {max(lengths):.3g}, and they never end; on AND they end after {of_and}.",
            "memory",
        ),
        Row(
            "mistakes until parity is learned, all masks",
            NONE,
            "2ⁿ" if reached else "not 2ⁿ",
            "Exactly Novikoff's (R/γ)² in whatever order: each example must be seen, none tells of another.",
        ),
    ]
    return Result(PAPER, seeds, numbers, rows, _figure(xor[0], both[0], orders, made))


def weights_on_the_way(parity: bool, passes: int, seed: int) -> Matrix:
    """(w₁, w₂, b) at the start and after each mistake, on XOR or on AND, shown in a new order in each pass."""
    X, Y = notes.parity(2)
    if not parity:
        Y = np.asarray((X > 0).all(axis=0, keepdims=True), np.float64)
    random = drawn(PAPER.name, seed)
    order = np.concatenate([random.permutation(4) for _ in range(passes)])
    shown, answers = X[:, order], 2 * Y[0, order] - 1
    mistakes = [i for _, i in notes.perceptron(shown, answers, iterations=1).updates]
    steps = answers[mistakes, None] * np.vstack([shown, np.ones(len(order))]).T[mistakes]
    return np.vstack([np.zeros(3), np.cumsum(steps, axis=0)])


def masks(X: Matrix, orders: Iterable[int]) -> Matrix:
    """φ_S(x) = Π_{i ∈ S} x_i, a row for each S of one of these sizes."""
    return np.array([X[list(S)].prod(axis=0) for k in orders for S in itertools.combinations(range(len(X)), k)])


def order_of_parity(n: int) -> int:
    """The least k for which some mask of k bits or fewer is more often right than wrong: below, no weights exist."""
    X, Y = notes.parity(n)
    agreed = (k for k in range(1, n + 1) if np.abs(masks(X, [k]) @ (2 * Y[0] - 1)).max() > 0)
    return next(agreed)


def mistakes_on_parity(n: int, seed: int) -> int:
    """How many mistakes the perceptron makes on all 2ⁿ patterns and all masks, the empty one being its bias."""
    X, Y = notes.parity(n)
    order = drawn(PAPER.name, seed, n).permutation(2**n)
    found = notes.perceptron(masks(X, range(1, n + 1))[:, order], Y[:, order], iterations=2**n)
    return len(found.updates)


def _figure(xor: Matrix, both: Matrix, orders: dict[int, int], made: dict[int, list[int]]) -> Chart:
    shown = 40
    on_and_on, ends = ([float(np.linalg.norm(w)) for w in W] for W in (xor[:shown], both))
    marks: list[Mark] = [
        Line(range(len(on_and_on)), on_and_on, VALIDATION, "XOR, on and on"),
        Line(range(len(ends)), ends, TRAINING, "AND, ends", dots=True),
    ]
    n = [*made]
    powers = [(float(k), f"{2**k}") for k in n]
    counts: list[Mark] = [
        Line(n, n, VALIDATION, "2ⁿ, Novikoff's bound"),
        Points([k for k in n for _ in made[k]], [float(np.log2(m)) for k in n for m in made[k]], TRAINING, "mistakes"),
    ]
    names = [f"{k} bits" for k in n]
    order: list[Mark] = [Bars(names, [orders[k] for k in n], TRAINING, told=[str(orders[k]) for k in n])]
    return Chart(
        "what one layer cannot do",
        [
            Panel("the weights", "mistakes so far", "length of (w, b)", marks),
            Panel("order of parity", "bits that a mask must look at", "", order),
            Panel("mistakes until parity is learned", "bits", "mistakes", counts, whole=True, y_ticks=powers),
        ],
        width=350,
        height=320,
    )


PAPER = Paper(
    "minsky1969",
    1969,
    "Minsky & Papert",
    "Perceptrons: an introduction to computational geometry",
    "MIT Press",
    run,
)

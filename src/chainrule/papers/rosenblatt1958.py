"""The perceptron tells left from right on a retina (Rosenblatt, 1958); its mistakes are bounded (Novikoff, 1962)."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import numpy as np
from numpy.typing import NDArray

from chainrule import notes
from chainrule.charts import TRAINING, VALIDATION, Chart, Line, Mark, Panel, Points, Squares
from chainrule.papers.experiment import as_seeds, experiment
from chainrule.papers.result import Paper, Result, Row, drawn, spread

Matrix = NDArray[np.float64]

RETINA, SQUARE = 20, 4
"""Photocells along each side of the retina; and of the square that is marked on a card."""

SEEN = (5, 10, 20, 30, 40, 50, 75, 100, 150, 200)
"""After how many cards the perceptron is examined."""

MARGINS = (0.02, 0.05, 0.1, 0.2, 0.4)
"""γ of the examples for Novikoff's theorem."""


@experiment()
def run(seeds: int | Iterable[int] = range(10), *, units: int = 512, examined: int = 500) -> Result:
    """Show a perceptron cards with a square on the left or on the right; and count its mistakes at known margins.

    20 × 20 photocells go to `units` association units, a = 1 where the sum of 10 of the cells, 5 of them with −1, is
    above 0, which cells is drawn once; and these to one unit, which learns: w ← w + y a, b ← b + y at each mistake.

    The mistakes of Novikoff's theorem: 100 examples of 20 numbers and length 1, each between γ and 2 γ away from a
    drawn plane, shown over and over until a pass without a mistake.

    Args:
        seeds: of the connections, the cards and the examples.
        units: association units. examined: how many new cards are asked for after some have been seen.
    """
    seeds = as_seeds(seeds)
    learned = [_learned(drawn(PAPER.name, seed, 0), units, examined) for seed in seeds]
    bounds = [[_mistakes(drawn(PAPER.name, seed, 1, i), gamma) for i, gamma in enumerate(MARGINS)] for seed in seeds]
    numbers = {f"right after {seen} cards": [right[i] for right, _ in learned] for i, seen in enumerate(SEEN)}
    for i, gamma in enumerate(MARGINS):
        numbers[f"mistakes at γ = {gamma}"] = [float(found[i][0]) for found in bounds]
        numbers[f"(R/γ)² at γ = {gamma}"] = [found[i][1] for found in bounds]
    shares = [made / bound for found in bounds for made, bound in found]
    made = " | ".join(spread(numbers[f"mistakes at γ = {gamma}"]) for gamma in (MARGINS[-1], MARGINS[0]))
    rows = [
        Row(
            "cards right, after 50 were seen",
            "learned after 50 trials",
            spread(numbers["right after 50 cards"], percent=True),
            "What was on the cards is not told; here a square of 4 × 4 lies anywhere on its side.",
            "checked",
        ),
        Row("cards right, after 200", "–", spread(numbers["right after 200 cards"], percent=True)),
        Row(
            "mistakes, as a part of (R/γ)²",
            "at most 1",
            f"{min(shares):.2f} to {max(shares):.2f}",
            "The theorem holds for the worst order of the worst examples; parity gets there (Minsky & Papert).",
            "memory",
        ),
        Row(f"mistakes at γ = {MARGINS[-1]} | {MARGINS[0]}", "–", made),
    ]
    return Result(PAPER, seeds, numbers, rows, _figure(learned, bounds))


def cards(random: np.random.Generator, m: int) -> tuple[Matrix, Matrix]:
    """X (400, m) of 0 and 1, a square on each card; Y (1, m), 1 for those on the right."""
    right = random.integers(0, 2, m)
    X = np.zeros((m, RETINA, RETINA))
    rows = random.integers(0, RETINA - SQUARE + 1, m)
    columns = random.integers(0, RETINA // 2 - SQUARE + 1, m) + RETINA // 2 * right
    for x, i, j in zip(X, rows, columns, strict=True):
        x[i : i + SQUARE, j : j + SQUARE] = 1
    return X.reshape(m, -1).T, right[None, :].astype(np.float64)


def connections(random: np.random.Generator, units: int) -> Matrix:
    """(units, 400): 5 times 1 and 5 times −1 in each row."""
    C = np.zeros((units, RETINA**2))
    for row in C:
        row[random.choice(RETINA**2, 10, replace=False)] = np.repeat((1.0, -1.0), 5)
    return C


def _learned(random: np.random.Generator, units: int, examined: int) -> tuple[list[float], Matrix]:
    """Which part of new cards is right after so many were seen once, and what each photocell then counts for."""
    C = connections(random, units)
    (X, Y), (X_new, Y_new) = cards(random, SEEN[-1]), cards(random, examined)
    A, A_new = (C @ X > 0).astype(np.float64), (C @ X_new > 0).astype(np.float64)
    found = [notes.perceptron(A[:, :seen], Y[:, :seen], iterations=1) for seen in SEEN]
    return [float((one.predict(A_new) == Y_new).mean()) for one in found], C.T @ found[-1].w


def separable(random: np.random.Generator, gamma: float, m: int = 100, n: int = 20) -> tuple[Matrix, Matrix, float]:
    """X (n, m) of length 1 and Y (1, m) of ±1, at least γ away from a plane through 0; and that least distance."""
    w, U = random.standard_normal(n), random.standard_normal((m, n))
    w /= np.linalg.norm(w)
    U -= np.outer(U @ w, w)
    U /= np.linalg.norm(U, axis=1, keepdims=True)
    y, away = random.choice((-1.0, 1.0), m), random.uniform(gamma, 2 * gamma, m)
    X = (y * away)[:, None] * w + np.sqrt(1 - away**2)[:, None] * U
    return X.T, y[None, :], float(away.min())


def _mistakes(random: np.random.Generator, gamma: float) -> tuple[int, float]:
    """How many mistakes the perceptron makes until it makes none, and (R/γ)². R counts the 1 that b weighs, too."""
    X, Y, least = separable(random, gamma)
    found = notes.perceptron(X, Y, iterations=10_000)
    return len(found.updates), float((X**2).sum(axis=0).max() + 1) / least**2


def _figure(learned: list[tuple[list[float], Matrix]], bounds: Sequence[Sequence[tuple[int, float]]]) -> Chart:
    sees = learned[0][1].reshape(RETINA, RETINA)
    blank = [""] * RETINA
    curves: list[Mark] = [Line(SEEN, right, TRAINING, pale=True) for right, _ in learned]
    curves.append(Line(SEEN, np.mean([right for right, _ in learned], axis=0), TRAINING, "mean of all seeds"))
    made, bound = (np.log10([pair[i] for found in bounds for pair in found]) for i in (0, 1))
    ends = [float(bound.min()), float(bound.max())]
    x, y = ([(float(power), f"{10**power:,}") for power in powers] for powers in ((2, 3), (1, 2, 3)))
    mistakes: Sequence[Mark] = [
        Line(ends, ends, VALIDATION, "(R/γ)², the bound"),
        Points(bound, made, TRAINING, "mistakes"),
    ]
    return Chart(
        "the perceptron of 1958",
        [
            Panel(
                "what each photocell counts for",
                "the retina; blue: right, orange: left",
                "",
                [Squares(blank, blank, sees)],
            ),
            Panel("left or right", "cards seen", "part of new cards that is right", curves),
            Panel("mistakes until all are right", "(R/γ)²", "mistakes", mistakes, ticks=x, y_ticks=y),
        ],
        width=360,
        height=340,
    )


PAPER = Paper(
    "rosenblatt1958",
    1958,
    "Rosenblatt",
    "The perceptron: a probabilistic model for information storage and organization in the brain",
    "Psychological Review 65, 386–408",
    run,
    ("Novikoff (1962), On convergence proofs on perceptrons. Symposium on the Mathematical Theory of Automata.",),
)

"""What the trainings of many experiments share: how they are run, what is measured of them, and how they are drawn."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from chainrule.charts import Line, Mark
from chainrule.engines import blas_held, held_to
from chainrule.layers import Network
from chainrule.training import History
from chainrule.training.train import train

Matrix = NDArray[Any]


def quietly(net: Network, X: Matrix, y: Matrix, *, seed: int, **options: Any) -> History:
    """`train`, by one thread, so that a machine's number of them shows in no number, and without progress and hints.

    Args:
        seed: of the order of the examples, and of what is dropped. options: the others of `chainrule.train`.
    """
    return train(net, X, y, threads=1, seed=seed, progress=False, hints=False, **options)


@contextmanager
def alone() -> Iterator[None]:
    """Let NumPy compute by one thread: on matrices so small, several wait for each other more than they compute."""
    with held_to(1), blas_held():
        yield


def part_wrong(y: Matrix, A: Matrix) -> float:
    """The part of the examples, labels y (m,), whose largest output in A (m, n) is not the one of their label."""
    return float(np.mean(np.asarray(A).argmax(axis=1) != np.asarray(y)))


def first_there(reached: ArrayLike, each: int) -> float:
    """How many updates, or examples, it took to get there: NaN for never.

    Args:
        reached: (epochs,), whether it was there after each epoch. each: of them in an epoch.
    """
    there = np.flatnonzero(reached)
    return float(each * (there[0] + 1)) if len(there) else float("nan")


def courses(x: Sequence[float] | Matrix, of_seeds: ArrayLike, colour: str, label: str, **options: Any) -> list[Mark]:
    """A pale line for each seed, and their median above them.

    Args:
        x: (n,). of_seeds: (seeds, n). label: of the median. options: how it is drawn, such as dots=True.
    """
    y = np.asarray(of_seeds, np.float64)
    pale: list[Mark] = [Line(x, one, colour, pale=True) for one in y]
    return [*pale, Line(x, np.median(y, axis=0), colour, label, **options)]

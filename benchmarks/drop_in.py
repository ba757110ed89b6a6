"""`fit` of the drop-in beside scikit-learn's, same settings and epochs, in turn: `python -m benchmarks.drop_in`."""

import argparse
import csv
import os
import time
import warnings
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from typing import Any

import numpy as np
from numpy.typing import NDArray
from rich.console import Console
from rich.table import Table
from sklearn import neural_network as theirs
from sklearn.datasets import load_digits, make_regression
from sklearn.preprocessing import OneHotEncoder, scale

from chainrule import sklearn as ours

REST = 0.3
"""Seconds before each turn: a BLAS keeps its threads awake for a moment after the last product, on others' cores."""
AGREEMENT = 0.02
"""How far the final losses may lie apart, as a part of them."""
DATA = Path(os.environ.get("CHAINRULE_DATA", Path(__file__).parents[2] / "shared" / "data"))

Examples = tuple[NDArray[Any], NDArray[Any]]


@dataclass(frozen=True)
class Row:
    """Data, and which of the two estimators learns them with its defaults for a number of epochs."""

    name: str
    kind: str
    data: Callable[[], Examples]
    epochs: int


def digits() -> Examples:
    """1,797 pictures of 8 by 8, from 0 to 1; ten classes."""
    X, y = load_digits(return_X_y=True)
    return X / 16, y


def adult() -> Examples:
    """The census of `adult.csv`: numbers standardized, categories one-hot; above 50K or not.

    Raises:
        FileNotFoundError: the file is not in the folder that CHAINRULE_DATA names.
    """
    with open(DATA / "adult.csv", newline="") as file:
        names, *lines = csv.reader(file)
    columns = dict(zip(names, np.array(lines).T, strict=True))
    y = columns.pop("income")
    numeric = [name for name, column in columns.items() if all(cell.isdigit() for cell in column)]
    numbers = scale(np.column_stack([columns.pop(name).astype(float) for name in numeric]))
    return np.hstack([numbers, OneHotEncoder(sparse_output=False).fit_transform(np.array(list(columns.values())).T)]), y


def regression() -> Examples:
    """100,000 examples of 50 features, and a standardized target."""
    X, y = make_regression(100_000, 50, n_informative=20, noise=10, random_state=0)
    return X, scale(y)


ROWS = [
    Row("digits, 1,797 x 64", "MLPClassifier", digits, epochs=100),
    Row("Adult, one-hot", "MLPClassifier", adult, epochs=10),
    Row("regression, 100,000 x 50", "MLPRegressor", regression, epochs=5),
]


def fit(library: Any, row: Row, X: NDArray[Any], y: NDArray[Any]) -> tuple[float, float]:
    """Seconds and the final loss of one `fit`."""
    estimator = getattr(library, row.kind)(random_state=0, max_iter=row.epochs, tol=0.0, n_iter_no_change=row.epochs)
    time.sleep(REST)
    with warnings.catch_warnings(action="ignore"):
        began = time.perf_counter()
        estimator.fit(X, y)
        return time.perf_counter() - began, estimator.loss_


def measure(row: Row, dtype: str, times: int) -> dict[str, list[tuple[float, float]]]:
    """What each library took, and where it came to, as often as asked for; a first turn does not count."""
    X, y = row.data()
    X = X.astype(dtype)
    found: dict[str, list[tuple[float, float]]] = {"scikit-learn": [], "chainrule": []}
    for turn in range(times + 1):
        for name, library in (("scikit-learn", theirs), ("chainrule", ours)):
            result = fit(library, row, X, y)
            if turn:
                found[name].append(result)
    return found


def main() -> None:
    """Print a line for each row and type of X."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.drop_in", description=__doc__)
    parser.add_argument("--times", type=int, default=5, help="turns that count, after one that does not (default 5)")
    times = parser.parse_args().times
    table = Table("data", "X", "scikit-learn s", "chainrule s", "times as fast", "final losses", title="fit, medians")
    for row in ROWS:
        for dtype in ("float64", "float32"):
            try:
                found = measure(row, dtype, times)
            except FileNotFoundError as absent:
                table.add_row(row.name, dtype, f"{absent.filename} is absent")
                continue
            (a, b), (loss_a, loss_b) = zip(
                *((median(seconds for seconds, _ in them), them[-1][1]) for them in found.values()), strict=True
            )
            spreads = [
                f"{at:.2f} ({min(them)[0]:.2f}-{max(them)[0]:.2f})"
                for at, them in zip((a, b), found.values(), strict=True)
            ]
            agrees = abs(loss_b - loss_a) <= AGREEMENT * abs(loss_a)
            ratio = f"{a / b:.1f}" if agrees else "void: another loss"
            table.add_row(row.name, dtype, *spreads, ratio, f"{loss_a:.5f} {loss_b:.5f}")
    Console(width=120).print(table)


if __name__ == "__main__":
    main()

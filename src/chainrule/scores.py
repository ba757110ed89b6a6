"""How right predictions are, as functions of arrays: of labels, of scores and probabilities, and of values.

Each is what scikit-learn's function of that name gives, at the cost of a few passes over the examples.
"""

from __future__ import annotations

import math
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray


class Counts(NamedTuple):
    """Of each of n labels how often it is true, how often it was decided on, and how often rightly; each (n,)."""

    true: NDArray[np.intp]
    decided: NDArray[np.intp]
    right: NDArray[np.intp]


def counts_of_classes(true: NDArray[np.intp], decided: NDArray[np.intp], n: int) -> Counts:
    """Of each class; `true` and `decided` are (m,) class numbers from 0 to n − 1."""
    of_each = (np.bincount(labels, minlength=n) for labels in (true, decided, true[true == decided]))
    return Counts(*of_each)


def counts_of_answers(true: NDArray[np.intp], decided: NDArray[np.intp]) -> Counts:
    """Of yes in each question; `true` and `decided` are (m, n), 1 for yes and 0 for no."""
    return Counts(true.sum(axis=0), decided.sum(axis=0), (true & decided).sum(axis=0))


def accuracy(true: NDArray[Any], decided: NDArray[Any]) -> float:
    """The share of the examples (m, n) with all n labels right."""
    right = true == decided
    return float((right if right.shape[1] == 1 else right.all(axis=1)).mean())


def balanced_accuracy(counts: Counts) -> float:
    """The mean over the labels that there are of the share that was found."""
    there = counts.true > 0
    return float((counts.right[there] / counts.true[there]).mean())


def precision(counts: Counts) -> float:
    """right / decided, the mean over the labels; 0 for one that was never decided on."""
    return _mean_share(counts.right, counts.decided)


def recall(counts: Counts) -> float:
    """right / true, the mean over the labels; 0 for one that there is not."""
    return _mean_share(counts.right, counts.true)


def f1(counts: Counts) -> float:
    """2 right / (true + decided), the harmonic mean of precision and recall, the mean over the labels."""
    return _mean_share(2 * counts.right, counts.true + counts.decided)


def _mean_share(part: NDArray[np.intp], whole: NDArray[np.intp]) -> float:
    return float(np.divide(part, whole, out=np.zeros(len(part)), where=whole > 0).mean())


def roc_auc(yes: NDArray[np.bool_], score: NDArray[Any]) -> float:
    """The share of the pairs of a yes and a no in which yes has the greater score; a pair with equal ones counts half.

    Args:
        yes: (m,). score: (m,), finite.

    Returns:
        NaN where all are yes, or all are no.
    """
    of_yes, of_no = np.sort(score[yes]), np.sort(score[~yes])
    if not (len(of_yes) and len(of_no)):
        return math.nan
    below, not_above = (np.searchsorted(of_no, of_yes, side).sum() for side in ("left", "right"))
    return float((below + not_above) / (2 * len(of_yes) * len(of_no)))


def average_precision(yes: NDArray[np.bool_], score: NDArray[Any]) -> float:
    """Σ (Rₖ − Rₖ₋₁) Pₖ over the thresholds from above, recall R and precision P: the area under their curve in steps.

    Args:
        yes: (m,). score: (m,), finite.

    Returns:
        NaN where none is yes.
    """
    if not yes.any():
        return math.nan
    order = np.argsort(-score, kind="stable")
    sorted_scores, found = score[order], np.cumsum(yes[order])
    ends = np.flatnonzero(np.append(sorted_scores[1:] != sorted_scores[:-1], True))  # equal scores are taken together
    gained = np.diff(found[ends], prepend=0)
    return float((gained * found[ends] / (ends + 1)).sum() / found[-1])


def log_loss(p: NDArray[np.float64]) -> float:
    """The mean of −log p of the labels that are true; p is kept off 0 and 1 by the precision of float64."""
    least = np.finfo(np.float64).eps
    return float(-np.log(np.clip(p, least, 1 - least)).mean())


def mse(y: NDArray[Any], output: NDArray[Any]) -> float:
    """The mean of the squared errors of values (m, n)."""
    return float(np.square(_errors(y, output)).mean())


def rmse(y: NDArray[Any], output: NDArray[Any]) -> float:
    """√mse, over all errors at once."""
    return math.sqrt(mse(y, output))


def mae(y: NDArray[Any], output: NDArray[Any]) -> float:
    """The mean of the absolute errors of values (m, n)."""
    return float(np.abs(_errors(y, output)).mean())


def r2(y: NDArray[Any], output: NDArray[Any]) -> float:
    """1 − Σ(y − ŷ)² / Σ(y − ȳ)², the mean over the columns of values (m, n).

    Where y does not vary it is 1 if all is right, else 0. NaN of a single example.
    """
    if len(y) < 2:
        return math.nan
    left = np.square(_errors(y, output)).sum(axis=0)
    there = np.square(_errors(y, y.mean(axis=0, dtype=np.float64))).sum(axis=0)
    of_constants = np.where(left > 0, 0.0, 1.0)
    return float(np.where(there > 0, 1 - left / np.where(there > 0, there, 1), of_constants).mean())


def _errors(y: NDArray[Any], output: NDArray[Any]) -> NDArray[np.float64]:
    return np.asarray(np.subtract(y, output, dtype=np.float64))

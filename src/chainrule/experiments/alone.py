"""How much each column tells by itself, which nothing that the other columns tell can hide."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from chainrule.data.source import Place
from chainrule.data.targets import Target

MOST, CELLS = 10_000, 2**22
"""Of no more training rows and numbers it is learned, and measured on no more others."""

FEWEST, SEVERAL = 20, 200
"""Of a label in fewer rows nothing is told; so many rows tell that a column holds categories."""

BINS = 40
"""A number is told apart by so many quantiles."""

TELLS = 0.9
"""A column that tells so much of the target by itself may be the target in another form."""

CERTAIN = 0.995
"""A category that tells so much of values has one for each."""

TORN, APART = 0.01, 0.1
"""In such a part of the rows may bands lie among others, and such a part of a range may the usual gap be."""


def alone(
    target: Target,
    X: NDArray[Any],
    Y: NDArray[Any],
    rows: NDArray[np.intp],
    others: NDArray[np.intp],
    places: Sequence[Place],
) -> dict[str, float]:
    """Of each column, by its name, which part of what there is to know it tells: 1 for all, 0 for nothing.

    That is (J of the baseline − J) / J of the baseline, J the log loss or the squared error, of what is found in rows
    that have the same value in this column: the shares of the classes or the mean, a little drawn to those of all.

    Args:
        rows: those to learn from. others: those to measure on.
    """
    rows, others = (_some(part, X.shape[1]) for part in (rows, others))
    learned, known = _as_matrix(target, Y[rows]), _as_matrix(target, Y[others])
    typical = learned.mean(axis=0)
    whole = _cost(target, np.broadcast_to(typical, known.shape), known)
    if not whole > 0:
        return {}
    found = {}
    for place in places:
        if place.bag:
            continue  # a text tells by many words, and not by itself
        values = X[:, place.start : place.stop]
        best = min(
            _cost(target, _means(bins[0], learned, typical, int(bins[0].max(initial=0)) + 1)[bins[1]], known)
            for bins in _binned(place, values[rows], values[others])
        )
        found[place.name] = round(1 - best / whole, 4)
    return found


def _some(rows: NDArray[np.intp], n_in: int) -> NDArray[np.intp]:
    """As many of these rows of n_in numbers as are looked at, from all over them."""
    most = max(200, min(MOST, CELLS // n_in))
    return rows[:: max(1, len(rows) // most)][:most]


def alone_of_label(
    target: Target,
    X: NDArray[Any],
    Y: NDArray[Any],
    rows: NDArray[np.intp],
    others: NDArray[np.intp],
    places: Sequence[Place],
) -> dict[str, str]:
    """Categories that tell by themselves whether it is one of several labels, each with that label.

    So does a column that has yes where the answer is that label, and no where it is any other; arguments as of `alone`.
    """
    if target.task != "classes":
        return {}
    rows, others = (_some(part, X.shape[1]) for part in (rows, others))
    learned, known = _as_matrix(target, Y[rows]), _as_matrix(target, Y[others])
    typical = learned.mean(axis=0)
    whole = _by_label(np.broadcast_to(typical, known.shape), known)
    often = np.minimum(known.sum(axis=0), len(known) - known.sum(axis=0)) >= FEWEST
    found = {}
    for place in places:
        if place.bag or not often.any():
            continue
        values = X[:, place.start : place.stop]
        if len(np.unique(values[rows[:SEVERAL]])) > 2:
            continue  # numbers tell much in nature, as the length of a leaf does of a plant
        bins = _binned(place, values[rows], values[others])[0]
        means = _means(bins[0], learned, typical, int(bins[0].max(initial=0)) + 1)[bins[1]]
        parts = np.where(often, 1 - _by_label(means, known) / np.maximum(whole, 1e-12), 0.0)
        if parts.max() >= TELLS:
            found[place.name] = str((target.classes or [])[int(parts.argmax())])
    return found


def _by_label(P: NDArray[np.float64], Y: NDArray[np.float64]) -> NDArray[np.float64]:
    """(k,): the log loss of each label against all others."""
    held = np.clip(P, 1e-12, 1 - 1e-12)
    return -np.asarray((Y * np.log(held) + (1 - Y) * np.log(1 - held)).mean(axis=0))


def telling(found: dict[str, float]) -> list[str]:
    """The columns that tell the target by themselves."""
    return [name for name, part in found.items() if part >= TELLS]


def are_bands(words: NDArray[Any], y: NDArray[np.float64]) -> bool:
    """Whether categories are ranges of y, as those that were made of it, and no things of different size.

    Along y (m,) each then comes once, without a gap before the next; shops that sell more or less overlap, or lie
    apart.
    """
    order = np.argsort(y, kind="stable")
    sorted_words, sorted_y = words[order], y[order]
    changes = np.flatnonzero(sorted_words[1:] != sorted_words[:-1]) + 1
    n = len(np.unique(words))
    if len(changes) > n - 1 + TORN * len(y):
        return False
    ends = np.concatenate([[0], changes, [len(y)]])
    ranges = sorted_y[ends[1:] - 1] - sorted_y[ends[:-1]]
    gaps = sorted_y[changes] - sorted_y[changes - 1]
    return bool(np.median(gaps) <= APART * np.median(ranges))


def _as_matrix(target: Target, Y: NDArray[Any]) -> NDArray[np.float64]:
    """(m, k): shares of each class, of yes and no, or the values as the network learns them."""
    if target.task == "values":
        learned = target.learned(Y)
        return np.asarray((learned - learned.mean(axis=0)) / np.maximum(learned.std(axis=0), 1e-300))
    if target.task == "classes":
        return np.asarray(np.eye(target.n_out)[Y])
    return np.asarray(Y.reshape(len(Y), -1), np.float64)


def _cost(target: Target, A: NDArray[np.float64], Y: NDArray[np.float64]) -> float:
    if target.task == "values":
        return float(((A - Y) ** 2).mean())
    held = np.clip(A, 1e-12, 1 - 1e-12)
    yes = -(Y * np.log(held)).sum(axis=1)
    return float((yes if target.task == "classes" else yes - ((1 - Y) * np.log(1 - held)).sum(axis=1)).mean())


def _means(bins: NDArray[np.intp], Y: NDArray[np.float64], typical: NDArray[np.float64], n: int) -> NDArray[np.float64]:
    """(n + 1, k): the mean of each bin, one row of all rows added to it; the last of a bin that nobody has met."""
    sums = np.zeros((n + 1, Y.shape[1]))
    np.add.at(sums, bins, Y)
    counts = np.bincount(bins, minlength=n + 1)[:, None]
    return np.asarray((sums + typical) / (counts + 1))


def _binned(
    place: Place, values: NDArray[Any], others: NDArray[Any]
) -> list[tuple[NDArray[np.intp], NDArray[np.intp]]]:
    """The bins of the values to learn from and of the others, in one way or in several, a column each."""
    if place.tokens:
        first = int(min(values.min(initial=0), others.min(initial=0)))
        pair = [part[:, 0].astype(np.intp) - first for part in (values, others)]
    elif values.shape[1] > 1 and np.isin(values[:100], (0, 1)).all() and (values[:100].sum(axis=1) <= 1).all():
        pair = [np.where(part.any(axis=1), part.argmax(axis=1), part.shape[1]) for part in (values, others)]
    else:
        return [_quantiles(a, b) for a, b in zip(values.T, others.T, strict=True)]
    n = int(pair[0].max(initial=0)) + 1
    return [(pair[0], np.minimum(pair[1], n))]


def _quantiles(values: NDArray[Any], others: NDArray[Any]) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
    edges = np.unique(np.quantile(values, np.linspace(0, 1, BINS + 1)[1:-1], method="nearest"))
    bins, more = np.searchsorted(edges, values, "left"), np.searchsorted(edges, others, "left")
    return bins, np.minimum(more, int(bins.max(initial=0)) + 1)

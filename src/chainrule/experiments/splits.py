"""Splits the examples into those to train on, to validate and to test."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from chainrule.checking import real
from chainrule.data.source import Source
from chainrule.errors import DataError
from chainrule.randomness import stream


@dataclass(frozen=True)
class Splits:
    """Which examples are trained on, watched while training, and kept for the end, as row numbers that rise."""

    train: NDArray[np.intp]
    validation: NDArray[np.intp]
    test: NDArray[np.intp]


def split(source: Source, Y: NDArray[Any], test: float, validation: float, seed: int) -> Splits:
    """Split the examples in three, the same way for the same seed.

    Where the examples have groups, each group is in one part. Where they have moments, the test part is what came last,
    and the validation part what came before it, unless the source scatters it; windows are parted in each series, and
    one that reaches into a later part is in none. Otherwise they are drawn; labels keep their shares where they can,
    and the only example of a label is trained on. In each part the examples stand as they do in the source.

    Args:
        source: the examples. Y: what is to be predicted, as numbers.
        test: the part of all examples to keep for the end. validation: the part of the others to watch.

    Raises:
        DataError: too few examples, groups or moments for three parts.
        OptionError: a share outside [0, 1).
    """
    test = real("the test part", test, low=0, high=1, open="low high")
    validation = real("the validation part", validation, low=0, high=1, open="high")
    m = len(source)
    sizes = _size(m, test), _size(m - _size(m, test), validation)
    if m < 10:
        few = f"{m} examples are too few for parts to train, to validate and to test"
        raise DataError(f"{few}: it takes 10 or more{source.more}.")
    if m - sum(sizes) < 2:
        raise DataError(f"of {m} examples, {sizes[0]} to test and {sizes[1]} to validate leave too few to train with.")
    rest, for_test = hold_out(source, Y, np.arange(m), test, stream("test part", seed), by_time=True)
    return Splits(*watched(source, Y, rest, validation, seed), for_test)


def watched(
    source: Source, Y: NDArray[Any], rows: NDArray[np.intp], share: float, seed: int
) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
    """Of the rows that are not kept for the end, those to learn from and those to watch, about that share of them."""
    random = stream("validation part", seed)
    return hold_out(source, Y, rows, share, random, by_time=not source.scattered)


def _size(m: int, share: float) -> int:
    return int(np.ceil(m * share))


def hold_out(
    source: Source,
    Y: NDArray[Any],
    rows: NDArray[np.intp],
    share: float,
    random: np.random.Generator,
    *,
    by_time: bool,
) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
    """These rows without those held out, and those held out, about that share of them; see `split`."""
    size = _size(len(rows), share)
    if size == 0:
        return rows, rows[:0]
    if source.groups is not None:
        return _by_group(source, rows, size / len(rows), random)
    if by_time and source.moments is not None:
        return source.before_and_after(rows, share) or _by_time(source, rows, size)
    held_out = np.zeros(len(rows), bool)
    for places, quota in _quotas(Y, rows, size, random):
        held_out[random.choice(places, quota, replace=False, shuffle=False)] = True
    return rows[~held_out], rows[held_out]


def _by_group(
    source: Source, rows: NDArray[np.intp], share: float, random: np.random.Generator
) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
    """Hold out that share of the groups."""
    assert source.groups is not None
    different, groups = np.unique(source.groups[rows], return_inverse=True)
    n = len(different)
    if n < 2:
        raise DataError(f"in {source.name} there are too few groups for parts to train, to validate and to test.")
    held_out = (random.permutation(n) < min(_size(n, share), n - 1))[groups]
    return rows[~held_out], rows[held_out]


def _by_time(source: Source, rows: NDArray[np.intp], size: int) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
    """Split by time into past and future; examples of one moment stay together."""
    assert source.moments is not None
    moments = source.moments[rows]
    later = moments >= np.sort(moments)[-size]
    if later.all():
        later = moments > moments.min()
    if not later.any():
        raise DataError(f"in {source.name} everything is of the same time: there is no past to train on.")
    return rows[~later], rows[later]


def _quotas(
    Y: NDArray[Any], rows: NDArray[np.intp], size: int, random: np.random.Generator
) -> Iterable[tuple[NDArray[np.intp], int]]:
    """Where among the rows the examples of each class are, and how many of them to hold out.

    That is the class's share of `size`, to the nearest whole numbers that add up to it; none of a class with a single
    example. Where there are no classes, or too many for a part, all rows are taken for one.
    """
    all_rows = [(np.arange(len(rows)), size)]
    if Y.dtype.kind != "i" or Y.ndim > 1:
        return all_rows
    labels = Y[rows]
    counts = np.bincount(labels)
    several = np.where(counts > 1, counts, 0)
    classes, m = np.count_nonzero(several), several.sum()
    if not 1 <= classes <= min(size, m - size):
        return all_rows
    quotas, remainders = np.divmod(several * size, m)
    in_any_order = random.permutation(len(counts))
    by_remainder = in_any_order[np.argsort(-remainders[in_any_order], kind="stable")]
    quotas[by_remainder[: size - quotas.sum()]] += 1
    small = labels.astype(np.min_scalar_type(len(counts)))  # NumPy sorts up to 16 bits in a few passes
    places = np.split(np.argsort(small, kind="stable"), counts.cumsum()[:-1])
    return zip(places, quotas.tolist(), strict=True)

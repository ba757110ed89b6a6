"""Splits the examples into those to train on, to validate and to test."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from chainrule.checking import real
from chainrule.data.source import Source
from chainrule.errors import DataError
from chainrule.randomness import legacy_stream

ALONE = -1


@dataclass(frozen=True)
class Splits:
    """Which examples are trained on, watched while training, and kept for the end, as row numbers."""

    train: NDArray[np.intp]
    validation: NDArray[np.intp]
    test: NDArray[np.intp]


def split(source: Source, Y: NDArray[Any], test: float, validation: float, seed: int) -> Splits:
    """Split the examples in three, the same way for the same seed.

    Where the examples have groups, each group is in one part. Where they have moments, the test part is what came last,
    and the validation part what came before it, unless the source scatters it; an example that reaches into a later
    part is in none. Otherwise they are shuffled; labels keep their shares where they can, and the only example of a
    label is trained on.

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
    rest, for_test = hold_out(source, Y, np.arange(m), test, legacy_stream("test part", seed), by_time=True)
    random = legacy_stream("validation part", seed)
    train, to_watch = hold_out(source, Y, rest, validation, random, by_time=not source.scattered)
    return Splits(train, to_watch, for_test)


def _size(m: int, share: float) -> int:
    return int(np.ceil(m * share))


def hold_out(
    source: Source,
    Y: NDArray[Any],
    rows: NDArray[np.intp],
    share: float,
    random: np.random.RandomState,
    *,
    by_time: bool,
) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
    """These rows without those held out, and those held out, about that share of them; see `split`."""
    size = _size(len(rows), share)
    if size == 0:
        return rows, rows[:0]
    from sklearn.model_selection import GroupShuffleSplit, train_test_split

    if source.groups is not None:
        groups = source.groups[rows]
        if len(np.unique(groups)) < 2:
            raise DataError(f"in {source.name} there are too few groups for parts to train, to validate and to test.")
        division = GroupShuffleSplit(1, test_size=size / len(rows), random_state=random)
        first, second = next(division.split(rows, groups=groups))
        return rows[first], rows[second]
    if by_time and source.moments is not None:
        return _by_time(source, rows, size)
    strata = _strata(Y, rows, size)
    alone = np.zeros(len(rows), bool) if strata is None else strata == ALONE
    to_divide, of_them = rows[~alone], None if strata is None else strata[~alone]
    first, second = train_test_split(to_divide, test_size=size, random_state=random, stratify=of_them)
    return np.concatenate([first, rows[alone]]), second


def _by_time(source: Source, rows: NDArray[np.intp], size: int) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
    """Split by time into past and future; examples of one moment stay together."""
    assert source.moments is not None
    moments = source.moments[rows]
    later = moments >= np.sort(moments)[-size]
    if later.all():
        later = moments > moments.min()
    if not later.any():
        raise DataError(f"in {source.name} everything is of the same time: there is no past to train on.")
    if source.ends is None:
        return rows[~later], rows[later]
    earlier = source.ends[rows] < moments[later].min()
    if earlier.sum() < 2:
        raise DataError(f"{source.name} is too short: too few examples end before those begin that are held out.")
    return rows[earlier], rows[later]


def _strata(Y: NDArray[Any], rows: NDArray[np.intp], size: int) -> NDArray[np.intp] | None:
    """The classes that keep their shares in both parts; `ALONE` for the only example of its class.

    None where there are no classes, or too many for a part.
    """
    if Y.dtype.kind != "i" or Y.ndim > 1:
        return None
    _, strata, counts = np.unique(Y[rows], return_inverse=True, return_counts=True)
    several = counts >= 2
    if not 1 <= several.sum() <= min(size, counts[several].sum() - size):
        return None
    return np.where(several[strata], strata, ALONE)

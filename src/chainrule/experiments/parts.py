"""Examples to train with, to watch while training, and to keep for the end."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from chainrule.checking import real
from chainrule.errors import DataError


@dataclass(frozen=True)
class Parts:
    """The three parts of the examples, as row numbers."""

    train: NDArray[np.intp]
    validation: NDArray[np.intp]
    test: NDArray[np.intp]


def split(m: int, labels: NDArray[Any] | None, test: float, validation: float, seed: int) -> Parts:
    """Shuffle m examples into three parts, the same for the same seed; labels keep their shares where they can.

    Args:
        m: how many examples. labels: (m,), or None for values.
        test: the part of all examples to keep for the end. validation: the part of the others to watch.

    Raises:
        DataError: too few examples for three parts.
        OptionError: a share outside [0, 1).
    """
    from sklearn.model_selection import train_test_split

    test = real("the test part", test, low=0, high=1, open="low high")
    validation = real("the validation part", validation, low=0, high=1, open="high")
    rows = np.arange(m)
    sizes = int(np.ceil(m * test)), int(np.ceil((m - np.ceil(m * test)) * validation))
    if m < 10:
        raise DataError(f"{m} examples are too few for parts to train, to validate and to test: it takes 10 or more.")
    if m - sum(sizes) < 2:
        raise DataError(f"of {m} examples, {sizes[0]} to test and {sizes[1]} to validate leave too few to train with.")
    parts = []
    for size in sizes:
        part = rows[:0]
        if size:
            rows, part = train_test_split(rows, test_size=size, random_state=seed, stratify=_strata(labels, rows, size))
        parts.append(part)
    return Parts(train=rows, validation=parts[1], test=parts[0])


def _strata(labels: NDArray[Any] | None, rows: NDArray[np.intp], size: int) -> NDArray[Any] | None:
    """The labels to stratify by; None where a class or a part is too small for it."""
    if labels is None:
        return None
    counts = np.unique(labels[rows], return_counts=True)[1]
    possible = counts.min() >= 2 and len(counts) <= min(size, len(rows) - size)
    return labels[rows] if possible else None

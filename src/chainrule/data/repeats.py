"""Rows of a table that are there more than once, word for word; and what is said of pictures and texts that are."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from polars import DataFrame

SAMPLED = 50_000
"""About how many rows are looked at."""

SEED = 17

MOSTLY = 0.5
"""In such a part of the rows that are alike a value of their own tells that they are copies."""


def first_of_each(frame: DataFrame) -> NDArray[np.bool_]:
    """(m,): whether a row is the first one that holds what it does."""
    from chainrule.extras import polars as pl

    return comparable(frame).select(pl.struct(pl.all()).is_first_distinct()).to_series().to_numpy()


def comparable(frame: DataFrame) -> DataFrame:
    """The frame with Python's own objects as text, which polars can compare."""
    from chainrule.extras import polars as pl

    objects = [name for name, kind in frame.schema.items() if kind == pl.Object]
    return frame.with_columns([pl.Series(name, [*map(repr, frame[name])]) for name in objects])


def share_of_repeats(frame: DataFrame) -> float:
    """Which part of the rows repeats an earlier one; of many rows by some, among which are all that are alike."""
    if len(frame) > SAMPLED:  # rows that are alike are alike in one column, by which all of them are taken or none
        rows = frame.head(1000)
        widest = max(frame.columns, key=lambda name: rows[name].n_unique())
        frame = frame.filter(frame[widest].hash(0) % (len(frame) // SAMPLED + 1) == 0)
    return 1 - frame.n_unique() / len(frame) if len(frame) else 0.0


def are_copies(frame: DataFrame) -> bool:
    """Whether rows that are alike hold, as a rule, a value that no other row holds: rows of common values alone come
    again by themselves."""
    from chainrule.extras import polars as pl

    some = frame.gather_every(max(1, len(frame) // SAMPLED)) if len(frame) > SAMPLED else frame
    times = some.select(pl.len().over(some.columns).alias("times")).to_series().to_numpy()
    alike = times > 1
    if not alike.any():
        return False
    of_value = [some.select(pl.len().over(name)).to_series().to_numpy()[alike] for name in some.columns]
    own = np.any([n == times[alike] for n in of_value], axis=0)
    return bool(own.mean() >= MOSTLY)


def share_by_chance(frame: DataFrame) -> float:
    """Which part would repeat an earlier one if the columns had nothing to do with one another."""
    some = frame.gather_every(max(1, len(frame) // SAMPLED))
    mixed = some.with_columns([some[name].shuffle(SEED + i) for i, name in enumerate(some.columns)])
    return 1 - mixed.n_unique() / len(mixed) if len(mixed) else 0.0


def note_on_again(again: int, m: int, things: str, thing: str) -> list[str]:
    """A note on examples to test that are among those to train, if any are: these tell nothing of new ones.

    Args:
        again: so many of the m to test. things, thing: what they are called.
    """
    if again == 0:
        return []
    known = f"{again:,} of the {m:,} {things} to test {'is' if again == 1 else 'are'} among those to train, too"
    return [f"{known}: the figures are better than for new ones; keep each {thing} once"]


def note_on_contradictions(
    contents: NDArray[np.uint64], y: NDArray[Any], called: Sequence[Any], things: str
) -> list[str]:
    """A note on examples that are there in several classes, if any are.

    Args:
        contents: (m,) a number that tells what an example holds. y: (m,) its class. called: (m,) what it is called by.
        things: what such examples are called.
    """
    _, content = np.unique(contents, return_inverse=True)
    _, classes = np.unique(y, return_inverse=True)
    lowest, highest = (np.full(content.max(initial=0) + 1, fill) for fill in (len(classes), -1))
    np.minimum.at(lowest, content, classes)
    np.maximum.at(highest, content, classes)
    several = np.flatnonzero(lowest < highest)
    if not len(several):
        return []
    ones = np.flatnonzero(content == several[0])
    other = ones[classes[ones] != classes[ones[0]]][0]
    told = f"{called[ones[0]]} in {y[ones[0]]} and {called[other]} in {y[other]}"
    if len(several) == 1:
        return [f"{told} are the same: no network can be right about both; remove what is in the wrong class"]
    return [
        f"{len(several):,} {things} are there in several classes, such as {told}: no network can be right about both; "
        "remove those in the wrong class"
    ]


def numbers_of(contents: Iterable[Any], m: int) -> NDArray[np.uint64]:
    """(m,), numbers that are alike where the contents are, bytes or arrays of bytes."""
    from xxhash import xxh3_64_intdigest

    return np.fromiter(map(xxh3_64_intdigest, contents), np.uint64, m)

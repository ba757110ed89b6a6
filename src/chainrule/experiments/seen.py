"""Which examples a network was trained on: a sketch of them in its file, so that nobody measures it on these unawares.

Each example has a hash of what the network sees of it, and the smallest hashes are kept (Broder, 1997). Whoever has
other examples looks at those whose hashes are as small, and counts which of them are kept.
"""

from __future__ import annotations

import base64
import math
from typing import Any, NotRequired, TypedDict

import numpy as np
from numpy.typing import NDArray

from chainrule.data.chunks import scattered
from chainrule.data.source import Source, Spans
from chainrule.errors import ModelFileError
from chainrule.names import counted

KEPT = 512
"""How many hashes a model file has: of m training rows, of which each has the chance KEPT / m to be among them, some
2 m / KEPT that are measured tell with certainty that they were trained on."""

CELLS, FEWEST = 4_000_000, 2_000
"""About how many numbers are hashed at most, and of how many examples at least."""

BLOCK = 2**18
"""About how many numbers are hashed at a time."""

SURE = 3
"""So many standard errors must the share of known examples be above that of the held-out ones."""


class Seen(TypedDict):
    """A sketch of the training examples.

    Attributes:
        hashes: the smallest, in base64. share: how many of the training examples were hashed.
        alike: how many of those held out equal one that was; where there are copies, some do.
        until: of examples that follow each other in time, the last moment of each strand that was learned or chosen
            from; see `chainrule.data.source.Spans`.
    """

    hashes: str
    share: float
    alike: float
    until: NotRequired[dict[str, float]]


def sketch(X: NDArray[Any], train: NDArray[np.intp], held_out: NDArray[np.intp], m: int) -> Seen:
    """A sketch of the examples `train` of X, of m that were trained on in all.

    Args:
        X: (m, …) numbers. train, held_out: rows of X.
    """
    some = _some(X, train, draw=0)
    kept = np.unique(_hashes(X, some))[:KEPT]
    found, looked_at = _known(kept, X, held_out)
    written = base64.b64encode(kept.astype("<u8").tobytes()).decode()
    return Seen(hashes=written, share=len(some) / m, alike=found / max(looked_at, 1))


def last_moments(spans: Spans | None, rows: NDArray[np.intp]) -> dict[str, float] | None:
    """Of each strand the moment that these examples end with; None where examples do not follow each other."""
    if spans is None:
        return None
    names, strand = np.unique(np.asarray(spans.strand)[rows], return_inverse=True)
    found = np.full(len(names), -np.inf)
    np.maximum.at(found, strand, spans.end[rows])
    return dict(zip(names.tolist(), found.tolist(), strict=True))


def after_training(seen: Seen | None, source: Source, path: str) -> NDArray[np.intp] | None:
    """The examples that came after what was trained on, where others are of that; None where none of both is there.

    Raises:
        ModelFileError: the sketch is damaged.
    """
    if seen is None or "until" not in seen:
        return None
    spans, X = source.spans, source.known_by
    if spans is None or X is None:
        return None
    until = np.array([seen["until"].get(name, -np.inf) for name in spans.strand])
    later = spans.begin > until
    known = "" if later.all() or not later.any() else note_on_known(seen, X, np.flatnonzero(~later), path)
    return np.flatnonzero(later) if known else None


def note_on_known(seen: Seen | None, X: NDArray[Any], rows: NDArray[np.intp], path: str) -> str:
    """A note where more of these examples were trained on than of those held out, beyond chance; else "".

    Args:
        seen: None of a file that another version has made. X: (m, …) numbers. rows: those of X that are measured.
        path: the model file.

    Raises:
        ModelFileError: the sketch is damaged.
    """
    if seen is None:
        return ""
    try:
        kept = np.frombuffer(base64.b64decode(seen["hashes"], validate=True), "<u8").astype(np.uint64)
    except ValueError:
        kept = np.empty(0, np.uint64)
    if not (len(kept) and 0 < seen["share"] <= 1 and 0 <= seen["alike"] <= 1):
        raise ModelFileError(f"{path} is damaged: its sketch of the training examples is none.")
    found, looked_at = _known(kept, X, rows)
    usual, share = seen["alike"], found / max(looked_at, 1)
    if found < 2 or share <= usual + SURE * math.sqrt(max(usual * (1 - usual), 0.0) / looked_at):
        return ""
    exact = looked_at == len(rows) and seen["share"] == 1
    known = f"{found:,}" if exact else f"about {min(share / seen['share'], 1):.0%}"
    return (
        f"{known} of these {counted(len(rows), 'example')} are ones that the network was trained on, and whose answers "
        "it may know by heart: what it is worth, others tell"
    )


def _known(kept: NDArray[np.uint64], X: NDArray[Any], rows: NDArray[np.intp]) -> tuple[int, int]:
    """How many of these examples are among the kept ones, of how many that would have been kept."""
    hashes = _hashes(X, _some(X, rows, draw=1))
    if len(kept) == KEPT:
        hashes = hashes[hashes <= kept.max()]
    return int(np.isin(hashes, kept).sum()), len(hashes)


def _some(X: NDArray[Any], rows: NDArray[np.intp], draw: int) -> NDArray[np.intp]:
    """As many of the rows as are hashed: some of any, and in another draw others."""
    most = max(FEWEST, CELLS // math.prod(X.shape[1:]))
    if len(rows) <= most:
        return rows
    return np.sort(rows[np.argpartition(scattered(rows + draw * 2**40), most)[:most]])


def _hashes(X: NDArray[Any], rows: NDArray[np.intp]) -> NDArray[np.uint64]:
    """A number for each of the rows that depends on all of it: a sum with random odd factors, mixed."""
    width = math.prod(X.shape[1:])
    factors = scattered(np.arange(width)) | np.uint64(1)
    sums, together = np.zeros(len(rows), np.uint64), max(1, BLOCK // width)
    for begin in range(0, len(rows), together):
        part = X[rows[begin : begin + together]].reshape(-1, width)
        if part.dtype.kind == "f":
            part = (part.astype(np.float32) + np.float32(0)).view(np.uint32)  # of -0 what 0 has
        sums[begin : begin + together] = part.astype(np.uint64) @ factors
    return scattered(sums.view(np.int64))

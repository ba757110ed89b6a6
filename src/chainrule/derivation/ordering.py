"""The order of the cells in each layer of a drawing, so that few lines cross.

Layer by layer, forth and back, the cells are sorted by the mean place of their neighbours in the layer that was sorted
last (Sugiyama, Tagawa and Toda, 1981). Every other time, cells that tie change places, and of all orders that come up
the one with the fewest crossings is kept (Gansner et al., 1993).
"""

from __future__ import annotations

from bisect import bisect_right, insort
from collections.abc import Iterator, Sequence
from itertools import chain

Rows = list[list[int]]
"""The cells of each layer, in their order."""

SWEEPS, FEWEST, WORK = 24, 4, 200_000
"""How often the cells are sorted, and how seldom where there are many: so many that WORK cells are sorted in all."""


def few_crossings(layers: Sequence[int], segments: Sequence[tuple[int, int]]) -> Rows:
    """The order.

    Args:
        layers: the layer of each cell.
        segments: the pairs of cells that a line joins, each from one layer to the next.
    """
    before: list[list[int]] = [[] for _ in layers]
    after: list[list[int]] = [[] for _ in layers]
    for a, b in segments:
        before[b].append(a)
        after[a].append(b)
    sweeps = min(SWEEPS, max(FEWEST, WORK // max(len(layers), 1)))
    starts = (_depth_first(layers, before, after, from_end) for from_end in (True, False))
    return min(
        chain.from_iterable(_swept(rows, before, after, sweeps) for rows in starts), key=lambda r: crossings(r, before)
    )


def crossings(rows: Rows, before: Sequence[Sequence[int]]) -> int:
    """How many pairs of lines cross, where `before` are the neighbours of each cell in the layer before its own."""
    place = _places(rows)
    n = 0
    for row in rows:
        passed: list[int] = []  # where the lines to the cells so far come from, sorted
        for cell in row:
            froms = [place[k] for k in before[cell]]
            for here in froms:
                n += len(passed) - bisect_right(passed, here)
            for here in froms:
                insort(passed, here)
    return n


def _depth_first(layers: Sequence[int], before: Rows, after: Rows, from_end: bool) -> Rows:
    """The cells as a walk along the lines meets them, so that what is joined stands together."""
    rows: Rows = [[] for _ in range(max(layers, default=-1) + 1)]
    met: set[int] = set()
    waiting = sorted(range(len(layers)), key=layers.__getitem__, reverse=from_end)[::-1]  # the last one is next
    while waiting:
        cell = waiting.pop()
        if cell not in met:
            met.add(cell)
            rows[layers[cell]].append(cell)
            waiting += reversed(before[cell] + after[cell])
    return rows


def _swept(rows: Rows, before: Rows, after: Rows, sweeps: int) -> Iterator[Rows]:
    """The order as it is and after each sweep."""
    yield rows
    for sweep in range(sweeps):
        forth = sweep % 2 == 0
        place = _places(rows)
        turned = []
        for row in rows if forth else reversed(rows):
            mean = {cell: _mean(place, (before if forth else after)[cell] or [cell]) for cell in row}
            turned.append(sorted(row if sweep % 4 < 2 else reversed(row), key=mean.__getitem__))
            place.update((cell, k) for k, cell in enumerate(turned[-1]))
        rows = turned if forth else turned[::-1]
        yield rows


def _mean(place: dict[int, int], cells: list[int]) -> float:
    return place[cells[0]] if len(cells) == 1 else sum(place[cell] for cell in cells) / len(cells)


def _places(rows: Rows) -> dict[int, int]:
    return {cell: k for row in rows for k, cell in enumerate(row)}

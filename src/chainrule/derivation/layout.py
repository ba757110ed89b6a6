"""Where everything in a diagram stands: a layered layout, left to right or downwards.

Each edge is cut into cells, one in each layer that it crosses. One of them holds its label: the first, or the last
where other edges leave the same box, so that their labels, which are alike, do not stand side by side. Boxes, labels
and crossing lines are thus all cells, and cells of one layer never overlap. Lines run straight through their cells and
bend only in the gaps between layers, where nothing else is. The cells of each layer are put in an order with few
crossings; a linear program then moves them where the lines are straightest.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from itertools import accumulate, pairwise
from typing import Any

import numpy as np
from numpy.typing import NDArray

from chainrule.derivation.diagram import Box, Diagram
from chainrule.derivation.ordering import few_crossings
from chainrule.derivation.text import width
from chainrule.errors import OptionError

Point = tuple[float, float]

PAGE = 1200
"""The width of a page in pixels. What is wider from left to right is drawn downwards, if that is narrower."""

LABEL, DETAIL, NOTE = 15.0, 12.0, 12.5
"""The sizes of the letters: a box's label, its detail, and what stands at an edge."""

MOST_CELLS = 30_000
"""A drawing has at most so many boxes and crossings of a line with a layer; these take a second or two."""

MARGIN = 16.0
INPUTS_LEFT = 4
"""With at most so many columns, all inputs stand in the first, as on paper; in a deeper graph each is near its use."""


@dataclass(frozen=True)
class Rectangle:
    """Left, top, width and height, in pixels; y grows downwards."""

    x: float
    y: float
    width: float
    height: float


@dataclass(frozen=True)
class Note:
    """The two texts of an edge: where they stand, and the room that they take.

    Attributes:
        x: the middle of both texts, or their left end where `anchor` is "start".
        above, below: the baselines.
    """

    x: float
    above: float
    below: float
    anchor: str
    room: Rectangle


@dataclass(frozen=True)
class Layout:
    """Where everything stands.

    Attributes:
        boxes: one rectangle for each box. notes: one for each edge that has a text, by the edge's place.
        lines: for each edge its stations, straight from the first to the second, bent to the third, straight to the
            fourth, and so on.
        downwards: whether data flow from top to bottom, otherwise from left to right.
    """

    width: float
    height: float
    boxes: list[Rectangle]
    notes: dict[int, Note]
    lines: list[list[Point]]
    downwards: bool


def lay_out(diagram: Diagram, downwards: bool | None = None) -> Layout:
    """The layout.

    Args:
        downwards: from top to bottom, or from left to right. None is from left to right, unless the page is too narrow
            for that and the other is narrower.
    """
    if not diagram.boxes:
        return Layout(2 * MARGIN, 2 * MARGIN, [], {}, [], downwards=False)
    across, down = _Layers(diagram, downwards=False), _Layers(diagram, downwards=True)
    if len(down.cells) > MOST_CELLS:
        raise OptionError(
            f"the lines of this graph cross {len(down.cells):,} layers, and a drawing with more than {MOST_CELLS:,} of "
            "these cannot be read: draw a smaller part of it, such as the graph of one example or of fewer terms."
        )
    if downwards is not None:
        return (down if downwards else across).layout()
    if across.at_least()[0] <= PAGE:
        layout = across.layout()
        if layout.width <= PAGE:
            return layout
    return (down if down.at_least()[0] < across.at_least()[0] else across).layout()


def size(box: Box) -> tuple[float, float]:
    """The width and height of a box that holds its label and detail."""
    wide = max(width(box.label, LABEL), width(box.detail, DETAIL))
    return max(wide + (12 if box.kind == "constant" else 26), 34), 50 if box.detail else 34


@dataclass(frozen=True)
class _Cell:
    """A part of a layer. `length` lies along the flow; `before` and `after` lie across it, on the line's two sides."""

    layer: int
    length: float
    before: float
    after: float


@dataclass(frozen=True)
class _Term:
    """weight · max(0, |Σ factor · y_cell| − free): a wish about where cells lie, as a linear program takes it."""

    sides: list[tuple[int, float]]
    weight: float
    free: float = 0.0


class _Layers:
    """The cells of a diagram, box by box and then edge by edge, and the segments that join them."""

    def __init__(self, diagram: Diagram, *, downwards: bool):
        self.diagram = diagram
        self.downwards = downwards
        columns = _columns(diagram)
        self.cells = [self._box_cell(box, 2 * column) for box, column in zip(diagram.boxes, columns, strict=True)]
        self.paths: list[list[int]] = []
        self.labels: list[int] = []
        leaving = Counter(edge.source for edge in diagram.edges)
        for place, edge in enumerate(diagram.edges):
            between = range(2 * columns[edge.source] + 1, 2 * columns[edge.target])
            labelled = between[0] if leaving[edge.source] == 1 else between[-1]
            first = len(self.cells)
            self.labels.append(first + labelled - between[0])
            self.cells += [self._edge_cell(place, layer, labelled=layer == labelled) for layer in between]
            self.paths.append([edge.source, *range(first, len(self.cells)), edge.target])

    def _box_cell(self, box: Box, layer: int) -> _Cell:
        wide, high = size(box)
        length, across = (high, wide) if self.downwards else (wide, high)
        return _Cell(layer, length + 2 * _RUN, across / 2 + 8, across / 2 + 8)

    def _edge_cell(self, place: int, layer: int, *, labelled: bool) -> _Cell:
        edge = self.diagram.edges[place]
        if not (labelled and (edge.above or edge.below)):
            return _Cell(layer, 0, 7, 7)
        wide = max(width(edge.above, NOTE), width(edge.below, NOTE))
        if self.downwards:
            return _Cell(layer, _HIGH, 7, wide + _BESIDE + 8)
        return _Cell(layer, wide + 8, _HIGH / 2 + 3, _HIGH / 2 + 3)

    def at_least(self) -> Point:
        """A width and a height that the layout surely has, found without computing it."""
        long: dict[int, float] = {}
        wide: dict[int, float] = {}
        for cell in self.cells:
            long[cell.layer] = max(long.get(cell.layer, 0.0), cell.length)
            wide[cell.layer] = wide.get(cell.layer, 0.0) + cell.before + cell.after
        return self._point(sum(long.values()), max(wide.values()))

    def layout(self) -> Layout:
        rows = few_crossings([cell.layer for cell in self.cells], self._segments())
        across = _straightened(self.cells, rows, self._terms(), self._blocks(rows))
        courses = self._courses(across)
        starts, ends = self._along(rows, courses)
        middle = [(start + end) / 2 for start, end in zip(starts, ends, strict=True)]
        at = [self._point(middle[cell.layer], y) for cell, y in zip(self.cells, across, strict=True)]
        furthest = max(y + cell.after for y, cell in zip(across, self.cells, strict=True))
        wide, high = self._point(ends[-1] - _RUN + MARGIN, furthest + MARGIN - 8)
        return Layout(
            wide,
            high,
            [_around(at[k], *size(box)) for k, box in enumerate(self.diagram.boxes)],
            {
                place: self._note(at[cell], self.cells[cell])
                for place, (cell, edge) in enumerate(zip(self.labels, self.diagram.edges, strict=True))
                if edge.above or edge.below
            },
            [self._stations(*both, starts, ends) for both in zip(self.paths, courses, strict=True)],
            self.downwards,
        )

    def _segments(self) -> list[tuple[int, int]]:
        """The pairs of neighbouring cells on each edge."""
        return [pair for path in self.paths for pair in pairwise(path)]

    def _terms(self) -> list[_Term]:
        """What makes a line crooked, cell by cell; a long line, and one between operations, matters more."""
        inner = [box.kind in ("operation", "cost") for box in self.diagram.boxes]
        leaving = Counter(edge.source for edge in self.diagram.edges)
        arriving = Counter(edge.target for edge in self.diagram.edges if inner[edge.source])
        terms = []
        for path in self.paths:
            source, target = path[0], path[-1]
            weight = 2.5 if inner[source] else 1.0
            terms += [_Term([(a, 1.0), (b, -1.0)], 8 * weight) for a, b in pairwise(path[1:-1])]
            for box, cell, alone, strength in (
                (source, path[1], leaving[source] == 1, 4 * weight),
                (target, path[-2], inner[source] and arriving[target] == 1, weight),
            ):
                terms += self._meeting(box, cell, alone, strength)
        return terms + self._centring()

    def _meeting(self, box: int, cell: int, alone: bool, strength: float) -> list[_Term]:
        """A line alone meets its box in the middle; several may meet it anywhere on its side."""
        offset = [(box, 1.0), (cell, -1.0)]
        if alone:
            return [_Term(offset, strength)]
        return [_Term(offset, 0.15 * strength), _Term(offset, strength, self._reach(self.diagram.boxes[box]))]

    def _centring(self) -> list[_Term]:
        """Each cell wishes to stand in the middle of its sources, where nothing else decides."""
        sources: dict[int, list[int]] = {}
        for a, b in self._segments():
            sources.setdefault(b, []).append(a)
        several = {b: many for b, many in sources.items() if len(many) > 1}
        return [_Term([(b, 1.0), *((a, -1 / len(many)) for a in many)], 0.05) for b, many in several.items()]

    def _courses(self, across: NDArray[Any]) -> list[list[float]]:
        """Where each edge passes through its cells; it meets its boxes where that keeps it straight."""
        courses = [[float(across[k]) for k in path] for path in self.paths]
        for end, beside in ((0, 1), (-1, -2)):
            sides: dict[int, list[list[float]]] = {}
            for path, course in zip(self.paths, courses, strict=True):
                sides.setdefault(path[end], []).append(course)
            for box, meeting in sides.items():
                meeting.sort(key=lambda course: course[beside])
                wishes = [course[beside] - course[end] for course in meeting]
                for course, y in zip(meeting, _apart(wishes, self._reach(self.diagram.boxes[box])), strict=True):
                    course[end] += y
        return courses

    def _reach(self, box: Box) -> float:
        """How far from the middle of its side a line may meet a box."""
        wide, high = size(box)
        if box.kind not in ("operation", "cost"):
            return 0
        return wide / 2 - 11 if self.downwards else high / 2 - 5

    def _blocks(self, rows: list[list[int]]) -> list[int]:
        """The block of each cell. The cells of a block lie on one straight line, which makes the linear program small.

        A block is a part of a long line that no other long line crosses, so the order of the blocks is the same in
        every layer (Brandes and Köpf, 2002). Every few layers a new one begins, where the line may step aside.
        """
        labels = set(self.labels)
        place = {cell: k for row in rows for k, cell in enumerate(row)}
        joints: list[list[tuple[int, int]]] = [[] for _ in rows]
        for path in self.paths:
            for a, b in pairwise(cell for cell in path[1:-1] if cell not in labels):
                joints[self.cells[a].layer].append((a, b))
        block = list(range(len(self.cells)))
        for layer in joints:
            layer.sort(key=lambda joint: place[joint[0]])
            arrivals = [place[b] for _, b in layer]
            left, right = accumulate(arrivals, max), [*accumulate(reversed(arrivals), min)][::-1]
            for (a, b), highest, lowest in zip(layer, left, right, strict=True):
                if highest == lowest and self.cells[a].layer % _LONGEST:
                    block[b] = block[a]
        return block

    def _along(self, rows: list[list[int]], courses: list[list[float]]) -> tuple[list[float], list[float]]:
        """Where each layer starts and ends: as long as its longest cell, with gaps in which the lines can bend."""
        bends = [0.0] * len(rows)
        for path, course in zip(self.paths, courses, strict=True):
            for k, here, there in zip(path, course, course[1:], strict=False):
                bends[self.cells[k].layer] = max(bends[self.cells[k].layer], abs(here - there))
        share, most = (0.35, 60.0) if self.downwards else (0.7, 90.0)
        starts, ends, here = [], [], MARGIN - _RUN
        for row, bend in zip(rows, bends, strict=True):
            starts.append(here)
            ends.append(here + max(self.cells[k].length for k in row))
            here = ends[-1] + min(max(share * bend, 4 if bend < 0.5 else 14), most)
        return starts, ends

    def _stations(self, path: list[int], course: list[float], starts: list[float], ends: list[float]) -> list[Point]:
        """The points at which the edge enters and leaves its layers, from the side of one box to that of the other."""
        layers = [self.cells[k].layer for k in path]
        along = [(starts[layer], ends[layer]) for layer in layers]
        half = [size(self.diagram.boxes[k])[1 if self.downwards else 0] / 2 for k in (path[0], path[-1])]
        along[0] = (sum(along[0]) / 2 + half[0], along[0][1])
        along[-1] = (along[-1][0], sum(along[-1]) / 2 - half[1])
        return [self._point(x, y) for both, y in zip(along, course, strict=True) for x in both]

    def _point(self, along: float, across: float) -> Point:
        return (float(across), float(along)) if self.downwards else (float(along), float(across))

    def _note(self, at: Point, cell: _Cell) -> Note:
        x, y = at
        if self.downwards:
            left = x + _BESIDE
            return Note(left, y - 4, y + 13, "start", Rectangle(left, y - _HIGH / 2, cell.after - _BESIDE - 8, _HIGH))
        wide = cell.length - 8
        return Note(x, y - 6, y + 15, "middle", Rectangle(x - wide / 2, y - _HIGH / 2, wide, _HIGH))


_LONGEST = 8
"""The most layers of a block."""

_HIGH, _BESIDE, _RUN, _ARROW = 36.0, 8.0, 12.0, 8.0
"""The height of the two texts of an edge; their distance from a line that runs downwards; how far a line runs straight
before it meets a box; how wide the head of an arrow is."""


def _columns(diagram: Diagram) -> list[int]:
    """The column of each box: as late as its targets allow, so that inputs stand near their use."""
    to_end = [0] * len(diagram.boxes)
    targets: list[list[int]] = [[] for _ in diagram.boxes]
    for edge in diagram.edges:
        targets[edge.source].append(edge.target)
    for box in reversed(diagram.in_order()):
        to_end[box] = max((to_end[target] + 1 for target in targets[box]), default=0)
    last = max(to_end, default=0)
    made = {edge.target for edge in diagram.edges}
    inputs = {k for k, box in enumerate(diagram.boxes) if box.kind == "leaf" and targets[k] and k not in made}
    return [0 if k in inputs and last < INPUTS_LEFT else last - end for k, end in enumerate(to_end)]


def _straightened(cells: list[_Cell], rows: list[list[int]], terms: list[_Term], block: list[int]) -> NDArray[Any]:
    """Where each cell lies across the flow: the y with the least sum of terms, and room between neighbours.

    The unknowns of the linear program are the y of the blocks, and then the value of each term.
    """
    from chainrule.extras import scipy

    _, unknown = np.unique(block, return_inverse=True)
    n = int(unknown.max()) + 1
    room: dict[tuple[int, int], float] = {}
    for a, b in (pair for row in rows for pair in pairwise(row)):
        both = (int(unknown[a]), int(unknown[b]))
        room[both] = max(room.get(both, 0.0), cells[a].after + cells[b].before)
    rules = [[(a, 1.0), (b, -1.0)] for a, b in room]
    bounds = [-apart for apart in room.values()]
    bent = [term for term in terms if len({unknown[cell] for cell, _ in term.sides}) > 1]
    for k, term in enumerate(bent):
        for sign in (1.0, -1.0):
            rules.append([*((int(unknown[cell]), sign * factor) for cell, factor in term.sides), (n + k, -1.0)])
            bounds.append(term.free)
    least = np.full(n, MARGIN - 8)
    np.maximum.at(least, unknown, [cell.before + MARGIN - 8 for cell in cells])
    if not rules:
        return least[unknown]
    rows_of, columns, factors = zip(*((i, j, f) for i, rule in enumerate(rules) for j, f in rule), strict=True)
    matrix = scipy.sparse.csr_array((factors, (rows_of, columns)), shape=(len(rules), n + len(bent)))
    weights = [0.0] * n + [term.weight for term in bent]
    limits = [(y, None) for y in least] + [(0.0, None)] * len(bent)
    found: NDArray[Any] = scipy.optimize.linprog(weights, A_ub=matrix, b_ub=bounds, bounds=limits, method="highs-ds").x
    return found[:n][unknown]


def _apart(wishes: list[float], reach: float) -> list[float]:
    """Places near the sorted wishes, at most `reach` from 0, and a few pixels apart where there is room for that."""
    apart = min(_ARROW, 2 * reach / max(len(wishes) - 1, 1))
    places: list[float] = []
    for wish in wishes:
        places.append(max(wish, places[-1] + apart if places else -reach))
    limit = reach
    for k in reversed(range(len(places))):
        places[k] = min(places[k], limit)
        limit = places[k] - apart
    return places


def _around(centre: Point, wide: float, high: float) -> Rectangle:
    return Rectangle(centre[0] - wide / 2, centre[1] - high / 2, wide, high)

"""A recurrent network unrolled: its steps side by side, its layers above one another, the data flowing upwards."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from chainrule.derivation.layout import Rectangle
from chainrule.derivation.neuron_places import FOOT, NAME, SMALL, STYLES, brief
from chainrule.derivation.neurons import activations, called, last_step, leaves
from chainrule.derivation.sketch import Shape, Sketch, Stroke, Words, fitted
from chainrule.derivation.svg_elements import BACKWARD, FORWARD, INK, LINE, MUTED
from chainrule.derivation.text import width
from chainrule.errors import OptionError
from chainrule.graph import Array
from chainrule.layers import Layer, Masking, Network
from chainrule.layers.recurrence import Recurrent

HIGH, BETWEEN, BESIDE, NARROW = 44.0, 48.0, 54.0, 66.0
"""How high a box is, the gaps above and beside it, and its width at least."""

MOST_STEPS = 12
"""More steps side by side cannot be read."""


@dataclass(frozen=True)
class _Row:
    """A layer, or the input.

    Attributes:
        called: the lines beside it.
        name: of the box at each step, with t for the step's number; of the whole where it has no steps.
        value: (1, steps, n) or (1, n). in_steps: which of the two. whole: whether it sees all steps at once.
        enters: what the arrow into it is called, such as W^{[1]}.
        loops: what the arrows from step to step are called, and those the other way.
    """

    called: tuple[str, ...]
    name: str
    value: Array
    in_steps: bool
    whole: bool = False
    enters: str = ""
    loops: tuple[str, ...] = ()
    kind: str = "hidden"

    @property
    def ends(self) -> bool:
        """Whether only the two ends of a layer that reads both ways go on: its last step, and its first backwards."""
        return len(self.loops) == 2 and not self.in_steps


def unrolled_picture(net: Network, X: Array | None, steps: int) -> Sketch:
    """The picture of so many steps: of longer sequences the first ones and the last.

    Raises:
        OptionError: no layer is recurrent, or there are too many or too few steps.
    """
    every = list(leaves(net))
    if not any(isinstance(layer, Recurrent) for layer in every):
        raise OptionError(
            "unrolled tells how many steps of a recurrent layer are drawn, but this network has none of RNN, GRU and "
            "LSTM: leave it out."
        )
    if not 2 <= steps <= MOST_STEPS:
        raise OptionError(f"unrolled is {steps}, but a picture has 2 to {MOST_STEPS} steps: try unrolled=4.")
    return _Painter(net, X, every, steps).sketch()


class _Painter:
    def __init__(self, net: Network, X: Array | None, every: Sequence[Layer], steps: int):
        self.given = X is not None
        outputs, A = activations(net, X)
        self.rows = [self._input(every, A)]
        for layer in every:
            if not isinstance(layer, Masking):
                self.rows.append(self._row(layer, outputs[id(layer)], A))
            A = outputs[id(layer)]
        total = next(row.value.shape[1] for row in self.rows if row.in_steps)
        end = min(total, last_step(net, X) + 1) if self.given else total
        self.steps = list(range(end)) if end <= steps else [*range(steps - 1), end - 1]
        self.gap_before = len(self.steps) - 1 if end > steps else 0
        self.strokes: list[Stroke] = []
        self.shapes: list[Shape] = []
        self.words: list[Words] = []

    def _input(self, every: Sequence[Layer], A: Array) -> _Row:
        size = f"n^{{[0]}} = {A.shape[2]:,}" if A.ndim == 3 else "an index a step"
        return _Row(("input", size), "x_{t}", A, in_steps=True, kind="input")

    def _row(self, layer: Layer, Z: Array, A: Array) -> _Row:
        in_steps = np.ndim(Z) == 3 and np.ndim(A) >= 2 and Z.shape[1] == A.shape[1]
        l = layer.l or layer.follows
        index = f"^{{[{l}]}}" if l else ""
        title = (f"layer {layer.l}", called(layer)) if layer.l else (called(layer),)
        name = f"A{'_{t}' if in_steps else ''}{index}" if layer.l else type(layer).__name__
        enters = f"W{index}" if "W" in layer.held else ""
        if isinstance(layer, Recurrent):
            loops = (f"U{index}", f"Ur{index}") if layer.bidirectional else (f"U{index}",)
            return _Row(title, f"A_{{t}}{index}", Z, not layer.last, enters=enters, loops=loops)
        sees_all = any(inner.across_steps or isinstance(inner, Recurrent) for _, inner in layer.family())
        whole = sees_all or (np.ndim(A) == 3 and not in_steps)
        return _Row(title, name, Z, in_steps, whole, enters)

    def sketch(self) -> Sketch:
        self.wide = max([NARROW, *(min(width(row.name, NAME) + 16, 120) for row in self.rows)])
        pitch = self.wide + BESIDE
        self.xs = [k * pitch + (pitch * 0.55 if 0 < self.gap_before <= k else 0) for k in range(len(self.steps))]
        single = False
        for k, row in enumerate(self.rows):
            below = self.rows[k - 1] if k else None
            self._draw_row(row, -k * (HIGH + BETWEEN), below, single)
            single = single or not row.in_steps
        top = -(len(self.rows) - 1) * (HIGH + BETWEEN)
        for place, x in self._places(self.rows[-1]):
            end = top - HIGH / 2 - 28
            self.strokes.append(Stroke(((x, top - HIGH / 2), (x, end)), arrow=True))
            step = f"_{{{self.steps[place] + 1}}}" if self.rows[-1].in_steps else ""
            self.words.append(Words(f"ŷ{step}", (x, end - 6), NAME))
        return Sketch.around(
            f"a recurrent network, unrolled over {len(self.steps)} steps",
            f"{len(self.steps)} steps of {len(self.rows) - 1} layers",
            self.strokes,
            self.shapes,
            self.words,
        )

    def _places(self, row: _Row) -> list[tuple[int, float]]:
        """Where the row goes on upwards: at each step, or at the last."""
        every = list(enumerate(self.xs))
        return every if row.in_steps else every[-1:]

    def _draw_row(self, row: _Row, y: float, below: _Row | None, single: bool) -> None:
        left = self.xs[0] - self.wide / 2 - (BESIDE if any(row.loops for row in self.rows) else 0) - 14
        for k, line in enumerate(row.called):
            at = (left, y + 4 + (k - (len(row.called) - 1) / 2) * 15)
            self.words.append(Words(line, at, FOOT, INK if k == 0 else MUTED, "end"))
        every = list(enumerate(self.xs))
        if row.whole:
            room = Rectangle(self.xs[0] - self.wide / 2, y - HIGH / 2, self.xs[-1] - self.xs[0] + self.wide, HIGH)
            self._box(room, row.name, "all steps", row.kind)
        else:
            for place, x in every if row.in_steps or row.loops else every[-1:]:
                room = Rectangle(x - self.wide / 2, y - HIGH / 2, self.wide, HIGH)
                name = row.name.replace("{t}", f"{{{self.steps[place] + 1}}}")
                self._box(room, name, self._detail(row, place), row.kind)
        if row.loops:
            self._draw_loops(row, y)
        elif self.gap_before and row.in_steps and not row.whole:
            self._dots(y)
        if below is not None:
            first = True
            for _, x in self._places(below):
                ends = ((x, y + HIGH / 2 + BETWEEN), (x, y + HIGH / 2))
                self.strokes.append(Stroke(ends, arrow=True))
                if first and row.enters:
                    self.words.append(Words(row.enters, (x + 7, y + HIGH / 2 + 24), SMALL, MUTED, "start"))
                first = False
            if below.ends:
                x, half = self.xs[-1] - 14, y + HIGH / 2 + BETWEEN / 2
                points = ((self.xs[0], half + BETWEEN / 2), (self.xs[0], half), (x, half), (x, y + HIGH / 2))
                self.strokes.append(Stroke(points, BACKWARD, arrow=True, tooltip="the state behind the first step"))

    def _box(self, room: Rectangle, name: str, detail: str, kind: str) -> None:
        self.shapes.append(Shape(room, 17 if kind == "input" else 6, *STYLES[kind], tooltip=f"{name}: {detail}"))
        x, y = room.x + room.width / 2, room.y + room.height / 2
        size = fitted(name, room.width - 10, NAME)
        self.words.append(Words(name, (x, y - 1), size))
        if detail:
            self.words.append(Words(detail, (x, y + 15), fitted(detail, room.width - 8, SMALL - 1), MUTED))

    def _detail(self, row: _Row, place: int) -> str:
        """The numbers of the example, or how many there are."""
        step = min(self.steps[place], row.value.shape[1] - 1)
        if row.loops and not row.in_steps:
            one = np.ravel(row.value[0]) if place == len(self.xs) - 1 else np.empty(0)
        else:
            one = np.ravel(row.value[0][step]) if row.in_steps else np.ravel(row.value[0])
        if not self.given:
            return f"({row.value.shape[-1]:,})" if np.ndim(row.value) == 3 or not row.in_steps else ""
        numbers = [brief(float(value)) for value in one[:2]]
        return f"{', '.join(numbers)}{', …' if one.size > 2 else ''}"

    def _draw_loops(self, row: _Row, y: float) -> None:
        """The arrows from step to step; before the first stands the state to begin with."""
        ends = [x - self.wide / 2 for x in self.xs], [x + self.wide / 2 for x in self.xs]
        both = len(row.loops) == 2
        aside = 9.0 if both else 0.0
        pairs = [(ends[1][k], ends[0][k + 1]) for k in range(len(self.xs) - 1)]
        before = (ends[0][0] - BESIDE + 12, ends[0][0])
        self.words.append(Words("0", (before[0] - 6, y - aside + 0.36 * FOOT), FOOT, MUTED))
        self.strokes.append(Stroke(((before[0], y - aside), (before[1], y - aside)), FORWARD, arrow=True))
        if both:
            after = (ends[1][-1] + BESIDE - 12, ends[1][-1])
            self.words.append(Words("0", (after[0] + 6, y + aside + 0.36 * FOOT), FOOT, MUTED))
            self.strokes.append(Stroke(((after[0], y + aside), (after[1], y + aside)), BACKWARD, arrow=True))
        for k, (start, end) in enumerate(pairs):
            if self.gap_before and k == self.gap_before - 1:
                self._broken(start, end, y - aside, FORWARD)
                if both:
                    self._broken(end, start, y + aside, BACKWARD)
                continue
            self.strokes.append(Stroke(((start, y - aside), (end, y - aside)), FORWARD, arrow=True))
            if both:
                self.strokes.append(Stroke(((end, y + aside), (start, y + aside)), BACKWARD, arrow=True))
            if k == 0:
                middle = (start + end) / 2
                self.words.append(Words(row.loops[0], (middle, y - aside - 8), SMALL, FORWARD))
                if both:
                    self.words.append(Words(row.loops[1], (middle, y + aside + 18), SMALL, BACKWARD))

    def _broken(self, start: float, end: float, y: float, colour: str) -> None:
        """An arrow over the steps that are not drawn, with dots in its middle."""
        middle = (start + end) / 2
        way = 1 if end > start else -1
        self.strokes.append(Stroke(((start, y), (middle - way * 14, y)), colour))
        self.strokes.append(Stroke(((middle + way * 14, y), (end, y)), colour, arrow=True))
        self.words.append(Words("…", (middle, y + 2), NAME, MUTED))

    def _dots(self, y: float) -> None:
        k = self.gap_before
        middle = (self.xs[k - 1] + self.xs[k]) / 2
        self.words.append(Words("…", (middle, y + 2), NAME, LINE))

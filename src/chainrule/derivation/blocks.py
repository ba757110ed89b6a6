"""A network as the notes' blocks: forward above, backward below, and between them what the one keeps for the other."""

from __future__ import annotations

from dataclasses import dataclass

from chainrule.derivation.formula import markup
from chainrule.derivation.layout import Rectangle
from chainrule.derivation.neurons import called, leaves, sign_of
from chainrule.derivation.notation import differential
from chainrule.derivation.products import written
from chainrule.derivation.sketch import Shape, Sketch, Stroke, Words, fitted
from chainrule.derivation.svg_elements import BACKWARD, FORWARD, INK, MUTED
from chainrule.derivation.text import width
from chainrule.derivation.trace import Trace, on_the_way
from chainrule.graph import Variable
from chainrule.layers import Layer

MOST, FIRST, LAST = 6, 3, 2
"""Of more blocks than that the first and the last are drawn, and dots between them."""

NAME, SMALL = 14.0, 11.5
HIGH, APART = 50.0, 158.0
"""How high a block is, and from the middle of the one above to that of the one below."""

NARROW, WIDEST, BESIDE = 84.0, 240.0, 44.0
"""How wide a block is at least and at most, and the gap beside it at least."""


@dataclass(frozen=True)
class Block:
    """A layer, forward and backward.

    Attributes:
        title: "layer 1", and what kind it is. source: what comes in. value: what it hands on, and its shape.
        parameters, gradients: the names of what it holds, and of what it finds for the update.
        kept: the names of what else it keeps for its way back, such as Z^{[1]}.
        derivative: what its way back computes before the gradients, such as dZ^{[1]}; empty where that is nothing new.
        handed_back: what it hands to the block before, such as dA^{[0]}.
        learns: whether the way back goes through it. needed: whether anybody reads what it hands back.
    """

    title: tuple[str, str]
    source: str
    value: str
    shape: str
    parameters: tuple[str, ...]
    kept: tuple[str, ...]
    gradients: tuple[str, ...]
    derivative: str
    handed_back: str
    learns: bool
    needed: bool


def blocks(trace: Trace) -> list[Block]:
    """The layers of a network, in order; those inside of a `Residual` are one block."""
    root = next(iter(trace.layers.values())).root
    assert root is not None
    outermost = {id(inner): leaf for leaf in leaves(root) for _, inner in leaf.family()}
    groups: dict[int, tuple[Layer, list[Variable]]] = {}
    for node in trace.nodes:
        if node in trace.layers:
            leaf = outermost[id(trace.layers[node])]
            groups.setdefault(id(leaf), (leaf, []))[1].append(node)
    way, made, before = set(on_the_way(trace)), [], trace.A0
    for leaf, nodes in groups.values():
        made.append(_block(trace, leaf, nodes, before, way))
        before = nodes[-1]
    return made


def _block(trace: Trace, leaf: Layer, nodes: list[Variable], before: Variable, way: set[Variable]) -> Block:
    def name(variable: Variable) -> str:
        return markup((trace.name(variable),))

    def d(variable: Variable) -> str:
        return markup((differential(trace.name(variable)),))

    parameters = list(dict.fromkeys(p for node in nodes for p in node.parents if p in trace.parameters))
    linear = [node for node in nodes[:-1] if set(node.parents) & set(parameters)]
    return Block(
        (f"layer {leaf.l}", _kind(leaf)) if leaf.l else (called(leaf), ""),
        f"{name(before)} = X" if before is trace.A0 else name(before),
        name(nodes[-1]),
        written(trace.shape(nodes[-1])),
        tuple(map(name, parameters)),
        tuple(map(name, nodes[:-1])),
        tuple(map(d, parameters)),
        _few(tuple(map(d, linear))),
        d(before),
        any(node in way for node in nodes),
        before in way,
    )


def _kind(leaf: Layer) -> str:
    """The layer in a word or two: "Dense, relu"."""
    activation = getattr(leaf, "activation", None)
    return f"{type(leaf).__name__}, {sign_of(activation)}" if activation is not None else type(leaf).__name__


def picture(trace: Trace) -> Sketch:
    """The picture of the blocks and the cost."""
    return _Painter(trace).sketch()


class _Painter:
    def __init__(self, trace: Trace):
        self.trace = trace
        every = blocks(trace)
        self.blocks: list[Block | None] = list(every) if len(every) <= MOST else [*every[:FIRST], None, *every[-LAST:]]
        self.count = len(every)
        self.last = [node for node in trace.nodes if node in trace.layers][-1]
        self.strokes: list[Stroke] = []
        self.shapes: list[Shape] = []
        self.words: list[Words] = []

    def sketch(self) -> Sketch:
        x = 0.0
        shape = written(self.trace.shape(self.trace.A0))
        for block in self.blocks:
            if block is None:
                x, shape = self._draw_dots(x), ""
            else:
                x, shape = self._draw(block, x, shape), block.shape
        incoming = markup((self.trace.name(self.last),))
        self._draw_cost(x, incoming, shape)
        title = f"forward and backward blocks of {self.count} layers"
        return Sketch.around(title, f"{self.count} blocks", self.strokes, self.shapes, self.words)

    def _draw(self, block: Block, x: float, shape: str) -> float:
        """The block, the arrows into it from the left and back to there; returns its right end."""
        held, gradients = _few(block.parameters) or block.title[0], _few(block.gradients)
        cache = [line for line in (_few(block.kept), _few(block.parameters)) if line] or ["cache"]
        small, large = (*cache, gradients), (held, block.derivative)
        wide = max(NARROW, *(width(text, SMALL) + 20 for text in small), *(width(text, NAME) + 14 for text in large))
        wide = min(wide, WIDEST)
        beside = ((block.source, NAME), (block.handed_back, NAME), (shape, SMALL))
        gap = max(BESIDE, *(width(text, size) + 14 for text, size in beside))
        left = x + gap
        middle = left + wide / 2
        self._arrow((x, 0), (left, 0), FORWARD, block.source, shape)
        self._block(Rectangle(left, -HIGH / 2, wide, HIGH), held, "", FORWARD, "#e6eef8")
        self.words.append(Words(block.title[0], (middle, -HIGH / 2 - 23), SMALL, INK))
        if block.title[1]:
            text = block.title[1]
            self.words.append(Words(text, (middle, -HIGH / 2 - 8), fitted(text, wide, SMALL), MUTED))
        if not block.learns:
            return left + wide
        self._draw_cache(block, cache, Rectangle(left + 3, APART / 2 - 20, wide - 6, 40))
        back = Rectangle(left, APART - HIGH / 2, wide, HIGH)
        self._block(back, held, block.derivative, BACKWARD, "#fdeee6")
        if block.needed:
            self._arrow((left, APART), (x, APART), BACKWARD, block.handed_back, "")
        if block.gradients:
            tip = (middle, APART + HIGH / 2 + 26)
            self.strokes.append(Stroke(((middle, APART + HIGH / 2), tip), BACKWARD, arrow=True))
            self.words.append(Words(gradients, (middle, tip[1] + 15), fitted(gradients, wide, NAME), BACKWARD))
        return left + wide

    def _draw_cache(self, block: Block, lines: list[str], room: Rectangle) -> None:
        """What the forward block keeps, between it and the backward one."""
        middle = room.x + room.width / 2
        self.strokes.append(Stroke(((middle, HIGH / 2), (middle, room.y)), MUTED, arrow=True, tooltip="kept"))
        after = ((middle, room.y + room.height), (middle, APART - HIGH / 2))
        self.strokes.append(Stroke(after, MUTED, arrow=True, tooltip="read on the way back"))
        tooltip = "the cache: " + (", ".join((*block.kept, *block.parameters)) or "what its operation needs")
        self.shapes.append(Shape(room, 14, "#f1f2f4", "#8b939c", 1.0, dashed=True, tooltip=tooltip))
        for k, line in enumerate(lines):
            at = (middle, APART / 2 + 4 + (k - (len(lines) - 1) / 2) * 17)
            self.words.append(Words(line, at, fitted(line, room.width - 10, SMALL)))

    def _draw_cost(self, x: float, incoming: str, shape: str) -> None:
        """J, in which the way forward ends and the way back begins: by the notes' shortcut with dZ."""
        trace = self.trace
        start = next(iter(trace.activations), None)
        first = start.inputs[0] if start is not None else None
        of = first if isinstance(first, Variable) else self.last
        back = markup((differential(trace.name(of)),))
        gap = max(BESIDE, *(width(text, NAME) + 22 for text in (incoming, back)), width(shape, SMALL) + 22)
        left, wide = x + gap, 44.0
        self._arrow((x, 0), (left, 0), FORWARD, incoming, shape)
        self._arrow((left, APART), (x, APART), BACKWARD, back, "")
        room = Rectangle(left, -HIGH / 2, wide, APART + HIGH)
        self.shapes.append(Shape(room, 6, "#ffffff", "#4a525b", 1.8, tooltip=trace.loss))
        middle = left + wide / 2
        self.words.append(Words("J", (middle, APART / 2 + 6), 18))
        self.words.append(Words("the cost", (middle, -HIGH / 2 - 8), SMALL))
        tip = (left + wide, APART / 2)
        self.strokes.append(Stroke(((left + wide + 28, APART / 2), tip), FORWARD, arrow=True))
        self.words.append(Words("Y", (left + wide + 34, APART / 2 + 5), NAME, FORWARD, "start"))

    def _draw_dots(self, x: float) -> float:
        for y, colour in ((0.0, FORWARD), (APART, BACKWARD)):
            start, end = ((x, y), (x + 24, y)) if y == 0 else ((x + 24, y), (x, y))
            self.strokes.append(Stroke((start, end), colour, arrow=y > 0))
            self.words.append(Words("…", (x + 38, y + 3), NAME, MUTED))
        return x + 52

    def _block(self, room: Rectangle, text: str, below: str, stroke: str, fill: str) -> None:
        self.shapes.append(Shape(room, 6, fill, stroke))
        x, y = room.x + room.width / 2, room.y + room.height / 2
        self.words.append(Words(text, (x, y + (-4 if below else 5)), fitted(text, room.width - 12, NAME)))
        if below:
            self.words.append(Words(below, (x, y + 16), fitted(below, room.width - 12, NAME)))

    def _arrow(self, start: tuple[float, float], end: tuple[float, float], colour: str, above: str, below: str) -> None:
        self.strokes.append(Stroke((start, end), colour, arrow=True))
        middle = (start[0] + end[0]) / 2
        self.words.append(Words(above, (middle, start[1] - 8), NAME, colour))
        if below:
            self.words.append(Words(below, (middle, start[1] + 17), SMALL, MUTED))


def _few(names: tuple[str, ...]) -> str:
    """The names, or the first three of many."""
    return ", ".join(names if len(names) <= 4 else (*names[:3], "…"))

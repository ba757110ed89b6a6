"""Where the units, lines and words of a picture of a network stand: columns from left to right, their feet in a row."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass, field

import numpy as np

from chainrule.derivation.layout import Point, Rectangle
from chainrule.derivation.neurons import Around, Bar, Columns, Maps, Numbers, Station, Units, drawn
from chainrule.derivation.pixels import tinted
from chainrule.derivation.sketch import Shape, Sketch, Stroke, Words, circle, fitted
from chainrule.derivation.svg_elements import BACKWARD, FORWARD, INK, LINE, MUTED
from chainrule.derivation.text import width

POSITIVE, NEGATIVE = "#1a4f8b", "#dd7a2b"
"""The colours of lines by the sign of their weight; the one is darker than the other, for who sees no colours."""

THIN, THICK = 0.5, 4.2
"""How thick the line of a weight near 0 is, and that of the largest."""

RADIUS, ALONE = 20.0, 62.0
"""Of a unit, and of one that is drawn with its formula."""

NAME, SMALL, FOOT = 14.5, 11.5, 12.0
"""The sizes of letters: a name in a unit, what stands beside one, and what stands below a column."""

APART, APART_WITH_NAMES = 50.0, 64.0
"""From the middle of one unit to that of the next, without and with a name below each."""

LEAST_GAP, TALL, BESIDE_BAR, BETWEEN_MAPS = 62.0, 0.26, 26.0, 34.0
"""Between two columns, at least, and as a share of the taller one; beside a bar; between stacks of maps."""

STEEPEST = math.radians(20)
"""How far from its side a line may leave a unit, so that it does not cross the name below."""

MOST_MAPS, BEHIND = 4, 6.0
"""So many maps of a stack are drawn, each so far behind the next."""

STYLES = {"input": ("#e6eef8", FORWARD), "hidden": ("#ffffff", "#4a525b"), "output": ("#fdeee6", BACKWARD)}
"""The colours of units: within, and of the edge."""


def picture(columns: Columns, *, bias: bool = False) -> Sketch:
    """The picture of the columns; `bias` adds a unit that is always 1 beside the units before each layer."""
    return _Painter(columns, bias).sketch()


@dataclass
class _Stood:
    """A station in its place.

    Attributes:
        x: the middle. left, right: how far its shapes reach. top, bottom: likewise.
        ports: where lines leave it, one for each unit that goes on; the middle for maps.
        units: which units these are, and None where it is not one port for each unit.
        radius: of its units.
    """

    x: float
    left: float
    right: float
    top: float
    bottom: float
    ports: list[float]
    units: tuple[int, ...] | None
    radius: float = 0.0


@dataclass
class _Painter:
    columns: Columns
    bias: bool
    strokes: list[Stroke] = field(default_factory=list)
    shapes: list[Shape] = field(default_factory=list)
    words: list[Words] = field(default_factory=list)
    stood: list[_Stood] = field(default_factory=list)
    most: float = 0.0
    floor: float = 0.0

    def sketch(self) -> Sketch:
        self.most = max((_largest(part) for part in self._seen_weights()), default=0.0)
        for place, station in enumerate(self.columns.stations):
            self._stand(place, station)
        for place, station in enumerate(self.columns.stations):
            if place:
                self._join(place, station)
        for way in self.columns.around:
            self._draw_around(way)
        self._draw_outputs()
        self._draw_feet()
        self._draw_legend()
        units = sum(station.n for station in self.columns.stations if isinstance(station, Units))
        weights = sum(s.weights.size for s in self.columns.stations if isinstance(s, Units) and s.weights is not None)
        return Sketch.around(
            self.columns.title, f"{units:,} units, {weights:,} weights", self.strokes, self.shapes, self.words
        )

    def _seen_weights(self) -> Iterator[Numbers]:
        """The weights of the lines that are drawn."""
        stations = self.columns.stations
        for station in stations:
            if isinstance(station, Units) and station.weights is not None:
                yield station.weights[np.ix_(station.drawn, drawn(station.weights.shape[1]))]
                if self.bias and station.biases is not None:
                    yield station.biases[list(station.drawn)]

    # Stations

    def _stand(self, place: int, station: Station) -> None:
        before = self.stood[-1] if self.stood else None
        half = _half(station)
        x = 0.0
        if before is not None:
            x = before.right + self._gap(place) + half
            feet = _foot_half(self.columns.stations[place - 1]) + _foot_half(station) + 16
            x = max(x, before.x + feet)
        match station:
            case Units():
                stood = self._stand_units(place, station, x)
            case Maps():
                stood = self._stand_maps(station, x)
            case Bar():
                stood = self._stand_bar(station, x, before)
        self.stood.append(stood)

    def _gap(self, place: int) -> float:
        before, station = self.columns.stations[place - 1], self.columns.stations[place]
        if isinstance(station, Bar) or (isinstance(before, Bar) and isinstance(station, Maps)):
            return BESIDE_BAR
        if isinstance(station, Maps):
            return BETWEEN_MAPS
        if isinstance(station, Units) and station.one:
            return 118.0
        tallest = max(_height(before, self._apart), _height(station, self._apart))
        return max(LEAST_GAP, TALL * tallest)

    @property
    def _apart(self) -> float:
        return APART_WITH_NAMES if self._valued else APART

    @property
    def _valued(self) -> bool:
        return any(isinstance(station, Units) and station.values is not None for station in self.columns.stations)

    def _stand_units(self, place: int, station: Units, x: float) -> _Stood:
        ys = _rows(station.n, self._apart)
        radius = ALONE if station.one else RADIUS
        style = STYLES["input" if place == 0 else "output" if self._is_last(place) else "hidden"]
        for y, name, unit in zip(ys, station.names, station.drawn, strict=True):
            value = None if station.values is None else float(station.values[unit])
            tooltip = name if value is None else f"{name} = {value:.4g}"
            self.shapes.append(circle((x, y), radius, *style, tooltip=tooltip))
            if station.one:
                self._write_formula(station, (x, y), value)
            elif value is None:
                self._write(name, (x, y), NAME, 2 * radius - 7)
            else:
                self._write(brief(value), (x, y), NAME, 2 * radius - 7)
                size = fitted(name, 2 * radius, SMALL)
                self.words.append(Words(name, (x, y + radius + 14.5), size, MUTED))
        if len(ys) < station.n:
            self._dots(x, (ys[-2] + ys[-1]) / 2 + (5 if self._valued else 0))
        if station.loop:
            self._draw_loop(station, x, ys[0] - radius)
        bottom = ys[-1] + radius + (20 if station.values is not None and not station.one else 0)
        top = ys[0] - radius - (48 if station.loop else 0)
        return _Stood(x, x - radius, x + radius, top, bottom, ys, station.drawn, radius)

    def _is_last(self, place: int) -> bool:
        later = self.columns.stations[place + 1 :]
        return not any(isinstance(station, Units | Maps) for station in later)

    def _write(self, text: str, middle: Point, size: float, wide: float) -> None:
        size = fitted(text, wide, size)
        self.words.append(Words(text, (middle[0], middle[1] + 0.36 * size), size))

    def _write_formula(self, unit: Units, middle: Point, value: float | None) -> None:
        """z = wᵀx + b in one half of the unit, a = g(z) in the other, as the notes draw it."""
        x, y = middle
        self.strokes.append(Stroke(((x, y - ALONE), (x, y + ALONE)), "#4a525b", above=True))
        a = "z" if unit.one == "linear" else f"{unit.one}(z)"
        halves = (("w^{T}x + b", "z", unit.z, x - ALONE / 2 + 2), (a, "a", value, x + ALONE / 2 - 2))
        for formula, name, number, at in halves:
            self._write(formula, (at, y - (10 if number is not None else 0)), NAME - 1, ALONE - 12)
            if number is not None:
                self._write(f"{name} = {brief(number)}", (at, y + 12), FOOT, ALONE - 14)

    def _dots(self, x: float, y: float) -> None:
        self.shapes += [circle((x, y + k * 8.0), 1.6, MUTED, "none") for k in (-1, 0, 1)]

    def _draw_loop(self, station: Units, x: float, top: float) -> None:
        """From the states at one step to those at the next."""
        aside, high = 0.62 * RADIUS, top + RADIUS * (1 - math.sin(math.acos(0.62)))
        points = ((x + aside, high), (x + 46, top - 48), (x - 46, top - 48), (x - aside, high))
        self.strokes.append(Stroke(points, MUTED, curved=True, arrow=True, tooltip="from step t − 1 to step t"))
        self.words.append(Words(station.loop, (x, top - 40), SMALL, MUTED))

    def _stand_maps(self, station: Maps, x: float) -> _Stood:
        wide, high = _side(station.size[1]), _side(station.size[0])
        k = min(station.n, MOST_MAPS)
        reach = (k - 1) * BEHIND / 2
        for i in range(k):  # the first map is the one in front
            aside = (i * BEHIND) - reach
            room = Rectangle(x + aside - wide / 2, aside - high / 2, wide, high)
            fill, pixels, tooltip = "#f7f9fb" if i < k - 1 else "#ffffff", None, ""
            if station.values is not None:
                numbers = station.values[..., k - 1 - i]
                pixels = tinted(numbers, POSITIVE, NEGATIVE, _largest(station.values))
                tooltip = f"map {k - i}: from {numbers.min():.4g} to {numbers.max():.4g}"
            self.shapes.append(Shape(room, 1.5, fill, tooltip=tooltip, beneath=i < k - 1, pixels=pixels))
        return _Stood(x, x - reach - wide / 2, x + reach + wide / 2, -reach - high / 2, reach + high / 2, [reach], None)

    def _stand_bar(self, station: Bar, x: float, before: _Stood | None) -> _Stood:
        beside = [0.0]
        if before is not None:
            beside = [abs(y) + RADIUS for y in before.ports] if before.units else [before.bottom, -before.top]
        half = max(width(station.label, FOOT) / 2 + 9, *beside)
        room = Rectangle(x - 11, -half, 22, 2 * half)
        self.shapes.append(Shape(room, 6, "#f1f2f4", "#8b939c", tooltip=station.tooltip))
        if station.label == "+":
            self.words.append(Words("+", (x, 5), NAME))
        else:
            self.words.append(Words(station.label, (x + 0.36 * FOOT, 0), FOOT, INK, turned=True))
        ports, units = (before.ports, before.units) if before is not None and before.units else ([0.0], None)
        return _Stood(x, x - 11, x + 11, -half, half, list(ports), units)

    # Lines

    def _join(self, place: int, station: Station) -> None:
        before, here = self.stood[place - 1], self.stood[place]
        weights = station.weights if isinstance(station, Units) else None
        if weights is not None and before.units is not None and weights.shape[1] == self._carried(place - 1):
            self._draw_weights(station, before, here)
            return
        if isinstance(station, Bar) and before.units is not None:
            self.strokes += [Stroke(((before.right, y), (here.left, y)), line=1.1) for y in before.ports]
        elif isinstance(station, Units):
            for y in here.ports:
                for from_y in before.ports:
                    ends = _ends(before, from_y, here, y)
                    self.strokes.append(Stroke(ends, line=1.0, opacity=0.75))
        else:
            stations = self.columns.stations
            previous = stations[place - 1]
            if isinstance(station, Maps) and isinstance(previous, Maps) and station.window is not None:
                self._draw_window(previous, station, before, here)
            else:
                for y in before.ports:
                    self.strokes.append(Stroke(((before.right, y), (here.left, y / 2)), arrow=True))

    def _carried(self, place: int) -> int:
        """How many units go on from a station."""
        for station in reversed(self.columns.stations[: place + 1]):
            if isinstance(station, Units):
                return station.n
        return 0

    def _draw_weights(self, station: Station, before: _Stood, here: _Stood) -> None:
        assert isinstance(station, Units)
        assert station.weights is not None
        assert before.units is not None
        l = f"^{{[{station.l}]}}" if not station.one else ""
        for k, y in zip(station.drawn, here.ports, strict=True):
            for j, from_y in zip(before.units, before.ports, strict=True):
                name = f"w_{{{f'{k + 1},{j + 1}' if not station.one else j + 1}}}{l}"
                self._draw_weight(float(station.weights[k, j]), _ends(before, from_y, here, y), name)
                if station.one and station.weights.shape[1] <= 6:
                    self._name_weight(float(station.weights[k, j]), name, _ends(before, from_y, here, y))
        if self.bias and station.biases is not None:
            under = before.bottom + 12 + RADIUS
            before.bottom = under + RADIUS
            one = circle((before.x, under), RADIUS, "#f1f2f4", "#8b939c", dashed=True, tooltip="1, for the bias")
            self.shapes.append(one)
            self._write("1", (before.x, under), NAME, RADIUS)
            at = _Stood(before.x, before.x - RADIUS, before.x + RADIUS, 0, 0, [under], None, RADIUS)
            for k, y in zip(station.drawn, here.ports, strict=True):
                name = f"b_{{{k + 1}}}{l}" if not station.one else "b"
                self._draw_weight(float(station.biases[k]), _ends(at, under, here, y), name)

    def _draw_weight(self, w: float, ends: tuple[Point, Point], name: str) -> None:
        finite = math.isfinite(w)
        share = (abs(w) / self.most if finite else 1.0) if self.most else 0.0
        self.strokes.append(
            Stroke(
                ends,
                INK if not finite else POSITIVE if w >= 0 else NEGATIVE,
                THIN + (THICK - THIN) * share,
                0.35 + 0.6 * share,
                tooltip=f"{name} = {w:.4g}",
            )
        )

    def _name_weight(self, w: float, name: str, ends: tuple[Point, Point]) -> None:
        """The weight above its line, near the input, where the lines are apart."""
        (x0, y0), (x1, y1) = ends
        text = f"{name} = {brief(w)}"
        wide = width(text, SMALL)
        start = x0 + 7
        slope = (y1 - y0) / (x1 - x0)
        highest = min(y0 + slope * 7, y0 + slope * (7 + wide))
        self.words.append(Words(text, (start, highest - 6), SMALL, MUTED, "start"))

    def _draw_window(self, previous: Maps, station: Maps, before: _Stood, here: _Stood) -> None:
        """What one place sees: a window on the front map before, and the place on the front map here."""
        assert station.window is not None
        wide, high = _side(previous.size[1]), _side(previous.size[0])
        w = min(wide, max(5.0, wide * station.window[1] / previous.size[1]))
        h = min(high, max(5.0, high * station.window[0] / previous.size[0]))
        front_x, front_y = before.right - wide / 2, before.ports[0]
        x = front_x + max(0.0, min(0.18 * wide, (wide - w) / 2 - 2))
        y = front_y - max(0.0, min(0.12 * high, (high - h) / 2 - 2))
        left, top = x - w / 2, y - h / 2
        self.strokes.append(
            Stroke(
                ((left, top), (left + w, top), (left + w, top + h), (left, top + h), (left, top)), BACKWARD, above=True
            )
        )
        side = _side(station.size[1])
        spot = (here.right - side / 2 - side * 0.1, here.ports[0])
        for y in (top, top + h):
            self.strokes.append(Stroke(((left + w, y), spot), BACKWARD, 1.0, 0.7, above=True))
        self.shapes.append(circle(spot, 2.2, BACKWARD, "none"))

    def _draw_around(self, way: Around) -> None:
        between = self.stood[way.source : way.target + 1]
        source, target = between[0], between[-1]
        inside = [other for other in self.columns.around if other != way and way.source <= other.source < way.target]
        y = min(stood.top for stood in between) - 22 - 20 * len(inside)
        x, end = source.x + (0 if source.radius else 5), target.x - 5  # where one ends the next may begin
        points = ((x, source.top), (x, y), (end, y), (end, target.top))
        self.strokes.append(Stroke(points, MUTED, 1.5, arrow=True, tooltip="the way around"))
        if way.label:
            self.words.append(Words(way.label, ((x + end) / 2, y - 5), SMALL, MUTED))

    def _draw_outputs(self) -> None:
        last = self.stood[-1]
        ports = last.ports if len(self.columns.outputs) == len(last.ports) else [0.0]
        for y, name in zip(ports, self.columns.outputs, strict=False):
            self.strokes.append(Stroke(((last.right, y), (last.right + 26, y)), LINE, arrow=True))
            self.words.append(Words(name, (last.right + 32, y + 0.36 * NAME), NAME, INK, "start"))

    # Words below

    def _draw_feet(self) -> None:
        floor = max(stood.bottom for stood in self.stood) + 10
        for station, stood in zip(self.columns.stations, self.stood, strict=True):
            for k, line in enumerate(_feet(station)):
                at = (stood.x, floor + (k + 1) * 16)
                self.words.append(Words(line, at, FOOT, INK if k == 0 else MUTED))
        self.floor = floor + 16 * max((len(_feet(station)) for station in self.columns.stations), default=0)

    def _draw_legend(self) -> None:
        """What colours and widths mean; nothing where no line has a weight and no map a number."""
        shaded = any(isinstance(station, Maps) and station.values is not None for station in self.columns.stations)
        if not self.most and not shaded:
            return
        left = min(stood.left for stood in self.stood)
        x, y = left, self.floor + 26
        what = "w, a" if shaded else "w"
        for colour, text in ((POSITIVE, f"{what} ≥ 0"), (NEGATIVE, f"{what} < 0")):
            self.strokes.append(Stroke(((x, y - 4), (x + 20, y - 4)), colour, 3))
            self.words.append(Words(text, (x + 26, y), SMALL, MUTED, "start"))
            x += 40 + width(text, SMALL)
        if self.most:
            self.words.append(Words(f"widest: {brief(self.most)}", (x, y), SMALL, MUTED, "start"))


def _largest(numbers: Numbers) -> float:
    """The largest size of a number that is finite."""
    return float(np.max(np.abs(numbers[np.isfinite(numbers)]), initial=0.0))


def brief(value: float) -> str:
    """A number in five letters at most, so that it fits into a unit."""
    size = abs(value)
    if not math.isfinite(value):
        text = str(value)
    elif float(value).is_integer() and size < 1000:
        text = str(int(value))
    elif 0.005 <= size < 999.5:
        text = f"{value:.{2 if size < 9.995 else 1 if size < 99.95 else 0}f}"
    else:
        text = f"{value:.0e}".replace("e-0", "e-").replace("e+0", "e").replace("e+", "e")
    return text.replace("-", "−")


def _rows(n: int, apart: float) -> list[float]:
    """The heights of the units that are drawn, with a gap for the dots where some are not."""
    rows = len(drawn(n)) + (len(drawn(n)) < n)
    places = [(k - (rows - 1) / 2) * apart for k in range(rows)]
    return places if len(drawn(n)) == n else [*places[:-2], places[-1]]


def _height(station: Station, apart: float) -> float:
    return _rows(station.n, apart)[-1] * 2 if isinstance(station, Units) else 0.0


def _side(n: int) -> float:
    """How long the side of a map of n places is drawn."""
    return min(18.0 + 10 * math.log2(1 + n), 92.0) if n > 1 else 15.0


def _half(station: Station) -> float:
    match station:
        case Units(one=one):
            return ALONE if one else RADIUS
        case Maps():
            return _side(station.size[1]) / 2 + (min(station.n, MOST_MAPS) - 1) * BEHIND / 2
        case Bar():
            return 11.0


def _feet(station: Station) -> tuple[str, ...]:
    return tuple(line for line in station.feet if line)


def _foot_half(station: Station) -> float:
    return max((width(line, FOOT) / 2 for line in _feet(station)), default=0.0)


def _ends(before: _Stood, y0: float, here: _Stood, y1: float) -> tuple[Point, Point]:
    """The ends of a line between two stations; at units it leaves and meets them near their sides."""
    left = before.x if before.radius else before.right
    right = here.x if here.radius else here.left
    angle = math.atan2(y1 - y0, right - left)
    turned = max(-STEEPEST, min(STEEPEST, angle))
    start = (left + before.radius * math.cos(turned), y0 + before.radius * math.sin(turned))
    end = (right - here.radius * math.cos(turned), y1 - here.radius * math.sin(turned))
    return start, end

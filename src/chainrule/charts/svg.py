"""A chart as SVG: text as text, round numbers at a light grid, and a white ground, so that it reads on any page."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import groupby
from unicodedata import east_asian_width

import numpy as np

from chainrule.charts.axes import LARGEST, Axis, axes
from chainrule.charts.chart import (
    TRAINING,
    VALIDATION,
    WHITE_FROM,
    Band,
    Bars,
    Cells,
    Chart,
    Histogram,
    Line,
    Mark,
    Panel,
    Points,
    Rule,
    Squares,
)

INK, MUTED, FAINT, GRID, DARK = "#1c1c1c", "#5a6570", "#b4bac1", "#e6e8eb", (31, 111, 139)
"""Of titles and names, of ticks, of a count of 0, of the grid; and of a cell that has all of its row."""

TITLE, NAME, TICK = 15, 13, 12
"""The sizes of letters."""

NARROW = 0.58
"""About how wide a letter is, as a part of its size; one of East Asia is as wide as its size."""

LONGEST = 1_000
"""So many letters are wider than any picture."""

_FORBIDDEN = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
_ESCAPES = str.maketrans({"&": "&amp;", "<": "&lt;", ">": "&gt;", '"': "&quot;"})

Place = Callable[[float], float]
"""Where on the picture a number stands."""


def svg(chart: Chart) -> str:
    """The text of an SVG file."""
    rows, across = chart.grid
    wide, high = _number(chart.width * across), _number(chart.height * rows)
    said = "; ".join(f"{panel.title}: {panel.y or 'value'} over {panel.x}" for panel in chart.panels)
    panels = (_row(chart.panels[i : i + across], i // across, chart) for i in range(0, len(chart.panels), across))
    return "\n".join(
        (
            '<?xml version="1.0" encoding="utf-8"?>',
            f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {wide} {high}" width="{wide}" role="img"'
            ' style="max-width: 100%" font-family="Helvetica, Arial, DejaVu Sans, sans-serif">',
            f"<title>{_escaped(chart.title)}</title>",
            f"<desc>{_escaped(said)}</desc>",
            '<rect width="100%" height="100%" fill="#ffffff"/>',
            *(line for panel in panels for line in panel),
            "</svg>\n",
        )
    )


def _row(panels: Sequence[Panel], row: int, chart: Chart) -> Iterator[str]:
    """The lines of a row of panels; those below the first are moved down."""
    yield from [f'<g transform="translate(0 {_number(row * chart.height)})">'] if row else []
    for i, panel in enumerate(panels):
        yield from _panel(panel, i * chart.width, chart.width, chart.height)
    yield from ["</g>"] if row else []


def _panel(panel: Panel, offset: float, width: float, height: float) -> Iterator[str]:
    """The lines of a panel that begins `offset` from the left."""
    x, y = axes(panel)
    labels = [mark for mark in panel.marks if mark.label]
    names = [_cut(name, 0.36 * width, TICK) for _, name in y.ticks]
    left = offset + 14 + (20 if panel.y else 0) + max([_width(name, TICK) for name in names], default=0.0)
    right, top = offset + width - 16, 58.0 if labels else 40.0
    turned = _overlap(x, right - left) and any(isinstance(mark, Cells | Squares) for mark in panel.marks)
    below = max((min(_width(name, TICK), 0.25 * height) for _, name in x.ticks), default=0.0) if turned else TICK
    bottom = height - below - (40 if panel.x else 20)
    across, upward = _scale(x, left, right), _scale(y, bottom, top)
    yield _line_of_text(panel.title, (left + right) / 2, 22, TITLE, (offset, offset + width))
    yield from _legend(labels, offset + 14, left, right)
    yield from _grid(panel, across, upward, x, y, (left, right, top, bottom))
    for (place, _), name in zip(y.ticks, names, strict=True):
        yield _text(name, left - 7, upward(place) + 4, TICK, MUTED, "end")
    for place, name in x.ticks if turned else _apart(x, right - left):
        if turned:
            yield _text(_cut(name, below, TICK), across(place) + 4, bottom + 8, TICK, MUTED, "end", turned=True)
        else:
            yield _text(name, across(place), bottom + 18, TICK, MUTED)
    yield _line_of_text(panel.x, (left + right) / 2, height - 9, NAME, (offset, offset + width))
    yield _text(panel.y, offset + 18, (top + bottom) / 2, NAME, INK, turned=True)
    for mark in panel.marks:
        yield from _drawn(mark, across, upward, (left, right, top, bottom))


def _grid(
    panel: Panel, across: Place, upward: Place, x: Axis, y: Axis, frame: tuple[float, float, float, float]
) -> Iterator[str]:
    """Light lines at the ticks of numbers, and the axes at the left and at the bottom."""
    left, right, top, bottom = map(_number, frame)
    kinds = {type(mark) for mark in panel.marks}
    upright, lying = not kinds & {Cells, Squares}, not kinds & {Cells, Squares, Bars}
    lines = [f"M{_number(across(place))} {top}V{bottom}" for place, _ in x.ticks if upright]
    lines += [f"M{left} {_number(upward(place))}H{right}" for place, _ in y.ticks if lying]
    yield f'<path d="{"".join(lines)}" stroke="{GRID}"/>'
    yield f'<path d="M{left} {top}V{bottom}H{right}" fill="none" stroke="{MUTED}"/>'


def _legend(labelled: list[Mark], start: float, left: float, right: float) -> Iterator[str]:
    """What the colours mean, in a row above the marks, as many as there is room for: from the y axis on, which is
    `left`, or from further left where all find a place then."""
    labels = [_cut(mark.label, 150, TICK) for mark in labelled]
    left = max(start, min(left, right + 14 - sum(41 + _width(label, TICK) for label in labels)))
    for mark, label in zip(labelled, labels, strict=True):
        if left + 26 + _width(label, TICK) > right:
            yield _text("…", left, 44, TICK, INK, "start")
            return
        dashed = ' stroke-dasharray="5 3"' if isinstance(mark, Rule) else ""
        colour = INK if isinstance(mark, Cells | Squares) else mark.colour
        yield f'<path d="M{_number(left)} 40h18" stroke="{colour}" stroke-width="3"{dashed}/>'
        yield _text(label, left + 23, 44, TICK, INK, "start")
        left += 41 + _width(label, TICK)


def _drawn(mark: Mark, across: Place, upward: Place, frame: tuple[float, float, float, float]) -> Iterable[str]:
    match mark:
        case Line():
            return _line(mark, across, upward)
        case Band():
            return _band(mark, across, upward)
        case Points():
            style = f'fill="{mark.colour}" fill-opacity="0.5"'
            return _points(zip(mark.x, mark.y, strict=True), across, upward, style, 2.5)
        case Bars():
            return _bars(mark, across, upward, frame[1])
        case Histogram():
            return _histogram(mark, across, upward)
        case Cells():
            return _cells(mark, across, upward)
        case Squares():
            return _squares(mark, across, upward)
        case Rule():
            top, bottom = map(_number, frame[2:])
            d = f"M{_number(across(mark.x))} {top}V{bottom}"
            return [f'<path d="{d}" stroke="{mark.colour}" stroke-width="1.3" stroke-dasharray="5 3"/>']


def _line(line: Line, across: Place, upward: Place) -> Iterator[str]:
    style = 'stroke-width="1.3" stroke-dasharray="5 3"' if line.thin else 'stroke-width="2.2" stroke-linejoin="round"'
    style = 'stroke-width="1" stroke-opacity="0.22"' if line.pale else style
    pairs = zip(line.x, line.y, strict=True)
    pieces = [list(piece) for drawn, piece in groupby(pairs, lambda pair: bool(np.isfinite(pair).all())) if drawn]
    for piece in pieces:
        points = " ".join(f"{_number(across(x))},{_number(upward(y))}" for x, y in piece)
        yield f'<polyline points="{points}" fill="none" stroke="{line.colour}" {style}/>'
    for piece in pieces:
        if line.dots or len(piece) == 1:
            yield from _points(piece, across, upward, f'fill="{line.colour}"', 4)


def _band(band: Band, across: Place, upward: Place) -> Iterator[str]:
    edges = [(x, y) for x, y in (*zip(band.x, band.high, strict=True), *[*zip(band.x, band.low, strict=True)][::-1])]
    points = [pair for pair in edges if np.isfinite(pair).all()]
    if len(points) == 2 and len(band.x) == 1:  # a single step is a line from low to high
        (x, high), (_, low) = points
        style = f'stroke="{band.colour}" stroke-opacity="0.35" stroke-width="6"'
        yield f'<path d="M{_number(across(x))} {_number(upward(high))}V{_number(upward(low))}" {style}/>'
        return
    text = " ".join(f"{_number(across(x))},{_number(upward(y))}" for x, y in points)
    yield f'<polygon points="{text}" fill="{band.colour}" fill-opacity="0.2"/>'


def _points(
    pairs: Iterable[tuple[float, float]], across: Place, upward: Place, style: str, radius: float
) -> Iterator[str]:
    yield f"<g {style}>"
    for pair in pairs:
        if np.isfinite(pair).all():
            yield f'<circle cx="{_number(across(pair[0]))}" cy="{_number(upward(pair[1]))}" r="{radius}"/>'
    yield "</g>"


def _bars(bars: Bars, across: Place, upward: Place, right: float) -> Iterator[str]:
    high = min(0.8 * (upward(0) - upward(1)), 36)
    begins = bars.begins if len(bars.begins) else np.zeros(len(bars.names))
    for i, (name, begin, value) in enumerate(zip(bars.names, begins, bars.values, strict=True)):
        if np.isfinite(value) and np.isfinite(begin):
            ends = sorted((across(begin), across(value)))
            area = _rectangle(ends[0], upward(-i) - high / 2, ends[1] - ends[0], high)
            told = f"{name}: {value - begin:+.4g}" if len(bars.begins) else f"{name}: {value:.4g}"
            yield f'<rect {area} fill="{bars.colour}"><title>{_escaped(told)}</title></rect>'
            if bars.told:
                yield _text_of_bar(bars.told[i], ends, upward(-i) + 4, right)


def _text_of_bar(text: str, ends: Sequence[float], y: float, right: float) -> str:
    """What is written in a bar, or behind it where that is too short, or before it where nothing is behind it."""
    wide = _width(text, TICK) + 10
    if ends[1] - ends[0] > wide:
        return _text(text, (ends[0] + ends[1]) / 2, y, TICK, "#ffffff")
    if ends[1] + wide < right:
        return _text(text, ends[1] + 5, y, TICK, INK, "start")
    return _text(text, ends[0] - 5, y, TICK, INK, "end")


def _histogram(histogram: Histogram, across: Place, upward: Place) -> Iterator[str]:
    yield f'<g fill="{histogram.colour}" fill-opacity="{0.5 if histogram.label else 1}">'
    floor = upward(0)
    for start, stop, count in zip(histogram.edges[:-1], histogram.edges[1:], histogram.counts, strict=True):
        if count:
            area = _rectangle(across(start), upward(count), across(stop) - across(start), floor - upward(count))
            yield f"<rect {area}/>"
    yield "</g>"


def _cells(cells: Cells, across: Place, upward: Place) -> Iterator[str]:
    wide, high = across(1) - across(0), upward(0) - upward(1)
    for (i, j), share in np.ndenumerate(cells.shares()):
        colour = "#" + "".join(f"{round(255 + share * (full - 255)):02x}" for full in DARK)
        told = f"{cells.names[i]} taken for {cells.names[j]}: {cells.counts[i, j]:,}"
        area = _rectangle(across(j - 0.5), upward(-i + 0.5), wide, high)
        yield f'<g><title>{_escaped(told)}</title><rect {area} fill="{colour}"/>'
        ink = "#ffffff" if share > WHITE_FROM else INK if share else FAINT
        count = _counted(int(cells.counts[i, j]), wide)
        size = min(NAME, 0.75 * high, 0.8 * wide / _width(count, 1))
        yield _text(count, across(j), upward(-i) + 0.35 * size, size, ink) + "</g>"


def _squares(squares: Squares, across: Place, upward: Place) -> Iterator[str]:
    place = 0.94 * min(across(1) - across(0), upward(0) - upward(1))
    for (i, j), side in np.ndenumerate(squares.sides()):
        if size := place * abs(side):
            area = _rectangle(across(j) - size / 2, upward(-i) - size / 2, size, size)
            told = f"{squares.rows[i]}, {squares.columns[j]}: {squares.values[i, j]:.3g}".removeprefix(", ")
            yield f'<rect {area} fill="{TRAINING if side > 0 else VALIDATION}"><title>{_escaped(told)}</title></rect>'


def _counted(count: int, room: float) -> str:
    """A count in a cell, in thousands where it would be too small to read."""
    exact = f"{count:,}"
    return exact if count < 1000 or _width(exact, 9) < room else f"{count / 1000:.0f}k"


def _scale(axis: Axis, start: float, stop: float) -> Place:
    """Where the numbers of an axis stand that goes from `start` to `stop`."""
    unit = (stop - start) / (axis.high - axis.low)
    return lambda value: start + (min(max(value, -LARGEST), LARGEST) - axis.low) * unit


def _overlap(axis: Axis, room: float) -> bool:
    widest = max((_width(name, TICK) for _, name in axis.ticks), default=0.0)
    return (widest + 10) * len(axis.ticks) > room


def _apart(axis: Axis, room: float) -> list[tuple[float, str]]:
    """The ticks, or every second or fourth of them, so that none is written over another."""
    while _overlap(axis, room) and len(axis.ticks) > 1:
        axis = axis._replace(ticks=axis.ticks[::2])
    return axis.ticks


def _text(
    text: str, x: float, y: float, size: float, colour: str, anchor: str = "middle", *, turned: bool = False
) -> str:
    """A line of text, read upwards where it is turned; nothing of no text."""
    placed = f'x="{_number(x)}" y="{_number(y)}"'
    if turned:
        placed += f' transform="rotate(-90 {_number(x)} {_number(y)})"'
    style = f'font-size="{_number(size)}" fill="{colour}" text-anchor="{anchor}"'
    return f"<text {placed} {style}>{_escaped(text)}</text>" if text else ""


def _line_of_text(text: str, x: float, y: float, size: float, ends: tuple[float, float]) -> str:
    """A line of text around x, or beside it where it would not end within its panel."""
    text = _cut(text, ends[1] - ends[0] - 8, size)
    half = _width(text, size) / 2 + 4
    return _text(text, min(max(x, ends[0] + half), ends[1] - half), y, size, INK)


def _rectangle(x: float, y: float, width: float, height: float) -> str:
    return f'x="{_number(x)}" y="{_number(y)}" width="{_number(width)}" height="{_number(height)}"'


def _width(text: str, size: float) -> float:
    """About how wide a text is, without asking a font; of one that is wider than any picture, its beginning."""
    return size * sum(1.0 if east_asian_width(letter) in "WF" else NARROW for letter in text[:LONGEST])


def _cut(text: str, room: float, size: float) -> str:
    """The text, or its beginning where it is wider than the room."""
    text = " ".join(text.split())[: int(room / (NARROW * size)) + 2]  # which is wider than the room, if there is more
    if _width(text, size) <= room:
        return text
    while text and _width(text + "…", size) > room:
        text = text[:-1]
    return text + "…"


def _escaped(text: str) -> str:
    return _FORBIDDEN.sub("\ufffd", text).translate(_ESCAPES)


def _number(value: float) -> str:
    return f"{value:.1f}".removesuffix(".0")

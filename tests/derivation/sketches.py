"""What holds of every sketch: nothing overlaps, nothing is cut off."""

from itertools import combinations, pairwise

import numpy as np

from chainrule.derivation.layout import MARGIN


def rectangle(room):
    return room.x, room.y, room.x + room.width, room.y + room.height


def overlap(a, b):
    return a[0] < b[2] - 0.01 and b[0] < a[2] - 0.01 and a[1] < b[3] - 0.01 and b[1] < a[3] - 0.01


def inside(a, b):
    return b[0] <= a[0] + 0.01 and b[1] <= a[1] + 0.01 and a[2] <= b[2] + 0.01 and a[3] <= b[3] + 0.01


def points(stroke):
    """Many points of a line."""
    t = np.linspace(0, 1, 61)[:, None]
    at = np.array(stroke.points)
    if stroke.curved:
        shares = [(1 - t) ** 3, 3 * t * (1 - t) ** 2, 3 * t**2 * (1 - t), t**3]
        return sum(share * corner for share, corner in zip(shares, at, strict=True))
    return np.concatenate([here + t * (there - here) for here, there in pairwise(at)])


def within(line, room, by):
    x, y = line.T
    return bool(((room[0] + by < x) & (x < room[2] - by) & (room[1] + by < y) & (y < room[3] - by)).any())


def enters(line, shape):
    """Whether the line goes through the inside of a shape."""
    if shape.round:
        return bool((np.hypot(*(line - np.array(shape.middle)).T) < shape.room.width / 2 - 0.6).any())
    return within(line, rectangle(shape.room), 0.6)


def fits(words, shape):
    """Whether words that stand in a shape are inside of its edge: all four corners, of a circle or of a rectangle."""
    left, top, right, bottom = rectangle(words.room)
    if not shape.round:
        return inside((left, top, right, bottom), rectangle(shape.room))
    corners = np.array([(x, y) for x in (left, right) for y in (top + 0.15 * words.size, bottom)])
    return bool((np.hypot(*(corners - np.array(shape.middle)).T) <= shape.room.width / 2 + 1).all())


def assert_nothing_overlaps(sketch):
    """No words over words, edges or lines, no line through a shape, no shape upon another, and all of it in the page.

    Maps of a stack lie upon one another, and the lines above shapes, such as windows, go over maps; that is meant.
    """
    solid = [shape for shape in sketch.shapes if not shape.beneath]
    for a, b in combinations(sketch.words, 2):
        assert not overlap(rectangle(a.room), rectangle(b.room)), (a, b)
    for a, b in combinations(solid, 2):
        small = min(a.room.width, b.room.width) < 5  # the place that a window sees
        assert small or not overlap(rectangle(a.room), rectangle(b.room)), (a, b)
    lines = np.concatenate([points(stroke) for stroke in sketch.strokes])
    behind = np.concatenate([points(stroke) for stroke in sketch.strokes if not stroke.above])
    for words in sketch.words:
        for shape in sketch.shapes:
            if overlap(rectangle(words.room), rectangle(shape.room)):
                assert fits(words, shape) or _beside(words, shape), (words, shape)
        assert not within(lines, rectangle(words.room), 0.3), words
    for shape in solid:
        assert not enters(behind, shape), shape
    for item in (*sketch.words, *sketch.shapes, *sketch.strokes):
        page = (MARGIN - 1, MARGIN - 1, sketch.width - MARGIN + 1, sketch.height - MARGIN + 1)
        assert inside(rectangle(item.room), page), item


def _beside(words, circle):
    """Whether words near a circle are outside of it, in the corner of its square."""
    if not circle.round:
        return False
    left, top, right, bottom = rectangle(words.room)
    x, y = circle.middle
    nearest = (min(max(x, left), right), min(max(y, top), bottom))
    return float(np.hypot(nearest[0] - x, nearest[1] - y)) >= circle.room.width / 2 - 0.5

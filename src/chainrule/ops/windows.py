"""Windows: the places at which a small frame is laid upon pictures or sequences, and the numbers that it then shows.

Convolution and pooling are what is done with these numbers; here is only where they lie.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterator
from dataclasses import dataclass
from types import ModuleType
from typing import Any

from chainrule.checking import refuse_too_many, whole
from chainrule.errors import OptionError, ShapeError
from chainrule.graph import Array, foresee

Sizes = int | tuple[int, ...]
"""One whole number for all axes, or one for each."""

Padding = str | int | tuple[Any, ...]
"""How far windows reach beyond the edges, where there are zeros: "valid", not at all; "same", so far that there are
⌈size / stride⌉ of them; a number for all edges, one for each axis, or a pair (before, after) for each axis."""

LARGEST = 2**22
"""The most numbers of a window: what it shows is gathered number by number."""

MOST = 2**31 - 1
"""No size, stride, dilation or padding is larger, so that the places of windows are numbers that kernels count with."""

AXES = {1: "steps", 2: "height, width"}
"""What the axes between the examples and the features are called, by their number."""


@dataclass(frozen=True)
class Windows:
    """The windows over axes of some sizes, one number an axis everywhere; what a kernel needs to know.

    Window p covers the places stride · p + dilation · k − before along an axis, for k from 0 to size − 1. Places
    outside of the axis hold nothing, or zeros.

    Attributes:
        axes: how long the axes are. size: how many numbers a window takes along each.
        stride: from one window to the next. dilation: from one number of a window to the next.
        before: how far the first window reaches beyond the beginning.
        count: how many windows there are along each axis.
    """

    axes: tuple[int, ...]
    size: tuple[int, ...]
    stride: tuple[int, ...]
    dilation: tuple[int, ...]
    before: tuple[int, ...]
    count: tuple[int, ...]

    def show(self, xp: ModuleType, A: Array, beyond: float = 0) -> Array:
        """P `(m, *count, k, n)`: what each window shows of A `(m, *axes, n)`, `beyond` where that is over the edges."""
        m, n = A.shape[0], A.shape[-1]
        shown = (*self.count, math.prod(self.size), n)
        foresee(shown, A.dtype)
        foresee((*self._extent, n), A.dtype)
        if m == 0:
            return xp.zeros((0, *shown), dtype=A.dtype)
        room = [
            (before, max(0, extent - before - n))
            for before, extent, n in zip(self.before, self._extent, self.axes, strict=True)
        ]
        if any(map(any, room)):
            A = xp.pad(A, [(0, 0), *room, (0, 0)], constant_values=beyond)
        return xp.stack([A[place] for place in self._places()], axis=-2)

    def add_up(self, xp: ModuleType, P: Array) -> Array:
        """A `(m, *axes, n)`: the numbers P `(m, *count, k, n)` of all windows, added where windows overlap. The way
        back of `show`."""
        m, n = P.shape[0], P.shape[-1]
        room = [max(extent, before + n) for before, extent, n in zip(self.before, self._extent, self.axes, strict=True)]
        foresee(P.shape[1:], P.dtype)
        foresee((*room, n), P.dtype)
        if m == 0:
            return xp.zeros((0, *self.axes, n), dtype=P.dtype)
        A = xp.zeros((m, *room, n), dtype=P.dtype)
        for k, place in enumerate(self._places()):
            if hasattr(A, "at"):
                A = A.at[place].add(P[..., k, :])
            else:
                A[place] += P[..., k, :]
        within = (slice(before, before + n) for before, n in zip(self.before, self.axes, strict=True))
        return A[(slice(None), *within)]

    @property
    def _extent(self) -> list[int]:
        """From the beginning of the first window to the end of the last one."""
        return [
            stride * (count - 1) + dilation * (size - 1) + 1
            for stride, count, dilation, size in zip(self.stride, self.count, self.dilation, self.size, strict=True)
        ]

    def _places(self) -> Iterator[tuple[slice, ...]]:
        """For each number of a window, row by row, where all windows find it."""
        for offsets in itertools.product(*map(range, self.size)):
            yield (
                slice(None),
                *(
                    slice(dilation * k, dilation * k + stride * (count - 1) + 1, stride)
                    for k, stride, dilation, count in zip(offsets, self.stride, self.dilation, self.count, strict=True)
                ),
            )


def windows_over(axes: tuple[int, ...], size: Sizes, stride: Sizes, padding: Padding, dilation: Sizes = 1) -> Windows:
    """The windows of this size over axes of these lengths.

    Raises:
        ShapeError: a window is larger than what it is laid upon.
        OptionError: a size, a stride or a dilation below 1, or a padding that is none.
    """
    d = len(axes)
    size, stride, dilation = each("size", size, d), each("stride", stride, d), each("dilation", dilation, d)
    span = [step * (k - 1) + 1 for step, k in zip(dilation, size, strict=True)]
    if padding == "same":
        missing = [max((math.ceil(n / s) - 1) * s + w - n, 0) for n, s, w in zip(axes, stride, span, strict=True)]
        edges = [(lack // 2, lack - lack // 2) for lack in missing]
    else:
        edges = edges_of(padding, d)
    room = [before + n + after for n, (before, after) in zip(axes, edges, strict=True)]
    for n, w, name in zip(room, span, AXES[d].split(", "), strict=True):
        if n < w:
            raise ShapeError(
                f"a window spans {w} places along the {name}, but there are only {n}: "
                'take smaller windows, or padding="same".'
            )
    if math.prod(size) > LARGEST:
        raise OptionError(f"windows of {size} hold more than {LARGEST:,} numbers: take smaller ones.")
    count = tuple((n - w) // s + 1 for n, w, s in zip(room, span, stride, strict=True))
    for what, sizes in (("what the windows lie upon", room), ("what the windows show", (*count, *size))):
        refuse_too_many(what, sizes)
    return Windows(axes, size, stride, dilation, tuple(before for before, _ in edges), count)


def each(name: str, given: Sizes, d: int, *, at_least: int = 1) -> tuple[int, ...]:
    """`given` as one whole number for each of d axes.

    Raises:
        OptionError: it is something else.
    """
    if not isinstance(given, tuple | list):
        given = (given,) * d
    if len(given) != d:
        raise OptionError(f"{name} is {given!r}, but there are {d} axes ({AXES[d]}): give one number, or {d}.")
    return tuple(_small(name, n, at_least) for n in given)


def _small(name: str, given: Any, at_least: int) -> int:
    number = whole(name, given, at_least=at_least)
    if number > MOST:
        raise OptionError(f"{name} is {number}, but no picture or sequence is that large.")
    return number


def edges_of(padding: Padding, d: int) -> list[tuple[int, int]]:
    """(before, after) for each of d axes, of any padding but "same".

    Raises:
        OptionError: it is something else.
    """
    if padding == "valid":
        return [(0, 0)] * d
    if isinstance(padding, str):
        raise OptionError(f'padding is "same", "valid", a number or numbers for each axis, not {padding!r}.')
    if not isinstance(padding, tuple | list):
        padding = (padding,) * d
    if len(padding) != d:
        raise OptionError(f"padding is {padding!r}, but there are {d} axes ({AXES[d]}): give one number, or {d}.")
    pairs = [edge if isinstance(edge, tuple | list) else (edge, edge) for edge in padding]
    if any(len(pair) != 2 for pair in pairs):
        raise OptionError(f"padding is {padding!r}, but the edges of an axis are two: (before, after).")
    return [(_small("padding", first, 0), _small("padding", last, 0)) for first, last in pairs]


def as_tuples(given: Any) -> Any:
    """Sizes or a padding with tuples for the lists that JSON makes of them."""
    return tuple(map(as_tuples, given)) if isinstance(given, list | tuple) else given


def axes_between(A: Array) -> tuple[int, ...]:
    """The sizes of the axes between the examples and the features: (steps,) or (height, width).

    Raises:
        ShapeError: A is neither pictures nor sequences.
    """
    if A.ndim not in (3, 4):
        raise ShapeError(
            f"A is {A.shape}, but must be sequences (m, steps, features) or pictures (m, height, width, channels). "
            "One channel or feature is an axis, too: X[..., None]."
        )
    return tuple(A.shape[1:-1])

"""A film: sliders, and for each of their places an SVG picture and a sentence.

What is the same in several states is written once: an element carries the numbers of the states that it is part of.
"""

from __future__ import annotations

import html
import json
import math
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from xml.etree import ElementTree

SVG = "http://www.w3.org/2000/svg"


@dataclass(frozen=True)
class Slider:
    """What can be moved, and what is written at each of its places."""

    label: str
    places: Sequence[str]


@dataclass(frozen=True)
class State:
    """What is seen at one place of all sliders: the text of an SVG file, and a sentence about it."""

    svg: str
    says: str


@dataclass(frozen=True)
class Film:
    """States in the order of the sliders' places, the last slider moving fastest.

    Args:
        title: for who cannot see it.
        steps: whether the last slider goes through steps, so that it can be played.
    """

    title: str
    sliders: Sequence[Slider]
    states: Sequence[State]
    steps: bool = False

    def __post_init__(self) -> None:
        expected = math.prod(len(slider.places) for slider in self.sliders)
        if len(self.states) != expected:
            raise ValueError(f"{self.title}: {len(self.states)} states, but the sliders have {expected} places.")

    def html(self, name: str) -> str:
        """The figure as HTML; `name` is its id."""
        frame, children = _parsed(state.svg for state in self.states)
        last = len(self.states) - 1
        drawn = "\n".join(_once(column, last) for column in zip(*children, strict=True))
        told = {"places": [list(slider.places) for slider in self.sliders], "says": [s.says for s in self.states]}
        controls = [self._control(f"{name}-{k}", slider) for k, slider in enumerate(self.sliders)]
        play = '<button type="button">▶ play</button>' if self.steps else ""
        return (
            f'<figure class="moving" id="{name}">\n'
            f'<div class="screen"><svg xmlns="{SVG}" {frame} role="img" aria-label="{html.escape(self.title)}">\n'
            f"{drawn}\n</svg></div>\n"
            f'<div class="controls" hidden>{"".join(controls)}{play}</div>\n'
            f'<figcaption aria-live="polite">{html.escape(self.states[last].says)}</figcaption>\n'
            f'<script type="application/json">{_json(told)}</script>\n'
            "</figure>\n"
        )

    @staticmethod
    def _control(name: str, slider: Slider) -> str:
        last = len(slider.places) - 1
        return (
            f'<div class="slider"><label for="{name}">{_raised(html.escape(slider.label))}</label>'
            f'<input type="range" id="{name}" min="0" max="{last}" value="{last}" step="1">'
            f'<output for="{name}">{html.escape(slider.places[last])}</output></div>'
        )


def _json(told: object) -> str:
    """As JSON in which nothing can end the script that it stands in."""
    return json.dumps(told, ensure_ascii=False).replace("<", "\\u003c")


def _raised(label: str) -> str:
    """n^[l] with its layer raised."""
    return re.sub(r"\^(\[[^\]]*\])", r"<sup>\1</sup>", label)


def _parsed(pictures: Iterable[str]) -> tuple[str, list[list[str]]]:
    """The size that all pictures share, as attributes; and the elements of each, filled up to the same number."""
    roots = [ElementTree.fromstring(picture.encode()) for picture in pictures]
    sizes = {root.get("viewBox") for root in roots}
    if len(sizes) != 1:
        raise ValueError(f"the pictures of a film have one size, but these have {len(sizes)}.")
    box = next(iter(sizes)) or ""
    font = roots[0].get("font-family", "sans-serif")
    elements = [[_written(child) for child in root if not child.tag.endswith(("title", "desc"))] for root in roots]
    most = max(map(len, elements))
    frame = f'viewBox="{box}" width="{box.split()[2]}" font-family="{html.escape(font)}"'
    return frame, [column + [""] * (most - len(column)) for column in elements]


def _written(element: ElementTree.Element) -> str:
    element.tail = None
    ElementTree.register_namespace("", SVG)
    text = ElementTree.tostring(element, encoding="unicode").replace(f' xmlns="{SVG}"', "")
    return "".join(line.strip() for line in text.split("\n"))


def _once(column: Sequence[str], last: int) -> str:
    """The forms that one element has in the states, each with the numbers of those that it is in."""
    states: dict[str, list[int]] = {}
    for k, form in enumerate(column):
        if form:
            states.setdefault(form, []).append(k)
    if len(states) == 1 and len(next(iter(states.values()))) == len(column):
        return column[0]
    written = []
    for form, within in states.items():
        hidden = "" if last in within else ' style="display:none"'
        written.append(f'<g data-in="{_ranges(within)}"{hidden}>{form}</g>')
    return "\n".join(written)


def _ranges(numbers: Sequence[int]) -> str:
    """1,2,3,7 as 1-3,7."""
    parts: list[list[int]] = []
    for number in numbers:
        if parts and parts[-1][1] == number - 1:
            parts[-1][1] = number
        else:
            parts.append([number, number])
    return ",".join(str(a) if a == b else f"{a}-{b}" for a, b in parts)

"""What running a paper's experiment again comes to: numbers by seed, a table beside the paper's, and a figure."""

from __future__ import annotations

import os
import textwrap
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from html import escape
from pathlib import Path
from typing import Literal

import numpy as np

from chainrule.charts import Chart
from chainrule.errors import OptionError
from chainrule.numbers import brief
from chainrule.randomness import stream

Source = Literal["checked", "secondary", "memory", ""]
"""How sure a paper's number is: read in the paper or a source that quotes it; in one that tells of it; remembered."""

SURE = {"checked": "", "": "", "secondary": " (second hand)", "memory": " (from memory, not checked)"}

NONE = "–"
"""Where a paper gives no number."""

PICTURES = (".svg", ".png", ".pdf")
"""As which a figure is saved."""

WIDTHS = (36, 28, 32)
"""Of the first three columns of the table as text, in letters; the fourth stands below them."""


@dataclass(frozen=True)
class Row:
    """A line of the table: what was measured, the paper's number and ours, and why they differ.

    Args:
        paper: "–" where the paper gives no number. source: how sure it is.
    """

    what: str
    paper: str
    here: str
    why: str = ""
    source: Source = ""

    @property
    def quoted(self) -> str:
        """The paper's number, and how sure it is where it was not looked up."""
        return self.paper + ("" if self.paper == NONE else SURE[self.source])


@dataclass(frozen=True)
class Paper:
    """A paper whose experiment can be run again.

    Attributes:
        name: by which it is asked for, the first author and the year.
        where: the journal or the book, with its pages.
        run: the experiment, run(seeds=range(10), …) -> Result.
        beside: other works that are told together with it.
    """

    name: str
    year: int
    authors: str
    title: str
    where: str
    run: Callable[..., Result] = field(repr=False)
    beside: tuple[str, ...] = ()

    def __str__(self) -> str:
        cited = (f"{self.authors} ({self.year}), {self.title}. {self.where}", *self.beside)
        return "\nWith ".join(f"{one.rstrip('.')}." for one in cited)


@dataclass(frozen=True, eq=False, repr=False)
class Result:
    """What came out. Printed it is a table; a notebook shows the table and the figure.

    Attributes:
        seeds: that were run, all of them. numbers: by name; one for each seed where a number is of a seed.
        rows: the table. The first is the one that the overview of all papers shows.
        seeds_of: by the names of numbers that are not one for each seed, the seeds of which they are; () of constants.
    """

    paper: Paper
    seeds: tuple[int, ...]
    numbers: dict[str, list[float]]
    rows: list[Row]
    figure: Chart
    seeds_of: dict[str, tuple[int, ...]] = field(default_factory=dict)

    def __repr__(self) -> str:
        return str(self)

    def __str__(self) -> str:
        heads = (f"{self.paper.authors} {self.paper.year}", "paper", f"here, {told(self.seeds)}")
        lines = [line for row in self.rows for line in _lines(row)]
        return "\n".join([*_side_by_side(heads), "-" * sum(WIDTHS), *lines])

    def markdown(self) -> str:
        """The table as Markdown."""
        return table(self.rows, f"here, {told(self.seeds)}")

    def save(self, path: str | os.PathLike[str]) -> None:
        """Write the figure, an .svg, or a .png or .pdf by matplotlib.

        Raises:
            OptionError: another suffix. ModelFileError: the file cannot be written.
        """
        if Path(path).suffix.lower() not in ("", *PICTURES):
            raise OptionError(f"a figure is saved as {', '.join(PICTURES)}, not as {path}.")
        self.figure.save(path)

    def _repr_html_(self) -> str:
        """How notebooks show it."""
        heads = ("", "paper", f"here, {told(self.seeds)}", "why it differs")
        cells = [(row.what, row.quoted, row.here, row.why) for row in self.rows]
        lines = ["".join(f"<th>{escape(head)}</th>" for head in heads)]
        lines += ["".join(f"<td>{escape(cell)}</td>" for cell in row) for row in cells]
        body = "".join(f"<tr>{line}</tr>" for line in lines)
        return f"<p>{escape(str(self.paper))}</p><table>{body}</table>{self.figure.svg()}"


def table(rows: Iterable[Row], here: str) -> str:
    """The rows as a table in Markdown, whose third column is called `here`."""
    lines = [f"| | paper | {here} | why it differs |", "| --- | --- | --- | --- |"]
    lines += [in_markdown(row.what, row.quoted, row.here, row.why) for row in rows]
    return "\n".join(lines) + "\n"


def in_markdown(*cells: str) -> str:
    """A line of a table; a | within a cell does not end it."""
    return f"| {' | '.join(cell.replace('|', chr(92) + '|') for cell in cells)} |"


def spread(numbers: Sequence[float], *, percent: bool = False) -> str:
    """The median of several runs, and from where to where they go: 24 (21 to 30). NaN is left out."""
    scale, sign = (100, "%") if percent else (1, "")
    found = scale * np.array([number for number in numbers if not np.isnan(number)])
    if not len(found):
        return NONE
    counts = not percent and bool((found == found.round()).all())
    ends = (float(np.median(found)), float(found.min()), float(found.max()))
    middle, low, high = (f"{n:,.0f}" if counts else f"{brief(n)}{sign}" for n in ends)
    return middle if low == high else f"{middle} ({low} to {high})"


def told(seeds: Sequence[int]) -> str:
    """seed 3; seeds 0 to 9; seeds 1, 4, 7."""
    if len(seeds) == 1:
        return f"seed {seeds[0]}"
    if list(seeds) == list(range(seeds[0], seeds[0] + len(seeds))):
        return f"seeds {seeds[0]} to {seeds[-1]}"
    return f"seeds {', '.join(map(str, seeds))}"


def drawn(paper: str, seed: int, *counters: int) -> np.random.Generator:
    """The random numbers of a paper's experiment beside those of a network, which has its own by its seed.

    Args:
        paper: its name. counters: what else they follow from.
    """
    return stream("paper", seed, int.from_bytes(paper.encode(), "big"), *counters)


def _lines(row: Row) -> Iterator[str]:
    yield from _side_by_side((row.what, row.quoted, row.here))
    yield from textwrap.wrap(row.why, sum(WIDTHS), initial_indent="    ", subsequent_indent="    ")


def _side_by_side(cells: Sequence[str]) -> Iterator[str]:
    """The cells as columns, each on as many lines as it needs."""
    wrapped = [textwrap.wrap(cell, width - 2) for cell, width in zip(cells, WIDTHS, strict=True)]
    for i in range(max(map(len, wrapped))):
        parts = (lines[i] if i < len(lines) else "" for lines in wrapped)
        yield "".join(f"{part:<{width}}" for part, width in zip(parts, WIDTHS, strict=True)).rstrip()

"""`Attribution`: what each part of an example did to an answer, as numbers, as text and as a picture."""

from __future__ import annotations

import csv
import io
import math
import os
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from chainrule import files
from chainrule.attribution.scale import Scale
from chainrule.charts import COLOURS, MARK, TRAINING, VALIDATION, Bars, Chart, Mark, Panel, Rule
from chainrule.errors import OptionError, shortened
from chainrule.names import counted

if TYPE_CHECKING:
    from matplotlib.figure import Figure

METHODS = {"shapley": "Shapley values", "integrated_gradients": "integrated gradients"}
"""What the methods are called."""

MOST = 10
"""So many parts are told one by one; the others, the smallest, are summed up."""

CELL = 40
"""The most letters of a part's own value that are told."""

LITTLE, ROUNDING = 1e-3, 1e-6
"""Changes are told as if the greatest were no smaller a part of the output; and a gap if it is more than rounding."""

PICTURES = (".svg", ".png", ".pdf")


class Line(NamedTuple):
    """What is told of a part, ready to be printed: its name, its own value, what it did, and ± the standard error."""

    name: str
    cell: str
    did: str
    error: str


@dataclass(frozen=True, eq=False, repr=False)
class Attribution:
    """What each part of an example did to an answer. Printed it is a table; a notebook shows it as a picture.

    Attributes:
        names: of the n parts. values: (n,), what each did: together the output less the base, but for the gap.
        errors: (n,), the standard error of each value, for what was drawn: the rows of the background, which stand for
            others of their kind, and orders of the parts. NaN of a single draw.
        base: the mean answer on the background. output: the answer that is explained.
        method: "shapley" or "integrated_gradients".
        of: what the answer is. against: what the background is.
        cells: the parts' own values, as text, or nothing.
        probability: whether the answer is a probability. unit: in what it is measured, or "".
    """

    names: list[str]
    values: NDArray[np.float64]
    errors: NDArray[np.float64]
    base: float
    output: float
    method: str
    of: str
    against: str
    cells: list[str] = field(default_factory=list)
    probability: bool = False
    unit: str = ""

    @property
    def gap(self) -> float:
        """What the values lack of the output less the base: nothing but rounding of "shapley"; of
        "integrated_gradients" what the sum misses of the integral."""
        return self.output - self.base - float(self.values.sum())

    @property
    def order(self) -> NDArray[np.intp]:
        """The parts by the size of what they did, the greatest first."""
        return np.argsort(-np.abs(self.values), kind="stable")

    # As text

    def lines(self, most: int = MOST) -> list[Line]:
        """The parts that did most, and in a last line all others."""
        shown = self.order[: most if len(self.names) > most + 1 else None]
        found = [self._line(self.names[i], self._cell(i), self.values[i], self.errors[i]) for i in shown]
        others = len(self.names) - len(shown)
        if others:
            rest = float(np.delete(self.values, shown).sum())
            found.append(self._line(f"and {counted(others, 'other')}", "", rest, math.nan))
        return found

    @property
    def sum(self) -> str:
        """That the values add up, in a line; with what they miss, where that is to be seen."""
        scale = self._scale
        least = max(map(scale.beside_certain, (self.base, self.output)))
        base, output, gap = (scale.answer(value, least) for value in (self.base, self.output, abs(self.gap)))
        if abs(self.gap) > ROUNDING * abs(self.output) and gap != scale.answer(0.0, least):
            added, missed = (scale.change(value, least) for value in (float(self.values.sum()), self.gap))
            did = f"{added} {missed} (missed by the integral)"
        else:
            did = scale.change(scale.rounded(self.output, least) - scale.rounded(self.base, least), least)
        return f"{base} (the mean of {self.against}) {did} = {output}"

    def told(self, answer: float) -> str:
        """An answer, such as the base, with its unit."""
        return self._scale.answer(answer)

    @property
    def measured_in(self) -> str:
        """In what it is told what the parts did; "" where the answer has no unit."""
        return "percentage points" if self.probability else self.unit

    def __repr__(self) -> str:
        return str(self)

    def __str__(self) -> str:
        lines = self.lines()
        wide = [max(len(line[i]) for line in lines) for i in range(3)]
        unit = f", in {self.measured_in}" if self.measured_in else ""
        rows = (
            f"{line.name:<{wide[0]}}  {line.cell:<{wide[1]}}  {line.did:>{wide[2]}}  {line.error}".rstrip()
            for line in lines
        )
        return "\n".join([f"what each part did to {self.of} ({METHODS[self.method]}{unit})", *rows, self.sum])

    @cached_property
    def _scale(self) -> Scale:
        beside = LITTLE * max(abs(self.output), abs(self.base))  # less is nothing beside them
        return Scale(max(*np.abs(self.values), beside), self.probability, self.unit)

    def _line(self, name: str, cell: str, did: float, error: float) -> Line:
        told = self._scale.number(error)
        seen = not math.isnan(error) and told != self._scale.number(0.0)
        return Line(shortened(name), cell, self._scale.change(did).replace(" ", ""), f"± {told}" if seen else "")

    def _cell(self, i: int) -> str:
        return shortened(" ".join(self.cells[i].split()), CELL) if self.cells else ""

    # As numbers and as a picture

    def to_dict(self) -> dict[str, Any]:
        """As plain data."""
        cells = self.cells or [""] * len(self.names)
        parts = zip(self.names, cells, self.values.tolist(), self.errors.tolist(), strict=True)
        return {
            "of": self.of,
            "output": self.output,
            "base": self.base,
            "against": self.against,
            "method": self.method,
            "unit": "probability" if self.probability else self.unit,
            "gap": self.gap,
            "parts": [{"name": name, "is": cell, "did": did, "error": error} for name, cell, did, error in parts],
        }

    def chart(self, most: int = MOST) -> Chart:
        """From the base to the output, step by step: a bar for each part, the greatest first (a waterfall)."""
        shown = self.order[: most if len(self.names) > most + 1 else None]
        others = len(self.names) - len(shown)
        names = [f"{self.names[i]} = {self._cell(i)}" if self.cells else self.names[i] for i in shown]
        did = [*self.values[shown]]
        if others:
            names, did = [*names, counted(others, "other")], [*did, np.delete(self.values, shown).sum()]
        ends = self._scale.factor * np.cumsum([self.base, *did])
        told = [self._scale.change(change).replace(" ", "") for change in did]
        marks: list[Mark] = [
            Bars(names, np.where(rises, ends[1:], np.nan), colour, label, ends[:-1], told)
            for rises, colour, label in (
                (np.array(did) >= 0, VALIDATION, "raises"),
                (np.array(did) < 0, TRAINING, "lowers"),
            )
            if rises.any()
        ]
        marks.append(Rule(ends[0], f"mean {self.told(self.base)}", MARK))
        marks.append(Rule(self._scale.factor * self.output, f"prediction {self.told(self.output)}", COLOURS[-1]))
        unit = ", in %" if self.probability else f", in {self.unit}" if self.unit else ""
        panel = Panel("what each part did", f"{self.of}{unit}, from the mean of {self.against}", "", marks)
        return Chart(f"{METHODS[self.method]} of {self.of}", [panel], 720, 110 + 27 * len(names))

    def save(self, path: str | os.PathLike[str]) -> Attribution | Chart | Figure:
        """Write the picture (.svg, .png, .pdf), or the numbers as JSON (.json) or as a table (.csv), atomically.

        The table has a line for the base, too, so that its column `did` adds up to the output.

        Raises:
            OptionError: another suffix.
            ModelFileError: the file cannot be written.
        """
        suffix = Path(path).suffix.lower()
        if suffix in PICTURES:
            return self.chart().save(path)
        if suffix not in (".json", ".csv"):
            raise OptionError(f"an attribution is written as .svg, .png, .pdf, .json or .csv, but not as {path}.")
        files.write_atomically(path, files.to_json(self.to_dict()) if suffix == ".json" else self._csv())
        return self

    def _csv(self) -> str:
        text = io.StringIO()
        table = csv.writer(text, lineterminator="\n")
        table.writerow(("name", "is", "did", "error"))
        table.writerow(("(base)", self.against, self.base, ""))
        parts = self.to_dict()["parts"]
        table.writerows(
            (part["name"], part["is"], part["did"], "" if math.isnan(part["error"]) else part["error"])
            for part in parts
        )
        return text.getvalue()

    def _repr_svg_(self) -> str:
        """How notebooks show it."""
        return self.chart().svg()

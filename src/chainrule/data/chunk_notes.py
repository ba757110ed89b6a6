"""What a walk through all chunks of a large file tells, and a sample of its rows does not: how many rows are left out,
numbers that lack their unit, and words that are only written otherwise."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from chainrule.data.codes import Code, WordCode
from chainrule.data.columns import USED, Column
from chainrule.data.new_rows import Doubt, spelling_told, without_unit
from chainrule.names import counted

if TYPE_CHECKING:
    from polars import DataFrame


@dataclass
class ChunkNotes:
    """Looks at each chunk, once.

    Args:
        columns: of the table. targets: those to predict. codes: of what a network sees, where that is known.
    """

    columns: Sequence[Column]
    targets: Sequence[str]
    codes: Sequence[Code] = ()
    empty: int = 0
    beyond: int = 0
    bare: dict[str, Doubt] = field(default_factory=dict)
    spelled: dict[str, dict[str, str]] = field(default_factory=dict)
    known: dict[str, dict[str, str]] = field(default_factory=dict)

    def know(self, frame: DataFrame) -> None:
        """Tell no more of the words in the rows that were drawn, of which it has been told."""
        self.known = self._spelled_in(frame)

    def look(self, frame: DataFrame, gaps: NDArray[np.bool_], beyond: NDArray[np.bool_]) -> None:
        """Look at a chunk.

        Args:
            gaps, beyond: whether rows lack what must be there, and whether a value to predict lies far from all others.
        """
        self.empty += int(gaps.sum())
        self.beyond += int((beyond & ~gaps).sum())
        self.look_at_cells(frame)

    def look_at_cells(self, frame: DataFrame) -> None:
        """Look for numbers that lack their unit, and for words that are only written otherwise."""
        for column in self.columns:
            told = column.name in self.bare or column.tells_of_bare
            if told or column.kind not in (*USED, "target") or column.name not in frame.columns:
                continue
            if column.lacks_unit(frame[column.name]):
                self.bare[column.name] = without_unit(column)
        for name, meant in self._spelled_in(frame).items():
            self.spelled.setdefault(name, {}).update(meant)

    def _spelled_in(self, frame: DataFrame) -> dict[str, dict[str, str]]:
        """By columns, the words that are taken for others."""
        codes = [code for code in self.codes if isinstance(code, WordCode)]
        values = ((code, code.column.values(frame[code.column.name])) for code in codes)
        return {code.column.name: code.meant(code.strangers(series)) for code, series in values}

    def doubts(self) -> list[Doubt]:
        """What there was in the cells."""
        new = {name: {w: meant[w] for w in meant if w not in self.known[name]} for name, meant in self.spelled.items()}
        where = "in rows that were not drawn"
        return [
            *self.bare.values(),
            *(spelling_told(name, dict(sorted(meant.items())), where) for name, meant in new.items() if meant),
        ]

    def notes(self, size: int) -> list[str]:
        """What there was in a file of so many rows."""
        names = ", ".join(self.targets)
        lost = [(self.empty, "in which a value is missing that must be there")]
        lost += [(self.beyond, f"in which {names} lies far from all others")]
        told = " and ".join(f"{counted(n, 'row')} {why}" for n, why in lost if n)
        return ([f"of all {size:,} rows are left out {told}"] if told else []) + self.doubts()

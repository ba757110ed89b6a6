"""What a walk through all chunks of a large file tells, and a sample of its rows does not: how many rows are left out,
and numbers that lack their unit."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from chainrule.data.columns import USED, Column
from chainrule.data.new_rows import without_unit
from chainrule.names import counted

if TYPE_CHECKING:
    from polars import DataFrame


@dataclass
class ChunkNotes:
    """Looks at each chunk, once.

    Args:
        columns: of the table. targets: those to predict.
    """

    columns: Sequence[Column]
    targets: Sequence[str]
    empty: int = 0
    beyond: int = 0
    bare: dict[str, str] = field(default_factory=dict)

    def look(self, frame: DataFrame, gaps: NDArray[np.bool_], beyond: NDArray[np.bool_]) -> None:
        """Look at a chunk.

        Args:
            gaps, beyond: whether rows lack what must be there, and whether a value to predict lies far from all others.
        """
        self.empty += int(gaps.sum())
        self.beyond += int((beyond & ~gaps).sum())
        self.look_for_bare(frame)

    def look_for_bare(self, frame: DataFrame) -> list[str]:
        """The notes on columns in which numbers lack their unit in these rows, and did not in those before."""
        new = {}
        for column in self.columns:
            told = column.name in self.bare or column.tells_of_bare
            if told or column.kind not in (*USED, "target") or column.name not in frame.columns:
                continue
            if column.lacks_unit(frame[column.name]):
                new[column.name] = without_unit(column)
        self.bare |= new
        return [*new.values()]

    def notes(self, size: int) -> list[str]:
        """What there was in a file of so many rows."""
        names = ", ".join(self.targets)
        lost = [(self.empty, "in which a value is missing that must be there")]
        lost += [(self.beyond, f"in which {names} lies far from all others")]
        told = " and ".join(f"{counted(n, 'row')} {why}" for n, why in lost if n)
        return ([f"of all {size:,} rows are left out {told}"] if told else []) + [*self.bare.values()]

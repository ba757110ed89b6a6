"""Matrix dimensions: what shape everything has (the notes, "getting your matrix dimensions right")."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

from chainrule.checking import whole
from chainrule.errors import ShapeError


@dataclass(frozen=True)
class Dimensions:
    """The shapes of a network, layer by layer.

    Attributes:
        rows: for each l a dict with the shapes of W, b, Z, A and their derivatives, which are the same.
    """

    rows: list[dict[str, tuple[int, int]]]

    def __getitem__(self, name: str) -> tuple[int, int]:
        """The shape of "W1", "dW1", "A2", …; "A0" is X."""
        symbol = name.rstrip("0123456789")
        l = name.removeprefix(symbol)
        if l == "0" and symbol in ("A", "dA"):
            return self.rows[0]["W"][1], self.rows[0]["A"][1]
        if not l or not 1 <= int(l) <= len(self.rows) or symbol not in self.rows[0]:
            raise ShapeError(f"there is no {name}: the layers go from 1 to {len(self.rows)}, the symbols are W b Z A.")
        return self.rows[int(l) - 1][symbol]

    def __str__(self) -> str:
        names = ("W", "b", "Z", "A")
        cells = [["l", *(f"{n}, d{n}" for n in names)]]
        cells += [[str(l), *(str(row[n]) for n in names)] for l, row in enumerate(self.rows, 1)]
        widths = [max(len(line[i]) for line in cells) for i in range(len(cells[0]))]
        return "\n".join(
            "  ".join(text.ljust(w) for text, w in zip(line, widths, strict=True)).rstrip() for line in cells
        )


def dimensions(layer_sizes: Sequence[int], m: int) -> Dimensions:
    """W^[l] and dW^[l] are (n^[l], n^[l-1]), b^[l] and db^[l] (n^[l], 1), Z, A, dZ, dA (n^[l], m).

    Args:
        layer_sizes: (n^[0], n^[1], …, n^[L]).
        m: the number of examples.

    Raises:
        ShapeError: fewer than two sizes.
        OptionError: a size or m below 1.
    """
    sizes = [whole("a layer size", n) for n in layer_sizes]
    m = whole("m", m)
    if len(sizes) < 2:
        raise ShapeError(f"layer_sizes are {sizes}, but a network has at least n^[0] and n^[1].")
    rows = []
    for n_prev, n in pairwise(sizes):
        row = {"W": (n, n_prev), "b": (n, 1), "Z": (n, m), "A": (n, m)}
        rows.append(row | {f"d{name}": shape for name, shape in row.items()})
    return Dimensions(rows)

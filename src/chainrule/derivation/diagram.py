"""What is drawn, wherever it comes from: boxes and the edges between them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from chainrule.errors import GraphError

Kind = Literal["leaf", "parameter", "constant", "operation", "cost"]


@dataclass(frozen=True)
class Box:
    """A node of a diagram.

    Labels are plain text in which `x^{…}` raises and `x_{…}` lowers: "W^{[1]}", "x_{1}".

    Attributes:
        label: what stands in the box, such as "u = b · c".
        kind: "leaf" (an input), "parameter", "constant", "operation" (also a layer or a result) or "cost".
        detail: a second, smaller line, such as a shape; none where it is empty.
        tooltip: what a reader sees who points at the box; the label where it is empty.
    """

    label: str
    kind: Kind = "operation"
    detail: str = ""
    tooltip: str = ""


@dataclass(frozen=True)
class Edge:
    """An arrow from one box to another, by their places in the diagram.

    Attributes:
        source, target: the places in `Diagram.boxes`.
        above: what flows forward, such as "6".
        below: what flows backward, such as "dJ/du = 3".
    """

    source: int
    target: int
    above: str = ""
    below: str = ""


@dataclass(frozen=True)
class Diagram:
    """Boxes in the order of evaluation, and edges without a cycle.

    Attributes:
        title: what the drawing shows, in a few words, for readers who cannot see it.
        note: a line that stands below the drawing; none where it is empty.

    Raises:
        GraphError: an edge leads from or to a box that is not there, or the edges form a cycle.
    """

    boxes: tuple[Box, ...]
    edges: tuple[Edge, ...] = ()
    title: str = "computation graph"
    note: str = ""

    def __post_init__(self) -> None:
        for edge in self.edges:
            if not (0 <= edge.source < len(self.boxes) and 0 <= edge.target < len(self.boxes)):
                raise GraphError(f"an edge from {edge.source} to {edge.target}, but there are {len(self.boxes)} boxes.")
        if len(self.in_order()) < len(self.boxes):
            raise GraphError("the edges of a diagram form a cycle, but data flow in one direction only.")

    def in_order(self) -> list[int]:
        """The boxes in an order in which each comes after its sources; those on a cycle are missing."""
        waits = [0] * len(self.boxes)
        targets: list[list[int]] = [[] for _ in self.boxes]
        for edge in self.edges:
            waits[edge.target] += 1
            targets[edge.source].append(edge.target)
        order = [box for box, n in enumerate(waits) if n == 0]
        for box in order:
            for target in targets[box]:
                waits[target] -= 1
                if waits[target] == 0:
                    order.append(target)
        return order

"""The computation graph of J = 3(a + bc), forward and backward (the notes, "computation graph")."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from chainrule.checking import real
from chainrule.derivation.drawing import Drawing, draw
from chainrule.derivation.steps import steps
from chainrule.graph import Variable, variable


@dataclass(frozen=True)
class ComputationGraph:
    """The values of u = bc, v = a + u and J = 3v, and J's derivative by each variable. `str` is the notes' steps.

    Attributes:
        J, v, u: the values. dv, du, da, db, dc: dJ/dv, dJ/du, dJ/da, dJ/db, dJ/dc, as the notes call them in code.
        graph: the last node of the graph.
    """

    J: float
    v: float
    u: float
    dv: float
    du: float
    da: float
    db: float
    dc: float
    graph: Variable = field(repr=False, compare=False)

    def __str__(self) -> str:
        return str(steps(self.graph))

    def draw(self) -> Drawing:
        """The drawing: values forward above the edges, derivatives backward below them."""
        return draw(self.graph)


def computation_graph(a: float = 5, b: float = 3, c: float = 2) -> ComputationGraph:
    """J = 3(a + bc) step by step from left to right, then the derivatives from right to left.

    Raises:
        OptionError: a, b or c is no finite number.
    """
    inputs = {"a": a, "b": b, "c": c}
    x = {name: variable(real(name, value), name) for name, value in inputs.items()}
    u = x["b"] * x["c"]
    v = x["a"] + u
    J = 3 * v
    J.backward()
    dv, du, da, db, dc = (float(np.float64(node.grad)) for node in (v, u, x["a"], x["b"], x["c"]))
    return ComputationGraph(float(J.value), float(v.value), float(u.value), dv, du, da, db, dc, J)

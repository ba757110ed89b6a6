"""A network's computation graph, named, and laid out as the notes have it: examples are columns."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from chainrule.derivation.formula import Atom, number
from chainrule.errors import GraphError
from chainrule.graph import Array, Variable, from_cost_to_leaves, plain
from chainrule.layers import Layer
from chainrule.schedules import Schedule

MOST = 8
"""Of matrices with more rows or columns, the first and the last ones are shown."""

KEPT = 3
"""How many of the first, and of the last."""


@dataclass(frozen=True)
class Trace:
    """One pass of a batch through a network and a cost, recorded and named.

    Attributes:
        nodes: every variable that an operation made, in the order in which they were computed; J is the last.
        A0, Y, J: the input, the targets as the formulas use them (a leaf of its own, not in the graph), and the cost.
        names: the notes' name of each variable, the leaves too.
        layers: the layer that made each node; the nodes of the cost are not in it.
        schedules: of the rates of dropout that are on one, by the place that a `DropRate` tells.
        parameters: the names of the leaves that training changes, in the order of the network.
        arrays: the variable that stands for an array, by the array's id; see `Names`.
        axes: of each variable that holds something for each example, the axes along which it does.
        dependent: the variables that depend on X or y.
        losses: the leading axes of the network's output: (m,), or (m, T) where each step of a sequence has its loss.
        activations: of each node whose operation is a shortcut, the activation that it reads past.
        loss: what the loss is called. assumed: whether neither the caller nor the model named it.
        given: how much of the numbers is real, and not made of blanks: "nothing", "X", or "X and y".
    """

    nodes: tuple[Variable, ...]
    A0: Variable
    Y: Variable
    J: Variable
    names: dict[Variable, Atom]
    layers: dict[Variable, Layer]
    schedules: tuple[Schedule | float, ...]
    parameters: dict[Variable, str]
    arrays: dict[int, Variable]
    axes: dict[Variable, tuple[int, ...]]
    dependent: set[Variable]
    losses: tuple[int, ...]
    activations: dict[Variable, Variable]
    loss: str
    assumed: bool
    given: Literal["nothing", "X", "X and y"]

    @property
    def m(self) -> int:
        """The number of losses that J is the mean of: of the examples, or of the steps of all examples."""
        return math.prod(self.losses)

    @property
    def of_sequences(self) -> bool:
        """Whether the network's output has steps, each with its loss."""
        return len(self.losses) > 1

    def variable(self, value: Any) -> Variable | None:
        """The variable that an input of an operation is, or that stands for it; None for numbers and what has no name.

        Where the targets are an input, this is Y.
        """
        return value if isinstance(value, Variable) else self.arrays.get(id(value))

    def name(self, value: Any) -> Atom:
        """What a variable, an array or a number is called.

        Raises:
            GraphError: an array without a name.
        """
        variable = self.variable(value)
        if variable is not None:
            return self.names[variable]
        if np.size(value) != 1:
            raise GraphError(f"an array of shape {np.shape(value)} has no name in this derivation.")
        return number(float(np.ravel(value)[0]))

    def of_examples(self, variable: Variable) -> bool:
        """Whether the variable holds something for each example."""
        return variable in self.axes

    def columns(self, variable: Variable) -> int:
        """How many leading axes count what becomes columns: examples, or examples and steps; 0 for none."""
        if self.axes.get(variable, ())[:1] != (0,):
            return 0
        k = len(self.losses)
        return k if variable.shape[:k] == self.losses else 1

    def transposed(self, variable: Variable) -> bool:
        """Whether a matrix stands on the page as the transpose of its array, whose rows are examples."""
        k = self.columns(variable)
        row = variable.ndim == 2 and variable.shape[0] == 1 and variable in self.dependent
        return variable.ndim - k == 1 if k else row

    def shape(self, value: Any) -> tuple[str, ...]:
        """The shape on the page, with m for the number of losses; examples and vectors are columns."""
        variable = self.variable(value)
        sizes = tuple(map(str, np.shape(plain(value))))
        if variable is not None:
            k, shape = self.columns(variable), variable.shape
            axes = self.axes.get(variable, ())
            counts = (self.count(n) if axis in axes else str(n) for axis, n in enumerate(shape))
            sizes = (self.count(math.prod(shape[:k])), *map(str, shape[k:])) if k > 1 else tuple(counts)
            if k and len(sizes) == 1:
                return ("1", *sizes)
            if self.transposed(variable):
                return sizes[::-1]
        return (*sizes, "1") if len(sizes) == 1 else sizes

    def beside(self, node: Variable, array: Array) -> Variable:
        """A leaf for what an operation makes beside the node's value; of each example, along the node's axes."""
        leaf = Variable(np.asarray(array, float))
        axes = self.axes.get(node, ())
        if axes and leaf.ndim == node.ndim and all(leaf.shape[k] == node.shape[k] for k in axes):
            self.axes[leaf] = axes
        return leaf

    def count(self, n: int) -> str:
        """A number of examples, or of what there are several for each, written with m."""
        if n % self.m == 0:
            return "m" if n == self.m else f"{n // self.m}m"
        return f"m/{self.m // n}" if n and self.m % n == 0 else str(n)

    def on_the_page(self, variable: Variable, numbers: Array) -> NDArray[Any]:
        """Numbers in the variable's shape, laid out in the shape that `shape` tells."""
        array, k = np.asarray(numbers), self.columns(variable)
        if array.ndim == k > 0:
            return array.reshape(1, -1)
        if k > 1:
            array = array.reshape(-1, *array.shape[k:])
        if self.transposed(variable):
            return array.T
        return array.reshape(-1, 1) if array.ndim == 1 else array

    def shown(self, variable: Variable, numbers: Array, backward: bool = False) -> NDArray[Any] | None:
        """The numbers as the page has them, as far as they are real; of a matrix that is too large, its `Corners`.

        Args:
            backward: whether they are derivatives.
        """
        of_cost = variable is self.Y or (variable.operation is not None and variable not in self.layers)
        if self.given == "nothing" or (self.given == "X" and (backward or of_cost)):
            return None
        array = self.on_the_page(variable, numbers)
        return None if array.ndim > 2 else cut(array)


class Corners(np.ndarray[Any, Any]):
    """The first and the last rows and columns of a matrix, side by side, with dots to be set between them.

    Attributes:
        whole: the shape of the matrix.
    """

    whole: tuple[int, ...] = ()


def cut(array: NDArray[Any]) -> NDArray[Any]:
    """The array, or of one with too many rows or columns the first and the last ones."""
    if max(array.shape, default=1) <= MOST:
        return array
    kept = [list(range(n)) if n <= MOST else [*range(KEPT), *range(n - KEPT, n)] for n in array.shape]
    corners = array[np.ix_(*kept)].view(Corners)
    corners.whole = array.shape
    return corners


def on_the_way(trace: Trace) -> list[Variable]:
    """The nodes between J and the parameters, J first."""
    order = [node for node in from_cost_to_leaves(trace.J) if node.operation is not None]
    reached = set(trace.parameters)
    for node in reversed(order):
        if any(parent in reached for parent in node.parents):
            reached.add(node)
    return [node for node in order if node in reached]

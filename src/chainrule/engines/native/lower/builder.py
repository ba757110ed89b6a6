"""A plan under construction: the values that nodes have become, and the steps that make them.

The kernels see one example at a time, or parameters: an operation must keep the examples apart, along the first axis.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import TYPE_CHECKING
from weakref import ref

import numpy as np
from numpy.typing import NDArray

from chainrule.engines.contract import LayerLike
from chainrule.engines.native.plan import CONSTANT, EXAMPLE, PARAMETER, SHARED, NoKernelError, Option, Step, Value
from chainrule.engines.trace import DropRate, Node, Role, Trace

if TYPE_CHECKING:
    from chainrule.engines.native.lower.bins import Bins

MIXES = "an operation that mixes examples"

NARROW = 3
"""A product by so few outputs would leave most of a register empty."""

Positions = NDArray[np.int64]
"""The places of numbers in an array, counted row by row."""


class Builder:
    """The values and steps of a trace, as far as they have been written.

    Attributes:
        trace: what is lowered. dtype: the network's type.
        values, steps: what the plan has so far. ids: the numbers of the values that nodes have become.
        views: X and what is cut out of it, each with the places that its numbers have in an example of X.
        bins: by the nodes that write them out, the bins that a linear step takes as they are.
        limits: see `Plan`.
        target: the number of the value that holds Y; -1 if nothing reads it as numbers.
        moving, constants, drop_rates: see `Plan`.
        narrow: a linear step of no more outputs than this has a kernel of its own.
    """

    def __init__(self, trace: Trace, parameters: dict[str, NDArray[np.generic]], dtype: str, narrow: int = NARROW):
        self.trace, self.dtype, self.narrow = trace, np.dtype(dtype), narrow
        self.values: list[Value] = []
        self.steps: list[Step] = []
        self.ids: dict[Node, int] = {}
        self.views: dict[Node, Positions] = {
            trace.X: np.arange(math.prod(trace.X.shape[1:])).reshape(trace.X.shape[1:])
        }
        self.bins: dict[Node, Bins] = {}
        self.limits: NDArray[np.float64] | None = None
        self.target = -1
        self.moving: list[tuple[Step, ref[LayerLike]]] = []
        self.constants: list[tuple[ref[LayerLike], str, bytes]] = []
        self.drop_rates: list[tuple[NDArray[np.float64], int]] = []
        self._known_constants: dict[tuple[tuple[int, ...], bytes], int] = {}
        self._in_rows = {given for node in trace.nodes for given in _read_in_rows(node)}
        for name, held in parameters.items():
            if name in trace.parameters:
                self.ids[trace.parameters[name]] = len(self.values)
            self.values.append(Value(PARAMETER, held.shape, wanted=name in trace.parameters, weights=held.ndim > 1))

    @property
    def m(self) -> int:
        """The number of examples in the trace."""
        return self.trace.m

    def emit(
        self,
        kernel: str,
        inputs: list[int],
        shape: tuple[int, ...],
        kind: int | None = None,
        derived: list[bool] | None = None,
        /,
        **options: Option,
    ) -> int:
        """Add a step and the value that it makes; returns the value's number.

        Args:
            shape: of the value, of one example where it is of examples.
            kind: of the value; by default of examples if an input is.
            derived: which inputs have a derivative at all; by default all.
        """
        if 0 in shape:
            raise NoKernelError("an array without numbers")
        if kind is None:
            kind = EXAMPLE if any(self.values[i].kind == EXAMPLE for i in inputs) else SHARED
        derived = [True] * len(inputs) if derived is None else derived
        derives = [has and self.values[i].wanted for i, has in zip(inputs, derived, strict=True)]
        self.steps.append(Step(kernel, inputs, len(self.values), derives, options))
        self.values.append(Value(kind, tuple(shape), wanted=any(derives)))
        return len(self.values) - 1

    def make(
        self, node: Node, kernel: str, inputs: list[int], derived: list[bool] | None = None, /, **options: Option
    ) -> None:
        """Add the step that makes a node."""
        of_examples = any(self.values[i].kind == EXAMPLE for i in inputs)
        shape = node.shape[1:] if of_examples else node.shape
        self.ids[node] = self.emit(kernel, inputs, shape, None, derived, **options)

    # What is read

    def read(self, node: Node, of_each: bool = False) -> int:
        """The number of a node's value; data and constants are entered when they are first read.

        Args:
            of_each: whether a constant as long as the batch holds numbers for each example; they must be the same.
        """
        if node.role is Role.LABEL:
            if self.target < 0:
                self.target = self.emit("targets", [], node.shape[1:], EXAMPLE)
            return self.target
        if node in self.views:
            if node not in self.ids:
                self.ids[node] = self._gathered(node)
            return self.ids[node]
        if node.given:
            return self._constant(node, of_each)
        if node not in self.ids:
            raise NoKernelError("a number that is made of all examples")
        return self.ids[node]

    def numbers(self, node: Node) -> NDArray[np.float64]:
        """The numbers of a constant or a statistic, which the plan holds true as long as they do not change."""
        if node.role is Role.STATISTIC:
            self._depend_on(node)
        try:
            return np.asarray(node.numbers, np.float64)
        except (TypeError, ValueError):
            raise NoKernelError(f"a {type(node.numbers).__name__}") from None

    def drop_rate(self, node: Node) -> NDArray[np.float64]:
        """(1,), the rate of dropout, where a kernel reads it at each batch."""
        rate = node.options["rate"]
        held = np.array([rate], np.float64)
        if isinstance(rate, DropRate):
            self.drop_rates.append((held, rate.place))
        return held

    def is_whole(self, view: Node) -> bool:
        """Whether a view holds all numbers of X in their order."""
        return np.array_equal(self.views[view].ravel(), self.views[self.trace.X].ravel())

    def of_examples(self, node: Node) -> bool:
        """Whether something that an operation reads has the examples along its first axis."""
        if node.role is Role.LABEL or node in self.views:
            return True
        return node in self.ids and self.values[self.ids[node]].kind == EXAMPLE

    def full(self, i: int) -> tuple[int, ...]:
        """The shape of a value in the trace, all examples together."""
        value = self.values[i]
        return (self.m, *value.shape) if value.kind == EXAMPLE else value.shape

    def may_lie_in_panels(self, W: Node) -> bool:
        """Whether it is a parameter of more than a few outputs that nothing but linear steps of examples reads."""
        return W.role is Role.PARAMETER and W.shape[0] > self.narrow and W not in self._in_rows

    def refuse_examples(self, name: str, A: int, axes: list[int]) -> None:
        """Raises NoKernelError where an operation goes over the axis of the examples."""
        if self.values[A].kind == EXAMPLE and 0 in axes:
            raise NoKernelError(f"{name} over the examples")

    def limit_indices(self, positions: Positions, rows: int) -> None:
        """These numbers of X are looked up in a table of so many rows."""
        if self.limits is None:
            self.limits = np.full(self.views[self.trace.X].size, math.inf)
        self.limits[positions] = np.minimum(self.limits[positions], rows)

    def _depend_on(self, node: Node) -> None:
        for leaf in node.statistics():
            assert leaf.layer is not None
            self.constants.append((ref(leaf.layer), leaf.name, np.asarray(leaf.numbers).tobytes()))

    def _gathered(self, view: Node) -> int:
        if self.is_whole(view):
            return self.emit("gather", [], view.shape[1:], EXAMPLE)
        positions = self.views[view]
        return self.emit("index", [self.read(self.trace.X)], positions.shape, positions=in_a_row(positions))

    def _constant(self, node: Node, of_each: bool) -> int:
        numbers = self.numbers(node)
        if of_each and numbers.shape[:1] == (self.m,):
            if not np.array_equal(numbers, np.broadcast_to(numbers[:1], numbers.shape), equal_nan=True):
                raise NoKernelError("an array with other numbers for each example")
            numbers = numbers[:1]
        key = (numbers.shape, numbers.tobytes())
        if key not in self._known_constants:
            self._known_constants[key] = len(self.values)
            self.values.append(Value(CONSTANT, numbers.shape, numbers=numbers.ravel()))
        return self._known_constants[key]

    # What only moves numbers

    def moved(
        self,
        inputs: list[int],
        function: Callable[..., NDArray[np.generic]],
        kernel: str = "index",
        shapes: list[tuple[int, ...]] | None = None,
    ) -> int:
        """A value of the same numbers in another shape or order: `function` moves their places as it would move them.

        Args:
            shapes: those in which `function` gets the inputs, where they are stretched.
        """
        begin, places = 0, []
        for value in (self.values[i] for i in inputs):
            places.append(np.arange(begin, begin + value.size).reshape(value.shape))
            begin += value.size
        of_examples = [self.values[i].kind == EXAMPLE for i in inputs]
        found = self.laid_out(places, of_examples, shapes or [self.full(i) for i in inputs], function)
        return self.emit(kernel, inputs, found.shape, positions=in_a_row(found))

    def laid_out(
        self,
        places: list[Positions],
        of_examples: list[bool],
        shapes: list[tuple[int, ...]],
        function: Callable[..., NDArray[np.generic]],
    ) -> Positions:
        """Where `function` puts the places of one example.

        Raises:
            NoKernelError: it does not do the same with each example, or brings numbers of several together.
        """
        found: Positions = np.asarray(function(*map(np.broadcast_to, places, shapes)), np.int64)
        if not any(of_examples):
            return found
        examples = [
            np.broadcast_to(self._examples(len(shape)) if of_example else -1, shape)
            for of_example, shape in zip(of_examples, shapes, strict=True)
        ]
        if found.shape[:1] == (self.m,) and (found == found[:1]).all():
            whose = np.asarray(function(*examples))
            if ((whose == self._examples(found.ndim)) | (whose < 0)).all():
                one: Positions = found[0]
                return one
        raise NoKernelError(MIXES)

    def _examples(self, axes: int) -> Positions:
        """The numbers of the examples along the first of so many axes."""
        return np.arange(self.m).reshape(-1, *[1] * (axes - 1))


def in_a_row(positions: Positions) -> Positions:
    return np.ascontiguousarray(positions.ravel(), np.int64)


def derived(node: Node) -> list[bool]:
    """For each input, whether there is a derivative by it."""
    assert node.operation is not None
    formulas = node.operation.backward
    return [(formulas[i] if i < len(formulas) else formulas[-1]) != "" for i in range(len(node.inputs))]


def numbers_of(node: Node) -> dict[str, float]:
    """The options of an operation, all of which are numbers."""
    for name, option in node.options.items():
        if not isinstance(option, int | float):
            raise NoKernelError(f"{node.op} with {name} {option!r}")
    return {name: float(option) for name, option in node.options.items()}


def of_the_library(thing: object) -> bool:
    """Whether a class or a function is chainrule's."""
    return str(getattr(thing, "__module__", "")).startswith("chainrule.")


LINEAR_IN_W = ("linear", "rnn", "gru", "lstm")
"""The operations whose second input is a W that meets their first in a linear step."""


def _read_in_rows(node: Node) -> list[Node]:
    """The inputs of a node but for a W that meets examples alone in linear steps, which may lie in panels."""
    first = node.inputs[0]
    in_panels = node.op in LINEAR_IN_W and first is not None and first.from_data
    return [given for i, given in enumerate(node.inputs) if given is not None and not (in_panels and i == 1)]

"""The values and steps of a record while they are written: what is read, what is made, what only moves numbers."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from chainrule.engines.steps import CONSTANT, EXAMPLE, SHARED, NoKernelError, Step, Value
from chainrule.graph import Array, Variable
from chainrule.noting import Watched

MIXES = "an operation that mixes examples"


class Values:
    """Values by the variables and arrays of a record of m examples, and the steps that make them.

    Attributes:
        ids: the numbers of the values that variables have become.
        data: X and what is cut out of it, each with the places that its numbers have in an example of X.
        Y: the targets of the record, in the shape in which the loss gets them.
        target: the value that holds Y, -1 if none does.
        origin: the layer or loss that the next steps belong to, in words.
    """

    def __init__(self) -> None:
        self.m = 0
        self.values: list[Value] = []
        self.steps: list[Step] = []
        self.ids: dict[Variable, int] = {}
        self.data: dict[Variable, NDArray[np.int64]] = {}
        self.Y: Array = None
        self.target = -1
        self.origin = ""
        self._constants: dict[tuple[Any, ...], int] = {}

    def begin(self, X: Array) -> Variable:
        """The variable of a batch X (m, …)."""
        self.m, start = len(X), Variable(X, "X")
        self.data[start] = np.arange(X[0].size).reshape(X.shape[1:])
        return start

    @property
    def X(self) -> Variable:
        return next(iter(self.data))

    def emit(
        self,
        kernel: str,
        inputs: list[int],
        shape: tuple[int, ...],
        kind: int | None = None,
        derived: list[bool] | None = None,
        **options: Any,
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
        self.steps.append(Step(kernel, inputs, len(self.values), derives, options, self.origin))
        self.values.append(Value(kind, tuple(shape), wanted=any(derives)))
        return len(self.values) - 1

    # What is read

    def read(self, given: Any, of_each: bool = False) -> int:
        """The number of a value; data and constants are entered when they are first read.

        Args:
            of_each: whether a constant as long as the batch holds numbers for each example; they must be the same.
        """
        if self.is_Y(given):
            if self.target < 0:
                self.target = self.emit("targets", [], self.Y.shape[1:], EXAMPLE)
            return self.target
        view = self.view(given)
        if view is not None:
            if view not in self.ids:
                self.ids[view] = self._gathered(view)
            return self.ids[view]
        if not isinstance(given, Variable):
            return self._constant(given, of_each)
        if given not in self.ids:
            raise NoKernelError("a number that is made of all examples")
        return self.ids[given]

    def view(self, given: Any) -> Variable | None:
        """X, or what is cut out of it, given as a variable or as the array that a layer took out of it."""
        return next((view for view in self.data if given is view or given is view.value), None)

    def is_whole(self, view: Variable) -> bool:
        """Whether it holds all numbers of X in their order."""
        return np.array_equal(self.data[view].ravel(), self.data[self.X].ravel())

    def is_Y(self, given: Any) -> bool:
        return self.Y is not None and given is self.Y

    def of_examples(self, given: Any) -> bool:
        """Whether something that an operation reads has the examples along its first axis."""
        if self.is_Y(given) or self.view(given) is not None:
            return True
        return isinstance(given, Variable) and given in self.ids and self.values[self.ids[given]].kind == EXAMPLE

    def full(self, i: int) -> tuple[int, ...]:
        """The shape of a value in the record, all examples together."""
        value = self.values[i]
        return (self.m, *value.shape) if value.kind == EXAMPLE else value.shape

    def _gathered(self, view: Variable) -> int:
        if self.is_whole(view):
            return self.emit("gather", [], view.shape[1:], EXAMPLE)
        positions = self.data[view]
        return self.emit("index", [self.read(self.X)], positions.shape, positions=_in_a_row(positions))

    def _constant(self, given: Any, of_each: bool) -> int:
        try:
            numbers = np.asarray(given, np.float64)
        except (TypeError, ValueError):
            raise NoKernelError(f"a {type(given).__name__}") from None
        if of_each and numbers.shape[:1] == (self.m,):
            if not np.array_equal(numbers, np.broadcast_to(numbers[:1], numbers.shape), equal_nan=True):
                taken = ", a part of Y or made of it or of a variable's value" if isinstance(given, Watched) else ""
                raise NoKernelError(f"an array with other numbers for each example{taken}")
            numbers = numbers[:1]
        key = (numbers.shape, numbers.tobytes())
        if key not in self._constants:
            self._constants[key] = len(self.values)
            self.values.append(Value(CONSTANT, numbers.shape, numbers=numbers.ravel()))
        return self._constants[key]

    # What only moves numbers

    def moved(
        self,
        inputs: list[int],
        function: Callable[..., Array],
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
        return self.emit(kernel, inputs, found.shape, positions=_in_a_row(found))

    def laid_out(
        self,
        places: list[NDArray[np.int64]],
        of_examples: list[bool],
        shapes: list[tuple[int, ...]],
        function: Callable[..., Array],
    ) -> NDArray[np.int64]:
        """Where `function` puts the places of one example.

        Raises:
            NoKernelError: it does not do the same with each example, or brings numbers of several together.
        """
        found: NDArray[np.int64] = np.asarray(function(*map(np.broadcast_to, places, shapes)))
        if not any(of_examples):
            return found
        examples = [
            np.broadcast_to(self._examples(len(shape)) if of_example else -1, shape)
            for of_example, shape in zip(of_examples, shapes, strict=True)
        ]
        if found.shape[:1] == (self.m,) and (found == found[:1]).all():
            whose = np.asarray(function(*examples))
            if ((whose == self._examples(found.ndim)) | (whose < 0)).all():
                one: NDArray[np.int64] = found[0]
                return one
        raise NoKernelError(MIXES)

    def _examples(self, axes: int) -> NDArray[np.int64]:
        """The numbers of the examples along the first of so many axes."""
        return np.arange(self.m).reshape(-1, *[1] * (axes - 1))


def _in_a_row(positions: NDArray[np.int64]) -> NDArray[np.int64]:
    return np.ascontiguousarray(positions.ravel(), np.int64)

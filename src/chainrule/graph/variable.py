"""The nodes of the computation graph, and the chain rule that walks them backwards."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from types import ModuleType
from typing import TYPE_CHECKING, Any, NoReturn

import numpy as np

from chainrule.errors import DataError, GraphError, ShapeError
from chainrule.graph.operators import Operators

if TYPE_CHECKING:
    from chainrule.graph.operation import Operation
    from chainrule.graph.recording import Recording

Array = Any
"""An array of NumPy or of another namespace with NumPy's names, such as jax.numpy; or a Python number."""

Backward = Callable[[Array], Sequence[Any]]
"""From the derivative by an operation's value to the derivatives by its inputs, in their order (see `Operation`)."""

Later = Callable[[], Array]
"""A derivative that is computed only if somebody wants it."""


class Variable(Operators):
    """A value in the computation graph that can be differentiated by.

    Make the leaves with `variable`; operations and the operators + - * / @ ** and [] make the rest. Comparisons, also
    ==, give plain arrays of True and False; whether two variables are one and the same, `is` tells.

    While an engine traces a network, its variables are closed: they have a shape, a type and operations, and no
    numbers (see `chainrule.graph.recording`).

    Attributes:
        value: the array or number.
        name: what it is called in drawings and messages; may be set at any time.
        grad: after `backward()` on a later node J, the derivative dJ/d(this), in the shape of `value`; None before.
        operation, inputs, options: what made it; None and empty for a leaf.
        recording: of a closed variable, the recording that it belongs to; else None.

    Raises:
        GraphError: it is made a Python number or a NumPy array, which have no derivative.
    """

    __slots__ = ("_value", "derivatives", "grad", "inputs", "name", "operation", "options", "recording")

    def __init__(
        self,
        value: Array,
        name: str | None = None,
        *,
        operation: Operation | None = None,
        inputs: tuple[Any, ...] = (),
        options: dict[str, Any] | None = None,
        derivatives: Backward | None = None,
        recording: Recording | None = None,
    ):
        self._value = value
        self.name = name
        self.grad: Array | None = None
        self.operation = operation
        self.inputs = inputs
        self.options = options or {}
        self.derivatives = derivatives
        self.recording = recording

    @property
    def value(self) -> Array:
        if self.recording is not None:
            self.recording.refuse("the value of a variable")
        return self._value

    @value.setter
    def value(self, value: Array) -> None:
        if self.recording is not None:
            self.recording.refuse("a variable to write into")
        self._value = value

    def backward(self) -> None:
        """Set `grad` to dJ/d(node) on this node J, on every leaf and on every node between. See `backward`."""
        backward(self)

    @property
    def parents(self) -> tuple[Variable, ...]:
        """The inputs that are variables themselves."""
        return tuple(given for given in self.inputs if isinstance(given, Variable))

    @property
    def shape(self) -> tuple[int, ...]:
        return np.shape(self._value)

    @property
    def dtype(self) -> Any:
        return self._value.dtype

    def __bool__(self) -> bool:
        return bool(self.value)

    def __format__(self, form: str) -> str:
        return format(float(self.value), form) if form else str(self)

    def __repr__(self) -> str:
        called = f", {self.name!r}" if self.name else ""
        derivative = "" if self.grad is None else f", grad={self.grad}"
        return f"variable({self.value}{called}{derivative})"

    def __float__(self) -> float:
        self._refuse_to_leave("float()")

    def __int__(self) -> int:
        self._refuse_to_leave("int()")

    def __complex__(self) -> complex:
        self._refuse_to_leave("complex()")

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> NoReturn:
        self._refuse_to_leave("np.asarray(), or a function of NumPy that is no operation,")

    def _refuse_to_leave(self, what: str) -> NoReturn:
        """Of a number that is taken out in silence nothing comes back: J = x + math.exp(x) would have the slope 1."""
        if self.recording is not None:
            self.recording.refuse("the numbers of a variable")
        raise GraphError(
            f"{what} takes a variable out of the computation graph, and what is computed of it has no derivative. "
            "Compute with operations, cr.ops.exp(x) in place of math.exp(x), cr.ops.clip(x, low=0) in place of "
            "np.clip(x, 0, None), or write x.value where its plain numbers are meant."
        )


def variable(value: Any, name: str | None = None) -> Variable:
    """A leaf of the computation graph: a number or an array of real numbers that J is to be differentiated by.

    Whole numbers become float64; float32 and float64 stay what they are.

    Raises:
        DataError: `value` is not made of real numbers.
    """
    if isinstance(value, Variable):
        raise DataError("this is a variable already: give variable(...) its plain value, x.value, to start a new leaf.")
    try:
        array = np.asarray(value)
    except ValueError:
        raise DataError(
            "a variable holds real numbers, as many in each row, but these rows differ in length."
        ) from None
    if array.dtype.kind in "iub":
        array = array.astype(np.float64)
    if array.dtype.kind != "f":
        raise DataError(f"a variable holds real numbers, but {value!r} is of type {array.dtype}.")
    return Variable(array, name)


def backward(J: Any) -> None:
    """Walk the graph from J back to its leaves and set `grad` on every node: the chain rule.

    Each call starts afresh: derivatives of an earlier call are overwritten, never added to.

    Args:
        J: the cost, a `Variable` that holds one number.

    Raises:
        ShapeError: J is not a scalar.
        GraphError: J depends on no variable.
    """
    if not isinstance(J, Variable):
        raise GraphError(
            f"J is a plain {type(J).__name__}, so it depends on no variable: "
            "make at least one input with cr.variable(value, name) before computing J."
        )
    if np.size(J.value) != 1:
        raise ShapeError(
            f"backward() starts from a scalar cost, but this has shape {J.shape}: "
            "reduce it first, for example with .sum() or .mean()."
        )
    order = list(from_cost_to_leaves(J))
    for node in order:
        node.grad = None
    J.grad = namespace([J.value]).ones_like(J.value)
    reached = False
    for node in order:
        if node.grad is None:
            node.grad = namespace([node.value]).zeros_like(node.value)
        elif node.derivatives is None:
            reached = True
        else:
            _pass_on(node)
    if not reached:
        raise GraphError(
            f"J = {J.value} depends on no variable: every path from it ends in something that has no derivative, "
            "such as labels, weights or indices."
        )


def _pass_on(node: Variable) -> None:
    """Hand the node's derivative to its inputs: dJ/d(input) += dJ/d(node) · d(node)/d(input)."""
    for i, part in parts(node):
        given = node.inputs[i]
        given.grad = part if given.grad is None else given.grad + part


def parts(node: Variable) -> Iterator[tuple[int, Array]]:
    """By the places of its inputs, what the node adds to dJ/d(input): dJ/d(node) · d(node)/d(input)."""
    assert node.derivatives is not None
    # An operation answers for every input it could have been given; optional ones at the end may be absent.
    for i, (given, derivative) in enumerate(zip(node.inputs, node.derivatives(node.grad), strict=False)):
        if isinstance(given, Variable) and derivative is not None:
            yield i, derivative() if callable(derivative) else derivative


def from_cost_to_leaves(J: Variable) -> Iterator[Variable]:
    """Every node that J depends on, J first, and none before all nodes that use it. No recursion: graphs are deep."""
    uses: dict[Variable, int] = {J: 0}
    unseen = [J]
    while unseen:
        for parent in unseen.pop().parents:
            if parent not in uses:
                uses[parent] = 0
                unseen.append(parent)
            uses[parent] += 1
    ready = [J]
    while ready:
        node = ready.pop()
        yield node
        for parent in node.parents:
            uses[parent] -= 1
            if uses[parent] == 0:
                ready.append(parent)


def namespace(arrays: Sequence[Any]) -> ModuleType:
    """The module whose functions fit these arrays: NumPy, unless one of them belongs to another."""
    for array in arrays:
        if not isinstance(array, np.ndarray | np.generic) and hasattr(array, "__array_namespace__"):
            namespace: ModuleType = array.__array_namespace__()
            return namespace
    return np

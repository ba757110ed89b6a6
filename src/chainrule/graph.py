"""The computation graph: operations that record themselves, and the chain rule that walks the record backwards.

The graph knows no calculus. An operation (see `chainrule.ops`) computes a value and hands back a function `backward`,
which turns the derivative of the cost by that value into the derivatives by each input. A `Variable` remembers which
operation made it from which inputs; `backward()` visits the variables from the cost to the leaves and adds up.
"""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable, Iterator, Mapping, Sequence
from types import ModuleType
from typing import Any

import numpy as np

from chainrule.errors import DataError, GraphError, ShapeError
from chainrule.noting import notes_under_way, watched

Array = Any
"""An array of NumPy or of another namespace with NumPy's names, such as jax.numpy; or a Python number."""

Backward = Callable[[Array], Sequence[Any]]
"""From the derivative by an operation's value to the derivatives by its inputs, in their order (see `Operation`)."""

Later = Callable[[], Array]
"""A derivative that is computed only if somebody wants it."""

Axes = int | tuple[int, ...] | None
"""What is reduced: one axis, several, or all."""

OPERATIONS: dict[str, Operation] = {}
"""The registry: every operation by its name. Tests, engines and derivations walk it."""


class Operation:
    """An operation: one function that holds forward and backward, and the formulas of both.

    Called with arrays it returns an array and records nothing; called with at least one `Variable` it returns a
    `Variable`. Positional arguments are the inputs, keyword arguments are options that are never differentiated.

    The formulas are LaTeX in the notes' convention, examples are columns. Derivations put a network's names in their
    symbols' places, so they keep to a contract, which `chainrule.derivation.grammar.check_formulas` checks:

    - Symbols are the names of the inputs, Greek ones such as gamma by their letter, weights by w, and of the options.
      No input is called T, which marks a transpose. `dA` is the derivative by A.
    - `forward` tells the value, one capital letter, on the left of an equals sign; clauses between `, \\quad` tell what
      it is made of. A letter of its own, such as a mask D, is told in the first sentence of the documentation.
    - `backward` has one formula for each input, which begins with the derivative by that input; further clauses tell
      symbols of their own. It is empty where there is no derivative.
    - A^{(i)} is example i of m, or what it has at one step or place, if it has such: a sum over i goes over these, too.
      k and l run over an axis that is summed, and n is the number of elements along it; t counts the steps of a
      sequence; where the option `backwards` is given, t - 1 and t + 1 change places.
    - A term that begins with a condition on an input, [mask = 0] A, is there only if that input is given.

    Attributes:
        name: the function's name, under which `OPERATIONS` holds it.
        function: `(xp, *inputs, **options) -> (value, backward)`. `backward(dvalue)` returns a derivative for each
            input, None for an input that has none (labels, say), or a function of no arguments that computes the
            derivative where it costs much and often nobody asks for it.
        inputs: the names of the inputs; the last starts with `*` where any number of inputs is taken.
        forward: the formula of the value.
        backward: the formula of each input's derivative; an empty text where there is none.
        broadcasts: whether inputs are stretched to one shape. The derivative of a stretched one is then summed over the
            stretched axes, which the formulas leave out.
        as_arrays: whether the formulas are matrix products of the arrays as they are, Z = A B, so that with examples as
            rows they differ from the notes'. Derivations then transpose them: Z = B^T A.
        targets: of a loss, `(xp, A, Y, **options) -> Y`, the targets as its formulas have them: in the shape of A.
        after: by activation, the operation that takes over when the first input was made by that activation. It reads
            the activation's own input Z: the notes' shortcut dZ = A - Y.
    """

    def __init__(
        self,
        function: Callable[..., tuple[Array, Backward]],
        forward: str,
        backward: tuple[str, ...],
        broadcasts: bool = False,
        after: Mapping[Operation, Operation] | None = None,
        as_arrays: bool = False,
        targets: Callable[..., Array] | None = None,
    ):
        functools.update_wrapper(self, function)
        _, *parameters = inspect.signature(function).parameters.values()
        self.__signature__ = inspect.Signature(parameters)
        self.name = function.__name__
        self.function = function
        self.inputs = tuple(
            "*" + p.name if p.kind is p.VAR_POSITIONAL else p.name for p in parameters if p.kind is not p.KEYWORD_ONLY
        )
        self.defaults = {p.name: p.default for p in parameters if p.kind is p.KEYWORD_ONLY}
        self.forward = forward
        self.backward = backward
        self.broadcasts = broadcasts
        self.as_arrays = as_arrays
        self.targets = targets
        self.after = dict(after or {})

    def __call__(self, *inputs: Any, **options: Any) -> Any:
        inputs = self._spread(self._in_order(inputs, options))
        options = {name: option.item() if isinstance(option, np.number) else option for name, option in options.items()}
        if not any(isinstance(given, Variable) for given in inputs):
            return self.differentiate(*inputs, **options)[0]
        shortcut = self._shortcut(inputs[0])
        if shortcut is not None:
            return shortcut(inputs[0].inputs[0], *inputs[1:], **options)
        value, backward = self.differentiate(*map(plain, inputs), **options)
        told = {name: option for name, option in options.items() if not _same(option, self.defaults.get(name))}
        return Variable(value, operation=self, inputs=inputs, options=told, derivatives=backward)

    def differentiate(self, *values: Array, **options: Any) -> tuple[Array, Backward]:
        """The value and the function `backward` for plain arrays: one building block of the notes, with its cache.

        Python numbers beside an array are left as they are, so that they never widen float32 to float64.
        """
        beside_an_array = any(hasattr(v, "dtype") for v in values)
        arrays = [
            np.asarray(v)
            if isinstance(v, list | tuple)
            else np.asarray(float(v))
            if isinstance(v, int | float) and not beside_an_array
            else v
            for v in values
        ]
        return self.function(_namespace(arrays), *arrays, **options)

    def _in_order(self, inputs: tuple[Any, ...], options: dict[str, Any]) -> tuple[Any, ...]:
        """The inputs, those given by keyword among the options put in their places."""
        for name in self.inputs[len(inputs) :]:
            if name not in options:
                break
            inputs = (*inputs, options.pop(name))
        for name, option in options.items():
            if isinstance(option, Variable):
                raise GraphError(f"{self.name}'s {name} is an option and has no derivative: give its plain value.")
        return inputs

    def _spread(self, inputs: tuple[Any, ...]) -> tuple[Any, ...]:
        """The inputs; where any number is taken they may come in one list, as NumPy has it."""
        if self.inputs[0].startswith("*") and len(inputs) == 1 and isinstance(inputs[0], list | tuple):
            return tuple(inputs[0])
        for given in inputs:
            if isinstance(given, list | tuple) and any(isinstance(item, Variable) for item in given):
                raise GraphError(
                    f"{self.name} was given variables inside a {type(given).__name__}: "
                    "make one variable of them first, with cr.ops.stack."
                )
        return inputs

    def __reduce__(self) -> str:
        return self.name  # there is one of each: copies and pickles mean the operation of that name

    def options(self) -> dict[str, Any]:
        """The options with their defaults; "…" where one must be given."""
        return {name: "…" if default is inspect.Parameter.empty else default for name, default in self.defaults.items()}

    def _shortcut(self, first: Any) -> Operation | None:
        if isinstance(first, Variable) and first.operation in self.after and not first.options:
            return self.after[first.operation]
        return None

    def __repr__(self) -> str:
        return (
            f"<operation {self.name}({', '.join([*self.inputs, *(f'{k}={v!r}' for k, v in self.options().items())])})>"
        )


def operation(
    forward: str,
    backward: tuple[str, ...],
    *,
    broadcasts: bool = False,
    after: Mapping[Operation, Operation] | None = None,
    as_arrays: bool = False,
    targets: Callable[..., Array] | None = None,
) -> Callable[[Callable[..., tuple[Array, Backward]]], Operation]:
    """Make the decorated function an `Operation` and enter it into the registry. See `Operation` for the arguments."""

    def register(function: Callable[..., tuple[Array, Backward]]) -> Operation:
        made = OPERATIONS[function.__name__] = Operation(
            function, forward, backward, broadcasts, after, as_arrays, targets
        )
        return made

    return register


class Variable:
    """A value in the computation graph that can be differentiated by.

    Make the leaves with `variable`; operations and the operators + - * / @ ** and [] make the rest. Comparisons, also
    ==, give plain arrays of True and False; whether two variables are one and the same, `is` tells.

    Attributes:
        value: the array or number.
        name: what it is called in drawings and messages; may be set at any time.
        grad: after `backward()` on a later node J, the derivative dJ/d(this), in the shape of `value`; None before.
        operation, inputs, options: what made it; None and empty for a leaf.
    """

    __slots__ = ("derivatives", "grad", "inputs", "name", "operation", "options", "value")

    def __init__(
        self,
        value: Array,
        name: str | None = None,
        *,
        operation: Operation | None = None,
        inputs: tuple[Any, ...] = (),
        options: dict[str, Any] | None = None,
        derivatives: Backward | None = None,
    ):
        self.value = value if notes_under_way() is None else watched(value)
        self.name = name
        self.grad: Array | None = None
        self.operation = operation
        self.inputs = inputs
        self.options = options or {}
        self.derivatives = derivatives

    def backward(self) -> None:
        """Set `grad` to dJ/d(node) on this node J, on every leaf and on every node between. See `backward`."""
        backward(self)

    @property
    def parents(self) -> tuple[Variable, ...]:
        """The inputs that are variables themselves."""
        return tuple(given for given in self.inputs if isinstance(given, Variable))

    @property
    def shape(self) -> tuple[int, ...]:
        return np.shape(self.value)

    @property
    def ndim(self) -> int:
        return np.ndim(self.value)

    @property
    def dtype(self) -> Any:
        return self.value.dtype

    @property
    def T(self) -> Any:
        return self.transpose()

    def __len__(self) -> int:
        return len(self.value)

    def __float__(self) -> float:
        return float(self.value)

    def __bool__(self) -> bool:
        return bool(self.value)

    def __format__(self, form: str) -> str:
        return format(float(self.value), form) if form else str(self)

    def __repr__(self) -> str:
        called = f", {self.name!r}" if self.name else ""
        derivative = "" if self.grad is None else f", grad={self.grad}"
        return f"variable({self.value}{called}{derivative})"

    def __array_ufunc__(self, ufunc: np.ufunc, method: str, *inputs: Any, **options: Any) -> Any:
        """NumPy's functions of a variable, such as `array * a` and `np.exp(a)`, are the operations of that name."""
        if ufunc.__name__ in _COMPARISONS and method == "__call__" and not options:
            return _compare(ufunc.__name__, *inputs)
        found = OPERATIONS.get({"absolute": "abs"}.get(ufunc.__name__, ufunc.__name__))
        if found is None or method != "__call__" or options:
            raise TypeError(
                f"np.{ufunc.__name__} is no operation of the computation graph, which has {', '.join(OPERATIONS)} "
                "(see chainrule.ops)."
            )
        return found(*inputs)

    __hash__ = object.__hash__

    def __eq__(self, other: Any) -> Any:
        return _compare("equal", self, other)

    def __ne__(self, other: Any) -> Any:
        return _compare("not_equal", self, other)

    def __lt__(self, other: Any) -> Any:
        return _compare("less", self, other)

    def __le__(self, other: Any) -> Any:
        return _compare("less_equal", self, other)

    def __gt__(self, other: Any) -> Any:
        return _compare("greater", self, other)

    def __ge__(self, other: Any) -> Any:
        return _compare("greater_equal", self, other)

    def __neg__(self) -> Any:
        return OPERATIONS["negative"](self)

    def __abs__(self) -> Any:
        return OPERATIONS["abs"](self)

    def __add__(self, other: Any) -> Any:
        return OPERATIONS["add"](self, other)

    def __radd__(self, other: Any) -> Any:
        return OPERATIONS["add"](other, self)

    def __sub__(self, other: Any) -> Any:
        return OPERATIONS["subtract"](self, other)

    def __rsub__(self, other: Any) -> Any:
        return OPERATIONS["subtract"](other, self)

    def __mul__(self, other: Any) -> Any:
        return OPERATIONS["multiply"](self, other)

    def __rmul__(self, other: Any) -> Any:
        return OPERATIONS["multiply"](other, self)

    def __truediv__(self, other: Any) -> Any:
        return OPERATIONS["divide"](self, other)

    def __rtruediv__(self, other: Any) -> Any:
        return OPERATIONS["divide"](other, self)

    def __pow__(self, other: Any) -> Any:
        return OPERATIONS["power"](self, other)

    def __rpow__(self, other: Any) -> Any:
        return OPERATIONS["power"](other, self)

    def __matmul__(self, other: Any) -> Any:
        return OPERATIONS["matmul"](self, other)

    def __rmatmul__(self, other: Any) -> Any:
        return OPERATIONS["matmul"](other, self)

    def __getitem__(self, key: Any) -> Any:
        return OPERATIONS["index"](self, key=key)

    def sum(self, axis: Axes = None, keepdims: bool = False, **by_numpy: None) -> Any:
        return self._reduced("sum", axis, keepdims, by_numpy)

    def mean(self, axis: Axes = None, keepdims: bool = False, **by_numpy: None) -> Any:
        return self._reduced("mean", axis, keepdims, by_numpy)

    def max(self, axis: Axes = None, keepdims: bool = False, **by_numpy: None) -> Any:
        return self._reduced("max", axis, keepdims, by_numpy)

    def _reduced(self, name: str, axis: Axes, keepdims: bool, by_numpy: dict[str, None]) -> Any:
        """np.sum and its like call the method of that name with more than it knows, such as dtype=None and out=None."""
        for asked, value in by_numpy.items():
            if value is not None:
                raise GraphError(f"the {name} of a variable takes axis and keepdims, but no {asked}.")
        return OPERATIONS[name](self, axis=axis, keepdims=keepdims)

    def reshape(self, *shape: Any) -> Any:
        return OPERATIONS["reshape"](self, shape=shape[0] if len(shape) == 1 else shape)

    def transpose(self, *axes: Any) -> Any:
        order = axes[0] if len(axes) == 1 and isinstance(axes[0], list | tuple) else axes
        return OPERATIONS["transpose"](self, axes=tuple(order) if order else None)


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


def _compare(name: str, A: Any, B: Any) -> Any:
    truth, notes = getattr(np, name)(plain(A), plain(B)), notes_under_way()
    if notes is None:
        return truth
    noted = Variable(truth, operation=_COMPARISONS[name], inputs=(A, B))
    notes.comparisons.append(noted)
    return noted.value


def plain(A: Any) -> Array:
    """The numbers of A, without their history."""
    return A.value if isinstance(A, Variable) else A


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
    J.grad = _namespace([J.value]).ones_like(J.value)
    reached = False
    for node in order:
        if node.grad is None:
            node.grad = _namespace([node.value]).zeros_like(node.value)
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


def _namespace(arrays: Sequence[Any]) -> ModuleType:
    """The module whose functions fit these arrays: NumPy, unless one of them belongs to another."""
    for array in arrays:
        if not isinstance(array, np.ndarray | np.generic) and hasattr(array, "__array_namespace__"):
            namespace: ModuleType = array.__array_namespace__()
            return namespace
    return np


def _same(option: Any, default: Any) -> bool:
    return option is default or (type(option) is type(default) and bool(np.all(option == default)))


def _comparison(name: str) -> Operation:
    def compare(xp: ModuleType, A: Array, B: Array) -> tuple[Array, Backward]:
        return getattr(xp, name)(A, B), lambda dZ: (None, None)

    compare.__name__ = name
    return Operation(compare, forward="", backward=("", ""), broadcasts=True)


_COMPARISONS = {
    name: _comparison(name) for name in ("equal", "not_equal", "less", "less_equal", "greater", "greater_equal")
}

"""Closed variables: what the code of a network gets while an engine traces it.

The steps that are made of a trace run on every other batch, too, so they must not depend on the numbers of one. That is
not left to trust: what is traced has a shape, a type and operations, and no numbers. Where training would hand over a
`Variable`, a trace hands over a closed one; where it would hand over a plain array, such as X or Y, a `ClosedArray`.
Whoever asks for a number gets a `ClosedError`, and the recording keeps in mind that it was asked, even if that error is
caught.

Behind the seal a few blank examples are computed along, so that the operations themselves say which shapes and types
come out. `sample_of` is the only way to them, for the engines.
"""

from __future__ import annotations

import linecache
import math
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from types import ModuleType
from typing import TYPE_CHECKING, Any, NoReturn

import numpy as np

from chainrule.errors import GraphError
from chainrule.graph.operators import COMPARISONS, OPERATIONS, Axes, Operators
from chainrule.graph.variable import Array, Variable

if TYPE_CHECKING:
    from chainrule.graph.operation import Operation


_UNDER_WAY: ContextVar[Recording | None] = ContextVar("recording", default=None)
_COMPUTING: ContextVar[bool] = ContextVar("computing", default=False)


def refuse_numbers(what: str) -> None:
    """Raises ClosedError where a network is being traced: its steps must not depend on the numbers of today."""
    recording = _UNDER_WAY.get()
    if recording is not None:
        recording.refuse(what)


def computing() -> bool:
    """Whether an operation of a trace is at work on its blank examples, and not the code that called it."""
    return _COMPUTING.get()


class ClosedError(GraphError):
    """Code asked for numbers while the network was being traced, and there are none."""


@dataclass(frozen=True)
class Refusal:
    """What could not be traced.

    Attributes:
        what: what was asked for, or what failed, in words.
        place: the file, the line and its text in the code that asked; empty where that is not known.
        layer: the innermost layer that was being walked; None outside of all, as in a loss.
    """

    what: str
    place: str
    layer: object | None


class Recording:
    """What a trace writes down while a network is walked.

    Attributes:
        nodes: everything that operations have made, in the order in which they made it.
        owners: by node, the innermost layer that made it; None outside of all, as in a loss.
        arrays: the nodes that are plain arrays without a trace.
        layers: the layers that are being walked, outermost first.
        refusal: the first thing that could not be traced, or None.
    """

    def __init__(self) -> None:
        self.nodes: list[Variable] = []
        self.owners: dict[Variable, object | None] = {}
        self.arrays: set[Variable] = set()
        self.layers: list[object] = []
        self.refusal: Refusal | None = None

    @contextmanager
    def under_way(self) -> Iterator[None]:
        """While the block lasts, nothing that training changes comes as plain numbers; see `refuse_numbers`."""
        token = _UNDER_WAY.set(self)
        try:
            yield
        finally:
            _UNDER_WAY.reset(token)

    @property
    def layer(self) -> object | None:
        """The innermost layer that is being walked."""
        return self.layers[-1] if self.layers else None

    def variable(self, sample: Array, name: str | None = None) -> Variable:
        """A closed leaf, such as a parameter."""
        return Variable(sample, name, recording=self)

    def array(self, sample: Array, name: str | None = None) -> ClosedArray:
        """A closed leaf where training has a plain array, such as X."""
        leaf = self.variable(sample, name)
        self.owners[leaf] = self.layer
        return self._as_array(leaf)

    def refuse(self, what: str) -> NoReturn:
        """Note that somebody asked for numbers.

        Raises:
            ClosedError: always.
        """
        self.note(f"asks for {what}")
        raise ClosedError(f"there is {what} only when data pass through: here an engine traces the network.")

    def note(self, what: str) -> None:
        """Keep in mind that the trace cannot be believed; the first reason counts."""
        self.refusal = self.refusal or Refusal(what, _place(), self.layer)

    def record(self, operation: Operation, inputs: Sequence[Any], options: Mapping[str, Any]) -> Variable | ClosedArray:
        """The value of an operation as a closed node, and a plain array where it would be one without a trace."""
        if any(map(_closed_in, options.values())):
            self.refuse(f"the numbers of an option of {operation.name}")
        options = {name: option.item() if isinstance(option, np.number) else option for name, option in options.items()}
        nodes = tuple(map(self._node, inputs))
        taken = operation.after_activation(nodes[0])
        if taken is not None:
            operation, nodes = taken, (nodes[0].inputs[0], *nodes[1:])
        try:
            made = self._computed(operation, nodes, options)
        except Exception as error:  # the code may catch it and go on in another way than with other numbers
            self.note(f"fails on blank examples ({error})")
            raise
        arrays_alone = not any(isinstance(given, Variable) for given in inputs if not is_closed_array(given))
        return self._as_array(made) if arrays_alone or operation.name in COMPARISONS else made

    def cast(self, node: Variable, dtype: Any) -> ClosedArray:
        """The same numbers in another floating type."""
        sample = np.asarray(node._value).astype(dtype)
        return self._as_array(
            self._enter(Variable(sample, operation=OPERATIONS["identity"], inputs=(node,), recording=self))
        )

    def _as_array(self, node: Variable) -> ClosedArray:
        self.arrays.add(node)
        return ClosedArray(node)

    def _computed(self, operation: Operation, nodes: tuple[Any, ...], options: dict[str, Any]) -> Variable:
        samples = [node._value if isinstance(node, Variable) else node for node in nodes]
        token = _COMPUTING.set(True)
        try:
            value, _ = operation.differentiate(*samples, xp=_UNCHECKED, **options)
        finally:
            _COMPUTING.reset(token)
        return self._enter(Variable(value, operation=operation, inputs=nodes, options=options, recording=self))

    def _enter(self, node: Variable) -> Variable:
        self.nodes.append(node)
        self.owners[node] = self.layer
        return node

    def _node(self, given: Any) -> Any:
        """An input as the node holds it; a plain array as it is now, for its owner may write into it later."""
        if is_closed_array(given):
            given = given.node
        if isinstance(given, Variable):
            if given.recording is not self:
                self.refuse("the value of a variable from outside of the network")
            return given
        return np.array(given) if isinstance(given, np.ndarray | list | tuple) else given


class ClosedArray(Operators):
    """An array of a trace: like NumPy's it has a shape, a type and operations, but no numbers.

    Attributes:
        node: the closed variable that stands for it in the recording.
    """

    __slots__ = ("node",)

    def __init__(self, node: Variable):
        self.node = node

    @property
    def shape(self) -> tuple[int, ...]:
        return self.node.shape

    @property
    def dtype(self) -> Any:
        return self.node.dtype

    @property
    def size(self) -> int:
        return math.prod(self.shape)

    def astype(self, dtype: Any, **how: Any) -> ClosedArray:
        if how.keys() - {"copy"} or np.dtype(dtype).kind != "f":
            self._recording.refuse("numbers in another type")
        return self._recording.cast(self.node, dtype)

    def reshape(self, *shape: Any, **how: Any) -> Any:
        if how:
            self._recording.refuse("an order of numbers in memory")
        return Operators.reshape(self, *shape)

    def _reduced(self, name: str, axis: Axes, keepdims: bool, by_numpy: dict[str, None]) -> Any:
        if any(value is not None for value in by_numpy.values()):
            self._recording.refuse(f"the {name} of an array with {', '.join(by_numpy)}")
        return Operators._reduced(self, name, axis, keepdims, {})

    def __array_ufunc__(self, ufunc: np.ufunc, method: str, *inputs: Any, **options: Any) -> Any:
        known = ufunc.__name__ in OPERATIONS or ufunc.__name__ in COMPARISONS or ufunc.__name__ == "absolute"
        if not known or method != "__call__" or options:
            self._recording.refuse(f"np.{ufunc.__name__} of an array, which is no operation of chainrule.ops")
        return Operators.__array_ufunc__(self, ufunc, method, *inputs, **options)

    def __getattr__(self, name: str) -> NoReturn:
        if hasattr(np.ndarray, name):
            self._recording.refuse(f".{name} of an array")
        raise AttributeError(f"a NumPy array has no attribute {name!r}.")

    @property  # type: ignore[misc]
    def __class__(self) -> NoReturn:  # type: ignore[override]
        """What isinstance() asks for; the answer would be another one than without a trace."""
        self._recording.refuse("the class of an array")

    @property
    def _recording(self) -> Recording:
        assert self.node.recording is not None
        return self.node.recording


def _refusing(what: str) -> Callable[..., NoReturn]:
    def method(self: ClosedArray, *arguments: Any, **options: Any) -> NoReturn:
        self._recording.refuse(what)

    return method


_NUMBERS = {
    "the truth of an array": ["__bool__", "__contains__"],
    "a number of an array": ["__float__", "__int__", "__index__", "__complex__", "__round__"],
    "a NumPy array": ["__array__", "__buffer__", "__copy__", "__deepcopy__", "__reduce__", "__reduce_ex__"],
    "the text of an array": ["__repr__", "__str__", "__format__"],
    "an array to write into": [
        *["__setitem__", "__delitem__", "__iadd__", "__isub__", "__imul__", "__itruediv__", "__ipow__", "__imatmul__"],
        *["__ifloordiv__", "__imod__", "__iand__", "__ior__", "__ixor__", "__ilshift__", "__irshift__"],
    ],
    "an operator that is no operation of chainrule.ops": [
        *["__pos__", "__invert__", "__divmod__", "__rdivmod__"],
        *[f"__{r}{name}__" for name in ("floordiv", "mod", "and", "or", "xor", "lshift", "rshift") for r in ("", "r")],
    ],
}
"""What NumPy's arrays can do and a closed one refuses, by what it asks for."""

for _what, _names in _NUMBERS.items():
    for _name in _names:
        setattr(ClosedArray, _name, _refusing(_what))


def is_closed_array(given: object) -> bool:
    """Whether something is a `ClosedArray`; isinstance() would be refused by one."""
    return type(given) is ClosedArray


def plain(A: Any) -> Array:
    """The numbers of A, without their history."""
    if type(A) is ClosedArray:
        A.node.recording.refuse("the numbers of an array")  # type: ignore[union-attr]
    return A.value if isinstance(A, Variable) else A


def recording_of(inputs: Sequence[Any]) -> Recording | None:
    """The recording that one of these inputs belongs to, also inside a list; None where all are open."""
    for given in inputs:
        if type(given) is ClosedArray:
            return given.node.recording
        if type(given) is Variable:
            if given.recording is not None:
                return given.recording
        elif type(given) in (list, tuple):
            found = recording_of(given)
            if found is not None:
                return found
    return None


def sample_of(given: Any) -> Array:
    """The blank numbers behind the seal, or the plain ones of what is open: for engines, which need constants."""
    if type(given) is ClosedArray:
        given = given.node
    return given._value if isinstance(given, Variable) else given


def _closed_in(option: Any) -> bool:
    """Whether an option, such as a key of several parts, holds something closed."""
    if isinstance(option, slice):
        return _closed_in((option.start, option.stop, option.step))
    return recording_of([option]) is not None


class _Unchecked(ModuleType):
    """NumPy under another name: operations check values only where their namespace is NumPy itself."""

    def __getattr__(self, name: str) -> Any:
        found = getattr(np, name)
        setattr(self, name, found)
        return found


_UNCHECKED = _Unchecked("numpy")


def _place() -> str:
    """The line of the caller's code nearest to us that is neither chainrule's nor NumPy's, for messages."""
    frame = sys._getframe(1)
    while frame.f_back is not None and str(frame.f_globals.get("__name__", "")).startswith(("chainrule.", "numpy.")):
        frame = frame.f_back
    path, number = frame.f_code.co_filename, frame.f_lineno
    text = linecache.getline(path, number).strip()
    return f"{path.replace(chr(92), '/').rpartition('/')[2]}, line {number}" + (f": {text}" if text else "")

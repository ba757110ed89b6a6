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
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from types import ModuleType
from typing import TYPE_CHECKING, Any, NoReturn

import numpy as np

from chainrule.errors import GraphError
from chainrule.graph.closed_array import ClosedArray, is_closed_array
from chainrule.graph.operators import OPERATIONS
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
        (_UNDER_WAY.get() or self).note(f"asks for {what}")
        raise ClosedError(f"code asks for {what} while an engine traces the network, and there are no numbers then.")

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
        return self._as_array(made) if arrays_alone or operation.makes_plain_arrays else made

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
        return self._enter(
            Variable(value, operation=operation, inputs=nodes, options=operation.changed(options), recording=self)
        )

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
                self.refuse("the value of a variable from outside, which training does not change as self.parameter's")
            return given
        return np.array(given) if isinstance(given, np.ndarray | list | tuple) else given


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
    return f"{path.replace(chr(92), '/').rpartition('/')[2]}, line {number}" + (f" ({text})" if text else "")

"""Operations: one function that holds forward and backward, the formulas of both, and the registry of all of them."""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from types import MappingProxyType, ModuleType
from typing import Any, TypeAlias, overload

import numpy as np
from numpy.typing import NDArray

from chainrule.errors import GraphError
from chainrule.graph.footprint import count_value
from chainrule.graph.operators import COMPARISONS, OPERATIONS, Operators
from chainrule.graph.recording import plain, recording_of
from chainrule.graph.variable import Array, Backward, Variable, namespace

Lowered: TypeAlias = Mapping[Callable[..., Any], Callable[..., tuple[Array, Backward]]]
"""By the functions of operations, others that compute the same in another way."""

Number: TypeAlias = float | np.generic
Plain: TypeAlias = NDArray[Any] | Number | None
"""An input that is no variable, as editors know it: an array, a number, or nothing."""

_LOWERED: ContextVar[Lowered] = ContextVar("lowered", default=MappingProxyType({}))


@contextmanager
def lowered(functions: Lowered) -> Iterator[None]:
    """Within the block, these take the place of the operations' own functions, as where an engine compiles them."""
    before = _LOWERED.set(functions)
    try:
        yield
    finally:
        _LOWERED.reset(before)


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
        symbols: `(xp, *inputs, **options) -> {symbol: array}`, the numbers of the formulas' own symbols, by the LaTeX
            that stands on the left of their clauses, as far as derivations are to show them.
        long_way: of such an operation, the lines from dA to dZ that it leaves out, each a formula and a sentence, which
            may be empty, on how it goes on. \\frac{\\partial A}{\\partial Z} is the derivative of the activation, with
            A_k and Z_j where every output depends on every input. A line that mentions dA is of m times the
            derivatives; all others are like `backward`.
    """

    makes_plain_arrays = False
    """Whether the value is no variable, whatever the inputs are."""

    def __init__(
        self,
        function: Callable[..., tuple[Array, Backward]],
        forward: str,
        backward: tuple[str, ...],
        broadcasts: bool = False,
        after: Mapping[Operation, Operation] | None = None,
        as_arrays: bool = False,
        targets: Callable[..., Array] | None = None,
        long_way: tuple[tuple[str, str], ...] = (),
        symbols: Callable[..., dict[str, Any]] | None = None,
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
        self.long_way = long_way
        self.symbols = symbols

    # What editors know by the types of the inputs. Of one whose type or place is not known, neither is the value's.
    @overload
    def __call__(self, first: Variable | Sequence[Variable], /, *others: Any, **options: Any) -> Variable: ...
    @overload
    def __call__(self, first: Plain, second: Variable, /, *others: Any, **options: Any) -> Variable: ...
    @overload
    def __call__(self, first: Plain, second: Plain, third: Variable, /, *others: Any, **options: Any) -> Variable: ...
    @overload
    def __call__(self, first: NDArray[Any], /, *others: Plain, **options: Any) -> NDArray[Any]: ...
    @overload
    def __call__(self, first: Number | Sequence[Any] | Operators = ..., /, *others: Any, **options: Any) -> Any: ...

    def __call__(self, /, *inputs: Any, **options: Any) -> Any:
        inputs = self._spread(self._in_order(inputs, options))
        if len(inputs) > len(self.inputs) and not self.inputs[-1].startswith("*"):
            shown = ", ".join([*self.inputs, *(f"{name}=…" for name in self.defaults)])
            raise TypeError(f"{self.name} takes its options by their names: {self.name}({shown}).")
        recording = recording_of((*inputs, *options.values()))
        if recording is not None:
            return recording.record(self, inputs, options)
        for name, option in options.items():
            if isinstance(option, Variable):
                raise GraphError(f"{self.name}'s {name} is an option and has no derivative: give its plain value.")
        options = {name: option.item() if isinstance(option, np.number) else option for name, option in options.items()}
        if not any(isinstance(given, Variable) for given in inputs):
            return self.differentiate(*inputs, **options)[0]
        taken = self.after_activation(inputs[0])
        if taken is not None:
            return taken(inputs[0].inputs[0], *inputs[1:], **options)
        return self._recorded(inputs, options)

    def _recorded(self, inputs: tuple[Any, ...], options: dict[str, Any]) -> Any:
        """The value as a node of the graph."""
        value, backward = self.differentiate(*map(plain, inputs), **options)
        return Variable(value, operation=self, inputs=inputs, options=self.changed(options), derivatives=backward)

    def changed(self, options: Mapping[str, Any]) -> dict[str, Any]:
        """The options that differ from their defaults."""
        return {name: option for name, option in options.items() if not _same(option, self.defaults.get(name))}

    def differentiate(self, *values: Array, xp: ModuleType | None = None, **options: Any) -> tuple[Array, Backward]:
        """The value and the function `backward` for plain arrays: one building block of the notes, with its cache.

        Python numbers beside an array are left as they are, so that they never widen float32 to float64.

        Args:
            xp: the namespace of the arrays, where it is not the one that they name themselves.
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
        function = _LOWERED.get().get(self.function, self.function)
        value, backward = function(namespace(arrays) if xp is None else xp, *arrays, **options)
        count_value(value)
        return value, backward

    def _in_order(self, inputs: tuple[Any, ...], options: dict[str, Any]) -> tuple[Any, ...]:
        """The inputs, those given by keyword, which are taken out of the options, put in their places."""
        for name in self.inputs[len(inputs) :]:
            if name not in options:
                break
            inputs = (*inputs, options.pop(name))
        return inputs

    def _spread(self, inputs: tuple[Any, ...]) -> tuple[Any, ...]:
        """The inputs; where any number is taken they may come in one list, as NumPy has it."""
        if self.inputs[0].startswith("*") and len(inputs) == 1 and type(inputs[0]) in (list, tuple):
            return tuple(inputs[0])
        for given in inputs:
            if type(given) in (list, tuple) and any(isinstance(item, Variable) for item in given):
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

    def after_activation(self, first: Any) -> Operation | None:
        """The operation that takes over where the first input was made by the activation that belongs to this one."""
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
    long_way: tuple[tuple[str, str], ...] = (),
    symbols: Callable[..., dict[str, Any]] | None = None,
) -> Callable[[Callable[..., tuple[Array, Backward]]], Operation]:
    """Make the decorated function an `Operation` and enter it into the registry. See `Operation` for the arguments."""

    def register(function: Callable[..., tuple[Array, Backward]]) -> Operation:
        made = OPERATIONS[function.__name__] = Operation(
            function, forward, backward, broadcasts, after, as_arrays, targets, long_way, symbols
        )
        return made

    return register


def _same(option: Any, default: Any) -> bool:
    return option is default or (type(option) is type(default) and bool(np.all(option == default)))


class _Comparison(Operation):
    """A truth for each element: it has no derivative, so without a trace it is a plain array."""

    makes_plain_arrays = True

    def _recorded(self, inputs: tuple[Any, ...], options: dict[str, Any]) -> Any:
        return self.differentiate(*map(plain, inputs))[0]


def _comparison(name: str) -> Operation:
    def compare(xp: ModuleType, A: Array, B: Array) -> tuple[Array, Backward]:
        return getattr(xp, name)(A, B), lambda dZ: (None, None)

    compare.__name__ = name
    return _Comparison(compare, forward="", backward=("", ""), broadcasts=True)


for _name in ("equal", "not_equal", "less", "less_equal", "greater", "greater_equal"):
    COMPARISONS[_name] = _comparison(_name)

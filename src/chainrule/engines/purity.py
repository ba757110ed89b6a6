"""Is the code that users wrote a function of its input and its parameters, whatever the number of examples?

A trace shows what code has done once. Closed variables rule out that this depended on numbers of the data. What they
cannot rule out is found here: that code does something else at its next call, because it draws random numbers, reads
the clock or keeps something from call to call; or that it does with another number of examples. So a copy of the
network is traced while its calls are watched, what its code can reach must be the same before and after, and a second
trace with another number of examples must be the same in terms of that number.
"""

from __future__ import annotations

import datetime
import pickle
import random
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType

import numpy as np

from chainrule.engines.contract import CostLike, NetworkLike
from chainrule.engines.reach import Reach
from chainrule.engines.trace import Node, NotTraceableError, Role, Trace
from chainrule.graph import computing

OPERATIONS_DIFFER = "whose operations change from batch to batch, as with an if that depends on the number of examples"
NUMBERS_DIFFER = (
    "which computes with numbers that change from batch to batch: the number of examples (by which .mean() divides "
    "without asking for it), random ones, or a counter"
)

Traced = Callable[[NetworkLike, int, int], Trace]
"""(network, number of examples, updates before) -> its trace."""


def pure_trace(network: NetworkLike, cost: CostLike | None, traced: Traced, sizes: list[int]) -> Trace:
    """The trace of a network of which users wrote a part, if it stands for every batch.

    Args:
        sizes: the number of examples of the trace, and others for which it must be the same.

    Raises:
        NotTraceableError: the code is not a function of its input and its parameters alone, or fails while traced.
    """
    reach = Reach(network, cost)
    reach.refuse_parameters()
    try:
        twin = network.copy()
        of_twin = Reach(twin, cost)
        before = of_twin.content()
        with _watched(lambda: of_twin.called):
            other = traced(twin, sizes[1], 1)
        of_twin.refuse_changes(before)
        trace = traced(network, sizes[0], 0)
        loss = "the network" if cost is None else f"the loss {cost.name}"
        refuse_difference(trace, other, loss)
        for m in sizes[2:]:
            refuse_difference(trace, traced(network, m, 0), loss)
    except NotTraceableError:
        raise
    except Exception as error:
        raise NotTraceableError(f"your own layers or loss, which fail while they are traced: {error}") from error
    return trace


def still_the_same(known: Trace, network: NetworkLike, cost: CostLike | None, traced: Traced) -> bool:
    """Whether code that was pure, and holds what it held then, would be traced as before."""
    try:
        with _watched(lambda: "own code"):
            now = traced(network, known.m, known.update)
        refuse_difference(known, now, "")
    except Exception:  # who asks will look more closely, and say what is wrong
        return False
    return True


def refuse_difference(a: Trace, b: Trace, called: str) -> None:
    """Raises NotTraceableError where two traces are not the same in terms of their numbers of examples."""
    places = {node: i for trace in (a, b) for i, node in enumerate(trace.nodes)}
    for one, other in zip(a.nodes, b.nodes, strict=False):
        what = ""
        if not _same_operation(one, other, a, b, places):
            what = OPERATIONS_DIFFER
        elif not all(_same_numbers(x, y, a.m, b.m) for x, y in zip(one.parents, other.parents, strict=True) if x.given):
            what = NUMBERS_DIFFER
        if what:
            raise NotTraceableError(f"{called if one.layer is None else one.layer.label}, {what}")
    if len(a.nodes) != len(b.nodes) or not all(
        x is y or (x is not None and y is not None and _same_leaf(x, y, places))
        for x, y in ((a.output, b.output), (a.cost, b.cost))
    ):
        raise NotTraceableError(f"{called}, {OPERATIONS_DIFFER}")


def _same_operation(one: Node, other: Node, a: Trace, b: Trace, places: dict[Node, int]) -> bool:
    options = {**one.options}, {**other.options}
    if one.op == "dropout" and one.options != other.options:  # the key of a mask counts the updates
        for own, trace in zip(options, (a, b), strict=True):
            seed, key = own["key"]
            own["key"] = seed, key - (trace.update << 16)
    return (
        one.operation is other.operation
        and len(one.inputs) == len(other.inputs)
        and _same(one.shape, other.shape, a.m, b.m)
        and one.dtype == other.dtype
        and all(
            x is y or (x is not None and y is not None and _same_leaf(x, y, places))
            for x, y in zip(one.inputs, other.inputs, strict=True)
        )
        and options[0].keys() == options[1].keys()
        and all(_same(option, options[1][name], a.m, b.m) for name, option in options[0].items())
    )


def _same_leaf(x: Node, y: Node, places: dict[Node, int]) -> bool:
    """Whether two inputs are the same, but for the numbers of constants."""
    if x.role is not y.role or x.name != y.name:
        return False
    return x.role is not Role.COMPUTED or places.get(x) == places.get(y)


def _same_numbers(x: Node, y: Node, m: int, n: int) -> bool:
    if x.role is Role.STATISTIC:  # which layers learn; a plan that holds some knows it
        return True
    one, other = np.asarray(x.numbers), np.asarray(y.numbers)
    if one.shape != other.shape and one.ndim == other.ndim > 0 and one.shape[0] * n == other.shape[0] * m:
        return all(_equal(part, np.broadcast_to(one[:1], part.shape)) for part in (one, other))
    return one.dtype == other.dtype and _equal(one, other)


def _same(x: object, y: object, m: int, n: int) -> bool:
    """Whether two options are the same in terms of the numbers of examples m and n."""
    if isinstance(x, bool | str | float | None):
        return type(x) is type(y) and (x == y or (x != x and y != y))
    if isinstance(x, int) and isinstance(y, int):
        return x == y or x * n == y * m
    if isinstance(x, slice) and isinstance(y, slice):
        return _same((x.start, x.stop, x.step), (y.start, y.stop, y.step), m, n)
    if isinstance(x, tuple | list) and isinstance(y, tuple | list):
        return len(x) == len(y) and all(_same(p, q, m, n) for p, q in zip(x, y, strict=True))
    if isinstance(x, np.ndarray) and isinstance(y, np.ndarray):
        if x.shape[1:] != y.shape[1:] or not _same(x.shape, y.shape, m, n):
            return False
        few = min(len(x), len(y)) if x.ndim else None
        return _equal(x[:few], y[:few]) if x.ndim else _equal(x, y)
    return x is y or bool(x == y)


def _equal(x: np.ndarray, y: np.ndarray) -> bool:
    return np.array_equal(x, y, equal_nan=x.dtype.kind == "f")


# Calls that give something else each time

_CLOCKS = {"time", "time_ns", "monotonic", "monotonic_ns", "perf_counter", "perf_counter_ns", "process_time"}
_CLOCKS |= {"process_time_ns", "thread_time", "thread_time_ns", "localtime", "gmtime", "ctime", "asctime", "strftime"}


@contextmanager
def _watched(called: Callable[[], str]) -> Iterator[None]:
    """Raises NotTraceableError behind the block if code in it drew random numbers, read the clock or opened a file."""
    seen: list[str] = []

    def look(frame: FrameType, event: str, function: object) -> None:
        if event == "c_call" and not computing() and (what := _impure(function)):
            seen.append(what)

    before = _states()
    free = sys.getprofile() is None  # else somebody measures the program, and must not be disturbed
    if free:
        sys.setprofile(look)
    try:
        yield
    finally:
        if free:
            sys.setprofile(None)
    if _states() != before:
        seen.append("draws random numbers")
    if seen:
        raise NotTraceableError(f"{called()}, which {seen[0]}")


def _impure(function: object) -> str:
    """What a built-in function does that may be something else at the next call, or nothing."""
    name, module = getattr(function, "__name__", ""), getattr(function, "__module__", None)
    if (module == "time" and name in _CLOCKS) or (
        name in ("now", "today", "utcnow") and getattr(function, "__self__", None) in (datetime.datetime, datetime.date)
    ):
        return "reads the clock"
    if name == "urandom":
        return "draws random numbers"
    if module in ("io", "_io", "builtins") and name in ("open", "input"):
        return "reads a file"
    return ""


def _states() -> tuple[object, ...]:
    """Of the generators that belong to nobody."""
    state = np.random.get_state(legacy=False)
    return random.getstate(), pickle.dumps(state)

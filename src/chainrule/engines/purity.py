"""Is the code that users wrote a function of its input and its parameters, whatever the number of examples?

A trace shows what code has done once. Closed variables rule out that this depended on numbers of the data. What they
cannot rule out is found here: that code does something else at its next call, because it draws random numbers, reads
the clock or keeps something from call to call; or that it does with another number of examples. So a copy of the
network is traced while its calls are watched, what its code can reach must be the same before and after, and traces
with every number of examples that there will be must be the same in terms of that number. Each costs a pass forward of
as many blank examples.
"""

from __future__ import annotations

import datetime
import gc
import pickle
import random
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType
from typing import Any, TypeVar

import numpy as np

from chainrule.engines.contract import CostLike, NetworkLike
from chainrule.engines.reach import Reach
from chainrule.engines.trace import DropRate, Node, NotTraceableError, Role, Trace
from chainrule.graph import computing

OPERATIONS_DIFFER = "whose operations change from batch to batch, as with an if that depends on the number of examples"
NUMBERS_DIFFER = (
    "which computes with numbers that change from batch to batch: the number of examples (by which .mean() divides "
    "without asking for it), random ones, or a counter"
)

T = TypeVar("T")

Traced = Callable[[NetworkLike, int, int], Trace]
"""(network, number of examples, updates before) -> its trace."""


def pure_trace(network: NetworkLike, cost: CostLike | None, traced: Traced, sizes: list[int]) -> Trace:
    """The trace of a network of which users wrote a part, if it stands for every batch.

    Args:
        sizes: the number of examples of the trace, and others for which it must be the same.

    Raises:
        NotTraceableError: the code is not a function of its input and its parameters alone, or fails while traced.
    """
    try:
        other = watched_twin(network, cost, lambda twin: traced(twin, sizes[1], 1))
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


def watched_twin(network: NetworkLike, cost: CostLike | None, call: Callable[[NetworkLike], T], trusted: str = "") -> T:
    """What `call` returns of a copy of the network, while the calls of its code are watched.

    Args:
        trusted: the name of a package whose own calls do not count.

    Raises:
        NotTraceableError: the code draws random numbers, reads the clock or a file, or changes what it holds.
    """
    reach = Reach(network, cost)
    reach.refuse_parameters()
    reach.refuse_types()
    twin = network.copy()
    of_twin = Reach(twin, cost)
    before = of_twin.content()
    with of_twin.left_as_it_was():
        with _watched(of_twin, trusted):
            found = call(twin)
        of_twin.refuse_changes(before)
    return found


def still_the_same(known: Trace, network: NetworkLike, cost: CostLike | None, traced: Traced) -> bool:
    """Whether code that was pure, and holds what it held then, would be traced as before."""
    try:
        with _watched(Reach(network, cost)):
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
    ends = _both_same(a.output, b.output, places) and _both_same(a.cost, b.cost, places)
    if len(a.nodes) != len(b.nodes) or not ends:
        raise NotTraceableError(f"{called}, {OPERATIONS_DIFFER}")


def _same_operation(one: Node, other: Node, a: Trace, b: Trace, places: dict[Node, int]) -> bool:
    if one.operation is not other.operation or len(one.inputs) != len(other.inputs) or one.dtype != other.dtype:
        return False
    if one.op == "dropout":
        options_alike = (*_mask_of(one, a), *_rate_of(one)) == (*_mask_of(other, b), *_rate_of(other))
    else:
        options_alike = _alike_options(one, other, a.m, b.m)
    return (
        options_alike
        and one.ndim == other.ndim
        and all(p == q or p * b.m == q * a.m for p, q in zip(one.shape, other.shape, strict=True))
        and all(_both_same(x, y, places) for x, y in zip(one.inputs, other.inputs, strict=True))
    )


def _mask_of(node: Node, trace: Trace) -> tuple[int, int]:
    """The seed and the number of a mask of dropout, whose key counts the updates beside it."""
    seed, key = node.options["key"]
    return seed, key - (trace.update << 16)


def _rate_of(node: Node) -> tuple[float, int | None]:
    """The rate of dropout, and which of those on a schedule it is."""
    rate = node.options["rate"]
    return rate, rate.place if isinstance(rate, DropRate) else None


def _both_same(x: Node | None, y: Node | None, places: dict[Node, int]) -> bool:
    return x is y or (x is not None and y is not None and _same_leaf(x, y, places))


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


def _alike_options(one: Node, other: Node, m: int, n: int) -> bool:
    """Whether options are the same, but for the numbers of examples m and n where they count these: in a new shape, and
    in what is taken along the first axis."""
    if one.options.keys() != other.options.keys():
        return False
    for name, option in one.options.items():
        counterpart = other.options[name]
        if (one.op, name) == ("reshape", "shape"):
            alike = _alike_shapes(_as_tuple(option), _as_tuple(counterpart), m, n)
        elif (one.op, name) == ("index", "key"):
            (first, *rest), (second, *others) = (_as_tuple(key) or (...,) for key in (option, counterpart))
            alike = _alike_keys(first, second, m, n) and _identical(rest, others)
        else:
            alike = _identical(option, counterpart)
        if not alike:
            return False
    return True


def _alike_shapes(x: tuple[int, ...], y: tuple[int, ...], m: int, n: int) -> bool:
    """Whether shapes are the same, but for a first axis in proportion to the numbers of examples."""
    return x == y or (len(x) == len(y) > 0 and x[1:] == y[1:] and x[0] * n == y[0] * m)


def _alike_keys(x: object, y: object, m: int, n: int) -> bool:
    """Whether keys of the first axis take the same of each example."""
    if isinstance(x, slice) and isinstance(y, slice):
        pairs = ((x.start, y.start), (x.stop, y.stop), (x.step, y.step))
        return all(_identical(p, q) or (p == m and q == n) for p, q in pairs)
    if isinstance(x, np.ndarray | list) and isinstance(y, np.ndarray | list):
        each = np.array_equal(x, np.arange(m)) and np.array_equal(y, np.arange(n))
        return each or _identical(x, y)
    return _identical(x, y)


def _as_tuple(option: object) -> tuple[Any, ...]:
    return tuple(option) if isinstance(option, tuple | list) else (option,)


def _identical(x: object, y: object) -> bool:
    if isinstance(x, np.ndarray) or isinstance(y, np.ndarray):
        one, other = np.asarray(x), np.asarray(y)
        return one.dtype == other.dtype and _equal(one, other)
    if isinstance(x, tuple | list) and isinstance(y, tuple | list):
        return len(x) == len(y) and all(map(_identical, x, y))
    if isinstance(x, slice) and isinstance(y, slice):
        return _identical((x.start, x.stop, x.step), (y.start, y.stop, y.step))
    return x is y or (type(x) is type(y) and bool(x == y or (x != x and y != y)))


def _equal(x: np.ndarray, y: np.ndarray) -> bool:
    return np.array_equal(x, y, equal_nan=x.dtype.kind == "f")


# Calls that give something else each time

_CLOCKS = {"time", "monotonic", "perf_counter", "process_time", "thread_time", "clock_gettime"}
_CLOCKS |= {f"{name}_ns" for name in _CLOCKS} | {"localtime", "gmtime", "ctime", "asctime", "strftime"}


@contextmanager
def _watched(reach: Reach, trusted: str = "") -> Iterator[None]:
    """Raises NotTraceableError behind the block if code in it drew random numbers, read the clock or opened a file.

    Global random generators are as they were before, so that who goes on with numpy draws what it would have drawn.
    """
    if sys.getprofile() is not None:
        raise NotTraceableError(f"{reach.called}, whose calls cannot be watched while a profiler runs")
    seen: list[str] = []

    def look(frame: FrameType, event: str, function: object) -> None:
        if event == "c_call" and not computing() and (what := _impure(function)):
            caller = str(frame.f_globals.get("__name__", "")).partition(".")[0]
            seen.extend([] if caller == trusted else [what])

    before = _global_generators() if reach.names_random else None
    collecting = gc.isenabled()
    gc.disable()  # what others have hung into it is no code of the network's
    sys.setprofile(look)
    try:
        yield
    finally:
        sys.setprofile(None)
        if collecting:
            gc.enable()
        if before is not None and _global_generators() != before:
            seen.append("draws random numbers")
            np.random.set_state(pickle.loads(before[0]))
            random.setstate(before[1])
    if seen:
        raise NotTraceableError(f"{reach.called}, which {seen[0]}")


def _global_generators() -> tuple[bytes, tuple[Any, ...]]:
    """The states of NumPy's global random generator, pickled, and of Python's."""
    return pickle.dumps(np.random.get_state(legacy=False)), random.getstate()


def _impure(function: object) -> str:
    """What a built-in function does that may be something else at the next call, or nothing."""
    name, module = getattr(function, "__name__", ""), getattr(function, "__module__", None)
    if (module == "time" and name in _CLOCKS) or (
        name in ("now", "today", "utcnow") and getattr(function, "__self__", None) in (datetime.datetime, datetime.date)
    ):
        return "reads the clock"
    if name in ("urandom", "getrandom"):
        return "draws random numbers"
    if module in ("io", "_io", "builtins") and name in ("open", "input"):
        return "reads a file"
    return ""

"""What goes wrong without a word in layers, losses and metrics that users wrote: a look at one pass."""

from __future__ import annotations

import random
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np
from numpy.typing import NDArray

from chainrule.engines.tracing import has_own_code, sample_size
from chainrule.graph import Variable, backward, from_cost_to_leaves
from chainrule.layers import Network
from chainrule.metrics import Metric, Task, beside
from chainrule.training.cost import Cost


def hints_on_own_code(network: Network, cost: Cost, X: NDArray[Any], Y: NDArray[Any]) -> Iterator[str]:
    """A loss that brings each output together with all targets, and parameters that no derivative comes back to.

    Args:
        X, Y: some examples, of which a few are taken.
    """
    m = sample_size(network, X.shape[1:])
    if len(X) < m or not has_own_code(network, cost):
        return
    try:
        with _undisturbed():
            A, variables = network.copy().record(network.cast(X[:m]))  # so that layers may keep what they will
            J = cost(A, Y[:m])
            backward(J)
    except Exception:  # of whatever kind their code raises; training itself will meet and tell it
        return
    if cost.own and isinstance(J, Variable) and (operation := _mixing(J, A, m)):
        yield f"the loss {cost.name} {_told(operation)}: {_way('A', A, 'Y', beside(Y[:m], A.shape))}"
    still = [name for name, made in variables.items() if made.grad is None]
    if still:
        yield (
            f"no derivative of J comes back to {', '.join(still)}, so that training leaves them as they are: what is "
            "computed of a variable's .value, or by functions that are no operations, has none; if that is meant, all "
            "is well"
        )


def hints_on_own_metrics(
    metrics: Iterable[Metric], network: Network, X: NDArray[Any], Y: NDArray[Any], task: Task
) -> Iterator[str]:
    """A metric that brings each output together with the targets of all examples.

    Args:
        X, Y: some examples, of which a few are taken.
    """
    own = [metric for metric in metrics if metric.own]
    m = sample_size(network, X.shape[1:])
    if not own or len(X) < m:
        return
    for metric in own:
        try:
            with _undisturbed():
                looked_at = network.copy() if has_own_code(network, None) else network
                output = looked_at.output(network.cast(X[:m]))
                metric.score(_Watched.of(Y[:m], "y"), _Watched.of(output, "output"), task)
        except _MixedError as error:
            target = beside(Y[:m], output.shape)
            yield f"the metric {metric.name} {_told(error.args[0])}: {_way('output', output, 'y', target)}"
        except Exception:  # as above
            continue


def _way(output: str, A: Any, target: str, Y: Any) -> str:
    """What shapes come, and how they are brought to the same one."""
    shapes = [f"({', '.join(['m', *map(str, np.shape(one)[1:])])}{',' if np.ndim(one) == 1 else ''})" for one in (A, Y)]
    way = f"{target}[:, None] is (m, 1)" if np.ndim(Y) == 1 else f"take the same part of both, or {output} - {target}"
    return f"{output} comes as {shapes[0]} and {target} as {shapes[1]}, so {way}"


def _told(operation: str) -> str:
    return f"brings (m,) and (m, 1) together in {operation}, which makes (m, m), each example beside all others"


@contextmanager
def _undisturbed() -> Iterator[None]:
    """Within the block, code that draws numbers from the generators of all takes none from what comes behind."""
    before, of_numpy = random.getstate(), np.random.get_state()
    try:
        with np.errstate(all="ignore"):
            yield
    finally:
        random.setstate(before)
        np.random.set_state(of_numpy)


def _mixing(J: Variable, A: Any, m: int) -> str:
    """The operation in which outputs (m, 1) and targets (m,), or the other way round, come together; or nothing.

    What is made of outputs alone, such as the differences of all pairs in a ranking, is meant so.
    """
    before = set(from_cost_to_leaves(A)) if isinstance(A, Variable) else set()
    for node in from_cost_to_leaves(J):
        if node in before or node.operation is None or np.shape(node.value) != (m, m):
            continue
        sides = {np.shape(given): isinstance(given, Variable) for given in node.inputs}
        if (m,) in sides and (m, 1) in sides and sides[(m,)] != sides[(m, 1)]:
            return node.operation.name
    return ""


class _MixedError(Exception):
    """Outputs and targets have come together as (m, m) in the function of this name."""


class _Watched(np.ndarray[Any, Any]):
    """An array whose functions raise `_MixedError`.

    Attributes:
        side: "y" or "output", of which alone it was made; "" of both.
    """

    side = ""

    @classmethod
    def of(cls, array: NDArray[Any], side: str) -> _Watched:
        watched = array.view(cls)
        watched.side = side
        return watched

    def __array_finalize__(self, made_of: Any) -> None:
        self.side = getattr(made_of, "side", "")

    def __array_ufunc__(self, ufunc: Any, method: str, *inputs: Any, **options: Any) -> Any:
        sides = {np.shape(given): given.side for given in inputs if isinstance(given, _Watched)}
        m = max((len(given) for given in inputs if np.ndim(given)), default=0)
        whose = {sides.get((m,)), sides.get((m, 1))}
        if method == "__call__" and m > 1 and whose == {"y", "output"}:
            raise _MixedError(ufunc.__name__)
        plain = [given.view(np.ndarray) if isinstance(given, _Watched) else given for given in inputs]
        result = getattr(ufunc, method)(*plain, **options)
        if not isinstance(result, np.ndarray):
            return result
        every = {*sides.values()}
        return _Watched.of(result, every.pop() if len(every) == 1 else "")

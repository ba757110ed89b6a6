"""What goes wrong without a word in layers, losses and metrics that users wrote: a look at one pass."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray

from chainrule.engines.tracing import has_own_code, sample_size
from chainrule.graph import Variable, backward, from_cost_to_leaves
from chainrule.layers import Network
from chainrule.metrics import Metric, Task
from chainrule.training.cost import Cost


def hints_on_own_code(network: Network, cost: Cost, X: NDArray[Any], Y: NDArray[Any]) -> Iterator[str]:
    """A loss that brings each output together with all targets, and parameters that no derivative comes back to.

    Args:
        X, Y: some examples, of which a few are taken.
    """
    if not has_own_code(network, cost):
        return
    m = sample_size(network, X.shape[1:])
    if len(X) < m:
        return
    try:
        with np.errstate(all="ignore"):
            A, variables = network.copy().record(network.cast(X[:m]))  # so that layers may keep what they will
            J = cost(A, Y[:m])
            backward(J)
    except Exception:  # of whatever kind their code raises; training itself will meet and tell it
        return
    if cost.own and isinstance(J, Variable):
        yield from _mixed(cost, J, A, m)
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
    output = network.copy().output(network.cast(X[:m]))
    for metric in own:
        try:
            metric.score(Y[:m].view(_Watched), output.view(_Watched), task)
        except _MixedError as error:
            yield f"the metric {metric.name} {_told(error.args[0])}: y and the output {WAY}, y - output"
        except Exception:  # as above
            continue


class _MixedError(Exception):
    """(m,) and (m, 1) have come together in the function of this name."""


class _Watched(np.ndarray[Any, Any]):
    """An array whose functions raise `_MixedError`."""

    def __array_ufunc__(self, ufunc: Any, method: str, *inputs: Any, **options: Any) -> Any:
        shapes = [np.shape(given) for given in inputs]
        m = max((shape[0] for shape in shapes if shape), default=0)
        if method == "__call__" and m > 1 and (m,) in shapes and (m, 1) in shapes:
            raise _MixedError(ufunc.__name__)
        plain = [given.view(np.ndarray) if isinstance(given, _Watched) else given for given in inputs]
        result = getattr(ufunc, method)(*plain, **options)
        return result.view(_Watched) if isinstance(result, np.ndarray) else result


WAY = "both come as (m, 1), so take the same part of both, or the difference as it is"


def _told(operation: str) -> str:
    return f"brings (m,) and (m, 1) together in {operation}, which makes (m, m), each example beside all others"


def _mixed(cost: Cost, J: Variable, A: Any, m: int) -> Iterator[str]:
    """Outputs (m, 1) and targets (m,), or the other way round, that come together as (m, m)."""
    before = set(from_cost_to_leaves(A)) if isinstance(A, Variable) else set()
    for node in from_cost_to_leaves(J):
        shapes = [np.shape(given) for given in node.inputs]
        if node in before or node.operation is None or np.shape(node.value) != (m, m):
            continue
        if (m,) in shapes and (m, 1) in shapes:
            yield f"the loss {cost.name} {_told(node.operation.name)}: A and Y {WAY}, A - Y"
            return

"""What layers learn from the data before the first epoch, without a gradient."""

from collections.abc import Callable, Iterable, Iterator

import numpy as np

from chainrule.engines import Batch
from chainrule.errors import OptionError
from chainrule.graph import Array, plain
from chainrule.layers import Layer, Network, Standardize
from chainrule.layers.learner import Learner
from chainrule.layers.walk import Walk, walking
from chainrule.metrics import Task

ENOUGH = 2**16
"""About how many numbers are measured together."""


def learn_statistics(net: Network, batches: Callable[[], Iterable[Batch]], task: Task = "values") -> None:
    """Let each `Learner` that has not learned yet see its own input for all batches, and the targets, if it asks.

    The first layer learns first.
    """
    for _, layer in net.family():
        if isinstance(layer, Learner) and not layer.learned:
            if isinstance(layer, Standardize) and layer.inverse:
                raise OptionError(f"{layer.label} has not learned the target's scale: call its learn([y]) first.")
            inputs = _inputs(net, layer, batches())
            if layer.learns_targets:
                layer.learn((A, _of_task(Y, task), weights) for A, Y, weights in inputs)
            else:
                layer.learn(_joined(A for A, _, _ in inputs))


def _of_task(Y: Array, task: Task) -> Array:
    """The targets as classes, whole numbers, or as values."""
    labels = task == "classes" and (Y.ndim == 1 or Y.dtype.kind in "iu")  # others are a column for each class
    return Y.astype(np.intp if labels else np.float64)


def _inputs(net: Network, layer: Layer, batches: Iterable[Batch]) -> Iterator[tuple[Array, Array, Array | None]]:
    """What reaches the layer, batch by batch, without steps that do not count; the targets and weights of the batch."""
    for X, Y, weights in batches:
        try:
            with walking(_Until(layer, net.dtype)):
                net(X)
        except _ReachedError as reached:
            yield reached.A, Y, weights


def _joined(arrays: Iterable[Array]) -> Iterator[Array]:
    """The rows of (m, …, n) in fewer arrays, (rows, n), which cost less to measure than mini-batches."""
    waiting: list[Array] = []
    size = 0
    for A in arrays:
        waiting.append(A.reshape(-1, A.shape[-1] if A.ndim > 1 else 1))
        size += A.size
        if size >= ENOUGH:
            yield np.concatenate(waiting)
            waiting, size = [], 0
    if waiting:
        yield np.concatenate(waiting)


class _Until(Walk):
    """A walk that ends where a layer is about to be called: what comes behind it would be computed for nothing."""

    def __init__(self, layer: Layer, dtype: str):
        super().__init__(dtype=dtype)
        self._layer = layer

    def through(self, layer: Layer, A: Array, forward: Callable[[Array], Array]) -> Array:
        if layer is self._layer:
            raise _ReachedError(plain(A) if layer.mask is None else plain(A)[plain(layer.mask)])
        return forward(A)


class _ReachedError(BaseException):
    """The walk has come to its end; no `except` of an own layer is to stop it.

    Attributes:
        A: what reaches the layer.
    """

    def __init__(self, A: Array):
        super().__init__()
        self.A = A

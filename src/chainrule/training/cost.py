"""The cost J of a network: a loss by name, operation or own function, and its derivatives by the notes' names."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from chainrule.data.examples import examples
from chainrule.errors import OptionError, ShapeError
from chainrule.graph import Array, Operation, Variable, plain
from chainrule.layers import Network
from chainrule.metrics import Task, task_of
from chainrule.names import lookup
from chainrule.ops import LOSSES

LossLike = str | Callable[..., Any]
"""A name such as "cross_entropy", an operation (with options by functools.partial), or a function of (A, Y) that
returns one number made of operations."""


class Cost:
    """A loss, ready to be called with (output, Y, weights).

    Attributes:
        name: what the history calls it.
        task: what the network's outputs mean under it.
    """

    def __init__(self, loss: LossLike):
        self.loss = lookup("loss", loss, LOSSES) if isinstance(loss, str) else loss
        if not callable(self.loss):
            raise OptionError(f"a loss is a name, an operation, or a function of (A, Y), not {loss!r}.")
        inner = self.loss.func if isinstance(self.loss, functools.partial) else self.loss
        self.name: str = getattr(inner, "name", getattr(inner, "__name__", type(inner).__name__))
        self.task: Task = task_of(self.name)
        self.own = not isinstance(inner, Operation)

    def __call__(self, A: Variable | Array, Y: Array, weights: Array | None = None) -> Any:
        """J as the end of the graph that A belongs to."""
        J = self.loss(A, Y) if weights is None else self.loss(A, Y, weights)
        if np.size(plain(J)) != 1:
            raise ShapeError(f"the loss {self.name} returned shape {np.shape(plain(J))}, not one number.")
        return J

    def check(self, Y: NDArray[Any], n_out: tuple[int, ...]) -> None:
        """See to it, before anything is trained, that all of Y can be targets of a network with this output shape.

        Raises:
            ShapeError, DataError: Y has another shape, or labels out of range.
        """
        if self.own:
            return
        for start in range(0, len(Y), 2**16):
            part = Y[start : start + 2**16]
            self(np.broadcast_to(np.float32(0.5), (len(part), *n_out)), part)


def gradients(
    net: Network, X: Any, y: Any, *, loss: LossLike, sample_weight: Any = None, training: bool = False, seed: int = 0
) -> tuple[float, dict[str, NDArray[Any]]]:
    """The cost J of a batch and its derivatives, {"dW1": …, "db1": …}, by one pass forward and one backward.

    Args:
        net: the network; X: (m, …); y: as the loss takes it; loss: as `train` takes it.
        sample_weight: (m,), or None.
        training: whether dropout drops and batch normalization uses the batch.
        seed: of the dropout.

    Raises:
        ShapeError, DataError, OptionError: see `train`.
    """
    X, y = examples(X, y)
    if not net.built:
        net.build(X.shape[1:])
    A, variables = net.record(net.cast(X), training=training, seed=seed)
    J = Cost(loss)(A, y, None if sample_weight is None else np.asarray(sample_weight))
    J.backward()
    return float(J.value), {f"d{name}": np.asarray(made.grad) for name, made in variables.items()}

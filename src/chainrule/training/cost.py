"""The cost J of a network: a loss by name, operation or own function, and its derivatives by the notes' names."""

from __future__ import annotations

import copy
import functools
import inspect
import math
from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from chainrule.data.examples import example_weights, examples
from chainrule.engines import Form
from chainrule.errors import OptionError, ShapeError
from chainrule.graph import Array, Operation, Variable, backward, plain
from chainrule.layers import Network
from chainrule.layers.network import the_network
from chainrule.metrics import TASKS, Task, beside, task_of
from chainrule.names import lookup
from chainrule.ops import LOSSES

LossLike = str | Callable[..., Any]
"""A name such as "cross_entropy", an operation (with options by functools.partial), or a function of (A, Y), or of
(A, Y, weights=None), that returns one number made of operations."""

SOME = 64
"""So many examples show whether outputs are probabilities."""


class Cost:
    """A loss, ready to be called with (output, Y, weights).

    Attributes:
        name: what the history calls it.
        task: what the network's outputs mean under it; of an own function, its attribute `task`, or what the network's
            last activation says (see `fit`).
        takes_weights: whether it has a parameter `weights`, for how much each example counts.
        unsure: whether only the outputs themselves tell that they are what the loss takes, once `fit` has seen them.
        input: the form of X that `fit` has seen, as the network takes it; None before.
        target: of an own function, the form of what it takes for an example, once `fit` has seen it.
    """

    def __init__(self, loss: LossLike):
        self.loss = lookup("loss", loss, LOSSES) if isinstance(loss, str) else loss
        if not callable(self.loss):
            raise OptionError(f"a loss is a name, an operation, or a function of (A, Y), not {loss!r}.")
        inner = self.loss.func if isinstance(self.loss, functools.partial) else self.loss
        self.name: str = getattr(inner, "name", getattr(inner, "__name__", type(inner).__name__))
        self.task: Task = getattr(inner, "task", task_of(self.name))
        self.own = not isinstance(inner, Operation)
        self.takes_weights = _takes_weights(self.loss)
        self.unsure = False
        self._after = inner.after if isinstance(inner, Operation) else {}
        if self.own:
            _check_signature(self.loss, self.name)
        self.input: Form | None = None
        self.target: Form | None = None

    @property
    def settings(self) -> str:
        """The loss with its options, as text."""
        options = self.loss.keywords if isinstance(self.loss, functools.partial) else {}
        return f"{self.name}({', '.join(f'{name}={value}' for name, value in options.items())})"

    @property
    def measured(self) -> Cost:
        """The cost of examples that are not trained on: the same, but of the labels as they are, not smoothed.

        Smoothed labels add what no network can avoid, and most to the cost of one that is sure and right.
        """
        loss = self.loss
        if self.own or not isinstance(loss, functools.partial) or not loss.keywords.get("label_smoothing"):
            return self
        found = copy.copy(self)
        others = {name: option for name, option in loss.keywords.items() if name != "label_smoothing"}
        found.loss = functools.partial(loss.func, **others)
        return found

    def __call__(self, A: Variable | Array, Y: Array, weights: Array | None = None) -> Any:
        """J as the end of the graph that A belongs to.

        An own function gets Y in the shape of A where they differ only by a last axis of length 1, so that (m, 1) and
        (m,) never broadcast to (m, m).

        Raises:
            OptionError: an own function returns something else than one number, or takes no weights where there are.
        """
        if weights is not None and not self.takes_weights:
            raise OptionError(
                f"the loss {self.name} takes no weights, but sample_weight, class_weight or a mask gives some: make it "
                "a function of (A, Y, weights=None) that multiplies each example's loss by its weight before the mean."
            )
        if self.own:
            Y = beside(Y, A.shape)
        try:
            J = self.loss(A, Y) if weights is None else self.loss(A, Y, weights=weights)
        except ShapeError as error:
            if self.own and Y.shape != A.shape:
                way_out = "labels become one-hot rows by np.eye(n_classes)[y]"
                raise ShapeError(
                    f"{error} A loss of your own gets Y as it was given: {Y.shape} beside outputs {A.shape}; {way_out}."
                ) from None
            raise
        if not _is_one_number(J):
            what = f"an array of shape {J.shape}" if hasattr(J, "shape") else repr(J)
            raise OptionError(f"the loss {self.name} must return one number, such as a mean, but returned {what}.")
        if isinstance(A, Variable) and not isinstance(J, Variable):
            raise OptionError(
                f"the loss {self.name} returned a plain number, which has no derivative: comparisons such as A > 0.5, "
                "argmax and the like have none. Compute it of A by operations, such as a difference or cr.ops.log."
            )
        return J

    def fit(self, net: Network, X: NDArray[Any], Y: NDArray[Any]) -> None:
        """See to it, before anything is trained, that Y can be targets of the built network.

        Args:
            X: some examples, the first of Y's.

        Raises:
            ShapeError, DataError: Y has another shape, or labels out of range, or outputs for X are no probabilities.
            OptionError: the output cannot be what the loss takes.
        """
        A = net.blank_output(X.shape[1:])
        operation = A.operation if isinstance(A, Variable) else None
        last = "" if operation is None else operation.name
        n_out = A.shape[1:]
        self.input = Form(X.shape[1:], net.cast(X[:1]).dtype)
        if self.own:
            self.target = self.target_of(Y, n_out)
            if self.name not in TASKS and not hasattr(self.loss, "task"):
                self.task = {"softmax": "classes", "sigmoid": "yes_no"}.get(last, "values")  # type: ignore[assignment]
            return
        if last == "softmax" and n_out[-1:] == (1,):
            raise OptionError("the softmax of a single output is always 1: give it 2 units, or take the sigmoid.")
        self.check(n_out, Y)
        self.unsure = bool(self._after) and operation not in self._after
        self.look(net, X, Y[: len(X)])

    def look(self, net: Network, X: NDArray[Any], Y: NDArray[Any]) -> None:
        """See to it that the outputs for the first examples are what the loss takes, such as probabilities.

        Kernels take any numbers. Those that the activation of a shortcut has made need no look.

        Raises:
            DataError: they are not.
        """
        if self.unsure:
            with np.errstate(all="ignore"):
                self(net.output(net.cast(X[:SOME])), Y[:SOME])

    def target_of(self, Y: NDArray[Any], n_out: tuple[int, ...]) -> Form | None:
        """The form of one example's target as an own function gets it beside outputs of the shape `n_out`."""
        return Form(beside(Y, (len(Y), *n_out)).shape[1:], Y.dtype) if self.own else None

    def blank_targets(self, A: Variable | Array) -> NDArray[Any]:
        """Targets that an output A of any network can have, to see what a cost does with it."""
        return np.zeros(A.shape[:-1], int) if self.task == "classes" else np.ones(A.shape)

    def check(self, n_out: tuple[int, ...], Y: NDArray[Any], weights: NDArray[Any] | None = None) -> None:
        """See to it that Y and the weights of examples fit outputs of the shape `n_out`, as the loss itself sees it.

        Raises:
            ShapeError, DataError: they have another shape, or labels are out of range.
        """
        if self.own and weights is None:
            return
        rows = max(1, 2**18 // max(1, math.prod(n_out)))
        blank = np.float32(1 / n_out[-1] if self.task == "classes" and n_out else 0.5)
        for start in range(0, len(Y), rows):
            part = slice(start, start + rows)
            A = np.broadcast_to(blank, (len(Y[part]), *n_out))
            self(A, Y[part], None if weights is None else weights[part])


def _is_one_number(J: Any) -> bool:
    if isinstance(J, int | float):
        return True
    return hasattr(J, "shape") and hasattr(J, "dtype") and math.prod(J.shape) == 1


def _check_signature(loss: Callable[..., Any], name: str) -> None:
    """Raises OptionError where a function cannot be called with outputs and targets."""
    try:
        inspect.signature(loss).bind(None, None)
    except TypeError as error:
        raise OptionError(f"the loss {name} is called with outputs and targets, (A, Y), but {error}.") from None
    except ValueError:  # a function that is not written in Python
        return


def _takes_weights(loss: Callable[..., Any]) -> bool:
    try:
        found = inspect.signature(loss).parameters.get("weights")
    except (TypeError, ValueError):  # a function that is not written in Python
        return False
    return found is not None and found.kind in (found.POSITIONAL_OR_KEYWORD, found.KEYWORD_ONLY)


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
    the_network(net, "gradients").build_for(X)
    A, variables = net.record(net.cast(X), training=training, seed=seed)
    J = Cost(loss)(A, y, example_weights(y, sample_weight, mask=net.steps_that_count(X)))
    backward(J)
    found = {name: np.zeros(value.shape, net.dtype) for name, value in net.parameters.items()}
    found |= {name: np.asarray(made.grad) for name, made in variables.items() if made.grad is not None}
    return float(plain(J)), {f"d{name}": grad for name, grad in found.items()}

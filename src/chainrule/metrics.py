"""How good predictions are, in numbers that people compare; scikit-learn computes them."""

from __future__ import annotations

import math
import warnings
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from chainrule.errors import DataError, OptionError
from chainrule.names import lookup

Task = Literal["classes", "yes_no", "signs", "values"]
"""What the outputs mean: a probability for each class, one for each yes-or-no question, a score whose sign decides
(labels −1 and +1), or plain values."""

MEANINGS: dict[Task, str] = {
    "classes": "gives each class a probability",
    "yes_no": "answers yes or no",
    "signs": "decides by the sign of a score",
    "values": "predicts values",
}

TASKS: dict[str, Task] = {
    "cross_entropy": "classes",
    "binary_cross_entropy": "yes_no",
    "hinge": "signs",
    "perceptron": "signs",
}
"""The task of each loss; every other is about values."""


@dataclass(frozen=True)
class Metric:
    """A number for (y, output).

    Attributes:
        name: its key in the history.
        score: `(y, output, task) -> number`, both as the network and the data give them.
        greater_is_better: which way is up.
        tasks: what the outputs may mean.
    """

    name: str
    score: Callable[[NDArray[Any], NDArray[Any], Task], float]
    greater_is_better: bool = True
    tasks: tuple[Task, ...] = ("classes", "yes_no", "signs", "values")


def find_metrics(given: Any, task: Task | None = None) -> list[Metric]:
    """The metrics of a list of names and functions `f(y, output) -> number`; functions get y in the output's shape.

    Args:
        task: what the metrics must fit; None for not to ask.

    Raises:
        OptionError: an unknown name, two of one name, one that does not fit the task, or something else.
    """
    if isinstance(given, str) or callable(given):
        given = [given]
    if not isinstance(given, list | tuple):
        raise OptionError(f"a metric is a name or a function of (y, output), and there may be a list; not {given!r}.")
    found = [_find(metric) for metric in given]
    for i, metric in enumerate(found):
        if metric.name in [other.name for other in found[:i]]:
            raise OptionError(f"two metrics are called {metric.name}: give each function a name of its own.")
        if task is not None and task not in metric.tasks:
            fitting = sorted(name for name, known in METRICS.items() if task in known.tasks)
            raise OptionError(f"{metric.name} does not fit a network that {MEANINGS[task]}; take {', '.join(fitting)}.")
    return found


def score(metrics: Iterable[Metric], y: NDArray[Any], output: NDArray[Any], task: Task) -> dict[str, float]:
    """The value of each metric by its name.

    Raises:
        DataError: scikit-learn cannot compute one of them for these data; it says why.
    """
    found = {}
    for metric in metrics:
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")  # scikit-learn's notes on rare classes; the value is what counts
                found[metric.name] = float(metric.score(y, output, task))
        except (ValueError, TypeError) as error:
            raise DataError(f"the metric {metric.name} cannot be computed: {error}") from error
    return found


def that_count(
    y: NDArray[Any], output: NDArray[Any], weights: NDArray[Any] | None
) -> tuple[NDArray[Any], NDArray[Any]]:
    """y and outputs without the steps of weight 0, one step a row, where the weights are those of steps; else all."""
    if weights is None or weights.ndim < 2:
        return y, output
    return y[weights > 0], output[weights > 0]


def decide(output: NDArray[Any], task: Task) -> NDArray[Any]:
    """The labels that outputs stand for: the likeliest class, yes from 0.5 on, the sign; values as they are."""
    if task == "classes":
        return np.asarray(output.argmax(axis=-1))
    if task == "values":
        return output
    decided = np.where(output >= 0, 1, -1) if task == "signs" else (output >= 0.5).astype(np.int64)
    return decided[..., 0] if decided.shape[-1] == 1 else decided


def true_labels(y: NDArray[Any], output: NDArray[Any], task: Task) -> NDArray[Any]:
    """y in the form of `decide(output, task)`: class numbers instead of one-hot rows or shares, no axis of length 1."""
    if task == "classes" and y.shape == output.shape:
        return np.asarray(y.argmax(axis=-1))
    if task == "values":
        return y.reshape(output.shape)
    if task == "yes_no" and y.dtype.kind == "f":
        y = (y >= 0.5).astype(np.int64)
    return y[..., 0] if y.shape[-1:] == (1,) and y.ndim == output.ndim else y


def beside(y: NDArray[Any], shape: tuple[int, ...]) -> NDArray[Any]:
    """y in the output's shape where the two differ only by a last axis of length 1; otherwise as it is."""
    y = y if hasattr(y, "shape") else np.asarray(y)
    return y.reshape(shape) if shape[-1:] == (1,) and y.shape == shape[:-1] else y


def task_of(loss: str) -> Task:
    """What outputs mean under a loss of that name."""
    return TASKS.get(loss, "values")


def _find(given: Any) -> Metric:
    if isinstance(given, str):
        return lookup("metric", given, METRICS)
    if callable(given):
        name = getattr(given, "__name__", type(given).__name__)
        return Metric(name, lambda y, output, task: given(beside(y, output.shape), output))
    raise OptionError(f"a metric is a name or a function of (y, output), not {given!r}.")


def _of_labels(function: str, **options: Any) -> Callable[[NDArray[Any], NDArray[Any], Task], float]:
    """A metric of scikit-learn that compares labels."""

    def metric(y: NDArray[Any], output: NDArray[Any], task: Task) -> float:
        import sklearn.metrics

        true, decided = true_labels(y, output, task), decide(output, task)
        if task == "classes" or output.shape[-1] == 1:
            true, decided = true.reshape(-1), decided.reshape(-1)
        elif output.ndim > 2:
            true, decided = true.reshape(-1, output.shape[-1]), decided.reshape(-1, output.shape[-1])
        more = {}
        if "average" in options:
            more = {
                "average": "binary" if output.shape[-1] == (2 if task == "classes" else 1) else "macro",
                "zero_division": 0.0,
            }
        return float(getattr(sklearn.metrics, function)(true, decided, **more))

    return metric


def _of_probabilities(function: str) -> Callable[[NDArray[Any], NDArray[Any], Task], float]:
    """A metric of scikit-learn that reads probabilities or scores."""

    def metric(y: NDArray[Any], output: NDArray[Any], task: Task) -> float:
        import sklearn.metrics

        true = true_labels(y, output, task)
        if task == "classes":
            probabilities = output.reshape(-1, output.shape[-1]).astype(np.float64)
            probabilities /= probabilities.sum(axis=-1, keepdims=True)
            labels = np.arange(output.shape[-1])
            if function == "roc_auc_score" and len(labels) == 2:
                return float(sklearn.metrics.roc_auc_score(true.reshape(-1), probabilities[:, 1]))
            more = {"multi_class": "ovr"} if function == "roc_auc_score" else {}
            return float(getattr(sklearn.metrics, function)(true.reshape(-1), probabilities, labels=labels, **more))
        if function == "log_loss":
            p = output.reshape(-1).astype(np.float64)
            return float(sklearn.metrics.log_loss(y.reshape(-1), np.column_stack([1 - p, p]), labels=[0, 1]))
        one_answer = () if output.shape[-1] == 1 else (output.shape[-1],)
        return float(sklearn.metrics.roc_auc_score(true.reshape(-1, *one_answer), output.reshape(-1, *one_answer)))

    return metric


def _of_values(function: str) -> Callable[[NDArray[Any], NDArray[Any], Task], float]:
    """A metric of scikit-learn that compares numbers."""

    def metric(y: NDArray[Any], output: NDArray[Any], task: Task) -> float:
        import sklearn.metrics

        rows = output.reshape(len(output), -1)
        return float(getattr(sklearn.metrics, function)(y.reshape(rows.shape), rows))

    return metric


_mse = _of_values("mean_squared_error")


def _rmse(y: NDArray[Any], output: NDArray[Any], task: Task) -> float:
    """Over all errors at once: scikit-learn's is the mean of the columns'."""
    return math.sqrt(_mse(y, output, task))


LABELLED: tuple[Task, ...] = ("classes", "yes_no", "signs")

METRICS = {
    metric.name: metric
    for metric in (
        Metric("accuracy", _of_labels("accuracy_score"), tasks=LABELLED),
        Metric("balanced_accuracy", _of_labels("balanced_accuracy_score"), tasks=LABELLED),
        Metric("precision", _of_labels("precision_score", average=None), tasks=LABELLED),
        Metric("recall", _of_labels("recall_score", average=None), tasks=LABELLED),
        Metric("f1", _of_labels("f1_score", average=None), tasks=LABELLED),
        Metric("roc_auc", _of_probabilities("roc_auc_score"), tasks=LABELLED),
        Metric("log_loss", _of_probabilities("log_loss"), greater_is_better=False, tasks=("classes", "yes_no")),
        Metric("mse", _mse, greater_is_better=False, tasks=("values",)),
        Metric("rmse", _rmse, greater_is_better=False, tasks=("values",)),
        Metric("mae", _of_values("mean_absolute_error"), greater_is_better=False, tasks=("values",)),
        Metric("r2", _of_values("r2_score"), tasks=("values",)),
    )
}
"""The metrics that training knows by name. Of more than two classes, precision, recall and f1 are the plain mean over
the classes, and roc_auc is one class against the rest. rmse is √mse, over all outputs."""

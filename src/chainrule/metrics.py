"""How good predictions are, in numbers that people compare."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from chainrule import scores
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


Score = Callable[[NDArray[Any], NDArray[Any], Task], float]
"""`(y, output, task) -> number`, both as the network and the data give them."""


@dataclass(frozen=True)
class Metric:
    """A number for (y, output).

    Attributes:
        name: its key in the history.
        score: computes it.
        greater_is_better: which way is up.
        tasks: what the outputs may mean.
        decides: whether it is about the labels that outputs are decided to stand for, not about probabilities.
        own: whether a user wrote it.
    """

    name: str
    score: Score
    greater_is_better: bool = True
    tasks: tuple[Task, ...] = ("classes", "yes_no", "signs", "values")
    decides: bool = False
    own: bool = False


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
        DataError: one of them cannot be computed for these data; it says why.
    """
    found = {}
    for metric in metrics:
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")  # as of scikit-learn in a user's function: the value counts
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


def confusion_matrix(true: NDArray[np.integer], decided: NDArray[np.integer], n: int) -> NDArray[np.intp]:
    """(n, n): how often each class, by rows, was decided to be each, by columns; both are (m,) class numbers."""
    return np.bincount(true.astype(np.intp) * n + decided, minlength=n * n).reshape(n, n)


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
        return Metric(name, lambda y, output, task: given(beside(y, output.shape), output), own=True)
    raise OptionError(f"a metric is a name or a function of (y, output), not {given!r}.")


def _numbers(labels: NDArray[Any], task: Task, n: int) -> NDArray[np.intp]:
    """True labels as numbers from 0 to n − 1, those of signs too.

    Raises:
        ValueError: y holds something else.
    """
    given = np.asarray((labels + 1) / 2 if task == "signs" else labels)
    numbers = given.astype(np.intp)
    if (numbers != given).any() or numbers.min() < 0 or numbers.max() >= n:
        known = "−1 and 1" if task == "signs" else f"whole numbers from 0 to {n - 1}"
        raise ValueError(f"y must hold {known}")
    return numbers


def _labels(y: NDArray[Any], output: NDArray[Any], task: Task) -> tuple[NDArray[np.intp], NDArray[np.intp], int]:
    """True and decided labels as numbers from 0 to n − 1, (m, 1) of classes and (m, k) of k questions; and n.

    Raises:
        ValueError: there are no examples, or y is of another shape, or holds what is no such label.
    """
    _refuse_none(output)
    n, questions = (output.shape[-1], 1) if task == "classes" else (2, output.shape[-1])
    decided = decide(output, task).reshape(-1, questions)
    if task == "signs":
        decided = (decided + 1) // 2
    return _numbers(true_labels(y, output, task), task, n).reshape(decided.shape), decided, n


def _accuracy(y: NDArray[Any], output: NDArray[Any], task: Task) -> float:
    true, decided, _ = _labels(y, output, task)
    return scores.accuracy(true, decided)


def _balanced_accuracy(y: NDArray[Any], output: NDArray[Any], task: Task) -> float:
    true, decided, n = _labels(y, output, task)
    if true.shape[1] > 1:
        raise ValueError(f"it is about one question, but there are {true.shape[1]}")
    return scores.balanced_accuracy(scores.counts_of_classes(true.ravel(), decided.ravel(), n))


def _of_counts(share: Callable[[scores.Counts], float]) -> Score:
    """Of two classes, or of a question, about the second of them; of several the mean."""

    def metric(y: NDArray[Any], output: NDArray[Any], task: Task) -> float:
        true, decided, n = _labels(y, output, task)
        if n == 2:
            return share(scores.counts_of_answers(true, decided))
        counts = scores.counts_of_classes(true.ravel(), decided.ravel(), n)
        met = counts.true + counts.decided > 0
        return share(scores.Counts(*(of_each[met] for of_each in counts)))

    return metric


def _roc_auc(y: NDArray[Any], output: NDArray[Any], task: Task) -> float:
    """Of two classes that of the second; of several, or of several questions, the mean."""
    _refuse_none(output, finite=True)
    by_label = np.ascontiguousarray(output.reshape(-1, output.shape[-1]).T)
    n = len(by_label) if task == "classes" else 2
    true = _numbers(true_labels(y, output, task), task, n)
    if task != "classes":
        answers = true.reshape(by_label.shape[::-1]).T
        return float(np.mean([scores.roc_auc(yes == 1, score) for yes, score in zip(answers, by_label, strict=True)]))
    probabilities, true = by_label / by_label.sum(axis=0, dtype=np.float64), true.reshape(by_label.shape[1])
    asked = [1] if n == 2 else range(n)
    return float(np.mean([scores.roc_auc(true == label, probabilities[label]) for label in asked]))


def _average_precision(y: NDArray[Any], output: NDArray[Any], task: Task) -> float:
    """Of two classes that of the second; of several, or of several questions, the mean over those that there are."""
    _refuse_none(output, finite=True)
    by_label = np.ascontiguousarray(output.reshape(-1, output.shape[-1]).T)
    n = len(by_label) if task == "classes" else 2
    true = _numbers(true_labels(y, output, task), task, n)
    if task != "classes":
        answers = true.reshape(by_label.shape[::-1]).T
        pairs = zip(answers == 1, by_label, strict=True)
    else:
        true = true.reshape(by_label.shape[1])
        pairs = zip([true == label for label in range(n)], by_label, strict=True)
    of_each = [scores.average_precision(yes, score) for yes, score in pairs]
    if task == "classes" and n == 2:
        return of_each[1]
    there = [value for value in of_each if not np.isnan(value)]
    return float(np.mean(there)) if there else float("nan")


def _log_loss(y: NDArray[Any], output: NDArray[Any], task: Task) -> float:
    _refuse_none(output, finite=True)
    if output.min() < 0 or (task == "yes_no" and output.max() > 1):
        raise ValueError("the outputs are no probabilities, which are from 0 to 1")
    if task == "yes_no":
        p = output.astype(np.float64)
        return scores.log_loss(np.where(_numbers(y, task, 2).reshape(p.shape) == 1, p, 1 - p))
    rows = output.reshape(-1, output.shape[-1])
    true = _numbers(true_labels(y, output, task), task, rows.shape[1]).reshape(len(rows), 1)
    of_the_true = np.take_along_axis(rows, true, axis=1)
    return scores.log_loss(of_the_true / rows.sum(axis=1, keepdims=True, dtype=np.float64))


def _of_values(compare: Callable[[NDArray[Any], NDArray[Any]], float]) -> Score:
    """Of each column of values; `compare` gets y and output as (m, n)."""

    def metric(y: NDArray[Any], output: NDArray[Any], task: Task) -> float:
        _refuse_none(output, finite=True)
        rows = output.reshape(len(output), -1)
        if not np.isfinite(y).all():
            raise ValueError("y is not finite")
        return compare(y.reshape(rows.shape), rows)

    return metric


def _refuse_none(output: NDArray[Any], *, finite: bool = False) -> None:
    """Raises ValueError where there is nothing to measure, or what must be finite is not."""
    if output.size == 0:
        raise ValueError("there are no examples")
    if finite and not np.isfinite(output).all():
        raise ValueError("the outputs are not finite")


LABELLED: tuple[Task, ...] = ("classes", "yes_no", "signs")

METRICS = {
    metric.name: metric
    for metric in (
        Metric("accuracy", _accuracy, tasks=LABELLED, decides=True),
        Metric("balanced_accuracy", _balanced_accuracy, tasks=LABELLED, decides=True),
        Metric("precision", _of_counts(scores.precision), tasks=LABELLED, decides=True),
        Metric("recall", _of_counts(scores.recall), tasks=LABELLED, decides=True),
        Metric("f1", _of_counts(scores.f1), tasks=LABELLED, decides=True),
        Metric("roc_auc", _roc_auc, tasks=LABELLED),
        Metric("average_precision", _average_precision, tasks=LABELLED),
        Metric("log_loss", _log_loss, greater_is_better=False, tasks=("classes", "yes_no")),
        Metric("mse", _of_values(scores.mse), greater_is_better=False, tasks=("values",)),
        Metric("rmse", _of_values(scores.rmse), greater_is_better=False, tasks=("values",)),
        Metric("mae", _of_values(scores.mae), greater_is_better=False, tasks=("values",)),
        Metric("r2", _of_values(scores.r2), tasks=("values",)),
    )
}
"""The metrics that training knows by name. Of more than two classes, precision, recall and f1 are the plain mean over
the classes, and roc_auc and average_precision are one class against the rest. rmse is √mse, over all outputs."""

"""The checks that every X and Y pass before anything is computed with them."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from chainrule.checking import as_array, real
from chainrule.errors import DataError, OptionError, ShapeError


def examples(X: Any, y: Any, called: str = "X") -> tuple[NDArray[Any], NDArray[Any]]:
    """X and y as arrays with the same number of examples; a memory map stays one.

    Raises:
        ShapeError: X and y have not the same number of examples.
        DataError: no examples, or y is not numeric, or holds NaN or infinity.
    """
    X = as_array(X, called)
    try:
        y = np.asarray(y)
    except ValueError:
        raise DataError("y is ragged: its rows have different lengths.") from None
    if y.ndim == 0 or len(y) != len(X):
        raise ShapeError(
            f"{called} is {X.shape} and y is {y.shape}: each example needs one entry of y{_turned(X, y, called)}."
        )
    if y.dtype.kind not in "fiub":
        way = "y = np.asarray(y, dtype=float)" if _are_numbers(y) else "classes, y = np.unique(y, return_inverse=True)"
        number = "makes them so" if _are_numbers(y) else "numbers them from 0"
        raise DataError(f"y is of type {y.dtype}, but labels and values are numbers: {way} {number}.")
    if y.dtype.kind == "f" and not np.isfinite(y).all():
        raise DataError(f"y holds NaN or infinity, first at {np.argwhere(~np.isfinite(y))[0].tolist()}.")
    return X, y


def _turned(X: NDArray[Any], y: NDArray[Any], called: str) -> str:
    """That examples are rows, where X and perhaps y have them as columns."""
    if X.ndim != 2 or y.ndim not in (1, 2) or y.shape[-1] != X.shape[1]:
        return ""
    way = f"{called if called.isidentifier() else 'X'}.T"
    if y.ndim == 2:
        way += " and y.ravel()" if len(y) == 1 else " and y.T"
    return f"; examples are rows here: {way}"


def _are_numbers(y: NDArray[Any]) -> bool:
    """Whether what is written as text or held as objects are numbers."""
    try:
        return y.dtype.kind in "USO" and bool(np.isfinite(y.astype(np.float64)).all())
    except (TypeError, ValueError):
        return False


def example_weights(
    y: NDArray[Any],
    sample_weight: Any = None,
    class_weight: dict[Any, float] | str | None = None,
    mask: NDArray[np.bool_] | None = None,
) -> NDArray[np.float64] | None:
    """A weight for each example, its own times its class's, with mean 1; None where nothing is weighted.

    Where some steps do not count, it is a weight for each step, 0 for those.

    Args:
        y: (m,) labels, or (m, n) one-hot.
        sample_weight: (m,).
        class_weight: a weight for each class; classes left out have 1; "balanced" gives every class the same sum.
        mask: (m, steps), the steps that count; see `Network.steps_that_count`.

    Raises:
        ShapeError: not one weight for each example, or y does not have these steps.
        DataError: a negative weight, NaN, or only zeros; or y are no labels.
        OptionError: a class weight for a class that does not occur, or an unknown word.
    """
    if sample_weight is None and class_weight is None and mask is None:
        return None
    weights = _of_examples(sample_weight, y)
    if class_weight is not None:
        labels = _labels(y)
        classes, codes, counts = np.unique(labels, return_inverse=True, return_counts=True)
        if isinstance(class_weight, str) and class_weight == "balanced":
            weights = weights * (len(labels) / (len(classes) * counts))[codes]
        else:
            table = class_table(class_weight)
            strangers = sorted(table.keys() - set(classes.tolist()), key=str)
            if strangers:
                raise OptionError(f"class_weight has the class {strangers[0]!r}, but y holds only {classes.tolist()}.")
            weights = weights * _of_classes(labels, table)
    if mask is not None:
        weights = _of_steps(weights, mask, y)
    if not weights.any():
        raise DataError("all examples have weight 0.")
    return np.asarray(weights / weights.mean())


def stream_weights(
    y: NDArray[Any],
    sample_weight: Any = None,
    class_weight: dict[Any, float] | None = None,
    mask: NDArray[np.bool_] | None = None,
) -> NDArray[np.float64] | None:
    """As `example_weights` for one batch of a stream, whose mean weight nobody knows: the weights as they are given.

    Where some steps do not count, the others count more, so that J is the mean over these.
    """
    if sample_weight is None and class_weight is None and mask is None:
        return None
    weights = _of_examples(sample_weight, y)
    if class_weight is not None:
        weights = weights * _of_classes(_labels(y), class_table(class_weight))
    return weights if mask is None else _of_steps(weights, mask, y) / max(mask.mean(), np.finfo(float).tiny)


def class_table(class_weight: Any) -> dict[Any, float]:
    """The weights of the classes, checked.

    Raises:
        OptionError: not a dict of weights of 0 or more.
    """
    if not isinstance(class_weight, dict):
        raise OptionError(f'class_weight is a dict such as {{0: 1.0, 1: 5.0}}, or "balanced", not {class_weight!r}.')
    return {label: real(f"the weight of class {label!r}", weight, low=0) for label, weight in class_weight.items()}


def _of_examples(sample_weight: Any, y: NDArray[Any]) -> NDArray[np.float64]:
    try:
        weights = np.ones(len(y)) if sample_weight is None else np.asarray(sample_weight, dtype=np.float64)
    except (TypeError, ValueError):
        raise DataError("weights of examples are numbers.") from None
    if weights.ndim == 0 or weights.shape != y.shape[: weights.ndim]:
        raise ShapeError(f"the weights are {weights.shape}, but there are {len(y)} examples and y is {y.shape}.")
    if not (np.isfinite(weights).all() and (weights >= 0).all()):
        raise DataError("weights of examples are 0 or more, and finite.")
    return weights


def _of_steps(weights: NDArray[np.float64], mask: NDArray[np.bool_], y: NDArray[Any]) -> NDArray[np.float64]:
    if y.shape[:2] != mask.shape:
        raise ShapeError(f"y is {y.shape}, but the network's output has the steps {mask.shape}, one target for each.")
    return (weights if weights.ndim > 1 else weights[:, None]) * mask


def _of_classes(labels: NDArray[Any], table: dict[Any, float]) -> NDArray[np.float64]:
    return np.array([table.get(label, 1.0) for label in labels.tolist()])


def _labels(y: NDArray[Any]) -> NDArray[Any]:
    """One label for each example."""
    one_hot = y.ndim == 2 and y.shape[1] > 1 and bool(((y == 0) | (y == 1)).all() and (y.sum(axis=1) == 1).all())
    labels = y.argmax(axis=1) if one_hot else y[:, 0] if y.ndim == 2 and y.shape[1] == 1 else y
    if labels.ndim != 1 or (labels.dtype.kind == "f" and (labels % 1 != 0).any()):
        raise DataError(f"class_weight needs one label for each example, but y is {y.shape} of type {y.dtype}.")
    return labels

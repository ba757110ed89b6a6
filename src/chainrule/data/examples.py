"""The checks that every X and Y pass before anything is computed with them."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from chainrule.errors import DataError, OptionError, ShapeError


def examples(X: Any, y: Any, called: str = "X") -> tuple[NDArray[Any], NDArray[Any]]:
    """X and y as arrays with the same number of examples; a memory map stays one.

    Raises:
        ShapeError: X and y have not the same number of examples.
        DataError: no examples, or y is not numeric, or holds NaN or infinity.
    """
    X = X if isinstance(X, np.ndarray) else np.asarray(X)
    y = np.asarray(y)
    if X.ndim == 0 or len(X) == 0:
        raise DataError(f"{called} is {X.shape}: there is no example in it.")
    if y.ndim == 0 or len(y) != len(X):
        raise ShapeError(f"{called} is {X.shape} and y is {y.shape}: each example needs one entry of y.")
    if y.dtype.kind not in "fiub":
        raise DataError(
            f"y is of type {y.dtype}, but labels are numbers: classes, y = np.unique(y, return_inverse=True) "
            "numbers them from 0."
        )
    if y.dtype.kind == "f" and not np.isfinite(y).all():
        raise DataError(f"y holds NaN or infinity, first at {np.argwhere(~np.isfinite(y))[0].tolist()}.")
    return X, y


def example_weights(
    y: NDArray[Any], sample_weight: Any = None, class_weight: dict[Any, float] | str | None = None
) -> NDArray[np.float64] | None:
    """A weight for each example: its own times its class's; None where all are 1.

    Args:
        y: (m,) labels, or (m, n) one-hot.
        sample_weight: (m,).
        class_weight: a weight for each class; classes left out have 1; "balanced" gives every class the same sum.

    Raises:
        ShapeError: not one weight for each example.
        DataError: a negative weight, NaN, or only zeros.
        OptionError: a class weight for a class that does not occur, or an unknown word.
    """
    weights = np.ones(len(y)) if sample_weight is None else np.asarray(sample_weight, dtype=np.float64)
    if weights.shape[:1] != y.shape[:1]:
        raise ShapeError(f"the weights are {weights.shape}, but there are {len(y)} examples.")
    if not (np.isfinite(weights).all() and (weights >= 0).all() and weights.any()):
        raise DataError("weights of examples are 0 or more, finite, and not all 0.")
    if class_weight is None:
        return None if sample_weight is None else weights
    labels = y.argmax(axis=-1) if y.ndim > 1 and y.shape[-1] > 1 else y.reshape(len(y))
    classes, codes, counts = np.unique(labels, return_inverse=True, return_counts=True)
    if isinstance(class_weight, str) and class_weight == "balanced":
        of_class = len(labels) / (len(classes) * counts)
    elif isinstance(class_weight, dict):
        strangers = sorted(set(class_weight) - set(classes.tolist()))
        if strangers:
            raise OptionError(f"class_weight has the class {strangers[0]!r}, but y holds only {classes.tolist()}.")
        of_class = np.array([float(class_weight.get(c, 1.0)) for c in classes.tolist()])
        if not (np.isfinite(of_class).all() and (of_class >= 0).all()):
            raise OptionError(f"class weights are 0 or more and finite, not {class_weight}.")
    else:
        raise OptionError(f'class_weight is a dict such as {{0: 1.0, 1: 5.0}}, or "balanced", not {class_weight!r}.')
    return weights * of_class[codes]

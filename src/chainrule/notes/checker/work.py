"""A learner's arrays, as they were handed over."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from chainrule.errors import DataError
from chainrule.notes.checker.rounding import Measured
from chainrule.notes.checker.sheet import Setting, split
from chainrule.notes.shapes import stretches

SINGLE, DOUBLE = 2.0**-24, 2.0**-53
"""The unit roundoff of float32 and float64."""

NEAR = 0.05
"""What is further off than this share of the largest number is not what was typed."""

LOOSEST = 1e-3
"""In float64 a number may not be off by more than this share of the largest one, however much float32 would cancel."""

DECIMALS = range(2, 9)
"""How many decimals someone may have copied from a screen."""


@dataclass(frozen=True)
class Work:
    """What is to be checked.

    Attributes:
        arrays: by name, float64, those in the notes' shape that broadcasting would give it anyway.
        u: the unit roundoff of the coarsest type of all that was handed over.
        tiny: what counts as nothing, because it underflows.
        remarks: about shapes.
        vectors: names of which the notes have a matrix, and the learner a vector that goes wrong in what follows.
    """

    arrays: dict[str, NDArray[np.float64]]
    u: float
    tiny: float
    remarks: list[str] = field(default_factory=list)
    vectors: dict[str, tuple[int, ...]] = field(default_factory=dict)

    def agrees(self, name: str, predicted: Measured) -> bool:
        """Whether the learner's array is the predicted one, within rounding."""
        mine = self.arrays[name]
        if mine.shape != predicted.shape or not np.isfinite(mine).all():
            return False
        return bool((np.abs(mine - predicted.value) <= self.tolerance(predicted)).all())

    def comes_near(self, name: str, predicted: Measured) -> bool:
        """Whether it is worth while to ask how far rounding goes."""
        mine, value = self.arrays[name], predicted.value
        if mine.shape != value.shape:
            return False
        return bool(np.abs(mine - value).max(initial=0) <= NEAR * np.abs(mine).max(initial=0) + 1e-9)

    def tolerance(self, predicted: Measured) -> NDArray[np.float64]:
        """How far each number may be off."""
        tolerance = predicted.deviation(max(self.u, SINGLE))
        if self.u == DOUBLE:
            finite = np.abs(predicted.value[np.isfinite(predicted.value)])
            largest = LOOSEST * finite.max() if finite.size else 0.0
            tolerance = np.minimum(tolerance, np.maximum(predicted.deviation(DOUBLE), largest))
        return tolerance + self.tiny

    def decimals(self, name: str, predicted: Measured) -> int | None:
        """To how many decimals the learner's array is the predicted one rounded, where it was copied so; else None."""
        mine, right = self.arrays[name], predicted.value
        if mine.shape != right.shape or not np.isfinite(mine).all():
            return None
        for k in DECIMALS:
            if np.array_equal(np.round(mine, k), mine):
                copied = np.abs(mine - right) <= 0.5001 * 10.0**-k + self.tolerance(predicted)
                return k if copied.all() and np.abs(right).max(initial=0) >= 10.0 ** (1 - k) else None
        return None


def read(work: Mapping[str, Any], setting: Setting, dtypes: Iterable[Any]) -> Work:
    """The learner's arrays, checked.

    Args:
        dtypes: of all that went into them.

    Raises:
        DataError: one is not made of real numbers.
    """
    types = list(dtypes)
    types += [work[name].dtype for name in setting.names if name in work and hasattr(work[name], "dtype")]
    arrays = {name: _numbers(name, work[name]) for name in setting.names if name in work}
    shapes = {name: array.shape for name, array in arrays.items()}
    remarks, vectors = [], {}
    for name, array in arrays.items():
        shape = setting.shape(name)
        fits = array.size == np.prod(shape, dtype=int) and (shape == () or stretches(array.shape, shape))
        if array.shape == shape or not fits:
            continue
        arrays[name] = array.reshape(shape)
        if _goes_wrong(name, shapes, setting):
            vectors[name] = array.shape
        else:
            remarks.append(
                f"{name} is {array.shape}; in the notes it is {shape or 'a number'}, which is the same here."
            )
    floats = [dtype for dtype in types if np.dtype(dtype).kind == "f"]
    coarsest = max((np.finfo(dtype).eps / 2 for dtype in floats), default=DOUBLE)
    tiny = 1e-4 if coarsest > SINGLE else 1e-36
    return Work(arrays, max(DOUBLE, float(coarsest)), tiny, remarks, vectors)


def _goes_wrong(name: str, shapes: Mapping[str, tuple[int, ...]], setting: Setting) -> bool:
    """Whether a vector in place of this matrix fails in a product of matrices, and none that was handed over went well.

    What is added to a matrix, or multiplied with one element by element, gets its axis back by broadcasting: so nothing
    follows of dA, dW and db, nor of the last layer's Z and A.
    """
    l = split(name)[1]
    if name.startswith("dZ"):
        products = [f"dW{l}", *([f"dA{l - 1}", f"dZ{l - 1}"] if l > 1 else [])]
    elif name[0] in "ZA" and l < setting.L:
        products = [f"Z{l + 1}", f"A{l + 1}"]
    else:
        return False
    return not any(shapes.get(product) == setting.shape(product) for product in products)


def _numbers(name: str, value: Any) -> NDArray[np.float64]:
    try:
        array = np.asarray(value)
        if array.dtype.kind not in "fiub":
            raise TypeError
        return array.astype(np.float64)
    except (TypeError, ValueError):
        raise DataError(f"{name} must be an array of numbers, in which each row has as many.") from None

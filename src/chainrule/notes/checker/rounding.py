"""Arrays that know how far rounding may have moved them, so that no right answer is called wrong.

Beside its value an array carries the variance of its rounding error, in units of u², u the unit roundoff of the
arithmetic, 2⁻²⁴ in float32. Errors are taken as independent (Higham & Mary, 2019), sums as added up from left to right.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

SAFETY = 10.0
"""How many standard deviations of rounding a right answer may be off."""

LONG = 4096
"""Sums of more numbers are added up in blocks, by whatever library."""

MOST = 10_000_000
"""A slip of broadcasting that made more numbers than these is not looked for."""


@dataclass(frozen=True, eq=False)
class Measured:
    """An array and the variance of its rounding error; the operators are NumPy's, and fail where NumPy's would.

    Attributes:
        value: float64.
        variance: of its error, in units of u²; the same shape.
    """

    value: NDArray[np.float64]
    variance: NDArray[np.float64]

    __array_ufunc__ = None  # an array on the left leaves the operator to this class

    @property
    def shape(self) -> tuple[int, ...]:
        """Of the value."""
        return self.value.shape

    @property
    def T(self) -> Measured:
        """The transpose."""
        return Measured(self.value.T, self.variance.T)

    def deviation(self, u: float) -> NDArray[np.float64]:
        """How far each number may be off by rounding, in an arithmetic of unit roundoff u."""
        deviation = SAFETY * u * np.sqrt(self.variance)
        return np.where(np.isnan(deviation), np.inf, deviation)

    def __neg__(self) -> Measured:
        return Measured(-self.value, self.variance)

    def __add__(self, other: Any) -> Measured:
        other = given(other)
        _refuse_huge(self.shape, other.shape)
        return rounded(self.value + other.value, self.variance + other.variance)

    def __sub__(self, other: Any) -> Measured:
        return self + -given(other)

    def __rsub__(self, other: Any) -> Measured:
        return given(other) - self

    def __mul__(self, other: Any) -> Measured:
        other = given(other)
        _refuse_huge(self.shape, other.shape)
        variance = _times(self.value, other.variance) + _times(other.value, self.variance)
        return rounded(self.value * other.value, variance)

    __rmul__ = __mul__

    def __truediv__(self, number: float) -> Measured:
        return self * (1 / number)

    def __pow__(self, number: float) -> Measured:
        slope = number * self.value ** (number - 1)
        return rounded(self.value**number, slope**2 * self.variance)

    def __matmul__(self, other: Measured) -> Measured:
        variance = self.value**2 @ other.variance + self.variance @ other.value**2
        return _summed(
            self.value @ other.value, variance, np.abs(self.value) @ np.abs(other.value), self.value.shape[-1]
        )

    def sum(self, axis: int | None = None, keepdims: bool = False) -> Measured:
        """The sum over an axis, or over all."""
        value, variance, largest = (
            np.asarray(array.sum(axis=axis, keepdims=keepdims))
            for array in (self.value, self.variance, np.abs(self.value))
        )
        return _summed(value, variance, largest, self.value.size if axis is None else self.shape[axis])

    def through(self, value: NDArray[np.float64], slope: NDArray[np.float64]) -> Measured:
        """The value of a function of each number, whose slope there is given."""
        return rounded(np.asarray(value), slope**2 * self.variance)

    def flat(self) -> Measured:
        """Without its axes of length 1, as NumPy's sums leave them out."""
        return Measured(self.value.ravel(), self.variance.ravel())


def given(value: Any) -> Measured:
    """Numbers as they are typed: whole numbers and halves have no error."""
    if isinstance(value, Measured):
        return value
    array = np.asarray(value, dtype=np.float64)
    return Measured(array, np.zeros_like(array))


def rounded(value: NDArray[np.float64], variance: NDArray[np.float64]) -> Measured:
    """The result of an operation, which is rounded once more."""
    return Measured(value, variance + value**2)


def _times(value: NDArray[np.float64], variance: NDArray[np.float64]) -> NDArray[np.float64]:
    """The variance of a product's error by one factor; 0 times anything is 0, however uncertain."""
    return np.where(value == 0, 0.0, value**2 * variance)


def _summed(
    value: NDArray[np.float64], variance: NDArray[np.float64], largest: NDArray[np.float64], n: int
) -> Measured:
    """A sum of n numbers; `largest` is the sum of their absolute values, which partial sums may come near to."""
    return rounded(value, variance + min(n, LONG) / 12 * largest**2)


def _refuse_huge(a: tuple[int, ...], b: tuple[int, ...]) -> None:
    """See to it that broadcasting does not make what no memory holds."""
    if a == b or not a or not b:
        return
    shape = np.broadcast_shapes(a, b)
    if np.prod(shape, dtype=float) > MOST:
        raise ValueError(f"broadcasting would make {shape}")

"""Arrays that know how far rounding may have moved them, so that no right answer is called wrong.

Beside its value an array carries the variance of its rounding error, in units of u², u the unit roundoff of the
arithmetic, 2⁻²⁴ in float32. Errors are taken as independent (Higham & Mary, 2019), sums as added up from left to right.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

Numbers = NDArray[np.float64]

SAFETY = 10.0
"""How many standard deviations of rounding a right answer may be off."""

LONG = 4096
"""Sums of more numbers are added up in blocks, by whatever library."""

MOST = 10_000_000
"""A slip of broadcasting that made more numbers than these is not looked for."""


class Measured:
    """An array and the variance of its rounding error; the operators are NumPy's, and fail where NumPy's would.

    Most numbers that are compared are far off, so that nobody asks how far rounding goes: the variance waits.

    Attributes:
        value: float64.
    """

    __array_ufunc__ = None  # an array on the left leaves the operator to this class
    __slots__ = ("_variance", "value")

    def __init__(self, value: Numbers, variance: Numbers | Callable[[], Numbers]):
        self.value, self._variance = value, variance

    @property
    def variance(self) -> Numbers:
        """Of the error, in units of u²; the shape of the value."""
        if callable(self._variance):
            with np.errstate(all="ignore"):
                self._variance = self._variance()
        return self._variance

    @property
    def shape(self) -> tuple[int, ...]:
        """Of the value."""
        return self.value.shape

    @property
    def T(self) -> Measured:
        """The transpose."""
        return Measured(self.value.T, lambda: self.variance.T)

    def deviation(self, u: float) -> Numbers:
        """How far each number may be off by rounding, in an arithmetic of unit roundoff u."""
        deviation = SAFETY * u * np.sqrt(self.variance)
        return np.where(np.isnan(deviation), np.inf, deviation)

    def __neg__(self) -> Measured:
        return Measured(-self.value, lambda: self.variance)

    def __add__(self, other: Any) -> Measured:
        other = given(other)
        _refuse_huge(self.shape, other.shape)
        return rounded(self.value + other.value, lambda: self.variance + other.variance)

    def __sub__(self, other: Any) -> Measured:
        return self + -given(other)

    def __rsub__(self, other: Any) -> Measured:
        return given(other) - self

    def __mul__(self, other: Any) -> Measured:
        other = given(other)
        _refuse_huge(self.shape, other.shape)
        return rounded(
            self.value * other.value,
            lambda: _times(self.value, other.variance) + _times(other.value, self.variance),
        )

    __rmul__ = __mul__

    def __truediv__(self, number: float) -> Measured:
        return self * (1 / number)

    def __pow__(self, number: float) -> Measured:
        return self.through(self.value**number, number * self.value ** (number - 1))

    def __matmul__(self, other: Measured) -> Measured:
        def variance() -> Numbers:
            of_factors = self.value**2 @ other.variance + self.variance @ other.value**2
            return of_factors + of_sum(np.abs(self.value) @ np.abs(other.value), self.shape[-1])

        return rounded(self.value @ other.value, variance)

    def sum(self, axis: int | None = None, keepdims: bool = False) -> Measured:
        """The sum over an axis, or over all."""

        def total(array: Numbers) -> Numbers:
            return np.asarray(array.sum(axis=axis, keepdims=keepdims))

        n = self.value.size if axis is None else self.shape[axis]
        return rounded(total(self.value), lambda: total(self.variance) + of_sum(total(np.abs(self.value)), n))

    def through(self, value: Numbers, slope: Numbers) -> Measured:
        """The value of a function of each number, whose slope there is given."""
        return rounded(np.asarray(value), lambda: slope**2 * self.variance)


def given(value: Any) -> Measured:
    """Numbers as they are typed: whole numbers and halves have no error."""
    if isinstance(value, Measured):
        return value
    array = np.asarray(value, dtype=np.float64)
    return Measured(array, lambda: np.zeros_like(array))


def rounded(value: Numbers, variance: Callable[[], Numbers] | None = None) -> Measured:
    """The result of an operation, which is rounded once more; without a variance, what was exact before."""
    return Measured(value, (lambda: value**2) if variance is None else (lambda: variance() + value**2))


def of_sum(largest: Numbers, n: int) -> Numbers:
    """The variance that a sum of n numbers adds; `largest` is that of their absolute values."""
    return min(n, LONG) / 12 * largest**2


def _times(value: Numbers, variance: Numbers) -> Numbers:
    """The variance of a product's error by one factor; 0 times anything is 0, however uncertain."""
    return np.where(value == 0, 0.0, value**2 * variance)


def _refuse_huge(a: tuple[int, ...], b: tuple[int, ...]) -> None:
    """See to it that broadcasting does not make what no memory holds."""
    if a == b or not a or not b:
        return
    shape = np.broadcast_shapes(a, b)
    if np.prod(shape, dtype=float) > MOST:
        raise ValueError(f"broadcasting would make {shape}")

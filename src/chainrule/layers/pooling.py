"""Pooling and upsampling of pictures and sequences: layers without parameters."""

from dataclasses import KW_ONLY, dataclass
from typing import Any, ClassVar

import numpy as np

from chainrule.errors import OptionError
from chainrule.graph import Array
from chainrule.layers.layer import Layer, without_padding
from chainrule.ops import (
    adaptive_average_pool,
    average_pool,
    global_average_pool,
    global_max_pool,
    mask_steps,
    mask_windows,
    max_pool,
    upsample,
    where,
)
from chainrule.ops.windows import as_tuples, each, edges_of


@dataclass(eq=False, repr=False)
class _Pool(Layer):
    size: Any = 2
    _: KW_ONLY
    stride: Any = None
    padding: Any = "valid"

    across_steps: ClassVar[bool] = True

    def __post_init__(self) -> None:
        self.size, self.stride, self.padding = map(as_tuples, (self.size, self.stride, self.padding))
        _check_sizes("size", self.size)
        if self.stride is not None:
            _check_sizes("stride", self.stride)
        if self.padding != "same":
            edges_of(self.padding, _entries(self.padding))


@dataclass(eq=False, repr=False)
class MaxPool(_Pool):
    """The largest number in every window, feature by feature, of pictures or sequences.

    The input is (m, height, width, n) or (m, steps, n), the output the same with a place for each window.

    Args:
        size: of the windows, one number for every axis or one for each.
        stride: from one window to the next; None for the size, so that they do not overlap.
        padding: how far windows reach beyond the edges, where there is nothing; as in `Conv2D`.

    Raises:
        OptionError: a size or a stride that is no whole number of 1 or more, or a padding that is none.
    """

    def forward(self, A: Array) -> Array:
        if self.mask is None:
            return max_pool(A, size=self.size, stride=self.stride, padding=self.padding)
        lowest = np.finfo(A.dtype).min  # never the largest, and no NaN comes of it
        A = where(self.mask[..., None], A, A.dtype.type(lowest))
        A = max_pool(A, size=self.size, stride=self.stride, padding=self.padding)
        return mask_steps(A, self.mask_after(self.mask))

    def mask_after(self, mask: Array) -> Array:
        return _pooled_mask(mask, self.size, self.stride, self.padding)


@dataclass(eq=False, repr=False)
class AveragePool(_Pool):
    """The mean of every window, feature by feature, of pictures or sequences; padding does not count.

    Shapes and arguments as in `MaxPool`.
    """

    def forward(self, A: Array) -> Array:
        A = without_padding(self, A)
        return average_pool(A, size=self.size, stride=self.stride, padding=self.padding)

    def mask_after(self, mask: Array) -> Array:
        if self.padding != "valid":
            raise OptionError(f'{self!r} does not go with a mask: only padding="valid" does.')
        return _pooled_mask(mask, self.size, self.stride, self.padding)


@dataclass(eq=False, repr=False)
class AdaptiveAveragePool(Layer):
    """The mean of each of `size` parts of every axis: pictures or sequences of any size end in the same shape.

    The input is (m, height, width, n) or (m, steps, n), the output `(m, *size, n)`.

    Args:
        size: how many places there are to be, one number for every axis or one for each.

    Raises:
        OptionError: a size that is no whole number of 1 or more.
    """

    size: Any = 1

    across_steps: ClassVar[bool] = True

    def __post_init__(self) -> None:
        self.size = as_tuples(self.size)
        _check_sizes("size", self.size)

    def forward(self, A: Array) -> Array:
        return adaptive_average_pool(A, size=self.size)

    def mask_after(self, mask: Array) -> Array:
        raise OptionError(f"{self!r} does not go with a mask: its parts would be those of the longest sequence.")


@dataclass(eq=False, repr=False)
class GlobalAveragePool(Layer):
    """The mean over all places: (m, height, width, n) or (m, steps, n) becomes (m, n) (Lin et al., 2014)."""

    across_steps: ClassVar[bool] = True

    def forward(self, A: Array) -> Array:
        return global_average_pool(A, self.mask)

    def mask_after(self, mask: Array) -> None:
        return None


@dataclass(eq=False, repr=False)
class GlobalMaxPool(Layer):
    """The largest number of all places: (m, height, width, n) or (m, steps, n) becomes (m, n)."""

    across_steps: ClassVar[bool] = True

    def forward(self, A: Array) -> Array:
        return global_max_pool(A, self.mask)

    def mask_after(self, mask: Array) -> None:
        return None


@dataclass(eq=False, repr=False)
class UpSample(Layer):
    """Repeats every place `size` times along each axis, of pictures or sequences: "nearest neighbour".

    Args:
        size: one number for every axis or one for each.

    Raises:
        OptionError: a size that is no whole number of 1 or more.
    """

    size: Any = 2

    def __post_init__(self) -> None:
        self.size = as_tuples(self.size)
        _check_sizes("size", self.size)

    def forward(self, A: Array) -> Array:
        return upsample(A, size=self.size)

    def mask_after(self, mask: Array) -> Array:
        (size,) = each("size", self.size, 1)
        if mask.shape[0] == 0:
            return np.zeros((0, mask.shape[1] * size), bool)
        return mask[:, np.arange(mask.shape[1] * size) // size]


def _pooled_mask(mask: Array, size: Any, stride: Any, padding: Any) -> Array:
    return mask_windows(mask, size=size, stride=size if stride is None else stride, padding=padding)


def _check_sizes(name: str, given: Any) -> None:
    """Raises OptionError; whether there is one for each axis shows when there are data."""
    each(name, given, _entries(given))


def _entries(given: Any) -> int:
    """Of how many axes an argument tells, as far as it can be seen: 1 or 2."""
    return 2 if isinstance(given, tuple) and len(given) > 1 else 1

"""Products of operands rounded to bfloat16, with sums in float32: NumPy's, the reference, and who gains by them.

A bfloat16 is the upper half of a float32: its sign, its 8 bits of exponent, and 7 of its 23 bits of mantissa. Its range
is that of float32, so that no loss needs to be scaled for its derivatives to stay above 0.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import ModuleType
from typing import Any, NamedTuple, TypeAlias
from weakref import WeakKeyDictionary

import numpy as np
from numpy.typing import NDArray

from chainrule.engines.contract import NetworkLike
from chainrule.errors import OptionError
from chainrule.graph import OPERATIONS, Array, Backward, lowered

Lowerable: TypeAlias = Callable[..., tuple[Array, Backward]]
Count: TypeAlias = Callable[..., "Products"]


def _of_window(Z: Array, A: Array, W: Array, *_: Any) -> Products:
    return Products(Z.size * W.size // W.shape[0], W.size)


def _of_windows(Z: Array, A: Array, W: Array, *_: Any) -> Products:
    found = _of_window(Z, A, W)
    return found._replace(narrow=found.multiplications) if W.shape[0] < NARROW else found


def _of_steps(Z: Array, X: Array, W: Array, U: Array, *_: Any) -> Products:
    return Products(X.size // X.shape[-1] * (W.size + U.size), W.size + U.size)


PRODUCTS: dict[str, Count] = {
    "linear": lambda Z, A, W, *_: Products(Z.size * W.shape[-1], W.size),
    "matmul": lambda Z, A, B: Products(Z.size * A.shape[-1], 0),
    "convolution": _of_windows,
    "transposed_convolution": _of_window,
    "attention": lambda Z, Q, K, V, *_: Products(Q.shape[-2] * (K.size + V.size), 0),
    "rnn": _of_steps,
    "gru": _of_steps,
    "lstm": _of_steps,
}
"""The operations whose matrix products round their operands, and how many multiplications these take."""


def refuse_wider(dtype: str) -> None:
    """Raises OptionError for a network of float64, which is wanted for its exactness."""
    if dtype != "float32":
        raise OptionError(
            f'precision="bfloat16" is for networks of float32, and this one computes in {dtype}: leave it out, or give '
            'dtype="float32", too.'
        )


TINY = np.finfo(np.float32).tiny
"""2^-126: what is smaller has no whole mantissa, and the instructions take it for 0."""


def rounded(A: NDArray[np.float32]) -> NDArray[np.float32]:
    """The nearest numbers of bfloat16, those between two the even one; below 2^-126 0; a NaN stays one."""
    A = np.ascontiguousarray(A, np.float32)
    bits = A.view(np.uint32)
    nearest = (bits + np.uint32(0x7FFF) + ((bits >> np.uint32(16)) & np.uint32(1))) & np.uint32(0xFFFF0000)
    nearest[np.abs(A) < TINY] = 0
    return np.where(np.isnan(A), np.float32(np.nan), nearest.view(np.float32))


class RoundedProducts(np.ndarray[Any, Any]):
    """A float32 array whose matrix products round both operands; what is made of it is one, too."""

    def __array_ufunc__(self, ufunc: np.ufunc, method: str, *inputs: Any, **options: Any) -> Any:
        plain = [_plain(given) for given in inputs]
        if ufunc is np.matmul:
            plain = [rounded(given) for given in plain]
        if "out" in options:
            options["out"] = tuple(_plain(one) for one in options["out"])
        return _rounding(getattr(ufunc, method)(*plain, **options))

    def __array_function__(self, function: Any, types: Any, args: Any, kwargs: Any) -> Any:
        return _rounding(super().__array_function__(function, types, args, kwargs))


def _rounding(value: Any) -> Any:
    if isinstance(value, tuple | list):
        return type(value)(map(_rounding, value))
    return value.view(RoundedProducts) if isinstance(value, np.ndarray) else value


def _plain(value: Any) -> Any:
    return value.view(np.ndarray) if isinstance(value, RoundedProducts) else value


MULTIPLICATIONS, TIMES = 500_000, 64
"""A batch gains by rounding where its products take so many multiplications, and each weight, which is rounded once a
batch, so many of them."""

NARROW, MOST = 16, 0.1
"""A convolution of fewer outputs is quicker in float32, as examples abreast; with more than this part of all
multiplications in such, nothing is gained."""


class Products(NamedTuple):
    """What one example makes a network do: multiplications in matrix products, the weights that are in these, and which
    of the multiplications are in convolutions of few outputs."""

    multiplications: int
    weights: int
    narrow: int = 0


def gains(network: NetworkLike, m: int) -> bool:
    """Whether a batch of m examples is faster where products round their operands, forwards alone or both ways."""
    if network.dtype != "float32" or network.input_shape is None:
        return False
    found = products_of(network)
    multiplications = m * found.multiplications
    return not narrow(network) and multiplications >= max(MULTIPLICATIONS, TIMES * found.weights)


def narrow(network: NetworkLike) -> bool:
    """Whether much of what the network multiplies is in convolutions of few outputs, which gain nothing."""
    found = products_of(network)
    return found.narrow > MOST * found.multiplications


def products_of(network: NetworkLike) -> Products:
    """Counted with a blank example, once as long as the network keeps its sizes."""
    sizes = (network.flat.size, network.input_shape)
    known = _COUNTED.get(network)
    if known is None or known[0] != sizes:
        known = _COUNTED[network] = sizes, _counted(network)
    return known[1]


_COUNTED: WeakKeyDictionary[NetworkLike, tuple[tuple[int, tuple[int, ...] | None], Products]] = WeakKeyDictionary()


def _counted(network: NetworkLike) -> Products:
    counts: list[Products] = []

    def counting(function: Lowerable, count: Count) -> Lowerable:
        def counted(xp: ModuleType, *inputs: Any, **options: Any) -> tuple[Array, Backward]:
            value, backward = function(xp, *inputs, **options)
            counts.append(count(value, *inputs))
            return value, backward

        return counted

    made = {OPERATIONS[name].function: counting(OPERATIONS[name].function, count) for name, count in PRODUCTS.items()}
    assert network.input_shape is not None
    with lowered(made), np.errstate(all="ignore"):
        network.output(network.cast(np.zeros((1, *network.input_shape), np.uint8)))
    return Products(*(sum(one[i] for one in counts) for i in range(len(Products._fields))))


@contextmanager
def rounding() -> Iterator[None]:
    """Within the block, NumPy's operations round the operands of their matrix products."""
    with lowered({OPERATIONS[name].function: _rounds(OPERATIONS[name].function) for name in PRODUCTS}):
        yield


def _rounds(function: Lowerable) -> Lowerable:
    """The function of an operation, with rounded products both ways."""

    def of_rounded(xp: ModuleType, *inputs: Any, **options: Any) -> tuple[Array, Backward]:
        value, backward = function(xp, *map(_rounding, inputs), **options)

        def back(d: Any) -> tuple[Any, ...]:
            return tuple(_later(one) if callable(one) else _plain(one) for one in backward(_rounding(d)))

        return _plain(value), back

    return of_rounded


def _later(derivative: Callable[[], Any]) -> Callable[[], Any]:
    return lambda: _plain(derivative())

"""Philox4x64-10, a random generator that is a function of a key and a counter (Salmon et al., 2011), in any namespace.

NumPy has one of its own, which is faster; this one gives other namespaces the same bits.
"""

from types import ModuleType
from typing import Any

from chainrule.errors import OptionError
from chainrule.graph import Array

MULTIPLIERS = 0xD2E7470EE14C6C93, 0xCA5A826395121157
WEYL = 0x9E3779B97F4A7C15, 0xBB67AE8584CAA73B
ROUNDS = 10


def uniform(xp: ModuleType, key: tuple[Any, Any], count: int) -> Array:
    """(count,) of float32 in [0, 1): what NumPy's `Generator(Philox(key=key)).random(count, dtype=float32)` gives.

    Raises:
        OptionError: the namespace has no integers of 64 bits.
    """
    blocks = -(-count // 8)
    counter = xp.arange(1, blocks + 1, dtype=xp.uint64)
    if counter.dtype.itemsize < 8:
        raise OptionError("dropout draws integers of 64 bits: in JAX, with jax.enable_x64(True): …")
    words = [counter, *(xp.zeros(blocks, dtype=xp.uint64) for _ in range(3))]
    keys = [xp.asarray(part).astype(xp.uint64) for part in key]
    for _ in range(ROUNDS):
        high0, low0 = _product(xp, MULTIPLIERS[0], words[0])
        high1, low1 = _product(xp, MULTIPLIERS[1], words[2])
        words = [high1 ^ words[1] ^ keys[0], low1, high0 ^ words[3] ^ keys[1], low0]
        keys = [part + xp.asarray(step, dtype=xp.uint64) for part, step in zip(keys, WEYL, strict=True)]
    halves = [half for word in words for half in _halves(xp, word)]
    draws = xp.stack(halves, axis=1).reshape(-1)[:count]
    return (draws >> xp.asarray(8, dtype=xp.uint64)).astype(xp.float32) * xp.float32(2.0**-24)


def _halves(xp: ModuleType, word: Array) -> tuple[Array, Array]:
    """The low and the high 32 bits of each."""
    return word & xp.asarray(2**32 - 1, dtype=xp.uint64), word >> xp.asarray(32, dtype=xp.uint64)


def _product(xp: ModuleType, a: int, b: Array) -> tuple[Array, Array]:
    """The high and the low 64 bits of a b, put together of products of halves."""
    of_a = (xp.asarray(part, dtype=xp.uint64) for part in (a % 2**32, a // 2**32))
    (a0, a1), (b0, b1) = of_a, _halves(xp, b)
    low, carry = _halves(xp, a0 * b0)
    middle, high = _halves(xp, a1 * b0 + carry)
    middle, more = _halves(xp, a0 * b1 + middle)
    return a1 * b1 + high + more, low | (middle << xp.asarray(32, dtype=xp.uint64))

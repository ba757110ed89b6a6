"""Dropout."""

import numpy as np
import pytest

import chainrule as cr
from chainrule import ops
from ops.derivatives import derivative

MANY = np.ones((200, 500))


def philox_4x64_10(counter, key):
    """The four 64-bit draws of one counter (Salmon et al., 2011, section 3.3)."""
    mask = 2**64 - 1
    c, (k0, k1) = [counter, 0, 0, 0], key
    for _ in range(10):
        left, right = 0xD2E7470EE14C6C93 * c[0], 0xCA5A826395121157 * c[2]
        c = [right >> 64 ^ c[1] ^ k0, right & mask, left >> 64 ^ c[3] ^ k1, left & mask]
        k0, k1 = k0 + 0x9E3779B97F4A7C15 & mask, k1 + 0xBB67AE8584CAA73B & mask
    return c


def test_the_mask_is_drawn_by_philox_from_the_key_alone():
    key, rate = (12345, 2**64 - 1), 0.3
    draws = [draw for counter in range(1, 6) for draw in philox_4x64_10(counter, key)]
    halves = np.array([half for draw in draws for half in (draw & 0xFFFFFFFF, draw >> 32)])
    uniform = np.float32(halves >> 8) / np.float32(2**24)
    kept = ops.dropout(np.ones((5, 8)), rate=rate, key=key) != 0
    np.testing.assert_array_equal(kept, (uniform >= rate).reshape(5, 8))


def test_the_same_key_gives_the_same_mask_and_another_key_another():
    first, again, other = (ops.dropout(MANY, rate=0.5, key=key) for key in [(1, 2), (1, 2), (1, 3)])
    np.testing.assert_array_equal(first, again)
    assert 0.4 < (first != other).mean() < 0.6


def test_a_smaller_array_gets_the_beginning_of_the_same_mask():
    long, short = (ops.dropout(np.ones((m, 3)), rate=0.5, key=(1, 2)) for m in (9, 4))
    np.testing.assert_array_equal(long[:4], short)


@pytest.mark.parametrize("rate", [0.1, 0.5, 0.9])
def test_the_share_of_zeros_is_the_rate_and_the_mean_stays(rate):
    Z = ops.dropout(MANY, rate=rate, key=(0, 0))
    assert abs((Z == 0).mean() - rate) < 0.005
    assert abs(Z.mean() - 1) < 0.05
    np.testing.assert_allclose(Z[Z != 0], 1 / (1 - rate))


def test_a_rate_of_0_changes_nothing():
    np.testing.assert_array_equal(ops.dropout(MANY, rate=0.0, key=(0, 0)), MANY)


def test_the_derivative_passes_where_the_element_was_kept():
    Z = ops.dropout(MANY, rate=0.5, key=(1, 2))
    np.testing.assert_array_equal(derivative(lambda A: ops.dropout(A, rate=0.5, key=(1, 2)), MANY), Z)


@pytest.mark.parametrize("rate", [1.0, -0.1, 1.5])
def test_a_rate_outside_0_to_1_is_an_option_error(rate):
    with pytest.raises(cr.OptionError, match="rate"):
        ops.dropout(MANY, rate=rate, key=(0, 0))


def test_infinity_can_be_dropped():
    A = np.full((20, 20), np.inf)
    Z = ops.dropout(A, rate=0.5, key=(1, 2))
    assert set(np.unique(Z)) == {0, np.inf}

"""Numbers as people read them: three digits that count, and words for millions and more."""

from __future__ import annotations

import math

LARGE = ((1e12, "trillion"), (1e9, "billion"), (1e6, "million"))
"""What large numbers are counted in."""


def brief(value: float, digits: int = 3) -> str:
    """39.7 million, 12,300, 0.934, 0.00123; near 1 with as many digits as tell it from 1, beyond trillions 1.23e+18."""
    if not math.isfinite(value):
        return "not defined" if math.isnan(value) else "infinite"
    size = abs(value)
    if size >= 1e15 or 0 < size < 1e-4:
        return f"{value:.{digits - 1}e}"
    for unit, word in LARGE:
        if size >= unit * (1 - 0.5 * 10**-digits):
            return f"{_rounded(value / unit, digits)} {word}"
    if 0.9995 <= size < 1:
        return f"{value:.{min(6, -math.floor(math.log10(1 - size)))}f}"
    return _rounded(value, digits)


def _rounded(value: float, digits: int) -> str:
    """With so many digits that count, and never fewer than stand before the point."""
    if value == 0:
        return "0"
    places = digits - 1 - math.floor(math.log10(abs(value)))
    rounded = round(value, places)
    if rounded and math.floor(math.log10(abs(rounded))) > math.floor(math.log10(abs(value))):
        places -= 1  # 9.996 has become 10.0
    return f"{rounded:,.{max(0, places)}f}"

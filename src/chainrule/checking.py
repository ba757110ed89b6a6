"""The checks of arguments that layers, optimizers and training share."""

import math
import operator
from typing import Any

from chainrule.errors import OptionError


def whole(name: str, value: Any, *, at_least: int = 1) -> int:
    """`value` as an int.

    Raises:
        OptionError: it is not a whole number, or less than `at_least`.
    """
    try:
        number = operator.index(value)
    except TypeError:
        number = None
    if number is None or isinstance(value, bool) or number < at_least:
        raise OptionError(f"{name} is {value!r}, but must be a whole number, {at_least} or more.")
    return number


def real(name: str, value: Any, *, low: float = -math.inf, high: float = math.inf, open: str = "") -> float:
    """`value` as a float in [low, high]; `open` holds "low" or "high" or both words where the end itself is excluded.

    Raises:
        OptionError: it is not a finite number, or outside.
    """
    number = float(value) if isinstance(value, int | float) or hasattr(value, "__float__") else math.nan
    inside = (low < number if "low" in open else low <= number) and (
        number < high if "high" in open else number <= high
    )
    if not inside or not math.isfinite(number):
        left = f"{'more than' if 'low' in open else 'at least'} {low:g}" if low > -math.inf else ""
        right = f"{'less than' if 'high' in open else 'at most'} {high:g}" if high < math.inf else ""
        bounds = " and ".join(part for part in (left, right) if part)
        raise OptionError(f"{name} is {value!r}, but must be a number{', ' if bounds else ''}{bounds}.")
    return number

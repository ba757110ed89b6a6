"""The checks of arguments that layers, optimizers and training share."""

import math
import operator
from collections.abc import Iterable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from chainrule.errors import DataError, OptionError, shown

MOST = 2**59
"""NumPy does not count the bytes of more numbers than these; below, it says what it cannot allocate."""


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
        raise OptionError(f"{name} is {shown(value)}, but must be a whole number, {at_least} or more.")
    return number


def refuse_too_many(what: str, shape: Iterable[int]) -> None:
    """See to it that an array of this shape could lie in a memory at all, before NumPy is asked for one.

    Raises:
        OptionError: it could not.
    """
    sizes = tuple(shape)
    if math.prod(sizes) > MOST:
        raise OptionError(f"{what} would be {sizes}, more numbers than any memory holds: take smaller sizes.")


def as_array(value: Any, called: str) -> NDArray[Any]:
    """`value` as an array with at least one example along its first axis; a memory map stays one.

    Raises:
        DataError: it is no array, sparse, ragged, or holds no example, or nothing in its examples.
    """
    if hasattr(value, "toarray") and not hasattr(value, "to_numpy"):
        raise DataError(f"{called} is a sparse matrix: give {called}.toarray().")
    if np.ma.is_masked(value):
        raise DataError(f"{called} is a masked array, of which numbers are missing: fill them in, {called}.filled(…).")
    try:
        array = value if isinstance(value, np.ndarray) else np.asarray(value)
    except ValueError:
        raise DataError(f"{called} is ragged: its rows have different lengths.") from None
    if array.ndim == 0:
        what = "None" if value is None else f"a {type(array.item()).__name__}"
        raise DataError(f"{called} is {what}, but must be an array (m, …) with an example in each row.")
    if len(array) == 0:
        raise DataError(f"{called} is {array.shape}: there is no example in it.")
    if array.size == 0:
        raise DataError(f"{called} is {array.shape}: there is nothing in its examples, not one step or feature.")
    return array


def seed_or_fresh(seed: Any) -> int:
    """The seed, or where it is None one that nobody chose, small enough to be typed again.

    Raises:
        OptionError: it is not a whole number of 0 or more.
    """
    if seed is None:
        return int(np.random.SeedSequence().generate_state(1)[0])
    return whole("seed", seed, at_least=0)


def real(name: str, value: Any, *, low: float = -math.inf, high: float = math.inf, open: str = "") -> float:
    """`value` as a float in [low, high]; `open` holds "low" or "high" or both words where the end itself is excluded.

    True and False are no numbers: who writes momentum=True wants something else than 1.

    Raises:
        OptionError: it is not a finite number, or outside.
    """
    try:
        number = math.nan if isinstance(value, str | bool | np.bool_) else float(value)
    except (TypeError, ValueError, OverflowError):
        number = math.nan
    inside = (low < number if "low" in open else low <= number) and (
        number < high if "high" in open else number <= high
    )
    if not inside or not math.isfinite(number):
        left = f"{'more than' if 'low' in open else 'at least'} {low:g}" if low > -math.inf else ""
        right = f"{'less than' if 'high' in open else 'at most'} {high:g}" if high < math.inf else ""
        bounds = " and ".join(part for part in (left, right) if part)
        raise OptionError(f"{name} is {shown(value)}, but must be a number{', ' if bounds else ''}{bounds}.")
    return number

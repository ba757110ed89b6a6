"""Pictures of 16 bits: which of their values is white, found over all files, and the eight bits that come of it."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from chainrule.names import counted

if TYPE_CHECKING:
    from PIL.Image import Image

DEPTHS = (8, 10, 12, 14, 16)
"""How many bits what takes pictures measures in, whatever the files could hold."""

WHOLE = 16
"""How many bits a file of 16 bits can hold."""

NOT_DEEP = -1
"""What stands for the brightest value of a picture of 8 bits."""

DARK = 16
"""A picture whose values end below white by this factor is nearly black: four bits or less are left of it."""


class UnfitError(ValueError):
    """A picture that is whole, but whose values cannot be taken for shades."""


def require_shades(image: Image) -> None:
    """Raises UnfitError for an open file of fractions or of 32 bits, of which nobody says what is white."""
    if image.mode == "F":
        raise UnfitError(
            "has floating-point numbers for pixels, of which nobody says what is white: save it with 8 or 16 bits"
        )
    if image.mode == "I" and image.format == "TIFF":
        raise UnfitError("has pixels of 32 bits, of which nobody says what is white: save it with 8 or 16 bits")


def is_deep(image: Image) -> bool:
    """Whether an open file has 16 bits for each value, of which the image may keep the upper 8 alone."""
    return image.mode.startswith("I") or any(";16" in str(tile[3]) for tile in getattr(image, "tile", ()))


def brightest_of(image: Image) -> int:
    """The largest value; where Pillow gives the upper 8 bits alone, the largest that it can have been."""
    largest = int(np.asarray(image).max(initial=0))
    return largest if image.mode.startswith("I") else (largest << 8) + 255


def depth_of(brightest: Sequence[int]) -> int:
    """How many bits the values use, of which these are the largest of each picture: 8, 10, 12, 14 or 16."""
    used = int(max(brightest, default=0)).bit_length()
    return next((bits for bits in DEPTHS if used <= bits), WHOLE)


def in_eight_bits(image: Image, bits: int) -> Image:
    """⌊v · 2⁸ / 2ᵇⁱᵗˢ⌋ of each value, 255 at most.

    Raises:
        UnfitError: the image has kept none of these bits, or too few of them.
    """
    from chainrule.extras import PIL

    if image.mode.startswith("I"):
        values = np.asarray(image).astype(np.int64) >> (bits - 8)
        return PIL.Image.fromarray(values.clip(0, 255).astype(np.uint8))
    if bits == WHOLE:
        return image
    if bits < WHOLE - 2:
        raise UnfitError(
            f"has colours in the lowest {bits} of its 16 bits, most of which are lost when it is read: save it with 8"
        )
    return image.point(lambda v: min(v << (WHOLE - bits), 255))


def notes_on_depth(paths: Sequence[Path], brightest: NDArray[np.integer[Any]], bits: int, *, found: bool) -> list[str]:
    """What is taken for white in pictures of 16 bits, and which of them are nearly black, or brighter than that.

    Args:
        brightest: (m,) the largest value of each picture, `NOT_DEEP` of those of 8 bits.
        found: whether `bits` was found from these pictures, and nobody has said it.
    """
    brightest = brightest.astype(np.int64)  # whose multiples fit
    deep = brightest != NOT_DEEP
    n = int(deep.sum())
    if not n:
        return []
    notes, white = [], 2**bits - 1
    if found:
        notes.append(
            f"{counted(n, 'picture')} of 16 bits: the values end at {brightest.max():,}, so {white:,} is taken for "
            "white, in pictures to predict as well; --bits decides otherwise"
        )
    for odd, told in (
        (deep & (brightest * DARK <= white), f"nearly black, as {white:,} is taken for white"),
        (brightest > white, f"brighter than {white:,}, which is taken for white: what lies above is cut off"),
    ):
        if odd.any():
            one = int(np.flatnonzero(odd)[0])
            values = f"{paths[one]}, whose values end at {brightest[one]:,}"
            be = "is" if odd.sum() == 1 else "are"
            which = f"{odd.sum():,} of the {n:,} pictures of 16 bits, such as {values}, {be}"
            notes.append(f"{f'{values}, is' if n == 1 else which} {told}")
    return notes

"""Pictures that are in memory: arrays, images of Pillow, or several of them."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any

import numpy as np

from chainrule.errors import DataError

if TYPE_CHECKING:
    from PIL.Image import Image

CHANNELS = (1, 3, 4)
"""How many values a pixel can have: a shade, a colour, a colour with how opaque it is."""


def is_in_memory(data: Any) -> bool:
    """Whether this is an array, an image of Pillow, or a list of such, and no path."""
    if isinstance(data, list | tuple):
        return len(data) > 0 and all(map(is_in_memory, data))
    return not (isinstance(data, str | os.PathLike) or hasattr(data, "columns")) and (
        hasattr(data, "__array_interface__") or hasattr(data, "__array__")
    )


def images_of(data: Any) -> list[Image]:
    """The images in an array, an image of Pillow, or a list of such.

    An array is (height, width) or (height, width, channels) of one picture, or has an axis more in front.

    Raises:
        DataError: it has another shape, or other values than whole numbers of 8 bits, or of 16 without colours.
    """
    if isinstance(data, list | tuple):
        return [image for one in data for image in images_of(one)]
    if hasattr(data, "convert"):
        return [data]
    X = np.asarray(data)
    if X.dtype not in (np.uint8, np.uint16):
        raise DataError(
            "an array of pictures holds whole numbers of 0 to 255, uint8, or of 0 to 65,535, uint16, but this one is "
            f"of {X.dtype}."
        )
    one = X.ndim == 2 or (X.ndim == 3 and X.shape[-1] in CHANNELS)
    if not one and (X.ndim == 3 or (X.ndim == 4 and X.shape[-1] in CHANNELS)):
        return [image for x in X for image in images_of(x)]
    if not one or not X.size:
        raise DataError(
            f"an array of a picture is (height, width) or (height, width, channels), of several it has an axis more in "
            f"front, but this one is {X.shape}."
        )
    if X.ndim == 3 and X.shape[-1] == 1:
        X = X[..., 0]
    if X.ndim == 3 and X.dtype == np.uint16:
        raise DataError("an array of colours holds whole numbers of 0 to 255, uint8, but this one is of uint16.")
    from chainrule.extras import PIL

    return [PIL.Image.fromarray(np.ascontiguousarray(X))]

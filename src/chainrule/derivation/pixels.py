"""Numbers as the colours of a small picture, written into an SVG file as a PNG."""

from __future__ import annotations

import base64
import struct
import zlib

import numpy as np
from numpy.typing import NDArray

MOST_PIXELS = 64
"""Along each side; of more, every second or third is taken."""


def tinted(numbers: NDArray[np.float64], above: str, below: str, most: float) -> NDArray[np.uint8]:
    """(height, width, 3): white for 0, the colour `above` for numbers as large as `most`, `below` for those below 0.

    What is no number is grey.
    """
    down, across = (-(-n // MOST_PIXELS) for n in numbers.shape)
    numbers = numbers[::down, ::across]
    share = np.clip(np.nan_to_num(numbers) / (most or 1.0), -1, 1)[..., None]
    colours = np.where(share >= 0, _rgb(above), _rgb(below))
    made = 255 + np.abs(share) * (colours - 255)
    return np.where(np.isfinite(numbers)[..., None], made, 128).round().astype(np.uint8)


def _rgb(colour: str) -> NDArray[np.float64]:
    return np.array([int(colour[k : k + 2], 16) for k in (1, 3, 5)], np.float64)


def as_link(pixels: NDArray[np.uint8]) -> str:
    """The picture as the address of an image that is nothing but its own PNG."""
    height, width, _ = pixels.shape
    rows = b"".join(b"\0" + row.tobytes() for row in pixels)
    header = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    chunks = (b"IHDR", header), (b"IDAT", zlib.compress(rows, 9)), (b"IEND", b"")
    parts = (
        struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data)) for kind, data in chunks
    )
    return "data:image/png;base64," + base64.b64encode(b"\x89PNG\r\n\x1a\n" + b"".join(parts)).decode()

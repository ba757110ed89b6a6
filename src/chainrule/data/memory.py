"""How much memory is free, and the error for pictures that need more."""

from __future__ import annotations

import re
from pathlib import Path

from chainrule.errors import DataError
from chainrule.memory import memory_in_all

SPARED = 0.9
"""A size that is proposed takes no more than this part of the memory."""


def available_memory() -> int | None:
    """The bytes that nobody uses now; where the system does not tell, those of `memory_in_all`."""
    whole, meminfo = memory_in_all(), Path("/proc/meminfo")
    found = re.search(r"^MemAvailable: +(\d+) kB$", meminfo.read_text(), re.MULTILINE) if meminfo.exists() else None
    return whole if whole is None or found is None else min(whole, 1024 * int(found[1]))


def refuse_too_large(what: str, size: tuple[int, int], pixel: float, way: str = "") -> None:
    """Raises DataError where pictures take more memory than there is, and says which size would fit.

    Args:
        what: is done with them. size: their height and width in pixels.
        pixel: how many bytes a pixel takes, in all pictures together. way: another way out.
    """
    height, width = size
    needed, there = pixel * height * width, available_memory()
    if there is None or needed <= there:
        return
    share = (SPARED * there / needed) ** 0.5
    sides = [max(1, int(side * share)) for side in size]
    fits = str(sides[0]) if height == width else f"{sides[0]}x{sides[1]}"
    raise DataError(
        f"{what}, {height} × {width} pixels each, takes {needed / 1e9:,.1f} GB of memory, but {there / 1e9:,.1f} GB "
        f"are available: with train --size {fits} it fits{way}."
    )

"""How much memory the machine or container has, and the error for pictures that need more."""

from __future__ import annotations

import os
import re
from pathlib import Path

from chainrule.errors import DataError

SPARED = 0.9
"""A size that is proposed takes no more than this part of the memory."""


def memory_in_all() -> int | None:
    """The bytes that this machine or container has; None where the system does not tell."""
    if not hasattr(os, "sysconf") or "SC_PHYS_PAGES" not in os.sysconf_names:
        return None
    memory = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    limit = Path("/sys/fs/cgroup/memory.max")
    quota = limit.read_text().strip() if limit.exists() else ""
    return min(memory, int(quota)) if quota.isdigit() else memory


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

"""The table of lowerings: by the name of an operation, the function that turns its node into steps."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from chainrule.engines.trace import Node

if TYPE_CHECKING:
    from chainrule.engines.native.lower.builder import Builder

Lowering = Callable[["Builder", Node], None]
"""Adds the steps of a node to a plan under construction, or raises NoKernelError."""

LOWERINGS: dict[str, Lowering] = {}
"""By the names of operations; those that are not here take their inputs and options as they are (see `pointwise`)."""


def lowers(*names: str) -> Callable[[Lowering], Lowering]:
    """Enter the decorated function as the lowering of the operations of these names."""

    def register(lowering: Lowering) -> Lowering:
        LOWERINGS.update(dict.fromkeys(names, lowering))
        return lowering

    return register

"""A checksum of code that users wrote: a run that is resumed must compute what it began with."""

from __future__ import annotations

import functools
import zlib
from collections.abc import Iterator
from types import CodeType
from typing import Any

from chainrule.layers import Network


def checksum_of_code(network: Network, loss: Any) -> int | None:
    """A number that changes with the functions of layers and of a loss of the user's own; None where there are none.

    What these call or read elsewhere is not looked at, and comments and names of files make no difference.
    """
    kinds = {type(layer) for _, layer in network.family() if not layer.of_library}
    own = [*sorted(kinds, key=lambda kind: kind.__qualname__), *([] if loss is None else [loss])]
    text = "\n".join(_as_text(code) for one in own for code in _codes(one))
    return zlib.crc32(text.encode("utf-8", "surrogatepass")) if own else None


def _codes(one: Any) -> Iterator[CodeType]:
    """The code of a function, of what a partial wraps, or of all functions of a class, in order."""
    one = one.func if isinstance(one, functools.partial) else one
    one = one.fget if isinstance(one, property) else getattr(one, "__func__", one)
    if hasattr(one, "__code__"):
        yield one.__code__
    elif isinstance(one, type):
        for value in vars(one).values():
            if callable(value) or isinstance(value, property | staticmethod | classmethod):
                yield from _codes(value) if not isinstance(value, type) else ()
    elif callable(one) and not type(one).__module__.startswith("builtins"):
        yield from _codes(type(one))


def _as_text(constant: Any) -> str:
    """Code and its constants as text that is the same in every process."""
    if isinstance(constant, CodeType):
        parts = (constant.co_code.hex(), *constant.co_names, *constant.co_varnames, *map(_as_text, constant.co_consts))
        return f"({' '.join(parts)})"
    if isinstance(constant, tuple):
        return f"({' '.join(map(_as_text, constant))})"
    return str(sorted(map(repr, constant))) if isinstance(constant, frozenset) else repr(constant)

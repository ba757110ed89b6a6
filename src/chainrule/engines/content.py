"""What an object holds, seen from outside: a content that can be compared and put back, and whose class it is of."""

from __future__ import annotations

import functools
import pickle
import random
import sys
import sysconfig
import zlib
from collections.abc import Callable, Iterator
from types import FunctionType, ModuleType
from typing import Any

import numpy as np

from chainrule.engines.contract import Numbers
from chainrule.graph import is_closed_array


@functools.cache
def of_a_library(module: str | None) -> bool:
    """Whether a module belongs to Python, to chainrule or to what it computes with, and not just by its name."""
    root = root_of(module)
    if root in {"chainrule", "numpy", "scipy", "sklearn", "jax", "builtins"}:
        return True
    file = getattr(sys.modules.get(root), "__file__", None)
    return root in sys.stdlib_module_names and (file is None or file.startswith(sysconfig.get_paths()["stdlib"]))


def root_of(module: str | None) -> str:
    """The outermost package of a module."""
    return str(module).partition(".")[0]


def of_a_users_class(value: object) -> bool:
    return not is_closed_array(value) and not is_layer(value) and not of_a_library(type(value).__module__)


def _has_attributes(value: object) -> bool:
    """Whether an object of a class that users wrote, and not of a package that they installed, holds attributes."""
    return (
        hasattr(value, "__dict__")
        and not isinstance(value, type | ModuleType | FunctionType)
        and of_a_users_class(value)
        and not installed(type(value).__module__)
    )


@functools.cache
def installed(module: str) -> bool:
    file = getattr(sys.modules.get(root_of(module)), "__file__", None) or ""
    return any(file.startswith(sysconfig.get_paths()[kind]) for kind in ("purelib", "platlib"))


def is_layer(value: object) -> bool:
    return hasattr(value, "_own_parameters")


def content_of(value: object, children: set[int], depth: int = 0) -> object:
    """Something that changes when the value does; of other layers, and of what shows nothing of itself, the object."""
    if is_closed_array(value) or id(value) in children:
        return id(value)
    if isinstance(value, np.ndarray) and value.dtype.kind in "biufcSUmM":
        return value.shape, str(value.dtype), _checksum(value)
    if isinstance(value, list | tuple) and depth < DEPTH:
        return [content_of(item, children, depth + 1) for item in value]
    if isinstance(value, dict) and depth < DEPTH:
        return [(id(key), _Kept(key), content_of(item, children, depth + 1)) for key, item in list(value.items())]
    if installed(type(value).__module__) and not of_a_library(type(value).__module__):
        return [id(value), _Kept(value)]  # such as a table, which would take long
    try:
        return pickle.dumps(value)
    except Exception:
        inside = dict(vars(value)) if depth < DEPTH and _has_attributes(value) else {}
        return [id(value), _Kept(value), content_of(inside, children, depth + 1)]


class _Kept:
    """Keeps an object, so that no other can have its id, and is equal to whatever keeps another."""

    def __init__(self, value: object):
        self.value = value

    def __eq__(self, other: object) -> bool:
        return isinstance(other, _Kept)

    __hash__ = None  # type: ignore[assignment]


DEPTH = 5
"""So far into each other are objects looked at that cannot be pickled."""

LARGE = 2**20
"""Of an array with more bytes than this some elements are looked at; what a trace computes with is compared in full."""


def _checksum(array: Numbers) -> int:
    if array.nbytes > LARGE:
        array = array.reshape(-1)[:: array.size // 4096 + 1]
    return zlib.crc32(np.ascontiguousarray(array).view(np.uint8).data)


def restoring(value: object) -> Callable[[], None]:
    """A function that gives an object the content that it has now, as far as that can be done."""
    if isinstance(value, list):
        return functools.partial(value.__setitem__, slice(None), value.copy())
    if isinstance(value, dict):
        return functools.partial(_refill, value, value.copy())
    if isinstance(value, set):
        return functools.partial(_refill, value, value.copy())
    if isinstance(value, np.random.Generator):
        return functools.partial(setattr, value.bit_generator, "state", value.bit_generator.state)
    if isinstance(value, random.Random):
        return functools.partial(value.setstate, value.getstate())
    if isinstance(value, np.ndarray) and value.nbytes <= LARGE and value.flags.writeable:
        return functools.partial(np.copyto, value, value.copy())
    if _has_attributes(value):
        return functools.partial(_refill, vars(value), dict(vars(value)))
    return lambda: None


def _refill(container: Any, content: Any) -> None:
    container.clear()
    container.update(content)


def arrays_in(value: object, depth: int = 0) -> Iterator[Numbers]:
    if is_closed_array(value) or is_layer(value) or depth > DEPTH:
        return
    if isinstance(value, np.ndarray):
        yield value
    elif isinstance(value, list | tuple):
        for item in value:
            yield from arrays_in(item, depth + 1)
    elif isinstance(value, dict):
        yield from arrays_in(list(value.values()), depth + 1)
    elif _has_attributes(value) or type(value).__module__ == "types":
        yield from arrays_in(dict(vars(value)), depth + 1)

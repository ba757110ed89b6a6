"""What the code that users wrote can reach: its layers' attributes, its functions, and what these refer to by name."""

from __future__ import annotations

import functools
import pickle
import sys
import zlib
from collections.abc import Iterator
from types import CodeType, FunctionType, MethodType, ModuleType

import numpy as np

from chainrule.engines.contract import CostLike, NetworkLike, Numbers
from chainrule.engines.trace import NotTraceableError
from chainrule.engines.tracing import own_code
from chainrule.graph import Operation, is_closed_array

_LIBRARIES = frozenset(sys.stdlib_module_names) | {"chainrule", "numpy", "scipy", "sklearn", "jax", "builtins"}


class Reach:
    """The objects that own layers, activations and a loss can read and change without being given them."""

    def __init__(self, network: NetworkLike, cost: CostLike | None):
        self._network, self._cost = network, cost
        self._layers = dict(own_code(network))
        own_loss = cost.loss if cost is not None and cost.own else None
        self._objects: dict[tuple[str, str], object] = {}  # by where they are named, and their name
        self._seen: set[int] = set()
        for layer in self._layers.values():
            self._follow_class(type(layer))
            self._follow("activation", "activation", getattr(layer, "activation", None), ())
        self._follow("loss", "loss", own_loss, ())

    @property
    def called(self) -> str:
        """Who the objects belong to, in words."""
        if self._cost is not None and not self._layers:
            return f"the loss {self._cost.name}"
        return ", ".join(dict.fromkeys(layer.label for layer in self._layers.values()))

    def content(self) -> dict[tuple[str, str], object]:
        """By owner and name, something that changes when an object does; the owner is a layer's path, or some code."""
        found: dict[tuple[str, str], object] = {}
        for path, layer in self._layers.items():
            children = {id(child) for child in layer.children()}
            for name, value in self._attributes(path):
                found[path, name] = _content(value, children)
        return found | {key: _content(value, set()) for key, value in self._objects.items()}

    def refuse_changes(self, before: dict[tuple[str, str], object]) -> None:
        """Raises NotTraceableError where something is not as it was."""
        for (owner, name), content in Reach(self._network, self._cost).content().items():
            if content != before.get((owner, name)):
                raise NotTraceableError(f"{self._called(owner)}, which changes its {name} while it computes")

    def refuse_parameters(self) -> None:
        """Raises NotTraceableError where code has hold of an array of the network's parameters, which change."""
        flat = self._network.flat
        attributes = {(path, name): value for path in self._layers for name, value in self._attributes(path)}
        for (owner, name), value in (attributes | self._objects).items():
            if any(np.may_share_memory(array, flat) for array in _arrays_in(value)):
                raise NotTraceableError(
                    f"{self._called(owner)}, which reads parameters of the network by the name {name}"
                )

    def _attributes(self, path: str) -> Iterator[tuple[str, object]]:
        """The attributes and statistics of an own layer."""
        held = vars(self._layers[path])
        yield from ((name, value) for name, value in held.items() if name not in _LIBRARYS_OWN)
        yield from held["_own_statistics"].items()

    def _called(self, owner: str) -> str:
        return self._layers[owner].label if owner in self._layers else self.called

    def _follow(self, where: str, name: str, value: object, names: tuple[str, ...]) -> None:
        """Enter an object, and what the code of it refers to.

        Args:
            where: the code that names it.
            names: all names in that code, among them those of a module's attributes.
        """
        if value is None or isinstance(value, Operation | str) or _is_layer(value):
            return
        if isinstance(value, int | float):
            self._objects[where, name] = value
            return
        if id(value) in self._seen:
            return
        self._seen.add(id(value))
        if isinstance(value, functools.partial):
            for part in (value.func, *value.args, *value.keywords.values()):
                self._follow(where, name, part, names)
        elif isinstance(value, MethodType):
            self._follow(where, name, value.__func__, names)
            self._follow(where, name, value.__self__, names)
        elif isinstance(value, FunctionType):
            self._follow_function(value)
        elif isinstance(value, ModuleType):
            if not _of_a_library(value.__name__):
                for attribute in names:
                    self._follow(value.__name__, attribute, getattr(value, attribute, None), names)
        elif isinstance(value, type):
            self._follow_class(value)
        elif hasattr(value, "__next__"):
            raise NotTraceableError(f"{self.called}, which reads the iterator {name}, another thing at each call")
        elif not callable(value) or not _of_a_library(type(value).__module__):
            self._objects[where, name] = value
            self._follow_class(type(value))

    def _follow_function(self, function: FunctionType) -> None:
        if _of_a_library(function.__module__):
            return
        where, names = function.__qualname__, tuple(_names(function.__code__))
        for name, value in _named_by(function, names):
            self._follow(where, name, value, names)
        for default in (*(function.__defaults__ or ()), *(function.__kwdefaults__ or {}).values()):
            self._follow(where, "default", default, names)
        if vars(function):
            self._objects[where, function.__name__] = vars(function)

    def _follow_class(self, kind: type) -> None:
        """The methods of a class that users wrote, and the attributes that all its objects share."""
        for base in kind.__mro__:
            if _of_a_library(base.__module__) or id(base) in self._seen:
                continue
            self._seen.add(id(base))
            for name, value in vars(base).items():
                function = getattr(value, "fget", None) or getattr(value, "__func__", value)
                if isinstance(function, FunctionType):
                    if name != "__init__":
                        self._follow_function(function)
                elif not name.startswith("__") and isinstance(function, list | dict | set | np.ndarray | int | float):
                    self._objects[base.__name__, name] = function


_LIBRARYS_OWN = ("root", "_own_parameters", "_own_statistics")
"""Attributes of a layer that the library keeps there."""


def _of_a_library(module: str | None) -> bool:
    return str(module).partition(".")[0] in _LIBRARIES


def _is_layer(value: object) -> bool:
    return hasattr(value, "_own_parameters")


def _names(code: CodeType) -> Iterator[str]:
    """The names of globals and attributes in a function, and in those that are written inside it."""
    yield from code.co_names
    for constant in code.co_consts:
        if isinstance(constant, CodeType):
            yield from _names(constant)


def _named_by(function: FunctionType, names: tuple[str, ...]) -> Iterator[tuple[str, object]]:
    """The globals and the variables around a function that its code names."""
    for name in names:
        if name in function.__globals__:
            yield name, function.__globals__[name]
    for name, cell in zip(function.__code__.co_freevars, function.__closure__ or (), strict=True):
        try:
            yield name, cell.cell_contents
        except ValueError:  # it holds nothing yet
            continue


def _content(value: object, children: set[int]) -> object:
    """Something that changes when the value does; of other layers, and what has no bytes, the object itself."""
    if is_closed_array(value):
        return id(value)
    if isinstance(value, np.ndarray) and value.dtype != object:
        return value.shape, str(value.dtype), zlib.crc32(np.ascontiguousarray(value).view(np.uint8).data)
    if isinstance(value, list | tuple):
        return [_content(item, children) for item in value]
    if isinstance(value, dict):
        return {str(key): _content(item, children) for key, item in value.items()}
    try:
        return id(value) if id(value) in children else pickle.dumps(value)
    except Exception:
        return [id(value), value]  # kept, so that no other object can have its id


def _arrays_in(value: object) -> Iterator[Numbers]:
    if isinstance(value, np.ndarray):
        yield value
    elif isinstance(value, list | tuple):
        for item in value:
            yield from _arrays_in(item)
    elif isinstance(value, dict):
        yield from _arrays_in(list(value.values()))

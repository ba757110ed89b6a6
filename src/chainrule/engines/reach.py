"""What the code that users wrote can reach: its layers' attributes, its functions, and what these refer to by name."""

from __future__ import annotations

import dis
import functools
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from itertools import zip_longest
from types import CodeType, FunctionType, MethodType, ModuleType
from typing import NamedTuple

import numpy as np

from chainrule.engines.content import (
    arrays_in,
    content_of,
    installed,
    is_layer,
    of_a_library,
    of_a_users_class,
    restoring,
    root_of,
)
from chainrule.engines.contract import CostLike, LayerLike, NetworkLike
from chainrule.engines.trace import NotTraceableError
from chainrule.engines.tracing import own_code
from chainrule.graph import Operation


class Found(NamedTuple):
    """An object that code refers to.

    Attributes:
        owner: the path of a layer, or the name of a function, class or module. name: what it is called there.
        value: the object. put: binds the name to an object again, where that can be undone.
    """

    owner: str
    name: str
    value: object
    put: Callable[[object], None] | None = None


class Reach:
    """The objects that own layers, activations and a loss can read and change without being given them.

    Attributes:
        names_random: whether the code names something called random.
    """

    def __init__(self, network: NetworkLike, cost: CostLike | None):
        self._network, self._cost = network, cost
        self._layers: dict[str, LayerLike] = dict(own_code(network))
        self._found: list[Found] = []
        self._asks_for_types = ""
        self.names_random = False
        self._seen: set[int] = set()
        self._packages = {root_of(type(layer).__module__) for layer in self._layers.values()}
        if cost is not None and cost.own:
            self._packages.add(root_of(getattr(cost.loss, "__module__", "")))
        for path, layer in self._layers.items():
            self._follow_class(type(layer))
            for name, value in _attributes(layer):
                if callable(value) or of_a_users_class(value):
                    self._follow(Found(path, name, value), ())
        if cost is not None and cost.own:
            self._follow(Found("loss", "loss", cost.loss), ())

    @property
    def called(self) -> str:
        """Who the code belongs to, in words."""
        if self._cost is not None and not self._layers:
            return f"the loss {self._cost.name}"
        return ", ".join(dict.fromkeys(layer.label for layer in self._layers.values()))

    def content(self) -> list[tuple[str, str, object]]:
        """Of each object its owner, its name, and something that changes when it does."""
        attributes = [
            (path, name, content_of(value, {id(child) for child in layer.children()}))
            for path, layer in self._layers.items()
            for name, value in _attributes(layer)
        ]
        return attributes + [(found.owner, found.name, content_of(found.value, set())) for found in self._found]

    def refuse_changes(self, before: list[tuple[str, str, object]]) -> None:
        """Raises NotTraceableError where something is not as it was when that was the content."""
        for now, then in zip_longest(Reach(self._network, self._cost).content(), before):
            if now != then:
                owner, name, _ = now or then
                raise NotTraceableError(f"{self._owner(owner)}, which changes its {name} while it computes")

    def refuse_parameters(self) -> None:
        """Raises NotTraceableError where code has hold of an array of the network's parameters, which change."""
        flat = self._network.flat
        attributes = [Found(path, *item) for path, layer in self._layers.items() for item in _attributes(layer)]
        for owner, name, value, _ in attributes + self._found:
            if any(np.may_share_memory(array, flat) for array in arrays_in(value)):
                raise NotTraceableError(
                    f"{self._owner(owner)}, which reads parameters of the network by the name {name}"
                )

    def refuse_types(self) -> None:
        """Raises NotTraceableError where code asks for type(…), of which a closed array gives another answer."""
        if self._asks_for_types:
            raise NotTraceableError(f"{self.called}, which asks for a type(…) in {self._asks_for_types}")

    @contextmanager
    def left_as_it_was(self) -> Iterator[None]:
        """Behind the block, what its code has changed is as it was before, as far as that can be undone."""
        undo = [_undoing(found) for found in self._found]
        try:
            yield
        finally:
            for put_back in undo:
                put_back()

    def _owner(self, owner: str) -> str:
        return self._layers[owner].label if owner in self._layers else self.called

    def _follow(self, found: Found, names: tuple[str, ...]) -> None:
        """Enter an object, and what the code of it refers to.

        Args:
            names: all names in the code that refers to it, among them those of a module's attributes.
        """
        value = found.value
        if value is None or isinstance(value, Operation | str) or is_layer(value):
            return
        if isinstance(value, int | float):
            self._found.append(found)
            return
        if id(value) in self._seen:
            return
        self._seen.add(id(value))
        if isinstance(value, functools.partial):
            for part in (value.func, *value.args, *value.keywords.values()):
                self._follow(found._replace(value=part, put=None), names)
        elif isinstance(value, MethodType):
            self._follow(found._replace(value=value.__func__, put=None), names)
            self._follow(found._replace(value=value.__self__, put=None), names)
        elif isinstance(value, FunctionType):
            self._follow_function(value)
        elif isinstance(value, ModuleType):
            self._follow_module(value, names)
        elif isinstance(value, type):
            self._follow_class(value)
        elif hasattr(value, "__next__"):
            raise NotTraceableError(f"{self.called}, which reads the iterator {found.name}, another thing at each call")
        elif not callable(value) or not of_a_library(type(value).__module__):
            self._found.append(found)
            self._follow_class(type(value))

    def _foreign(self, module: str | None) -> bool:
        """Whether code is a library's: Python's, chainrule's, or of another installed package than the layers' own."""
        return of_a_library(module) or (installed(str(module)) and root_of(module) not in self._packages)

    def _follow_module(self, module: ModuleType, names: tuple[str, ...]) -> None:
        if not self._foreign(module.__name__):
            for name in names:
                put = functools.partial(setattr, module, name)
                self._follow(Found(module.__name__, name, getattr(module, name, None), put), names)

    def _follow_function(self, function: FunctionType) -> None:
        if self._foreign(function.__module__):
            return
        names = tuple(_names(function.__code__))
        self.names_random = self.names_random or any("random" in name or name == "rand" for name in names)
        if _names_type(function.__code__):
            self._asks_for_types = self._asks_for_types or f"{function.__qualname__}()"
        for found in _referred_to(function, names):
            self._follow(found, names)
        if vars(function):
            self._found.append(Found(function.__qualname__, function.__name__, vars(function)))

    def _follow_class(self, kind: type) -> None:
        """The methods of a class that users wrote, and the attributes that all its objects share."""
        for base in kind.__mro__:
            if self._foreign(base.__module__) or id(base) in self._seen:
                continue
            self._seen.add(id(base))
            for name, value in vars(base).items():
                function = getattr(value, "fget", None) or getattr(value, "__func__", value)
                if isinstance(function, FunctionType):
                    if name != "__init__":
                        self._follow_function(function)
                elif not name.startswith("__") and not hasattr(value, "__get__"):
                    self._follow(Found(base.__name__, name, value, functools.partial(setattr, base, name)), ())


_LIBRARYS_OWN = ("root", "_own_parameters", "_own_statistics", "compiled")
"""Attributes of a layer that the library keeps there."""


def _attributes(layer: LayerLike) -> Iterator[tuple[str, object]]:
    """The attributes and statistics of an own layer."""
    held = vars(layer)
    yield from ((name, value) for name, value in held.items() if name not in _LIBRARYS_OWN)
    yield from held["_own_statistics"].items()


def _names(code: CodeType) -> Iterator[str]:
    """The names of globals and attributes in a function, and in those that are written inside it."""
    yield from code.co_names
    for constant in code.co_consts:
        if isinstance(constant, CodeType):
            yield from _names(constant)


@functools.cache
def _imported(code: CodeType) -> set[str]:
    """The modules that a function imports when it is called."""
    return {str(step.argval) for step in dis.get_instructions(code) if step.opname == "IMPORT_NAME"}


@functools.cache
def _names_type(code: CodeType) -> bool:
    """Whether a function, or one inside it, uses the built-in type(…)."""
    asks = any(step.opname == "LOAD_GLOBAL" and step.argval == "type" for step in dis.get_instructions(code))
    return asks or any(_names_type(constant) for constant in code.co_consts if isinstance(constant, CodeType))


def _referred_to(function: FunctionType, names: tuple[str, ...]) -> Iterator[Found]:
    """The globals, modules imported inside, variables around and defaults that a function's code refers to."""
    where = function.__qualname__
    for name in names:
        if name in function.__globals__:
            put = functools.partial(function.__globals__.__setitem__, name)
            yield Found(where, name, function.__globals__[name], put)
        elif name in _imported(function.__code__) and name in sys.modules:
            yield Found(where, name, sys.modules[name])
    for name, cell in zip(function.__code__.co_freevars, function.__closure__ or (), strict=True):
        try:
            yield Found(where, name, cell.cell_contents, functools.partial(setattr, cell, "cell_contents"))
        except ValueError:  # it holds nothing yet
            continue
    for default in (*(function.__defaults__ or ()), *(function.__kwdefaults__ or {}).values()):
        yield Found(where, "default", default)


def _undoing(found: Found) -> Callable[[], None]:
    """A function that makes an object what it is now, and binds its name to it."""
    restore = restoring(found.value)

    def put_back() -> None:
        restore()
        if found.put is not None:
            found.put(found.value)

    return put_back

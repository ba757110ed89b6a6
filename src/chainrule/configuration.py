"""Configurations: objects as plain JSON, by their constructors' arguments, and back.

Layers, initializers, schedules, optimizers and what was learned of data are written so into model files: an object as
{"type": "Dense", "n_out": 64, …}, an operation as {"operation": "leaky_relu", "options": {"slope": 0.2}}.
"""

import functools
import inspect
import math
from collections.abc import Callable
from dataclasses import is_dataclass
from typing import Any, ClassVar, get_args, get_type_hints

import numpy as np

from chainrule.errors import OptionError, shown
from chainrule.forms import misfit
from chainrule.graph import OPERATIONS, Operation
from chainrule.names import nearest, unknown

LEAST = -(2**63)
"""The least whole number that NumPy has a type for."""


class Configurable:
    """An object that can be made again from its constructor's arguments, each kept as an attribute of the same name."""

    kinds: ClassVar[dict[str, type["Configurable"]]] = {}
    """Every subclass by its name, own ones of users too."""

    not_in_config: ClassVar[frozenset[str]] = frozenset()
    """Arguments that are left out of the configuration."""

    without_names: ClassVar[float] = math.inf
    """How many of the constructor's first arguments are shown without their names."""

    def __init_subclass__(cls, **options: Any) -> None:
        super().__init_subclass__(**options)
        before = Configurable.kinds.get(cls.__name__)
        if before is not None and before.__module__.startswith("chainrule."):
            raise OptionError(f"{cls.__name__} is a name that chainrule uses itself: give your class another.")
        Configurable.kinds[cls.__name__] = cls

    def arguments(self) -> dict[str, Any]:
        """The constructor's arguments as they are now.

        Raises:
            OptionError: the class does not keep an argument under its own name, or takes any number of them.
        """
        found = {}
        for name in _names(type(self)):  # type: ignore[arg-type]  # mypy asks its objects for a hash
            try:
                found[name] = getattr(self, name)
            except AttributeError:
                raise OptionError(
                    f"{type(self).__name__} does not keep its argument {name!r}: "
                    f"write self.{name} = {name} in its __init__, so that it can be shown, copied and saved."
                ) from None
        return found

    def __post_init__(self) -> None:
        """For dataclasses: NumPy's numbers become Python's, which never widen float32 and can be written as JSON."""
        for name, value in vars(self).items():
            if isinstance(value, np.number | np.bool_):
                object.__setattr__(self, name, value.item())

    def to_config(self) -> dict[str, Any]:
        """This object as plain JSON; `from_config` makes it again."""
        return {"type": type(self).__name__} | {
            name: _plain(argument, f"{type(self).__name__}'s {name}")
            for name, argument in self.arguments().items()
            if name not in self.not_in_config
        }

    def __repr__(self) -> str:
        shown: list[str] = []
        parameters = constructor(type(self).__init__)
        try:
            arguments = self.arguments()
        except OptionError:
            return f"{type(self).__name__}(…)"
        for name, argument in arguments.items():
            default = parameters[name].default
            if argument is default or (type(argument) is type(default) and argument == default):
                continue
            text = _shown(argument)
            by_position = parameters[name].kind is inspect.Parameter.POSITIONAL_OR_KEYWORD
            in_line = len(shown) == list(parameters).index(name) < self.without_names
            shown.append(text if by_position and in_line else f"{name}={text}")
        return f"{type(self).__name__}({', '.join(shown)})"


@functools.cache
def _names(kind: type[Configurable]) -> tuple[str, ...]:
    """The names of the constructor's arguments.

    Raises:
        OptionError: one of them cannot be written down, or is chainrule's own.
    """
    for name, parameter in constructor(kind.__init__).items():
        if parameter.kind in (parameter.VAR_POSITIONAL, parameter.VAR_KEYWORD):
            raise OptionError(
                f"{kind.__name__} takes {parameter}, which cannot be written down: take a list, or names."
            )
        if name in ("type", "operation"):
            raise OptionError(f"{kind.__name__} has an argument {name!r}: give it another name.")
        if _is_own_property(kind, name):
            raise OptionError(
                f"{kind.__name__} has an argument {name!r}, which chainrule has a property for: give it another name."
            )
    return tuple(constructor(kind.__init__))


def _is_own_property(kind: type, name: str) -> bool:
    """Whether a class of chainrule has a property of that name, such as `Layer.label`."""
    return any(
        base.__module__.startswith("chainrule.") and isinstance(vars(base).get(name), property) for base in kind.__mro__
    )


def _shown(argument: Any) -> str:
    """An argument as text that is the same in every run: operations and functions by their names."""
    if isinstance(argument, str):
        return f'"{argument}"'
    if isinstance(argument, list):
        return f"[{', '.join(map(_shown, argument))}]"
    if isinstance(argument, functools.partial):
        options = (f"{name}={_shown(option)}" for name, option in argument.keywords.items())
        return f"{_shown(argument.func)}({', '.join([*map(_shown, argument.args), *options])})"
    if isinstance(argument, Operation):
        return argument.name
    return argument.__name__ if inspect.isroutine(argument) else repr(argument)


@functools.cache
def constructor(init: Callable[..., None]) -> dict[str, inspect.Parameter]:
    """The parameters of a class's `__init__`, without self; none where the class has no `__init__` of its own."""
    if init is object.__init__:
        return {}
    _, *parameters = inspect.signature(init).parameters.values()
    return {parameter.name: parameter for parameter in parameters}


def from_config(config: Any) -> Any:
    """The object whose configuration this is, or the list, dict, operation or plain value.

    Raises:
        OptionError: it names a kind or an operation that is not known here, or arguments that do not fit.
    """
    if isinstance(config, list):
        return [from_config(item) for item in config]
    if not isinstance(config, dict):
        return config
    if "operation" in config:
        return _operation(config["operation"], config.get("options", {}))
    if "type" not in config:
        return {name: from_config(item) for name, item in config.items()}
    kind = config["type"]
    if kind == "dict":
        return {name: from_config(item) for name, item in _object("items", config.get("items")).items()}
    if not isinstance(kind, str) or kind not in Configurable.kinds or _is_internal(Configurable.kinds[kind]):
        public = [name for name in Configurable.kinds if not name.startswith("_")]
        raise OptionError(
            f"there is no layer, initializer, schedule or optimizer {kind!r}: if it is a class of your own, import the "
            f"module that defines it first.{nearest(kind, public)}"
        )
    arguments = {name: from_config(item) for name, item in config.items() if name != "type"}
    found: Any = Configurable.kinds[kind]
    if found.not_in_config & arguments.keys():
        raise OptionError(f"a configuration of {kind} does not hold {', '.join(found.not_in_config)}.")
    if found.__module__.startswith("chainrule."):  # own classes may be annotated as anybody likes
        _check_types(kind, arguments, _types_of(found))
    try:
        return found(**arguments)
    except TypeError as error:
        raise OptionError(f"{kind} cannot be made from {shown(arguments)}: {error}.") from None


def _is_internal(kind: type) -> bool:
    return kind.__name__.startswith("_") and kind.__module__.startswith("chainrule.")


def _operation(name: Any, options: Any) -> Any:
    if not isinstance(name, str) or name not in OPERATIONS:
        raise OptionError(unknown("operation", name, OPERATIONS))
    found, options = OPERATIONS[name], from_config(_object("options", options))
    strange = options.keys() - found.defaults.keys()
    if strange:
        raise OptionError(f"{name} has no option {min(strange)!r}; it has {', '.join(found.defaults) or 'none'}.")
    _check_types(name, options, _types_of(found.function))
    return functools.partial(found, **options) if options else found


def _object(name: str, value: Any) -> dict[str, Any]:
    if not isinstance(value, dict):
        raise OptionError(f"{name} are {shown(value)}, but must be an object.")
    return value


@functools.cache
def _types_of(made: Any) -> dict[str, Any]:
    """The declared types of the arguments of a class or a function."""
    return get_type_hints(made if is_dataclass(made) or inspect.isroutine(made) else made.__init__)


def _check_types(owner: str, arguments: dict[str, Any], types: dict[str, Any]) -> None:
    """Raises OptionError where an argument is not of the type that is declared, so that nothing fails later.

    0, 1 and None serve for true and false, which they become, and these for numbers, as they do in Python: who made the
    object may have.
    """
    for name, value in arguments.items():
        declared = types.get(name, Any)
        if declared is bool and (value is None or (isinstance(value, int | float) and value in (0, 1))):
            arguments[name] = bool(value)
            continue
        wrong = misfit(int(value) if isinstance(value, bool) and declared in (int, float) else value, declared, name)
        if wrong is not None:
            raise OptionError(f"{owner}'s {wrong}.")
        if _takes_floats(declared):
            arguments[name] = _as_floats(value)


@functools.cache
def _takes_floats(form: Any) -> bool:
    """Whether a type is that of floats, or of something that holds some."""
    return form is float or any(map(_takes_floats, get_args(form)))


def _as_floats(value: Any) -> Any:
    """The value, or the list, with floats in place of whole numbers that NumPy has no type for."""
    if isinstance(value, list):
        return [_as_floats(part) for part in value]
    return float(value) if type(value) is int and not LEAST <= value <= -LEAST else value


def _plain(value: Any, what: str) -> Any:
    if isinstance(value, Configurable):
        return value.to_config()
    if isinstance(value, Operation):
        return {"operation": value.name}
    if isinstance(value, functools.partial) and isinstance(value.func, Operation) and not value.args:
        return {"operation": value.func.name, "options": {k: _plain(v, what) for k, v in value.keywords.items()}}
    if isinstance(value, np.number | np.bool_):
        return value.item()
    if isinstance(value, list | tuple):
        return [_plain(item, what) for item in value]
    if isinstance(value, dict):
        return {"type": "dict", "items": {str(key): _plain(item, what) for key, item in value.items()}}
    if value is None or isinstance(value, bool | int | str) or (isinstance(value, float) and math.isfinite(value)):
        return value
    raise OptionError(
        f"{what} is {value!r}, which cannot be written into a file: use a name, a number, one of chainrule's own "
        "operations (with functools.partial for options), or put your function into a Layer subclass."
    )

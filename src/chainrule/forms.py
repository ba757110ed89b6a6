"""Declared forms of plain data: whether what was read from a file has the types that a TypedDict says.

    class Split(TypedDict):
        seed: int
        test: float

    split = read(Split, json.loads(text), "the journal", CheckpointError)
    # the journal is damaged: its `seed` is 'x', but must be a whole number.

A number is finite, True is no number, text can be written, and a list stands for any sequence, as JSON has no other.
What a form does not name may be there, too.
"""

import functools
import math
import types
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Literal, NotRequired, TypeVar, Union, get_args, get_origin, get_type_hints, is_typeddict

from chainrule.errors import ChainruleError, ModelFileError, shown

T = TypeVar("T")


def read(form: type[T], value: object, called: str, error: type[ChainruleError] = ModelFileError) -> T:
    """`value` as what the form says that it is.

    Args:
        form: a TypedDict. value: what JSON gave.
        called: the file or object, for the message.

    Raises:
        error: something in it is missing or of another type.
    """
    wrong = misfit(value, form)
    if wrong is not None:
        raise error(f"{called} is damaged: its {wrong}.")
    return value  # type: ignore[return-value]


def misfit(value: Any, form: Any, place: str = "") -> str | None:
    """What in `value` is not as the form says, such as "`seed` is 'x', but must be a whole number"; None where all is.

    Args:
        form: a type as annotations have it: a TypedDict, list[int], float | None, Literal["a", "b"], a class, …
        place: how to call the value.
    """
    if form is Any:
        return None
    if is_typeddict(form):
        return _misfit_of_keys(value, form, place)
    origin, arguments = get_origin(form), get_args(form)
    if origin in (Union, types.UnionType):
        reasons = [misfit(value, option, place) for option in arguments]
        return None if None in reasons else _nearest(reasons, value, form, place)
    parts = _parts(value, origin, arguments)
    if parts is None if origin in _CONTAINERS else not _fits(value, form, origin, arguments):
        return f"`{place or 'content'}` is {shown(value)}, but must be {words(form)}"
    found = (misfit(part, of_part, f"{place}{key}".removeprefix(".")) for key, part, of_part in parts or ())
    return next((reason for reason in found if reason is not None), None)


_CONTAINERS = (list, tuple, Sequence, dict, Mapping)


def _misfit_of_keys(value: Any, form: Any, place: str) -> str | None:
    if not isinstance(value, dict):
        return f"`{place or 'content'}` is {shown(value)}, but must be an object"
    for name, of_part in _keys(form).items():
        there, optional = f"{place}.{name}".removeprefix("."), get_origin(of_part) is NotRequired
        if name in value:
            reason = misfit(value[name], get_args(of_part)[0] if optional else of_part, there)
            if reason is not None:
                return reason
        elif name in form.__required_keys__ and not optional:
            return f"`{there}` is missing"
    return None


@functools.cache
def _keys(form: Any) -> dict[str, Any]:
    return get_type_hints(form, include_extras=True)


def _parts(value: Any, origin: Any, arguments: tuple[Any, ...]) -> list[tuple[str, Any, Any]] | None:
    """What a container holds: of each part where it lies, itself, and its form; None where this is no such thing."""
    if origin in (dict, Mapping):
        return [(f".{key}", part, arguments[1]) for key, part in value.items()] if isinstance(value, dict) else None
    if origin not in _CONTAINERS or not isinstance(value, list | tuple):
        return None
    if origin is not tuple or arguments[-1] is Ellipsis:
        return [(f"[{i}]", part, arguments[0]) for i, part in enumerate(value)]
    if len(value) != len(arguments):
        return None
    return [(f"[{i}]", part, of) for i, (part, of) in enumerate(zip(value, arguments, strict=True))]


def _fits(value: Any, form: Any, origin: Any, arguments: tuple[Any, ...]) -> bool:
    if origin is Literal:
        return any(type(value) is type(known) and value == known for known in arguments)
    if form is Callable or origin is Callable:
        return callable(value)
    if form is float:
        return isinstance(value, int | float) and not isinstance(value, bool) and _is_finite(value)
    if form is int:
        return isinstance(value, int) and not isinstance(value, bool)
    if form is None:
        return value is None
    if form is str:
        return isinstance(value, str) and _is_writable(value)
    return isinstance(value, origin or form)


def _is_writable(text: str) -> bool:
    """Whether it can be written into a file, which half of a pair of surrogates cannot."""
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True


def _is_finite(number: float) -> bool:
    try:
        return math.isfinite(number)
    except OverflowError:  # a whole number that no float holds
        return False


def _nearest(reasons: Sequence[str | None], value: Any, form: Any, place: str) -> str:
    """Of the reasons why each way of a union does not fit, one that lies inside of the value; else that none fits."""
    whole = f"`{place or 'content'}` is {shown(value)}, but must be "
    inside = [reason for reason in reasons if reason is not None and not reason.startswith(whole)]
    return inside[0] if inside else whole + words(form)


_WORDS = {
    Any: "anything",
    bool: "true or false",
    int: "a whole number",
    float: "a finite number",
    str: "text",
    None: "nothing",
    types.NoneType: "nothing",
}


def words(form: Any) -> str:
    """A form in words: "a whole number", "a list", "text or nothing"."""
    origin, arguments = get_origin(form), get_args(form)
    if origin in (Union, types.UnionType):
        return " or ".join(dict.fromkeys(map(words, arguments)))
    if origin is Literal:
        return " or ".join(map(repr, arguments))
    if origin is tuple and arguments[-1] is not Ellipsis:
        return f"a list of {len(arguments)}"
    if origin in _CONTAINERS:
        return "an object" if origin in (dict, Mapping) else "a list"
    if is_typeddict(form):
        return "an object"
    return _WORDS.get(form) or f"a {getattr(form, '__name__', form)}"

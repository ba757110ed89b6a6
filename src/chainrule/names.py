"""Things that users call by name: look one up, and answer an unknown name with the known ones and the nearest."""

from collections.abc import Iterable, Mapping
from difflib import get_close_matches
from typing import TypeVar

from chainrule.errors import OptionError

T = TypeVar("T")


def lookup(kind: str, name: str, known: Mapping[str, T]) -> T:
    """The entry of `known` under `name`; `kind` is what the error calls it, such as "loss" or "activation".

    Raises OptionError for an unknown name.
    """
    try:
        return known[name]
    except (KeyError, TypeError):
        raise OptionError(unknown(kind, name, known)) from None


def unknown(kind: str, name: object, known: Iterable[str]) -> str:
    """The sentence that answers an unknown name."""
    known = sorted(known)
    nearest = get_close_matches(str(name).lower().replace("-", "_"), known, n=1, cutoff=0.5)
    hint = f" Did you mean {nearest[0]!r}?" if nearest else ""
    return f"there is no {kind} {name!r}.{hint} Known: {', '.join(known)}."

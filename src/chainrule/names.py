"""Things that users call by name: look one up, and answer an unknown name with the known ones and the nearest."""

from collections.abc import Iterable, Mapping, Sequence
from difflib import get_close_matches
from typing import TypeVar

from chainrule.errors import OptionError, UnknownNameError, shortened, shown

T = TypeVar("T")


def lookup(kind: str, name: str, known: Mapping[str, T]) -> T:
    """The entry of `known` under `name`; `kind` is what the error calls it, such as "loss" or "activation".

    Raises OptionError for an unknown name.
    """
    try:
        return known[name]
    except (KeyError, TypeError):
        raise OptionError(unknown(kind, name, known)) from None


def several(names: str | Sequence[str] | None) -> list[str]:
    """Names that somebody gives: one by itself is a list of it."""
    return [names] if isinstance(names, str) else list(names or ())


def counted(n: int, thing: str) -> str:
    """1 row, 2,000 rows."""
    return f"{n:,} {thing}" if n == 1 else f"{n:,} {thing}s"


SHOWN = 40
"""How many known names an error tells at most."""

ALIKE = 0.65
"""Names that are less alike, by difflib's ratio, are not meant: shop for sold has 0.5, alpha for alfa 0.67."""

ELSEWHERE = {
    "bce": "binary_cross_entropy",
    "binary_crossentropy": "binary_cross_entropy",
    "log_loss": "binary_cross_entropy",
    "categorical_crossentropy": "cross_entropy",
    "sparse_categorical_crossentropy": "cross_entropy",
    "nll": "cross_entropy",
    "mse": "squared_error",
    "mean_squared_error": "squared_error",
    "mae": "absolute_error",
    "l1": "absolute_error",
    "swish": "silu",
    "linear": "identity",
    "logistic": "sigmoid",
    "kaiming": "he",
    "auc": "roc_auc",
    "momentum": "gradient_descent",
    "lr": "learning_rate",
    "alpha": "learning_rate",
    "layers": "hidden",
    "units": "hidden",
}
"""What other libraries call things, and what they are called here."""


def unknown(kind: str, name: object, known: Iterable[str]) -> str:
    """The sentence that answers an unknown name."""
    known = sorted(known)
    more = f", … and {len(known) - SHOWN:,} more" if len(known) > SHOWN else ""
    told = ", ".join(map(shortened, known[:SHOWN]))
    return f"there is no {kind} {shown(name)}.{nearest(name, known)} Known: {told or 'none'}{more}."


def nearest(name: object, known: Iterable[str]) -> str:
    """The question whether another name was meant, behind a space; nothing where none is like it.

    Capitals, dashes and blanks make no difference.
    """
    plain = {_plain(one): one for one in sorted(known, reverse=True)}
    asked = _plain(str(name))
    like = [ELSEWHERE[asked]] if ELSEWHERE.get(asked) in plain else get_close_matches(asked, plain, cutoff=ALIKE)
    return f" Did you mean {plain[like[0]]!r}?" if like else ""


def no_attribute(module: str, name: str, known: Iterable[str]) -> AttributeError:
    """What a module says of a name that it has not; Python's own "Did you mean" is left out, lest it stand twice."""
    near = "" if name.startswith("_") else nearest(name, known)
    return AttributeError(f"module {module!r} has no attribute {name!r}.{near}", name=name)


class ByName(dict[str, T]):
    """Values by name, which answers an unknown name with the known ones and the nearest.

    Raises:
        UnknownNameError: of `values[name]`, an error of chainrule and a KeyError.
    """

    def __init__(self, kind: str, values: Mapping[str, T]):
        super().__init__(values)
        self.kind = kind

    def __missing__(self, name: object) -> T:
        raise UnknownNameError(unknown(self.kind, name, self))


def _plain(name: str) -> str:
    return name.lower().replace("-", "_").replace(" ", "_")

"""Options of the command line made from the arguments of what they are passed to: names, types, defaults, and help."""

from __future__ import annotations

import inspect
import itertools
import re
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from typing import Any, NamedTuple

import click

FORMS: dict[str, str] = {
    "target": "height,weight",
    "hidden": "128,64",
    "class_weight": "fraud=5,ok=1",
    "augment": "flip,shift=0.1",
    "size": "48x64",
    "quantiles": "0.1,0.9",
    "missing": "none,unknown",
    **dict.fromkeys(("number", "category", "date", "text", "ignore", "known_ahead", "negative"), "COLUMN,…"),
    **dict.fromkeys(("time", "group", "weights"), "COLUMN"),
}
"""How what is no single word or number is typed."""

PAIRS = {"day_first": "--day-first/--month-first"}
"""Options of which each answer has a name of its own."""

TYPES = {"bool": click.BOOL, "int": click.INT, "float": click.FLOAT}
"""How what is given is read, by its type; what has another one is left as it is typed."""


class Argument(NamedTuple):
    """What a docstring says of an argument: the sentence, and what happens where it is not given."""

    text: str
    default: str


def arguments_of(documented: Callable[..., Any]) -> dict[str, Argument]:
    """The arguments that the docstring of a function, or of a class, describes, in its order.

    "of the hidden layers; None for relu." has the default "relu".
    """
    described = re.search(r"^Args:\n(.*?)(?=^\S|\Z)", inspect.getdoc(documented) or "", re.DOTALL | re.MULTILINE)
    entries = re.split(r"^ {4}(?=\w)", described[1], flags=re.MULTILINE) if described else []
    found = {}
    for entry in filter(str.strip, entries):
        names, _, text = " ".join(entry.split()).partition(": ")
        text, _, default = text.partition("; None for ")
        argument = Argument(text.rstrip("."), default.rstrip("."))
        found.update(dict.fromkeys(names.split(", "), argument))
    return found


def options_of(documented: Callable[..., Any], names: Iterable[str]) -> list[click.Option]:
    """An option for each of these arguments, None where it is not given."""
    described, parameters = arguments_of(documented), inspect.signature(documented).parameters
    return [_option(name, described.get(name, Argument("", "")), parameters[name]) for name in names]


def options_besides(documented: Callable[..., Any], taken: Collection[str]) -> list[click.Option]:
    """An option for each of its other arguments, but for the data."""
    names = inspect.signature(documented).parameters
    return options_of(documented, [name for name in names if name not in (*taken, "source")])


class Sectioned(click.Command):
    """A command whose help has its options in sections; one that is in several of them is an option once."""

    def __init__(
        self,
        name: str,
        callback: Callable[..., None],
        argument: click.Argument,
        sections: Mapping[str, Sequence[click.Option]],
    ):
        options: dict[str | None, click.Parameter] = {}
        for option in itertools.chain(*sections.values()):
            options.setdefault(option.name, option)
        super().__init__(name, callback=callback, params=[argument, *options.values()], help=inspect.getdoc(callback))
        self._sections = sections

    def format_options(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write the sections, and what every command has."""
        others = [option for option in [self.get_help_option(ctx)] if option is not None]
        for title, options in (*self._sections.items(), ("Other", others)):
            records = [record for option in options if (record := option.get_help_record(ctx)) is not None]
            with formatter.section(title):
                formatter.write_dl(records)


def _option(name: str, described: Argument, parameter: inspect.Parameter) -> click.Option:
    kind, given = str(parameter.annotation), parameter.default
    dashed = _dashed(name)
    if kind == "bool | None":
        dashed = PAIRS.get(name, f"{dashed}/--no-{dashed[2:]}")
    said = "" if given in (None, False, 0, "", (), parameter.empty) else str(given)
    default = described.default or said
    return click.Option(
        [dashed],
        type=TYPES.get(kind.removesuffix(" | None"), click.STRING),
        default=None,
        is_flag=kind.startswith("bool"),
        metavar=FORMS.get(name),
        help=f"{_as_typed(_begun(described.text))}." + (f"  [default: {_as_typed(default)}]" if default else ""),
    )


def _begun(text: str) -> str:
    """The text with a capital letter in front, if it begins with a word that is no name or symbol."""
    first = text.split(" ")[0].strip(",:")
    return text[:1].upper() + text[1:] if first.isascii() and first.isalpha() else text


def _as_typed(text: str) -> str:
    """What a docstring says, for who types: `metric` is --metric."""
    return re.sub(r"`([a-z]\w*)`", lambda name: _dashed(name[1]), text)


def _dashed(name: str) -> str:
    return f"--{name.replace('_', '-')}"

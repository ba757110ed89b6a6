"""Finds the kind of data that a path names (table, series, pictures, text), and the source that reads it."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Collection
from pathlib import Path
from typing import Any, Literal

from chainrule.cli.options import listed
from chainrule.data.datasets import read, require
from chainrule.data.pictures import names_of_pictures, read_pictures
from chainrule.data.series import read_series
from chainrule.data.source import Source
from chainrule.data.table_reading import read_table
from chainrule.data.text import is_text, read_text
from chainrule.errors import OptionError
from chainrule.progress import stage

Kind = Literal["table", "series", "pictures", "text", "arrays"]

READERS: dict[Kind, Callable[..., Source]] = {
    "table": read_table,
    "series": read_series,
    "pictures": read_pictures,
    "text": read_text,
}
"""What reads each kind of data."""

OPTIONS: dict[Kind, Collection[str]] = {kind: inspect.signature(reader).parameters for kind, reader in READERS.items()}
OPTIONS["pictures"] = {*OPTIONS["pictures"], "augment"}
OPTIONS["arrays"] = ("task",)
"""The options that are about each kind of data."""

FORECAST = ("horizon", "window", "season", "quantiles", "known_ahead", "negative")
"""The options that make a series of a table."""

CALLED: dict[Kind, str] = {
    "table": "the columns of a table",
    "series": "a table with --time",
    "pictures": "pictures",
    "text": "text",
}


def source_of(data: str, given: dict[str, Any]) -> Source:
    """The examples that `data` names: a table, pictures, a bundled data set or arrays.

    Args:
        given: what somebody has chosen, of which the options in `OPTIONS` are about data.

    Raises:
        DataError: there is no such thing, or nothing in it.
        OptionError: an option that is about another kind of data.
    """
    with stage(f"reading {data}"):
        return _read(data, given)


def _read(data: str, given: dict[str, Any]) -> Source:
    kind = _kind(data, given)
    if kind == "arrays":
        require(data)
    chosen = {name: value for name, value in given.items() if _about(name) and value not in (None, "")}
    for option in chosen:
        if kind not in _about(option):
            name = option.replace("_", "-")
            raise OptionError(f"--{name} is about {CALLED[_about(option)[0]]}, but {data} is none: leave it out.")
    chosen.pop("augment", None)
    if kind == "pictures":
        size = chosen.pop("size", None)
        return read_pictures(data, size=None if size is None else _size(size), **chosen)
    if kind == "text":
        return read_text(data, **chosen)
    if kind in ("table", "series"):
        targets = _columns(data, chosen.pop("target", ""))
        for role in ("number", "category", "date", "ignore"):
            chosen[role] = _columns(data, chosen.get(role, ""))
        if "text" in chosen:
            chosen["text"] = _columns(data, chosen["text"])
        if "missing" in chosen:
            chosen["missing"] = listed(chosen["missing"])
        return _rows(data, targets, chosen) if kind == "table" else _series(data, targets, chosen)
    from chainrule.data.targets import KINDS
    from chainrule.names import lookup

    return read(data, lookup("task", chosen["task"], KINDS) if "task" in chosen else None)


def _about(option: str) -> list[Kind]:
    """The kinds of data that an option is about; none of one that is about the network or the run."""
    return [kind for kind, options in OPTIONS.items() if option in options]


def _rows(data: str, targets: list[str], chosen: dict[str, Any]) -> Source:
    return read_table(data, targets, **chosen)


def _series(data: str, targets: list[str], chosen: dict[str, Any]) -> Source:
    if "time" not in chosen:
        raise OptionError(f"a forecast needs to know the order of the rows of {data}: --time COLUMN.")
    if "quantiles" in chosen:
        chosen["quantiles"] = _shares(chosen["quantiles"])
    for columns in ("known_ahead", "negative"):
        if columns in chosen:
            chosen[columns] = listed(chosen[columns])
    return read_series(data, targets, **chosen)


def _kind(data: str, given: dict[str, Any]) -> Kind:
    from chainrule.data.decoding import is_picture
    from chainrule.data.folders import names_in

    path = Path(data)
    if path.is_dir():
        names = [*names_in(path)]
        return "text" if sum(map(is_text, names)) > sum(map(is_picture, names)) else "pictures"
    if is_text(path) and not given.get("target"):
        return "text"
    if _is_table(path):
        if _lists_pictures(path, given):
            return "pictures"
        return "series" if any(given.get(option) not in (None, "") for option in FORECAST) else "table"
    return "arrays"


def _is_table(path: Path) -> bool:
    """Whether a file is to be read as a table: by what its name ends in, be it .data, .test or the like."""
    from chainrule.data.frames import SUFFIXES

    return path.suffix.lower() in SUFFIXES or (path.is_file() and path.suffix.lower() not in ("", ".npz"))


def _lists_pictures(path: Path, given: dict[str, Any]) -> bool:
    """Whether a table is one of names of pictures that are there, unless something is asked of it that tells."""
    asked = [kinds for option, value in given.items() if value not in (None, "") and (kinds := _about(option))]
    if any("pictures" not in kinds for kinds in asked):
        return False
    named, meant = names_of_pictures(path), any(kinds[0] == "pictures" for kinds in asked)
    return bool(named) and (meant or 2 * sum(map(Path.is_file, named)) > len(named))


def _size(text: str) -> tuple[int, int]:
    """(28, 28) from "28", (48, 64) from "48x64"."""
    sides = text.lower().replace("×", "x").split("x")
    if not (len(sides) in (1, 2) and all(side.strip().isdigit() and int(side) > 0 for side in sides)):
        raise OptionError(f'--size is {text!r}, but takes pixels, such as "28", or height and width, such as "48x64".')
    return int(sides[0]), int(sides[-1])


def _columns(data: str, given: str) -> list[str]:
    """The columns of a file that an option names: the one that is called so with its commas, or a list of them."""
    from chainrule.data.frames import names_in

    return [given.strip()] if "," in given and given.strip() in names_in(data) else listed(given)


def _shares(quantiles: str) -> list[float]:
    """[0.1, 0.9] from "0.1,0.9"."""
    try:
        return [float(part) for part in quantiles.replace(",", " ").split()]
    except ValueError:
        raise OptionError(f'--quantiles is {quantiles!r}, but takes shares of what comes, such as "0.1,0.9".') from None

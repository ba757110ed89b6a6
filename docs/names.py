"""Every public name with its first line, as a table; and where the pages explain it."""

from __future__ import annotations

import inspect
import re
from collections.abc import Iterable
from importlib import import_module
from types import ModuleType
from typing import Any

EXPLAINED = re.compile(r"auto(?:function|class|module|exception|data):: (chainrule[\w.]*)")
PLACE = re.compile(r"^<!-- names of ([\w.]+) -->$", re.MULTILINE)


def explained(pages: Iterable[str]) -> set[str]:
    """The full names that the pages explain: those that they name, and those in modules that they name."""
    found: set[str] = set()
    for page in pages:
        for name in EXPLAINED.findall(page):
            found.add(name)
            module = _module(name)
            if module is not None:
                public = getattr(module, "__all__", [key for key in vars(module) if not key.startswith("_")])
                found |= {f"{name}.{key}" for key in public}
    return found


def full_name(module: str, name: str, known: set[str]) -> str | None:
    """Under which of its full names something is explained; None where it is nowhere."""
    thing = getattr(import_module(module), name)
    homes = (f"{module}.{name}", f"{getattr(thing, '__module__', module)}.{name}", getattr(thing, "__name__", ""))
    homes += tuple(other for other in sorted(known) if other.rsplit(".", 1)[-1] == name)
    return next((home for home in homes if home in known), None)


def tables(page: str, pages: Iterable[str]) -> str:
    """The page with a table in place of each <!-- names of MODULE -->."""
    known = explained(pages)
    return PLACE.sub(lambda place: _table(place[1], known), page)


def first_sentence(page: Any) -> str:
    """The first paragraph of a page, a document of docutils, up to the end of its first sentence."""
    for paragraph in page.findall(lambda node: node.tagname == "paragraph"):
        text = " ".join(paragraph.astext().split())
        if text:
            return re.split(r"(?<=[.?!]) ", text)[0]
    return ""


def _table(module: str, known: set[str]) -> str:
    rows = ["| name | what it is |", "| --- | --- |"]
    for name in import_module(module).__all__:
        home = full_name(module, name, known)
        kind = "mod" if home and _module(home) else "obj"
        link = f"{{py:{kind}}}`{name} <{home}>`" if home else f"`{name}`"
        rows.append(f"| {link} | {_first_line(getattr(import_module(module), name))} |")
    return "\n".join(rows)


def _first_line(thing: object) -> str:
    """The first sentence of a docstring, in which nothing is taken for markup."""
    line = (inspect.getdoc(thing) or "").split("\n\n")[0].replace("\n", " ")
    return re.sub(r"([\\|*_<\[\]$])", r"\\\1", line)


def _module(name: str) -> ModuleType | None:
    try:
        return import_module(name)
    except ImportError:
        return None

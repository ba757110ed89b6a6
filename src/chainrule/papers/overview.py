"""All papers in one table, and the record of what was measured for it."""

from __future__ import annotations

import ast
import hashlib
import inspect
import re
import sys
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np

from chainrule.engines import ENGINES, native
from chainrule.files import to_json
from chainrule.papers import find
from chainrule.papers.result import Paper, Result, Row, in_markdown, table, told

Record = dict[str, Any]
"""A result as plain data: seeds, numbers, rows, the fingerprint of the experiment's code, and what it was run by."""

DIGITS = 6
"""So many digits of each number are kept."""

SHARED = ("chainrule.papers", "chainrule.papers.experiment", "chainrule.papers.result")
"""What is no part of an experiment."""


def record(result: Result) -> Record:
    """What is kept of a result."""
    return {
        "code": fingerprint(result.paper),
        "by": _computed_by(),
        "seeds": list(result.seeds),
        "seeds of": {name: list(seeds) for name, seeds in result.seeds_of.items()},
        "rows": [asdict(row) for row in result.rows],
        "numbers": {name: [float(f"{n:.{DIGITS}g}") for n in values] for name, values in result.numbers.items()},
    }


def written(records: Mapping[str, Record]) -> str:
    """Records by the names of their papers as JSON, a list of numbers on each line."""
    lists = re.compile(r"\[\n\s+([^\[\]{}\"]*?)\n\s+\]")
    return lists.sub(lambda found: f"[{' '.join(found[1].split())}]", to_json(dict(records))) + "\n"


def overview(records: Mapping[str, Record]) -> str:
    """The table of all papers, in Markdown: of each the first row of its own table, and a link to its page."""
    lines = ["| paper | what | its number | here | why it differs |", "| --- | --- | --- | --- | --- |"]
    for name, kept in records.items():
        paper, row = find(name), Row(**kept["rows"][0])
        linked, here = f"[{paper.authors} {paper.year}]({name}.md)", f"{row.here}; {told(kept['seeds'])}"
        lines.append(in_markdown(linked, row.what, row.quoted, here, row.why))
    return "\n".join(lines) + "\n"


def table_of(kept: Record) -> str:
    """The whole table of one paper, in Markdown, from its record."""
    return table([Row(**row) for row in kept["rows"]], f"here, {told(kept['seeds'])}")


def _computed_by() -> dict[str, str]:
    """The library, the engine that trains, and NumPy, whose changes move numbers that the code's fingerprint keeps."""
    import chainrule

    engine = f"native, {native.described().split(',')[0]}" if "native" in ENGINES else "numpy"
    return {"chainrule": chainrule.__version__, "engine": engine, "numpy": np.__version__}


def fingerprint(paper: Paper) -> str:
    """Of the code of an experiment: another one when it has changed since it was measured. No comment counts.

    What the library does below it is not seen: layers, optimizers, engines, and what a seed draws.
    """
    modules = _modules_of(sys.modules[paper.run.__module__])
    lines = (line for module in modules for line in _code(Path(inspect.getfile(module)).read_text(encoding="utf-8")))
    return hashlib.sha256("\n".join(lines).encode()).hexdigest()[:16]


def _code(text: str) -> list[str]:
    """The lines of a module without docstrings and comments."""
    lines = text.splitlines()
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant):
            lines[node.lineno - 1 : node.end_lineno] = [""] * len(lines[node.lineno - 1 : node.end_lineno])
    return [line.strip() for line in lines if line.strip() and not line.strip().startswith("#")]


def _modules_of(module: ModuleType) -> list[ModuleType]:
    """The module of an experiment, and those beside it that it takes something from, or that these do."""
    found: set[str] = set()
    left = {module.__name__}
    while left:
        found |= left
        left = {name for one in left for name in _beside(sys.modules[one])} - found
    return [sys.modules[name] for name in sorted(found)]


def _beside(module: ModuleType) -> set[str]:
    """The modules of `chainrule.papers` that are imported, or from which something is."""
    things = vars(module).values()
    homes = {
        thing.__name__ if isinstance(thing, ModuleType) else getattr(thing, "__module__", None) for thing in things
    }
    return {name for name in homes if isinstance(name, str) and name.startswith("chainrule.papers.")} - {*SHARED}

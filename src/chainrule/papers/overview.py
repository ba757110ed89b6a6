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

from chainrule.files import to_json
from chainrule.papers import find
from chainrule.papers.result import Paper, Result, Row, in_markdown, table, told

Record = dict[str, Any]
"""A result as plain data: seeds, numbers, rows, and the fingerprint of the experiment's code."""

DIGITS = 6
"""So many digits of each number are kept."""

SHARED = ("chainrule.papers", "chainrule.papers.experiment", "chainrule.papers.result")
"""What is no part of an experiment."""


def record(result: Result) -> Record:
    """What is kept of a result."""
    return {
        "code": fingerprint(result.paper),
        "seeds": list(result.seeds),
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


def fingerprint(paper: Paper) -> str:
    """Of the code of an experiment: another one when it has changed since it was measured. No comment counts."""
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
    """The module of an experiment, and those beside it that it takes something from."""
    homes = {getattr(thing, "__module__", None) for thing in vars(module).values()} | {module.__name__}
    names = sorted(name for name in homes if isinstance(name, str) and name.startswith("chainrule.papers."))
    return [sys.modules[name] for name in names if name not in SHARED]

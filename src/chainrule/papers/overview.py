"""All papers in one table, and the record of what was measured for it."""

from __future__ import annotations

import hashlib
import inspect
from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

from chainrule.papers import find
from chainrule.papers.result import Paper, Result, Row, in_markdown, table, told

Record = dict[str, Any]
"""A result as plain data: seeds, numbers, rows, and the fingerprint of the experiment's code."""

DIGITS = 6
"""So many digits of each number are kept."""


def record(result: Result) -> Record:
    """What is kept of a result."""
    numbers = {name: [float(f"{n:.{DIGITS}g}") for n in values] for name, values in result.numbers.items()}
    return {
        "code": fingerprint(result.paper),
        "seeds": list(result.seeds),
        "rows": [asdict(row) for row in result.rows],
        "numbers": numbers,
    }


def fingerprint(paper: Paper) -> str:
    """Of the module that has the experiment: another one when its code has changed since it was measured."""
    module = inspect.getmodule(paper.run)
    return hashlib.sha256(inspect.getsource(module).encode()).hexdigest()[:16] if module else ""


def overview(records: Mapping[str, Record], link: str = "`{}`") -> str:
    """The table of all papers, in Markdown: of each the first row of its own table.

    Args:
        records: of each paper by its name. link: how a name is written.
    """
    lines = ["| | paper | what | its number | here | why it differs |", "| --- | --- | --- | --- | --- | --- |"]
    for name, kept in records.items():
        paper, row = find(name), Row(**kept["rows"][0])
        here = f"{row.here}; {told(kept['seeds'])}"
        lines.append(
            in_markdown(link.format(name), f"{paper.authors} {paper.year}", row.what, row.quoted, here, row.why)
        )
    return "\n".join(lines) + "\n"


def table_of(kept: Record) -> str:
    """The whole table of one paper, in Markdown, from its record."""
    return table([Row(**row) for row in kept["rows"]], f"here, {told(kept['seeds'])}")

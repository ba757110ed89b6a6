"""The results as Markdown, for the documentation."""

from benchmarks.printed import Table, all_tables
from benchmarks.results import Results


def page(results: Results) -> str:
    """The machine, then every table under a heading of the third level."""
    machine = [f"- {what}: {value}" for what, value in results.machine.items()]
    tables = [f"\n### {table.title}\n\n{markdown(table)}" for table in all_tables(results)]
    return "\n".join([*machine, *tables]) + "\n"


def markdown(table: Table) -> str:
    """The lines and the notes."""
    heads = ["| " + " | ".join(table.heads) + " |", "| --- " + "| ---: " * (len(table.heads) - 1) + "|"]
    lines = ["| " + " | ".join(line) + " |" for line in table.lines]
    return "\n".join([*heads, *lines, *(f"\n{note}" for note in table.notes)])

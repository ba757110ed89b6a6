"""Tables that more than one command prints."""

from rich.box import SIMPLE_HEAD
from rich.table import Table


def metrics_table(columns: dict[str, dict[str, float]]) -> Table:
    """A row for each metric, a column for each of `columns`."""
    table = Table(box=SIMPLE_HEAD, pad_edge=False)
    table.add_column("")
    for name in columns:
        table.add_column(name, justify="right")
    for metric in next(iter(columns.values())):
        table.add_row(metric, *(f"{values[metric]:.4f}" for values in columns.values()))
    return table

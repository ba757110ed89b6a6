"""Tables and notes that more than one command prints."""

import sys
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING

from rich.box import SIMPLE_HEAD
from rich.table import Table
from rich.text import Text

from chainrule.data.targets import Target
from chainrule.experiments.settings import Settings
from chainrule.experiments.trials import Trial, monitored, settings_text
from chainrule.experiments.words import COLUMNS, LOST, part_lost, rows_of_columns, rows_of_measures, rows_of_series
from chainrule.numbers import brief

if TYPE_CHECKING:
    from chainrule.attribution import Attribution
    from chainrule.data import tables

BEST = 20
"""How many trials of a search, or series of a forecast, are shown."""


def measures_table(
    columns: dict[str, dict[str, float]],
    interval: dict[str, list[float]] | None = None,
    *,
    target: Target,
    called: dict[str, str] | None = None,
) -> Table:
    """A row for each measure, a column for each of `columns`, and beside the first the interval of its measures.

    Args:
        called: what measures are called beside their names.
    """
    heads, rows = rows_of_measures(columns, interval, target=target, called=called)
    table = Table(box=SIMPLE_HEAD, pad_edge=False)
    for head in heads:
        table.add_column(head, justify="right" if head in columns else "left")
    for row in rows:
        table.add_row(*row)
    return table


def columns_table(table: "tables.Table") -> Table:
    """What was found in each column of a table of data."""
    shown = Table(box=SIMPLE_HEAD, pad_edge=False)
    for name in COLUMNS:
        shown.add_column(name, justify="right" if name == "missing" else "left")
    for row in rows_of_columns(table):
        shown.add_row(*row)
    return shown


def importance_table(importance: dict[str, float]) -> Table:
    """The columns of data that matter most, with bars."""
    table = Table("column", LOST, box=SIMPLE_HEAD, pad_edge=False)
    for name, part in [*importance.items()][:10]:
        table.add_row(name, f"{part_lost(part):>7} " + "█" * round(30 * min(max(part, 0), 1)))
    return table


def series_table(of_each: dict[str, dict[str, float]], called: str) -> Table:
    """A row for each series: how many windows of it were tested, and the mean absolute error of each forecast."""
    heads, rows = rows_of_series(of_each, called)
    table = Table(box=SIMPLE_HEAD, pad_edge=False)
    for i, head in enumerate(heads):
        table.add_column(head, justify="right" if i else "left")
    for row in rows[:BEST]:
        table.add_row(*row)
    return table


def attribution_table(found: "Attribution") -> Table:
    """What the columns did to a prediction, the greatest first."""
    table = Table("column", "in this row", box=SIMPLE_HEAD, pad_edge=False)
    table.add_column("did", justify="right")
    table.add_column("±", justify="right")
    for line in found.lines():
        table.add_row(Text(line.name), Text(line.cell), line.did, line.error.removeprefix("± "))
    return table


def trials_table(trials: Sequence[Trial], settings: Settings) -> Table:
    """The best of what a search has tried."""
    name, sign = monitored(settings)
    shown = Table("trial", name, "seconds", "settings", box=SIMPLE_HEAD, pad_edge=False)
    for trial in trials[:BEST]:
        cost = brief(sign * trial.cost, 4) + ("" if trial.outcome == "complete" else f" ({trial.outcome})")
        shown.add_row(str(trial.number), cost, f"{trial.seconds:.1f}", settings_text(trial.settings))
    return shown


def show_notes(notes: Iterable[str]) -> None:
    """Say on stderr what a reader should know of how the data were taken."""
    for note in notes:
        print(f"note: {note}", file=sys.stderr)

"""Tables and notes that more than one command prints."""

import sys
from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING

from rich.box import SIMPLE_HEAD
from rich.table import Table

from chainrule.data.columns import Kind
from chainrule.data.targets import Target
from chainrule.experiments.search import Trial, settings_text

if TYPE_CHECKING:
    from chainrule.data import tables

BEST = 20
"""How many trials of a search are shown."""

KINDS: dict[Kind, str] = {
    "number": "a number",
    "category": "a category",
    "yes_no": "yes or no",
    "date": "a date",
    "id": "set aside: an id",
    "constant": "set aside: constant",
    "text": "text",
    "ignored": "set aside",
    "target": "to be predicted",
    "group": "the group",
}


def metrics_table(columns: dict[str, dict[str, float]]) -> Table:
    """A row for each metric, a column for each of `columns`."""
    table = Table(box=SIMPLE_HEAD, pad_edge=False)
    table.add_column("")
    for name in columns:
        table.add_column(name, justify="right")
    for metric in next(iter(columns.values())):
        table.add_row(metric, *(f"{values[metric]:.4f}" for values in columns.values()))
    return table


def f1_note(target: Target) -> str:
    """Whose f1 it is."""
    if target.task == "classes" or len(target.names) > 1:
        return "f1: the mean of all classes" if target.task == "classes" else "f1: the mean of all questions"
    return f"f1: of {target.names[0]} {target.classes[1]}" if target.classes else ""


def loss_note(target: Target) -> str:
    """What the loss is."""
    loss = "half the mean squared error" if target.task == "values" else "the log loss"
    return f"loss: {loss}" + (", summed over what there is to predict" if len(target.names) > 1 else "")


def units_note(target: Target, units: Mapping[str, str]) -> str:
    """In what the predicted values are measured; "" where no unit is known, or labels are predicted."""
    if target.task != "values":
        return ""
    known = {name: units[name] for name in target.names if name in units}
    if len(known) == len(target.names) and len(set(known.values())) == 1:
        return f"values: in {known[target.names[0]]}"
    return f"values: {', '.join(f'{name} in {unit}' for name, unit in known.items())}" if known else ""


def columns_table(table: "tables.Table") -> Table:
    """What was found in each column of a table of data."""
    shown = Table(box=SIMPLE_HEAD, pad_edge=False)
    for name in ("column", "is", "because", "missing"):
        shown.add_column(name, justify="right" if name == "missing" else "left")
    for column in table.columns:
        missing = table.frame[column.name].null_count()
        shown.add_row(column.name, KINDS[column.kind], column.reason, f"{missing:,}" if missing else "")
    return shown


def importance_table(importance: dict[str, float]) -> Table:
    """The columns of data that matter most, with bars."""
    table = Table(
        "column", "what of the network's knowledge is lost when it is shuffled", box=SIMPLE_HEAD, pad_edge=False
    )
    for name, part in [*importance.items()][:10]:
        table.add_row(name, f"{part:7.1%} " + "█" * round(30 * min(max(part, 0), 1)))
    return table


def trials_table(trials: Sequence[Trial]) -> Table:
    """The best of what a search has tried."""
    shown = Table("trial", "val_loss", "seconds", "settings", box=SIMPLE_HEAD, pad_edge=False)
    for trial in trials[:BEST]:
        cost = f"{trial.cost:.4g}" if trial.outcome == "complete" else f"{trial.cost:.4g} ({trial.outcome})"
        shown.add_row(str(trial.number), cost, f"{trial.seconds:.1f}", settings_text(trial.settings))
    return shown


def show_notes(notes: Iterable[str]) -> None:
    """Say on stderr what a reader should know of how the data were taken."""
    for note in notes:
        print(f"note: {note}", file=sys.stderr)

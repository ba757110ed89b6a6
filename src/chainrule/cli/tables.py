"""Tables and notes that more than one command prints."""

import sys
from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING

from rich.box import SIMPLE_HEAD
from rich.table import Table
from rich.text import Text

from chainrule.data.columns import Kind
from chainrule.data.targets import Target
from chainrule.experiments.settings import Settings
from chainrule.experiments.trials import Trial, monitored, settings_text
from chainrule.numbers import brief

if TYPE_CHECKING:
    from chainrule.attribution import Attribution
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
    table = Table(box=SIMPLE_HEAD, pad_edge=False)
    table.add_column("")
    for i, name in enumerate(columns):
        table.add_column(name, justify="right")
        if i == 0 and interval:
            table.add_column("95 %")
    for measure in next(iter(columns.values())):
        if measure == "loss" and target.task == "values":
            continue  # which rmse tells in units that somebody knows
        cells = [_measure(measure, values[measure]) for values in columns.values()]
        if interval:
            cells.insert(1, " to ".join(_measure(measure, end) for end in interval.get(measure, ())))
        table.add_row((called or {}).get(measure, measure), *cells)
    return table


def _measure(name: str, value: float) -> str:
    """A measure as people read it: what has no unit to no more than four places."""
    if name in ("loss", "rmse", "mae", "mse"):
        return brief(value)
    rounded = round(value, 4)
    return f"{rounded:.4f}" if 0 < abs(rounded) < 0.01 else brief(rounded)


def notes_on_measures(target: Target, *, interval: bool = False) -> list[str]:
    """What the measures are about, a line each."""
    notes = []
    if target.task != "values":
        summed = ", summed over what there is to predict" if len(target.names) > 1 else ""
        notes.append(f"loss: the log loss{summed}")
        if "f1" in target.metrics:
            notes.append(_whose(target))
    if target.threshold != 0.5:
        notes.append(f"{_positive(target)} is predicted from a probability of {brief(target.threshold)} on")
    if interval:
        notes.append("95 %: where the measure lies in 95 of 100 test parts drawn anew from this one")
    return notes


def _whose(target: Target) -> str:
    """Which label f1 and the like are about."""
    if target.task == "classes":
        return "f1: the mean of all classes"
    if len(target.names) > 1:
        return "f1: the mean of all questions"
    named = [name for name in ("precision", "recall", "f1", "average_precision") if name in target.metrics]
    return f"{', '.join(named)}: of {target.names[0]} {_positive(target)}; --positive names the other label"


def _positive(target: Target) -> object:
    return (target.classes or ["", ""])[1 if target.positive is None else target.positive[0]]


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
        share = (
            f"{part:7.1%}" if part <= 1 else " > 100%"
        )  # shuffled, the network is worse than one that looks at nothing
        table.add_row(name, f"{share} " + "█" * round(30 * min(max(part, 0), 1)))
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

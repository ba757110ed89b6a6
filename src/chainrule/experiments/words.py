"""What a command and a page say of a run: what its columns are, its measures and what these are about, how it ended."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from chainrule.data.columns import Kind
from chainrule.data.targets import Target
from chainrule.names import counted
from chainrule.numbers import brief

if TYPE_CHECKING:
    from chainrule.data import tables
    from chainrule.experiments.experiment import Experiment
    from chainrule.training import History

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

COLUMNS = ("column", "is", "because", "missing")
"""The heads of what `rows_of_columns` gives."""

SIMPLE = ("linear", "mean", "seasonal", "baseline")
"""The simple answers beside a network, as metrics.json calls them."""

LOST = "what of the network's knowledge is lost when it is shuffled"
"""What the importance of a column is."""

LOST_ALL = "100%: without it the network knows no more than the baseline"


def rows_of_columns(table: tables.Table) -> list[tuple[str, str, str, str]]:
    """What was found in each column of a table of data."""
    rows = []
    for column in table.columns:
        missing = table.frame[column.name].null_count()
        rows.append((column.name, KINDS[column.kind], column.reason, f"{missing:,}" if missing else ""))
    return rows


def sentence_on_examples(experiment: Experiment) -> str:
    """How many examples of what there are, what is predicted, and how they are divided."""
    source, splits = experiment.source, experiment.splits
    shape = " × ".join(map(str, experiment.X.shape[1:]))
    watched = "in turn" if experiment.parted and experiment.plan.several else f"{len(splits.validation):,}"
    return (
        f"{source.name}: {source.size:,} examples of {shape} features, {experiment.target.summary}; "
        f"{experiment.m:,} to train, {watched} to validate, {len(splits.test):,} to test"
    )


def how_it_ended(history: History, seconds: str = "") -> str:
    """Why training ended, after how many epochs, and on which engine.

    Args:
        seconds: how long it took, in words.
    """
    faster = "native" if history.engine == "numpy" else "jax"
    device = "" if history.device in ("", "cpu") else f" ({history.device})"
    device += " in bfloat16" if history.precision == "bfloat16" else ""
    return f"{_why_and_when(history)}; {seconds}on the {history.engine} engine{device}, seed {history.seed}" + (
        f"; the {faster} engine has no kernel for {history.reason}" if history.reason else ""
    )


def _why_and_when(history: History) -> str:
    """Why training ended, and after how many epochs."""
    if history.members and not history.cut:
        epochs = [len(one.epochs) for one in history.members]
        best = [one.best_epoch + 1 for one in history.members if one.best_epoch is not None]
        chosen = f", the best were {', '.join(map(str, best))}" if best else ""
        late = "when the time was over, " if history.stopped == "time limit" else ""
        return f"{late}{len(epochs)} networks, {', '.join(map(str, epochs))} epochs{chosen}"
    best_epoch = "" if history.best_epoch is None else f", the best was epoch {history.best_epoch + 1}"
    return f"{history.stopped}, {counted(len(history.epochs), 'epoch')}{best_epoch}"


def rows_of_measures(
    columns: Mapping[str, Mapping[str, float]],
    interval: Mapping[str, list[float]] | None = None,
    *,
    target: Target,
    called: Mapping[str, str] | None = None,
) -> tuple[list[str], list[list[str]]]:
    """The heads, and a row for each measure: its name, and a cell for each of `columns`, the first with its interval.

    Args:
        called: what measures are called beside their names.
    """
    heads = ["", *columns]
    if interval:
        heads.insert(2, "95 %")
    rows = []
    for measure in next(iter(columns.values())):
        if measure == "loss" and target.task == "values":
            continue  # which rmse tells in units that somebody knows
        cells = [written_measure(measure, values[measure]) for values in columns.values()]
        if interval:
            cells.insert(1, " to ".join(written_measure(measure, end) for end in interval.get(measure, ())))
        rows.append([(called or {}).get(measure, measure), *cells])
    return heads, rows


def written_measure(name: str, value: float) -> str:
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


def linear_note(target: Target, fit: Mapping[str, Any]) -> str:
    """What the linear model is, and in what it had less than the network."""
    rows = f"{fit['rows']:,} of the {fit['of']:,} rows to train" if fit["rows"] < fit["of"] else "the same rows"
    kind = "linear" if target.task == "values" else "logistic"
    of_log = " of the log" if target.form == "log" else ""
    end = "" if fit["converged"] else "; it had not converged when its iterations ended"
    numbers = "TF-IDF of texts, and the same other numbers," if fit.get("texts") else "the same numbers"
    return f"linear: a {kind} regression{of_log} on {numbers} of {rows}{end}"


def part_lost(part: float) -> str:
    """The importance of a column; shuffled, the network can be worse than one that looks at nothing."""
    return f"{round(part, 3) + 0.0:.1%}" if part <= 1 else "> 100%"


def rows_of_series(of_each: Mapping[str, Mapping[str, float]], called: str) -> tuple[list[str], list[list[str]]]:
    """The heads and a row for each series, or each target: how many windows of it were tested, and the mean absolute
    error of each forecast."""
    first = next(iter(of_each.values()))
    heads = [called, *({"test": "test mae"}.get(name, name) for name in first)]
    rows = [
        [name, *(f"{value:,}" if key == "windows" else f"{value:.4g}" for key, value in values.items())]
        for name, values in of_each.items()
    ]
    return heads, rows

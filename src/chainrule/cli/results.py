"""What `chainrule train` prints of a run that is over, as people read it."""

from typing import TYPE_CHECKING, Any

from rich.console import Console

from chainrule.cli.tables import importance_table, measures_table, series_table, trials_table
from chainrule.experiments.going_on import way_on
from chainrule.experiments.settings import CURVES, HISTORY, METRICS, MODEL, PAGE, REPORT, TRIALS
from chainrule.experiments.words import (
    LOST_ALL,
    SIMPLE,
    how_it_ended,
    linear_note,
    notes_on_measures,
    units_note,
)

if TYPE_CHECKING:
    from chainrule.data.targets import Target
    from chainrule.experiments import Experiment, Result
    from chainrule.layers.summary import Rows


def show_result(result: "Result", experiment: "Experiment", layers: "Rows") -> None:
    """The tables of measures, what they are, and what they mean.

    Args:
        layers: those that were shown before, as the rows of a summary; of a search none.
    """
    from chainrule.data.tables import Table
    from chainrule.experiments.conclusions import chosen_at_the_end, conclusions
    from chainrule.layers.ensemble import one_member
    from chainrule.layers.summary import rows_of_summary

    source, history, measured, target = experiment.source, result.history, result.metrics, experiment.target
    if result.trials:
        Console().print(trials_table(result.trials, experiment.settings))
    body = one_member(experiment.network)
    changed = rows_of_summary(body) != layers
    if changed and layers:
        print("what was tried has led to other layers:")
    if changed:
        body.summary()
    print(how_it_ended(history, f"{history.seconds:.1f} s "))
    for sentence in chosen_at_the_end(experiment):
        print(sentence)
    _show_measures(measured, target)
    for name, called in (("series", getattr(source, "group_column", "") or ""), ("targets", "target")):
        if name in measured:
            Console().print(series_table(measured[name], called))
    if note := units_note(target, experiment.encoding.units):
        print(note)
    if "linear_fit" in measured:
        print(linear_note(target, measured["linear_fit"]))
    print(f"baseline: {source.baseline_note}")
    if "importance" in measured:
        Console().print(importance_table(measured["importance"]))
        print(LOST_ALL)
    for sentence in conclusions(measured, experiment, history):
        print(sentence)
    names = [MODEL, HISTORY, METRICS, CURVES]
    names += [name for name in (REPORT, PAGE, TRIALS) if (result.folder / name).exists()]
    print(f"in {result.folder}: {', '.join(names)}")
    if history.stopped == "interrupted" and (way := way_on(result.folder)) is None:
        print("the same command trains anew, to its end")
    elif history.stopped == "interrupted":
        of_table = f"{REPORT}, {PAGE} and the importance of the columns come"
        later = of_table if isinstance(source, Table) else f"{PAGE} comes"
        print(f"go on with {way}; {later} at the end")
    else:
        print(f"next: {source.next_command(str(result.folder / MODEL))}")


def show_result_of(result: "Result", experiment: "Experiment") -> None:
    """What another process of a shared search has found, in short: who it was, how good, and where it is."""
    Console().print(trials_table(result.trials, experiment.settings))
    _show_measures(result.metrics, experiment.target)
    names = (MODEL, HISTORY, METRICS, CURVES, REPORT, PAGE, TRIALS)
    there = [name for name in names if (result.folder / name).exists()]
    print(f"in {result.folder}, written by {result.by}: {', '.join(there)}")
    print(f"next: {experiment.source.next_command(str(result.folder / MODEL))}")


def _show_measures(measured: dict[str, Any], target: "Target") -> None:
    shown = [name for name in ("test", *SIMPLE) if name in measured]
    several = len(target.names) > 1 and "each" in measured
    called = {"accuracy": "accuracy of all at once"} if several and target.labels is not None else {}
    Console().print(
        measures_table({name: measured[name] for name in shown}, measured.get("interval"), target=target, called=called)
    )
    if several:
        for name, values in measured["each"].items():
            print(f"{name} by itself:")
            Console().print(measures_table({"test": values}, target=target))
    for note in notes_on_measures(target, interval="interval" in measured):
        print(note)

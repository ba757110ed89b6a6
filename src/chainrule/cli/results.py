"""What `chainrule train` prints of a run that is over, as people read it."""

from typing import TYPE_CHECKING, Any

from rich.console import Console

from chainrule.cli.forecasts import sentences_on_forecasts, series_table
from chainrule.cli.tables import importance_table, measures_table, notes_on_measures, trials_table, units_note
from chainrule.experiments.settings import CHECKPOINT, CURVES, HISTORY, METRICS, MODEL, REPORT, TRIALS

if TYPE_CHECKING:
    from chainrule.data.tables import Table
    from chainrule.data.targets import Target
    from chainrule.experiments import Experiment, Result
    from chainrule.training import History


def show_result(result: "Result", experiment: "Experiment") -> None:
    """The tables of measures, what they are, and what they mean."""
    from chainrule.data.series import Windows
    from chainrule.data.tables import Table
    from chainrule.experiments.verdicts import sentences

    source, history, measured, target = experiment.source, result.history, result.metrics, experiment.target
    if result.trials:
        Console().print(trials_table(result.trials, experiment.settings))
        experiment.network.summary()
    faster = "native" if history.engine == "numpy" else "jax"
    device = "" if history.device in ("", "cpu") else f" ({history.device})"
    print(
        f"{_how_it_ended(history)}; "
        f"{history.seconds:.1f} s on the {history.engine} engine{device}, seed {history.seed}"
        + (f"; the {faster} engine has no kernel for {history.reason}" if history.reason else "")
    )
    for sentence in filter(None, (experiment.tried, experiment.extended, experiment.failed)):
        print(sentence)
    if experiment.kept is not None:
        print(experiment.kept.why)
    _show_measures(measured, target)
    for name, called in (("series", getattr(source, "group_column", "") or ""), ("targets", "target")):
        if name in measured:
            Console().print(series_table(measured[name], called))
    if note := units_note(target, experiment.encoding.units):
        print(note)
    if "linear_fit" in measured:
        print(f"linear: {_linear_note(target, measured['linear_fit'])}")
    print(f"baseline: {source.baseline_note}")
    if "importance" in measured:
        Console().print(importance_table(measured["importance"]))
        print("100%: without it the network knows no more than the baseline")
    n_test = len(experiment.splits.test)
    if isinstance(experiment.encoding, Windows):
        told = sentences_on_forecasts(measured, experiment.encoding, experiment.judged)
    else:
        told = sentences(measured, target, history, experiment.settings, n_test)
    for sentence in (*told, *leaks(measured, experiment)):
        print(sentence)
    names = [MODEL, HISTORY, METRICS, CURVES, *(name for name in (REPORT, TRIALS) if (result.folder / name).exists())]
    print(f"in {result.folder}: {', '.join(names)}")
    if history.stopped == "interrupted" and not (result.folder / CHECKPOINT).exists():
        print("the same command trains anew, to its end")
    elif history.stopped == "interrupted":
        later = f"; {REPORT} and the importance of the columns come at the end" if isinstance(source, Table) else ""
        print(f"go on with the same command, --out {result.folder} and --resume{later}")
    else:
        print(f"next: {source.next_command(str(result.folder / MODEL))}")


def _how_it_ended(history: "History") -> str:
    """Why training ended, and after how many epochs."""
    from chainrule.names import counted

    if history.members and not history.cut:
        epochs = [len(one.epochs) for one in history.members]
        best = [one.best_epoch + 1 for one in history.members if one.best_epoch is not None]
        chosen = f", the best were {', '.join(map(str, best))}" if best else ""
        return f"{len(epochs)} networks, {', '.join(map(str, epochs))} epochs{chosen}"
    best_epoch = "" if history.best_epoch is None else f", the best was epoch {history.best_epoch + 1}"
    return f"{history.stopped}, {counted(len(history.epochs), 'epoch')}{best_epoch}"


def show_result_of(result: "Result", experiment: "Experiment") -> None:
    """What another process of a shared search has found, in short: who it was, how good, and where it is."""
    Console().print(trials_table(result.trials, experiment.settings))
    _show_measures(result.metrics, experiment.target)
    names = [name for name in (MODEL, HISTORY, METRICS, CURVES, REPORT, TRIALS) if (result.folder / name).exists()]
    print(f"in {result.folder}, written by {result.by}: {', '.join(names)}")
    print(f"next: {experiment.source.next_command(str(result.folder / MODEL))}")


def _show_measures(measured: dict[str, Any], target: "Target") -> None:
    shown = [name for name in ("test", "linear", "mean", "seasonal", "baseline") if name in measured]
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


def leaks(measured: dict[str, Any], experiment: "Experiment") -> list[str]:
    """A question on each column that tells the target by itself: it may be the answer in another form."""
    from chainrule.data.columns import option
    from chainrule.data.tables import Table
    from chainrule.experiments.alone import telling
    from chainrule.experiments.filled_in import filled_in

    answer = ", ".join(experiment.target.names)
    found = telling(measured.get("alone", {}))
    table = experiment.source if isinstance(experiment.source, Table) else None
    told = set() if table is None else {of.column for of in filled_in(table, experiment.target)}
    asked = []
    for column in found:
        if column in told or (table is not None and _only_levels(column, measured["alone"][column], table, experiment)):
            continue
        role, why = _advice(column, experiment)
        way = option(role, column)
        asked.append(
            f"{column} alone tells {answer} ({measured['alone'][column]:.0%} of what there is to know): {why} "
            f"train with {way}"
        )
    for column, label in measured.get("alone_of_label", {}).items():
        if column not in found and column not in told:
            asked.append(
                f"{column} alone tells whether {answer} is {label}: is it known when you predict? If not, train with "
                f"{option('ignore', column)}"
            )
    return asked


def _only_levels(column: str, part: float, table: "Table", experiment: "Experiment") -> bool:
    """Whether a category tells of values no more than how large they are in each, as shops do of what is sold."""
    from chainrule.data.cells import as_text
    from chainrule.experiments.alone import CERTAIN, are_bands

    Y, kind = experiment.Y, table.column(column).kind
    if experiment.target.labels is not None or Y.ndim > 1 or kind not in ("category", "yes_no") or part >= CERTAIN:
        return False
    return not are_bands(as_text(table.frame[column]).fill_null("").to_numpy(), Y)


def _advice(column: str, experiment: "Experiment") -> tuple[str, str]:
    """The option that fits a column that tells too much, and the question before it."""
    codes = {code.column.name: code for code in getattr(experiment.encoding, "codes", ())}
    code = codes.get(column)
    if code is not None and code.column.kind == "date":
        return "time", "what comes later has other dates. To test on the future,"
    if code is not None and code.tokens:
        return "group", "will the same ones come again when you predict? If not,"
    return "ignore", "is it known when you predict? If not,"


def _linear_note(target: "Target", fit: dict[str, Any]) -> str:
    """What the linear model is, and in what it had less than the network."""
    rows = f"{fit['rows']:,} of the {fit['of']:,} rows to train" if fit["rows"] < fit["of"] else "the same rows"
    kind = "linear" if target.task == "values" else "logistic"
    of_log = " of the log" if target.form == "log" else ""
    end = "" if fit["converged"] else "; it had not converged when its iterations ended"
    numbers = "TF-IDF of texts, and the same other numbers," if fit.get("texts") else "the same numbers"
    return f"a {kind} regression{of_log} on {numbers} of {rows}{end}"

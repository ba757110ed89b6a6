"""What a run that is over says of itself in sentences: what was kept, what its measures mean, which column may be the
answer in another form."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from chainrule.data.columns import option
from chainrule.data.series import Windows
from chainrule.data.tables import Table
from chainrule.experiments.alone import CERTAIN, are_bands, telling
from chainrule.experiments.filled_in import filled_in
from chainrule.experiments.verdicts import sentences
from chainrule.experiments.words import SIMPLE

if TYPE_CHECKING:
    from chainrule.experiments.experiment import Experiment
    from chainrule.training import History


def chosen_at_the_end(experiment: Experiment) -> list[str]:
    """What was tried, what was trained anew, what failed, and what was kept in place of the network."""
    fitted = experiment.fitted
    if fitted is None:
        return []
    kept = "" if fitted.kept is None else fitted.kept.why
    return [*filter(None, (fitted.tried, *fitted.remarks, kept))]


def conclusions(measured: dict[str, Any], experiment: Experiment, history: History) -> list[str]:
    """What the measures mean, and questions on columns that tell too much."""
    if isinstance(experiment.encoding, Windows):
        told = sentences_on_forecasts(measured, experiment.encoding, experiment.judged)
    else:
        n_test = len(experiment.splits.test)
        told = sentences(measured, experiment.target, history, experiment.settings, n_test)
    return [*told, *leaks(measured, experiment)]


def leaks(measured: dict[str, Any], experiment: Experiment) -> list[str]:
    """A question on each column that tells the target by itself: it may be the answer in another form."""
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


def _only_levels(column: str, part: float, table: Table, experiment: Experiment) -> bool:
    """Whether a category tells of values no more than how large they are in each, as shops do of what is sold."""
    from chainrule.data.cells import as_text

    Y, kind = experiment.Y, table.column(column).kind
    if experiment.target.labels is not None or Y.ndim > 1 or kind not in ("category", "yes_no") or part >= CERTAIN:
        return False
    return not are_bands(as_text(table.frame[column]).fill_null("").to_numpy(), Y)


def _advice(column: str, experiment: Experiment) -> tuple[str, str]:
    """The option that fits a column that tells too much, and the question before it."""
    codes = {code.column.name: code for code in getattr(experiment.encoding, "codes", ())}
    code = codes.get(column)
    if code is not None and code.column.kind == "date":
        return "time", "what comes later has other dates. To test on the future,"
    if code is not None and code.tokens:
        return "group", "will the same ones come again when you predict? If not,"
    return "ignore", "is it known when you predict? If not,"


def made_of(encoding: Windows, judged: bool) -> str:
    """How much of the network there is in the forecasts.

    Args:
        judged: whether that was found where the network was held out.
    """
    if not judged:
        return "all of what the network adds is taken, as --validation 0 leaves nothing to judge it by"
    if encoding.share == 0:
        return "the network adds nothing that held where it was held out: forecasts are what they are built upon"
    return f"{encoding.share:.0%} of what the network adds is taken, as fits best where it was held out"


ABOUT = 1.02
"""By so small a factor a mean absolute error tells little of which forecast is better."""


def sentences_on_forecasts(measured: dict[str, Any], encoding: Windows, judged: bool) -> list[str]:
    """What forecasts are made of, how wide their bands are, and whether simple ones are better."""
    bands = quantile_words(measured.get("quantiles", {}))
    return [made_of(encoding, judged), *bands, *filter(None, [worse_than(measured)])]


def worse_than(measured: dict[str, Any]) -> str:
    """That forecasts are worse than simple ones, by the mean absolute error, or nothing."""
    own = measured["test"]["mae"]
    better = {name: measured[name]["mae"] for name in SIMPLE if name in measured and measured[name]["mae"] < own}
    if not better:
        return ""
    named = " and ".join(f"{name} ({error:.4g})" for name, error in better.items())
    if own < ABOUT * min(better.values()):
        return f"the forecast is about as good as {named} by mae, {own:.4g}, which costs nothing"
    return (
        f"the forecast is worse than {named} by mae, {own:.4g}, though it was not where it was chosen: more rows, or "
        "another --window or --season, may help, and the simple forecast costs nothing"
    )


def quantile_words(quantiles: dict[str, Any]) -> list[str]:
    """How much of what came lay below each quantile, and between the outer ones; nothing where there are none."""
    if not quantiles:
        return []
    parts = [f"{share:.1%} lay below the quantile {q}" for q, share in quantiles["below"].items()]
    found = [f"of what came, {', '.join(parts)}"]
    if "between" in quantiles:
        low, high = quantiles["between"]["of"]
        due, share = high - low, quantiles["between"]["share"]
        found.append(f"between {low:g} and {high:g} lay {share:.1%}, and {due:.0%} should")
    return found
